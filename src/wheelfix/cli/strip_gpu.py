"""``wheelfix strip-gpu``."""

from typing import Any

import click

from wheelfix.cli.correcting import CorrectingOptions, correct, correcting_options


@click.command("strip-gpu")
@correcting_options
def command(**options: Any) -> int:
    """Drop the requirements that only a GPU build needs.

    WHEEL is a file, a folder (its *.whl), or - to read paths from standard input.
    Requirements behind an extra stay, and so do all those of GPU libraries.

    \b
    Examples:
      wheelfix strip-gpu torch-*.whl              corrected wheels go to fixed/
      wheelfix strip-gpu --diff torch-*.whl       only show what would change
      wheelfix strip-gpu --check wheels/          for CI: exit 1 if one would change
      wheelfix strip-gpu --format json -o out . > report.json
    """
    return correct("strip-gpu", "gpu", CorrectingOptions(**options))
