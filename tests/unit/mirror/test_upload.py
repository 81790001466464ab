"""Wheels are added, replaced, yanked and removed; what the mirror serves is right at every moment."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from building import WheelSpec, build_wheel, write_wheel
from defects import metadata, valid
from fixing import values
from refusing import failing
from wheelfix import fix_wheels
from wheelfix.errors import MirrorError
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.journal import ProjectJournal
from wheelfix.mirror.layout import key_of, url_of
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.repository import load_page, save_page
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import list_pages, remove_files, unyank_files, yank_files
from wheelfix.options import Limits, Naming, Policy, Publishing
from wheelfix.progress import NoProgress
from wheelfix.results import Outcome, Published, PublishReport, PublishStatus, Severity
from wheelfix.verify.run import check_wheel
from wheelfix.wheel.zip.staging import StagedFile

GPU = ("nvidia-cudnn-cu12==9.5.1.17",)


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def wheel(folder: Path, project: str = "demo", version: str = "1.0", tags: str = "py3-none-any", **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    head = ("Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}", "Summary: A wheel for tests")
    needs = changes.pop("needs", ())
    lines = [f"Requires-Dist: {need}" for need in needs]
    return write_wheel(
        folder,
        valid(
            project=project,
            version=version,
            tags=tags,
            metadata=metadata(*lines, head=head, rest=("Description-Content-Type: text/plain",)),
            **changes,
        ),
    )


def add(mirror: Path, *paths: Path, originals: Iterable[Path] = (), **options: Any) -> list[Published]:
    return list(add_wheels(mirror, paths, originals=originals, publishing=Publishing(**options)).files)


def statuses(publications: list[Published]) -> list[str]:
    return [each.problem.code if each.problem else each.status.value for each in publications]


def page(mirror: Path, project: str = "demo") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((mirror / "public/simple" / project / "index.json").read_bytes())
    return found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def has_no_findings(mirror: Path) -> bool:
    return not check_mirror(mirror).findings


def test_a_wheel_is_added_with_all_that_clients_read(mirror: Path, tmp_path: Path) -> None:
    path = wheel(tmp_path / "in", needs=["six"])
    [done] = add(mirror, path)
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert (done.source, done.status, done.sha256) == (path, PublishStatus.ADDED, digest)
    assert done.path == f"public/files/demo/{digest[:16]}/{path.name}"
    assert (mirror / done.path).read_bytes() == data
    metadata_file = (mirror / f"{done.path}.metadata").read_bytes()
    assert b"Requires-Dist: six" in metadata_file
    [file] = page(mirror)["files"]
    assert file["core-metadata"]["sha256"] == hashlib.sha256(metadata_file).hexdigest()
    assert (file["size"], file["hashes"]["sha256"]) == (len(data), digest)
    assert key_of(file["url"]) == done.path
    assert json.loads((mirror / "public/simple/index.json").read_bytes())["projects"] == [{"name": "demo"}]
    assert has_no_findings(mirror)


def test_a_plus_is_percent_encoded(mirror: Path, tmp_path: Path) -> None:
    add(mirror, wheel(tmp_path / "in", version="1.0+cpu"))
    assert page(mirror)["files"][0]["url"].endswith("/demo-1.0%2Bcpu-py3-none-any.whl")
    assert has_no_findings(mirror)


def test_twice_is_once(mirror: Path, tmp_path: Path) -> None:
    path = wheel(tmp_path / "in")
    add(mirror, path)
    before = {each: each.stat().st_mtime_ns for each in mirror.rglob("*") if each.is_file() and "locks" not in each.parts}
    assert statuses(add(mirror, path, path)) == ["unchanged", "unchanged"]
    assert {each: each.stat().st_mtime_ns for each in before} == before


def test_another_file_of_the_same_name_is_refused_or_replaces_it(mirror: Path, tmp_path: Path) -> None:
    first, second = wheel(tmp_path / "a"), wheel(tmp_path / "b", files=())
    [old] = add(mirror, first)
    [refused] = add(mirror, second)
    assert refused.problem is not None
    assert refused.problem.code == "name-taken"
    assert all(way in refused.problem.hint for way in ("--build-tag", "--replace"))
    [new] = add(mirror, second, replace=True)
    assert new.status is PublishStatus.REPLACED
    assert any("uv cache clean demo" in note for note in new.notes)
    assert new.path != old.path
    assert old.path is not None
    assert (mirror / old.path).read_bytes() == first.read_bytes()
    assert [file["hashes"]["sha256"] for file in page(mirror)["files"]] == [new.sha256]
    assert has_no_findings(mirror)
    assert statuses(add(mirror, first, replace=True)) == ["replaced"]
    assert has_no_findings(mirror)


def test_an_invalid_wheel_is_refused(mirror: Path, tmp_path: Path) -> None:
    bad = wheel(tmp_path / "in", record=b"")
    good = wheel(tmp_path / "in", project="other")
    broken = tmp_path / "in" / "broken-1.0-py3-none-any.whl"
    broken.write_bytes(b"no zip")
    nameless = tmp_path / "in" / "x.whl"
    found = add(mirror, bad, good, broken, nameless)
    assert statuses(found) == ["invalid-wheel", "added", "invalid-wheel", "not-a-wheel-name"]
    assert [each.project for each in list_pages(mirror)] == ["other"]
    assert has_no_findings(mirror)


def test_what_pypi_alone_refuses_is_served(mirror: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = write_wheel(tmp_path / "in", valid(metadata=metadata("Project-URL: Home")))
    [finding] = [each for each in check_wheel(path).findings if each.severity is Severity.ERROR]
    assert finding.refused_by == ("PyPI",)
    assert statuses(add(mirror, path)) == ["added"]
    assert has_no_findings(mirror)


@pytest.mark.parametrize(("tag", "clients"), [("py2.7", ("pip", "PyPI")), ("3x", ("pip", "uv", "PyPI"))])
def test_a_tag_that_new_versions_pass_over_is_served(
    tag: str, clients: tuple[str, ...], mirror: Path, tmp_path: Path
) -> None:
    """Old ones install the wheel."""
    (tmp_path / "in").mkdir()
    path = write_wheel(tmp_path / "in", valid(tags=f"{tag}-none-any"))
    [finding] = [each for each in check_wheel(path).findings if each.severity is Severity.ERROR]
    assert (finding.code, finding.refused_by) == ("filename-tag-digit", clients)
    assert statuses(add(mirror, path)) == ["added"]
    assert has_no_findings(mirror)


def test_a_script_that_is_a_path_on_windows_is_refused(mirror: Path, tmp_path: Path) -> None:
    """On Linux PyPI alone refuses it."""
    path = wheel(tmp_path / "in", dist_info_files={"entry_points.txt": b"[console_scripts]\nC:demo = demo:main\n"})
    assert statuses(add(mirror, path)) == ["invalid-wheel"]


def test_a_missing_wheel_fails(mirror: Path, tmp_path: Path) -> None:
    [done] = add(mirror, tmp_path / "demo-1.0-py3-none-any.whl")
    assert done.status is PublishStatus.FAILED
    assert not (mirror / "public/simple").exists()


@pytest.mark.parametrize(
    "name",
    [
        "..-1.0-py3-none-any.whl",
        "-1.0-py3-none-any.whl",
        "a b-1.0-py3-none-any.whl",
        "%2e%2e-1.0-py3-none-any.whl",
        "\u00fc-1.0-py3-none-any.whl",
        "_-1.0-py3-none-any.whl",
    ],
)
def test_names_that_are_paths_are_refused(name: str, mirror: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(build_wheel(valid()))
    [done] = add(mirror, path)
    assert done.problem is not None
    assert not (mirror / "public/files").exists()
    assert not (mirror / "public/simple").exists()


def test_a_wheel_of_another_project_is_refused(mirror: Path, tmp_path: Path) -> None:
    path = tmp_path / "numpy-1.0-py3-none-any.whl"
    path.write_bytes(build_wheel(valid()))
    [done] = add(mirror, path)
    assert done.problem is not None
    assert done.problem.code == "invalid-wheel"
    assert not (mirror / "public/simple").exists()


@pytest.mark.parametrize(
    "link",
    [
        "public",
        "public/simple",
        "public/simple/demo",
        "public/files",
        "public/files/demo",
        "private",
        "public/simple/demo/index.json",
    ],
)
def test_a_link_that_leads_out_is_refused(link: str, mirror: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (mirror / link).parent.mkdir(parents=True)
    (mirror / link).symlink_to(outside if link != "public/simple/demo/index.json" else tmp_path / "outside" / "page")
    [done] = add(mirror, wheel(tmp_path / "in"))
    assert done.problem is not None
    assert done.problem.code == "link-outside"
    assert list(outside.iterdir()) == []


def test_a_damaged_page_stops_its_project_only(mirror: Path, tmp_path: Path) -> None:
    """Pitfall 36."""
    add(mirror, wheel(tmp_path / "in"))
    damaged = mirror / "public/simple/demo/index.json"
    damaged.write_bytes(damaged.read_bytes()[:-30])
    before = damaged.read_bytes()
    found = add(mirror, wheel(tmp_path / "in", version="2.0"), wheel(tmp_path / "in", project="other"))
    assert statuses(found) == ["bad-page", "added"]
    assert damaged.read_bytes() == before


def test_a_fixed_wheel_beside_one_that_is_not_is_refused(mirror: Path, tmp_path: Path) -> None:
    one, two = wheel(tmp_path / "in", needs=GPU), wheel(tmp_path / "in", tags="py2-none-any", needs=GPU)
    [made] = fixed(tmp_path / "fixed", one)
    other = wheel(tmp_path / "in", version="2.0")
    assert statuses(add(mirror, made, two, other)) == ["mixed-release", "mixed-release", "added"]
    assert has_no_findings(mirror)
    assert statuses(add(mirror, made)) == ["added"]
    [refused] = add(mirror, two)
    assert refused.problem is not None
    assert refused.problem.code == "mixed-release"
    assert f"would no longer agree on nvidia-cudnn-cu12: {made.name} was fixed" in refused.problem.message
    assert has_no_findings(mirror)
    assert statuses(add(mirror, two, allow_mixed=True)) == ["added"]
    assert {each.code for each in check_mirror(mirror).findings} == {"release-disagrees", "gpu-requirements"}
    assert statuses(add(mirror, wheel(tmp_path / "in", version="3.0"))) == ["added"]


def test_wheels_that_disagree_as_they_came_are_listed_with_a_note(mirror: Path, tmp_path: Path) -> None:
    """A release such as torch 2.0.1, whose wheels never agreed: a mirror does not make that worse."""
    one, two = wheel(tmp_path / "in", needs=["six", *GPU]), wheel(tmp_path / "in", tags="py2-none-any", needs=GPU)
    found = add(mirror, one, two)
    assert statuses(found) == ["added", "added"]
    note = f"The wheels of demo 1.0 disagreed before the run: six, not required by {two.name}."
    assert [each.notes for each in found] == [(note,), (note,)]
    both = fixed(tmp_path / "fixed", one, two, build_tag="1nogpu")
    found = add(mirror, *both, yank_original="gpu")
    assert statuses(found) == ["added", "added", "yanked", "yanked"]
    assert "disagreed before the run: six" in found[0].notes[-1]


def test_wheels_that_meet_in_one_version_must_agree(mirror: Path, tmp_path: Path) -> None:
    """A label puts wheels of two releases into one: they had nothing to disagree on before."""
    gpu, listed = wheel(tmp_path / "in", needs=["six", *GPU]), wheel(tmp_path / "in", version="1.0+cpu", tags="py2-none-any")
    [made] = fixed(tmp_path / "fixed", gpu, local="cpu")
    assert statuses(add(mirror, listed)) == ["added"]
    assert statuses(add(mirror, made)) == ["mixed-release"]
    assert statuses(add(mirror, made, allow_mixed=True)) == ["added"]


def test_a_fixed_wheel_that_was_lost_keeps_its_release_out(mirror: Path, tmp_path: Path) -> None:
    one, two = wheel(tmp_path / "in", needs=GPU), wheel(tmp_path / "in", tags="py2-none-any", needs=GPU)
    [made] = fixed(tmp_path / "fixed", one)
    [done] = add(mirror, made)
    (mirror / str(done.path)).unlink()
    assert statuses(add(mirror, two)) == ["no-wheel"]


def fixed(folder: Path, *paths: Path, **options: Any) -> list[Path]:
    report = fix_wheels(paths, **values(output_dir=folder, allow_unproven=True, **options))
    return [each.output for each in report.outcomes if each.output]


def test_the_original_is_listed_yanked(mirror: Path, tmp_path: Path) -> None:
    original = wheel(tmp_path / "in", needs=GPU)
    [made] = fixed(tmp_path / "fixed", original, build_tag="1nogpu")
    done = add(mirror, made, yank_original="pulls in CUDA", originals=[original])
    assert statuses(done) == ["added", "yanked"]
    assert {file["filename"]: file["yanked"] for file in page(mirror)["files"]} == {
        original.name: "pulls in CUDA",
        made.name: False,
    }
    assert has_no_findings(mirror)


def test_the_original_that_is_there_is_yanked(mirror: Path, tmp_path: Path) -> None:
    original = wheel(tmp_path / "in", needs=GPU)
    [made] = fixed(tmp_path / "fixed", original, local="cpu")
    add(mirror, original)
    assert statuses(add(mirror, made)) == ["added"]  # of another version
    assert {each.code for each in check_mirror(mirror).findings} == {"original-not-yanked", "gpu-requirements"}
    assert statuses(add(mirror, made, yank_original="gpu")) == ["unchanged", "yanked"]
    assert has_no_findings(mirror)


def test_an_original_of_the_same_name_is_reported(mirror: Path, tmp_path: Path) -> None:
    original = wheel(tmp_path / "in", needs=GPU)
    [made] = fixed(tmp_path / "fixed", original)
    [done] = add(mirror, made, yank_original="gpu", originals=[original])
    assert any("has the same name" in note for note in done.notes)
    [other] = fixed(tmp_path / "other", original, local="cpu")
    [other_done] = add(mirror, other, yank_original="gpu")
    assert any("serves demo-1.0-py3-none-any.whl with other bytes" in note for note in other_done.notes)


@pytest.mark.parametrize("original", ["nothing", "another", "damaged", "missing"])
def test_an_original_that_is_not_at_hand_is_reported(original: str, mirror: Path, tmp_path: Path) -> None:
    """And keeps no wheel out, of this release or of another."""
    first = wheel(tmp_path / "in", needs=GPU)
    [made] = fixed(tmp_path / "fixed", first, local="cpu")
    given = {
        "nothing": [],
        "another": [wheel(tmp_path / "b", needs=["six"])],
        "damaged": [tmp_path / "c" / first.name],
        "missing": [tmp_path / "d" / first.name, tmp_path / "d" / first.name],
    }[original]
    if original == "damaged":
        given[0].parent.mkdir()
        given[0].write_bytes(b"no zip")
    done = add(mirror, made, wheel(tmp_path / "in", version="9.0"), yank_original="gpu", originals=given)
    assert statuses(done) == ["added", "added"]
    assert any("there is no demo-1.0-py3-none-any.whl with its sha256" in note for note in done[0].notes)
    assert statuses(add(mirror, made, yank_original="gpu", originals=[*given, first])) == ["unchanged", "yanked"]


def test_yank_and_unyank(mirror: Path, tmp_path: Path) -> None:
    add(mirror, wheel(tmp_path / "in"), wheel(tmp_path / "in", version="2.0"))
    assert yank_files(mirror, "demo", "a\rb\0\n\x9b").ok
    assert [file["yanked"] for file in page(mirror)["files"]] == [r"a\rb\x00\n\x9b"] * 2  # no parser of HTML keeps these
    assert unyank_files(mirror, "demo").ok
    report = yank_files(mirror, "Demo==1.*", "because")
    assert [(each.filename, each.status) for each in report.files] == [("demo-1.0-py3-none-any.whl", PublishStatus.YANKED)]
    assert [file["yanked"] for file in page(mirror)["files"]] == ["because", False]
    assert has_no_findings(mirror)
    report = unyank_files(mirror, "demo")
    assert [each.status for each in report.files] == [PublishStatus.UNYANKED, PublishStatus.UNCHANGED]
    assert has_no_findings(mirror)


def test_remove(mirror: Path, tmp_path: Path) -> None:
    paths = [wheel(tmp_path / "in"), wheel(tmp_path / "in", version="2.0"), wheel(tmp_path / "in", project="other")]
    add(mirror, *paths)
    remove_files(mirror, "demo-1.0-py3-none-any.whl")
    assert [file["filename"] for file in page(mirror)["files"]] == ["demo-2.0-py3-none-any.whl"]
    assert has_no_findings(mirror)
    remove_files(mirror, "demo")
    assert [each.project for each in list_pages(mirror)] == ["other"]
    assert names(mirror / "public/simple") == ["index.html", "index.json", "other"]
    assert names(mirror / "public/files") == ["other"]
    assert has_no_findings(mirror)


@pytest.mark.parametrize(
    ("selection", "code"),
    [
        ("demo==3", "nothing-selected"),
        ("nosuch", "nothing-selected"),
        ("demo-9-py3-none-any.whl", "nothing-selected"),
        ("x.whl", "bad-selection"),
        ("../demo", "bad-selection"),
        ("demo; python_version > '3'", "bad-selection"),
        ("", "bad-selection"),
    ],
)
def test_selections_that_select_nothing(selection: str, code: str, mirror: Path, tmp_path: Path) -> None:
    add(mirror, wheel(tmp_path / "in"))
    with pytest.raises(MirrorError) as caught:
        yank_files(mirror, selection)
    assert caught.value.code == code


def test_a_misspelled_project_gets_a_suggestion(mirror: Path, tmp_path: Path) -> None:
    add(mirror, wheel(tmp_path / "in"))
    for run in (lambda: yank_files(mirror, "deno"), lambda: list(list_pages(mirror, "deno"))):
        with pytest.raises(MirrorError) as caught:
            run()
        assert caught.value.hint == "Did you mean demo?"


def test_no_mirror(tmp_path: Path) -> None:
    with pytest.raises(MirrorError) as caught:
        list(list_pages(tmp_path))
    assert caught.value.code == "not-a-mirror"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(MirrorError, match="nowhere does not exist"):
        list(list_pages(tmp_path / "nowhere"))


@pytest.mark.parametrize("transfer", ["copy", "link", "move"])
def test_how_a_wheel_gets_there(transfer: str, mirror: Path, tmp_path: Path) -> None:
    path = wheel(tmp_path / "in")
    data = path.read_bytes()
    [done] = add(mirror, path, transfer=transfer)
    assert done.path is not None
    assert (mirror / done.path).read_bytes() == data
    assert path.exists() is (transfer != "move")
    if transfer == "link":
        assert path.samefile(mirror / done.path)
    if transfer == "copy":
        assert not path.samefile(mirror / done.path)


class _Seen(NoProgress):
    """What became of files."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def wheel_done(self, outcome: Outcome) -> None:
        self.events.append(outcome.source)

    def file_published(self, published: Published) -> None:
        self.events.append(published)


