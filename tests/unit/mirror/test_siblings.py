"""Wheels of one project side by side: those of a release that disagree, and requirements that only a GPU build needs."""

from pathlib import Path

import pytest

from building import Entry, write_wheel
from flaws import metadata, sound
from wheelfix import Wheel
from wheelfix.mirror.siblings import Needs, Sibling, compare_siblings, read_needs

GPU = "nvidia-cudnn-cu12==9.5.1.17"
WITHOUT = Needs((GPU,), "demo/version.py says cuda = None")
ARM, X86 = "demo-1.0-py3-none-manylinux_2_28_aarch64.whl", "demo-1.0-py3-none-manylinux_2_28_x86_64.whl"


def codes(*siblings: Sibling) -> list[str]:
    return [each.code for each in compare_siblings("demo", siblings)]


@pytest.mark.parametrize(
    ("constant", "expected"),
    [
        ("cuda = None", WITHOUT),
        ("cuda = '12.6'", Needs(is_gpu_build=True)),
        ("cuda = something()", Needs()),
    ],
)
def test_what_a_wheel_says_of_its_needs(constant: str, expected: Needs, tmp_path: Path) -> None:
    data = metadata(f"Requires-Dist: {GPU}", "Requires-Dist: six")
    files = (Entry("demo/__init__.py", b""), Entry("demo/version.py", f"{constant}\n".encode()))
    with Wheel(write_wheel(tmp_path, sound(metadata=data, files=files))) as wheel:
        assert read_needs(wheel) == expected


def test_a_wheel_that_can_do_without_is_told_unless_its_release_has_a_gpu_build() -> None:
    """The CPU wheel of a mixed release says what the GPU builds say, as lockers want it."""
    assert codes(Sibling(ARM, [GPU], WITHOUT)) == ["gpu-requirements"]
    assert codes(Sibling(ARM, [GPU], WITHOUT), Sibling(X86, [GPU], Needs(is_gpu_build=True))) == []
    other = X86.replace("1.0", "1.1")
    assert codes(Sibling(ARM, [GPU], WITHOUT), Sibling(other, [GPU], Needs(is_gpu_build=True))) == ["gpu-requirements"]


@pytest.mark.parametrize(
    ("version", "requirement", "told"),
    [
        ("1.0+cpu", GPU, ["gpu-requirements"]),
        ("1.0+cpu.cxx11.abi", GPU, ["gpu-requirements"]),
        ("1.0+cpu", f'{GPU}; extra == "gpu"', []),
        ("1.0+cpu", "nvidia-ml-py", []),
        ("1.0+cu126", GPU, []),
        ("1.0", GPU, []),
    ],
)
def test_a_label_tells_a_cpu_build_where_only_metadata_was_read(version: str, requirement: str, told: list[str]) -> None:
    assert codes(Sibling(f"demo-{version}-py3-none-any.whl", [requirement])) == told


def test_siblings_that_disagree() -> None:
    [finding] = compare_siblings("demo", [Sibling(ARM, ["six", "Seven>=1"]), Sibling(X86, ["six"])])
    assert (finding.code, finding.place) == ("siblings-disagree", f"demo: {X86}")
    assert "Seven>=1" in finding.message


def test_a_name_that_is_none_of_a_wheel_has_no_siblings() -> None:
    assert codes(Sibling("demo-1.0.tar.gz", [GPU], WITHOUT), Sibling("demo.whl", [GPU])) == ["gpu-requirements"]
