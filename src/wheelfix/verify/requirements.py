"""What is wrong with the requirements in METADATA, with Requires-Python, and with extras.

https://packaging.python.org/en/latest/specifications/dependency-specifiers/
"""

import re
from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Final

from packaging.markers import InvalidMarker, Marker as StrictMarker
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import canonicalize_name

from wheelfix.codes import Client
from wheelfix.text import cut, shown
from wheelfix.verify.client_quirks import refusals, specifier_faults
from wheelfix.verify.metadata import LEVEL, is_later, is_possible, raising
from wheelfix.verify.subject import RawFinding, RewriteField, Subject
from wheelfix.wheel.edits import AddField, SetField
from wheelfix.wheel.fields import METADATA_VERSIONS
from wheelfix.wheel.marker import comparisons, read_marker
from wheelfix.wheel.marker_logic import is_read_alike
from wheelfix.wheel.metadata import Document, Field, fixed_specifier, is_fixed_by_uv
from wheelfix.wheel.requirement import RequirementParts, meaning, read_requirement, requires_variant

_QUOTED: Final = re.compile(r"""'[^']*'|"[^"]*\"""")


_RELEASE: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_SEPARATOR: Final = re.compile(r"[\x1c-\x1f]")
"""Characters that are white space to Python and not to uv."""
_LOCAL_PATH: Final = re.compile(r"(?:[a-z]+\+)?file:|/|\.|~|\\\\|[a-z]:[\\/]", re.IGNORECASE)
"""How a URL or path that means a local file begins, drive letters included."""
_EMPTY_CLAUSE: Final = re.compile(r"^\s*,|,\s*,")
"""A comma with nothing before it; every client accepts one at the end."""


def check_requirements(subject: Subject) -> Iterator[RawFinding]:
    """Yield the findings on Requires-Dist, Requires-Python and Provides-Extra."""
    document = subject.document
    if document is None:
        return
    for field in document.all("Requires-Dist"):
        yield from _check_requirement(
            field, is_variant=subject.filename is not None and subject.filename.variant is not None
        )
    yield from _check_requires_python(document)
    yield from _check_repeated(document)
    yield from _check_extras(document, subject.dist_info_files)


def _check_requirement(field: Field, *, is_variant: bool) -> Iterator[RawFinding]:
    text = field.value.strip()
    requirement = read_requirement(text)
    if requires_variant(text):
        if not is_variant:
            message = "its marker uses the variant of the wheel (PEP 825, a draft): pip and uv refuse it"
            yield RawFinding("metadata-variant-marker", f"Requires-Dist: {cut(text)}", message)
        return
    if requirement is not None and requirement.malformed is None:
        found = [*_check_blanks(field, text), *_check_readers(field, text)]
        yield from found or _check_evaluation(text)
        if requirement.url is not None and _LOCAL_PATH.match(requirement.url):
            message = "it is a local path, which means something else on each machine"
            yield RawFinding("metadata-local-path", f"Requires-Dist: {cut(text)}", message)
        return
    place = f"Requires-Dist: {cut(text)}"
    reason = requirement.malformed if requirement else "it does not begin with a name"
    parts = RequirementParts.of(text)
    if parts is None or requirement is None:
        yield RawFinding("metadata-bad-requirement", place, shown(reason or ""))
        return
    if parts.marker:
        try:
            StrictMarker(parts.marker)
        except (InvalidMarker, RecursionError):
            yield RawFinding("metadata-bad-marker", place, f"its marker cannot be read: {shown(reason or '')}")
            return
    fixed = _fixed(parts)
    if fixed is None:
        yield RawFinding("metadata-bad-requirement", place, shown(reason or ""))
    else:
        fixes = (RewriteField(field.start, fixed),)
        refused_by = (Client.PIP, *_uv_unless(_is_read_by_uv(parts)), Client.PYPI)
        yield RawFinding("metadata-legacy-requirement", place, f"it means {shown(fixed)}", fixes, refused_by=refused_by)


def _is_read_by_uv(parts: RequirementParts) -> bool:
    return parts.constraint.count("(") == parts.constraint.count(")") and is_fixed_by_uv(parts.specifier)


def _uv_unless(accepted: bool) -> tuple[Client, ...]:
    return () if accepted else (Client.UV,)


def _check_blanks(field: Field, text: str) -> Iterator[RawFinding]:
    """Yield what is only a requirement if any blank counts as one: readers know space and tab (PEP 508)."""
    plain = " ".join(text.split())
    if field.value.strip(" \t") == plain or is_possible("Requires-Dist", field.value):
        return
    same = _QUOTED.findall(text) == _QUOTED.findall(plain)  # what is in quotes is not white space
    fixes = (RewriteField(field.start, plain),) if same and is_possible("Requires-Dist", plain) else ()
    message = "it has a line break, or a white-space character other than space and tab"
    pip = (Client.PIP,) if text != plain else ()  # it strips the value
    refused_by = (*pip, *_uv_unless(_SEPARATOR.search(field.value) is None), Client.PYPI)
    yield RawFinding("metadata-odd-blanks", f"Requires-Dist: {cut(text)}", message, fixes, refused_by=refused_by)


def _check_readers(field: Field, text: str) -> Iterator[RawFinding]:
    """Yield what pip or uv refuse of a requirement that the specification allows."""
    for each in refusals(" ".join(text.split())):
        place, by = f"Requires-Dist: {cut(text)}", (each.by,)
        if each.means is not None and is_possible("Requires-Dist", each.means):
            message, fixes = f"{each.message}. It means {shown(each.means)}", (RewriteField(field.start, each.means),)
            yield RawFinding("metadata-legacy-requirement", place, message, fixes, refused_by=by)
        else:
            code = "metadata-bad-marker" if each.in_marker else "metadata-bad-requirement"
            yield RawFinding(code, place, shown(each.message), refused_by=by)


