"""Files downloaded whole: all of the right one, or nothing and a clear error, whatever the server does."""

import base64
import errno
import gzip
import hashlib
import random
import re
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripting import Asked, Reply, answering
from wheelfix.errors import MirrorError
from wheelfix.progress import NoProgress
from wheelfix.upstream.http import Session
from wheelfix.upstream.saving import require_space
from wheelfix.upstream.whole_file import Wanted, download

DATA = b"PK\3\4" + bytes(range(256)) * 2000
SUM = hashlib.sha256(DATA).hexdigest()
ETAG = {"ETag": '"one"'}
DATE = {"Last-Modified": "Sat, 28 Nov 2020 10:00:00 GMT"}


class Heard(NoProgress):
    """Keeps what was reported."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int | None, int]] = []
        self.waited: list[float] = []
        self.bytes = 0

    def file_started(self, name: str, size: int | None, resumed: int = 0) -> None:
        self.started.append((name, size, resumed))

    def file_advanced(self, name: str, count: int) -> None:
        self.bytes += count

    def waiting(self, name: str, seconds: float, reason: str) -> None:
        self.waited.append(seconds)


class Breaking:
    """A server that breaks off after ``pieces`` bytes of each answer, one after the other; then it sends what is wanted.

    It says of ``data`` what stands in ``headers``, and knows ranges if it is told so. ``after`` is what it has after the
    first answer, with other ``headers``.
    """

    def __init__(
        self,
        *pieces: int,
        headers: dict[str, str] = ETAG,
        ranges: bool = True,
        after: bytes = DATA,
        headers_after: dict[str, str] | None = None,
    ) -> None:
        self.pieces = list(pieces)
        self.headers, self.ranges = headers, ranges
        self.after = after
        self.headers_after = headers if headers_after is None else headers_after
        self.data = DATA
        self.asked: list[Asked] = []

    def __call__(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        data, headers = self.data, self.headers
        self.data, self.headers = self.after, self.headers_after
        wanted = re.fullmatch(r"bytes=(\d+)-", asked.headers.get("range", ""))
        if wanted and asked.headers.get("if-range", headers.get("ETag")) != headers.get("ETag"):
            wanted = None
        first = int(wanted[1]) if wanted and self.ranges else 0
        if first and first >= len(data):
            return Reply(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
        body = data[first:]
        said = {"Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"} if first else {}
        sent = body[: self.pieces.pop(0)] if self.pieces else body
        return Reply(sent, 206 if first else 200, {**headers, **said}, length=len(body))


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the pauses would be, in seconds: nobody waits."""
    found: list[float] = []
    monkeypatch.setattr("wheelfix.upstream.whole_file.sleep", found.append)
    return found


def fetch(
    server: Callable[[Asked], Reply],
    directory: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    keep_part: bool = False,
    heard: NoProgress | None = None,
) -> str:
    """Download from ``server`` to x.whl in ``directory``."""
    with answering(server) as running:
        wanted = Wanted(f"{running.url}/x.whl?signature=secret", "x.whl", sha256, size)
        return download(Session(timeout=5), wanted, directory / "x.whl", keep_part=keep_part, progress=heard or NoProgress())


def refused(
    code: str,
    server: Callable[[Asked], Reply],
    directory: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
) -> MirrorError:
    """Confirm that a download ends with this error, that nothing is left of it, and that no secret is shown."""
    with pytest.raises(MirrorError) as caught:
        fetch(server, directory, sha256=sha256, size=size)
    assert caught.value.code == code, caught.value
    assert list(directory.iterdir()) == []
    assert "secret" not in f"{caught.value}"
    return caught.value


def test_a_file_takes_one_request(tmp_path: Path) -> None:
    server, heard = Breaking(), Heard()
    assert fetch(server, tmp_path, sha256=SUM, size=len(DATA), heard=heard) == SUM
    assert (tmp_path / "x.whl").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["x.whl"]
    assert (heard.started, heard.bytes, heard.waited) == ([("x.whl", len(DATA), 0)], len(DATA), [])
    assert len(server.asked) == 1
    assert server.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("sha256", [SUM, None])
@pytest.mark.parametrize("headers", [ETAG, DATE, {**ETAG, **DATE}])
def test_it_is_continued_where_it_broke_off(headers: dict[str, str], sha256: str | None, tmp_path: Path) -> None:
    server, heard = Breaking(100_000, 50_000, headers=headers), Heard()
    assert fetch(server, tmp_path, sha256=sha256, heard=heard) == SUM
    assert [each.headers.get("range") for each in server.asked] == [None, "bytes=100000-", "bytes=150000-"]
    assert {each.headers.get("if-range") for each in server.asked[1:]} == {headers.get("ETag")}
    assert [start for _, _, start in heard.started] == [0, 100_000, 150_000]
    assert heard.bytes == len(DATA)
    assert heard.waited == [1.0, 2.0]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"one"'}])
