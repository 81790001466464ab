"""The rules that a command uses: those of ``--rules``, or those of the rule file in force."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wheelfix.cli.exit_codes import Stopped

if TYPE_CHECKING:
    from wheelfix.results import Finding
    from wheelfix.rules.model import RuleSet


def rules_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command the option ``--rules``."""
    return click.option(
        "--rules",
        "sources",
        multiple=True,
        metavar="FILE",
        help="A rule file (*.toml) or a built-in set such as gpu; may be given more than once.  "
        "[default: wheelfix.toml or pyproject.toml, here or above]",
    )(function)


def chosen_rules(sources: Sequence[str]) -> "RuleSet":
    """Return the rules of ``sources``, or those in force in the working directory.

    :raises click.ClickException: if there are none.
    :raises RulesError: with every error of the files.
    """
    from wheelfix.rules.load import find_rules, load_rules  # imported late: strip-gpu needs neither

    if sources:
        return load_rules(*sources)
    found = find_rules()
    if found is None:
        raise Stopped(
            "no rules found: there is no wheelfix.toml with rules and no [tool.wheelfix] in a pyproject.toml, here or above",
            hint="Name rules with --rules, for example --rules gpu for those of strip-gpu.",
        )
    return load_rules(found.relative_to(Path.cwd()) if found.is_relative_to(Path.cwd()) else found)


def each_on_its_own(files: Sequence[str], together: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the sources of each set of rules to check: every file alone, those of ``--rules`` together."""
    return [*((file,) for file in files), *([tuple(together)] if together else ())] or [()]


def lint_today(rules: "RuleSet") -> "tuple[Finding, ...]":
    """Return the findings of ``rules`` that need no wheel; rules that have expired by now are among them."""
    from wheelfix.rules.lint import lint_rules  # imported late: strip-gpu does not need it

    return lint_rules(rules, datetime.now(UTC).date())  # noqa: TID251 - the day changes what is reported, never what is done


def refuse_findings(findings: "Sequence[Finding]") -> None:
    """Refuse rules that have findings.

    :raises RulesError: if there are any.
    """
    if findings:
        from wheelfix.rules.registry import rules_error  # imported late: strip-gpu does not need it

        raise rules_error(findings, "strict-rules")
