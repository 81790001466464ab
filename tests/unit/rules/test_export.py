"""What rules are for uv and PDM: exactly that, or the difference is named, or nothing."""

import tomllib
from typing import Any

import msgspec
import pytest

from wheelfix.reports.export import render_export, render_export_notes
from wheelfix.rules import export as export_module
from wheelfix.rules.actions import ON_WHEELS
from wheelfix.rules.export import export_rules
from wheelfix.rules.load import rule_set
from wheelfix.rules.model import Action, FieldName, FieldValue, Match, Rule, When
from wheelfix.rules.overrides import Client, Export, Form, Override, Scope, Source
from wheelfix.rules.read import read_struct

APP = When(project=("app",))
ALL = Scope()
OF_APP = Scope("app")
OF_ONE = Scope("app", "1.0+cpu")
ONE = When(project=("app",), version=("==1.0+cpu",))


def rule(id: str, action: object = "drop", match: Match | None = None, when: When = When()) -> Rule:  # noqa: A002, B008
    return Rule(id=id, reason=f"because of {id}", action=action, match=match, when=when)  # type: ignore[arg-type]


def any_of(*names: str) -> Match:
    return Match(name=names, extra=("any",))


def exported(*rules: Rule, client: Client = Client.UV) -> Export:
    return export_rules(rule_set("t", rules), client)


def said(export: Export) -> list[tuple[Form, Scope, str]]:
    return [(each.form, each.scope, each.dependency) for each in export.overrides]


def differs(export: Export) -> list[str]:
    return [note for each in export.overrides for source in each.sources for note in source.differs]


def test_what_uv_says_exactly_has_no_difference() -> None:
    for when, scope in ((APP, OF_APP), (ONE, OF_ONE)):
        export = exported(rule("a", match=any_of("gpu", "cuda"), when=when))
        assert said(export) == [(Form.EXCLUDE, scope, "gpu"), (Form.EXCLUDE, scope, "cuda")]
        assert (differs(export), export.left_out) == ([], ())


@pytest.mark.parametrize(
    ("client", "when", "match", "note"),
    [
        (Client.UV, APP, Match(name=("gpu",)), "also where only an extra requires it"),
        (Client.UV, When(), any_of("gpu"), "also what your own project requires"),
        (Client.UV, When(project=("app",), version=(">=1,<2",)), any_of("gpu"), "all versions of app, not only >=1,<2"),
        (Client.UV, When(project=("app",), version=("==1.0",)), any_of("gpu"), "not local versions such as 1.0+cpu"),
        (Client.UV, When(project=("app",), version=("==1.*",)), any_of("gpu"), "all versions of app, not only ==1.*"),
        (Client.PDM, APP, any_of("gpu"), "the requirements of every package, not only of app"),
        (
            Client.PDM,
            When(project=("app",), version=("<2",)),
            any_of("gpu"),
            "the requirements of every package, not only of app or versions <2",
        ),
        (Client.PDM, When(), any_of("gpu"), "not where it is required with extras, as in name[extra]"),
    ],
)
def test_where_a_client_does_more_or_less_it_is_said(client: Client, when: When, match: Match, note: str) -> None:
    export = exported(rule("a", match=match, when=when), client=client)
    assert [each.form for each in export.overrides] == [Form.EXCLUDE]
    assert note in differs(export)
    assert f"#   differs: {note}" in render_export(export)
    assert note in render_export_notes(export)


@pytest.mark.parametrize("client", Client)
@pytest.mark.parametrize(
    "when",
    [
        When(platform=("*aarch64*",)),
        When(not_project=("app",)),
        When(project=("app*",)),
        When(local=("cpu",)),
        When(requires=("numpy",)),  # type: ignore[arg-type]
        When(sha256=("0" * 64,)),
        When(python=("cp311",)),
        When(not_version=("<1",)),
    ],
)
def test_a_condition_without_words_is_left_out(client: Client, when: When) -> None:
    export = exported(rule("a", match=any_of("gpu"), when=when), client=client)
    assert export.overrides == ()
    assert [each.subject for each in export.left_out] == ["rule a"]
    assert "# not exported: rule a: " in render_export(export)
    assert "warning: not exported: rule a: " in render_export_notes(export)


@pytest.mark.parametrize("client", Client)
@pytest.mark.parametrize(
    "match",
    [
        Match(name=("gpu",), specifier=("==*",)),
        Match(name=("gpu",), marker=("never-true",)),
        Match(name=("gpu",), url=("*",)),
        Match(specifier=("==*",)),
        Match(name=("nvidia-*",)),
    ],
)
def test_a_match_without_words_is_left_out(client: Client, match: Match) -> None:
    export = exported(rule("a", match=match), client=client)
    assert export.overrides == ()
    assert len(export.left_out) == 1


def test_names_beside_patterns_are_said() -> None:
    export = exported(rule("a", match=any_of("triton", "nvidia-*", "cuda-?"), when=APP))
    assert said(export) == [(Form.EXCLUDE, OF_APP, "triton")]
    assert [each.message for each in export.left_out] == ["uv takes names, and no patterns such as nvidia-*, cuda-?"]


