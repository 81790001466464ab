"""Wheels are corrected and added to a mirror in one step; nobody sees what lies between."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wheelfix.fix.batch import fix_wheels
from wheelfix.mirror.decide import NewWheel
from wheelfix.mirror.follow import UpstreamFile
from wheelfix.mirror.scratch import workshop
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.upload import Request, add_new_wheels
from wheelfix.options import Naming, Output, Policy, Publishing, Transfer, listed
from wheelfix.progress import NoProgress
from wheelfix.results import Outcome, Published, PublishReport, Report

if TYPE_CHECKING:
    from wheelfix.rules.model import RuleSet

_WHERE: Final = {"output_dir", "in_place", "overwrite", "dry_run"}
_OF_MIRROR: Final = {"replace", "yank_original"}
"""Options that are not those of ``fix_wheels``."""
_DEFAULTS: Final = {
    "scan": "auto",
    "allow_unproven": False,
    "skip_gpu_builds": False,
    "skip_unproven": False,
    "force": False,
    "local": None,
    "build_tag": None,
    "sbom": True,
    "repair": False,
    "edits": (),
}
"""The options that change what becomes of a wheel, and what they are where nobody says otherwise."""


def fix_into_mirror(
    mirror: Path | str,
    paths: Iterable[Path | str] | Path | str,
    rules: "RuleSet | Path | str | Sequence[Path | str] | None" = "gpu",
    *,
    replace: bool = False,
    yank_original: str | None = None,
    allow_mixed: bool = False,
    timeout: float = 600,
    on_outcome: Callable[[Outcome], None] | None = None,
    **options: Any,
) -> tuple[Report, PublishReport]:
    """Correct wheels and add all of them, also those that need no change, to the mirror in the folder ``mirror``.

    ``options`` are those of :func:`wheelfix.fix_wheels`, but for where results go. ``replace``, ``yank_original`` and
    ``timeout`` are those of :func:`wheelfix.add_wheels`; the wheels that were given are the originals. A wheel that is
    refused or fails is not added. The ``output`` of an outcome is its file in the mirror.

    :raises RulesError: if the rules have faults; nothing was done then.
    :raises EditError: if an option cannot be part of a file name.
    :raises ValueError: if options contradict each other, or one is for where results go.
    :raises TypeError: if there is no such option.
    :raises MirrorError: if the folder is no mirror, and holds other things.
    :raises OSError: if the mirror cannot be written to.
    """
    options |= {"replace": replace, "yank_original": yank_original, "allow_mixed": allow_mixed}
    check_options(rules, options)
    given = [Path(path) for path in listed(paths)]
    options["timeout"] = timeout
    return correct_into(open_store(mirror, create=True), given, rules, on_outcome=on_outcome, **options)


def check_options(rules: "RuleSet | Path | str | Sequence[Path | str] | None", options: dict[str, Any]) -> None:
    """Confirm that ``rules`` and ``options`` can be carried out, before anything is written or downloaded.

    ``options`` are those of :func:`fix_into_mirror`; edits that can be read only once become a list.

    :raises Exception: what :func:`fix_into_mirror` raises.
    """
    for name in _WHERE & options.keys():
        raise ValueError(f"{name} is for fix_wheels: results go into the mirror")
    options["edits"] = tuple(options.get("edits", ()))
    rest = {name: value for name, value in options.items() if name not in _OF_MIRROR}
    fix_wheels((), rules, **_as_values(rest, Output(dry_run=True)))


_OF_POLICY: Final = {each.name for each in fields(Policy)}
_OF_NAMING: Final = {each.name for each in fields(Naming)}


def _as_values(options: dict[str, Any], output: Output) -> dict[str, Any]:
    """Return ``options`` as :func:`wheelfix.fix_wheels` takes them."""
    policy = {name: value for name, value in options.items() if name in _OF_POLICY}
    naming = {name: value for name, value in options.items() if name in _OF_NAMING}
    rest = {name: value for name, value in options.items() if name not in (*policy, *naming, "sbom")}
    values: dict[str, Any] = {"policy": Policy(**policy)} if policy else {}
    values |= {"naming": Naming(**naming)} if naming else {}
    return {"output": changed(output, sbom=options.get("sbom", True)), **values, **rest}


class _Outcomes(NoProgress):
    """Calls ``on_outcome`` with each outcome."""

    def __init__(self, on_outcome: Callable[[Outcome], None]) -> None:
        self._on_outcome = on_outcome

    def wheel_done(self, outcome: Outcome) -> None:
        """Call it."""
        self._on_outcome(outcome)


def decided_by(rules: str | None, options: Mapping[str, Any]) -> str | None:
    """Return what identifies ``rules`` and those of ``options`` that change what becomes of a wheel (hexadecimal)."""
    given = {name: str(options[name]) for name, usual in _DEFAULTS.items() if options.get(name, usual) != usual}
    return hashlib.sha256(json.dumps([rules, given], sort_keys=True).encode()).hexdigest() if given else rules


def correct_into(
    store: Store,
    given: list[Path],
    rules: "RuleSet | Path | str | Sequence[Path | str] | None",
    *,
    upstream: Mapping[Path, UpstreamFile] | None = None,
    replace: bool = False,
    yank_original: str | None = None,
    allow_mixed: bool = False,
    timeout: float = 600,
    on_outcome: Callable[[Outcome], None] | None = None,
    **options: Any,
) -> tuple[Report, PublishReport]:
    """Correct wheels and add them; ``upstream`` is what an index says of those of ``given`` that were taken from there.

    All else is that of :func:`fix_into_mirror`.
    """
    said = upstream or {}
    with workshop(store.scratch()) as made:
        values = _as_values({**options, "allow_mixed": allow_mixed}, Output(directory=made))
        if on_outcome:
            values["progress"] = _Outcomes(on_outcome)
        report = fix_wheels(given, rules, **values)
        sources = {each.output: each.source for each in report.outcomes if each.output is not None}
        sums = {each.output: each.output_sha256 for each in report.outcomes if each.output and each.output_sha256}
        applied = decided_by(_digest(rules), options)
        wheels = [
            NewWheel(path=output, sha256=sums.get(output), upstream=said.get(source), rules=applied)
            for output, source in sources.items()
        ]
        originals = [NewWheel(path=path, upstream=said.get(path)) for path in given]
        publishing = Publishing(
            replace=replace, yank_original=yank_original, allow_mixed=allow_mixed, transfer=Transfer.MOVE
        )
        published = add_new_wheels(store, wheels, Request(publishing=publishing, originals=originals, timeout=timeout))
    files = tuple(
        changed(each, source=sources.get(each.source, each.source)) if each.source else each for each in published.files
    )
    places = dict(zip(sources, published.files, strict=False))
    outcomes = tuple(
        changed(each, output=_place(store, places.get(each.output))) if each.output else each for each in report.outcomes
    )
    return changed(report, outcomes=outcomes), changed(published, files=files)


def _digest(rules: "RuleSet | Path | str | Sequence[Path | str] | None") -> str | None:
    """Return what identifies ``rules``, ``None`` where there are none."""
    from wheelfix.rules.load import load_rules  # imported late, as everywhere where rules are optional
    from wheelfix.rules.model import RuleSet

    if rules is None or isinstance(rules, RuleSet):
        return rules.digest if rules else None
    return load_rules(*listed(rules)).digest


def _place(store: Store, published: Published | None) -> Path | None:
    return None if published is None or published.path is None else Path(store.name) / published.path
