"""A network that fails: a proxy before a server on the loopback device, which does to each request what a test orders.

It hands on what it is not told to spoil, byte by byte and with the same headers, so that signatures stay valid.
"""

import http.client
import http.server
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct, field

from serving import Request, in_background

_OF_ONE_CONNECTION: Final = {"connection", "keep-alive", "transfer-encoding", "expect", "te", "upgrade"}
_CONDITIONS: Final = {"if-match", "if-none-match", "x-goog-if-generation-match"}


class Fault(Struct):
    """What happens to the next ``times`` requests with this ``method`` whose path and query match the pattern ``path``.

    ``act`` is a method of :class:`Exchange`; ``after`` so many of such requests, which are handed on as they are.
    """

    act: "Callable[[Exchange], None]"
    method: str = ""
    path: str = ""
    times: float = 1
    after: int = 0

    def fits(self, method: str, path: str) -> bool:
        """Whether it happens to this request; it is used up by that."""
        if self.times <= 0 or self.method not in ("", method) or not re.search(self.path, path):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return True


class Proxy(Struct):
    """A proxy at ``url``: add to ``faults`` what shall happen; ``requests`` are those that came, with what was answered.

    The status of one whose answer was lost is 0.
    """

    url: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def count(self, method: str, path: str = "") -> int:
        """Return how many requests with this method came, whose path and query match the pattern ``path``."""
        return sum(each.method == method and bool(re.search(path, each.path)) for each in list(self.requests))


class Exchange(Struct):
    """One request, and the answer to it: what a fault is made of."""

    handler: "_Handler"
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def forward(self) -> None:
        """Hand the request on, and the answer back."""
        self.answer(*self.ask())

    def ask(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Hand the request on; return status, headers and body of the answer."""
        where = urlsplit(self.handler.server.upstream)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        try:
            connection.request(self.method, self.path, self.body, self.headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send an answer; of one to a HEAD only the headers."""
        handler = self.handler
        handler.server.found.requests.append(Request(self.method, self.path, status, len(body)))
        handler.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _OF_ONE_CONNECTION | {"content-length"}:
                handler.send_header(name, value)
        length = {name.lower(): value for name, value in headers}.get("content-length", str(len(body)))
        if status not in (204, 304):
            handler.send_header("Content-Length", length if self.method == "HEAD" else str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def lose_answer(self) -> None:
        """Hand the request on, and hang up when the server has done it."""
        self.ask()
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection without a word, with nothing done."""
        self.handler.server.found.requests.append(Request(self.method, self.path, 0, 0))
        self.handler.close_connection = True
        self.handler.connection.shutdown(socket.SHUT_RDWR)

    def stall(self) -> None:
        """Do nothing, and say nothing, until the test is over."""
        self.handler.server.found.requests.append(Request(self.method, self.path, 0, 0))
        self.handler.server.over.wait(120)
        self.handler.close_connection = True

    def truncate(self) -> None:
        """Hang up in the middle of the body."""
        status, headers, body = self.ask()
        self.handler.server.found.requests.append(Request(self.method, self.path, status, len(body) // 2))
        self.handler.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _OF_ONE_CONNECTION:
                self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.write(body[: len(body) // 2])
        self.handler.close_connection = True

    def without_conditions(self) -> None:
        """Hand the request on as a server takes it that knows no conditions: it does what it would have to refuse."""
        self.headers = {name: value for name, value in self.headers.items() if name.lower() not in _CONDITIONS}
        self.forward()


def refuse(status: int, code: str, headers: Mapping[str, str] = {}) -> Callable[[Exchange], None]:
    """Return what answers a request with this status and code, in the words of S3, Google and Azure, with nothing done."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
    all_headers = [("Content-Type", "application/xml"), ("x-ms-error-code", code), *headers.items()]
    return lambda exchange: exchange.answer(status, all_headers, b"" if exchange.method == "HEAD" else body)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: "_Listening"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_CONNECTION}
        exchange = Exchange(self, self.command, self.path, headers, body)
        with self.server.lock:
            fault = next((each for each in self.server.found.faults if each.fits(self.command, self.path)), None)
        (fault.act if fault else Exchange.forward)(exchange)

    def log_message(self, *_: object) -> None:
        pass


for _method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler._handle)


class _Listening(http.server.ThreadingHTTPServer):
    upstream: str
    found: Proxy
    lock: threading.Lock
    over: threading.Event
    connections: list[socket.socket]
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer, and remember the connection: some clients keep it for what they ask for next."""
        self.connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""

    def hang_up(self) -> None:
        """Close all connections."""
        for each in self.connections:
            with suppress(OSError):  # it is closed
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def before(server: str) -> Iterator[Proxy]:
    """Run a proxy before the server at this URL, which may have a path; yield it. Nobody is there afterwards."""
    split = urlsplit(server)
    with _Listening(("127.0.0.1", 0), _Handler) as listening:
        listening.upstream, listening.lock, listening.over = server, threading.Lock(), threading.Event()
        listening.connections = []
        listening.found = Proxy(f"http://127.0.0.1:{listening.server_address[1]}{split.path}")
        with in_background(listening):
            try:
                yield listening.found
            finally:
                listening.over.set()
    listening.hang_up()
