"""The command line: one command a file, each parses, calls, renders and exits."""

import gc
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import click

from wheelfix.cli.lazy import LazyGroup
from wheelfix.cli.narration import say
from wheelfix.errors import RulesError
from wheelfix.version import __version__

_COMMANDS: Final = {
    "strip-gpu": "wheelfix.cli.strip_gpu",
    "fix": "wheelfix.cli.fix",
    "show": "wheelfix.cli.show",
    "verify": "wheelfix.cli.verify",
    "repair": "wheelfix.cli.repair",
    "diff": "wheelfix.cli.diff",
    "mirror": "wheelfix.cli.mirror",
    "rules": "wheelfix.cli.rules",
    "completion": "wheelfix.cli.completion",
}
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130
_GARBAGE_THRESHOLD: Final = 500_000
"""An archive of 12,000 members is 24,000 tuples without cycles; looking through them again and again costs a third."""
_SWITCH_SECONDS: Final = 0.0002
"""The sums are computed by threads that need the interpreter for a moment every 2 ms; they are not to wait 5 ms for it."""
_TERMINATED: Final = 143


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"wheelfix {__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, modules=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version and exit."
)
def group() -> None:
    """Correct the metadata of built wheels, and prove that nothing else changed.

    \b
    Examples:
      wheelfix strip-gpu torch-*.whl                      corrected wheels go to fixed/
      wheelfix strip-gpu --diff torch-*.whl               only show what would change
      wheelfix show torch-*.whl                           what each requires and needs, and why
      wheelfix strip-gpu --publish mirror/ torch-*.whl    correct, and publish in a folder
      wheelfix verify dist/*.whl                          every fault at once

    \b
    Exit codes: 0 done, or nothing to do; 1 --check would change a wheel, verify
    or mirror check found an error, diff a difference, or a wheel was refused or
    failed; 2 wrong usage or rules; 130 interrupted.
    """


def main() -> NoReturn:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    gc.set_threshold(_GARBAGE_THRESHOLD)
    sys.setswitchinterval(_SWITCH_SECONDS)
    code = run(sys.argv[1:])
    gc.freeze()  # nothing that is still there needs to be looked through once more before the process ends
    sys.exit(code)


def _interrupt(_: int, __: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C is not to cut the clean-up short
    raise KeyboardInterrupt


def _terminate(_: int, __: FrameType | None) -> NoReturn:
    sys.exit(_TERMINATED)


def run(arguments: list[str]) -> int:
    """Run the command line with ``arguments`` and return its exit code."""
    if sys.stderr is None:  # it was closed by whoever started us
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
    try:
        code = group.main(arguments, prog_name="wheelfix", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        with suppress(OSError):  # a standard error that takes nothing changes no exit code
            error.show()
        return error.exit_code
    except RulesError as error:
        say(f"wheelfix: {error}\n")
        return WRONG_USAGE
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted; files that were complete stay.\n")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has enough
        _drop_output()
        return 1
    except OSError as error:  # errors of wheels are told by their outcomes; what is left is our own output
        say(f"wheelfix: standard output: {error.strerror or error}\n")
        _drop_output()
        return 1


def _drop_output() -> None:
    """Let what is still buffered for standard output go nowhere, so that Python does not try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
