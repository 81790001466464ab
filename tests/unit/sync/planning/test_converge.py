"""A mirror converges to its manifest: what comes, what is yanked and for which reason, what is removed, and when."""

import hashlib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from building import WheelSpec, write_wheel
from stores import MemoryStore, Objects
from syncing import Mirror, codes, contents, done, pages_of, rows
from upstreams import Upstream, pypi, pytorch
from wheelfix.errors import FilenameError, MirrorError
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.layout import attributes_of, page_key
from wheelfix.mirror.pages import BY_MIRROR, BY_SYNC, BY_UPSTREAM, Page
from wheelfix.mirror.prune import prune_mirror
from wheelfix.mirror.storage.base import Write
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import remove_files, unyank_files, yank_files
from wheelfix.options import Targets
from wheelfix.progress import NoProgress
from wheelfix.results import Outcome, PublishStatus, Severity
from wheelfix.sync.manifest.model import Local, Manifest, OnRulesChange, Source
from wheelfix.sync.model import Action
from wheelfix.sync.planning.match import match

NO_LONGER = "no longer kept by this mirror: "
LINUX, MAC = "cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-macosx_11_0_arm64"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with pypi() as found:
        for version in ("1.0", "1.1", "1.2"):
            found.add(WheelSpec(project="demo", version=version))
        yield found


