"""``wheelfix explain``."""

import click

from wheelfix.cli.command import Command
from wheelfix.cli.exit_codes import MEANINGS, ExitCode
from wheelfix.cli.suggest import explained_codes
from wheelfix.reports.codes import render_all_codes, render_code
from wheelfix.version import REFERENCE


@click.command("explain", cls=Command, short_help="Explain a code: what it means, who is affected, how to fix it.")
@click.argument("codes", nargs=-1, metavar="[CODE]...", shell_complete=explained_codes)
def command(codes: tuple[str, ...]) -> None:
    """Explain a code of a finding or an error: what it means, who is affected, how to fix it.

    The codes are those that `verify`, `mirror check`, `mirror sync` and `rules check`
    report, and those in the messages of errors. A number is an exit code. Without a code,
    all codes are listed.

    \b
    Examples:
      wheelfix explain record-wrong-hash
      wheelfix explain unproven mixed-release
      wheelfix explain 3
      wheelfix explain | grep record
    """
    texts = [] if codes else [render_all_codes()]
    for code in codes:
        try:
            texts.append(_exit_code(code) if code.isdecimal() else render_code(code))
        except ValueError as error:
            raise click.UsageError(f"There is no code {code!r}. {error}") from error
    click.echo("\n".join(texts), nl=False)


def _exit_code(number: str) -> str:
    """Return what an exit code means, in lines with line ends.

    :raises ValueError: if wheelfix never ends with it.
    """
    codes = {str(int(each)): each for each in ExitCode}
    if number not in codes:
        raise ValueError(f"The exit codes are {', '.join(codes)}.")
    meaning = MEANINGS.get(codes[number], MEANINGS[ExitCode.INTERRUPTED])  # that row has the other signals, too
    return f"{number} (exit code)\n\n{meaning[0].upper()}{meaning[1:]}.\n\nDocumentation: {REFERENCE}exit-codes.md\n"
