"""Correcting one wheel by the built-in rules, as most tests do it."""

import hashlib
from pathlib import Path

import wheelfix
from wheelfix import Outcome, Status


def fix(path: Path, output: Path) -> Outcome:
    """Return what happened to the wheel at ``path``, with ``output`` as the folder for the result."""
    return wheelfix.fix_wheels([path], output_dir=output, allow_unproven=True).outcomes[0]


def fixed(path: Path, output: Path) -> Path:
    """Return the corrected wheel; that there is one, and that the report's sums are true, is asserted."""
    outcome = fix(path, output)
    assert outcome.status is Status.FIXED, outcome.problem
    assert outcome.output is not None
    assert outcome.output_sha256 == hashlib.sha256(outcome.output.read_bytes()).hexdigest()
    assert outcome.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    return outcome.output