@pytest.fixture(params=["directory", "bucket"])
def mirror(request: pytest.FixtureRequest, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    store = MemoryStore(tmp_path / "scratch", Objects()) if request.param == "bucket" else None
    return Mirror(tmp_path, upstream, monkeypatch, store)


@pytest.fixture
def directory(upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    return Mirror(tmp_path, upstream, monkeypatch)


def wheel(version: str) -> str:
    return f"demo-{version}-py3-none-any.whl"


def test_the_second_run_does_nothing_and_sends_conditional_requests_only(mirror: Mirror) -> None:
    first = mirror.sync()
    assert done(first) == [(PublishStatus.ADDED, wheel(version)) for version in ("1.0", "1.1", "1.2")]
    assert first.ok
    before, pages = contents(mirror.store), pages_of(mirror.store)
    for _ in range(2):
        mirror.pass_days(1)
        again = mirror.sync()
        assert not again.plan.changes
        assert rows(again.plan) == []
        assert again.files == ()
        assert again.outcomes == ()
        assert contents(mirror.store) == before
        assert [(each.conditional, each.status) for each in mirror.upstream.seen] == [(True, 304)]
        assert again.traffic.requests == again.traffic.unchanged == 1
    assert pages_of(mirror.store) == pages


def test_a_new_release_comes_and_the_oldest_makes_room_without_a_word_of_permission(mirror: Mirror) -> None:
    manifest = mirror.manifest(keep=1)
    mirror.sync(manifest)
    assert mirror.served() == ["1.2"]
    mirror.upstream.add(WheelSpec(project="demo", version="2.0"))
    report = mirror.sync(manifest)
    assert done(report) == [(PublishStatus.ADDED, wheel("2.0")), (PublishStatus.YANKED, wheel("1.2"))]
    reason = "it is not the newest release for the platforms and Pythons of the manifest"
    assert mirror.yanked() == {"1.2": NO_LONGER + reason}
    file = mirror.files()[wheel("1.2")]
    assert (file.yanked_by, file.yanked_at) == (BY_SYNC, "2026-01-01T00:00:00.000000Z")
    (row,) = report.plan.of(Action.YANK)
    assert row.reason == f"I{reason[1:]}."


def test_what_makes_room_is_removed_later_and_its_files_too(mirror: Mirror) -> None:
    manifest = mirror.manifest(keep=1)
    mirror.sync(mirror.manifest())
    mirror.sync(manifest, allow_removals=True)
    key = mirror.page().key(mirror.files()[wheel("1.0")])
    assert key is not None
    mirror.pass_days(29)
    assert rows(mirror.sync(manifest).plan) == []
    mirror.pass_days(1)
    report = mirror.sync(manifest)
    assert rows(report.plan) == [("remove", "1.0"), ("remove", "1.1")]
    assert done(report) == [(PublishStatus.REMOVED, wheel("1.0")), (PublishStatus.REMOVED, wheel("1.1"))]
    assert mirror.files().keys() == {wheel("1.2")}
    if mirror.store.is_shared:
        mirror.store.objects.pass_time(48)  # type: ignore[attr-defined]
        prune_mirror(mirror.store)
    assert mirror.store.head(key) is None
    assert rows(mirror.sync(manifest).plan) == []


@pytest.mark.parametrize(("prune_after", "left"), [(None, ["1.0", "1.1", "1.2"]), (timedelta(0), ["1.2"])])
def test_nothing_is_removed_without_a_time_and_all_at_once_with_none(
    prune_after: timedelta | None, left: list[str], mirror: Mirror
) -> None:
    mirror.options["prune_after"] = prune_after
    mirror.sync()
    mirror.sync(mirror.manifest(keep=1), allow_removals=True)
    mirror.pass_days(10_000)
    report = mirror.sync(mirror.manifest(keep=1))
    assert not report.plan.changes
    assert [each.version for each in mirror.page().files] == left


def test_what_a_correction_supersedes_is_removed_together_with_it(directory: Mirror) -> None:
    rules = directory.folder / "rules.toml"
    rules.write_text('schema = 1\n[[rule]]\nid = "six"\nreason = "a test"\nmatch = "six"\naction = "drop"\n')
    directory.upstream.add(WheelSpec(project="other", version="1.0", requires=("six",)))
    directory.options["on_rules_change"] = OnRulesChange.BUILD_TAG
    directory.sync(directory.manifest("demo", "other"))
    directory.options["rules"] = (str(rules),)
    directory.sync(directory.manifest("demo", "other"))
    assert len(directory.files("other")) == 2
    directory.options["prune_after"] = timedelta(0)
    directory.sync(directory.manifest("demo"))
    assert directory.files("other") == {}
    assert not directory.sync(directory.manifest("demo")).plan.changes


def test_what_fits_again_is_unyanked(mirror: Mirror) -> None:
    mirror.sync()
    mirror.sync(mirror.manifest("demo>=1.2"), allow_removals=True)
    assert mirror.yanked()["1.0"] == f"{NO_LONGER}1.0 does not fit demo>=1.2"
    before = mirror.files()[wheel("1.0")]
    report = mirror.sync(mirror.manifest())
    assert done(report) == [(PublishStatus.UNYANKED, wheel("1.0")), (PublishStatus.UNYANKED, wheel("1.1"))]
    assert mirror.files()[wheel("1.0")] == replace(before, yanked=None, yanked_by=None, yanked_at=None)
    assert mirror.upstream.downloads() == []


def test_upstream_yanks_and_unyanks_are_taken_over_with_their_reason(mirror: Mirror) -> None:
    mirror.sync()
    mirror.upstream.yank(wheel("1.2"), "broken")
    report = mirror.sync()
    assert done(report) == [(PublishStatus.YANKED, wheel("1.2"))]
    assert report.files[0].notes == ("The index has yanked it: broken",)
    assert mirror.yanked() == {"1.2": "broken"}
    assert mirror.files()[wheel("1.2")].yanked_by == BY_UPSTREAM
    assert rows(mirror.sync().plan) == []
    mirror.upstream.yank(wheel("1.2"), "broken for good")
    assert mirror.sync().plan.followed == ("demo",)
    assert mirror.yanked() == {"1.2": "broken for good"}
    mirror.upstream.unyank(wheel("1.2"))
    assert done(mirror.sync()) == [(PublishStatus.UNYANKED, wheel("1.2"))]
    assert mirror.yanked() == {}


def test_a_yanked_file_that_a_requirement_names_is_served_yanked_and_never_removed(mirror: Mirror) -> None:
    mirror.upstream.yank(wheel("1.1"), "old")
    mirror.sync(mirror.manifest("demo==1.1"))
    mirror.pass_days(1000)
    assert rows(mirror.sync(mirror.manifest("demo==1.1")).plan) == []
    assert mirror.yanked() == {"1.1": "old"}


def test_what_is_removed_upstream_is_yanked_kept_for_locks_and_removed_after_the_same_time(mirror: Mirror) -> None:
    mirror.sync()
    mirror.upstream.remove(wheel("1.1"))
    assert done(mirror.sync()) == [(PublishStatus.YANKED, wheel("1.1"))]
    assert mirror.yanked() == {"1.1": "removed upstream"}
    mirror.pass_days(29)
    assert rows(mirror.sync().plan) == []
    mirror.pass_days(1)
    assert rows(mirror.sync().plan) == [("remove", "1.1")]
    assert rows(mirror.sync().plan) == []


@pytest.mark.parametrize("how", ["yanked", "removed"])
def test_so_it_is_where_nothing_else_fits_which_is_an_error(how: str, mirror: Mirror) -> None:
    mirror.upstream.add(WheelSpec(project="six"))
    mirror.upstream.add(WheelSpec(project="six", version="2.0.dev1"))
    manifest = mirror.manifest("demo", "six")
    mirror.sync(manifest)
    name = "six-1.0-py3-none-any.whl"
    mirror.upstream.yank(name, "broken") if how == "yanked" else mirror.upstream.remove(name)
    report = mirror.sync(manifest)
    assert codes(report) == ["no-version"]
    assert done(report) == [(PublishStatus.YANKED, name)]
    assert mirror.yanked("six") == {"1.0": "broken" if how == "yanked" else "removed upstream"}
    mirror.pass_days(1000)
    assert rows(mirror.sync(manifest).plan) == []  # what is an error removes nothing


def test_what_is_yanked_and_then_removed_upstream_counts_from_the_yank(mirror: Mirror) -> None:
    mirror.sync()
    mirror.upstream.yank(wheel("1.1"), "broken")
    mirror.sync()
    mirror.pass_days(20)
    mirror.upstream.remove(wheel("1.1"))
    assert rows(mirror.sync().plan) == []
    assert mirror.yanked() == {"1.1": "removed upstream"}
    mirror.pass_days(10)
    assert rows(mirror.sync().plan) == [("remove", "1.1")]


def test_what_comes_back_upstream_is_served_again(mirror: Mirror) -> None:
    mirror.sync()
    file = mirror.upstream.file(wheel("1.1"))
    mirror.upstream.remove(wheel("1.1"))
    mirror.sync()
    mirror.upstream.put("demo", file)
    assert done(mirror.sync()) == [(PublishStatus.UNYANKED, wheel("1.1"))]


@pytest.mark.parametrize("failure", ["gone", "500", "empty html", "no files", "no files, active"])
def test_a_page_that_cannot_be_read_or_is_gone_changes_nothing(failure: str, mirror: Mirror) -> None:
    mirror.upstream.status.update({"demo": ("active", "")} if "active" in failure else {})
    mirror.sync(mirror.manifest("demo"))
    before = pages_of(mirror.store)
    if failure == "gone":
        mirror.upstream.remove_project("demo")
    elif failure == "500":
        mirror.upstream.fail("/demo/", status=500, times=99)
    else:
        mirror.upstream.style = "pytorch" if failure == "empty html" else "pypi"
        mirror.upstream.projects["demo"].clear()
    mirror.pass_days(1000)
    report = mirror.sync(mirror.manifest("demo"))
    assert not report.ok
    assert rows(report.plan) == []
    assert all(each.reason.startswith("Nothing of it is changed: ") for each in report.plan.of(Action.KEEP))
    assert pages_of(mirror.store) == before


def test_a_page_without_files_that_says_why_is_followed(mirror: Mirror) -> None:
    mirror.sync()
    mirror.upstream.projects["demo"].clear()
    mirror.upstream.status["demo"] = ("quarantined", "malware")
    mirror.sync(allow_removals=True)
    assert set(mirror.yanked().values()) == {"removed upstream"}
    assert mirror.served() == []


def test_the_failure_of_one_source_does_not_hold_up_another(mirror: Mirror) -> None:
    with pypi() as other:
        other.add(WheelSpec(project="six"))
        manifest = mirror.of(
            Source(name="main", index=mirror.upstream.index, projects=("demo",)),
            Source(name="other", index=other.index, projects=("six",)),
        )
        mirror.sync(manifest)
        other.fail("/six/", status=500, times=99)
        mirror.upstream.remove(wheel("1.1"))
        report = mirror.sync(manifest)
        assert [(each.source, each.project) for each in report.plan.problems] == [("other", "six")]
        assert mirror.yanked() == {"1.1": "removed upstream"}
        assert mirror.served("six") == ["1.0"]


def test_a_project_that_cannot_be_planned_changes_nothing_and_holds_up_no_other(
    directory: Mirror, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.add(WheelSpec(project="six", version="1.0"))
    manifest = directory.manifest("demo", "six", keep=2)
    directory.sync(manifest)
    before = directory.page()
    for project in ("demo", "six"):
        upstream.add(WheelSpec(project=project, version="9.0"))

    def failing(page: Page, wanted: Any) -> Any:
        if page.project == "demo":
            raise FilenameError("bad-name", "its name is none", hint="Rename it.")
        return match(page, wanted)

    monkeypatch.setattr("wheelfix.sync.planning.plan.match", failing)
    report = directory.sync(replace(manifest, rules=("gpu",)))
    [problem] = report.plan.problems
    assert (problem.source, problem.project, problem.problem.code, report.ok) == ("main", "demo", "bad-name", False)
    assert {each.project for each in report.plan.files} == {"six"}  # nor does it say what other rules would do
    assert directory.page() == before
    assert directory.served("six") == ["1.0", "9.0"]


def test_a_file_whose_bytes_are_others_upstream_by_now_stays_and_is_reported(mirror: Mirror) -> None:
    mirror.sync()
    before = pages_of(mirror.store)
    mirror.upstream.add(WheelSpec(project="demo", version="1.1", requires=("six",)))
    report = mirror.sync()
    assert [(each.filename, each.code) for each in report.plan.of(Action.REPORT)] == [(wheel("1.1"), "name-taken")]
    assert rows(report.plan, Action.YANK, Action.REMOVE, Action.ADD) == []
    assert pages_of(mirror.store) == before


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"projects": ("demo",), "targets": Targets(("macosx*_arm64",))}, "it is not among the newest 3 releases for the"),
        ({"projects": ("demo",), "targets": Targets(("macosx*_arm64",)), "keep": None}, "it is for none of the platforms"),
        ({"projects": ("demo>1",)}, "1.0 does not fit demo>1"),
        ({"projects": ("six",)}, "source main does not name demo any more"),
    ],
)
def test_the_reason_says_what_of_the_manifest_no_longer_fits(source: dict[str, Any], reason: str, directory: Mirror) -> None:
    upstream = directory.upstream
    upstream.remove_project("demo")
    upstream.add(WheelSpec(project="six"))
    for tag in (LINUX, MAC):
        upstream.add(WheelSpec(project="demo", version="1.0", tags=tag))
    upstream.add(WheelSpec(project="demo", version="1.1", tags=MAC))
    directory.sync()
    directory.sync(directory.of(Source(name="main", index=upstream.index, **source)), allow_removals=True)
    assert directory.yanked()["1.0"].startswith(NO_LONGER + reason)


