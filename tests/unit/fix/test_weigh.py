"""What rules would take away is weighed: what a wheel needs stays, unless somebody insists."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import wheelfix
from building import Entry, WheelSpec, write_wheel
from elfwriter import shared_object
from fixing import values
from running import wheelfix as run
from wheelfix import Action, Change, Match, NeedError, Outcome, Policy, Rule, RuleSet, Scan, Status, Verdict, Wheel, When
from wheelfix.refusals import REFUSALS
from wheelfix.rules.load import rule_set
from wheelfix.rules.model import NewSpecifier

GPU = "nvidia-cudnn-cu12==9.5.1.17"
MARKED = f"{GPU}; platform_machine == 'aarch64'"
MACHINE = "manylinux_2_28_x86_64"
INIT = Entry("demo/__init__.py", b"")


def library(name: str, *needed: str) -> Entry:
    return Entry(f"demo/{name}", shared_object("x86_64", needed=needed, soname=name), mode=0o100755)


def extension(name: str, *needed: str) -> Entry:
    exports = [f"PyInit_{name.partition('.')[0]}"]
    return Entry(f"demo/{name}", shared_object("x86_64", needed=needed, exports=exports), mode=0o100755)


Files: TypeAlias = tuple[Entry, ...]
BUILDS: dict[str, Files] = {
    "denied": (INIT, Entry("demo/version.py", b"cuda = None\n")),
    "stated": (INIT, Entry("demo/version.py", b"cuda = '12.6'\n")),
    "linked": (
        INIT,
        library("libdemo.so", "libcudnn.so.9", "libc.so.6"),
        extension("_ext.cpython-311-x86_64-linux-gnu.so", "libdemo.so", "libc.so.6"),
        extension("_fine.cpython-311-x86_64-linux-gnu.so", "libc.so.6"),
    ),
    "soft": (INIT, library("libplugin.so", "libcudnn.so.9"), extension("_ext.abi3.so", "libc.so.6")),
    "elsewhere": (INIT, extension("_ext.abi3.so", "libc.so.6")),
    "silent": (INIT,),
}
VERDICTS = {
    "denied": Verdict.SAFE,
    "stated": Verdict.UNSAFE,
    "linked": Verdict.UNSAFE,
    "soft": Verdict.UNPROVEN,
    "elsewhere": Verdict.UNPROVEN,
    "silent": Verdict.UNPROVEN,
}
UNSAFE = [name for name, verdict in VERDICTS.items() if verdict is Verdict.UNSAFE]
UNPROVEN = [name for name, verdict in VERDICTS.items() if verdict is Verdict.UNPROVEN]


def wheel_of(folder: Path, build: str, requires: Sequence[str] = ("requests", GPU), project: str = "demo") -> Path:
    tags = f"cp311-cp311-{MACHINE}"
    return write_wheel(folder, WheelSpec(project, tags=tags, requires=tuple(requires), files=BUILDS[build]))


def own(action: Action | str = "drop", name: str = "nvidia-*", *, plainly: bool = False) -> RuleSet:
    """Return rules as a file gives them; ``plainly`` names the project and the requirement."""
    when = When(project=("demo",)) if plainly else When()
    match = Match(name=("nvidia-cudnn-cu12" if plainly else name,))
    rule = Rule(id="mine", reason="I looked", match=match, when=when, action=action)  # type: ignore[arg-type]
    return rule_set("mine", (rule,))


def fix(path: Path, rules: Any = "gpu", **options: Any) -> Outcome:
    [outcome] = wheelfix.fix_wheels([path], rules, **values(output_dir=path.parent / "out", **options)).outcomes
    return outcome


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def requirements(path: Path) -> list[str]:
    with Wheel(path) as wheel:
        return [each.value.strip() for each in wheel.document.all("Requires-Dist")]


# The verdict.


@pytest.mark.parametrize("build", VERDICTS)
def test_verdicts(build: str, tmp_path: Path) -> None:
    outcome = fix(wheel_of(tmp_path, build), force=True)
    assert outcome.status is Status.FIXED
    [change] = outcome.changes
    assert (change.before, change.verdict) == (GPU, VERDICTS[build])
    assert change.evidence
    assert not change.evidence.endswith(".")


@pytest.mark.parametrize("build", VERDICTS)
def test_a_marker_that_is_never_true_is_safe_in_any_build(build: str, tmp_path: Path) -> None:
    outcome = fix(wheel_of(tmp_path, build, [MARKED]))
    [change] = outcome.changes
    assert (outcome.status, change.verdict) == (Status.FIXED, Verdict.SAFE)


@pytest.mark.parametrize("build", VERDICTS)
def test_what_is_not_in_the_catalogue_has_no_verdict(build: str, tmp_path: Path) -> None:
    outcome = fix(wheel_of(tmp_path, build), own(name="requests"))
    [change] = outcome.changes
    assert (outcome.status, change.before, change.verdict, change.evidence) == (Status.FIXED, "requests", None, None)


# Unsafe.


@pytest.mark.parametrize("build", UNSAFE)
@pytest.mark.parametrize("options", [{}, {"allow_unproven": True}, {"jobs": 2}, {"dry_run": True}], ids=str)
def test_what_is_needed_stays(options: dict[str, Any], build: str, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, build, ["requests", GPU, "nvidia-cublas-cu12"])
    before = path.read_bytes()
    outcome = fix(path, **options)
    assert outcome.status is Status.REFUSED
    assert outcome.problem is not None
    assert outcome.problem.code == "unsafe"
    assert "nvidia-cudnn-cu12" in outcome.problem.message
    assert "--skip-gpu-builds" in outcome.problem.hint
    assert ("/docs/guides/which-cpu-torch.md" in outcome.problem.hint) == outcome.source.name.startswith("torch-")
    assert all(way in REFUSALS["unsafe"].remedy for way in ("--skip-gpu-builds", "rule", "--force"))
    assert (outcome.changes, outcome.output, outcome.metadata_diff) == ((), None, "")
    [kept, *_] = outcome.kept
    assert (kept.field, kept.action, kept.before, kept.after) == ("Requires-Dist", "keep", GPU, GPU)
    assert (kept.verdict, kept.rule) == (Verdict.UNSAFE, "gpu/nvidia")
    assert kept.evidence
    assert kept.evidence == outcome.problem.reason
    assert files(tmp_path) == [path.name]
    assert path.read_bytes() == before


@pytest.mark.parametrize("build", UNSAFE)
def test_in_place_it_stays_too(build: str, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, build)
    before = path.read_bytes()
    [outcome] = wheelfix.fix_wheels([path], output=wheelfix.Output(in_place=True)).outcomes
    assert outcome.status is Status.REFUSED
    assert (files(tmp_path), path.read_bytes()) == ([path.name], before)


@pytest.mark.parametrize("build", UNSAFE)
@pytest.mark.parametrize("plainly", [False, True])
def test_a_rule_of_ones_own_does_not_make_it_safe(plainly: bool, build: str, tmp_path: Path) -> None:
    outcome = fix(wheel_of(tmp_path, build), own(plainly=plainly))
    assert outcome.status is Status.REFUSED
    assert outcome.problem is not None
    assert outcome.problem.code == "unsafe"
    assert [each.verdict for each in outcome.kept] == [Verdict.UNSAFE]


def test_force_tells_what_will_not_load(tmp_path: Path) -> None:
    outcome = fix(wheel_of(tmp_path, "linked"), force=True)
    assert outcome.status is Status.FIXED
    assert outcome.output is not None
    assert requirements(outcome.output) == ["requests"]
    forced = [note for note in outcome.notes if note.startswith("Forced: ")]
    assert forced == [
        "Forced: demo/libdemo.so will not load without libcudnn.so.9.",
        "Forced: So these cannot be imported: demo/_ext.cpython-311-x86_64-linux-gnu.so.",
    ]


def test_force_tells_when_it_could_not_look(tmp_path: Path) -> None:
    outcome = fix(wheel_of(tmp_path, "stated"), force=True, scan="never")
    assert outcome.status is Status.FIXED
    assert not [note for note in outcome.notes if "will not load without" in note]
    linked = fix(wheel_of(tmp_path, "linked", project="demo2"), force=True, scan="never")
    assert [change.verdict for change in linked.changes] == [Verdict.UNPROVEN]
    assert any("were not read" in note for note in linked.notes)


def test_many_files_are_summed_up(tmp_path: Path) -> None:
    binaries = tuple(extension(f"m{number:02}.abi3.so", "libcudnn.so.9") for number in range(40))
    spec = WheelSpec(tags=f"cp311-cp311-{MACHINE}", requires=(GPU,), files=(INIT, *binaries))
    forced = [note for note in fix(write_wheel(tmp_path, spec), force=True).notes if note.startswith("Forced: ")]
    assert 2 < len(forced) <= 25
    assert any("more" in note for note in forced)


def test_force_says_nothing_where_all_is_safe(tmp_path: Path) -> None:
    assert fix(wheel_of(tmp_path, "denied"), force=True).notes == ()


# Unproven.


@pytest.mark.parametrize("build", UNPROVEN)
def test_built_in_rules_do_not_drop_what_is_unproven(build: str, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, build)
    outcome = fix(path)
    assert outcome.status is Status.REFUSED
    assert outcome.problem is not None
    assert outcome.problem.code == "unproven"
    assert all(way in outcome.problem.hint for way in ("--allow-unproven", "--skip-unproven"))
    assert outcome.problem.reason == outcome.kept[0].evidence
    assert [(each.before, each.after, each.verdict) for each in outcome.kept] == [(GPU, GPU, Verdict.UNPROVEN)]
    assert files(tmp_path) == [path.name]


def rule_file(folder: Path) -> tuple[str, ...]:
    path = folder / "mine.toml"
    path.write_text(
        'schema = 1\n[[rule]]\nid = "mine"\nreason = "I looked"\nmatch.name = ["nvidia-*"]\naction = "drop"\n', "utf-8"
    )
    return "fix", "--rules", str(path)


WAYS: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "--allow-unproven": lambda _: ("strip-gpu", "--allow-unproven"),
    "--force": lambda _: ("strip-gpu", "--force"),
    "--drop": lambda _: ("strip-gpu", "--drop", "nvidia-cudnn-cu12"),
    "--drop a pattern": lambda _: ("strip-gpu", "--drop", "nvidia-*"),
    "a file": rule_file,
}


@pytest.mark.parametrize("build", UNPROVEN)
@pytest.mark.parametrize("way", WAYS)
def test_whoever_knows_better_drops_it(way: str, build: str, tmp_path: Path) -> None:
    command, *options = WAYS[way](tmp_path)
    ran = run(command, "--format", "json", "-o", tmp_path / "out", *options, wheel_of(tmp_path, build))
    assert ran.code == 0, ran.err
    [wheel] = ran.report["wheels"]
    assert [(each["before"], each["verdict"]) for each in wheel["changes"]] == [(GPU, "unproven")]
    assert requirements(Path(wheel["output"])) == ["requests"]


@pytest.mark.parametrize("build", UNSAFE)
@pytest.mark.parametrize("way", WAYS)
def test_and_what_is_needed_goes_by_force_only(way: str, build: str, tmp_path: Path) -> None:
    command, *options = WAYS[way](tmp_path)
    ran = run(command, "--format", "json", "-o", tmp_path / "out", *options, wheel_of(tmp_path, build))
    [wheel] = ran.report["wheels"]
    assert ran.code == (0 if way == "--force" else 3)
    assert (wheel["problem"] and wheel["problem"]["code"]) == (None if way == "--force" else "unsafe")


def test_a_file_that_extends_the_built_in_rules_does_not_own_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('schema = 1\nextends = ["gpu"]\n', "utf-8")
    ran = run("fix", "--rules", path, "--format", "json", "-o", tmp_path / "out", wheel_of(tmp_path, "silent"))
    assert ran.code == 3
    assert ran.report["wheels"][0]["problem"]["code"] == "unproven"


def test_one_unproven_by_the_set_and_one_by_a_rule_of_ones_own(tmp_path: Path) -> None:
    """The wheel is refused for what nobody vouched for, and says so."""
    path = wheel_of(tmp_path, "silent", [GPU, "nvidia-nccl-cu12"])
    outcome = fix(path, [_file(tmp_path, "nvidia-nccl-cu12"), "gpu"])
    assert outcome.problem is not None
    assert outcome.problem.code == "unproven"
    assert "nvidia-cudnn-cu12" in outcome.problem.message
    assert "nvidia-nccl-cu12" not in outcome.problem.message
    assert fix(path, [_file(tmp_path, "nvidia-*"), "gpu"]).status is Status.FIXED


def _file(folder: Path, name: str) -> Path:
    path = folder / "one.toml"
    path.write_text(
        f'schema = 1\n[[rule]]\nid = "mine"\nreason = "I looked"\nmatch.name = ["{name}"]\naction = "drop"\n', "utf-8"
    )
    return path


@pytest.mark.parametrize("group", ["gpu", "gpu/nvidia", ["gpu/nvidia"]])
def test_groups_of_built_in_rules_are_built_in(group: Any, tmp_path: Path) -> None:
    outcome = fix(wheel_of(tmp_path, "silent"), group)
    assert outcome.problem is not None
    assert outcome.problem.code == "unproven"


def test_unsafe_comes_before_unproven(tmp_path: Path) -> None:
    outcome = fix(wheel_of(tmp_path, "linked", ["nvidia-nccl-cu12", GPU]))
    assert outcome.problem is not None
    assert outcome.problem.code == "unsafe"
    assert "nvidia-cudnn-cu12" in outcome.problem.message
    assert [each.verdict for each in outcome.kept] == [Verdict.UNPROVEN, Verdict.UNSAFE]


def test_a_rule_that_names_the_pair_proves_it_with_the_binaries(tmp_path: Path) -> None:
    """Safe for a rule on this very project and requirement, where no binary links to it."""
    [change] = fix(wheel_of(tmp_path, "elsewhere"), own(plainly=True)).changes
    assert change.verdict is Verdict.SAFE
    [other] = fix(wheel_of(tmp_path, "silent", project="demo_silent"), own()).changes
    assert other.verdict is Verdict.UNPROVEN


def test_a_name_that_was_given_makes_no_pair(tmp_path: Path) -> None:
    """A wheel that was renamed to xgboost lost what xgboost is known to load on a GPU only."""
    renamed = edited(wheel_of(tmp_path, "elsewhere", project="other"), [wheelfix.SetName("demo")])
    assert renamed.output is not None
    assert renamed.output.name.startswith("demo-")
    [change] = fix(renamed.output, own(plainly=True)).changes
    assert change.verdict is Verdict.UNPROVEN
    with Wheel(renamed.output) as wheel:
        assert not wheelfix.gather_evidence(wheel).names_project
    (tmp_path / "kept").mkdir()
    kept = edited(wheel_of(tmp_path / "kept", "elsewhere"), [wheelfix.SetField("Summary", "x")])
    assert kept.output is not None
    [change] = fix(kept.output, own(plainly=True)).changes
    assert change.verdict is Verdict.SAFE


# What counts as taking away.

ACTIONS: dict[str, tuple[Action, Verdict | None, str]] = {
    "replace": (Action(replace="numpy{specifier}"), Verdict.UNSAFE, "numpy==9.5.1.17"),
    "replace by itself": (Action(replace="{name}>=9{marker}"), None, "nvidia-cudnn-cu12>=9"),
    "rename": (Action(rename="nvidia-cudnn"), Verdict.UNSAFE, "nvidia-cudnn==9.5.1.17"),
    "set-specifier": (Action(set_specifier=">=9"), None, "nvidia-cudnn-cu12>=9"),
    "a dead and-marker": (
        Action(and_marker="sys_platform == 'win32'"),
        Verdict.UNSAFE,
        f"{GPU}; sys_platform == 'win32'",
    ),
    "a live and-marker": (Action(and_marker="python_version >= '3.9'"), None, f"{GPU}; python_version >= '3.9'"),
    "a dead set-marker": (
        Action(set_marker="platform_machine == 'aarch64'"),
        Verdict.UNSAFE,
        f"{GPU}; platform_machine == 'aarch64'",
    ),
    "a marker that nothing decides": (
        Action(and_marker="platform_release == 'never'"),
        Verdict.UNSAFE,
        f"{GPU}; platform_release == 'never'",
    ),
    "a marker that one patch release makes true": (
        Action(set_marker="python_full_version == '3.11.99'"),
        Verdict.UNSAFE,
        f"{GPU}; python_full_version == '3.11.99'",
    ),
    "a live marker of patch releases": (
        Action(set_marker="python_full_version != '3.11.1'"),
        None,
        f"{GPU}; python_full_version != '3.11.1'",
    ),
    "a live set-marker": (Action(set_marker="sys_platform == 'linux'"), None, f"{GPU}; sys_platform == 'linux'"),
}


SPLIT_OR_COMPUTED: dict[str, tuple[Action, Verdict | None]] = {
    "two others": (Action(replace=("a", "b{marker}")), Verdict.UNSAFE),
    "first of two": (Action(replace=("{name}{specifier}", "b")), None),
    "second of two": (Action(replace=("b", "{name}{specifier}")), None),
    "last of three, in no environment": (Action(replace=("b", "c", "{name}; sys_platform == 'win32'")), Verdict.UNSAFE),
    "in two parts": (
        Action(replace=("{name}==9.*; python_version < '3.9'", "{name}==9.*; python_version >= '3.9'")),
        None,
    ),
    "relaxed": (Action(set_specifier=NewSpecifier(relax="lower")), None),
    "second of two, where nothing decides": (Action(replace=("b", "{name}; platform_release > '1'")), Verdict.UNSAFE),
    "with no specifier": (Action(set_specifier=NewSpecifier(drop="all")), None),
    "with a local version": (Action(set_specifier=NewSpecifier(local="cpu")), None),
}


@pytest.mark.parametrize("way", SPLIT_OR_COMPUTED)
def test_what_is_left_of_a_requirement_counts(way: str, tmp_path: Path) -> None:
    """Relaxing it takes nothing away, and neither does adding lines to it; others in its place do."""
    action, verdict = SPLIT_OR_COMPUTED[way]
    outcome = fix(wheel_of(tmp_path, "linked"), own(action, "nvidia-cudnn-cu12"))
    assert (outcome.problem is None) is (verdict is None)
    listed = outcome.kept if outcome.problem else outcome.changes
    assert {each.verdict for each in listed if each.before == GPU} <= {verdict}
    assert not outcome.problem or [each.before for each in outcome.kept] == [GPU]


def test_what_nothing_decides_may_stay_as_it_was(tmp_path: Path) -> None:
    requires = [f"{GPU}; platform_release != 'old' and python_version < '4'"]
    path = wheel_of(tmp_path, "linked", requires)
    assert fix(path, own(Action(set_specifier=">=9"), "nvidia-cudnn-cu12")).status is Status.FIXED
    live = own(Action(set_marker="platform_release != 'old'"), "nvidia-cudnn-cu12")
    assert fix(path, live, overwrite=True).status is Status.FIXED
    other = own(Action(set_marker="platform_release != 'new'"), "nvidia-cudnn-cu12")
    assert fix(path, other, overwrite=True).problem is not None


def test_lines_of_one_requirement_do_not_count_for_another(tmp_path: Path) -> None:
    """What ``requests`` became says nothing of the library that another rule drops."""
    rules = rule_set("mine", [
        Rule(id="split", reason="r", match=Match(("requests",)), action=Action(replace=("a", "b", "nvidia-cudnn-cu12"))),
        Rule(id="drop", reason="r", match=Match(("nvidia-*",)), action="drop"),
    ])  # fmt: skip
    outcome = fix(wheel_of(tmp_path, "linked"), rules)
    assert outcome.problem is not None
    assert outcome.problem.code == "unsafe"


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_that_take_away(action: str, tmp_path: Path) -> None:
    given, verdict, after = ACTIONS[action]
    path = wheel_of(tmp_path, "linked")
    outcome = fix(path, own(given))
    if verdict is None:
        assert outcome.status is Status.FIXED, outcome.problem
        assert [change.verdict for change in outcome.changes] == [None]
    else:
        assert outcome.problem is not None
        assert (outcome.problem.code, [each.verdict for each in outcome.kept]) == ("unsafe", [verdict])
        assert [(each.before, each.after) for each in outcome.kept] == [(GPU, GPU)]
    forced = fix(path, own(given), force=True, overwrite=True)
    assert forced.output is not None
    assert requirements(forced.output) == ["requests", after]
    assert [change.verdict for change in forced.changes] == [verdict]


def test_an_extra_behind_which_it_goes_takes_it_away(tmp_path: Path) -> None:
    """A wheel that asks for it behind an extra only no longer asks for it when it is installed plainly."""
    outcome = fix(wheel_of(tmp_path, "linked"), own(Action(and_marker="extra == 'gpu'")))
    assert outcome.problem is not None
    assert outcome.problem.code == "unsafe"


def test_an_extra_that_is_dropped_takes_its_requirements_away(tmp_path: Path) -> None:
    metadata = (
        f"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nProvides-Extra: cuda\nRequires-Dist: {GPU}; extra == 'cuda'\n"
    ).encode()
    spec = WheelSpec(tags=f"cp311-cp311-{MACHINE}", metadata=metadata, files=BUILDS["linked"])
    rules = rule_set("mine", (Rule(id="mine", reason="I looked", action=Action(drop_extra="cuda")),))
    verdicts: dict[str, Change] = {
        each.before or "": each for each in fix(write_wheel(tmp_path, spec), rules, force=True).changes
    }
    assert verdicts["cuda"].verdict is None
    assert verdicts[f"{GPU}; extra == 'cuda'"].verdict is Verdict.UNSAFE


@pytest.mark.parametrize("build", VERDICTS)
def test_keeping_needs_no_verdict(build: str, tmp_path: Path) -> None:
    outcome = fix(wheel_of(tmp_path, build), own("keep"))
    assert outcome.status is Status.UNCHANGED
    assert [(each.before, each.verdict, each.evidence) for each in outcome.kept] == [(GPU, None, None)]


@pytest.mark.parametrize("build", UNSAFE)
def test_keep_is_a_way_out(build: str, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, build, [GPU, MARKED.replace("cudnn-cu12==9.5.1.17", "nccl-cu12")])
    ran = run("strip-gpu", "--format", "json", "--keep", "nvidia-cudnn-cu12", "-o", tmp_path / "out", path)
    assert ran.code == 0, ran.err
    [wheel] = ran.report["wheels"]
    assert requirements(Path(wheel["output"])) == [GPU]
    assert [each["verdict"] for each in wheel["kept"]] == [None]


OTHER = "nvidia-nccl-cu12==2.20"
TAKING: dict[str, list[wheelfix.Edit]] = {
    "a line": [wheelfix.RemoveField("Requires-Dist", GPU)],
    "the field": [wheelfix.RemoveField("Requires-Dist")],
    "all values": [wheelfix.SetField("Requires-Dist", ("requests",))],
    "all values, in another order": [wheelfix.SetField("requires-dist", ("numpy", "requests"))],
    "by name": [wheelfix.DropRequirement("nvidia-cudnn-cu12")],
    "by pattern": [wheelfix.DropRequirement("nvidia-*")],
    "whole": [wheelfix.DropRequirement(GPU)],
    "for another": [wheelfix.ReplaceRequirement("nvidia-cudnn-cu12", "numpy")],
    "taken and something put back": [wheelfix.RemoveField("Requires-Dist", GPU), wheelfix.AddField("Requires-Dist", OTHER)],
}
LEAVING: dict[str, list[wheelfix.Edit]] = {
    "the same in another order": [wheelfix.SetField("Requires-Dist", (GPU, "requests"))],
    "another version": [wheelfix.SetField("Requires-Dist", ("requests", "nvidia-cudnn-cu12>=9"))],
    "taken and put back": [
        wheelfix.RemoveField("Requires-Dist", GPU),
        wheelfix.AddField("Requires-Dist", GPU.replace("==", " == ")),
    ],
    "another requirement": [wheelfix.RemoveField("Requires-Dist", "requests")],
    "another field": [wheelfix.SetField("Summary", "x")],
}


def edited(path: Path, edits: Sequence[wheelfix.Edit], **options: Any) -> Outcome:
    return fix(path, None, edits=edits, **options)


@pytest.mark.parametrize("edits", TAKING.values(), ids=list(TAKING))
@pytest.mark.parametrize("build", UNSAFE)
def test_what_edits_take_away_is_weighed(build: str, edits: list[wheelfix.Edit], tmp_path: Path) -> None:
    """However it goes: what the wheel's own binaries need is not taken away without force."""
    path = wheel_of(tmp_path, build)
    refused = edited(path, edits)
    assert refused.problem is not None
    assert refused.problem.code == "unsafe"
    left = edited(path, [*edits, wheelfix.SetField("Summary", "x")], skip_gpu_builds=True)
    assert (left.status, left.changes) == (Status.UNCHANGED, ())
    assert [each.verdict for each in left.kept if each.before == GPU] == [Verdict.UNSAFE]
    forced = edited(path, edits, force=True, overwrite=True)
    assert forced.status is Status.FIXED
    assert [each.verdict for each in forced.changes if each.before == GPU] == [Verdict.UNSAFE]


