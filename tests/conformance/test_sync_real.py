"""A manifest of four projects of PyPI with all that they require, for three platforms and two Pythons.

``--log-cli-level=INFO`` shows the time, requests and bytes of both runs.
"""

import gzip
import hashlib
import http.server
import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from running import wheelfix
from serving import in_background
from syncing import contents
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.yank import list_pages

pytestmark = pytest.mark.real

PLATFORMS: Final = ("manylinux*_x86_64", "manylinux*_aarch64", "macosx*_arm64")
PYTHONS: Final = ("3.12", "3.13")
NAMED: Final = ("requests", "httpx", "pydantic", "numpy")
REQUIRED: Final = ("idna", "certifi", "urllib3", "charset-normalizer", "pydantic-core", "typing-extensions", "anyio", "h11")
_JSON: Final = "application/vnd.pypi.simple.v1+json"


@cache
def _page(path: str) -> bytes | None:
    """Return the page that PyPI has at this path, ``None`` if it has none."""
    request = urllib.request.Request(f"https://pypi.org{path}", headers={"Accept": _JSON})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: bytes = answer.read()
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None
    return found


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Pages"

    def do_GET(self) -> None:
        page = _page(self.path)
        tag = f'"{hashlib.sha256(page or b"").hexdigest()[:16]}"'
        status = 404 if page is None else 304 if self.headers.get("If-None-Match") == tag else 200
        self.server.statuses.append(status)
        body = gzip.compress(page, mtime=0) if page is not None and status == 200 else b""
        self.send_response(status)
        self.send_header("ETag", tag)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        if body:
            self.send_header("Content-Type", _JSON)
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Pages(http.server.ThreadingHTTPServer):
    """The pages of PyPI, compressed and with ETag as there: between it and us may be a proxy that takes both away."""

    daemon_threads = True
    statuses: list[int]


@pytest.fixture
def pages() -> Iterator[_Pages]:
    with _Pages(("127.0.0.1", 0), _Handler) as server:
        server.statuses = []
        with in_background(server):
            yield server


def sync(manifest: Path, title: str) -> dict[str, Any]:
    """Do a run that must succeed, say what it took, and return its report."""
    start = time.perf_counter()
    ran = wheelfix("mirror", "sync", manifest, "--format", "json", "-j2")
    seconds = time.perf_counter() - start
    assert ran.code == 0, ran.err
    report: dict[str, Any] = json.loads(ran.out)
    traffic, files = report["summary"]["traffic"], report["summary"]["files"]
    logging.getLogger(__name__).info("%s: %.1f s, %s, %d files added", title, seconds, traffic, files["added"])
    return report


def test_four_projects_and_all_that_they_require(pages: _Pages, tmp_path: Path) -> None:
    manifest = tmp_path / "mirror.toml"
    manifest.write_text(f"""
schema = 1
[mirror]
store = "mirror"
dependencies = true
keep = 1
min-age = "3 days"
platforms = {json.dumps(PLATFORMS)}
pythons = {json.dumps(PYTHONS)}
[[source]]
name = "pypi"
index = "http://127.0.0.1:{pages.server_address[1]}/simple/"
projects = {json.dumps(NAMED)}
""")
    first = sync(manifest, "first run")
    mirror = tmp_path / "mirror"
    files = {page.project: page.files for page in list_pages(mirror)}
    assert files.keys() >= {*NAMED, *REQUIRED}
    assert not [name for name in files if name.startswith(("nvidia", "triton"))]
    assert first["summary"]["files"]["added"] == sum(map(len, files.values()))
    ends = ("_x86_64.whl", "_aarch64.whl", "_arm64.whl")
    assert all(any(file.filename.endswith(end) for file in files["numpy"]) for end in ends)
    assert not [each for each in check_mirror(mirror).findings if each.severity == "error"]
    targets = [*(("--platform", each) for each in PLATFORMS), *(("--python", each) for each in PYTHONS)]
    closed = wheelfix("mirror", "check", "--quick", "--closed", *(word for each in targets for word in each), mirror)
    assert closed.code == 0, closed.out

    there = contents(open_store(mirror))
    pages.statuses.clear()
    second = sync(manifest, "second run")
    assert {each["action"] for each in second["plan"]} <= {"keep", "wait", "report"}
    assert (second["files"], second["followed"]) == ([], [])
    assert contents(open_store(mirror)) == there
    assert set(pages.statuses) == {304}
    traffic = second["summary"]["traffic"]
    assert traffic == {"requests": len(pages.statuses), "received": 0, "unchanged": len(pages.statuses)}