def test_a_source_that_is_taken_out_takes_its_files_along_when_that_is_allowed(mirror: Mirror) -> None:
    mirror.sync()
    manifest = mirror.of(Source(name="another", index=mirror.upstream.index, projects=("six",)))
    mirror.upstream.add(WheelSpec(project="six"))
    with pytest.raises(MirrorError, match="nothing would be left of source main") as caught:
        mirror.sync(manifest)
    assert caught.value.code == "too-many-removals"
    assert "3 of 3 files would be yanked or removed" in str(caught.value)
    assert "does another manifest fill this mirror?" in str(caught.value)
    assert mirror.page("six").files == ()
    assert mirror.served() == ["1.0", "1.1", "1.2"]
    mirror.sync(manifest, allow_removals=True)
    assert set(mirror.yanked().values()) == {f"{NO_LONGER}the manifest has no source main any more"}
    assert mirror.served("six") == ["1.0"]


def test_a_source_that_is_called_otherwise_keeps_its_files(mirror: Mirror) -> None:
    mirror.sync()
    manifest = mirror.of(Source(name="another", index=mirror.upstream.index, projects=("demo",)))
    report = mirror.sync(manifest)
    assert rows(report.plan) == []
    assert report.plan.followed == ("demo",)
    assert {each.source for each in mirror.page().files} == {"another"}
    assert not mirror.sync(manifest).plan.changes


