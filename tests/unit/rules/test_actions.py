"""What each action does to METADATA, byte for byte, and what it refuses to make."""

import msgspec
import pytest

from ruling import apply, facts_of, requirement, requires
from wheelfix.errors import EditError
from wheelfix.rules.actions import (
    EDIT_ACTIONS,
    ON_WHEELS,
    RELEASE_ACTIONS,
    WHEEL_ACTIONS,
    Applied,
)
from wheelfix.rules.match import make_facts
from wheelfix.rules.model import Action, FieldName, FieldValue, Match, Rule
from wheelfix.rules.requirement_actions import REQUIREMENT_ACTIONS
from wheelfix.rules.templates import PLACEHOLDERS, template_fields
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document

ANYWHERE = Match(name=("foo",), extra=("any",))


def on_foo(**action: str) -> Rule:
    """Return a rule for the requirement ``foo``; without an action it drops."""
    return Rule(id="r", reason="why", match=ANYWHERE, action=Action(**action) if action else "drop")  # type: ignore[arg-type]


def on_wheel(**action: object) -> Rule:
    return Rule(id="w", reason="why", action=Action(**action))  # type: ignore[arg-type]


def corrected(data: bytes, *rules: Rule) -> Applied:
    """Return what ``rules`` make of a wheel with these bytes as METADATA."""
    name = WheelFilename.parse("demo-1.0-py3-none-any.whl")
    return apply(make_facts(Document.parse(data), name, lambda: ""), *rules)


def test_the_tables_and_the_types_name_the_same_actions() -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(Action)}
    assert fields == {*REQUIREMENT_ACTIONS, *ON_WHEELS} - {"drop", "keep"}
    assert len(fields) + 2 == sum(map(len, (REQUIREMENT_ACTIONS, WHEEL_ACTIONS, RELEASE_ACTIONS, EDIT_ACTIONS)))
    assert [name for name, action in REQUIREMENT_ACTIONS.items() if not action.idempotent] == ["replace"]


ON_REQUIREMENTS: list[tuple[dict[str, str], str, str | None]] = [
    ({}, "Foo [x] (>=1) ; os_name == 'nt'", None),
    ({"rename": "bar"}, "Foo [x] (>=1) ; os_name=='nt'", "bar [x] (>=1) ; os_name=='nt'"),
    ({"replace": "bar{extras}{specifier}{marker}"}, "foo [x]>=1 ;os_name == 'nt'", "bar[x]>=1; os_name == 'nt'"),
    ({"replace": "{name}-cpu{extras}{specifier}{marker}"}, "Foo @ https://e.com/a ; os_name == 'nt'",
     "Foo-cpu @ https://e.com/a ; os_name == 'nt'"),
    ({"replace": "bar==1"}, "foo; extra == 'x'", "bar==1"),
    ({"replace": "bar{specifier}"}, "foo", "bar"),
    ({"set_specifier": ">=2,<3"}, "foo", "foo>=2,<3"),
    ({"set_specifier": ">=2"}, "foo[x] ; os_name=='nt'", "foo[x]>=2 ; os_name=='nt'"),
    ({"set_specifier": ">=2"}, "foo (>= 1) ; os_name=='nt'", "foo (>=2) ; os_name=='nt'"),
    ({"set_specifier": "<3,>=2"}, "foo >=2, <3", "foo >=2, <3"),
    ({"set_specifier": ""}, "foo (==1);os_name=='nt'", "foo;os_name=='nt'"),
    ({"set_specifier": ">=2"}, "foo @ https://e.com/a.whl ; os_name=='nt'", "foo>=2 ; os_name=='nt'"),
    ({"set_specifier": ">=1"}, "foo >=1.0 <2.0", "foo >=1"),
    ({"set_marker": "os_name == 'nt'"}, "foo>=1", "foo>=1; os_name == 'nt'"),
    ({"set_marker": "os_name == 'nt'"}, "foo @ https://e.com/a.whl", "foo @ https://e.com/a.whl ; os_name == 'nt'"),
    ({"set_marker": "os_name == 'nt'"}, "foo ;sys_platform == 'x'", "foo ;os_name == 'nt'"),
    ({"set_marker": "os_name == 'nt'"}, 'foo; os_name=="nt"', 'foo; os_name=="nt"'),
    ({"set_marker": ""}, "foo [x] >=1 ; os_name == 'nt'", "foo [x] >=1"),
    ({"and_marker": "os_name == 'nt'"}, "foo>=1", "foo>=1; os_name == 'nt'"),
    ({"and_marker": "os_name == 'nt'"}, "foo; sys_platform=='x'", "foo; sys_platform=='x' and os_name == 'nt'"),
    ({"and_marker": "os_name == 'nt'"}, "foo; os_name == 'a' or extra=='b'",
     "foo; (os_name == 'a' or extra=='b') and os_name == 'nt'"),
    ({"and_marker": "os_name == 'a' or os_name == 'b'"}, "foo; extra == 'c'",
     "foo; extra == 'c' and (os_name == 'a' or os_name == 'b')"),
    ({"and_marker": "os_name == 'a' and extra == 'c'"}, 'foo; extra=="c"', "foo; extra==\"c\" and os_name == 'a'"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "before", "after"), ON_REQUIREMENTS, ids=str)
