"""What another index says of files that a mirror has from there: upload times, yanks, and what it no longer lists.

The mirror follows it with every run. What you decide here with ``wheelfix mirror yank`` or ``unyank`` is kept.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.mirror.examine import upload_time
from wheelfix.mirror.pages import BY_MIRROR, BY_SYNC, BY_UPSTREAM, STATUS, ListedFile, Page
from wheelfix.mirror.repository import load_page
from wheelfix.mirror.storage.base import Store
from wheelfix.results import Problem, Published, PublishStatus
from wheelfix.text import as_utf8, shown
from wheelfix.upstream.urls import name_of_index

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage

    from wheelfix.upstream.client import ServedPage  # what only the extra "index" installs: it comes as a value

_ACTIVE: Final = "active"
REMOVED: Final = "removed upstream"
"""The reason for which a file is yanked that its index no longer lists."""


class UpstreamFile(Struct, frozen=True):
    """A file as ``index``, a URL, lists it.

    ``uploaded`` is in the form of PEP 700, ``None`` where the index does not say it, as in HTML. ``yanked`` is the reason
    (PEP 592), empty where none is given, and ``None`` for a file that is not yanked. ``source`` is the source of a manifest
    that has it from there, ``None`` for a file that a person added. ``seen`` is when it was first seen there, where the
    index has no upload time: it is served in place of that. ``requires_python`` is that of a source distribution, which only
    the index says; a wheel says it itself.
    """

    index: str
    uploaded: str | None = None
    yanked: str | None = None
    source: str | None = None
    seen: str | None = None
    requires_python: str | None = None
    sha256: str | None = None


def with_upstream(file: ListedFile, upstream: UpstreamFile) -> ListedFile:
    """Return ``file`` with what ``upstream`` says of it, or of the original that it was made from.

    Where the index has no upload time, it is when the file was first seen; of two indexes the earlier time counts.
    A yank of another index is kept: of two that serve the same file one may not support yanks. A file that only the other
    one removed is yanked no longer. What a manifest yanked stays so, unless that manifest wants it again: ``upstream`` has
    its source then.
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
        upload_time=time or min(file.upload_time, upstream.seen or file.upload_time),
        upstream_time=time,
        added=file.added or file.upload_time,
        upstream=upstream.index,
        source=upstream.source or file.source,
        upstream_sha256=_sum_there(file, upstream),
        requires_python=file.requires_python if file.is_wheel else upstream.requires_python or file.requires_python,
    )
    is_kept = is_decided_here(file) or (is_unwanted(file) and upstream.source is None)
    return found if is_kept else _yanked(found, upstream.yanked)


def _sum_there(file: ListedFile, upstream: UpstreamFile) -> str | None:
    if upstream.sha256 is None:
        return file.upstream_sha256
    return None if upstream.sha256 in (file.sha256, file.original_sha256) else upstream.sha256


def removed(file: ListedFile) -> ListedFile:
    """Return ``file``, which its index no longer lists: it is yanked, so that old locks can still be installed."""
    return file if is_decided_here(file) or is_unwanted(file) else _yanked(file, REMOVED)


def _yanked(file: ListedFile, reason: str | None) -> ListedFile:
    return replace(file, yanked=reason, yanked_by=None if reason is None else BY_UPSTREAM, yanked_at=None)


def is_decided_here(file: ListedFile) -> bool:
    """Whether ``file`` was yanked, or unyanked, by a decision at this mirror."""
    return file.yanked_by == BY_MIRROR or (file.yanked is not None and file.yanked_by is None)


def is_unwanted(file: ListedFile) -> bool:
    """Whether a manifest yanked ``file``, as it no longer wants it."""
    return file.yanked is not None and file.yanked_by == BY_SYNC


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


