"""Rules, explanations and test results as a person reads them, and as JSON."""

import json
from pathlib import Path

import pytest

from wheelfix.fix.describe import WheelExplanation
from wheelfix.reports.rules import (
    render_explanation,
    render_explanations_json,
    render_results,
    render_results_json,
    render_rules,
    render_rules_json,
)
from wheelfix.reports.text import render_rule_findings
from wheelfix.results import Change, Problem
from wheelfix.rules.cases import Result
from wheelfix.rules.explain import Explanation, RuleView
from wheelfix.rules.load import built_in, rule_set
from wheelfix.rules.model import Action, FieldName, FieldValue, Match, Rule, When
from wheelfix.rules.registry import RulePlace


def listed(rule: Rule) -> list[str]:
    return render_rules(rule_set("mine.toml", [rule])).splitlines()


LISTED = [
    (Rule(id="r", reason="why", match=Match(("x",)), action="drop"), "  r: drop name x"),
    (Rule(id="r", reason="why", match=Match(("a", "b", "c", "d", "e", "f")), action="keep"),
    "  r: keep name a | b | c | d and 2 more"),
    (Rule(id="r", reason="why", match=Match(("x",), specifier=("",)), action=Action(set_specifier=">=1")),
     "  r: set-specifier '>=1' name x, specifier ''"),
    (Rule(id="r", reason="why", action=Action(add="y"), when=When(project=("p",), not_version=("<2",))),
     "  r: add 'y' when project p, not-version <2"),
    (Rule(id="r", reason="why", action=Action(drop_extra="y"), when=When(requires=(Match(("a",)), Match(url=("*",))))),
     "  r: drop-extra 'y' when requires (name a) | (url *)"),
    (Rule(id="r", reason="why", action=Action(set_field=FieldValue("Classifier", ("A", "B")))),
    "  r: set-field Classifier: A, B"),
    (Rule(id="r", reason="why", action=Action(remove_field=FieldName("Keywords"))), "  r: remove-field Keywords"),
    (Rule(id="r", reason="why", action=Action(remove_field=FieldName("X-Own", "v"))), "  r: remove-field X-Own: v"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "line"), LISTED)
def test_a_rule_in_a_list(rule: Rule, line: str) -> None:
    assert listed(rule) == ["mine.toml", line, "    why"]


def test_a_list_of_rules_is_under_the_places_they_come_from() -> None:
    assert render_rules(rule_set("mine", [])) == "No rules.\n"
    first = Rule(id="r", reason="why", match=Match(("x",)), action="drop", url="https://e.com")
    lines = render_rules(rule_set("mine.toml", [first], extends=["gpu"])).splitlines()
    assert lines[:4] == ["mine.toml", "  r: drop name x", "    why (https://e.com)", "gpu"]
    assert [line for line in lines if not line.startswith(" ")] == ["mine.toml", "gpu"]
    assert len(lines) == 2 + 2 * (1 + len(built_in("gpu").rules))


def test_rules_as_json() -> None:
    rules = rule_set("mine.toml", [Rule(id="r", reason="why", match=Match(("x",)), action="drop")], extends=["gpu/npu"])
    found = json.loads(render_rules_json(rules))
    assert (found["version"], found["command"], found["digest"]) == (1, "rules list", rules.digest)
    assert found["rules"][0] == {
        "id": "r",
        "reason": "why",
        "match": {"name": ["x"]},
        "action": "drop",
        "origin": "mine.toml",
    }
    assert [each["id"] for each in found["rules"]] == [rule.id for rule in rules.rules]
    assert found["rules"][-1]["origin"] == "gpu"


DROP = RuleView("r", "mine.toml", "drop", "why")
KEEP = RuleView("k", "gpu", "keep", "because")
SET = RuleView("s", "mine.toml", "set-specifier", "tighter")
GONE = Change("Requires-Dist", "drop", "old==1", None, "r", reason="why")
SCRIPT = Change("Summary", "set-field", "a", "b")


def drop(text: str) -> Change:
    return Change("Requires-Dist", "drop", text, None, "r", reason="why")


def overview(*requirements: Explanation, **more: object) -> list[str]:
    explanation = WheelExplanation(Path("in/w.whl"), len(requirements), requirements, **more)  # type: ignore[arg-type]
    return render_explanation(explanation).splitlines()


def in_full(*requirements: Explanation, **more: object) -> list[str]:
    explanation = WheelExplanation(Path("in/w.whl"), 9, requirements, **more)  # type: ignore[arg-type]
    return render_explanation(explanation, wanted="x").splitlines()


