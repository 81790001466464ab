"""A web server that answers as a test says: an index that is hostile, old or broken."""

import hashlib
import http.server
import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from msgspec import Struct, field
from pypi_simple import DistributionPackage

from serving import Request, Server, in_background
from wheelfix.options import Targets
from wheelfix.upstream.http import Session
from wheelfix.upstream.resolve import choose_wheels, require_page
from wheelfix.upstream.selection import read_requirement

JSON: Final = "application/vnd.pypi.simple.v1+json"


class Asked(NamedTuple):
    """What was asked for; the names of ``headers`` are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


class Reply(Struct, frozen=True):
    """An answer. ``length`` is a false one of the body, ``pause`` the seconds between its bytes, ``stall`` those after it.

    Without ``sends_length`` the body ends with the connection.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    pause: float = 0
    stall: float = 0
    sends_length: bool = True


class _Handler(http.server.BaseHTTPRequestHandler):
    server: "_Scripted"

    def do_GET(self) -> None:
        asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
        reply = self.server.reply(asked)
        self.server.found.requests.append(Request(self.command, self.path, reply.status, len(reply.body)))
        self.send_response_only(reply.status) if "Date" in reply.headers else self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.sends_length:
            self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
        self.end_headers()
        if self.command == "HEAD":
            return
        pieces = [reply.body] if not reply.pause else [bytes([each]) for each in reply.body]
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(reply.pause)
        time.sleep(reply.stall)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


class _Scripted(http.server.ThreadingHTTPServer):
    found: Server
    reply: Callable[[Asked], Reply]
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have enough."""


@contextmanager
def answering(reply: Callable[[Asked], Reply], *, context: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Server]:
    """Run a server that gives ``reply`` to whatever it is asked for; by https, as localhost, with ``context``.

    Who asks for the same ``port`` again gets the same URL again.
    """
    with _Scripted(("127.0.0.1", port), _Handler) as server:
        port = server.server_address[1]
        server.found, server.reply = Server(f"https://localhost:{port}" if context else f"http://127.0.0.1:{port}"), reply
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        with in_background(server):
            yield server.found


class Index(Struct):
    """An index of one project, demo, with ``files``; to be given to :func:`answering`.

    ``said`` is what its page says otherwise of each file, ``of`` of a file by name, ``page`` of the project, ``kind`` its
    Content-Type, and ``spoil`` may answer in its place. It knows ``ranges`` of files, and those that count from the end if
    it knows ``suffixes``.
    """

    files: dict[str, bytes]
    said: dict[str, Any] = field(default_factory=dict)
    of: dict[str, dict[str, Any]] = field(default_factory=dict)
    page: dict[str, Any] = field(default_factory=dict)
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=lambda: {"Cache-Control": "max-age=600"})
    ranges: bool = True
    suffixes: bool = True
    sends_length: bool = True
    spoil: Callable[[Asked], Reply | None] = lambda asked: None

    def __call__(self, asked: Asked) -> Reply:
        spoilt = self.spoil(asked)
        if spoilt is not None:
            return spoilt
        if asked.path == "/simple/":
            return self._page({"meta": {"api-version": "1.1"}, "projects": [{"name": "demo"}]})
        if asked.path == "/simple/demo/":
            files = [*map(self._file, self.files)]
            return self._page({"meta": {"api-version": "1.1"}, "name": "demo", "versions": [], "files": files, **self.page})
        data = self.files.get(unquote(asked.path.rpartition("/")[2].partition("?")[0]))
        return Reply(status=404) if data is None else self._data(data, asked.headers.get("range", ""))

    def _page(self, value: object) -> Reply:
        return Reply(json.dumps(value).encode(), headers={"Content-Type": self.kind, **self.headers})

    def _file(self, name: str) -> dict[str, Any]:
        data = self.files[name]
        values = {
            "filename": name,
            "url": f"/files/{name.replace('+', '%2B')}",
            "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
            "size": len(data),
            "upload-time": "2026-01-01T00:00:00.000000Z",
        }
        return {key: value for key, value in {**values, **self.said, **self.of.get(name, {})}.items() if value is not None}

    def _data(self, data: bytes, wanted: str) -> Reply:
        part = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted) if self.ranges else None
        if part is None or not (part[1] or self.suffixes):
            return Reply(data, sends_length=self.sends_length)
        first = int(part[1]) if part[1] else max(0, len(data) - int(part[2]))
        last = int(part[2]) if part[1] and part[2] else len(data) - 1
        piece = data[first : last + 1]
        said = {"Content-Range": f"bytes {first}-{first + len(piece) - 1}/{len(data)}"}
        return Reply(piece, 206 if piece else 416, said)


def chosen(index: str, requirement: str, targets: Targets = Targets()) -> list[DistributionPackage]:
    """Return the wheels that a requirement chooses from the index at a URL."""
    project = read_requirement(requirement, extras=True).name
    return choose_wheels(require_page(Session(), index, project), requirement, targets)
