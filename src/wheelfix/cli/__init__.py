"""The command line: one file a command, which parses, calls the library, renders the result and exits."""

import codecs
import errno
import gc
import io
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

import click

from wheelfix.cli.command import LazyGroup
from wheelfix.cli.exit_codes import ExitCode, Stopped, help_text, render_end, stopped
from wheelfix.cli.printing import say, start_clock
from wheelfix.errors import WheelfixError
from wheelfix.version import HOME_PAGE, __version__

_SWITCH_SECONDS: Final = 0.0002
"""The threads that compute sums need the interpreter for a moment every 2 ms; Python would let them wait for 5 ms."""
_COMPLETE: Final = "_WHEELFIX_COMPLETE"
"""The variable by which a shell asks what can follow."""
_FIRST_STEPS: Final = f"""\
wheelfix corrects the metadata of built wheels, and proves that nothing else
changed.

To begin, get some wheels and try these:

  wheelfix show *.whl                what each wheel requires and needs, and why
  wheelfix strip-gpu --diff *.whl    show what would be dropped; writes nothing
  wheelfix strip-gpu *.whl           drop what only a GPU needs; see fixed/
  wheelfix verify *.whl              check wheels for errors

`wheelfix --help` lists all commands, `wheelfix COMMAND --help` its options.
Ten minutes with wheelfix:
  {HOME_PAGE}/blob/main/docs/start/tutorial.md
"""
"""What somebody sees who types the name of the program to find out what it does."""
_OF_OUTPUT: Final = {
    errno.EAGAIN, errno.EBADF, errno.ECONNRESET, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.ENXIO,
    errno.ESTALE, errno.ETIMEDOUT,
}  # fmt: skip
"""What the system says of our own output, without the name of a file. Errors of wheels are in their outcomes."""
_GROUPS: Final = ("mirror", "rules")
"""The commands that have commands."""


class _NoReader(Exception):
    """The reader of our output ended first."""


class _Terminated(SystemExit):
    """A signal other than that of Ctrl-C ends the run."""


