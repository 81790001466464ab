"""A sync in parts, on several machines: the same pages as by one run, and what is missing is said."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from building import WheelSpec
from running import wheelfix
from upstreams import Upstream, pypi
from wheelfix.mirror.check import check_mirror
from wheelfix.sync.run import index_mirror, sync_mirror
from wheelfix.version import install_extra

pytestmark = pytest.mark.usefixtures("stopped_clock")


@pytest.fixture
def index() -> Iterator[Upstream]:
    """Eight projects, each with a release of one wheel."""
    with pypi() as upstream:
        for number in range(8):
            upstream.add(WheelSpec(project=f"demo{number}", requires=("six",)))
        yield upstream


def manifest(folder: Path, index: Upstream, name: str = "mirror") -> Path:
    projects = ", ".join(f'"demo{number}"' for number in range(8))
    path = folder / f"{name}.toml"
    path.write_text(
        f'schema = 1\n[mirror]\nstore = "{folder / name}"\nrules = ["gpu"]\n'
        f'[[source]]\nname = "main"\nindex = "{index.index}"\nprojects = [{projects}]\n'
    )
    return path


def public(mirror: Path) -> dict[str, bytes]:
    top = mirror / "public"
    return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}


def test_parts_in_any_order_and_their_index_make_what_one_run_makes(tmp_path: Path, index: Upstream) -> None:
    assert sync_mirror(manifest(tmp_path, index, "whole")).ok
    parts = manifest(tmp_path, index)
    for number in (3, 1, 2):
        report = sync_mirror(parts, shard=(number, 3))
        assert report.ok
        assert report.traffic.requests > 0
    assert not (tmp_path / "mirror/public/simple").exists()
    index.forget()
    report = index_mirror(parts)
    assert [each.status.value for each in report.files] == ["added"] * 8
    assert index.downloads() == []
    assert public(tmp_path / "mirror") == public(tmp_path / "whole")
    assert check_mirror(tmp_path / "mirror").findings == ()
    assert index_mirror(parts).files == ()


def test_parts_work_beside_a_run_that_holds_the_mirror(tmp_path: Path, index: Upstream) -> None:
    """Who writes no page waits for nobody."""
    from wheelfix.mirror.storage import open_store
    from wheelfix.sync.planning.claim import claimed

    path = manifest(tmp_path, index)
    with claimed(open_store(tmp_path / "mirror", create=True), 1):
        assert sync_mirror(path, shard=(1, 2)).ok


def test_files_that_come_between_the_parts_change_nobodys_part(tmp_path: Path, index: Upstream) -> None:
    """What the first part did of their releases is listed; they themselves are what is missing, where it is over."""
    path = manifest(tmp_path, index)
    first = sync_mirror(path, shard=(1, 2))
    for number in range(8):
        index.add(WheelSpec(project=f"demo{number}", tags="cp311-cp311-win_amd64", requires=("six",)))
    second = sync_mirror(path, shard=(2, 2))
    assert first.prepared
    assert second.prepared == 2 * (8 - first.prepared)
    index.forget()
    report = index_mirror(path)
    missing = [str(each.source) for each in report.files if each.problem is not None]
    assert len(missing) == first.prepared
    assert all(name.endswith("win_amd64.whl") for name in missing)
    assert sum(each.status.value == "added" for each in report.files) == first.prepared + second.prepared
    assert sync_mirror(path, shard=(1, 2)).prepared == first.prepared
    assert index_mirror(path).ok
    assert len(index.downloads()) == first.prepared
    assert sync_mirror(manifest(tmp_path, index, "whole")).ok
    assert check_mirror(tmp_path / "mirror").findings == ()
    assert public(tmp_path / "mirror") == public(tmp_path / "whole")


def test_what_was_done_of_a_release_is_not_done_again_when_it_gets_another_file(tmp_path: Path, index: Upstream) -> None:
    path = manifest(tmp_path, index)
    assert sync_mirror(path, shard=(1, 1)).ok
    index.add(WheelSpec(project="demo0", tags="cp311-cp311-win_amd64", requires=("six",)))
    index.forget()
    assert sync_mirror(path).ok
    assert index.downloads() == ["demo0-1.0-cp311-cp311-win_amd64.whl"]
    assert len([name for name in public(tmp_path / "mirror") if name.endswith(".whl")]) == 9


def test_a_part_that_another_one_does_as_well_does_no_harm(tmp_path: Path, index: Upstream) -> None:
    path = manifest(tmp_path, index)
    for _ in range(2):
        assert sync_mirror(path, shard=(1, 1)).ok
    assert index_mirror(path).ok


def test_the_command_says_which_jobs_were_not_done(tmp_path: Path, index: Upstream) -> None:
    path = manifest(tmp_path, index)
    part = wheelfix("mirror", "sync", str(path), "--shard", "1/2")
    assert (part.code, part.out) == (0, "")
    assert re.match(r"Prepared [1-7] files?; .*; `wheelfix mirror index` lists them\n", part.err)
    first = wheelfix("mirror", "index", str(path))
    assert first.code == 3
    assert "no part of the sync has done it" in first.err
    assert wheelfix("mirror", "sync", str(path), "--shard", "2/2").code == 0
    assert wheelfix("mirror", "index", str(path)).code == 0
    assert len([name for name in public(tmp_path / "mirror") if name.endswith(".whl")]) == 8
    again = wheelfix("mirror", "index", str(path))
    assert (again.code, again.err.count("\n")) == (0, 1)


def test_a_part_that_cannot_be_is_an_error_of_usage(tmp_path: Path, index: Upstream) -> None:
    found = wheelfix("mirror", "sync", str(manifest(tmp_path, index)), "--shard", "5/4")
    assert found.code == 2
    assert "'5/4' is not one of N parts, such as 1/8" in found.err
    assert not (tmp_path / "mirror").exists()


@pytest.mark.parametrize("option", ["--check", "--lock=mirror.lock", "--to=mirror.lock"])
def test_a_part_writes_no_page_and_nothing_that_follows_from_pages(
    option: str, tmp_path: Path, index: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mirror.lock").write_text("{}")
    monkeypatch.chdir(tmp_path)
    found = wheelfix("mirror", "sync", str(manifest(tmp_path, index)), "--shard", "1/2", option)
    assert found.code == 2
    assert "--shard writes no page" in found.err


def test_a_cluster_says_itself_how_many_it_fixes(tmp_path: Path, index: Upstream) -> None:
    found = wheelfix("mirror", "sync", str(manifest(tmp_path, index)), "--dask", "tcp://127.0.0.1:1", "-j2")
    assert found.code == 2
    assert "--dask and --jobs exclude each other" in found.err


def test_without_the_extra_it_is_named(tmp_path: Path, index: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    found = wheelfix("mirror", "sync", str(manifest(tmp_path, index)), "--dask", "tcp://127.0.0.1:1")
    assert found.code == 2
    assert install_extra("dask") in found.err
    assert not (tmp_path / "mirror").exists()
