"""Something else has the name of a file or directory of a mirror: nothing waits for it, and the rest goes on."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from msgspec.structs import replace

from demos import demo_wheel
from wheelfix.errors import MirrorError
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.prune import prune_mirror
from wheelfix.mirror.repository import load_page, save_page
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.options import Selection
from wheelfix.sync.snapshots.bundle import read_bundle
from wheelfix.sync.snapshots.export_bundle import export_mirror

PAGE, HTML = "public/simple/demo/index.json", "public/simple/demo/index.html"
KINDS = pytest.mark.parametrize(("make", "what"), [(os.mkdir, "directory"), (os.mkfifo, "device, a socket or a pipe")])


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    assert add_wheels(tmp_path / "mirror", [demo_wheel(tmp_path / "in", each) for each in ("1.0", "2.0")]).ok
    return tmp_path / "mirror"


def wheel_of(mirror: Path) -> str:
    [path] = mirror.glob("public/files/demo/*/demo-1.0*.whl")
    return path.relative_to(mirror).as_posix()


def found(mirror: Path, *, quick: bool = False, fix: bool = False) -> list[tuple[str, str]]:
    return [(each.code, each.place) for each in check_mirror(mirror, quick=quick, fix=fix).findings]


@KINDS
@pytest.mark.parametrize("key", [PAGE, HTML, "public/simple/index.json", "public/simple/index.html"])
def test_what_is_no_page_is_not_waited_for(key: str, mirror: Path, make: Callable[[Path], None], what: str) -> None:
    (mirror / key).unlink()
    make(mirror / key)
    for quick, fix in ((False, False), (True, False), (False, True)):
        report = check_mirror(mirror, quick=quick, fix=fix)
        assert [(each.code, each.place) for each in report.findings] == [("in-the-way", key)]
        assert report.findings[0].message == f"it is a {what}, and must be a file"
        assert ("mirror check --fix" in report.findings[0].hint) is (key != PAGE)
    assert {each.place for each in prune_mirror(mirror).findings} <= {key}
    added = add_wheels(mirror, demo_wheel(mirror.parent / "in", "3.0"))
    assert not added.ok
    assert f"{mirror / key} is a {what}" in str(added.files[0].problem)


@KINDS
def test_what_is_no_wheel_is_reported_with_its_path_like_the_rest(
    mirror: Path, make: Callable[[Path], None], what: str
) -> None:
    key = wheel_of(mirror)
    (mirror / key).unlink()
    make(mirror / key)
    (mirror / HTML).unlink()
    for quick in (False, True):
        assert found(mirror, quick=quick) == [("html-differs", HTML), ("in-the-way", key)]
    assert found(mirror, fix=True) == [("in-the-way", key)]
    with pytest.raises(MirrorError, match=f"^{mirror / key} is a {what}, and must be a file") as raised:
        export_mirror(mirror, mirror.parent / "all.tar")
    [added] = add_wheels(mirror, demo_wheel(mirror.parent / "in", "1.0")).files
    assert added.problem is not None
    assert (added.problem.code, added.problem.message) == ("in-the-way", raised.value.message)
    assert "add the file again" in added.problem.hint


def test_what_is_no_replaced_file_ends_no_check(mirror: Path) -> None:
    store = LocalStore(mirror)
    page = load_page(store, "demo")
    save_page(store, replace(page, files=page.files[1:], past=page.files[:1]), 0)
    key = page.key(page.files[0])
    assert key is not None
    (mirror / key).unlink()
    (mirror / key).mkdir()
    assert found(mirror) == [("in-the-way", key)]


@pytest.mark.parametrize("key", ["private", "private/locks", "public/files", "public/simple"])
def test_a_file_where_a_directory_belongs_is_named(key: str, mirror: Path) -> None:
    shutil.rmtree(mirror / key)
    (mirror / key).touch()
    assert ("in-the-way", key) in found(mirror)
    [added] = add_wheels(mirror, demo_wheel(mirror.parent / "in", "3.0")).files
    assert added.problem is not None
    assert (added.problem.message, added.problem.hint) == (f"{mirror / key} must be a directory", "Move the file away.")


def test_a_pipe_is_no_bundle(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "all.tar")
    with pytest.raises(MirrorError, match="it is a device, a socket or a pipe, not a file"):
        read_bundle(tmp_path / "all.tar")


def test_a_lock_that_is_refused_is_named_and_not_the_page(mirror: Path) -> None:
    lock = mirror / "private/locks/demo.lock"
    lock.unlink()
    lock.mkdir()
    assert [(each.code, each.place) for each in prune_mirror(mirror).findings] == [("unreadable", "private/locks/demo.lock")]
    shutil.rmtree(mirror / "private")
    (mirror / "private").touch()
    assert [(each.code, each.place) for each in prune_mirror(mirror).findings] == [("in-the-way", "private")]


def test_what_cannot_be_read_is_reported_where_the_cause_is_and_once(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the system is made to refuse the directory of a project."""
    directory, scan, start = mirror / "public/simple/demo", os.scandir, os.open

    def refuse(path: object) -> None:
        if Path(str(path)).is_relative_to(directory):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    def scandir(path: str) -> AbstractContextManager[Iterator["os.DirEntry[str]"]]:
        refuse(path)
        return scan(path)

    def opened(path: str, flags: int, mode: int = 0o777, **options: int) -> int:
        refuse(path)
        return start(path, flags, mode, **options)

    monkeypatch.setattr(os, "open", opened)
    assert found(mirror) == [("unreadable", "public/simple/demo/index.json")]
    monkeypatch.setattr(os, "scandir", scandir)
    assert found(mirror) == [("unreadable", "public/simple/demo")]


