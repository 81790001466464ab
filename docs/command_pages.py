"""A page for each command, made from the command itself: sphinx-click, with the sections, settings and links of our help.

``.. command:: strip-gpu`` is on the page of ``wheelfix strip-gpu``; ``.. commands::`` is the table of all of them.
Each option has an anchor, such as ``#cmdoption-wheelfix-strip-gpu-scan``, and is linked by
``{option}`wheelfix strip-gpu --scan```.
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Final

import click
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx_click.ext import ClickDirective

from wheelfix.cli import group
from wheelfix.cli.command import Command
from wheelfix.cli.config import COMMAND_LINE_ONLY, VALUES_OF_COMMAND_LINE, commands, long_name, variable

Lines = list[str]
_ROOT: Final = click.Context(group, info_name="wheelfix")
COMMANDS: Final = {" ".join(path): command for path, command in commands(_ROOT)}
"""Every command, by its words on the command line."""
_DEFAULT: Final = re.compile(r"\s*\[default: (.*)\]$")
_CODE: Final = re.compile(r"`([^`]+)`")
_REPEATED: Final = re.compile(r"[;.] (?:Can|May|can|may) be (?:repeated|given more than once)")
_ONCE: Final = frozenset({"from-index"})
"""Options that click collects, so that a second one can be refused."""
_TOKEN: Final = re.compile(
    r"(?P<code>'[^' ]+'|\b[a-z0-9]+://[^\s,)]*)|(?P<option>(?<![\w-])--[a-z][a-z-]+)|(?P<special>[\\*_|`])"
)
"""What is more than text: what is typed as it is, an option, what reStructuredText would read as markup."""


def page_of(name: str) -> str:
    """Return the name of the page of a command.

    >>> page_of("mirror sync")
    'mirror-sync'
    """
    return name.replace(" ", "-")


class CommandDirective(ClickDirective):  # type: ignore[misc]  # sphinx-click has no types
    """What sphinx-click makes of a command, without the section around it: the page has a title of its own."""

    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> Sequence[nodes.Node]:
        """Return the description, the usage, and the options in their sections."""
        self.options["prog"] = f"wheelfix {self.arguments[0]}"
        self.options["nested"] = "none"
        [section] = super().run()
        return [each for each, after in pairwise((*section.children[1:], None)) if not _is_empty(each, after)]

    def _load_module(self, module_path: str) -> click.Command:
        try:
            return COMMANDS[module_path]
        except KeyError as error:
            raise self.error(f"no such command: {module_path}") from error


def _is_empty(node: nodes.Node, after: nodes.Node | None) -> bool:
    """Whether ``node`` is a title that another one follows at once, as that of all options does where they have sections."""
    return isinstance(node, nodes.rubric) and isinstance(after, nodes.rubric)


class CommandsDirective(SphinxDirective):
    """A table of the commands of one group, or of those that are in none (``wheels``), with a link to the page of each."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        wanted = self.arguments[0]
        lines = [".. list-table::", "   :widths: 28 72", ""]
        for name, command in COMMANDS.items():
            if wanted == (name.partition(" ")[0] if " " in name else "wheels"):
                lines.append(f"   * - :doc:`wheelfix {name} <{page_of(name)}>`")
                lines.append(f"     - {_rst(command.get_short_help_str(200))}")
        return _parsed(self, lines)


def _parsed(directive: SphinxDirective, lines: Iterable[str]) -> list[nodes.Node]:
    parent = nodes.Element()
    directive.state.nested_parse(StringList(list(lines), "commands"), 0, parent)
    return parent.children


def describe(_: Sphinx, ctx: click.Context, lines: Lines) -> None:
    """Write the description of the help: paragraphs, and what is laid out by hand as it is."""
    lines[:] = []
    for block in inspect.cleandoc(ctx.command.help or "").split("\n\n"):
        if block.startswith("\b\n"):
            lines += _laid_out(block.removeprefix("\b\n").splitlines())
        else:
            lines += [_rst(" ".join(block.split())), ""]


def _laid_out(block: Sequence[str]) -> Iterator[str]:
    """Yield a part of the help whose lines are not to be joined: examples, or a list."""
    title, *rest = block
    if title == "Examples:":
        yield from (".. rubric:: Examples", "", ".. code-block:: console", "")
        yield from (f"   {line}" for line in _session(rest))
    elif any(line.startswith(" ") for line in rest):
        yield from ("::", "")
        yield from (f"   {line}" for line in block)
    else:
        yield _rst(" ".join(block))
    yield ""


def _session(examples: Iterable[str]) -> Iterator[str]:
    """Yield the examples as they are typed, and what is said of one as a comment of the shell."""
    for line in examples:
        command, _, remark = line.strip().partition("   ")
        begins = command.startswith("wheelfix ") or "| wheelfix" in command or "$(" in command
        yield f"{'$ ' if begins else '    '}{command}{f'  # {remark.strip()}' if remark else ''}"


