"""One file of a server, downloaded whole: continued where it broke off, and of one version."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Final

import requests
from msgspec import Struct

from wheelfix.errors import MirrorError
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.text import shown
from wheelfix.upstream.answers import (
    BEYOND_END,
    OK,
    PARTIAL,
    Version,
    bad_answer,
    declared_sha256,
    inflated,
    is_encoded,
    is_settled,
    is_web_page,
    length_of_file,
    not_a_wheel,
    too_large,
)
from wheelfix.upstream.http import Session
from wheelfix.upstream.saving import BLOCK, PartFile, require_sum, saving
from wheelfix.upstream.urls import shown_url

_LARGEST: Final = 1 << 36
"""In bytes: more than any wheel has."""
_MOST_TRIES: Final = 6
"""How often one download is begun or continued."""
_LONGEST_PAUSE: Final = 8.0
"""In seconds, before a download is continued."""
INDEX: Final = "the index"
"""Who usually states the sha256."""
_ARCHIVE: Final = b"PK"
"""What every wheel begins with."""
_MOST_INFLATED: Final = 30
"""How many bytes a byte may stand for that a server compressed. A wheel is compressed already, or has binaries that shrink
to a third; a bomb has a thousand."""


class Wanted(Struct, frozen=True):
    """A file to be downloaded, which reports call ``name``.

    ``sha256`` and ``size`` (in bytes) are what it must have, where that is known from ``source``. A size is not compared
    where the sha256 is known: the right file is downloaded from an index that has the size wrong, too.
    """

    url: str
    name: str
    sha256: str | None = None
    size: int | None = None
    source: str = INDEX


def download(
    session: Session, wanted: Wanted, path: Path, *, keep_part: bool = False, progress: Progress = NO_PROGRESS
) -> str:
    """Put a file at ``path``, and return its sha256 (hexadecimal). What is there is replaced.

    It is written to a file beside it that ends in ``.part``, which gets its name when all of it is there, has the right size
    and sha256, and is removed otherwise. A download that breaks off is continued a few times, if the server confirms that it
    still has the same file, or the sha256 is known. With that and ``keep_part`` the next run continues it, too.

    :raises MirrorError: if the server does not give the file, or another one, or there is not enough space for it.
    :raises OSError: if it cannot be written.
    """
    keeps = keep_part and wanted.sha256 is not None
    with saving(path, wanted.name, progress, keeps=keeps) as part:
        transfer = _Transfer(session, wanted, part, progress, flushes=keeps)
        if keeps:
            part.take_up()
        transfer.run()
        if transfer.is_joined and part.sha256 != wanted.sha256 is not None:  # the beginning is that of another file
            transfer.restart()
            transfer.run()
        transfer.check()
        return part.sha256


class _Transfer:
    """The download of ``wanted`` into the file ``part``."""

    def __init__(self, session: Session, wanted: Wanted, part: PartFile, progress: Progress, *, flushes: bool) -> None:
        self.is_joined = False
        """Whether what is there came in several pieces."""
        self._session = session
        self._wanted = wanted
        self._part = part
        self._progress = progress
        self._flushes = flushes
        self._has_begun = False
        self.restart()

    def restart(self) -> None:
        """Forget what is there."""
        self.is_joined = False
        self._part.restart()
        self._version = Version()
        self._is_settled = False
        self._total: int | None = None
        self._most = _LARGEST
        self._received = 0
        self._declared: str | None = None

    def run(self) -> None:
        """Download what is missing.

        :raises MirrorError: if it breaks off again and again, or the server gives something else.
        """
        for turn in range(1, _MOST_TRIES + 1):
            try:
                self._receive()
                return
            except MirrorError as error:
                if error.code != "no-answer" or not self._has_begun or turn == _MOST_TRIES:
                    raise
                pause = min(2.0 ** (turn - 1), _LONGEST_PAUSE)
                self._progress.waiting(shown_url(self._wanted.url), pause, "the download broke off")
                sleep(pause)

    def check(self) -> None:
        """Confirm that all of it has the right size and sha256: what is known, or else what the server says.

        :raises MirrorError: if it has not.
        """
        wanted = self._wanted
        self._check_size(self._part.have)
        who = wanted.source if wanted.sha256 else "the server"
        require_sum(self._part, wanted.sha256 or self._declared, wanted.name, who, self._hint())

    def _receive(self) -> None:
        """Make one request, and write what comes."""
        if self._part.have and self._wanted.sha256 is None and not self._can_confirm():
            self.restart()
        headers = {"Range": f"bytes={self._part.have}-", **self._version.if_range} if self._part.have else {}
        with self._session.request("GET", self._wanted.url, headers) as answer:
            if self._part.have and answer.status_code == BEYOND_END and self._wanted.sha256 is not None:
                self.is_joined = True
                return  # all of it is there, or its sha256 is wrong
            if self._part.have and not self._continues(answer):
                self.restart()
            if answer.status_code == (PARTIAL if self._part.have else OK):
                self._write(answer)
                return
            if answer.status_code not in (OK, PARTIAL, BEYOND_END) or not headers:
                raise bad_answer(self._wanted.url, answer.status_code)
        self._receive()  # from the beginning: what came is no continuation

    def _can_confirm(self) -> bool:
        """Whether the server can say that it still has the same file."""
        return self._version.is_strong or self._is_settled

    def _continues(self, answer: requests.Response) -> bool:
        """Whether an answer has the rest of what is there, and of the same file."""
        sent = answer.headers.get("Content-Range", "").strip().lower()
        same = self._version.matches(Version.of(answer))
        known = same is True or (same is None and self._wanted.sha256 is not None)
        is_rest = sent.startswith(f"bytes {self._part.have}-") and not is_encoded(answer)
        is_as_long = self._total is None or length_of_file(answer) in (None, self._total)
        return answer.status_code == PARTIAL and known and is_rest and is_as_long

    def _write(self, answer: requests.Response) -> None:
        wanted, total = self._wanted, None if is_encoded(answer) else length_of_file(answer)
        self._check_size(total)
        self.is_joined = bool(self._part.have)
        self._version, self._is_settled = Version.of(answer), is_settled(answer)
        self._declared = declared_sha256(answer) or self._declared
        self._total = wanted.size if total is None else total
        if self._total is None:  # it must not fill the disk, and take it away from everything else
            self._most = min(_LARGEST, self._part.have + shutil.disk_usage(self._part.path.parent).free // 2)
        self._part.append(self._blocks(answer), self._total, flushes=self._flushes)
        if self._part.have < (self._total or 0) and not is_encoded(answer):
            raise MirrorError("no-answer", f"{shown_url(wanted.url)} breaks off", hint="Run again.")

    def _check_length(self) -> None:
        """Confirm that no more came than there can be."""
        if self._total is None and self._part.have > self._most:
            hint = "The server does not say its size, and it takes half of the free space: choose another disk."
            raise too_large(self._wanted.url, self._most, hint)
        if self._total is not None and self._part.have > self._total:
            self._check_size(self._part.have)
            raise too_large(self._wanted.url, self._total, "The server sends more than it announced.")

    def _blocks(self, answer: requests.Response) -> Iterator[bytes]:
        """Yield the file as the answer has it, or the rest of it.

        :raises MirrorError: if it is a web page, has no size and is no archive, or was compressed as no wheel can be.
        """
        url, encoded = self._wanted.url, is_encoded(answer)
        blocks = inflated(url, self._counted(answer), answer.headers.get("Content-Encoding", ""))
        try:
            for block in filter(None, blocks):
                is_page, is_first = is_web_page(answer), not self._part.have
                if is_first and (is_page or self._total is None) and not _ARCHIVE.startswith(block[: len(_ARCHIVE)]):
                    raise not_a_wheel(url, is_page=is_page)
                yield block
                self._has_begun = True
                self._check_length()
                if encoded and self._part.have > _MOST_INFLATED * self._received + BLOCK:
                    raise too_large(url, _MOST_INFLATED * self._received, "They are compressed as no wheel can be.")
        except MirrorError as error:
            if encoded and error.code == "no-answer":  # a part of what is compressed cannot be continued
                self.restart()
            raise

    def _counted(self, answer: requests.Response) -> Iterator[bytes]:
        """Yield what the server sends, and count it."""
        for block in self._session.blocks(self._wanted.url, answer):
            self._received += len(block)
            yield block

    def _check_size(self, size: int | None) -> None:
        """Confirm that the file may have ``size`` bytes, where both that and the right size are known."""
        wanted = self._wanted
        if None in (size, wanted.size) or size == wanted.size or wanted.sha256 is not None:
            return
        raise MirrorError(
            "wrong-size",
            f"{shown(wanted.name)} has another size than {wanted.source} says, and was not downloaded",
            reason=f"it has {size:,} bytes, {wanted.source} says {wanted.size:,}",
            hint=self._hint(),
        )

    def _hint(self) -> str:
        """Return what to do about a file that is another one than ``source`` says."""
        if self._wanted.source != INDEX:
            return "Check the URL, and run again."
        return "Run again, and report it to the operator of the index if it persists."
