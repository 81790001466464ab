"""Bundles: a mirror that no network leads to follows another one by tar files."""

import errno
import hashlib
import io
import json
import subprocess
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.json import encode
from msgspec.structs import replace

from demos import demo_wheel
from stores import MemoryStore
from wheelfix import check_mirror, list_pages, remove_files, unyank_files, yank_files
from wheelfix.errors import MirrorError
from wheelfix.mirror.decide import NewWheel
from wheelfix.mirror.follow import UpstreamFile
from wheelfix.mirror.layout import attributes_of
from wheelfix.mirror.pages import BY_MIRROR, BY_UPSTREAM, ListedFile
from wheelfix.mirror.project import Request
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import NewFile, Store
from wheelfix.mirror.upload import add_new_wheels, add_wheels
from wheelfix.options import Publishing
from wheelfix.results import PublishReport, PublishStatus
from wheelfix.sync.snapshots.bundle import read_bundle
from wheelfix.sync.snapshots.export_bundle import export_mirror
from wheelfix.sync.snapshots.import_bundle import import_bundle
from wheelfix.sync.snapshots.snapshot import Snapshot, snapshot_of

TIME = "2026-01-01T00:00:00.000000Z"


def files(store: Store) -> dict[str, ListedFile]:
    return {each.version: each for page in list_pages(store) for each in page.files}


def statuses(report: PublishReport) -> dict[str, PublishStatus]:
    return {str(each.filename).split("-")[1]: each.status for each in report.files}


def lock_of(store: Store) -> Snapshot:
    return snapshot_of(str(store.location), list_pages(store))


@pytest.fixture
def outside(tmp_path: Path) -> Store:
    """The mirror with a network: two releases from an index, and one that somebody added."""
    store = open_store(tmp_path / "outside", create=True)
    upstream = UpstreamFile("https://packages.example.org/simple/", TIME, None, "here")
    new = [NewWheel(path=demo_wheel(tmp_path / "in", each), upstream=upstream, rules="f" * 64) for each in ("1.0", "1.1")]
    assert add_new_wheels(store, new, Request()).ok
    assert add_wheels(store, demo_wheel(tmp_path / "in", "5.0")).ok
    return store


@pytest.fixture(params=["directory", "bucket"])
def inside(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """The mirror without one."""
    if request.param == "bucket":
        return MemoryStore(tmp_path / "scratch")
    return open_store(tmp_path / "inside", create=True)


def test_what_is_new_goes_to_the_other_side(outside: Store, inside: Store, tmp_path: Path) -> None:
    first = export_mirror(outside, tmp_path / "1.tar")
    assert (len(first.files), first.projects) == (3, 1)
    assert statuses(import_bundle(inside, tmp_path / "1.tar")) == dict.fromkeys(("1.0", "1.1", "5.0"), PublishStatus.ADDED)
    here, there = files(inside), files(outside)
    assert {name: each.sha256 for name, each in here.items()} == {name: each.sha256 for name, each in there.items()}
    assert here["1.0"].upload_time == TIME
    assert {each.upload_time for each in here.values()} == {each.upload_time for each in there.values()}
    assert (here["1.0"].upstream, here["1.0"].checked_by, here["1.0"].source) == (there["1.0"].upstream, "f" * 64, None)
    assert here["5.0"].upstream == str(outside.location)
    assert not check_mirror(inside).findings

    add_wheels(outside, demo_wheel(tmp_path / "in", "2.0"))
    yank_files(outside, "demo==1.0", "broken")
    remove_files(outside, "demo==1.1")
    second = export_mirror(outside, tmp_path / "2.tar", since=first.lock)
    assert [each.filename for each in second.files] == ["demo-2.0-py3-none-any.whl"]
    done = import_bundle(inside, tmp_path / "2.tar")
    assert done.ok
    assert statuses(done) == {"2.0": PublishStatus.ADDED, "1.0": PublishStatus.YANKED, "1.1": PublishStatus.YANKED}
    here = files(inside)
    assert (here["1.0"].yanked, here["1.0"].yanked_by) == ("broken", BY_UPSTREAM)
    assert here["1.1"].yanked == "removed upstream"
    before = lock_of(inside)
    assert statuses(import_bundle(inside, tmp_path / "2.tar")) == {}
    assert lock_of(inside) == before

    unyank_files(outside, "demo==1.0")
    export_mirror(outside, tmp_path / "3.tar", since=second.lock)
    assert statuses(import_bundle(inside, tmp_path / "3.tar")) == {"1.0": PublishStatus.UNYANKED}
    assert not check_mirror(inside).findings


def test_what_was_decided_inside_stays(outside: Store, inside: Store, tmp_path: Path) -> None:
    first = export_mirror(outside, tmp_path / "1.tar")
    import_bundle(inside, tmp_path / "1.tar")
    yank_files(inside, "demo==1.0", "not here")
    remove_files(outside, "demo==1.0")
    export_mirror(outside, tmp_path / "2.tar", since=first.lock)
    import_bundle(inside, tmp_path / "2.tar")
    here = files(inside)
    assert (here["1.0"].yanked, here["1.0"].yanked_by) == ("not here", BY_MIRROR)


def test_a_bundle_that_was_left_out_is_noticed(outside: Store, inside: Store, tmp_path: Path) -> None:
    first = export_mirror(outside, tmp_path / "1.tar")
    add_wheels(outside, demo_wheel(tmp_path / "in", "2.0"))
    export_mirror(outside, tmp_path / "2.tar", since=first.lock)
    report = import_bundle(inside, tmp_path / "2.tar")
    assert not report.ok
    assert {each.problem.code for each in report.files if each.problem} == {"bundle-gap"}
    assert set(files(inside)) == {"2.0"}


def test_a_name_that_is_taken_is_refused(outside: Store, inside: Store, tmp_path: Path) -> None:
    add_wheels(inside, demo_wheel(tmp_path / "other", "1.0", "six"))
    export_mirror(outside, tmp_path / "1.tar")
    report = import_bundle(inside, tmp_path / "1.tar")
    assert statuses(report)["1.0"] is PublishStatus.REFUSED
    assert [each.problem.code for each in report.files if each.problem] == ["name-taken"]
    assert statuses(import_bundle(inside, tmp_path / "1.tar", publishing=Publishing(replace=True))) == {
        "1.0": PublishStatus.REPLACED
    }


def test_the_same_mirror_gives_the_same_bytes_which_other_tools_check(outside: Store, tmp_path: Path) -> None:
    one, two = (export_mirror(outside, tmp_path / name) for name in ("1.tar", "2.tar"))
    assert one.sha256 == two.sha256 == hashlib.sha256((tmp_path / "2.tar").read_bytes()).hexdigest()
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "-xf", tmp_path / "1.tar", "-C", tmp_path / "out"], check=True)
    subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=tmp_path / "out", check=True, capture_output=True)
    assert len([*(tmp_path / "out").glob("files/demo/*/*.whl")]) == 3
    assert json.loads((tmp_path / "out" / "mirror.lock").read_text())["command"] == "mirror list"


