"""What another index says of a file that the mirror has from there: when it was uploaded, and whether it is yanked.

A yank of the index is taken over, and so is its end, as often as the index is asked; what somebody decided here with
``wheelfix mirror yank`` or ``unyank`` stays.
"""

from dataclasses import dataclass, replace
from typing import Final

from wheelfix.mirror.pages import BY_MIRROR, BY_UPSTREAM, ListedFile, Page
from wheelfix.text import shown

REMOVED: Final = "removed upstream"
"""The reason for which a file is yanked that its index no longer lists."""


@dataclass(frozen=True, slots=True)
class UpstreamFile:
    """A file as ``index``, a URL, lists it.

    ``uploaded`` is in the form of PEP 700, ``None`` where the index does not say it, as in HTML. ``yanked`` is the reason
    (PEP 592), empty where none is given, and ``None`` for a file that is not yanked.
    """

    index: str
    uploaded: str | None = None
    yanked: str | None = None


def taken_over(file: ListedFile, upstream: UpstreamFile) -> ListedFile:
    """Return ``file`` with what ``upstream`` says of it, or of the original that it was made from.

    Where the index does not say when it was uploaded, that is when this mirror first saw it; of two indexes the earlier
    time counts. What another index has yanked stays yanked: of two that serve the same file one may not know of yanks at
    all. What another one has removed is yanked no longer.
    """
    from_another = file.upstream not in (None, upstream.index)
    yanked_there = from_another and file.yanked_by == BY_UPSTREAM and file.yanked != REMOVED
    if yanked_there and upstream.yanked is None:
        return file
    found = replace(
        file,
        upload_time=_uploaded(file, upstream, from_another=from_another),
        added=file.added or file.upload_time,
        upstream=upstream.index,
    )
    return found if is_decided_here(file) else _yanked(found, upstream.yanked)


def _uploaded(file: ListedFile, upstream: UpstreamFile, *, from_another: bool) -> str:
    """Return when ``file`` was uploaded: the same whichever of two indexes is asked last."""
    if upstream.uploaded is None:
        return file.upload_time
    is_known = from_another and file.upload_time != file.added
    return min(upstream.uploaded, file.upload_time) if is_known else upstream.uploaded


def removed(file: ListedFile) -> ListedFile:
    """Return ``file``, which its index no longer lists: it is yanked, so that old locks can still be installed."""
    return file if is_decided_here(file) else _yanked(file, REMOVED)


def _yanked(file: ListedFile, reason: str | None) -> ListedFile:
    return replace(file, yanked=reason, yanked_by=None if reason is None else BY_UPSTREAM)


def is_decided_here(file: ListedFile) -> bool:
    """Whether somebody decided at this mirror that ``file`` is yanked, or that it is not."""
    return file.yanked_by == BY_MIRROR or (file.yanked is not None and file.yanked_by is None)


def inherited(page: Page, new: ListedFile) -> ListedFile:
    """Return ``new`` with what is known of its original, if ``page`` lists that, or another file that was made from it.

    A wheel that is corrected once more keeps its upload time, and a yank of its original holds for it, too.
    """
    known = next(
        (each for each in (*page.files, *page.past) if each.upstream and each.original_sha256 == new.original_sha256), None
    )
    if known is None:
        return new
    yank = known.yanked if known.yanked_by == BY_UPSTREAM else None
    return taken_over(new, UpstreamFile(str(known.upstream), known.upload_time, yank))


def notes_on(file: ListedFile, upstream: UpstreamFile) -> tuple[str, ...]:
    """Return what a person should know of ``file``, which was just listed with what ``upstream`` says of it."""
    notes = []
    if upstream.yanked is not None:
        notes.append(f"The index has yanked it{f': {shown(upstream.yanked)}' if upstream.yanked else '.'}")
    if upstream.yanked is not None and file.yanked is None:
        notes.append("It stays unyanked here, as decided with `wheelfix mirror unyank`.")
    if upstream.uploaded is None:
        notes.append(f"The index has no upload time of it: it is when this mirror first saw the file, {file.upload_time}.")
    return tuple(notes)
