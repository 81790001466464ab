"""Which wheels of another index a requirement stands for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version
from pypi_simple import DistributionPackage, Link

from demos import GPU, TAGS, demo_wheel
from scripting import Index, answering, chosen
from wheelfix.errors import MirrorError
from wheelfix.options import Targets
from wheelfix.upstream.resolve import Candidate, is_for
from wheelfix.wheel.filename import WheelFilename

ALL = {f"demo-1.0-{tags}.whl" for tags in TAGS}


def some(*numbers: int) -> set[str]:
    return {f"demo-1.0-{TAGS[each]}.whl" for each in numbers}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An index with demo 1.0 for some platforms, 2.0, and 3.0rc1; and some labels."""
    folder = tmp_path_factory.mktemp("theirs")
    paths = [*(demo_wheel(folder, "1.0", GPU, tags=tags) for tags in TAGS), demo_wheel(folder, "1.5"),
             demo_wheel(folder, "2.0"), demo_wheel(folder, "2.0+cpu"), demo_wheel(folder, "3.0rc1")]  # fmt: skip
    with answering(Index({path.name: path.read_bytes() for path in paths})) as server:
        yield server.index


@pytest.mark.parametrize(
    ("requirement", "options", "names"),
    [
        ("demo==1.0", {}, ALL),
        ("demo===1.0", {}, ALL),
        ("demo==1.0.0", {}, ALL),
        ("demo==1.0", {"platforms": ["manylinux*_x86_64"]}, some(0, 1, 2)),
        ("demo==1.0", {"platforms": ["win*"], "pythons": ["3.11"]}, some(0, 3)),
        ("demo==1.0", {"pythons": ["3.12"]}, some(0, 2, 3)),
        ("demo==1.0", {"pythons": ["3.8", "3.11"]}, some(0, 1, 3, 4)),
        ("Demo", {}, {"demo-2.0+cpu-py3-none-any.whl"}),
        ("demo>=1.0", {}, {"demo-2.0+cpu-py3-none-any.whl"}),
        ("demo>=1.0,<2", {}, {"demo-1.5-py3-none-any.whl"}),
        ("demo~=1.0", {}, {"demo-1.5-py3-none-any.whl"}),
        ("demo<=1.5", {}, {"demo-1.5-py3-none-any.whl"}),
        ("demo!=1.0,<2", {}, {"demo-1.5-py3-none-any.whl"}),
        ("demo==1.*", {}, {"demo-1.5-py3-none-any.whl"}),
        ("demo==2.0", {}, {"demo-2.0-py3-none-any.whl"}),
        ("demo==2.0+cpu", {}, {"demo-2.0+cpu-py3-none-any.whl"}),
        ("demo<1.5", {"platforms": ["none"]}, {"demo-1.0-py3-none-any.whl"}),
        ("demo==3.0rc1", {}, {"demo-3.0rc1-py3-none-any.whl"}),
        ("demo>=3.0rc1", {}, {"demo-3.0rc1-py3-none-any.whl"}),
    ],
)
def test_which_wheels_are_chosen(requirement: str, options: dict[str, Any], names: set[str], index: str) -> None:
    assert {each.filename for each in chosen(index, requirement, Targets(**options))} == names


@pytest.mark.parametrize(
    ("requirement", "options", "code", "said"),
    [
        ("demo==9", {}, "no-version", "has 3.0rc1, 2.0+cpu, 2.0, 1.5, 1.0"),
        ("demo>2", {}, "no-version", "3.0rc1, 2.0+cpu"),
        ("nosuch", {}, "no-project", "nosuch"),
        ("demo==", {}, "bad-selection", ""),
        ("demo==1.0; python_version > '3'", {}, "bad-selection", ""),
        ("demo @ https://example.invalid/demo-1.0-py3-none-any.whl", {}, "bad-selection", ""),
        ("demo", {"pythons": ["cp311"]}, "bad-python", "cp311"),
    ],
)
def test_what_cannot_be_chosen(requirement: str, options: dict[str, Any], code: str, said: str, index: str) -> None:
    with pytest.raises(MirrorError) as caught:
        chosen(index, requirement, Targets(**options))
    assert caught.value.code == code
    assert said in str(caught.value)


