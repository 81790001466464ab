"""What METADATA declares of which resolvers assume that all wheels of a release say the same.

Those are the requirements, the extras and Requires-Python: Poetry, PDM and ``uv lock`` read the METADATA of one wheel of a
release. See https://packaging.python.org/en/latest/specifications/core-metadata/ for the fields.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from packaging.utils import canonicalize_name

from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.requirement import read_requirement, specifier_meaning

EXTRA = "Provides-Extra"
PYTHON = "Requires-Python"

Subject: TypeAlias = tuple[str, str, str]
"""What wheels can disagree on: a field, and for requirements a name and a marker, for extras a name.

A marker stands for the environments in which it is true, so that two wheels that require different versions under one
marker disagree on one subject, and go on doing so if one of the versions changes."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What one METADATA declares: the values of its fields, as they are written."""

    requirements: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    requires_python: str = ""

    @classmethod
    def of(cls, metadata: bytes) -> "Declared":
        """Return what ``metadata`` declares; it need not be valid."""
        document = Document.parse_leniently(metadata)
        return cls(
            tuple(each.value.strip() for each in document.all(REQUIRES)),
            tuple(each.value.strip() for each in document.all(EXTRA)),
            (document.first(PYTHON) or "").strip(),
        )

    def answers(self) -> Mapping[Subject, Hashable]:
        """Return what it says of each subject, in no particular spelling; of all others it says nothing.

        >>> one, other = Declared(("Foo >= 1",)), Declared(("foo>=1",))
        >>> one.answers() == other.answers()
        True
        """
        found: dict[Subject, set[Hashable]] = {}
        for text in self.requirements:
            subject, answer = _read(text)
            found.setdefault(subject, set()).add(answer)
        said: dict[Subject, Hashable] = {subject: frozenset(answers) for subject, answers in found.items()}
        said |= {(EXTRA, str(canonicalize_name(each)), ""): True for each in self.extras}
        if self.requires_python:
            said[PYTHON, "", ""] = specifier_meaning(self.requires_python)
        return said


def _read(text: str) -> tuple[Subject, Hashable]:
    requirement = read_requirement(text)
    if requirement is None or requirement.fault:  # what cannot be read is compared as it is written
        return (REQUIRES, " ".join(text.split()), ""), True
    answer = requirement.extras, requirement.specifier, requirement.url
    return (REQUIRES, requirement.name, requirement.marker), answer