def test_each_file_that_is_published_is_reported(mirror: Path, tmp_path: Path) -> None:
    paths, seen = [wheel(tmp_path / "in", needs=GPU), wheel(tmp_path / "in", project="other")], _Seen()
    _, published = fix_into_mirror(mirror, paths, policy=Policy(allow_unproven=True), progress=seen)
    assert seen.events == [*paths, *published.files]
    assert [each.source for each in published.files] == paths


def test_correct_and_publish_in_one_step(mirror: Path, tmp_path: Path) -> None:
    paths = [wheel(tmp_path / "in", needs=GPU), wheel(tmp_path / "in", project="other")]
    bad = tmp_path / "in" / "bad-1.0-py3-none-any.whl"
    bad.write_bytes(b"no zip")
    report, published = fix_into_mirror(mirror, [*paths, bad], policy=Policy(allow_unproven=True))
    assert [each.status.value for each in report.outcomes] == ["fixed", "unchanged", "refused"]
    assert [each.status for each in published.files] == [PublishStatus.ADDED, PublishStatus.ADDED]
    assert [each.source for each in published.files] == paths
    assert report.outcomes[0].output == mirror / (published.files[0].path or "")
    [file] = page(mirror)["files"]
    [correction] = file["_wheelfix"]["corrections"]
    assert (correction["rule"], correction["verdict"]) == ("gpu/nvidia", "safe")
    assert "binaries" in correction["evidence"]
    assert correction["changes"] == [{"action": "drop", "field": "Requires-Dist", "before": GPU[0]}]
    assert names(mirror / "private") == ["journal", "locks", "scratch"]
    assert names(mirror / "private/journal") == []
    assert has_no_findings(mirror)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "mirror"]


