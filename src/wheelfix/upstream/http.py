"""Requests to an index: limited in number, time and memory, with credentials that are never shown.

Credentials come from a netrc file, or from keyring where that is installed; never from a URL.
"""

import hashlib
import math
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import sleep
from typing import Any, Final, NamedTuple

import requests
from msgspec.structs import replace

from wheelfix.errors import MirrorError
from wheelfix.options import Limits
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.results import Traffic
from wheelfix.upstream.answers import (
    BUSY,
    DENIED,
    ERRORS,
    NOT_MODIFIED,
    OK,
    REDIRECTS,
    bad_redirect,
    closes,
    follow,
    inflated,
    pause_before,
    release,
    too_large,
    why_silent,
)
from wheelfix.upstream.cache import Cache, Stored
from wheelfix.upstream.pacing import DOWNLOADS_AT_ONCE, Server
from wheelfix.upstream.sockets import Deadline, LimitedAdapter
from wheelfix.upstream.urls import server_of, shown_url, validate_url
from wheelfix.version import __version__

_BLOCK: Final = 1 << 16
LARGEST_PAGE: Final = 1 << 25
"""In bytes, inflated. The largest pages of PyPI have 10 to 20 million."""
_MOST_TRIES: Final = 4
_MOST_OF_A_RUN: Final = 1_000_000
"""How many requests a run that downloads makes at most: some for each wheel, and one for each page."""
_LONGEST_PAUSE: Final = 120.0
"""In seconds: a server that wants a longer pause is reported, not waited for."""
_LONGEST_PAUSES: Final = 600.0
"""In seconds: how long all pauses of a session may last together."""
_MOST_HOPS: Final = 10
_MOST_UNANSWERED: Final = 3
_LONGEST_SILENCE: Final = 60.0
"""In seconds: a server that leaves three requests in a row, and all in this time, unanswered gets no more."""


class _Requests(requests.Session):
    """What one thread makes requests with."""

    def __init__(self) -> None:
        super().__init__()
        self._settings: dict[str, Any] = {}

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow nothing: requests reads the whole body of a redirect, whatever its size."""

    def merge_environment_settings(self, url: Any, *given: Any) -> Any:
        """Return what the environment says of proxies and certificates for a server, which is looked up once.

        It reads all environment variables twice: 0.1 ms, where a request takes 1.5 ms of processor time.
        """
        server = server_of(url)
        if server not in self._settings:
            self._settings[server] = super().merge_environment_settings(url, *given)
        return dict(self._settings[server])


class Answer(NamedTuple):
    """An answer that was read to its end, from ``url``, where redirects led to; ``body`` is inflated."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes


