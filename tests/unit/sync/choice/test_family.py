"""Projects whose versions must fit each other: those combinations, or none."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from building import WheelSpec
from choosing import EVERY, Machine, codes, epoch, reasons, source, versions, wanted
from upstreams import LINUX, MACOS, PAIRS, Upstream, add_family, pypi, pytorch, torch, vision
from wheelfix.options import Targets
from wheelfix.sync.choice import family
from wheelfix.sync.choice.choose import Choice
from wheelfix.sync.manifest.model import Local, Source

NAMES = ("torch", "torchvision", "torchaudio")
CP312 = "cp312"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """PyTorch's CPU index with three releases of the family."""
    with pytorch() as found:
        add_family(found, "2.8.0", "2.9.0", "2.9.1")
        yield found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine."""
    return Machine(tmp_path)


def of(upstream: Upstream, *projects: str, targets: Targets = EVERY, local: Local = Local.STRIP, **settings: Any) -> Source:
    """Return the source of a family."""
    return source(upstream, *(projects or NAMES), family=True, targets=targets, local=local, **settings)


def combinations(choice: Choice) -> list[list[str]]:
    """Return the versions of the three projects that are wanted."""
    return [versions(choice, project) for project in NAMES]


@pytest.mark.parametrize("local", list(Local))
def test_newest_combinations_are_kept(upstream: Upstream, machine: Machine, local: Local) -> None:
    choice = machine.choose(of(upstream, keep=2, local=local))
    found = {
        project: {each.version.partition("+")[0] for each in choice.wanted if each.project == project} for project in NAMES
    }
    assert found == {"torch": {"2.9.0", "2.9.1"}, "torchvision": {"0.24.0", "0.24.1"}, "torchaudio": {"2.9.0", "2.9.1"}}
    assert len(choice.wanted) == 2 * 3 * len(EVERY.platforms)
    assert (choice.problems, choice.waiting) == ((), ())


def test_order_of_projects_does_not_matter(upstream: Upstream, machine: Machine) -> None:
    upstream.add(torch("2.10.0", LINUX[0]))
    found = [machine.choose(of(upstream, *order, keep=2)) for order in itertools.permutations(NAMES)]
    assert len({tuple(each.filename for each in choice.wanted) for choice in found}) == 1
    assert len({choice.waiting for choice in found}) == 1


def test_release_whose_companions_are_not_there_yet_waits_and_comes_with_them(upstream: Upstream, machine: Machine) -> None:
    for platform in (*LINUX, MACOS):
        upstream.add(torch("2.10.0", platform))
    choice = machine.choose(of(upstream, keep=1))
    assert combinations(choice) == [["2.9.1"], ["0.24.1"], ["2.9.1"]]
    assert set(reasons(choice).values()) == {"no torchaudio fits torch 2.10.0 yet: torchaudio 2.9.1 requires torch==2.9.1"}
    assert {each.code for each in choice.waiting} == {"family"}
    add_family(upstream, "2.10.0")
    choice = machine.choose(of(upstream, keep=1))
    assert combinations(choice) == [["2.10.0"], [PAIRS["2.10.0"]], ["2.10.0"]]
    assert choice.waiting == ()


def test_companion_that_comes_before_its_torch_waits(upstream: Upstream, machine: Machine) -> None:
    for platform in (*LINUX, MACOS):
        upstream.add(vision("0.25.0", "2.10.0", platform))
    choice = machine.choose(of(upstream, keep=1))
    assert combinations(choice) == [["2.9.1"], ["0.24.1"], ["2.9.1"]]
    assert set(reasons(choice).values()) == {
        "no torch fits torchvision 0.25.0 yet: torchvision 0.25.0 requires torch==2.10.0"
    }


def test_combination_without_the_wheels_of_one_platform_waits(upstream: Upstream, machine: Machine) -> None:
    add_family(upstream, "2.10.0")
    name = "torchvision-0.25.0-cp311-cp311-macosx_11_0_arm64.whl"
    late = upstream.file(name)
    upstream.remove(name)
    choice = machine.choose(of(upstream, keep=1))
    assert combinations(choice) == [["2.9.1"], ["0.24.1"], ["2.9.1"]]
    assert "torchvision 0.25.0 has no wheel for macosx arm64 with Python 3.11" in str(reasons(choice))
    upstream.put("torchvision", late)
    assert combinations(machine.choose(of(upstream, keep=1)))[0] == ["2.10.0"]


def test_platform_that_a_project_never_had_or_all_gave_up_holds_up_nothing(upstream: Upstream, machine: Machine) -> None:
    for version in ("2.8.0", "2.9.0", "2.9.1"):
        upstream.add(torch(version, "manylinux_2_28_s390x"))
    upstream.add(torch("2.8.0", "macosx_11_0_x86_64"))
    upstream.add(vision("0.23.0", "2.8.0", "macosx_11_0_x86_64"))
    choice = machine.choose(of(upstream, keep=1, targets=Targets((), "3.11")))
    assert combinations(choice) == [["2.9.1"], ["0.24.1"], ["2.9.1"]]
    assert any("s390x" in each for each in wanted(choice))


def test_target_that_no_wheel_of_the_newest_is_for_keeps_the_combination_before(
    upstream: Upstream, machine: Machine
) -> None:
    """All of a family may be under way, platform by platform; what only one member never had counts for none."""
    for spec in (
        torch("2.10.0", MACOS),
        vision("0.25.0", "2.10.0", MACOS),
        vision("2.10.0", "2.10.0", MACOS, project="torchaudio"),
    ):
        upstream.add(spec)
    choice = machine.choose(of(upstream, keep=1))
    assert combinations(choice) == [["2.10.0", "2.9.1"], ["0.24.1", "0.25.0"], ["2.10.0", "2.9.1"]]
    assert (choice.waiting, choice.problems) == ((), ())
    add_family(upstream, "2.10.0")
    assert combinations(machine.choose(of(upstream, keep=1)))[0] == ["2.10.0"]


def test_target_that_a_family_gave_up_keeps_what_it_has(upstream: Upstream, machine: Machine) -> None:
    """As with a project that is of no family: the newest for each platform."""
    intel = "macosx_11_0_x86_64"
    for spec in (
        torch("2.8.0", intel),
        vision("0.23.0", "2.8.0", intel),
        vision("2.8.0", "2.8.0", intel, project="torchaudio"),
    ):
        upstream.add(spec)
    targets = Targets((*EVERY.platforms, "macosx*_x86_64"), EVERY.pythons)
    assert combinations(machine.choose(of(upstream, keep=1, targets=targets))) == [
        ["2.8.0", "2.9.1"], ["0.23.0", "0.24.1"], ["2.8.0", "2.9.1"],
    ]  # fmt: skip


def test_python_of_which_one_project_has_no_wheel_yet_waits(machine: Machine) -> None:
    with pytorch() as index:
        add_family(index, "2.9.0", pythons=("cp311", CP312))
        add_family(index, "2.9.1", pythons=("cp311", CP312))
        for platform in LINUX:
            index.remove(f"torchaudio-2.9.1+cpu-{CP312}-{CP312}-{platform}.whl")
        choice = machine.choose(of(index, keep=1, targets=Targets(EVERY.platforms, ("3.11", "3.12"))))
    assert combinations(choice)[0] == ["2.9.0"]
    assert "torchaudio 2.9.1 has no wheel for linux aarch64 with Python 3.12" in str(reasons(choice))


def test_several_local_versions_are_a_problem_of_a_release_that_would_be_kept(upstream: Upstream, machine: Machine) -> None:
    for local in ("+cu126", "+cu128"):
        upstream.add(torch("2.7.0", LINUX[0], local=local))
    assert combinations(machine.choose(of(upstream, keep=1)))[0] == ["2.9.1"]
    for local in ("+cu126", "+cu128"):
        upstream.add(torch("2.10.0", LINUX[0], local=local))
    choice = machine.choose(of(upstream, keep=1))
    assert {code for _, code in codes(choice)} == {"several-local-versions"}


def test_newer_release_without_hashes_is_reported(upstream: Upstream, machine: Machine) -> None:
    file = upstream.add(torch("2.10.0", LINUX[0]), hashed=False)
    choice = machine.choose(of(upstream, keep=1))
    assert combinations(choice)[0] == ["2.9.1"]
    assert [(each.filename, each.code) for each in choice.reported] == [(file.name, "no-hash")]


def test_too_young_members_hold_up_the_combination(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch("2026-01-10"))
    with pypi() as index:
        for version, day in (("1.0", "01"), ("2.0", "02")):
            index.add(WheelSpec(project="core", version=version, requires=()), uploaded=f"2026-01-{day}T00:00:00Z")
            spec = WheelSpec(project="addon", version=version, requires=(f"core=={version}",))
            index.add(spec, uploaded=f"2026-01-0{1 if version == '1.0' else 9}T00:00:00Z")
        choice = machine.choose(of(index, "core", "addon", min_age=timedelta(days=3), targets=Targets()))
    assert wanted(choice) == ["addon-1.0-py3-none-any.whl", "core-1.0-py3-none-any.whl"]
    assert reasons(choice)["addon-2.0-py3-none-any.whl"].startswith("younger than 3 days")
    assert reasons(choice)["core-2.0-py3-none-any.whl"].startswith("no addon fits core 2.0 yet")


def test_all_waits_without_a_problem_where_nothing_is_old_enough(upstream: Upstream, machine: Machine) -> None:
    choice = machine.choose(of(upstream, min_age=timedelta(days=3)))
    assert (wanted(choice), choice.problems) == ([], ())
    assert len(choice.waiting) == 27


def test_pins_with_a_local_version_follow_where_that_is_stripped(machine: Machine) -> None:
    with pytorch() as index:
        index.add(torch("2.9.0", LINUX[0]))
        index.add(torch("2.9.0", LINUX[1], local=""))
        for platform in LINUX:
            index.add(vision("0.24.0", "2.9.0+cpu", platform))
        stripped = machine.choose(of(index, "torch", "torchvision"))
        kept = machine.choose(of(index, "torch", "torchvision", local=Local.KEEP))
    assert len(stripped.wanted) == 4
    assert codes(kept) == [("torch", "no-family"), ("torchvision", "no-family")]
    assert wanted(kept) == []


def test_requirements_of_an_extra_or_of_another_platform_do_not_count(machine: Machine) -> None:
    with pypi() as index:
        index.add(WheelSpec(project="core", version="2.0", requires=("addon==9; extra == 'all'",)))
        requires = ("core==1.0; sys_platform == 'win32'", "core>=1")
        index.add(WheelSpec(project="addon", tags="py3-none-manylinux_2_28_x86_64", requires=requires))
        choice = machine.choose(of(index, "core", "addon", targets=Targets()))
    assert len(choice.wanted) == 2


def test_projects_that_require_nothing_of_each_other_are_families_of_their_own(upstream: Upstream, machine: Machine) -> None:
    for version in ("1.0", "2.0"):
        upstream.add(WheelSpec(project="alone", version=version, requires=("numpy",)))
    choice = machine.choose(of(upstream, *NAMES, "alone", keep=2))
    assert versions(choice, "alone") == ["1.0", "2.0"]
    assert combinations(choice)[0] == ["2.9.0", "2.9.1"]


@pytest.mark.parametrize("failing", NAMES)
def test_nothing_of_a_family_changes_where_one_member_cannot_be_looked_at(
    upstream: Upstream, machine: Machine, failing: str
) -> None:
    upstream.fail(f"/{failing}/", status=403, times=99)
    choice = machine.choose(of(upstream))
    assert wanted(choice) == []
    assert sorted(codes(choice)) == sorted(
        (each, "access-denied" if each == failing else "family-incomplete") for each in NAMES
    )
    assert any(failing in each.problem.message for each in choice.problems if each.project != failing)


def test_release_with_damaged_metadata_fits_nothing(upstream: Upstream, machine: Machine) -> None:
    file = upstream.file("torchvision-0.24.1+cpu-cp311-cp311-manylinux_2_28_x86_64.whl")
    file.metadata = b"Metadata-Version: 2.1\nName: torchvision\nVersion: 0.24.1\nRequires-Dist: torch (=2.9.1\n\n"
    assert combinations(machine.choose(of(upstream, keep=1))) == [["2.9.0"], ["0.24.0"], ["2.9.0"]]
    wheel = upstream.file("torchaudio-2.9.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl")
    wheel.data = wheel.data.replace(b"METADATA", b"METADATE")
    assert combinations(machine.choose(of(upstream, keep=1)))[0] == ["2.8.0"]


@pytest.mark.parametrize("failure", [{"status": 503, "headers": {"Retry-After": "1000"}}, {"status": 404}, {"status": 200}])
def test_metadata_that_the_server_does_not_give_is_a_problem_of_the_family(
    upstream: Upstream, machine: Machine, failure: dict[str, Any]
) -> None:
    upstream.fail("torchvision-0.24.1", times=99, **failure)
    choice = machine.choose(of(upstream, keep=1))
    assert wanted(choice) == []
    assert {project for project, _ in codes(choice)} == set(NAMES)
    assert {code for _, code in codes(choice)} == {"wrong-hash" if failure["status"] == 200 else "bad-answer"}


class TestRequests:
    """METADATA is requested once, and only where it can decide."""

    def test_a_second_run_sends_conditional_requests_for_pages_only(self, upstream: Upstream, machine: Machine) -> None:
        machine.choose(of(upstream, keep=1))
        upstream.forget()
        again = Machine(machine.folder).choose(of(upstream, keep=1))
        assert combinations(again)[0] == ["2.9.1"]
        assert sorted((each.path, each.status, each.conditional) for each in upstream.seen) == [
            (f"/whl/cpu/{each}/", 304, True) for each in sorted(NAMES)
        ]

    def test_one_wheel_for_each_platform_of_the_releases_that_are_kept(self, upstream: Upstream, machine: Machine) -> None:
        machine.choose(of(upstream, keep=1))
        files = [each for each in upstream.seen if each.host == "files"]
        assert not any(each.sent > 5000 for each in files)
        metadata = {each.path for each in files}
        assert len(metadata) == 3 * len(EVERY.platforms), "of torchaudio, which has no metadata files, parts of wheels"
        assert len(files) <= 2 * len(metadata)

    def test_one_wheel_of_each_release_that_does_not_fit(self, machine: Machine) -> None:
        with pytorch() as index:
            for minor in range(30):
                for platform in LINUX:
                    index.add(vision(f"0.{minor}.0", f"2.{minor}.0", platform))
            for platform in LINUX:
                index.add(torch("2.5.0", platform))
            choice = machine.choose(of(index, "torch", "torchvision", keep=1))
            assert versions(choice, "torchvision") == ["0.5.0"]
            files = [each for each in index.seen if each.host == "files"]
        assert len(files) <= 24 + 4 + 2

    def test_hostile_family_ends(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(family, "_MOST_STEPS", 300)
        with pypi() as index:
            for version in range(12):
                for project in ("a", "b", "c", "d"):
                    requires = tuple(f"{each}>=0" for each in "abcd") if project != "d" else ("a==99", "b", "c")
                    index.add(WheelSpec(project=project, version=f"{version}", requires=requires))
            choice = machine.choose(of(index, "a", "b", "c", "d", targets=Targets()))
        assert {code for _, code in codes(choice)} == {"too-many-releases"}


def test_only_one_member_is_chosen_as_the_family_has_it(upstream: Upstream, machine: Machine) -> None:
    choice = machine.choose(of(upstream, keep=1), only=("torchvision",))
    assert {each.project for each in choice.wanted} == {"torchvision"}
    assert versions(choice, "torchvision") == ["0.24.1"]