def test_wheel_spec_is_what_is_listed(mirror: Path, tmp_path: Path) -> None:
    """Requires-Python of the wheel is what the page says."""
    spec = WheelSpec(metadata=metadata("Requires-Python: >=3.8"))
    add(mirror, write_wheel(tmp_path, spec))
    assert page(mirror)["files"][0]["requires-python"] == ">=3.8"


def test_a_damaged_file_is_put_right_by_adding_it_again(mirror: Path, tmp_path: Path) -> None:
    path = wheel(tmp_path / "in")
    [done] = add(mirror, path)
    assert done.path is not None
    there = mirror / done.path
    there.write_bytes(bytes(there.stat().st_size))
    assert statuses(add(mirror, path)) == ["unchanged"]
    assert has_no_findings(mirror)


def test_what_was_replaced_goes_with_what_is_removed(mirror: Path, tmp_path: Path) -> None:
    add(mirror, wheel(tmp_path / "a"))
    add(mirror, wheel(tmp_path / "b", files=()), replace=True)
    remove_files(mirror, "demo")
    assert list(list_pages(mirror)) == []
    assert not list((mirror / "public/files").rglob("*.whl"))
    assert has_no_findings(mirror)


def test_a_call_that_fails_takes_back_what_it_brought(mirror: Path, tmp_path: Path) -> None:
    [done] = add(mirror, wheel(tmp_path / "in", needs=["six"]))
    (mirror / f"{done.path}.metadata").unlink()
    found = add(mirror, wheel(tmp_path / "in", tags="py2-none-any"))
    assert statuses(found) == ["no-metadata-file"]
    assert len(list(mirror.rglob("*.whl"))) == 1


