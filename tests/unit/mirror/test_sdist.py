"""Source distributions in a mirror: copied as they are, and listed, checked, yanked and removed like wheels."""

import hashlib
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from building import WheelSpec, write_wheel
from serving import static
from stores import MemoryStore
from upstreams import sdist
from wheelfix.mirror.change import change_page
from wheelfix.mirror.check import check_against, check_index, check_mirror
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.prune import prune_mirror
from wheelfix.mirror.repository import load_page
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import list_pages, remove_files, unyank_files, yank_files
from wheelfix.options import Limits, Publishing, Requests, Transfer
from wheelfix.results import PublishStatus


@pytest.fixture(params=["directory", "bucket"])
def mirror(request: pytest.FixtureRequest, tmp_path: Path) -> MirrorLocation:
    return tmp_path / "mirror" if request.param == "directory" else MemoryStore(tmp_path / "scratch")


def write(directory: Path, name: str = "demo-1.0.tar.gz", data: bytes | None = None) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_bytes(sdist("demo", "1.0") if data is None else data)
    return path


def listed(mirror: MirrorLocation, project: str = "demo") -> list[ListedFile]:
    return [*load_page(open_store(mirror), project).files]


def codes(mirror: MirrorLocation, *, quick: bool = False) -> list[str]:
    return sorted(each.code for each in check_mirror(mirror, quick=quick).findings)


def test_it_is_copied_as_it_is_and_has_no_metadata_file(mirror: MirrorLocation, tmp_path: Path) -> None:
    path = write(tmp_path / "in")
    [done] = add_wheels(mirror, path).files
    assert (done.status, done.project, done.problem) == (PublishStatus.ADDED, "demo", None)
    [file] = listed(mirror)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (file.filename, file.sha256, file.size) == (path.name, sha256, path.stat().st_size)
    assert (file.version, file.is_wheel, file.metadata_sha256, file.checked_by) == ("1.0", False, None, None)
    store = open_store(mirror)
    assert sorted(store.keys("public/files")) == [f"public/files/demo/{sha256[:16]}/demo-1.0.tar.gz"]
    with store.open(done.path or "") as stored:
        assert stored.read_at(0, stored.size) == path.read_bytes()
    assert codes(mirror) == codes(mirror, quick=True) == []


def test_pages_have_the_version_and_no_metadata(mirror: MirrorLocation, tmp_path: Path) -> None:
    add_wheels(mirror, [write(tmp_path / "in"), write_wheel(tmp_path / "in", WheelSpec(version="2.0"))])
    store = open_store(mirror)
    page = json.loads(store.read("public/simple/demo/index.json").data)  # type: ignore[union-attr]
    assert page["versions"] == ["1.0", "2.0"]
    assert [each["filename"] for each in page["files"]] == ["demo-1.0.tar.gz", "demo-2.0-py3-none-any.whl"]
    assert "core-metadata" not in page["files"][0]
    html = store.read("public/simple/demo/index.html").data.decode()  # type: ignore[union-attr]
    assert html.count("data-core-metadata") == 1
    assert "demo-1.0.tar.gz#sha256=" in html


def test_it_stands_beside_the_wheels_of_its_release_and_disagrees_with_none(mirror: MirrorLocation, tmp_path: Path) -> None:
    sdist_path = write(tmp_path / "in")
    wheel = write_wheel(tmp_path / "in", WheelSpec(requires=("six",)))
    done = add_wheels(mirror, [wheel, sdist_path]).files
    assert [each.status for each in done] == [PublishStatus.ADDED] * 2
    again = add_wheels(mirror, [sdist_path, wheel]).files
    assert [each.status for each in again] == [PublishStatus.UNCHANGED] * 2
    assert [each.filename for each in listed(mirror)] == [wheel.name, "demo-1.0.tar.gz"]
    assert codes(mirror) == []


def test_another_one_of_its_name_is_refused(mirror: MirrorLocation, tmp_path: Path) -> None:
    add_wheels(mirror, write(tmp_path / "in"))
    other = write(tmp_path / "other", data=sdist("demo", "1.0", requires=("six",)))
    [done] = add_wheels(mirror, other).files
    assert done.problem is not None
    assert done.problem.code == "name-taken"
    [spelled] = add_wheels(mirror, write(tmp_path / "other", "Demo-1.0.0.tar.gz")).files
    assert spelled.problem is not None
    assert spelled.problem.code == "name-taken"
    [replaced] = add_wheels(mirror, other, publishing=Publishing(replace=True)).files
    assert replaced.status is PublishStatus.REPLACED
    assert load_page(open_store(mirror), "demo").past
    assert codes(mirror) == []