class _Main(LazyGroup):
    """The command itself. Click exits with 1 where a pipe breaks, but 1 means that something was found."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Parse the arguments, which can print the help."""
        try:
            return super().make_context(*arguments, **options)
        except BrokenPipeError as error:
            raise _NoReader from error

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; name the group where it is a command of one, such as ``mirror sync``."""
        if args[:1] == ["version"]:
            raise Stopped("no such command 'version'", hint="Did you mean `wheelfix --version`?")
        if args and args[0] not in self.list_commands(ctx):
            groups = {name: self.get_command(ctx, name) for name in _GROUPS}
            meant = [
                f"`wheelfix {name} {args[0]}`" for name, each in groups.items()
                if isinstance(each, click.Group) and args[0] in each.list_commands(ctx)
            ]  # fmt: skip
            if meant:
                raise Stopped(f"no such command {args[0]!r}", hint=f"Did you mean {' or '.join(meant)}?")
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes into the end of the help."""
        self.epilog = help_text()
        super().format_epilog(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and write out what it printed."""
        try:
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
        except BrokenPipeError as error:
            raise _NoReader from error
        return result


@click.group(
    cls=_Main,
    package=__name__,
    names={
        "strip-gpu": "Drop the requirements that only a GPU build needs.",
        "fix": "Fix wheels with your own rules.",
        "edit": "Change wheels as options say, without a rule file.",
        "show": "Show what a wheel requires and needs, and what would be dropped.",
        "verify": "Check wheels for errors.",
        "repair": "Fix what verify reports as fixable.",
        "diff": "Show exactly what differs between two wheels, or two locks of mirrors.",
        "explain": "Explain a code: what it means, who is affected, how to fix it.",
        "mirror": "Publish wheels in a directory or bucket that any server can serve.",
        "rules": "List, check, explain and test rules.",
        "completion": "Print a completion script for bash, zsh or fish.",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="wheelfix %(version)s")
@click.pass_context
def group(ctx: click.Context) -> None:
    """Fix the metadata of built wheels, and prove that nothing else changed.

    \b
    Examples:
      wheelfix strip-gpu torch-*.whl                      the fixed wheels are in fixed/
      wheelfix strip-gpu --diff torch-*.whl               show what would change
      wheelfix show torch-*.whl                           what each wheel requires and needs, and why
      wheelfix strip-gpu --publish mirror/ torch-*.whl    fix, and publish on a mirror
      wheelfix verify dist/*.whl                          check wheels for errors
    """
    start_clock(ctx)


def main() -> NoReturn:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup ignores it
        signal.signal(signal.SIGHUP, _terminate)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    sys.setswitchinterval(_SWITCH_SECONDS)
    _occupy_standard_streams()
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict" and not _holds_all(sys.stdout.encoding):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = run(sys.argv[1:])
    finally:  # all is done: what a handler raises while Python ends would be printed with a traceback
        signal.signal(signal.SIGINT, _do_nothing)
        for each in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(each) is _terminate:
                signal.signal(each, signal.SIG_DFL)
    gc.freeze()  # the process ends: collecting what is left would be wasted
    sys.exit(code)


def _holds_all(encoding: str) -> bool:
    """Whether each character of a name of a wheel has a place in ``encoding``."""
    return codecs.lookup(encoding).name.startswith("utf")


def _interrupt(_: int, __: FrameType | None) -> NoReturn:
    _ignore_what_ends()
    raise KeyboardInterrupt


def _terminate(number: int, __: FrameType | None) -> NoReturn:
    _ignore_what_ends()
    raise _Terminated(ExitCode.HUNG_UP if number == signal.SIGHUP else ExitCode.TERMINATED)


def _ignore_what_ends() -> None:
    """Let nothing cut short the clean-up: a second Ctrl-C, or the two signals that a closed terminal or systemd sends.

    One that has come already must find a handler: Python prints a traceback where it is to be ignored by then.
    """
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _do_nothing)


def _do_nothing(_: int, __: FrameType | None) -> None:
    pass


def _occupy_standard_streams() -> None:
    """Open the null device under the numbers of closed standard streams, or the next wheel would get one of them."""
    with suppress(OSError):  # there is no null device, as after a chroot
        descriptor = os.open(os.devnull, os.O_RDWR)
        while descriptor <= 2:
            descriptor = os.open(os.devnull, os.O_RDWR)
        os.close(descriptor)


class _ClosedOutput(io.TextIOBase):
    """Standard output where it was closed: printing fails, rather than losing the text silently."""

    def write(self, text: str) -> int:
        """Refuse ``text``, unless it is empty."""
        if text:
            raise OSError(errno.EBADF, "it is closed")
        return 0


def run(arguments: list[str]) -> int:
    """Run the command line with ``arguments`` and return its exit code."""
    if sys.stderr is None:  # our parent closed it
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
    if sys.stdout is None:
        sys.stdout = _ClosedOutput()
    try:
        if shell := os.environ.get(_COMPLETE):
            from wheelfix.cli.shells import complete  # imported late: it is for shells only

            complete(group, shell)
            return ExitCode.DONE
        code = group.main(arguments, prog_name="wheelfix", standalone_mode=False)
        return code if isinstance(code, int) else ExitCode.DONE
    except click.ClickException as error:
        return _end(error)
    except WheelfixError as error:
        return _end(stopped(error))
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted; complete files are kept.\n")
        return ExitCode.INTERRUPTED
    except _Terminated as end:
        how = "SIGHUP" if end.code == ExitCode.HUNG_UP else "SIGTERM"
        say(f"Ended by {how}; complete files are kept.\n")
        raise
    except _NoReader:
        _drop_output()
        return ExitCode.NO_READER
    except OSError as error:
        if error.filename is not None or error.errno not in _OF_OUTPUT:
            return _end(stopped(error))
        say(f"error: standard output: {error.strerror or error}\n")
        _drop_output()
        return ExitCode.INCOMPLETE


def _end(error: click.ClickException) -> int:
    """Print what ended the run, and return its exit code.

    Without a command that is 2, as in other tools: a script whose variable is empty must not go on.
    """
    is_bare = isinstance(error, click.exceptions.NoArgsIsHelpError) and error.ctx.parent is None
    say(_FIRST_STEPS if is_bare else render_end(error))
    return error.exit_code


def _drop_output() -> None:
    """Discard what is still buffered for standard output, so that Python does not try to write it again at its end."""
    if not isinstance(sys.stdout, _ClosedOutput):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