def test_checking_writes_nothing(mirror: Path, tmp_path: Path) -> None:
    """Not even to ask whether a workshop is in use, or what is half loaded."""
    add(mirror, wheel(tmp_path / "in"))
    for place in ("scratch/making-0/wheels", "scratch/downloads"):
        (mirror / "private" / place).mkdir(parents=True)
    (mirror / "private/scratch/making-0/in-use.lock").touch()
    (mirror / "private/scratch/downloads/0.part").write_bytes(b"x")
    before = {path: path.stat().st_mtime_ns for path in mirror.rglob("*")}
    assert {each.place for each in check_mirror(mirror).findings} == {"private/scratch/making-0"}
    assert {path: path.stat().st_mtime_ns for path in mirror.rglob("*")} == before
    assert check_mirror(mirror, fix=True).findings == ()
    assert (mirror / "private/scratch/downloads/0.part").exists()
    assert not (mirror / "private/scratch/making-0").exists()


def test_what_is_refused_leaves_no_trace(mirror: Path, tmp_path: Path) -> None:
    """A corrected wheel is refused for its siblings: its original is not yanked, and what another one replaced is known."""
    original = wheel(tmp_path / "in", needs=GPU)
    other = wheel(tmp_path / "in", tags="py2-none-any", needs=GPU)
    first, second = wheel(tmp_path / "in", version="2.0"), wheel(tmp_path / "b", version="2.0", files=())
    add(mirror, original, other, first, allow_mixed=True)
    before = page(mirror)
    [made] = fixed(tmp_path / "fixed", original, build_tag="1nogpu")
    found = add(mirror, made, second, yank_original="gpu", replace=True)
    assert statuses(found) == ["mixed-release", "replaced"]
    after = page(mirror)
    assert [file for file in after["files"] if "-1.0-" in file["filename"]] == [
        file for file in before["files"] if "-1.0-" in file["filename"]
    ]
    assert [file["filename"] for file in after["_wheelfix-past"]] == [first.name]
    assert {each.code for each in check_mirror(mirror).findings} == {"gpu-requirements"}


def test_strays_are_reported_and_stay(mirror: Path, tmp_path: Path) -> None:
    """Who can tell whether a page listed them once."""
    add(mirror, wheel(tmp_path / "in"))
    places = ("public/files/a.whl", "public/files/Not A Project/x/a.whl", "public/files/demo/a.whl")
    for place in places:
        (mirror / place).parent.mkdir(parents=True, exist_ok=True)
        (mirror / place).touch()
    found = check_mirror(mirror, fix=True).findings
    assert {(each.code, each.place, each.fixable) for each in found} == {("unlisted", place, False) for place in places}
    assert all((mirror / place).exists() for place in places)


@pytest.mark.parametrize("lost", ["public/simple/demo", "public/simple", "public/simple/demo/index.json"])
def test_no_wheel_of_a_lost_page_is_removed(lost: str, mirror: Path, tmp_path: Path) -> None:
    """Not by any number of runs; and added again, from where they lie, they are listed again."""
    add(mirror, wheel(tmp_path / "in"), wheel(tmp_path / "in", project="other"))
    if lost.endswith(".json"):
        (mirror / lost).unlink()
    else:
        shutil.rmtree(mirror / lost)
        (mirror / "public/simple").mkdir(exist_ok=True)
    for _ in range(3):
        check_mirror(mirror, fix=True)
    wheels = sorted(mirror.glob("public/files/*/*/*.whl"))
    assert len(wheels) == 2
    assert statuses(add(mirror, *wheels)) == ["added", "added" if lost == "public/simple" else "unchanged"]
    assert has_no_findings(mirror)


LEFT = "public/files/demo/0123456789abcdef/demo-1.5-py3-none-any.whl"


def leave(mirror: Path, state: str) -> ProjectJournal:
    """Leave a file as an interrupted call would, and notes that are damaged, or hostile."""
    notes = ProjectJournal(LocalStore(mirror), "demo")
    notes.note(["public/files/demo/cut o"], state)
    with (mirror / "private/journal/demo").open("a") as opened:
        opened.write(f"{state} public/files/demo/0123456789abcdef/demo-1.")
    notes.note([LEFT, "public/simple/demo/index.json", "../in/demo-2.0-py3-none-any.whl"], state)
    for place in (LEFT, f"{LEFT}.metadata"):
        (mirror / place).parent.mkdir(parents=True, exist_ok=True)
        (mirror / place).touch()
    return notes


