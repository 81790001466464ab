"""A mirror in a directory: what a crash of the machine leaves, links out of it, and files where directories belong."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from building import write_wheel
from defects import metadata, valid
from demos import demo_wheel
from wheelfix.errors import MirrorError, SourceChanged
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.layout import attributes_of
from wheelfix.mirror.storage.base import Head, NewFile
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import remove_files
from wheelfix.options import Publishing, Transfer
from wheelfix.results import PublishStatus
from wheelfix.verify.hashing import Summing
from wheelfix.wheel.zip.source import Source

KEY = "public/files/demo/0123456789abcdef/demo-1.0-py3-none-any.whl"


def _other_wheel(folder: Path) -> Path:
    head = ("Metadata-Version: 2.1", "Name: other", "Version: 1.0", "Summary: A wheel for tests")
    return write_wheel(folder, valid(project="other", version="1.0", metadata=metadata(head=head)))


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A mirror with one wheel of each of two projects."""
    mirror = tmp_path / "mirror"
    wheels = [demo_wheel(tmp_path / "in", "1.0"), _other_wheel(tmp_path / "in")]
    assert add_wheels(mirror, wheels).ok
    return mirror


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The inodes of what was flushed: a file may have no name yet."""
    real, inodes = os.fsync, []

    def note(descriptor: int) -> None:
        inodes.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return inodes


def found(mirror: Path) -> set[tuple[str, str]]:
    return {(each.code, each.place) for each in check_mirror(mirror).findings}


def listed_file(mirror: Path) -> Path:
    [path] = mirror.glob("public/files/demo/*/*.whl")
    return path


def test_the_names_of_new_directories_are_on_the_disk_before_a_page(tmp_path: Path, flushed: list[int]) -> None:
    mirror = tmp_path / "new" / "mirror"
    assert add_wheels(mirror, demo_wheel(tmp_path / "in", "1.0")).ok
    file = listed_file(mirror)
    before = flushed[: flushed.index((mirror / "public/simple/demo").stat().st_ino)]
    needed = (file, Path(f"{file}.metadata"), *file.parents[:5], mirror / "private", tmp_path / "new", tmp_path)
    assert {path.stat().st_ino for path in needed} <= set(before)


def test_what_could_not_be_flushed_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel, store = demo_wheel(tmp_path / "in", "1.0"), LocalStore(tmp_path / "mirror")
    with Source(wheel) as source:
        store.put_new([NewFile(KEY, source, attributes_of(KEY), Transfer.LINK)])
    with monkeypatch.context() as patched:

        def fail(_: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        patched.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Input/output error"):
            store.flush()
    again: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: again.append(Path(f"/proc/self/fd/{descriptor}").readlink()))
    store.flush()
    assert {(tmp_path / "mirror" / KEY).parent, tmp_path / "mirror/public/files/demo"} <= set(again)
    again.clear()
    store.flush()
    assert again == []


def test_a_link_to_a_file_that_cannot_be_flushed_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next flush of such a file succeeds, with or without its bytes (fsync(2)); the other files are added."""
    paths = [demo_wheel(tmp_path / "in", "1.0"), demo_wheel(tmp_path / "in", "2.0"), _other_wheel(tmp_path / "in")]
    real, inode = os.fsync, paths[1].stat().st_ino

    def fail_once(descriptor: int) -> None:
        if os.fstat(descriptor).st_ino == inode:
            monkeypatch.setattr(os, "fsync", real)
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail_once)
    report = add_wheels(tmp_path / "mirror", paths, publishing=Publishing(transfer=Transfer.LINK))
    assert [each.status for each in report.files] == [PublishStatus.ADDED, PublishStatus.FAILED, PublishStatus.ADDED]
    assert not list((tmp_path / "mirror/public/files").rglob("demo-2.0*"))
    assert check_mirror(tmp_path / "mirror").findings == ()
    assert paths[1].exists()


