"""Statements about wheels of more than a thousand kinds, held against pip, uv, installer and a model of PyPI.

What ``verify`` calls free of errors is taken by all of them; what a correction writes is taken by whoever took the
original. Where PyPI writes to the owners instead of refusing, ``verify`` has a finding at least. The default run tries a
part of the wheels, the slow one all.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct, field

import wheelfix
from ambiguous import constructions
from installers import READERS, refusal
from kinds import Sample, samples, single
from parts import PARTS, chosen_parts
from warehouse import metadata_complaints, record_mismatch
from wheelfix import Match, Report, Rule, RuleSet, Severity, Status, rule_set

PAIRS: Final = 700
DAMAGED: Final = 300
DEFAULT: Final = 120
DISPUTED: Final[Mapping[str, str]] = {
    "PyPI, fields: metadata_version 2.6 is not supported": "PEP 808 is accepted, so that PyPI will take it",
}
"""Where others refuse what ``verify`` has nothing against, and why."""
AHEAD: Final = frozenset({"filename-variant"})
"""Notes that a wheel is ahead of its time: today's tools know nothing of the draft of variants (PEP 817, PEP 825)."""


def _rules() -> RuleSet:
    """Return rules of a user's own, which drop what has no evidence either way, too."""
    drop = Rule(id="gpu", reason="to change something", match=Match(name=("nvidia-*", "triton")), action="drop")
    return rule_set("own", [drop])


CORRECTIONS: Final[dict[str, Callable[[Path, Path], Report]]] = {
    "fix": lambda path, output: wheelfix.fix_wheels(path, _rules(), output=output),
    "fix --local": lambda path, output: wheelfix.fix_wheels(
        path, _rules(), output=output, naming=wheelfix.Naming(local="own")
    ),
    "fix --build-tag": lambda path, output: wheelfix.fix_wheels(
        path, _rules(), output=output, naming=wheelfix.Naming(build_tag="7x")
    ),
    "fix --repair": lambda path, output: wheelfix.fix_wheels(path, _rules(), output=output, repair=True),
    "repair": lambda path, output: wheelfix.repair_wheels(path, output=output),
    "repair --trust-content": lambda path, output: wheelfix.repair_wheels(path, output=output, trust_content=True),
}


class Tally(Struct):
    """What came of a number of samples: the disagreements, and how many there were of whatever a test must have tried."""

    counts: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)

    def add(self, sample: Sample, folder: Path, corrections: Iterable[str]) -> None:
        """Hold the statements against one sample; ``folder`` is its own."""
        name, data = sample.make()
        path = folder / name
        path.write_bytes(data)
        findings = wheelfix.verify_wheels(path).wheels[0].findings
        if not any(each.severity is Severity.ERROR or each.code in AHEAD for each in findings):
            self.counts["free of errors"] += 1
            refusals = {reader: refusal(reader, path) for reader in READERS}
            self._note(sample.kind, "has no error", refusals)
            if not any(refusals.values()):
                self._note(sample.kind, "has no error", {"PyPI, fields": "; ".join(metadata_complaints(path))})
                if not findings:
                    self._note(sample.kind, "has no finding", {"PyPI, mail": record_mismatch(path)})
        for correction in corrections:
            [outcome] = CORRECTIONS[correction](path, folder / correction).outcomes
            if outcome.status is Status.FIXED and outcome.output:
                self.counts[correction] += 1
                after = {reader: text for reader in READERS if (text := refusal(reader, outcome.output))}
                self._note(
                    sample.kind, correction, {reader: text for reader, text in after.items() if not refusal(reader, path)}
                )

    def _note(self, kind: str, what: str, refusals: Mapping[str, str]) -> None:
        for reader, text in refusals.items():
            if text and f"{reader}: {text}" not in DISPUTED:
                self.disagreements.append(f"{kind}: {what}: {reader}: {text}")


@cache
def _all() -> list[Sample]:
    return list(samples(PAIRS, DAMAGED))


def _tried(chosen: Iterable[tuple[Sample, Iterable[str]]], folder: Path) -> Tally:
    tally = Tally()
    for number, (sample, corrections) in enumerate(chosen):
        own = folder / str(number)
        own.mkdir()
        tally.add(sample, own, corrections)
        shutil.rmtree(own)
    return tally


def test_there_are_enough_wheels() -> None:
    assert len(_all()) >= 2_000
    assert len(single()) >= 100


def test_of_a_part_of_the_wheels(tmp_path: Path) -> None:
    """Every so many of all samples, each with one of the corrections in turn."""
    chosen = _all()[:: len(_all()) // DEFAULT]
    tally = _tried(zip(chosen, ([each] for each in cycle(CORRECTIONS)), strict=False), tmp_path)
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.counts["free of errors"] > DEFAULT // 4, tally.counts
    assert all(tally.counts[correction] >= 3 for correction in CORRECTIONS), tally.counts


def test_of_a_part_of_the_archives_that_readers_read_differently(tmp_path: Path) -> None:
    chosen = [*constructions()][:: 10 * PARTS]
    tally = _tried(((sample, ["fix"]) for sample in chosen), tmp_path)
    assert not tally.disagreements, "\n".join(tally.disagreements)


@pytest.mark.slow
@pytest.mark.parametrize("part", chosen_parts())
def test_of_all_wheels(part: int, tmp_path: Path) -> None:
    """Each sample with two of the corrections, which take turns."""
    pairs = cycle(zip(CORRECTIONS, [*CORRECTIONS][1:] + [*CORRECTIONS][:1], strict=True))
    tally = _tried(zip(_all()[part::PARTS], pairs, strict=False), tmp_path)
    assert not tally.disagreements, "\n".join(tally.disagreements)
    assert tally.counts["free of errors"] > len(_all()) // PARTS // 20, tally.counts
    assert all(tally.counts[each] > len(_all()) // PARTS // 60 for each in CORRECTIONS), tally.counts


@pytest.mark.slow
@pytest.mark.parametrize("part", chosen_parts())
def test_of_all_archives_that_readers_read_differently(part: int, tmp_path: Path) -> None:
    """Each with one of two corrections in turn."""
    tally = _tried(zip([*constructions()][part::PARTS], cycle((["fix"], ["repair"])), strict=False), tmp_path)
    assert not tally.disagreements, "\n".join(tally.disagreements)
