"""Indexes on the loopback device with the shapes of PyPI and of PyTorch's CPU index, which a test changes between two syncs.

>>> with pypi() as upstream:
...     _ = upstream.add(WheelSpec(project="demo"), uploaded="2026-01-02T03:04:05Z")
...     upstream.yank("demo-1.0-py3-none-any.whl", "broken")
...     upstream.fail("/demo/", status=503, times=1, headers={"Retry-After": "1"})
"""

import base64
import gzip
import hashlib
import http.server
import io
import json
import re
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from html import escape
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import quote, unquote

from msgspec import Struct, field
from msgspec.structs import replace
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from building import Entry, WheelSpec, build_wheel, metadata_bytes
from serving import in_background

Style = Literal["pypi", "pytorch"]
JSON: Final = "application/vnd.pypi.simple.v1+json"
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_METADATA: Final = ".metadata"
TIME: Final = "2026-01-01T00:00:00.000000Z"
"""When a file was uploaded for which a test says nothing else."""


class File(Struct, kw_only=True):
    """A file of an index: what its page says of it, and what is served.

    ``metadata`` is its metadata file, ``None`` where the index has none; ``announced`` whether the page says so. One that is
    not ``hashed`` has no sha256 on the page. ``uploaded`` is in the form of PEP 700, ``provenance`` a URL of PEP 740.
    """

    name: str
    data: bytes
    uploaded: str | None = None
    metadata: bytes | None = None
    announced: bool = True
    hashed: bool = True
    sized: bool = True
    yanked: str | None = None
    requires_python: str | None = None
    provenance: str | None = None

    @property
    def sha256(self) -> str:
        """The sha256 of what is served."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def version(self) -> str:
        """The version in its name."""
        parse = parse_wheel_filename if self.name.endswith(".whl") else parse_sdist_filename
        return str(parse(self.name)[1])


class Seen(NamedTuple):
    """A request: at which ``host`` (the index, or where its files are), what was answered, and how many bytes went back.

    ``conditional`` says that it had If-None-Match or If-Modified-Since; ``part`` is its Range, ``user`` who it is from.
    """

    host: Literal["index", "files"]
    method: str
    path: str
    status: int
    sent: int
    conditional: bool
    part: str | None
    user: str | None = None


class Failure(Struct):
    """What happens to the next ``times`` requests whose path has ``path`` in it, once ``after`` others were answered.

    They get ``status`` with ``headers`` and ``body``, unless that is ``None``, after ``seconds``; or else the right body as
    ``spoil`` makes it, which ends after ``cut`` bytes. Where the connection ``drops`` they get nothing.
    """

    path: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"busy\n"
    seconds: float = 0
    cut: int | None = None
    times: float = 1
    after: int = 0
    spoil: Callable[[bytes], bytes] | None = None
    drops: bool = False


class Upstream(Struct):
    """An index at :attr:`index`; its files are at another host and port.

    ``style`` is that of its pages: JSON of PyPI (API 1.4, or HTML for who asks for that), or HTML of PyTorch, without upload
    times. ``passwords`` are what each host requires, of the form ``user:secret``; ``validators`` are the headers by which a
    request for a page can be made conditional. ``most_at_once`` is how many requests were answered at the same time,
    ``connections`` how many connections were opened.
    """

    style: Style
    index: str = ""
    files_url: str = ""
    projects: dict[str, dict[str, File]] = field(default_factory=dict)
    status: dict[str, tuple[str, str]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    validators: tuple[str, ...] = ("ETag",)
    passwords: dict[str, str] = field(default_factory=dict)
    compress: bool = False
    connections: int = 0
    under_way: int = 0
    most_at_once: int = 0
    changed: float = 0
    lock: Any = field(default_factory=threading.Lock)

    def add(self, spec: WheelSpec, *, requires_python: str | None = None, **settings: Any) -> File:
        """Add the wheel of ``spec``, in place of one of the same name; ``settings`` are those of :class:`File`."""
        metadata = _metadata(spec, requires_python)
        found = File(
            name=spec.filename,
            data=build_wheel(replace(spec, metadata=metadata)),
            metadata=settings.pop("metadata", metadata),
            requires_python=requires_python,
            uploaded=settings.pop("uploaded", TIME if self.style == "pypi" else None),
            **settings,
        )
        return self.put(spec.project, found)

    def add_sdist(self, project: str, version: str, **settings: Any) -> File:
        """Add a source distribution."""
        time = settings.pop("uploaded", TIME if self.style == "pypi" else None)
        name = f"{project.replace('-', '_')}-{version}.tar.gz"
        return self.put(project, File(name=name, data=sdist(project, version), uploaded=time, **settings))

    def put(self, project: str, file: File) -> File:
        """Add ``file``, in place of one of the same name."""
        self.projects.setdefault(canonicalize_name(project), {})[file.name] = file
        self._change()
        return file

    def file(self, name: str) -> File:
        """Return the file of this name."""
        return next(files[name] for files in self.projects.values() if name in files)

    def yank(self, name: str, reason: str = "") -> None:
        """Yank the file of this name."""
        self.file(name).yanked = reason
        self._change()

    def unyank(self, name: str) -> None:
        """Take that back."""
        self.file(name).yanked = None
        self._change()

    def remove(self, name: str) -> None:
        """Remove the file of this name from its page, and from where it is."""
        for files in self.projects.values():
            files.pop(name, None)
        self._change()

    def remove_project(self, project: str) -> None:
        """Remove a project: its page is not found any more."""
        del self.projects[project]
        self._change()

    def fail(self, path: str, **settings: Any) -> None:
        """Let requests fail whose path has ``path`` in it; ``settings`` are those of :class:`Failure`."""
        self.failures.append(Failure(path, **settings))

    def _change(self) -> None:
        self.changed += 1

    def forget(self) -> None:
        """Forget the requests so far."""
        self.seen.clear()
        self.connections = self.most_at_once = 0

    def pages(self) -> list[Seen]:
        """Return the requests for pages."""
        return [each for each in list(self.seen) if each.host == "index"]

    def downloads(self) -> list[str]:
        """Return the names of the files that were requested whole, in this order; metadata files are not among them."""
        names = (unquote(each.path.rpartition("/")[2]) for each in list(self.seen) if each.method == "GET" and not each.part)
        return [each for each in names if each.endswith((".whl", ".tar.gz"))]

    def sent(self) -> int:
        """Return how many bytes were sent."""
        return sum(each.sent for each in list(self.seen))

    def answer(self, host: str, path: str, accept: str) -> tuple[str, bytes] | None:
        """Return the content type and the body of what is at ``path``, ``None`` where nothing is."""
        name = unquote(path.rstrip("/").rpartition("/")[2])
        if host == "files":
            found = self._found(name.removesuffix(_METADATA))
            data = None if found is None else found.metadata if name.endswith(_METADATA) else found.data
            return None if data is None else ("application/octet-stream", data)
        if path.rstrip("/") == _path_of(self.index):
            return self._root(accept)
        return self._page(name, accept) if name in self.projects else None

    def _found(self, name: str) -> File | None:
        return next((files[name] for files in self.projects.values() if name in files), None)

    def _root(self, accept: str) -> tuple[str, bytes]:
        if self._is_json(accept):
            names = [{"name": each} for each in self.projects]
            return JSON, json.dumps({"meta": {"api-version": "1.4"}, "projects": names}).encode()
        links = (f'<a href="{each}/">{each}</a><br/>\n' for each in self.projects)
        return "text/html", f"<!DOCTYPE html>\n<html>\n  <body>\n{''.join(links)}  </body>\n</html>\n".encode()

    def _is_json(self, accept: str) -> bool:
        return self.style == "pypi" and JSON in accept

    def _page(self, project: str, accept: str) -> tuple[str, bytes]:
        files = list(self.projects[project].values())
        if not self._is_json(accept):
            return "text/html", _html(project, files, self.files_url, self.style, self.status.get(project))
        page: dict[str, Any] = {
            "meta": {"api-version": "1.4", "_last-serial": int(self.changed)},
            "name": project,
            "versions": sorted({each.version for each in files}),
            "files": [_json(each, self.files_url) for each in files],
        }
        if project in self.status:
            status, reason = self.status[project]
            page["project-status"] = {"status": status, **({"reason": reason} if reason else {})}
        return JSON, json.dumps(page).encode()


def _path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3].rstrip("/")


def _metadata(spec: WheelSpec, requires_python: str | None) -> bytes:
    text = metadata_bytes(spec)
    if requires_python is None:
        return text
    return text.replace(b"\nSummary:", f"\nRequires-Python: {requires_python}\nSummary:".encode(), 1)


def sdist(project: str, version: str, *, requires: tuple[str, ...] = (), requires_python: str | None = None) -> bytes:
    """Return a source distribution, the same bytes each time."""
    name = f"{project.replace('-', '_')}-{version}"
    lines = ["Metadata-Version: 2.2", f"Name: {project}", f"Version: {version}", *(f"Requires-Dist: {x}" for x in requires)]
    lines += [] if requires_python is None else [f"Requires-Python: {requires_python}"]
    contents = {
        "PKG-INFO": "\n".join([*lines, ""]),
        "pyproject.toml": f'[project]\nname = "{project}"\nversion = "{version}"\ndependencies = {list(requires)}\n',
    }
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, text in contents.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(output.getvalue(), mtime=0)


def _url(file: File, base: str) -> str:
    return f"{base}/{file.sha256[:8]}/{quote(file.name)}"  # quote writes + as %2B, as both indexes do


def _json(file: File, base: str) -> dict[str, Any]:
    digest = {"sha256": hashlib.sha256(file.metadata).hexdigest()} if file.metadata is not None and file.announced else False
    found: dict[str, Any] = {
        "filename": file.name,
        "url": _url(file, base),
        "hashes": {"sha256": file.sha256} if file.hashed else {},
        "requires-python": file.requires_python,
        "size": len(file.data) if file.sized else None,
        "upload-time": file.uploaded,
        "yanked": file.yanked or file.yanked is not None,
        "core-metadata": digest,
        "data-dist-info-metadata": digest,
        "provenance": file.provenance,
    }
    return {key: value for key, value in found.items() if value is not None or key in ("requires-python", "provenance")}


def _html(project: str, files: list[File], base: str, style: Style, status: tuple[str, str] | None) -> bytes:
    lines = ["<!DOCTYPE html>", "<html>"]
    if style == "pypi":
        lines += ['<head><meta name="pypi:repository-version" content="1.4">']
        lines += [f'<meta name="pypi:project-status" content="{status[0]}">'] if status else []
        lines += ["</head>"]
    lines += ["  <body>", f"    <h1>Links for {project}</h1>"]
    for each in files:
        href = _url(each, base) + (f"#sha256={each.sha256}" if each.hashed else "")
        attributes = {"href": href}
        if each.requires_python is not None:
            attributes["data-requires-python"] = each.requires_python
        if each.metadata is not None and each.announced:
            digest = f"sha256={hashlib.sha256(each.metadata).hexdigest()}"
            attributes |= {"data-dist-info-metadata": digest, "data-core-metadata": digest}
        if each.yanked is not None:
            attributes["data-yanked"] = each.yanked
        if each.provenance is not None:
            attributes["data-provenance"] = each.provenance
        written = " ".join(f'{key}="{escape(value)}"' for key, value in attributes.items())
        lines.append(f"    <a {written}>{each.name}</a><br/>")
    return "\n".join([*lines, "  </body>", "</html>", ""]).encode()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def setup(self) -> None:
        super().setup()
        with self.server.upstream.lock:
            self.server.upstream.connections += 1

    def do_GET(self) -> None:
        upstream = self.server.upstream
        with upstream.lock:
            upstream.under_way += 1
            upstream.most_at_once = max(upstream.most_at_once, upstream.under_way)
        try:
            self._answer(self._failure())
        finally:
            with upstream.lock:
                upstream.under_way -= 1

    def do_HEAD(self) -> None:
        self.do_GET()

    def _failure(self) -> Failure:
        with self.server.upstream.lock:
            for each in self.server.upstream.failures:
                if each.path not in self.path or each.times <= 0:
                    continue
                if each.after > 0:
                    each.after -= 1
                    continue
                each.times -= 1
                return each
        return Failure("")

    def _answer(self, failure: Failure) -> None:
        time.sleep(failure.seconds)
        if failure.drops:
            self.close_connection = True
            return
        if failure.status is not None:
            self._send(failure.status, dict(failure.headers), failure.body)
            return
        wanted = self.server.upstream.passwords.get(self.server.host)
        if wanted is not None and self._login() != wanted:
            self._send(401, {}, b"who are you?\n")
            return
        found = self.server.upstream.answer(self.server.host, self.path, self.headers.get("Accept", ""))
        if found is None:
            self._send(404, {}, b"not found\n")
            return
        content_type, body = found
        body = failure.spoil(body) if failure.spoil else body
        headers = self._validators(body)
        if self._is_unchanged(headers):
            self._send(304, headers, b"")
            return
        headers["Content-Type"] = content_type
        if self.server.host == "files":
            self._send_part(headers, body, failure.cut)
            return
        headers |= {"Cache-Control": "max-age=600, public", "Vary": "Accept"}
        if self.server.upstream.compress and "gzip" in self.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"], body = "gzip", gzip.compress(body, mtime=0)
        self._send(200, headers, body, failure.cut)

    def _login(self) -> str | None:
        kind, _, text = self.headers.get("Authorization", "").partition(" ")
        return base64.b64decode(text).decode() if kind == "Basic" else None

    def _validators(self, body: bytes) -> dict[str, str]:
        upstream = self.server.upstream
        every = {
            "ETag": f'"{hashlib.sha256(body).hexdigest()[:16]}"',
            "Last-Modified": self.date_time_string(int(1_700_000_000 + upstream.changed)),
        }
        return {key: value for key, value in every.items() if key in upstream.validators or self.server.host == "files"}

    def _is_unchanged(self, validators: Mapping[str, str]) -> bool:
        given = self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")
        right = validators.get("ETag"), validators.get("Last-Modified")
        return given[0] == right[0] if given[0] else given[1] is not None and given[1] == right[1]

    def _send_part(self, headers: dict[str, str], body: bytes, cut: int | None) -> None:
        headers["Accept-Ranges"] = "bytes"
        wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
        if wanted is None or self.headers.get("If-Range", headers["ETag"]) not in (
            headers["ETag"],
            headers["Last-Modified"],
        ):
            self._send(200, headers, body, cut)
            return
        first = int(wanted[1]) if wanted[1] else max(0, len(body) - int(wanted[2]))
        last = min(int(wanted[2]), len(body) - 1) if wanted[1] and wanted[2] else len(body) - 1
        if first >= len(body):
            self._send(416, headers | {"Content-Range": f"bytes */{len(body)}"}, b"")
            return
        self._send(206, headers | {"Content-Range": f"bytes {first}-{last}/{len(body)}"}, body[first : last + 1], cut)

    def _send(self, status: int, headers: Mapping[str, str], body: bytes, cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        given = self.headers
        conditional = "If-None-Match" in given or "If-Modified-Since" in given
        body = b"" if self.command == "HEAD" else body[:cut]
        note = Seen(
            self.server.host, self.command, self.path, status, len(body), conditional, given.get("Range"), self._login()
        )
        self.server.upstream.seen.append(note)  # before the head is sent: an answer without a body is whole then
        self.end_headers()
        self.wfile.write(body)
        if cut is not None:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    upstream: Upstream
    host: Literal["index", "files"]
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that have enough."""


