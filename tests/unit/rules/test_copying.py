"""``copy-from``: what a wheel takes from others of its release, on wheels that are data only."""

from collections.abc import Sequence
from itertools import permutations

import pytest
from msgspec.structs import replace

from ruling import apply, facts_of, requires
from wheelfix.errors import CopySourceError, EditError
from wheelfix.results import ChangeAction, Problem
from wheelfix.rules.actions import Applied
from wheelfix.rules.cases import try_cases
from wheelfix.rules.load import rule_set
from wheelfix.rules.model import Action, Case, CaseWheel, CopyFrom, Match, Rule
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.release import CopySource, Declared

LINUX, LINUX_12, MAC, WINDOWS = (
    "cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_x86_64", "cp311-cp311-macosx_11_0_arm64",
    "cp311-cp311-win_amd64",
)  # fmt: skip
FROM_LINUX = CopyFrom(platform=("*linux*",))


def copy_source(
    *lines: str, tags: str = LINUX, extras: Sequence[str] = (), python: str = "", name: str = "demo-1.0"
) -> CopySource:
    return CopySource(WheelFilename.parse(f"{name}-{tags}.whl"), Declared(lines, tuple(extras), python))


def copied(
    *own: str, copy_sources: Sequence[CopySource] | None, wanted: CopyFrom = FROM_LINUX, fields: str = "", tags: str = MAC
) -> Applied:
    """Return what becomes of a wheel for macOS with the requirements ``own``."""
    facts = replace(facts_of(*own, tags=tags, fields=fields), copy_sources=copy_sources)
    return apply(facts, Rule(id="copy", reason="they agree", action=Action(copy_from=wanted)))


def fields_of(result: Applied, name: str) -> list[str]:
    return [each.value for each in result.document.all(name)]


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ([], ["a", "b>=1"], ["a", "b>=1"]),
        (["a", "b>=1"], [], []),
        (["A_b >= 1", "c"], ["a-b>=1"], ["A_b >= 1"]),
        (["b", "a"], ["a", "b"], ["b", "a"]),
        (["a<2", "x", "b"], ["b", "a<3", "c"], ["a<3", "b", "c"]),
        (["a; os_name == 'nt'", "a"], ["a", "a>=2; os_name=='posix'"], ["a>=2; os_name=='posix'", "a"]),
        (["a", "a"], ["a"], ["a", "a"]),
        (["a"], ["a", "A", "b", "b"], ["a", "b"]),
        (["no requirement !"], ["no  requirement !"], ["no requirement !"]),
        (["a"], ["b>=1;\n   os_name == 'nt'", "a"], ["a", "b>=1; os_name == 'nt'"]),
    ],
)
def test_requirements(own: list[str], other: list[str], expected: list[str]) -> None:
    """What means the same keeps its spelling and its place; what differs takes its place, the rest is added in order."""
    result = copied(*own, copy_sources=[copy_source(*other)])
    assert requires(result) == expected
    assert result.applied == ("copy",)
    again = copied(*requires(result), copy_sources=[copy_source(*other)])
    assert again.changes == ()


def test_each_change_says_what_copied_it() -> None:
    result = copied("a<2", "x", copy_sources=[copy_source("a<3", "c")])
    said = [(each.before, each.after) for each in result.changes]
    assert said == [("a<2", "a<3"), ("x", None), (None, "c")]
    assert {(each.action, each.rule, each.reason) for each in result.changes} == {
        (ChangeAction.COPY_FROM, "copy", "they agree")
    }


def test_extras_and_python_come_along() -> None:
    other = copy_source("a; extra == 'x'", extras=["X", "y_z"], python=">=3.10")
    result = copied(copy_sources=[other], fields="Provides-Extra: x\nProvides-Extra: old\nRequires-Python: >=3.8\n")
    assert fields_of(result, "Provides-Extra") == ["x", "y_z"]
    assert fields_of(result, "Requires-Python") == [">=3.10"]


@pytest.mark.parametrize(("own", "other", "expected"), [
    (">=3.9", ">= 3.9.0", [">=3.9"]), (">=3.9", "", []), ("", ">=3.9", [">=3.9"]), ("", "", []), ("4", "4", ["4"]),
])  # fmt: skip
def test_requires_python(own: str, other: str, expected: list[str]) -> None:
    given = f"Requires-Python: {own}\n" if own else ""
    assert fields_of(copied(copy_sources=[copy_source(python=other)], fields=given), "Requires-Python") == expected


