"""``wheelfix completion``."""

import click

from wheelfix.cli.command import Command
from wheelfix.cli.shells import SHELLS, script


@click.command("completion", cls=Command, short_help="Print a completion script for bash, zsh or fish.")
@click.argument("shell", type=click.Choice([*SHELLS]))
def command(shell: str) -> int:
    """Print the completion script for SHELL.

    It completes commands, options and what they take: codes (explain, --select, --ignore),
    the groups of strip-gpu, rule sets, packs and rule files, wheels and directories, what
    a mirror in a directory has, sources and projects of a manifest, fields of METADATA,
    platforms and Pythons. It asks no server.

    Save the script where the shell looks for completions, or evaluate it in the start-up
    file, where wheelfix may be missing: in a virtual environment that is not active.

    \b
    Examples:
      wheelfix completion bash > ~/.local/share/bash-completion/completions/wheelfix
      wheelfix completion zsh > "${fpath[1]}/_wheelfix"
      wheelfix completion fish > ~/.config/fish/completions/wheelfix.fish
      command -v wheelfix >/dev/null && eval "$(wheelfix completion bash)"
    """
    from wheelfix.cli import group  # imported late: that module lists this one

    click.echo(script(shell, group), nl=False)
    return 0