def use(_: Sphinx, ctx: click.Context, lines: Lines) -> None:
    """Write the usage."""
    pieces = " ".join(ctx.command.collect_usage_pieces(ctx))
    lines[:] = [".. code-block:: text", "", f"   {ctx.command_path} {pieces}", ""]


def list_options(_: Sphinx, ctx: click.Context, lines: Lines) -> None:
    """Write the options in the sections of the help, each with what it can be set by."""
    lines[:] = []
    options = [each for each in ctx.command.params if isinstance(each, click.Option) and not each.hidden]
    by_name = {long_name(each): each for each in options}
    names_by_title = ctx.command.sections_of([*by_name]) if isinstance(ctx.command, Command) else {"": [*by_name]}
    for title, names in names_by_title.items():
        lines += [f".. rubric:: {title}", ""] if title else []
        for name in names:
            lines += _option(ctx, by_name[name])


def _option(ctx: click.Context, option: click.Option) -> Iterator[str]:
    value = "" if option.is_flag else f" {option.make_metavar(ctx)}"
    yield f".. option:: {', '.join(sorted(option.opts, key=len))}{value}"
    yield ""
    text, default = _split_default(option)
    if text:
        yield f"   {_rst(text, ctx)}"
        yield ""
    yield f"   {_facts(option, default)}"
    yield ""


def _split_default(option: click.Option) -> tuple[str, str]:
    """Return the help without what it says of the default, and that."""
    text = option.help or ""
    if option.multiple:
        text = _REPEATED.sub("", text)
    if found := _DEFAULT.search(text):
        return _DEFAULT.sub("", text), found[1]
    shown = option.show_default and option.default is not None and not option.is_flag
    return text, f"``{option.default}``" if shown else ""


def _facts(option: click.Option, default: str) -> str:
    """Return what else there is to know, in one line."""
    name, facts = long_name(option), []
    if isinstance(option.type, click.Choice):
        facts.append("one of " + ", ".join(f"``{each}``" for each in option.type.choices))
    facts += _range_of(option.type)
    if default:
        facts.append(f"default: {default if default.startswith('``') else _rst(default)}")
    if option.multiple and name not in _ONCE:
        facts.append("can be repeated")
    if name in COMMAND_LINE_ONLY:
        facts.append("on the command line only")
    else:
        facts.append(f":doc:`setting </reference/configuration>` ``{name}``, ``{variable((name,))}``")
        facts += [f"``{each}`` on the command line only" for each in VALUES_OF_COMMAND_LINE.get(name, ())]
    text = " · ".join(facts)
    return text[0].upper() + text[1:] if text[0].islower() else text


def _range_of(kind: click.ParamType[Any]) -> Iterator[str]:
    if isinstance(kind, click.IntRange | click.FloatRange):
        if kind.min is not None:
            yield f"{'more than' if kind.min_open else 'at least'} {kind.min}"
        if kind.max is not None:
            yield f"{'less than' if kind.max_open else 'at most'} {kind.max}"


def list_arguments(_: Sphinx, __: click.Context, lines: Lines) -> None:
    """Leave out the arguments: the usage has them, and the description says what they are."""
    lines[:] = []


def _rst(text: str, ctx: click.Context | None = None) -> str:
    """Return plain text of the help as reStructuredText; names of the command's own options become links."""
    own = {name for each in ctx.command.params for name in each.opts} if ctx else set()
    pieces = _CODE.split(text)  # every second piece is code
    return "".join(
        _code(piece) if odd else _linked(piece, own, ctx.command_path if ctx else "")
        for odd, piece in zip((False, True) * len(pieces), pieces, strict=False)
    )


def _code(text: str) -> str:
    name = text.removeprefix("wheelfix ")
    return f":doc:`{text} </reference/commands/{page_of(name)}>`" if name != text and name in COMMANDS else f"``{text}``"


def _linked(text: str, own: Iterable[str], program: str) -> str:
    def write(found: re.Match[str]) -> str:
        if found["option"] in own:
            return f":option:`{found[0]} <{program} {found[0]}>`"
        return f"\\{found[0]}" if found["special"] else f"``{found[0]}``"

    return _TOKEN.sub(write, text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives, and what takes the place of the texts of sphinx-click."""
    app.setup_extension("sphinx_click")
    app.add_directive("command", CommandDirective)
    app.add_directive("commands", CommandsDirective)
    app.connect("sphinx-click-process-description", describe)
    app.connect("sphinx-click-process-usage", use)
    app.connect("sphinx-click-process-options", list_options)
    app.connect("sphinx-click-process-arguments", list_arguments)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
