"""What is wrong with a rule although its shape is right: every fault that can be known without a wheel."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as StrictRequirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wheelfix.edits import FIXED_FIELDS
from wheelfix.errors import EditError
from wheelfix.metadata.editing import REQUIRES
from wheelfix.metadata.fields import FIELDS, check_value, find
from wheelfix.metadata.marker import read_marker
from wheelfix.metadata.requirement import RequirementParts, read_requirement
from wheelfix.rules.actions import PLACEHOLDERS, REQUIREMENT_ACTIONS, WHEEL_ACTIONS, template_fields
from wheelfix.rules.faults import did_you_mean
from wheelfix.rules.model import Action, Case, FieldName, FieldValue, Match, Rule, When

Wrong: TypeAlias = tuple[str, str]
"""What is wrong, as a clause, and what to do, as a sentence."""
Found: TypeAlias = tuple[str, str, str]
"""The path to a key, what is wrong and what to do."""

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_BRACKETS: Final = re.compile(r"\[[!]?\]?[^\]]*\]")
_SPECIMENS: Final = ("a", "a[b]>=1; os_name == 'c'")
"""Requirements of which a template must make at least one sound one."""


def faults_of(struct: msgspec.Struct, path: str = "") -> list[Found]:
    """Return every fault of a rule, or of a part of one at ``path``, that can be known without a wheel."""
    return [
        *faults_in(type(struct), msgspec.structs.asdict(struct), path),
        *(_rule(struct) if isinstance(struct, Rule) else ()),
    ]


def faults_in(kind: type[msgspec.Struct], values: Mapping[str, Any], path: str) -> Iterator[Found]:
    """Yield the faults of some fields of a ``kind``: what can be known of it although others are missing."""
    for name, value in values.items():
        if value is None:
            continue
        key = name.replace("_", "-")
        place = f"{path}.{key}" if path else key
        check = _CHECKS.get((kind, name))
        if value == () and kind in (When, Match):
            yield place, "the list is empty", "Name at least one, or leave the key out."
        for wrong in map(check, value if isinstance(value, tuple) else (value,)) if check else ():
            if wrong:
                yield (place, *wrong)
        nested = value if isinstance(value, tuple) else (value,)
        for index, each in enumerate(nested):
            if isinstance(each, msgspec.Struct):
                yield from faults_of(each, f"{place}[{index}]" if isinstance(value, tuple) else place)


def _rule(rule: Rule) -> Iterator[Found]:
    """Yield what does not go together."""
    name = rule.action_name
    if name in REQUIREMENT_ACTIONS and rule.match is None:
        yield "match", f"it is missing, and {name} is done to requirements", 'Add match = { name = "..." }.'
    if name in WHEEL_ACTIONS and rule.match is not None:
        yield "match", f"{name} is done to the wheel as a whole", "Choose wheels with when, such as when.requires."


def _line(text: str) -> Wrong | None:
    if not text.strip():
        return "it is empty", "A rule without it cannot be reviewed."
    if not text.isprintable() or text != text.strip():
        return f"{text!r} has line breaks, control characters or blanks around it", "Write one line of text."
    return None


def _url(text: str) -> Wrong | None:
    return None if re.fullmatch(r"https?://\S+", text) else (f"{text!r} is no web address", "It begins with https://.")


def _no_empty_match(match: Match) -> Wrong | None:
    if match == Match():
        return "it is empty and matches every requirement", 'Write { name = "*" } if that is meant.'
    return None


_BLANKS: Final = ("it has blanks around it", "Take them away; METADATA has none.")
_CONTROL: Final = ("it has line breaks or control characters", "Write one line of text.")


def _glob(glob: str) -> Wrong | None:
    if not glob:
        return "the pattern is empty", "Write * for anything."
    if not glob.isprintable():
        return _CONTROL
    if "[" in _BRACKETS.sub("", glob):
        return f"{glob!r} has a bracket that is not closed", "Write [[] for the character itself."
    return None


def _local_glob(glob: str) -> Wrong | None:
    return _glob(glob) if glob else None


def _name_glob(glob: str) -> Wrong | None:
    wrong = _glob(glob)
    if wrong:
        return wrong
    if re.search(r"[^A-Za-z0-9._*?-]", _BRACKETS.sub("", glob)):
        return f"{glob!r} has characters that no name has", "Names have letters, digits and dashes; specifiers have a key."
    normal = re.sub(r"[-_.]+", "-", _BRACKETS.sub("\0", glob)).lower()
    for bracket in _BRACKETS.findall(glob):
        normal = normal.replace("\0", bracket.lower(), 1)
    if normal != glob:
        return f"{glob!r} matches no normal name (PEP 503)", f"Write {normal!r}."
    return None


def _extra(name: str) -> Wrong | None:
    return None if _NAME.fullmatch(name) and canonicalize_name(name) == name else _no_normal_name(name)


def _no_normal_name(name: str) -> Wrong:
    hint = f"Write {canonicalize_name(name)!r}." if _NAME.fullmatch(name) else "It has letters, digits and dashes."
    return f"{name!r} is no normal name (PEP 503)", hint


def _marker_part(text: str) -> Wrong | None:
    return None if text.strip() else ("it is empty", "Write a part of the marker, or dead.")


def _specifier(text: str) -> Wrong | None:
    if not text.strip():
        return "it is empty", "Leave the key out for every version."
    return _specifier_or_none(text)


def _specifier_or_none(text: str) -> Wrong | None:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return f"{text!r} is no version specifier (PEP 440)", "Write one such as >=2.1,<2.11 or ==2.7.0."
    return None


def _version(text: str) -> Wrong | None:
    try:
        Version(text)
    except InvalidVersion:
        return f"{text!r} is no version (PEP 440)", "Write one such as 2.9."
    return None


def _sha256(text: str) -> Wrong | None:
    return None if _SHA256.fullmatch(text) else (f"{text!r} is no sha256", "It has 64 hexadecimal digits.")


def _project_name(text: str) -> Wrong | None:
    return None if _NAME.fullmatch(text) else (f"{text!r} is no project name", "It has letters, digits, - _ and .")


def _requirement(text: str) -> Wrong | None:
    try:
        StrictRequirement(text)
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
        return f"{text!r} is no requirement: {reason}", "Write one such as numpy>=1.26; os_name == 'posix'."
    return None if text == text.strip() else _BLANKS


def _marker(text: str) -> Wrong | None:
    if not text.strip():
        return "it is empty", "Leave the rule out."
    return _marker_or_none(text)


def _marker_or_none(text: str) -> Wrong | None:
    if not text:
        return None
    strict = _requirement(f"a; {text}")
    if strict or read_marker(text) is None:
        return f"{text!r} is no marker", "Write one such as platform_machine == 'x86_64'."
    return None


def _template(text: str) -> Wrong | None:
    try:
        used = template_fields(text)
    except ValueError as error:
        return f"{text!r} is no template: {error}", "Write {{ for a brace itself."
    unknown = [name for name in used if name not in PLACEHOLDERS]
    if unknown:
        return f"{text!r} has an unknown placeholder {{{unknown[0]}}}", did_you_mean(unknown[0], PLACEHOLDERS)
    parts = [found for specimen in _SPECIMENS if (found := RequirementParts.of(specimen))]
    results = [REQUIREMENT_ACTIONS["replace"].run(each, text) or "" for each in parts]
    wrong = [_requirement(result) for result in results]
    if all(wrong):
        return f"{text!r} makes no requirement: {_SPECIMENS[1]!r} becomes {results[1]!r}", "Correct the template."
    return None


def _set_field(field: FieldValue) -> Wrong | None:
    kind = find(field.name)
    if kind is None:
        return f"there is no field {field.name!r}", did_you_mean(field.name, [each.name for each in FIELDS.values()])
    if kind.name.lower() in FIXED_FIELDS - {"metadata-version"}:
        return f"{kind.name} is part of the wheel's identity", "Build the wheel under its new name."
    if kind.name == REQUIRES:
        return f"{REQUIRES} is not set as a whole", "Use add, drop and the other actions on requirements."
    if kind.multiple and isinstance(field.value, str):
        return f"{kind.name} may stand many times", "Give the list of all its values, or use add-field."
    if not kind.multiple and not isinstance(field.value, str):
        return f"{kind.name} stands only once", "Give one value."
    return _values(kind.name, field)


def _add_field(field: FieldValue) -> Wrong | None:
    kind = find(field.name)
    if kind is None or kind.name == REQUIRES:
        return _set_field(field) if kind is None else (f"{REQUIRES} has an action of its own", "Use add.")
    if not kind.multiple:
        return f"{kind.name} stands only once", "Use set-field."
    return _values(kind.name, field)


def _values(name: str, field: FieldValue) -> Wrong | None:
    for value in (field.value,) if isinstance(field.value, str) else field.value:
        if not value.isprintable() or value != value.strip():
            return f"{value!r} has line breaks, control characters or blanks around it", "Write one line of text."
        try:
            check_value(name, value)
        except EditError as error:
            return error.message, error.hint
    return None


def _remove_field(field: FieldName) -> Wrong | None:
    kind = find(field.name)
    if kind is None:
        return None  # a field that no specification knows may be what has to go
    if kind.name.lower() in FIXED_FIELDS:
        return f"{kind.name} must stand in every METADATA", "It cannot be removed."
    if kind.name == REQUIRES:
        return f"{REQUIRES} has actions of its own", "Use drop."
    if kind.name == "Provides-Extra":
        return "an extra is more than its Provides-Extra", "Use drop-extra."
    return None


def _case_requirement(text: str) -> Wrong | None:
    if read_requirement(text) is None or not text.isprintable():
        return f"{text!r} is no requirement", "Write one such as numpy>=1.26."
    return None if text == text.strip() else _BLANKS


def _case_fields(fields: Mapping[str, str | tuple[str, ...]]) -> Wrong | None:
    for name, value in fields.items():
        if name.lower() in {*FIXED_FIELDS, REQUIRES.lower()}:
            return f"{name} has a key of its own", "Use project, version, metadata-version, requires and expect."
        if find(name) is None:
            return f"there is no field {name!r}", did_you_mean(name, [each.name for each in FIELDS.values()])
        values = (value,) if isinstance(value, str) else value
        if not all(each.isprintable() for each in values):
            return _CONTROL
        if any(each != each.strip() for each in values):
            return _BLANKS
    return None


def _name_part(text: str) -> Wrong | None:
    """Refuse what cannot stand in a file name between dashes."""
    if re.fullmatch(r"[A-Za-z0-9_.+!]+", text):
        return None
    return f"{text!r} cannot stand in the file name of a wheel", "Write it as a file name has it."


_GLOBS: Final = ("filename", "platform", "python", "abi")
_BOTH_FORMS: Final[Mapping[str, Callable[[Any], Wrong | None]]] = {
    "project": _name_glob,
    "version": _specifier,
    "local": _local_glob,
    **dict.fromkeys(_GLOBS, _glob),
    "requires": _no_empty_match,
    "lacks": _no_empty_match,
    "metadata_version": _specifier,
    "sha256": _sha256,
}
"""How the values of each condition on a wheel are checked; the forms with ``not-`` take the same."""

_CHECKS: Final[Mapping[tuple[type[msgspec.Struct], str], Callable[[Any], Wrong | None]]] = {
    (Rule, "id"): _line,
    (Rule, "reason"): _line,
    (Rule, "url"): _url,
    (Rule, "until_version"): _version,
    (Rule, "match"): _no_empty_match,
    **{(When, form + key): check for key, check in _BOTH_FORMS.items() for form in ("", "not_")},
    (Match, "name"): _name_glob,
    (Match, "extra"): _extra,
    (Match, "marker"): _marker_part,
    (Match, "specifier"): lambda text: None if text.isprintable() else _CONTROL,
    (Match, "url"): _glob,
    (Action, "replace"): _template,
    (Action, "rename"): _project_name,
    (Action, "set_specifier"): _specifier_or_none,
    (Action, "set_marker"): _marker_or_none,
    (Action, "and_marker"): _marker,
    (Action, "add"): _requirement,
    (Action, "drop_extra"): _project_name,
    (Action, "set_field"): _set_field,
    (Action, "add_field"): _add_field,
    (Action, "remove_field"): _remove_field,
    (Case, "project"): _project_name,
    (Case, "requires"): _case_requirement,
    (Case, "expect"): _case_requirement,
    **{(Case, key): _name_part for key in ("version", "python", "abi", "platform")},
    (Case, "sha256"): _sha256,
    (Case, "metadata_version"): lambda text: None if text.isprintable() else _CONTROL,
    (Case, "fields"): _case_fields,
    (Case, "expect_fields"): _case_fields,
}
"""How each value of each key is checked."""