@pytest.mark.parametrize("edits", TAKING.values(), ids=list(TAKING))
@pytest.mark.parametrize("build", UNPROVEN)
def test_an_edit_is_your_own_choice_where_there_is_no_evidence(
    build: str, edits: list[wheelfix.Edit], tmp_path: Path
) -> None:
    outcome = edited(wheel_of(tmp_path, build), edits)
    assert outcome.status is Status.FIXED
    assert [each.verdict for each in outcome.changes if each.before == GPU] == [Verdict.UNPROVEN]


@pytest.mark.parametrize("edits", LEAVING.values(), ids=list(LEAVING))
def test_what_is_still_there_was_not_taken_away(edits: list[wheelfix.Edit], tmp_path: Path) -> None:
    outcome = edited(wheel_of(tmp_path, "linked"), edits)
    assert outcome.problem is None
    assert {each.verdict for each in outcome.changes} <= {None}


def test_a_wheel_that_rules_leave_is_not_edited_either(tmp_path: Path) -> None:
    """A GPU build is copied unchanged: half of what was asked for would be worse than nothing."""
    edits = [wheelfix.SetField("Summary", "x"), wheelfix.SetLocal("cpu"), wheelfix.WriteFile("NOTICE", b"x")]
    outcome = fix(wheel_of(tmp_path, "linked"), edits=edits, skip_gpu_builds=True)
    assert (outcome.status, outcome.changes) == (Status.UNCHANGED, ())
    assert outcome.output is not None
    assert outcome.output.read_bytes() == outcome.source.read_bytes()


