"""What rules do: one function an action, and two tables that name them all.

Actions on a requirement give its new text; actions on a wheel edit its METADATA after all requirements were judged.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING, Any, Final

from packaging.utils import canonicalize_name

from wheelfix.outcome import Change
from wheelfix.rules.conditions import each_of
from wheelfix.rules.model import FieldName, FieldValue
from wheelfix.wheel.editor import REQUIRES, Editor
from wheelfix.wheel.marker import marker_text, read_marker, without_extra
from wheelfix.wheel.requirement import RequirementParts, on_one_line

if TYPE_CHECKING:
    from wheelfix.wheel.metadata import Field

PLACEHOLDERS: Final = ("name", "extras", "specifier", "marker")
"""What a template of ``replace`` can hold, each in braces."""


@dataclass(frozen=True, slots=True)
class RequirementAction:
    """An action on a requirement: ``run`` takes its parts and the action's argument, and gives its new text.

    ``None`` takes the requirement out. An action that is ``idempotent`` finds nothing to do where it was done.
    """

    run: Callable[[RequirementParts, str], str | None]
    idempotent: bool = True


def _replace(parts: RequirementParts, template: str) -> str:
    at_url = parts.url is not None
    values = {
        "name": parts.name,
        "extras": parts.extras,
        "specifier": f" @ {parts.url}" if at_url else parts.specifier,
        "marker": (" ; " if at_url else "; ") + parts.marker if parts.marker else "",
    }
    return template.format_map(values)


def template_fields(template: str) -> tuple[str, ...]:
    """Return the placeholders of a template.

    :raises ValueError: if it is not one: a brace alone, or a placeholder with a conversion or a format.
    """
    found = []
    for _, name, form, conversion in Formatter().parse(template):
        if form or conversion:
            raise ValueError("a placeholder is a name in braces, without conversion and format")
        if name is not None:
            found.append(name)
    return tuple(found)


REQUIREMENT_ACTIONS: Final[Mapping[str, RequirementAction]] = {
    "drop": RequirementAction(lambda *_: None),
    "keep": RequirementAction(lambda parts, _: str(parts)),
    "replace": RequirementAction(_replace, idempotent=False),
    "rename": RequirementAction(lambda parts, name: str(parts.with_name(name))),
    "set-specifier": RequirementAction(lambda parts, specifier: str(parts.with_specifier(specifier))),
    "set-marker": RequirementAction(lambda parts, marker: str(parts.with_marker(marker))),
    "and-marker": RequirementAction(lambda parts, marker: str(parts.with_marker_too(marker))),
}
"""The actions on a requirement."""


def _add(editor: Editor, requirement: str) -> bool:
    editor.add_field(REQUIRES, requirement)
    return True


def _drop_extra(editor: Editor, extra: str) -> bool:
    """Take out an extra, and what it asks for in the requirements that are there now."""
    name = canonicalize_name(extra)
    project = canonicalize_name(editor.document.first("Name") or "")
    values: dict[Field, str | None] = {}
    changes = []
    for each in editor.document.fields:
        text = each.value.strip()
        if each.is_called("Provides-Extra") and canonicalize_name(text) == name:
            values[each] = None
            changes.append(Change("Provides-Extra", "drop-extra", text, None, editor.rule, reason=editor.reason))
        elif each.is_called(REQUIRES):
            after = _without_extra(text, name, project)
            if after != text:
                values[each] = after
                changes.append(Change(REQUIRES, "drop-extra", text, after, editor.rule, reason=editor.reason))
    editor.replace(values, changes)
    return bool(changes)


def _without_extra(text: str, extra: str, project: str) -> str | None:
    """Return a requirement as it is without ``extra``, ``None`` if nothing else calls for it."""
    parts = RequirementParts.of(on_one_line(text))
    if parts is None:
        return text
    if canonicalize_name(parts.name) == project:  # the project asks for extras of its own
        left = [each for each in parts.extra_names if canonicalize_name(each) != extra]
        if not left and parts.extra_names:
            return None
        parts = parts.with_extras(left) if len(left) < len(parts.extra_names) else parts
    tree = read_marker(parts.marker) if parts.marker else None
    rest = without_extra(tree, extra) if tree else tree
    if isinstance(rest, bool):
        return str(parts.with_marker("")) if rest else None
    if rest is not None and rest != tree:
        parts = parts.with_marker(marker_text(rest))
    return text if str(parts) == on_one_line(text) else str(parts)


def _set_field(editor: Editor, field: FieldValue) -> bool:
    editor.set_field(field.name, field.value)
    return True


def _add_field(editor: Editor, field: FieldValue) -> bool:
    for value in each_of(field.value):
        editor.add_field(field.name, value)
    return True


def _remove_field(editor: Editor, field: FieldName) -> bool:
    before = len(editor.changes)
    editor.remove_field(field.name, field.value)
    return len(editor.changes) > before


WHEEL_ACTIONS: Final[Mapping[str, Callable[[Editor, Any], bool]]] = {
    "add": _add,
    "drop-extra": _drop_extra,
    "set-field": _set_field,
    "add-field": _add_field,
    "remove-field": _remove_field,
}
"""The actions on a wheel. Each changes nothing where it was done, and tells whether what it is for was or is there."""
