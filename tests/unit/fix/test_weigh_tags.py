"""New tags are weighed against the binaries, and requirements against the environments of new tags."""

from pathlib import Path
from typing import Any, BinaryIO

import pytest

from building import Entry, WheelSpec, write_wheel
from elfwriter import shared_object
from programs import mach_o, pe
from wheelfix.evidence.elf import Dynamic, read_dynamic
from wheelfix.fix.batch import fix_wheels
from wheelfix.fix.draft import make_plan
from wheelfix.fix.plan import Plan
from wheelfix.fix.weigh import gather_evidence
from wheelfix.options import Policy, Scan
from wheelfix.results import Status, Verdict
from wheelfix.rules.load import built_in, rule_set
from wheelfix.rules.model import Action, Match, Rule
from wheelfix.wheel.edits import AddTags, RemoveTags, SetRootIsPurelib, SetTags, WheelEdit
from wheelfix.wheel.wheel import Wheel

MODULE = Entry(
    "demo/_x.cpython-311-x86_64-linux-gnu.so",
    shared_object("x86_64", needed=["libc.so.6"], exports=["PyInit__x"], versions={"libc.so.6": ["GLIBC_2.34"]}),
)
TAGS = "cp311-cp311-manylinux_2_34_x86_64"


def wheel_of(folder: Path, *files: Entry, tags: str = TAGS, **more: Any) -> Path:
    python, abi, platform = tags.split("-")
    lines = [f"Tag: {a}-{b}-{c}\n" for a in python.split(".") for b in abi.split(".") for c in platform.split(".")]
    wheel = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n{''.join(lines)}".encode()
    return write_wheel(folder, WheelSpec(tags=tags, files=(Entry("demo/__init__.py", b""), *files), wheel=wheel, **more))


def planned(path: Path, *edits: WheelEdit, **policy: Any) -> Plan:
    with Wheel(path) as wheel:
        return make_plan(wheel, edits=edits, policy=Policy(**policy))


@pytest.mark.parametrize(
    ("edit", "claim", "why"),
    [
        (AddTags("cp311-cp311-manylinux_2_17_x86_64"), "the tag cp311-cp311-manylinux_2_17_x86_64",
         "demo/_x.cpython-311-x86_64-linux-gnu.so needs GLIBC_2.34; the tag says 2.17"),
        (SetTags("cp311-cp311-manylinux_2_34_aarch64"), "the tag cp311-cp311-manylinux_2_34_aarch64",
         "demo/_x.cpython-311-x86_64-linux-gnu.so is for Linux x86_64"),
        (SetTags("cp312-cp312-manylinux_2_34_x86_64"), "the tag cp312-cp312-manylinux_2_34_x86_64",
         "demo/_x.cpython-311-x86_64-linux-gnu.so is built for another Python"),
        (SetTags("py3-none-any"), "the tag py3-none-any",
         "demo/_x.cpython-311-x86_64-linux-gnu.so is an extension module for Linux"),
        (SetTags(("cp311-cp311-win32", "cp311-cp311-win_arm64")), "the tag cp311-cp311-win32 and 1 more",
         "demo/_x.cpython-311-x86_64-linux-gnu.so is an extension module for Linux"),
        (SetRootIsPurelib(True), "Root-Is-Purelib: true",
         "demo/_x.cpython-311-x86_64-linux-gnu.so is an extension module"),
    ],
)  # fmt: skip
def test_what_a_binary_contradicts_is_refused(edit: WheelEdit, claim: str, why: str, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, MODULE)
    [outcome] = fix_wheels([path], None, edits=[edit], output=tmp_path / "out").outcomes
    assert outcome.status is Status.REFUSED
    assert outcome.problem is not None
    assert outcome.problem.code == "contradicted-tag"
    assert outcome.problem.message == f"its binaries contradict {claim}"
    assert outcome.problem.reason == why
    assert "--force" in outcome.problem.hint
    assert ("tags" in outcome.problem.hint) is ("the tag" in claim)
    forced = planned(path, edit, force=True)
    assert forced.problem is None
    assert forced.notes[0] == f"Forced: {why}, which contradicts {claim.removesuffix(' and 1 more')}."
    unread = planned(path, edit, scan=Scan.NEVER)
    assert unread.problem is None
    assert unread.notes == ("Binaries not read (--scan always reads them): whether they fit the new tags is not known.",)


@pytest.mark.parametrize(
    "edit",
    [
        AddTags("cp311-cp311-manylinux_2_39_x86_64"), AddTags("cp311-cp311-linux_x86_64"), AddTags(TAGS), SetTags(TAGS),
        SetRootIsPurelib(False), RemoveTags("cp310-*"),
    ],
)  # fmt: skip
def test_what_fits_is_done_without_a_word(edit: WheelEdit, tmp_path: Path) -> None:
    plan = planned(wheel_of(tmp_path, MODULE), edit)
    assert (plan.problem, plan.notes) == (None, ())


