"""The faults of rules, told together."""

from collections.abc import Sequence
from difflib import get_close_matches

from wheelfix.errors import RuleFault, RulesError


def rules_error(faults: Sequence[RuleFault]) -> RulesError:
    """Return the error that tells all of ``faults``, at least one."""
    count = len(faults)
    head = f"{count} fault{'s' * (count > 1)} in the rules"
    lines = "".join(f"\n  {fault}" for fault in faults)
    return RulesError("faulty-rules", head + lines, hint="", faults=tuple(faults))


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return a hint for ``word``, which is none of ``known``."""
    close = get_close_matches(word, known, 1) or get_close_matches(word.lower().replace("_", "-"), known, 1)
    return f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}."
