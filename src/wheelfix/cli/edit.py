"""``wheelfix edit``."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from msgspec.structs import replace

from wheelfix.cli.changes import CHANGES, OptionError, Requested
from wheelfix.cli.command import CHANGING, Command, Sections
from wheelfix.cli.exit_codes import Stopped, refuse_all
from wheelfix.cli.fix_run import FIXING, NAMING, FixOptions, run_fix
from wheelfix.cli.options import with_options
from wheelfix.results import Finding, Report
from wheelfix.rules.from_edits import rule_of, rules_of
from wheelfix.rules.load import rule_set
from wheelfix.rules.model import Rule, When
from wheelfix.rules.schema import print_rule
from wheelfix.text import closest, shown
from wheelfix.wheel.edits import RENAMING, RemoveField, RequirementEdit, SetName
from wheelfix.wheel.fields import FIELDS, find

if TYPE_CHECKING:
    from wheelfix.upstream.inputs import FoundWheel

_COMMAND_LINE: Final = "command line"
_MOST_READ: Final = 200
"""How many wheels are searched for a name close to one that none of them has."""
_NAMES: Final = ", ".join(f"--{name.replace('_', '-')}" for name in CHANGES)


def _one_line(_: click.Context, __: click.Parameter, text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise click.BadParameter("it is not one line of text, without blanks around it")
    return text


_REASON: Final = click.option(
    "--reason", metavar="TEXT", default="", callback=_one_line,
    help="Why, for the provenance and the rules.  [default: on request]",
)  # fmt: skip
_DOWNLOAD: Final = "What to download"
EDITING: Final[Sections] = {
    _DOWNLOAD: CHANGING[_DOWNLOAD],
    "Requirements": ("add", "drop", "replace-requirement", "relax", "drop-upper"),
    "Fields": ("requires-python", "set", "add-field", "remove"),
    "Files": ("remove-file", "add-file", "entry-point", "remove-entry-point"),
    "Name, version and tags": (
        "name", "version", "post", "local", "build-tag", "tag", "add-tag", "remove-tag", "follow-pins",
    ),
    "Also": ("repair", "reason"),
    **{title: names for title, names in CHANGING.items() if title not in (_DOWNLOAD, "What to change")},
}  # fmt: skip
"""The sections of its help."""


@click.command("edit", cls=Command, sections=EDITING)
@with_options((*(change.option for change in CHANGES.values()), _REASON, *FIXING))
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
      wheelfix edit --remove-file tests/ --remove-file '*.pyc' demo-*.whl
      wheelfix edit --local cpu --reason 'built without CUDA' torch-*.whl
    """
    values, naming = {name: options.pop(name) for name in CHANGES}, {}
    for name in NAMING:  # from a file or variable they are what they are for other commands: names of wheels that change
        if ctx.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE:
            naming[name], values[name] = values[name], None
    fixing = FixOptions(**options, **naming)
    if values["version"] is not None and values["post"] is not None:
        raise click.UsageError("--version and --post exclude each other.")
    asked = _read(values)
    if fixing.in_place and any(isinstance(each.edit, RENAMING) for each in asked):
        raise click.UsageError("--in-place keeps the file's name; a new name, version or tag needs an output directory.")
    inputs = fixing.inputs() if any(isinstance(each.edit, SetName) for each in asked) else None
    run = _Run(asked, reason, _project_of(inputs.wheels) if inputs else None)
    return run_fix(
        "edit",
        run.rules,
        fixing,
        inputs=inputs,
        edits=run.others,
        finish_report=run.finish_report,
        why_unchanged="nothing to change",
    )


def _read(values: Mapping[str, Any]) -> list[Requested]:
    """Return the edits that the options ask for.

    :raises click.ClickException: if there are none, or with everything that is wrong with them.
    """
    asked, wrong = list[Requested](), list[OptionError]()
    for name, change in CHANGES.items():
        for found in change.read(values[name]):
            if isinstance(found, OptionError):
                wrong.append(found._replace(hint=_AS_OPTIONS.get(found.hint, found.hint)))
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
    "Write * to match anything.": "Give a name or a pattern.",
}
"""What messages about rules and edits advise, and what to do on the command line."""


def _errors_of(asked: Requested) -> list[OptionError]:
    from wheelfix.rules.validate import findings_of

    rule = rule_of(asked.edit)
    found = findings_of(rule) if rule else []
    return [OptionError(asked.option, message, _AS_OPTIONS.get(hint, hint)) for _, message, hint in found]


