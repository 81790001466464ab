"""Every code that a rule file can be reported with: what it means, what follows from it, and what to do.

Errors keep a rule file from being used; warnings are about rules that work, but probably not as intended.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from wheelfix.codes import Check, error_lines, warning_row
from wheelfix.errors import RulesError
from wheelfix.results import Finding, Severity
from wheelfix.text import counted, shown


def _error(code: str, meaning: str, example: str, remedy: str) -> Check:
    consequence = "No command uses the rules, and no wheel is touched."
    return Check(code, Severity.ERROR, meaning, consequence=consequence, example=example, remedy=remedy)


_ALL: Final = (
    _error(
        "rule-file-unreadable",
        "The rule file cannot be read, or is not TOML.",
        "ours.toml: not UTF-8 (byte 13). Save it as UTF-8.",
        "Check the path, or correct the line.",
    ),
    _error(
        "rule-invalid-extends",
        "`extends` or `--rules` names a rule set, a group, a file or a rule pack that does not exist, a pack has another "
        "version than is required, or files extend each other.",
        "ours.toml: extends: unknown rule set 'gpus'. Did you mean gpu? File names end with .toml.",
        "Name a built-in set, a group of one, a file whose name ends with `.toml`, or a rule pack that is installed.",
    ),
    _error(
        "rule-unknown-key",
        "A table has a key that the rule language does not know.",
        "ours.toml:3: rule second: when.platfrom: unknown key. Did you mean platform?",
        "Correct the spelling; `wheelfix rules schema` lists every key.",
    ),
    _error(
        "rule-missing-key",
        "A required key is missing.",
        'ours.toml:5: rule first: reason: missing. Add reason = "...".',
        "Add the key.",
    ),
    _error(
        "rule-invalid-value",
        "A value has the wrong type, or makes no sense for its key.",
        "ours.toml:3: rule second: when.version: invalid version specifier 'new' (PEP 440). "
        "For example: >=2.1,<2.11 or ==2.7.0.",
        "Correct the value as the message says.",
    ),
    _error(
        "rule-duplicate-id",
        "Two rules have the same id.",
        "ours.toml:8: rule torch: id: used by another rule. Give each rule its own id.",
        "Give each rule an id of its own: reports name rules by it.",
    ),
    warning_row(
        "rule-impossible",
        "No wheel can match the rule's `when`.",
        "The rule never applies.",
        "ours.toml: rule old: never applies: no version matches version = >=3,<2",
        "Correct `when`, or remove the rule.",
    ),
    warning_row(
        "rule-shadowed",
        "Earlier rules match everything that this rule matches.",
        "The first rule that matches decides, so this one never does.",
        "ours.toml: rule cublas: never decides: earlier rules match everything that it matches (nvidia)",
        "Move the rule up, narrow the earlier one, or remove the rule.",
    ),
    warning_row(
        "rule-broad",
        "A pattern has fewer than three fixed characters, and the rule does more than keep.",
        "The rule may change unrelated requirements.",
        "ours.toml: rule all: the pattern 'n*' is so short that it matches unrelated names",
        "Write a narrower pattern, or list the names.",
    ),
    warning_row(
        "rule-unlikely-value",
        "A value is allowed, but matches nothing that is in use: it looks like a mistake.",
        "The rule never applies, or applies to less than you intend.",
        "ours.toml: rule linux: 'linux' is not a platform tag; write a pattern such as '*linux*'",
        "Correct the value as the message says.",
    ),
    warning_row(
        "rule-not-repeatable",
        "The rule matches what it has made, and would change it again.",
        "Running wheelfix on a fixed wheel changes it further.",
        "ours.toml: rule cpu: matches what it has made and changes it again: 'fooa' becomes 'fooa-cpu', then 'fooa-cpu-cpu'",
        "Narrow `match`, for example to the exact name, or leave out the wheels that have the result with `when.lacks`.",
    ),
    warning_row(
        "rule-one-name",
        "A rule with `set-name` is for more than one project.",
        "All of them get the same name; where two of them are given, the second one is refused.",
        "ours.toml: rule own: every project that it matches gets the name 'acme-torch'; name one in when.project",
        "Name one project in `when.project`; write a rule for each.",
    ),
    warning_row(
        "rule-expired",
        "The day in `until` has come.",
        "The rule still works: the same rules make the same wheel on any day.",
        "ours.toml: rule hotfix: expired on 2027-01-01",
        "Remove the rule, or move `until`.",
    ),
    warning_row(
        "rule-outdated",
        "The rule worked on a wheel whose version has reached `until-version`.",
        "The rule still works: the reason for it may be gone.",
        "ours.toml: rule hotfix: meant until version 2.9, which torch-2.9.0-cp312-cp312-win_amd64.whl has reached",
        "Check whether the release still needs it; then remove the rule, or raise `until-version`.",
    ),
    warning_row(
        "rule-unused",
        "The rule applied to nothing in this run.",
        "A typing error looks the same as a release that no longer needs the rule.",
        "ours.toml: rule triton: applied to nothing in this run",
        "Ask `wheelfix rules explain WHEEL REQUIREMENT` why it does not match, or remove the rule.",
    ),
    warning_row(
        "rule-matches-nothing",
        "A pattern matches none of the names in the file that `--names` gives.",
        "The rule may never apply.",
        "ours.toml: rule cuda: 'nvidia-cublass' matches none of 3 names",
        "Correct the pattern: names are in normal form (PEP 503).",
    ),
    warning_row(
        "rule-matches-many",
        "A pattern matches more names than `--most` allows, and the rule does more than keep.",
        "The rule may change unrelated requirements.",
        "ours.toml: rule cuda: 'nvidia-*' matches 3 of 3 names, such as nvidia-cublas, nvidia-ml-py, nvidia-nat",
        "Write a narrower pattern, or list the names.",
    ),
)
RULE_CHECKS: Final = {check.code: check for check in _ALL}


class RulePlace(Struct, frozen=True):
    """Where a finding is: a rule file and, where it is about one rule, its id, or its number where it has none.

    ``line`` is where the rule begins, counted from 1, ``None`` where that is not known.
    """

    file: str
    rule: str = ""
    line: int | None = None

    def finding(self, code: str, message: str, *, key: str = "", hint: str = "") -> Finding:
        """Return the finding with ``code`` here; ``key`` is the path to the key, such as ``when.version``."""
        file = f"{self.file}:{self.line}" if self.line else self.file
        parts = (file, f"rule {shown(self.rule)}" if self.rule else "", key)
        return RULE_CHECKS[code].finding(": ".join(filter(None, parts)), message, hint=hint)


def rules_error(findings: Sequence[Finding], code: str = "invalid-rules") -> RulesError:
    """Return the error that reports ``findings``, of one severity and at least one; it carries all of them."""
    head = f"{counted(len(findings), str(findings[0].severity))} in the rules"
    return RulesError(code, "\n  ".join((head, *error_lines(findings))), hint="", findings=tuple(findings))