def test_the_next_run_removes_what_an_interrupted_one_left(mirror: Path, tmp_path: Path) -> None:
    one, two = wheel(tmp_path / "in"), wheel(tmp_path / "in", version="2.0")
    add(mirror, one)
    notes = leave(mirror, ProjectJournal(LocalStore(mirror), "demo").state())
    assert notes.removable() >= {LEFT, f"{LEFT}.metadata"}
    assert all(place.startswith("public/files/demo/") for place in notes.removable())
    add(mirror, two)
    assert has_no_findings(mirror)
    assert not (mirror / LEFT).exists()
    assert two.exists()
    assert notes.removable() == frozenset()
    assert names(mirror / "private/journal") == []


@pytest.mark.parametrize("page_is", ["another", "lost", "lost with the root", "damaged"])
def test_a_note_counts_only_with_the_page_that_it_was_made_for(page_is: str, mirror: Path, tmp_path: Path) -> None:
    """A backup of the pages was put back, or they are lost: then the file may have been listed."""
    add(mirror, wheel(tmp_path / "in"), wheel(tmp_path / "in", version="2.0"))
    leave(mirror, ProjectJournal(LocalStore(mirror), "demo").state())
    path = mirror / "public/simple/demo/index.json"
    if page_is == "another":
        remove_state = json.loads(path.read_bytes())
        path.write_text(json.dumps(remove_state))
    elif page_is == "damaged":
        path.write_bytes(b"")
    else:
        shutil.rmtree(mirror / ("public/simple" if page_is == "lost with the root" else "public/simple/demo"))
        (mirror / "public/simple").mkdir(exist_ok=True)
    check_mirror(mirror, fix=True)
    add(mirror, wheel(tmp_path / "in", version="3.0"))
    with contextlib.suppress(MirrorError):
        yank_files(mirror, "demo")
    check_mirror(mirror, fix=True)
    assert (mirror / LEFT).exists()
    assert len(list(mirror.glob("public/files/demo/*/*.whl"))) >= 3


@pytest.mark.parametrize("why", ["root damaged", "root locked"])
def test_a_removal_that_failed_is_forgotten(why: str, mirror: Path, tmp_path: Path) -> None:
    """The wheels are still listed: if their page is lost one day, that is another story."""
    add(mirror, wheel(tmp_path / "in"), wheel(tmp_path / "in", version="2.0"))
    root = mirror / "public/simple/index.json"
    before = root.read_bytes()
    with contextlib.ExitStack() as stack:
        if why == "root damaged":
            root.write_bytes(b"")
        else:
            stack.enter_context(LocalStore(mirror).locked(".root", 1))
        with pytest.raises(MirrorError):
            remove_files(mirror, "demo", limits=Limits(lock_seconds=0.05))
    root.write_bytes(before)
    shutil.rmtree(mirror / "public/simple/demo")
    add(mirror, wheel(tmp_path / "in", version="3.0"))
    check_mirror(mirror, fix=True)
    assert len(list(mirror.glob("public/files/demo/*/*.whl"))) == 3


def test_a_leftover_that_cannot_be_removed_stops_nobody(mirror: Path, tmp_path: Path) -> None:
    add(mirror, wheel(tmp_path / "in"))
    leave(mirror, ProjectJournal(LocalStore(mirror), "demo").state())
    shutil.rmtree(mirror / LEFT.rpartition("/")[0])
    (tmp_path / "outside").mkdir()
    (mirror / LEFT.rpartition("/")[0]).symlink_to(tmp_path / "outside")
    assert statuses(add(mirror, wheel(tmp_path / "in", version="2.0"))) == ["added"]
    assert {each.code for each in check_mirror(mirror).findings} == {"link-outside"}
    (mirror / LEFT.rpartition("/")[0]).unlink()
    add(mirror, wheel(tmp_path / "in", version="3.0"))
    assert has_no_findings(mirror)


def test_an_original_is_copied_whatever_becomes_of_the_fixed_wheel(mirror: Path, tmp_path: Path) -> None:
    """The corrected one is moved into the mirror; the original is the user's."""
    original = wheel(tmp_path / "in", needs=GPU)
    original.chmod(0o600)
    _, published = fix_into_mirror(
        mirror, original, naming=Naming(build_tag="1nogpu"), publishing=Publishing(yank_original="gpu")
    )
    assert [each.status.value for each in published.files] == ["added", "yanked"]
    status = original.stat()
    assert (status.st_mode & 0o777, status.st_nlink) == (0o600, 1)


@pytest.mark.parametrize("order", ["original first", "corrected first"])
def test_of_an_original_and_what_was_made_from_it_the_latter_is_served(order: str, mirror: Path, tmp_path: Path) -> None:
    """As when the wheels of a lost page are added again, from where they lie."""
    original = wheel(tmp_path / "in", needs=GPU)
    [made] = fixed(tmp_path / "fixed", original)
    add(mirror, original)
    add(mirror, made, replace=True)
    shutil.rmtree(mirror / "public/simple")
    paths = sorted(mirror.glob("public/files/demo/*/*.whl"), key=lambda path: path.read_bytes() == original.read_bytes())
    add(mirror, *(reversed(paths) if order == "original first" else paths))
    [file] = page(mirror)["files"]
    assert file["hashes"]["sha256"] == hashlib.sha256(made.read_bytes()).hexdigest()
    assert len(list(mirror.glob("public/files/demo/*/*.whl"))) == 2


def edit_page(mirror: Path, old: str, new: str, project: str = "demo") -> None:
    path = mirror / "public/simple" / project / "index.json"
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))


def test_a_page_that_was_edited_leads_no_writer_to_files_of_others(mirror: Path, tmp_path: Path) -> None:
    one, other = wheel(tmp_path / "in"), wheel(tmp_path / "in", project="other")
    [done, theirs] = add(mirror, one, other)
    before = (mirror / str(theirs.path)).read_bytes()
    edit_page(mirror, url_of(str(done.path)), url_of(str(theirs.path)))
    assert {each.code for each in check_mirror(mirror).findings} == {"file-elsewhere", "html-differs"}
    assert statuses(add(mirror, one)) == ["unchanged"]
    assert has_no_findings(mirror)
    edit_page(mirror, url_of(str(done.path)), url_of(str(theirs.path)))
    remove_files(mirror, "demo")
    assert (mirror / str(theirs.path)).read_bytes() == before
    assert {each.code for each in check_mirror(mirror).findings} == {"page-missing"}  # its own wheel was never unlisted


def test_what_is_refused_is_not_listed(mirror: Path, tmp_path: Path) -> None:
    """The page that lists all projects is damaged: the project's own page must not list the wheel either."""
    add(mirror, wheel(tmp_path / "in"))
    root = mirror / "public/simple/index.json"
    root.write_text(root.read_text()[:-5])
    for path in (wheel(tmp_path / "in", version="2.0"), wheel(tmp_path / "in", project="other")):
        assert statuses(add(mirror, path)) == ["bad-page"]
    assert [each["filename"] for each in page(mirror)["files"]] == ["demo-1.0-py3-none-any.whl"]
    assert len(list(mirror.rglob("*.whl"))) == 1
    check_mirror(mirror, fix=True)
    assert has_no_findings(mirror)


