"""Wheels from elsewhere as files: the public way for scripts, what it leaves, and what stops it."""

import hashlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import wheelfix
from building import WheelSpec, write_wheel
from places import ROOT
from serving import Server, static
from wheelfix.errors import MirrorError
from wheelfix.locations import Url
from wheelfix.progress import NoProgress
from wheelfix.results import Status
from wheelfix.upstream.fetched import fetched
from wheelfix.upstream.inputs import Finder, is_remote
from wheelfix.upstream.pacing import DOWNLOADS_AT_ONCE

SAMPLES = ROOT / "sample_wheels"
TORCH = "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"
CLEAN = "cleanpkg-1.0-py3-none-any.whl"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    for name in (TORCH, CLEAN):
        shutil.copy(SAMPLES / name, folder)
    with static(folder, negotiates=True) as found:
        yield found


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Server]:
    wheelfix.add_wheels(tmp_path / "mirror", [SAMPLES / TORCH, SAMPLES / CLEAN])
    with static(tmp_path / "mirror" / "public", negotiates=True) as found:
        yield found


class FakeWheel:
    """A wheel whose download is ``act``."""

    def __init__(self, name: str, act: object, size: int | None = None) -> None:
        self.url = Url(f"https://example.org/{name}")
        self.address = str(self.url)
        self.name = name
        self.size = size
        self._act = act

    def download(self, path: Path, progress: NoProgress) -> None:
        assert callable(self._act)
        self._act(path, progress)

    open = metadata_file = None


def test_a_script_fixes_what_it_names(server: Server, index: Server, tmp_path: Path) -> None:
    local = write_wheel(tmp_path, WheelSpec(project="mine", requires=("numpy",)))
    given: list[Path | str] = [f"{server.url}/{TORCH}", str(local), "cleanpkg==1.0", Path(local), f"{server.url}/{TORCH}"]
    with wheelfix.fetch_wheels(given, index=index.index, directory=tmp_path / "work") as fetched_wheels:
        assert [each.name for each in fetched_wheels.paths] == [TORCH, local.name, CLEAN]
        report = fetched_wheels.named(wheelfix.fix_wheels(fetched_wheels.paths, output=tmp_path / "out"))
        verified = fetched_wheels.named(wheelfix.verify_wheels(fetched_wheels.paths))
        difference = fetched_wheels.named(wheelfix.compare_wheels(fetched_wheels.paths[0], SAMPLES / TORCH))
        assert next(iter(fetched_wheels.upstream.values())).index == index.index
        assert fetched_wheels.problems == {}
    assert [each.status for each in report.outcomes] == [Status.FIXED, Status.UNCHANGED, Status.UNCHANGED]
    assert [str(each.source) for each in report.outcomes] == [TORCH, str(local), CLEAN]
    urls = [each.url for each in report.outcomes]
    assert urls[:2] == [f"{server.url}/{TORCH}", None]
    assert str(urls[2]).startswith(index.url)
    assert [each.url for each in verified.wheels] == urls
    assert (difference.old, difference.old_url, difference.new_url) == (Path(TORCH), urls[0], None)
    assert not (tmp_path / "work").exists()


def test_a_script_publishes_a_release_with_what_the_index_says(index: Server, tmp_path: Path) -> None:
    wheelfix.yank_files(tmp_path / "mirror", "cleanpkg==1.0", reason="broken")
    with wheelfix.fetch_wheels("cleanpkg==1.0", index=index.index) as wheels:
        report, published = wheelfix.fix_into_mirror(tmp_path / "new", wheels.paths, upstream=wheels.upstream)
        report, published = wheels.named(report), wheels.named(published)
    assert [(each.source, each.status) for each in report.outcomes] == [(Path(CLEAN), Status.UNCHANGED)]
    assert [each.source for each in published.files] == [Path(CLEAN)]
    [page] = wheelfix.list_pages(tmp_path / "new")
    assert page.files[0].yanked == "broken"