def test_what_actions_make_of_a_requirement(action: dict[str, str], before: str, after: str | None) -> None:
    found = apply(facts_of("one", before, "two [y] ( <2)"), on_foo(**action))
    assert requires(found) == ["one", *([after] if after else []), "two [y] ( <2)"]
    name = next(iter(action), "drop").replace("_", "-")
    expected = [(name, before, after, "r", "why")] if after != before else []
    assert [(each.action, each.before, each.after, each.rule, each.reason) for each in found.changes] == expected
    assert [(each.action, each.before) for each in found.kept] == ([] if expected else [("keep", before)])
    assert all(requirement(text).malformed is None for text in requires(found))


def test_a_marker_that_says_it_already_is_left_as_it_is_written() -> None:
    text = 'foo ;extra == "c"   and os_name=="nt"'
    found = apply(facts_of(text), on_foo(and_marker="os_name == 'nt' and extra == 'c'"))
    assert requires(found) == [text]
    assert not found.changes


@pytest.mark.parametrize("text", ["foo >=1.0,", "foo (>=1.0", "foo >=1.0)"])
def test_a_specifier_that_is_set_repairs_a_malformed_one(text: str) -> None:
    """What was asked for is there afterwards, even where the old one says the same in a malformed way."""
    [after] = requires(apply(facts_of(text), on_foo(set_specifier=">=1.0")))
    found = requirement(after)
    assert (found.specifier, found.malformed) == (">=1.0", None)


ODD = (
    b"Metadata-Version: 2.1\r\nname:demo\r\nVersion:   1.0\r\nrequires-DIST:\tFoo  (>= 1) ;\r\n   os_name=='nt'\r\n"
    b'Requires-Dist: other [x,y]\r\n\t>=1 ; os_name == "nt"\r\nSummary: caf\xe9\r\n  folded\r\n'
    b"Requires-Dist:foo==2\r\n\r\nRequires-Dist: foo\nbody \xff\r"
)
FIRST = b"requires-DIST:\tFoo  (>= 1) ;\r\n   os_name=='nt'\r\n"
LAST = b"Requires-Dist:foo==2\r\n"
ON_ODD: list[tuple[dict[str, str], bytes, bytes]] = [
    ({}, b"", b""),
    ({"rename": "bar"}, b"requires-DIST: bar  (>= 1) ; os_name=='nt'\r\n", b"Requires-Dist: bar==2\r\n"),
    ({"set_specifier": "<9"}, b"requires-DIST: Foo  (<9) ; os_name=='nt'\r\n", b"Requires-Dist: foo<9\r\n"),
    ({"set_marker": ""}, b"requires-DIST: Foo  (>= 1)\r\n", LAST),
    ({"and_marker": "os_name == 'nt'"}, FIRST, b"Requires-Dist: foo==2; os_name == 'nt'\r\n"),
    ({"replace": "{name}{marker}"}, b"requires-DIST: Foo; os_name=='nt'\r\n", b"Requires-Dist: foo\r\n"),
]


@pytest.mark.parametrize(("action", "first", "last"), ON_ODD, ids=str)
def test_only_the_lines_that_were_asked_for_change(action: dict[str, str], first: bytes, last: bytes) -> None:
    """Folded values, CRLF, odd spellings, bytes that are no UTF-8 and the body stay as they were."""
    assert corrected(ODD, on_foo(**action)).document.data == ODD.replace(FIRST, first).replace(LAST, last)