def test_a_lost_root_is_made_from_the_pages(mirror: Path, tmp_path: Path) -> None:
    add(mirror, wheel(tmp_path / "in"), wheel(tmp_path / "in", project="other"))
    (mirror / "public/simple/index.json").unlink()
    add(mirror, wheel(tmp_path / "in", project="third"))
    assert [each.project for each in list_pages(mirror)] == ["demo", "other", "third"]
    assert has_no_findings(mirror)


def test_two_wheels_of_one_call_that_are_the_same(mirror: Path, tmp_path: Path) -> None:
    one, two = wheel(tmp_path / "in", needs=["six"]), wheel(tmp_path / "b", needs=["seven"])
    sibling, copy = wheel(tmp_path / "in", tags="py2-none-any", needs=["seven"]), tmp_path / "c" / one.name
    copy.parent.mkdir()
    shutil.copy(one, copy)
    found = add(mirror, one, two, copy, sibling, replace=True)
    assert statuses(found) == ["given-twice", "given-twice", "given-twice", "added"]
    assert [path.name for path in mirror.rglob("*.whl")] == [sibling.name]


def test_spellings_of_one_release_are_compared(mirror: Path, tmp_path: Path) -> None:
    [made] = fixed(tmp_path / "fixed", wheel(tmp_path / "in", needs=GPU))
    add(mirror, made)
    spelled = wheel(tmp_path / "in", version="1.0.0", tags="py2-none-any", needs=GPU)
    assert statuses(add(mirror, spelled)) == ["mixed-release"]


def test_a_lost_metadata_file_keeps_only_its_own_release_out(mirror: Path, tmp_path: Path) -> None:
    [done] = add(mirror, wheel(tmp_path / "in", needs=["six"]))
    (mirror / f"{done.path}.metadata").unlink()
    found = add(mirror, wheel(tmp_path / "in", tags="py2-none-any"), wheel(tmp_path / "in", version="9.0"))
    assert statuses(found) == ["no-metadata-file", "added"]


def test_an_original_that_is_listed_again_is_reported(mirror: Path, tmp_path: Path) -> None:
    original = wheel(tmp_path / "in", needs=GPU)
    [made] = fixed(tmp_path / "fixed", original, build_tag="1nogpu")
    add(mirror, made, yank_original="gpu", originals=[original])
    [done] = unyank_files(mirror, original.name).files
    assert any("resolvers may choose either" in note for note in done.notes)


def test_a_damaged_file_is_brought_back(mirror: Path, tmp_path: Path) -> None:
    path = wheel(tmp_path / "in")
    [done] = add(mirror, path)
    for spoil in ((mirror / str(done.path)).unlink, lambda: (mirror / str(done.path)).write_bytes(b"x")):
        spoil()
        [again] = add(mirror, path)
        assert any("is restored" in note for note in again.notes)
        assert has_no_findings(mirror)


def test_files_of_the_past_are_looked_at(mirror: Path, tmp_path: Path) -> None:
    [first] = add(mirror, wheel(tmp_path / "in"))
    add(mirror, wheel(tmp_path / "new", files=()), replace=True)
    assert has_no_findings(mirror)
    past = mirror / str(first.path)
    data = past.read_bytes()
    past.write_bytes(data[:-1] + b"x")
    assert {each.code for each in check_mirror(mirror).findings} == {"past-missing"}
    assert check_mirror(mirror, quick=True).findings == ()
    past.unlink()
    assert {each.code for each in check_mirror(mirror, quick=True).findings} == {"past-missing"}


@pytest.mark.parametrize("name", [".well-known", "lost+found", "Not A Project"])
def test_what_is_no_project_in_the_index_is_passed_over(name: str, mirror: Path, tmp_path: Path) -> None:
    add(mirror, wheel(tmp_path / "in"))
    (mirror / "public/simple" / name).mkdir()
    (mirror / "public/simple/index.html").unlink()
    assert check_mirror(mirror, fix=True).findings == ()
    assert list((mirror / "public/simple" / name).iterdir()) == []


@pytest.mark.parametrize("transfer", ["copy", "link"])
def test_a_server_that_runs_as_another_user_can_read_all(transfer: str, mirror: Path, tmp_path: Path) -> None:
    """Whatever the umask of the job is, and whoever may read the wheels that it was given."""
    path = wheel(tmp_path / "in")
    path.chmod(0o600)
    before = os.umask(0o077)
    try:
        add(mirror, path, transfer=transfer)
    finally:
        os.umask(before)
    served = [mirror, mirror / "public", *(mirror / "public").rglob("*")]
    assert all(each.stat().st_mode & 0o005 == (0o005 if each.is_dir() else 0o004) for each in served)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_of_other_things_becomes_no_mirror(mirror: Path, tmp_path: Path) -> None:
    path = wheel(tmp_path / "in")
    for call in (add, fix_into_mirror):
        with pytest.raises(MirrorError, match="the directory is not empty"):
            call(tmp_path / "in", path)
    assert names(tmp_path / "in") == [path.name]
    add(mirror, path, wheel(tmp_path / "in", project="public"))  # whose directory looks like one of a mirror
    for part in ("public", "public/simple", "public/simple/demo", "public/files", "private"):
        with pytest.raises(MirrorError, match="it is a part of one") as caught:
            add(mirror / part, path)
        assert caught.value.hint == f"Name the mirror itself: {mirror}."
    with pytest.raises(MirrorError, match="Name the mirror itself"):
        check_mirror(mirror / "public/files")
    assert has_no_findings(mirror)
    (tmp_path / "empty").mkdir()
    assert statuses(add(tmp_path / "empty", path)) == ["added"]


@pytest.mark.parametrize("top", ["", "public/"])
def test_the_index_of_another_tool_is_not_written_over(top: str, tmp_path: Path) -> None:
    """Such as that of bandersnatch, dumb-pypi or pip2pi: its page would list nothing, or what was added."""
    folder, path = tmp_path / "web", wheel(tmp_path / "in")
    pages = {f"{top}simple/index.html": "<a href='demo/'>demo</a>", f"{top}simple/demo/index.html": "<a href='x'>x</a>"}
    for place, text in pages.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text)
    calls: list[Callable[[], object]] = [
        lambda: add(folder, path),
        lambda: fix_into_mirror(folder, path),
        lambda: check_mirror(folder, fix=True),
        lambda: remove_files(folder, "demo"),
    ]
    for call in calls:
        with pytest.raises(MirrorError, match="it has an index that wheelfix did not write"):
            call()
    assert {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()} == pages.keys()
    assert all((folder / place).read_text() == text for place, text in pages.items())