def test_a_plan_that_takes_more_than_a_third_is_not_done(mirror: Mirror) -> None:
    mirror.upstream.add(WheelSpec(project="demo", version="1.3"))
    mirror.sync(mirror.manifest(keep=None))
    before = pages_of(mirror.store)
    with pytest.raises(MirrorError, match="more than a third of what the mirror serves") as caught:
        mirror.sync(mirror.manifest("demo>=1.2"))
    assert caught.value.reason == "2 of 4 files would be yanked or removed: demo (2)"
    assert "--allow-removals" in caught.value.hint
    assert pages_of(mirror.store) == before
    mirror.sync(mirror.manifest("demo>=1.1"))  # one of four is less
    assert mirror.served() == ["1.1", "1.2", "1.3"]


def test_platforms_that_change_take_what_is_served_and_need_permission(directory: Mirror) -> None:
    """So do two manifests for one mirror, each with the platforms of a system, of which each run would undo the other's."""
    projects = [f"p{number}" for number in range(4)]
    for project in projects:
        for tags in ("cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-win_amd64"):
            directory.upstream.add(WheelSpec(project=project, version="1.0", tags=tags))

    def manifest(platform: str, *versions: str) -> Manifest:
        return directory.manifest(*versions, targets=Targets((platform,), ("3.11",)))

    directory.sync(manifest("manylinux*", *projects))
    before = pages_of(directory.store)
    with pytest.raises(MirrorError, match="nothing would be left of source main") as caught:
        directory.sync(manifest("win*", *projects))
    assert (caught.value.code, pages_of(directory.store)) == ("too-many-removals", before)
    directory.sync(manifest("*", *projects))
    assert [directory.served(each) for each in projects] == [["1.0", "1.0"]] * 4


