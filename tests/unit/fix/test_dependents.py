"""Requirements on given wheels follow these to their new names and versions, in the same run."""

from collections.abc import Iterable, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

import wheelfix
from building import WheelSpec, write_wheel
from counting import count_calls
from running import wheelfix as run
from wheelfix import Action, AddField, Naming, Report, Rule, RuleSet, Status, Wheel, When
from wheelfix.fix.dependents import fits_beside
from wheelfix.fix.pins import Move, followed
from wheelfix.wheel.filename import WheelFilename

ARM, INTEL, MAC = "manylinux_2_28_aarch64", "manylinux_2_28_x86_64", "macosx_11_0_arm64"
GPU = "nvidia-cudnn-cu12; platform_machine == 'x86_64'"


def spec(project: str, version: str, *requires: str, platform: str = ARM, python: str = "cp311") -> WheelSpec:
    tags = f"{python}-{python if python.startswith('cp') else 'none'}-{platform}"
    return WheelSpec(project, version=version, requires=requires, tags=tags)


TORCH = spec("torch", "2.7.0", GPU)
VISION = spec("torchvision", "0.22.0", "numpy", "torch == 2.7.0 ; os_name == 'posix'")
EXTRA = spec("vision-extra", "1.0", "torchvision[x]==0.22.0", python="py3", platform="any")
TEXT = spec("text", "1.0", "torch>=2", platform="any", python="py3")
CPU = Naming(local="cpu", follow_pins=True)


def fix(folder: Path, specs: Iterable[WheelSpec], naming: Naming = CPU, rules: Any = "gpu", **options: Any) -> Report:
    paths = [write_wheel(folder, each) for each in specs]
    return wheelfix.fix_wheels(paths, rules, naming=naming, output=folder / "out", **options)


def requires(folder: Path) -> dict[str, list[str]]:
    """Return what the wheels of a run require, by their names and versions."""
    found = {}
    for path in sorted((folder / "out").glob("*.whl")):
        with Wheel(path) as wheel:
            name = "-".join(path.name.split("-")[:2])
            found[name] = [each.value.strip() for each in wheel.document.all("Requires-Dist")]
    return found


@pytest.mark.parametrize("order", [*permutations(range(4))], ids=str)
def test_pins_follow_and_what_changes_by_that_is_followed_in_turn(order: Sequence[int], tmp_path: Path) -> None:
    """torchvision changes by nothing but its pin; the order of the wheels does not matter."""
    specs = [TORCH, VISION, EXTRA, TEXT]
    report = fix(tmp_path, [specs[index] for index in order])
    assert report.ok
    assert requires(tmp_path) == {
        "torch-2.7.0+cpu": [],
        "torchvision-0.22.0+cpu": ["numpy", "torch == 2.7.0+cpu ; os_name == 'posix'"],
        "vision_extra-1.0+cpu": ["torchvision[x]==0.22.0+cpu"],
        "text-1.0": ["torch>=2"],
    }
    [vision] = [each for each in report.outcomes if each.project == "torchvision"]
    assert vision.changes[0].reason == "torch 2.7.0 becomes torch 2.7.0+cpu in this run"
    assert vision.changes[0].action == "set-specifier"


@pytest.mark.parametrize("jobs", [2, 3])
def test_with_several_jobs_the_same_bytes(jobs: int, tmp_path: Path) -> None:
    outputs = []
    for folder, number in ((tmp_path / "one", 1), (tmp_path / "many", jobs)):
        folder.mkdir()
        assert fix(folder, [VISION, EXTRA, TORCH, TEXT], jobs=number).ok
        outputs.append({path.name: path.read_bytes() for path in (folder / "out").iterdir()})
    assert outputs[0] == outputs[1]


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    report = fix(tmp_path, [TORCH, VISION, EXTRA, TEXT])
    paths = [each.output for each in report.outcomes if each.output]
    again = wheelfix.fix_wheels(paths, naming=CPU, output=tmp_path / "again")
    assert {each.status for each in again.outcomes} == {Status.UNCHANGED}


def test_unasked_they_stay_and_a_note_names_those_that_fit_no_more(tmp_path: Path) -> None:
    """``==2.7.0`` matches 2.7.0+cpu too, but ``===2.7.0`` does not."""
    exact = spec("exact", "1.0", "torch===2.7.0")
    report = fix(tmp_path, [TORCH, VISION, exact], Naming(local="cpu"))
    assert requires(tmp_path)["torchvision-0.22.0"] == ["numpy", "torch == 2.7.0 ; os_name == 'posix'"]
    notes = [note for each in report.outcomes for note in each.notes if "beside it" in note]
    assert notes == [
        "torch===2.7.0 no longer fits the wheels that are given beside it: torch 2.7.0 becomes torch 2.7.0+cpu. "
        "--follow-pins lets it follow."
    ]