def test_a_copy_of_what_is_served_is_a_mirror(mirror: Path, tmp_path: Path) -> None:
    add(mirror, wheel(tmp_path / "in"))
    shutil.rmtree(mirror / "private")
    (mirror / "public/simple/index.json").unlink()
    assert check_mirror(mirror, fix=True).findings == ()
    shutil.rmtree(mirror / "private")
    assert statuses(add(mirror, wheel(tmp_path / "in", version="2.0"))) == ["added"]


@pytest.mark.parametrize("name", ["output_dir", "in_place", "overwrite", "dry_run"])
def test_results_go_nowhere_but_into_the_mirror(name: str, mirror: Path, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=name):
        fix_into_mirror(mirror, wheel(tmp_path / "in"), "gpu", **{name: True})  # type: ignore[arg-type]
    assert not mirror.exists()


def test_a_file_that_cannot_be_read_is_reported(mirror: Path, tmp_path: Path) -> None:
    [done] = add(mirror, wheel(tmp_path / "in"))
    metadata_file = mirror / f"{done.path}.metadata"
    metadata_file.unlink()
    metadata_file.mkdir()
    found = [(each.code, each.place) for each in check_mirror(mirror).findings]
    assert found == [("in-the-way", f"{done.path}.metadata")]


def test_a_file_of_another_project_is_reported(mirror: Path, tmp_path: Path) -> None:
    [done] = add(mirror, wheel(tmp_path / "in"))
    name = "other-1.0-py3-none-any.whl"
    (mirror / str(done.path)).rename((mirror / str(done.path)).with_name(name))
    edit_page(mirror, "demo-1.0-py3-none-any.whl", name)
    assert "file-of-another-project" in {each.code for each in check_mirror(mirror).findings}


def test_a_page_with_what_is_no_wheel_can_be_changed(mirror: Path, tmp_path: Path) -> None:
    add(mirror, wheel(tmp_path / "in"), wheel(tmp_path / "in", version="2.0"))
    edit_page(mirror, "demo-1.0-py3-none-any.whl", "demo-1.0.win32.exe")
    [done] = yank_files(mirror, "demo==2.0").files
    assert done.status is PublishStatus.YANKED
    assert "file-of-another-project" in {each.code for each in check_mirror(mirror).findings}


def test_list_takes_what_yank_takes(mirror: Path, tmp_path: Path) -> None:
    add(mirror, wheel(tmp_path / "in"), wheel(tmp_path / "in", version="2.0"), wheel(tmp_path / "in", project="other"))
    [found] = list_pages(mirror, ["Demo==2.*"])
    assert [each.filename for each in found.files] == ["demo-2.0-py3-none-any.whl"]
    assert [each.project for each in list_pages(mirror, ["other", "demo-1.0-py3-none-any.whl"])] == ["other", "demo"]
    with pytest.raises(MirrorError, match="nosuch"):
        list(list_pages(mirror, ["nosuch"]))


def test_wheels_that_are_served_are_not_reported_as_failed(mirror: Path, tmp_path: Path) -> None:
    """JSON says that they are there; what could not be written behind it is named."""
    paths = [wheel(tmp_path / "in"), wheel(tmp_path / "in", version="2.0")]
    with failing("index.html"):
        report = add_wheels(mirror, paths)
    assert [each.status for each in report.files] == [PublishStatus.ADDED, PublishStatus.ADDED]
    assert not report.ok
    assert [each["filename"] for each in page(mirror)["files"]] == [path.name for path in paths]
    problem = report.files[0].problem
    assert problem is not None
    assert (problem.code, problem.message) == (
        "page-not-written",
        "public/simple/demo/index.json is written, but public/simple/demo/index.html, public/simple/index.json could not be "
        "written: No space left on device",
    )
    assert statuses(add(mirror, paths[0])) == ["unchanged"]
    assert has_no_findings(mirror)


def test_pages_that_are_behind_are_brought_on_by_fix(mirror: Path, tmp_path: Path) -> None:
    with failing("index.html"):
        add(mirror, wheel(tmp_path / "in"))
    assert check_mirror(mirror, fix=True).findings == ()


def test_wheels_of_which_json_does_not_say_that_they_are_there_failed(mirror: Path, tmp_path: Path) -> None:
    with failing("index.json"):
        found = add(mirror, wheel(tmp_path / "in"))
    assert statuses(found) == ["enospc"]
    assert not found[0].is_listed
    assert not list(mirror.rglob("*.whl"))


@pytest.mark.parametrize("change", [yank_files, remove_files])
def test_what_was_changed_is_reported_though_a_page_behind_it_was_not_written(
    change: Callable[..., PublishReport], mirror: Path, tmp_path: Path
) -> None:
    add(mirror, wheel(tmp_path / "in"), wheel(tmp_path / "in", version="2.0"))
    with failing("index.html"):
        report = change(mirror, "demo==1.0")
    [done] = report.files
    assert done.status is (PublishStatus.YANKED if change is yank_files else PublishStatus.REMOVED)
    assert done.problem is not None
    assert "public/simple/demo/index.html could not be written" in done.problem.message
    assert check_mirror(mirror, fix=True).findings == ()


@pytest.mark.parametrize("left", ["only a note", "a file", "a listed file"])
def test_fix_leaves_no_note_of_an_interrupted_run(left: str, mirror: Path, tmp_path: Path) -> None:
    """Also before the first page, where there is nothing but what the run left."""
    notes = ProjectJournal(LocalStore(mirror), "demo")
    if left == "only a note":
        notes.note([LEFT], "none")
    elif left == "a file":
        leave(mirror, "none")
    else:
        [done] = add(mirror, wheel(tmp_path / "in"))
        notes.note([str(done.path)], notes.state())
    assert check_mirror(mirror, fix=True).findings == ()
    assert names(mirror / "private/journal") == []
    assert not (mirror / LEFT).exists()
    if left == "a listed file":
        assert json.loads((mirror / "public/simple/index.json").read_bytes())["projects"] == [{"name": "demo"}]
    assert has_no_findings(mirror)


@pytest.mark.parametrize("through", ["itself", "a linked directory", "a link", "a damaged one"])
def test_a_file_that_the_mirror_serves_is_not_moved_away(through: str, mirror: Path, tmp_path: Path) -> None:
    path = wheel(tmp_path / "in")
    data = path.read_bytes()
    [done] = add(mirror, path)
    served = mirror / str(done.path)
    given = served
    if through == "a linked directory":
        (tmp_path / "short").symlink_to(served.parent)
        given = tmp_path / "short" / served.name
    elif through == "a link":
        given = tmp_path / served.name
        given.symlink_to(served)
    elif through == "a damaged one":  # another wheel lies where the page says that this one is
        served.write_bytes(wheel(tmp_path / "b", files=()).read_bytes())
        add(mirror, given, transfer="move", replace=True)
        assert served.exists()
        return
    [again] = add(mirror, given, transfer="move")
    assert again.status is PublishStatus.UNCHANGED
    assert served.read_bytes() == data
    assert given.exists() is (through != "a link")
    assert has_no_findings(mirror)


