"""What a hostile review of verdicts, releases and names found: each finding, and what happens now."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wheelfix
from building import Entry, WheelSpec, write_wheel
from elfwriter import shared_object
from fixing import values
from running import wheelfix as run
from wheelfix import Report, Status

GPU = "nvidia-cublas-cu12==12.6.4.1"
X86, ARM = "cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_28_aarch64"
CPU = Entry("demo/version.py", b"cuda = None\n")
CUDA = Entry("demo/version.py", b"cuda = '12.6'\n")
LINKED = Entry("demo/_C.cpython-311-x86_64-linux-gnu.so", shared_object("x86_64", needed=("libcublas.so.12",)))


def built(folder: Path, *files: Entry, tags: str = X86, requires: tuple[str, ...] = (GPU,), **knobs: Any) -> Path:
    folder.mkdir(exist_ok=True)
    return write_wheel(folder, WheelSpec(tags=tags, requires=requires, files=files, **knobs))


def fix(folder: Path, *paths: Path, **options: Any) -> Report:
    return wheelfix.fix_wheels(paths, **values(output_dir=folder / "out", **options))


def codes(report: Report) -> list[str | None]:
    return [each.problem.code if each.problem else None for each in report.outcomes]


def test_tags_that_multiply_do_not_exhaust_memory(tmp_path: Path) -> None:
    part = ".".join(f"a{number}" for number in range(400))
    wheel = f"Wheel-Version: 1.0\nTag: {part}-{part}-{part}\n".encode()
    report = fix(tmp_path, built(tmp_path, requires=(f"{GPU}; sys_platform == 'win32'",), wheel=wheel))
    assert codes(report) == ["unproven"], "who knows what such a wheel is for"


def test_very_many_environments_stand_for_any(tmp_path: Path) -> None:
    tags = "".join(f"Tag: cp{major}{minor}-none-win_amd64\n" for major in (2, 3) for minor in range(150))
    wheel = f"Wheel-Version: 1.0\n{tags}".encode()
    dead = f"{GPU}; sys_platform == 'darwin'"
    assert codes(fix(tmp_path, built(tmp_path, requires=(dead,), wheel=wheel))) == ["unproven"]


@pytest.mark.parametrize("label", ["\u212a", "\u017f", "1" * 5000, "a" * 65, "cpu\n"])
def test_a_label_that_cannot_be_is_wrong_usage(label: str, tmp_path: Path) -> None:
    ran = run("strip-gpu", "--local", label, built(tmp_path, CPU))
    assert (ran.code, "is not a local version" in ran.err) == (2, True)


def test_show_copes_with_a_version_of_five_thousand_digits(tmp_path: Path) -> None:
    metadata = f"Metadata-Version: 2.1\nName: demo\nVersion: {'1' * 5000}\n".encode()
    ran = run("show", built(tmp_path, CPU, metadata=metadata))
    assert ran.code == 0
    assert "finding: Version: METADATA says Version 1111" in ran.out


@pytest.mark.parametrize(("old", "told"), [("2", True), ("1a", False), ("1z", True)])
def test_a_build_tag_that_installers_like_less_is_told(old: str, told: bool, tmp_path: Path) -> None:
    [outcome] = fix(
        tmp_path, built(tmp_path, CPU, tags=f"{old}-{X86}", wheel=b"Wheel-Version: 1.0\n"), build_tag="1nogpu"
    ).outcomes
    assert any(f"prefer the build tag {old}" in note for note in outcome.notes) is told


def test_a_gpu_build_without_gpu_requirements_gets_no_cpu_label(tmp_path: Path) -> None:
    paths = [built(tmp_path, CPU, tags=ARM), built(tmp_path, CUDA, requires=())]
    report = fix(tmp_path, *paths, local="cpu")
    assert [each.output.name for each in report.outcomes if each.output] == [
        f"demo-1.0+cpu-{ARM}.whl", f"demo-1.0-{X86}.whl",
    ]  # fmt: skip


def test_wheels_that_are_refused_for_their_names_keep_their_release_back(tmp_path: Path) -> None:
    paths = [built(tmp_path / "a", CPU), built(tmp_path / "b", CPU, Entry("x.py", b"")), built(tmp_path, CPU, tags=ARM)]
    assert codes(fix(tmp_path, *paths)) == ["same-output-name", "same-output-name", "mixed-release"]


def test_a_wheel_that_changes_after_it_was_compared_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wheelfix.fix import batch
    from wheelfix.fix.job import fix_each

    paths = [built(tmp_path, CPU), built(tmp_path, CPU, tags=ARM)]

    def meddling(items: Any, **arguments: Any) -> Iterator[wheelfix.Outcome]:
        built(tmp_path, CPU, requires=(GPU, "other"))
        return fix_each(items, **arguments)

    monkeypatch.setattr(batch, "fix_each", meddling)
    report = fix(tmp_path, *paths)
    assert (report.outcomes[0].status, codes(report)[0]) == (Status.FAILED, "source-changed")


@pytest.mark.parametrize(
    ("before", "after", "weighed"),
    [
        ("cuda-toolkit[cublas,cudart]==12.9", "cuda-toolkit[cudart]==12.9", True),
        ("cuda-toolkit[cublas]==12.9", "cuda-toolkit==12.9", True),
        ("cuda-toolkit[cublas]==12.9", "cuda-toolkit[cublas,cudart]==12.9", False),
        (GPU, f"{GPU}; extra == 'gpu'", True),
        (GPU, f"{GPU}; platform_machine == 'aarch64' or extra == 'x'", True),
        (GPU, f"{GPU}; platform_machine == 'x86_64'", False),
        (f"{GPU}; extra == 'a'", f"{GPU}; extra == 'b'", False),
    ],
)
def test_what_leaves_less_to_a_plain_installation_is_weighed(before: str, after: str, weighed: bool, tmp_path: Path) -> None:
    action = wheelfix.Action(replace=after)
    match = wheelfix.Match(name=(before.partition("[")[0].partition("=")[0],), extra=("any",))
    rules = wheelfix.rule_set("mine", (wheelfix.Rule(id="x", reason="y", match=match, action=action),))
    report = fix(tmp_path, built(tmp_path, CUDA, LINKED, requires=(before,)), rules=rules)
    assert codes(report) == (["unsafe"] if weighed else [None])


def test_a_torchvision_for_another_machine_is_no_companion(tmp_path: Path) -> None:
    vision = Entry("torchvision/version.py", b"__version__ = '0.22.0+cu126'\n")
    torch = Entry("torch/version.py", b"cuda = None\n")
    paths = [built(tmp_path, torch, project="torch", tags=ARM), built(tmp_path, vision, project="torchvision", requires=())]
    assert fix(tmp_path, *paths).outcomes[0].notes == ()
    same = built(tmp_path, vision, project="torchvision", requires=(), tags=ARM)
    assert "torchvision-1.0" in fix(tmp_path / "b", paths[0], same).outcomes[0].notes[0]
