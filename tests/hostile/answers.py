"""A web server that answers byte by byte as a test says: status lines, headers and framing that no library would send."""

import re
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

from msgspec import Struct, field

_HEAD: Final = 1 << 16
_RANGE: Final = re.compile(rb"(?i)\r\nrange: bytes=(\d+)-(\d*)")


class Asked(Struct, frozen=True):
    """A request: its method and path, and the part that it wants, from the first byte to before the last."""

    method: str
    path: str
    part: tuple[int, int | None] | None


class Right(Struct, frozen=True):
    """The right answer to a request, in parts that a test can exchange; :meth:`sent` is all of it."""

    status: str
    headers: Mapping[str, str]
    body: bytes
    version: str = "HTTP/1.1"

    def sent(self) -> bytes:
        """Return it as it is sent."""
        head = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return f"{self.version} {self.status}\r\n{head}\r\n".encode("latin-1") + self.body

    def having(self, **headers: str | None) -> "Right":
        """Return it with other headers, in whose names ``_`` stands for a hyphen; ``None`` takes one away."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in self.headers.items() if name not in given}
        return Right(self.status, kept | {name: each for name, each in given.items() if each is not None}, self.body)

    def sending(self, body: bytes, **headers: str | None) -> "Right":
        """Return it with another body, and the length of that."""
        new = self.having(**{"Content_Length": str(len(body)), **headers})
        return Right(new.status, new.headers, body)

    def answering(self, status: str, **headers: str | None) -> "Right":
        """Return it with another status."""
        return Right(status, self.having(**headers).headers, self.body)


Spoil = Callable[[Asked, Right], "Right | bytes"]
"""Makes of the right answer to a request what is sent."""


class Site(Struct):
    """What a server has: a page of an index at every path that ends with a slash, and elsewhere the bytes of a file.

    ``spoil`` is done to each right answer but the first ``after``; ``requests`` are those that came.
    """

    page: bytes
    file: bytes
    spoil: Spoil
    after: int = 0
    url: str = ""
    requests: list[Asked] = field(default_factory=list)

    def answer(self, asked: Asked) -> bytes:
        """Return what is sent for a request."""
        right = self._right(asked)
        self.requests.append(asked)
        found = right if len(self.requests) <= self.after else self.spoil(asked, right)
        sent = found if isinstance(found, bytes) else found.sent()
        return sent.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if asked.method == "HEAD" and isinstance(found, Right) else sent

    def _right(self, asked: Asked) -> Right:
        if asked.path.endswith("/"):
            kind = {"Content-Type": "application/vnd.pypi.simple.v1+json", "Content-Length": str(len(self.page))}
            return Right("200 OK", kind, self.page)
        size = len(self.file)
        first, last = asked.part or (0, None)
        body = self.file[first : size if last is None else last]
        headers = {"ETag": '"one"', "Accept-Ranges": "bytes", "Content-Length": str(len(body))}
        if asked.part is None:
            return Right("200 OK", headers, body)
        if first >= size:
            return Right("416 Range Not Satisfiable", {"Content-Range": f"bytes */{size}", "Content-Length": "0"}, b"")
        return Right(
            "206 Partial Content", {**headers, "Content-Range": f"bytes {first}-{first + len(body) - 1}/{size}"}, body
        )


class _Handler(socketserver.StreamRequestHandler):
    server: "_Listening"

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _HEAD:
            more = self.rfile.readline(_HEAD)
            if not more:
                return
            head += more
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        found = _RANGE.search(head)
        part = None if found is None else (int(found[1]), int(found[2]) + 1 if found[2] else None)
        with suppress(OSError):  # whoever asked has enough
            self.wfile.write(self.server.site.answer(Asked(method, path, part)))


class _Listening(socketserver.ThreadingTCPServer):
    site: Site
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that have enough."""


@contextmanager
def serving(site: Site) -> Iterator[str]:
    """Run a server that answers as ``site`` does, one answer for each connection; yield its URL."""
    with _Listening(("127.0.0.1", 0), _Handler) as server:
        server.site = site
        site.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield site.url
        finally:
            server.shutdown()
            thread.join()