def test_a_typing_error_in_the_name_of_a_project_yanks_nothing(directory: Mirror) -> None:
    for project in ("a", "b", "c"):
        directory.upstream.add(WheelSpec(project=project))
    directory.sync(directory.manifest("demo", "a", "b", "c"))
    report = directory.sync(directory.manifest("demo", "aa", "b", "c"))
    assert (codes(report), rows(report.plan)) == (["no-project"], [])
    (row,) = (each for each in report.plan.files if each.project == "a")
    assert row.reason == "Its index has no project aa, which the source names: that may be a typing error."
    directory.sync(directory.manifest("demo", "b", "c"))
    assert (directory.served("a"), directory.served("b")) == ([], ["1.0"])


def test_older_releases_in_place_of_newer_ones_need_permission(directory: Mirror) -> None:
    directory.sync(directory.manifest("demo>=1.2"))
    with pytest.raises(MirrorError, match="nothing would be left of source main"):
        directory.sync(directory.manifest("demo<1.2"))
    assert directory.served() == ["1.2"]


def test_a_plan_that_takes_too_much_is_shown_by_a_dry_run(mirror: Mirror) -> None:
    mirror.sync()
    report = mirror.sync(mirror.manifest("demo>=1.2"), dry_run=True)
    assert rows(report.plan) == [("yank", "1.0"), ("yank", "1.1")]
    (warning,) = report.warnings
    assert (warning.code, warning.severity) == ("too-many-removals", Severity.WARNING)
    assert "a sync would stop here: the plan would yank or remove more than a third" in warning.message
    assert mirror.sync(mirror.manifest("demo>=1.2"), dry_run=True, allow_removals=True).warnings == ()
    assert mirror.sync(mirror.manifest("demo>=1.1"), dry_run=True).warnings == ()
    assert mirror.served() == ["1.0", "1.1", "1.2"]


def test_what_a_person_yanked_or_unyanked_stays_so(mirror: Mirror) -> None:
    mirror.sync()
    yank_files(mirror.store, "demo==1.2", "not for us")
    mirror.upstream.yank(wheel("1.1"), "broken")
    mirror.sync()
    unyank_files(mirror.store, "demo==1.1")
    for manifest in (mirror.manifest(), mirror.manifest("demo<1.1")):
        mirror.pass_days(1000)
        report = mirror.sync(manifest, allow_removals=True)
        assert rows(report.plan) == []
        assert mirror.yanked() == {"1.2": "not for us"}
    assert mirror.files()[wheel("1.1")].yanked_by == BY_MIRROR


def test_what_a_manifest_yanked_and_a_person_unyanked_stays_and_is_never_removed(mirror: Mirror) -> None:
    mirror.sync()
    mirror.sync(mirror.manifest("demo>=1.1"))
    unyank_files(mirror.store, "demo==1.0")
    assert mirror.files()[wheel("1.0")].yanked_at is None
    mirror.pass_days(1000)
    assert rows(mirror.sync(mirror.manifest("demo>=1.1")).plan) == []
    assert mirror.served() == ["1.0", "1.1", "1.2"]


def test_files_of_a_person_are_not_touched(mirror: Mirror, tmp_path: Path) -> None:
    own = [write_wheel(tmp_path, WheelSpec(project=project, version="0.1")) for project in ("demo", "own")]
    add_wheels(mirror.store, own)
    before = {project: mirror.page(project).files[0] for project in ("demo", "own")}
    mirror.sync()
    mirror.sync(mirror.manifest("demo>=1.1"))
    mirror.pass_days(1000)
    mirror.sync(mirror.manifest("demo>=1.1"))
    for project, file in before.items():
        assert mirror.files(project)[file.filename] == file
    assert mirror.served() == ["0.1", "1.1", "1.2"]


@pytest.mark.parametrize("is_other", [False, True])
def test_what_a_person_adds_while_a_sync_is_at_work_is_theirs(mirror: Mirror, tmp_path: Path, is_other: bool) -> None:
    own = write_wheel(tmp_path, WheelSpec(project="demo", version="1.2", requires=("six",)))
    if not is_other:
        own.write_bytes(mirror.upstream.file(wheel("1.2")).data)

    class Meanwhile(NoProgress):
        def wheel_done(self, outcome: Outcome) -> None:
            add_wheels(mirror.store, own)

    report = mirror.sync(mirror.manifest("demo==1.2"), progress=Meanwhile())
    before = mirror.files()[wheel("1.2")]
    assert (before.source, before.upstream) == (None, None)
    assert codes(report) == (["name-taken"] if is_other else [])
    mirror.pass_days(1000)
    mirror.sync(mirror.manifest("demo<1.2"))
    assert mirror.files()[wheel("1.2")] == before