@pytest.mark.parametrize("other", ["symbolic", "hard"])
def test_no_other_name_leads_to_what_was_moved(other: str, mirror: Path, tmp_path: Path) -> None:
    """Who writes to it later would write to the mirror."""
    target = wheel(tmp_path / "in")
    target.chmod(0o600)
    given = tmp_path / target.name
    if other == "symbolic":
        given.symlink_to(target)
    else:
        given.hardlink_to(target)
    [done] = add(mirror, given, transfer="move")
    assert not given.is_symlink()
    assert not given.exists()
    served = mirror / str(done.path)
    assert not target.samefile(served)
    assert (served.stat().st_nlink, target.stat().st_mode & 0o777) == (1, 0o600)
    assert served.read_bytes() == target.read_bytes()


def test_the_file_of_another_user_is_copied_and_then_moved_away(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be made readable, and its owner could go on writing to what the mirror serves."""
    path = wheel(tmp_path / "in")
    path.chmod(0o600)
    with path.open("rb") as its:
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
        [done] = add(mirror, path, transfer="move")
        assert (done.status, done.problem) == (PublishStatus.ADDED, None)
        served = (mirror / str(done.path)).stat()
        assert not path.exists()
        assert os.fstat(its.fileno()).st_mode & 0o777 == 0o600
        assert (os.fstat(its.fileno()).st_ino != served.st_ino, served.st_mode & 0o777) == (True, 0o644)
    assert has_no_findings(mirror)


def test_a_wheel_that_cannot_be_moved_away_is_in_the_mirror_all_the_same(mirror: Path, tmp_path: Path) -> None:
    path = wheel(tmp_path / "in")
    real = Path.unlink

    def unlink(self: Path, missing_ok: bool = False) -> None:
        if self == path:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        real(self, missing_ok)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", unlink)
        [done] = add(mirror, path, transfer="move")
    assert (done.status, done.problem) == (PublishStatus.ADDED, None)
    assert any("its source could not be removed: Permission denied" in note for note in done.notes)
    assert has_no_findings(mirror)


def test_a_page_that_cannot_be_read_makes_no_file_unlisted(mirror: Path, tmp_path: Path) -> None:
    """Nobody knows what it lists: "delete it if nobody misses it" would be the wrong advice."""
    add(mirror, wheel(tmp_path / "in"))
    path = mirror / "public/simple/demo/index.json"
    path.unlink()
    path.mkdir()
    assert {each.code for each in check_mirror(mirror).findings} == {"in-the-way"}


def test_the_next_run_removes_what_a_killed_one_left(mirror: Path, tmp_path: Path) -> None:
    [done] = add(mirror, wheel(tmp_path / "in"))
    stale = [mirror / "public/simple", mirror / "public/simple/demo", mirror / f"{done.path}/.."]
    for folder in stale:
        (folder.resolve() / f".wheelfix-{'0' * 16}.part").touch()
    assert {each.code for each in check_mirror(mirror).findings} == {"leftover"}
    (mirror / str(done.path)).write_bytes(b"damaged")
    add(mirror, tmp_path / "in/demo-1.0-py3-none-any.whl", wheel(tmp_path / "in", version="2.0"))
    assert [*(mirror / "public/simple/demo").glob(".*.part")] == []
    add(mirror, wheel(tmp_path / "in", project="other"))
    assert has_no_findings(mirror)


def test_what_a_process_is_writing_is_no_leftover(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    add(mirror, wheel(tmp_path / "in"))
    with StagedFile(mirror / "public/simple/demo", 0o644) as staged:
        assert staged.path.name.endswith(".part")
        assert has_no_findings(mirror)
        add(mirror, wheel(tmp_path / "in", version="2.0"))
        assert staged.path.exists()


@pytest.mark.parametrize("executor", [False, True])
def test_wheels_are_examined_several_at_a_time(executor: bool, mirror: Path, tmp_path: Path) -> None:
    """Each has one result, in the order in which they were given, whatever became of the others."""
    paths = [wheel(tmp_path / "in", version=f"{number}.0") for number in range(4)]
    paths[1].write_bytes(b"no zip")
    with ThreadPoolExecutor(2) as pool:
        report = add_wheels(mirror, paths, executor=pool) if executor else add_wheels(mirror, paths, jobs=2)
    assert [each.source for each in report.files] == paths
    assert statuses(list(report.files)) == ["added", "invalid-wheel", "added", "added"]
    assert has_no_findings(mirror)


def test_a_wheel_that_changes_before_it_is_copied_is_not_added(mirror: Path, tmp_path: Path) -> None:
    """What was examined is what is served: the release is decided on without it, and nothing of it stays."""
    good, bad = wheel(tmp_path / "in"), wheel(tmp_path / "in", version="2.0")

    class Writes(ThreadPoolExecutor):
        def submit(self, *arguments: Any, **options: Any) -> Any:
            future = super().submit(*arguments, **options)
            future.result()
            bad.write_bytes(good.read_bytes())
            return future

    with Writes(1) as pool:
        report = add_wheels(mirror, [bad, good], executor=pool)
    assert statuses(list(report.files)) == ["source-changed", "added"]
    assert [each["filename"] for each in page(mirror)["files"]] == [good.name]
    assert has_no_findings(mirror)


def test_a_page_that_another_writer_changed_is_not_written_over(mirror: Path, tmp_path: Path) -> None:
    """One that takes no lock, such as a person with an editor."""
    add(mirror, wheel(tmp_path / "in"))
    store = LocalStore(mirror)
    old = load_page(store, "demo")
    edit_page(mirror, '"yanked":false', '"yanked":"by hand"')
    with pytest.raises(MirrorError, match="another process changed public"):
        save_page(store, old.with_files([]), 1)
    assert page(mirror)["files"][0]["yanked"] == "by hand"


def test_a_wheel_that_is_given_twice_was_not_missing(mirror: Path, tmp_path: Path) -> None:
    one, again = wheel(tmp_path / "a"), wheel(tmp_path / "b")
    assert one.read_bytes() == again.read_bytes()
    assert [(each.status.value, each.notes) for each in add(mirror, one, again)] == [("added", ()), ("unchanged", ())]


def test_what_was_replaced_and_has_no_file_is_in_no_note(mirror: Path, tmp_path: Path) -> None:
    """The page was wrong about the sha256: nothing has that."""
    path = wheel(tmp_path / "in")
    [added] = add(mirror, path)
    page = mirror / "public/simple/demo/index.json"
    page.write_text(page.read_text().replace(added.sha256 or "", "0" * 64))
    [replaced] = add(mirror, path, replace=True)
    assert replaced.status is PublishStatus.REPLACED
    assert [note for note in replaced.notes if "None" in note or "Old locks" in note] == []
