"""Verdicts on 113 real wheels that were labelled by hand: run with ``pytest -m real``, as test_real_wheels.py says.

Those of 30 MB and more are tried where they lie in that directory already.
"""

import os
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct

from downloading import downloaded_file
from wheelfix import Change, Outcome, Status, Verdict, fix_wheels
from wheelfix.options import Output

pytestmark = pytest.mark.real

_SMALL: Final = 30
"""Megabytes."""


class Labelled(Struct, frozen=True):
    """A real wheel of ``size`` megabytes, ``None`` where PyPI has it not, and what dropping each requirement would be."""

    project: str
    size: int | None
    filename: str
    labels: tuple[tuple[str, str], ...]


def labelled() -> list[Labelled]:
    """Return the wheels of ``labels.tsv``."""
    found: list[Labelled] = []
    for line in Path(__file__).with_name("labels.tsv").read_text("utf-8").splitlines():
        match line.split("\t"):
            case ["", label, requirement]:
                last = found.pop()
                found.append(Labelled(last.project, last.size, last.filename, (*last.labels, (label, requirement))))
            case [project, _, size, filename]:
                found.append(Labelled(project, None if size == "-" else int(size), filename, ()))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that holds the downloads."""
    given = os.environ.get("TEST_REAL_WHEELS")
    found = Path(given) / "labelled" if given else tmp_path_factory.mktemp("labelled")
    found.mkdir(parents=True, exist_ok=True)
    return found


def test_there_are_labels_of_every_kind() -> None:
    labels = [label for wheel in labelled() for label, _ in wheel.labels]
    assert len(labels) == 318
    assert {*labels} == {"safe", "unsafe", "unknown", "other"}


@pytest.mark.parametrize("wheel", labelled(), ids=lambda wheel: wheel.filename)
def test_strip_gpu_agrees_with_the_labels(wheel: Labelled, folder: Path) -> None:
    """Unsafe, unknown or no GPU requirement: not dropped. Safe: dropped, or kept by a rule that says why."""
    if not (folder / wheel.filename).exists() and (wheel.size is None or wheel.size >= _SMALL):
        pytest.skip("not downloaded")
    path = downloaded_file(wheel.project, wheel.filename, folder)
    [outcome] = fix_wheels([path], output=Output(dry_run=True)).outcomes
    assert outcome.status is not Status.FAILED
    assert [each for label, text in wheel.labels if (each := _disagreement(label, text, outcome))] == []


def _disagreement(label: str, requirement: str, outcome: Outcome) -> str:
    """Return how the outcome and a label disagree, empty if they agree."""
    [*weighed] = (each for each in outcome.changes if _same(each, requirement))
    if label != "safe":
        dropped = outcome.status is Status.FIXED and weighed
        called_safe = any(each.verdict is Verdict.SAFE for each in weighed)
        return f"{label}, and dropped as safe: {requirement}" if dropped or called_safe else ""
    if any(each.rule and each.reason for each in outcome.kept if _same(each, requirement)):
        return ""
    if not weighed:
        return f"safe, and left without a word: {requirement}"
    return "" if all(each.verdict is Verdict.SAFE for each in weighed) else f"safe, and not called so: {requirement}"


def _same(change: Change, requirement: str) -> bool:
    return change.field == "Requires-Dist" and "".join((change.before or "").split()) == "".join(requirement.split())