@pytest.mark.parametrize(
    "call",
    [
        wheelfix.fix_wheels,
        wheelfix.repair_wheels,
        wheelfix.verify_wheels,
        lambda url: wheelfix.compare_wheels(url, url),
        lambda url: wheelfix.fix_into_mirror("mirror", [url]),
    ],
)
def test_functions_for_files_name_the_way_for_urls(call: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert callable(call)
    with pytest.raises(
        ValueError, match=r"demo-1.0-py3-none-any.whl is given by a URL; use wheelfix.fetch_wheels"
    ) as caught:
        call("https://who:secret@example.org/demo-1.0-py3-none-any.whl?signature=secret#secret")
    assert "secret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    path = write_wheel(tmp_path)
    assert [each.source for each in wheelfix.verify_wheels(f"file://{path}").wheels] == [path]
    with wheelfix.fetch_wheels([f"file://{path}"]) as found:
        assert found.paths == (path,)


@pytest.mark.parametrize("text", ["ftp://example.org/x.whl", "https://example.org/", "torch==2.7.0 ; x"])
def test_a_text_that_names_no_wheel_is_an_error_at_once(text: str, index: Server) -> None:
    with pytest.raises(MirrorError), wheelfix.fetch_wheels([f"{index.url}/{CLEAN}", text], index=index.index):
        pass
    assert index.wheel_bytes() == 0


def test_a_requirement_without_an_index_is_a_path() -> None:
    assert not is_remote("torch==2.7.0")
    with wheelfix.fetch_wheels(["torch==2.7.0"]) as found:
        assert found.paths == (Path("torch==2.7.0"),)
    with Finder() as finder, pytest.raises(MirrorError, match="there is no index"):
        finder.find("torch==2.7.0")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MirrorError("no-answer", "silence", hint="Wait."), "no-answer"),
        (PermissionError(13, "Permission denied"), "eacces"),
        (RuntimeError("a bug"), "internal-error"),
    ],
)
def test_what_fails_is_a_problem_of_its_wheel(error: Exception, code: str, tmp_path: Path) -> None:
    def fail(path: Path, _: object) -> None:
        path.write_bytes(b"half")
        raise error

    def succeed(path: Path, _: object) -> None:
        path.write_bytes(b"all")

    wheels = [FakeWheel("a.whl", fail), FakeWheel("b.whl", succeed), FakeWheel("a.whl", fail)]
    with fetched(wheels, tmp_path) as found:  # type: ignore[arg-type]
        assert [path in found.problems for path in found.paths] == [True, False, True]
        assert [path.exists() for path in found.paths] == [False, True, False]
        assert {each.code for each in found.problems.values()} == {code}
        outcome = found.named(wheelfix.fix_wheels(found.paths[0], output=tmp_path / "out").outcomes[0])
        assert (outcome.status, outcome.url, outcome.source) == (Status.FAILED, wheels[0].url, Path("a.whl"))
        assert outcome.problem == found.problems[found.paths[0]]
    assert list(tmp_path.iterdir()) == []


def test_a_few_are_downloaded_at_a_time_and_given_in_order(tmp_path: Path) -> None:
    together, most, lock = [0], [0], threading.Lock()
    gate = threading.Barrier(DOWNLOADS_AT_ONCE)

    def download(path: Path, progress: NoProgress) -> None:
        with lock:
            together[0] += 1
            most[0] = max(most[0], together[0])
        gate.wait(30)
        path.write_bytes(path.name.encode())
        with lock:
            together[0] -= 1

    wheels = [FakeWheel(f"{number}.whl", download) for number in range(2 * DOWNLOADS_AT_ONCE)]
    with fetched(wheels, tmp_path) as found:  # type: ignore[arg-type]
        assert [path.read_bytes().decode() for path in found.paths] == [each.name for each in wheels]
    assert most[0] == DOWNLOADS_AT_ONCE


def test_ctrl_c_ends_downloads_and_removes_them(tmp_path: Path) -> None:
    started, ended = threading.Event(), threading.Event()

    def endless(path: Path, progress: NoProgress) -> None:
        path.write_bytes(b"x")
        started.set()
        try:
            while True:
                progress.file_advanced(path.name, 1)
        finally:
            ended.set()

    class Interrupting(NoProgress):
        def file_advanced(self, name: str, count: int) -> None:
            """Do nothing."""

    def interrupted(path: Path, progress: NoProgress) -> None:
        started.wait(30)
        raise KeyboardInterrupt

    wheels = [FakeWheel("a.whl", interrupted), FakeWheel("b.whl", endless)]
    with pytest.raises(KeyboardInterrupt), fetched(wheels, tmp_path, Interrupting()):  # type: ignore[arg-type]
        raise AssertionError
    assert ended.wait(30)
    assert not list(tmp_path.rglob("*.whl"))


def test_there_must_be_room_for_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=99))
    wheels = [FakeWheel(f"{number}.whl", None, 50) for number in range(2)]
    with pytest.raises(MirrorError, match="not enough space for 2 wheels"), fetched(wheels, tmp_path / "new"):  # type: ignore[arg-type]
        raise AssertionError
    assert not (tmp_path / "new").exists()


def test_an_upper_case_sum_and_a_percent_encoded_name(server: Server, tmp_path: Path) -> None:
    name = "demo-1.0+cpu-py3-none-any.whl"
    data = (SAMPLES / CLEAN).read_bytes()
    (tmp_path / "served" / name).write_bytes(data)
    url = f"{server.url}/{name.replace('+', '%2B')}"
    with wheelfix.fetch_wheels(f"{url}#sha256={hashlib.sha256(data).hexdigest().upper()}") as found:
        assert [(path.name, path.read_bytes()) for path in found.paths] == [(name, data)]
        remote = found.remote(found.paths[0])
        assert remote is not None
        assert (remote.url, remote.name) == (url, name)
