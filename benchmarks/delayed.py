"""A static server that is as far away as one on the internet: it waits before it answers. It gives parts of files, too."""

import io
import re
import threading
import time
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

_JSON = "application/vnd.pypi.simple.v1+json"


class DelayedServer:
    """Serves ``directory`` at ``url`` while it is entered; ``answered`` counts the requests."""

    def __init__(self, directory: Path, delay: float) -> None:
        self.answered = 0
        self.delay = delay
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), partial(_Handler, directory=str(directory)))
        self._server.owner = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def wait(self) -> None:
        """Count one request and keep it waiting."""
        with self._lock:
            self.answered += 1
        time.sleep(self.delay)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    owner: DelayedServer
    daemon_threads = True
    request_queue_size = 128
    # A client that has enough may close its connection.
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have enough."""


class _Handler(SimpleHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Head and body are two writes, and a client acknowledges the first after 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1

    def send_head(self) -> Any:
        self.server.owner.wait()
        if self.path.endswith("/"):
            self.path += "index.json" if _JSON in self.headers.get("Accept", "") else "index.html"
        path = Path(self.translate_path(self.path))
        part = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if part and path.is_file():
            return self._send_part(path, part[1], part[2])
        return super().send_head()

    def end_headers(self) -> None:
        self.send_header("Accept-Ranges", "bytes")
        super().end_headers()

    def _send_part(self, path: Path, first: str, last: str) -> Any:
        data = path.read_bytes()
        start = int(first) if first else max(len(data) - int(last), 0)
        stop = min(int(last) + 1, len(data)) if first and last else len(data)
        if start >= stop:
            self.send_error(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return None
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        self.send_header("Content-Length", str(stop - start))
        self.send_header("Last-Modified", self.date_time_string(int(path.stat().st_mtime)))
        self.end_headers()
        return io.BytesIO(data[start:stop])

    def guess_type(self, path: Any) -> str:
        return _JSON if str(path).endswith(".json") else super().guess_type(path)

    def log_message(self, *_: object) -> None:
        """Say nothing of what is asked for."""
