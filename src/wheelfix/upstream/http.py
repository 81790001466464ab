"""Requests to an index: limited in number, time and memory, with credentials that are never shown.

Credentials come from a netrc file, or from keyring where that is installed; never from a URL.
"""

import hashlib
import io
import math
import time
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import sleep
from typing import Any, Final
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from wheelfix.errors import MirrorError
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.upstream.urls import host_of, server_of, shown_url, validate_url
from wheelfix.version import __version__


class Deadline:
    """The moment, ``seconds`` from now, by which everything must have been answered."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return how many seconds are left, 0 where none are."""
        return max(0.0, self._end - time.monotonic())


class _Reader(io.RawIOBase):
    """What comes from a socket: each piece within ``timeout`` seconds, and all of it before ``deadline``."""

    def __init__(self, sock: Any, timeout: float, deadline: Deadline) -> None:
        super().__init__()
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)  # it keeps the socket open until the answer is read
        self._timeout = timeout
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline.left()
        if not left:
            raise TimeoutError("the time limit is reached")
        self._sock.settimeout(min(self._timeout, left))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Socket:
    """A socket from which every read ends in time."""

    def __init__(self, sock: Any, timeout: float, deadline: Deadline) -> None:
        self._sock = sock
        self._limits = timeout, deadline

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        """Return what http.client reads an answer from."""
        return io.BufferedReader(_Reader(self._sock, *self._limits))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class LimitedAdapter(HTTPAdapter):
    """What a session of requests connects with: ``timeout`` in seconds is for each piece, ``deadline`` for all.

    The limit sits below http.client, as one read of that can last forever: measured with urllib3 2.8, ``read1`` of a
    chunked body returns when the line with the size of the chunk has ended, however slowly it drips, and so does the head of
    an answer. ``urllib3.Retry`` is not used either: it reads the whole body of a busy server's answer before it waits.
    """

    def __init__(self, timeout: float, deadline: Deadline) -> None:
        self._limits = timeout, deadline
        super().__init__()

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """Return the pool for a request, by way of a proxy or not; its connections are limited."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        if "ConnectionCls" not in vars(pool):
            pool.ConnectionCls = _limited(pool.ConnectionCls, *self._limits)
        return pool


def _limited(kind: Any, timeout: float, deadline: Deadline) -> Any:
    """Return ``kind``, a class of connections, with sockets that are read in time."""

    class Limited(kind):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            self.sock: Any = _Socket(self.sock, timeout, deadline)

    return Limited


OK: Final = 200
PARTIAL: Final = 206
_MOST_DIGITS: Final = 10
_LONGEST_LENGTH: Final = 15
"""In digits."""
_BLOCK: Final = 1 << 16
_STEP: Final = 1 << 20
LARGEST_PAGE: Final = 1 << 25
"""In bytes, inflated. The largest pages of PyPI have 10 to 20 million."""
DENIED: Final = (401, 403)
_BUSY: Final = (429, 502, 503, 504)
"""The statuses of a server that may answer otherwise a little later (RFC 9110, 15.6; RFC 6585, 4)."""
_MOST_TRIES: Final = 4
_LONGEST_PAUSE: Final = 120.0
"""In seconds: a server that wants a longer pause is reported, not waited for."""
_LONGEST_PAUSES: Final = 600.0
"""In seconds: how long all pauses of a session may last together."""
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_MOST_HOPS: Final = 10
_ERRORS: Final = (OSError, HTTPError, ValueError)
"""What requests and urllib3 raise: their own errors, of which those of requests are OSErrors, and that of a bad URL."""
TEMPORARY: Final = frozenset({"no-answer", "limit-reached"})
"""The codes of errors that say nothing about the URL: the next run may get an answer."""


class _NoRedirects(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow nothing: requests reads the whole body of a redirect, whatever its size."""


