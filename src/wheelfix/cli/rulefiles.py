"""The rules that a command uses: those of ``--rules``, or those of the rule file in force."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wheelfix.cli.exit_codes import Stopped
from wheelfix.cli.printing import say
from wheelfix.cli.suggest import rule_sources
from wheelfix.errors import WheelfixError
from wheelfix.text import shown

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
        shell_complete=rule_sources,
        help="A rule file (*.toml), a directory of them (rules/), a built-in set (gpu), or an installed rule pack "
        "('acme-rules>=2'); can be repeated.  "
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


def with_rules(files: Sequence[str]) -> tuple[str, ...]:
    """Return those of ``files`` that have rules, and say of the others that they only set options.

    Hooks name each ``wheelfix.toml``, and one that only sets options is right. What cannot be read stays, to be reported.
    """
    from wheelfix.rules.load import only_sets_options  # imported late: strip-gpu does not need it

    found = []
    for each in files:
        with suppress(WheelfixError, OSError, ValueError):
            if each.endswith(".toml") and only_sets_options(Path(each)):
                say(f"{shown(each)}: no rules, it only sets options\n")
                continue
        found.append(each)
    return tuple(found)


def origins_of(sources: Sequence[str], rules: "RuleSet") -> set[str]:
    """Return the origins of the rules that ``sources`` name, of all ``rules`` with what those extend."""
    from packaging.utils import canonicalize_name  # imported late, as below: only the tests of rules need it

    from wheelfix.rules.packs import pack_requirement

    found = set[str]()
    for source in sources:
        wanted = pack_requirement(source)
        if source.endswith(".toml"):
            found.add(str(Path(source)))
        elif source.endswith("/"):
            found |= {origin for origin in rules.origins if Path(origin).parent == Path(source)}
        elif wanted is not None:
            name = canonicalize_name(wanted.name)
            found |= {pack for pack in rules.packs if canonicalize_name(pack.partition(" ")[0]) == name}
        found.add(source.partition("/")[0])
    return found


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
