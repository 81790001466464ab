"""What Metadata-Version says of the fields, and whether it can be raised to what they need.

https://packaging.python.org/en/latest/specifications/core-metadata/
"""

from collections.abc import Callable, Collection, Iterator
from typing import Final

from packaging.version import Version

from wheelfix.checks.found import Found
from wheelfix.checks.values import bad_values, cut
from wheelfix.wheel.editor import SetField
from wheelfix.wheel.fields import METADATA_VERSIONS, find
from wheelfix.wheel.metadata import Document

LEVEL: Final = "Metadata-Version"
LICENSE_FILE: Final = "License-File"
_TWO_LICENSES: Final = ("License", "License-Expression")
_SINCE_LICENSES: Final = "2.4"
"""The Metadata-Version with which PEP 639 made them exclude each other."""


def check_level(document: Document, files: Collection[str]) -> Iterator[Found]:
    """Yield the findings on Metadata-Version, and on fields that it does not go with; ``files`` are those of dist-info."""
    yield from _check_version(document, files)
    if _has_two_licenses(document, files) and (document.first(LEVEL) or "") in _from(_SINCE_LICENSES):
        message = "since Metadata-Version 2.4 they exclude each other: License is disregarded, and PyPI refuses the wheel"
        yield Found("metadata-two-licenses", "License", message)


def _check_version(document: Document, files: Collection[str]) -> Iterator[Found]:
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
        yield Found("metadata-unknown-version", LEVEL, f"there is no Metadata-Version {cut(said)}{why_not}", change)
        return
    if early and is_later(early, said):
        message = f"{LICENSE_FILE} requires Metadata-Version {early} (found {said}); tools read it all the same"
        yield Found("metadata-license-file-early", LICENSE_FILE, message)
    late = {name: level for name, level in since.items() if is_later(level, said)}
    mending, why_not = raising(document, newest, files) if late else ((), "")
    for name, level in late.items():
        message = f"{name} requires Metadata-Version {level} (found {said}){why_not}"
        yield Found("metadata-field-too-new", name, message, mending)


def raising(document: Document, level: str, files: Collection[str]) -> tuple[tuple[SetField, ...], str]:
    """Return the edit that raises Metadata-Version to ``level``, or nothing and why that would make another finding."""
    if len(document.all(LEVEL)) > 1:
        return (), "; it stands more than once, and which of them counts nobody can say"
    for level_of_rule, is_broken, reason in _NEWLY_FORBIDDEN:
        if level in _from(level_of_rule) and is_broken(document, files):
            return (), f"; it is not raised: {reason}"
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
    """Whether License and License-Expression both stand there."""
    return all(map(document.first, _TWO_LICENSES))


def _lacks_licenses(document: Document, files: Collection[str]) -> bool:
    """Whether a file that License-File names is not where PEP 639 puts it."""
    return bool(missing_licenses(document, files))


_NEWLY_FORBIDDEN: Final[tuple[tuple[str, Callable[[Document, Collection[str]], bool], str], ...]] = (
    (_SINCE_LICENSES, _has_two_licenses, "from 2.4 on License and License-Expression exclude each other"),
    (_SINCE_LICENSES, _has_bad_license, "from 2.4 on the value of License-Expression or License-File would be refused"),
    (_SINCE_LICENSES, _lacks_licenses, "from 2.4 on PyPI refuses a wheel whose License-File is not in licenses/"),
)
"""What is a fault only from a Metadata-Version on, and why."""