def test_keep_keeps_every_byte() -> None:
    found = corrected(ODD, Rule(id="k", reason="why", match=ANYWHERE, action="keep"))
    assert found.document.data == ODD
    assert [(each.rule, each.action, each.before == each.after) for each in found.kept] == [("k", "keep", True)] * 2


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"replace": "{name}[x]{extras}"}, "foo[y]"),
    ({"replace": "{name}{extras}{marker}{specifier}"}, "foo>=1; os_name == 'nt'"),
    ({"rename": "bar"}, "foo >=1.0 <2.0"),
    ({"set_specifier": ">=1"}, "foo; python_version >= 3"),
    ({"set_marker": "os_name == 'nt'"}, "foo !=~5.0"),
    ({"and_marker": "os_name == 'nt'"}, "foo; python_version >= 3"),
]


@pytest.mark.parametrize(("action", "text"), REFUSED, ids=str)
def test_what_makes_no_requirement_is_refused_with_the_rule(action: dict[str, str], text: str) -> None:
    with pytest.raises(EditError, match="rule r: ") as caught:
        apply(facts_of(text), on_foo(**action))
    assert caught.value.code == ("unreadable-marker" if "and_marker" in action else "invalid-result")
    assert caught.value.hint


DROPPED_EXTRA = [
    ("foo; extra == 'cuda'", None),
    ("foo; extra == 'CUDA' and os_name == 'nt'", None),
    ("foo ;os_name=='nt' and 'cuda'==extra", None),
    ("foo>=1 ; extra == 'cuda' or extra==\"x\"", 'foo>=1 ; extra == "x"'),
    ("foo; (extra == 'cuda' or extra == \"x\") and os_name == 'nt'", "foo; extra == \"x\" and os_name == 'nt'"),
    ("foo; os_name == 'nt' or (extra == 'cuda' and python_version<'3')", "foo; os_name == 'nt'"),
    ("foo; extra != 'cuda'", "foo"),
    ("foo; extra != 'cuda' and os_name == 'nt'", "foo; os_name == 'nt'"),
    ("foo >=1.0 <2.0; extra == 'cuda' or extra == 'x'", "foo >=1.0 <2.0; extra == 'x'"),
    ("foo >=1.0 <2.0; extra == 'cuda'", None),
    ("foo;extra=='cudax'", "foo;extra=='cudax'"),
    ("foo[cuda]", "foo[cuda]"),
    ("foo; 'cuda' in os_name", "foo; 'cuda' in os_name"),
    ("demo[cuda,x]; extra == 'all'", "demo[x]; extra == 'all'"),
    ("Demo [x, CUDA] ; extra=='all'", "Demo[x] ; extra=='all'"),
    ("demo[cuda]; extra == 'all'", None),
    ("demo[x,y]; extra == 'all'", "demo[x,y]; extra == 'all'"),
    ("demo[x]; extra == 'cuda'", None),
    ("demo[cuda,x]; extra == 'cuda'", None),
    ("demo[cuda,x]; extra == 'all' or extra == 'cuda'", "demo[x]; extra == 'all'"),
    ("??? cuda", "??? cuda"),
]


@pytest.mark.parametrize(("before", "after"), DROPPED_EXTRA)
@pytest.mark.parametrize("spelling", ["cuda", "Cuda"])
def test_an_extra_goes_from_markers_and_self_references(spelling: str, before: str, after: str | None) -> None:
    found = apply(facts_of("one", before), on_wheel(drop_extra=spelling))
    assert requires(found) == ["one", *([after] if after else [])]
    expected = [("drop-extra", before, after, "w", "why")] if after != before else []
    assert [(each.action, each.before, each.after, each.rule, each.reason) for each in found.changes] == expected


def test_the_provides_extra_goes_and_all_else_keeps_its_bytes() -> None:
    extras = b"Provides-Extra: x\r\nprovides-extra:  CUDA \r\nProvides-Extra: cuda-x\r\n"
    folded = b"Requires-Dist: foo ;\r\n  extra == 'cuda'\r\n   or extra == 'x'\r\n"
    left = b"Requires-Dist: foo ; extra == 'x'\r\n"
    head, body = ODD.split(b"\r\n\r\n")
    found = corrected(head + b"\r\n" + extras + folded + b"\r\n" + body, on_wheel(drop_extra="cuda"))
    kept = extras.replace(b"provides-extra:  CUDA \r\n", b"")
    assert found.document.data == head + b"\r\n" + kept + left + b"\r\n" + body
    assert [(each.field, each.after) for each in found.changes] == [
        ("Provides-Extra", None),
        ("Requires-Dist", "foo ; extra == 'x'"),
    ]


PRESENT = ["bar>=1,<2", "Bar <2, >=1", "bar (<2,>=1)", "BAR<2,>=1"]


