"""Patterns of platform tags as platforms of uv, and which wheels are installed there."""

import re
import subprocess

import pytest

from wheelfix.errors import MirrorError
from wheelfix.options import Targets
from wheelfix.sync.dependencies import platforms
from wheelfix.sync.dependencies.platforms import Platform, Target, find_platforms, find_pythons, find_target, require_uv
from wheelfix.sync.dependencies.uv import find_uv
from wheelfix.wheel.filename import WheelFilename

TAGS = ("cp311-cp311-manylinux_2_34_x86_64", "cp312-cp312-macosx_14_0_arm64", "cp312-abi3-win_amd64", "py3-none-any")
WHEELS = [WheelFilename.parse(f"demo-1.0-{tags}.whl") for tags in TAGS]


def names(*patterns: str) -> list[str]:
    return [str(each) for each in find_platforms(patterns, WHEELS)]


@pytest.mark.parametrize(
    ("pattern", "name", "version", "uv"),
    [
        ("manylinux*_x86_64", "Linux x86_64", "2_28", "x86_64-manylinux_2_28"),
        ("manylinux*_aarch64", "Linux aarch64", "2_28", "aarch64-manylinux_2_28"),
        ("manylinux_2_17_x86_64", "Linux x86_64", "2_17", "x86_64-manylinux_2_17"),
        ("manylinux2014_aarch64", "Linux aarch64", "2_17", "aarch64-manylinux_2_17"),
        ("manylinux1_x86_64", "Linux x86_64", "2_17", "x86_64-manylinux_2_17"),
        ("manylinux_2_34_x86_64", "Linux x86_64", "2_34", "x86_64-manylinux_2_34"),
        ("linux_x86_64", "Linux x86_64", "2_28", "x86_64-manylinux_2_28"),
        ("musllinux*_x86_64", "musl Linux x86_64", "1_2", "x86_64-unknown-linux-musl"),
        ("manylinux*_riscv64", "Linux riscv64", "2_39", "riscv64-unknown-linux"),
        ("macosx*_arm64", "macOS arm64", "13_0", "aarch64-apple-darwin"),
        ("macosx_14_0_arm64", "macOS arm64", "14_0", "aarch64-apple-darwin"),
        ("macosx*_x86_64", "macOS x86_64", "13_0", "x86_64-apple-darwin"),
        ("win_amd64", "Windows amd64", "", "x86_64-pc-windows-msvc"),
        ("win_arm64", "Windows arm64", "", "aarch64-pc-windows-msvc"),
        ("win32", "Windows x86", "", "i686-pc-windows-msvc"),
    ],
)
def test_a_pattern_is_a_platform_of_uv(pattern: str, name: str, version: str, uv: str) -> None:
    [found] = find_platforms([pattern], WHEELS)
    assert (str(found), found.versions[0]) == (name, version)
    assert Target(found, found.versions[0], "3.11.0").uv == uv


def test_every_name_is_one_that_uv_knows() -> None:
    text = subprocess.run([find_uv(), "pip", "compile", "--help"], capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"[a-z0-9_-]+", text.partition("--python-platform")[2].partition("--universal")[0]))
    every = {Target(each, version, "3.11.0").uv for each in platforms._PLATFORMS if each.uv for version in each.versions}
    assert every <= known


def test_a_pattern_for_several_machines_stands_for_those_that_have_wheels() -> None:
    assert names("*") == names() == ["Linux x86_64", "macOS arm64", "Windows amd64"]
    assert names("manylinux*") == ["Linux x86_64"]
    assert names("*arm64") == ["macOS arm64"]
    assert [str(each) for each in find_platforms([], WHEELS[-1:])] == ["Linux x86_64", "macOS arm64", "Windows amd64"]


def test_patterns_for_one_machine_are_one_platform() -> None:
    [found] = find_platforms(["manylinux_2_34_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64"], WHEELS)
    assert found.versions == ("2_28", "2_34", "2_17")


@pytest.mark.parametrize("pattern", ["solaris*", "manylinux_9_9_x86_64", "MANYLINUX*", "", "manylinux*_arm64"])
def test_a_pattern_that_names_no_platform_is_an_error(pattern: str) -> None:
    with pytest.raises(MirrorError, match="uv cannot resolve for the platform") as caught:
        find_platforms([pattern], WHEELS)
    assert caught.value.code == "unknown-platform"


@pytest.mark.parametrize("pattern", ["manylinux*_ppc64le", "musllinux*_i686"])
def test_a_platform_that_uv_lacks_is_not_skipped(pattern: str) -> None:
    [found] = find_platforms([pattern], WHEELS)
    with pytest.raises(MirrorError, match=f"the platform '{found}'"):
        require_uv([found])


def linux() -> Platform:
    return find_platforms(["manylinux*_x86_64"], WHEELS)[0]


def test_a_target_is_the_oldest_that_a_wheel_is_for() -> None:
    name = WHEELS[0]
    found = find_target(linux(), "3.11", [(name, ">=3.11.4")])
    assert found is not None
    assert (found.version, found.python, found.minor) == ("2_34", "3.11.4", "3.11")
    assert str(found) == "Python 3.11 on Linux x86_64"
    assert found.newest.version == "2_40"
    assert find_target(linux(), "3.12", [(name, None)]) is None
    assert find_target(linux(), "3.11", [(name, ">=3.12")]) is None
    assert find_target(linux(), "3.11", [(name, "nonsense")]) == find_target(linux(), "3.11", [(name, None)])


def test_what_is_installed() -> None:
    target = Target(linux(), "2_28", "3.12.0")
    anywhere = ("py3-none-any", "py2.py3-none-linux_x86_64")
    for tags in (*anywhere, "cp312-cp312-manylinux2014_x86_64", "cp39-abi3-manylinux_2_28_x86_64"):
        assert target.installs(WheelFilename.parse(f"demo-1.0-{tags}.whl")), tags
    for tags in ("cp313-cp313-manylinux2014_x86_64", "cp312-cp312t-linux_x86_64", "cp312-cp312-manylinux_2_31_x86_64"):
        assert not target.installs(WheelFilename.parse(f"demo-1.0-{tags}.whl")), tags


def test_a_name_with_millions_of_tags_takes_no_longer() -> None:
    many = ".".join(f"cp3{minor}" for minor in range(900))
    name = WheelFilename.parse(f"demo-1.0-{many}-{many}-{many}.whl")
    assert not Target(linux(), "2_28", "3.12.0").installs(name)


def test_pythons() -> None:
    assert find_pythons(Targets(pythons="3.12"), WHEELS) == ("3.12",)
    assert find_pythons(Targets(), WHEELS) == ("3.11", "3.12")
    assert find_pythons(Targets(), WHEELS[-1:]) == platforms._PYTHONS
