"""Servers that answer anything: what is read of a remote file is all of one version of it, or there is an error."""

import io
import random
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast
from unittest.mock import patch
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from fuzz.target import Bound, Feed, Target, as_text, check_error, outcome, parts
from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.locations import Url, path_of_file_url
from wheelfix.locks.document import name_in
from wheelfix.upstream import answers
from wheelfix.upstream.buckets import split_bucket_url
from wheelfix.upstream.http import Session
from wheelfix.upstream.inputs import Finder
from wheelfix.upstream.remote_wheel import open_remote
from wheelfix.upstream.urls import looks_like_url, shown_url, validate_url, with_scheme

_URL: Final = "https://index.example.org/files/demo.whl"
_SIZES: Final = (150_000, 150_000, 150_500, 900)
_VERSIONS: Final = [b"PK\3\4" + random.Random(seed).randbytes(size) for seed, size in enumerate(_SIZES)]
_OTHER: Final = b"\xff" * max(_SIZES)
"""A file that none of these is, with an ETag of its own."""
_READS: Final = ((0, 30), (149_000, 600), (70_000, 4_000), (10_000, 100_000), (300, 200))
_MOST_REQUESTS: Final = 200
_STATUSES: Final = (206, 200, 416, 302, 307, 404, 403, 401, 500, 503, 429, 304, 204)
_PLACES: Final = (
    "/x.whl", "https://other.example.org/y?sign=1", "http://plain.example.org/", "//x", "\x00", "file:///x", "https://[", "",
    "https://user:secret@host/", "https://index.example.org/files/demo.whl",
)  # fmt: skip
_NAMES: Final = (
    "Content-Range", "ETag", "Content-Length", "Last-Modified", "Content-Encoding", "Retry-After", "Connection",
    "Content-Type", "Date", "Location",
)  # fmt: skip


class _Server(HTTPAdapter):
    """What answers in the place of a server: rightly, but for what ``feed`` decides."""

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self._feed = feed
        self._version = 0
        self.requests = 0

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Return the next answer."""
        self.requests += 1
        if not self._feed.ended and self._feed.number(7) == 1:
            self._version = self._feed.number(len(_VERSIONS) - 1)
        status, headers, body = self._right(request.headers.get("Range", ""), request.headers.get("If-Range", ""))
        if not self._feed.ended:
            status, body = self._spoilt(status, headers, body)
        raw = HTTPResponse(
            io.BytesIO(body), headers, status, version=11, preload_content=False, request_method=request.method, reason=""
        )
        return self.build_response(request, raw)

    def _right(self, wanted: str, condition: str) -> tuple[int, dict[str, str], bytes]:
        data, etag = _VERSIONS[self._version], f'"{self._version}"'
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        if not wanted or (condition and condition != etag):
            return 200, {"ETag": etag, "Content-Length": str(len(data))}, data
        start = int(first) if first else max(0, len(data) - int(last))
        stop = min(int(last) + 1, len(data)) if first and last else len(data)
        if start >= len(data):
            return 416, {"ETag": etag, "Content-Range": f"bytes */{len(data)}", "Content-Length": "0"}, b""
        said = {"ETag": etag, "Content-Range": f"bytes {start}-{stop - 1}/{len(data)}", "Content-Length": str(stop - start)}
        return 206, said, data[start:stop]

    def _spoilt(self, status: int, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Spoil an answer in a way that can be noticed: no other bytes under the right ETag and the right range."""
        match self._feed.number(9):
            case 1:
                body = body[: self._feed.number(len(body))]
            case 2:
                body += self._feed.taken(9)
            case 3:
                status = self._feed.choice(_STATUSES)
                headers["Location"] = self._feed.choice(_PLACES)
                if status not in (200, 206):
                    body = body[:100]
                elif status == 206 and "Content-Range" not in headers:
                    body = b""
            case 4:
                name = self._feed.choice(_NAMES)
                if name != "ETag" or self._version == 0:
                    headers[name] = self._feed.text()
            case 5:
                start = self._feed.number(200_000)
                headers["Content-Range"] = f"bytes {start}-{start + max(0, len(body) - 1)}/{self._feed.number(200_000)}"
                body = _OTHER[: len(body)]
                headers["ETag"] = '"other"'
            case 6:
                headers.pop(self._feed.choice(_NAMES[2:]), None)
            case 7:
                headers["Content-Encoding"] = self._feed.choice(("gzip", "br", "identity", "deflate"))
        return status, body