# Plans.


@pytest.mark.parametrize(("build", "code"), [("linked", "unsafe"), ("silent", "unproven")])
def test_a_plan_with_a_problem_is_not_carried_out(build: str, code: str, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, build)
    target = tmp_path / "out" / path.name
    with Wheel(path) as wheel:
        plan = wheelfix.make_plan(wheel, wheelfix.built_in("gpu"))
        assert plan.problem is not None
        assert plan.problem.code == code
        preview = wheelfix.preview(plan)
        for place in (target, None):
            with pytest.raises(NeedError) as refusal:
                wheelfix.apply(wheel, plan, place)
            assert refusal.value.code == code
            assert refusal.value.message == plan.problem.message
    assert preview.status is Status.REFUSED
    assert files(tmp_path) == [path.name]
    assert not target.parent.exists()


@pytest.mark.parametrize(
    ("build", "policy"),
    [("linked", Policy(force=True)), ("silent", Policy(allow_unproven=True)), ("denied", Policy())],
)
def test_a_plan_without_one_is(build: str, policy: Policy, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, build)
    with Wheel(path) as wheel:
        plan = wheelfix.make_plan(wheel, wheelfix.built_in("gpu"), policy=policy)
        assert plan.problem is None
        assert wheelfix.apply(wheel, plan, tmp_path / "out" / path.name).status is Status.FIXED