ON_REQUIREMENTS = {
    "set-specifier": (Action(set_specifier=">=2"), ["lib>=2"]),
    "no specifier": (Action(set_specifier=""), ["lib"]),
    "replace": (Action(replace="{name}>=2"), ["lib>=2"]),
    "replace by another": (Action(replace="new>=2"), ["lib", "new>=2"]),
    "rename": (Action(rename="new"), None),
    "parts": (Action(replace="new{specifier}"), None),
    "set-marker": (Action(set_marker="os_name == 'nt'"), None),
    "and-marker": (Action(and_marker="os_name == 'nt'"), None),
}


@pytest.mark.parametrize("name", ON_REQUIREMENTS)
def test_actions_on_requirements_for_uv(name: str) -> None:
    action, wanted = ON_REQUIREMENTS[name]
    export = exported(rule("a", action, Match(name=("lib",)), APP))
    assert [each.dependency for each in export.overrides] == (wanted or [])
    assert bool(export.left_out) is (wanted is None)


@pytest.mark.parametrize("name", ON_REQUIREMENTS)
def test_actions_on_requirements_for_pdm(name: str) -> None:
    action, wanted = ON_REQUIREMENTS[name]
    export = exported(rule("a", action, Match(name=("lib",))), client=Client.PDM)
    expected = wanted if wanted and len(wanted) == 1 else []
    assert [each.dependency for each in export.overrides] == expected
    assert bool(export.left_out) is (not expected)
    table = tomllib.loads(render_export(export)).get("tool", {}).get("pdm", {}).get("resolution", {})
    assert table.get("overrides", {}) == {text[:3]: text[3:] for text in expected}


@pytest.mark.parametrize(
    "action",
    [
        Action(drop_extra="cuda"),
        Action(set_field=FieldValue("Requires-Python", ">=3.10")),
        Action(set_field=FieldValue("Summary", "new")),
        Action(remove_field=FieldName("License-File")),
        Action(set_local="cpu"),
        Action(set_build_tag="1"),
        Action(set_tag="py3-none-any"),
    ],
)
@pytest.mark.parametrize("client", Client)
def test_actions_on_a_whole_wheel_are_left_out(client: Client, action: Action) -> None:
    export = exported(rule("a", action), client=client)
    assert export.overrides == ()
    assert len(export.left_out) == 1


def test_add_is_for_a_named_project() -> None:
    assert said(exported(rule("a", Action(add="new>=1"), when=APP))) == [(Form.OVERRIDE, OF_APP, "new>=1")]
    for client, when in ((Client.UV, When()), (Client.PDM, APP)):
        export = exported(rule("a", Action(add="new>=1"), when=when), client=client)
        assert (export.overrides, len(export.left_out)) == ((), 1)
    for text in ("new; extra == 'x'", "new @ https://example.org/new-1-py3-none-any.whl"):
        assert exported(rule("a", Action(add=text), when=APP)).overrides == ()


def test_the_first_rule_decides() -> None:
    first, second = (
        rule("first", match=any_of("gpu"), when=APP),
        rule("second", Action(set_specifier=">=2"), any_of("gpu"), APP),
    )
    assert said(exported(first, second)) == [(Form.EXCLUDE, OF_APP, "gpu")]
    assert said(exported(second, first)) == [(Form.OVERRIDE, OF_APP, "gpu>=2")]
    keep = rule("keep", "keep", Match(name=("gpu",)))
    assert exported(keep, first) == Export(Client.UV), "a rule that never decides is nothing to say"


def test_an_exception_without_words_is_left_out() -> None:
    keep, everywhere = rule("keep", "keep", Match(name=("gpu",)), APP), rule("all", match=any_of("gpu"))
    export = exported(keep, everywhere)
    assert export.overrides == ()
    assert "rule keep decides on gpu first" in export.left_out[0].message
    relaxed = rule("relaxed", Action(set_specifier=">=2"), any_of("gpu"), APP)
    assert said(exported(relaxed, everywhere)) == [(Form.OVERRIDE, OF_APP, "gpu>=2")], "an exclusion would win over it"
    others = rule("others", Action(set_specifier=">=1"), any_of("gpu"))
    assert said(exported(relaxed, others)) == [(Form.OVERRIDE, OF_APP, "gpu>=2"), (Form.OVERRIDE, ALL, "gpu>=1")]
    mine = rule("mine", match=any_of("gpu"), when=APP)
    assert said(exported(mine, others)) == [(Form.EXCLUDE, OF_APP, "gpu"), (Form.OVERRIDE, ALL, "gpu>=1")]


def test_rules_for_extras() -> None:
    dev = rule("dev", match=Match(name=("lib",), extra=("dev",)), when=APP)
    assert "also where it is required without the extra dev" in differs(exported(dev))
    plain = rule("plain", Action(set_specifier=">=2"), Match(name=("lib",)), APP)
    export = exported(plain, dev)
    assert said(export) == [(Form.OVERRIDE, OF_APP, "lib>=2")]
    assert [each.subject for each in export.left_out] == ["rule dev"], "it decides on what the first is not for"
    everything = rule("all", Action(set_specifier=">=2"), any_of("lib"), APP)
    assert exported(everything, dev).left_out == ()


