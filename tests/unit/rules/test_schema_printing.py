"""Rules as TOML: what is printed loads as the same rules."""

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from wheelfix.rules.load import built_in, load_rules, rule_set
from wheelfix.rules.model import (
    Action,
    Case,
    CaseWheel,
    CopyFrom,
    EntryPointMatch,
    EntryPointValue,
    FieldName,
    FieldValue,
    Match,
    NewSpecifier,
    PostRelease,
    Rule,
    RuleSet,
    When,
)
from wheelfix.rules.schema import print_rule, print_rules


def loaded(text: str) -> RuleSet:
    """Return the rules of a file that holds ``text``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "printed.toml"
        path.write_text(text, "utf-8")
        return load_rules(path)


def some(*values: Any) -> st.SearchStrategy[tuple[Any, ...] | None]:
    """Draw nothing, or one or more of ``values``."""
    return st.one_of(st.none(), st.lists(st.sampled_from(values), min_size=1, max_size=3).map(tuple))


lines = st.one_of(
    st.sampled_from(
        ["why", 'it\'s "so"', "back\\slash", "caf\xe9 \u2014 \U0001f40d", "'''", '"""', "#no comment", "a = [1]"]
    ),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(
        lambda text: text.isprintable() and text == text.strip()
    ),
)
names = some("triton", "nvidia-*-cu[1-9][0-9]", "*", "[!a]?")
matches = st.builds(
    Match,
    name=names,
    extra=some("none", "any", "cuda12"),
    marker=some("never-true", "os_name == 'nt'", 'sys_platform=="linux"'),
    specifier=some("", "==*", ">=1,<2", "~=1.4"),
    url=some("*", "git+ssh://*"),
).filter(lambda match: match != Match())
wanted = st.one_of(st.none(), st.lists(matches, min_size=1, max_size=2).map(tuple))
CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "project": names,
    "version": some(">=2.1,<2.11", "==2.7.0+cpu", "!=1.*"),
    "local": some("", "cpu", "cu*"),
    "filename": some("torch-2.7.0-*"),
    "platform": some("*aarch64*", "any"),
    "python": some("cp31[1-9]", "py3"),
    "abi": some("none", "abi3"),
    "requires": wanted,
    "lacks": wanted,
    "metadata_version": some("<2.2", ">=2"),
    "sha256": some("ab" * 32, "CD" * 32),
}
whens = st.builds(When, **{form + key: each for key, each in CONDITIONS.items() for form in ("", "not_")})
ON_REQUIREMENTS: list[str | Action] = [
    "drop", "keep", Action(replace="{name}-cpu{extras}{specifier}{marker}"), Action(rename="faiss_cpu"),
    Action(set_specifier=">=1,<2"), Action(set_specifier=""), Action(set_marker="os_name == 'nt' or extra == \"x\""),
    Action(set_marker=""), Action(and_marker="os_name == 'nt'"), Action(replace=("{name}{marker}", "b", "c>=1")),
]  # fmt: skip
COMPUTING = [
    Action(set_specifier=NewSpecifier(relax="lower")), Action(set_specifier=NewSpecifier(drop="upper")),
    Action(set_specifier=NewSpecifier(drop="all")), Action(set_specifier=NewSpecifier(local="cpu")),
    Action(set_specifier=NewSpecifier(local="")), Action(set_specifier=NewSpecifier(max="<3")),
    Action(set_specifier=NewSpecifier(min=">=1.2")), Action(set_specifier=NewSpecifier(exclude="!=1.4.5,!=1.5.*")),
    Action(set_specifier=">={lower},<{upper}"), Action(replace="{name}{extras}~={version}{marker}"),
    Action(replace=("{name}{operator}{lower}", "b")),
]  # fmt: skip
"""The actions that may not apply to a requirement."""
ON_WHEELS = [
    Action(add="numpy[x]>=1; os_name == 'nt'"), Action(add=("a", "b; extra == 'x'")), Action(drop_extra="CUDA"),
    Action(set_field=FieldValue("Requires-Python", ">=3.10")), Action(set_field=FieldValue("Classifier", ("A :: B", "C"))),
    Action(set_field=FieldValue("Classifier", ("Private :: Do Not Upload",))), Action(set_field=FieldValue("Classifier",
    ())),
    Action(add_field=FieldValue("Classifier", "A :: B")), Action(add_field=FieldValue("Classifier", ("A", "B"))),
    Action(add_field=FieldValue("Project-URL", ("Home, https://e.com",))), Action(remove_field=FieldName("Keywords")),
    Action(remove_field=FieldName("X-Own", "a value")),
    Action(set_local="cpu"), Action(set_local=""), Action(set_build_tag="1nogpu"), Action(set_name="Acme.Torch"),
    Action(set_version="2.7.0+cpu"), Action(set_version=PostRelease("+1")),
    Action(set_tag="py3-none-any"), Action(set_tag=("py2.py3-none-any", "cp311-abi3-win32")), Action(add_tag="py2-none-any"),
    Action(add_tag=("cp311-cp311-linux_x86_64",)), Action(remove_tag="py2-*"), Action(remove_tag=("py2-*", "*-win[3]2")),
    Action(set_root_is_purelib=True), Action(set_root_is_purelib=False), Action(remove_file="tests/"),
    Action(remove_file=("*.pyc", "a/[bc]/**/*.md")), Action(add_entry_point=EntryPointValue("gui_scripts", "a", "b.c:d")),
    Action(remove_entry_point=EntryPointMatch(name="a*")), Action(remove_entry_point=EntryPointMatch(group=("a", "b"))),
    Action(remove_entry_point=EntryPointMatch(missing_module=True)),
    Action(copy_from=CopyFrom(platform=("*manylinux*x86_64*",), fields=("Requires-Dist",))),
    Action(copy_from=CopyFrom(python=("cp31[0-9]",), abi=("cp*", "abi3"), filename=("*",), merge=True)),
]  # fmt: skip
requirements = st.lists(st.sampled_from(["numpy>=1", "a [b] ( <2); os_name=='nt'", "x >=1.0 <2.0"]), max_size=2).map(tuple)
fields = st.dictionaries(
    st.sampled_from(["Requires-Python", "Classifier", "Summary"]),
    st.sampled_from([">=3.9", "", (), ("one",), ("one", "two")]),
    max_size=2,
)
cases = st.builds(
    Case,
    project=st.sampled_from(["torch", "Py.Torch"]),
    requires=requirements,
    expect=st.one_of(st.none(), requirements),
    version=st.sampled_from(["1.0", "2.7.0+cpu"]),
    python=st.sampled_from(["py3", "cp310.cp311"]),
    abi=st.sampled_from(["none", "cp311"]),
    platform=st.sampled_from(["any", "manylinux_2_28_aarch64"]),
    sha256=st.sampled_from(["0" * 64, "ab" * 32]),
    expect_filename=st.sampled_from([None, "torch-2.7.0+cpu-py3-none-any.whl"]),
    metadata_version=st.sampled_from(["2.1", "2.4", ""]),
    fields=fields,
    expect_fields=fields,
    release=st.lists(st.builds(CaseWheel, requires=requirements, platform=st.just("win32"), fields=fields), max_size=2).map(
        tuple
    ),
)
common: dict[str, st.SearchStrategy[Any]] = {
    "id": lines,
    "reason": lines,
    "when": st.one_of(st.just(When()), whens),
    "url": st.sampled_from([None, "https://e.com/?a='b'#c"]),
    "until": st.one_of(st.none(), st.dates(date(1980, 1, 1))),
    "until_version": st.sampled_from([None, "2.9", "3.0rc1"]),
    "test": st.lists(cases, max_size=2).map(tuple),
}
rules = st.one_of(
    st.builds(Rule, match=matches, action=st.sampled_from(ON_REQUIREMENTS), **common),
    st.builds(
        Rule,
        match=matches,
        action=st.sampled_from(COMPUTING),
        on_mismatch=st.sampled_from(["keep", "error"]),
        **common,
    ),
    st.builds(Rule, action=st.sampled_from(ON_WHEELS), **common),
)
sets = st.lists(rules, max_size=4, unique_by=lambda rule: rule.id).map(lambda several: rule_set("mine", several))