class Session:
    """A session with web servers, which several threads may use at once.

    ``timeout`` is how long to wait for each piece of an answer, ``seconds`` for all answers together; ``most`` limits the
    number of requests, redirects included. A server that leaves ``patience`` requests in a row unanswered, for ``silence``
    seconds, gets no more, if that is given. ``connections`` is how many to keep open to each server. Pauses before a retry
    are reported to ``progress``; all threads wait for the end of a pause. What is read by :meth:`get` is kept in ``cache``,
    and read from there again where the server says that it has not changed.

    :raises MirrorError: from every method, if a URL is not valid, the server does not answer, or a limit is reached.
    """

    def __init__(
        self,
        *,
        timeout: float = 30,
        seconds: float = 3600,
        most: int = 10_000,
        patience: int | None = None,
        silence: float = 0,
        connections: int = 1,
        cache: Cache | None = None,
        progress: Progress = NO_PROGRESS,
    ) -> None:
        if not (math.isfinite(timeout) and math.isfinite(seconds) and timeout > 0 and seconds >= 0):
            raise ValueError(f"timeout and seconds must be finite and not negative, not {timeout} and {seconds}")
        self._timeout = timeout
        self._deadline = Deadline(seconds)
        self._most = most
        self._patience = patience
        self._silence = silence
        self._pauses_left = _LONGEST_PAUSES
        self._cache = cache
        self._progress = progress
        self._servers: defaultdict[str, Server] = defaultdict(Server)
        self._traffic = Traffic()
        self._lock = threading.Lock()
        self._keyring = threading.Lock()
        self._adapter = LimitedAdapter(timeout, self._deadline, connections)
        self._own = threading.local()

    @property
    def traffic(self) -> Traffic:
        """How much was requested and received so far."""
        return self._traffic

    def close(self) -> None:
        """Abort all requests in all threads, and refuse new ones."""
        self._deadline.expire()
        self._adapter.end()

    def request(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Return the answer to a request, whatever its status is. Its body is not read yet; the caller closes it.

        A request to a busy server is retried a few times, when the server says (Retry-After) or after a short while.
        """
        first = url
        for _ in range(_MOST_HOPS):
            answer = self._request_with_retries(method, url, headers)
            target = answer.headers.get("Location")
            if answer.status_code not in REDIRECTS or target is None:
                return answer
            release(answer)
            url = follow(url, target)
        hint = "Check the URL, or report it to the operator of the index."
        raise bad_redirect(f"{shown_url(first)}: too many redirects", hint)

    def _request_with_retries(self, method: str, url: str, headers: Mapping[str, str] | None) -> requests.Response:
        answer = self._request_once(method, url, headers)
        for turn in range(1, _MOST_TRIES):
            pause = pause_before(turn, answer)
            if answer.status_code not in BUSY or pause > min(_LONGEST_PAUSE, self._pauses_left, self._deadline.left()):
                break
            answer.close()
            self._pause(url, pause, answer.status_code)
            answer = self._request_once(method, url, headers)
        return answer

    def _pause(self, url: str, pause: float, status: int) -> None:
        """Wait for ``pause`` seconds, and let all threads wait; it counts once, and is reported once."""
        server = self._server(url)
        added, ends = server.pause(pause)
        with self._lock:
            self._pauses_left -= added
        if pause and added == pause:
            self._progress.waiting(shown_url(url), pause, f"the server answers {status}")
        sleep(pause)
        server.resume(ends)

    def _request_once(self, method: str, url: str, headers: Mapping[str, str] | None) -> requests.Response:
        validate_url(url)
        server = self._server(url)
        if pause := server.pause_left():
            sleep(pause)
        known = server.credentials
        with server.turn():
            if self._patience is not None:
                server.refuse_silent(server_of(url), self._patience, self._silence)
            self._count(url)
            try:
                answer = self._session().request(
                    method,
                    url,
                    headers={"Accept-Encoding": "identity", **(headers or {})},
                    timeout=min(self._timeout, self._deadline.left()),
                    stream=True,
                    auth=known,
                )
            except ERRORS as error:
                raise self._silent(url, *why_silent(error)) from error
            server.answered(busy=answer.status_code in BUSY, closes=closes(answer))
        if answer.raw.length_remaining == 0:  # HEAD, 304: reading the empty body gives the connection back
            answer.raw.read(1, decode_content=False)
        if answer.status_code in DENIED and self._find_credentials(url) not in (None, known):
            answer.close()
            return self._request_once(method, url, headers)
        return answer

    def _server(self, url: str) -> Server:
        with self._lock:
            return self._servers[server_of(url)]

    def _session(self) -> requests.Session:
        """Return the session of this thread: one of requests keeps what it is doing. Their connections are shared."""
        session: requests.Session | None = getattr(self._own, "session", None)
        if session is None:
            self._own.session = session = _Requests()
            session.headers["User-Agent"] = f"wheelfix/{__version__}"
            for scheme in ("http://", "https://"):
                session.mount(scheme, self._adapter)
        return session

    def _count(self, url: str) -> None:
        """Count a request, or raise the error for a limit that is reached."""
        with self._lock:
            if self._traffic.requests >= self._most:
                raise _limit_reached(url, "request")
            self._check_time(url)
            self._traffic = replace(self._traffic, requests=self._traffic.requests + 1)

    def _check_time(self, url: str) -> None:
        if not self._deadline.left():
            raise _limit_reached(url, "time")

    def _silent(self, url: str, what: str, hint: str) -> MirrorError:
        """Return the error for a server that does not answer, or not within the limit."""
        if not self._deadline.left():
            return _limit_reached(url, "time")
        self._server(url).did_not_answer()
        return MirrorError("no-answer", f"{shown_url(url)} {what}", hint=hint)

    def _find_credentials(self, url: str) -> tuple[str, str] | None:
        """Return the credentials for the server of ``url`` from keyring, which is asked once."""
        server = self._server(url)
        with self._keyring:  # it may ask the user: once
            if not server.looked_up:
                server.credentials, server.looked_up = _credentials_for(url), True
        return server.credentials

    def blocks(self, url: str, answer: requests.Response) -> Iterator[bytes]:
        """Yield the body of the answer from ``url``, as it was sent."""
        server = self._server(url)
        while True:
            try:
                block: bytes = answer.raw.read(_BLOCK, decode_content=False)
            except ERRORS as error:
                raise self._silent(url, *why_silent(error, "breaks off")) from error
            server.received()
            if not block:
                return
            with self._lock:
                self._traffic = replace(self._traffic, received=self._traffic.received + len(block))
            yield block
            self._check_time(url)

    def read(self, url: str, answer: requests.Response, largest: int) -> bytes:
        """Return the body, inflated and at most ``largest`` bytes, of the answer from ``url``."""
        body = bytearray()
        for piece in inflated(url, self.blocks(url, answer), answer.headers.get("Content-Encoding", "")):
            body += piece
            if len(body) > largest:
                raise too_large(url, largest, "No real page is so large; the rest was not read.")
        return bytes(body)

    def get(self, url: str, accept: str = "*/*", *, largest: int = LARGEST_PAGE) -> Answer:
        """Return the answer to a GET request, of at most ``largest`` bytes.

        It is the one in the cache where the server says that this is still right (RFC 9110, 13).
        """
        stored = self._cache.load(url, accept) if self._cache else None
        headers = {"Accept": accept, "Accept-Encoding": "gzip"}
        with self.request("GET", url, headers | (stored.conditions() if stored else {})) as answer:
            if stored is None or answer.status_code != NOT_MODIFIED:
                return self._received(url, accept, answer, largest)
            if answer.url == stored.url:
                with self._lock:
                    self._traffic = replace(self._traffic, unchanged=self._traffic.unchanged + 1)
                return Answer(OK, stored.url, stored.headers_after(answer.headers), stored.body)
        with self.request("GET", url, headers) as answer:  # it redirects to another URL, which knows nothing of ours
            return self._received(url, accept, answer, largest)

    def _received(self, url: str, accept: str, answer: requests.Response, largest: int) -> Answer:
        found = Answer(answer.status_code, answer.url, answer.headers, self.read(url, answer, largest))
        if self._cache and found.status == OK and (stored := Stored.of(found.url, found.headers, found.body)):
            self._cache.store(url, accept, stored)
        return found

    def save(self, url: str, answer: requests.Response, path: Path, *, largest: int) -> str:
        """Write the body of the answer from ``url`` to the new file ``path``; return its sha256 (hexadecimal).

        :raises MirrorError: also if it has more than ``largest`` bytes.
        """
        digest = hashlib.sha256()
        with path.open("xb") as output:
            for block in self.blocks(url, answer):
                digest.update(block)
                output.write(block)
                if output.tell() > largest:
                    raise too_large(url, largest, "The page says another size.")
        return digest.hexdigest()


def open_session(limits: Limits, progress: Progress, cache: Cache | None = None) -> Session:
    """Return a session for the downloads of one run, within ``limits``; pauses are reported to ``progress``.

    Pages are kept in ``cache``, if there is one.
    """
    return Session(
        seconds=limits.download_seconds,
        patience=_MOST_UNANSWERED,
        silence=_LONGEST_SILENCE,
        most=_MOST_OF_A_RUN,
        connections=DOWNLOADS_AT_ONCE,
        cache=cache,
        progress=progress,
    )


def _credentials_for(url: str) -> tuple[str, str] | None:
    """Return what keyring has for ``url``, or for its host."""
    try:
        import keyring  # imported late: few installations have it

        found = keyring.get_credential(url, None) or keyring.get_credential(server_of(url).partition("://")[2], None)
    except Exception:  # noqa: BLE001 - it is not installed; backends are third-party plugins, and may be locked
        return None
    return (found.username, found.password) if found is not None else None


def _limit_reached(url: str, limit: str) -> MirrorError:
    return MirrorError(
        "limit-reached", f"there is no {limit} left for {shown_url(url)}", hint="Check fewer projects, or raise the limit."
    )