@pytest.mark.parametrize("scan", list(Scan))
def test_evidence_that_was_gathered_is_used(scan: Scan, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, "linked")
    with Wheel(path) as wheel:
        evidence = wheelfix.gather_evidence(wheel, scan)
        plan = wheelfix.make_plan(wheel, wheelfix.built_in("gpu"), evidence=evidence)
        assert plan.problem is not None
        assert plan.problem.code == ("unproven" if scan is Scan.NEVER else "unsafe")
        assert bool(evidence.linkage.binaries) is (scan is not Scan.NEVER)


# The report.


@pytest.mark.parametrize("build", VERDICTS)
@pytest.mark.parametrize("options", [[], ["--force"], ["--check"], ["--allow-unproven"], ["--scan", "always"]], ids=" ".join)
def test_the_json_report_fits_its_schema(options: list[str], build: str, tmp_path: Path) -> None:
    ran = run("strip-gpu", "--format", "json", *options, "-o", tmp_path / "out", wheel_of(tmp_path, build))
    [wheel] = ran.report["wheels"]
    told = wheel["kept"] if wheel["problem"] else wheel["changes"]
    assert [(each["before"], each["verdict"]) for each in told] == [(GPU, VERDICTS[build].value)]
    assert all(each["evidence"] for each in told)
    assert (wheel["output"] is None) is bool(wheel["problem"] or "--check" in options)


