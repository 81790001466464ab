"""What is wrong with METADATA, field by field.

https://packaging.python.org/en/latest/specifications/core-metadata/
"""

from collections.abc import Iterator
from typing import Final

from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelfix.checks.codes import Client
from wheelfix.checks.found import Found, RewriteField
from wheelfix.checks.levels import LEVEL, check_level
from wheelfix.checks.stricter_readers import has_number_too_large
from wheelfix.checks.subject import Subject
from wheelfix.checks.values import bad_values, check_encoding, cut
from wheelfix.escaping import shown
from wheelfix.wheel.fields import find
from wheelfix.wheel.metadata import Document, Field

_REQUIRED: Final = (LEVEL, "Name", "Version")

_LONGEST_LABEL: Final = 32
_NO_DESCRIPTION: Final = frozenset({b"", b"UNKNOWN"})
"""What old setuptools wrote where there was none."""


def check_fields(subject: Subject) -> Iterator[Found]:
    """Yield the faults of METADATA."""
    document = subject.document
    if document is None:
        return
    yield from _check_names(document)
    yield from check_level(document, subject.dist_info_files)
    yield from _check_identity(document)
    yield from check_encoding(document)
    yield from bad_values(document)
    yield from _check_urls(document)
    yield from _check_description(document)


def _check_names(document: Document) -> Iterator[Found]:
    seen = set()
    for name in _REQUIRED:
        if not document.first(name):
            refused_by = (Client.PYPI,) if name == LEVEL else None
            yield Found("metadata-missing-field", name, f"METADATA has no {name}", refused_by=refused_by)
    for field in document.fields:
        kind = find(field.name)
        key = field.name.lower()
        if kind is None and key not in seen:
            yield Found("metadata-unknown-field", shown(field.name), f"no Metadata-Version has a field {shown(field.name)}")
        elif kind is not None and not kind.multiple and key in seen:
            yield Found(
                "metadata-repeated-field", kind.name, f"{kind.name} appears more than once; readers disagree on which counts"
            )
        seen.add(key)


def _check_identity(document: Document) -> Iterator[Found]:
    name, version = document.first("Name"), document.first("Version")
    try:
        canonicalize_name(name or "x", validate=True)
    except ValueError:
        yield Found("metadata-bad-name", "Name", f"{cut(name or '')} is not a valid project name")
    try:
        Version(version or "0")
    except ValueError:
        yield Found("metadata-bad-version", "Version", f"{cut(version or '')} is not a valid version (PEP 440)")
    else:
        if has_number_too_large(version or "0"):
            message = f"{cut(version or '')} has a number of more than 64 bits; uv refuses the wheel"
            yield Found("metadata-bad-version", "Version", message, refused_by=(Client.UV,))
    extras = document.all("Provides-Extra")
    for field in (*document.all("Name")[:1], *document.all("Version")[:1], *document.all(LEVEL)[:1], *extras):
        yield from _check_blanks(field)


def _check_blanks(field: Field) -> Iterator[Found]:
    """Yield the blanks that are part of a value to ``email.parser``: whoever compares it with what is allowed refuses it."""
    text = field.value.strip()
    refused_by = _refusing_blanks(field.name.lower(), field.value) if text and field.value != text else ()
    if refused_by:
        mending = (RewriteField(field.start, text),) if text.isascii() and text.isprintable() else ()
        message = f"there are blanks or line breaks around {cut(text)}, which are taken for a part of it"
        yield Found("metadata-odd-blanks", field.name, message, mending, refused_by=refused_by)


def _refusing_blanks(name: str, value: str) -> tuple[Client, ...]:
    """Return who refuses ``value`` for the blanks around it; measured with pip 26.3 and uv 0.13.9."""
    if name == "name":
        after = value != value.rstrip() or value.lstrip(" \t\r\n") != value.lstrip()
        return (Client.PIP, Client.UV, Client.PYPI) if after else (Client.PIP, Client.PYPI)
    if name == "version":  # all of them strip it, uv of the usual blanks only
        return (Client.UV,) if value.strip(" \t\r\n") != value.strip() else ()
    return (Client.PYPI,)


def _check_urls(document: Document) -> Iterator[Found]:
    """Yield the values of Project-URL that are not a label and a URL; ``packaging`` takes any text."""
    for field in document.all("Project-URL"):
        label, _, url = (part.strip() for part in field.value.partition(","))
        missing = "label" if not label else "URL" if not url else ""
        if missing or len(label) > _LONGEST_LABEL:
            what = f"it has no {missing}" if missing else f"its label has more than {_LONGEST_LABEL} characters"
            yield Found("metadata-bad-value", f"Project-URL: {cut(field.value.strip())}", what)


def _check_description(document: Document) -> Iterator[Found]:
    if document.body and document.first("Description"):
        yield Found("metadata-bad-value", "Description", "it is in the header, and the body is another one")
    said = {document.body, (document.first("Description") or "").encode("utf-8", "surrogateescape")}
    if said <= _NO_DESCRIPTION:
        yield Found("metadata-no-description", "Description", "an index has nothing to show")
    elif not document.first("Description-Content-Type"):
        message = "it is missing; indexes assume reStructuredText"
        yield Found("metadata-no-content-type", "Description-Content-Type", message)
