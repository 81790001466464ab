"""Rule files to rule sets."""

import hashlib
from functools import cache
from importlib.resources import files

import msgspec

from wheelfix.errors import RulesError
from wheelfix.rules import BUILT_IN
from wheelfix.rules.model import Rule, RuleFile, RuleSet


def rule_set(name: str, rules: tuple[Rule, ...]) -> RuleSet:
    """Return the rule set ``name`` of ``rules``, for rules that are written in Python.

    :raises RulesError: if two rules have the same id.
    """
    ids = [rule.id for rule in rules]
    twice = tuple(sorted({each for each in ids if ids.count(each) > 1}))
    if twice:
        raise RulesError("duplicate-rule", f"{name}: two rules are called {', '.join(twice)}", hint="Give each its own id.")
    canonical = msgspec.json.encode(rules, order="sorted")
    return RuleSet(name, rules, hashlib.sha256(canonical).hexdigest())


@cache
def built_in(name: str) -> RuleSet:
    """Return the rule set ``name`` that comes with wheelfix.

    :raises RulesError: if there is no such rule set.
    """
    if name not in BUILT_IN:
        raise RulesError("unknown-rule-set", f"there is no rule set {name!r}", hint=f"Known: {', '.join(BUILT_IN)}.")
    text = files("wheelfix.rules").joinpath("sets", f"{name}.toml").read_bytes()
    return rule_set(name, msgspec.toml.decode(text, type=RuleFile).rule)