@pytest.mark.parametrize("name", ["demo.tar.gz", "demo-1.0.linux-x86_64.tar.gz", "demo-latest.zip"])
def test_what_is_none_by_its_name_is_refused(name: str, mirror: MirrorLocation, tmp_path: Path) -> None:
    [done] = add_wheels(mirror, write(tmp_path / "in", name)).files
    assert (done.status, done.problem and done.problem.code) == (PublishStatus.REFUSED, "not-an-sdist-name")


def test_it_can_be_moved_there(tmp_path: Path) -> None:
    path = write(tmp_path / "in")
    add_wheels(tmp_path / "mirror", path, publishing=Publishing(transfer=Transfer.MOVE))
    assert not path.exists()
    assert codes(tmp_path / "mirror") == []


def test_yank_unyank_list_and_remove_take_it(mirror: MirrorLocation, tmp_path: Path) -> None:
    add_wheels(mirror, [write(tmp_path / "in"), write_wheel(tmp_path / "in", WheelSpec(version="2.0"))])
    [done] = yank_files(mirror, "demo-1.0.tar.gz", reason="broken").files
    assert done.status is PublishStatus.YANKED
    assert [each.yanked for each in listed(mirror)] == ["broken", None]
    [done] = unyank_files(mirror, "demo==1.0").files
    assert done.status is PublishStatus.UNYANKED
    [page] = list_pages(mirror, ["demo-1.0.tar.gz"])
    assert [each.filename for each in page.files] == ["demo-1.0.tar.gz"]
    [done] = remove_files(mirror, "demo==1.0").files
    assert done.status is PublishStatus.REMOVED
    assert [each.filename for each in listed(mirror)] == ["demo-2.0-py3-none-any.whl"]


def test_check_reports_other_bytes_and_a_lost_file(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    [done] = add_wheels(mirror, write(tmp_path / "in")).files
    path = mirror / str(done.path)
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-1] + b"x")
    assert codes(mirror) == ["file-differs"]
    assert codes(mirror, quick=True) == []
    path.write_bytes(data + b"x")
    assert codes(mirror, quick=True) == ["size-differs"]
    path.unlink()
    assert codes(mirror) == ["file-missing"]


def test_check_reports_one_of_another_project(mirror: MirrorLocation, tmp_path: Path) -> None:
    add_wheels(mirror, write(tmp_path / "in"))
    store = open_store(mirror)

    def renamed(page: Page) -> Page:
        return page.with_files(
            replace(each, filename="other-1.0.tar.gz", url=each.url.replace("demo-1.0", "other-1.0")) for each in page.files
        )

    change_page(store, "demo", renamed, Limits().lock_seconds)
    assert "file-of-another-project" in codes(mirror)


def test_a_name_with_dashes_is_that_of_its_project(mirror: MirrorLocation, tmp_path: Path) -> None:
    [done] = add_wheels(mirror, write(tmp_path / "in", "my-old-demo-1.0.zip")).files
    assert done.project == "my-old-demo"
    assert codes(mirror) == []


def test_check_fixes_what_it_can(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    add_wheels(mirror, write(tmp_path / "in"))
    page = mirror / "public/simple/demo/index.html"
    page.write_text("")
    assert codes(mirror) == ["html-differs"]
    check_mirror(mirror, fix=True)
    assert codes(mirror) == []
    assert [each.metadata_sha256 for each in listed(mirror)] == [None]


def test_a_server_and_the_mirror_agree_on_it(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    sdist_path = write(tmp_path / "in")
    add_wheels(mirror, [sdist_path, write_wheel(tmp_path / "in", WheelSpec(requires=("six",)))])
    with static(mirror / "public", negotiates=True) as server:
        report = check_against(mirror, server.index, requests=Requests(timeout=5))
        assert {each.code for each in report.findings} <= {"cache-unset"}
        report = check_index(server.index, requests=Requests(timeout=5), download="all")
        assert {each.code for each in report.findings} <= {"cache-unset"}


def test_what_was_removed_is_deleted_from_a_bucket_and_nothing_else(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    sdist_path = write(tmp_path / "in")
    add_wheels(store, [sdist_path, write(tmp_path / "in", "demo-2.0.tar.gz")])
    remove_files(store, "demo==1.0")
    store.objects.pass_time(48)
    prune_mirror(store)
    assert [key.rpartition("/")[2] for key in store.keys("public/files")] == ["demo-2.0.tar.gz"]
    assert codes(store) == []


def test_a_file_that_somebody_deletes_meanwhile_is_put_again(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")

    def delete_once(operation: str, key: str) -> None:
        if operation == "put" and key.endswith("demo-1.0.tar.gz"):
            store.after = lambda operation, key: None
            del store.objects[key]

    store.after = delete_once
    [done] = add_wheels(store, write(tmp_path / "in")).files
    assert done.status is PublishStatus.ADDED
    assert codes(store) == []
