"""The classes of commands, with sections in the help and with settings, and of groups, which import commands late."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import chain
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final

import click

from wheelfix.cli.config import give_way, long_name, settings_for
from wheelfix.cli.exit_codes import Stopped, refuse_all
from wheelfix.cli.printing import say
from wheelfix.cli.targets import check_targets
from wheelfix.text import shown

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Sections = Mapping[str, Sequence[str]]
"""Titles of the help, each with the long names of its options in the order in which they are listed."""

CHANGING: Final[Sections] = {
    "What to download": ("from-index", "platform", "python", "all-versions"),
    "What to change": (
        "rules", "only", "keep", "drop", "repair", "select", "local", "build-tag", "all", "follow-pins",
        "rename-dist-info",
    ),
    "Where it goes": (
        "output-dir", "in-place", "publish", "check", "diff", "overwrite", "replace",
        "yank-original", "original", "sdists", "link", "no-sbom",
    ),
    "Safety": (
        "scan", "skip-gpu-builds", "skip-unproven", "allow-unproven", "allow-mixed", "force", "trust-content",
        "rebuild-archive",
        "strict-rules", "single-writer",
    ),
    "Output": ("format", "report", "quiet", "verbose"),
}  # fmt: skip
"""For commands that write wheels."""
CHECKING: Final[Sections] = {
    "What to download": ("from-index", "platform", "python"),
    "What to check": (
        "select", "ignore", "quick", "closed", "manifest", "against", "download", "fix", "grace", "single-writer",
    ),
    "Requests": ("connections", "cache", "max-requests", "max-time", "timeout"),
    "Output": ("format", "report", "strict", "quiet", "verbose"),
}  # fmt: skip
"""For commands that report findings."""
CHECKING_MIRRORS: Final[Sections] = {
    **CHECKING,
    "What to download": (),
    "What to check": (*CHECKING["What to check"], "platform", "python"),
}
"""For the check of a mirror, which downloads nothing for a platform: it resolves for it."""
SHOWING: Final[Sections] = {
    "What to read": ("rules", "from-index", "platform", "python", "scan"),
    "Output": ("format", "report", "expect", "quiet", "verbose"),
}
"""For commands that show what is in wheels, or differs between them."""
DELETING: Final[Sections] = {
    "What to delete": ("replaced", "all-unlisted", "check"),
    "Safety": ("grace", "single-writer"),
    "Output": ("format", "quiet"),
}
"""For commands that delete files of a mirror."""
SYNCING: Final[Sections] = {
    "What to do": ("check", "only", "to"),
    "Where it runs": ("jobs", "dask", "shard", "timeout"),
    "Safety": ("allow-removals", "allow-unproven", "allow-mixed", "single-writer"),
    "Output": ("format", "report", "lock", "metrics", "log-format", "schema", "quiet", "verbose"),
}
"""For commands that bring a mirror to what a manifest says."""
IMPORTING: Final[Sections] = {
    "Safety": ("replace", "allow-mixed", "allow-removals", "single-writer"),
    "Output": ("format", "quiet"),
}
"""For commands that add what another mirror has."""
_REST: Final = "Other options"
_FEW: Final = 8
"""So many options are read at a glance; more need sections."""


class Command(click.Command):
    """A command whose help lists its options in ``sections`` where they are many; what is in none comes last."""

    def __init__(self, *arguments: Any, sections: Sections = CHANGING, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._sections = sections

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse ``args``, with defaults from a file and from variables where it is not help that is wanted.

        :raises click.ClickException: if a setting cannot be used.
        """
        if ctx.resilient_parsing or not set(ctx.help_option_names).isdisjoint(args):
            return self._parse(ctx, args)
        settings = settings_for(self, ctx)
        refuse_all(settings.problems, "settings")
        ctx.default_map = settings.values
        rest = self._parse(ctx, args)
        give_way(self, ctx)
        check_targets(self, ctx.params)
        if not ctx.params.get("quiet"):
            say("".join(f"warning: {each}\n" for each in settings.warnings))
        return rest

    def _parse(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.BadOptionUsage as error:
            error.ctx = error.ctx or ctx  # the parser leaves it out, and the message says what the option takes
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options into ``formatter``."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        rows = {long_name(each): row for each in options if (row := each.get_help_record(ctx))}
        if len(rows) <= _FEW:
            super().format_options(ctx, formatter)
            return
        for title, names in self.sections_of([*rows]).items():
            with formatter.section(title):
                formatter.write_dl([rows[name] for name in names])

    def sections_of(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Return the options called ``names`` by the titles of their sections; one title without a name if they are few."""
        if len(names) <= _FEW:
            return {"": [*names]}
        left = dict.fromkeys(names)
        listed = {title: [each for each in section if each in left] for title, section in self._sections.items()}
        for name in chain.from_iterable(listed.values()):
            left.pop(name, None)
        return {title: section for title, section in {**listed, _REST: [*left]}.items() if section}


class LazyGroup(click.Group):
    """A group that imports a command when it is run, so that the program starts fast; it suggests names for misspelled ones.

    The command ``strip-gpu`` is ``command`` in the module ``strip_gpu`` of ``package``, that of ``import`` in ``import_``.
    ``names`` says in a line what each does, so that neither the help nor a shell that completes names imports them all.
    """

    def __init__(self, *arguments: Any, package: str, names: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._package = package
        self._names = names

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they were given."""
        return list(self._names)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command does into ``formatter``."""
        with formatter.section("Commands"):
            formatter.write_dl([*self._names.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Return the names of commands, and what click completes: options."""
        from click.shell_completion import CompletionItem  # imported late: it is for shells only

        found = [CompletionItem(name, help=text) for name, text in self._names.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse ``args``; ``help`` and what follows is that with ``--help`` behind it, as in git and cargo."""
        if args[:1] == ["help"] and not ctx.resilient_parsing:
            args = [*args[1:], "--help"]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; where there is none of that name suggest that of the group around this one, or the closest."""
        if args and args[0] not in self._names:
            around = ctx.parent.command if ctx.parent else None
            if isinstance(around, LazyGroup) and args[0] in around.list_commands(ctx):
                raise Stopped(f"no such command {args[0]!r}", hint=f"Did you mean `wheelfix {args[0]}`?")
            from difflib import get_close_matches  # imported late: most names are right

            close = get_close_matches(args[0].replace("_", "-"), [*self._names], 1)
            if close:
                raise Stopped(f"no such command {shown(args[0])!r}", hint=f"Did you mean {close[0]}?")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in self._names:
            return None
        module = cmd_name.replace("-", "_") + "_" * iskeyword(cmd_name)
        command: click.Command = import_module(f"{self._package}.{module}").command
        return command
