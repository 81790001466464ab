"""Wheels of one release are compared before any of them is written."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

import wheelfix
from building import Entry, WheelSpec, write_wheel
from counting import count_calls
from fixing import values
from running import wheelfix as run
from wheelfix import Change, Disagreement, Naming, Outcome, Problem, Report, Status, fix_wheels, repair_wheels
from wheelfix.fix.release import Known, Rehearsal, compare, newly_differing, to_compare
from wheelfix.mirror.release import undone
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.release import Declared, Topic, disagreements_of

A, B, C = "demo-1.0-cp311-cp311-any.whl", "demo-1.0-cp312-cp312-any.whl", "demo-1.0-cp313-cp313-any.whl"
GPU = "nvidia-cudnn-cu12==9.5.1.17"
CPU_BUILD = (Entry("demo/__init__.py", b""), Entry("demo/version.py", b"cuda = None\n"))
GPU_BUILD = (Entry("demo/__init__.py", b""), Entry("demo/version.py", b"cuda = '12.6'\n"))
NO_WORD = (Entry("demo/__init__.py", b""),)


# Which wheels are looked at together, by their names.


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], []),
        ([A], []),
        ([A, "other-1.0-py3-none-any.whl"], []),
        ([A, "demo-1.1-py3-none-any.whl"], []),
        ([A, "demo-1.0+cpu-py3-none-any.whl"], []),
        (["demo-1.0+cpu-py3-none-any.whl", "demo-1.0+cu126-py3-none-any.whl"], []),
        ([A, B], [A, B]),
        ([B, "other-1.0-py3-none-any.whl", A], [B, A]),
        (["demo-1.0-py3-none-any.whl", "demo-1.0.0-py2-none-any.whl"], [0, 1]),
        (["demo-1.0-1-py3-none-any.whl", "demo-1.0-2nogpu-py3-none-any.whl"], [0, 1]),
        (["demo-1.0+CPU-py3-none-any.whl", "demo-1.0+cpu-py2-none-any.whl"], [0, 1]),
        (["demo-1.0+cpu.1-py3-none-any.whl", "demo-1.0+cpu_1-py2-none-any.whl"], [0, 1]),
        (["demo-1.0rc1-py3-none-any.whl", "demo-1.0.c1-py2-none-any.whl"], [0, 1]),
        (["demo-1.0_1-py3-none-any.whl", "demo-1.0.post1-py2-none-any.whl"], [0, 1]),
        (["demo_pkg-1.0-py3-none-any.whl", "Demo.Pkg-1.0-py2-none-any.whl"], [0, 1]),
        (["demo-latest-py3-none-any.whl", "demo-latest-py2-none-any.whl"], [0, 1]),
        ([A, "demo-1.0.whl", "demo", "x.zip"], []),
        ([A, "demo-1.0.whl", B, "\n-1.0-py3-none-any.whl"], [0, 2]),
        (["torch-2.7.0-cp311-cp311-any.whl", "torchvision-0.22.0-cp311-cp311-any.whl"], [0, 1]),
        (["torchaudio-2.7.0-cp311-cp311-any.whl", A, "torch-2.7.0-cp311-cp311-any.whl"], [0, 2]),
        (["torchvision-0.22.0-cp311-cp311-any.whl", "torchaudio-2.7.0-cp311-cp311-any.whl"], []),
        (["torch-2.7.0-cp311-cp311-any.whl", "torchtext-0.18.0-py3-none-any.whl"], []),
    ],
)
def test_to_compare(names: list[str], expected: list[str | int]) -> None:
    chosen = [Path("a", names[each] if isinstance(each, int) else each) for each in expected]
    assert to_compare(Path("a", name) for name in names) == chosen


# How they disagree as they came.


def disagreements(**said: Sequence[str]) -> list[tuple[str, list[str], list[str]]]:
    """Return on which line wheels disagree, which have it and which have not; wheels are called by their Python tag."""
    found = disagreements_of({Path(f"demo-1.0-{tag}-none-any.whl"): tuple(lines) for tag, lines in said.items()})
    return [
        (
            each.requirement,
            [path.name.split("-")[2] for path in each.present],
            [path.name.split("-")[2] for path in each.missing],
        )
        for each in found
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("numpy", "numpy"),
        ("Foo_Bar", "foo-bar"),
        ("numpy>=1,<2", "numpy (<2, >=1)"),
        ("numpy [b,a] >= 1", "numpy[A,B]>=1"),
        ("a; os_name == 'nt'", 'a ;os_name=="nt"'),
        ("a ==1.0", "a==1.0"),
        ("no requirement !", "no  requirement   !"),
    ],
)
def test_spelling_is_no_disagreement(one: str, other: str) -> None:
    assert disagreements(py2=[one, "six"], py3=["six", other]) == []
    assert disagreements(py2=[one, other], py3=[other]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("numpy>=1", "numpy>=2"),
        ("numpy", "numpy[a]"),
        ("numpy", "numpy; os_name == 'nt'"),
        ("a @ https://example.org/a.whl", "a @ https://example.org/b.whl"),
        ("numpy", "numpyy"),
    ],
)
def test_meaning_is(one: str, other: str) -> None:
    assert disagreements(py2=[one, "six"], py3=["six", other]) == [(one, ["py2"], ["py3"]), (other, ["py3"], ["py2"])]


def test_which_line_is_in_which_wheel() -> None:
    found = disagreements(py2=["a", "b"], py3=["b", "c"], cp311=["b", "a"])
    assert found == [("a", ["py2", "cp311"], ["py3"]), ("c", ["py3"], ["py2", "cp311"])]


def test_releases_are_taken_one_by_one() -> None:
    names = ["demo-1.0-py3-none-any.whl", "other-1.0-py3-none-any.whl", "demo-1.1-py3-none-any.whl", "broken.whl"]
    assert disagreements_of({Path(name): (name,) for name in names}) == ()
    paths = Path("demo-1.0-py3-none-any.whl"), Path("Demo-1.0.0-1-py2-none-any.whl")
    assert disagreements_of({paths[0]: ("a",), paths[1]: ()}) == (Disagreement("demo", "1.0", "a", paths[:1], paths[1:]),)


# What a release asks for.


def rehearsal(name: str, before: Sequence[str], after: Sequence[str] | None = None, **knobs: Any) -> Rehearsal:
    """Return what would become of a wheel; without ``after`` nothing."""
    path, parsed = Path(name), WheelFilename.parse(name)
    status = Status.UNCHANGED if after is None else Status.FIXED
    outcome = Outcome(path, status, project=parsed.project, version=parsed.version, problem=knobs.pop("problem", None))
    if outcome.problem:
        outcome = replace(outcome, status=Status.REFUSED)
    said = Declared(tuple(before)), Declared(tuple(before if after is None else after))
    return Rehearsal(outcome, parsed, *said, **knobs)


def refused(*rehearsals: Rehearsal, **options: Any) -> list[str]:
    compared = compare(rehearsals, **options)[0]
    assert {each.problem.code for each in compared.values() if each.problem} <= {"mixed-release"}
    return [path.name for path, each in compared.items() if each.problem]


UNSAFE = Problem("unsafe", "it needs it", "")
CASES: dict[str, tuple[list[Rehearsal], list[str]]] = {
    "all corrected alike": ([rehearsal(A, ["a", GPU], ["a"]), rehearsal(B, ["a", GPU], ["a"])], []),
    "all corrected alike in other spellings": (
        [rehearsal(A, ["A_b", GPU], ["A_b"]), rehearsal(B, ["a-b", GPU], ["a-b"])],
        [],
    ),
    "nothing changes": ([rehearsal(A, ["a"]), rehearsal(B, ["a"])], []),
    "nothing changes and they disagree": ([rehearsal(A, ["a"]), rehearsal(B, ["b"])], []),
    "one is refused": ([rehearsal(A, [GPU], []), rehearsal(B, [GPU], problem=UNSAFE)], [A, B]),
    "one stays": ([rehearsal(A, [GPU], []), rehearsal(B, [GPU])], [A, B]),
    "they come to agree": ([rehearsal(A, ["a", GPU], ["a"]), rehearsal(B, ["a"])], []),
    "they stay apart": ([rehearsal(A, ["a", "b", GPU], ["a", "b"]), rehearsal(B, ["a", GPU], ["a"])], []),
    "they stay apart on the same line": ([rehearsal(A, ["a", GPU], ["a"]), rehearsal(B, ["b"])], []),
    "each in another way": ([rehearsal(A, ["a>=1"], ["a>=2"]), rehearsal(B, ["a>=1"], ["a>=3"])], [A, B]),
    "something is added to one": ([rehearsal(A, ["a"], ["a", "b"]), rehearsal(B, ["a"])], [A, B]),
    "something else is corrected": ([rehearsal(A, ["a"], ["a"]), rehearsal(B, ["a"])], []),
    "the third disagrees": ([rehearsal(A, [GPU], []), rehearsal(B, [GPU], []), rehearsal(C, [GPU])], [A, B, C]),
    "another release": (
        [rehearsal(A, [GPU], []), rehearsal(B, [GPU]), rehearsal("demo-1.1-py3-none-any.whl", [GPU], [])],
        [A, B],
    ),
    "another project": (
        [
            rehearsal(A, [GPU], []),
            rehearsal("x-1.0-py3-none-any.whl", [GPU], []),
            rehearsal("x-1.0-py2-none-any.whl", [GPU]),
        ],
        ["x-1.0-py3-none-any.whl", "x-1.0-py2-none-any.whl"],
    ),
    "another spelling of the version": (
        [rehearsal(A, [GPU], []), rehearsal("Demo-1.0.0-1-py3-none-any.whl", [GPU])],
        [A, "Demo-1.0.0-1-py3-none-any.whl"],
    ),
    "only half of them agreed before": (
        [rehearsal(A, ["a", GPU], ["a"]), rehearsal(B, ["a"]), rehearsal(C, ["a", GPU])],
        [A, B, C],
    ),
    "they disagree on the version before and after": ([rehearsal(A, ["a>=1"], ["a>=3"]), rehearsal(B, ["a>=2"])], []),
    "and the third agreed with the one that changes": (
        [rehearsal(A, ["a>=1"], ["a>=3"]), rehearsal(B, ["a>=2"]), rehearsal(C, ["a>=1"])],
        [A, B, C],
    ),
    "they disagree in one environment, and then in two": (
        [rehearsal(A, ["a", "a>=1; os_name == 'nt'"], ["a>=1; os_name == 'nt'"]), rehearsal(B, ["a"])],
        [A, B],
    ),
    "the version changes towards the other": ([rehearsal(A, ["a>=1"], ["a>=2"]), rehearsal(B, ["a>=2"])], []),
    "an extra is taken off where it differed": ([rehearsal(A, ["a[x]"], ["a"]), rehearsal(B, ["a[y]"])], []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_new_disagreement_refuses_the_whole_release(case: str) -> None:
    rehearsals, expected = CASES[case]
    assert refused(*rehearsals) == expected
    assert sorted(refused(*reversed(rehearsals))) == sorted(expected)
    assert refused(*rehearsals, allow_mixed=True) == []
    assert compare(rehearsals)[0].keys() == {each.path for each in rehearsals}


def test_the_problem_names_wheels_requirements_and_the_reason() -> None:
    one, other = rehearsal(A, ["b", GPU, "triton"], ["b"]), rehearsal(B, ["b", GPU, "triton"], problem=UNSAFE)
    problem = compare([one, other])[0][one.path].problem
    assert problem is not None
    for part in ("demo 1.0", "nvidia-cudnn-cu12", "triton", A, B, "it needs it"):
        assert part in f"{problem.message}: {problem.reason}"
    assert "--skip-gpu-builds --local cpu" in problem.hint


def test_the_next_step_of_a_mixed_release_depends_on_why_others_are_left() -> None:
    one = rehearsal(A, ["b", GPU], ["b"])
    doubted, other = Problem("unproven", "no evidence", ""), Problem("new-error", "it is worse", "")
    for left, expected in (
        ([rehearsal(B, ["b", GPU], problem=doubted)], "--skip-unproven --local cpu"),
        ([rehearsal(B, ["b", GPU], problem=other)], "--allow-mixed"),
        ([rehearsal(B, ["b", GPU], problem=doubted), rehearsal(C, ["b", GPU], problem=UNSAFE)], "--allow-mixed"),
        ([rehearsal(B, ["b", GPU])], "--allow-mixed"),
    ):
        problem = compare([one, *left])[0][one.path].problem
        assert problem is not None
        assert expected in problem.hint


def test_requires_python_and_extras_count_too() -> None:
    """Resolvers take both from one wheel of the release, as they take requirements."""

    def changed(old: Declared, new: Declared) -> list[str]:
        return newly_differing([Known("demo 1.0", old, new), Known("demo 1.0", old, old)])

    assert changed(Declared(requires_python=">=3.9"), Declared(requires_python=">=3.10")) == ["Requires-Python"]
    assert changed(Declared(requires_python=">=3.9, <4"), Declared(requires_python="<4,>=3.9")) == []
    assert changed(Declared(extras=("Gpu", "x")), Declared(extras=("x",))) == ["Provides-Extra gpu"]
    assert changed(Declared(extras=("a_b",)), Declared(extras=("A-B",))) == []


SAID = st.builds(
    Declared,
    st.lists(
        st.sampled_from(["a", "a>=1", "a>=2", "A", "a; os_name == 'nt'", "b", "b[x]", "b @ https://e.org/b.whl", "no !"]),
        max_size=4,
    ).map(tuple),
    st.lists(st.sampled_from(["x", "X", "y"]), max_size=2).map(tuple),
    st.sampled_from(["", ">=3.9", ">=3.10"]),
)
KNOWN = st.builds(Known, st.sampled_from(["1.0", "1.0", "1.0", "2.0"]), SAID, SAID)


def apart(one: Declared, other: Declared) -> set[Topic]:
    """Return on what two wheels disagree."""
    here, there = one.answers(), other.answers()
    return {subject for subject in {**here, **there} if here.get(subject) != there.get(subject)}


@given(st.lists(KNOWN, min_size=1, max_size=5))
def test_worse_is_a_pair_that_disagrees_on_what_it_did_not_disagree_on(release: list[Known]) -> None:
    """The definition, pair by pair; wheels that were of two releases had nothing to disagree on."""
    worse = {
        subject
        for one, other in combinations(release, 2)
        for subject in apart(one.after, other.after)
        if one.origin != other.origin or subject not in apart(one.before, other.before)
    }
    found = newly_differing(release)
    assert bool(found) is bool(worse)
    assert len(found) <= len(worse)


@given(st.lists(SAID, min_size=1, max_size=5), SAID)
def test_wheels_that_say_the_same_in_the_end_are_never_worse(before: list[Declared], after: Declared) -> None:
    assert newly_differing([Known("1.0", each, after) for each in before]) == []
    assert newly_differing([Known("1.0", each, each) for each in before]) == []


def test_a_wheel_that_could_not_be_compared_leaves_a_doubt_and_is_named() -> None:
    """What it says nobody knows: the message does not claim that it disagrees."""
    lost = Rehearsal(Outcome(Path(B), Status.REFUSED, problem=Problem("bad", "it is cut off", "")), readable=False)
    lost = replace(lost, filename=WheelFilename.parse(B))
    compared = compare([rehearsal(A, [GPU], []), lost])[0]
    problem = compared[Path(A)].problem
    assert problem is not None
    assert "no longer agree" not in problem.message
    assert "is not known" in problem.message
    assert all(part in (problem.reason or "") for part in (B, "it is cut off"))
    assert "--local" in problem.hint
    assert compare([rehearsal(A, ["A_b"], ["a-b"]), lost])[0][Path(A)].problem is None


RESOLVED: dict[str, tuple[list[Rehearsal], list[bool]]] = {
    "they come to agree": ([rehearsal(A, ["a", GPU], ["a"]), rehearsal(B, ["a"])], [True]),
    "on one of two": ([rehearsal(A, ["a", "b", GPU], ["a", "b"]), rehearsal(B, ["a"])], [False, True]),
    "nothing changes": ([rehearsal(A, [GPU]), rehearsal(B, [])], [False]),
    "the one that has it is refused": ([rehearsal(A, [GPU], problem=UNSAFE), rehearsal(B, [])], [False]),
    "all lose it but one, which is refused": (
        [rehearsal(A, [GPU], []), rehearsal(B, []), rehearsal(C, [GPU], problem=UNSAFE)],
        [False],
    ),
    "the version is the same now": ([rehearsal(A, ["a>=1"], ["a>=2"]), rehearsal(B, ["a>=2"])], [True, True]),
}


@pytest.mark.parametrize("case", RESOLVED)
def test_a_run_that_makes_wheels_agree_says_so(case: str) -> None:
    rehearsals, expected = RESOLVED[case]
    assert [each.resolved for each in compare(rehearsals, allow_mixed=True)[1]] == expected


def test_a_wheel_that_could_not_be_read_is_in_no_release() -> None:
    failed = Rehearsal(Outcome(Path(B), Status.REFUSED, problem=Problem("bad", "bad", "")))
    compared, found = compare([rehearsal(A, [GPU], []), failed])
    assert (refused(rehearsal(A, [GPU], []), failed), found) == ([], ())
    assert Path(B) not in compared


def labelled(name: str, before: Sequence[str], after: Sequence[str]) -> Rehearsal:
    """Return a rehearsal of a wheel that would get the label cpu."""
    found = rehearsal(name, before, after)
    assert found.filename is not None
    return replace(found, filename=found.filename.with_local_version("cpu"))


@pytest.mark.parametrize(
    ("others", "along", "problems"),
    [
        ([rehearsal(B, ["a"])], [B], []),
        ([rehearsal(B, ["A"])], [B], []),
        ([rehearsal(B, ["a", "b"])], [], []),
        ([rehearsal(B, ["a", GPU], problem=UNSAFE)], [], []),
        ([rehearsal(B, ["a"], problem=UNSAFE)], [], []),
        ([rehearsal(B, ["a"]), rehearsal(C, [GPU, "a"])], [B], []),
        ([labelled(B, ["a", GPU], ["a"])], [], []),
        ([labelled(B, ["a", GPU], ["a", "b"])], [], [A, B]),
        ([labelled(B, ["a", GPU], ["a"]), rehearsal(C, ["a"])], [C], []),
        ([rehearsal("demo-1.1-py3-none-any.whl", ["a"])], [], []),
        ([rehearsal("demo-1.0+cpu-py3-none-any.whl", ["a", GPU])], [], [A, "demo-1.0+cpu-py3-none-any.whl"]),
    ],
)
def test_who_goes_along_with_a_label(others: list[Rehearsal], along: list[str], problems: list[str]) -> None:
    """Those in which nothing changes and that say what the corrected ones say; the two releases are compared apart."""
    rehearsals = [labelled(A, ["a", GPU], ["a"]), *others]
    compared = compare(rehearsals, naming=Naming(local="cpu"))[0]
    assert [path.name for path, each in compared.items() if each.rename] == along
    assert refused(*rehearsals, naming=Naming(local="cpu")) == problems
    assert not [each for each in compare(rehearsals)[0].values() if each.rename]


@pytest.mark.parametrize("torch", [["torch-2.7.0-py3-none-any.whl"], [], ["torch-2.7.0-py3-none-any.whl", "unchanged"]])
def test_a_gpu_build_beside_a_torch_that_is_corrected(torch: list[str]) -> None:
    rehearsals = [rehearsal("torchvision-0.22.0-py3-none-any.whl", [], gpu_build="it says\ncu126")]
    if torch:
        rehearsals.append(rehearsal(torch[0], [GPU], [] if len(torch) == 1 else None))
    notes = {path.name: each.notes for path, each in compare(rehearsals)[0].items() if each.notes}
    if len(torch) != 1:
        assert notes == {}
        return
    [(name, [note])] = notes.items()
    assert name == torch[0]
    assert "torchvision-0.22.0-py3-none-any.whl" in note
    assert "cu126" in note


def test_what_was_read_goes_into_the_brief() -> None:
    from wheelfix.evidence.linkage import Linkage

    linkage = Linkage(unread={"a.so": "why"}, complete=True)
    assert compare([rehearsal(A, [], linkage=linkage), rehearsal(B, [])])[0][Path(A)].linkage is linkage


# Wheels that are there.


def built(folder: Path, tag: str, requires: Sequence[str], files: tuple[Entry, ...] = CPU_BUILD, **knobs: Any) -> Path:
    project, version = knobs.pop("project", "demo"), knobs.pop("version", "1.0")
    spec = WheelSpec(project, version, f"{tag}-none-any", requires=tuple(requires), files=files, **knobs)
    return write_wheel(folder, spec)


def fix(folder: Path, *paths: Path, **options: Any) -> Report:
    return fix_wheels(paths, **values(output_dir=folder / "out", **options))


def codes(report: Report) -> list[str]:
    return [each.problem.code if each.problem else each.status.value for each in report.outcomes]


def outputs(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "out").glob("*"))


def test_a_release_that_is_corrected_as_one(tmp_path: Path) -> None:
    report = fix(tmp_path, built(tmp_path, "py2", ["A", GPU]), built(tmp_path, "py3", [GPU, "a"]))
    assert codes(report) == ["fixed", "fixed"]
    assert report.disagreements == ()


def test_one_sibling_that_needs_it_refuses_all_of_the_release_and_no_other(tmp_path: Path) -> None:
    paths = [
        built(tmp_path, "py2", ["a", GPU]),
        built(tmp_path, "py3", ["a", GPU], GPU_BUILD),
        built(tmp_path, "py3", ["a", GPU], version="1.1"),
        built(tmp_path, "py3", ["a", GPU], project="other"),
    ]
    report = fix(tmp_path, *paths)
    assert codes(report) == ["mixed-release", "unsafe", "fixed", "fixed"]
    assert outputs(tmp_path) == sorted([paths[2].name, paths[3].name])
    assert [each.output for each in report.outcomes[:2]] == [None, None]


@pytest.mark.parametrize("dry", [(), ("--check",), ("--diff",)])
def test_what_is_resolved_is_reported(dry: tuple[str, ...], tmp_path: Path) -> None:
    paths = [built(tmp_path, "py2", ["a", GPU]), built(tmp_path, "py3", ["a"])]
    ran = run("strip-gpu", *dry, "-o", tmp_path / "out", *paths)
    assert ("they would agree after this run" if dry else "now they agree") in ran.err
    if "--diff" not in dry:
        ran = run("strip-gpu", *dry, "--format", "json", "-o", tmp_path / "json", *paths)
        assert [each["resolved"] for each in ran.report["disagreements"]] == [True]
    if not dry:
        after = run("strip-gpu", "--format", "json", "--check", *sorted((tmp_path / "out").glob("*.whl")))
        assert after.report["disagreements"] == []


def test_nothing_is_resolved_where_a_wheel_could_not_be_written(tmp_path: Path) -> None:
    paths = [built(tmp_path, "py2", ["a", GPU]), built(tmp_path, "py3", ["a"])]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / paths[0].name).write_bytes(b"another file")
    report = fix(tmp_path, *paths)
    assert codes(report) == ["output-exists", "unchanged"]
    assert [each.resolved for each in report.disagreements] == [False]


def test_mixed_is_written_where_it_is_allowed(tmp_path: Path) -> None:
    paths = [built(tmp_path, "py2", [GPU]), built(tmp_path, "py3", [GPU], GPU_BUILD)]
    assert codes(fix(tmp_path, *paths, allow_mixed=True)) == ["fixed", "unsafe"]
    assert outputs(tmp_path) == [paths[0].name]
    assert codes(fix(tmp_path / "forced", *paths, force=True)) == ["fixed", "fixed"]


def test_what_differed_before_is_told_and_not_refused(tmp_path: Path) -> None:
    one, other = built(tmp_path, "py2", ["a", "b>=2", GPU]), built(tmp_path, "py3", ["a", "c", GPU])
    report = fix(tmp_path, one, other)
    assert codes(report) == ["fixed", "fixed"]
    assert report.disagreements == (
        Disagreement("demo", "1.0", "b>=2", (one,), (other,)),
        Disagreement("demo", "1.0", "c", (other,), (one,)),
    )
    ran = run("strip-gpu", "--format", "json", "-o", tmp_path / "two", one, other)
    assert [each["requirement"] for each in ran.report["disagreements"]] == ["b>=2", "c"]


@pytest.mark.parametrize("options", [{}, {"allow_mixed": True}, {"local": "cpu"}, {"dry_run": True}], ids=str)
def test_jobs_do_not_show(options: dict[str, Any], tmp_path: Path) -> None:
    torch = (Entry("torch/version.py", b"cuda = None\n"),)
    vision = (Entry("torchvision/version.py", b"__version__ = '0.22.0+cu126'\ncuda = '12.6'\n"),)
    paths = [
        built(tmp_path, "py2", ["a", GPU]),
        built(tmp_path, "py3", ["a", GPU], GPU_BUILD),
        built(tmp_path, "py33", ["a", "b"]),
        built(tmp_path, "py2", [GPU], project="other"),
        built(tmp_path, "py3", [], project="other"),
        built(tmp_path, "py3", [GPU], torch, project="torch"),
        built(tmp_path, "py3", [], vision, project="torchvision"),
    ]
    broken = tmp_path / "other-1.0-py4-none-any.whl"
    broken.write_bytes(b"no zip")
    one, two = (fix_wheels([*paths, broken], jobs=jobs, **values(output_dir=tmp_path / "out", **options)) for jobs in (1, 2))
    again = "Up to date: the result was already there."

    def plain(report: Report) -> Report:
        outcomes = (replace(each, notes=tuple(note for note in each.notes if note != again)) for each in report.outcomes)
        return replace(report, outcomes=tuple(outcomes))

    assert plain(one) == plain(two)


@pytest.mark.parametrize("along", [True, False])
def test_siblings_that_say_the_same_get_the_label_too(along: bool, tmp_path: Path) -> None:
    one = built(tmp_path, "py2", ["a", GPU])
    other = built(tmp_path, "py3", ["A"] if along else ["a", "b"])
    report = fix(tmp_path, one, other, local="cpu")
    assert codes(report) == ["fixed", "fixed" if along else "unchanged"]
    name = "demo-1.0+cpu-py3-none-any.whl" if along else other.name
    assert outputs(tmp_path) == sorted(["demo-1.0+cpu-py2-none-any.whl", name])
    assert ((tmp_path / "out" / name).read_bytes() == other.read_bytes()) is not along


def test_a_label_gives_the_corrected_ones_a_release_of_their_own(tmp_path: Path) -> None:
    paths = [built(tmp_path, "py2", ["a", GPU]), built(tmp_path, "py3", ["a", GPU], GPU_BUILD)]
    assert codes(fix(tmp_path, *paths, local="cpu")) == ["fixed", "unsafe"]
    assert outputs(tmp_path) == ["demo-1.0+cpu-py2-none-any.whl"]


def test_a_build_tag_does_not(tmp_path: Path) -> None:
    """Wheels of one version are one release, whatever their build tags."""
    paths = [built(tmp_path, "py2", ["a", GPU]), built(tmp_path, "py3", ["a", GPU], GPU_BUILD)]
    assert codes(fix(tmp_path, *paths, build_tag="1nogpu")) == ["mixed-release", "unsafe"]
    assert outputs(tmp_path) == []


def test_wheels_that_get_into_a_release_that_is_there_are_compared_with_it(tmp_path: Path) -> None:
    """1.0 becomes 1.0+cpu, of which another wheel is given that nobody corrects."""
    files = (Entry("demo/__init__.py", b""), Entry("demo/version.py", b"cuda = '12.6'\n"))
    paths = [built(tmp_path, "py2", ["a", GPU]), built(tmp_path, "py3", ["a", GPU], files, version="1.0+cpu")]
    assert codes(fix(tmp_path, *paths, local="cpu"))[0] == "mixed-release"


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)], ids=["empty", "text", "no members"])
def test_a_sibling_that_cannot_be_read_keeps_its_release_back(content: bytes, tmp_path: Path) -> None:
    """Nobody knows whether it would agree; other releases of the run go on."""
    one, broken = built(tmp_path, "py2", [GPU]), tmp_path / "demo-1.0-py3-none-any.whl"
    broken.write_bytes(content)
    other = built(tmp_path, "py2", [GPU], project="other")
    report = fix(tmp_path, one, broken, other)
    assert [each.status for each in report.outcomes] == [Status.REFUSED, Status.REFUSED, Status.FIXED]
    assert codes(report)[0] == "mixed-release"
    assert outputs(tmp_path) == [other.name]
    assert report.disagreements == ()
    assert fix(tmp_path, one, broken, allow_mixed=True).outcomes[0].status is Status.FIXED
    assert "Traceback" not in run("strip-gpu", "-o", tmp_path / "two", one, broken).err


def test_a_sibling_that_cannot_be_read_does_not_keep_back_what_requires_the_same(tmp_path: Path) -> None:
    one, broken = built(tmp_path, "py2", ["a"], record=b""), tmp_path / "demo-1.0-py3-none-any.whl"
    broken.write_bytes(b"no zip")
    report = repair_wheels([one, broken], output=tmp_path / "out")
    assert [each.status for each in report.outcomes] == [Status.FIXED, Status.REFUSED]


@pytest.mark.parametrize(
    ("versions", "tags"),
    [
        (("1.0", "1.0.0"), ("py2", "py3")),
        (("1.0+CPU", "1.0+cpu"), ("py2", "py3")),
        (("1.0", "1.0"), ("1-py3", "2nogpu-py3")),
        (("1.0.0", "1.0"), ("1-py2", "py3")),
    ],
)
def test_spellings_of_one_version_are_one_release(versions: tuple[str, str], tags: tuple[str, str], tmp_path: Path) -> None:
    wheel = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = CPU_BUILD, GPU_BUILD
    one, other = (
        built(tmp_path, tag, ["a", GPU], each, version=version, wheel=wheel)
        for version, tag, each in zip(versions, tags, files, strict=True)
    )
    found = codes(fix(tmp_path, one, other))
    assert found[0] == "mixed-release"
    assert found[1] != "fixed"
    assert outputs(tmp_path) == []


@pytest.mark.parametrize("given_twice", [False, True])
def test_the_order_of_the_report_is_that_of_the_call(given_twice: bool, tmp_path: Path) -> None:
    paths = [built(tmp_path, tag, ["a", GPU]) for tag in ("py4", "py2", "py3")]
    paths += paths[:1] if given_twice else []
    assert [each.source for each in fix(tmp_path, *paths).outcomes] == paths


# Torch and what needs a GPU build of it.


def test_many_wheels_of_torch_are_not_each_compared_with_each_other() -> None:
    """Pitfall 42: four times as many take about four times as long."""

    def calls(count: int) -> int:
        names = [f"torch-2.7.0-{number}-py3-none-any.whl" for number in range(1, count)]
        rehearsals = [rehearsal(name, []) for name in [*names, "torchvision-0.22.0-py3-none-any.whl"]]
        return count_calls(lambda: compare(rehearsals))

    assert calls(200) < 5 * calls(50)


def companions(folder: Path, version: str, **knobs: Any) -> list[Path]:
    torch = (Entry("torch/__init__.py", b""), Entry("torch/version.py", b"__version__ = '2.7.0+cpu'\ncuda = None\n"))
    vision = (
        Entry("torchvision/__init__.py", b""),
        Entry("torchvision/version.py", f"__version__ = {version!r}\n".encode()),
    )
    return [
        built(folder, "py3", knobs.get("requires", ["numpy", GPU]), torch, project="torch", version="2.7.0"),
        built(
            folder, "py3", ["numpy", "torch==2.7.0"], vision, project=knobs.get("project", "torchvision"), version="0.22.0"
        ),
    ]


@pytest.mark.parametrize("project", ["torchvision", "torchaudio", "torchcodec"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_gpu_build_of_a_companion_is_told(jobs: int, project: str, tmp_path: Path) -> None:
    torch, vision = companions(tmp_path, "0.22.0+cu126", project=project)
    if project == "torchaudio":
        files = (Entry("torchaudio/version.py", b"__version__ = '0.22.0+cu126'\n"),)
        vision = built(tmp_path, "py3", ["torch==2.7.0"], files, project=project, version="0.22.0")
    report = fix(tmp_path, torch, vision, jobs=jobs)
    assert codes(report) == ["fixed", "unchanged"]
    [note] = [note for note in report.outcomes[0].notes if vision.name in note]
    assert "0.22.0+cu126" in note
    assert not [note for note in report.outcomes[1].notes if "torch" in note]


@pytest.mark.parametrize(
    ("version", "knobs"),
    [
        ("0.22.0+cpu", {}),
        ("0.22.0", {}),
        ("0.22.0+cu126", {"requires": ["numpy"]}),
        ("0.22.0+cu126", {"project": "torchtext"}),
    ],
)
def test_no_other_is(version: str, knobs: dict[str, Any], tmp_path: Path) -> None:
    """Not a CPU build, not beside a torch that stays, and no project that needs no GPU build of torch."""
    report = fix(tmp_path, *companions(tmp_path, version, **knobs))
    assert report.ok
    assert not [note for outcome in report.outcomes for note in outcome.notes if "does not work" in note]


@pytest.mark.parametrize(("local", "cuda", "noted"), [("foo", "'12.6'", False), ("foo", "None", True), ("foo", "", True)])
def test_a_torch_that_stays_a_gpu_build_gets_no_warning(local: str, cuda: str, noted: bool, tmp_path: Path) -> None:
    _, vision = companions(tmp_path, "0.22.0+cu126")
    version = f"__version__ = '2.7.0'\ncuda = {cuda}\n" if cuda else "__version__ = '2.7.0'\n"
    files = (Entry("torch/__init__.py", b""), Entry("torch/version.py", version.encode()))
    torch = built(tmp_path, "py3", ["numpy"], files, project="torch", version="2.7.0")
    for edits in ([wheelfix.SetLocal(local)], [wheelfix.SetField("Summary", "another")]):
        report = wheelfix.fix_wheels([torch, vision], None, edits=edits, output=wheelfix.Output(dry_run=True))
        assert any("does not work" in note for note in report.outcomes[0].notes) == noted


def test_a_torch_that_is_called_a_cpu_build_by_force_gets_the_warning(tmp_path: Path) -> None:
    _, vision = companions(tmp_path, "0.22.0+cu126")
    files = (Entry("torch/version.py", b"__version__ = '2.7.0'\ncuda = '12.6'\n"),)
    torch = built(tmp_path, "py3", ["numpy"], files, project="torch", version="2.7.0")
    report = wheelfix.fix_wheels(
        [torch, vision],
        None,
        edits=[wheelfix.SetLocal("cpu")],
        policy=wheelfix.Policy(force=True),
        output=wheelfix.Output(dry_run=True),
    )
    assert any("does not work" in note for note in report.outcomes[0].notes)


def test_work_grows_with_what_wheels_disagree_on_and_not_with_its_square() -> None:
    def work(count: int) -> int:
        one, two = ([f"{letter}{number}" for number in range(count)] for letter in "ab")
        wheels = [rehearsal(A, one, one), rehearsal(B, two, two)]
        return count_calls(lambda: compare(wheels))

    work(400)  # what is read once is remembered
    assert work(400) < 5 * work(100)


def test_what_was_changed_is_undone_at_a_look_each() -> None:
    def work(count: int) -> int:
        names = [f"a{number}" for number in range(count)]
        changes = [Change("Requires-Dist", "replace", f"{name}>1", name) for name in names]
        before: list[Declared] = []
        calls = count_calls(lambda: before.append(undone(Declared(tuple(names)), changes)))
        assert {*before[0].requirements} == {f"{name}>1" for name in names}
        return calls

    work(400)  # what is read once is remembered
    assert work(400) < 5 * work(100)