def test_a_name_that_a_person_gave_to_other_bytes_is_reported(mirror: Mirror, tmp_path: Path) -> None:
    add_wheels(mirror.store, [write_wheel(tmp_path, WheelSpec(project="demo", version="1.1", requires=("six",)))])
    for _ in range(2):
        report = mirror.sync()
        (row,) = report.plan.of(Action.REPORT)
        assert (row.code, row.filename) == ("name-taken", wheel("1.1"))
        assert "which you added" in row.reason
        assert mirror.files()[wheel("1.1")].source is None
        assert sorted(mirror.upstream.downloads()) in ([wheel("1.0"), wheel("1.2")], [])


def test_the_same_bytes_that_a_person_added_stay_as_theirs(mirror: Mirror, tmp_path: Path) -> None:
    own = tmp_path / "own" / wheel("1.1")
    own.parent.mkdir()
    own.write_bytes(mirror.upstream.file(wheel("1.1")).data)
    add_wheels(mirror.store, [own])
    before = mirror.files()[wheel("1.1")]
    assert rows(mirror.sync().plan) == [("add", "1.0"), ("add", "1.2")]
    mirror.upstream.yank(wheel("1.1"), "broken")
    assert rows(mirror.sync().plan) == []
    assert mirror.files()[wheel("1.1")] == before


def test_a_file_that_a_person_removed_comes_back(mirror: Mirror) -> None:
    mirror.sync()
    remove_files(mirror.store, "demo==1.1")
    assert rows(mirror.sync().plan) == [("add", "1.1")]
    assert mirror.served() == ["1.0", "1.1", "1.2"]


def test_nothing_makes_room_for_what_could_not_be_added(mirror: Mirror) -> None:
    manifest = mirror.manifest(keep=1)
    mirror.sync(manifest)
    mirror.upstream.add(WheelSpec(project="demo", version="2.0"))
    mirror.upstream.fail("2.0", status=500, times=99)
    report = mirror.sync(manifest)
    assert rows(report.plan) == [("yank", "1.2"), ("add", "2.0")]
    assert not report.ok
    assert mirror.served() == ["1.2"]
    mirror.upstream.failures.clear()
    assert mirror.sync(manifest).ok
    assert mirror.served() == ["2.0"]


def test_the_status_of_a_project_is_taken_over_and_given_up(mirror: Mirror) -> None:
    mirror.upstream.status["demo"] = ("deprecated", "use other")
    mirror.sync()
    assert mirror.page().other["project-status"] == {"status": "deprecated", "reason": "use other"}
    assert not mirror.sync().plan.changes
    mirror.upstream.status["demo"] = ("archived", "")
    report = mirror.sync()
    assert (report.plan.followed, rows(report.plan)) == (("demo",), [])
    assert mirror.page().other["project-status"] == {"status": "archived"}
    del mirror.upstream.status["demo"]
    mirror.sync()
    assert "project-status" not in mirror.page().other
    assert not mirror.sync().plan.changes


def test_a_project_without_files_disappears(mirror: Mirror) -> None:
    mirror.options["prune_after"] = timedelta(0)
    mirror.upstream.add(WheelSpec(project="six"))
    manifest = mirror.manifest("demo", "six")
    mirror.sync(manifest)
    mirror.sync(mirror.manifest("demo"))
    assert mirror.page("six").files == ()
    root = mirror.store.read("public/simple/index.json")
    assert root is not None
    assert b"six" not in root.data
    codes_found = {each.code for each in check_mirror(mirror.store).findings if each.severity is Severity.ERROR}
    assert codes_found == {"gpu-requirements"}  # of the wheels themselves


def test_only_names_what_is_planned(mirror: Mirror) -> None:
    with pypi() as other:
        for project in ("six", "attrs"):
            other.add(WheelSpec(project=project))
        manifest = mirror.of(
            Source(name="main", index=mirror.upstream.index, projects=("demo",)),
            Source(name="other", index=other.index, projects=("attrs", "six")),
        )
        mirror.sync(manifest, only="six")
        assert [each.project for each in mirror.sync(manifest, dry_run=True).plan.of(Action.ADD)] == ["attrs", *["demo"] * 3]
        assert mirror.upstream.seen != []
        mirror.sync(manifest, only=("six", "attrs"))
        assert mirror.upstream.seen == []
        mirror.sync(manifest, only="main")
        assert (mirror.served(), mirror.served("attrs")) == (["1.0", "1.1", "1.2"], ["1.0"])
        mirror.upstream.remove(wheel("1.1"))
        other.yank("six-1.0-py3-none-any.whl", "broken")
        mirror.sync(manifest, only="other")
        assert (mirror.yanked("six"), mirror.yanked()) == ({"1.0": "broken"}, {})


