"""``wheelfix completion``."""

import click
from click.shell_completion import get_completion_class

from wheelfix.cli.command import Command


@click.command("completion", cls=Command, short_help="Print a completion script for bash, zsh or fish.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the completion script for SHELL.

    \b
    Examples:
      wheelfix completion bash > ~/.local/share/bash-completion/completions/wheelfix
      wheelfix completion zsh > "${fpath[1]}/_wheelfix"
      wheelfix completion fish > ~/.config/fish/completions/wheelfix.fish
    """
    from wheelfix.cli import group  # imported late: that module lists this one

    maker = get_completion_class(shell)
    if maker is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(maker(group, {}, "wheelfix", "_WHEELFIX_COMPLETE").source(), nl=False)
    return 0
