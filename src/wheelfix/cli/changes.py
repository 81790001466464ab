"""The options of ``wheelfix edit`` that change something, and the edits that their values stand for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from wheelfix.cli import suggest
from wheelfix.cli.options import Option
from wheelfix.errors import EditError
from wheelfix.text import shown
from wheelfix.wheel.edits import (
    AddEntryPoint,
    AddField,
    AddRequirement,
    AddTags,
    DropExtra,
    DropRequirement,
    DropUpperLimit,
    Edit,
    RelaxRequirement,
    RemoveEntryPoint,
    RemoveField,
    RemoveFiles,
    RemoveTags,
    ReplaceRequirement,
    SetBuildTag,
    SetField,
    SetLocal,
    SetName,
    SetPost,
    SetRootIsPurelib,
    SetTags,
    SetVersion,
    WriteFile,
)
from wheelfix.wheel.fields import find

_LARGEST_FILE: Final = 1 << 24
"""How many bytes --add-file reads: more than any file of dist-info that is not damaged has."""


class Requested(NamedTuple):
    """An edit, and the option that requests it, as typed."""

    option: str
    edit: Edit


class OptionError(NamedTuple):
    """What is wrong with an option, as typed, and what to do."""

    option: str
    message: str
    hint: str


_Read = Callable[[Any], Iterator[Requested | OptionError]]


def _typed(flag: str, value: str) -> str:
    """Return an option as it was typed; an empty value is shown as one."""
    return f"{flag} {value or repr('')}"


def _each(flag: str, make: Callable[[str], Edit]) -> _Read:
    """Return what reads an option of which every value is an edit of its own."""
    return lambda values: (Requested(_typed(flag, value), make(value)) for value in values)


def _once(flag: str, make: Callable[[str], Edit]) -> _Read:
    """Return what reads an option that is given once."""
    return lambda value: iter(() if value is None else (Requested(_typed(flag, value), make(value)),))


def _replacements(values: Iterable[tuple[str, str]]) -> Iterator[Requested | OptionError]:
    """Yield an edit for each old requirement: it becomes all the new ones that are given for it."""
    by: dict[str, list[str]] = {}
    for old, new in values:
        by.setdefault(old, []).append(new)
    for old, given in by.items():
        option = _typed("--replace-requirement", old)
        wheel = next((new for new in given if new.endswith(".whl")), None)
        if wheel is not None:
            yield OptionError(option, f"{shown(wheel)} is a wheel", "Give the new requirement after the old one.")
        else:
            yield Requested(option, ReplaceRequirement(old, given[0] if len(given) == 1 else tuple(given)))


def _together(flag: str, make: Callable[[tuple[str, ...]], Edit]) -> _Read:
    """Return what reads an option whose values make one edit together."""
    return lambda values: iter(
        (Requested(" ".join(_typed(flag, value) for value in values), make(values)),) if values else ()
    )


_OTHER_OPTIONS: Final = {
    "requires-dist": "Use --add, --drop and --replace-requirement.",
    "provides-extra": "Use --add-field Provides-Extra=NAME and --remove Provides-Extra=NAME.",
    "name": "Use --name.",
    "version": "Use --version.",
    "build": "Use --build-tag.",
    "tag": "Use --tag, --add-tag and --remove-tag.",
}
"""Fields that --set and --remove leave to other options, by their names in lower case."""
_ROOT: Final = "root-is-purelib"
_SET_ROOT: Final = "Use --set Root-Is-Purelib=true or --set Root-Is-Purelib=false."
_OF_WHEEL: Final = {
    "build": _OTHER_OPTIONS["build"],
    "tag": _OTHER_OPTIONS["tag"],
    _ROOT: _SET_ROOT,
    **dict.fromkeys(("wheel-version", "generator"), "Only its tags, its build tag and Root-Is-Purelib can change."),
}
"""Fields of WHEEL, in lower case, and how they change instead."""


def _reserved(option: str, name: str) -> OptionError | None:
    hint = _OTHER_OPTIONS.get(name.lower())
    return OptionError(option, f"{name} has options of its own", hint) if hint else _of_wheel(option, name)


def _of_wheel(option: str, name: str) -> OptionError | None:
    hint = _OF_WHEEL.get(name.lower())
    return OptionError(option, f"{name} is a field of WHEEL", hint) if hint else None


def _no_value(option: str) -> OptionError:
    return OptionError(option, "it has no value", "Write FIELD=VALUE, such as License=MIT.")


def _set_fields(values: Iterable[str]) -> Iterator[Requested | OptionError]:
    """Yield an edit for each field: one that may appear many times gets all values that are given for it."""
    fields: dict[str, list[str]] = {}
    for text in values:
        name, sign, value = (part.strip() for part in text.partition("="))
        kind = find(name)
        option = _typed("--set", text)
        if not sign:
            yield _no_value(option)
        elif name.lower() == _ROOT:
            yield _root_is_purelib(option, value)
        elif wrong := _reserved(option, name) or _empty(option, name, value):
            yield wrong
        else:
            fields.setdefault(kind.name if kind else name, []).append(value)
    for name, given in fields.items():
        kind = find(name)
        if kind is not None and kind.multiple:
            yield Requested(f"--set {name}", SetField(name, tuple(given)))
        elif len(given) > 1:
            yield OptionError(f"--set {name}", "the field can be used only once, and has two values", "Give one value.")
        else:
            yield Requested(f"--set {name}={given[0]}", SetField(name, given[0]))


def _root_is_purelib(option: str, value: str) -> Requested | OptionError:
    if value.lower() not in ("true", "false"):
        return OptionError(option, "Root-Is-Purelib is either true or false", _SET_ROOT)
    return Requested(option, SetRootIsPurelib(value.lower() == "true"))


def _empty(option: str, name: str, value: str) -> OptionError | None:
    kind = find(name)
    if value or kind is None:
        return None
    return OptionError(option, "the value is empty", f"To remove the field, use --remove {kind.name}.")


def _requires_python(value: str | None) -> Iterator[Requested | OptionError]:
    if value is not None:
        option, field = _typed("--requires-python", value), "Requires-Python"
        yield _empty(option, field, value) or Requested(option, SetField(field, value))


def _add_fields(values: Iterable[str]) -> Iterator[Requested | OptionError]:
    for text in values:
        option = _typed("--add-field", text)
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (sign and value):
            yield _no_value(option)
        else:
            yield _of_wheel(option, name) or Requested(option, AddField(name, value))


def _remove_fields(values: Iterable[str]) -> Iterator[Requested | OptionError]:
    for text in values:
        option = _typed("--remove", text)
        name, sign, value = (part.strip() for part in text.partition("="))
        if name.lower() == "provides-extra" and value:
            yield Requested(option, DropExtra(value))
        else:
            yield _reserved(option, name) or Requested(option, RemoveField(name, value if sign else None))


def _add_files(values: Iterable[str]) -> Iterator[Requested | OptionError]:
    from wheelfix.fix.plan import check_path

    for text in values:
        option = _typed("--add-file", text)
        path, sign, source = text.partition("=")
        if not sign or not source:
            yield OptionError(option, "it names no file to read", "Write PATH=FILE, such as licenses/NOTICE=./NOTICE.")
            continue
        try:
            check_path(path)
            with Path(source).open("rb") as file:
                content = file.read(_LARGEST_FILE + 1)
        except EditError as error:
            yield OptionError(option, error.message, error.hint)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            yield OptionError(option, f"{shown(source)} cannot be read: {reason or error}", "Check the path.")
        else:
            if len(content) > _LARGEST_FILE:
                yield OptionError(option, f"{shown(source)} is larger than {_LARGEST_FILE:,} bytes", "Give a smaller file.")
            else:
                yield Requested(option, WriteFile(path, content))


def _entry_points(values: Iterable[str]) -> Iterator[Requested | OptionError]:
    for text in values:
        option = _typed("--entry-point", text)
        head, sign, value = text.partition("=")
        group, name = _group_and_name(head, "console_scripts")
        if sign:
            yield Requested(option, AddEntryPoint(group, name, value.strip()))
        else:
            yield OptionError(option, "it has no value", "Write NAME=MODULE:FUNCTION, such as demo=demo.cli:main.")


def _removed_entry_points(values: Iterable[str]) -> Iterator[Requested | OptionError]:
    for text in values:
        group, name = _group_and_name(text, "")
        yield Requested(_typed("--remove-entry-point", text), RemoveEntryPoint((name,), (group,) if group else ()))


def _group_and_name(text: str, group: str) -> tuple[str, str]:
    """Return the parts of ``GROUP:NAME``; without a colon it is a name in ``group``."""
    first, colon, rest = text.partition(":")
    return (first.strip(), rest.strip()) if colon else (group, text.strip())


class Change(NamedTuple):
    """An option that changes something, and what reads its value."""

    option: Option
    read: _Read


def _many(flag: str, metavar: str, text: str, read: _Read, **settings: Any) -> Change:
    return Change(click.option(flag, multiple=True, metavar=metavar, help=text, **settings), read)


def _single(flag: str, metavar: str, text: str, make: Callable[[str], Edit], **settings: Any) -> Change:
    return Change(click.option(flag, metavar=metavar, help=text, **settings), _once(flag, make))


CHANGES: Final[Mapping[str, Change]] = {
    "replace_requirement": _many(
        "--replace-requirement", "OLD NEW",
        "Replace the requirements that OLD names, as for --drop, by the requirement or template NEW; by several if it is "
        "given several times.",
        _replacements, nargs=2,
    ),
    "relax": _many(
        "--relax", "NAME", "Allow later versions of requirements, named as for --drop: ==1.2 and ~=1.2 become >=1.2.",
        _each("--relax", RelaxRequirement),
    ),
    "drop_upper": _many(
        "--drop-upper", "NAME", "Remove the upper limit of requirements, named as for --drop: >=1.2,<2 becomes >=1.2.",
        _each("--drop-upper", DropUpperLimit),
    ),
    "drop": _many(
        "--drop", "NAME", "Drop requirements of this name: a name, a pattern such as 'nvidia-*', or a whole requirement.",
        _each("--drop", DropRequirement),
    ),
    "add": _many("--add", "REQUIREMENT", "Add a requirement, unless the wheel has it.", _each("--add", AddRequirement)),
    "requires_python": Change(
        click.option("--requires-python", metavar="SPECIFIER", help="Set Requires-Python, such as '>=3.10'."),
        _requires_python,
    ),
    "set": _many(
        "--set", "FIELD=VALUE",
        "Set a field of METADATA; give all values of one that can be used several times, such as Classifier.",
        _set_fields, shell_complete=suggest.fields("="),
    ),
    "add_field": _many(
        "--add-field", "FIELD=VALUE", "Add a value of a field that can be used several times.", _add_fields,
        shell_complete=suggest.fields("="),
    ),
    "remove": _many(
        "--remove", "FIELD[=VALUE]", "Remove a field, or only its lines with this value.", _remove_fields,
        shell_complete=suggest.fields(),
    ),
    "remove_entry_point": _many(
        "--remove-entry-point", "[GROUP:]NAME", "Remove entry points whose name, and group, match this.",
        _removed_entry_points,
    ),
    "entry_point": _many(
        "--entry-point", "[GROUP:]NAME=VALUE",
        "Add an entry point, by default to console_scripts, such as demo=demo.cli:main.", _entry_points,
    ),
    "remove_file": _many(
        "--remove-file", "PATTERN", "Remove files, such as 'tests/' or '*.pyc'; RECORD and top_level.txt follow.",
        _together("--remove-file", RemoveFiles),
    ),
    "add_file": _many(
        "--add-file", "PATH=FILE", "Write a file into dist-info, such as licenses/NOTICE=./NOTICE.", _add_files
    ),
    "name": _single("--name", "NAME", "Set the project's name, everywhere in the wheel.", SetName),
    "version": _single(
        "--version", "VERSION", "Set the version, everywhere in the wheel.", SetVersion
    ),
    "post": _single(
        "--post", "NUMBER", "Make the wheels this post-release of their version, or with +1 the next one.", SetPost
    ),
    "local": _single(
        "--local", "VERSION", "Give the wheels this local version, such as cpu: 2.7.0+cpu; empty for none.", SetLocal,
        shell_complete=suggest.words("cpu"),
    ),
    "build_tag": _single(
        "--build-tag", "TAG", "Give the wheels this build tag, such as 1nogpu; installers prefer it.", SetBuildTag
    ),
    "tag": _many(
        "--tag", "TAG", "Give the wheels this tag, such as py3-none-any, or these, in place of those that they have.",
        _together("--tag", SetTags),
    ),
    "add_tag": _many("--add-tag", "TAG", "Give the wheels this tag too.", _together("--add-tag", AddTags)),
    "remove_tag": _many(
        "--remove-tag", "PATTERN", "Remove the tags that match this, such as 'py2-*'.",
        _together("--remove-tag", RemoveTags),
    ),
}  # fmt: skip
"""The options that change something, by the names of their parameters, in the order of their rules: the first one that
matches a requirement decides, so what replaces it comes before what drops it."""