@given(sets)
def test_what_is_printed_loads_as_the_same_rules(given_set: RuleSet) -> None:
    """Every key and every action; tests too, and with them the digest."""
    text = print_rules(given_set)
    found = loaded(text)
    assert found.rules == given_set.rules
    assert found.digest == given_set.digest
    assert print_rules(found) == text


def test_every_key_and_action_is_among_those_that_are_generated() -> None:
    drawn = {name for form in ("", "not_") for name in (form + key for key in CONDITIONS)}
    assert drawn == set(When.__struct_fields__)
    assert {*common, "match", "action", "on_mismatch"} == set(Rule.__struct_fields__)
    actions = {
        name for each in (*ON_REQUIREMENTS, *ON_WHEELS) if isinstance(each, Action) for name in msgspec.to_builtins(each)
    }
    assert actions == {field.encode_name for field in msgspec.structs.fields(Action)}


def test_every_way_to_compute_a_specifier_is_among_those_that_are_generated() -> None:
    tables = [each.set_specifier for each in COMPUTING if isinstance(each.set_specifier, NewSpecifier)]
    assert {key for each in tables for key, _ in each.given} == set(NewSpecifier.__struct_fields__)


def test_a_list_of_one_requirement_is_that_requirement() -> None:
    assert Action(add=("a",)) == Action(add="a")
    assert Action(replace=["b"]) == Action(replace="b")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [("One",), ("One", "Two"), ()], ids=str)
