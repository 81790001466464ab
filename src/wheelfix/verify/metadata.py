"""What is wrong with METADATA, field by field, and what Metadata-Version says of the fields.

https://packaging.python.org/en/latest/specifications/core-metadata/
"""

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Final, cast

from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelfix.codes import Client
from wheelfix.errors import EditError
from wheelfix.text import cut, shown
from wheelfix.verify.client_quirks import has_number_too_large
from wheelfix.verify.subject import RawFinding, RewriteField, Subject
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.edits import SetField
from wheelfix.wheel.fields import METADATA_VERSIONS, check_value, find
from wheelfix.wheel.filename import parsed_version
from wheelfix.wheel.metadata import Document, Field

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata

_OWN_CHECKS: Final = frozenset(
    {"metadata_version", "name", "version", "requires_dist", "requires_python", "provides_extra", "description"}
)
"""Fields, by the names that packaging has for them, that are checked elsewhere and not left to it."""


def is_possible(name: str, value: str) -> bool:
    """Whether ``value`` may be written to the field ``name``."""
    try:
        check_value(name, value)
    except EditError:
        return False
    return True


def check_encoding(document: Document) -> Iterator[RawFinding]:
    """Yield the first place where METADATA is not UTF-8."""
    try:
        document.data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = document.data.count(b"\n", 0, error.start) + 1
        yield RawFinding("metadata-not-utf8", f"line {line}", "it is not UTF-8; pip refuses it, other tools guess")


def bad_values(document: Document, checked: Document | None = None) -> Iterator[RawFinding]:
    """Yield the fields with values that ``packaging`` refuses or cannot read; those that are not UTF-8 are left out.

    Where ``checked`` has the same values, and perhaps more requirements, nothing is yielded: they are as good as there.
    """
    if checked is not None and _has_same_values(document, checked):
        return
    from packaging.metadata import InvalidMetadata, Metadata, parse_email  # imported late: it brings all of email

    known = (document.data[field.start : field.stop].rstrip(b"\r\n") for field in document.fields if find(field.name))
    lines = [*filter(_is_utf8, known), b"", b""]  # other headers, such as Content-Type, would make a mail of it
    raw, unparsed = parse_email(b"\n".join(lines))
    yield from _check_unparsed(document, unparsed)
    for key, value in raw.items():
        if key in _OWN_CHECKS:
            continue
        metadata = Metadata.from_raw(cast("RawMetadata", {key: value}), validate=False)
        try:
            getattr(metadata, key)
        except InvalidMetadata as error:
            yield RawFinding("metadata-bad-value", error.field, cut(str(error).partition("\n")[0]))
        except (ValueError, LookupError, RecursionError):  # by some versions of packaging
            yield RawFinding("metadata-bad-value", key, "it cannot be read")


def _has_same_values(document: Document, other: Document) -> bool:
    """Whether the two have the same fields, but for requirements that only ``other`` has."""
    (rest, requires), (other_rest, other_requires) = (_lines_of(each) for each in (document, other))
    return rest == other_rest and requires.issubset(other_requires)


def _lines_of(document: Document) -> tuple[list[bytes], set[bytes]]:
    """Return the lines of all fields but Requires-Dist, and those of Requires-Dist."""
    rest, requires = list[bytes](), set[bytes]()
    for field in document.fields:
        line = document.data[field.start : field.stop]
        requires.add(line) if field.is_called(REQUIRES) else rest.append(line)
    return rest, requires


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _check_unparsed(document: Document, unparsed: Collection[str]) -> Iterator[RawFinding]:
    """Yield the fields that ``packaging`` cannot read, but for those that are reported as repeated."""
    for key in sorted(unparsed):
        kind = find(key)
        if kind is not None and (kind.multiple or len(document.all(key)) == 1):
            what = "a label appears twice" if key == "project-url" else "it cannot be read"
            yield RawFinding("metadata-bad-value", kind.name, what)


LEVEL: Final = "Metadata-Version"
LICENSE_FILE: Final = "License-File"
_TWO_LICENSES: Final = ("License", "License-Expression")
_SINCE_LICENSES: Final = "2.4"
"""The Metadata-Version with which PEP 639 made them exclude each other."""


def check_level(document: Document, files: Collection[str]) -> Iterator[RawFinding]:
    """Yield the findings on Metadata-Version, and on fields that it does not go with; ``files`` are those of dist-info."""
    yield from _check_version(document, files)
    if _has_two_licenses(document, files) and (document.first(LEVEL) or "") in _from(_SINCE_LICENSES):
        message = "License and License-Expression exclude each other since Metadata-Version 2.4; PyPI refuses the wheel"
        yield RawFinding("metadata-two-licenses", "License", message)


