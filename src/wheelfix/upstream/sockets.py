"""Connections that are read in time, whatever a server sends, and that end at once where a run ends early."""

import io
import socket
import time
from contextlib import suppress
from threading import Lock
from typing import Any, Final
from weakref import WeakSet

from requests.adapters import HTTPAdapter

_LEAST_RATE: Final = 1000
"""In bytes a second: four downloads at a time need more even of a mobile link that is throttled to 64 kbit/s."""
_HEAD_START: Final = 2
"""How many times the ``timeout`` an answer may take besides, as a server may have to prepare it."""


class TooSlow(TimeoutError):
    """An answer comes too slowly: it would hold a run for hours, though each piece of it is in time."""


class Deadline:
    """The moment, ``seconds`` from now, by which everything must have been answered."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return how many seconds are left, 0 where none are."""
        return max(0.0, self._end - time.monotonic())

    def expire(self) -> None:
        """Expire now."""
        self._end = time.monotonic()


class _Reader(io.RawIOBase):
    """One answer from a socket: each piece within ``timeout`` seconds, all of it before ``deadline``, and not too slowly.

    Only the time counts in which the server is waited for: who writes to a slow disk meanwhile loses nothing.
    """

    def __init__(self, sock: Any, timeout: float, deadline: Deadline) -> None:
        super().__init__()
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)  # it keeps the socket open until the answer is read
        self._timeout = timeout
        self._deadline = deadline
        self._left = _HEAD_START * timeout
        """For how many seconds the server may be waited for yet."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline.left()
        if not left:
            raise TimeoutError("the time limit is reached")
        if self._left <= 0:
            raise TooSlow
        self._sock.settimeout(min(self._timeout, left))
        begun = time.monotonic()
        count: int | None = self._raw.readinto(buffer)
        self._left += (count or 0) / _LEAST_RATE - (time.monotonic() - begun)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Socket:
    """A socket whose reads respect the deadline."""

    def __init__(self, sock: Any, timeout: float, deadline: Deadline) -> None:
        self._sock = sock
        self._limits = timeout, deadline

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        """Return what http.client reads an answer from."""
        return io.BufferedReader(_Reader(self._sock, *self._limits))

    def end(self) -> None:
        """Wake up whoever reads from it, with the end of the data."""
        with suppress(OSError, ValueError):  # it is closed already
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)  # that of a TLS socket would change it under its reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Sockets:
    """The sockets of one adapter.

    They do not know the adapter: urllib3 keeps the connections of a pool until the pool is forgotten, and with a way back
    to it, from connection to adapter to pool, it never would be, nor any connection closed.
    """

    def __init__(self, timeout: float, deadline: Deadline) -> None:
        self._timeout = timeout
        self._deadline = deadline
        self._open: WeakSet[_Socket] = WeakSet()
        self._lock = Lock()

    def wrap(self, sock: Any) -> _Socket:
        """Return ``sock`` with limits."""
        wrapped = _Socket(sock, self._timeout, self._deadline)
        with self._lock:
            self._open.add(wrapped)
        return wrapped

    def end(self) -> None:
        """End all that are open."""
        with self._lock:
            sockets = [*self._open]
        for each in sockets:
            each.end()


class LimitedAdapter(HTTPAdapter):
    """What sessions of requests connect with: ``timeout`` in seconds is for each piece, ``deadline`` for all.

    An answer that takes longer than twice the timeout must have 1,000 bytes for each second more.

    Several threads may use it at once, ``most`` of their connections are kept for each server.

    The limit sits below http.client, as one read of that can last forever: measured with urllib3 2.8, ``read1`` of a
    chunked body returns when the line with the size of the chunk has ended, however slowly it drips, and so does the head of
    an answer. ``urllib3.Retry`` is not used either: it reads the whole body of a busy server's answer before it waits.
    """

    def __init__(self, timeout: float, deadline: Deadline, most: int) -> None:
        self._sockets = _Sockets(timeout, deadline)
        self._lock = Lock()
        super().__init__(pool_maxsize=most)

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """Return the pool for a request, by way of a proxy or not; its connections are limited."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        with self._lock:  # two threads would limit it twice
            if "ConnectionCls" not in vars(pool):
                pool.ConnectionCls = _limited(pool.ConnectionCls, self._sockets)
        return pool

    def end(self) -> None:
        """End all connections: who waits for an answer gets an error at once."""
        self._sockets.end()


def _limited(kind: Any, sockets: _Sockets) -> Any:
    """Return ``kind``, a class of connections, with sockets that are read in time."""

    class Limited(kind):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            self.sock: Any = sockets.wrap(self.sock)

    return Limited
