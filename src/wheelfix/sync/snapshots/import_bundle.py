"""Imports a bundle into a mirror: to the mirror that imports, the one that exported is what an index is to others.

Files are added by the rules of ``wheelfix mirror add``. Of files that both have, yanks and upload times are taken over, and
what the other mirror lists no longer is yanked, never deleted; what was decided here is kept.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from wheelfix.errors import MirrorError
from wheelfix.executors import Workers
from wheelfix.mirror.change import change_page
from wheelfix.mirror.decide import NewWheel
from wheelfix.mirror.follow import UpstreamFile, removed, with_upstream
from wheelfix.mirror.layout import FILES
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.project import Request
from wheelfix.mirror.repository import load_page, load_root
from wheelfix.mirror.scratch import workshop
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.mirror.storage.base import Store, is_of_page
from wheelfix.mirror.upload import add_new_wheels
from wheelfix.options import Limits, Publishing, Transfer
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.results import Problem, Published, PublishReport, PublishStatus, failure
from wheelfix.sync.snapshots.bundle import Bundle, name_in_bundle, read_bundle
from wheelfix.sync.snapshots.snapshot import SnapshotFile, SnapshotProject
from wheelfix.text import counted, cut, shown, shown_few
from wheelfix.upstream.saving import require_space

_COMMAND: Final = "mirror import"
_MOST: Final = 3
"""A bundle may yank one file of so many."""


def import_bundle(
    mirror: MirrorLocation,
    bundle: Path | str,
    *,
    publishing: Publishing = Publishing(),
    allow_removals: bool = False,
    limits: Limits = Limits(),
    jobs: int = 1,
    progress: Progress = NO_PROGRESS,
) -> PublishReport:
    """Add the files of ``bundle`` to a mirror, which is made if need be, and return what became of each.

    The whole bundle is checked before anything is written. ``publishing`` says what becomes of files that the mirror has
    with other bytes. A file that the other mirror lists, and that neither the bundle nor this mirror has, is a problem:
    a bundle before this one was not imported. A bundle that yanks more than a third of what came from the other mirror, as
    that no longer lists it, is not imported, unless with ``allow_removals``.

    :raises MirrorError: if the bundle is damaged, or the mirror is, or it yanks too much; nothing was done then.
    :raises OSError: if the bundle cannot be read.
    """
    progress = guarded(progress)
    read = read_bundle(bundle, progress)
    store = open_store(mirror, create=True)
    before = read.since.by_project if read.since else {}
    listed = load_root(store)
    done: list[Published] = []
    projects = [
        read.lock.by_project.get(name) or SnapshotProject(name, None, ())
        for name in sorted({*read.lock.by_project, *(before.keys() & listed)})
    ]
    if not allow_removals:
        _refuse_removals(store, read, [each for each in projects if each.name in listed])
    for project in projects:
        request = Request(publishing=replace(publishing, transfer=Transfer.MOVE), limits=limits, workers=Workers(jobs))
        done += _project(store, read, project, before.get(project.name), request, progress)
    return PublishReport(_COMMAND, store.location, tuple(done))


def _refuse_removals(store: Store, bundle: Bundle, projects: Iterable[SnapshotProject]) -> None:
    """Confirm that ``bundle`` yanks no more than a third of the files of ``projects`` that came from the other mirror.

    :raises MirrorError: if it yanks more, or nobody answers.
    """
    before = bundle.since.by_project if bundle.since else {}
    lost, served = list[str](), 0
    for project in projects:
        gone = _gone(project, before.get(project.name), bundle.lock.mirror)
        indexes = {*gone.values(), *(upstream_of(each, bundle.lock.mirror).index for each in project.files)}
        try:
            page = load_page(store, project.name)
        except MirrorError as error:
            if not is_of_page(error):  # it is reported with its project
                raise
            continue
        there = [each for each in page.files if each.yanked is None and each.source is None]
        served += sum(each.upstream in indexes for each in there)
        lost += [each.filename for each in there if each.upstream is not None and each.upstream == gone.get(each.sha256)]
    if len(lost) * _MOST > served:
        raise MirrorError(
            "too-many-removals",
            "the bundle would yank more than a third of what came from the other mirror",
            reason=f"{len(lost)} of {counted(served, 'file')} would be yanked: {shown_few(lost)}",
            hint="If it is what you want, import it with --allow-removals.",
        )


def _project(
    store: Store,
    bundle: Bundle,
    project: SnapshotProject,
    before: SnapshotProject | None,
    request: Request,
    progress: Progress,
) -> list[Published]:
    """Add the files of one project, and take over what the other mirror says of those that are here."""
    added: list[Published] = []
    try:
        there = _there(store, project.name)
        wanted = [each for each in project.files if each.sha256 not in there]
        added = _add(store, bundle, project, wanted, request, progress)
        gone = _gone(project, before, bundle.lock.mirror)
        changed = _follow(store, bundle, project, gone, request.limits, {each.sha256 or "" for each in added})
    except (MirrorError, OSError) as error:
        problem = failure(bundle.path, error).problem
        return [*added, Published(None, PublishStatus.FAILED, project.name, project.name, problem=problem)]
    for each in changed:
        progress.file_published(each)
    missing = (each for each in wanted if name_in_bundle(project.name, each) not in bundle.members)
    return [*added, *changed, *(_missing(bundle, project.name, each) for each in missing)]


def _there(store: Store, project: str) -> set[str]:
    """Return the sha256 of the files that the page of ``project`` lists, and that are there with their size."""
    page, heads = load_page(store, project), dict(store.heads(f"{FILES}/{project}"))
    sizes = {key: head.size for key, head in heads.items()}
    return {each.sha256 for each in page.files if sizes.get(page.key(each) or "") == each.size}


def _add(
    store: Store,
    bundle: Bundle,
    project: SnapshotProject,
    wanted: list[SnapshotFile],
    request: Request,
    progress: Progress,
) -> list[Published]:
    """Add those of ``wanted`` that are in the bundle."""
    names = {name: each for each in wanted if (name := name_in_bundle(project.name, each)) in bundle.members}
    if not names:
        return []
    originals = {each.original.sha256 for each in project.files if each.original}
    with workshop(store.scratch()) as work:
        require_space(work, sum(each.size for each in names.values()), bundle.path.name)
        wheels = []
        for number, (name, each) in enumerate(names.items()):
            directory = work / str(number)  # each has one of its own: names of wheels that differ can mean the same file
            directory.mkdir()
            bundle.copy(name, directory / each.filename)
            wheels.append(NewWheel(
                path=directory / each.filename, sha256=each.sha256, upstream=upstream_of(each, bundle.lock.mirror),
                rules=each.rules, is_original=each.yanked is not None and each.sha256 in originals,
            ))  # fmt: skip
        report = add_new_wheels(store, wheels, request, progress)
    return [replace(each, source=each.source and Path(each.source.name)) for each in report.files]


def upstream_of(file: SnapshotFile, mirror: str) -> UpstreamFile:
    """Return what the other ``mirror`` says of ``file``: what that knows of its index, or of its own."""
    yanked = None if file.yanked is None else cut(file.yanked, 1000)
    time, python = file.upstream_time or file.upload_time, file.requires_python  # that of a wheel is in the wheel
    return UpstreamFile(cut(file.upstream or mirror, 1000), time, yanked, requires_python=python)


def _gone(project: SnapshotProject, before: SnapshotProject | None, mirror: str) -> dict[str, str]:
    """Return the sha256 of the files that the other ``mirror`` lists no longer, and the index that each came from."""
    here = {each.sha256 for each in project.files}
    files = before.files if before else ()
    return {each.sha256: upstream_of(each, mirror).index for each in files if each.sha256 not in here}


def _follow(
    store: Store, bundle: Bundle, project: SnapshotProject, gone: Mapping[str, str], limits: Limits, new: set[str]
) -> list[Published]:
    """Let the page say what the other mirror says of the files that both have; return what was yanked or unyanked."""
    said = {each.sha256: each for each in project.files if each.sha256 not in new}
    followed = partial(_followed, said=said, gone=gone, mirror=bundle.lock.mirror)

    def change(page: Page) -> Page | None:
        return page.with_files(followed(page)) if page.files else None

    done = change_page(store, project.name, change, limits.lock_seconds)
    before = {each.filename: each for each in done.before.files}
    return [
        _yanked(done.after, each, done.problem) for each in done.after.files
        if before[each.filename].yanked != each.yanked
    ]  # fmt: skip


def _followed(page: Page, *, said: Mapping[str, SnapshotFile], gone: Mapping[str, str], mirror: str) -> Iterator[ListedFile]:
    """Yield the files of ``page`` as the other ``mirror`` has them: what never came from there is not ``gone`` with it.

    Those of a manifest follow that.
    """
    for each in page.files:
        if each.source is not None:
            yield each
        elif each.sha256 in said:
            yield with_upstream(each, upstream_of(said[each.sha256], mirror))
        else:
            yield removed(each) if each.upstream is not None and each.upstream == gone.get(each.sha256) else each


def _yanked(page: Page, file: ListedFile, problem: Problem | None) -> Published:
    status = PublishStatus.UNYANKED if file.yanked is None else PublishStatus.YANKED
    notes = (f"As in the other mirror{f': {shown(file.yanked)}' if file.yanked else '.'}",)
    return Published(None, status, page.project, file.filename, page.key(file), file.sha256, notes, problem)


def _missing(bundle: Bundle, project: str, file: SnapshotFile) -> Published:
    problem = Problem(
        "bundle-gap",
        "neither the bundle nor this mirror has the file",
        "Import the bundles before this one first, or export without --since.",
        f"{shown(bundle.path.name)} has only what is new since another lock",
    )
    return Published(None, PublishStatus.FAILED, project, file.filename, sha256=file.sha256, problem=problem)
