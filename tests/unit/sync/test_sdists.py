"""Source distributions of a sync: copied with what the index says of them, and then treated like all other files."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

import serving
from building import WheelSpec
from upstreams import File, Upstream, pypi, pytorch, sdist
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.pages import BY_SYNC, BY_UPSTREAM, ListedFile
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import list_pages
from wheelfix.results import PublishStatus
from wheelfix.sync.model import Action
from wheelfix.sync.run import index_mirror, sync_mirror
from wheelfix.sync.snapshots.export_bundle import export_mirror
from wheelfix.sync.snapshots.import_bundle import import_bundle
from wheelfix.sync.snapshots.restore import restore_mirror
from wheelfix.sync.snapshots.snapshot import snapshot_of

pytestmark = pytest.mark.usefixtures("stopped_clock")

PROJECTS = ("both", "only", "for-windows")


@pytest.fixture
def index() -> Iterator[Upstream]:
    """A project with a wheel and a source distribution, one without a wheel, and one whose wheel is not for Linux."""
    with pypi() as upstream:
        upstream.add(WheelSpec(project="both", tags="py3-none-any"))
        upstream.add_sdist("both", "1.0", requires_python=">=3.9")
        upstream.add_sdist("only", "1.0", requires_python=">=3.11", uploaded="2025-05-05T05:05:05.000000Z")
        upstream.add(WheelSpec(project="for-windows", tags="cp311-cp311-win_amd64"))
        upstream.add_sdist("for-windows", "1.0")
        yield upstream


def manifest(folder: Path, index: Upstream, sdists: str, projects: tuple[str, ...] = PROJECTS) -> Path:
    path = folder / "mirror.toml"
    named = ", ".join(f'"{each}"' for each in projects)
    path.write_text(
        f'schema = 1\n[mirror]\nstore = "mirror"\nsdists = "{sdists}"\nplatforms = "manylinux*_x86_64"\npythons = "3.11"\n'
        f'[[source]]\nname = "main"\nindex = "{index.index}"\nprojects = [{named}]\n'
    )
    return path


def files(folder: Path) -> dict[str, ListedFile]:
    return {file.filename: file for page in list_pages(folder / "mirror") for file in page.files}


SDISTS = {"both": "both-1.0.tar.gz", "only": "only-1.0.tar.gz", "for-windows": "for_windows-1.0.tar.gz"}


@pytest.mark.parametrize(
    ("sdists", "expected"),
    [("never", []), ("if-no-wheel", ["for-windows", "only"]), ("all", ["both", "for-windows", "only"])],
)
def test_which_ones_are_copied(sdists: str, expected: list[str], tmp_path: Path, index: Upstream) -> None:
    sync_mirror(manifest(tmp_path, index, sdists))
    found = files(tmp_path)
    assert sorted(found) == sorted(["both-1.0-py3-none-any.whl", *(SDISTS[each] for each in expected)])
    for each in expected:
        assert found[SDISTS[each]].sha256 == index.file(SDISTS[each]).sha256
    assert check_mirror(tmp_path / "mirror").findings == ()
    index.forget()
    again = sync_mirror(manifest(tmp_path, index, sdists))
    assert not again.plan.changes
    assert index.downloads() == []


def test_the_page_says_what_the_index_says(tmp_path: Path, index: Upstream) -> None:
    assert sync_mirror(manifest(tmp_path, index, "all", ("only", "both"))).ok
    only = files(tmp_path)["only-1.0.tar.gz"]
    assert (only.requires_python, only.upload_time, only.source) == (">=3.11", "2025-05-05T05:05:05.000000Z", "main")
    assert (only.metadata_sha256, only.checked_by, only.origin) == (None, None, None)
    assert files(tmp_path)["both-1.0.tar.gz"].requires_python == ">=3.9"


def test_yanks_and_removals_of_the_index_are_taken_over(tmp_path: Path, index: Upstream) -> None:
    path = manifest(tmp_path, index, "all", ("only", "both"))
    sync_mirror(path)
    index.yank("both-1.0.tar.gz", "broken")
    index.remove("only-1.0.tar.gz")
    sync_mirror(path, allow_removals=True)
    found = files(tmp_path)
    assert (found["both-1.0.tar.gz"].yanked, found["both-1.0-py3-none-any.whl"].yanked) == ("broken", None)
    assert found["both-1.0.tar.gz"].yanked_by == BY_UPSTREAM
    index.unyank("both-1.0.tar.gz")
    sync_mirror(path, allow_removals=True)
    assert files(tmp_path)["both-1.0.tar.gz"].yanked is None


def test_what_the_manifest_no_longer_wants_is_yanked(tmp_path: Path, index: Upstream) -> None:
    sync_mirror(manifest(tmp_path, index, "all", ("both",)))
    sync_mirror(manifest(tmp_path, index, "never", ("both",)), allow_removals=True)
    found = files(tmp_path)
    assert found["both-1.0-py3-none-any.whl"].yanked is None
    assert (found["both-1.0.tar.gz"].yanked is not None, found["both-1.0.tar.gz"].yanked_by) == (True, BY_SYNC)


class Replaced(File):
    """A file that is not what its page says."""

    @property
    def sha256(self) -> str:
        return "0" * 64


def test_other_bytes_than_the_index_says_are_not_added(tmp_path: Path, index: Upstream) -> None:
    path = manifest(tmp_path, index, "all", ("both",))
    right = index.file("both-1.0.tar.gz")
    index.put("both", Replaced(name=right.name, data=right.data, uploaded=right.uploaded))
    report = sync_mirror(path)
    assert not report.ok
    assert [each.problem.code for each in report.files if each.problem] == ["wrong-hash"]
    assert sorted(files(tmp_path)) == ["both-1.0-py3-none-any.whl"]
    index.put("both", right)
    report = sync_mirror(path)
    assert report.ok
    assert [each.status for each in report.files] == [PublishStatus.ADDED]


def test_an_index_without_upload_times_and_jsons_has_them_too(tmp_path: Path) -> None:
    with pytorch() as index:
        index.add_sdist("only", "1.0", requires_python=">=3.10")
        assert sync_mirror(manifest(tmp_path, index, "if-no-wheel", ("only",))).plan.changes
        assert files(tmp_path)["only-1.0.tar.gz"].requires_python == ">=3.10"
        assert check_mirror(tmp_path / "mirror").findings == ()


@pytest.mark.slow
def test_pip_and_uv_see_them_and_their_python(tmp_path: Path, index: Upstream) -> None:
    index.add_sdist("only", "2.0", requires_python=">=4")
    sync_mirror(manifest(tmp_path, index, "all"))
    with serving.static(tmp_path / "mirror" / "public") as server:
        url = f"{server.url}/simple/"
        out = tmp_path / "out"
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--no-build-isolation",
            "--index-url",
            url,
            "--isolated",
        ]
        ran = subprocess.run([*pip, "-d", out, "--no-binary=:all:", "only"], capture_output=True, text=True, check=False)
        assert "Downloading" in ran.stdout
        assert "only-1.0.tar.gz" in ran.stdout
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
        (tmp_path / "requirements.in").write_text("only\n")
        command = [uv, "pip", "compile", "--index-url", url, "--no-cache", "--generate-hashes", "--python-version", "3.11"]
        ran = subprocess.run(
            [*command, tmp_path / "requirements.in"], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert "only==1.0" in ran.stdout, ran.stderr
        assert index.file("only-1.0.tar.gz").sha256 in ran.stdout


@pytest.mark.parametrize("name", ["both-1.0.tar.gz", "Both-1.0.0.tar.gz"])
def test_one_that_a_person_added_stays_and_is_reported(name: str, tmp_path: Path, index: Upstream) -> None:
    """Also where it is spelled otherwise: installers take the two for one file."""
    own = tmp_path / name
    own.write_bytes(sdist("both", "1.0", requires=("six",)))
    assert add_wheels(tmp_path / "mirror", own).ok
    before = files(tmp_path)[name]
    path = manifest(tmp_path, index, "all", ("both",))
    for _ in range(2):
        report = sync_mirror(path)
        [reported] = [each for each in report.plan.files if each.action is Action.REPORT]
        assert (reported.filename, reported.code) == ("both-1.0.tar.gz", "name-taken")
        assert files(tmp_path)[name] == before
        assert sorted(files(tmp_path)) == sorted(["both-1.0-py3-none-any.whl", name])


def _as_imported(file: ListedFile) -> ListedFile:
    """The file as another mirror lists it: no manifest of its own chose it, and no run of its own fixed it."""
    return replace(file, source=None, origin=file.origin and replace(file.origin, fixed_here=False))


def test_a_bundle_brings_them_to_another_mirror(tmp_path: Path, index: Upstream) -> None:
    sync_mirror(manifest(tmp_path, index, "all", ("both", "only")))
    export_mirror(tmp_path / "mirror", tmp_path / "bundle.tar")
    report = import_bundle(tmp_path / "inside", tmp_path / "bundle.tar")
    assert report.ok
    imported = [file for page in list_pages(tmp_path / "inside") for file in page.files]
    theirs = [each for each in files(tmp_path).values() if each.origin is not None]
    assert [each.filename for each in theirs] == ["both-1.0-py3-none-any.whl"]
    assert imported == [_as_imported(each) for each in files(tmp_path).values()]
    assert check_mirror(tmp_path / "inside").findings == ()


def test_a_mirror_goes_back_to_a_lock_with_them(tmp_path: Path, index: Upstream) -> None:
    path = manifest(tmp_path, index, "all", ("both", "only"))
    sync_mirror(path)
    before = files(tmp_path)
    lock = snapshot_of("mirror", list_pages(tmp_path / "mirror"))
    sync_mirror(manifest(tmp_path, index, "never", ("both",)), allow_removals=True)
    assert files(tmp_path) != before
    assert restore_mirror(tmp_path / "mirror", lock, allow_removals=True).ok
    assert files(tmp_path) == before


def test_they_are_removed_once_they_were_yanked_for_long(
    tmp_path: Path, index: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync_mirror(manifest(tmp_path, index, "all", ("both", "only")))
    path = manifest(tmp_path, index, "never", ("both",))
    sync_mirror(path, allow_removals=True)
    assert len(files(tmp_path)) == 3
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(1767225600 + 31 * 86400))
    sync_mirror(path, allow_removals=True)
    assert [*files(tmp_path)] == ["both-1.0-py3-none-any.whl"]
    assert check_mirror(tmp_path / "mirror").findings == ()


def test_processes_and_parts_make_the_same_pages(tmp_path: Path, index: Upstream) -> None:
    def pages(name: str) -> dict[str, bytes]:
        top = tmp_path / name / "mirror" / "public"
        return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}

    paths = {}
    for name in ("one", "processes", "parts"):
        (tmp_path / name).mkdir()
        paths[name] = manifest(tmp_path / name, index, "all")
    sync_mirror(paths["one"])
    sync_mirror(paths["processes"], jobs=2)
    for part in (2, 1):
        sync_mirror(paths["parts"], shard=(part, 2))
    index_mirror(paths["parts"])
    assert pages("one") == pages("processes") == pages("parts")
    assert sum(name.endswith(".tar.gz") for name in pages("one")) == 3


def test_a_result_that_lies_about_one_counts_as_none(tmp_path: Path, index: Upstream) -> None:
    path = manifest(tmp_path, index, "all", ("only",))
    sync_mirror(path, shard=(1, 1))
    [note] = (tmp_path / "mirror" / "private" / "results").rglob("*.json")
    text = note.read_text()
    assert '"metadata"' not in text
    for old, new in (("only-1.0.tar.gz", "other-1.0.tar.gz"), ('"listed":', '"metadata":"bm8=","listed":')):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(text.replace(old, new))
        index_mirror(path)
        assert not (tmp_path / "mirror" / "public" / "simple" / "only").exists()
        assert not (tmp_path / "mirror" / "public" / "simple" / "other").exists()
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(text)
    index_mirror(path)
    assert [*files(tmp_path)] == ["only-1.0.tar.gz"]