# What is there already.


@pytest.mark.parametrize("build", ["denied", "silent"])
def test_an_output_that_differs_is_replaced_only_if_asked(build: str, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, build)
    target = tmp_path / "out" / path.name
    options: dict[str, Any] = {"allow_unproven": True}
    clean = fix(path, **options)
    assert clean.notes == ()
    expected = target.read_bytes()
    target.write_bytes(b"mine")
    refused = fix(path, **options)
    assert refused.problem is not None
    assert (refused.problem.code, target.read_bytes()) == ("output-exists", b"mine")
    assert "--overwrite" in refused.problem.hint
    replaced = fix(path, overwrite=True, **options)
    assert (replaced.status, replaced.output, target.read_bytes()) == (Status.FIXED, target, expected)
    assert replaced.notes == ("Another file of this name was there and was replaced.",)
    assert fix(path, overwrite=True, **options).notes == ("Up to date: the result was already there.",)
    assert files(tmp_path) == sorted([path.name, path.name])


def test_an_unchanged_copy_too(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, "silent", ["requests"])
    target = tmp_path / "out" / path.name
    target.parent.mkdir()
    target.write_bytes(b"mine")
    ran = run("strip-gpu", "-o", target.parent, path)
    assert (ran.code, target.read_bytes()) == (3, b"mine")
    ran = run("strip-gpu", "--overwrite", "-o", target.parent, path)
    assert (ran.code, ran.lines) == (0, [str(target)])
    assert target.read_bytes() == path.read_bytes()
    assert "was replaced" in ran.err


