"""A file read by ranges from servers that misbehave: the right bytes of one version of it, or a clear error."""

import gzip
import hashlib
import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from building import Entry
from demos import demo_wheel
from ranging import DATE, ETAG, OnDisk, Ranged, write_with_hole
from scripting import Asked, Reply, answering
from wheelfix.errors import ArchiveError, MirrorError, SourceChanged
from wheelfix.fix.describe import describe
from wheelfix.rules.load import built_in
from wheelfix.upstream.http import Session
from wheelfix.upstream.ranges import RangedFile
from wheelfix.upstream.remote_wheel import RemoteFile, open_remote
from wheelfix.upstream.whole_file import Wanted, download
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.layout import Directory
from wheelfix.wheel.zip.source import sha256_of

DATA = b"PK\3\4" + random.Random(1).randbytes(1_000_000)
WEAK = {"ETag": 'W/"one"'}
PLAIN: dict[str, str] = {}


@contextmanager
def opened(server: Callable[[Asked], Reply], *, timeout: float = 5, size: int | None = None) -> Iterator[RemoteFile]:
    """Open the file of ``server``; its end is read."""
    with answering(server) as running:
        wheel = open_remote(Session(timeout=timeout), f"{running.url}/x.whl?signature=secret#sha256=0", size=size)
        with wheel.open() as file:
            yield file


def refused(code: str, call: Callable[[], object]) -> MirrorError:
    with pytest.raises(MirrorError) as caught:
        call()
    assert caught.value.code == code, caught.value
    assert "secret" not in str(caught.value)
    return caught.value


def fetched(server: Callable[[Asked], Reply], directory: Path) -> bytes:
    """Return the whole file, downloaded."""
    with answering(server) as running:
        download(Session(timeout=5), Wanted(f"{running.url}/x.whl", "x.whl"), directory / "x.whl")
    return (directory / "x.whl").read_bytes()


@pytest.mark.parametrize("headers", [ETAG, DATE, {**ETAG, **DATE}, WEAK, PLAIN])
def test_any_part_of_a_file(headers: dict[str, str]) -> None:
    """Whatever was read before, in whatever order; never with more than one request."""
    server, chance = Ranged(DATA, headers), random.Random(2)
    with opened(server) as file:
        for _ in range(300):
            offset = chance.choice([0, len(DATA) - 66_560, chance.randrange(len(DATA))])
            size = min(len(DATA) - offset, chance.choice([0, 1, 30, 4096, 65_536, 65_537, 200_000]))
            before = len(server.asked)
            assert file.read_at(offset, size) == DATA[offset : offset + size]
            assert len(server.asked) <= before + 1
        file.check_unchanged()


def test_what_is_read_is_kept() -> None:
    server = Ranged(DATA)
    with opened(server) as file:
        for _ in range(3):
            for offset in (0, 300_000, 600_000, len(DATA) - 60_000):
                file.read_at(offset, 60_000)
    assert len(server.asked) == 4


def test_who_reads_all_gets_large_blocks() -> None:
    """20 MB by ranges of 64 kB would be 305 requests."""
    data = random.Random(3).randbytes(20_000_000)
    server = Ranged(data)
    with opened(server) as file:
        assert sha256_of(file) == hashlib.sha256(data).hexdigest()
        assert sum(len(part) for _, part in file._parts) < 1 << 25
    assert len(server.asked) <= 12
    assert server.sent < 1.02 * len(data)


CHANGES = {
    "another ETag": (ETAG, {"ETag": '"two"'}, DATA),
    "another weak ETag": (WEAK, {"ETag": 'W/"two"'}, DATA),
    "another time": (DATE, {"Last-Modified": "Sat, 28 Nov 2026 10:00:01 GMT"}, DATA),
    "another ETag at the same time": ({**ETAG, **DATE}, {"ETag": '"two"', **DATE}, DATA),
    "another size": (ETAG, ETAG, DATA + b"x"),
    "another size, and nothing else is known": (PLAIN, PLAIN, DATA[:-1]),
    "it is shorter than where is read": (PLAIN, PLAIN, DATA[:10]),
}


@pytest.mark.parametrize("honours", [True, False])
@pytest.mark.parametrize("name", CHANGES)
def test_two_versions_are_never_mixed(name: str, honours: bool) -> None:
    """Whether the server honours If-Range, and sends all of another version, or a part of it."""
    before, after, data = CHANGES[name]
    server = Ranged(DATA, before)
    with opened(server) as file:
        file.read_at(0, 10)
        server.data, server.headers = data, after
        if not honours:
            server.spoil = ignoring_if_range(server)
        with pytest.raises(SourceChanged):
            file.read_at(500_000, 10)
        count = len(server.asked)
        with pytest.raises(SourceChanged):
            file.read_at(700_000, 10)
        assert len(server.asked) == count, "it is another file, whatever comes"
        with pytest.raises(SourceChanged):
            file.check_unchanged()