def _check_evaluation(text: str) -> Iterator[RawFinding]:
    """Yield that pip and uv take a comparison of the marker for different ones, where neither refuses it."""
    parts = RequirementParts.of(text)
    if parts is None or not parts.marker:
        return
    tree = read_marker(parts.marker)
    found = [cut(leaf.text) for leaf in comparisons(tree) if not is_read_alike(leaf)] if tree is not None else []
    if "\\" in parts.marker:
        found.insert(0, "a text with a backslash")
    if found:
        message = f"pip and uv read {found[0]} in its marker differently"
        yield RawFinding("metadata-marker-ambiguous", f"Requires-Dist: {cut(text)}", message)


def _fixed(parts: RequirementParts) -> str | None:
    """Return the requirement with a specifier that can be read, ``None`` where its meaning is not plain."""
    specifier = None if parts.url is not None else fixed_specifier(parts.specifier)
    if specifier is None:
        return None
    text = str(parts.with_specifier(specifier)).strip()
    return text if is_possible("Requires-Dist", text) else None


def _is_plain(specifier: Specifier) -> bool:
    """Whether the version of a specifier is one that releases of Python have, so that all tools compare it alike."""
    return specifier.operator != "===" and _RELEASE.fullmatch(specifier.version.removesuffix(".*")) is not None


def _check_requires_python(document: Document) -> Iterator[RawFinding]:
    for field in document.all("Requires-Python")[:1]:
        text = field.value.strip()
        try:
            specifiers = SpecifierSet(text)
        except ValueError:  # InvalidSpecifier is one, and so is what a number of 5,000 digits raises
            fixed = fixed_specifier(text)
            place = f"Requires-Python: {cut(text)}"
            if fixed and is_possible("Requires-Python", fixed):
                fixes = (RewriteField(field.start, fixed),)
                by = (*_uv_unless(is_fixed_by_uv(text)), Client.PYPI)
                yield RawFinding("metadata-legacy-requires-python", place, f"it means {shown(fixed)}", fixes, refused_by=by)
            else:
                yield RawFinding("metadata-bad-requires-python", place, "it is not a valid specifier (PEP 440)")
            return
        if _EMPTY_CLAUSE.search(text) and (fixed := fixed_specifier(text)):
            fixes = (RewriteField(field.start, fixed),)
            message = f"it has an empty clause, for which uv refuses the wheel; it means {shown(fixed)}"
            place = f"Requires-Python: {cut(text)}"
            yield RawFinding("metadata-legacy-requires-python", place, message, fixes, refused_by=(Client.UV,))
        faults = list(specifier_faults(text))
        for reason in faults:
            place, message = f"Requires-Python: {cut(text)}", f"{reason}; uv refuses the wheel"
            yield RawFinding("metadata-bad-requires-python", place, message, refused_by=(Client.UV,))
        odd = next((each for each in specifiers if not _is_plain(each)), None)
        if odd is not None and not faults:
            message = f"pip and uv may compare {cut(str(odd))} with a version of Python differently"
            yield RawFinding("metadata-marker-ambiguous", f"Requires-Python: {cut(text)}", message)


def _check_repeated(document: Document) -> Iterator[RawFinding]:
    seen = set[Hashable]()
    for field in document.all("Requires-Dist"):
        key = meaning(field.value.strip())
        if key in seen:
            yield RawFinding(
                "metadata-repeated-requirement", f"Requires-Dist: {cut(field.value.strip())}", "it is a duplicate"
            )
        seen.add(key)


def _check_extras(document: Document, files: Collection[str]) -> Iterator[RawFinding]:
    declared = set[str]()
    for field in document.all("Provides-Extra"):
        text = field.value.strip()
        if canonicalize_name(text) in declared:
            yield RawFinding("metadata-repeated-extra", f"Provides-Extra: {cut(text)}", "it is a duplicate")
            continue
        declared.add(canonicalize_name(text))
        try:
            canonicalize_name(text, validate=True)
        except ValueError:
            yield RawFinding("metadata-bad-extra", f"Provides-Extra: {cut(text)}", "it is not a valid extra name")
    used: dict[str, str] = {}
    for field in document.all("Requires-Dist"):
        requirement = read_requirement(field.value.strip())
        for extra in sorted(requirement.required_by_extras) if requirement else ():
            used.setdefault(extra, requirement.text if requirement else "")
    yield from _check_declared(document, {extra: used[extra] for extra in sorted(used.keys() - declared)}, files)
    for field in document.all("Provides-Extra"):
        if canonicalize_name(field.value.strip()) not in used:
            place = f"Provides-Extra: {cut(field.value.strip())}"
            yield RawFinding("metadata-empty-extra", place, "no requirement uses it", (RewriteField(field.start, None),))


def _check_declared(document: Document, missing: Mapping[str, str], files: Collection[str]) -> Iterator[RawFinding]:
    """Yield the extras that are ``missing``, each with a requirement that uses it, and what declares them."""
    said = document.first(LEVEL) or ""
    too_old = said in METADATA_VERSIONS and is_later("2.1", said)
    raised = raising(document, "2.1", files)[0] if too_old else ()
    for extra, requirement in missing.items():
        fixes: tuple[AddField | SetField, ...] = ()
        if is_possible("Provides-Extra", extra) and (raised or not too_old):
            fixes = (*raised, AddField("Provides-Extra", extra))
        place = f"Provides-Extra: {shown(extra)}"
        yield RawFinding("metadata-undeclared-extra", place, f"it is used by {cut(requirement)}", fixes)