def _check_version(document: Document, files: Collection[str]) -> Iterator[RawFinding]:
    said = document.first(LEVEL)
    if not said:
        return
    since = {kind.name: kind.since for field in document.fields if (kind := find(field.name))}
    # setuptools wrote License-File from 2.1 on, and tools read it or pass it over: it alone raises no Metadata-Version
    early = since.pop(LICENSE_FILE, None)
    newest = max(since.values(), key=Version)
    if said not in METADATA_VERSIONS:
        known = said == "2.0"  # PEP 426, withdrawn; 2.1 is what came of it
        change, why_not = raising(document, max("2.1", newest, key=Version), files) if known else ((), "")
        yield RawFinding("metadata-unknown-version", LEVEL, f"there is no Metadata-Version {cut(said)}{why_not}", change)
        return
    if early and is_later(early, said):
        message = f"it requires Metadata-Version {early} (found {said}); tools accept it"
        yield RawFinding("metadata-license-file-early", LICENSE_FILE, message)
    late = {name: level for name, level in since.items() if is_later(level, said)}
    fixes, why_not = raising(document, newest, files) if late else ((), "")
    for name, level in late.items():
        message = f"it requires Metadata-Version {level} (found {said}){why_not}"
        yield RawFinding("metadata-field-too-new", name, message, fixes)


def raising(document: Document, level: str, files: Collection[str]) -> tuple[tuple[SetField, ...], str]:
    """Return the edit that raises Metadata-Version to ``level``, or nothing and why that would make another finding."""
    if len(document.all(LEVEL)) > 1:
        return (), "; it appears more than once, and readers disagree on which counts"
    for level_of_rule, is_broken, reason in _NEWLY_FORBIDDEN:
        if level in _from(level_of_rule) and is_broken(document, files):
            return (), f"; it cannot be raised: {reason}"
    return (SetField(LEVEL, level),), ""


def missing_licenses(document: Document, files: Collection[str]) -> list[str]:
    """Return what License-File names and is not among the ``files`` of dist-info, in licenses/ (PEP 639)."""
    present = set(files)
    names = (field.value for field in document.all(LICENSE_FILE))  # PyPI looks for it with the blanks that it has
    return [name for name in names if f"licenses/{name}" not in present]


def has_license_files(document: Document) -> bool:
    """Whether Metadata-Version says that what License-File names is a file in licenses/."""
    return (document.first(LEVEL) or "") in _from(_SINCE_LICENSES)


def _from(level: str) -> tuple[str, ...]:
    """Return ``level`` and every later Metadata-Version."""
    return METADATA_VERSIONS[METADATA_VERSIONS.index(level) :]


def is_later(one: str, other: str) -> bool:
    """Whether ``one``, a known Metadata-Version, came after ``other``."""
    return METADATA_VERSIONS.index(one) > METADATA_VERSIONS.index(other)


def _has_bad_license(document: Document, _files: Collection[str]) -> bool:
    """Whether a field that came with PEP 639 has a value that it forbids."""
    return any(each.place in ("license-expression", "license-file") for each in bad_values(document))


def _has_two_licenses(document: Document, _files: Collection[str]) -> bool:
    """Whether License and License-Expression are both there."""
    return all(map(document.first, _TWO_LICENSES))


def _lacks_licenses(document: Document, files: Collection[str]) -> bool:
    """Whether a file that License-File names is not where PEP 639 puts it."""
    return bool(missing_licenses(document, files))


_NEWLY_FORBIDDEN: Final[tuple[tuple[str, Callable[[Document, Collection[str]], bool], str], ...]] = (
    (_SINCE_LICENSES, _has_two_licenses, "from 2.4 on, License and License-Expression exclude each other"),
    (_SINCE_LICENSES, _has_bad_license, "from 2.4 on, the value of License-Expression or License-File would be refused"),
    (_SINCE_LICENSES, _lacks_licenses, "from 2.4 on, PyPI refuses a wheel whose License-File is not in licenses/"),
)
"""What is an error only from a Metadata-Version on, and why."""


_REQUIRED: Final = (LEVEL, "Name", "Version")

_LONGEST_LABEL: Final = 32
_NO_DESCRIPTION: Final = frozenset({b"", b"UNKNOWN"})
"""What old setuptools wrote where there was none."""


