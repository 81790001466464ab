"""Rule files and METADATA that were made to break wheelfix: an error or an outcome each, in bounded time."""

from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from ruling import apply, facts_of, requirement, requires
from wheelfix.errors import EditError, RulesError
from wheelfix.fix.batch import fix_wheels
from wheelfix.options import Output
from wheelfix.results import Outcome, Status
from wheelfix.rules.explain import explain
from wheelfix.rules.lint import lint_run
from wheelfix.rules.load import load_rules, rule_set
from wheelfix.rules.model import Action, Case, FieldValue, Match, Rule, When

DIGITS = "1" * 5000
HEAD = 'schema = 1\n[[rule]]\nid = "r"\nreason = "why"\nmatch = "foo"\n'
FILES = [
    f"schema = {DIGITS}\n",
    f"schema = 0x{'f' * 5000}\n",
    'schema = 1\nextends = "a\\u0000.toml"\n',
    'schema = 1\nextends = 5\nrule = 7\n',
    "tool = 3\n",
    f'{HEAD}action = {{ set-marker = "{"(" * 3000}os_name == \'a\'{")" * 3000}" }}\n',
    f'{HEAD}action = {{ add = "a; {"(" * 3000}os_name == \'a\'{")" * 3000}" }}\n',
    f'{HEAD}action = "drop"\nuntil-version = "{DIGITS}"\n',
    f'{HEAD}action = "drop"\nwhen = {{ version = ">=1 {DIGITS}" }}\n',
    f'{HEAD}action = "drop"\n[[rule.test]]\nproject = "x"\nfields = []\n',
    f'{HEAD}action = "drop"\n[[rule.test]]\nproject = "x"\nexpect-fields = ["a"]\nversion = " "\n',
    f'schema = 1\n[[rule]]\nid = [{{ {"a." * 400}a = 1 }}]\n',
    'schema = 1\n[[rule]]\nid = "r"\nreason = "why"\nmatch = "a?' + "a?" * 600 + '"\naction = "drop"\n',
    'schema = 1\nextends = "https://example.com/rules.toml"\n',
    "\ufeffschema = 1\n",
    f'schema = 1\nextends = "{"a" * 5000}"\n',
    f'schema = 1\nextends = ["{"a" * 5000}/", "{"a/" * 3000}", "{"a" * 5000}.toml"]\n',
]  # fmt: skip