def test_only_the_fields_that_are_named() -> None:
    other = copy_source("a", extras=["x"], python=">=3.10")
    wanted = CopyFrom(platform=("*linux*",), fields=("Provides-Extra",))
    result = copied("b", copy_sources=[other], wanted=wanted)
    assert requires(result) == ["b"]
    assert fields_of(result, "Provides-Extra") == ["x"]
    assert fields_of(result, "Requires-Python") == []


def test_a_wheel_that_is_chosen_itself_is_unchanged() -> None:
    for copy_sources in ([copy_source("a")], [copy_source("a", tags=LINUX_12)], [], None):
        assert copied("b", copy_sources=copy_sources, tags=LINUX).changes == ()


def test_the_same_python_is_preferred() -> None:
    """And what others say does not matter then."""
    near, far = copy_source("a"), copy_source("b", tags=LINUX_12)
    for order in permutations([near, far]):
        assert requires(copied(copy_sources=order)) == ["a"]
        assert requires(copied(copy_sources=order, tags="cp310.cp311-cp311-macosx_11_0_arm64")) == ["a"]


def test_without_one_for_the_same_python_all_must_agree() -> None:
    tags = "cp313-cp313-macosx_11_0_arm64"
    one, same, other = (
        copy_source("A>=1", "b"),
        copy_source("b", "a >= 1", tags=LINUX_12),
        copy_source("a>=2", "b", tags=LINUX_12),
    )
    for order in permutations([one, same]):
        assert requires(copied(copy_sources=order, tags=tags)) == ["A>=1", "b"]
    for order in permutations([one, other]):
        with pytest.raises(CopySourceError, match="differ on a") as caught:
            copied(copy_sources=order, tags=tags)
        assert caught.value.code == "copy-sources-differ"
    wanted = CopyFrom(platform=("*linux*",), fields=("Provides-Extra",))
    assert copied(copy_sources=[one, other], tags=tags, wanted=wanted).changes == ()


def test_two_for_the_same_python_must_agree() -> None:
    musl = copy_source("a", extras=["x"], python=">=3.9", tags="cp311-cp311-musllinux_1_2_x86_64")
    with pytest.raises(CopySourceError, match=r"differ on Provides-Extra x, Requires-Python"):
        copied(copy_sources=[copy_source("a"), musl])


@pytest.mark.parametrize("copy_sources", [
    [], [copy_source("a", tags=WINDOWS)], [copy_source("a", name="demo-2.0")], [copy_source("a", name="other-1.0")],
    [copy_source("a", name="demo-1.0+cpu")],
])  # fmt: skip
def test_no_other_wheel_matches(copy_sources: list[CopySource]) -> None:
    with pytest.raises(CopySourceError) as caught:
        copied("b", copy_sources=copy_sources)
    assert caught.value.code == "copy-source-missing"
    assert caught.value.message.startswith("rule copy: ")


def test_the_release_is_the_same_in_another_spelling() -> None:
    assert requires(copied(copy_sources=[copy_source("a", name="Demo-1.0.0")])) == ["a"]


def test_a_wheel_with_a_problem_is_not_copied_from() -> None:
    broken = replace(copy_source("a"), problem=Problem("unsafe", "it needs triton", "Keep it."))
    with pytest.raises(CopySourceError) as caught:
        copied(copy_sources=[broken])
    error = caught.value
    assert (error.code, error.reason, error.hint) == ("copy-source-not-fixed", "it needs triton", "Keep it.")
    far = replace(broken, filename=WheelFilename.parse(f"demo-1.0-{LINUX_12}.whl"))
    assert requires(copied(copy_sources=[copy_source("b"), far])) == ["b"]


@pytest.mark.parametrize("copy_sources", [None, [replace(copy_source("a"), merges=True)]])
def test_a_wheel_that_copies_is_not_copied_from(copy_sources: list[CopySource] | None) -> None:
    with pytest.raises(CopySourceError) as caught:
        copied(copy_sources=copy_sources)
    assert caught.value.code == "copies-itself"


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(EditError, match="not a valid Requires-Dist") as caught:
        copied(copy_sources=[copy_source("no requirement !")])
    assert not isinstance(caught.value, CopySourceError)
    with pytest.raises(EditError, match=r"requires Metadata-Version 2\.1"):
        facts = replace(facts_of(tags=MAC, metadata_version="1.2"), copy_sources=[copy_source(extras=["x"])])
        apply(facts, Rule(id="copy", reason="why", action=Action(copy_from=FROM_LINUX)))


