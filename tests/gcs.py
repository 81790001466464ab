"""A stub of Google's object store on the loopback device: of its XML API what obstore sends, and it compares generations.

The emulators that can be installed know no ETag or no condition. This one follows
https://docs.cloud.google.com/storage/docs/xml-api/reference-headers: each write gives an object a new generation, and one
that comes with ``x-goog-if-generation-match`` is refused where that is another by then; 0 stands for no object.
"""

import base64
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from msgspec import Struct, field

from serving import in_background

TOKEN: Final = "a-token-of-the-stub"
"""What every request must bear; a service account gets it at ``/token``."""
_KEPT: Final = ("content-type", "cache-control", "content-encoding", "content-disposition", "content-language")
_PAGE: Final = 1000
"""How many keys one answer lists."""


class Stored(Struct, frozen=True):
    """An object: its bytes, the headers that it is served with, its generation, and when it was written.

    ``etag`` is the same for the same bytes, whatever the generation.
    """

    data: bytes
    headers: Mapping[str, str]
    generation: int
    modified: datetime
    etag: str


class Upload(Struct):
    """A multipart upload that is under way: for which key, with which headers, and its parts by number."""

    key: str
    headers: Mapping[str, str]
    parts: dict[int, bytes] = field(default_factory=dict)


class Server(Struct):
    """The stub at ``url``, and what it holds: objects by key, for each bucket. ``requests`` are method and path of each."""

    url: str
    buckets: dict[str, dict[str, Stored]] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    _generation: int = 1_700_000_000_000_000

    def create(self, name: str) -> None:
        """Create an empty bucket."""
        self.buckets[name] = {}

    def next_number(self) -> int:
        """Return a number that is larger than every one before."""
        self._generation += 1
        return self._generation