@contextmanager
def _served(style: Style, path: str) -> Iterator[Upstream]:
    upstream = Upstream(style)
    with _Server(("127.0.0.1", 0), _Handler) as pages, _Server(("127.0.0.1", 0), _Handler) as files:
        pages.upstream = files.upstream = upstream
        pages.host, files.host = "index", "files"
        upstream.index = f"http://127.0.0.1:{pages.server_address[1]}/{path}/"
        upstream.files_url = f"http://localhost:{files.server_address[1]}/packages"
        with in_background(pages), in_background(files):
            yield upstream


def pypi() -> AbstractContextManager[Upstream]:
    """Serve an empty index with the shape of PyPI."""
    return _served("pypi", "simple")


def pytorch() -> AbstractContextManager[Upstream]:
    """Serve an empty index with the shape of PyTorch's CPU index; :func:`add_family` fills it."""
    return _served("pytorch", "whl/cpu")


GPU_LINES: Final = (
    'nvidia-cudnn-cu12==9.10.2.21; platform_system == "Linux" and platform_machine == "x86_64"',
    'triton==3.5.0; platform_system == "Linux" and platform_machine == "x86_64"',
)
"""What the plain wheels of torch require up to 2.10, for every platform; the +cpu ones do not."""
LINUX: Final = ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64")
MACOS: Final = "macosx_11_0_arm64"
PAIRS: Final = {"2.8.0": "0.23.0", "2.9.0": "0.24.0", "2.9.1": "0.24.1", "2.10.0": "0.25.0"}
"""Releases of torch and torchaudio, and those of torchvision that fit them."""