def upstream_file(index: str, file: "DistributionPackage", source: str | None = None) -> UpstreamFile:
    """Return what the index at ``index`` says of ``file``, which a manifest has from there as ``source``."""
    yanked = as_utf8(file.yanked_reason or "") if file.is_yanked else None
    requires_python = None if file.filename.endswith(".whl") or not file.requires_python else as_utf8(file.requires_python)
    sha256 = (file.digests.get("sha256") or "").lower() or None
    return UpstreamFile(
        name_of_index(index), _listed_time(file), yanked, source, requires_python=requires_python, sha256=sha256
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
    is kept. Returned are the files that were yanked or unyanked and, as unchanged, those that have another upload time.

    :raises MirrorError: if a page of the mirror is damaged, or another process writes to it for too long.
    """
    from wheelfix.mirror.change import change_page  # imported late: most runs follow no index

    def followed(page: Page) -> Page | None:
        return with_status(page.with_files(_followed(page, index, answer)), index, answer) if page.files else None

    done = change_page(store, project, followed, timeout)
    return list(_published_files(done.before, done.after, done.problem))


class IndexPage:
    """What ``answer``, the page of a project in an ``index``, says of files that a mirror has from there."""

    def __init__(self, index: str, answer: "ServedPage") -> None:
        self._index = index
        self._name = name_of_index(index)
        self._by_sum = answer.by_sha256()
        self._by_name = {(each.filename, (each.digests.get("sha256") or "").lower()): each for each in answer.page.packages}
        self._names = {each.filename for each in answer.page.packages}
        self._is_whole = _is_whole(answer)

    def find(self, file: ListedFile) -> "DistributionPackage | None":
        """Return ``file``, or the original that it was made from, as the index lists it; ``None`` if it does not.

        Of several names for the same bytes, its own counts. An index can itself have corrected files, without originals.
        """
        names = ((original_name(file), file.original_sha256), (file.filename, file.sha256))
        found = (self._by_name.get((name, sha256)) or self._by_sum.get(sha256) for name, sha256 in names)
        return next(filter(None, found), None) or self._by_sum.get(file.upstream_sha256 or "")

    def has_removed(self, file: ListedFile) -> bool:
        """Whether ``file`` came from there and is listed no longer, nor is another one of its name."""
        return self._is_whole and self.has_lost(file) and original_name(file) not in self._names

    def has_lost(self, file: ListedFile) -> bool:
        """Whether ``file`` came from there and is not on this page, which may be cut off, or list other bytes instead."""
        return file.upstream == self._name and self.find(file) is None

    def followed(self, file: ListedFile) -> ListedFile:
        """Return ``file`` with what the index says of it."""
        listed = self.find(file)
        if listed is not None:
            return with_upstream(file, upstream_file(self._index, listed))
        return removed(file) if self.has_removed(file) else file


def original_name(file: ListedFile) -> str:
    """Return the name of the original of ``file``, which is its own where it was not fixed."""
    return file.origin.filename if file.origin else file.filename


def _followed(page: Page, index: str, answer: "ServedPage") -> Iterator[ListedFile]:
    """Yield the files of ``page`` with what ``answer`` says of each, or of the original that it was made from."""
    known = IndexPage(index, answer)
    return map(known.followed, page.files)


def _is_whole(answer: "ServedPage") -> bool:
    """Whether what a page does not list is not there.

    A page of HTML may be that of a proxy which is being repaired, or be cut off. One without files takes all of a project,
    and must say that this is meant, by a status such as quarantined (PEP 792). Else it counts as much as no page at all.
    """
    if not answer.page.packages and str(answer.page.status or _ACTIVE) == _ACTIVE:
        return False
    if answer.form == "json":
        return True
    return answer.complete and (answer.page.repository_version is not None or bool(answer.wheels))


def with_status(page: Page, index: str, answer: "ServedPage") -> Page:
    """Return ``page`` with the status that the index gives the project, unless it was given another one here.

    One that PEP 792 does not define is not copied: strict readers refuse a page for it.
    """
    if STATUS in page.other and page.status_from is None:
        return page
    others = {key: value for key, value in page.other.items() if key != STATUS}
    status, reason = answer.page.status, answer.page.status_reason
    if answer.unknown_status is not None:
        return page
    if status is None:
        return replace(page, other=others, status_from=None) if page.status_from == name_of_index(index) else page
    given: Mapping[str, str] = {"status": str(status), **({"reason": as_utf8(reason)} if reason else {})}
    return replace(page, other={**others, STATUS: given}, status_from=name_of_index(index))


def _published_files(before: Page, after: Page, problem: Problem | None) -> Iterator[Published]:
    """Yield what was yanked, what is so no longer, and what has another upload time.

    If there is a ``problem`` with the pages, yield every file.
    """
    for old, new in zip(before.with_files(before.files).files, after.files, strict=True):
        if (old.yanked, old.upload_time) != (new.yanked, new.upload_time) or problem is not None:
            status, notes = _what_became(old, new)
            yield Published(None, status, after.project, new.filename, after.key(new), new.sha256, notes, problem)


def _what_became(old: ListedFile, new: ListedFile) -> tuple[PublishStatus, tuple[str, ...]]:
    if old.yanked == new.yanked:
        is_new = old.upload_time != new.upload_time
        return PublishStatus.UNCHANGED, (f"Its upload time is now that of the index: {shown(new.upload_time)}.",) * is_new
    if new.yanked is None:
        return PublishStatus.UNYANKED, ("The index has unyanked it.",)
    if new.yanked == REMOVED:
        return PublishStatus.YANKED, ("The index no longer lists it; it is kept for old locks.",)
    return PublishStatus.YANKED, (f"The index has yanked it{f': {new.yanked}' if new.yanked else '.'}",)
