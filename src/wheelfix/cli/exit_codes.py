"""The exit codes: what each means, for the help, the documentation and the commands.

What describes and renders an error is imported when there is one: most runs have none.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from wheelfix.errors import ManifestError, MirrorError, RulesError, WheelfixError
from wheelfix.text import shown

if TYPE_CHECKING:
    from wheelfix.results import Problem


class ExitCode(IntEnum):
    """How a run ended. Where more than one would fit, the greatest one does: 3 wins over 1."""

    DONE = 0
    FOUND = 1
    USAGE = 2
    INCOMPLETE = 3
    HUNG_UP = 129
    """The terminal was closed, or the connection to it ended."""
    INTERRUPTED = 130
    NO_READER = 141
    """What a shell reports of a program that SIGPIPE ended (128 + 13); scripts know it from git, grep and sort."""
    TERMINATED = 143


MEANINGS: Final[Mapping[ExitCode, str]] = {
    ExitCode.DONE: "done, or nothing to do",
    ExitCode.FOUND: (
        "something was found: `--check` a change to make, `verify`, `mirror check` or `repair` an error (a damaged wheel is "
        "one), `diff` a difference, `mirror affected` an affected lock file, `rules test` a failure, `rules export` "
        "something that it left out; or `rules explain` did not find the requirement"
    ),
    ExitCode.USAGE: (
        "wrong options, settings or rules, or a path on the command line that does not exist or has no wheels: "
        "nothing was done"
    ),
    ExitCode.INCOMPLETE: (
        "a wheel, file or source was refused, failed or could not be read, or the output could not be written; all others "
        "were processed (if both apply, 3 wins over 1)"
    ),
    ExitCode.INTERRUPTED: (
        "interrupted by Ctrl-C (143: by SIGTERM, 129: by SIGHUP): finished files are kept; no partial files are left"
    ),
    ExitCode.NO_READER: "standard output was closed early, as by `head`; all work was done",
}
"""Each code as README.md, the documentation and the help explain it, in this order."""

OF_USAGE: Final = frozenset(
    {"not-a-mirror", "nothing-selected", "bad-selection", "bad-project", "bad-url", "credentials-in-url",
     "bad-python", "no-index-extra", "no-cloud-extra", "no-dask-extra", "no-bucket", "no-credentials",
     "no-conditional-writes", "no-uv", "unknown-platform", "wrong-region", "bad-setting", "bad-mirror-lock"}
)  # fmt: skip
"""Errors of mirrors that are about what was typed, or set: nothing was done, and running it again will not help."""


_MOST_SHOWN: Final = 20
_MOST_PROBLEMS: Final = 1000
"""How many errors of rules or a manifest are problems in a log: a hostile rule file can have a hundred thousand."""


class Stopped(click.ClickException):
    """What was typed is wrong, and nothing was done; ``details`` are lines of their own, behind the message."""

    exit_code = ExitCode.USAGE

    def __init__(
        self, message: str, *, hint: str = "", code: str = "", reason: str | None = None, details: Sequence[str] = ()
    ) -> None:
        from wheelfix.results import Problem

        super().__init__(message)
        self.problem = Problem(code, message, hint, reason)
        self.details = details


class Incomplete(Stopped):
    """What keeps a whole run, rather than one of its wheels, from being done."""

    exit_code = ExitCode.INCOMPLETE


def refuse_all(problems: Sequence[str], noun: str, *, hint: str = "", error: type[Stopped] = Stopped) -> None:
    """Confirm that there are no ``problems`` with what was typed or set, which ``noun`` names.

    :raises Stopped: with all of them, and the ``hint``; ``error`` is its class.
    """
    if problems:
        first, *others = problems
        head = f"{len(problems)} {noun} cannot be used" if others else first
        lines = [f"  {each}" for each in problems[:_MOST_SHOWN] if others]
        if len(problems) > _MOST_SHOWN:
            lines.append(f"  ... {len(problems) - _MOST_SHOWN} more")
        end = " Nothing was done." if head.endswith("?") else "; nothing was done"
        raise error(f"{head}{end}", hint=hint, details=lines)


def stopped(error: WheelfixError | OSError) -> Stopped:
    """Return ``error``, which is of a whole run, as what ends it with the right exit code."""
    if isinstance(error, OSError):
        from wheelfix.results import Problem, failure

        problem = failure(Path(), error).problem or Problem("os-error", str(error), "")
        return Incomplete(problem.message, hint=problem.hint, code=problem.code)
    of_usage = isinstance(error, RulesError | ManifestError) or (isinstance(error, MirrorError) and error.code in OF_USAGE)
    message, *details = error.message.split("\n")
    end = Stopped if of_usage else Incomplete
    return end(message, hint=error.hint, code=error.code, reason=error.reason, details=details)


def problems_in(error: WheelfixError | OSError) -> "list[Problem]":
    """Return each error that rules or a manifest have as a problem of its own; nothing for other errors.

    Of many the first ones, and one problem that says how many more there are.
    """
    from wheelfix.results import Problem

    if not isinstance(error, ManifestError | RulesError):
        return []
    first = error.findings[:_MOST_PROBLEMS]
    problems = [Problem(each.code, f"{each.place}: {each.message}", each.hint) for each in first]
    if more := len(error.findings) - len(first):
        problems.append(Problem(error.code, f"{more:,} more errors", "Correct those that are listed, and run again."))
    return problems


def render_end(error: click.ClickException) -> str:
    """Return what ended a run, in the shape of all messages."""
    if isinstance(error, Stopped):
        from wheelfix.reports.text import render_problem

        first, *rest = render_problem("", error.problem).splitlines(keepends=True)
        return "".join([first.replace("error[]", "error"), *(f"{shown(line)}\n" for line in error.details), *rest])
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return f"{error.ctx.get_help()}\n"
    message, _, hint = error.format_message().partition("\n")
    if isinstance(error, click.MissingParameter):  # click puts the choices on lines of their own
        message, hint = " ".join(error.format_message().split()), ""
    if isinstance(error, click.UsageError):
        close = getattr(error, "possibilities", None)
        message = error.message if close else message
        hint = f"Did you mean {close[0]}?" if close else f"See `{error.ctx.command_path} --help`." if error.ctx else ""
    if isinstance(error, click.BadOptionUsage) and (expected := _expected(error)):
        metavar, hint = expected
        message = f"{message.rstrip('.')}: {metavar}"
    message = (message[0].lower() + message[1:] if message[1:2].islower() else message).rstrip(".")
    return f"error: {shown(message)}\n" + (f"  help: {shown(hint)}\n" if hint else "")


def _expected(error: click.BadOptionUsage) -> tuple[str, str] | None:
    """Return what an option takes that was given without it, and its help; ``None`` if it takes nothing."""
    if error.ctx is None:
        return None
    for each in error.ctx.command.params:
        if isinstance(each, click.Option) and error.option_name in each.opts and not each.is_flag and each.help:
            return each.make_metavar(error.ctx), each.help
    return None


def help_text() -> str:
    r"""Return the table for the end of a command's help; ``\b`` keeps click from wrapping it again."""
    import textwrap

    lines = ["\b", "Exit codes:"]
    for code, meaning in MEANINGS.items():
        lines += textwrap.wrap(
            meaning.replace("`", ""), 76, initial_indent=f"  {code:<5}", subsequent_indent=" " * 7, break_on_hyphens=False
        )
    return "\n".join(lines)
