"""What the files of a mirror require: resolved by uv, on indexes on the loopback device."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from building import WheelSpec
from closing import LINUX, MACOS, Mirror, mirror_of, reasons, required, source_of, spec
from upstreams import Upstream, pypi
from wheelfix.errors import MirrorError
from wheelfix.mirror.pages import BY_MIRROR, BY_SYNC, Origin
from wheelfix.sync.choice.choose import Choice
from wheelfix.sync.dependencies import resolver
from wheelfix.sync.dependencies.uv import Resolution, Uv
from wheelfix.sync.manifest.model import Sdists
from wheelfix.sync.model import Reason


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with pypi() as found:
        yield found


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What uv was started for."""
    seen: list[tuple[str, ...]] = []
    resolve = Uv.resolve

    def noted(self: Uv, index: str, roots: Any, *rest: Any) -> Any:
        seen.append(tuple(roots))
        return resolve(self, index, roots, *rest)

    monkeypatch.setattr(Uv, "resolve", noted)
    return seen


def test_what_is_required_is_found_however_deep(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "a"))
    upstream.add(spec("a", "1.0", "b>=2", "c"))
    for version in ("1.0", "2.0", "3.0"):
        upstream.add(spec("b", version))
    upstream.add(spec("c", "1.0", "app"))  # in a circle
    upstream.add(spec("unused"))
    found = mirror_of(tmp_path, upstream, "app").close()
    assert required(found) == ["a-1.0-py3-none-any.whl", "b-3.0-py3-none-any.whl", "c-1.0-py3-none-any.whl"]
    assert not found.problems


def test_each_release_is_resolved_and_not_only_the_newest(upstream: Upstream, tmp_path: Path) -> None:
    for version, needed in (("1.0", "dep<2"), ("2.0", "dep>=2")):
        upstream.add(spec("app", version, needed))
        upstream.add(spec("dep", version))
    assert mirror_of(tmp_path, upstream, "app").required() == ["dep-1.0-py3-none-any.whl", "dep-2.0-py3-none-any.whl"]


def test_projects_that_do_not_fit_each_other_are_resolved_alone(
    upstream: Upstream, tmp_path: Path, runs: list[tuple[str, ...]]
) -> None:
    for project, needed in (("one", "dep<2"), ("other", "dep>=2")):
        upstream.add(spec(project, "1.0", needed))
    upstream.add(spec("dep", "1.0"))
    upstream.add(spec("dep", "2.0"))
    found = mirror_of(tmp_path, upstream, "one", "other").close()
    assert required(found) == ["dep-1.0-py3-none-any.whl", "dep-2.0-py3-none-any.whl"]
    assert ("one==1.0", "other==1.0") in runs
    assert not found.problems


def test_markers_are_judged_for_each_target_and_files_are_for_all(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(
        spec("app", "1.0", "linux-only; sys_platform == 'linux'", "old; python_version < '3.12'", "win; os_name == 'nt'")
    )
    for tags in ("cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_x86_64", "cp311-cp311-win_amd64"):
        upstream.add(spec("linux-only", tags=tags))
    for project in ("old", "win"):
        upstream.add(spec(project))
    found = mirror_of(tmp_path, upstream, "app", platforms=(LINUX, MACOS), pythons=("3.11", "3.12")).required()
    assert found == [
        "linux_only-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "linux_only-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        "old-1.0-py3-none-any.whl",
    ]


def test_what_the_rules_drop_is_not_required(upstream: Upstream, tmp_path: Path) -> None:
    line = 'nvidia-cudnn-cu12; platform_system == "Linux" and platform_machine == "x86_64"'
    upstream.add(spec("app", "1.0", line, "dep", tags="cp311-none-macosx_11_0_arm64"))
    upstream.add(spec("nvidia-cudnn-cu12", tags="py3-none-manylinux_2_17_x86_64"))
    upstream.add(spec("dep"))
    mirror = mirror_of(tmp_path, upstream, "app", platforms=(LINUX, MACOS))
    assert mirror.required() == ["dep-1.0-py3-none-any.whl"]


def test_extras_of_the_manifest_count(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "pysocks; extra == 'socks'", "other; extra == 'more'"))
    upstream.add(spec("pysocks"))
    upstream.add(spec("other"))
    assert mirror_of(tmp_path, upstream, "app[socks]").required() == ["pysocks-1.0-py3-none-any.whl"]