def raised(project: str, **action: Any) -> RuleSet:
    return wheelfix.rule_set("mine", [Rule(id="r", reason="why", action=Action(**action), when=When(project=(project,)))])


def test_a_renamed_project_is_followed_by_whatever_allowed_it(tmp_path: Path) -> None:
    dependents = [VISION, TEXT, spec("other", "1", "torch<2"), spec("url", "1", "torch @ https://e.com/torch-2.7.0.whl")]
    report = fix(tmp_path, [TORCH, *dependents], Naming(follow_pins=True), raised("torch", set_name="Acme.Torch"))
    assert report.ok
    found = requires(tmp_path)
    assert found["acme_torch-2.7.0"] == [GPU]
    assert found["torchvision-0.22.0"] == ["numpy", "acme-torch == 2.7.0 ; os_name == 'posix'"]
    assert found["text-1.0"] == ["acme-torch>=2"]
    assert found["other-1"] == ["torch<2"]
    assert found["url-1"] == ["torch @ https://e.com/torch-2.7.0.whl"]


def test_what_cannot_follow_is_named(tmp_path: Path) -> None:
    """A limit is no pin: nobody knows what it is to become."""
    limit = spec("limit", "1", "torch<=2.7.0")
    report = fix(tmp_path, [TORCH, limit], Naming(follow_pins=True), raised("torch", set_version="3"))
    assert [note for each in report.outcomes for note in each.notes if "torch<=" in note] == [
        "torch<=2.7.0 no longer fits the wheels that are given beside it: torch 2.7.0 becomes torch 3."
    ]


def test_wheels_follow_those_for_their_own_platform(tmp_path: Path) -> None:
    """The wheel for Intel keeps its version, as a GPU build would."""
    intel = spec("torch", "2.7.0", platform=INTEL)
    visions = [VISION, spec("torchvision", "0.22.0", *VISION.requires, platform=INTEL)]
    rules = wheelfix.rule_set(
        "mine", [Rule(id="r", reason="why", action=Action(set_local="cpu"), when=When(platform=("*aarch64",)))]
    )
    report = fix(tmp_path, [TORCH, intel, *visions], Naming(follow_pins=True), rules)
    assert report.ok, [each.problem for each in report.outcomes]
    found = {path.name: path for path in (tmp_path / "out").iterdir()}
    assert sorted(found) == [
        f"torch-2.7.0+cpu-cp311-cp311-{ARM}.whl",
        f"torch-2.7.0-cp311-cp311-{INTEL}.whl",
        f"torchvision-0.22.0+cpu-cp311-cp311-{ARM}.whl",
        f"torchvision-0.22.0-cp311-cp311-{INTEL}.whl",
    ]


def two_versions() -> RuleSet:
    rules = [
        Rule(id=f"r-{local}", reason="why", action=Action(set_local=local), when=When(platform=(tag,), project=("torch",)))
        for local, tag in (("cpu", "*aarch64"), ("cu126", "*x86_64"))
    ]
    return wheelfix.rule_set("mine", rules)


def test_where_it_could_follow_to_several_it_is_kept_or_refused(tmp_path: Path) -> None:
    """``==2.7.0`` allows both; ``===2.7.0`` would allow neither."""
    torches = [TORCH, spec("torch", "2.7.0", platform=INTEL)]
    pure = [
        spec(name, "1", text, platform="any", python="py3") for name, text in (("a", "torch==2.7.0"), ("b", "torch===2.7.0"))
    ]
    report = fix(tmp_path, [*torches, *pure], Naming(follow_pins=True), two_versions())
    kept, refused = report.outcomes[2:]
    assert (kept.status, len(kept.notes)) == (Status.UNCHANGED, 1)
    assert "it allows all of these" in kept.notes[0]
    assert refused.problem is not None
    assert refused.problem.code == "ambiguous-pin"
    assert refused.problem.reason == "torch 2.7.0 becomes torch 2.7.0+cpu, torch 2.7.0 becomes torch 2.7.0+cu126"


def test_who_follows_a_wheel_that_is_refused_is_refused(tmp_path: Path) -> None:
    """It would require what nobody writes; and so would those that follow it."""
    clash = spec("torch", "2.7.0+cpu")
    report = fix(tmp_path, [TORCH, clash, VISION, EXTRA, TEXT])
    codes = {each.source.name.partition("-")[0]: each.problem.code for each in report.outcomes if each.problem}
    assert codes == {"torch": "same-output-name", "torchvision": "pin-not-written", "vision_extra": "pin-not-written"}
    assert sorted(path.name.partition("-")[0] for path in (tmp_path / "out").iterdir()) == ["text", "torch"]


