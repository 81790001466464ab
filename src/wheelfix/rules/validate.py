"""What is wrong with the values of a rule: every error that can be found without a wheel."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from wheelfix.rules import values
from wheelfix.rules.actions import ON_WHEELS
from wheelfix.rules.model import (
    Action,
    Case,
    CaseWheel,
    CopyFrom,
    Match,
    NewSpecifier,
    PostRelease,
    Rule,
    When,
    each_of,
)
from wheelfix.rules.requirement_actions import REQUIREMENT_ACTIONS
from wheelfix.rules.templates import computes
from wheelfix.rules.values import Wrong
from wheelfix.tables import Found
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.requirement import RequirementParts


def result_of(template: str, match: Match) -> Wrong | None:
    """Refuse a template that does not make a requirement from any that ``match`` is for.

    If no requirement is known that ``match`` matches, or none of those has what the template needs, nothing is refused.
    """
    from wheelfix.rules.specimens import specimens  # imported late: few rules have a template

    replace = REQUIREMENT_ACTIONS["replace"].run
    tried = [(text, replace(parts, template)) for text in specimens(match) if (parts := RequirementParts.of(text))]
    results = [(text, made[0]) for text, made in tried if isinstance(made, tuple)]
    if not results or not all(values.requirement(result) for _, result in results):
        return None
    text, result = results[0]
    return f"{template!r} does not make a requirement: {text!r} becomes {result!r}", "Correct the template."


def findings_of(struct: msgspec.Struct, path: str = "") -> list[Found]:
    """Return everything that is wrong with a rule, or with a part of one at ``path``."""
    return [
        *findings_in(type(struct), msgspec.structs.asdict(struct), path),
        *(_rule(struct) if isinstance(struct, Rule) else ()),
    ]


def findings_in(kind: type[msgspec.Struct], given: Mapping[str, Any], path: str) -> Iterator[Found]:
    """Yield what is wrong with the ``given`` fields of a ``kind``, although others may be missing."""
    for name, value in given.items():
        if value is None:
            continue
        key = name.replace("_", "-")
        place = f"{path}.{key}" if path else key
        check = _CHECKS.get((kind, name))
        if value == () and kind in (When, Match, Action, CopyFrom):
            yield place, "the list is empty", "List at least one value, or remove the key."
        for wrong in map(check, value if isinstance(value, tuple) else (value,)) if check else ():
            if wrong:
                yield (place, *wrong)
        nested = value if isinstance(value, tuple) else (value,)
        for index, each in enumerate(nested):
            if isinstance(each, msgspec.Struct):
                yield from findings_of(each, f"{place}[{index}]" if isinstance(value, tuple) else place)


def _rule(rule: Rule) -> Iterator[Found]:
    """Yield values that contradict each other."""
    name = rule.action_name
    if name in REQUIREMENT_ACTIONS and rule.match is None:
        yield "match", f"missing, but {name} applies to requirements", 'Add match = { name = "..." }.'
    argument = rule.argument
    if name == "replace" and rule.match is not None and isinstance(argument, str | tuple):
        for template in each_of(argument):
            if not values.template(template) and (wrong := result_of(template, rule.match)):
                yield "action.replace", *wrong
    if rule.on_mismatch != "keep" and not _computes(rule):
        hint = "Remove it, or use a table or a template with set-specifier."
        yield "on-mismatch", f"{name} does not compute from the specifier, so that it always applies", hint
    if name in ON_WHEELS and rule.match is not None:
        yield "match", f"{name} applies to the whole wheel", "Select wheels with when, for example when.requires."


def _computes(rule: Rule) -> bool:
    """Whether the action of ``rule`` computes from the specifier; a template with an error is reported as that."""
    try:
        return rule.action_name in REQUIREMENT_ACTIONS and computes(rule.argument)
    except ValueError:
        return True


_GLOBS: Final = ("filename", "platform", "python", "abi")
_BOTH_FORMS: Final[Mapping[str, Callable[[Any], Wrong | None]]] = {
    "project": values.name_glob,
    "version": values.specifier,
    "local": values.local_glob,
    **dict.fromkeys(_GLOBS, values.glob),
    "requires": values.no_empty_match,
    "lacks": values.no_empty_match,
    "metadata_version": values.specifier,
    "sha256": values.sha256,
}
"""How the values of each condition on a wheel are checked; the opposites with ``not-`` take the same."""

_CHECKS: Final[Mapping[tuple[type[msgspec.Struct], str], Callable[[Any], Wrong | None]]] = {
    (Rule, "id"): values.line,
    (Rule, "reason"): values.line,
    (Rule, "url"): values.url,
    (Rule, "until_version"): values.version,
    (Rule, "match"): values.no_empty_match,
    **{(When, form + key): check for key, check in _BOTH_FORMS.items() for form in ("", "not_")},
    (Match, "name"): values.name_glob,
    (Match, "extra"): values.extra,
    (Match, "marker"): values.marker_part,
    (Match, "specifier"): values.printable,
    (Match, "url"): values.glob,
    (Action, "replace"): values.template,
    (Action, "rename"): values.project_name,
    (Action, "set_specifier"): values.new_specifier,
    (NewSpecifier, "local"): values.local_version,
    (NewSpecifier, "min"): values.limit(">=", ">"),
    (NewSpecifier, "max"): values.limit("<", "<="),
    (NewSpecifier, "exclude"): values.exclusions,
    (Action, "set_marker"): values.marker_or_none,
    (Action, "and_marker"): values.marker,
    (Action, "add"): values.requirement,
    (Action, "drop_extra"): values.project_name,
    (Action, "set_name"): values.fits_in_name(WheelFilename.with_project),
    (Action, "set_version"): values.new_version,
    (PostRelease, "post"): values.fits_in_name(WheelFilename.with_post_release),
    (Action, "set_local"): values.new_local,
    (Action, "set_build_tag"): values.fits_in_name(WheelFilename.with_build_tag),
    (Action, "set_tag"): values.tag,
    (Action, "add_tag"): values.tag,
    (Action, "remove_tag"): values.tag_glob,
    (Action, "remove_file"): values.path_glob,
    (Action, "add_entry_point"): values.entry_point,
    (Action, "remove_entry_point"): values.entry_point_match,
    (Action, "set_field"): values.set_field,
    (Action, "add_field"): values.add_field,
    (Action, "remove_field"): values.remove_field,
    (Action, "copy_from"): values.copy_from,
    **{(CopyFrom, key): values.glob for key in _GLOBS},
    (Case, "project"): values.project_name,
    (Case, "requires"): values.case_requirement,
    (Case, "expect"): values.case_requirement,
    **{(Case, key): values.name_part for key in ("version", "python", "abi", "platform")},
    (Case, "sha256"): values.sha256,
    (Case, "metadata_version"): values.printable,
    (Case, "fields"): values.case_fields,
    (CaseWheel, "requires"): values.case_requirement,
    **{(CaseWheel, key): values.name_part for key in ("python", "abi", "platform")},
    (CaseWheel, "fields"): values.case_fields,
    (Case, "expect_fields"): values.case_fields,
    (Case, "expect_filename"): values.filename,
}
"""How each value of each key is checked."""
