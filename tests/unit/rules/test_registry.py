"""The table of codes: each is reported by something, and its example is what is reported."""

from datetime import date
from pathlib import Path

import pytest

from wheelfix.errors import RulesError
from wheelfix.results import Finding, Outcome, Severity, Status
from wheelfix.rules.lint import lint_names, lint_rules, lint_run
from wheelfix.rules.load import load_rules
from wheelfix.rules.registry import RULE_CHECKS

BODY = 'reason = "why"\nmatch.name = "{name}"\naction = "drop"\n'


def rule(name: str, glob: str = "x", more: str = "") -> str:
    return f'[[rule]]\nid = "{name}"\n' + BODY.format(name=glob) + more + "\n"


def schema(*lines: str) -> bytes:
    return ("schema = 1\n" + "".join(lines)).encode()


FILES = {
    "rule-file-unreadable": b"schema = 1 # \xff\n",
    "rule-invalid-extends": schema('extends = "gpus"\n'),
    "rule-unknown-key": schema("\n", rule("second", more='when.platfrom = "any"')),
    "rule-missing-key": schema("\n" * 3, '[[rule]]\nid = "first"\nmatch.name = "x"\naction = "drop"\n'),
    "rule-invalid-value": schema("\n", rule("second", more='when.version = "new"')),
    "rule-duplicate-id": schema(rule("torch"), rule("torch")),
    "rule-impossible": schema(rule("old", more='when.version = ">=3,<2"')),
    "rule-shadowed": schema(rule("nvidia", "nvidia-*"), rule("cublas", "nvidia-cublas")),
    "rule-broad": schema(rule("all", "n*")),
    "rule-unlikely-value": schema(rule("linux", more='when.platform = "linux"')),
    "rule-not-repeatable": schema(
        '[[rule]]\nid = "cpu"\nreason = "why"\nmatch.name = "foo*"\naction = { replace = "{name}-cpu{specifier}{marker}" }\n'
    ),
    "rule-one-name": schema(
        '[[rule]]\nid = "own"\nreason = "why"\nwhen.project = "torch*"\naction = { set-name = "acme-torch" }\n'
    ),
    "rule-expired": schema(rule("hotfix", more="until = 2027-01-01")),
    "rule-outdated": schema(rule("hotfix", more='until-version = "2.9"')),
    "rule-unused": schema(rule("triton", "triton")),
    "rule-matches-nothing": schema(rule("cuda", "nvidia-cublass")),
    "rule-matches-many": schema(rule("cuda", "nvidia-*")),
}
WHEEL = Path("torch-2.9.0-cp312-cp312-win_amd64.whl")
NAMES = ["nvidia-cublas", "nvidia-ml-py", "nvidia-nat"]  # sorted, as the command gives them


def findings(code: str) -> tuple[Finding, ...]:
    try:
        rules = load_rules("ours.toml")
    except RulesError as error:
        return error.findings
    applied = () if code == "rule-unused" else ("hotfix",)
    run = [Outcome(WHEEL, Status.UNCHANGED, version="2.9.0", applied_rules=applied)]
    return (*lint_rules(rules, date(2030, 1, 1)), *lint_run(rules, run), *lint_names(rules, NAMES, most=2))


@pytest.mark.parametrize("code", RULE_CHECKS)
def test_the_example_is_what_is_reported(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ours.toml").write_bytes(FILES[code])
    found = {each.code: each for each in findings(code)}
    assert str(found[code]) == RULE_CHECKS[code].example
    assert (found[code].severity, found[code].consequence) == (RULE_CHECKS[code].severity, RULE_CHECKS[code].consequence)


def test_every_row_says_what_a_reader_needs() -> None:
    assert set(FILES) == set(RULE_CHECKS)
    for check in RULE_CHECKS.values():
        assert check.code.startswith("rule-")
        assert check.severity is not Severity.NOTE
        assert all(text.endswith(".") for text in (check.meaning, check.consequence, check.remedy))