class Session:
    """A session with web servers.

    ``timeout`` is how long to wait for each piece of an answer, ``seconds`` for all answers together; ``most`` limits the
    number of requests, redirects included. Pauses before a retry are reported to ``progress``.

    :raises MirrorError: from every method, if a URL is not valid, the server does not answer, or a limit is reached.
    """

    def __init__(
        self, *, timeout: float = 30, seconds: float = 3600, most: int = 10_000, progress: Progress = NO_PROGRESS
    ) -> None:
        if not (math.isfinite(timeout) and math.isfinite(seconds) and timeout > 0 and seconds >= 0):
            raise ValueError(f"timeout and seconds must be finite and not negative, not {timeout} and {seconds}")
        self._credentials: dict[str, tuple[str, str] | None] = {}
        self._timeout = timeout
        self._deadline = Deadline(seconds)
        self._patience = _LONGEST_PAUSES
        self._left = most
        self._progress = progress
        self._requests = _NoRedirects()
        self._requests.headers["User-Agent"] = f"wheelfix/{__version__}"
        for scheme in ("http://", "https://"):
            self._requests.mount(scheme, LimitedAdapter(timeout, self._deadline))

    def request(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Return the answer to a request, whatever its status is. Its body is not read yet; the caller closes it.

        A request to a busy server is retried a few times, when the server says (Retry-After) or after a short while.
        """
        first = url
        for _ in range(_MOST_HOPS):
            answer = self._request_with_retries(method, url, headers)
            target = answer.headers.get("Location")
            if answer.status_code not in _REDIRECTS or target is None:
                return answer
            answer.close()
            url = _follow(url, target)
        hint = "Check the URL, or report it to the operator of the index."
        raise _bad_redirect(f"{shown_url(first)}: too many redirects", hint)

    def _request_with_retries(self, method: str, url: str, headers: Mapping[str, str] | None) -> requests.Response:
        answer = self._request_once(method, url, headers)
        for turn in range(1, _MOST_TRIES):
            pause = _pause_before(turn, answer)
            if answer.status_code not in _BUSY or pause > min(_LONGEST_PAUSE, self._patience, self._deadline.left()):
                break
            answer.close()
            self._patience -= pause
            if pause:
                self._progress.waiting(shown_url(url), pause, f"the server answers {answer.status_code}")
            sleep(pause)
            answer = self._request_once(method, url, headers)
        return answer

    def _request_once(self, method: str, url: str, headers: Mapping[str, str] | None) -> requests.Response:
        validate_url(url)
        self._left -= 1
        self._check_limits(url)
        known = self._credentials.get(server_of(url))
        try:
            answer = self._requests.request(
                method,
                url,
                headers={"Accept-Encoding": "identity", **(headers or {})},
                timeout=min(self._timeout, self._deadline.left()),
                stream=True,
                auth=known,
            )
        except _ERRORS as error:
            raise self._silent(url, *_why_silent(error)) from error
        if answer.status_code in DENIED and self._find_credentials(url):
            answer.close()
            return self._request_once(method, url, headers)
        return answer

    def _check_limits(self, url: str) -> None:
        if self._left < 0:
            raise _limit_reached(url, "request")
        if not self._deadline.left():
            raise _limit_reached(url, "time")

    def _silent(self, url: str, what: str, hint: str) -> MirrorError:
        """Return the error for a server that does not answer, or not within the limit."""
        if not self._deadline.left():
            return _limit_reached(url, "time")
        return MirrorError("no-answer", f"{shown_url(url)} {what}", hint=hint)

    def _find_credentials(self, url: str) -> bool:
        """Read the credentials for the server of ``url`` from keyring; return whether there are new ones."""
        server = server_of(url)
        if server in self._credentials:
            return False
        self._credentials[server] = None
        try:
            import keyring  # imported late: few installations have it

            found = keyring.get_credential(url, None) or keyring.get_credential(server.partition("://")[2], None)
        except Exception:  # noqa: BLE001 - it is not installed; backends are third-party plugins, and may be locked
            return False
        if found is not None:
            self._credentials[server] = (found.username, found.password)
        return found is not None

    def blocks(self, url: str, answer: requests.Response) -> Iterator[bytes]:
        """Yield the body of the answer from ``url``, as it was sent."""
        while True:
            try:
                block: bytes = answer.raw.read(_BLOCK, decode_content=False)
            except _ERRORS as error:
                raise self._silent(url, "breaks off", "Run again.") from error
            if not block:
                return
            yield block
            self._check_limits(url)

    def read(self, url: str, answer: requests.Response, largest: int) -> bytes:
        """Return the body, inflated and at most ``largest`` bytes, of the answer from ``url``."""
        body = bytearray()
        for piece in _inflated(url, self.blocks(url, answer), answer.headers.get("Content-Encoding", "")):
            body += piece
            if len(body) > largest:
                raise MirrorError(
                    "too-large",
                    f"{shown_url(url)} has more than {largest:,} bytes",
                    hint="No real page is so large; the rest was not read.",
                )
        return bytes(body)

    def get(self, url: str, accept: str = "*/*", *, largest: int = LARGEST_PAGE) -> tuple[requests.Response, bytes]:
        """Return the answer to a GET request, and its body of at most ``largest`` bytes."""
        with self.request("GET", url, {"Accept": accept, "Accept-Encoding": "gzip"}) as answer:
            return answer, self.read(url, answer, largest)

    def save(self, url: str, path: Path, *, largest: int) -> str:
        """Download ``url``, at most ``largest`` bytes, to the new file ``path``; return its sha256 (hexadecimal)."""
        digest = hashlib.sha256()
        with self.request("GET", url) as answer, path.open("xb") as output:
            if answer.status_code != OK:
                raise bad_answer(url, answer.status_code)
            for block in self.blocks(url, answer):
                digest.update(block)
                output.write(block)
                if output.tell() > largest:
                    raise MirrorError(
                        "too-large", f"{shown_url(url)} has more than {largest:,} bytes", hint="The page says another size."
                    )
        return digest.hexdigest()


def length_of(text: str) -> int | None:
    """Return the number of bytes that a header or an attribute says, ``None`` where it says none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_LENGTH else None


def _limit_reached(url: str, limit: str) -> MirrorError:
    return MirrorError(
        "limit-reached", f"there is no {limit} left for {shown_url(url)}", hint="Check fewer projects, or raise the limit."
    )


def bad_answer(url: str, status: int) -> MirrorError:
    """Return the error for a server that answers with this ``status`` instead of the file."""
    if status in DENIED:
        return MirrorError("access-denied", f"{shown_url(url)} answers {status}", hint=access_hint(url))
    hint = "The server is busy: run again later." if status in _BUSY else "Check the URL, or run again later."
    return MirrorError("bad-answer", f"{shown_url(url)} answers {status}", hint=hint)


def access_hint(url: str) -> str:
    """Return what to do where the server of ``url`` requires credentials."""
    return f"Put your credentials into ~/.netrc (machine {host_of(url)} login ... password ...), or into keyring."


def _why_silent(error: Exception) -> tuple[str, str]:
    """Return what is wrong with a server that gives no answer, and what to do."""
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return (
            "has a certificate that is not trusted (SSLError)",
            "If your own certificate authority (CA) signed it, set REQUESTS_CA_BUNDLE to the file with the CA certificate. "
            "SSL_CERT_FILE has no effect here.",
        )
    return f"does not answer: {type(error).__name__}", "Check the URL and the network."


def _pause_before(turn: int, answer: requests.Response) -> float:
    """Return how many seconds to wait before the retry number ``turn``.

    Retry-After is a number of seconds or a date (RFC 9110, 10.2.3); a date counts from that of the answer, as the clocks of
    server and client need not agree, or from now where the answer has no date that can be read.
    """
    said = answer.headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return float(said) if len(said) < _MOST_DIGITS else math.inf
    try:
        until = parsedate_to_datetime(said)
        return max(0.0, (until - _date_of(answer)).total_seconds())
    except (ValueError, TypeError, OverflowError):  # there is none, or it cannot be read, or has no time zone
        return float(2 ** (turn - 1))


def _date_of(answer: requests.Response) -> datetime:
    """Return when the server says that it answered, or the time now where it does not say."""
    try:
        date = parsedate_to_datetime(answer.headers.get("Date", ""))
        if date.tzinfo is not None:
            return date
    except (ValueError, TypeError, OverflowError):
        pass  # it does not say, or in a way that cannot be read
    return datetime.now(UTC)  # noqa: TID251 - for a pause only: no wheel depends on it


def _follow(url: str, target: str) -> str:
    """Return where ``url`` redirects to, by the header ``target``."""
    try:
        after = urljoin(url, target)
    except ValueError:
        after = target
    try:
        validate_url(after)
    except MirrorError as error:  # the user did not type that URL
        raise _bad_redirect(f"{shown_url(url)} redirects to a URL that is not valid: {error.message}") from error
    if server_of(url).startswith("https:") and not server_of(after).startswith("https:"):
        raise _bad_redirect(
            f"{shown_url(url)} redirects from https to {shown_url(after)}, where others can read and change what is sent"
        )
    return after


def _bad_redirect(message: str, hint: str = "Report it to the operator of the index.") -> MirrorError:
    return MirrorError("bad-redirect", message, hint=hint)


def _inflated(url: str, blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yield a body inflated, in small pieces: a few bytes may stand for gigabytes."""
    if encoding.strip().lower() in ("", "identity"):
        yield from blocks
        return
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)
    try:
        if encoding.strip().lower() not in ("gzip", "x-gzip"):
            raise ValueError(f"{encoding} was not accepted")
        for block in blocks:
            rest = block
            while rest:
                if inflater.eof:  # a body may have several members (RFC 1952, 2.2)
                    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)
                yield inflater.decompress(rest, _STEP)
                rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        yield inflater.flush()
        if not inflater.eof:
            raise ValueError("the compressed data ends too early")
    except (zlib.error, ValueError) as error:
        raise MirrorError(
            "bad-answer",
            f"the answer of {shown_url(url)} cannot be decompressed",
            hint="Report it to the operator of the index.",
        ) from error