def test_a_list_of_one_value_stays_a_list_where_that_matters(value: tuple[str, ...]) -> None:
    action = Action(set_field=FieldValue("Classifier", value))
    case = Case("x", fields={"Classifier": value}, expect_fields={"Classifier": value})
    given_set = rule_set("mine", [Rule(id="r", reason="why", action=action, test=(case,))])
    assert loaded(print_rules(given_set)).rules == given_set.rules


def test_the_same_rules_have_the_same_digest_however_they_are_written() -> None:
    """An empty ``when`` says as much as none."""
    plain = Rule(id="r", reason="why", match=Match(("x",)), action="drop")
    assert rule_set("a", [plain]).digest == rule_set("b", [msgspec.structs.replace(plain, when=When())]).digest


def test_a_built_in_set_becomes_one_flat_file_in_the_same_order() -> None:
    own = Rule(id="own", reason="why", match=Match(("x",)), action="drop")
    given_set = rule_set("mine", [own], extends=["gpu"])
    text = print_rules(given_set)
    assert text.startswith('schema = 1\n\n[[rule]]\nid = "own"\nreason = "why"\naction = "drop"\n')
    assert "extends" not in text
    assert loaded(text).rules == (own, *built_in("gpu").rules)


def test_a_single_value_is_written_without_a_list() -> None:
    given_set = rule_set(
        "mine", [Rule(id="r", reason="why", match=Match(("x",)), action="drop", when=When(project=("a", "b")))]
    )
    text = print_rules(given_set)
    assert 'name = "x"' in text
    assert '"a",' in text


def test_no_rules_are_a_file_too() -> None:
    assert loaded(print_rules(rule_set("mine", []))).rules == ()


@pytest.mark.parametrize("reason", ["beyond \U0001f600 the basic plane", 'quoted "so"', "a\\b", "ünï"])
def test_one_rule_to_paste_is_toml_whatever_its_words(reason: str) -> None:
    """JSON writes what is beyond U+FFFF as two surrogates, which TOML does not know."""
    rule = Rule(id="one", reason=reason, match=Match(name=("gpu",)), action="drop")
    assert loaded(f"schema = 1\n{print_rule(rule)}").rules == (rule,)
