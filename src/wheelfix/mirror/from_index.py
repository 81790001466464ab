"""Releases of another index, fixed and added to a mirror: what `mirror add --from-index` does."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from wheelfix.executors import Workers
from wheelfix.mirror.decide import NewWheel
from wheelfix.mirror.publish import Fixing, fix_into, loaded
from wheelfix.mirror.scratch import workshop
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.options import Limits, Naming, Policy, Publishing, Targets, listed
from wheelfix.progress import NO_PROGRESS, NoProgress, Progress, guarded
from wheelfix.results import Outcome, Published, PublishReport, Report
from wheelfix.upstream.urls import missing_extra, validate_url

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from wheelfix.rules.model import RuleSet
    from wheelfix.wheel.edits import Edit


def mirror_releases(
    mirror: MirrorLocation,
    index: str,
    requirements: Iterable[str] | str,
    rules: "RuleSet | Path | str | Sequence[Path | str] | None" = "gpu",
    *,
    targets: Targets = Targets(),
    all_versions: bool = False,
    publishing: Publishing = Publishing(),
    policy: Policy = Policy(),
    naming: Naming = Naming(),
    edits: "Iterable[Edit]" = (),
    repair: bool = False,
    sbom: bool = True,
    limits: Limits = Limits(),
    jobs: int = 1,
    executor: "Executor | None" = None,
    progress: Progress = NO_PROGRESS,
) -> tuple[Report, PublishReport]:
    """Download releases from the index at ``index``, fix their wheels by ``rules``, and add them to ``mirror``.

    Of each of ``requirements``, such as ``torch==2.7.0``, the newest release that fits is downloaded, or, with
    ``all_versions``, every release that fits: its wheels for ``targets``. Downloads are checked by their sha256, and resumed
    where they were interrupted; the ``source`` of what is returned is their name. Wheels that were added or refused before,
    by the same rules and options, are not downloaded again. Downloads, pauses for a busy server, each wheel that is fixed,
    and each file that is published are reported to ``progress``.

    Upload times and yanks are copied from the index with each run, for fixed wheels too; see
    :func:`wheelfix.mirror.follow.follow_index`. Extras are not followed.

    Every requirement and every wheel is handled independently: what cannot be downloaded, or is refused, is the ``problem``
    of a file, and the others are published.

    All else is as for :func:`wheelfix.fix_into_mirror`. Credentials come from a netrc file or keyring.

    :raises MirrorError: if a requirement or the URL of the index cannot be read.
    :raises RulesError: if the rules have findings.
    :raises ValueError: if ``jobs`` is less than one.
    """
    try:
        from wheelfix.mirror.fetch import Conditions, Fetcher  # imported late: only the extra "index" installs what it needs
        from wheelfix.upstream.http import open_session
        from wheelfix.upstream.selection import read_requirement
    except ImportError as error:
        raise missing_extra(error) from error
    fixing = Fixing(
        rules=loaded(rules), policy=policy, naming=naming, edits=tuple(edits), repair=repair, sbom=sbom,
        workers=Workers(jobs, executor),
    )  # fmt: skip
    names, progress = [*dict.fromkeys(listed(requirements))], guarded(progress)
    validate_url(index)
    for name in names:
        read_requirement(name, extras=True)
    session = open_session(limits, progress)  # refuses limits that cannot be meant before a mirror is created
    store = open_store(mirror, create=True)
    conditions = Conditions(
        rules=fixing.identity,
        yank_original=publishing.yank_original is not None,
        allow_mixed=publishing.allow_mixed or policy.allow_mixed,
    )
    with workshop(store.scratch()) as work:
        fetcher = Fetcher(session, index, store, work, conditions, limits, progress)
        for name in names:
            fetcher.choose(name, targets, all_versions=all_versions)
        fetcher.obtain()
        wheels = [NewWheel(path=path, upstream=upstream) for path, upstream in fetcher.upstream.items()]
        report, published = fix_into(store, wheels, fixing, publishing, limits=limits, progress=_ByName(progress))
        files = fetcher.settle(report, published)
    return replace(report, outcomes=tuple(map(_by_name, report.outcomes))), replace(published, files=files)


class _ByName(NoProgress):
    """Passes on what became of each wheel and file, under the name of what was downloaded: its path is gone by then.

    What is read to fix it is not: the bytes of a run are those of its downloads.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def wheel_done(self, outcome: Outcome) -> None:
        """Pass it on."""
        self._progress.wheel_done(_by_name(outcome))

    def file_published(self, published: Published) -> None:
        """Pass it on."""
        source = published.source and Path(published.source.name)
        self._progress.file_published(replace(published, source=source))


def _by_name(outcome: Outcome) -> Outcome:
    return replace(outcome, source=Path(outcome.source.name))
