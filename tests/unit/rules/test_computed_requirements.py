"""Requirements whose specifier is computed, that become several, or that are added with their extra."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

import wheelfix
from building import WheelSpec, write_wheel
from places import REFERENCE
from ruling import apply, facts_of, requires
from wheelfix.errors import EditError
from wheelfix.results import Status
from wheelfix.rules.cases import try_cases
from wheelfix.rules.explain import explain
from wheelfix.rules.load import rule_set
from wheelfix.rules.match import make_facts
from wheelfix.rules.model import Action, Case, Match, NewSpecifier, Rule
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document

FOO = Match(("foo",), extra=("any",))


def on_foo(match: Match = FOO, *, on_mismatch: str = "keep", **action: Any) -> Rule:
    return Rule(id="r", reason="why", match=match, action=Action(**action), on_mismatch=on_mismatch)  # type: ignore[arg-type]


def adding(*texts: str) -> Rule:
    return Rule(id="a", reason="why", action=Action(add=texts))


RELAX = NewSpecifier(relax="lower")
COMPUTED: list[tuple[str | NewSpecifier, str, str]] = [
    (RELAX, "foo==2.4.0", "foo>=2.4.0"),
    (RELAX, "Foo [x] ( ~= 1.4.2, !=1.4.5 ) ; os_name=='nt'", "Foo [x] (>= 1.4.2, !=1.4.5) ; os_name=='nt'"),
    (NewSpecifier(local="cpu"), "foo (==1.10.2)", "foo (==1.10.2+cpu)"),
    (NewSpecifier(drop="upper"), "foo (<2);extra == 'x'", "foo;extra == 'x'"),
    (NewSpecifier(max="<3"), "foo", "foo<3"),
    (NewSpecifier(max="<3"), "foo[x] ; os_name=='nt'", "foo[x]<3 ; os_name=='nt'"),
    (NewSpecifier(max="<3"), "foo (>=1) ; os_name=='nt'", "foo (>=1,<3) ; os_name=='nt'"),
    (">={version}", "foo==2.4.0", "foo>=2.4.0"),
    ("=={version}+cpu", "foo ==1.10.2", "foo ==1.10.2+cpu"),
    ("=={version}.0", "foo==1.2", "foo==1.2.0"),
    (">={lower},<3", "foo (>=1.2,<2)", "foo (>=1.2,<3)"),
    (">={lower},<3", "foo (~=1.2)", "foo (>=1.2,<3)"),
    (">={lower},<={upper}", "foo>=1,<2", "foo>=1,<=2"),
    ("{operator}{lower}.1", "foo>=1", "foo>=1.1"),
]


@pytest.mark.parametrize(("new", "before", "after"), COMPUTED, ids=str)
@pytest.mark.parametrize("on_mismatch", ["keep", "error"])
def test_a_computed_specifier(new: str | NewSpecifier, before: str, after: str, on_mismatch: str) -> None:
    """The second time there is nothing to do, and nothing to refuse."""
    rule = on_foo(set_specifier=new, on_mismatch=on_mismatch)
    found = apply(facts_of("one", before, "two"), rule)
    assert requires(found) == ["one", after, "two"]
    assert [(each.action, each.before, each.after) for each in found.changes] == [("set-specifier", before, after)]
    again = apply(facts_of("one", after, "two"), rule)
    assert (again.changes, again.notes, again.applied) == ((), (), ("r",))
    assert [(each.action, each.reason) for each in again.kept] == [("keep", "why")]


KEPT: list[tuple[dict[str, Any], str, str]] = [
    ({"set_specifier": RELAX}, "foo", "it has neither a pin nor a lower limit"),
    ({"set_specifier": RELAX}, "foo @ https://e.com/foo-1.0.whl", "it has a URL and no specifier"),
    ({"set_specifier": RELAX}, "foo >=1.0 <2.0", "it is malformed"),
    ({"set_specifier": RELAX}, "foo==1; python_version >= 3", "it is malformed"),
    ({"set_specifier": NewSpecifier(max="<3")}, "foo>=3 ; os_name=='nt'", "no version would be left of >=3,<3"),
    ({"set_specifier": ">={version}"}, "foo~=1.0", "it has no pin"),
    ({"set_specifier": ">={version}"}, "foo==1.0+cpu", "'foo>=1.0+cpu' is not a requirement"),
    ({"set_specifier": "~={version}"}, "foo==1", "'foo~=1' is not a requirement"),
    ({"set_specifier": ">={lower},<{upper}"}, "foo @ https://e.com/foo-1.0.whl", "it has a URL and no specifier"),
    ({"replace": "bar~={version}{marker}"}, "foo>=1", "it has no pin"),
    ({"replace": ("bar{specifier}", "baz=={version}")}, "foo (>=1)", "it has no pin"),
    ({"replace": "bar>={lower}"}, "foo >=1.0 <2.0", "it is malformed"),
]


@pytest.mark.parametrize(("action", "text", "reason"), KEPT, ids=str)
def test_what_a_computation_does_not_apply_to_is_kept_and_reported(action: dict[str, Any], text: str, reason: str) -> None:
    name = next(iter(action)).replace("_", "-")
    why = f"{name} does not apply, since {reason}"
    found = apply(facts_of("one", text), on_foo(**action))
    assert requires(found) == ["one", text]
    assert [(each.rule, each.action, each.after, each.reason) for each in found.kept] == [("r", "keep", text, why)]
    assert [note for note in found.notes if note == f"rule r: {text!r} is kept: {why}."] == [*found.notes]
    [explained] = explain(rule_set("mine", [on_foo(**action)]), facts_of(text))
    assert explained.held_back == why


@pytest.mark.parametrize(("action", "text", "reason"), KEPT, ids=str)
def test_or_the_wheel_is_refused(action: dict[str, Any], text: str, reason: str) -> None:
    with pytest.raises(EditError) as caught:
        apply(facts_of("one", text), on_foo(on_mismatch="error", **action))
    assert caught.value.code == "action-mismatch"
    assert caught.value.message.startswith(f"rule r: {text!r} cannot be changed: ")
    assert reason in caught.value.message


def test_of_many_requirements_that_are_kept_a_few_are_named() -> None:
    found = apply(facts_of(*(f"foo<{number}" for number in range(1, 100))), on_foo(set_specifier=RELAX))
    assert len(found.kept) == 99
    assert len(found.notes) == 6
    assert found.notes[-1] == "rule r: 94 more requirements are kept for such reasons (use -v to show all)."


def test_a_test_of_a_rule_file_can_expect_a_computed_specifier() -> None:
    case = Case("demo", requires=("foo==1", "foo<3"), expect=("foo>=1", "foo<3"))
    rules = [
        msgspec.structs.replace(on_foo(set_specifier=RELAX, on_mismatch=how), test=(case,)) for how in ("keep", "error")
    ]
    kept, refused = (try_cases(rule_set("t", [rule])) for rule in rules)
    assert [each.passed for each in kept] == [True]
    assert [each.passed for each in refused] == [False]
    assert "rule r: 'foo<3' cannot be changed" in refused[0].differences[0]


def test_a_whole_run_says_what_was_kept(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, WheelSpec(requires=("foo==1.0", "foo<3")))
    kept, refused = (
        wheelfix.fix_wheels([wheel], rule_set("t", [on_foo(set_specifier=RELAX, on_mismatch=how)]), output=tmp_path / how)
        for how in ("keep", "error")
    )
    [outcome] = kept.outcomes
    assert outcome.status is Status.FIXED
    assert [each.after for each in outcome.changes] == ["foo>=1.0"]
    assert any("'foo<3' is kept" in note for note in outcome.notes)
    assert not kept.rule_findings
    assert [(each.status, each.problem and each.problem.code) for each in refused.outcomes] == [
        (Status.REFUSED, "action-mismatch")
    ]


def test_the_table_of_the_docs_is_true() -> None:
    text = (REFERENCE / "how-rules-apply.md").read_text("utf-8")
    rows = re.findall(r"^\| `([{\"].*?)` \| `(.*?)` \| `(.*?)` \|$", text, re.MULTILINE)
    assert len(rows) >= 12
    for argument, before, after in rows:
        value = tomllib.loads(f"x = {argument}")["x"]
        new = NewSpecifier(**value) if isinstance(value, dict) else value
        rule = on_foo(Match(("*",)), set_specifier=new, on_mismatch="error")
        assert requires(apply(facts_of(before), rule)) == [after]


RUN_TOGETHER = "alembic (<2.0,>=1.2)cattrs (<2.0)"


def test_two_requirements_that_run_together_become_two_by_one_rule() -> None:
    """https://github.com/apache/airflow/issues/12789: a malformed line is read for the name that it begins with."""
    rule = on_foo(Match(("alembic",), specifier=("*cattrs*",)), replace=("alembic>=1.2,<2.0", "cattrs<2.0"))
    found = apply(facts_of("a", RUN_TOGETHER, "z"), rule)
    assert requires(found) == ["a", "alembic>=1.2,<2.0", "cattrs<2.0", "z"]
    assert [(each.action, each.before, each.after, each.rule) for each in found.changes] == [
        ("replace", RUN_TOGETHER, "alembic>=1.2,<2.0", "r"),
        ("replace", None, "cattrs<2.0", "r"),
    ]
    assert [each.continues for each in found.changes] == [False, True]
    again = apply(facts_of(*requires(found)), rule)
    assert (again.changes, again.applied) == ((), ())