def torch(version: str, platform: str, python: str = "cp311", *, local: str = "+cpu") -> WheelSpec:
    """Return torch for ``platform``: on Linux and Windows with the ``local`` version, on macOS without."""
    requires = ("filelock", "typing-extensions>=4.10.0", "sympy>=1.13.3")
    if platform.startswith("macosx"):
        return _companion("torch", version, f"{python}-none-{platform}", (*requires, *GPU_LINES))
    return _companion("torch", version + local, f"{python}-{python}-{platform}", requires)


def vision(version: str, fits: str, platform: str, python: str = "cp311", *, project: str = "torchvision") -> WheelSpec:
    """Return torchvision, or another ``project``, for ``platform``, which requires the torch that it ``fits``."""
    local = "" if platform.startswith("macosx") else "+cpu"
    return _companion(project, version + local, f"{python}-{python}-{platform}", ("numpy", f"torch=={fits}"))


def add_family(upstream: Upstream, *versions: str, pythons: tuple[str, ...] = ("cp311",)) -> None:
    """Add torch of ``versions``, keys of :data:`PAIRS`, with torchvision and torchaudio, for Linux, macOS and Windows.

    As on PyTorch's index, some of them have no sha256 or no metadata file there: those for Windows and those of torchaudio.
    """
    for version in versions:
        for python in pythons:
            for platform in (*LINUX, MACOS, "win_amd64"):
                upstream.add(torch(version, platform, python), hashed=platform != "win_amd64", requires_python=">=3.10")
                upstream.add(vision(PAIRS[version], version, platform, python), requires_python=">=3.10")
                spec = vision(version, version, platform, python, project="torchaudio")
                upstream.add(spec, announced=False, metadata=None)


def _companion(project: str, version: str, tags: str, requires: tuple[str, ...]) -> WheelSpec:
    constants = f"__version__ = {version!r}\ncuda = None\nhip = None\n".encode()
    files = (
        Entry(f"{project}/__init__.py", b"from .version import __version__\n"),
        Entry(f"{project}/version.py", constants),
    )
    return WheelSpec(project=project, version=version, tags=tags, requires=requires, files=files)