def _session(adapter: HTTPAdapter) -> Session:
    session = Session(timeout=5, seconds=1_000, most=_MOST_REQUESTS)
    session._adapter = cast(Any, adapter)
    session._session().trust_env = False
    return session


def check_ranges(data: bytes) -> None:
    """All parts that are read are of one version, whatever a server answers, and the number of requests has a limit."""
    feed = Feed(data)
    size = feed.choice((None, _SIZES[0], 7, 1 << 60))
    server = _Server(feed)
    read = list[tuple[int, bytes]]()
    with (
        patch("wheelfix.upstream.http.sleep"),
        patch("wheelfix.upstream.http._credentials_for", return_value=None),
    ):
        try:
            with open_remote(_session(server), _URL, size=size).open() as file:
                for offset, length in _READS:
                    if offset + length <= file.size:
                        part = file.read_at(offset, length)
                        assert len(part) == length
                        read.append((offset, part))
                file.check_unchanged()
        except WheelfixError as error:
            _check_shown(error)
    if not any(all(part == each[at : at + len(part)] for at, part in read) for each in (*_VERSIONS, _OTHER)):
        raise AssertionError([(at, len(part)) for at, part in read])
    assert server.requests <= _MOST_REQUESTS


def _check_shown(error: WheelfixError) -> None:
    check_error(error)
    assert "secret" not in str(error)


def _scripts() -> Iterator[bytes]:
    yield b""
    yield b"\1"
    for lie in range(1, 8):
        yield bytes([0, 0, lie, 5, 0, 0, 0, 0, 9, 9])
        yield bytes([1, 0, 0, 0, 0, lie, 5, 3, 3, 3, 0])
        yield bytes([0, 1, 2, lie, 7, 7, 1, 0, 0, 0, lie, 1, 1])
    yield b'\0\0\4\0\x20bytes 0-10/100\0\0\4\1\x20W/"0"' + bytes(9)


class _Said:
    """An answer of which only the headers count."""

    def __init__(self, headers: dict[str, str], status: int = 200) -> None:
        self.headers = headers
        self.status_code = status


def check_answers(data: bytes) -> None:
    """Any header is understood or ignored, and no URL of another kind, or with credentials, is followed or shown."""
    url, target, *said = map(as_text, parts(data, 8, b"\n"))
    names = ("Retry-After", "Date", "Last-Modified", "Content-Range", "Repr-Digest", "X-Checksum-Sha256")
    answer = cast(requests.Response, _Said(dict(zip(names, said, strict=True))))
    assert answers.pause_before(1, answer) >= 0
    answers.is_settled(answer)
    answers.length_of_file(answer)
    declared = answers.declared_sha256(answer)
    assert declared is None or len(declared) == 64
    for base in ("https://index.example.org/a/b", url):
        _check_followed(base, target)
    outcome(lambda: list(answers.inflated("https://x.y/", iter([data[:20], data[20:]]), "gzip")))
    shown = shown_url(url)
    assert shown.isprintable()
    looks_like_url(url)
    with_scheme(url)


def _check_followed(base: str, target: str) -> None:
    try:
        validate_url(base)
        after = answers.follow(base, target)
    except MirrorError as error:
        _check_shown(error)
        return
    found = urlsplit(after)
    assert found.scheme in ("http", "https")
    assert "@" not in found.netloc
    assert found.hostname
    assert not (base.lower().startswith("https") and found.scheme == "http")