@pytest.mark.parametrize("text", FILES, ids=range(len(FILES)))
def test_a_hostile_file_is_an_error_and_no_traceback(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(RulesError) as caught:
        load_rules(path)
    assert caught.value.findings


def test_invalid_paths_are_errors(tmp_path: Path) -> None:
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    for source in (loop, "a\0.toml", tmp_path / "none.toml"):
        with pytest.raises(RulesError):
            load_rules(source)


def test_a_chain_of_files_ends_somewhere(tmp_path: Path) -> None:
    for number in range(1200):
        (tmp_path / f"{number}.toml").write_text(f'schema = 1\nextends = "{number + 1}.toml"\n')
    with pytest.raises(RulesError, match="nested more than 50 files deep"):
        load_rules(tmp_path / "0.toml")


WRONG: list[Rule] = [
    Rule(id="a", reason="r", match=Match(("x",)), action="drp"),  # type: ignore[arg-type]
    Rule(id="a", reason="r", match=Match(("x",)), action=Action(rename="b", set_specifier=">=1")),
    Rule(id="a", reason="r", match=Match(("x",)), action=Action()),
    Rule(id="a", reason="r", match=3, action="drop"),  # type: ignore[arg-type]
    Rule(id="a", reason="r", action=Action(set_field=FieldValue("Provides-Extra", ()))),
    Rule(id="a", reason="r", action=Action(set_field=FieldValue("Requires-Python", ""))),
    Rule(id="a", reason="r", action=Action(set_field=FieldValue("License-Expression", "no licence !!"))),
    Rule(id="a", reason="r", action=Action(add_field=FieldValue("Provides-Extra", "!! $$"))),
    Rule(id="a", reason="r", action=Action(add_field=FieldValue("Classifier", ()))),
    *(
        Rule(id="a", reason="r", match=Match(("x",)), action=Action(set_specifier=text))
        for text in (">=1\n", ">=1 ", ",", ">=1,")
    ),
    Rule(id="a", reason="r", match=Match(("x",)), action=Action(set_marker=" os_name == 'nt'")),
    Rule(id="a", reason="r", action=Action(add="a>=1,")),
    "no rule",  # type: ignore[list-item]
]


@pytest.mark.parametrize("rule", WRONG, ids=range(len(WRONG)))
def test_rules_in_python_are_checked_as_those_of_files_are(rule: Rule) -> None:
    with pytest.raises(RulesError) as caught:
        rule_set("mine", [rule])
    assert caught.value.findings


def test_rules_in_python_may_be_as_short_as_in_files() -> None:
    short = Rule(id="a", reason="r", match="x", action={"rename": "y"})  # type: ignore[arg-type]
    assert rule_set("mine", [short]).rules == (Rule(id="a", reason="r", match=Match(("x",)), action=Action(rename="y")),)
    tested = Rule(id="a", reason="r", match=Match(("x",)), action="drop", test=(Case("p", fields={"Summary": "s"}),))
    assert rule_set("mine", [tested]).rules == (tested,)


LINES = [
    f"foo; extra != 'x' and python_version >= '{DIGITS}'",
    f"foo>={DIGITS}",
    f"foo; python_version in '{'3.8 ' * 4000}'",
    "foo; " + " or ".join(f"extra == 'a{number}'" for number in range(900)),
    "foo; " + " and ".join(f"python_version != '3.{number}'" for number in range(500)),
]


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_hostile_lines_stop_no_wheel(tmp_path: Path, line: str) -> None:
    """Fifty of each: time must not grow with the square of what a line holds."""
    path = write_wheel(tmp_path, WheelSpec(requires=(*([line] * 50), "numpy")))
    dead = Rule(id="d", reason="r", match=Match(("numpy", "foo"), marker=("never-true",)), action="drop")
    for rules in ("gpu", rule_set("mine", [dead])):
        [outcome] = fix_wheels([path], rules, output=Output(dry_run=True)).outcomes
        assert outcome.problem is None
        assert outcome.status is Status.UNCHANGED


def test_a_sum_is_computed_once_for_all_rules_and_requirements(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from wheelfix.fix import describe, draft
    from wheelfix.fix.describe import explain_wheel
    from wheelfix.wheel.zip.source import Readable, sha256_of

    calls: list[Readable] = []

    def counted(source: Readable) -> str:
        calls.append(source)
        return sha256_of(source)

    monkeypatch.setattr(draft, "sha256_of", counted)
    monkeypatch.setattr(describe, "sha256_of", counted)
    path = write_wheel(tmp_path, WheelSpec(requires=("a", "b", "c")))
    rules = [
        Rule(id=str(n), reason="r", match=Match(("a",)), when=When(sha256=("0" * 64,)), action="drop") for n in range(3)
    ]
    assert explain_wheel(path, rule_set("mine", rules)).problem is None
    assert len(calls) <= 2  # once for the plan, once for the explanation


def test_a_malformed_marker_is_not_made_to_look_valid() -> None:
    rule = Rule(id="r", reason="r", match=Match(("foo",)), action=Action(and_marker="python_version >= '3'"))
    facts = facts_of("foo; os_name == 'a') or (os_name == 'b'")
    with pytest.raises(EditError, match="rule r"):
        apply(facts, rule)


def test_an_extra_that_nobody_provides_is_noted() -> None:
    marked = Rule(id="r", reason="r", match=Match(("foo",)), action=Action(set_marker="extra == 'nosuch'"))
    assert any("'nosuch'" in note for note in apply(facts_of("foo"), marked).notes)
    drop = Rule(id="r", reason="r", action=Action(drop_extra="x"))
    left = apply(facts_of("a; extra in 'x y'", "b; extra == 'x'", fields="Provides-Extra: x\n"), drop)
    assert requires(left) == ["a; extra in 'x y'"]
    assert any("unusual" in note for note in left.notes)


def test_an_extra_that_is_not_there_is_a_unused_rule() -> None:
    """Pitfall 13: a rule that matches nothing says so, a rule for the wheel as a whole too."""
    rule = Rule(id="r", reason="r", action=Action(drop_extra="cly"))
    assert apply(facts_of("a", fields="Provides-Extra: cli\n"), rule).applied == ()
    assert apply(facts_of("a", fields="Provides-Extra: cly\n"), rule).applied == ("r",)


def test_what_a_rule_renames_is_not_taken_for_what_another_drops() -> None:
    rules = rule_set(
        "mine",
        [
            Rule(id="ren", reason="r", match=Match(("numpy",)), action=Action(rename="numpy2")),
            Rule(id="drp", reason="r", match=Match(("numpy2",)), action="drop"),
        ],
    )
    facts = facts_of("numpy", "numpy2")
    assert [each.decided.id for each in explain(rules, facts) if each.decided] == ["ren", "drp"]
    assert requires(apply(facts, *rules.rules)) == ["numpy2"]
    assert requirement("numpy2").name == "numpy2"


SLOPPY = [
    (Action(set_specifier=">=1"), "foo>=1,", "foo>=1"),
    (Action(set_specifier=""), "foo ,", "foo"),
    (Action(set_specifier=">=2"), "foo >=1;", "foo >=2"),
    (Action(set_marker=""), "foo;", "foo"),
    (Action(set_specifier=">=2"), "foo\u00a0>=1", "foo >=2"),
    (Action(and_marker="os_name == 'nt'"), "foo\u00a0>=1", "foo >=1; os_name == 'nt'"),
    (Action(rename="bar"), "foo  >=1", "bar  >=1"),
]


@pytest.mark.parametrize(("action", "before", "after"), SLOPPY)
def test_a_sloppy_requirement_is_put_right_where_it_is_changed(action: Action, before: str, after: str) -> None:
    rule = Rule(id="r", reason="r", match=Match(("foo",)), action=action)
    assert requires(apply(facts_of(before), rule)) == [after]


def test_the_metadata_version_can_rise_and_not_fall_below_what_the_wheel_has() -> None:
    """Pitfall 11: License-File in METADATA 2.1 is everyday; only what gets worse is refused."""

    def to(version: str) -> Rule:
        return Rule(id="r", reason="r", action=Action(set_field=FieldValue("Metadata-Version", version)))

    wrong = facts_of(fields="License-File: x\n")
    assert apply(wrong, to("2.2")).document.first("Metadata-Version") == "2.2"
    assert apply(wrong, to("1.2")).document.first("Metadata-Version") == "1.2"
    with pytest.raises(EditError, match="Provides-Extra requires Metadata-Version"):
        apply(facts_of(fields="Provides-Extra: x\n"), to("1.2"))


def test_a_version_of_five_thousand_digits_is_no_traceback() -> None:
    """What such a wheel has reached nobody can tell; all else goes on."""
    rule = Rule(id="r", reason="r", match=Match(("foo",)), action="drop", until_version="2")
    outcome = Outcome(Path("a.whl"), Status.FIXED, version=DIGITS, applied_rules=("r",))
    assert lint_run(rule_set("mine", [rule]), [outcome]) == ()
