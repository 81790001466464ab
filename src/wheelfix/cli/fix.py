"""``wheelfix fix``."""

from typing import Any

import click

from wheelfix.cli.command import Command
from wheelfix.cli.fix_run import FixOptions, fix_options, run_fix
from wheelfix.cli.rulefiles import chosen_rules, rules_option


@click.command("fix", cls=Command)
@fix_options
@rules_option
def command(sources: tuple[str, ...], **options: Any) -> int:
    """Fix wheels with your own rules.

    The rules are read from wheelfix.toml, or from [tool.wheelfix] in pyproject.toml, in
    the working directory or above it; or in the files that --rules names.

    \b
    Examples:
      wheelfix fix --diff wheels/                   each distinct change once, for review
      wheelfix fix wheels/ -o fixed                 fixed wheels are written to fixed/
      wheelfix fix --rules torch.toml --rules gpu torch-*.whl
      wheelfix fix --strict-rules --check wheels/   for CI: exit 1 if one would change
    """
    return run_fix("fix", chosen_rules(sources), FixOptions(**options))