def _headers() -> Iterator[bytes]:
    late, early = "Sat, 28 Nov 2026 10:00:00 GMT", "Sat, 28 Nov 2026 09:00:00 GMT"
    rows: Sequence[Sequence[str]] = (
        ("https://a.b/c", "/d", "120", late, early, "bytes 0-1/2", "", ""),
        ("http://user:pw@a.b/c?sign=x", "https://c.d/\u00e9", late, "", "", "*/9", f"sha-256=:{'A' * 43}=:", ""),
        ("HTTPS://[::1]:443/x", "//other/x", "-1", "x", "x", "x", "x", "0" * 64),
        ("https://a.b:99999/", "http://a.b/", "99999999999999999999", "", "", "", "", ""),
        ("file:///etc", "javascript:x", "", "", "", "", "", ""),
        ("http://a.b/", "ftp://c.d/", "", "", "", "", "", ""),
    )
    for row in rows:
        yield "\n".join(row).encode()


class _NoServer:
    """A session without a server."""

    def get(self, url: str, *_: object, **__: object) -> Any:
        """Answer nothing."""
        raise MirrorError("no-answer", "nothing answers", hint="Try again.")

    def close(self) -> None:
        """Close nothing."""


def check_inputs(data: bytes) -> None:
    """Any text that names wheels is understood or refused in words, without what could be a password in them."""
    text = as_text(data)
    looks_like_url(text)
    assert shown_url(text).isprintable()
    name_in(text)
    path_of_file_url(text)
    Url(text)
    outcome(lambda: split_bucket_url(text))
    with (
        patch("wheelfix.upstream.bucket_wheel.open_bucket", side_effect=_refused),
        patch("wheelfix.upstream.buckets.open_bucket", side_effect=_refused),
        patch.object(Finder, "_http", return_value=_NoServer()),
    ):
        found = outcome(lambda: Finder("https://index.example.org/simple/").find(text))
    for each in found or ():
        assert each.name.endswith(".whl")
        assert "/" not in each.name


def _refused(*_: object) -> None:
    raise MirrorError("no-bucket", "there is no bucket", hint="Check the URL.")


def _inputs() -> Iterator[bytes]:
    texts = (
        "torch==2.7.0", "torch[x]>=2 ; os_name == 'nt'", "https://a.b/x-1.0-py3-none-any.whl#sha256=" + "0" * 64,
        "s3://b/p/x.whl", "s3://b/p/*.whl", "gs://b/p/", "az://b/x-1.0.tar.gz", "https://user:secret@a.b/x.whl",
        "file:///x.whl", "s3://[/x.whl", "a.b/simple/x.whl", "https://a.b/x.whl.metadata?sign=1", "HTTPS://a.b:0/x.whl",
        "s3://b/../x.whl",
    )  # fmt: skip
    for text in texts:
        yield text.encode()


_WORDS: Final = (
    "https://", "http://", "//", "@", ":", "[", "]", "%40", "\\", "\t", "Sat, 28 Nov 2026 10:00:00 GMT", "-0000",
    "bytes 0-9/10", "sha-256=:", "#", "?", "/", "\x1f\x8b\x08\0\0\0\0\0\0\3", "\u3002", "\u2100", "9" * 20,
)  # fmt: skip
_OF_INPUTS: Final = (
    "s3://",
    "gs://",
    "az://",
    "https://",
    "file://",
    "#sha256=",
    ".whl",
    "*",
    "?",
    "[",
    "%2F",
    "%00",
    "@",
    ":",
    "//",
)
_MEMORY: Final = Bound(1 << 24, 1 << 14)
TARGETS: Final = {
    "ranges": Target(check_ranges, _scripts, longest=300, calls=Bound(200_000, 2_000), memory=_MEMORY),
    "inputs": Target(check_inputs, _inputs, longest=200, words=_OF_INPUTS, memory=_MEMORY),
    "answers": Target(check_answers, _headers, longest=600, words=_WORDS, memory=_MEMORY),
}