def test_many_rules_are_compared_by_name_and_package(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def counting(decision: Any, scope: Scope) -> bool:
        nonlocal calls
        calls += 1
        return may_meet(decision, scope)

    may_meet = export_module._may_meet
    monkeypatch.setattr(export_module, "_may_meet", counting)
    rules = [
        rule(f"r{number}", match=any_of("triton", f"n{number}"), when=When(project=(f"p{number}",))) for number in range(500)
    ]
    assert len(exported(*rules).overrides) == 1000
    assert calls <= 1000


def test_an_earlier_rule_without_words_is_named() -> None:
    keep = rule("keep", "keep", Match(name=("gpu*",)), When(platform=("*x86_64*",)))
    assert "also where rule keep decides first" in differs(exported(keep, rule("a", match=any_of("gpu"), when=APP)))
    other = rule("other", "keep", Match(name=("gpu",)), When(project=("b*",)))
    assert differs(exported(other, rule("a", match=any_of("gpu"), when=APP))) == []


def test_versions_that_uv_cannot_tell_apart() -> None:
    old = rule("old", Action(set_specifier="<2"), any_of("lib"), When(project=("app",), version=("<2",)))
    new = rule("new", Action(set_specifier="<3"), any_of("lib"), When(project=("app",), version=(">=2",)))
    export = exported(old, new)
    assert said(export) == [(Form.OVERRIDE, OF_APP, "lib<2")]
    assert [each.subject for each in export.left_out] == ["rule new"]


def test_one_version_repeats_what_is_for_all() -> None:
    """Of a package uv uses the overrides of its version or those for all versions, never both."""
    export = exported(rule("all", match=any_of("gpu"), when=APP), rule("one", match=any_of("old"), when=ONE))
    assert said(export) == [
        (Form.EXCLUDE, OF_APP, "gpu"),
        (Form.EXCLUDE, OF_ONE, "old"),
        (Form.EXCLUDE, OF_ONE, "gpu"),
    ]


def test_what_is_added_is_not_excluded_by_another_rule() -> None:
    export = exported(rule("gone", match=any_of("new"), when=APP), rule("added", Action(add="new"), when=APP))
    assert said(export) == [(Form.EXCLUDE, OF_APP, "new")]
    assert "rule gone excludes new" in export.left_out[0].message
    twice = exported(
        rule("set", Action(set_specifier=">=2"), any_of("new"), APP), rule("added", Action(add="new"), when=APP)
    )
    assert said(twice) == [(Form.OVERRIDE, OF_APP, "new>=2")]


def test_two_projects_are_one_override_for_pdm() -> None:
    rules = [rule(each, match=any_of("gpu"), when=When(project=(each,))) for each in ("one", "two")]
    export = exported(*rules, client=Client.PDM)
    assert said(export) == [(Form.EXCLUDE, ALL, "gpu")]
    assert [source.rule for source in export.overrides[0].sources] == ["one", "two"]
    other = rule("three", Action(set_specifier=">=2"), any_of("gpu"), When(project=("three",)))
    assert [each.subject for each in exported(*rules, other, client=Client.PDM).left_out] == ["rule three"]


def examples() -> dict[str, list[Any]]:
    """Return the examples of each action, as the reference has them."""
    fields = msgspec.json.schema(Action)["$defs"]["Action"]["properties"]
    return {
        name: [read_struct(Action, {name: each}, "", print) for each in field["examples"]] for name, field in fields.items()
    }


@pytest.mark.parametrize("name", examples())
@pytest.mark.parametrize("client", Client)
def test_every_action_is_said_or_left_out(client: Client, name: str) -> None:
    for action in examples()[name]:
        match = None if name in ON_WHEELS else any_of("lib")
        export = exported(rule("a", action, match, APP), client=client)
        assert bool(export.overrides) is not bool(export.left_out)
        assert all("\n" not in each.message and each.message for each in export.left_out)
        tomllib.loads(render_export(export))


HOSTILE = ('a"b', "a\\", "a\x7f", "\U0001fae8", "# x", "ü")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("client", Client)
def test_what_is_printed_is_toml_whatever_the_rules_say(text: str, client: Client) -> None:
    source = Source(f"id {text}", f"reason {text}\nx = 1", None, (f"note {text}",))
    requirement = "lib @ https://example.org/" + text.replace(" ", "")
    overrides = (Override(Form.OVERRIDE, ALL, requirement, (source,)), Override(Form.EXCLUDE, ALL, "gpu", (source,)))
    table = tomllib.loads(render_export(Export(client, overrides)))["tool"]
    if client is Client.UV:
        assert table == {"uv": {"override-dependencies": [requirement], "exclude-dependencies": ["gpu"]}}
    else:
        url = requirement.partition(" @ ")[2]
        assert table == {"pdm": {"resolution": {"excludes": ["gpu"], "overrides": {"lib": url}}}}