def test_what_the_wheel_says_already_is_its_own_business(tmp_path: Path) -> None:
    """Taking a wrong tag away, or adding a right one, is possible while other wrong ones stay."""
    path = wheel_of(tmp_path, MODULE, tags="cp311-cp311-manylinux1_x86_64.manylinux_2_17_x86_64")
    assert planned(path, RemoveTags("*-manylinux1_*")).problem is None
    assert planned(path, AddTags("cp311-cp311-manylinux_2_34_x86_64")).problem is None
    assert planned(path, AddTags("cp311-cp311-manylinux_2_28_x86_64")).problem is not None


@pytest.mark.parametrize(
    ("name", "data", "tags", "edit", "why"),
    [
        ("demo/_x.cp311-win_amd64.pyd", pe(), "cp311-cp311-win_amd64", AddTags("cp311-cp311-win_arm64"), "Windows AMD64"),
        ("demo/_x.cpython-311-darwin.so", mach_o("arm64", (14, 0)), "cp311-cp311-macosx_14_0_arm64",
         AddTags("cp311-cp311-macosx_11_0_arm64"), "needs macOS 14.0; the tag says 11.0"),
        ("demo/_x.cpython-311-darwin.so", mach_o("arm64"), "cp311-cp311-macosx_11_0_arm64",
         SetTags("cp311-cp311-macosx_11_0_universal2"), "is for macOS arm64"),
        ("demo/x.dll", pe(), "py3-none-win_amd64", SetTags("py3-none-any"), "demo/x.dll is for Windows AMD64"),
    ],
)  # fmt: skip
def test_binaries_of_other_systems(name: str, data: bytes, tags: str, edit: WheelEdit, why: str, tmp_path: Path) -> None:
    plan = planned(wheel_of(tmp_path, Entry(name, data), tags=tags), edit)
    assert plan.problem is not None
    assert plan.problem.reason is not None
    assert why in plan.problem.reason
    assert planned(wheel_of(tmp_path, Entry(name, data), tags=tags), AddTags(tags), SetRootIsPurelib(False)).problem is None


def test_a_pure_wheel_gets_any_tag(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, tags="py3-none-any")
    for edit in (SetTags(TAGS), AddTags("py2-none-any"), SetRootIsPurelib(True)):
        for scan in Scan:
            plan = planned(path, edit, scan=scan)
            assert (plan.problem, plan.notes) == (None, ())


def test_a_binary_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, MODULE, Entry("demo/liby.so", shared_object("x86_64")[:200]))
    plan = planned(path, AddTags("cp311-cp311-linux_x86_64"))
    assert plan.problem is None
    assert len(plan.notes) == 1
    assert plan.notes[0].startswith("Whether all binaries fit the new tags is not known: demo/liby.so cannot be checked: ")


def test_a_requirement_is_judged_for_the_environments_of_new_tags_too(tmp_path: Path) -> None:
    """On aarch64 the marker is never true; with the new tag it is the wheel for x86_64, too."""
    requires = ('nvidia-cudnn-cu12==9.5.1.17; platform_system == "Linux" and platform_machine == "x86_64"',)
    path = wheel_of(tmp_path, tags="py3-none-manylinux_2_28_aarch64", requires=requires)
    with Wheel(path) as wheel:
        alone = make_plan(wheel, built_in("gpu"))
        both = make_plan(wheel, built_in("gpu"), edits=[AddTags("py3-none-manylinux_2_28_x86_64")])
    assert [each.verdict for each in alone.changes if each.field == "Requires-Dist"] == [Verdict.SAFE]
    assert both.problem is not None
    assert both.problem.code == "unproven"
    add = rule_set("mine", [Rule(id="x", reason="why", action=Action(add_tag="py3-none-linux_x86_64"))], extends="gpu")
    with Wheel(path) as wheel:
        evidence = gather_evidence(wheel)
        by_rule = make_plan(wheel, add, evidence=evidence)
        assert by_rule.problem is not None
        assert by_rule.problem.code == "unproven"
        assert len(evidence.environments.tags) == 1  # that of the caller judges as before


@pytest.mark.parametrize(("edits", "dropped"), [([], True), ([AddTags("py3-none-linux_x86_64")], False)])
def test_a_marker_that_is_never_true_may_be_with_a_new_tag(edits: list[WheelEdit], dropped: bool, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, tags="py3-none-linux_aarch64", requires=("x; platform_machine == 'x86_64'",))
    rule = Rule(id="x", reason="why", match=Match(name=("*",), marker=("never-true",)), action="drop")
    with Wheel(path) as wheel:
        plan = make_plan(wheel, rule_set("mine", [rule]), edits=edits)
    assert ("drop" in {each.action for each in plan.changes}) is dropped


def test_binaries_are_read_once_for_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    def counted(file: BinaryIO) -> Dynamic | None:
        reads.append("read")
        return read_dynamic(file)

    monkeypatch.setattr("wheelfix.evidence.linkage.read_dynamic", counted)
    path = wheel_of(tmp_path, MODULE, requires=("nvidia-cudnn-cu12",))
    with Wheel(path) as wheel:
        evidence = gather_evidence(wheel)
        edits = [AddTags("cp311-cp311-linux_x86_64")]
        plan = make_plan(wheel, built_in("gpu"), edits=edits, evidence=evidence, policy=Policy(allow_unproven=True))
        assert len(plan.changes) == 2
        assert [each.path for each in evidence.linkage.binaries] == [MODULE.name]
    assert reads == ["read"]