def test_wheels_that_require_each_other_both_follow(tmp_path: Path) -> None:
    one, other = spec("one", "1", "other==1", GPU), spec("other", "1", "one==1")
    report = fix(tmp_path, [one, other])
    assert report.ok
    assert requires(tmp_path) == {"one-1+cpu": ["other==1+cpu"], "other-1+cpu": ["one==1+cpu"]}


def test_siblings_that_go_along_are_followed_too(tmp_path: Path) -> None:
    """The torch for macOS gets the version because others of its release change, and a torchvision beside it follows."""
    mac = spec("torch", "2.7.0", platform=MAC)
    visions = [VISION, spec("torchvision", "0.22.0", *VISION.requires, platform=MAC)]
    report = fix(tmp_path, [TORCH, mac, *visions])
    assert report.ok
    assert {each.output.name.split("-")[1] for each in report.outcomes if each.output} == {"2.7.0+cpu", "0.22.0+cpu"}


def test_a_chain_is_followed_to_its_end_and_each_wheel_read_a_few_times(tmp_path: Path) -> None:
    chain = [spec("p0", "1", GPU), *(spec(f"p{number}", "1", f"p{number - 1}==1") for number in range(1, 12))]
    report = fix(tmp_path, reversed(chain))
    assert report.ok
    assert requires(tmp_path)["p11-1+cpu"] == ["p10==1+cpu"]


def test_work_does_not_grow_with_the_square_of_the_wheels(tmp_path: Path) -> None:
    def calls(number: int) -> int:
        folder = tmp_path / str(number)
        folder.mkdir()
        specs = [TORCH, *(spec(f"q{index}", "1", "torch==2.7.0", "numpy") for index in range(number))]
        return count_calls(lambda: fix(folder, specs))

    few, many = calls(10), calls(40)
    assert many < 6 * few


@pytest.mark.parametrize(
    ("text", "move", "expected"),
    [
        ("torch==2.7.0", Move("torch", "2.7.0", None, "2.7.0+cpu"), "torch==2.7.0+cpu"),
        ("Torch [x] ( == 2.7 , !=2.8 ) ; a", Move("torch", "2.7.0", None, "2.7.0+cpu"), "Torch [x] ( == 2.7 , !=2.8 ) ; a"),
        ("Torch[x] (==2.7, !=2.8)", Move("torch", "2.7.0", None, "2.7.0+cpu"), "Torch[x] (==2.7.0+cpu, !=2.8)"),
        ("torch==2.7.0", Move("torch", "2.7.0+cu126", None, "2.7.0+cpu"), "torch==2.7.0+cpu"),
        ("torch==2.7.0+cu126", Move("torch", "2.7.0+cu126", None, "2.7.0+cpu"), "torch==2.7.0+cpu"),
        ("torch==2.7.0+cu118", Move("torch", "2.7.0+cu126", None, "2.7.0+cpu"), "torch==2.7.0+cu118"),
        ("torch==2.7.*", Move("torch", "2.7.0", None, "3"), "torch==2.7.*"),
        ("torch~=2.7.0", Move("torch", "2.7.0", None, "2.7.0+cpu"), "torch~=2.7.0"),
        ("torch===2.7.0", Move("torch", "2.7.0", None, "2.7.0+cpu"), "torch===2.7.0+cpu"),
        ("torch==2.8.0", Move("torch", "2.7.0", None, "2.7.0+cpu"), "torch==2.8.0"),
        ("torch-x==2.7.0", Move("torch", "2.7.0", None, "2.7.0+cpu"), "torch-x==2.7.0"),
        ("torch>=2.7.0rc1", Move("torch", "2.7.0rc2", "t", None), "t>=2.7.0rc1"),
        ("torch; extra == 'all'", Move("torch", "2.7.0", "t", "9"), "t; extra == 'all'"),
        ("torch (2.7.0)", Move("torch", "2.7.0", "t", "9"), "torch (2.7.0)"),
        ("torch==x", Move("torch", "x", None, "9"), "torch==x"),
    ],
)
def test_what_follows(text: str, move: Move, expected: str) -> None:
    assert followed(text, move) == expected
    assert followed(expected, move) == expected


