"""``wheelfix mirror validate``."""

from typing import TYPE_CHECKING

import click

from wheelfix.cli.command import Command
from wheelfix.cli.exit_codes import ExitCode
from wheelfix.cli.mirror.sync_run import FILE
from wheelfix.cli.params import NO_SUMMARY
from wheelfix.cli.printing import print_text, say
from wheelfix.cli.suggest import files
from wheelfix.errors import ManifestError
from wheelfix.reports.findings import finding_lines
from wheelfix.sync.manifest.read import read_manifest
from wheelfix.sync.manifest.registry import manifest_error
from wheelfix.text import counted

if TYPE_CHECKING:
    from wheelfix.results import Finding


@click.command("validate", cls=Command)
@click.argument("manifests", nargs=-1, required=True, metavar="MANIFEST...", type=FILE, shell_complete=files(".toml"))
@click.option("--strict", is_flag=True, help="Exit 1 on warnings too.")
@NO_SUMMARY
def command(manifests: tuple[str, ...], strict: bool, quiet: bool) -> int:
    """Find what is wrong with manifests; no index and no mirror is opened.

    The rule files that a MANIFEST names are checked, too. Errors end with exit code 2;
    each names the file, the source, the key and the line. To see what a sync would
    change, use `wheelfix mirror sync --check`.

    \b
    Examples:
      wheelfix mirror validate mirror.toml
      wheelfix mirror validate --strict mirrors/*.toml
    """
    errors: list[Finding] = []
    warnings: list[Finding] = []
    for each in manifests:
        try:
            warnings += read_manifest(each).warnings
        except ManifestError as error:
            errors += error.findings
            if not error.findings:
                raise
    if errors:
        raise manifest_error(errors)
    print_text("".join(f"{line}\n" for line in finding_lines(warnings, verbose=True)))
    if not quiet:
        say(f"Checked {counted(len(manifests), 'manifest')}: 0 errors, {counted(len(warnings), 'warning')}\n")
    return ExitCode.FOUND if strict and warnings else ExitCode.DONE
