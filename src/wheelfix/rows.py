"""One row of RECORD: read as the CSV format reads it, changed, and written in the style it had.

https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
"""

import base64
import csv
import hashlib
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wheelfix.errors import RecordError
from wheelfix.escaping import shown

STRONG: Final = frozenset({"sha256", "sha384", "sha512"})
"""Algorithms that PEP 427 allows, of those that every installer knows."""
KNOWN: Final = frozenset(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake_"))
"""Algorithms whose hash can be compared; that of SHAKE has no length of its own."""
_COLUMNS: Final = 3
_SIZE: Final = re.compile(r"\+?[0-9]{1,30}")
"""What pip, uv and installer all read as a size."""
_LARGEST_SIZE: Final = 1 << 64


def read_size(text: str) -> int | None:
    """Return the size that a column says, ``None`` where not every installer reads it as one.

    >>> read_size("+04"), read_size("4 "), read_size("")
    (4, None, None)
    """
    size = int(text) if _SIZE.fullmatch(text) else _LARGEST_SIZE
    return size if size < _LARGEST_SIZE else None


@dataclass(frozen=True, slots=True)
class Row:
    """One row: ``raw`` with its line end, and its three columns as the CSV format reads them."""

    raw: bytes
    path: str
    digest: str
    size: str

    @property
    def algorithm(self) -> str:
        """The name of the hash algorithm, empty where there is no hash."""
        return self.digest.partition("=")[0]

    @property
    def line_end(self) -> bytes:
        """The line end of the row, empty where the file ends without one."""
        return self.raw[len(self.raw.rstrip(b"\r\n")) :]

    @property
    def is_quoted(self) -> bool:
        """Whether its path stands in quotes."""
        return self.raw.startswith(b'"')

    @property
    def is_all_quoted(self) -> bool:
        """Whether path and size, and so all columns, stand in quotes."""
        return self.is_quoted and self.raw.rstrip(b"\r\n").endswith(b'"')


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to be added: its three columns."""

    path: str
    digest: str
    size: str


@dataclass(frozen=True, slots=True)
class RowEdit:
    """What becomes of one row: new columns, ``None`` where one stays, or it goes."""

    path: str | None = None
    digest: str | None = None
    size: str | None = None
    remove: bool = False

    def merged(self, other: "RowEdit") -> "RowEdit":
        """Return both changes as one; ``other`` comes later."""
        return RowEdit(
            self.path if other.path is None else other.path,
            self.digest if other.digest is None else other.digest,
            self.size if other.size is None else other.size,
            self.remove or other.remove,
        )

    def applied(self, raw: bytes, number: int) -> bytes:
        """Return the bytes of the ``number``-th row, counted from 1, with the new columns.

        :raises RecordError: if it has not three columns, nor a path with commas that lacks its quotes.
        """
        old = read_unquoted(raw) or read_row(raw, number)
        path, digest, size = (
            was if new is None else new
            for was, new in ((old.path, self.path), (old.digest, self.digest), (old.size, self.size))
        )
        return write_row(path, digest, size, old.line_end, quoted=old.is_quoted, all_quoted=old.is_all_quoted)


def split_rows(data: bytes) -> Iterator[bytes]:
    """Yield each row with its line end; a quoted column may hold line ends of its own."""
    lines = data.splitlines(keepends=True)
    if b'"' not in data:
        yield from lines
        return
    reader = csv.reader(_decoded(lines))
    start, last = 0, list[bytes]()
    try:
        for _ in reader:
            yield b"".join(lines[start : reader.line_num])
            last, start = lines[start : reader.line_num], reader.line_num
    except csv.Error as error:
        raise RecordError(
            "bad-row", f"RECORD, near line {reader.line_num}: {error}", hint="Build the wheel again with a current tool."
        ) from error
    if _is_open(last):
        raise RecordError("unclosed-quote", "RECORD has a quoted path that is never closed", hint="Build the wheel again.")


def encoded(path: str) -> bytes:
    """Return the bytes of a path as a column has them."""
    return path.encode("utf-8", "surrogateescape").replace(b'"', b'""')


def _decoded(lines: Sequence[bytes]) -> list[str]:
    return [line.decode("utf-8", "surrogateescape") for line in lines]


def _is_open(lines: Sequence[bytes]) -> bool:
    """Whether a row has a quoted column that is not closed, so that it would swallow a line behind it."""
    text = _decoded(lines)
    if text and not text[-1].endswith(("\n", "\r")):
        text[-1] += "\n"
    try:
        return bool(text) and list(csv.reader([*text, "x"]))[-1] != ["x"]
    except csv.Error:  # the column has become too long by it, so that it goes on
        return True


def plain_path(path: str) -> str:
    """Return the path as installers understand it: without a byte order mark, backslashes and ``./``."""
    return posixpath.normpath(path.removeprefix("\ufeff").replace("\\", "/"))


def read_row(raw: bytes, number: int) -> Row:
    """Return the ``number``-th row, counted from 1.

    :raises RecordError: if it has not three columns.
    """
    text = _decoded(raw.splitlines(keepends=True))  # of bytes: str.splitlines also ends lines at U+2028
    try:
        columns = next(csv.reader(text, strict=False), [])
    except csv.Error as error:
        raise RecordError(
            "bad-row", f"RECORD, row {number}: {error}", hint="Build the wheel again with a current tool."
        ) from error
    if len(columns) != _COLUMNS:
        raise RecordError(
            "bad-row",
            f"RECORD, row {number}: {len(columns)} columns instead of three: {shown(''.join(text)[:80].rstrip())}",
            hint="A path with a comma must be quoted; build the wheel again with a current tool.",
        )
    return Row(raw, *columns)


def read_unquoted(raw: bytes) -> Row | None:
    """Return the row of a path with commas that lacks the quotes for them, ``None`` for any other."""
    if raw.count(b",") < _COLUMNS or b'"' in raw:
        return None
    text = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
    return Row(raw, *text.rsplit(",", _COLUMNS - 1))


def replaced(row: Row, digest: str, size: str) -> bytes:
    """Return the bytes of ``row`` with another hash and size."""
    return write_row(row.path, digest, size, row.line_end, quoted=row.is_quoted, all_quoted=row.is_all_quoted)


def likeness(column: str, digest: bytes) -> str:
    """Return how a hash column stands to ``digest``: right, wrong, or how it is spelled otherwise."""
    name, _, text = column.partition("=")
    proper = hash_column(name, digest)
    if column == proper:
        return "right" if name.islower() else "its algorithm is not in lower case"
    if text.lower() == digest.hex():
        return "in hexadecimal"
    bare = text.rstrip("=").replace("+", "-").replace("/", "_")
    return "not in plain urlsafe base64" if f"{name}={bare}" == proper else "wrong"


def write_row(path: str, digest: str, size: str, line_end: bytes, *, quoted: bool, all_quoted: bool | None = None) -> bytes:
    """Return one row; a column that needs quotes gets them in any case."""
    rest_quoted = quoted if all_quoted is None else all_quoted
    columns = (_column(path, quoted=quoted), _column(digest, quoted=rest_quoted), _column(size, quoted=rest_quoted))
    return b",".join(columns) + line_end


def _column(text: str, *, quoted: bool) -> bytes:
    needs_quotes = quoted or any(char in text for char in ',"\r\n')
    return b'"' + encoded(text) + b'"' if needs_quotes else encoded(text)


def digest_of(algorithm: str, content: bytes) -> str:
    """Return the hash column for ``content``."""
    return hash_column(algorithm, hashlib.new(algorithm, content).digest())


def hash_column(algorithm: str, digest: bytes) -> str:
    """Return the hash column for a digest: urlsafe base64 without padding (PEP 427)."""
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode('ascii')}"
