"""Defaults for options: ``WHEELFIX_*`` variables, and the table ``[options]`` of wheelfix.toml or ``[tool.wheelfix]``.

The command line wins over a variable, a variable over the file, and what is set for one command over what is set for all.
The key of an option is what people type, without dashes in front; that of ``mirror check --max-time`` is one of
``max-time``, ``mirror.max-time`` and ``mirror.check.max-time``, and its variable for example ``WHEELFIX_MIRROR_MAX_TIME``.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from wheelfix.text import shown

PREFIX: Final = "WHEELFIX_"
_GUARD: Final = "it turns off a safety check"
_ONE_RUN: Final = "it applies to a single run"
COMMAND_LINE_ONLY: Final[Mapping[str, str]] = {
    **dict.fromkeys(("allow-mixed", "allow-removals", "allow-unproven", "force", "grace", "overwrite", "replace",
                     "single-writer", "trust-content"), _GUARD),
    **dict.fromkeys(
        ("against", "all-unlisted", "check", "diff", "drop", "expect", "fix", "from-index", "golden", "in-place", "keep",
         "link", "names", "null", "only", "original", "output", "reason", "rebuild-archive", "replaced", "rules", "schema",
         "shard", "since", "to", "update", "yank-original"),
        _ONE_RUN,
    ),
    **dict.fromkeys(
        ("add", "add-field", "add-file", "add-tag", "drop-upper", "entry-point", "name", "post", "relax", "remove",
         "remove-entry-point", "remove-file", "remove-tag", "replace-requirement", "requires-python", "set", "tag",
         "version"),
        _ONE_RUN,
    ),
}  # fmt: skip
"""Options that are allowed only on the command line, and why: a forgotten line in a file must not lower a guard."""
VALUES_OF_COMMAND_LINE: Final[Mapping[str, tuple[str, ...]]] = {"scan": ("never",)}
"""Values of other options that are allowed only there, as they turn off a safety check."""
YIELDS_TO: Final[Mapping[str, tuple[str, ...]]] = {
    "build-tag": ("in-place",),
    "dask": ("jobs", "shard"),
    "format": ("diff",),
    "jobs": ("dask",),
    "local": ("in-place",),
    "lock": ("check", "shard"),
    "metrics": ("check",),
    "output-dir": ("in-place", "publish"),
    "publish": ("check", "diff", "in-place", "output-dir", "overwrite"),
    "quiet": ("verbose",),
    "skip-gpu-builds": ("force",),
    "skip-unproven": ("allow-unproven", "force"),
    "verbose": ("quiet",),
}
"""Options that are set in a file or variable give way to these, which exclude them, on the command line; those in a file
also to these in a variable."""
_FORMS: Final[tuple[tuple[type[click.ParamType[Any]], tuple[type, ...], str, str], ...]] = (
    (click.types.BoolParamType, (bool,), "true or false", "boolean"),
    (click.types.IntParamType, (int,), "a whole number", "integer"),
    (click.types.FloatParamType, (int, float), "a number", "number"),
    (click.ParamType, (str,), "text", "string"),
)
"""The types of options, and what stands for each in TOML, in messages and in a JSON Schema."""

NO_CONFIG: Final = f"{PREFIX}NO_CONFIG"
"""Set to true, no file sets options: a pull request brings its own, which could ignore what a check is for."""
_OF_OTHERS: Final = f"{PREFIX}VERSION"
"""CI jobs often use it for the version of wheelfix to install, so it does not set ``edit --version``."""

LOOKED_AT: Final = 8 << 20
"""How many bytes of a file are looked at: as many as of the largest TOML file. Its parser is not imported for that."""

Key = tuple[str, ...]


class Settings:
    """What a file and variables say of one command: a default for each parameter, and what is wrong with them.

    Other commands are imported only to look up a name that this one does not have.
    """

    def __init__(self, command: click.Command, ctx: click.Context) -> None:
        self.values: dict[str, Any] = {}
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self._from_file: list[click.Option] = []
        self._ctx = ctx
        path = tuple(ctx.command_path.split()[1:])
        self._own = {key: option for option in options_of(command) for key in keys(path, long_name(option))}

    def add_file(self) -> None:
        """Add what the file in force sets."""
        try:
            working = Path.cwd()
        except FileNotFoundError:
            self.warnings.append("the working directory no longer exists, so no file sets options")
            return
        if not _may_have_options(working):
            return
        from wheelfix.rules.toml import PROJECT_FILE, find_table  # imported late: most directories have no such file

        path, table = find_table(Path()) or (Path(), {})
        prefix = "tool.wheelfix.options" if path.name == PROJECT_FILE else "options"
        directory = os.path.relpath(path.parent)
        given = table.get("options", {})
        if not isinstance(given, dict):
            self.problems.append(f"{os.path.relpath(path)}: {prefix} must be a table")
            return
        for key, value in sorted(_flat(given), key=lambda item: len(item[0])):
            origin = f"{os.path.relpath(path)}: {shown('.'.join((prefix, *key)))}"
            if self._accepts(key, value, origin) and (option := self._own.get(key)):
                self._add_value(option, _in_directory(option, value, directory), origin)
                self._from_file.append(option)

    def _accepts(self, key: Key, value: object, origin: str) -> bool:
        name = key[-1]
        if name in COMMAND_LINE_ONLY:
            reason = COMMAND_LINE_ONLY[name]
            self.problems.append(f"{origin}: --{name} is allowed only on the command line, because {reason}")
        elif value in VALUES_OF_COMMAND_LINE.get(name, ()):
            self.problems.append(f"{origin}: --{name} {value} is allowed only on the command line, because {_GUARD}")
        elif key not in self._known():
            self.problems.append(f"{origin}: there is no such option{_guess('.'.join(key), map('.'.join, self._usable()))}")
        else:
            return True
        return False

    def add_environment(self, environment: Mapping[str, str]) -> None:
        """Add what variables set; an empty one sets nothing."""
        given = {name: value for name, value in environment.items() if name.startswith(PREFIX) and value}
        given.pop(_OF_OTHERS, None)
        given.pop(NO_CONFIG, None)
        known = {name: key for key in self._known() if (name := variable(key)) in given} if given else {}
        for name in given.keys() - known.keys():
            self.warnings.append(f"{shown(name)} sets no option{_guess(name, map(variable, self._usable()))}")
        for name, key in sorted(known.items(), key=lambda item: len(item[1])):
            if self._accepts(key, given[name], name) and (option := self._own.get(key)):
                split = option.type.split_envvar_value(given[name]) if option.multiple else given[name]
                self._convert(option, split, name)
                self._override(option)

    def _override(self, option: click.Option) -> None:
        """Drop what the file sets for options that give way to ``option``, which a variable sets."""
        for each in self._from_file:
            if long_name(option) in YIELDS_TO.get(long_name(each), ()):
                self.values.pop(str(each.name), None)

    def _usable(self) -> Iterator[Key]:
        """Yield the keys that count in a file or variable."""
        return (key for key in self._known() if key[-1] not in COMMAND_LINE_ONLY)

    def _known(self) -> Iterator[Key]:
        """Yield the keys of all options, those of this command first."""
        yield from self._own
        for path, command in commands(self._ctx.find_root()):
            for option in options_of(command):
                yield from keys(path, long_name(option))

    def _add_value(self, option: click.Option, value: object, origin: str) -> None:
        types, words, _ = form_of(option)
        values = value if option.multiple and isinstance(value, list) else [value]
        if not all(isinstance(each, types) and isinstance(each, bool) is (bool in types) for each in values):
            kind = f"{words}, or a list of it" if option.multiple else words
            self.problems.append(f"{origin}: it must be {kind}, and is {shown(repr(value))[:80]}")
        elif any(isinstance(each, str) and "\0" in each for each in values):
            self.problems.append(f"{origin}: it contains a NUL character, which no command line can")
        else:
            self._convert(option, values if option.multiple else value, origin)

    def _convert(self, option: click.Option, value: object, origin: str) -> None:
        """Check a value as the option does; keep it as it was given, because click converts it once more."""
        try:
            option.process_value(self._ctx, value)
        except click.BadParameter as error:
            is_number = isinstance(option.type, click.types.IntParamType | click.types.FloatParamType)
            other = is_number and "is not a valid" in error.message  # click says "is not a valid integer range"
            reason = (
                f"it must be {form_of(option)[1]}, and is {shown(repr(value))[:80]}" if other else error.message.rstrip(".")
            )
            self.problems.append(f"{origin}: {reason}")
        else:
            self.values[str(option.name)] = value


def settings_for(command: click.Command, ctx: click.Context) -> Settings:
    """Return what the file in force in the working directory and the environment set for ``command``.

    :raises RulesError: if the file cannot be read.
    """
    settings = Settings(command, ctx)
    if options_of(command):  # a command without options, such as explain, reads none, and helps to fix it
        if not _ignores_files(settings):
            settings.add_file()
        settings.add_environment(os.environ)
    return settings


def _ignores_files(settings: Settings) -> bool:
    try:
        return click.BOOL.convert(os.environ.get(NO_CONFIG) or "false", None, None)
    except click.BadParameter:
        settings.problems.append(f"{NO_CONFIG} must be true or false")
        return True


def give_way(command: click.Command, ctx: click.Context) -> None:
    """Reset what is set in a file or variable, and excluded by an option on the command line."""
    typed = {long_name(each) for each in command.params if _source(ctx, each) is ParameterSource.COMMANDLINE}
    for each in command.params:
        if typed.intersection(YIELDS_TO.get(long_name(each), ())) and _source(ctx, each) is ParameterSource.DEFAULT_MAP:
            ctx.params[str(each.name)] = each.to_info_dict()["default"]


def _source(ctx: click.Context, parameter: click.Parameter) -> ParameterSource | None:
    return ctx.get_parameter_source(parameter.name or "")


def _guess(given: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # imported late: most settings are right

    close = get_close_matches(given, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


def _may_have_options(directory: Path) -> bool:
    """Whether a file here or above could set options; a look at the bytes is cheaper than parsing every pyproject.toml."""
    for each in (directory, *directory.parents):
        if b"options" in _content(each / "wheelfix.toml"):
            return True
        content = _content(each / "pyproject.toml")
        if b"options" in content and b"wheelfix" in content:
            return True
    return False


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(LOOKED_AT)  # a larger one is refused by who reads it
    except OSError:  # who needs its rules reports that
        return b""


def _flat(table: Mapping[str, Any], path: Key = ()) -> Iterator[tuple[Key, object]]:
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, (*path, key))
        else:
            yield (*path, key), value


def _in_directory(option: click.Option, value: object, directory: str) -> object:
    """Return a path of a file as seen from the working directory, as ``extends`` is; the URL of a bucket stays."""
    if not isinstance(option.type, click.Path) or directory == ".":
        return value
    if isinstance(value, list):
        return [_in_directory(option, each, directory) for each in value]
    return str(Path(directory) / value) if isinstance(value, str) and value and "://" not in value else value


def commands(root: click.Context, path: Key = ()) -> Iterator[tuple[Key, click.Command]]:
    """Yield every command below ``root`` with its words on the command line; each is imported when its turn comes."""
    group = root.command
    if isinstance(group, click.Group):
        for name in group.list_commands(root):
            command = group.get_command(root, name)
            if isinstance(command, click.Group):
                yield from commands(click.Context(command, root), (*path, name))
            elif command is not None:
                yield (*path, name), command


def options_of(command: click.Command) -> list[click.Option]:
    """Return the options of ``command``, without ``--help``."""
    return [each for each in command.params if isinstance(each, click.Option)]


def long_name(parameter: click.Parameter) -> str:
    """Return the name of an option as people and files write it, without dashes in front: ``output-dir``."""
    return max(parameter.opts, key=len).lstrip("-")


def keys(path: Key, name: str) -> Iterable[Key]:
    """Return the keys of the option ``name`` of the command ``path``, from the one for all commands to the one for it."""
    return [(*path[:length], name) for length in range(len(path) + 1)]


def variable(key: Key) -> str:
    """Return the environment variable that sets the same as ``key``.

    >>> variable(("mirror", "check", "max-time"))
    'WHEELFIX_MIRROR_CHECK_MAX_TIME'
    """
    return PREFIX + "_".join(key).replace("-", "_").upper()


def form_of(option: click.Option) -> tuple[tuple[type, ...], str, str]:
    """Return what stands for a value of ``option`` in TOML, in messages and in a JSON Schema."""
    return next(form[1:] for form in _FORMS if isinstance(option.type, form[0]))


def choices_in_files(choice: click.Choice[Any], name: str) -> list[str]:
    """Return the values of the option ``name`` that count in a file or variable, too."""
    return [each for each in choice.choices if each not in VALUES_OF_COMMAND_LINE.get(name, ())]


def options_schema(root: click.Context) -> dict[str, Any]:
    """Return the JSON Schema of the table ``[options]``: the options of all commands, then a table for each command."""
    schemas: dict[Key, dict[str, Any]] = {}
    for path, command in commands(root):
        for option in options_of(command):
            if long_name(option) not in COMMAND_LINE_ONLY:
                short, *longer = keys(path, long_name(option))
                schemas.setdefault(short, {"description": option.help or "", **_option_schema(option)})
                schemas |= {key: schemas.get(key, _option_schema(option)) for key in longer}
    return _table_schema(schemas)


def _table_schema(schemas: Mapping[Key, dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of a table with these keys; a word can be an option and a command, as ``repair`` is."""
    properties = {}
    for name in dict.fromkeys(key[0] for key in schemas):
        below = {key[1:]: schema for key, schema in schemas.items() if key[0] == name and len(key) > 1}
        forms = [*([schemas[name,]] if (name,) in schemas else ()), *([_table_schema(below)] if below else ())]
        properties[name] = forms[0] if len(forms) == 1 else {"anyOf": forms}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _option_schema(option: click.Option) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": form_of(option)[2]}
    if isinstance(option.type, click.Choice):
        schema["enum"] = choices_in_files(option.type, long_name(option))
    if isinstance(option.type, click.IntRange | click.FloatRange) and option.type.min is not None:
        schema["exclusiveMinimum" if option.type.min_open else "minimum"] = option.type.min
    if isinstance(option.type, click.IntRange | click.FloatRange) and option.type.max is not None:
        schema["exclusiveMaximum" if option.type.max_open else "maximum"] = option.type.max
    if option.multiple:
        schema = {"type": [schema["type"], "array"], "items": schema}
    return schema
