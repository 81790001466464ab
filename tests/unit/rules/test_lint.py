"""Rules that work and mostly not as intended: warnings that are given, and none that are wrong."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from counting import count_calls
from ruling import facts_of, rule_of
from wheelfix.results import Change, Outcome, Problem, Status
from wheelfix.rules.lint import covers, lint_names, lint_rules, lint_run
from wheelfix.rules.load import built_in, rule_set
from wheelfix.rules.match import EXTRA_ONLY, Facts, decide, rules_for
from wheelfix.rules.model import Action, Match, NewSpecifier, Rule, RuleSet, When

WINDOWS = Action(set_marker="os_name == 'nt'")


def rule(name: str, match: str | Match | None = "foo", action: str | Action = "drop", **when: object) -> Rule:
    wanted = Match(name=(match,)) if isinstance(match, str) else match
    return Rule(id=name, reason="why", match=wanted, action=action, when=When(**when))  # type: ignore[arg-type]


def codes(*rules: Rule) -> list[tuple[str, str]]:
    return [(each.code, rule_of(each)) for each in lint_rules(rule_set("mine.toml", rules))]


COMPUTED_FROM_NOTHING = [
    (Match(("foo",), specifier=(">=*",)), Action(set_specifier=NewSpecifier(local="cpu"))),
    (Match(("foo",), specifier=(">=*", "")), Action(set_specifier=NewSpecifier(local="cpu"))),
    (Match(("foo",), specifier=("==1.0",)), Action(set_specifier=NewSpecifier(max="<3"))),
    (Match(("foo",), specifier=("",)), Action(set_specifier=NewSpecifier(relax="lower"))),
    (Match(("foo",), specifier=("<2",)), Action(set_specifier=">={version}")),
    (Match(("foo",), url=("*",)), Action(set_specifier=NewSpecifier(drop="upper"))),
    (Match(("foo",), specifier=("==*",)), Action(replace="{name}>={lower},<{upper}")),
]
COMPUTED_FROM_SOMETHING = [
    (Match(("foo",)), Action(set_specifier=NewSpecifier(local="cpu"))),
    (Match(("foo",), specifier=("==*",)), Action(set_specifier=NewSpecifier(local="cpu"))),
    (Match(("foo",), specifier=("==*",)), Action(set_specifier=">={version}")),
    (Match(("foo",), specifier=(">=*",)), Action(set_specifier=NewSpecifier(relax="lower"))),
    (Match(("foo",), specifier=("*cattrs*",)), Action(set_specifier=NewSpecifier(relax="lower"))),
    (Match(("foo",), marker=("never-true",), url=("*",)), Action(set_specifier=NewSpecifier(drop="upper"))),
    (Match(("foo",), url=("*",)), Action(set_specifier="")),
    (Match(("foo",), url=("*",)), Action(replace="{name}{marker}")),
]


@pytest.mark.parametrize(("match", "action"), COMPUTED_FROM_NOTHING, ids=str)
def test_a_computation_that_never_applies_is_unlikely(match: Match, action: Action) -> None:
    [finding] = lint_rules(rule_set("mine.toml", [rule("r", match, action)]))
    assert finding.code == "rule-unlikely-value"
    assert "applies to nothing that match selects: it " in finding.message


@pytest.mark.parametrize(("match", "action"), COMPUTED_FROM_SOMETHING, ids=str)
def test_a_computation_that_may_apply_is_fine(match: Match, action: Action) -> None:
    assert codes(rule("r", match, action)) == []


GOING_ON = [
    ("faiss*", "{name}-cpu{specifier}", "'faissa' becomes 'faissa-cpu', then 'faissa-cpu-cpu'"),
    ("foo", ("foo", "bar{specifier}"), "'foo>=1' becomes 'foo', then 'foo' and 'bar'"),
    ("lib*", ("{name}", "{name}-stubs"), "'liba' becomes 'liba-stubs', then 'liba-stubs' and 'liba-stubs-stubs'"),
]


@pytest.mark.parametrize(("name", "template", "found"), GOING_ON, ids=str)
def test_a_rule_that_changes_its_own_results_is_not_repeatable(
    name: str, template: str | tuple[str, ...], found: str
) -> None:
    [finding] = lint_rules(rule_set("mine.toml", [rule("r", name, Action(replace=template))]))
    assert finding.code == "rule-not-repeatable"
    assert found in finding.message


REPEATED = [
    ("faiss", "{name}-cpu{specifier}"), ("faiss*", "faiss-cpu{specifier}{marker}"), ("foo", ("foo{specifier}", "bar")),
    ("foo*", ("foo-a", "foo-b")), ("foo", "{name}~={version}"), ("foo", "foo[x]{marker}"), ("lib*", "{name}>={lower},<9"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "template"), REPEATED, ids=str)
def test_a_rule_that_leaves_its_results_alone_is_fine(name: str, template: str | tuple[str, ...]) -> None:
    assert codes(rule("r", name, Action(replace=template))) == []


SHADOWED = [
    (rule("a"), rule("b")),
    (rule("a", "f*"), rule("b")),
    (rule("a", "*"), rule("b", Match(marker=("x",)))),
    (rule("a", Match(("x", "f*"))), rule("b", Match(("foo", "fa*")))),
    (rule("a", action="keep"), rule("b", Match(("foo",), extra=("any",)))),
    (rule("a", Match(("foo",), extra=("any",))), rule("b", Match(("foo",), extra=("x",)))),
    (rule("a", Match(("foo",), extra=("x", "none"))), rule("b")),
    (rule("a", Match(("foo",), marker=("linux",))), rule("b", Match(("foo",), marker=("sys_platform == 'linux'",)))),
    (rule("a", Match(("foo",), marker=("never-true",))), rule("b", Match(("foo",), marker=("never-true",)))),
    (rule("a", Match(("foo",), specifier=("==*", ">1"))), rule("b", Match(("foo",), specifier=(">1",)))),
    (rule("a", Match(("foo",), url=("https://*",))), rule("b", Match(("foo",), url=("https://e.com/*",)))),
    (rule("a", project=("torch*",)), rule("b", project=("torch", "torchvision"))),
    (rule("a", version=(">=2",)), rule("b", version=(">=2.1,<3", ">=4"))),
    (rule("a", not_project=("x",)), rule("b", not_project=("x", "y"))),
    (rule("a", not_platform=("win32",)), rule("b", not_platform=("win*",))),
    (rule("a", platform=("*",)), rule("b", platform=("linux*",), python=("cp3*",))),
    (rule("a", requires=("x", "y")), rule("b", requires=("x",), lacks=("z",))),
    (rule("a", not_lacks=("x",)), rule("b", not_lacks=("x", "y"))),
    (rule("a", sha256=("ab" * 32, "cd" * 32)), rule("b", sha256=("ab" * 32,))),
    (rule("a", metadata_version=(">=2",)), rule("b", metadata_version=("==2.1",))),
]  # fmt: skip


@pytest.mark.parametrize("rules", SHADOWED, ids=lambda rules: f"{rules[0].match} {rules[0].when} {rules[1].match}"[:90])
def test_a_rule_behind_one_that_matches_all_of_it_is_shadowed(rules: tuple[Rule, Rule]) -> None:
    assert ("rule-shadowed", "b") in codes(*rules)


NOT_SHADOWED = [
    (rule("a"), rule("b", "f*")),
    (rule("a"), rule("b", Match(("foo",), extra=("any",)))),
    (rule("a"), rule("b", action="keep")),
    (rule("a", Match(("foo",), marker=("linux",))), rule("b")),
    (rule("a", Match(("foo",), marker=("never-true",))), rule("b", Match(("foo",), marker=("linux",)))),
    (rule("a", Match(("foo",), marker=("n",))), rule("b", Match(("foo",), marker=("never-true",)))),
    (rule("a", Match(("foo",), specifier=("==*",))), rule("b")),
    (rule("a", Match(("foo",), url=("*",))), rule("b")),
    (rule("a", project=("torch",)), rule("b")),
    (rule("a", project=("torch",)), rule("b", project=("torch*",))),
    (rule("a", version=(">=2,<3",)), rule("b", version=(">=2",))),
    (rule("a", not_project=("x", "y")), rule("b", not_project=("x",))),
    (rule("a", not_version=(">=2",)), rule("b")),
    (rule("a", requires=("x",)), rule("b", requires=("x", "y"))),
    (rule("a", None, Action(add="foo")), rule("b")),
    (rule("a", None, Action(add="foo")), rule("b", None, Action(add="foo"))),
]  # fmt: skip


@pytest.mark.parametrize("rules", NOT_SHADOWED, ids=lambda rules: f"{rules[0].match} {rules[0].when} {rules[1].match}"[:90])
def test_a_rule_that_may_decide_is_not_shadowed(rules: tuple[Rule, Rule]) -> None:
    assert ("rule-shadowed", "b") not in codes(*rules)


def test_several_rules_can_shadow_one_together() -> None:
    rules = (rule("a"), rule("b", "ba*"), rule("no", "x", project=("other",)), rule("c", Match(("foo", "bar", "baz"))))
    [finding] = [each for each in lint_rules(rule_set("mine.toml", rules)) if each.code == "rule-shadowed"]
    assert finding.place == "mine.toml: rule c"
    assert finding.message == "never decides: earlier rules match everything that it matches (a, b)"
    assert ("rule-shadowed", "d") not in codes(*rules, rule("d", Match(("foo", "x"))))


VERSIONS = ["1.0", "1.0.dev1", "1.0a1", "1.0rc1", "1.0.post1", "1.0+cpu", "1.0.post1+cpu", "1.0.1", "1.1", "2.0.dev1",
"2.0rc1", "2.0",
            "2.0+cpu", "2.0.post1", "2.5", "3.0"]  # fmt: skip
OPERANDS = ["1.0", "1.0rc1", "1.0.post1", "1.0.dev1", "2.0", "2.0rc1"]
clauses = st.one_of(
    st.tuples(st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "~="]), st.sampled_from(OPERANDS)).map("".join),
    st.sampled_from(["==1.*", "!=1.0.*", "==2.*", "==1.0+cpu", "!=1.0+cpu", "==2.0+cpu", "===1.0"]),
)
specifiers = st.lists(clauses, min_size=1, max_size=2, unique=True).map(",".join)


@example("!=1.0", "==1.0+cpu")
@example(">1.0", ">=1.0.post1")
@example("<2.0", "<=2.0rc1")
@example(">=2.0", "==2.*")
@given(specifiers, specifiers)
def test_no_version_is_called_shadowed_that_another_rule_leaves(one: str, two: str) -> None:
    """Local labels and pre-releases count as PEP 440 says, not as points on a line."""
    if ("rule-shadowed", "b") in codes(rule("a", version=(one,)), rule("b", version=(two,))):
        left = [each for each in VERSIONS if SpecifierSet(two).contains(each, prereleases=True)]
        assert [each for each in left if not SpecifierSet(one).contains(each, prereleases=True)] == []


@example("==1.0,==1.0+cpu")
@example("<=1.0,==1.0+cpu")
@given(specifiers)
def test_no_version_is_called_impossible_that_a_wheel_can_have(text: str) -> None:
    if codes(rule("a", version=(text,))):
        assert [each for each in VERSIONS if SpecifierSet(text).contains(each, prereleases=True)] == []


globs = st.sampled_from(["foo", "f*", "?oo", "fo[o-p]", "*", "ba*", "bar"])
matches = st.builds(
    Match,
    name=st.one_of(st.none(), st.lists(globs, min_size=1, max_size=2).map(tuple)),
    extra=st.sampled_from([None, ("none",), ("any",), ("x",), ("x", "none")]),
    marker=st.sampled_from([None, None, ("os_name",), ("os_name == 'nt'",), ("never-true",), ("never-true", "extra")]),
    specifier=st.sampled_from([None, None, ("==*",), ("==1",), ("",), ("<2,>=1",), (">=1, <2",)]),
    url=st.sampled_from([None, None, ("*",), ("https://*",)]),
).filter(lambda match: match != Match())
whens = st.builds(
    When,
    project=st.sampled_from([None, None, ("demo",), ("d*",)]),
    not_project=st.sampled_from([None, None, ("demo",), ("x",)]),
    version=st.one_of(st.none(), st.sampled_from([(">=1",), ("==1.*",), (">=2",), ("<2", ">=3")])),
    not_version=st.sampled_from([None, None, ("<1",), (">=1",)]),
    local=st.sampled_from([None, None, ("cpu",), ("",), ("*",)]),
    platform=st.sampled_from([None, ("any",), ("*",), ("linux*",)]),
    not_platform=st.sampled_from([None, None, ("linux*",), ("win*", "linux*")]),
    requires=st.sampled_from([None, None, (Match(("foo",)),), (Match(("foo",)), Match(("bar",)))]),
    lacks=st.sampled_from([None, None, (Match(("zzz",)),), (Match(("zzz",)), Match(("bar",)))]),
    not_lacks=st.sampled_from([None, None, (Match(("foo",)),)]),
)
judging = st.builds(
    lambda match, when, action: Rule(id="", reason="why", match=match, when=when, action=action),
    matches,
    st.one_of(st.just(When()), whens),
    st.sampled_from(["drop", "keep", Action(rename="y")]),
)
texts = st.builds(
    "{}{}{}".format,
    st.sampled_from(["foo", "Foo", "fop", "bar", "ba"]),
    st.sampled_from(["", "==1", ">=1,<2", " @ https://e.com/a.whl", "==1.0.*"]),
    st.sampled_from([
        "", " ; os_name == 'nt'", " ; os_name == 'nt' and extra == 'x'", " ; extra == 'x' or extra == 'y'",
        " ; extra == 'y'",
        " ; extra == 'x' or os_name == 'nt'", " ; extra != 'x'",
    ]),
)  # fmt: skip
facts = st.builds(
    lambda requires, version, tags: facts_of(*requires, version=version, tags=tags),
    st.lists(texts, min_size=1, max_size=3),
    st.sampled_from(["1.0", "2.0+cpu", "0.5", "1.0rc1"]),
    st.sampled_from(["py3-none-any", "py3-none-linux_x86_64", "cp311-cp311-win32.linux_aarch64"]),
)


@given(st.lists(judging, min_size=2, max_size=4), st.lists(facts, min_size=1, max_size=4))
def test_a_rule_that_is_called_shadowed_or_impossible_never_decides(rules: list[Rule], wheels: list[Facts]) -> None:
    named = [msgspec.structs.replace(each, id=str(index)) for index, each in enumerate(rules)]
    named_so = {name for code, name in codes(*named) if code in ("rule-shadowed", "rule-impossible")}
    for each in wheels:
        mine = rules_for(named, each)
        for text in each.requirements:
            found = decide(mine, text, each)
            assert found is None or found.held_back or found.rule.id not in named_so


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"version": (">=3,<2",)}, "no version matches version = >=3,<2"),
    ({"version": (">=3,<2", "==1,==2")}, "no version matches version = >=3,<2 or ==1,==2"),
    ({"version": (">=2",), "not_version": (">=1",)}, "no version matches version = >=2 with not-version = >=1"),
    ({"metadata_version": ("<2,>2",)}, "no version matches metadata-version = <2,>2"),
    ({"project": ("torch",), "not_project": ("torch*",)}, "not-project excludes all of project"),
    ({"platform": ("linux*", "win32"), "not_platform": ("*",)}, "not-platform excludes all of platform"),
    ({"local": ("",), "not_local": ("*",)}, "not-local excludes all of local"),
]


@pytest.mark.parametrize(("when", "message"), IMPOSSIBLE, ids=str)
def test_a_condition_that_no_wheel_fulfils(when: dict[str, Any], message: str) -> None:
    for one in (rule("r", **when), rule("r", None, Action(add="x"), **when)):
        [finding] = lint_rules(rule_set("mine.toml", [one]))
        assert (finding.code, finding.message) == ("rule-impossible", f"never applies: {message}")


POSSIBLE: list[dict[str, Any]] = [
    {"version": (">=3,<2", ">=1")}, {"version": (">=1",), "not_version": (">=2",)}, {"not_version": (">=0",)},
    {"project": ("torch*",), "not_project": ("torch",)}, {"project": ("a", "b"), "not_project": ("a",)}, {"local": ("",)},
    {"version": ("==1.0,!=1.0+cpu",)}, {"version": ("==1.*",), "not_version": (">=1",)},
]  # fmt: skip


@pytest.mark.parametrize("when", POSSIBLE, ids=str)
def test_a_condition_that_a_wheel_may_fulfil(when: dict[str, Any]) -> None:
    assert codes(rule("r", **when)) == []


def test_a_rule_that_has_had_its_day_is_named_from_that_day_on() -> None:
    rules = rule_set("mine.toml", [Rule(id="r", reason="why", match=Match(("foo",)), action="drop", until=date(2027, 1, 1))])
    assert lint_rules(rules) == lint_rules(rules, date(2026, 12, 31)) == ()
    for day in (date(2027, 1, 1), date(2030, 5, 5)):
        assert [(each.code, each.place, each.message) for each in lint_rules(rules, day)] == [
            ("rule-expired", "mine.toml: rule r", "expired on 2027-01-01")
        ]


BROAD = [("*", True), ("?*", True), ("a*", True), ("[ab]c*", True), ("abc*", False), ("a", False), ("*-cu12", False)]


@pytest.mark.parametrize(("glob", "expected"), BROAD)
def test_a_pattern_that_names_nothing_in_particular_is_broad(glob: str, expected: bool) -> None:
    assert codes(rule("r", glob)) == [("rule-broad", "r")] * expected
    assert codes(rule("r", glob, "keep")) == []


SIDE_BY_SIDE = [
    (rule("a", "foo-*"), rule("b", "bar-*", WINDOWS)),
    (rule("a", "foo-*"), rule("b", "*-bar", WINDOWS)),
    (rule("a", version=("<3",)), rule("b", action=WINDOWS, version=(">=2",))),
    (rule("a", platform=("win32",)), rule("b", action=WINDOWS, platform=("linux*",))),
    (rule("a", "foo-*"), rule("b", "*-bar")),
    (rule("a", "foo-*", "keep"), rule("b", "*-bar", WINDOWS)),
    (rule("a", "foo-*"), rule("b", "*-bar", "keep")),
    (rule("a", project=("torch",)), rule("b", action=WINDOWS, project=("jax",))),
    (rule("a", version=("<2",)), rule("b", action=WINDOWS, version=(">=2",))),
    (rule("a", local=("cpu",)), rule("b", action=WINDOWS, local=("cu*1",))),
    (rule("a"), rule("b", None, Action(add="foo"))),
    (rule("a", project=("torch",)), rule("b", action=WINDOWS, not_project=("torch",))),
    (rule("a", platform=("*aarch64",)), rule("b", action=WINDOWS, not_platform=("*aarch64",))),
    (rule("a", not_version=(">=2",)), rule("b", action=WINDOWS, version=(">=2",))),
    (rule("a", Match(("foo",), extra=("none",))), rule("b", Match(("foo",), extra=("x",)), WINDOWS)),
    (rule("a", Match(("foo",), extra=("x",))), rule("b", action=WINDOWS)),
    (rule("a", Match(("foo",), url=("*",))), rule("b", Match(("foo",), specifier=("==*",)), WINDOWS)),
]  # fmt: skip


@pytest.mark.parametrize("rules", SIDE_BY_SIDE, ids=lambda rules: f"{rules[0].match} {rules[0].when} {rules[1].when}"[:90])
def test_rules_that_may_share_a_part_are_meant_so(rules: tuple[Rule, Rule]) -> None:
    """The first one that matches decides; only one that can never decide is worth a word."""
    assert codes(*rules) == []


def test_there_is_nothing_to_say_of_what_comes_with_wheelfix() -> None:
    assert lint_rules(built_in("gpu"), date(2999, 1, 1)) == ()
    assert lint_run(built_in("gpu"), []) == ()
    assert lint_names(built_in("gpu"), ["x"], most=1) == ()
    own = rule_set("mine.toml", [rule("own", "nvidia-nccl-cu12")], extends=["gpu"])
    assert lint_rules(own) == ()
    assert [rule_of(each) for each in lint_run(own, [outcome("a", "1")])] == ["own"]


def test_a_run_without_a_readable_wheel_shows_nothing() -> None:
    own = rule_set("mine.toml", [rule("own", "x")])
    refused = Outcome(Path("a.whl"), Status.REFUSED, problem=Problem("c", "m", "h"))
    assert lint_run(own, []) == lint_run(own, [refused]) == ()


MANY: dict[str, Callable[[int], Rule]] = {
    "a project each": lambda n: rule(f"r{n}", Match(("nvidia-*", "triton")), project=(f"p-{n}",), version=(f"<{n % 9}",)),
    "names and patterns": lambda n: rule(f"r{n}", Match((f"pkg-{n}", f"lib-{n}-*")), ("drop", "keep")[n % 2]),
    "patterns for projects": lambda n: rule(f"r{n}", project=(f"p{n}-*",)),
    "a version each": lambda n: rule(f"r{n}", project=("torch",), version=(f"=={n}.0",)),
    "a range each": lambda n: rule(f"r{n}", project=("torch",), version=(f">={n},<{n + 1}",)),
    "a sum each": lambda n: rule(f"r{n}", sha256=(f"{n:064x}",)),
    "a marker each": lambda n: rule(f"r{n}", Match(("foo",), marker=(f"python_version < '3.{n}'",))),
    "patterns that begin alike": lambda n: rule(f"r{n}", f"*-pkg-{n}-*", WINDOWS),
    "the wheel as a whole": lambda n: rule(f"r{n}", None, Action(add=f"foo>={n}"), project=(f"p{n}",)),
}


@pytest.mark.parametrize("most", [300, pytest.param(600, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", MANY)
def test_work_grows_with_the_number_of_rules_and_not_with_its_square(kind: str, most: int) -> None:
    def work(count: int, first: int) -> int:
        rules = tuple(MANY[kind](first + n) for n in range(count))
        return count_calls(lambda: lint_rules(RuleSet("m", rules, "", ("m.toml",) * count)))

    assert work(most, 10_000) < 5 * work(most // 3, 0)


def test_a_rule_is_found_behind_hundreds_of_others() -> None:
    others = [rule(f"r{n}", f"pkg-{n}-*") for n in range(500)]
    rules = rule_set("mine.toml", [*others, rule("last", "pkg-77-x"), rule("free", "pkg-500-x")])
    [finding] = lint_rules(rules)
    assert (finding.code, rule_of(finding)) == ("rule-shadowed", "last")
    assert "(r77)" in finding.message


def test_what_a_run_shows_of_many_rules_on_many_wheels_is_one_look_each() -> None:
    rules = rule_set("mine.toml", [rule(f"r{n}", f"p{n}") for n in range(1000)])
    outcomes = [outcome(f"w{n}", "1.0", "r1", "r2") for n in range(500)]
    assert count_calls(lambda: lint_run(rules, outcomes)) < 20_000


def test_a_rule_that_was_held_back_says_so() -> None:
    own = rule_set("mine.toml", [rule("own", "x")])
    kept = Change("Requires-Dist", "keep", "x; extra == 'a'", "x; extra == 'a'", "own", reason=EXTRA_ONLY)
    [finding] = lint_run(own, [Outcome(Path("a.whl"), Status.UNCHANGED, kept=(kept,))])
    assert finding.message == "applied to nothing in this run: only extras require what it names"


def outcome(name: str, version: str | None, *applied: str) -> Outcome:
    return Outcome(Path(f"in/{name}.whl"), Status.UNCHANGED, version=version, applied_rules=applied)


def test_what_a_run_shows_of_rules() -> None:
    rules = [
        Rule(id=name, reason="why", match=Match((f"{name}-x",)), action="drop", until_version="2.0")
        for name in ("used", "old", "unused")
    ]
    found = lint_run(
        rule_set("mine.toml", rules),
        [outcome("a", "1.9", "used", "old"), outcome("b", "2.0", "old"), outcome("c", "3", "old"), outcome("d", "9")],
    )
    assert [(each.code, each.place, each.message) for each in found] == [
        ("rule-outdated", "mine.toml: rule old", "meant until version 2.0, which b.whl has reached"),
        ("rule-unused", "mine.toml: rule unused", "applied to nothing in this run"),
    ]


@pytest.mark.parametrize(("version", "outdated"), [("2.0.dev1", False), ("2.0+cpu", True), ("odd", False), (None, False)])
def test_which_versions_have_reached_the_last_one(version: str | None, outdated: bool) -> None:
    rules = rule_set("mine.toml", [Rule(id="r", reason="w", match=Match(("foo",)), action="drop", until_version="2.0")])
    assert [each.code for each in lint_run(rules, [outcome("a", version, "r")])] == ["rule-outdated"] * outdated


def test_patterns_are_tried_on_a_list_of_names() -> None:
    names = ["foo", "foo-a", "foo-b", "foo-c", "bar"]
    rules = rule_set("mine.toml", [
        rule("many", "foo*"), rule("few", "foo-*", Action(rename="x")), rule("kept", "*", "keep"),
        rule("none", Match(("bar", "nothing-*"))), rule("wheel", None, Action(add="x")), rule("no-name", Match(url=("*",))),
    ])  # fmt: skip
    found = lint_names(rules, names, most=3)
    assert [(each.code, rule_of(each), each.message) for each in found] == [
        ("rule-matches-many", "many", "'foo*' matches 4 of 5 names, such as foo, foo-a, foo-b"),
        ("rule-matches-nothing", "none", "'nothing-*' matches none of 5 names"),
    ]
    assert [each.code for each in lint_names(rules, names, most=4)] == ["rule-matches-nothing"]


NUMBERS = ("0", "1", "1.0", "1.1", "1.2", "2", "2.0", "2.1.0", "3")
SUFFIXES = ("", ".dev1", "a1", "rc1", ".post1", "+cpu", "rc1.dev1", ".post1+cpu", ".0.1", ".9")
EVERY_VERSION = [Version(number + suffix) for number in NUMBERS for suffix in SUFFIXES] + [Version("1!1")]
every_clause = st.one_of(
    st.tuples(st.sampled_from([">=", ">", "<=", "<", "==", "!="]), st.sampled_from(NUMBERS)).map("".join),
    st.tuples(st.sampled_from(["==", "!="]), st.sampled_from(NUMBERS), st.just(".*")).map("".join),
    st.sampled_from(
        ["~=1.1", "~=2.1.0", "==1.0+cpu", ">=2rc1", "<=1.0.post1", "<2.dev1", "===1.0", ">1.0.post1", "!=1.0+cpu"]
    ),
)
every_specifier = st.lists(every_clause, min_size=1, max_size=3).map(",".join)
conditions = st.lists(every_specifier, min_size=1, max_size=2).map(tuple)


def allowed(*specifiers: str) -> set[Version]:
    sets = [SpecifierSet(text) for text in specifiers]
    return {version for version in EVERY_VERSION if any(each.contains(version, prereleases=True) for each in sets)}


@given(conditions, conditions)
def test_a_version_condition_that_covers_another_allows_all_of_it(wide: tuple[str, ...], narrow: tuple[str, ...]) -> None:
    if covers("version", wide, narrow):
        assert allowed(*narrow) <= allowed(*wide)


@given(conditions, conditions)
def test_a_version_condition_that_is_called_impossible_allows_nothing(
    given_: tuple[str, ...], excluded: tuple[str, ...]
) -> None:
    if codes(rule("a", version=given_, not_version=excluded)):
        assert not allowed(*given_) - allowed(*excluded)


COVERED = [
    (">=2", ">=2,<3"), (">=2", ">=2.1"), (">=2", ">2"), (">1", ">=2"), ("<3", "<2"), ("<3", "<=2"), ("<=2", "<2"),
    (">=2", "==2.1"), (">=1", "==2.*"), ("<3", "==2.*"), ("==2.*", "==2.1.*"), ("==2.*", "==2.1"), (">=2,<4", ">=2.5,<3"),
    (">=1", "~=1.1"), ("==1.*", "~=1.1"), ("<2", "~=1.1"), ("!=1", "!=1,>0"), ("===1.0", "===1.0"), (">=2rc1", ">=2rc1,<3"),
    ("!=1", ">=2"), ("!=1.*", "<1.dev0"), (">=1,!=1.5", "~=1.6"), ("~=1.0", "==1.4+cpu"), ("<=1.0.post1", "<=1"),
]  # fmt: skip


@pytest.mark.parametrize(("wide", "narrow"), COVERED)
def test_the_versions_that_people_write_are_compared(wide: str, narrow: str) -> None:
    assert covers("version", (wide,), (narrow,))
    assert not covers("version", (narrow,), (wide,)) or SpecifierSet(wide) == SpecifierSet(narrow)


def test_several_specifiers_can_cover_one_together() -> None:
    assert covers("version", ("<2", ">=2.dev0"), (">=1",))
    assert not covers("version", ("<2", ">=2"), (">=1",))  # 2rc1 is in neither


IMPOSSIBLE_VERSIONS = """
    >=3,<2 >2,<2 >=2,<2 >2,<=2 >=3,<=2 ==1,>=2 ==1,==2 ==1.*,>=2 ==2.*,<2 ==2.*,<=1 ==1.*,==2 ~=1.1,>=2 ==1,!=1
