"""An index on the loopback device, for uv alone: pages (PEP 691) and metadata files (PEP 658), made when they are requested.

No wheel is served: a resolution needs none.
"""

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import quote, unquote

from packaging.utils import canonicalize_name, is_normalized_name

from wheelfix.errors import WheelfixError
from wheelfix.mirror.layout import METADATA
from wheelfix.sync.dependencies.offers import EVERYTHING, Catalogue, Offer, View

_JSON: Final = "application/vnd.pypi.simple.v1+json"
_METADATA: Final = "application/octet-stream"
_FOR_GOOD: Final = "max-age=31536000, immutable"
"""What uv may keep: METADATA of a file stays as it is, and pages change with what is shown."""
_MOST_PROJECTS: Final = 2_000
"""How many projects one resolution may ask for; the largest real ones ask for some hundred."""
_LIMIT: Final = "it would take more than {:,} projects"


class Loopback:
    """What an index serves: the offers of ``catalogue`` in the view that is set.

    ``visited`` are the projects that were asked for since; ``failures`` why something could not be served.
    """

    def __init__(self, catalogue: Catalogue, port: int, token: str) -> None:
        self._catalogue = catalogue
        self._base = f"/{token}"
        self._origin = f"http://127.0.0.1:{port}"
        self._view, self._generation = EVERYTHING, 0
        self._offers: dict[str, tuple[str, Offer]] = {}
        self.visited: dict[str, None] = {}
        self.failures: dict[str, str] = {}

    def show(self, view: View) -> str:
        """Let the pages show ``view`` from now on, and forget what was asked for; return the URL of the index."""
        if view != self._view:
            self._view = view
            self._generation += 1
        self.visited, self.failures = {}, {}
        return f"{self._origin}{self._base}/{self._generation}/simple/"

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Return the status, the content type and the body for a path."""
        parts = unquote(path.partition("?")[0]).strip("/").split("/")
        try:
            if len(parts) == 4 and parts[0] == self._base.strip("/") and parts[2] == "simple":
                return self._page(parts[3])
            if len(parts) == 4 and parts[0] == self._base.strip("/") and parts[2] == "files":
                return self._metadata(parts[3])
        except (WheelfixError, OSError) as error:
            self.failures[parts[3]] = error.message if isinstance(error, WheelfixError) else str(error)
            return 500, "text/plain", b""
        return 404, "text/plain", b""

    def _page(self, project: str) -> tuple[int, str, bytes]:
        if not is_normalized_name(project) or canonicalize_name(project) != project:
            return 404, "text/plain", b""
        self.visited[project] = None
        if len(self.visited) > _MOST_PROJECTS:
            self.failures[project] = _LIMIT.format(_MOST_PROJECTS)
            return 500, "text/plain", b""
        offers = self._catalogue.offers(project)
        if not offers.files and not offers.seen(self._view):
            return 404, "text/plain", b""
        files = []
        for each in offers.seen(self._view):
            self._offers[each.filename] = project, each
            files.append(self._file(each))
        page = {"meta": {"api-version": "1.1"}, "name": project, "versions": [], "files": files}
        return 200, _JSON, json.dumps(page).encode()

    def _file(self, offer: Offer) -> dict[str, Any]:
        file: dict[str, Any] = {
            "filename": offer.filename,
            "url": f"{self._base}/0/files/{quote(offer.filename)}",
            "hashes": {},
            "size": 0,
            "core-metadata": True,
        }
        return file if offer.requires_python is None else {**file, "requires-python": offer.requires_python}

    def _metadata(self, filename: str) -> tuple[int, str, bytes]:
        found = self._offers.get(filename.removesuffix(METADATA))
        if found is None or not filename.endswith(METADATA):
            return 404, "text/plain", b""
        return 200, _METADATA, self._catalogue.metadata(*found)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    loopback: Loopback

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that has gone: uv ends as soon as it knows enough."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # head and body in one piece
    timeout = 60
    server: _Server

    def do_GET(self) -> None:
        """Answer a request."""
        status, content_type, body = self.server.loopback.answer(self.path)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", _FOR_GOOD if content_type == _METADATA else "no-cache")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called there
        """Write nothing: standard error is the log of the run."""


@contextmanager
def serve(catalogue: Catalogue) -> Iterator[Loopback]:
    """Serve ``catalogue`` on a free port of 127.0.0.1 until the end.

    The path has a part that nobody else knows: what a private index lists is not for other users of the machine.

    :raises OSError: if there is no free port.
    """
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.loopback = Loopback(catalogue, server.server_address[1], secrets.token_hex(16))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.loopback
        finally:
            server.shutdown()
            thread.join()
