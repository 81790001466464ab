"""What a plan takes that somebody would miss, and what only makes room."""

import pytest

from counting import count_calls
from wheelfix.sync.model import YANKED_UPSTREAM, Action, PlannedFile
from wheelfix.sync.planning.removals import lost_files

LINUX, OLD_LINUX, MAC, WINDOWS = "manylinux_2_28_x86_64", "manylinux2014_x86_64", "macosx_11_0_arm64", "win_amd64"


def row(action: Action, version: str, platform: str = "any", source: str = "main", **settings: object) -> PlannedFile:
    name = f"demo-{version}-py3-none-{platform}.whl"
    return PlannedFile(action=action, project="demo", version=version, filename=name, source=source, **settings)  # type: ignore[arg-type]


def taken(version: str, platform: str = "any", source: str = "main", **settings: object) -> PlannedFile:
    return row(Action.YANK, version, platform, source, **settings)


def added(version: str, platform: str = "any", source: str = "main") -> PlannedFile:
    return row(Action.ADD, version, platform, source)


def lost(*files: PlannedFile) -> list[str]:
    return [each.filename for each in lost_files(files)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (OLD_LINUX, LINUX),
        ("linux_armv7l", "linux_armv7l"),
        ("macosx_10_9_x86_64", "macosx_12_0_x86_64"),
        (MAC, "macosx_10_9_universal2"),
        (f"{OLD_LINUX}.{LINUX}", LINUX),
        ("win32", "win32"),
        (LINUX, "any"),
        ("any", LINUX),
    ],
)
def test_a_release_makes_room_for_a_newer_one_for_the_same_platforms(old: str, new: str) -> None:
    assert lost(taken("1.0", old), added("2.0", new)) == []
    assert lost(added("2.0", new), row(Action.REMOVE, "1.0", old)) == []
    assert lost(taken("1.0", old)) == [f"demo-1.0-py3-none-{old}.whl"]


@pytest.mark.parametrize(
    "new",
    [
        added("1.0", WINDOWS),  # another platform of the same release
        added("2.0", WINDOWS),
        added("2.0", "manylinux_2_28_aarch64"),
        added("2.0", "musllinux_1_2_x86_64"),
        added("0.9", LINUX),  # a manifest goes back to what is older
        added("2.0", LINUX, "another"),
        row(Action.WAIT, "2.0", LINUX),
    ],
)
def test_nothing_makes_room_for_what_is_no_newer_release_of_the_same(new: PlannedFile) -> None:
    assert lost(taken("1.0", LINUX), new) == [f"demo-1.0-py3-none-{LINUX}.whl"]


@pytest.mark.parametrize(
    ("old", "new", "is_lost"),
    [
        ("cp311-cp311", "cp312-cp312", True),
        ("cp311-cp311", "cp311-cp311", False),
        ("cp311-cp311", "cp311-none", False),
        ("cp311-cp311", "py3-none", False),
        ("cp311-cp311", "cp39-abi3", False),
        ("py3-none", "cp312-cp312", False),
        ("cp310.cp311-none", "cp311-cp311", True),
    ],
)
def test_a_release_makes_room_for_one_for_the_same_pythons(old: str, new: str, is_lost: bool) -> None:
    def file(action: Action, version: str, tags: str) -> PlannedFile:
        name = f"demo-{version}-{tags}-{LINUX}.whl"
        return PlannedFile(action=action, project="demo", version=version, filename=name, source="main")

    assert len(lost(file(Action.YANK, "1.0", old), file(Action.ADD, "2.0", new))) == is_lost


def test_each_file_needs_its_own_successor_and_each_release_one() -> None:
    files = [taken("1.0", LINUX), taken("1.0", MAC), added("2.0", LINUX)]
    assert lost(*files) == [f"demo-1.0-py3-none-{MAC}.whl"]
    assert lost(*files, added("3.0", MAC)) == []
    assert len(lost(taken("1.0"), taken("1.1"), added("2.0"))) == 2


def test_what_an_index_yanked_or_nobody_was_served_is_not_missed() -> None:
    assert lost(taken("1.0", code=YANKED_UPSTREAM), taken("1.1", yanked=True)) == []


def test_names_that_say_nothing_are_missed_and_make_room_for_nothing() -> None:
    nameless = PlannedFile(action=Action.YANK, project="demo", version="", filename="demo.whl", source="main")
    assert lost(nameless, added("2.0")) == ["demo.whl"]
    odd = PlannedFile(action=Action.ADD, project="demo", version="2.0", filename="demo-2.0.whl", source="main")
    assert lost(taken("1.0", LINUX), odd) == [f"demo-1.0-py3-none-{LINUX}.whl"]


def test_a_plan_that_goes_back_brings_older_releases() -> None:
    files = [taken("2.0", LINUX), added("1.0", LINUX)]
    assert lost_files(files, goes_back=True) == []
    assert len(lost_files(files)) == 1


def test_the_work_grows_as_the_files_do() -> None:
    def work(count: int) -> int:
        files = [
            make(f"{major}.{number}", f"p{number}") for number in range(count) for major, make in ((1, taken), (2, added))
        ]
        return count_calls(lambda: lost_files(files))

    assert work(2000) < 2.5 * work(1000)
