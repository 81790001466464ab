"""``requirements.txt`` with pinned versions: of pip-compile, ``uv pip compile``, ``uv export`` or ``pip freeze``.

The form is pip's: https://pip.pypa.io/en/stable/reference/requirements-file-format/. Requirements are read by packaging. No
library does the rest: pip-requirements-parser was last released in 2022, and requirements-parser does not read ``--hash``.
"""

import os
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from wheelfix.errors import LockError
from wheelfix.locks.document import damaged, hashes_of, version_of
from wheelfix.locks.header import command_in
from wheelfix.locks.model import Lock, LockedFile, LockKind, Skipped, SkippedEntry, lock_of
from wheelfix.locks.text import LARGEST, read_text
from wheelfix.text import cut

_MOST_FILES: Final = 100
_LONGEST_LINE: Final = 1 << 20
"""In characters, continuation lines included; one with a hundred hashes has eight thousand."""
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_DIRECT: Final = re.compile(r"\s@\s|://|^[./~\\]|[/\\]|\.(?:whl|zip|tar\.gz|tgz|tar\.bz2)$")
"""What is a URL or a path, and no name."""
_OPTION: Final = re.compile(r"--[^\s=]+|-.")
_OPTIONS_START: Final = re.compile(r"\s--?[a-z]")
_WITH_VALUE: Final = {
    "-r": "requirement", "--requirement": "requirement", "-c": "constraint", "--constraint": "constraint",
    "-e": "editable", "--editable": "editable", "-i": "index", "--index-url": "index", "--pypi-url": "index",
    "--extra-index-url": "extra-index", "-f": "find-links", "--find-links": "find-links",
    "--no-binary": "", "--only-binary": "", "--trusted-host": "", "--use-feature": "", "--uploaded-prior-to": "",
}  # fmt: skip
"""Each option of a line of its own that has a value, and what it is; those that choose no file are nothing here."""
_PLAIN: Final = frozenset({"--no-index", "--pre", "--prefer-binary", "--require-hashes", "--only-final", "--all-releases"})


class _Line(NamedTuple):
    """A logical line, without comments, and where it begins."""

    path: Path
    number: int
    text: str


class _Pin(Struct, frozen=True):
    """A requirement of a line: pinned to a version, or not."""

    project: str
    version: str | None
    hashes: tuple[str, ...]
    marker: str | None
    line: _Line


class _Reader:
    """Reads a file, and those that it names; together they have a limit."""

    def __init__(self) -> None:
        self.pins: list[_Pin] = []
        self.constraints: dict[str, _Pin] = {}
        self.skipped: list[SkippedEntry] = []
        self.warnings: list[str] = []
        self.indexes: list[str] = []
        self.other_indexes = False
        self._seen: set[tuple[str, bool]] = set()
        self._rest = LARGEST

    def read(self, path: Path, *, constraint: bool = False, named_by: _Line | None = None) -> str:
        """Read a file of requirements, or of constraints; return its text. Each counts once, however often it is named."""
        key = _real(path), constraint
        if key in self._seen:
            return ""
        self._seen.add(key)
        if len(self._seen) > _MOST_FILES:
            raise damaged(path, f"more than {_MOST_FILES} files name each other")
        try:
            text = read_text(path, self._rest)
        except LockError as error:
            if named_by is None:
                raise
            raise damaged(
                named_by.path, f"{path}, which it includes, cannot be read: {error.problem}", named_by.number
            ) from error
        self._rest -= len(text)
        for line in _logical_lines(path, text):
            if len(line.text) > _LONGEST_LINE:
                raise damaged(path, f"a requirement has more than {_LONGEST_LINE:,} characters", line.number)
            self._read_line(line, constraint=constraint)
        return text

    def _read_line(self, line: _Line, *, constraint: bool) -> None:
        if line.text.startswith("-"):
            self._read_option(line, constraint=constraint)
        elif (found := self._pin(line)) is None:
            return
        elif constraint:
            self.constraints[found.project] = found
        else:
            self.pins.append(found)

    def _read_option(self, line: _Line, *, constraint: bool) -> None:
        name, value = _option(line.text)
        if name in _PLAIN:
            return
        match _WITH_VALUE.get(name):
            case "requirement" | "constraint" if "://" in value:
                self._skip(line, value, Skipped.INCLUDED)
            case "requirement" | "constraint" as kind:
                self.read(line.path.parent / value, constraint=constraint or kind == "constraint", named_by=line)
            case "editable":
                self._skip(line, value, Skipped.EDITABLE)
            case "index":
                self.indexes.append(value)
            case "extra-index" | "find-links":
                self.other_indexes = True
            case None:
                self.warnings.append(f"line {line.number}: the option {cut(name)} is not known, and does not count")

    def _skip(self, line: _Line, text: str, reason: Skipped) -> None:
        self.skipped.append(SkippedEntry(project=cut(text), reason=reason, line=line.number))

    def _pin(self, line: _Line) -> _Pin | None:
        start = _OPTIONS_START.search(line.text)
        text, options = (line.text[: start.start()], line.text[start.start() :]) if start else (line.text, "")
        try:
            requirement = Requirement(text.strip())
        except (ValueError, RecursionError) as error:  # also a number of five thousand digits, or a marker without end
            if _DIRECT.search(text.strip()) is None:
                raise damaged(line.path, "this is no requirement", line.number) from error  # the file may be a secret one
            self._skip(line, text.strip(), _kind_of(text.strip()))
            return None
        if requirement.url is not None:
            self._skip(line, requirement.name, _kind_of(requirement.url))
            return None
        marker = None if requirement.marker is None else str(requirement.marker)
        pinned = _pinned_version(requirement)
        version = None if pinned is None else version_of(line.path, pinned, line.number)
        return _Pin(canonicalize_name(requirement.name), version, _hashes(line, options), marker, line)

    def entries(self) -> Iterator[LockedFile | SkippedEntry]:
        """Yield what is locked, and what is not."""
        yield from self.skipped
        index = self.indexes[-1] if self.indexes and not self.other_indexes else None
        for pin in self.pins:
            bound = self.constraints.get(pin.project)
            if pin.version is None and bound is not None:
                pin = replace(pin, version=bound.version, hashes=pin.hashes or bound.hashes)  # noqa: PLW2901 - completed
            if pin.version is None:
                yield SkippedEntry(project=pin.project, reason=Skipped.UNPINNED, line=pin.line.number)
                continue
            yield LockedFile(
                project=pin.project, version=pin.version, hashes=pin.hashes, index=index, marker=pin.marker,
                line=pin.line.number,
            )  # fmt: skip