def test_a_name_of_nothing_is_an_error(mirror: Mirror) -> None:
    with pytest.raises(MirrorError, match="no source or project 'dmeo'") as caught:
        mirror.sync(only="dmeo")
    assert (caught.value.code, caught.value.hint) == ("nothing-selected", "Did you mean demo?")


def test_only_takes_what_the_manifest_no_longer_names(mirror: Mirror) -> None:
    mirror.upstream.add(WheelSpec(project="six"))
    mirror.sync(mirror.manifest("demo", "six"))
    mirror.sync(mirror.manifest("demo"), only="six")
    assert mirror.yanked("six") == {"1.0": f"{NO_LONGER}source main does not name six any more"}
    assert mirror.upstream.seen == []


def test_a_damaged_page_is_a_matter_of_its_project(mirror: Mirror) -> None:
    mirror.upstream.add(WheelSpec(project="six"))
    manifest = mirror.manifest("demo", "six")
    mirror.sync(manifest)
    there = mirror.store.read(page_key("six"))
    assert there is not None
    damaged = there.data[:-40]
    mirror.store.put_if([Write(page_key("six"), damaged, there.version, attributes_of(page_key("six")))])
    mirror.upstream.remove(wheel("1.1"))
    mirror.upstream.add(WheelSpec(project="six", version="2.0"))
    mirror.upstream.forget()
    report = mirror.sync_without_a_look(manifest)
    assert [(each.project, each.problem.code) for each in report.plan.problems] == [("six", "bad-page")]
    assert rows(report.plan) == [("yank", "1.1")]
    assert mirror.yanked() == {"1.1": "removed upstream"}
    assert mirror.upstream.downloads() == []
    there = mirror.store.read(page_key("six"))
    assert there is not None
    assert there.data == damaged


def test_a_page_that_is_too_large_is_a_matter_of_its_project(directory: Mirror) -> None:
    directory.upstream.add(WheelSpec(project="six"))
    manifest = directory.manifest("demo", "six")
    directory.sync(manifest)
    os.truncate(Path(str(directory.store.location)) / page_key("six"), 1 << 29)
    directory.upstream.remove(wheel("1.1"))
    report = directory.sync_without_a_look(manifest)
    assert [(each.project, each.problem.code) for each in report.plan.problems] == [("six", "too-large")]
    assert directory.yanked() == {"1.1": "removed upstream"}


def test_a_dry_run_makes_no_mirror(directory: Mirror) -> None:
    report = directory.sync_without_a_look(dry_run=True)
    assert rows(report.plan) == [("add", "1.0"), ("add", "1.1"), ("add", "1.2")]
    assert (report.dry_run, report.traffic.requests) == (True, 1)
    assert sorted(each.name for each in directory.folder.iterdir()) == []


def test_a_dry_run_writes_no_page(mirror: Mirror) -> None:
    mirror.sync()
    mirror.upstream.remove(wheel("1.1"))
    before = contents(mirror.store), pages_of(mirror.store)
    assert rows(mirror.sync(dry_run=True).plan) == [("yank", "1.1")]
    assert (contents(mirror.store), pages_of(mirror.store)) == before


@pytest.mark.parametrize("time", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01", "9999-12-31T23:59:59Z"])
def test_a_damaged_time_of_a_yank_removes_nothing(time: str, directory: Mirror) -> None:
    manifest = directory.manifest("demo>=1.1")
    directory.sync()
    directory.sync(manifest)
    path = directory.folder / "mirror" / page_key("demo")
    path.write_bytes(path.read_bytes().replace(b'2026-01-01T00:00:00.000000Z"}', f'{time}"}}'.encode()))
    directory.pass_days(40)
    assert rows(directory.sync(manifest).plan) == []
    if time != "9999-12-31T23:59:59Z":
        assert directory.files()[wheel("1.0")].yanked_at == "2026-02-10T00:00:00.000000Z"
        directory.pass_days(30)
        assert rows(directory.sync(manifest).plan) == [("remove", "1.0")]


def test_wheels_that_lose_their_local_version_are_there_in_the_second_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytorch() as upstream:
        for version, tag in (("2.0+cpu", LINUX), ("2.0", MAC)):
            upstream.add(WheelSpec(project="torch", version=version, tags=tag))
        mirror = Mirror(tmp_path, upstream, monkeypatch)
        manifest = mirror.manifest("torch", local=Local.STRIP)
        assert mirror.sync(manifest).ok
        assert sorted(mirror.files("torch")) == [f"torch-2.0-{MAC}.whl", f"torch-2.0-{LINUX}.whl"]
        before = contents(mirror.store)
        assert not mirror.sync(manifest).plan.changes
        assert contents(mirror.store) == before
        upstream.remove("torch-2.0+cpu-" + LINUX + ".whl")
        mirror.sync(manifest, allow_removals=True)
        assert mirror.files("torch")[f"torch-2.0-{LINUX}.whl"].yanked == "removed upstream"


def test_too_little_space_is_known_before_the_first_download(directory: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})()
    monkeypatch.setattr("wheelfix.sync.planning.guards.shutil.disk_usage", lambda path: usage)
    with pytest.raises(MirrorError, match="not enough space in") as caught:
        directory.sync()
    assert caught.value.code == "no-space"
    assert "1.0 kB are free" in str(caught.value)
    assert directory.upstream.downloads() == []
    assert directory.page().files == ()


