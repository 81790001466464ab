"""What another index says of files that a mirror has from there: upload times, yanks, and what it no longer lists.

The mirror follows it with every run. What you decide here with ``wheelfix mirror yank`` or ``unyank`` is kept.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.mirror.examine import upload_time
from wheelfix.mirror.pages import BY_MIRROR, BY_UPSTREAM, ListedFile, Page
from wheelfix.mirror.repository import Journal, load_page, outdated_pages, publish_page
from wheelfix.mirror.storage.base import Store
from wheelfix.results import Problem, Published, PublishStatus
from wheelfix.text import as_utf8, shown
from wheelfix.upstream.urls import name_of_index

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage

    from wheelfix.upstream.client import ServedPage  # what only the extra "index" installs: it comes as a value

_STATUS: Final = "project-status"
REMOVED: Final = "removed upstream"
"""The reason for which a file is yanked that its index no longer lists."""


class UpstreamFile(Struct, frozen=True):
    """A file as ``index``, a URL, lists it.

    ``uploaded`` is in the form of PEP 700, ``None`` where the index does not say it, as in HTML. ``yanked`` is the reason
    (PEP 592), empty where none is given, and ``None`` for a file that is not yanked.
    """

    index: str
    uploaded: str | None = None
    yanked: str | None = None


def with_upstream(file: ListedFile, upstream: UpstreamFile) -> ListedFile:
    """Return ``file`` with what ``upstream`` says of it, or of the original that it was made from.

    Where the index has no upload time, it is when this mirror first saw the file; of two indexes the earlier time counts.
    A yank of another index is kept: of two that serve the same file one may not support yanks. A file that only the other
    one removed is yanked no longer.
    """
    from_another = file.upstream not in (None, upstream.index)
    yanked_there = from_another and file.yanked_by == BY_UPSTREAM and file.yanked != REMOVED
    if yanked_there and upstream.yanked is None:
        return file
    known = file.upstream_time if from_another else None
    times = [each for each in (upstream.uploaded, known) if each is not None]
    time = min(times) if times else file.upstream_time
    found = replace(
        file,
        upload_time=time or file.upload_time,
        upstream_time=time,
        added=file.added or file.upload_time,
        upstream=upstream.index,
    )
    return found if is_decided_here(file) else _yanked(found, upstream.yanked)


def removed(file: ListedFile) -> ListedFile:
    """Return ``file``, which its index no longer lists: it is yanked, so that old locks can still be installed."""
    return file if is_decided_here(file) else _yanked(file, REMOVED)


def _yanked(file: ListedFile, reason: str | None) -> ListedFile:
    return replace(file, yanked=reason, yanked_by=None if reason is None else BY_UPSTREAM)


def is_decided_here(file: ListedFile) -> bool:
    """Whether ``file`` was yanked, or unyanked, by a decision at this mirror."""
    return file.yanked_by == BY_MIRROR or (file.yanked is not None and file.yanked_by is None)


def inherited(new: ListedFile, relatives: Iterable[ListedFile]) -> ListedFile:
    """Return ``new`` with what is known of its original, if one of ``relatives`` came from an index.

    These are the original itself and other files that were made from it. A wheel that is fixed once more keeps its upload
    time, and a yank of its original holds for it, too.
    """
    known = next((each for each in relatives if each.upstream), None)
    if known is None:
        return new
    yank = known.yanked if known.yanked_by == BY_UPSTREAM else None
    found = with_upstream(new, UpstreamFile(str(known.upstream), known.upload_time, yank))
    return replace(found, upstream_time=known.upstream_time)


def notes_on(file: ListedFile, upstream: UpstreamFile) -> tuple[str, ...]:
    """Return notes on ``file``, which was just listed with what ``upstream`` says of it."""
    notes = []
    if upstream.yanked is not None:
        notes.append(f"The index has yanked it{f': {shown(upstream.yanked)}' if upstream.yanked else '.'}")
    if upstream.yanked is not None and file.yanked is None:
        notes.append("It is not yanked here, as decided with `wheelfix mirror unyank`.")
    if upstream.uploaded is None:
        notes.append(f"The index has no upload time for it: this is when the mirror first saw the file, {file.upload_time}.")
    return tuple(notes)


def upstream_file(index: str, file: "DistributionPackage") -> UpstreamFile:
    """Return what the index at ``index`` says of ``file``."""
    return UpstreamFile(
        name_of_index(index), _listed_time(file), as_utf8(file.yanked_reason or "") if file.is_yanked else None
    )


def _listed_time(file: "DistributionPackage") -> str | None:
    try:
        return None if file.upload_time is None else upload_time(file.upload_time)
    except OverflowError:  # the last hours of the year 9999, west of Greenwich
        return None


def count_from(store: Store, project: str, index: str) -> int:
    """Return how many files on the page of ``project`` came from the index at ``index``, and are not yanked.

    :raises MirrorError: if the page is damaged.
    """
    return sum(each.upstream == name_of_index(index) and each.yanked is None for each in load_page(store, project).files)


def follow_index(store: Store, project: str, index: str, answer: "ServedPage", timeout: float) -> list[Published]:
    """Let the page of ``project`` say what ``answer``, the page of the index, says of the files that both have.

    That is whether they are yanked (PEP 592), when they were uploaded (PEP 700), and the status of the project (PEP 792).
    Files that came from this index, and that it no longer lists, are yanked, never deleted. What was decided at this mirror
    is kept. Returned are the files that were yanked or unyanked.

    :raises MirrorError: if a page of the mirror is damaged, or another process writes to it for too long.
    """
    with store.locked(project, timeout):
        Journal(store, project).settle(timeout)
        before = load_page(store, project)
        if not before.files:
            return []
        page = _with_status(before.with_files(_followed(before, index, answer)), index, answer)
        problem = publish_page(store, page, timeout) if page != before or outdated_pages(store, page) else None
    return list(_published_files(before, page, problem))


def _followed(page: Page, index: str, answer: "ServedPage") -> Iterator[ListedFile]:
    """Yield the files of ``page`` with what ``answer`` says of each, or of the original that it was made from."""
    by_sum = answer.by_sha256()
    names = {each.filename for each in answer.page.packages}
    for file in page.files:
        listed = by_sum.get(file.original_sha256)
        original = file.origin.filename if file.origin else file.filename
        if listed is not None:
            yield with_upstream(file, upstream_file(index, listed))
        elif file.upstream == name_of_index(index) and original not in names and _is_whole(answer):
            yield removed(file)
        else:
            yield file


def _is_whole(answer: "ServedPage") -> bool:
    """Whether what a page does not list is not there.

    A page of HTML may be that of a proxy which is being repaired, or be cut off.
    """
    if answer.form == "json":
        return True
    return answer.complete and (answer.page.repository_version is not None or bool(answer.wheels))


def _with_status(page: Page, index: str, answer: "ServedPage") -> Page:
    """Return ``page`` with the status that the index gives the project, unless it was given another one here.

    One that PEP 792 does not define is not copied: strict readers refuse a page for it.
    """
    if _STATUS in page.other and page.status_from is None:
        return page
    others = {key: value for key, value in page.other.items() if key != _STATUS}
    status, reason = answer.page.status, answer.page.status_reason
    if answer.unknown_status is not None:
        return page
    if status is None:
        return replace(page, other=others, status_from=None) if page.status_from == name_of_index(index) else page
    given: Mapping[str, str] = {"status": str(status), **({"reason": as_utf8(reason)} if reason else {})}
    return replace(page, other={**others, _STATUS: given}, status_from=name_of_index(index))


def _published_files(before: Page, after: Page, problem: Problem | None) -> Iterator[Published]:
    """Yield what was yanked, and what is so no longer; if there is a ``problem`` with the pages, every file."""
    for old, new in zip(before.with_files(before.files).files, after.files, strict=True):
        if old.yanked != new.yanked or problem is not None:
            status, notes = _what_became(old, new)
            yield Published(None, status, after.project, new.filename, after.key(new), new.sha256, notes, problem)


def _what_became(old: ListedFile, new: ListedFile) -> tuple[PublishStatus, tuple[str, ...]]:
    if old.yanked == new.yanked:
        return PublishStatus.UNCHANGED, ()
    if new.yanked is None:
        return PublishStatus.UNYANKED, ("The index has unyanked it.",)
    if new.yanked == REMOVED:
        return PublishStatus.YANKED, ("The index no longer lists it; it is kept for old locks.",)
    return PublishStatus.YANKED, (f"The index has yanked it{f': {new.yanked}' if new.yanked else '.'}",)