SPLITS: list[tuple[tuple[str, ...], list[str], list[str]]] = [
    (("a{specifier}{marker}", "b{marker}"), ["x", "foo>=1; os_name == 'nt'", "y"],
     ["x", "a>=1; os_name == 'nt'", "b; os_name == 'nt'", "y"]),
    (("{name}{specifier}", "b", "c"), ["foo>=1", "c"], ["foo>=1", "b", "c"]),
    (("a", "b"), ["foo", "B"], ["a", "B"]),
    (("a", "b{marker}"), ["foo; os_name=='x'", "foo; os_name=='y'"],
     ["a", "b; os_name=='x'", "a", "b; os_name=='y'"]),
    (("a", "b"), ["foo>=1", "foo<2"], ["a", "b", "a"]),
    (("a", "b", "b", "B"), ["foo"], ["a", "b"]),
    (("foo-a", "foo-b"), ["foo-x", "z"], ["foo-a", "foo-b", "z"]),
    (("foo-a", "foo-b"), ["foo-b", "z"], ["foo-b", "foo-a", "z"]),
    (("foo-a", "foo-b"), ["foo-x", "foo-b"], ["foo-a", "foo-b"]),
    (("{name}>={version}", "b"), ["foo==1"], ["foo>=1", "b"]),
]  # fmt: skip