def test_what_is_refused_replaces_nothing(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, "linked")
    target = tmp_path / "out" / path.name
    target.parent.mkdir()
    target.write_bytes(b"mine")
    assert fix(path, overwrite=True).status is Status.REFUSED
    assert target.read_bytes() == b"mine"


def test_overwriting_never_takes_the_wheel_itself(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, "denied")
    before = path.read_bytes()
    [outcome] = wheelfix.fix_wheels([path], output=wheelfix.Output(directory=tmp_path, overwrite=True)).outcomes
    assert outcome.problem is not None
    assert (outcome.problem.code, path.read_bytes()) == ("output-is-input", before)


# Left as it is.


@pytest.mark.parametrize("build", UNSAFE)
def test_a_gpu_build_can_be_left_as_it_is(build: str, tmp_path: Path) -> None:
    """It is copied like any wheel without a change, and the report tells why."""
    path = wheel_of(tmp_path, build)
    outcome = fix(path, skip_gpu_builds=True)
    assert (outcome.status, outcome.changes, outcome.problem) == (Status.UNCHANGED, (), None)
    assert outcome.output is not None
    assert outcome.output.read_bytes() == path.read_bytes()
    assert [(each.before, each.verdict) for each in outcome.kept] == [(GPU, Verdict.UNSAFE)]
    assert [note for note in outcome.notes if note.startswith("Left as it is: it needs nvidia-cudnn-cu12: ")]


