"""What is wrong with METADATA, field by field.

https://packaging.python.org/en/latest/specifications/core-metadata/
"""

from collections.abc import Hashable, Iterator
from typing import Final, cast

from packaging.markers import InvalidMarker
from packaging.markers import Marker as StrictMarker
from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelfix.checks.found import Found, RewriteField
from wheelfix.checks.subject import Subject
from wheelfix.edits import AddField, SetField
from wheelfix.errors import EditError
from wheelfix.escaping import shown
from wheelfix.metadata.document import Document, Field
from wheelfix.metadata.fields import METADATA_VERSIONS, check_value, find
from wheelfix.metadata.legacy import mended_specifier
from wheelfix.metadata.requirement import RequirementParts, meaning, read_requirement

_REQUIRED: Final = ("Metadata-Version", "Name", "Version")
_OWN_CHECKS: Final = frozenset(
    {"metadata_version", "name", "version", "requires_dist", "requires_python", "provides_extra", "description"}
)
"""Fields, by the names that packaging has for them, that are checked here and not left to it."""
_LONGEST: Final = 100


def check_fields(subject: Subject) -> Iterator[Found]:
    """Yield the faults of METADATA."""
    document = subject.document
    if document is None:
        return
    yield from _check_names(document)
    yield from _check_version(document)
    yield from _check_identity(document)
    for field in document.all("Requires-Dist"):
        yield from _check_requirement(field)
    yield from _check_requires_python(document)
    yield from _check_repeated(document)
    yield from _check_extras(document)
    yield from _check_values(document)
    yield from _check_description(document)


