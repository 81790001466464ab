"""What Metadata-Version says of the fields, and whether it can be raised to what they need.

https://packaging.python.org/en/latest/specifications/core-metadata/
"""

from collections.abc import Callable, Iterator
from typing import Final

from packaging.version import Version

from wheelfix.checks.found import Found
from wheelfix.checks.values import bad_values, cut
from wheelfix.edits import SetField
from wheelfix.metadata.document import Document
from wheelfix.metadata.fields import METADATA_VERSIONS, find

LEVEL: Final = "Metadata-Version"
_TWO_LICENSES: Final = ("License", "License-Expression")
_SINCE_LICENSES: Final = "2.4"
"""The Metadata-Version with which PEP 639 made them exclude each other."""


def check_level(document: Document) -> Iterator[Found]:
    """Yield the faults of Metadata-Version, and of fields that it does not go with."""
    yield from _check_version(document)
    if _has_two_licenses(document) and (document.first(LEVEL) or "") in _from(_SINCE_LICENSES):
        message = "since Metadata-Version 2.4 they exclude each other: License is disregarded, and PyPI refuses the wheel"
        yield Found("metadata-two-licenses", "License", message)


def _check_version(document: Document) -> Iterator[Found]:
    said = document.first(LEVEL)
    if not said:
        return
    newest = max((kind.since for field in document.fields if (kind := find(field.name))), key=Version)
    if said not in METADATA_VERSIONS:
        known = said == "2.0"  # PEP 426, withdrawn; 2.1 is what came of it
        change, why_not = raising(document, max("2.1", newest, key=Version)) if known else ((), "")
        yield Found("metadata-unknown-version", LEVEL, f"there is no Metadata-Version {cut(said)}{why_not}", change)
        return
    late = {kind.name: kind.since for field in document.fields if (kind := find(field.name)) and is_later(kind.since, said)}
    mending, why_not = raising(document, newest) if late else ((), "")
    for name, since in late.items():
        message = f"{name} came with Metadata-Version {since}, and this is {said}{why_not}"
        yield Found("metadata-field-too-new", name, message, mending)


def raising(document: Document, level: str) -> tuple[tuple[SetField, ...], str]:
    """Return the edit that raises Metadata-Version to ``level``, or nothing and why that would make another fault."""
    if len(document.all(LEVEL)) > 1:
        return (), "; it stands more than once, and which of them counts nobody can say"
    for level_of_rule, is_broken, reason in _NEWLY_FORBIDDEN:
        if level in _from(level_of_rule) and is_broken(document):
            return (), f"; it is not raised: {reason}"
    return (SetField(LEVEL, level),), ""


def _from(level: str) -> tuple[str, ...]:
    """Return ``level`` and every later Metadata-Version."""
    return METADATA_VERSIONS[METADATA_VERSIONS.index(level) :]


def is_later(one: str, other: str) -> bool:
    """Whether ``one``, a known Metadata-Version, came after ``other``."""
    return METADATA_VERSIONS.index(one) > METADATA_VERSIONS.index(other)


def _has_bad_license(document: Document) -> bool:
    """Whether a field that came with PEP 639 has a value that it forbids."""
    return any(each.place in ("license-expression", "license-file") for each in bad_values(document))


def _has_two_licenses(document: Document) -> bool:
    """Whether License and License-Expression both stand there."""
    return all(map(document.first, _TWO_LICENSES))


_NEWLY_FORBIDDEN: Final[tuple[tuple[str, Callable[[Document], bool], str], ...]] = (
    (_SINCE_LICENSES, _has_two_licenses, "from 2.4 on License and License-Expression exclude each other"),
    (_SINCE_LICENSES, _has_bad_license, "from 2.4 on the value of License-Expression or License-File would be refused"),
)
"""What is a fault only from a Metadata-Version on, and why."""
