"""A lock file that is TOML: its tables as structs, and where each of them begins."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Struct
from packaging.utils import (
    InvalidName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from wheelfix.errors import LockError
from wheelfix.text import cut, shown

_HEADER: Final = re.compile(r"^[ \t]*+\[\[[ \t]*+([A-Za-z0-9_.-]++)[ \t]*+\]\]", re.MULTILINE)
_PLACE: Final = re.compile(r"\$\.(\w+)\[(\d+)\](.*)")
_HASH: Final = re.compile(r"(?P<algorithm>[a-z0-9_]+)[:=](?P<sum>[0-9a-fA-F]{16,256})")
_DAMAGED: Final = "lock-damaged"
_LONGEST: Final = 500
"""In characters: how much of a message is shown, which may have values of the lock in it."""
_PLACE_AT_END: Final = 100
"""In characters: how much of that is its end, which says where."""
_T = TypeVar("_T")


class Document(Struct, frozen=True):
    """The tables of a lock file, and its text."""

    path: Path
    tables: Mapping[str, Any]
    text: str

    def read(self, form: type[_T]) -> _T:
        """Return the tables as a ``form``, whatever else they hold.

        :raises LockError: if they are not of that form.
        """
        try:
            return msgspec.convert(self.tables, form)
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at `")
            raise self._damaged(message, place.rstrip("`")) from error

    def with_lines(self, table: str, values: Sequence[_T]) -> list[tuple[_T, int | None]]:
        """Return each of ``values``, which were read of the tables ``[[table]]``, with the line where its table begins."""
        lines = self._lines(table)
        return list(zip(values, lines if len(lines) == len(values) else [None] * len(values), strict=True))

    def line(self, table: str, number: int) -> int | None:
        """Return the line where the table with this ``number`` (from 0) begins, ``None`` where that is not plain."""
        lines = self._lines(table)
        return lines[number] if number < len(lines) else None

    def _lines(self, table: str) -> list[int]:
        found, line, position = list[int](), 1, 0
        for header in _HEADER.finditer(self.text):
            if header[1] == table:
                line, position = line + self.text.count("\n", position, header.start()), header.start()
                found.append(line)
        return found

    def _damaged(self, message: str, place: str) -> LockError:
        found = _PLACE.fullmatch(place)
        if found is None:
            return damaged(self.path, f"{message} at {place.removeprefix('$.') or 'the top'}")
        line = self.line(found[1], int(found[2]))
        return damaged(self.path, f"{message} at {found[1]} {int(found[2]) + 1}{found[3]}", line)


def damaged(path: Path, message: str, line: int | None = None) -> LockError:
    """Return the error of a lock file that is not as its form says."""
    if len(message) > _LONGEST:
        message = f"{message[: _LONGEST - _PLACE_AT_END]}...{message[-_PLACE_AT_END:]}"
    return LockError(_DAMAGED, path, shown(message), hint="Make the lock again with the tool that wrote it.", line=line)


def unknown_version(path: Path, version: object, known: str) -> LockError:
    """Return the error of a lock file whose form has a version that is not read here; ``known`` says which are."""
    hint = "Make the lock again with a version of its tool that writes a known form."
    problem = f"its version {cut(str(version))} is not supported (supported: {known})"
    return LockError("lock-unknown-version", path, problem, hint=hint)


def project_of(path: Path, name: str, line: int | None) -> str:
    """Return a project's normalized name.

    :raises LockError: if it is no name.
    """
    try:
        return canonicalize_name(name, validate=True)
    except InvalidName as error:
        raise damaged(path, f"{cut(name)!r} is no name of a project", line) from error


def version_of(path: Path, version: str | None, line: int | None) -> str:
    """Return a version in its normal form.

    :raises LockError: if it is none.
    """
    try:
        return str(Version(version or ""))
    except ValueError as error:  # a number of five thousand digits is a plain one
        what = "a package of an index has no version" if version is None else f"{cut(version)!r} is no version"
        raise damaged(path, what, line) from error


def hashes_of(path: Path, given: str | None, line: int | None) -> tuple[str, ...]:
    """Return a hash with its algorithm, in lower case; none where the lock has none.

    :raises LockError: if it is not of that form.
    """
    if not given:
        return ()
    found = _HASH.fullmatch(given)
    if found is None:
        raise damaged(path, f"{cut(given)!r} is no hash", line)
    if found["algorithm"] == "sha256" and len(found["sum"]) != 64:
        raise damaged(path, f"a sha256 has 64 hexadecimal digits, not {len(found['sum'])}", line)
    return (f"{found['algorithm']}:{found['sum'].lower()}",)


def name_in(url: str) -> str:
    """Return the file name in a URL, or in a path.

    >>> name_in("https://example.org/torch-2.7.0%2Bcpu-py3-none-any.whl#sha256=0")
    'torch-2.7.0+cpu-py3-none-any.whl'
    """
    try:
        path = urlsplit(url).path
    except ValueError:  # such as a bracket that is not closed
        path = url
    return shown(unquote(path).replace("\\", "/").rpartition("/")[2])


def version_in(filename: str) -> Version | None:
    """Return the version in the name of a wheel or source distribution, ``None`` where it is neither.

    >>> version_in("torch-2.7.0+cpu-cp311-cp311-win_amd64.whl"), version_in("torch.exe")
    (<Version('2.7.0+cpu')>, None)
    """
    try:
        return parse_wheel_filename(filename)[1] if filename.endswith(".whl") else parse_sdist_filename(filename)[1]
    except ValueError:  # it is neither, or has a number of five thousand digits
        return None