CHOICES: dict[str, tuple[dict[str, bool], dict[Verdict, str]]] = {
    "nothing": ({}, {Verdict.UNSAFE: "unsafe", Verdict.UNPROVEN: "unproven"}),
    "skip GPU builds": ({"skip_gpu_builds": True}, {Verdict.UNSAFE: "left", Verdict.UNPROVEN: "unproven"}),
    "skip unproven": ({"skip_unproven": True}, {Verdict.UNSAFE: "unsafe", Verdict.UNPROVEN: "left"}),
    "skip both": (
        {"skip_gpu_builds": True, "skip_unproven": True},
        {Verdict.UNSAFE: "left", Verdict.UNPROVEN: "left"},
    ),
    "allow unproven": ({"allow_unproven": True}, {Verdict.UNSAFE: "unsafe", Verdict.UNPROVEN: "fixed"}),
    "allow unproven, skip GPU builds": (
        {"allow_unproven": True, "skip_gpu_builds": True},
        {Verdict.UNSAFE: "left", Verdict.UNPROVEN: "fixed"},
    ),
    "force": ({"force": True}, {Verdict.UNSAFE: "fixed", Verdict.UNPROVEN: "fixed"}),
    "force and allow unproven": (
        {"force": True, "allow_unproven": True},
        {Verdict.UNSAFE: "fixed", Verdict.UNPROVEN: "fixed"},
    ),
}
"""What is chosen, and what becomes of a wheel by the worst verdict on it; one on which all is safe is fixed in any case."""


@pytest.mark.parametrize("build", VERDICTS)
@pytest.mark.parametrize("choice", CHOICES)
def test_what_is_left_and_what_is_refused(choice: str, build: str, tmp_path: Path) -> None:
    options, by_verdict = CHOICES[choice]
    expected = by_verdict.get(VERDICTS[build], "fixed")
    path = wheel_of(tmp_path, build)
    outcome = fix(path, **options)
    notes = [note for note in outcome.notes if note.startswith("Left as it is: ")]
    assert (outcome.problem.code if outcome.problem else None) == (expected if expected.startswith("un") else None)
    assert bool(notes) is (expected == "left")
    if expected == "left":
        assert (outcome.status, outcome.changes) == (Status.UNCHANGED, ())
        assert outcome.output is not None
        assert outcome.output.read_bytes() == path.read_bytes()
        assert [(each.before, each.verdict) for each in outcome.kept] == [(GPU, VERDICTS[build])]
    else:
        assert outcome.status is (Status.FIXED if expected == "fixed" else Status.REFUSED)


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("form", ["--check", "--diff"])
def test_what_is_left_would_not_change(form: str, choice: str, tmp_path: Path) -> None:
    options, by_verdict = CHOICES[choice]
    words = [f"--{name.replace('_', '-')}" for name in options]
    for build, verdict in VERDICTS.items():
        expected = by_verdict.get(verdict, "fixed")
        ran = run("strip-gpu", form, *words, wheel_of(tmp_path, build))
        changes = expected == "fixed"
        if expected.startswith("un"):
            assert ran.code != 0, (build, ran.err)
        else:
            assert ran.code == int(changes and form == "--check"), (build, ran.err)
        assert ("Left as it is" in ran.err) is (expected == "left"), (build, ran.err)


