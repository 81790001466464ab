"""Wheels of one project side by side: those of a release that disagree, and requirements that only a GPU build needs."""

from pathlib import Path

import pytest

from building import Entry, write_wheel
from defects import metadata, valid
from wheelfix import Wheel, WheelFilename
from wheelfix.mirror.needs import ListedWheel, Needs, compare_releases, needs_by_metadata, read_needs
from wheelfix.wheel.metadata import Document

GPU = "nvidia-cudnn-cu12==9.5.1.17"
WITHOUT = Needs((GPU,), "demo/version.py sets cuda = None, and it has no binaries")
ARM, X86 = "demo-1.0-py3-none-manylinux_2_28_aarch64.whl", "demo-1.0-py3-none-manylinux_2_28_x86_64.whl"


def codes(*wheels: ListedWheel) -> list[str]:
    return [each.code for each in compare_releases("demo", wheels)]


@pytest.mark.parametrize(
    ("constant", "expected"),
    [
        ("cuda = None", WITHOUT),
        ("cuda = '12.6'", Needs(may_need_others=True)),
        ("cuda = something()", Needs(may_need_others=True)),
    ],
)
def test_what_a_wheel_says_of_its_needs(constant: str, expected: Needs, tmp_path: Path) -> None:
    data = metadata(f"Requires-Dist: {GPU}", "Requires-Dist: six")
    files = (Entry("demo/__init__.py", b""), Entry("demo/version.py", f"{constant}\n".encode()))
    with Wheel(write_wheel(tmp_path, valid(metadata=data, files=files))) as wheel:
        assert read_needs(wheel) == expected


def test_a_wheel_that_can_do_without_is_reported_unless_its_release_has_a_gpu_build() -> None:
    """The CPU wheel of a mixed release says what the GPU builds say, as lockers want it."""
    assert codes(ListedWheel(ARM, [GPU], WITHOUT)) == ["gpu-requirements"]
    assert codes(ListedWheel(ARM, [GPU], WITHOUT), ListedWheel(X86, [GPU], Needs(may_need_others=True))) == []
    other = X86.replace("1.0", "1.1")
    assert codes(ListedWheel(ARM, [GPU], WITHOUT), ListedWheel(other, [GPU], Needs(may_need_others=True))) == [
        "gpu-requirements"
    ]


DEAD = f'{GPU}; platform_system == "Linux" and platform_machine == "x86_64"'


@pytest.mark.parametrize(
    ("filename", "requirement", "without", "others"),
    [
        ("demo-1.0+cpu-py3-none-any.whl", GPU, True, False),
        ("demo-1.0+cpu.cxx11.abi-py3-none-any.whl", GPU, True, False),
        ("demo-1.0+cpu-py3-none-any.whl", f'{GPU}; extra == "gpu"', False, False),
        ("demo-1.0+cpu-py3-none-any.whl", "nvidia-ml-py", False, False),
        ("demo-1.0+cu126-py3-none-any.whl", GPU, False, True),
        ("demo-1.0-py3-none-any.whl", GPU, False, True),
        (ARM, DEAD, True, False),
        (X86, DEAD, False, True),
        ("nvidia_cudnn_cu12-1.0-py3-none-any.whl", "nvidia-cublas-cu12", False, False),
    ],
)
def test_what_markers_tags_and_labels_alone_say(filename: str, requirement: str, without: bool, others: bool) -> None:
    name = WheelFilename.parse(filename)
    head = ("Metadata-Version: 2.1", f"Name: {name.project}", f"Version: {name.version}")
    needs = needs_by_metadata(name, Document.parse(metadata(f"Requires-Dist: {requirement}", head=head)))
    assert needs.without == ((requirement,) if without else ())
    assert needs.may_need_others is others


def test_listed_wheels_that_disagree() -> None:
    [finding] = compare_releases("demo", [ListedWheel(ARM, ["six", "Seven>=1"]), ListedWheel(X86, ["six"])])
    assert (finding.code, finding.place) == ("release-disagrees", f"demo: {X86}")
    assert "Seven>=1" in finding.message


def test_a_name_that_is_none_of_a_wheel_has_no_listed_wheels() -> None:
    assert codes(ListedWheel("demo-1.0.tar.gz", [GPU], WITHOUT), ListedWheel("demo.whl", [GPU])) == ["gpu-requirements"]


@pytest.mark.parametrize(
    ("labelled", "missing"),
    [
        (["manylinux_2_28_aarch64", "manylinux_2_17_x86_64"], []),
        (["manylinux_2_28_aarch64"], ["cp311-cp311 manylinux x86_64"]),
        (["any"], []),
        ([], []),
    ],
)
def test_a_label_that_covers_less(labelled: list[str], missing: list[str]) -> None:
    """Poetry 2.5.1 locks the version with the label for all platforms."""
    plain = [f"demo-1.0-cp311-cp311-{each}.whl" for each in ("manylinux_2_28_aarch64", "manylinux_2_28_x86_64")]
    names = [*plain, *(f"demo-1.0+cpu-cp311-cp311-{each}.whl" for each in labelled)]
    found = list(compare_releases("demo", [ListedWheel(name, []) for name in names]))
    assert [each.code for each in found] == ["local-version-covers-less"] * bool(missing)
    assert all(text in each.message for each, text in zip(found, missing, strict=True))
