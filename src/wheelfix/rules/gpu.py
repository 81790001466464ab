"""The built-in rule set ``gpu`` with a few words of one's own, for those who want no file."""

from collections.abc import Iterable
from itertools import chain

from wheelfix.options import listed
from wheelfix.rules.conditions import Match
from wheelfix.rules.loading import rule_set
from wheelfix.rules.model import Rule, RuleSet


def gpu_rules(*, only: Iterable[str] | str = (), keep: Iterable[str] | str = (), drop: Iterable[str] | str = ()) -> RuleSet:
    """Return the rule set ``gpu``, or ``only`` some groups of it, such as ``nvidia``.

    ``keep`` and ``drop`` are patterns for the names of requirements that stay or go, whatever the set says; what is kept
    stays also where a pattern would drop it.

    :raises RulesError: if there is no such group, or a pattern has a fault.
    """
    own = chain(
        (_rule("keep", pattern) for pattern in dict.fromkeys(listed(keep))),
        (_rule("drop", pattern) for pattern in dict.fromkeys(listed(drop))),
    )
    groups = [f"gpu/{group.removeprefix('gpu/')}" for group in dict.fromkeys(listed(only))] or ["gpu"]
    return rule_set("command line", own, extends=groups)


def _rule(action: str, pattern: str) -> Rule:
    reason = "it was asked for" if action == "drop" else "it was asked to be kept"
    return Rule(
        id=f"{action} {pattern}".strip(),
        reason=reason,
        match=Match(name=(pattern,)),
        action="drop" if action == "drop" else "keep",
    )
