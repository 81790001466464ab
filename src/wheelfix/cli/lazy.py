"""Groups of commands that import a command when it is run, so that the program starts fast."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from wheelfix.cli.exit_codes import Stopped
from wheelfix.text import shown


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own, each as ``command``; it corrects misspelled ones."""

    def __init__(self, *arguments: Any, modules: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(self._modules)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; suggest the closest where there is none of that name."""
        close = get_close_matches(args[0].replace("_", "-"), self._modules, 1) if args else []
        if args and args[0] not in self._modules and close:
            raise Stopped(f"no such command {shown(args[0])!r}", hint=f"Did you mean {close[0]}?")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in self._modules:
            return None
        command: click.Command = import_module(self._modules[cmd_name]).command
        return command
