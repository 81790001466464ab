"""What is wrong with one value of a rule: each function refuses what its key cannot have."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
from packaging.requirements import Requirement as StrictRequirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, is_normalized_name

from wheelfix.errors import EditError, FilenameError
from wheelfix.rules.model import (
    NEVER_TRUE,
    CopyFrom,
    EntryPointMatch,
    EntryPointValue,
    FieldName,
    FieldValue,
    Match,
    NewSpecifier,
    PostRelease,
    each_of,
)
from wheelfix.rules.specifiers import SPECIFIER_PARTS, read_clauses
from wheelfix.rules.templates import PLACEHOLDERS, template_fields
from wheelfix.text import did_you_mean
from wheelfix.wheel.editor import FIXED_FIELDS, REQUIRES
from wheelfix.wheel.fields import FIELDS, check_value, find, is_field_name
from wheelfix.wheel.filename import WheelFilename, parsed_version
from wheelfix.wheel.marker import read_marker
from wheelfix.wheel.requirement import RequirementParts, read_requirement

Wrong: TypeAlias = tuple[str, str]
"""What is wrong, as a clause, and what to do, as a sentence."""

_LONGEST: Final = 200
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
USE_SPECIFIER: Final = "Use the key specifier for versions."
"""What to do in a rule file; an option has no such key."""
_BRACKETS: Final = re.compile(r"\[[!]?\]?[^\]]*\]")


def line(text: str) -> Wrong | None:
    """Refuse what is not one line of text."""
    if not text.strip():
        return "empty", "Say why the rule exists, for whoever reviews it."
    if not text.isprintable() or text != text.strip():
        return f"{text!r} contains line breaks, control characters or surrounding spaces", "Write one line of text."
    return None


def url(text: str) -> Wrong | None:
    """Refuse what is not a URL."""
    return None if re.fullmatch(r"https?://\S+", text) else (f"{text!r} is not a URL", "Start it with https://.")


def no_empty_match(match: Match) -> Wrong | None:
    """Refuse a match without any condition."""
    if match == Match():
        return "empty, so it would match every requirement", 'Write { name = "*" } if you mean that.'
    return None


def printable(text: str) -> Wrong | None:
    """Refuse what is not one line."""
    return None if text.isprintable() else ("contains line breaks or control characters", "Write one line of text.")


def _one_line(text: str) -> Wrong | None:
    """Refuse what METADATA cannot hold as it is written."""
    if text.isprintable() and text != text.strip():
        return "has leading or trailing spaces", "Remove them."
    return printable(text)


def glob(text: str) -> Wrong | None:
    """Refuse an invalid pattern."""
    if not text:
        return "the pattern is empty", "Write * to match anything."
    if wrong := printable(text):
        return wrong
    if len(text) > _LONGEST:
        return f"the pattern has {len(text)} characters", "No name is that long."
    if "[" in _BRACKETS.sub("", text):
        return f"{text!r} has an unclosed bracket", "Write [[] for a literal bracket."
    return None


def local_glob(text: str) -> Wrong | None:
    """Refuse an invalid pattern for a local version, which can be empty."""
    return glob(text) if text else None


def name_glob(text: str) -> Wrong | None:
    """Refuse a pattern that never matches a normalized name."""
    wrong = glob(text)
    if wrong:
        return wrong
    if re.search(r"[^A-Za-z0-9._*?-]", _BRACKETS.sub("", text)):
        return f"{text!r} has characters that names cannot contain", USE_SPECIFIER
    normal = re.sub(r"[-_.]+", "-", _BRACKETS.sub("\0", text)).lower()
    for bracket in _BRACKETS.findall(text):
        normal = normal.replace("\0", bracket.lower(), 1)
    if normal != text:
        return f"{text!r} never matches a normalized name (PEP 503)", f"Write {normal!r}."
    return None


def extra(name: str) -> Wrong | None:
    """Refuse an extra whose name is not normalized; ``none`` and ``any`` look like extras."""
    return None if is_normalized_name(name) else _no_normal_name(name)


def _no_normal_name(name: str) -> Wrong:
    hint = f"Write {canonicalize_name(name)!r}." if _NAME.fullmatch(name) else "Use letters, digits and dashes."
    return f"{name!r} is not a normalized name (PEP 503)", hint


def marker_part(text: str) -> Wrong | None:
    """Refuse an empty part of a marker."""
    return None if text.strip() else ("empty", f"Write part of a marker, or {NEVER_TRUE}.")


def specifier(text: str) -> Wrong | None:
    """Refuse an invalid or empty specifier."""
    if not text.strip():
        return "empty", "Remove the key to match every version."
    return _specifier_or_none(text)


def _specifier_or_none(text: str) -> Wrong | None:
    """Refuse an invalid specifier; it may be empty."""
    if wrong := _one_line(text):
        return wrong
    if text and not all(map(str.strip, text.split(","))):
        return f"{text!r} has an extra comma", "Remove it; not every installer accepts it."
    try:
        SpecifierSet(text)
    except ValueError:
        return f"invalid version specifier {text!r} (PEP 440)", "For example: >=2.1,<2.11 or ==2.7.0."
    return None


def version(text: str) -> Wrong | None:
    """Refuse an invalid version."""
    return None if parsed_version(text) else (f"invalid version {text!r} (PEP 440)", "For example: 2.9.")


def sha256(text: str) -> Wrong | None:
    """Refuse an invalid sha256."""
    return None if _SHA256.fullmatch(text) else (f"invalid sha256 {text!r}", "A sha256 has 64 hexadecimal digits.")


def project_name(text: str) -> Wrong | None:
    """Refuse an invalid project name."""
    return None if _NAME.fullmatch(text) else (f"invalid project name {text!r}", "Use letters, digits, '-', '_' and '.'.")


def requirement(text: str) -> Wrong | None:
    """Refuse an invalid requirement."""
    try:
        StrictRequirement(text)
    except (ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        return f"invalid requirement {text!r}: {reason}", "For example: numpy>=1.26; os_name == 'posix'."
    parts = RequirementParts.of(text) if text.isprintable() else None
    return (_specifier_or_none(parts.specifier) if parts else None) or _one_line(text)


def marker(text: str) -> Wrong | None:
    """Refuse an invalid or empty marker."""
    if not text.strip():
        return "empty", "Remove the rule."
    return marker_or_none(text)


def marker_or_none(text: str) -> Wrong | None:
    """Refuse an invalid marker; it may be empty."""
    if not text:
        return None
    if wrong := _one_line(text):
        return wrong
    try:
        StrictRequirement(f"a; {text}")
    except (ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        return f"invalid marker {text!r}: {reason}", "For example: platform_machine == 'x86_64'."
    if read_marker(text) is None:
        return f"installers read the marker {text!r} differently", "Compare a variable with a quoted value."
    return None


def template(text: str, known: Sequence[str] = PLACEHOLDERS) -> Wrong | None:
    """Refuse an invalid template or placeholders that are not ``known``; what it makes depends on the rule."""
    try:
        used = template_fields(text)
    except ValueError as error:
        return f"invalid template {text!r}: {error}", "Write {{ for a literal brace."
    unknown = [name for name in used if name not in known]
    if unknown:
        return f"{text!r} has an unknown placeholder {{{unknown[0]}}}", did_you_mean(unknown[0], known)
    return None


_SAMPLE_PARTS: Final = {"version": "1.0", "lower": "1.0", "upper": "2.0", "operator": ">="}


def new_specifier(new: str | NewSpecifier) -> Wrong | None:
    """Refuse an invalid specifier, a template that makes none, or a table that has not exactly one key."""
    if isinstance(new, NewSpecifier):
        count = len(new.given)
        keys = ", ".join(each.encode_name for each in msgspec.structs.fields(NewSpecifier))
        return None if count == 1 else (f"has {count or 'no'} keys", f"Give exactly one of {keys}.")
    if not {"{", "}"} & set(new):
        return _specifier_or_none(new)
    if wrong := template(new, SPECIFIER_PARTS):
        return wrong
    sample = new.format_map(_SAMPLE_PARTS)
    return (f"{new!r} does not make a specifier", "For example: >={lower},<3.") if _specifier_or_none(sample) else None


def limit(*operators: str) -> Callable[[str], Wrong | None]:
    """Return what refuses a text that is not one clause with one of ``operators``."""

    def check(text: str) -> Wrong | None:
        clauses = read_clauses(text) or ()
        if specifier(text) or len(clauses) != 1 or clauses[0].operator not in operators:
            return f"{text!r} is not one clause with {' or '.join(operators)}", f"For example: {operators[0]}2."
        return None

    return check


def exclusions(text: str) -> Wrong | None:
    """Refuse what does not exclude versions, and nothing else."""
    if specifier(text) or any(each.operator != "!=" for each in read_clauses(text) or ()):
        return f"{text!r} is not a specifier that only excludes versions", "For example: !=1.4.5."
    return None


def local_version(text: str) -> Wrong | None:
    """Refuse what cannot be the local version of a requirement; it may be empty."""
    if not text or (text.isascii() and parsed_version(f"0+{text}") and text == text.strip()):
        return None
    return f"invalid local version {text!r} (PEP 440)", "Use letters and digits separated by dots, such as cpu."


def tag(text: str) -> Wrong | None:
    """Refuse what is not a tag, or a compressed set of tags."""
    from wheelfix.wheel.tags import expanded  # imported late: few rules change tags

    try:
        expanded(text)
    except EditError as error:
        return error.message, error.hint
    return None


def tag_glob(text: str) -> Wrong | None:
    """Refuse a pattern that matches no tag."""
    from wheelfix.wheel.tags import pattern_error

    if wrong := glob(text):
        return wrong
    why = pattern_error(text)
    return (f"{text!r} matches no tag: {why}", "Write one such as py2-* or *-manylinux1_x86_64.") if why else None


def set_field(field: FieldValue) -> Wrong | None:
    """Refuse a field that cannot be set, or not to this value."""
    kind = find(field.name)
    if kind is None:
        return f"unknown field {field.name!r}", did_you_mean(field.name, [each.name for each in FIELDS.values()])
    if kind.name.lower() in FIXED_FIELDS - {"metadata-version"}:
        return f"{kind.name} is part of the wheel's identity", f"Use set-{kind.name.lower()}."
    if kind.name == REQUIRES:
        return f"{REQUIRES} cannot be set as a whole", "Use add, drop and the other actions on requirements."
    if kind.name == "Provides-Extra":
        return f"{kind.name} cannot be set as a whole", "Use add-field and drop-extra."
    if kind.multiple and isinstance(field.value, str):
        return f"{kind.name} can be used several times", "List all its values, or use add-field."
    if not kind.multiple and not isinstance(field.value, str):
        return f"{kind.name} can be used only once", "Give one value."
    return _values(kind.name, field)


def add_field(field: FieldValue) -> Wrong | None:
    """Refuse a field to which nothing can be added, or not this value."""
    kind = find(field.name)
    if kind is None or kind.name == REQUIRES:
        return set_field(field) if kind is None else (f"{REQUIRES} has its own action", "Use add.")
    if not kind.multiple:
        return f"{kind.name} can be used only once", "Use set-field."
    if field.value == ():
        return "the list is empty", "List at least one value."
    return _values(kind.name, field)


def _values(name: str, field: FieldValue) -> Wrong | None:
    for value in each_of(field.value):
        if not value.isprintable() or value != value.strip():
            return f"{value!r} contains line breaks, control characters or surrounding spaces", "Write one line of text."
        try:
            check_value(name, value)
        except EditError as error:
            return error.message, error.hint
    return None


def remove_field(field: FieldName) -> Wrong | None:
    """Refuse a field that cannot be removed."""
    kind = find(field.name)
    if not is_field_name(field.name):
        return f"invalid field name {field.name!r}", "For example: Classifier."
    if kind is None:
        return None  # a field that no specification knows may be what has to be removed
    if kind.name.lower() in FIXED_FIELDS:
        return f"{kind.name} cannot be removed", "Every METADATA must have it."
    if kind.name == REQUIRES:
        return f"{REQUIRES} has its own actions", "Use drop."
    if kind.name == "Provides-Extra":
        return "Provides-Extra is only part of an extra", "Use drop-extra."
    return None


def copy_from(wanted: CopyFrom) -> Wrong | None:
    """Refuse what chooses no wheel."""
    if wanted == CopyFrom(fields=wanted.fields):
        return "chooses no wheel to copy from", 'Name its platform, for example platform = "*manylinux*x86_64*".'
    return None


def case_requirement(text: str) -> Wrong | None:
    """Refuse what METADATA cannot have as a requirement."""
    if read_requirement(text) is None or not text.isprintable():
        return f"invalid requirement {text!r}", "For example: numpy>=1.26."
    return _one_line(text)


def case_fields(fields: Mapping[str, str | tuple[str, ...]]) -> Wrong | None:
    """Refuse fields that have their own key in a case, and values that METADATA cannot have."""
    for name, value in fields.items():
        if name.lower() in {*FIXED_FIELDS, REQUIRES.lower()}:
            return f"{name} has its own key", "Use project, version, metadata-version, requires and expect."
        if find(name) is None:
            return f"unknown field {name!r}", did_you_mean(name, [each.name for each in FIELDS.values()])
        for each in each_of(value):
            if wrong := _one_line(each):
                return wrong
    return None


def name_part(text: str) -> Wrong | None:
    """Refuse what cannot be part of a wheel's file name."""
    if re.fullmatch(r"[A-Za-z0-9_.+!]+", text):
        return None
    return f"{text!r} cannot be part of a wheel's file name", "Write it as it appears in the file name."


