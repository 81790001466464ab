"""Which rule decides on a requirement."""

import re
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

from packaging.utils import NormalizedName

from wheelfix.metadata.requirement import Requirement
from wheelfix.rules.model import Globs, Rule, RuleSet, When


@dataclass(frozen=True, slots=True)
class Decision:
    """The rule that decides on a requirement; ``held_back`` says why its action is not carried out all the same."""

    rule: Rule
    held_back: str | None = None


@lru_cache(maxsize=1024)
def _pattern(globs: Globs) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob) for glob in globs))


def matches(globs: Globs, name: NormalizedName) -> bool:
    """Whether ``name`` matches any of ``globs``, whole and case-sensitively.

    >>> matches(("nvidia-*-cu[1-9][0-9]",), "nvidia-cublas-cu12"), matches(("triton",), "tritonclient")
    (True, False)
    """
    return _pattern(globs).match(name) is not None


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