@pytest.mark.parametrize(("templates", "before", "after"), SPLITS, ids=str)
def test_one_requirement_becomes_several_in_its_place(
    templates: tuple[str, ...], before: list[str], after: list[str]
) -> None:
    rule = on_foo(Match(("foo*",), extra=("any",)), replace=templates)
    found = apply(facts_of(*before), rule)
    assert requires(found) == after
    assert apply(facts_of(*after), rule).changes == ()


def test_a_requirement_that_stays_and_gets_others_beside_it_is_kept() -> None:
    found = apply(facts_of("foo >= 1", "z"), on_foo(replace=("{name} {specifier}", "b")))
    assert requires(found) == ["foo >= 1", "b", "z"]
    assert [(each.action, each.before, each.after) for each in found.changes] == [("add-field", None, "b")]
    assert [each.before for each in found.kept] == ["foo >= 1"]


def test_a_folded_requirement_that_stays_keeps_its_bytes() -> None:
    folded = b"Requires-Dist:  foo  (>=1) ;\r\n\t os_name=='nt'\r\n"
    data = b"Metadata-Version: 2.1\r\nName: demo\r\nVersion: 1.0\r\n" + folded + b"Requires-Dist: z\r\n"
    facts = make_facts(Document.parse(data), WheelFilename.parse("demo-1.0-py3-none-any.whl"), lambda: "")
    for same in ("foo  (>=1) ; os_name=='nt'", "Foo>=1; os_name == 'nt'"):
        found = apply(facts, on_foo(replace=(same, "b")))
        assert found.document.data == data.replace(folded, folded + b"Requires-Dist: b\r\n")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_new_lines_end_as_the_old_one_did(ending: str, last: bool) -> None:
    head = ending.join(["Metadata-Version: 2.1", "Name: demo", "Version: 1.0", "requires-dist:  foo ;", "   os_name=='nt'"])
    rest = "" if last else f"{ending}Summary: s{ending}{ending}body\n"
    facts = make_facts(Document.parse((head + rest).encode()), WheelFilename.parse("demo-1.0-py3-none-any.whl"), lambda: "")
    found = apply(facts, on_foo(replace=("a{marker}", "b"))).document.data.decode()
    start = head.partition("requires-dist")[0]
    assert found == f"{start}requires-dist: a; os_name=='nt'{ending}requires-dist: b{rest}"


