"""One wheel in a store, compared with what the page of its project says of it."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct, field

from wheelfix.errors import FilenameError, MirrorError, PlaceError, WheelfixError
from wheelfix.mirror.json import NOT_WRITTEN
from wheelfix.mirror.layout import METADATA, SIMPLE, file_key, key_of
from wheelfix.mirror.listing import Contents, compare, differing, listed_wheel, read_whole
from wheelfix.mirror.local_copy import LocalCopies
from wheelfix.mirror.needs import ListedWheel
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.registry import MIRROR_CHECKS, finding, misplaced
from wheelfix.mirror.storage.base import Head, IncompleteListing, RefusedAt, Store
from wheelfix.progress import Progress
from wheelfix.results import Finding, failure
from wheelfix.text import cut, shown
from wheelfix.wheel.sdist_filename import project_of_file
from wheelfix.wheel.zip.source import sha256_of

_Item = TypeVar("_Item")
_WITHHELD: Final = frozenset(
    {"access-denied", "bad-answer", "client-broke", "no-answer", "no-bucket", "no-space", "wrong-region"}
)
"""Errors of servers that do not give what is there, and of this machine, which cannot hold it."""


class CheckedEntry(Struct):
    """What was found in a file that a page lists, and what it requires: ``None`` if it is yanked or cannot be read."""

    findings: list[Finding] = field(default_factory=list)
    declared: ListedWheel | None = None


class WheelCheck:
    """The check of the wheels in ``store``; several threads can use it at a time.

    If ``quick``, wheels are not read, only their sizes and metadata files are, but for those whose URL contradicts the
    sha256 on the page. ``heads`` is what a listing of the store said, empty where each file is looked at when its turn
    comes: what the listing lacks may have been written since. What is copied to this machine is reported to ``progress``.
    """

    def __init__(self, store: Store, heads: Mapping[str, Head], progress: Progress, *, quick: bool) -> None:
        self._store = store
        self._copies = LocalCopies(store, progress)
        self._heads = heads
        self._quick = quick

    def check(self, page: Page, file: ListedFile) -> CheckedEntry:
        """Return what is wrong with a file that ``page`` lists."""
        found = CheckedEntry()
        key, contents = served_key(page, file), Contents()
        self._check(page, file, key, contents, found)
        if key is None or file.yanked is not None:
            return found
        data = contents.metadata_file
        if contents.size is None:  # it was not looked at; what it requires is compared with other wheels all the same
            with suppress(MirrorError, OSError):  # there is a finding already: what kept it from being looked at
                data = self._metadata_file(key)
        if data is not None:
            found.declared = listed_wheel(file.filename, data, contents.needs)
        return found

    def _check(self, page: Page, file: ListedFile, key: str | None, contents: Contents, found: CheckedEntry) -> None:
        """Add what is wrong to ``found``, and what was read to ``contents``."""
        own = file_key(page.project, file.filename, file.sha256)
        try:
            there = self._head(own) if key != own else None
        except (MirrorError, OSError) as error:
            found.findings.append(unreadable(own, error))
            return
        is_there = there is not None and there.size == file.size
        if key is None or is_there:
            message = f"its URL is {shown(file.url)}{f', but the file is at {shown(own)}' if is_there else ''}"
            place = f"{SIMPLE}/{page.project}/{shown(file.filename)}"
            differing = self._differing(own, file) if is_there else None
            found.findings.append(finding("file-elsewhere", place, message, fixable=is_there and differing is None))
            found.findings += [] if differing is None else [differing]
            return
        try:
            if project_of_file(file.filename, page.project) != page.project:
                found.findings.append(finding("file-of-another-project", key, f"it is listed for {page.project}"))
        except FilenameError as error:
            found.findings.append(finding("file-of-another-project", key, error.message))
            return
        if problem := problem_of_time(file.upload_time):
            found.findings.append(finding("time-missing", key, problem))
        try:
            self._read(page, key, file, contents)
            found.findings += self._read_metadata_file(key, file, contents)
            is_right = not contents.invalid and contents.sha256 in (None, file.sha256) and contents.size == file.size
            found.findings += compare(file, contents, key, key + METADATA, fixable=is_right)
        except FileNotFoundError:
            found.findings.append(finding("file-missing", key, "it is listed and does not exist; add the wheel again"))
        except (WheelfixError, OSError) as error:
            found.findings.append(unreadable(key, error))

    def _differing(self, key: str, file: ListedFile) -> Finding | None:
        """Return that the bytes at ``key`` are not those of ``file``, or cannot be read; ``None`` if they are."""
        try:
            sha256 = self._sha256_of(key, file.size)
        except (WheelfixError, OSError) as error:
            return unreadable(key, error)
        return None if sha256 == file.sha256 else differing(key, sha256, file.sha256)

    def _head(self, key: str) -> Head | None:
        return self._heads.get(key) or self._store.head(key)

    def _metadata_file(self, key: str) -> bytes | None:
        stored = self._store.read(key + METADATA)
        return stored.data if stored else None

    def _read(self, page: Page, key: str, file: ListedFile, contents: Contents) -> None:
        """Read what is compared with the page.

        :raises FileNotFoundError: if there is no such file.
        """
        head = self._head(key)
        if head is None:
            raise FileNotFoundError(key)
        contents.size = head.size
        is_confirmed = key == file_key(page.project, file.filename, file.sha256)  # else the URL contradicts the sha256
        if not is_confirmed if self._quick else not file.is_wheel:
            contents.sha256 = self._sha256_of(key, head.size)
        if not file.is_wheel:
            return
        if not self._quick:
            whole = self._read_whole(key, head.size)
            contents.sha256, contents.metadata = whole.sha256, whole.metadata
            contents.invalid, contents.needs = whole.invalid, whole.needs

    def _read_metadata_file(self, key: str, file: ListedFile, contents: Contents) -> list[Finding]:
        """Read the metadata file of a wheel; return why it cannot be read."""
        if not file.is_wheel:
            return []
        try:
            contents.metadata_file = self._metadata_file(key)
        except (MirrorError, OSError) as error:
            return [unreadable(key + METADATA, error)]
        contents.missing = "" if contents.metadata_file is not None else "it is announced, and not there"
        return []

    def _read_whole(self, key: str, size: int) -> Contents:
        try:
            with self._copies.open(key) as (source, sha256):
                return read_whole(Path(key), source, sha256)
        except WheelfixError as error:
            if isinstance(error, MirrorError) and is_withheld(error):
                raise
            return Contents(sha256=self._sha256_of(key, size), invalid=error.message)

    def _sha256_of(self, key: str, size: int) -> str:
        """Return the sha256 of the bytes: what a store remembers of them may be that of others."""
        if not size:  # a file without bytes cannot be opened as a wheel
            return hashlib.sha256().hexdigest()
        with self._store.open(key) as source:
            return sha256_of(source)

    def check_past(self, page: Page, file: ListedFile) -> CheckedEntry:
        """Return what is wrong with a replaced file, which is kept for old locks."""
        key = served_key(page, file)
        try:
            problem = "is gone" if key is None else self._problem_of_past(key, file)
        except (WheelfixError, OSError) as error:
            return CheckedEntry([unreadable(key or shown(file.url), error)])
        message = f"{shown(file.filename)}, which was replaced, {problem}"
        return CheckedEntry([finding("past-missing", key or shown(file.url), message)] if problem else [])

    def _problem_of_past(self, key: str, file: ListedFile) -> str:
        """Return as the end of a sentence what is wrong with a replaced file, empty if nothing is."""
        head = self._head(key)
        if head is None:
            return "is gone"
        is_same = head.size == file.size and (self._quick or self._sha256_of(key, head.size) == file.sha256)
        return "" if is_same else "has other bytes than it had"


def unreadable(place: str, error: WheelfixError | OSError, *, fixable: bool = False) -> Finding:
    """Return the finding for a page or file that cannot be read, at ``place`` or where ``error`` says."""
    if isinstance(error, PlaceError) and error.code in MIRROR_CHECKS:
        return misplaced(error)
    if isinstance(error, PlaceError):
        return finding("page-unreadable", error.place, error.problem, hint=error.hint)
    if isinstance(error, OSError):
        place = error.key if isinstance(error, RefusedAt) else place
        return finding("unreadable", place, shown(error.strerror or str(error)))
    if is_withheld(error) or not isinstance(error, MirrorError):
        return finding("unreadable", place, error.message)
    code = error.code if error.code == "page-missing" else "page-unreadable"
    hint = "" if fixable else error.hint.removeprefix(NOT_WRITTEN)
    return finding(code, place, error.message, fixable=fixable, hint=hint)


def ended_early(error: WheelfixError | OSError, place: str = "") -> Finding:
    """Return the finding for what ``error`` kept a run from doing, at ``place`` or at all, after it had done something else.

    What it did is reported beside it.
    """
    problem = failure(Path(), error).problem
    return left_undone(place, problem.message if problem else str(error))


def left_undone(place: str, message: str) -> Finding:
    """Return the finding for what could not be done after the rest was."""
    return finding("ended-early", place, shown(message))


def readable(listing: Iterable[_Item], findings: list[Finding]) -> Iterator[_Item]:
    """Yield what a ``listing`` of a store has; what could not be read is added to ``findings``."""
    try:
        yield from listing
    except IncompleteListing as error:
        findings += (unreadable(key, each) for key, each in error.errors.items())


def is_withheld(error: WheelfixError | OSError) -> bool:
    """Whether ``error`` says nothing of a page or file: the system or the server does not give it."""
    return isinstance(error, OSError) or error.code in _WITHHELD


def was_read(error: MirrorError | OSError) -> bool:
    """Whether ``error`` says that a page was read, and is damaged: then it may be written again."""
    return isinstance(error, MirrorError) and error.code == "bad-page"


def served_key(page: Page, file: ListedFile) -> str | None:
    """Return the key for the URL of a file, ``None`` if it is not a file of this project and name."""
    key = key_of(file.url)
    return key if key and key.split("/")[2::2] == [page.project, file.filename] else None


def problem_of_time(text: str) -> str:
    """Return what is wrong with an upload time, empty if nothing is."""
    if not text:
        return "it has no upload time"
    value = f"its upload time '{cut(text)}'"
    if not text.isprintable():  # reading one stops at a NUL
        return f"{value} is not a time"
    try:
        has_zone = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return f"{value} is not a time"
    return "" if has_zone else f"{value} has no time zone"