def test_rules_on_requirements_come_first() -> None:
    """Also where another rule changes what is copied over then: in the end the wheels agree."""
    drop = Rule(id="drop", reason="why", match=Match(("a",)), action="drop")
    copy = Rule(id="copy", reason="why", action=Action(copy_from=FROM_LINUX))
    facts = replace(facts_of("a", "b", tags=MAC), copy_sources=[copy_source("a", "c")])
    assert requires(apply(facts, drop, copy)) == ["a", "c"]


# Merging: what any of them says.

ALL = CopyFrom(platform=("*",), merge=True)


def test_a_release_merged_says_the_same_everywhere() -> None:
    said = {LINUX: ["a", "b; os_name == 'posix'"], MAC: ["c", "a"], WINDOWS: []}
    extras = {LINUX: ["x"], MAC: ["x"], WINDOWS: ["y"]}
    copy_sources = [copy_source(*lines, tags=tags, extras=extras[tags]) for tags, lines in said.items()]
    results = []
    for order in permutations(copy_sources):
        merged = [
            copied(
                *lines,
                copy_sources=order,
                wanted=ALL,
                tags=tags,
                fields="".join(f"Provides-Extra: {x}\n" for x in extras[tags]),
            )
            for tags, lines in said.items()
        ]
        results.append([requires(each) for each in merged])
        answers = [Declared.of(each.document.data).answers() for each in merged]
        assert len(answers[0]) == 5
        assert all(each == answers[0] for each in answers)
    assert all(each == results[0] for each in results)
    assert results[0][0] == ["a", "b; os_name == 'posix'", "c"]


def test_to_merge_removes_nothing() -> None:
    result = copied(
        "own", copy_sources=[copy_source("a", python=">=3.9")], wanted=CopyFrom(platform=("*linux*",), merge=True)
    )
    assert requires(result) == ["own", "a"]
    assert fields_of(result, "Requires-Python") == [">=3.9"]


@pytest.mark.parametrize(("own", "other"), [
    (["a>=1"], copy_source("a>=2")), (["a", "b"], copy_source("b", "a[x]")), ([], copy_source(python=">=3.9")),
])  # fmt: skip
def test_a_contradiction_is_refused(own: list[str], other: CopySource) -> None:
    with pytest.raises(CopySourceError) as caught:
        copied(*own, copy_sources=[other], wanted=ALL, fields="Requires-Python: >=3.10\n")
    assert caught.value.code == "copy-sources-differ"


def test_under_another_marker_it_is_none() -> None:
    result = copied("a>=1; os_name == 'nt'", copy_sources=[copy_source("a>=2; os_name == 'posix'")], wanted=ALL)
    assert requires(result) == ["a>=1; os_name == 'nt'", "a>=2; os_name == 'posix'"]


def test_a_wheel_alone_has_nothing_to_merge() -> None:
    result = copied("a", copy_sources=[copy_source("b", tags=MAC)], wanted=ALL)
    assert result.changes == ()
    assert result.applied == ()
    with pytest.raises(CopySourceError, match="Give all wheels"):
        copied("a", copy_sources=[], wanted=CopyFrom(platform=("*linux*",), merge=True))


# Tests in rule files.


def test_a_case_can_have_a_release() -> None:
    rule = Rule(
        id="copy",
        reason="why",
        action=Action(copy_from=FROM_LINUX),
        test=(
            Case("demo", ("a",), ("b",), platform="win32", release=(CaseWheel(("b", "gone"), platform="linux_x86_64"),)),
            Case("demo", ("a",), platform="win32"),
            Case("demo", ("a",), platform="win32", release=(CaseWheel(("b",), platform="linux_x86_64"),)),
        ),
    )
    drop = Rule(id="drop", reason="why", match=Match(("gone",)), action="drop")
    results = try_cases(rule_set("t", [drop, rule]))
    assert [each.passed for each in results] == [True, False, False]
    assert "no wheel of demo 1.0 to copy from" in results[1].differences[0]
    assert results[2].differences[0] == "Requires-Dist: missing: a"