@pytest.mark.parametrize("present", PRESENT)
def test_what_is_there_in_another_spelling_is_not_added(present: str) -> None:
    found = apply(facts_of("foo", present), on_wheel(add="bar>=1,<2"))
    assert (requires(found), found.changes, found.applied) == (["foo", present], (), ("w",))


@pytest.mark.parametrize("present", ["bar>=1", "bar[x]>=1,<2", "bar>=1,<2; os_name == 'nt'", "bars>=1,<2"])
def test_what_says_something_else_is_no_reason_not_to_add(present: str) -> None:
    assert requires(apply(facts_of(present), on_wheel(add="bar>=1,<2"))) == [present, "bar>=1,<2"]


def test_a_requirement_is_added_behind_the_last_one() -> None:
    added = LAST + b"Requires-Dist: bar>=1; os_name == 'nt'\r\n"
    found = corrected(ODD, on_wheel(add="bar>=1; os_name == 'nt'"))
    assert found.document.data == ODD.replace(LAST, added)
    assert [(each.field, each.before, each.after) for each in found.changes] == [
        ("Requires-Dist", None, "bar>=1; os_name == 'nt'")
    ]


FIELDS = "Classifier: A\nclassifier:  B\nRequires-Python: >=3.8\nSummary: s\n  folded\nKeywords: k\nX-Own: 1\nX-Own: 2\n"
ON_FIELDS: list[tuple[dict[str, object], str, str]] = [
    ({"set_field": FieldValue("requires-python", ">=3.10")}, "Requires-Python: >=3.8\n", "Requires-Python: >=3.10\n"),
    ({"set_field": FieldValue("Requires-Python", ">=3.8")}, "", ""),
    ({"set_field": FieldValue("Summary", "new")}, "Summary: s\n  folded\n", "Summary: new\n"),
    ({"set_field": FieldValue("Classifier", ("A", "C"))}, "classifier:  B\n", "classifier: C\n"),
    ({"set_field": FieldValue("Classifier", ("B",))}, "Classifier: A\nclassifier:  B\n", "Classifier: B\n"),
    ({"set_field": FieldValue("Classifier", ())}, "Classifier: A\nclassifier:  B\n", ""),
    ({"set_field": FieldValue("Classifier", ("A", "B", "C"))}, "classifier:  B\n", "classifier:  B\nclassifier: C\n"),
    ({"add_field": FieldValue("Classifier", ("B", "C"))}, "classifier:  B\n", "classifier:  B\nclassifier: C\n"),
    ({"add_field": FieldValue("classifier", "A")}, "", ""),
    ({"remove_field": FieldName("Keywords")}, "Keywords: k\n", ""),
    ({"remove_field": FieldName("CLASSIFIER", "B")}, "classifier:  B\n", ""),
    ({"remove_field": FieldName("Classifier")}, "Classifier: A\nclassifier:  B\n", ""),
    ({"remove_field": FieldName("X-Own", "2")}, "X-Own: 2\n", ""),
    ({"remove_field": FieldName("Author")}, "", ""),
]


@pytest.mark.parametrize(("action", "old", "new"), ON_FIELDS, ids=str)
def test_what_actions_make_of_fields(action: dict[str, object], old: str, new: str) -> None:
    """A value that is there already is not written anew."""
    facts = facts_of("foo", fields=FIELDS)
    found = apply(facts, on_wheel(**action))
    assert found.document.data == facts.document.data.replace(old.encode(), new.encode(), 1)
    assert bool(found.changes) is (old != new)
    assert {(each.rule, each.reason) for each in found.changes} <= {("w", "why")}
    assert apply(facts_of(fields=FIELDS.replace(old, new, 1)), on_wheel(**action)).changes == ()


def test_what_the_wheel_does_not_allow_is_refused_with_the_rule() -> None:
    facts = make_facts(
        Document.parse(b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n\nAbout.\n"),
        WheelFilename.parse("demo-1.0-py3-none-any.whl"),
        lambda: "",
    )
    with pytest.raises(EditError, match="rule w: the description is the body") as caught:
        apply(facts, on_wheel(set_field=FieldValue("Description", "x")))
    assert caught.value.code == "body-holds-description"


def test_templates_name_their_placeholders() -> None:
    template = "".join(f"{{{name}}}" for name in PLACEHOLDERS)
    assert template_fields(template) == PLACEHOLDERS
    assert template_fields("a{{b}}") == ()
    for wrong in ("{name", "name}", "{name!r}", "{name:>9}"):
        with pytest.raises(ValueError, match=r"."):
            template_fields(wrong)
