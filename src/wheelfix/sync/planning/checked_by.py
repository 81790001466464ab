"""What pages say of listed files: by which rules they were checked, and which of two corrections is served."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.errors import MirrorError
from wheelfix.mirror.change import PageChange, change_page
from wheelfix.mirror.clock import now
from wheelfix.mirror.examine import upload_time
from wheelfix.mirror.pages import BY_SYNC, SUPERSEDED, ListedFile, Page
from wheelfix.mirror.storage.base import Store
from wheelfix.results import Published, PublishStatus, failure


class Check(Struct, frozen=True):
    """What a page is to say of a listed file: its ``source``, by which rules it was checked, and whether it is superseded.

    Where ``is_superseded`` or ``source`` is ``None`` that stays as it is.
    """

    project: str
    filename: str
    sha256: str
    checked_by: str | None
    source: str | None = None
    is_superseded: bool | None = None


def apply_checks(store: Store, checks: Iterable[Check], timeout: float) -> Iterator[Published]:
    """Let pages say by which rules files were checked, and which of two corrections is served; yield what was un-/yanked.

    No page is written that says so already. A project whose page cannot be written has a problem, and the others go on.
    """
    projects: dict[str, list[Check]] = {}
    for each in checks:
        projects.setdefault(each.project, []).append(each)
    for project, mine in sorted(projects.items()):
        try:
            done = change_page(store, project, partial(_checked, {each.filename: each for each in mine}), timeout)
        except (MirrorError, OSError) as error:
            yield Published(None, PublishStatus.FAILED, project, problem=failure(Path(project), error).problem)
        else:
            yield from _published(done)


def _published(done: PageChange) -> Iterator[Published]:
    """Yield the files that are yanked, or served again; all are listed as before."""
    before = {each.filename: each for each in done.before.files}
    for file in done.after.files:
        old = before.get(file.filename, file)
        if (old.yanked is None) != (file.yanked is None) or (done.problem is not None and old != file):
            status = PublishStatus.YANKED if file.yanked is not None else PublishStatus.UNYANKED
            key = done.after.key(file)
            yield Published(None, status, done.after.project, file.filename, key, file.sha256, problem=done.problem)


def _checked(checks: Mapping[str, Check], page: Page) -> Page | None:
    files = [_checked_file(each, checks.get(each.filename)) for each in page.files]
    return None if files == list(page.files) else page.with_files(files)


def _checked_file(file: ListedFile, check: Check | None) -> ListedFile:
    """Return ``file`` as ``check`` has it; one that another process replaced meanwhile stays as it is."""
    if check is None or check.sha256 != file.sha256:
        return file
    file = replace(file, checked_by=check.checked_by, source=check.source or file.source)
    if check.is_superseded is None or check.is_superseded == file.is_superseded:
        return file
    if check.is_superseded:
        return replace(file, yanked=SUPERSEDED, yanked_by=BY_SYNC, yanked_at=upload_time(now()))
    return replace(file, yanked=None, yanked_by=None, yanked_at=None)