def test_a_damaged_file_is_not_exported(outside: Store, tmp_path: Path) -> None:
    [path, *_] = sorted((tmp_path / "outside").rglob("*.whl"))
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    with pytest.raises(MirrorError) as caught:
        export_mirror(outside, tmp_path / "1.tar")
    assert caught.value.code == "file-differs"
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".tar"] == []


Members = dict[str, bytes]


def _written(members: Members, path: Path, change: Callable[[tarfile.TarInfo], None] = lambda _: None) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            change(info)
            archive.addfile(info, io.BytesIO(data))


def _read(path: Path) -> Members:
    with tarfile.open(path) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]


def _with_sums(members: Members) -> Members:
    rest = {name: data for name, data in members.items() if name != "SHA256SUMS"}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in rest.items())
    return {"SHA256SUMS": sums.encode(), **rest}


def _wheel(members: Members) -> str:
    return next(name for name in members if name.endswith("1.0-py3-none-any.whl"))


def _changed(members: Members) -> Members:
    name = _wheel(members)
    return members | {name: bytes([members[name][0] ^ 1]) + members[name][1:]}


def _renamed(members: Members, new: str) -> Members:
    return _with_sums({new if name == _wheel(members) else name: data for name, data in members.items()})


def _without(members: Members, *names: str) -> Members:
    return {name: data for name, data in members.items() if name not in names}


DAMAGES: dict[str, Callable[[Members], Members]] = {
    "changed": _changed,
    "changed, with its sum": lambda members: _with_sums(_changed(members)),
    "a wheel is missing": lambda members: _without(members, _wheel(members)),
    "a wheel is missing, with its sum": lambda members: _with_sums(_without(members, _wheel(members))),
    "no sums": lambda members: _without(members, "SHA256SUMS"),
    "no lock": lambda members: _with_sums(_without(members, "mirror.lock")),
    "sums are not the first": lambda members: {**_without(members, "SHA256SUMS"), "SHA256SUMS": members["SHA256SUMS"]},
    "a sum is none": lambda members: members | {"SHA256SUMS": members["SHA256SUMS"] + b"x  y\n"},
    "sums are binary": lambda members: members | {"SHA256SUMS": b"\xff"},
    "a lock is none": lambda members: _with_sums(members | {"mirror.lock": b"{}"}),
    "one more file": lambda members: _with_sums(members | {"files/demo/x.whl": b"x"}),
    "one more file without sum": lambda members: members | {"x": b"x"},
    "a path to the outside": lambda members: _renamed(members, "../../../etc/x.whl"),
    "an absolute path": lambda members: _renamed(members, "/tmp/x.whl"),
    "nothing": lambda _: {},
}