class Refused(Exception):
    """The request is answered with a status and a code, as the service does it."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status, self.code = status, code


class _Handler(http.server.BaseHTTPRequestHandler):
    """One request: the bucket is the first part of the path, the key is the rest."""

    server: "_Listening"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_HEAD(self) -> None:
        self._answer(self._get)

    def do_PUT(self) -> None:
        self._answer(self._put)

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_DELETE(self) -> None:
        self._answer(self._delete)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, act: "Callable[[_Call], None]") -> None:
        """Read all of the request, then answer it: one at a time, as whoever writes second must see what the first wrote."""
        split = urlsplit(self.path)
        bucket, _, key = split.path.removeprefix("/").partition("/")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {name: values[0] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
        call = _Call(unquote(bucket), unquote(key), query, body)
        with self.server.lock:
            self.server.found.requests.append((self.command, self.path))
            try:
                act(call)
            except Refused as error:
                self._send(error.status, f"<Error><Code>{error.code}</Code><Message>{error.code}</Message></Error>".encode())

    def _send(self, status: int, body: bytes = b"", headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _objects(self, call: "_Call") -> dict[str, Stored]:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Refused(401, "AuthenticationRequired")
        if call.bucket not in self.server.found.buckets:
            raise Refused(404, "NoSuchBucket")
        return self.server.found.buckets[call.bucket]

    def _get(self, call: "_Call") -> None:
        objects = self._objects(call)
        if not call.key:
            self._send(200, _listing(objects, call.query), {"Content-Type": "application/xml"})
            return
        stored = objects.get(call.key)
        if stored is None or call.query.get("generation", str(stored.generation)) != str(stored.generation):
            raise Refused(404, "NoSuchKey")
        if self.headers.get("If-Match", stored.etag) not in (stored.etag, "*"):
            raise Refused(412, "PreconditionFailed")
        if self.headers.get("If-None-Match") == stored.etag:
            self._send(304)
            return
        status, data, more = _part(stored.data, self.headers.get("Range"))
        self._send(status, data, {**stored.headers, **_described(stored), **more})

    def _put(self, call: "_Call") -> None:
        objects = self._objects(call)
        if "uploadId" in call.query:
            upload = self._upload(call)
            upload.parts[int(call.query["partNumber"])] = call.body
            self._send(200, headers={"ETag": _etag(call.body)})
            return
        if "x-goog-copy-source" in self.headers:
            self._copy(call, objects)
            return
        self._compare(objects.get(call.key))
        digest = self.headers.get("Content-MD5")
        if digest and digest != base64.b64encode(hashlib.md5(call.body).digest()).decode():
            raise Refused(400, "BadDigest")
        self._send(200, headers=_described(self._store(objects, call.key, call.body, self._kept())))

    def _copy(self, call: "_Call", objects: dict[str, Stored]) -> None:
        bucket, _, key = unquote(self.headers["x-goog-copy-source"]).removeprefix("/").partition("/")
        source = self.server.found.buckets.get(bucket, {}).get(key)
        if source is None:
            raise Refused(404, "NoSuchKey")
        self._compare(objects.get(call.key))
        stored = self._store(objects, call.key, source.data, source.headers)
        self._send(
            200, f"<CopyObjectResult><ETag>{escape(stored.etag)}</ETag></CopyObjectResult>".encode(), _described(stored)
        )

    def _post(self, call: "_Call") -> None:
        if (call.bucket, call.key) == ("token", ""):
            body = json.dumps({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}).encode()
            self._send(200, body, {"Content-Type": "application/json"})
            return
        objects = self._objects(call)
        if "uploads" in call.query:
            name = f"upload{self.server.found.next_number()}"
            self.server.found.uploads[name] = Upload(call.key, self._kept())
            answer = f"<UploadId>{name}</UploadId>"
            self._send(200, f"<InitiateMultipartUploadResult>{answer}</InitiateMultipartUploadResult>".encode())
            return
        upload = self._upload(call)
        self._compare(objects.get(call.key))
        data = b"".join(_joined(upload, call.body))
        del self.server.found.uploads[call.query["uploadId"]]
        stored = self._store(objects, call.key, data, upload.headers)
        answer = f"<CompleteMultipartUploadResult><ETag>{escape(stored.etag)}</ETag></CompleteMultipartUploadResult>"
        self._send(200, answer.encode(), _described(stored))

    def _delete(self, call: "_Call") -> None:
        objects = self._objects(call)
        if "uploadId" in call.query:
            self._upload(call)
            del self.server.found.uploads[call.query["uploadId"]]
        elif call.key not in objects:
            raise Refused(404, "NoSuchKey")
        else:
            self._compare(objects[call.key])
            del objects[call.key]
        self._send(204)

    def _compare(self, there: Stored | None) -> None:
        """Refuse a write that was meant for another generation than that which is ``there``."""
        wanted = self.headers.get("x-goog-if-generation-match")
        if wanted is not None and int(wanted) != (there.generation if there else 0):
            raise Refused(412, "PreconditionFailed")

    def _kept(self) -> dict[str, str]:
        kept = {name.title(): value for name, value in self.headers.items() if name.lower() in _KEPT}
        return kept | {name: value for name, value in self.headers.items() if name.lower().startswith("x-goog-meta-")}

    def _store(self, objects: dict[str, Stored], key: str, data: bytes, headers: Mapping[str, str]) -> Stored:
        generation = self.server.found.next_number()
        objects[key] = stored = Stored(data, headers, generation, datetime.now(UTC), _etag(data))
        return stored

    def _upload(self, call: "_Call") -> Upload:
        upload = self.server.found.uploads.get(call.query.get("uploadId", ""))
        if upload is None or upload.key != call.key:
            raise Refused(404, "NoSuchUpload")
        return upload


class _Call(Struct, frozen=True):
    """What a request names, decoded, and its body."""

    bucket: str
    key: str
    query: Mapping[str, str]
    body: bytes


class _Listening(http.server.ThreadingHTTPServer):
    found: Server
    lock: threading.Lock
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


def _described(stored: Stored) -> dict[str, str]:
    modified = format_datetime(stored.modified, usegmt=True)
    return {"ETag": stored.etag, "x-goog-generation": str(stored.generation), "Last-Modified": modified}


def _part(data: bytes, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and further headers for a range of ``data``: from the start, up to the end, or of the end."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted or "")
    if found is None or not (found[1] or found[2]):
        return 200, data, {}
    first = int(found[1]) if found[1] else max(len(data) - int(found[2]), 0)
    last = min(int(found[2]), len(data) - 1) if found[1] and found[2] else len(data) - 1
    if first >= len(data):
        raise Refused(416, "InvalidRange")
    return 206, data[first : last + 1], {"Content-Range": f"bytes {first}-{last}/{len(data)}"}


def _listing(objects: Mapping[str, Stored], query: Mapping[str, str]) -> bytes:
    """Return one page of a listing in order: keys, and what they have in common up to a delimiter."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    after = query.get("continuation-token") or query.get("start-after", "")
    rows: dict[str, str] = {}
    for key in sorted((each for each in objects if each.startswith(prefix)), key=str.encode):
        common, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        name = f"{prefix}{common}{delimiter}" if found else key
        if name > after:
            rows[name] = (
                f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" if found else _row(key, objects[key])
            )
    names = list(rows)[: min(int(query.get("max-keys", _PAGE)), _PAGE)]
    cut = len(names) < len(rows)
    more = f"<NextContinuationToken>{escape(names[-1])}</NextContinuationToken>" if cut else ""
    content = "".join(rows[name] for name in names)
    return f"<ListBucketResult><IsTruncated>{str(cut).lower()}</IsTruncated>{more}{content}</ListBucketResult>".encode()


def _common(name: str) -> str:
    return f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"


def _row(key: str, stored: Stored) -> str:
    modified = stored.modified.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    of_object = (
        f"<ETag>{escape(stored.etag)}</ETag><Generation>{stored.generation}</Generation><Size>{len(stored.data)}</Size>"
    )
    return f"<Contents><Key>{escape(key)}</Key><LastModified>{modified}</LastModified>{of_object}</Contents>"


def _joined(upload: Upload, body: bytes) -> Iterator[bytes]:
    """Yield the parts that the client names, in order; each must be there, with that ETag."""
    for part in ET.fromstring(body).iter("Part"):
        data = upload.parts.get(int(part.findtext("PartNumber", "0")))
        if data is None or _etag(data) != part.findtext("ETag"):
            raise Refused(400, "InvalidPart")
        yield data


@contextmanager
def serve() -> Iterator[Server]:
    """Run the stub; yield it, with no bucket yet."""
    with _Listening(("127.0.0.1", 0), _Handler) as server:
        server.lock = threading.Lock()
        server.found = Server(f"http://127.0.0.1:{server.server_address[1]}")
        with in_background(server):
            yield server.found


def service_account(server: Server) -> str:
    """Return a key file (JSON) for a service account, which gets its tokens from ``server``."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    account = {"type": "service_account", "project_id": "tests", "private_key_id": "1", "private_key": text}
    return json.dumps({**account, "client_email": "tests@example.com", "token_uri": f"{server.url}/token"})