def test_the_error_lists_what_there_is_where_no_wheel_fits(tmp_path: Path) -> None:
    wheel = demo_wheel(tmp_path, "1.0", tags=TAGS[1])
    with answering(Index({wheel.name: wheel.read_bytes()})) as server, pytest.raises(MirrorError) as caught:
        chosen(server.index, "demo", Targets(["win*"], ["3.12"]))
    assert caught.value.code == "no-wheel"
    assert "win*, Python 3.12 (1.0 has cp311-cp311-manylinux_2_28_x86_64)" in str(caught.value)


def test_the_error_shows_the_wheels_that_are_nearest(tmp_path: Path) -> None:
    """Those for the Pythons that were asked for, and not the first of the alphabet."""
    listed = [f"cp3{minor}-cp3{minor}-macosx_11_0_{machine}" for minor in range(8, 13) for machine in ("arm64", "x86_64")]
    wheels = {(wheel := demo_wheel(tmp_path, "1.0", tags=tags)).name: wheel.read_bytes() for tags in listed}
    with answering(Index(wheels)) as server:
        for targets, expected in (
            (Targets("win*", "3.12"), "1.0 has cp312-cp312-macosx_11_0_arm64, cp312-cp312-macosx_11_0_x86_64)"),
            (Targets("macosx*_arm64", "3.13"), "1.0 has cp310-cp310-macosx_11_0_arm64, cp311-"),
            (Targets("win*", "3.13"), "and 5 more)"),
        ):
            with pytest.raises(MirrorError) as caught:
                chosen(server.index, "demo", targets)
            assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("platform", "tags", "fits"),
    [
        ("macosx*_arm64", "macosx_10_9_universal2", True),
        ("macosx*_x86_64", "macosx_10_9_universal2", True),
        ("macosx*_universal2", "macosx_10_9_universal2", True),
        ("macosx_10_9_x86_64", "macosx_10_9_universal2", True),
        ("macosx_11_0_arm64", "macosx_10_9_universal2", False),
        ("macosx*_x86_64", "macosx_10_9_intel", True),
        ("macosx*_arm64", "macosx_10_9_intel", False),
        ("macosx*_arm64", "macosx_10_9_x86_64", False),
        ("macosx*_universal2", "macosx_11_0_arm64", False),
        ("manylinux*_arm64", "macosx_10_9_universal2", False),
        ("macosx*_arm64", "macosx_10_9_x86_64.macosx_11_0_universal2", True),
    ],
)
def test_a_wheel_for_both_kinds_of_mac_is_for_each(platform: str, tags: str, fits: bool) -> None:
    name = WheelFilename.parse(f"demo-1.0-cp311-cp311-{tags}.whl")
    package = DistributionPackage.from_link(Link(text=str(name), url=f"https://a.example/{name}", attrs={}))
    assert is_for(Candidate(package, Version("1.0"), name), Targets(platform)) is fits


@pytest.mark.parametrize(("yanked", "taken"), [(False, {"demo", "demo==1.0"}), ("why", {"demo==1.0"})])
def test_yanked_files_are_chosen_by_their_version_only(yanked: object, taken: set[str], tmp_path: Path) -> None:
    wheel = demo_wheel(tmp_path, "1.0")
    with answering(Index({wheel.name: wheel.read_bytes()}, said={"yanked": yanked})) as server:
        for requirement in ("demo", "demo==1.0"):
            if requirement in taken:
                assert chosen(server.index, requirement)
                continue
            with pytest.raises(MirrorError):
                chosen(server.index, requirement)