def test_a_run_over_a_directory_of_everything_is_complete(tmp_path: Path) -> None:
    for build in VERDICTS:
        (tmp_path / "in").mkdir(exist_ok=True)
        requires = ("requests", GPU)
        spec = WheelSpec(f"demo_{build}", tags=f"cp311-cp311-{MACHINE}", requires=requires, files=BUILDS[build])
        write_wheel(tmp_path / "in", spec)
    ran = run("strip-gpu", "--skip-gpu-builds", "--skip-unproven", "-o", tmp_path / "out", tmp_path / "in")
    assert ran.code == 0, ran.err
    assert files(tmp_path / "out") == files(tmp_path / "in")
    assert len(ran.lines) == len(VERDICTS)
    again = run("strip-gpu", "--skip-gpu-builds", "--skip-unproven", "--check", tmp_path / "out")
    assert again.code == 0, again.err


def test_one_unproven_line_leaves_the_whole_wheel(tmp_path: Path) -> None:
    """Half a correction would be neither what its maker built nor what the rules want."""
    path = wheel_of(tmp_path, "silent", [MARKED, "nvidia-nccl-cu12"])
    outcome = fix(path, skip_unproven=True)
    assert outcome.status is Status.UNCHANGED
    assert [each.verdict for each in outcome.kept] == [Verdict.SAFE, Verdict.UNPROVEN]
    assert outcome.output is not None
    assert requirements(outcome.output) == [MARKED, "nvidia-nccl-cu12"]


def test_what_your_own_rules_drop_is_not_left(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, "silent", [GPU, "nvidia-nccl-cu12"])
    assert fix(path, [_file(tmp_path, "nvidia-*"), "gpu"], skip_unproven=True).status is Status.FIXED
    left = fix(path, [_file(tmp_path, "nvidia-nccl-cu12"), "gpu"], skip_unproven=True, overwrite=True)
    assert left.status is Status.UNCHANGED
    assert "nvidia-cudnn-cu12" in "".join(left.notes)


def test_a_release_with_one_wheel_left_as_it_is_says_so_and_what_to_do(tmp_path: Path) -> None:
    """The one that is fixed and the one that is left would no longer agree, whoever chose that."""
    cpu = wheel_of(tmp_path, "denied")
    silent = write_wheel(tmp_path, WheelSpec(tags="cp312-cp312-any", requires=("requests", GPU), files=BUILDS["silent"]))
    report = wheelfix.fix_wheels([cpu, silent], output=tmp_path / "out", policy=wheelfix.Policy(skip_unproven=True))
    assert [each.problem.code if each.problem else "" for each in report.outcomes] == ["mixed-release"] * 2
    problem = report.outcomes[0].problem
    assert problem is not None
    assert "unproven: it has no binaries" in (problem.reason or "")
    assert "--local" in problem.hint
    apart = wheelfix.fix_wheels(
        [cpu, silent],
        output=tmp_path / "apart",
        policy=wheelfix.Policy(skip_unproven=True),
        naming=wheelfix.Naming(local="cpu"),
    )
    assert [each.status for each in apart.outcomes] == [Status.FIXED, Status.UNCHANGED]
    assert files(tmp_path / "apart") == sorted([cpu.name.replace("1.0", "1.0+cpu"), silent.name])


EXCLUSIVE = [
    {"force": True, "skip_gpu_builds": True},
    {"force": True, "skip_unproven": True},
    {"allow_unproven": True, "skip_unproven": True},
]


@pytest.mark.parametrize("options", EXCLUSIVE, ids=" ".join)
def test_what_drops_excludes_what_leaves(options: dict[str, Any], tmp_path: Path) -> None:
    path, words = wheel_of(tmp_path, "linked"), [f"--{name.replace('_', '-')}" for name in options]
    for command in (("strip-gpu", path), ("fix", "--rules", "gpu", path), ("mirror", "add", "m", "--from-index", "x:", "d")):
        ran = run(*command, *words)
        assert (ran.code, f"{words[0]} and {words[1]} exclude each other" in ran.err) == (2, True), ran.err
    mirror = tmp_path / "mirror"
    for call in (
        lambda: fix(path, **options),
        lambda: Policy(**options),
        lambda: wheelfix.fix_into_mirror(mirror, [path], **values(**options)),
        lambda: wheelfix.mirror_releases(mirror, "https://example.invalid/", "demo", **values(**options)),
    ):
        with pytest.raises(ValueError, match="exclude each other"):
            call()
    assert files(tmp_path) == [path.name]
    assert not mirror.exists()