def path_glob(text: str) -> Wrong | None:
    """Refuse what is no pattern for the paths of files in a wheel."""
    if not text.strip("/"):
        return "the pattern is empty", "Write a path from the top of the wheel: tests/ or *.pyc."
    if "\\" in text:
        return f"{text!r} has a backslash", "Separate directories with slashes."
    parts = text.removeprefix("/").removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        return f"{text!r} is no path from the top of a wheel", "Leave out empty parts, . and ..: tests/data/*.bin."
    if len(text) > _LONGEST:
        return f"the pattern has {len(text)} characters", "No path is that long."
    return next((wrong for part in parts if (wrong := glob(part))), None)


def entry_point(point: EntryPointValue) -> Wrong | None:
    """Refuse an entry point that not every installer takes."""
    from wheelfix.wheel.entry_points import EntryPoint, entry_point_error  # imported late: few rules have one

    return entry_point_error(EntryPoint(point.group, point.name, point.value))


def entry_point_match(match: EntryPointMatch) -> Wrong | None:
    """Refuse a match without any condition, or with an invalid pattern."""
    if match.name is match.group is None and not match.missing_module:
        return "empty, so it would match every entry point", 'Write { name = "*" } if you mean that.'
    if () in (match.name, match.group):
        return "the list is empty", "List at least one value, or remove the key."
    patterns = (*each_of(match.name or ()), *each_of(match.group or ()))
    return next((wrong for text in patterns if (wrong := glob(text))), None)


_SAMPLE: Final = WheelFilename("x", "0", None, "py3", "none", "any")


def fits_in_name(change: Callable[[WheelFilename, str], WheelFilename]) -> Callable[[str], Wrong | None]:
    """Return what refuses a text that ``change`` cannot write into a file name."""

    def check(text: str) -> Wrong | None:
        try:
            change(_SAMPLE, text)
        except EditError as error:
            return error.message, error.hint
        return None

    return check


def new_version(version: str | PostRelease) -> Wrong | None:
    """Refuse what is no version; a post-release is checked by itself."""
    return fits_in_name(WheelFilename.with_version)(version) if isinstance(version, str) else None


def new_local(local: str) -> Wrong | None:
    """Refuse what is no local version; an empty one removes it."""
    return fits_in_name(WheelFilename.with_local_version)(local) if local else None


def filename(name: str) -> Wrong | None:
    """Refuse what is not the file name of a wheel."""
    try:
        WheelFilename.parse(name)
    except FilenameError as error:
        return error.message, error.hint
    return None
