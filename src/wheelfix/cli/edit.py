"""``wheelfix edit``."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
from msgspec.structs import replace

from wheelfix.cli.command import CHANGING, Command, Sections
from wheelfix.cli.exit_codes import Stopped, refuse_all
from wheelfix.cli.options import FIXING, NAMING, FixOptions, Option, run_fix, with_options
from wheelfix.errors import EditError
from wheelfix.results import Finding, Report
from wheelfix.rules.from_edits import rule_of, rules_of
from wheelfix.rules.schema import print_rule
from wheelfix.text import closest, shown
from wheelfix.wheel.edits import (
    RENAMING,
    AddField,
    AddRequirement,
    AddTags,
    DropExtra,
    DropRequirement,
    DropUpperLimit,
    Edit,
    RelaxRequirement,
    RemoveField,
    RemoveTags,
    ReplaceRequirement,
    RequirementEdit,
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
_MOST_READ: Final = 200
"""In how many wheels names are looked up that are close to one which none of them has."""


class _Asked(NamedTuple):
    """An edit, and the option that asks for it as it was typed."""

    option: str
    edit: Edit


class _Wrong(NamedTuple):
    """What is wrong with an option as it was typed, and what to do."""

    option: str
    message: str
    hint: str


_Read = Callable[[Any], Iterator[_Asked | _Wrong]]


def _each(flag: str, make: Callable[[str], Edit]) -> _Read:
    """Return what reads an option of which every value is an edit of its own."""
    return lambda values: (_Asked(f"{flag} {value}", make(value)) for value in values)


def _once(flag: str, make: Callable[[str], Edit]) -> _Read:
    """Return what reads an option that is given once."""
    return lambda value: iter(() if value is None else (_Asked(f"{flag} {value}", make(value)),))


def _replacements(values: Iterable[tuple[str, str]]) -> Iterator[_Asked | _Wrong]:
    """Yield an edit for each old requirement: it becomes all the new ones that are given for it."""
    by: dict[str, list[str]] = {}
    for old, new in values:
        by.setdefault(old, []).append(new)
    for old, given in by.items():
        option = f"--replace-requirement {old}"
        wheel = next((new for new in given if new.endswith(".whl")), None)
        if wheel is not None:
            yield _Wrong(option, f"{shown(wheel)} is a wheel", "Give the new requirement behind the old one.")
        else:
            yield _Asked(option, ReplaceRequirement(old, given[0] if len(given) == 1 else tuple(given)))


def _together(flag: str, make: Callable[[tuple[str, ...]], Edit]) -> _Read:
    """Return what reads an option whose values make one edit together."""
    return lambda values: iter((_Asked(" ".join(f"{flag} {value}" for value in values), make(values)),) if values else ())


_OTHER_OPTIONS: Final = {
    "requires-dist": "Use --add, --drop and --replace-requirement.",
    "provides-extra": "Use --add-field Provides-Extra=NAME and --remove Provides-Extra=NAME.",
    "name": "Use --name.",
    "version": "Use --version.",
    "build": "Use --build-tag.",
    "tag": "Use --tag, --add-tag and --remove-tag.",
}
"""Fields that --set and --remove leave to other options, by their names in lower case."""


def _reserved(option: str, name: str) -> _Wrong | None:
    hint = _OTHER_OPTIONS.get(name.lower())
    return _Wrong(option, f"{name} has options of its own", hint) if hint else None


def _no_value(option: str) -> _Wrong:
    return _Wrong(option, "it has no value", "Write FIELD=VALUE, such as License=MIT.")


def _set_fields(values: Iterable[str]) -> Iterator[_Asked | _Wrong]:
    """Yield an edit for each field: one that may appear many times gets all values that are given for it."""
    fields: dict[str, list[str]] = {}
    for text in values:
        name, sign, value = (part.strip() for part in text.partition("="))
        kind = find(name)
        if name.lower() == "root-is-purelib" and value in ("true", "false"):
            yield _Asked(f"--set {text}", SetRootIsPurelib(value == "true"))
        elif wrong := _reserved(f"--set {text}", name) if sign else _no_value(f"--set {text}"):
            yield wrong
        else:
            fields.setdefault(kind.name if kind else name, []).append(value)
    for name, given in fields.items():
        kind = find(name)
        if kind is not None and kind.multiple:
            yield _Asked(f"--set {name}", SetField(name, tuple(given)))
        elif len(given) > 1:
            yield _Wrong(f"--set {name}", "the field can be used only once, and has two values", "Give one value.")
        else:
            yield _Asked(f"--set {name}={given[0]}", SetField(name, given[0]))


def _add_fields(values: Iterable[str]) -> Iterator[_Asked | _Wrong]:
    for text in values:
        option = f"--add-field {text}"
        name, sign, value = (part.strip() for part in text.partition("="))
        yield _Asked(option, AddField(name, value)) if sign else _no_value(option)


def _remove_fields(values: Iterable[str]) -> Iterator[_Asked | _Wrong]:
    for text in values:
        option = f"--remove {text}"
        name, sign, value = (part.strip() for part in text.partition("="))
        if name.lower() == "provides-extra" and value:
            yield _Asked(option, DropExtra(value))
        else:
            yield _reserved(option, name) or _Asked(option, RemoveField(name, value if sign else None))


def _add_files(values: Iterable[str]) -> Iterator[_Asked | _Wrong]:
    from wheelfix.fix.plan import check_path

    for text in values:
        option = f"--add-file {text}"
        path, sign, source = text.partition("=")
        if not sign or not source:
            yield _Wrong(option, "it names no file to read", "Write PATH=FILE, such as licenses/NOTICE=./NOTICE.")
            continue
        try:
            check_path(path)
            with Path(source).open("rb") as file:
                content = file.read(_LARGEST_FILE + 1)
        except EditError as error:
            yield _Wrong(option, error.message, error.hint)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            yield _Wrong(option, f"{shown(source)} cannot be read: {reason or error}", "Check the path.")
        else:
            if len(content) > _LARGEST_FILE:
                yield _Wrong(option, f"{shown(source)} is larger than {_LARGEST_FILE:,} bytes", "Give a smaller file.")
            else:
                yield _Asked(option, WriteFile(path, content))


class _Change(NamedTuple):
    """An option that asks for changes, and what reads its value."""

    option: Option
    read: _Read


def _many(flag: str, metavar: str, text: str, read: _Read, **settings: Any) -> _Change:
    return _Change(click.option(flag, multiple=True, metavar=metavar, help=text, **settings), read)


def _single(flag: str, metavar: str, text: str, make: Callable[[str], Edit]) -> _Change:
    return _Change(click.option(flag, metavar=metavar, help=text), _once(flag, make))


_CHANGES: Final[Mapping[str, _Change]] = {
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
    "requires_python": _single(
        "--requires-python", "SPECIFIER", "Set Requires-Python, such as '>=3.10'.", partial(SetField, "Requires-Python")
    ),
    "set": _many(
        "--set", "FIELD=VALUE",
        "Set a field of METADATA; give all values of one that can be used several times, such as Classifier.",
        _set_fields,
    ),
    "add_field": _many(
        "--add-field", "FIELD=VALUE", "Add a value of a field that can be used several times.", _add_fields
    ),
    "remove": _many(
        "--remove", "FIELD[=VALUE]", "Remove a field, or only its lines with this value.", _remove_fields
    ),
    "add_file": _many(
        "--add-file", "PATH=FILE", "Write a file into dist-info, such as licenses/NOTICE=./NOTICE.", _add_files
    ),
    "name": _single("--name", "NAME", "Give the project this name, wherever the wheel says it.", SetName),
    "version": _single(
        "--version", "VERSION", "Give the wheels this version, wherever they say their version.", SetVersion
    ),
    "post": _single(
        "--post", "NUMBER", "Make the wheels this post-release of their version, or with +1 the next one.", SetPost
    ),
    "local": _single(
        "--local", "VERSION", "Give the wheels this local version, such as cpu: 2.7.0+cpu; empty for none.", SetLocal
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
        "--remove-tag", "PATTERN", "Take the tags away that match this, such as 'py2-*'.",
        _together("--remove-tag", RemoveTags),
    ),
}  # fmt: skip
"""The options that ask for changes, by the names of their parameters, in the order of their rules: the first one that
matches a requirement decides, so what replaces it comes before what drops it."""
_NAMES: Final = ", ".join(f"--{name.replace('_', '-')}" for name in _CHANGES)


def _one_line(_: click.Context, __: click.Parameter, text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise click.BadParameter("it is not one line of text, without blanks around it")
    return text


_REASON: Final = click.option(
    "--reason", metavar="TEXT", default="", callback=_one_line,
    help="Why, for the provenance and the rules.  [default: on request]",
)  # fmt: skip
EDITING: Final[Sections] = {
    "Requirements": ("add", "drop", "replace-requirement", "relax", "drop-upper"),
    "Metadata and files": ("requires-python", "set", "add-field", "remove", "add-file"),
    "Name, version and tags": (
        "name",
        "version",
        "post",
        "local",
        "build-tag",
        "tag",
        "add-tag",
        "remove-tag",
        "follow-pins",
    ),
    "Also": ("repair", "reason"),
    **{title: names for title, names in CHANGING.items() if title not in ("What to download", "What to change")},
}
"""The sections of its help."""


@click.command("edit", cls=Command, sections=EDITING)
@with_options((*(change.option for change in _CHANGES.values()), _REASON, *FIXING))
@click.pass_context
def command(ctx: click.Context, /, reason: str, **options: Any) -> int:
    """Change wheels as options say, without a rule file.

    Each option is a change to every given wheel. What it amounts to as rules is
    printed with --diff and -v, and is in the JSON report: put it into a rule file
    to do the same again.

    \b
    Examples:
      wheelfix edit --requires-python '>=3.10' demo-*.whl
      wheelfix edit --drop triton --add 'numpy>=2' --diff torch-*.whl
      wheelfix edit --replace-requirement numpy 'numpy>=1.2,<2{marker}' demo-*.whl
      wheelfix edit --set License=MIT --remove Author-email demo-*.whl
      wheelfix edit --local cpu --reason 'built without CUDA' torch-*.whl
    """
    values, naming = {name: options.pop(name) for name in _CHANGES}, {}
    for name in NAMING:  # from a file or variable they are what they are for other commands: names of wheels that change
        if ctx.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE:
            naming[name], values[name] = values[name], None
    fixing = FixOptions(**options, **naming)
    if values["version"] is not None and values["post"] is not None:
        raise click.UsageError("--version and --post exclude each other.")
    asked = _read(values)
    if fixing.in_place and any(isinstance(each.edit, RENAMING) for each in asked):
        raise click.UsageError("--in-place keeps the file's name; a change of it needs an output directory.")
    run = _Run(asked, reason)
    return run_fix("edit", run.rules, fixing, edits=run.others, concluded=run.concluded, idle="nothing to change")


def _read(values: Mapping[str, Any]) -> list[_Asked]:
    """Return the edits that the options ask for.

    :raises click.ClickException: if there are none, or with everything that is wrong with them.
    """
    asked, wrong = list[_Asked](), list[_Wrong]()
    for name, change in _CHANGES.items():
        for found in change.read(values[name]):
            if isinstance(found, _Wrong):
                wrong.append(found)
            else:
                asked.append(found)
                wrong += _errors_of(found)
    if len(wrong) == 1:
        raise Stopped(f"{shown(wrong[0].option)}: {wrong[0].message}; nothing was done", hint=wrong[0].hint)
    refuse_all([f"{shown(each.option)}: {each.message}. {each.hint}" for each in wrong], "options")
    if not asked:
        raise Stopped("no change given; nothing was done", hint=f"Give one or more of {_NAMES}.")
    return asked


_AS_OPTIONS: Final = {
    "Use the key specifier for versions.": "Give a name, a pattern for names, or a whole requirement.",
    "Use set-field.": "Use --set.",
    "Use add-tag.": "Use --add-tag.",
}
"""What messages about rules advise, and what to do on the command line."""


def _errors_of(asked: _Asked) -> list[_Wrong]:
    from wheelfix.rules.validate import findings_of

    rule = rule_of(asked.edit)
    found = findings_of(rule) if rule else []
    return [_Wrong(asked.option, message, _AS_OPTIONS.get(hint, hint)) for _, message, hint in found]


class _Run:
    """What a run is asked for, as ``rules`` and as the ``others`` that have no rule, and what is said of it at the end."""

    def __init__(self, asked: Sequence[_Asked], reason: str) -> None:
        with_rule = [each for each in asked if rule_of(each.edit)]
        with_rule.sort(key=lambda each: not isinstance(each.edit, RequirementEdit))  # as rules_of has them
        self.rules = rules_of([each.edit for each in with_rule], name="command line", reason=reason)
        self.others = tuple(each.edit for each in asked if each not in with_rule)
        self._asked = {rule.id: each for rule, each in zip(self.rules.rules, with_rule, strict=True)}
        self._without_rule = [each.option for each in asked if each not in with_rule]

    def concluded(self, report: Report) -> Report:
        """Return the report of the run: findings of rules are about options, and it has the rules as text."""
        findings = tuple(self._of_option(each, report) for each in report.rule_findings)
        return replace(report, rule_findings=findings, as_rules=self._text(report))

    def _text(self, report: Report) -> str:
        """Return the rules to be pasted into a file; comments say what cannot be one, and how to limit them."""
        projects = sorted({each.project for each in report.outcomes if each.project})
        lines = [f"# {shown(each)} has no rule: run `wheelfix edit` again" for each in self._without_rule]
        if self._asked and len(projects) == 1:
            lines.append(f'# for every wheel; add when = {{ project = "{projects[0]}" }} to limit a rule to these')
        return "\n".join([*(f"{line}\n" for line in lines), *map(print_rule, self.rules.rules)])

    def _of_option(self, finding: Finding, report: Report) -> Finding:
        """Return a finding of a rule as one of the option that the rule comes from."""
        for rule, asked in self._asked.items():
            place = f"{self.rules.name}: rule {rule}"
            if finding.place == place or finding.place.startswith(f"{place}: "):
                hint = _way_out(rule, asked, report) if finding.code == "rule-unused" else finding.hint
                return replace(finding, place=asked.option, hint=hint)
        return finding


def _way_out(rule: str, asked: _Asked, report: Report) -> str:
    """Return what to do about an edit, by this ``rule``, that applied to nothing."""
    if not isinstance(asked.edit, RequirementEdit):
        return ""
    held_back = (each.before for outcome in report.outcomes for each in outcome.kept if each.rule == rule and each.before)
    if (text := next(held_back, None)) is not None:
        return f"To mean it all the same, give it whole: {shown(text)}"
    close = closest(asked.option.partition(" ")[2], _requirements_in([outcome.source for outcome in report.outcomes]))
    return f"Did you mean {shown(close)}?" if close else ""


def _requirements_in(paths: Iterable[Path]) -> list[str]:
    """Return the names of the requirements in the first wheels of ``paths``, and their texts; what is damaged has none."""
    from wheelfix.errors import WheelfixError
    from wheelfix.wheel.requirement import read_requirement
    from wheelfix.wheel.wheel import Wheel

    names = dict[str, None]()
    for path in list(paths)[:_MOST_READ]:
        try:
            with Wheel(path) as wheel:
                found = [read_requirement(each.value.strip()) for each in wheel.document.all("Requires-Dist")]
        except (WheelfixError, OSError):
            continue
        names |= {each.name: None for each in found if each}
        names |= {each.text: None for each in found if each}
    return list(names)
