"""Rules on METADATA and wheels of any shape: order, repetition, protection, and bytes that stay."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from hypothesis import assume, given, strategies as st
from packaging.requirements import Requirement as StrictRequirement

from building import WheelSpec, write_wheel
from ruling import apply
from strategies import documents
from wheelfix.errors import EditError, MetadataError
from wheelfix.fix.batch import fix_wheels
from wheelfix.rules.actions import WHEEL_ACTIONS, Applied
from wheelfix.rules.load import rule_set
from wheelfix.rules.match import Facts, make_facts
from wheelfix.rules.model import Action, FieldName, FieldValue, Match, NewSpecifier, Rule, When
from wheelfix.rules.requirement_actions import REQUIREMENT_ACTIONS
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document

REPEATABLE = [
    Action(replace="other{extras}>={version}{marker}"), Action(replace="{name}{extras}=={version}+cpu{marker}"),
    Action(replace="{name}{extras}>={lower},<{upper}{marker}"),
    Action(replace=("bar>=9", "zed; os_name == 'nt'")), Action(replace=("bar", "Zed", "zed", "third>=3")),
    Action(replace=("{name}{extras}{specifier}{marker}", "zed>=1")), Action(replace=("{name}~={lower}", "zed")),
]  # fmt: skip
"""Templates that change nothing of what they have made: what is computed has their form, or the others are there."""
FILENAME = WheelFilename.parse("demo-1.0-py3-none-any.whl")
ARGUMENTS: dict[str, list[str | Action]] = {
    "drop": ["drop"],
    "keep": ["keep"],
    "replace": [
        Action(replace="{name}-x{extras}{specifier}{marker}"), Action(replace="{name}{specifier}"), *REPEATABLE,
    ],
    "rename": [Action(rename="other"), Action(rename="Foo.x")],
    "set-specifier": [
        Action(set_specifier=""), Action(set_specifier=">=1,<3"), Action(set_specifier="==1.0.*"),
        *(Action(set_specifier=new) for new in (
            NewSpecifier(relax="lower"), NewSpecifier(drop="upper"), NewSpecifier(drop="all"), NewSpecifier(local="cpu"),
            NewSpecifier(local=""), NewSpecifier(max="<3"), NewSpecifier(max="<=1.4"), NewSpecifier(min=">=1.3"),
            NewSpecifier(exclude="!=1.4.5"), ">={version}", "=={version}+cpu", "~={version}.1", ">={lower},<9",
            ">{lower},<={upper}", "{operator}{lower}.0",
        )),
    ],
    "set-marker": [Action(set_marker=""), Action(set_marker="os_name == 'nt' or extra == \"x\"")],
    "and-marker": [
        Action(and_marker="os_name == 'nt'"), Action(and_marker="os_name == 'nt' or extra == 'x'"),
        Action(and_marker="os_name=='nt' and (extra == 'x' or python_version < \"3.9\")"),
    ],
    "add": [
        Action(add=("zed; extra == 'New_x'", "foo", "zed>=1; extra == 'x'")), Action(add="foo"),
        Action(add="foo[x] >=1; os_name == 'nt'"), Action(add="bar @ https://e.com/a.whl ; extra == 'x'"),
    ],
    "drop-extra": [Action(drop_extra="x"), Action(drop_extra="Cuda")],
    "set-field": [
        Action(set_field=FieldValue("Summary", "new")), Action(set_field=FieldValue("Platform", ("x", "y"))),
        Action(set_field=FieldValue("Requires-Python", ">=3.9")), Action(set_field=FieldValue("Platform", ())),
    ],
    "add-field": [Action(add_field=FieldValue("Provides-Extra", ("x", "z"))), Action(add_field=FieldValue("Classifier",
    "A"))],
    "remove-field": [Action(remove_field=FieldName("Summary")), Action(remove_field=FieldName("x-own", "1"))],
}  # fmt: skip
matches = st.builds(
    Match,
    name=st.sampled_from([("foo*",), ("*",), ("foo", "bar"), ("demo",)]),
    extra=st.sampled_from([None, ("any",), ("x",)]),
)


def facts_of(data: bytes) -> Facts:
    try:
        document = Document.parse(data)
    except MetadataError:
        assume(False)
        raise
    return make_facts(document, FILENAME, lambda: "ab" * 32)


def corrected(data: bytes, *rules: Rule) -> Applied:
    """Return what ``rules`` make of METADATA; what they cannot be carried out on is of no interest here."""
    facts = facts_of(data)
    try:
        return apply(facts, *rules)
    except EditError:
        assume(False)
        raise


def rule_of(action: str | Action, match: Match, name: str = "r", **more: object) -> Rule:
    plain = Rule(id=name, reason="why", match=match, action=action, **more)  # type: ignore[arg-type]
    return plain if plain.action_name in REQUIREMENT_ACTIONS else msgspec.structs.replace(plain, match=None)


def test_every_action_is_tried() -> None:
    assert set(ARGUMENTS) == {*REQUIREMENT_ACTIONS, *WHEEL_ACTIONS}
    for name, several in ARGUMENTS.items():
        assert {rule_of(each, Match(("x",))).action_name for each in several} == {name}


IDEMPOTENT = [name for name in ARGUMENTS if name in WHEEL_ACTIONS or REQUIREMENT_ACTIONS[name].idempotent]


@pytest.mark.parametrize("name", IDEMPOTENT)
@given(data=documents(), match=matches, draw=st.data())
def test_rules_applied_twice_are_rules_applied_once(name: str, data: bytes, match: Match, draw: st.DataObject) -> None:
    rule = rule_of(draw.draw(st.sampled_from(ARGUMENTS[name])), match)
    once = corrected(data, rule).document.data
    again = corrected(once, rule)
    assert again.document.data == once
    assert again.changes == ()


@pytest.mark.parametrize("action", REPEATABLE, ids=str)
@given(data=documents(), match=matches)
def test_templates_that_can_be_repeated_change_nothing_twice(action: Action, data: bytes, match: Match) -> None:
    once = corrected(data, rule_of(action, match)).document.data
    assert corrected(once, rule_of(action, match)).changes == ()


def test_what_becomes_several_lines_is_proved(tmp_path: Path) -> None:
    """Together with everything else that rules can do to the same lines."""
    drop = rule_of(Action(drop_extra="x"), Match(("*",)), "extra")
    for number, action in enumerate(REPEATABLE):
        requires = ("foo==1.2; extra == 'x' or extra == 'y'", "foo>=1,<2", "zed; extra == 'x'", "demo[x]; extra == 'all'")
        path = write_wheel(tmp_path, WheelSpec(requires=requires, version=f"{number}.0"))
        split = rule_of(action, Match(("foo",), extra=("any",)))
        for several in ([split], [split, drop]):
            [outcome] = fix_wheels([path], rule_set("mine", several), output=tmp_path / f"{len(several)}").outcomes
            assert outcome.problem is None
            assert outcome.output is not None


every_action = st.sampled_from([each for several in ARGUMENTS.values() for each in several])
rules = st.builds(rule_of, every_action, matches)


def named(several: Iterable[Rule]) -> list[Rule]:
    """Return rules, each with an id of its own."""
    return [msgspec.structs.replace(each, id=f"r{index}") for index, each in enumerate(several)]


@given(documents(), st.lists(rules, max_size=4))
def test_a_first_rule_that_keeps_protects(data: bytes, several: list[Rule]) -> None:
    """No action on a requirement reaches what is kept; actions on the wheel are no matter of the order."""
    keep = Rule(id="keep", reason="why", match=Match(("foo*",)), action="keep")
    others = [each for each in named(several) if each.match is not None]
    before = Document.parse(facts_of(data).document.data)
    found = corrected(data, keep, *others)
    own = [each for each in before.all("Requires-Dist") if each.value.lower().startswith("foo")]
    lines = [data[each.start : each.stop] for each in own]
    left = [found.document.data[each.start : each.stop] for each in found.document.all("Requires-Dist")]
    assert [line for line in left if line in lines] == lines
    assert not any((each.before or "").lower().startswith("foo") for each in found.changes)
    assert sum((each.before or "").lower().startswith("foo") for each in found.kept) == len(own)


@given(documents(), st.lists(rules, max_size=4))
def test_only_what_is_told_changes(data: bytes, several: list[Rule]) -> None:
    """Lines that no change names keep every byte, and what is written is a valid requirement."""
    found = corrected(data, *named(several))
    before, after = facts_of(data).document, found.document
    assert after.data[after.header_stop :] == before.data[before.header_stop :] or not before.data.endswith((b"\n", b"\r"))
    told = {each.before for each in found.changes}
    untouched = [data[each.start : each.stop].rstrip() for each in before.fields if each.value.strip() not in told]
    left = [after.data[each.start : each.stop].rstrip() for each in after.fields]
    for line in untouched:
        assert line in left
    for change in found.changes:
        if change.field == "Requires-Dist" and change.after is not None and change.action != "drop-extra":
            StrictRequirement(change.after)
    if not found.changes:
        assert after.data == before.data


@given(documents(), st.lists(rules, min_size=1, max_size=4))
def test_no_rule_that_is_for_the_wheel_means_identical_bytes(data: bytes, several: list[Rule]) -> None:
    elsewhere = When(project=("other",))
    assert corrected(data).document.data == data
    found = corrected(data, *(msgspec.structs.replace(each, when=elsewhere) for each in named(several)))
    assert found.document.data == data
    assert (found.changes, found.kept, found.applied) == ((), (), ())


MALFORMED = [
    "foo >=1.0 <2.0", "foo >=1.0.*", "foo !=~5.0", "foo >=1.0'", "foo >dev", "foo >=1.0,", "foo >=9.0.0a1.0", 'foo ">=1.0"',
]  # fmt: skip


@pytest.mark.parametrize("text", MALFORMED)
@given(data=documents())
def test_malformed_requirements_are_written_back_byte_for_byte(text: str, data: bytes) -> None:
    """The forms that uv repairs: untouched they stay, and a rule drops them by name."""
    head, name, rest = data.partition(b"Version: 1.0")
    ending = b"\r\n" if rest.startswith(b"\r\n") else b"\n"
    line = b"Requires-Dist: " + text.encode() + ending
    whole = head + name + ending + line + rest.removeprefix(ending)
    others = corrected(whole, Rule(id="r", reason="why", match=Match(("bar", "demo")), action="drop"))
    assert line in others.document.data
    gone = corrected(whole, Rule(id="r", reason="why", match=Match(("foo",), extra=("any",)), action="drop"))
    assert line not in gone.document.data[: gone.document.header_stop]
    assert not [each for each in gone.document.all("Requires-Dist") if each.value.strip() == text]


specs = st.lists(
    st.builds(lambda data, stored: (data, stored), documents(), st.booleans()), min_size=2, max_size=4
)  # fmt: skip


@given(specs, st.lists(rules, max_size=3), st.randoms(use_true_random=False))
def test_the_order_of_wheels_does_not_matter(drawn: list[tuple[bytes, bool]], several: list[Rule], chance: object) -> None:
    """Report and bytes of each wheel are the same, and so is what is said of the rules."""
    chosen = rule_set("mine", named(several))
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, (data, stored) in enumerate(drawn):
            place = Path(folder) / "in"
            place.mkdir(exist_ok=True)
            own = data.replace(b"Version: 1.0", f"Version: {number}.0".encode(), 1)
            paths.append(write_wheel(place, WheelSpec(version=f"{number}.0", metadata=own, stored=stored)))
        other = list(paths)
        chance.shuffle(other)  # type: ignore[attr-defined]
        first, second = (
            fix_wheels(given_paths, chosen, output=Path(folder) / name) for name, given_paths in (("a", paths), ("b", other))
        )
        assert [each.source for each in second.outcomes] == other
        assert set(second.rule_findings) == set(first.rule_findings)
        found = {each.source: each for each in second.outcomes}
        for each in first.outcomes:
            twin = found[each.source]
            assert msgspec.to_builtins(each.changes) == msgspec.to_builtins(twin.changes)
            assert (each.status, each.kept, each.notes, each.applied_rules, each.problem, each.output_sha256) == (
                twin.status, twin.kept, twin.notes, twin.applied_rules, twin.problem, twin.output_sha256,
            )  # fmt: skip
            if each.output and twin.output:
                assert each.output.read_bytes() == twin.output.read_bytes()
