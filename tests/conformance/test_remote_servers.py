"""Wheels read in parts and downloaded from servers that we did not write: nginx, Python's own, S3 (moto) and Azurite."""

import functools
import hashlib
import http.server
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from buckets import Bucket, client, s3_client
from building import Entry
from demos import GPU, demo_wheel
from serving import in_background, nginx
from wheelfix.errors import MirrorError, SourceChanged
from wheelfix.fix.describe import describe
from wheelfix.rules.load import built_in
from wheelfix.upstream.http import Session
from wheelfix.upstream.remote_wheel import open_remote
from wheelfix.upstream.whole_file import Wanted, download


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel with more files than the end that is read first has room for, and a + in its name."""
    files = tuple(Entry(f"demo/module_{each}.py", b"x" * 100) for each in range(3000))
    return demo_wheel(tmp_path / "in", "1.0+cpu.1", GPU, files=files, dist_info_first=True)


class _Server:
    """One kind of server, with a wheel at ``url``; ``put`` puts another one there."""

    def __init__(self, url: str, put: Callable[[bytes], None]) -> None:
        self.url = url
        self.put = put


@contextmanager
def by_nginx(wheel: Path, work: Path) -> Iterator[_Server]:
    if shutil.which("nginx") is None:
        pytest.skip("needs nginx")
    path = work / "public/files" / wheel.name
    path.parent.mkdir(parents=True)
    path.write_bytes(wheel.read_bytes())

    def put(data: bytes) -> None:
        path.write_bytes(data)
        os.utime(path, (1, 1))  # in the same second its ETag, of time and size, would be the same

    with nginx(work, "nginx.conf", work / "nginx") as server:
        yield _Server(f"{server.url}/files/{quote(wheel.name)}", put)


@contextmanager
def by_s3(wheel: Path, bucket: Bucket) -> Iterator[_Server]:
    """By a signed URL, which is for GET alone."""
    own, place = s3_client(bucket), {"Bucket": bucket.name, "Key": wheel.name}
    own.put_object(**place, Body=wheel.read_bytes())
    yield _Server(own.generate_presigned_url("get_object", Params=place), lambda data: own.put_object(**place, Body=data))


@contextmanager
def by_azure(wheel: Path, bucket: Bucket) -> Iterator[_Server]:
    """By the URL of a container that is public."""
    own = client(bucket)
    own.put(wheel.name, wheel.read_bytes())
    yield _Server(f"{bucket.endpoint}/{bucket.name}/{quote(wheel.name)}", lambda data: own.put(wheel.name, data))


@pytest.fixture(params=["nginx", "s3", "azure-public"])
def server(
    request: pytest.FixtureRequest, wheel: Path, tmp_path: Path, new_bucket: Callable[[str], Bucket]
) -> Iterator[_Server]:
    """The wheel on a server that has ranges."""
    kind = request.param
    if kind == "nginx":
        with by_nginx(wheel, tmp_path / "nginx") as found:
            yield found
        return
    with (by_s3 if kind == "s3" else by_azure)(wheel, new_bucket(kind)) as found:
        yield found


def test_a_wheel_is_shown_as_if_it_were_here(server: _Server, wheel: Path) -> None:
    found, expected = (describe(place, built_in("gpu")) for place in (open_remote(Session(), server.url), wheel))
    assert found.problem is None, found.problem
    assert "Signature" not in str(found.url)
    assert (found.project, found.version) == ("demo", "1.0+cpu.1")
    assert (found.size, found.files, found.tags) == (expected.size, expected.files, expected.tags)
    assert [each.text for each in found.requirements] == [each.text for each in expected.requirements]


def test_any_part_is_that_of_the_file(server: _Server, wheel: Path) -> None:
    data = wheel.read_bytes()
    with open_remote(Session(), server.url).open() as file:
        for offset in (0, 100_000, len(data) - 10, 100_000, 0):
            assert file.read_at(offset, 10) == data[offset : offset + 10]
        file.check_unchanged()


def test_another_file_at_the_same_url_is_noticed(server: _Server, wheel: Path) -> None:
    """It has the same size."""
    with open_remote(Session(), server.url).open() as file:
        file.read_at(0, 10)
        server.put(wheel.read_bytes()[::-1])
        with pytest.raises(SourceChanged):
            file.read_at(500_000, 10)


def test_a_download_is_whole_and_continues_one_of_an_earlier_run(server: _Server, wheel: Path, tmp_path: Path) -> None:
    data, target = wheel.read_bytes(), tmp_path / "out" / "x.whl"
    target.parent.mkdir()
    session = Session()
    wanted = Wanted(server.url, wheel.name, hashlib.sha256(data).hexdigest(), len(data))
    target.with_suffix(".part").write_bytes(data[:100_000])
    download(session, wanted, target, keep_part=True)
    assert target.read_bytes() == data
    assert session.traffic.received == len(data) - 100_000
    download(session, wanted, target)
    assert target.read_bytes() == data


def test_a_server_of_python_has_no_ranges(wheel: Path, tmp_path: Path) -> None:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(wheel.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running, in_background(running):
        url = f"http://127.0.0.1:{running.server_address[1]}/{quote(wheel.name)}"
        with pytest.raises(MirrorError) as caught, open_remote(Session(), url).open():
            pass
        assert caught.value.code == "no-ranges"
        download(Session(), Wanted(url, wheel.name), tmp_path / "x.whl")
    assert (tmp_path / "x.whl").read_bytes() == wheel.read_bytes()