def test_without_a_version_and_a_sum_it_begins_again(headers: dict[str, str], tmp_path: Path) -> None:
    server = Breaking(100_000, headers=headers)
    assert fetch(server, tmp_path) == SUM
    assert [each.headers.get("range") for each in server.asked] == [None, None]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"one"'}])
def test_with_a_sum_no_version_is_needed(headers: dict[str, str], tmp_path: Path) -> None:
    server = Breaking(100_000, headers=headers)
    assert fetch(server, tmp_path, sha256=SUM) == SUM
    assert server.asked[-1].headers["range"] == "bytes=100000-"


def test_a_server_without_ranges_sends_all_again(tmp_path: Path) -> None:
    server, heard = Breaking(100_000, ranges=False), Heard()
    assert fetch(server, tmp_path, heard=heard) == SUM
    assert [start for _, _, start in heard.started] == [0, 0]


OTHER = b"PK\3\4" + b"other" * 100_000


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ETAG, {"ETag": '"two"'}),
        (DATE, {"Last-Modified": "Sat, 28 Nov 2026 11:00:00 GMT"}),
        ({**ETAG, **DATE}, DATE),
        (DATE, {}),
    ],
)
@pytest.mark.parametrize("length", [len(DATA), len(OTHER), 50_000])
def test_two_versions_are_never_mixed(before: dict[str, str], after: dict[str, str], length: int, tmp_path: Path) -> None:
    """The file changes while it is downloaded: all of the new one comes."""
    new = (OTHER * 2)[:length]
    server = Breaking(100_000, headers=before, after=new, headers_after=after)
    assert fetch(server, tmp_path) == hashlib.sha256(new).hexdigest()
    assert (tmp_path / "x.whl").read_bytes() == new


def test_the_sum_decides_when_the_file_changes(tmp_path: Path) -> None:
    server = Breaking(100_000, headers={}, after=(OTHER * 2)[: len(DATA)])
    error = refused("wrong-hash", server, tmp_path, sha256=SUM)
    assert SUM in str(error)
    assert len(server.asked) == 3, "the rest, and then all of it once more"


def test_it_is_not_continued_for_ever(pauses: list[float], tmp_path: Path) -> None:
    server = Breaking(*[10] * 100)
    error = refused("no-answer", server, tmp_path, sha256=SUM)
    assert "breaks off" in error.message
    assert len(server.asked) == 6
    assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0]


def test_a_server_that_sends_nothing_is_not_asked_again(pauses: list[float], tmp_path: Path) -> None:
    server = Breaking(0)
    refused("no-answer", server, tmp_path)
    assert (len(server.asked), pauses) == (1, [])


def test_silence_in_the_middle_is_a_break(tmp_path: Path) -> None:
    """The server stops sending, and keeps the connection."""
    server = Breaking()

    def reply(asked: Asked) -> Reply:
        found = server(asked)
        is_first = len(server.asked) == 1
        return Reply(found.body[:200_000], 200, ETAG, length=len(DATA), stall=2.0) if is_first else found

    with answering(reply) as running:
        path = tmp_path / "x.whl"
        download(Session(timeout=0.5), Wanted(f"{running.url}/x.whl", "x.whl"), path)
    assert path.read_bytes() == DATA
    assert "range" in server.asked[1].headers


def test_the_next_run_continues_where_the_sum_is_known(tmp_path: Path) -> None:
    with pytest.raises(MirrorError):
        fetch(Breaking(*[60_000] * 6), tmp_path, sha256=SUM, keep_part=True)
    [part] = tmp_path.iterdir()
    assert (part.name, part.read_bytes()) == ("x.part", DATA[:360_000])
    server, heard = Breaking(), Heard()
    assert fetch(server, tmp_path, sha256=SUM, keep_part=True, heard=heard) == SUM
    assert server.asked[0].headers["range"] == "bytes=360000-"
    assert (heard.started, heard.bytes) == ([("x.whl", len(DATA), 360_000)], len(DATA) - 360_000)
    assert [path.name for path in tmp_path.iterdir()] == ["x.whl"]