def test_too_little_space_is_a_warning_of_a_look(directory: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})()
    monkeypatch.setattr("wheelfix.sync.planning.guards.shutil.disk_usage", lambda path: usage)
    [warning] = directory.sync(dry_run=True).warnings
    assert warning.code == "no-space"
    assert "a sync would stop here: there is not enough space in " in warning.message


def test_a_time_that_is_none_is_an_error_before_a_directory_is_made(
    directory: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "-1")
    with pytest.raises(MirrorError, match="not a time in seconds"):
        directory.sync_without_a_look()
    assert not Path(directory.where).exists()


def test_a_mirror_in_a_bucket_needs_space_for_work_only(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []
    usage = type("Usage", (), {"free": 1 << 40})()

    def disk_usage(path: Path) -> object:
        looked.append(path)
        return usage

    monkeypatch.setattr("wheelfix.sync.planning.guards.shutil.disk_usage", disk_usage)
    mirror = Mirror(tmp_path, upstream, monkeypatch, MemoryStore(tmp_path / "scratch", Objects()))
    assert mirror.sync().ok
    assert looked[0] == tmp_path / "scratch"
    assert all(each.is_relative_to(tmp_path / "scratch") for each in looked)


def test_a_directory_and_a_bucket_have_the_same_pages(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrors = [
        Mirror(tmp_path / "one", upstream, monkeypatch),
        Mirror(tmp_path / "two", upstream, monkeypatch, MemoryStore(tmp_path / "scratch", Objects())),
    ]
    for mirror in mirrors:
        mirror.options["rules"] = ("gpu",)
        mirror.sync()
    upstream.add(WheelSpec(project="demo", version="2.0", requires=("triton",)))
    upstream.yank(wheel("1.1"), "broken")
    upstream.remove(wheel("1.0"))
    for mirror in mirrors:
        mirror.sync(mirror.manifest(keep=1), allow_removals=True)
    assert pages_of(mirrors[0].store) == pages_of(mirrors[1].store)


def test_the_order_of_projects_and_sources_for_them_does_not_matter(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for project in ("six", "attrs"):
        upstream.add(WheelSpec(project=project))
    pages: list[dict[str, bytes]] = []
    for projects in (("demo<2", "six", "attrs", "demo>1"), ("attrs", "demo>1", "six", "demo<2")):
        mirror = Mirror(tmp_path / str(len(pages)), upstream, monkeypatch)
        mirror.sync(mirror.manifest(*projects))
        pages.append(pages_of(mirror.store))
    assert pages[0] == pages[1]


def test_a_page_that_nobody_wrote_again_keeps_its_time(directory: Mirror) -> None:
    directory.upstream.add(WheelSpec(project="six"))
    manifest = directory.manifest("demo", "six")
    directory.sync(manifest)
    path = directory.folder / "mirror" / page_key("six")
    os.utime(path, (1, 1))
    directory.upstream.remove(wheel("1.1"))
    directory.sync(manifest)
    assert path.stat().st_mtime == 1


def test_bytes_of_a_wheel_are_those_of_the_index(directory: Mirror) -> None:
    directory.sync()
    for file in directory.page().files:
        key = directory.page().key(file)
        assert key is not None
        data = (directory.folder / "mirror" / key).read_bytes()
        assert hashlib.sha256(data).hexdigest() == directory.upstream.file(file.filename).sha256


def test_a_hostile_reason_is_data(mirror: Mirror) -> None:
    mirror.sync()
    mirror.upstream.yank(wheel("1.1"), "<script>\x1b[31m\ud800" * 100)
    report = mirror.sync()
    assert rows(report.plan) == [("yank", "1.1")]
    assert codes(report) == []
    html = mirror.store.read(page_key("demo", "index.html"))
    assert html is not None
    assert html.data.count(b"<script>") == 1  # that of the page
    assert b"&lt;script&gt;" in html.data
    assert "\\ud800" in mirror.yanked()["1.1"]
    assert not mirror.sync().plan.changes