def _cut(text: str) -> str:
    return shown(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def _check_names(document: Document) -> Iterator[Found]:
    seen = set()
    for name in _REQUIRED:
        if not document.first(name):
            yield Found("metadata-missing-field", name, f"METADATA has no {name}")
    for field in document.fields:
        kind = find(field.name)
        key = field.name.lower()
        if kind is None and key not in seen:
            yield Found("metadata-unknown-field", shown(field.name), f"no Metadata-Version has a field {shown(field.name)}")
        elif kind is not None and not kind.multiple and key in seen:
            yield Found("metadata-repeated-field", kind.name, f"{kind.name} stands more than once; readers take either")
        seen.add(key)


def _check_version(document: Document) -> Iterator[Found]:
    said = document.first("Metadata-Version")
    if not said:
        return
    newest = max((kind.since for field in document.fields if (kind := find(field.name))), key=Version)
    if said not in METADATA_VERSIONS:
        known = said == "2.0"  # PEP 426, withdrawn; 2.1 is what came of it
        change = (SetField("Metadata-Version", max("2.1", newest, key=Version)),) if known else ()
        yield Found("metadata-unknown-version", "Metadata-Version", f"there is no Metadata-Version {_cut(said)}", change)
        return
    late = {kind.name: kind.since for field in document.fields if (kind := find(field.name)) and _is_later(kind.since, said)}
    for name, since in late.items():
        mending = (SetField("Metadata-Version", newest),)
        yield Found(
            "metadata-field-too-new", name, f"{name} came with Metadata-Version {since}, and this is {said}", mending
        )


def _is_later(one: str, other: str) -> bool:
    return METADATA_VERSIONS.index(one) > METADATA_VERSIONS.index(other)


def _check_identity(document: Document) -> Iterator[Found]:
    name, version = document.first("Name"), document.first("Version")
    try:
        canonicalize_name(name or "x", validate=True)
    except ValueError:
        yield Found("metadata-bad-name", "Name", f"{_cut(name or '')} is no name of a project")
    try:
        Version(version or "0")
    except ValueError:
        yield Found("metadata-bad-version", "Version", f"{_cut(version or '')} is no version (PEP 440)")


def _check_requirement(field: Field) -> Iterator[Found]:
    text = field.value.strip()
    requirement = read_requirement(text)
    if requirement is not None and requirement.fault is None:
        return
    place = f"Requires-Dist: {_cut(text)}"
    fault = requirement.fault if requirement else "it does not begin with a name"
    parts = RequirementParts.of(text)
    if parts is None or requirement is None:
        yield Found("metadata-bad-requirement", place, shown(fault or ""))
        return
    if parts.marker:
        try:
            StrictMarker(parts.marker)
        except (InvalidMarker, RecursionError):
            yield Found("metadata-bad-marker", place, f"its marker cannot be read: {shown(fault or '')}")
            return
    mended = _mended(parts)
    if mended is None:
        yield Found("metadata-bad-requirement", place, shown(fault or ""))
    else:
        yield Found("metadata-legacy-requirement", place, f"it means {shown(mended)}", (RewriteField(field.start, mended),))


def _mended(parts: RequirementParts) -> str | None:
    """Return the requirement with a specifier that can be read, ``None`` where its meaning is not plain."""
    specifier = None if parts.url is not None else mended_specifier(parts.specifier)
    if specifier is None:
        return None
    text = str(parts.with_specifier(specifier)).strip()
    return text if _is_possible("Requires-Dist", text) else None


def _is_possible(name: str, value: str) -> bool:
    """Whether ``value`` may be written to the field ``name``."""
    try:
        check_value(name, value)
    except EditError:
        return False
    return True


def _check_requires_python(document: Document) -> Iterator[Found]:
    for field in document.all("Requires-Python")[:1]:
        text = field.value.strip()
        try:
            SpecifierSet(text)
        except ValueError:  # InvalidSpecifier is one, and so is what a number of 5,000 digits raises
            mended = mended_specifier(text)
            place = f"Requires-Python: {_cut(text)}"
            if mended and _is_possible("Requires-Python", mended):
                mending = (RewriteField(field.start, mended),)
                yield Found("metadata-legacy-requires-python", place, f"it means {shown(mended)}", mending)
            else:
                yield Found("metadata-bad-requires-python", place, "it is no specifier (PEP 440)")


def _check_repeated(document: Document) -> Iterator[Found]:
    seen = set[Hashable]()
    for field in document.all("Requires-Dist"):
        key = meaning(field.value.strip())
        if key in seen:
            yield Found("metadata-repeated-requirement", f"Requires-Dist: {_cut(field.value.strip())}", "it stands twice")
        seen.add(key)


def _check_extras(document: Document) -> Iterator[Found]:
    declared = dict[str, str]()
    for field in document.all("Provides-Extra"):
        text = field.value.strip()
        declared.setdefault(canonicalize_name(text), text)
        try:
            canonicalize_name(text, validate=True)
        except ValueError:
            yield Found("metadata-bad-extra", f"Provides-Extra: {_cut(text)}", "it is no name of an extra")
    called: dict[str, str] = {}
    for field in document.all("Requires-Dist"):
        requirement = read_requirement(field.value.strip())
        for extra in sorted(requirement.called_by) if requirement else ():
            called.setdefault(extra, requirement.text if requirement else "")
    said = document.first("Metadata-Version") or ""
    for extra in sorted(called.keys() - declared.keys()):
        mending: tuple[AddField | SetField, ...] = (AddField("Provides-Extra", extra),)
        if said in METADATA_VERSIONS and _is_later("2.1", said):
            mending = (SetField("Metadata-Version", "2.1"), *mending)
        if not _is_possible("Provides-Extra", extra):
            mending = ()
        yield Found(
            "metadata-undeclared-extra", f"Provides-Extra: {shown(extra)}", f"{_cut(called[extra])} asks for it", mending
        )
    for field in document.all("Provides-Extra"):
        if canonicalize_name(field.value.strip()) not in called:
            place = f"Provides-Extra: {_cut(field.value.strip())}"
            yield Found(
                "metadata-empty-extra", place, "no requirement is called for by it", (RewriteField(field.start, None),)
            )


def _check_values(document: Document) -> Iterator[Found]:
    """Yield what ``packaging`` finds wrong with the values of the other fields."""
    try:
        document.data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = document.data.count(b"\n", 0, error.start) + 1
        yield Found("metadata-not-utf8", f"line {line}", "it is not UTF-8; readers guess")
        return
    known = (document.data[field.start : field.stop].rstrip(b"\r\n") for field in document.fields if find(field.name))
    raw, _ = parse_email(b"\n".join([*known, b"", b""]))  # other headers, such as Content-Type, would make a mail of it
    for key, value in raw.items():
        if key in _OWN_CHECKS:
            continue
        checked = Metadata.from_raw(cast(RawMetadata, {key: value}), validate=False)
        try:
            getattr(checked, key)
        except InvalidMetadata as error:
            yield Found("metadata-bad-value", error.field, _cut(str(error).partition("\n")[0]))
        except (ValueError, LookupError, RecursionError):  # by some versions of packaging
            yield Found("metadata-bad-value", key, "it cannot be read")


def _check_description(document: Document) -> Iterator[Found]:
    if not document.has_body and not document.first("Description"):
        yield Found("metadata-no-description", "Description", "an index has nothing to show")
    elif not document.first("Description-Content-Type"):
        message = "an index takes the description for reStructuredText"
        yield Found("metadata-no-content-type", "Description-Content-Type", message)
