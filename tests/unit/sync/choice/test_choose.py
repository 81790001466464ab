"""Which files of its sources a mirror is to have."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from building import WheelSpec
from choosing import EVERY, Machine, codes, epoch, reasons, source, versions, wanted
from counting import count_calls
from thorough import examples
from upstreams import LINUX, MACOS, TIME, File, Upstream, pypi, pytorch, torch
from wheelfix.errors import FilenameError
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.options import Targets
from wheelfix.sync.choice.first_seen import FirstSeen
from wheelfix.sync.choice.releases import releases_of
from wheelfix.sync.choice.sources import Served
from wheelfix.sync.manifest.model import Local, Sdists
from wheelfix.sync.model import Action
from wheelfix.upstream.urls import name_of_index


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """An empty index like PyPI."""
    with pypi() as found:
        yield found


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine, on the tenth of January."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch("2026-01-10"))
    return Machine(tmp_path)


def demo(version: str, tags: str = "py3-none-any", project: str = "demo") -> WheelSpec:
    """Return a wheel."""
    return WheelSpec(project=project, version=version, tags=tags, requires=())


def add(upstream: Upstream, *versions: str, project: str = "demo") -> None:
    """Add releases."""
    for version in versions:
        upstream.add(demo(version, project=project))


def test_newest_releases_that_fit_are_kept(upstream: Upstream, machine: Machine) -> None:
    add(upstream, "0.9", "1.0", "1.1", "1.2", "1.10", "2.0")
    assert versions(machine.choose(source(upstream, "demo<2", keep=3))) == ["1.1", "1.10", "1.2"]
    assert versions(machine.choose(source(upstream, "demo<2", keep=None))) == ["0.9", "1.0", "1.1", "1.10", "1.2"]


def test_several_requirements_on_a_project_each_keep_their_newest(upstream: Upstream, machine: Machine) -> None:
    add(upstream, "1.0", "1.1", "2.0", "2.1")
    choice = machine.choose(source(upstream, "demo<2", "demo>=1.1", keep=1))
    assert versions(choice) == ["1.1", "2.1"]
    choice = machine.choose(source(upstream, "demo", "Demo>=1", keep=1))
    assert wanted(choice) == ["demo-2.1-py3-none-any.whl"]


def test_yanked_files_and_pre_releases_are_chosen_by_name_only(upstream: Upstream, machine: Machine) -> None:
    add(upstream, "1.0", "1.1", "2.0rc1")
    upstream.yank("demo-1.1-py3-none-any.whl", "broken")
    assert versions(machine.choose(source(upstream, "demo"))) == ["1.0"]
    assert versions(machine.choose(source(upstream, "demo==1.1"))) == ["1.1"]
    assert versions(machine.choose(source(upstream, "demo>=1.0.0rc0"))) == ["1.0", "2.0rc1"]


def test_requirement_that_nothing_fits_is_a_problem_and_others_go_on(upstream: Upstream, machine: Machine) -> None:
    add(upstream, "1.0")
    add(upstream, "1.0", project="other")
    upstream.add_sdist("source-only", "1.0")
    choice = machine.choose(source(upstream, "demo>=2", "other", "missing", "source-only"))
    assert codes(choice) == [("demo", "no-version"), ("missing", "no-project"), ("source-only", "only-sdists")]
    assert versions(choice, "other") == ["1.0"]
    hint = choice.problems[-1].problem.hint
    assert "sdists" in hint


def test_error_about_one_project_does_not_hold_up_others(
    upstream: Upstream, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(served: Served, requirement: str, seen: FirstSeen) -> Any:
        if requirement == "demo":
            raise FilenameError("bad-name", "its name is none", hint="Rename it.")
        return releases_of(served, requirement, seen)

    monkeypatch.setattr("wheelfix.sync.choice.choose.releases_of", found)
    add(upstream, "1.0")
    add(upstream, "1.0", project="other")
    choice = machine.choose(source(upstream, "demo", "other"))
    assert (wanted(choice), codes(choice)) == (["other-1.0-py3-none-any.whl"], [("demo", "bad-name")])


def test_project_of_which_all_that_fits_is_yanked_says_so(upstream: Upstream, machine: Machine) -> None:
    add(upstream, "1.0", "1.1", "2.0")
    for version in ("1.0", "1.1"):
        upstream.yank(f"demo-{version}-py3-none-any.whl")
    choice = machine.choose(source(upstream, "demo<2"))
    assert codes(choice) == [("demo", "no-version")]
    assert choice.problems[0].problem.reason == "it has 1.1, 1.0, all yanked"


def test_work_grows_with_the_page_and_no_faster(upstream: Upstream, machine: Machine) -> None:
    tags = [f"cp3{minor}-cp3{minor}-{platform}" for minor in (11, 12) for platform in (*LINUX, MACOS)]

    def work(count: int) -> int:
        names = [f"demo-1.{number}-{tag}.whl" for number in range(count) for tag in tags]
        upstream.projects["demo"] = {name: File(name=name, data=name.encode(), uploaded=TIME) for name in names}
        main = source(upstream, "demo", min_age=timedelta(days=1), targets=Targets(EVERY.platforms, ("3.11", "3.12")))
        return count_calls(lambda: machine.choose(main))

    assert work(400) < 2.3 * work(200)


def test_one_bad_requirement_of_a_project_leaves_the_whole_project_alone(upstream: Upstream, machine: Machine) -> None:
    add(upstream, "1.0")
    choice = machine.choose(source(upstream, "demo", "demo>=2"))
    assert wanted(choice) == []
    assert codes(choice) == [("demo", "no-version")]


def test_wheels_are_for_the_targets_and_what_is_missing_is_reported(upstream: Upstream, machine: Machine) -> None:
    for tags in ("cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_x86_64", "cp311-cp311-win_amd64"):
        upstream.add(demo("1.0", tags))
    upstream.add(demo("1.0", "cp311-cp311-macosx_11_0_arm64"))
    targets = Targets(("manylinux*_x86_64", "manylinux*_aarch64", "macosx*_arm64"), ("3.11", "3.12"))
    choice = machine.choose(source(upstream, "demo", targets=targets))
    assert len(wanted(choice)) == 3
    assert not any("win" in each for each in wanted(choice))
    [row] = choice.reported
    assert (row.action, row.code, row.version, row.filename) == (Action.REPORT, "no-wheel", "1.0", "")
    assert row.reason == "no wheel for manylinux*_aarch64, macosx*_arm64 with Python 3.12"


@pytest.mark.parametrize(
    ("platforms", "pythons", "missing"),
    [
        (("manylinux*", "macosx*"), ("3.11", "3.12"), "Python 3.12"),
        (("manylinux*", "win*"), ("3.11", "3.12"), "manylinux* with Python 3.12, win*"),
        (("manylinux*", "win*"), (), "win*"),
        ((), ("3.11", "3.12", "3.13"), "Python 3.12, 3.13"),
    ],
)
def test_missing_targets_are_named_shortly(
    upstream: Upstream, machine: Machine, platforms: tuple[str, ...], pythons: tuple[str, ...], missing: str
) -> None:
    for tags in ("cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-macosx_11_0_arm64"):
        upstream.add(demo("1.0", tags))
    choice = machine.choose(source(upstream, "demo", targets=Targets(platforms, pythons)))
    assert [each.reason for each in choice.reported] == [f"no wheel for {missing}"]


def test_project_without_wheels_for_any_target_is_a_problem(upstream: Upstream, machine: Machine) -> None:
    upstream.add(demo("1.0", "cp311-cp311-win_amd64"))
    choice = machine.choose(source(upstream, "demo", targets=Targets("manylinux*", "3.11")))
    assert codes(choice) == [("demo", "no-wheel")]
    assert "`platforms`" in choice.problems[0].problem.hint


def test_requires_python_of_the_index_counts(upstream: Upstream, machine: Machine) -> None:
    upstream.add(demo("1.0"), requires_python=">=3.9")
    upstream.add(demo("2.0"), requires_python=">=3.11.4")
    upstream.add(demo("3.0"), requires_python=">=3.12")
    upstream.add(demo("4.0"), requires_python="garbage")
    choice = machine.choose(source(upstream, "demo", keep=2, targets=Targets((), "3.11")))
    assert versions(choice) == ["2.0", "4.0"]
    two = machine.choose(source(upstream, "demo<4", keep=2, targets=Targets((), ("3.10", "3.13"))))
    assert versions(two) == ["2.0", "3.0"]
    assert choice.reported == ()


def test_sdists_are_never_copied_where_a_wheel_is_missing_or_all(upstream: Upstream, machine: Machine) -> None:
    add(upstream, "1.0")
    upstream.add(demo("2.0", "cp311-cp311-manylinux_2_28_x86_64"))
    for version in ("1.0", "2.0", "3.0"):
        upstream.add_sdist("demo", version)
    targets = Targets(("manylinux*_x86_64", "macosx*_arm64"), ("3.11",))

    def sdists(policy: Sdists) -> list[str]:
        choice = machine.choose(source(upstream, "demo", sdists=policy, targets=targets))
        return [each for each in wanted(choice) if each.endswith(".tar.gz")]

    assert sdists(Sdists.NEVER) == []
    assert sdists(Sdists.IF_NO_WHEEL) == ["demo-2.0.tar.gz", "demo-3.0.tar.gz"]
    assert sdists(Sdists.ALL) == ["demo-1.0.tar.gz", "demo-2.0.tar.gz", "demo-3.0.tar.gz"]


def test_young_releases_wait_and_older_ones_are_kept_meanwhile(upstream: Upstream, machine: Machine) -> None:
    for version, day in (("1.0", "01"), ("1.1", "02"), ("2.0", "06"), ("2.1", "08")):
        upstream.add(demo(version), uploaded=f"2026-01-{day}T12:00:00Z")
    choice = machine.choose(source(upstream, "demo", keep=2, min_age=timedelta(days=3)))
    assert versions(choice) == ["1.1", "2.0"]
    assert reasons(choice) == {"demo-2.1-py3-none-any.whl": "younger than 3 days; it is added from 2026-01-11 12:00 UTC on"}
    assert choice.waiting[0].code == "too-young"
    assert versions(machine.choose(source(upstream, "demo", keep=2))) == ["2.0", "2.1"]


def test_file_that_came_later_to_an_old_release_waits_alone(upstream: Upstream, machine: Machine) -> None:
    upstream.add(demo("1.0"), uploaded="2026-01-01T00:00:00Z")
    upstream.add(demo("1.0", "cp311-cp311-win_amd64"), uploaded="2026-01-09T00:00:00Z")
    choice = machine.choose(source(upstream, "demo", min_age=timedelta(hours=36)))
    assert wanted(choice) == ["demo-1.0-py3-none-any.whl"]
    assert "younger than 36 hours" in reasons(choice)["demo-1.0-cp311-cp311-win_amd64.whl"]


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", "2026-01-09T12:00:00", "2026-01-11T00:00:00+14:00"])
def test_any_upload_time_can_be_compared(upstream: Upstream, machine: Machine, time: str) -> None:
    upstream.add(demo("1.0"), uploaded=time)
    choice = machine.choose(source(upstream, "demo", min_age=timedelta(days=3)))
    assert wanted(choice) == []
    assert len(choice.waiting) == 1
    assert choice.problems == ()


class TestFirstSight:
    """An index without upload times."""

    def test_it_counts_and_is_remembered_by_all_machines(
        self, tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytorch() as index:
            index.add(torch("2.9.0", LINUX[0]))
            main = source(index, "torch", min_age=timedelta(days=3))
            first = machine.choose(main)
            assert wanted(first) == []
            assert list(reasons(first).values()) == [
                "younger than 3 days, first seen 2026-01-10 00:00 UTC: the index has no upload times; "
                "it is added from 2026-01-13 00:00 UTC on"
            ]
            index.add(torch("2.9.0", LINUX[1]))
            monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch("2026-01-13"))
            second = Machine(tmp_path / "another", machine.objects).choose(main)
        assert wanted(second) == ["torch-2.9.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"]
        [file] = second.wanted
        assert file.first_seen == "2026-01-10T00:00:00.000000Z"
        assert file.upstream().seen == file.first_seen
        assert list(reasons(second)) == ["torch-2.9.0+cpu-cp311-cp311-manylinux_2_28_aarch64.whl"]

    def test_it_is_that_of_the_page_for_what_the_mirror_lists(self, machine: Machine) -> None:
        with pytorch() as index:
            file = index.add(torch("2.9.0", MACOS))
            listed = ListedFile(filename=file.name, url="x", sha256=file.sha256, size=1, upload_time="2026-01-02T00:00:00Z")
            machine.pages = {"torch": Page("torch", (listed,))}
            choice = machine.choose(source(index, "torch", min_age=timedelta(days=3)))
        assert wanted(choice) == [file.name]
        assert machine.objects == {}

    def test_a_dry_run_and_a_manifest_without_min_age_note_nothing(self, machine: Machine) -> None:
        with pytorch() as index:
            index.add(torch("2.9.0", MACOS))
            machine.choose(source(index, "torch", min_age=timedelta(days=3)), dry_run=True)
            choice = machine.choose(source(index, "torch"))
        assert len(choice.wanted) == 1
        assert choice.wanted[0].first_seen is None
        assert machine.objects == {}


def test_file_without_sha256_is_a_problem_of_that_file(machine: Machine) -> None:
    with pytorch() as index:
        index.add(torch("2.9.0", LINUX[0]))
        index.add(torch("2.9.0", LINUX[1]), hashed=False)  # its metadata file has one: that is no substitute
        choice = machine.choose(source(index, "torch"))
    assert wanted(choice) == ["torch-2.9.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"]
    [row] = choice.reported
    assert (row.filename, row.code) == ("torch-2.9.0+cpu-cp311-cp311-manylinux_2_28_aarch64.whl", "no-hash")
    assert row.problem is not None
    assert choice.problems == ()


class TestOneSourceForAProject:
    """No other source slips in a version."""

    def test_the_first_that_names_and_has_it_serves_it(self, upstream: Upstream, machine: Machine) -> None:
        with pypi() as second:
            add(upstream, "1.0")
            add(second, "99.0")
            choice = machine.choose(source(upstream, "demo"), source(second, "demo", name="second"))
            assert versions(choice) == ["1.0"]
            assert [(each.source, each.code) for each in choice.reported] == [("second", "served-elsewhere")]
            choice = machine.choose(source(upstream, "demo>=2"), source(second, "demo", name="second"))
            assert wanted(choice) == []
            assert codes(choice) == [("demo", "no-version")]

    def test_one_that_does_not_have_it_lets_the_next_serve_it(self, upstream: Upstream, machine: Machine) -> None:
        with pypi() as second:
            add(second, "1.0")
            choice = machine.choose(source(upstream, "demo"), source(second, "demo", name="second"))
        assert versions(choice) == ["1.0"]
        assert choice.problems == ()
        assert [(each.source, each.reason) for each in choice.reported] == [
            ("main", "the index has no such project: the source second serves it")
        ]

    @pytest.mark.parametrize("status", [500, 403])
    def test_one_that_fails_is_an_error_and_no_way_to_the_next(
        self, upstream: Upstream, machine: Machine, status: int
    ) -> None:
        with pypi() as second:
            add(upstream, "1.0")
            add(second, "99.0")
            add(second, "1.0", project="other")
            upstream.fail("/demo/", status=status, times=99, headers={"Retry-After": "0"})
            choice = machine.choose(source(upstream, "demo"), source(second, "demo", "other", name="second"))
        assert wanted(choice) == ["other-1.0-py3-none-any.whl"]
        assert [(each.source, each.project) for each in choice.problems] == [("main", "demo")]

    def test_one_that_had_it_and_has_it_no_longer_is_an_error_too(self, upstream: Upstream, machine: Machine) -> None:
        listed = ListedFile(
            filename="demo-1.0-py3-none-any.whl", url="x", sha256="0", size=1, upload_time=TIME, source="main"
        )
        machine.pages = {"demo": Page("demo", (listed,))}
        with pypi() as second:
            add(second, "99.0")
            choice = machine.choose(source(upstream, "demo"), source(second, "demo", name="second"))
            alone = machine.choose(source(upstream, "demo"))
        assert wanted(choice) == []
        for each in (choice, alone):
            assert codes(each) == [("demo", "no-project")]
            assert "1 file" in (each.problems[0].problem.reason or "")

    @pytest.mark.parametrize("name", ["main", "renamed"])
    def test_one_that_had_it_is_known_by_its_index_too(self, upstream: Upstream, machine: Machine, name: str) -> None:
        listed = ListedFile(
            filename="demo-1.0-py3-none-any.whl", url="x", sha256="0", size=1, upload_time=TIME, source="main",
            upstream=name_of_index(upstream.index),
        )  # fmt: skip
        machine.pages = {"demo": Page("demo", (listed,))}
        with pypi() as second:
            add(second, "99.0")
            choice = machine.choose(source(upstream, "demo", name=name), source(second, "demo", name="second"))
        assert (wanted(choice), codes(choice)) == ([], [("demo", "no-project")])
        assert "no longer has the project demo" in choice.problems[0].problem.message

    def test_an_index_with_another_url_never_had_it(self, upstream: Upstream, machine: Machine) -> None:
        listed = ListedFile(
            filename="demo-1.0-py3-none-any.whl", url="x", sha256="0", size=1, upload_time=TIME, source="main",
            upstream="https://packages.example.org/simple/",
        )  # fmt: skip
        machine.pages = {"demo": Page("demo", (listed,))}
        (problem,) = machine.choose(source(upstream, "demo")).problems
        assert problem.problem.message.endswith("has no project demo")
        assert problem.problem.reason == "the mirror lists 1 file of it, from https://packages.example.org/simple/"
        assert problem.problem.hint.startswith("Check the URL of the index: most end in /simple/.")

    def test_one_that_has_nothing_of_what_it_names_is_no_way_to_the_next(self, upstream: Upstream, machine: Machine) -> None:
        """It may want a password: many indexes answer so to who may not see a project."""
        with pypi() as second:
            add(second, "99.0")
            add(second, "99.0", project="other")
            both = source(upstream, "demo", "other"), source(second, "demo", "other", name="second")
            choice = machine.choose(*both)
            assert (wanted(choice), codes(choice)) == ([], [("demo", "no-project"), ("other", "no-project")])
            assert "has none of the projects that the source main names" in choice.problems[0].problem.message
            add(upstream, "1.0", project="other")
            choice = Machine(machine.folder).choose(*both)
            assert {(each.source.name, each.project) for each in choice.wanted} == {("main", "other"), ("second", "demo")}

    def test_a_source_that_names_other_projects_is_not_asked(self, upstream: Upstream, machine: Machine) -> None:
        with pypi() as second:
            add(upstream, "1.0", project="other")
            add(upstream, "1.0")
            add(second, "2.0")
            choice = machine.choose(source(upstream, "other"), source(second, "demo", name="second"))
        assert versions(choice) == ["2.0"]
        assert [each.path for each in upstream.seen] == ["/simple/other/"]


class TestOneLocalVersion:
    """``local = "strip"``."""

    def test_plain_wheels_come_beside_those_of_the_local_version(self, machine: Machine) -> None:
        with pytorch() as index:
            for platform in (*LINUX, MACOS):
                index.add(torch("2.9.0", platform))
            index.add(torch("2.9.0", LINUX[0], local=""))
            index.add(torch("2.9.0", LINUX[1], local="+cu128"))
            choice = machine.choose(source(index, "torch", local=Local.STRIP, targets=EVERY))
            kept = machine.choose(source(index, "torch", keep=1, targets=EVERY))
        assert wanted(choice) == [
            "torch-2.9.0+cpu-cp311-cp311-manylinux_2_28_aarch64.whl",
            "torch-2.9.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
            "torch-2.9.0-cp311-none-macosx_11_0_arm64.whl",
        ]
        assert versions(choice, "torch") == ["2.9.0"]
        assert len(kept.wanted) == 5, "local versions of a version are one release for keep"

    def test_plain_counts_before_any_other_local_version_than_cpu(self, machine: Machine) -> None:
        with pytorch() as index:
            index.add(torch("2.9.0", LINUX[0], local=""))
            for platform in LINUX:
                index.add(torch("2.9.0", platform, local="+cu128"))
            choice = machine.choose(source(index, "torch", local=Local.STRIP))
        assert wanted(choice) == [
            "torch-2.9.0+cu128-cp311-cp311-manylinux_2_28_aarch64.whl",
            "torch-2.9.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        ]

    def test_several_without_cpu_are_a_problem(self, machine: Machine) -> None:
        with pytorch() as index:
            index.add(torch("2.9.0", LINUX[0], local="+cu128"))
            assert len(machine.choose(source(index, "torch", local=Local.STRIP)).wanted) == 1
            index.add(torch("2.9.0", LINUX[1], local="+cu126"))
            choice = machine.choose(source(index, "torch", local=Local.STRIP))
            named = machine.choose(source(index, "torch==2.9.0+cu126", local=Local.STRIP))
        assert codes(choice) == [("torch", "several-local-versions")]
        assert wanted(choice) == []
        assert len(named.wanted) == 1


def test_only_looks_at_nothing_else(upstream: Upstream, machine: Machine) -> None:
    with pypi() as second:
        add(upstream, "1.0")
        add(upstream, "1.0", project="other")
        add(second, "1.0", project="third")
        sources = source(upstream, "demo", "other"), source(second, "third", name="second")
        assert wanted(machine.choose(*sources, only=("demo", "second"))) == [
            "demo-1.0-py3-none-any.whl",
            "third-1.0-py3-none-any.whl",
        ]
        assert {each.path for each in upstream.seen} == {"/simple/demo/"}


def test_file_that_an_index_lists_twice_is_a_problem(upstream: Upstream, machine: Machine) -> None:
    first = upstream.add(demo("1.0"))
    upstream.projects["demo"]["again"] = type(first)(name=first.name, data=b"other bytes", uploaded=TIME)
    choice = machine.choose(source(upstream, "demo"))
    assert [each.code for each in choice.reported] == ["several-files"] * 2
    assert choice.wanted == (), "nobody knows which is meant"


def test_two_spellings_of_one_name_are_a_problem_unless_it_is_the_same(upstream: Upstream, machine: Machine) -> None:
    first = upstream.add(demo("1.0"))
    upstream.projects["demo"]["again"] = File(name="Demo-1.0-py3-none-any.whl", data=first.data, uploaded=TIME)
    assert len(machine.choose(source(upstream, "demo")).wanted) == 2
    upstream.projects["demo"]["again"].data = b"other bytes"
    choice = Machine(machine.folder).choose(source(upstream, "demo"))
    assert ([each.code for each in choice.reported], choice.wanted) == (["several-files"] * 2, ())


def test_a_release_whose_upload_is_under_way_takes_no_place_without_a_wheel(upstream: Upstream, tmp_path: Path) -> None:
    tags = ("cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-macosx_11_0_arm64", "cp311-cp311-win_amd64")
    targets = Targets(("manylinux*_x86_64", "macosx*_arm64", "win*"), ("3.11",))
    for version in ("0.9", "1.0"):
        for each in tags:
            upstream.add(demo(version, each))

    def kept(keep: int = 1) -> list[str]:
        return versions(Machine(tmp_path).choose(source(upstream, "demo", keep=keep, targets=targets)))

    assert kept() == ["1.0"]
    upstream.add(demo("2.0", tags[1]))
    assert kept() == ["1.0", "2.0"]
    assert kept(2) == ["0.9", "1.0", "2.0"]
    for each in tags:
        upstream.add(demo("2.0", each))
    assert kept() == ["2.0"]
    assert kept(2) == ["1.0", "2.0"]


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(["demo<2", "demo>=1.1", "other", "third==1.0", "missing"]))
def test_order_of_projects_does_not_matter(order: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    with pypi() as upstream:
        for project in ("demo", "other", "third"):
            add(upstream, "1.0", "1.1", "2.0", project=project)
        machine = Machine(tmp_path_factory.mktemp("machine"))
        choice = machine.choose(source(upstream, *order, keep=2))
        again = machine.choose(source(upstream, *sorted(order), keep=2))
    assert [(each.filename, each.sha256) for each in choice.wanted] == [(x.filename, x.sha256) for x in again.wanted]
    assert choice.problems == again.problems