def ignoring_if_range(server: Ranged) -> Callable[[Asked, Reply], Reply]:
    """Return what makes a server send parts of whatever it has."""

    def spoil(asked: Asked, right: Reply) -> Reply:
        headers = {name: value for name, value in asked.headers.items() if name != "if-range"}
        return Ranged(server.data, server.headers)(asked._replace(headers=headers))

    return spoil


@pytest.mark.parametrize("headers", [ETAG, DATE, {**ETAG, **DATE}])
def test_a_part_of_an_unknown_version(headers: dict[str, str]) -> None:
    server = Ranged(DATA, headers)
    with opened(server) as file:
        server.spoil = lambda asked, right: replace(right, headers={"Content-Range": right.headers["Content-Range"]})
        error = refused("no-ranges", lambda: file.read_at(500_000, 10))
    assert "of which version" in str(error)


@pytest.mark.parametrize("before", [PLAIN, DATE, WEAK])
def test_a_part_that_says_more_of_its_version_than_those_before(before: dict[str, str]) -> None:
    """Those before may be of another one."""
    server = Ranged(DATA, before)
    with opened(server) as file:
        file.read_at(0, 10)
        server.headers = before | ({**ETAG} if before is not WEAK else DATE)
        error = refused("no-ranges", lambda: file.read_at(500_000, 10))
    assert "of which version" in str(error)


def without(name: str, reply: Reply, **others: str) -> Reply:
    return replace(reply, headers={key: value for key, value in reply.headers.items() if key != name} | others)


def boundary(reply: Reply) -> Reply:
    """Return a part as one of several (RFC 9110, 14.6)."""
    body = b"--x\r\nContent-Range: " + reply.headers["Content-Range"].encode() + b"\r\n\r\n" + reply.body + b"\r\n--x--"
    return replace(without("Content-Range", reply), body=body, headers={"Content-Type": "multipart/byteranges; boundary=x"})


FAULTS: dict[str, Callable[[Reply], Reply]] = {
    "the whole file": lambda right: Reply(DATA, headers=ETAG),
    "the whole file, as a part": lambda right: Reply(DATA, 206, ETAG),
    "no Content-Range": lambda right: without("Content-Range", right),
    "another range": lambda right: replace(right, headers={**right.headers, "Content-Range": f"bytes 7-16/{len(DATA)}"}),
    "several parts": boundary,
    "fewer bytes": lambda right: replace(right, body=right.body[:-1]),
    "more bytes": lambda right: replace(right, body=right.body + b"x"),
    "much more": lambda right: replace(right, body=right.body + bytes(1 << 26)),
    "more bytes, and no length": lambda right: replace(right, body=right.body + b"x", sends_length=False),
    "fewer bytes, and no length": lambda right: replace(right, body=right.body[:-1], sends_length=False),
    "gzip": lambda right: replace(
        right, body=gzip.compress(right.body), headers={**right.headers, "Content-Encoding": "gzip"}
    ),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("at_once", [True, False])
def test_parts_that_cannot_be_trusted(name: str, at_once: bool, tmp_path: Path) -> None:
    """From the first answer on, or from the second one on; a whole download gives the right file."""

    def spoil(asked: Asked, right: Reply) -> Reply:
        return FAULTS[name](right) if right.status == 206 else right

    server = Ranged(DATA, spoil=spoil if at_once else lambda asked, right: right)

    def read() -> None:
        with opened(server) as file:
            server.spoil = spoil
            file.read_at(500_000, 10)

    refused("no-ranges", read)
    assert len(server.asked) <= 4
    assert fetched(server, tmp_path) == DATA


def test_a_server_without_ranges(tmp_path: Path) -> None:
    server = Ranged(DATA, ranges=False)
    with pytest.raises(MirrorError) as caught, opened(server):
        pass
    assert caught.value.code == "no-ranges"
    assert caught.value.reason is not None
    assert "with the whole file" in caught.value.reason
    assert fetched(server, tmp_path) == DATA


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(status=404), "bad-answer"),
        (Reply(status=500), "bad-answer"),
        (Reply(status=401), "access-denied"),
        (Reply(status=403), "access-denied"),
        (Reply(b"<html>Log in", headers={"Content-Type": "Text/HTML; charset=utf-8"}), "not-a-wheel"),
        (Reply(length=10), "no-ranges"),
    ],
)
def test_files_that_are_not_there(reply: Reply, code: str) -> None:
    with pytest.raises(MirrorError) as caught, opened(lambda asked: reply):
        pass
    assert caught.value.code == code, caught.value
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_that_is_empty(ranges: bool) -> None:
    with pytest.raises(ArchiveError) as caught, opened(Ranged(b"", ranges=ranges)):
        pass
    assert caught.value.code == "empty-file"