def test_a_removed_file_that_cannot_be_deleted_is_reported(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page leads to it, but whoever knows its URL gets it as before."""
    file, real = listed_file(mirror), os.unlink

    def refuse(path: Path, **options: int) -> None:
        if Path(path).name == file.name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        real(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        report = remove_files(mirror, file.name)
    [removed] = report.files
    assert (removed.status, removed.problem and removed.problem.code, report.ok) == (
        PublishStatus.REMOVED,
        "unlisted",
        False,
    )
    assert file.exists()
    check_mirror(mirror, fix=True)
    assert not file.exists()


def test_a_file_is_deleted_when_only_the_answer_is_lost(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so are the directories that are empty without it."""
    real = os.unlink

    def lose_answer(path: Path, **options: int) -> None:
        real(path, **options)
        if str(path).endswith(".metadata"):
            raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(os, "unlink", lose_answer)
    assert remove_files(mirror, "demo").ok
    assert not (mirror / "public/files/demo").exists()
    assert list((mirror / "private/journal").iterdir()) == []


def test_a_lock_that_cannot_be_released_fails_nothing(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with its process; what was done under it is done."""
    real = FileLock.release

    def refuse(lock: FileLock, force: bool = False) -> None:
        real(lock, force)
        if "private/locks" in lock.lock_file:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(FileLock, "release", refuse)
    report = add_wheels(mirror, demo_wheel(mirror.parent / "in", "7.0"))
    assert [each.status for each in report.files] == [PublishStatus.ADDED]


def test_a_file_that_cannot_be_looked_at_fails_alone(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other wheels of its project are added."""
    real = LocalStore.head

    def refuse(store: LocalStore, key: str) -> Head | None:
        if key.endswith("/demo-7.0-py3-none-any.whl"):
            raise OSError(errno.ESTALE, "Stale file handle", key)
        return real(store, key)

    monkeypatch.setattr(LocalStore, "head", refuse)
    report = add_wheels(mirror, [demo_wheel(mirror.parent / "in", version) for version in ("7.0", "8.0")])
    assert [(each.status, each.problem and each.problem.code) for each in report.files] == [
        (PublishStatus.FAILED, "estale"),
        (PublishStatus.ADDED, None),
    ]
    assert check_mirror(mirror).passes()


def test_what_was_deleted_meanwhile_needs_no_flush(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "mirror")
    with Source(demo_wheel(tmp_path / "in", "1.0")) as source:
        store.put_new([NewFile(KEY, source, attributes_of(KEY))])
    store.delete(KEY)
    store.flush()


def test_a_page_is_gone_from_the_disk_before_its_files_are(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, page, journal = listed_file(mirror), mirror / "public/simple/demo", mirror / "private/journal/demo"
    flushed: dict[Path, tuple[bool, ...]] = {}  # what was there when a directory was flushed last

    def note(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        flushed[path] = tuple(each.exists() for each in (page, file, journal))

    monkeypatch.setattr(os, "fsync", note)
    remove_files(mirror, file.name)
    assert flushed[mirror / "public/simple"] == (False, True, True)
    assert flushed[mirror / "public/files"] == (False, False, True)


@pytest.mark.parametrize("name", ["demo", "unknown"])
def test_a_file_in_place_of_a_directory_is_a_finding_of_its_project(name: str, mirror: Path) -> None:
    path = mirror / "public/simple" / name
    shutil.rmtree(path, ignore_errors=True)
    path.write_text("x")
    (mirror / "public/simple/other/index.html").unlink()
    codes = found(mirror)
    assert ("html-differs", "public/simple/other/index.html") in codes
    assert (("page-missing", "public/simple/demo") in codes) is (name == "demo")


@pytest.mark.parametrize("name", ["index.html", "index.json"])
def test_a_directory_in_place_of_a_page_is_reported_as_that_page(name: str, mirror: Path) -> None:
    (mirror / "public/simple" / name).unlink()
    (mirror / "public/simple" / name).mkdir()
    assert ("in-the-way", f"public/simple/{name}") in found(mirror)


@pytest.mark.parametrize("key", ["public/files", "public/files/demo"])
def test_a_directory_that_is_a_link_out_is_not_followed(key: str, mirror: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (mirror / key).rename(outside)
    (mirror / key).symlink_to(outside)
    store = LocalStore(mirror)
    assert not [each for each in store.keys(key) if "demo" in each]
    file = next(outside.rglob("*.whl")).relative_to(outside).as_posix()
    with pytest.raises(MirrorError, match=f"^{key} is a link that leads out of the mirror"):
        store.read(f"{key}/{file}")
    assert ("link-outside", key) in found(mirror)


def _fail(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("transfer", Transfer)
def test_a_damaged_file_stays_where_it_cannot_be_restored(
    transfer: Transfer, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = listed_file(mirror)
    file.unlink()
    file.write_bytes(b"damaged")
    wheel, publishing = tmp_path / "in" / file.name, Publishing(transfer=transfer)
    with monkeypatch.context() as patched:
        patched.setattr("wheelfix.mirror.storage.local.StagedFile.name", _fail)
        [failed] = add_wheels(mirror, wheel, publishing=publishing).files
    assert failed.problem is not None
    assert file.read_bytes() == b"damaged"
    whole = wheel.read_bytes()
    assert add_wheels(mirror, wheel, publishing=publishing).ok
    assert file.read_bytes() == whole


def _replace(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"other bytes")


def _write(path: Path) -> None:
    path.write_bytes(b"other bytes")


@pytest.mark.parametrize("change", [_replace, _write])
@pytest.mark.parametrize("transfer", [Transfer.LINK, Transfer.MOVE])
def test_a_file_that_changes_while_it_is_linked_is_not_added(
    transfer: Transfer, change: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, store, real = demo_wheel(tmp_path / "in", "1.0"), LocalStore(tmp_path / "mirror"), os.link

    def link(source: Path, target: Path) -> None:
        change(source)
        real(source, target)

    with Source(wheel) as source:
        monkeypatch.setattr(os, "link", link)
        errors = store.put_new([NewFile(KEY, source, attributes_of(KEY), transfer)])
    assert list(map(type, errors.values())) == [SourceChanged]
    assert store.head(KEY) is None


def test_a_file_that_the_disk_does_not_give_is_no_invalid_wheel(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was not looked at, and nobody knows whether clients refuse it."""

    def fail(_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Summing, "result", fail)
    report = check_mirror(mirror)
    assert {each.code for each in report.findings} == {"unreadable"}
    assert not report.complete
    wheel = demo_wheel(mirror.parent / "in", "7.0")
    [added] = add_wheels(mirror, wheel).files
    assert (added.status, added.problem and added.problem.code) == (PublishStatus.FAILED, "eio")


def test_a_page_without_end_is_not_read(mirror: Path) -> None:
    """Not a byte of it, and nothing is written over it: 5 GB of a page are no page."""
    root, html = mirror / "public/simple/index.json", mirror / "public/simple/demo/index.html"
    whole = root.read_bytes()
    os.truncate(root, 5 << 30)
    for fix in (False, True):
        [said] = check_mirror(mirror, fix=fix).findings  # the projects are not unlisted
        assert (said.code, said.message, said.fixable) == (
            "page-unreadable", "it has more than 268,435,456 bytes", False,
        )  # fmt: skip
        assert "You can delete" in said.hint
    root.unlink()
    assert check_mirror(mirror, fix=True).complete
    assert root.read_bytes() == whole
    os.truncate(html, 5 << 30)
    added = demo_wheel(mirror.parent / "in", "2.0")
    assert not add_wheels(mirror, added).ok
    html.unlink()
    assert add_wheels(mirror, added).ok
