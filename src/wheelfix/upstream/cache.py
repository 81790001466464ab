"""Answers of servers, kept from run to run, and used again only if the server confirms them.

Every answer in the cache is requested again, with If-None-Match or If-Modified-Since (RFC 9110, 13), whatever its
Cache-Control says: who checks an index wants to know what it serves now.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

_PREFIX: Final = "wheelfix-"
_SUFFIX: Final = ".answer"
"""What the names of our files begin and end with: no others are ever touched, for DIR may hold more than a cache."""
_PART: Final = "part-of-an-answer-"
"""What the name of a file that is being written has after the beginning."""
KEPT: Final = 14 * 24 * 3600
"""In seconds: how long a file is kept that no run needs."""
_KEPT_HEADERS: Final = ("Content-Type", "Cache-Control", "Content-Length", "Content-Encoding", "Transfer-Encoding")
_CONDITIONS: Final = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
"""The validators of an answer, and the request headers that check them (RFC 9110, 8.8 and 13.1)."""


class Stored(Struct, frozen=True):
    """An answer from ``url``, where redirects led to, with its ``body`` inflated."""

    url: str
    headers: dict[str, str]
    version: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, url: str, headers: Mapping[str, str], body: bytes) -> "Stored | None":
        """Return the answer as it can be stored; ``None`` if it has no ETag or Last-Modified, or is ``no-store``."""
        version = {name: headers[name] for name in _CONDITIONS if name in headers}
        if not version or "no-store" in headers.get("Cache-Control", "").lower():
            return None
        return cls(url, {name: headers[name] for name in _KEPT_HEADERS if name in headers}, version, body)

    def conditions(self) -> dict[str, str]:
        """Return the headers of a conditional request: it is answered in full only if there is another version."""
        return {_CONDITIONS[name]: value for name, value in self.version.items()}

    def headers_after(self, news: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers once a server has said, with the headers ``news``, that nothing changed."""
        control = news.get("Cache-Control", self.headers.get("Cache-Control", ""))
        return {**self.headers, "Cache-Control": control}


_DECODER: Final = msgspec.msgpack.Decoder(Stored)
"""Made at import, before there are threads: msgspec 0.22 crashes where two of them prepare it at once."""


class Cache:
    """Answers in ``directory``, which is created on first use; only their owner may read them, as pages may be private.

    Those that no run has needed for two weeks are removed; other files in the directory are left alone. What cannot be read
    or written is as if it were not there: a cache never makes a run fail.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with suppress(OSError):
            remove_old(directory, f"{_PREFIX}{'[0-9a-f]' * 64}{_SUFFIX}")
            remove_old(directory, f"{_PREFIX}{_PART}*{_SUFFIX}")

    def load(self, url: str, accept: str) -> Stored | None:
        """Return the answer for ``url`` in the form ``accept``, if there is one."""
        path = self._path(url, accept)
        try:
            found = _DECODER.decode(path.read_bytes())
            os.utime(path)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):  # a disk may turn bits
            return None
        return found

    def store(self, url: str, accept: str, answer: Stored) -> None:
        """Keep an answer, in place of the one that is there."""
        with suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, part = tempfile.mkstemp(_SUFFIX, _PREFIX + _PART, self._directory)
            try:
                with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                    file.write(msgspec.msgpack.encode(answer))
                os.replace(part, self._path(url, accept))
            except BaseException:
                os.unlink(part)  # noqa: PTH108
                raise

    def _path(self, url: str, accept: str) -> Path:
        digest = hashlib.sha256(f"{accept}\n{url}".encode()).hexdigest()
        return self._directory / f"{_PREFIX}{digest}{_SUFFIX}"


def remove_old(directory: Path, pattern: str = "*") -> None:
    """Remove the files in ``directory`` that fit ``pattern`` and that no run has needed for :data:`KEPT` seconds."""
    for path in directory.glob(pattern):
        if path.is_file() and age_of(path) > KEPT:
            path.unlink(missing_ok=True)


def age_of(path: Path) -> float:
    """Return for how many seconds no run has needed the file at ``path``; 0 if it is gone."""
    now = datetime.now(UTC).timestamp()  # noqa: TID251 - how old a file is changes what is downloaded again, never a result
    try:
        return now - path.stat().st_mtime
    except FileNotFoundError:  # another run has removed it
        return 0
