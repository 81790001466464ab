"""Which rule decides on a requirement."""

import re
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Final, NamedTuple

from packaging.utils import NormalizedName

from wheelfix.metadata.requirement import Requirement
from wheelfix.rules.model import Globs, Rule, RuleSet, When

_WILD: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Decision:
    """The rule that decides on a requirement; ``held_back`` says why its action is not carried out all the same."""

    rule: Rule
    held_back: str | None = None


class _Names(NamedTuple):
    """Globs made ready: those without wildcards as a set, since compiling a hundred patterns takes long."""

    exact: frozenset[str]
    pattern: re.Pattern[str] | None


@lru_cache(maxsize=1024)
def _names(globs: Globs) -> _Names:
    wild = [glob for glob in globs if _WILD.search(glob)]
    pattern = re.compile("|".join(map(translate, wild))) if wild else None
    return _Names(frozenset(globs).difference(wild), pattern)


def matches(globs: Globs, name: NormalizedName) -> bool:
    """Whether ``name`` matches any of ``globs``, whole and case-sensitively.

    >>> matches(("nvidia-*-cu[1-9][0-9]",), "nvidia-cublas-cu12"), matches(("triton",), "tritonclient")
    (True, False)
    """
    exact, pattern = _names(globs)
    return name in exact or (pattern is not None and pattern.match(name) is not None)


def applies(when: When, project: NormalizedName) -> bool:
    """Whether a rule with ``when`` is for wheels of ``project``."""
    if when.project is not None and not matches(when.project, project):
        return False
    return when.not_project is None or not matches(when.not_project, project)


def decide(rules: RuleSet, project: NormalizedName, requirement: Requirement) -> Decision | None:
    """Return the first rule that matches ``requirement`` in a wheel of ``project``, or ``None`` if none does."""
    for rule in rules.rules:
        if matches(rule.match.name, requirement.name) and applies(rule.when, project):
            if requirement.needs_extra and rule.action != "keep":
                return Decision(rule, "it is called for by an extra only, which is the user's own choice")
            return Decision(rule)
    return None