def test_the_mirror_does_not_grow_with_each_release_of_a_dependency(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep", "1.0"))
    mirror = mirror_of(tmp_path, upstream, "app")
    mirror.add(mirror.close(), upstream)
    upstream.add(spec("dep", "2.0"))
    assert mirror.required() == ["dep-1.0-py3-none-any.whl"]
    upstream.add(spec("app", "1.1", "dep>=2"))
    assert mirror.required() == ["dep-2.0-py3-none-any.whl"]  # which is good for the older release, too


def test_what_nothing_requires_any_more_is_no_longer_wanted(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "old"))
    upstream.add(spec("old"))
    upstream.add(spec("new"))
    mirror = mirror_of(tmp_path, upstream, "app", keep=1)
    mirror.add(mirror.close(), upstream)
    upstream.add(spec("app", "2.0", "new"))
    assert mirror.required() == ["new-1.0-py3-none-any.whl"]


def test_what_a_person_added_is_used_and_what_one_yanked_is_not(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep", "1.0"))
    mirror = mirror_of(tmp_path, upstream, "app")
    mirror.add(mirror.close(), upstream)
    page = mirror.pages["dep"]
    mirror.pages["dep"] = page.with_files(replace(each, yanked="bad", yanked_by=BY_MIRROR) for each in page.files)
    found = mirror.close()
    assert required(found) == []
    assert [(each.source, each.project, each.problem.code) for each in found.problems] == [("pypi", "app", "not-closed")]


def test_a_second_run_asks_for_pages_alone_and_does_not_start_uv(
    upstream: Upstream, tmp_path: Path, runs: list[tuple[str, ...]]
) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep", "1.0", "gone; os_name == 'nt'"))
    mirror = mirror_of(tmp_path, upstream, "app", pythons=("3.11", "3.12"))
    first = mirror.close()
    assert runs
    mirror.add(first, upstream)
    upstream.forget()
    runs.clear()
    for _ in range(2):
        assert required(mirror.close()) == required(first)
        assert not runs
    assert {each.status for each in upstream.seen} == {304}
    assert {each.host for each in upstream.seen} == {"index"}


def test_what_came_otherwise_than_it_was_resolved_is_resolved_again(
    upstream: Upstream, tmp_path: Path, runs: list[tuple[str, ...]]
) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep", "1.0"))
    upstream.add(spec("more", "1.0"))
    mirror = mirror_of(tmp_path, upstream, "app")
    mirror.add(mirror.close(), upstream)
    [listed] = mirror.pages["dep"].files
    beside = mirror.directory / f"{mirror.pages['dep'].key(listed)}.metadata"
    beside.write_bytes(beside.read_bytes().replace(b"\n\n", b"\nRequires-Dist: more\n\n", 1))
    runs.clear()
    assert mirror.required() == ["dep-1.0-py3-none-any.whl", "more-1.0-py3-none-any.whl"]
    assert runs


def test_a_dependency_with_source_distributions_only_is_a_problem_that_says_so(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "built", "dep"))
    upstream.add_sdist("built", "1.0")
    upstream.add(spec("dep"))
    found = mirror_of(tmp_path, upstream, "app").close()
    (problem,) = found.problems
    assert (problem.source, problem.project) == ("pypi", "app")
    assert problem.problem.message == "what app==1.0 requires cannot be resolved for Python 3.11 on Linux x86_64"
    assert "only source distributions" in str(problem.problem.reason)


