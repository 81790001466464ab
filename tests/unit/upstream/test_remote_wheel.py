"""METADATA of a wheel elsewhere, read by ranges: in few requests, within limits, whatever the server sends."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from building import Entry
from demos import demo_wheel
from scripting import Asked, Index, Reply, answering
from wheelfix.errors import MirrorError, SourceChanged
from wheelfix.upstream.http import Session
from wheelfix.upstream.remote_wheel import RemoteFile, find_file, metadata_of
from wheelfix.wheel.wheel import Wheel


def read_metadata(url: str, size: int | None = None) -> bytes | None:
    """Return METADATA of the wheel at ``url``, ``None`` where the server has no ranges."""
    file = find_file(Session(), url, size).file
    return metadata_of(file) if file is not None else None


def refused(code: str, call: Callable[[], object]) -> MirrorError:
    with pytest.raises(MirrorError) as caught:
        call()
    assert caught.value.code == code, caught.value
    return caught.value


@pytest.mark.parametrize(
    ("count", "first", "known", "suffixes", "requests"),
    [
        (1, False, True, True, 1),
        (1, False, False, True, 1),
        (1, True, True, True, 1),
        (1, False, False, False, 2),
        (1, False, True, False, 1),
        (3000, False, True, True, 2),
        (3000, False, False, True, 2),
        (3000, True, True, True, 3),
    ],
)
def test_metadata_takes_few_requests(
    count: int, first: bool, known: bool, suffixes: bool, requests: int, tmp_path: Path
) -> None:
    """One for the end, one more for a large directory with what lies before it, one for METADATA at the very start.

    Who does not know the size, of a server that cannot count from the end, finds out with one more.
    """
    files = tuple(Entry(f"demo/module_{each}.py", b"x") for each in range(count))
    extra = b"\xfe\xca\x14\0" + bytes(20)  # the directory is larger than RECORD, as in real wheels
    wheel = demo_wheel(tmp_path, "1.0", "six", files=files, dist_info_first=first, extra=extra)
    size = wheel.stat().st_size
    with answering(Index({wheel.name: wheel.read_bytes()}, suffixes=suffixes)) as server:
        data = read_metadata(f"{server.url}/files/{wheel.name}", size if known else None)
        assert len(server.requests) == requests
    with Wheel(wheel) as opened:
        assert data == opened.read("METADATA")


def test_a_wheel_elsewhere_is_read_like_a_file(tmp_path: Path) -> None:
    wheel = demo_wheel(tmp_path, "1.0", "six")
    with answering(Index({wheel.name: wheel.read_bytes()})) as server:
        file = find_file(Session(), f"{server.url}/files/{wheel.name}").file
        assert file is not None
        with Wheel(wheel.name, source=file) as there, Wheel(wheel) as here:
            assert (there.names, there.layout) == (here.names, here.layout)
            assert there.read("RECORD") == here.read("RECORD")


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.upstream.remote_wheel.TAIL", 100)
    wheel = demo_wheel(tmp_path, "1.0")
    index = Index({wheel.name: wheel.read_bytes()})
    with answering(index) as server:
        file = find_file(Session(), f"{server.url}/files/{wheel.name}").file
        assert file is not None
        index.files[wheel.name] += b"x"
        with pytest.raises(SourceChanged):
            file.read_at(0, 10)


def test_a_part_that_does_not_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    sent: list[int] = []

    def reply(asked: Asked) -> Reply:
        if asked.headers.get("range") == "bytes=0-0":
            return Reply(b"P", 206, {"Content-Range": "bytes 0-0/1000"})
        sent.append(1)
        return Reply(b"x" * (1 << 24), 206, {"Content-Range": "bytes 0-999/1000"})

    with answering(reply) as server:
        error = refused("no-ranges", lambda: read_metadata(f"{server.url}/x.whl"))
    assert "more than the 1,000 bytes" in str(error)
    assert len(sent) == 1


@pytest.mark.parametrize("said", ["bytes 0-9/1000", "bytes 100-110/1000", "bytes */1000", "items 100-109/1000", "", None])
def test_bytes_of_another_range_are_not_believed(said: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they lie is what Content-Range says, not what was requested."""
    monkeypatch.setattr("wheelfix.upstream.ranges._BLOCK", 10)
    data = bytes(range(200)) * 5
    header = {} if said is None else {"Content-Range": said}
    with answering(lambda asked: Reply(data[:10], 206, header)) as server:
        error = refused("no-ranges", lambda: RemoteFile(Session(), f"{server.url}/x.whl", 1000).read_at(100, 10))
    assert "the server did not send the requested range" in str(error)


@pytest.mark.parametrize("said", ["bytes 100-109/1000", "bytes 100-109/*", "Bytes 100-109/1000"])
def test_bytes_of_the_requested_range(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.upstream.ranges._BLOCK", 10)
    with answering(lambda asked: Reply(b"0123456789", 206, {"Content-Range": said})) as server:
        assert RemoteFile(Session(), f"{server.url}/x.whl", 1000).read_at(100, 10) == b"0123456789"


@pytest.mark.parametrize("total", ["*", "", "-1", "²", "9" * 5000, "0x10"])
def test_lengths_that_are_none(total: str) -> None:
    header = {"Content-Range": f"bytes 0-0/{total}".encode().decode("latin-1")}
    with answering(lambda asked: Reply(b"P", 206, header)) as server:
        assert read_metadata(f"{server.url}/x.whl") is None


def archive(**changes: int) -> bytearray:
    """Return an archive with METADATA of which fields are changed, at their positions in the directory."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("demo-1.0.dist-info/METADATA", b"Name: demo\n" * 50)
    data = bytearray(stream.getvalue())
    entry = data.rfind(b"PK\x01\x02")
    for name, value in changes.items():
        place, size = {"flags": (8, 2), "method": (10, 2), "compressed": (20, 4), "size": (24, 4), "start": (42, 4)}[name]
        data[entry + place : entry + place + size] = value.to_bytes(size, "little")
    return data


def damaged() -> bytearray:
    data = archive()
    data[60] ^= 0xFF
    return data


HOSTILE = {
    "encrypted": archive(flags=1),
    "strongly encrypted": archive(flags=0x41),
    "patched": archive(flags=0x20),
    "a method that nobody knows": archive(method=77),
    "bzip2": archive(method=12),
    "lzma": archive(method=14),
    "lies far away": archive(start=0xFFFFFF),
    "huge": archive(size=0xFFFFFFF0),
    "huge when compressed": archive(compressed=0xFFFFFFF0),
    "longer than it is": archive(size=5_000_000),
    "damaged": damaged(),
    "cut off": archive()[:-9],
    "empty": bytearray(b""),
    "no archive": bytearray(b"<html>"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_wheels_that_cannot_be_read_by_parts(name: str) -> None:
    with answering(Index({"x.whl": bytes(HOSTILE[name])})) as server:
        if not HOSTILE[name]:
            assert read_metadata(f"{server.url}/files/x.whl") is None
            return
        refused("bad-wheel", lambda: read_metadata(f"{server.url}/files/x.whl"))