"""


@pytest.mark.parametrize("text", IMPOSSIBLE_VERSIONS.split())
def test_a_version_that_no_wheel_has_is_called_impossible(text: str) -> None:
    assert codes(rule("a", version=(text,))) == [("rule-impossible", "a")]


@pytest.mark.parametrize("text", [">=2", ">=1,<2", "==1.0,==1.0+cpu", "<=1.0,==1.0+cpu"])
def test_a_version_that_a_wheel_can_have_is_not_called_impossible(text: str) -> None:
    assert codes(rule("a", version=(text,))) == []


UNLIKELY: list[tuple[Rule, str]] = [
    (rule("r", platform=("linux",)), "'linux' is not a platform tag; write a pattern such as '*linux*'"),
    (rule("r", not_platform=("aarch64",)), "'aarch64' is not a platform tag; write a pattern such as '*aarch64*'"),
    (rule("r", python=("3.11",)), "'3.11' is not a Python tag such as cp311 or py3"),
    (rule("r", filename=("torch",)), "'torch' is not the file name of a wheel; write a pattern such as 'torch-*'"),
    (rule("r", "flask[async]"), "'flask[async]': brackets match one character; extras are not part of a name"),
    (rule("r", Match(("foo",), specifier=("8.1",))), "'8.1' is not a specifier; write an operator, as in '==8.1'"),
    (rule("r", Match(("foo",), specifier=("(>=1)",))), "'(>=1)' never matches: specifiers are compared without parentheses"),
    (
        rule("r", Match(("foo",), marker=("platfrom_machine == 'x'",))),
        "'platfrom_machine' is not a marker variable; did you mean platform_machine?",
    ),
    (rule("r", Match(("foo",), marker=("sys_platform == linux",))), "'linux' is not a marker variable; quote values"),
    (
        rule("r", Match(("foo",), marker=("never_true",))),
        "'never_true' is searched for in the marker; did you mean never-true?",
    ),
    (
        rule("r", requires=(Match(("foo",), specifier=("8.1",)),)),
        "'8.1' is not a specifier; write an operator, as in '==8.1'",
    ),
]


@pytest.mark.parametrize(("one", "message"), UNLIKELY, ids=lambda each: each if isinstance(each, str) else "")
def test_a_value_that_matches_nothing_in_use_is_reported(one: Rule, message: str) -> None:
    assert [(each.code, each.message) for each in lint_rules(rule_set("mine.toml", [one]))] == [
        ("rule-unlikely-value", message)
    ]


LIKELY = [
    rule("r", platform=("any", "win32", "*linux*", "manylinux_2_28_x86_64")), rule("r", python=("cp311", "py3", "cp31?")),
    rule("r", filename=("torch-*", "a-1-py3-none-any.whl")), rule("r", "nvidia-*-cu[1-9]"),
    rule("r", Match(("foo",), specifier=("==8.1", "", "==*"))),
    rule("r", Match(("foo",), marker=("never-true", "linux", "python_version < '3.9' and 'a' not in sys_platform"))),
]  # fmt: skip


@pytest.mark.parametrize("one", LIKELY, ids=lambda each: f"{each.match} {each.when}"[:90])
def test_a_value_that_is_in_use_is_not_reported(one: Rule) -> None:
    assert codes(one) == []


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (When(), True),
        (When(project=("torch*",)), True),
        (When(project=("torch", "torchvision")), True),
        (When(project=("torch",)), False),
        (When(filename=("torch-*",)), False),
        (When(sha256=("0" * 64,)), False),
        (When(version=(">=2",)), True),
    ],
    ids=str,
)
def test_one_name_for_many_projects(when: When, expected: bool) -> None:
    """On the command line the given wheels are what is meant."""
    rules = [Rule(id="own", reason="why", when=when, action=Action(set_name="acme-torch"))]
    assert [each.code for each in lint_rules(rule_set("mine", rules))] == ["rule-one-name"] * expected
    assert lint_rules(rule_set("command line", rules)) == ()