def test_a_reason_has_no_url_of_ours_and_none_of_uvs_markup(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "missing; sys_platform == 'linux'"))
    (reason,) = reasons(mirror_of(tmp_path, upstream, "app").close())
    assert reason == "missing is in no source and all versions of app depend on missing"


def test_one_project_that_cannot_be_resolved_does_not_stop_others(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("bad", "1.0", "missing"))
    upstream.add(spec("good", "1.0", "dep"))
    upstream.add(spec("dep"))
    found = mirror_of(tmp_path, upstream, "bad", "good").close()
    assert required(found) == ["dep-1.0-py3-none-any.whl"]
    assert [each.project for each in found.problems] == ["bad"]


def test_what_the_mirror_has_of_an_unresolved_release_stays(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "a"))
    upstream.add(spec("a", "1.0", "b"))
    upstream.add(spec("b"))
    mirror = mirror_of(tmp_path, upstream, "app")
    before = mirror.close()
    mirror.add(before, upstream)
    upstream.remove("b-1.0-py3-none-any.whl")
    found = mirror.close()
    assert found.problems
    assert required(found) == ["a-1.0-py3-none-any.whl"]  # b is gone: whoever compares it with its index keeps it for locks


def test_what_a_failing_source_had_keeps_its_dependencies(tmp_path: Path) -> None:
    with pypi() as first, pypi() as second:
        first.add(spec("app", "1.0", "dep"))
        second.add(spec("dep"))
        second.add(spec("good", "1.0", "other"))
        second.add(spec("other"))
        sources = source_of(first, "app", name="first"), source_of(second, "good", name="pypi")
        mirror = Mirror(tmp_path / "mirror", sources)
        before = mirror.close()
        mirror.add(Choice(tuple(each for each in before.wanted if each.project == "app")), first, source="first")
        mirror.add(Choice(tuple(each for each in before.wanted if each.project != "app")), second)
        first.fail("/app/", status=500, times=99)
        found = mirror.close()
        assert required(found) == ["dep-1.0-py3-none-any.whl", "other-1.0-py3-none-any.whl"]
        assert [(each.source, each.project) for each in found.problems] == [("first", "app")]


def test_a_dependency_is_not_taken_from_the_next_source_while_the_first_shows_nothing(tmp_path: Path) -> None:
    """An index that wants a password, and answers that there is no such project to who has none."""
    with pypi() as private, pypi() as public:
        public.add(spec("app", "1.0", "corp-utils"))
        public.add(spec("corp-utils", "99.0"))
        sources = source_of(private, "corp-base", name="private"), source_of(public, "app", name="public")
        found = Mirror(tmp_path / "mirror", sources).close()
        assert required(found) == []
        assert ("private", "no-project") in {(each.source, each.problem.code) for each in found.problems}
        private.add(spec("corp-base"))
        assert required(Mirror(tmp_path / "again", sources).close()) == ["corp_utils-99.0-py3-none-any.whl"]


