"""Connections to web servers that end when the time is up, however slowly a server speaks.

The timeout of a socket is for one piece of data: a server that sends a byte now and then never reaches it. So each read from
the network is given what is left of the time.
"""

import io
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection


class Deadline:
    """The moment, ``seconds`` from now, when everything must have been answered."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return how many seconds are left, 0 where none are."""
        return max(0.0, self._end - time.monotonic())


class _Reader(io.RawIOBase):
    """What comes from a socket, each piece within ``timeout`` seconds, and all of it before ``deadline``."""

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
            raise TimeoutError("the time is up")
        self._sock.settimeout(min(self._timeout, left))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Socket:
    """A socket whose reading is bounded."""

    def __init__(self, sock: Any, timeout: float, deadline: Deadline) -> None:
        self._sock = sock
        self._bounds = timeout, deadline

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        """Return what http.client reads an answer from."""
        return io.BufferedReader(_Reader(self._sock, *self._bounds))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class BoundedAdapter(HTTPAdapter):
    """What a session of requests connects with: ``timeout`` in seconds is for each piece, ``deadline`` for all."""

    def __init__(self, timeout: float, deadline: Deadline) -> None:
        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                self.sock = _Socket(self.sock, timeout, deadline)

        class Encrypted(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                self.sock = _Socket(self.sock, timeout, deadline)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(HTTPSConnectionPool):
            ConnectionCls = Encrypted

        self._pools = {"http": PlainPool, "https": EncryptedPool}
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the pools, of connections that are bounded."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the same for connections by way of ``proxy``; those by way of SOCKS have the timeout of each piece only."""
        manager = super().proxy_manager_for(proxy, **options)
        if type(manager) is ProxyManager:
            manager.pool_classes_by_scheme = self._pools
        return manager