NAMES = [
    ("a-1-cp311-cp311-win32.whl", "b-1-cp311-cp311-win32.whl", True),
    ("a-1-cp311-cp311-win32.whl", "b-1-cp312-cp312-win32.whl", False),
    ("a-1-cp311-cp311-win32.whl", "b-1-cp38-abi3-win32.whl", True),
    ("a-1-cp311-cp311-win32.whl", "b-1-py3-none-any.whl", True),
    ("a-1-cp311-cp311-win32.whl", "b-1-cp311-cp311-win_amd64.whl", False),
    (f"a-1-cp311-cp311-{ARM}.whl", "b-1-cp311-cp311-manylinux_2_17_aarch64.manylinux2014_aarch64.whl", True),
    (f"a-1-cp311-cp311-{ARM}.whl", "b-1-cp311-cp311-linux_aarch64.whl", True),
    (f"a-1-cp311-cp311-{ARM}.whl", f"b-1-cp311-cp311-{INTEL}.whl", False),
    ("a-1-cp311-cp311-macosx_11_0_arm64.whl", "b-1-cp311-cp311-macosx_10_9_universal2.whl", True),
    ("a-1-cp311-cp311-macosx_11_0_arm64.whl", "b-1-cp311-cp311-macosx_10_9_x86_64.whl", False),
    ("a-1-cp310.cp311-none-win32.whl", "b-1-cp311-cp311-win32.whl", True),
]


@pytest.mark.parametrize(("one", "other", "expected"), NAMES)
def test_which_wheels_fit_beside_each_other(one: str, other: str, expected: bool) -> None:
    names = WheelFilename.parse(one), WheelFilename.parse(other)
    assert fits_beside(*names) is fits_beside(*reversed(names)) is expected


def test_on_the_command_line(tmp_path: Path) -> None:
    paths = [write_wheel(tmp_path, each) for each in (TORCH, VISION)]
    ran = run("strip-gpu", "--local", "cpu", "--follow-pins", "-o", tmp_path / "out", *paths)
    assert ran.code == 0, ran.err
    assert requires(tmp_path)["torchvision-0.22.0+cpu"][1] == "torch == 2.7.0+cpu ; os_name == 'posix'"


def test_all_get_the_name_if_you_say_so(tmp_path: Path) -> None:
    paths = [write_wheel(tmp_path, each) for each in (TORCH, TEXT)]
    for options, expected in (([], ["1.0", "2.7.0+cpu"]), (["--all"], ["1.0+cpu", "2.7.0+cpu"])):
        output = tmp_path / f"out{len(options)}"
        ran = run("strip-gpu", "--local", "cpu", *options, "-o", output, *paths)
        assert ran.code == 0, ran.err
        assert sorted(path.name.split("-")[1] for path in output.iterdir()) == expected
    ran = run("strip-gpu", "--all", "-o", tmp_path / "out", *paths)
    assert ran.code == 2
    assert "--all is for --local and --build-tag" in ran.err


def test_moves_can_be_given_to_a_plan(tmp_path: Path) -> None:
    with Wheel(write_wheel(tmp_path, VISION)) as wheel:
        plan = wheelfix.make_plan(
            wheel,
            edits=[AddField("Classifier", "Private :: Do Not Upload")],
            moves=[Move("torch", "2.7.0", "acme-torch", None)],
        )
    assert b"Requires-Dist: acme-torch == 2.7.0 ; os_name == 'posix'\n" in plan.new_metadata


def test_pins_follow_wheels_that_other_runs_rename(tmp_path: Path) -> None:
    """One wheel is enough: the others are known by their names."""
    beside = ("torch-2.7.0+cpu-cp311-cp311-manylinux_2_28_aarch64.whl", "torch-2.7.0-cp311-cp311-macosx_11_0_arm64.whl")
    naming = Naming(drop_local=True, rename_unchanged=True, follow_pins=True, beside=beside)
    vision = spec("torchvision", "0.22.0+cpu", "numpy", "torch==2.7.0+cpu")
    assert fix(tmp_path, [vision], naming).ok
    assert requires(tmp_path) == {"torchvision-0.22.0": ["numpy", "torch==2.7.0"]}


@pytest.mark.parametrize(
    "name", ["torch-2.7.0+cpu-cp312-cp312-manylinux_2_28_aarch64.whl", "torch.whl", "other-2.7.0+cpu-py3-none-any.whl"]
)
def test_pins_follow_no_wheel_that_is_for_another_python_or_none(name: str, tmp_path: Path) -> None:
    naming = Naming(drop_local=True, rename_unchanged=True, follow_pins=True, beside=(name,))
    vision = spec("torchvision", "0.22.0+cpu", "torch==2.7.0+cpu")
    assert fix(tmp_path, [vision], naming).ok
    assert requires(tmp_path) == {"torchvision-0.22.0": ["torch==2.7.0+cpu"]}
