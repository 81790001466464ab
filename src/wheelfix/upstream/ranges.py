"""METADATA of a wheel that is elsewhere, read by the parts of it that are needed."""

import io
import lzma
import zlib
from typing import Any, Final
from zipfile import (
    ZIP_DEFLATED,
    ZIP_STORED,
    BadZipFile,
    ZipFile,  # noqa: TID251 - it reads one file of a wheel that is elsewhere, through ranges
    ZipInfo,
)

import requests

from wheelfix.errors import MirrorError
from wheelfix.upstream.http import PARTIAL, Web
from wheelfix.upstream.urls import shown_url

_BLOCK: Final = 1 << 16
_LARGEST_METADATA: Final = 1 << 23
_LARGEST_PART: Final = 1 << 25
"""In bytes: the list of the members of a wheel, of which the largest real ones have some megabytes."""
_MOST_DIGITS: Final = 15
_UNREADABLE: Final = (BadZipFile, zlib.error, lzma.LZMAError, ValueError, LookupError, RuntimeError, OSError, EOFError)


def metadata_of(web: Web, url: str) -> bytes | None:
    """Return METADATA of the wheel at ``url``, read by ranges; ``None`` where the server does not give them.

    :raises MirrorError: if it cannot be read, or the server does not answer.
    """
    with web.ask("GET", url, {"Range": "bytes=0-0"}) as first:
        total = first.headers.get("Content-Range", "").rpartition("/")[2]
    if first.status_code != PARTIAL or length_of(total) is None:
        return None
    try:
        with ZipFile(_Parts(_Ranges(web, url, int(total)), _BLOCK)) as archive:
            return _read(archive, url)
    except _UNREADABLE as error:
        raise MirrorError(
            "bad-wheel", f"{shown_url(url)} cannot be read as a wheel, by parts", hint="Verify the wheel."
        ) from error


def length_of(text: str) -> int | None:
    """Return the number of bytes that a header tells, ``None`` where it tells none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def _read(archive: ZipFile, url: str) -> bytes:
    found = [each for each in archive.infolist() if _is_metadata(each)]
    if len(found) != 1:
        raise MirrorError("no-metadata", f"{shown_url(url)} has no METADATA to read", hint="Verify the wheel.")
    [info] = found
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED) or max(info.file_size, info.compress_size) > _LARGEST_METADATA:
        raise BadZipFile("METADATA is huge, or compressed as in no wheel")
    with archive.open(info) as member:
        data = member.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise BadZipFile("METADATA is shorter than the archive says")
    return data


def _is_metadata(info: ZipInfo) -> bool:
    return info.filename.endswith(".dist-info/METADATA") and info.filename.count("/") == 1


class _Ranges(io.RawIOBase):
    """A file elsewhere, read by ranges."""

    def __init__(self, web: Web, url: str, size: int) -> None:
        super().__init__()
        self._web = web
        self._url = url
        self.size = size
        self._position = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        stop = min(self._position + len(view), self.size)
        if stop <= self._position:
            return 0
        wanted = stop - self._position
        with self._web.ask("GET", self._url, {"Range": f"bytes={self._position}-{stop - 1}"}) as answer:
            part = self._read(answer, wanted)
        view[:wanted] = part
        self._position = stop
        return wanted

    def _read(self, answer: requests.Response, wanted: int) -> bytes:
        part = self._web.read(self._url, answer, wanted) if answer.status_code == PARTIAL else b""
        if len(part) != wanted:
            raise OSError("the server did not give the range that was asked for")
        return part


class _Parts(io.BufferedReader):
    """The same with a buffer; what would take more memory than any wheel needs is not read."""

    def __init__(self, raw: _Ranges, block: int) -> None:
        super().__init__(raw, block)
        self._size = raw.size

    def read(self, size: int | None = -1, /) -> bytes:
        rest = max(0, self._size - self.tell())
        wanted = rest if size is None or size < 0 else min(size, rest)
        if wanted > _LARGEST_PART:
            raise OSError(f"{wanted:,} bytes at once")
        return super().read(wanted)