def test_what_is_in_place_of_a_metadata_file_hides_nothing_of_its_wheel(mirror: Path) -> None:
    wheel = mirror / wheel_of(mirror)
    data, metadata = wheel.read_bytes(), wheel.with_name(f"{wheel.name}.metadata")
    wheel.write_bytes(data[:400] + b"X" + data[401:])
    metadata.unlink()
    metadata.mkdir()
    assert {("file-differs", wheel_of(mirror)), ("in-the-way", f"{wheel_of(mirror)}.metadata")} <= {*found(mirror)}


def test_what_is_in_place_of_an_html_page_hides_nothing_of_its_project(mirror: Path) -> None:
    wheel = wheel_of(mirror)
    (mirror / wheel).unlink()
    (mirror / HTML).unlink()
    (mirror / HTML).mkdir()
    assert found(mirror) == [("file-missing", wheel), ("in-the-way", HTML)]


@pytest.mark.parametrize("place", ["private/locks/demo.lock", "private/locks/other.lock", "private/journal/demo"])
@KINDS
def test_what_is_in_place_of_a_lock_or_journal_is_an_error(
    place: str, mirror: Path, make: Callable[[Path], None], what: str
) -> None:
    """No writer gets past it."""
    (mirror / place).unlink(missing_ok=True)
    (mirror / place).parent.mkdir(exist_ok=True)
    make(mirror / place)
    report = check_mirror(mirror)
    assert [(each.code, each.place, each.hint) for each in report.findings] == [
        ("in-the-way", place, "Move it away, then run the same command again.")
    ]
    assert what in report.findings[0].message


@pytest.mark.parametrize("place", ["public/files/other", "public/simple/other", "public/files/demo/0123456789abcdef"])
def test_a_file_in_place_of_a_directory_is_an_error_and_no_file_that_takes_up_space(place: str, mirror: Path) -> None:
    (mirror / place).touch()
    assert found(mirror) == [("in-the-way", place)]


def test_a_directory_with_the_name_of_a_half_written_file_is_none(mirror: Path) -> None:
    (mirror / "public/files/demo/.wheelfix-1.part").mkdir()
    assert found(mirror, fix=True) == []


def test_what_hides_other_findings_is_reported_whatever_is_selected(mirror: Path) -> None:
    (mirror / PAGE).unlink()
    (mirror / PAGE).mkdir()
    report = check_mirror(mirror, selection=Selection(select=["file"]))
    assert [(each.code, each.place) for each in report.findings] == [("in-the-way", PAGE)]
    assert check_mirror(mirror, selection=Selection(select=["file"], ignore=["in-the-way"])).findings == ()
