"""Requests to an index: bounded in number and time, with credentials that are never told.

Who asks is known from a netrc file, or from keyring where that is installed; never from an address.
"""

import hashlib
import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zipfile import BadZipFile, ZipFile  # noqa: TID251 - it reads one file of a wheel that is elsewhere, through ranges

import requests

from wheelfix.errors import MirrorError
from wheelfix.escaping import shown
from wheelfix.version import __version__

_BLOCK: Final = 1 << 16
_LARGEST_PAGE: Final = 1 << 27
_LARGEST_METADATA: Final = 1 << 23
_PARTIAL: Final = 206
_DENIED: Final = (401, 403)


class Web:
    """A session with web servers.

    ``timeout`` is how long to wait for an answer, ``seconds`` for all of them together; ``most`` bounds their number.

    :raises MirrorError: from every method, if an address cannot be, nobody answers, or a bound is reached.
    """

    def __init__(self, *, timeout: float = 30, seconds: float = 3600, most: int = 10_000) -> None:
        self._session = requests.Session()
        self._credentials: dict[str, tuple[str, str] | None] = {}
        self._session.headers["User-Agent"] = f"wheelfix/{__version__}"
        self._timeout = timeout
        self._end = time.monotonic() + seconds
        self._left = most

    def ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, *, stream: bool = False
    ) -> requests.Response:
        """Return the answer to a request, whatever its status is."""
        check_url(url)
        self._count(url)
        try:
            answer = self._session.request(
                method,
                url,
                headers=dict(headers or {}),
                timeout=self._timeout,
                stream=stream,
                auth=self._credentials.get(urlsplit(url).netloc),
            )
            if answer.status_code in _DENIED and self._take_credentials(url):
                return self.ask(method, url, headers, stream=stream)
        except requests.RequestException as error:
            raise MirrorError(
                "no-answer",
                f"{shown(url)} does not answer: {type(error).__name__}",
                hint="Check address and network.",
            ) from error
        return answer

    def _count(self, url: str) -> None:
        self._left -= 1
        if self._left < 0 or time.monotonic() > self._end:
            bound = "requests" if self._left < 0 else "time"
            raise MirrorError(
                "out-of-bounds",
                f"there is no {bound} left for {shown(url)}",
                hint="Name fewer projects, or allow more.",
            )

    def _take_credentials(self, url: str) -> bool:
        """Take what keyring knows of the server of ``url``, and for it alone; return whether it is news."""
        server = urlsplit(url).netloc
        if server in self._credentials:
            return False
        self._credentials[server] = None
        try:
            import keyring  # imported late: it is installed where somebody uses it
        except ImportError:
            return False
        found = keyring.get_credential(url, None) or keyring.get_credential(server, None)
        if found is None:
            return False
        self._credentials[server] = (found.username, found.password)
        return True

    def get(self, url: str, accept: str = "*/*", *, largest: int = _LARGEST_PAGE) -> tuple[requests.Response, bytes]:
        """Return the answer, and its body of at most ``largest`` bytes."""
        with self.ask("GET", url, {"Accept": accept}, stream=True) as answer:
            body = bytearray()
            try:
                for block in answer.iter_content(_BLOCK):
                    body += block
                    if len(body) > largest:
                        raise _too_large(url)
            except requests.RequestException as error:
                raise MirrorError("no-answer", f"{shown(url)} breaks off", hint="Run again.") from error
            return answer, bytes(body)

    def save(self, url: str, path: Path, *, largest: int) -> str:
        """Write what lies at ``url``, ``largest`` bytes at most, to the new file ``path``; return its sha256 (in hex)."""
        digest = hashlib.sha256()
        with self.ask("GET", url, {"Accept-Encoding": "identity"}, stream=True) as answer, path.open("xb") as output:
            try:
                for block in answer.iter_content(_BLOCK):
                    digest.update(block)
                    output.write(block)
                    if output.tell() > largest:
                        raise _too_large(url)
            except requests.RequestException as error:
                raise MirrorError("no-answer", f"{shown(url)} breaks off", hint="Run again.") from error
        return digest.hexdigest()

    def metadata_of(self, url: str) -> bytes | None:
        """Return METADATA of the wheel at ``url``, read by ranges; ``None`` where the server does not give them."""
        first = self.ask("GET", url, {"Range": "bytes=0-0", "Accept-Encoding": "identity"}, stream=True)
        first.close()
        total = first.headers.get("Content-Range", "").rpartition("/")[2]
        if first.status_code != _PARTIAL or not total.isdigit():
            return None
        try:
            with ZipFile(io.BufferedReader(_Ranges(self, url, int(total)), _BLOCK)) as archive:
                names = [
                    each for each in archive.infolist()
                    if each.filename.endswith(".dist-info/METADATA") and each.filename.count("/") == 1
                ]  # fmt: skip
                if len(names) != 1 or names[0].file_size > _LARGEST_METADATA:
                    raise MirrorError("no-metadata", f"{shown(url)} has no METADATA to read", hint="Verify the wheel.")
                return archive.read(names[0])
        except (BadZipFile, ValueError, OSError) as error:
            raise MirrorError("bad-wheel", f"{shown(url)} cannot be read as a wheel", hint="Verify the wheel.") from error


def _too_large(url: str) -> MirrorError:
    return MirrorError(
        "too-large", f"{shown(url)} is larger than told, or than any real one", hint="It is not read further."
    )


class _Ranges(io.RawIOBase):
    """A file elsewhere, read by ranges."""

    def __init__(self, web: Web, url: str, size: int) -> None:
        super().__init__()
        self._web = web
        self._url = url
        self._size = size
        self._position = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        stop = min(self._position + len(buffer), self._size)
        if stop <= self._position:
            return 0
        headers = {"Range": f"bytes={self._position}-{stop - 1}", "Accept-Encoding": "identity"}
        answer = self._web.ask("GET", self._url, headers)
        if answer.status_code != _PARTIAL or len(answer.content) != stop - self._position:
            raise OSError("the server did not give the range that was asked for")
        buffer[: len(answer.content)] = answer.content
        self._position = stop
        return len(answer.content)


def check_url(url: str) -> None:
    """Confirm that ``url`` is one of http or https, without credentials.

    :raises MirrorError: if it is not.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # such as an address of IPv6 that is not closed
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise MirrorError(
            "bad-address", f"{shown(url)!r} is no address of an index", hint="Give one that begins with https://."
        )
    if "@" in parts.netloc:
        raise MirrorError(
            "credentials-in-address",
            f"the address of {parts.hostname} holds credentials",
            hint="Others can read the arguments of a process: put them into ~/.netrc, or into keyring.",
        )