def read_requirements(path: Path) -> Lock:
    """Return what a file of requirements names, with those that it includes.

    :raises LockError: if one of them cannot be read, or has a line that is no requirement.
    """
    reader = _Reader()
    text = reader.read(path)
    found = lock_of(path, LockKind.REQUIREMENTS, reader.entries(), warnings=reader.warnings)
    return replace(found, made_by=command_in(text))


def _real(path: Path) -> str:
    """Return a file without links in its path; a name that no file has stays as it is, and reading it says why."""
    try:
        return os.path.realpath(path)
    except ValueError:
        return str(path)


def _logical_lines(path: Path, text: str) -> Iterator[_Line]:
    """Yield the lines with something in them; a backslash at the end joins the next one, unless that is a comment."""
    parts, first = list[str](), 0
    for number, raw in enumerate(text.splitlines(), 1):
        is_comment = raw.lstrip().startswith("#")
        continues = raw.endswith("\\") and not is_comment
        first = first if parts else number
        parts.append("" if is_comment else raw.removesuffix("\\") if continues else raw)
        if continues:
            continue
        if joined := _COMMENT.sub("", "".join(parts)).strip():
            yield _Line(path, first, joined)
        parts = []
    if joined := _COMMENT.sub("", "".join(parts)).strip():
        yield _Line(path, first, joined)


def _option(text: str) -> tuple[str, str]:
    """Return the name and the value of an option: ``--name value``, ``--name=value``, ``-n value`` or ``-nvalue``."""
    found = _OPTION.match(text)
    name, value = (found[0], text[found.end() :]) if found else (text, "")
    return name, value.strip(" \t=\"'")


def _hashes(line: _Line, options: str) -> tuple[str, ...]:
    """Return the hashes that stand behind a requirement."""
    try:
        words = shlex.split(options)
    except ValueError as error:  # a quotation mark that is not closed
        raise damaged(line.path, f"its options cannot be read: {error}", line.number) from error
    found = list[str]()
    for word, after in pairwise([*words, ""]):
        given = after if word == "--hash" else word.removeprefix("--hash=") if word.startswith("--hash=") else None
        if given is not None:
            if not given:
                raise damaged(line.path, "--hash has no value", line.number)
            found += hashes_of(line.path, given, line.number)
    return tuple(dict.fromkeys(found))


def _kind_of(place: str) -> Skipped:
    """Return what a URL or path leads to."""
    if "://" in place:
        return Skipped.GIT if place.partition("@ ")[2].startswith("git+") or place.startswith("git+") else Skipped.URL
    return Skipped.LOCAL if place.endswith((".whl", ".zip", ".tar.gz")) else Skipped.DIRECTORY


def _pinned_version(requirement: Requirement) -> str | None:
    """Return the one version that a requirement allows, ``None`` if it may allow several."""
    pins = [each.version for each in requirement.specifier if each.operator in ("==", "===")]
    return pins[0] if len(pins) == 1 and not pins[0].endswith(".*") else None
