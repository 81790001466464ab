"""Fixes wheels and adds them to a mirror in one step."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import asdict, replace as changed

from wheelfix.executors import Workers
from wheelfix.fix.batch import fix_wheels
from wheelfix.mirror.decide import NewWheel
from wheelfix.mirror.follow import upstream_file
from wheelfix.mirror.project import Request
from wheelfix.mirror.scratch import workshop
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.upload import add_new_wheels
from wheelfix.options import Limits, Naming, Output, Policy, Publishing, Transfer, listed, local_paths
from wheelfix.progress import NO_PROGRESS, NoProgress, Progress
from wheelfix.results import Outcome, Published, PublishReport, Report

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from wheelfix.rules.model import RuleSet
    from wheelfix.upstream.inputs import Listing
    from wheelfix.wheel.edits import Edit


REPAIR: Final = "repair"
"""The word of an identity that says that wheels are repaired."""


class Fixing(Struct, frozen=True, kw_only=True):
    """How wheels are fixed on their way into a mirror; see :func:`wheelfix.fix_wheels`.

    ``usual`` is how the page says that a wheel was fixed, where that is another way: one without the build tag of this run.
    """

    rules: "RuleSet | None"
    policy: Policy = Policy()
    naming: Naming = Naming()
    edits: "tuple[Edit, ...]" = ()
    repair: bool = False
    sbom: bool = True
    workers: Workers = Workers()
    usual: "Fixing | None" = None

    @property
    def identity(self) -> str | None:
        """What identifies the rules and all options that change what becomes of a wheel.

        That is the digest of the rules (hexadecimal), ``none`` without any, and then the options that are not as by default:
        one that a later wheelfix adds changes nothing. Without rules and options it is ``None``.
        """
        rules = self.rules.digest if self.rules else None
        policy = changed(self.policy, allow_mixed=False)
        naming = changed(self.naming, beside=())  # what else a source has changes from day to day
        options = [*_chosen(policy), *_chosen(naming)]
        if self.edits:
            options.append(f"edits={hashlib.sha256(repr(self.edits).encode()).hexdigest()}")
        options += [name for name, given in ((REPAIR, self.repair), ("no_sbom", not self.sbom)) if given]
        return " ".join([rules or "none", *options]) if options else rules

    @property
    def checked_by(self) -> str | None:
        """What the page records of a wheel that was fixed like this."""
        return (self.usual or self).identity

    def fix(self, wheels: Sequence[Path], directory: Path, progress: Progress) -> Report:
        """Fix ``wheels`` into ``directory``."""
        return fix_wheels(
            wheels, self.rules, output=Output(directory=directory, sbom=self.sbom), policy=self.policy, naming=self.naming,
            edits=self.edits, repair=self.repair, jobs=self.workers.jobs, executor=self.workers.executor, progress=progress,
        )  # fmt: skip


def _chosen(options: Policy | Naming) -> list[str]:
    """Return the fields of ``options`` that have another value than by default."""
    usual = type(options)()
    return [f"{name}={value}" for name, value in asdict(options).items() if value != getattr(usual, name)]


def fix_into_mirror(
    mirror: MirrorLocation,
    paths: Iterable[Path | str] | Path | str,
    rules: "RuleSet | Path | str | Sequence[Path | str] | None" = "gpu",
    *,
    publishing: Publishing = Publishing(),
    policy: Policy = Policy(),
    naming: Naming = Naming(),
    edits: "Iterable[Edit]" = (),
    repair: bool = False,
    sbom: bool = True,
    upstream: "Mapping[Path, Listing] | None" = None,
    limits: Limits = Limits(),
    jobs: int = 1,
    executor: "Executor | None" = None,
    progress: Progress = NO_PROGRESS,
) -> tuple[Report, PublishReport]:
    """Fix wheels and add all of them, also those that need no change, to ``mirror``.

    Wheels are fixed as by :func:`wheelfix.fix_wheels`, with provenance unless ``sbom`` is false, and added as by
    :func:`wheelfix.add_wheels`; the wheels that were given are the originals. ``upstream`` is what an index says of some of
    them (:attr:`wheelfix.FetchedWheels.upstream`): their upload times and yanks are copied. A wheel that is refused or fails
    is not added. The ``output`` of an outcome is its file in the mirror, if that is a directory. ``progress`` is called for
    each wheel as it is fixed, and then for the files of each project as they are published.

    :raises RulesError: if the rules have findings; nothing was done then.
    :raises ValueError: if ``jobs`` is less than one.
    :raises MirrorError: if the directory is not a mirror, and not empty.
    :raises OSError: if the mirror cannot be written to.
    """
    fixing = Fixing(
        rules=loaded(rules), policy=policy, naming=naming, edits=tuple(edits), repair=repair, sbom=sbom,
        workers=Workers(jobs, executor),
    )  # fmt: skip
    known = {path: upstream_file(each.index, each.file) for path, each in (upstream or {}).items()}
    wheels = [NewWheel(path=path, upstream=known.get(path)) for path in local_paths(paths)]
    return fix_into(open_store(mirror, create=True), wheels, fixing, publishing, limits=limits, progress=progress)


def loaded(rules: "RuleSet | Path | str | Sequence[Path | str] | None") -> "RuleSet | None":
    """Return the rule set that ``rules`` name, ``None`` where there are none.

    :raises RulesError: if they have findings.
    """
    from wheelfix.rules.load import load_rules  # imported late, as everywhere where rules are optional
    from wheelfix.rules.model import RuleSet

    return rules if rules is None or isinstance(rules, RuleSet) else load_rules(*listed(rules))


def fix_into(
    store: Store, given: Sequence[NewWheel], fixing: Fixing, publishing: Publishing, *, limits: Limits, progress: Progress
) -> tuple[Report, PublishReport]:
    """Fix the wheels ``given`` and add them to the mirror in ``store``; see :func:`fix_into_mirror`."""
    with workshop(store.scratch()) as made:
        report = fixing.fix([each.path for each in given], made, progress)
        known = {each.path: each for each in given}
        new = {outcome.output: outcome for outcome in report.outcomes if outcome.output is not None}
        wheels = [
            changed(known[each.source], path=path, sha256=each.output_sha256, rules=fixing.checked_by, outcome=each)
            for path, each in new.items()
        ]
        allow_mixed = publishing.allow_mixed or fixing.policy.allow_mixed
        publishing = changed(publishing, allow_mixed=allow_mixed, transfer=Transfer.MOVE)
        request = Request(publishing=publishing, originals=given, limits=limits, workers=fixing.workers)
        published = add_new_wheels(store, wheels, request, _FromSource(progress, new))
    files = tuple(_from_source(each, new) for each in published.files)
    paths = dict(zip(new, (each.path for each in published.files), strict=False))  # originals come after them
    outcomes = tuple(_in_mirror(each, paths, store) for each in report.outcomes)
    return changed(report, outcomes=outcomes), changed(published, files=files)


class _FromSource(NoProgress):
    """Passes on what becomes of each file, under the wheel that was given."""

    def __init__(self, progress: Progress, made: Mapping[Path, Outcome]) -> None:
        self._progress = progress
        self._made = made

    def file_published(self, published: Published) -> None:
        """Pass it on."""
        self._progress.file_published(_from_source(published, self._made))


def _from_source(file: Published, new: Mapping[Path, Outcome]) -> Published:
    """Return ``file`` with the wheel that was given as its source, not the one that was made from it."""
    made = new.get(file.source) if file.source else None
    return changed(file, source=made.source) if made else file


def _in_mirror(outcome: Outcome, paths: Mapping[Path, str | None], store: Store) -> Outcome:
    """Return ``outcome`` with the file in the mirror as its output, ``None`` where it is not listed, or no local file."""
    path = paths.get(outcome.output) if outcome.output else None
    place = store.location / path if path else None
    return changed(outcome, output=place if isinstance(place, Path) else None)