@pytest.mark.parametrize("part", [b"PK\3\4 another file", DATA + b"and more", DATA], ids=["other", "longer", "complete"])
def test_what_an_earlier_run_left_may_be_anything(part: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(part)
    server = Breaking()
    assert fetch(server, tmp_path, sha256=SUM, size=len(DATA), keep_part=True) == SUM
    assert (tmp_path / "x.whl").read_bytes() == DATA
    assert len(server.asked) == (1 if part == DATA else 2)


def test_without_a_sum_nothing_is_kept_and_nothing_continued(tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(DATA[:100])
    server = Breaking()
    assert fetch(server, tmp_path, keep_part=True) == SUM
    assert "range" not in server.asked[0].headers
    with pytest.raises(MirrorError):
        fetch(Breaking(*[10] * 6), tmp_path, keep_part=True)
    assert [path.name for path in tmp_path.iterdir()] == ["x.whl"], "the old one, and no part of the new one"
    assert (tmp_path / "x.whl").read_bytes() == DATA


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1])
@pytest.mark.parametrize("sends_length", [True, False])
def test_another_size_than_the_known_one(size: int, sends_length: bool, tmp_path: Path) -> None:
    """Where the server says how long the file is, nothing of it is read."""

    def reply(asked: Asked) -> Reply:
        return Reply(DATA, sends_length=sends_length)

    code = "no-answer" if size > len(DATA) and not sends_length else "wrong-size"  # it may have broken off
    error = refused(code, reply, tmp_path, size=size)
    assert code == "no-answer" or f"{size:,}" in str(error)
    if sends_length:
        assert fetch(reply, tmp_path, size=size, sha256=SUM) == SUM, "the sum says more than the size"


def test_more_than_the_server_announced(tmp_path: Path) -> None:
    """An answer that continues one says in Content-Range how long the file is, and its body has no length."""
    server = Breaking(100_000)

    def reply(asked: Asked) -> Reply:
        found = server(asked)
        return found if found.status == 200 else Reply(DATA[100_000:] + b"more", 206, found.headers, sends_length=False)

    refused("too-large", reply, tmp_path)


@pytest.mark.parametrize("sha256", [SUM, None])
def test_gzip_on_the_way_is_undone(sha256: str | None, tmp_path: Path) -> None:
    def reply(asked: Asked) -> Reply:
        assert "range" not in asked.headers
        return Reply(gzip.compress(DATA), headers={"Content-Encoding": "gzip", **ETAG})

    assert fetch(reply, tmp_path, sha256=sha256, size=len(DATA)) == SUM
    assert (tmp_path / "x.whl").read_bytes() == DATA


def test_gzip_that_breaks_off_begins_again(tmp_path: Path) -> None:
    packed = gzip.compress(DATA, 0)
    replies = [Reply(packed[:200_000], length=len(packed)), Reply(packed)]

    def reply(asked: Asked) -> Reply:
        assert "range" not in asked.headers
        found = replies.pop(0)
        return Reply(found.body, headers={"Content-Encoding": "gzip", **ETAG}, length=found.length)

    assert fetch(reply, tmp_path) == SUM


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", DATA), ("gzip", gzip.compress(DATA)[:-9]), ("br", DATA), ("deflate", DATA), ("zstd", DATA)],
    ids=["not compressed", "cut off", "br", "deflate", "zstd"],
)
def test_what_cannot_be_decompressed(encoding: str, body: bytes, tmp_path: Path) -> None:
    refused("bad-answer", lambda asked: Reply(body, headers={"Content-Encoding": encoding}), tmp_path)


def test_gzip_of_more_than_the_known_size_ends_there(tmp_path: Path) -> None:
    bomb = gzip.compress(b"PK" + bytes(1 << 26))
    heard = Heard()
    with pytest.raises(MirrorError) as caught:
        fetch(lambda asked: Reply(bomb, headers={"Content-Encoding": "gzip"}), tmp_path, size=1000, heard=heard)
    assert caught.value.code == "wrong-size"
    assert heard.bytes <= 1 << 20
    assert list(tmp_path.iterdir()) == []


def digest_in_base64(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("Repr-Digest", lambda data: f"sha-512=:AAAA:, sha-256=:{digest_in_base64(data)}:"),
        ("Digest", lambda data: f"SHA-256={digest_in_base64(data)},MD5=AAAA"),
        ("X-Checksum-Sha256", lambda data: hashlib.sha256(data).hexdigest().upper()),
    ],
)
def test_the_sum_that_the_server_says(name: str, write: Callable[[bytes], str], tmp_path: Path) -> None:
    assert fetch(lambda asked: Reply(DATA, headers={name: write(DATA)}), tmp_path) == SUM
    (tmp_path / "x.whl").unlink()
    error = refused("wrong-hash", lambda asked: Reply(DATA, headers={name: write(OTHER)}), tmp_path)
    assert "the server says" in str(error)
    packed = gzip.compress(DATA)  # the sum is that of what is sent
    assert fetch(lambda asked: Reply(packed, headers={name: write(packed), "Content-Encoding": "gzip"}), tmp_path) == SUM


@pytest.mark.parametrize("said", ["", "sha-256", "sha-256=:AAAA:", "sha-512=:AAAA:", "sha-256=:" + "=" * 44 + ":"])
def test_sums_that_are_none(said: str, tmp_path: Path) -> None:
    assert fetch(lambda asked: Reply(DATA, headers={"Repr-Digest": said}), tmp_path) == SUM