def check_fields(subject: Subject, *, checked: Document | None = None) -> Iterator[RawFinding]:
    """Yield the findings on METADATA; what :func:`bad_values` says of it is left out where ``checked`` has the same."""
    document = subject.document
    if document is None:
        return
    yield from _check_names(document)
    yield from check_level(document, subject.dist_info_files)
    yield from _check_identity(document)
    yield from check_encoding(document)
    yield from bad_values(document, checked)
    yield from _check_urls(document)
    yield from _check_description(document)


def _check_names(document: Document) -> Iterator[RawFinding]:
    seen = set()
    for name in _REQUIRED:
        if not document.first(name):
            refused_by = (Client.PYPI,) if name == LEVEL else None
            yield RawFinding("metadata-missing-field", name, "METADATA does not have it", refused_by=refused_by)
    for field in document.fields:
        kind = find(field.name)
        key = field.name.lower()
        if kind is None and key not in seen:
            yield RawFinding("metadata-unknown-field", shown(field.name), "no Metadata-Version has such a field")
        elif kind is not None and not kind.multiple and key in seen:
            yield RawFinding(
                "metadata-repeated-field", kind.name, "it appears more than once; readers disagree on which counts"
            )
        seen.add(key)


def _check_identity(document: Document) -> Iterator[RawFinding]:
    name, version = document.first("Name"), document.first("Version")
    try:
        canonicalize_name(name or "x", validate=True)
    except ValueError:
        yield RawFinding("metadata-bad-name", "Name", f"{cut(name or '')} is not a valid project name")
    if version and parsed_version(version) is None:
        yield RawFinding("metadata-bad-version", "Version", f"{cut(version)} is not a valid version (PEP 440)")
    elif version and has_number_too_large(version):
        message = f"{cut(version)} has a number of more than 64 bits; uv refuses the wheel"
        yield RawFinding("metadata-bad-version", "Version", message, refused_by=(Client.UV,))
    extras = document.all("Provides-Extra")
    for field in (*document.all("Name")[:1], *document.all("Version")[:1], *document.all(LEVEL)[:1], *extras):
        yield from _check_blanks(field)


def _check_blanks(field: Field) -> Iterator[RawFinding]:
    """Yield the spaces that are part of a value to ``email.parser``: clients that compare the value refuse it."""
    text = field.value.strip()
    refused_by = _refusing_blanks(field.name.lower(), field.value) if text and field.value != text else ()
    if refused_by:
        fixes = (RewriteField(field.start, text),) if text.isascii() and text.isprintable() else ()
        message = f"there are spaces or line breaks around {cut(text)}, which some readers take for a part of it"
        yield RawFinding("metadata-odd-blanks", field.name, message, fixes, refused_by=refused_by)


def _refusing_blanks(name: str, value: str) -> tuple[Client, ...]:
    """Return who refuses ``value`` for the spaces around it; measured with pip 26.3 and uv 0.13.9."""
    if name == "name":
        after = value != value.rstrip() or value.lstrip(" \t\r\n") != value.lstrip()
        return (Client.PIP, Client.UV, Client.PYPI) if after else (Client.PIP, Client.PYPI)
    if name == "version":  # all of them strip it, uv of the usual blanks only
        return (Client.UV,) if value.strip(" \t\r\n") != value.strip() else ()
    return (Client.PYPI,)


def _check_urls(document: Document) -> Iterator[RawFinding]:
    """Yield the values of Project-URL that are not a label and a URL; ``packaging`` accepts any text."""
    for field in document.all("Project-URL"):
        label, _, url = (part.strip() for part in field.value.partition(","))
        missing = "label" if not label else "URL" if not url else ""
        if missing or len(label) > _LONGEST_LABEL:
            what = f"it has no {missing}" if missing else f"its label has more than {_LONGEST_LABEL} characters"
            yield RawFinding("metadata-bad-value", f"Project-URL: {cut(field.value.strip())}", what)


def _check_description(document: Document) -> Iterator[RawFinding]:
    if document.body and document.first("Description"):
        yield RawFinding("metadata-bad-value", "Description", "it is in the header, but the body is a description too")
    said = {document.body, (document.first("Description") or "").encode("utf-8", "surrogateescape")}
    if said <= _NO_DESCRIPTION:
        yield RawFinding("metadata-no-description", "Description", "it is missing, so an index has nothing to show")
    elif not document.first("Description-Content-Type"):
        message = "it is missing; indexes assume reStructuredText"
        yield RawFinding("metadata-no-content-type", "Description-Content-Type", message)