def test_a_file_that_is_gone_meanwhile() -> None:
    server = Ranged(DATA)
    with opened(server) as file:
        server.spoil = lambda asked, right: Reply(status=404)
        refused("bad-answer", lambda: file.read_at(0, 10))


def test_silence() -> None:
    server = Ranged(DATA)
    with opened(server, timeout=0.3) as file:
        server.spoil = lambda asked, right: replace(right, body=right.body[:5], length=len(right.body), stall=1)
        refused("no-answer", lambda: file.read_at(0, 10))
    with pytest.raises(MirrorError) as caught, opened(lambda asked: Reply(b"x", length=5, stall=1, status=206), timeout=0.3):
        pass
    assert caught.value.code in ("no-answer", "no-ranges")


def test_a_part_that_breaks_off_is_requested_once_more() -> None:
    server = Ranged(DATA)
    with opened(server) as file:
        count = len(server.asked)

        def spoil(asked: Asked, right: Reply) -> Reply:
            is_second = len(server.asked) == count + 1
            return replace(right, body=right.body[:5], length=len(right.body)) if is_second else right

        server.spoil = spoil
        assert file.read_at(0, 1000) == DATA[:1000]
        assert len(server.asked) == count + 2
        server.spoil = lambda asked, right: replace(right, body=right.body[:5], length=len(right.body))
        refused("no-answer", lambda: file.read_at(500_000, 10))
        assert len(server.asked) == count + 4, "and not for ever"


def redirecting(target: Callable[[], str], status: int = 302) -> Callable[[Asked], Reply]:
    return lambda asked: Reply(status=status, headers={"Location": target()})