def test_an_overview_has_a_line_for_each_requirement_and_each_rule() -> None:
    found = overview(
        Explanation("a", "a", DROP), Explanation("b", "b"), Explanation("c", "c", KEEP), Explanation("d", "d", DROP),
        changes=(drop("a"), drop("d")), past=(GONE, SCRIPT), notes=("note it.",),
    )  # fmt: skip
    assert found == [
        "w.whl: 4 requirements", "  - a  [r]", "    b", "  = c  [k]", "  - d  [r]", "  r (mine.toml): why",
        "  k (gpu): because", "  earlier: - Requires-Dist: old==1  [r: why]",
        "  earlier: ~ Summary: a -> b  [no rule: by a script]", "  note: note it.",
    ]  # fmt: skip
    assert overview(Explanation("b", "b"))[1:] == ["    b", "  No rule matches any of them."]


def test_an_overview_tells_what_happens_to_the_wheel_as_a_whole() -> None:
    changes = (
        Change("Requires-Dist", "drop", "a", None, "r", reason="why"),
        Change("Requires-Dist", "add-field", None, "n", "w", reason="needed"),
        Change("Requires-Dist", "drop-extra", "c; extra == 'x'", None, "e", reason="no cuda"),
    )
    found = overview(Explanation("a", "a", DROP), changes=changes)
    assert found[2:4] == ["  + Requires-Dist: n  [w: needed]", "  - Requires-Dist: c; extra == 'x'  [e: no cuda]"]
    assert found[4:] == ["  r (mine.toml): why"]


def test_a_rule_that_acts_and_is_held_back_has_both_reasons_told() -> None:
    """What goes must not be explained by why another line stays."""
    held = Explanation("a; extra == 'x'", "a", DROP, held_back="an extra calls for it")
    for order in ((held, Explanation("b", "b", DROP)), (Explanation("b", "b", DROP), held)):
        text = "\n".join(overview(*order, changes=(drop("b"),)))
        assert "= a; extra == 'x'  [r]" in text
        assert "- b  [r]" in text
        assert "why" in text
        assert "an extra calls for it" in text


def test_a_requirement_in_full() -> None:
    nearly = (
        RuleView("n1", "mine.toml", "drop", "x", "match.extra", "none", "the extra x"),
        RuleView("n2", "gpu", "drop", "x", "when.project", "torch"),
    )
    found = in_full(
        Explanation("a >=1 <2", "a", DROP, also=(KEEP,), nearly=nearly, malformed="it is odd"), changes=(drop("a >=1 <2"),)
    )
    assert found == [
        "w.whl: 9 requirements", "  - a >=1 <2", "      malformed: it is odd", "      drop by r (mine.toml): why",
        "      k (gpu) matches too and would keep it; the first rule decides",
        "      n1 (mine.toml) does not match: match.extra is none, found the extra x",
        "      n2 (gpu) does not match: when.project is torch",
    ]  # fmt: skip


def test_why_a_requirement_stays() -> None:
    assert in_full(Explanation("a", "a"))[1:] == ["    a", "      kept: no rule matches"]
    held = Explanation("a", "a", DROP, held_back="an extra calls for it")
    assert in_full(held)[1:] == [
        "  = a", "      kept: an extra calls for it", "      r (mine.toml) would drop it: why",
    ]  # fmt: skip
    assert in_full(past=(GONE,))[1:] == ["  earlier: - Requires-Dist: old==1  [r: why]"]
    assert in_full()[1:] == ["  No requirement matches 'x', now or before an earlier fix."]


def test_a_requirement_that_an_extra_takes_along_does_not_stay() -> None:
    """A rule for the wheel as a whole takes it out: that is why it goes."""
    change = Change("Requires-Dist", "drop-extra", "a; extra == 'x'", None, "e", reason="no cuda")
    text = "\n".join(in_full(Explanation("a; extra == 'x'", "a"), changes=(change,)))
    assert "stays" not in text
    assert "no cuda" in text


def test_a_change_says_what_becomes_of_the_requirement() -> None:
    change = Change("Requires-Dist", "set-specifier", "a", "a>=2", "s", reason="tighter")
    assert any("a>=2" in line for line in in_full(Explanation("a", "a", SET), changes=(change,)))
    assert any("a>=2" in line for line in overview(Explanation("a", "a", SET), changes=(change,)))