def test_a_new_requirement_changes_no_dependency_that_still_fits(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep", "1.0"))
    mirror = mirror_of(tmp_path, upstream, "app")
    mirror.add(mirror.close(), upstream)
    upstream.add(spec("dep", "2.0"))
    upstream.add(spec("app", "2.0", "dep", "new"))
    upstream.add(spec("new", "1.0", "dep"))
    assert mirror.required() == ["dep-1.0-py3-none-any.whl", "new-1.0-py3-none-any.whl"]


def test_what_a_person_added_is_enough(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep", "1.0"))
    mirror = mirror_of(tmp_path, upstream, "app")
    mirror.add(mirror.close(), upstream, source=None)
    upstream.add(spec("dep", "2.0"))
    assert mirror.required() == []


def test_a_correction_that_another_one_supersedes_is_not_resolved(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep"))
    mirror = mirror_of(tmp_path, upstream, "app")
    mirror.add(mirror.close(), upstream)
    page = mirror.pages["app"]
    [file] = page.files
    old = replace(file, filename="app-1.0-1-py3-none-any.whl", sha256="0" * 64, yanked="superseded", yanked_by=BY_SYNC)
    original = Origin(file.filename, file.sha256, "1")
    mirror.pages["app"] = page.with_files([file, replace(old, url="../../elsewhere.whl", origin=original)])
    found = mirror.close()  # the metadata file of the old one is not even there
    assert (required(found), found.problems) == (["dep-1.0-py3-none-any.whl"], ())


def test_versions_that_the_manifest_does_not_allow_are_no_dependencies(upstream: Upstream, tmp_path: Path) -> None:
    for version in ("1.0", "2.0", "3.0"):
        upstream.add(spec("dep", version))
    upstream.add(spec("app", "1.0", "dep<3"))
    found = mirror_of(tmp_path, upstream, "app", "dep>=2", keep=1).close()
    assert required(found) == ["dep-2.0-py3-none-any.whl"]
    assert found.problems == ()
    found = mirror_of(tmp_path / "other", upstream, "app", "dep>=3", keep=1).close()
    assert required(found) == []
    assert reasons(found) == ["only dep==3.0 is available and all versions of app depend on dep<3"]


def test_locked_files_are_used_and_need_nothing(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep", "1.0", "missing"))
    mirror = mirror_of(tmp_path, upstream, "app", "dep")
    chosen = mirror.chosen()
    as_locked = tuple(replace(each, reason=Reason.LOCKED) if each.project == "dep" else each for each in chosen.wanted)
    found = mirror.close(replace(chosen, wanted=as_locked))
    assert [each.project for each in found.problems] == ["app"]
    assert {each.project: each.reason for each in found.wanted} == {"app": Reason.CHOSEN, "dep": Reason.LOCKED}


@pytest.mark.slow
def test_the_order_of_projects_and_sources_of_dependencies_does_not_matter(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("one", "1.0", "dep<2"))
    upstream.add(spec("two", "1.0", "dep", "more"))
    upstream.add(spec("three", "1.0", "dep>=2"))
    upstream.add(spec("more", "1.0", "dep!=1.0"))
    for version in ("1.0", "2.0", "3.0"):
        upstream.add(spec("dep", version))
    found = {
        tuple(mirror_of(tmp_path / "".join(order), upstream, *order).required())
        for order in permutations(("one", "two", "three"))
    }
    assert len(found) == 1


def test_the_first_source_that_has_a_project_serves_it_alone(tmp_path: Path) -> None:
    with pypi() as first, pypi() as second:
        first.add(spec("app", "1.0", "dep>=2"))
        first.add(spec("dep", "1.0"))
        second.add(spec("dep", "2.0"))
        sources = source_of(first, "app", name="first"), source_of(second, name="second")
        found = Mirror(tmp_path / "mirror", sources).close()
        assert required(found) == []
        assert reasons(found) == ["only dep==1.0 is available and all versions of app depend on dep>=2"]
        assert not second.seen


def test_a_source_that_fails_is_a_problem_and_the_next_one_is_not_asked(tmp_path: Path) -> None:
    with pypi() as first, pypi() as second:
        first.add(spec("app", "1.0", "dep"))
        first.fail("/dep/", status=404 + 96, times=99)
        second.add(spec("dep"))
        sources = source_of(first, "app", name="first"), source_of(second, name="second")
        found = Mirror(tmp_path / "mirror", sources).close()
        assert required(found) == []
        assert {(each.source, each.project) for each in found.problems} == {("first", "dep"), ("first", "app")}
        assert not second.seen


def test_a_dependency_may_need_a_newer_system_than_what_requires_it(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep", tags="cp311-cp311-macosx_15_0_arm64"))
    upstream.add(spec("dep", tags="cp311-cp311-manylinux_2_39_x86_64"))
    found = mirror_of(tmp_path, upstream, "app", platforms=(LINUX, MACOS)).close()
    assert len(required(found)) == 2
    assert not found.problems


def test_what_takes_too_long_is_a_problem_of_its_project_and_tried_again(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.add(spec("slow", "1.0", "dep"))
    upstream.add(spec("good", "1.0", "dep"))
    upstream.add(spec("dep"))
    resolve = Uv.resolve

    def limited(self: Uv, index: str, roots: Any, *rest: Any) -> Resolution:
        return Resolution({}, "too long", final=False) if "slow==1.0" in roots else resolve(self, index, roots, *rest)

    mirror = mirror_of(tmp_path, upstream, "good", "slow")
    with monkeypatch.context() as patch:
        patch.setattr(Uv, "resolve", limited)
        found = mirror.close()
    assert [(each.project, each.problem.reason) for each in found.problems] == [("slow", "too long")]
    assert required(found) == ["dep-1.0-py3-none-any.whl"]
    assert mirror.close().problems == ()


def test_without_uv_nothing_is_done(upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.add(spec("app"))
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MirrorError, match="uv, which resolves dependencies, is not installed") as caught:
        mirror_of(tmp_path, upstream, "app").close()
    assert caught.value.code == "no-uv"


def test_settings_of_the_user_do_not_change_what_is_resolved(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep", "1.0"))
    upstream.add(spec("dep", "2.0"))
    monkeypatch.setenv("UV_RESOLUTION", "lowest")
    monkeypatch.setenv("UV_INDEX", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert mirror_of(tmp_path, upstream, "app").required() == ["dep-2.0-py3-none-any.whl"]


def test_a_source_can_be_for_dependencies_only(upstream: Upstream, tmp_path: Path) -> None:
    """It names nothing, and none of its other projects comes into the mirror."""
    upstream.add(spec("app", "1.0", "dep"))
    with pypi() as other:
        for project in ("dep", "unused"):
            other.add(spec(project))
        mirror = mirror_of(tmp_path, upstream, "app")
        mirror.sources += (source_of(other, name="others"),)
        found = mirror.close()
    assert [(each.filename, each.source.name) for each in found.wanted if each.reason is Reason.REQUIRED] == [
        ("dep-1.0-py3-none-any.whl", "others")
    ]
    assert not found.problems


def test_a_dependency_may_need_a_later_patch_release_of_the_python(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "lib", "other"))
    upstream.add(spec("lib"), requires_python=">=3.11.4")
    upstream.add(spec("other"), requires_python="!=3.11.0,!=3.11.1,>=3.9")
    mirror = mirror_of(tmp_path, upstream, "app")
    found = mirror.close()
    assert required(found) == ["lib-1.0-py3-none-any.whl", "other-1.0-py3-none-any.whl"]
    assert not found.problems
    mirror.add(found, upstream)
    assert mirror.required() == required(found)


@pytest.mark.parametrize("marker", ['python_full_version >= "3.11.4"', 'python_full_version < "3.11.3"'])
def test_what_only_some_patch_releases_require_is_required(marker: str, upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep", "1.0", f"lib; {marker}"))
    mirror = mirror_of(tmp_path, upstream, "app")
    assert [each.project for each in mirror.close().problems] == ["app"]
    upstream.add(spec("lib"))
    found = mirror.close()
    assert required(found) == ["dep-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]
    assert not found.problems


def test_a_release_for_early_patch_releases_needs_nothing_for_later_ones(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", 'lib; python_full_version >= "3.11.4"'), requires_python=">=3.11,<3.11.4")
    assert mirror_of(tmp_path, upstream, "app").close().problems == ()


def test_uv_runs_once_where_patch_releases_make_no_difference(
    upstream: Upstream, tmp_path: Path, runs: list[tuple[str, ...]]
) -> None:
    upstream.add(spec("app", "1.0", "dep"), requires_python=">=3.9.1")  # of another Python
    upstream.add(spec("dep"), requires_python=">=3.11")
    mirror = mirror_of(tmp_path, upstream, "app")
    mirror.add(mirror.close(), upstream)
    runs.clear()
    assert mirror.required() == ["dep-1.0-py3-none-any.whl"]
    assert len(runs) == 1


@pytest.mark.parametrize("sdists", [Sdists.ALL, Sdists.IF_NO_WHEEL, Sdists.NEVER])
def test_what_has_only_source_distributions_cannot_be_resolved_whatever_is_copied(
    sdists: Sdists, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add_sdist("dep", "1.0")
    found = mirror_of(tmp_path, upstream, "app", sdists=sdists).close()
    assert reasons(found) == ["dep has only source distributions in pypi and all versions of app depend on dep"]
    assert required(found) == []


@pytest.mark.parametrize(("sdists", "copied"), [(Sdists.ALL, ["dep-2.0.tar.gz"]), (Sdists.NEVER, [])])
def test_source_distributions_of_dependencies_are_those_of_the_release(
    sdists: Sdists, copied: list[str], upstream: Upstream, tmp_path: Path
) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    for version in ("1.0", "2.0"):
        upstream.add(spec("dep", version))
        upstream.add_sdist("dep", version)
    mirror = mirror_of(tmp_path, upstream, "app", sdists=sdists)
    found = mirror.close()
    assert required(found) == ["dep-2.0-py3-none-any.whl", *copied]
    mirror.add(Choice(tuple(each for each in found.wanted if each.filename.endswith(".whl"))), upstream)
    assert mirror.required() == required(found)


def test_any_is_no_platform_to_resolve_for(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "dep"))
    upstream.add(spec("dep"))
    upstream.add(spec("dep", tags="cp311-cp311-manylinux_2_28_x86_64"))
    found = mirror_of(tmp_path, upstream, "app", platforms="any").close()
    assert required(found) == ["dep-1.0-py3-none-any.whl"]
    assert len(mirror_of(tmp_path / "two", upstream, "app", platforms=("any", LINUX)).required()) == 2


LONG_AGO = "2020-01-01T00:00:00.000000Z"
TODAY = "2026-01-01T00:00:00.000000Z"


def aged(upstream: Upstream, uploaded: str, *specs: WheelSpec) -> None:
    for each in specs:
        upstream.add(each, uploaded=uploaded)


@pytest.mark.usefixtures("stopped_clock")
def test_a_release_waits_with_what_it_requires(upstream: Upstream, tmp_path: Path) -> None:
    """As boto3 and botocore, which come within minutes of each other each day."""
    aged(upstream, LONG_AGO, spec("app", "1.0", "lib>=1"), spec("lib", "1.0"), spec("app", "2.0", "lib>=2"))
    aged(upstream, TODAY, spec("lib", "2.0"))
    for number, projects in enumerate((["app"], ["app", "lib"])):
        mirror = mirror_of(tmp_path / str(number), upstream, *projects, keep=1, min_age=timedelta(days=3))
        found = mirror.close()
        assert [each.filename for each in found.wanted] == ["app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]
        assert ("app-2.0-py3-none-any.whl", "it requires lib 2.0, which is younger than min-age") in [
            (each.filename, each.reason) for each in found.waiting
        ]
        assert found.problems == ()
        mirror.add(found, upstream)
        assert [each.filename for each in mirror.close().wanted] == [each.filename for each in found.wanted]


@pytest.mark.usefixtures("stopped_clock")
def test_what_waits_for_what_waits_waits(upstream: Upstream, tmp_path: Path) -> None:
    aged(upstream, LONG_AGO, *(spec("app", f"{each}.0", f"lib=={each}") for each in (1, 2, 3)), spec("lib", "1"))
    aged(upstream, LONG_AGO, spec("top", "2.0", "app>=2"), spec("top", "1.0"))
    aged(upstream, TODAY, spec("lib", "2"), spec("lib", "3"))
    found = mirror_of(tmp_path, upstream, "app", "top", keep=1, min_age=timedelta(days=3)).close()
    assert [(each.project, each.version) for each in found.wanted] == [("app", "1.0"), ("top", "1.0"), ("lib", "1")]
    assert found.problems == ()


@pytest.mark.usefixtures("stopped_clock")
def test_a_release_that_the_mirror_has_does_not_wait(upstream: Upstream, tmp_path: Path) -> None:
    aged(upstream, LONG_AGO, spec("app", "1.0", "lib>=2"))
    aged(upstream, TODAY, spec("lib", "2.0"))
    mirror = mirror_of(tmp_path, upstream, "app", min_age=timedelta(days=3))
    mirror.add(mirror.chosen(), upstream)
    found = mirror.close()
    assert [each.filename for each in found.wanted] == ["app-1.0-py3-none-any.whl"]
    assert reasons(found) == ["it requires lib 2.0, which is younger than min-age"]


@pytest.mark.usefixtures("stopped_clock")
def test_what_is_missing_besides_is_a_problem(upstream: Upstream, tmp_path: Path) -> None:
    aged(upstream, LONG_AGO, spec("app", "1.0", "lib>=2", "missing"))
    aged(upstream, TODAY, spec("lib", "2.0"))
    found = mirror_of(tmp_path, upstream, "app", min_age=timedelta(days=3)).close()
    assert [each.problem.code for each in found.problems] == ["not-closed"]
    assert "min-age" not in str(reasons(found))


@pytest.mark.slow
def test_one_new_release_costs_few_runs_where_releases_fit_only_their_own_kind(
    upstream: Upstream, tmp_path: Path, runs: list[tuple[str, ...]]
) -> None:
    """Each release pins its own ``lib``; a new one of one project shifts its releases against those of the others."""
    for number in range(1, 5):
        upstream.add(spec("lib", str(number)))
        for project in "abcdef":
            upstream.add(spec(project, str(number), f"lib=={number}"))
    mirror = mirror_of(tmp_path, upstream, *"abcdef", keep=None)
    mirror.add(mirror.close(), upstream)
    mirror.close()
    upstream.add(spec("lib", "5"))
    upstream.add(spec("a", "5", "lib==5"))
    runs.clear()
    found = mirror.close()
    assert required(found) == [f"lib-{number}-py3-none-any.whl" for number in range(1, 6)]
    assert not found.problems
    first = len(runs)
    assert first <= 36  # 71 where nothing is known of the run before
    mirror.pages.clear()
    mirror.add(found, upstream)
    runs.clear()
    mirror.close()
    assert len(runs) <= first


def test_uv_is_not_started_without_end(upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for project in ("one", "two"):
        upstream.add(spec(project, "1.0", f"dep=={1 if project == 'one' else 2}"))
    for version in ("1", "2"):
        upstream.add(spec("dep", version))
    mirror = mirror_of(tmp_path, upstream, "one", "two")
    with monkeypatch.context() as patch:
        patch.setattr(resolver, "_MOST_RUNS", 1)
        found = mirror.close()
    assert {each.project for each in found.problems} == {"one", "two"}
    assert reasons(found)[0] == "more than 1 resolutions do not find out; allow fewer releases, platforms or Pythons"
    assert mirror.close().problems == ()  # nothing of that is remembered


def test_a_pinned_dependency_that_is_yanked_is_said_to_be(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "lib==1.0"))
    for version in ("1.0", "2.0"):
        upstream.add(spec("lib", version))
    upstream.yank("lib-1.0-py3-none-any.whl", "bad")
    [reason] = reasons(mirror_of(tmp_path, upstream, "app").close())
    assert str(reason).endswith("; lib 1.0 is yanked")