def test_a_redirect_is_followed_once() -> None:
    """Parts are requested from where the first answer came from."""
    server = Ranged(DATA)
    server.others["/x.whl"] = Reply(status=302, headers={"Location": "/signed?key=secret"})
    with opened(server) as file:
        assert file.read_at(0, 10) == DATA[:10]
        assert file.read_at(500_000, 10) == DATA[500_000:500_010]
    assert [each.path.partition("?")[0] for each in server.asked] == ["/x.whl", "/signed", "/signed", "/signed"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_signed_url_expires(status: int) -> None:
    """The first URL is asked again: it redirects to a new one, of the same file."""
    keys = iter(range(10))
    expired: set[str] = set()

    def spoil(asked: Asked, right: Reply) -> Reply:
        path = asked.path.partition("?")[0]
        if path == "/x.whl":
            return Reply(status=307, headers={"Location": f"/signed{next(keys)}"})
        return Reply(status=status) if path in expired else right

    server = Ranged(DATA, spoil=spoil)
    with opened(server) as file:
        expired.add("/signed0")
        assert file.read_at(0, 10) == DATA[:10]
        assert file.read_at(300_000, 10) == DATA[300_000:300_010]
        assert [each.path.partition("?")[0] for each in server.asked] == [
            "/x.whl", "/signed0", "/signed0", "/x.whl", "/signed1", "/signed1"]  # fmt: skip
        expired.update(f"/signed{key}" for key in range(10))
        before = len(server.asked)
        with pytest.raises(MirrorError):
            file.read_at(600_000, 10)
        assert len(server.asked) == before + 3, "once, and not for ever"


def test_behind_the_redirect_is_another_file_now() -> None:
    server = Ranged(DATA)
    server.others["/x.whl"] = Reply(status=302, headers={"Location": "/signed"})
    with opened(server) as file:
        server.headers = {"ETag": '"two"'}
        server.others["/signed"] = Reply(status=403)
        server.others["/x.whl"] = Reply(status=302, headers={"Location": "/new"})
        with pytest.raises(SourceChanged):
            file.read_at(0, 10)


def test_redirects_without_an_end(tmp_path: Path) -> None:
    loop = redirecting(lambda: "/x.whl")
    with pytest.raises(MirrorError) as caught, opened(loop):
        pass
    assert caught.value.code == "bad-redirect"
    refused("bad-redirect", lambda: fetched(loop, tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source", ["netrc", "keyring"])
@pytest.mark.parametrize("whole", [True, False])
def test_credentials_stay_behind(source: str, whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are for one host: the one that a redirect leads to does not get them."""
    other = Ranged(DATA)
    with answering(other) as two:
        elsewhere = two.url.replace("127.0.0.1", "localhost")
        asked: list[Asked] = []

        def reply(each: Asked) -> Reply:
            asked.append(each)
            if "authorization" not in each.headers:
                return Reply(status=401)
            return Reply(status=302, headers={"Location": f"{elsewhere}/x.whl"})

        with answering(reply) as one:
            netrc = tmp_path / "netrc"
            netrc.write_text("machine 127.0.0.1 login who password secret\n" if source == "netrc" else "")
            netrc.chmod(0o600)
            monkeypatch.setenv("NETRC", str(netrc))
            found = SimpleNamespace(username="who", password="secret")

            def credential(service: str, user: str | None) -> SimpleNamespace | None:
                return found if source == "keyring" and "127.0.0.1" in service else None

            monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_credential=credential))
            if whole:
                download(Session(), Wanted(f"{one.url}/x.whl", "x.whl"), tmp_path / "x.whl")
            else:
                with open_remote(Session(), f"{one.url}/x.whl").open() as file:
                    assert file.read_at(0, 10) == DATA[:10]
    assert any("authorization" in each.headers for each in asked)
    assert other.asked
    assert not any({"authorization", "cookie"} & each.headers.keys() for each in other.asked)


def test_a_url_is_shown_without_its_signature() -> None:
    wheel = open_remote(Session(), "https://example.org/demo-1.0%2Bcpu-py3-none-any.whl?X-Amz-Signature=secret#sha256=1")
    assert wheel.url == "https://example.org/demo-1.0%2Bcpu-py3-none-any.whl"
    assert wheel.url.name == "demo-1.0+cpu-py3-none-any.whl"


def test_a_wheel_is_read_like_a_file(tmp_path: Path) -> None:
    path = demo_wheel(tmp_path, "1.0", "six")
    server = Ranged(path.read_bytes())
    with answering(server) as running:
        remote = open_remote(Session(), f"{running.url}/{path.name}")
        with remote.open() as file, Wheel(remote.url.name, directory=Directory(file)) as there, Wheel(path) as here:
            assert there.document == here.document
            assert there.read("WHEEL") == here.read("WHEEL")
            file.check_unchanged()
    assert len(server.asked) == 1


METADATA = b"Metadata-Version: 2.1\nName: demo\n"


@pytest.mark.parametrize(
    ("listed", "query", "reply", "found"),
    [
        (None, "", Reply(METADATA), METADATA),
        (True, "", Reply(METADATA), METADATA),
        (True, "?token=secret", Reply(METADATA), METADATA),
        (False, "", Reply(METADATA), None),
        (None, "?signature=secret", Reply(METADATA), None),
        (None, "", Reply(status=404), None),
        (None, "", Reply(status=403), None),
        (None, "", Reply(b"<html>", headers={"Content-Type": "text/html"}), None),
        (None, "", Reply(b"x" * ((1 << 23) + 1)), None),
        (None, "", Reply(gzip.compress(METADATA), headers={"Content-Encoding": "gzip"}), METADATA),
    ],
)
def test_the_metadata_file_beside_a_wheel(listed: bool | None, query: str, reply: Reply, found: bytes | None) -> None:
    server = Ranged(DATA, others={"/x.whl.metadata": reply})
    with answering(server) as running:
        wheel = open_remote(Session(), f"{running.url}/x.whl{query}", has_metadata_file=listed)
        assert wheel.metadata_file() == found
    assert len(server.asked) <= 1


def test_a_metadata_file_that_an_index_lists_must_be_there() -> None:
    server = Ranged(DATA, others={"/x.whl.metadata": Reply(status=404)})
    with answering(server) as running:
        wheel = open_remote(Session(), f"{running.url}/x.whl", has_metadata_file=True)
        refused("bad-answer", wheel.metadata_file)


@pytest.mark.parametrize(
    ("dist_info_first", "moved"),
    [
        (True, False),
        (False, True),
        pytest.param(True, True, marks=pytest.mark.slow),
        pytest.param(False, False, marks=pytest.mark.slow),
    ],
)
def test_a_wheel_of_500_mb_is_shown_in_a_handful_of_requests(dist_info_first: bool, moved: bool, tmp_path: Path) -> None:
    """One like torch, with 12,000 files: at most 6 requests, and less than 1 % of its bytes.

    The redirect is one more, and the metadata file one of the 6.
    """
    constants = Entry("demo/version.py", b"cuda = '12.6'\n")
    files = (*(Entry(f"demo/include/some/headers/module_{each}.h", b"x") for each in range(12_000)), constants)
    needs = ("nvidia-cublas-cu12==12.6.4.1", 'triton==3.3.0; platform_system == "Linux"')
    tags = "cp311-cp311-manylinux_2_28_x86_64"
    extra = b"\xfe\xca\x14\0" + bytes(20)  # as torch has it
    small = demo_wheel(tmp_path, "1.0", *needs, tags=tags, files=files, dist_info_first=dist_info_first, extra=extra)
    large = tmp_path / "large.whl"
    write_with_hole(large, small.read_bytes(), "demo/lib/libdemo_cuda.so", 500_000_000)
    with Wheel(small) as here:
        metadata = here.read("METADATA")
    server = Ranged(OnDisk(large), others={f"/files/{small.name}.metadata": Reply(metadata)})
    if moved:
        server.others[f"/{small.name}"] = Reply(status=302, headers={"Location": f"/files/{small.name}"})
        server.others[f"/{small.name}.metadata"] = server.others[f"/files/{small.name}.metadata"]
    with answering(server) as running:
        place = small.name if moved else f"files/{small.name}"
        found = describe(open_remote(Session(), f"{running.url}/{place}"), built_in("gpu"))
    assert found.problem is None
    assert len(found.requirements) == 2
    assert "metadata file" not in " ".join(found.findings)
    assert len(server.asked) <= 6 + moved
    assert server.sent < 0.01 * large.stat().st_size


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        (b"Metadata-Version: 2.1\nName: x\n", True),
        (b"Name: x\r\nmetadata-version : 2.1\r\n\r\ntext", True),
        (b"", False),
        (b"not found\n", False),
        (b'{"error": "not found"}', False),
        (b"PK\3\4" + bytes(100), False),
        (b"hello\n\nMetadata-Version: 2.1\n", False),
    ],
)
def test_what_a_server_has_for_every_path_is_no_metadata_file(body: bytes, is_one: bool) -> None:
    """Where no index lists one; where one does, it is compared, whatever it is."""
    with answering(lambda asked: Reply(body, headers={"Content-Type": "text/plain"})) as running:
        url = f"{running.url}/x.whl"
        assert open_remote(Session(), url).metadata_file() == (body if is_one else None)
        assert open_remote(Session(), url, has_metadata_file=True).metadata_file() == body


class Local(RangedFile):
    """A file in memory that counts what is requested of it."""

    def __init__(self, data: bytes, part: tuple[int, bytes]) -> None:
        super().__init__(len(data), part)
        self.data = data
        self.requests: list[tuple[int, int]] = []

    def load(self, start: int, stop: int) -> bytes:
        self.requests.append((start, stop))
        return self.data[start:stop]

    def check_unchanged(self) -> None:
        """Nothing changes."""


@pytest.mark.parametrize("known", [0, 1000, 66_560])
@pytest.mark.parametrize("step", [10_000, 1 << 20, (1 << 20) + 1])
def test_who_reads_on_reads_nothing_twice(step: int, known: int) -> None:
    """But for a tail that is not known before; and what is kept of it all is less than two of the largest blocks."""
    data = random.Random(4).randbytes(30_000_000)
    file = Local(data, (len(data) - known, data[len(data) - known :]))
    for offset in range(0, len(data), step):
        size = min(step, len(data) - offset)
        assert file.read_at(offset, size) == data[offset : offset + size]
        assert sum(len(part) for _, part in file._parts) <= 1 << 23
    assert sum(stop - start for start, stop in file.requests) <= len(data) - known + 66_560
    assert len(file.requests) <= 16


def test_an_end_that_is_not_known_is_read_once() -> None:
    data = random.Random(5).randbytes(500_000)
    file = Local(data, (0, data[:1]))
    for count in (22, 65_557, 100, 66_560):
        assert file.read_at(len(data) - count, count) == data[-count:]
    assert file.requests == [(len(data) - 66_560, len(data))]


def test_a_file_elsewhere_is_read_from_several_threads() -> None:
    data = random.Random(6).randbytes(3_000_000)
    file = Local(data, (len(data), b""))

    def read(seed: int) -> bool:
        chance = random.Random(seed)
        spots = [chance.randrange(len(data) - 50_000) for _ in range(200)]
        return all(file.read_at(each, 50_000) == data[each : each + 50_000] for each in spots)

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(read, range(4)))
