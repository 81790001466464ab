"""Correcting one wheel by the built-in rules, as most tests do it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

import wheelfix
from wheelfix import Outcome, Status


def fix(path: Path, output: Path) -> Outcome:
    """Return what happened to the wheel at ``path``, with ``output`` as the directory for the result."""
    return wheelfix.fix_wheels([path], output=output, policy=wheelfix.Policy(allow_unproven=True)).outcomes[0]


def fixed(path: Path, output: Path) -> Path:
    """Return the corrected wheel; that there is one, and that the report's sums are true, is asserted."""
    outcome = fix(path, output)
    assert outcome.status is Status.FIXED, outcome.problem
    assert outcome.output is not None
    assert outcome.output_sha256 == hashlib.sha256(outcome.output.read_bytes()).hexdigest()
    assert outcome.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    return outcome.output


class Outcomes(wheelfix.NoProgress):
    """Calls ``wheel_done`` with each outcome."""

    def __init__(self, wheel_done: Callable[[Outcome], object]) -> None:
        self._wheel_done = wheel_done

    def wheel_done(self, outcome: Outcome) -> None:
        """Call it."""
        self._wheel_done(outcome)


def values(**flat: Any) -> dict[str, Any]:
    """Return options by their own names as ``fix_wheels`` and those like it take them; others as they are."""
    made: dict[str, Any] = {}
    kinds: dict[str, type[Struct]] = {
        "output": wheelfix.Output, "policy": wheelfix.Policy, "naming": wheelfix.Naming, "publishing": wheelfix.Publishing,
    }  # fmt: skip
    for name, kind in kinds.items():
        names = {"output_dir" if each.name == "directory" else each.name: each.name for each in fields(kind)}
        given = {names[key]: flat.pop(key) for key in list(flat) if key in names}
        if given:
            made[name] = kind(**given)
    if "select" in flat:
        made["selection"] = wheelfix.Selection(flat.pop("select"))
    return made | flat