@pytest.mark.parametrize("name", DAMAGES)
def test_nothing_of_a_damaged_bundle_is_imported(name: str, outside: Store, tmp_path: Path) -> None:
    export_mirror(outside, tmp_path / "1.tar")
    _written(DAMAGES[name](_read(tmp_path / "1.tar")), tmp_path / "2.tar")
    with pytest.raises(MirrorError) as caught:
        import_bundle(tmp_path / "inside", tmp_path / "2.tar")
    assert caught.value.code in ("bad-bundle", "bad-mirror-lock")
    assert not (tmp_path / "inside").exists()
    _written(_read(tmp_path / "1.tar"), tmp_path / "3.tar")
    assert import_bundle(tmp_path / "inside", tmp_path / "3.tar").ok


def _link(info: tarfile.TarInfo) -> None:
    if info.name.endswith(".whl"):
        info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0


def _device(info: tarfile.TarInfo) -> None:
    if info.name.endswith(".whl"):
        info.type, info.size = tarfile.CHRTYPE, 0


def _large_header(info: tarfile.TarInfo) -> None:
    info.pax_headers = {"comment": "9" * (1 << 15)}


@pytest.mark.parametrize("change", [_link, _device, _large_header])
def test_only_plain_files_are_read(change: Callable[[tarfile.TarInfo], None], outside: Store, tmp_path: Path) -> None:
    export_mirror(outside, tmp_path / "1.tar")
    _written(_read(tmp_path / "1.tar"), tmp_path / "2.tar", change)
    with pytest.raises(MirrorError) as caught:
        read_bundle(tmp_path / "2.tar")
    assert caught.value.code == "bad-bundle"


def test_a_bundle_that_is_cut_off_anywhere_is_refused(outside: Store, tmp_path: Path) -> None:
    export_mirror(outside, tmp_path / "1.tar")
    data = (tmp_path / "1.tar").read_bytes()
    end = len(data.rstrip(b"\0"))
    for size in (*range(0, 2048, 256), *range(2048, end, 997), end - 1):
        (tmp_path / "2.tar").write_bytes(data[:size])
        with pytest.raises(MirrorError):
            read_bundle(tmp_path / "2.tar")


def test_a_bundle_that_changes_after_it_was_checked_writes_nothing(outside: Store, tmp_path: Path) -> None:
    export_mirror(outside, tmp_path / "1.tar")
    bundle = read_bundle(tmp_path / "1.tar")
    data = bytearray((tmp_path / "1.tar").read_bytes())
    name = next(iter(bundle.members))
    data[bundle.members[name].offset] ^= 1
    (tmp_path / "1.tar").write_bytes(data)
    with pytest.raises(MirrorError, match="has changed since"):
        bundle.copy(name, tmp_path / "x.whl")


def test_what_is_no_wheel_is_refused_for_itself(outside: Store, inside: Store, tmp_path: Path) -> None:
    """Sums and lock are right, and one of the files is no wheel: nobody could install it."""
    export_mirror(outside, tmp_path / "1.tar")
    members = _read(tmp_path / "1.tar")
    lock = read_bundle(tmp_path / "1.tar").lock
    [project] = lock.projects
    bad = b"no wheel"
    sha256 = hashlib.sha256(bad).hexdigest()
    entries = [replace(each, sha256=sha256, size=len(bad)) if "-1.0-" in each.filename else each for each in project.files]
    lock = replace(lock, projects=(replace(project, files=tuple(entries)),))
    members.pop(_wheel(members))
    members |= {"mirror.lock": encode(lock), f"files/demo/{sha256[:16]}/demo-1.0-py3-none-any.whl": bad}
    _written(_with_sums(members), tmp_path / "2.tar")
    report = import_bundle(inside, tmp_path / "2.tar")
    assert statuses(report)["1.0"] in (PublishStatus.REFUSED, PublishStatus.FAILED)
    assert set(files(inside)) == {"1.1", "5.0"}


