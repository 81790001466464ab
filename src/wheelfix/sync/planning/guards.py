"""What stops a sync before it changes anything: a plan that removes too much, or too little space for what it adds."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from wheelfix.errors import MirrorError
from wheelfix.mirror.storage.base import Store
from wheelfix.results import Finding, Severity
from wheelfix.sync.model import PlannedFile, SyncPlan
from wheelfix.sync.planning.removals import lost_files
from wheelfix.text import counted, shown, shown_few, shown_size

_MOST: Final = 3
"""A plan may take one file of so many that are served."""
_RESERVE: Final = 1 << 26
"""In bytes: what pages, journals and everybody else need besides the wheels."""


def refuse_removals(plan: SyncPlan, *, allow_removals: bool = False, goes_back: bool = False) -> None:
    """Confirm that ``plan`` takes no more than a third of what is served, and leaves something of each source.

    Old releases that make room for new ones do not count, nor does what an index has yanked: see
    :func:`wheelfix.sync.planning.removals.lost_files`.

    :raises MirrorError: if it takes more, unless that is allowed.
    """
    if allow_removals:
        return
    lost = lost_files(plan.files, goes_back=goes_back)
    hint = "Run with --check to see the plan, and with --allow-removals if it is what you want."
    if plan.emptied:
        names = shown_few(plan.emptied)
        raise MirrorError(
            "too-many-removals",
            f"nothing would be left of {'source' if len(plan.emptied) == 1 else 'the sources'} {names}",
            reason=f"{_counts(lost, plan)}; does another manifest fill this mirror?",
            hint=hint,
        )
    if len(lost) * _MOST > plan.served:
        raise MirrorError(
            "too-many-removals",
            "the plan would yank or remove more than a third of what the mirror serves",
            reason=_counts(lost, plan),
            hint=hint,
        )


def warning_of(check: Callable[[], None], hint: str = "") -> tuple[Finding, ...]:
    """Return, for a run that only looks, the warning that ``check`` would stop the real one; ``hint`` says what to do."""
    try:
        check()
    except MirrorError as error:
        message = f"a sync would stop here: {error.message}: {error.reason}"
        return (Finding(error.code, Severity.WARNING, "", message, hint=hint or error.hint),)
    return ()


def removal_warnings(plan: SyncPlan, *, allow_removals: bool = False, goes_back: bool = False) -> tuple[Finding, ...]:
    """Return the warning that :func:`refuse_removals` would stop a run that does not only look."""
    return warning_of(
        lambda: refuse_removals(plan, allow_removals=allow_removals, goes_back=goes_back),
        "If it is what you want, sync with --allow-removals.",
    )


def _counts(lost: list[PlannedFile], plan: SyncPlan) -> str:
    projects = Counter(each.project for each in lost)
    names = shown_few([f"{project} ({count})" for project, count in projects.most_common()])
    return f"{len(lost)} of {counted(plan.served, 'file')} would be yanked or removed{f': {names}' if lost else ''}"


def refuse_lack_of_space(store: Store, added: Iterable[PlannedFile], at_once: int) -> None:
    """Confirm that there is space for the files that are ``added``, and for the work on ``at_once`` releases.

    What a release is made from and what is made of it lie in the scratch directory together. What nobody says a size of
    counts as nothing. In a bucket only the work takes space of this machine.

    :raises MirrorError: if there is less.
    """
    releases, unknown = Counter[tuple[str, str]](), 0
    for each in added:
        releases[each.project, each.version] += each.size or 0
        unknown += each.size is None
    if not releases.total():
        return
    work = 2 * sum(size for _, size in releases.most_common(at_once))
    places = [(store.scratch(), work)] + [(_path_of(store), releases.total())] * (not store.is_shared)
    needed: dict[int, tuple[Path, int]] = {}
    for path, size in places:
        there = _existing(path)
        device = there.stat().st_dev
        needed[device] = there, needed.get(device, (there, 0))[1] + size
    for path, size in needed.values():
        _check(path, size + _RESERVE, unknown)


def _path_of(store: Store) -> Path:
    return Path(str(store.location))


def _existing(path: Path) -> Path:
    """Return ``path``, or the first directory above it that exists."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())


def _check(path: Path, needed: int, unknown: int) -> None:
    free = shutil.disk_usage(path).free
    if needed <= free:
        return
    more = f"; the size of {counted(unknown, 'more file')} is not known" if unknown else ""
    raise MirrorError(
        "no-space",
        f"there is not enough space in {shown(str(path))}",
        reason=f"the sync needs {shown_size(needed)}, and {shown_size(free)} are free{more}",
        hint="Free some space, or narrow the manifest. Nothing was downloaded.",
    )