def _for_project(project: str, rule: Rule) -> Rule:
    return replace(rule, when=When(project=(project,)))


def _project_of(wheels: "Iterable[Path | FoundWheel]") -> str | None:
    """Return the project that all of ``wheels`` are of; ``None`` if there are several, or some cannot be looked at first.

    Of a wheel that is not downloaded yet its file name says it.
    """
    from packaging.utils import is_normalized_name

    from wheelfix.errors import WheelfixError
    from wheelfix.wheel.filename import WheelFilename
    from wheelfix.wheel.wheel import Wheel

    projects = set[str]()
    for each in wheels:
        try:
            if not isinstance(each, Path):
                projects.add(WheelFilename.parse(each.name).project)
                continue
            with Wheel(each) as wheel:
                projects.add(wheel.project)
        except (WheelfixError, OSError):  # the run itself reports it
            return None
    found = projects.pop() if len(projects) == 1 else ""
    return found if is_normalized_name(found) else None  # a name that is none is an error of the wheel, not of the rule


class _Run:
    """The ``rules`` of a run, the ``others`` that have no rule, and what is reported of them at the end."""

    def __init__(self, asked: Sequence[Requested], reason: str, project: str | None = None) -> None:
        with_rule = [each for each in asked if rule_of(each.edit)]
        with_rule.sort(key=lambda each: not isinstance(each.edit, RequirementEdit))  # as rules_of has them
        rules = rules_of([each.edit for each in with_rule], name=_COMMAND_LINE, reason=reason)
        if project:  # a rule that gives wheels of every project one name would get a finding where it is pasted
            limited = (_for_project(project, rule) if rule.action_name == "set-name" else rule for rule in rules.rules)
            rules = rule_set(_COMMAND_LINE, tuple(limited))
        self.rules = rules
        self.others = tuple(each.edit for each in asked if each not in with_rule)
        self._asked = {rule.id: each for rule, each in zip(self.rules.rules, with_rule, strict=True)}
        self._without_rule = [each.option for each in asked if each not in with_rule]

    def finish_report(self, report: Report) -> Report:
        """Return the report of the run: findings of rules are about options, and it has the rules as text."""
        findings = tuple(self._of_option(each, report) for each in report.rule_findings)
        return replace(report, rule_findings=findings, as_rules=self._text(report))

    def _text(self, report: Report) -> str:
        """Return the rules to be pasted into a file; comments say what cannot be one, and how to limit them."""
        projects = sorted({each.project for each in report.outcomes if each.project})
        lines = [f"# {shown(each)} has no rule: run `wheelfix edit` again" for each in self._without_rule]
        if len(projects) == 1 and any(rule.when == When() for rule in self.rules.rules):
            lines.append(f'# for every wheel; add when = {{ project = "{projects[0]}" }} to limit a rule to these')
        return "\n".join([*(f"{line}\n" for line in lines), *map(print_rule, self.rules.rules)])

    def _of_option(self, finding: Finding, report: Report) -> Finding:
        """Return a finding of a rule as one of the option that the rule comes from."""
        for rule, asked in self._asked.items():
            place = f"{self.rules.name}: rule {rule}"
            if finding.place == place or finding.place.startswith(f"{place}: "):
                finding = replace(finding, place=asked.option)
                return _unused(finding, rule, asked, report) if finding.code == "rule-unused" else finding
        return finding


def _unused(finding: Finding, rule: str, asked: Requested, report: Report) -> Finding:
    """Return the ``finding`` that an edit applied to nothing, with what is known of the reason and what to do."""
    if not isinstance(asked.edit, RemoveField):
        return replace(finding, hint=_help_for(rule, asked, report))
    name = asked.edit.name
    if find(name):
        return replace(finding, hint="")
    close = closest(name, [kind.name for kind in FIELDS.values()])
    message = f"{finding.message}: {shown(name)} is no known field of METADATA"
    return replace(finding, message=message, hint=f"Did you mean {close}?" if close else "")


def _help_for(rule: str, asked: Requested, report: Report) -> str:
    """Return what to do about an edit, by this ``rule``, that applied to nothing."""
    if not isinstance(asked.edit, RequirementEdit):
        return ""
    held_back = (each.before for outcome in report.outcomes for each in outcome.kept if each.rule == rule and each.before)
    if (text := next(held_back, None)) is not None:
        return f"To change it anyway, give the whole requirement: {shown(text)}"
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