def test_an_invalid_line_of_several_is_refused() -> None:
    with pytest.raises(EditError, match="which is not a requirement"):
        apply(facts_of("foo[y]"), on_foo(replace=("a", "{name}[x]{extras}")))


EXTRAS: list[tuple[str, tuple[str, ...], str, str]] = [
    ("", ("bar; extra == 'x'",), "", "x"),
    ("Provides-Extra: y\n", ("bar; extra == 'Big_X' and os_name == 'nt'",), "y", "big-x"),
    ("Provides-Extra: Big.X\n", ("bar; extra == 'big-x'",), "Big.X", ""),
    ("", ("bar; extra == 'x'", "baz; extra == 'x' or extra == 'y'"), "", "x y"),
    ("", ("bar; extra != 'x'",), "", ""),
    ("", ("bar; os_name == 'extra'",), "", ""),
]


@pytest.mark.parametrize(("fields", "added", "there", "declared"), EXTRAS, ids=str)
def test_an_added_requirement_declares_its_extra(fields: str, added: tuple[str, ...], there: str, declared: str) -> None:
    """https://github.com/astral-sh/uv/issues/15876: a requirement of an extra that is not declared is never installed."""
    found = apply(facts_of("foo", fields=fields), adding(*added))
    assert requires(found) == ["foo", *added]
    assert [each.value for each in found.document.all("Provides-Extra")] == [*there.split(), *declared.split()]
    assert not found.notes
    assert {(each.rule, each.reason) for each in found.changes} == {("a", "why")}
    fields = "".join(f"Provides-Extra: {each}\n" for each in [*there.split(), *declared.split()])
    again = apply(facts_of(*requires(found), fields=fields), adding(*added))
    assert again.changes == ()


def test_a_requirement_that_is_there_gets_its_extra_declared() -> None:
    found = apply(facts_of("bar;extra=='x'"), adding("bar; extra == 'x'"))
    assert [(each.field, each.after) for each in found.changes] == [("Provides-Extra", "x")]


def test_an_extra_needs_a_metadata_version_that_has_extras() -> None:
    """Before 2.1 there is no Provides-Extra; a wheel that has one all the same, as many of 2.0 do, may get another."""
    with pytest.raises(EditError, match=r"rule a: Provides-Extra requires Metadata-Version 2\.1 \(found 1\.2\)") as caught:
        apply(facts_of(metadata_version="1.2"), adding("bar; extra == 'x'"))
    assert caught.value.code == "field-too-new"
    found = apply(facts_of(metadata_version="2.0", fields="Provides-Extra: y\n"), adding("bar; extra == 'x'"))
    assert [each.value for each in found.document.all("Provides-Extra")] == ["y", "x"]
    assert apply(facts_of(metadata_version="1.2"), adding("bar")).changes


def test_of_a_long_requirement_a_message_prints_the_beginning() -> None:
    """Pitfall 42: whatever a hostile wheel makes long is limited where it is printed."""
    long = "foo" + ",".join(f"=={number}" for number in range(2_000))
    facts = facts_of(long)
    notes = apply(facts, on_foo(set_specifier=NewSpecifier(drop="upper"))).notes
    assert notes
    assert all("foo==0,==1" in note and len(note) < 1_000 for note in notes)
    with pytest.raises(EditError) as caught:
        apply(facts, on_foo(set_specifier=NewSpecifier(drop="upper"), on_mismatch="error"))
    assert len(str(caught.value)) < 1_000