def test_every_line_that_a_requirement_becomes_is_shown_with_it() -> None:
    split = RuleView("s", "mine.toml", "replace", "run together")
    changes = (
        Change("Requires-Dist", "replace", "a", "b", "s", reason="run together"),
        Change("Requires-Dist", "replace", None, "c", "s", reason="run together"),
        Change("Requires-Dist", "add-field", None, "d", "w", reason="missing"),
    )
    for text in (
        in_full(Explanation("a", "a", split), changes=changes),
        overview(Explanation("a", "a", split), changes=changes),
    ):
        assert [line for line in text if "becomes" in line] == ["      becomes: b", "      becomes: c"]
        assert [line for line in text if line.startswith("  + ")] == ["  + Requires-Dist: d  [w: missing]"]


def test_why_an_action_does_not_apply_is_shown() -> None:
    kept = Explanation("a<3", "a", SET, held_back="set-specifier does not apply, since it has no pin")
    assert in_full(kept)[1:] == [
        "  = a<3",
        "      kept: set-specifier does not apply, since it has no pin",
        f"      {SET.id} ({SET.origin}) would set-specifier it: {SET.reason}",
    ]


def test_a_rule_that_finds_its_work_done_is_not_shown_as_a_change() -> None:
    """``~`` is for what changes; there is no such change here."""
    assert "  ~ a>=2  [s]" not in overview(Explanation("a>=2", "a", SET))


def test_a_problem_is_told_elsewhere() -> None:
    assert render_explanation(WheelExplanation(Path("w.whl"), problem=Problem("c", "m", "h"))) == ""


def test_nothing_disturbs_the_terminal() -> None:
    nasty = "a\x1b[31m\n b"
    rule = RuleView(nasty, nasty, "drop", nasty)
    change = Change("Requires-Dist", "drop", nasty, None, nasty, reason=nasty)
    each = Explanation(nasty, nasty, rule, also=(rule,), nearly=(rule,), malformed=nasty)
    for wanted in (None, nasty):
        explanation = WheelExplanation(Path(nasty), 1, (each,), (change,), (change,))
        text = render_explanation(explanation, wanted=wanted) + render_results([Result(nasty, (nasty,))], untested=[nasty])
        text += render_rule_findings([RulePlace(nasty, nasty).finding("rule-broad", nasty)])
        assert "\x1b" not in text
        assert not any(line.startswith(" b") for line in text.splitlines())


def test_explanations_as_json() -> None:
    each = Explanation("a", "a", DROP, also=(KEEP,))
    found = json.loads(render_explanations_json([WheelExplanation(Path("in/w.whl"), 1, (each,), (), (GONE,))]))
    assert (found["version"], found["command"]) == (1, "rules explain")
    [wheel] = found["wheels"]
    assert (wheel["source"], wheel["total"], wheel["problem"]) == ("in/w.whl", 1, None)
    assert wheel["requirements"][0]["decided"] == {
        "id": "r", "origin": "mine.toml", "action": "drop", "reason": "why", "stopped_by": None, "wanted": "", "found": "",
    }  # fmt: skip
    assert wheel["past"][0]["before"] == "old==1"


RESULTS = [Result("r, test 1", ()), Result("r, test 2", ("a: b", "--- x\n+++ y\n"))]


def test_results_as_text_and_json() -> None:
    failed = ["FAILED r, test 2", "  a: b", "  --- x", "  +++ y"]
    assert render_results(RESULTS).splitlines() == [*failed, "1 passed, 1 failed."]
    verbose = render_results(RESULTS, untested=["u", "v"], verbose=True).splitlines()
    assert verbose == ["passed r, test 1", *failed, "1 passed, 1 failed.", "2 rules have no test: u, v"]
    assert render_results([]) == "0 passed, 0 failed.\n"
    assert json.loads(render_results_json(RESULTS)) == {
        "version": 1,
        "command": "rules test",
        "results": [
            {"name": "r, test 1", "passed": True, "differences": []},
            {"name": "r, test 2", "passed": False, "differences": ["a: b", "--- x\n+++ y\n"]},
        ],
    }


def test_findings_of_rules_are_a_line_each() -> None:
    unused = [RulePlace("f.toml", name).finding("rule-unused", "applied to nothing") for name in "ab"]
    wrong = RulePlace("f.toml", "c", 7).finding("rule-unknown-key", "unknown key", key="wen", hint="No.")
    assert render_rule_findings([]) == ""
    assert render_rule_findings([*unused, wrong]).splitlines() == [
        "warning[rule-unused]: f.toml: rule a: applied to nothing",
        "warning[rule-unused]: f.toml: rule b: applied to nothing",
        "error[rule-unknown-key]: f.toml:7: rule c: wen: unknown key. No.",
    ]
