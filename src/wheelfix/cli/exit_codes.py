"""The exit codes: what each means, for the help, the documentation and the commands."""

import textwrap
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import Final

import click

from wheelfix.errors import MirrorError, RulesError, WheelfixError
from wheelfix.results import failure


class ExitCode(IntEnum):
    """How a run ended. Where more than one would fit, the greatest one does: 3 beats 1."""

    DONE = 0
    FOUND = 1
    USAGE = 2
    INCOMPLETE = 3
    INTERRUPTED = 130
    NO_READER = 141
    """What a shell reports of a program that SIGPIPE ended (128 + 13); scripts know it from git, grep and sort."""
    TERMINATED = 143


MEANINGS: Final[Mapping[ExitCode, str]] = {
    ExitCode.DONE: "done, or nothing to do",
    ExitCode.FOUND: (
        "`--check` would change a wheel, `verify` or `mirror check` found an error (a damaged wheel is one), `repair` left "
        "one, `diff` found a difference, `rules test` failed, or `rules explain` found no such requirement"
    ),
    ExitCode.USAGE: (
        "wrong options, unusable rules, or a path on the command line that is not there or has no wheels: nothing was done"
    ),
    ExitCode.INCOMPLETE: (
        "a wheel, file or source was refused, failed or could not be read, or the output could not be written: all others "
        "were done; 3 beats 1"
    ),
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C (143: by SIGTERM): complete files stay, no part of another is left",
    ExitCode.NO_READER: "whoever read standard output ended first, as `head` does; the work itself was done",
}
"""Each code as README.md, the documentation and the help explain it, in this order."""

_WRONG_WORDS: Final = frozenset(
    {"not-a-mirror", "nothing-selected", "bad-selection", "bad-project", "bad-address", "credentials-in-address",
     "bad-python", "no-index-extra"}
)  # fmt: skip
"""Errors of mirrors that are about what was typed: nothing was done, and doing it again will not help."""


class WrongWords(click.ClickException):
    """What was typed cannot be meant, although the options are right: how they are written would be no help."""

    exit_code = ExitCode.USAGE


class Incomplete(click.ClickException):
    """What keeps a whole run, rather than one of its wheels, from being done."""

    exit_code = ExitCode.INCOMPLETE


def stopped(error: WheelfixError | OSError) -> click.ClickException:
    """Return ``error``, which is of a whole run, as what ends it with the right exit code."""
    if isinstance(error, OSError):
        problem = failure(Path(), error).problem
        return Incomplete(f"{problem.message}. {problem.hint}" if problem else str(error))
    if isinstance(error, RulesError) or (isinstance(error, MirrorError) and error.code in _WRONG_WORDS):
        return WrongWords(str(error))
    return Incomplete(str(error))


def help_text() -> str:
    r"""Return the table for the end of a command's help; ``\b`` keeps click from wrapping it again."""
    lines = ["\b", "Exit codes:"]
    for code, meaning in MEANINGS.items():
        lines += textwrap.wrap(
            meaning.replace("`", ""), 76, initial_indent=f"  {code:<5}", subsequent_indent=" " * 7, break_on_hyphens=False
        )
    return "\n".join(lines)