def test_what_never_came_from_the_other_mirror_is_not_gone_with_it(outside: Store, inside: Store, tmp_path: Path) -> None:
    first = export_mirror(outside, tmp_path / "1.tar")
    add_wheels(inside, [tmp_path / "in" / f"demo-{version}-py3-none-any.whl" for version in ("1.0", "5.0")])
    own = UpstreamFile("https://packages.example.org/simple/", TIME, None, "own")
    assert add_new_wheels(inside, [NewWheel(path=demo_wheel(tmp_path / "in", "1.1"), upstream=own)], Request()).ok
    remove_files(outside, "demo")
    add_wheels(outside, demo_wheel(tmp_path / "in", "6.0"))
    export_mirror(outside, tmp_path / "2.tar", since=first.lock)
    assert statuses(import_bundle(inside, tmp_path / "2.tar")) == {"6.0": PublishStatus.ADDED}
    assert {each.yanked for each in files(inside).values()} == {None}
    assert (files(inside)["1.1"].source, files(inside)["1.1"].upstream) == ("own", own.index)


def test_a_manifest_keeps_its_files_whatever_a_bundle_says(outside: Store, inside: Store, tmp_path: Path) -> None:
    own = UpstreamFile("https://own.example.org/simple/", TIME, None, "own")
    assert add_new_wheels(inside, [NewWheel(path=demo_wheel(tmp_path / "in", "1.0"), upstream=own)], Request()).ok
    before = files(inside)["1.0"]
    yank_files(outside, "demo==1.0", "broken")
    export_mirror(outside, tmp_path / "1.tar")
    import_bundle(inside, tmp_path / "1.tar")
    assert files(inside)["1.0"] == before


@pytest.mark.parametrize("size", [-1, -512, 1 << 40])
def test_a_size_that_cannot_be_is_refused_before_it_is_read(size: int, tmp_path: Path) -> None:
    info = tarfile.TarInfo("SHA256SUMS")
    info.pax_headers = {"size": str(size)}
    path = tmp_path / "bad.tar"
    with path.open("wb") as file:
        file.write(info.tobuf(tarfile.PAX_FORMAT))
        file.truncate(64 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(MirrorError) as caught:
            read_bundle(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.code == "bad-bundle"


def test_a_bundle_that_yanks_too_much_is_not_imported(outside: Store, inside: Store, tmp_path: Path) -> None:
    first = export_mirror(outside, tmp_path / "1.tar")
    import_bundle(inside, tmp_path / "1.tar")
    add_wheels(inside, [demo_wheel(tmp_path / "own", f"{number}.9") for number in range(6)])
    before = lock_of(inside)
    remove_files(outside, "demo==1.0")
    remove_files(outside, "demo==1.1")
    add_wheels(outside, demo_wheel(tmp_path / "in", "6.0"))
    export_mirror(outside, tmp_path / "2.tar", since=first.lock)
    with pytest.raises(MirrorError, match="more than a third of what came from the other mirror") as caught:
        import_bundle(inside, tmp_path / "2.tar")
    assert caught.value.code == "too-many-removals"
    assert lock_of(inside) == before
    done = statuses(import_bundle(inside, tmp_path / "2.tar", allow_removals=True))
    assert done == {"6.0": PublishStatus.ADDED, "1.0": PublishStatus.YANKED, "1.1": PublishStatus.YANKED}


def test_what_was_added_is_reported_where_a_later_step_fails(
    outside: Store, inside: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pitfall 43: the files are listed, whatever becomes of what else the other mirror says of them."""
    export_mirror(outside, tmp_path / "1.tar")

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("wheelfix.sync.snapshots.import_bundle.change_page", fail)
        *added, failed = import_bundle(inside, tmp_path / "1.tar").files
    assert {str(each.filename): each.sha256 for each in added} == {
        each.filename: each.sha256 for each in files(inside).values()
    }
    assert {each.status for each in added} == {PublishStatus.ADDED}
    assert (failed.project, failed.status) == ("demo", PublishStatus.FAILED)
    assert import_bundle(inside, tmp_path / "1.tar").ok


@pytest.mark.parametrize("spoil", ["lost", "cut off"])
def test_a_listed_file_whose_bytes_are_gone_is_put_back(spoil: str, outside: Store, inside: Store, tmp_path: Path) -> None:
    export_mirror(outside, tmp_path / "1.tar")
    assert import_bundle(inside, tmp_path / "1.tar").ok
    before = lock_of(inside)
    page = next(iter(list_pages(inside)))
    key = page.key(page.files[0]) or ""
    inside.delete(key)
    if spoil == "cut off":
        assert not inside.put_new([NewFile(key, b"PK", attributes_of(key))])
    [done] = import_bundle(inside, tmp_path / "1.tar").files
    assert (done.status, "is restored" in " ".join(done.notes)) == (PublishStatus.UNCHANGED, True)
    assert (check_mirror(inside).findings, lock_of(inside)) == ((), before)
