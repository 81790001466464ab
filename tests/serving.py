"""A mirror behind real web servers on the loopback device, each with a log of what was asked for."""

import base64
import http.server
import io
import random
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec import Struct, field

from places import GUIDES

SERVERS: Final = GUIDES / "servers"
_LOGGED: Final = re.compile(r'"(\S+) (\S+)[^"]*" (\d+) (\d+)')


class Request(NamedTuple):
    """One request: its method, path and status, and how many bytes went back."""

    method: str
    path: str
    status: int
    sent: int


class Server(Struct):
    """A server at ``url``, which ends without a slash; the index is below ``/simple/``.

    ``password``, of the form ``user:secret``, is what everybody must give, if there is one; ``cached`` says for how long
    answers may be kept.
    """

    url: str
    requests: list[Request] = field(default_factory=list)
    log: Path | None = None
    password: str = ""
    cached: bool = False

    @property
    def index(self) -> str:
        """The URL of the index."""
        return f"{self.url}/simple/"

    def asked(self) -> list[Request]:
        """Return what was asked for so far."""
        if self.log is None:
            return list(self.requests)
        time.sleep(0.1)  # nginx writes its log when the answer is out
        rows = _LOGGED.findall(self.log.read_text())
        return [Request(method, path, int(status), int(sent)) for method, path, status, sent in rows]

    def wheel_bytes(self) -> int:
        """Return how many bytes of wheels were sent."""
        return sum(each.sent for each in self.asked() if each.path.endswith(".whl") and each.method == "GET")


class _Handler(http.server.SimpleHTTPRequestHandler):
    server: "_Logging"

    def send_response(self, code: int, message: str | None = None) -> None:
        self._status = code
        super().send_response(code, message)

    def send_header(self, keyword: str, value: str) -> None:
        if keyword.lower() == "content-length":
            self.server.found.requests.append(Request(self.command, self.path, self._status, int(value)))
        super().send_header(keyword, value)

    def log_message(self, *_: object) -> None:
        pass


class _Negotiating(_Handler):
    """Gives JSON to who asks for it, parts of files, and all of it only to who is known, if anybody must be."""

    def send_head(self) -> Any:
        wanted = self.server.found.password
        if wanted and self.headers.get("Authorization") != "Basic " + base64.b64encode(wanted.encode()).decode():
            self.send_error(401)
            return None
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if part and path.is_file():
            return self._send_part(path.read_bytes(), int(part[1]), int(part[2] or 1 << 60))
        if self.path.endswith("/") and "vnd.pypi.simple.v1+json" in self.headers.get("Accept", ""):
            self.path += "index.json"
        return super().send_head()

    def _send_part(self, data: bytes, first: int, last: int) -> Any:
        if first >= len(data):
            self.send_error(416)
            return None
        piece = data[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{first + len(piece) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(piece)))
        self.end_headers()
        return io.BytesIO(piece)

    def end_headers(self) -> None:
        if self.server.found.cached:
            page = self.path.startswith("/simple/")
            self.send_header("Cache-Control", "max-age=600" if page else "max-age=31536000, immutable")
            self.send_header("Vary", "Accept")
        super().end_headers()

    def guess_type(self, path: Any) -> str:
        return "application/vnd.pypi.simple.v1+json" if str(path).endswith(".json") else super().guess_type(path)


class _Logging(http.server.ThreadingHTTPServer):
    found: Server
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have enough."""


@contextmanager
def static(folder: Path, *, negotiates: bool = False) -> Iterator[Server]:
    """Serve ``folder`` by a plain static server, which knows HTML and nothing of Python.

    One that ``negotiates`` gives JSON to who asks for it, and parts of files.
    """
    handler = _Negotiating if negotiates else _Handler
    with _Logging(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        server.found = Server(f"http://127.0.0.1:{server.server_address[1]}")
        with in_background(server):
            yield server.found


@contextmanager
def in_background(server: http.server.HTTPServer) -> Iterator[None]:
    """Let ``server`` answer from a thread of its own."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        _stop(server)
        thread.join()


def _stop(server: http.server.HTTPServer) -> None:
    """Stop ``server``, which is woken by a connection: many hundred tests would each wait for its next look otherwise."""
    stopping = threading.Thread(target=server.shutdown, daemon=True)
    stopping.start()
    with suppress(OSError), socket.create_connection(("127.0.0.1", server.server_port), timeout=1):
        stopping.join()
    stopping.join()


def free_port() -> int:
    """Return the number of a port on which nobody listens.

    The system gives none of these to whoever asks for any, as the servers of other tests do before this one is used.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as opened, suppress(OSError):  # somebody listens there
            opened.bind(("127.0.0.1", port))
            return port


@contextmanager
def nginx(folder: Path, config: str, work: Path, changes: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Serve ``folder`` by nginx with the configuration ``config`` of the documentation, after ``changes`` of its text."""
    program = shutil.which("nginx")
    assert program, "nginx is not installed"
    port = free_port()
    text = (SERVERS / config).read_text().replace("127.0.0.1:8080", f"127.0.0.1:{port}").replace("/srv/mirror", str(folder))
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    work.mkdir(parents=True, exist_ok=True)
    whole = (
        f"daemon off; master_process off; pid {work}/pid; error_log {work}/errors;\nevents {{ }}\n"
        f"http {{ access_log {work}/log; client_body_temp_path {work}/a; proxy_temp_path {work}/b;"
        f" fastcgi_temp_path {work}/c; uwsgi_temp_path {work}/d; scgi_temp_path {work}/e;\n{text}\n}}\n"
    )
    (work / "nginx.conf").write_text(whole)
    process = subprocess.Popen([program, "-c", str(work / "nginx.conf"), "-e", f"{work}/errors"])
    try:
        wait_for(port, process)
        yield Server(f"http://127.0.0.1:{port}", log=work / "log")
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the server ``process`` answers at ``port``."""
    for _ in range(1200):  # a minute: devpi takes its time where many tests run
        assert process.poll() is None, "the server did not start"
        with socket.socket() as opened:
            if opened.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server does not answer")