@pytest.mark.parametrize(
    ("status", "code"), [(404, "bad-answer"), (403, "access-denied"), (401, "access-denied"), (206, "bad-answer")]
)
def test_other_answers(status: int, code: str, tmp_path: Path) -> None:
    refused(code, lambda asked: Reply(DATA, status), tmp_path)


def test_a_page_to_log_in_is_no_wheel(tmp_path: Path) -> None:
    page = {"Content-Type": "text/html; charset=utf-8"}
    refused("not-a-wheel", lambda asked: Reply(b"<html>Log in", headers=page), tmp_path)
    assert fetch(lambda asked: Reply(DATA, headers=page), tmp_path) == SUM, "the type is wrong, and the wheel is one"


def test_too_little_space_is_known_before_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.upstream.saving.shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    heard = Heard()
    with pytest.raises(MirrorError) as caught:
        fetch(Breaking(), tmp_path, heard=heard)
    assert caught.value.code == "no-space"
    assert heard.started == []
    assert list(tmp_path.iterdir()) == []
    require_space(tmp_path, 1000, "x.whl")


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(Heard):
        def file_advanced(self, name: str, count: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fetch(Breaking(), tmp_path, heard=Full())
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    class Interrupting(Heard):
        def file_advanced(self, name: str, count: int) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(Breaking(), tmp_path, heard=Interrupting())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "words"), [("the index", "report it to the operator of the index"), ("the URL", "Check the URL")]
)
def test_who_said_what_the_right_file_is(source: str, words: str, tmp_path: Path) -> None:
    for sha256, size in ((hashlib.sha256(OTHER).hexdigest(), None), (None, 7)):
        with answering(Breaking()) as running, pytest.raises(MirrorError) as caught:
            wanted = Wanted(f"{running.url}/x.whl", "x.whl", sha256, size, source)
            download(Session(), wanted, tmp_path / "x.whl")
        assert f"than {source} says" in caught.value.message
        assert words in caught.value.hint


def test_a_bomb_ends_where_no_wheel_is_so_compressible(tmp_path: Path) -> None:
    bomb = gzip.compress(b"PK" + bytes(1 << 26))
    heard = Heard()
    with pytest.raises(MirrorError) as caught:
        fetch(lambda asked: Reply(bomb, headers={"Content-Encoding": "gzip"}), tmp_path, heard=heard)
    assert (caught.value.code, list(tmp_path.iterdir())) == ("too-large", [])
    assert heard.bytes <= 30 * len(bomb) + (1 << 21)


def test_a_wheel_of_binaries_that_are_not_compressed_is_none(tmp_path: Path) -> None:
    stored = b"PK" + b"".join(hashlib.sha256(bytes([each % 256])).digest() * 20 for each in range(1 << 13))
    sent = gzip.compress(stored)
    assert len(stored) > 15 * len(sent)
    fetch(lambda asked: Reply(sent, headers={"Content-Encoding": "gzip"}), tmp_path)
    assert (tmp_path / "x.whl").read_bytes() == stored


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_what_has_no_size_and_is_no_archive_ends_at_once(headers: dict[str, str], tmp_path: Path) -> None:
    body = random.Random(1).randbytes(1 << 21)
    sent = gzip.compress(body) if headers else body
    error = refused("not-a-wheel", lambda asked: Reply(sent, headers=headers, sends_length=False), tmp_path)
    assert "is not a wheel: it does not begin as one" in error.message


def test_what_has_no_size_takes_half_of_the_disk_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(free=1_000_000)
    monkeypatch.setattr("wheelfix.upstream.whole_file.shutil.disk_usage", lambda path: usage)
    error = refused("too-large", lambda asked: Reply(b"PK" + bytes(700_000), sends_length=False), tmp_path)
    assert "more than 500,000 bytes" in error.message
    body = b"PK" + bytes(400_000)
    fetch(lambda asked: Reply(body, sends_length=False), tmp_path)


@pytest.mark.parametrize(("age", "continues"), [(59, False), (60, True), (-60, False)])
def test_a_date_names_one_version_only_where_it_is_not_that_of_now(age: int, continues: bool, tmp_path: Path) -> None:
    """Two versions of one second have the same date (RFC 9110, 8.8.2.2)."""
    headers = {"Last-Modified": formatdate(1_000_000_000, usegmt=True), "Date": formatdate(1_000_000_000 + age, usegmt=True)}
    server = Breaking(3000, headers=headers)
    fetch(server, tmp_path)
    assert [each.headers.get("range") for each in server.asked] == [None, "bytes=3000-" if continues else None]
