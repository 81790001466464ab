"""RECORD and its rows: read as CSV, kept byte for byte; rows are replaced in the style that they had, added or removed.

https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
"""

import base64
import csv
import hashlib
import posixpath
import re
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from io import BytesIO
from itertools import accumulate, islice, pairwise
from typing import Final, overload

from msgspec import Struct

from wheelfix.errors import RecordError
from wheelfix.text import shown

STRONG: Final = frozenset({"sha256", "sha384", "sha512"})
"""The algorithms that PEP 427 allows and every installer knows."""
KNOWN: Final = frozenset(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake_"))
"""The algorithms whose hash can be compared; SHAKE has no fixed length."""
_COLUMNS: Final = 3
_SIZE: Final = re.compile(r"\+?[0-9]{1,30}")
"""What pip, uv and installer all read as a size."""
_LARGEST_SIZE: Final = 1 << 64


def read_size(text: str) -> int | None:
    """Return the size in a column, ``None`` where not every installer reads it as one.

    >>> read_size("+04"), read_size("4 "), read_size("")
    (4, None, None)
    """
    size = int(text) if _SIZE.fullmatch(text) else _LARGEST_SIZE
    return size if size < _LARGEST_SIZE else None


class Row(Struct, frozen=True):
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

    def rewritten(self, path: str, digest: str, size: str) -> bytes:
        """Return the bytes of the row with these columns; what was quoted still is: its path, or all columns."""
        quoted = self.raw.startswith(b'"')
        all_quoted = quoted and self.raw.rstrip(b"\r\n").endswith(b'"')
        return write_row(path, digest, size, self.line_end, quoted=quoted, all_quoted=all_quoted)


class RecordRow(Struct, frozen=True):
    """The three columns of a row."""

    path: str
    digest: str
    size: str


class RowEdit(Struct, frozen=True):
    """What happens to one row: new columns, ``None`` for those that are kept; or it is removed."""

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

        :raises RecordError: if it does not have three columns, and is not a row whose path lacks quotes for its commas.
        """
        old = read_unquoted(raw) or read_row(raw, number)
        columns = ((old.path, self.path), (old.digest, self.digest), (old.size, self.size))
        return old.rewritten(*(was if new is None else new for was, new in columns))


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
    """Whether a row has a quoted column that is not closed, so that it would swallow the line after it."""
    text = _decoded(lines)
    if text and not text[-1].endswith(("\n", "\r")):
        text[-1] += "\n"
    try:
        return bool(text) and list(csv.reader([*text, "x"]))[-1] != ["x"]
    except csv.Error:  # the column became too long, so the quote is open
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
    """Return the row of a path with commas that lacks quotes, ``None`` for any other row."""
    if raw.count(b",") < _COLUMNS or b'"' in raw:
        return None
    text = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
    return Row(raw, *text.rsplit(",", _COLUMNS - 1))


def likeness(column: str, digest: bytes) -> str:
    """Return how a hash column compares with ``digest``: right, wrong, or in which way it is spelled wrong."""
    name, _, text = column.partition("=")
    proper = hash_column(name, digest)
    if column == proper:
        return "right" if name.islower() else "its algorithm is not in lower case"
    if text.lower() == digest.hex():
        return "in hexadecimal"
    bare = text.rstrip("=").replace("+", "-").replace("/", "_")
    return "not in plain urlsafe base64" if f"{name}={bare}" == proper else "wrong"


def write_row(path: str, digest: str, size: str, line_end: bytes, *, quoted: bool, all_quoted: bool | None = None) -> bytes:
    """Return one row; a column that needs quotes always gets them."""
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


_MOST_ROWS: Final = 500_000


class _Rows(Sequence[bytes]):
    """The rows of a record, each cut out of it when it is asked for: as objects they would take twice the file's size."""

    def __init__(self, data: bytes, starts: "array[int]") -> None:
        self._data = data
        self._starts = starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        numbers = range(len(self))[index]
        if isinstance(numbers, int):
            return self._data[self._starts[numbers] : self._starts[numbers + 1]]
        return [self[number] for number in numbers]

    def __iter__(self) -> Iterator[bytes]:
        return (self._data[start:stop] for start, stop in pairwise(self._starts))


class Record(Struct, frozen=True, dict=True):
    """A RECORD file as its bytes; rows are found in it when they are asked for.

    >>> record = Record.parse(b'"a,b.py",sha256=x,1\\r\\nn.dist-info/METADATA,sha256=y,2\\r\\n')
    >>> record.with_content("n.dist-info/METADATA", b"new").data
    b'"a,b.py",sha256=x,1\\r\\nn.dist-info/METADATA,sha256=EVB6Di9eadXfpApiob17buV-a82FxnybhDGzb_8hxDc,3\\r\\n'
    """

    data: bytes
    """The file."""

    @classmethod
    def parse(cls, data: bytes) -> "Record":
        """Return ``data`` as rows.

        :raises RecordError: if a quoted path is never closed, or there are more than 500,000 line ends.
        """
        if data.count(b"\n") + data.count(b"\r") > _MOST_ROWS:
            hint = f"At most {_MOST_ROWS} rows are read."
            raise RecordError("too-many-rows", "RECORD is longer than any real one", hint=hint)
        record = cls(data)
        if b'"' in data:
            len(record.rows)  # raises where it is not clear where rows end; without a quote each line is one
        return record

    @cached_property
    def _has_plain_lines(self) -> bool:
        """Whether each row is one line that ends with LF or CRLF: then a row is found without counting those before it."""
        data = self.data
        return b'"' not in data and (b"\r" not in data or data.count(b"\r") == data.count(b"\r\n"))

    @cached_property
    def _starts(self) -> "array[int]":
        """Where each row begins, and where the last one ends."""
        lengths = map(len, BytesIO(self.data) if self._has_plain_lines else split_rows(self.data))
        return array("Q", accumulate(lengths, initial=0))

    @property
    def rows(self) -> Sequence[bytes]:
        """Each row as its bytes with its line end; together they are the file."""
        return _Rows(self.data, self._starts)

    def read_rows(self) -> Iterator[tuple[int, "Row | RecordError"]]:
        """Yield every row with its index, or the error that makes it unreadable; an empty line is not a row."""
        for index, raw in enumerate(self.rows):
            if raw.strip():
                try:
                    yield index, read_row(raw, index + 1)
                except RecordError as error:
                    yield index, error

    def find(self, path: str) -> tuple[Row, ...]:
        """Return every row for ``path``: exactly one in a valid file.

        :raises RecordError: if a row that names ``path`` does not have three columns.
        """
        return tuple(row for _, row in self._matching(path))

    def agrees(self, path: str, content: bytes) -> bool:
        """Whether every row for ``path`` has the hash and the size of ``content``."""
        size, rows = str(len(content)), {(row.algorithm, row.digest, row.size) for row in self.find(path)}
        digests = {name: digest_of(name, content) for name in {name for name, _, _ in rows} & KNOWN}
        return all((digest, said) == (digests.get(name), size) for name, digest, said in rows)

    def doubts(self, path: str, content: bytes) -> bool:
        """Whether a row for ``path``, in any spelling, contradicts ``content``, or cannot be compared with it."""
        return any_doubts((*self.find(path), *self.find(f"/{path}")), content)

    def below(self, directory: str) -> dict[str, list[Row]]:
        """Return the rows for files in the top-level ``directory`` by their plain paths, found in one pass.

        :raises RecordError: if one does not have three columns.
        """
        found: dict[str, list[Row]] = {}
        for start, raw in self.rows_with(encoded(directory)):
            row = self._read(start, raw)
            path = plain_path(row.path).lstrip("/")
            if path.startswith(f"{directory}/"):
                found.setdefault(path, []).append(row)
        return found

    def with_content(self, path: str, content: bytes, *, like: str | None = None, before: str | None = None) -> "Record":
        """Return the record with hash and size of ``content`` for ``path``.

        Rows that exist are replaced: they keep path, quoting and line end, and their hash algorithm if it is as
        strong as sha256. Where there is none, a row is added, quoted like the row for ``like``, before the row for
        ``before`` if there is one, else at the end.
        """
        matching, size = list(self._matching(path)), str(len(content))
        if not matching:
            return self.adding([RecordRow(path, digest_of("sha256", content), size)], like=like, before=before)
        # Once for each algorithm, not for each row: there can be many.
        digests = {name: digest_of(name, content) for name in {_strong(row) for _, row in matching}}
        return self._replacing(
            (start, row.raw, row.rewritten(row.path, digests[_strong(row)], size)) for start, row in matching
        )

    def without(self, path: str) -> "Record":
        """Return the record without the rows for ``path``, and without those that have it as an absolute path."""
        gone = sorted({start: row.raw for start, row in (*self._matching(path), *self._matching(f"/{path}"))}.items())
        return self._replacing((start, raw, b"") for start, raw in gone)

    def without_any(self, paths: Collection[str]) -> "Record":
        """Return the record without the rows for any of ``paths``, as installers understand them, found in one pass.

        A row that cannot be read is kept.
        """
        rows = self.read_rows() if paths else ()
        return self._replacing(
            (self._starts[index], row.raw, b"")
            for index, row in rows
            if isinstance(row, Row) and plain_path(row.path).lstrip("/") in paths
        )

    def amended(self, changes: Mapping[int, "RowEdit"], added: Sequence["RecordRow"], *, like: str, before: str) -> "Record":
        """Return the record with some rows changed, by their index, and others added.

        Rows that are added are quoted like the row for ``like`` and stand before the row for ``before``, else at the end.
        """
        rows, starts = self.rows, self._starts
        changed = self._replacing(
            (starts[index], rows[index], b"" if change.remove else change.applied(rows[index], index + 1))
            for index, change in sorted(changes.items())
        )
        return changed.adding(added, like=like, before=before)

    def renamed(self, directories: Mapping[str, str]) -> "Record":
        """Return the record with new names for top-level ``directories``; hashes, quoting and line ends are kept."""
        rows = self.rows if directories else ()
        return self._replacing(
            (self._starts[index], raw, raw.replace(encoded(old), encoded(new), 1))
            for index, raw in enumerate(rows)
            for old, new in islice(_names_in(raw, index, directories), 1)
        )

    def adding(self, added: Sequence[RecordRow], *, like: str | None = None, before: str | None = None) -> "Record":
        """Return the record with more rows: quoted like that for ``like``, before that for ``before``, else at the end."""
        model = next(iter(self.find(like)), None) if like else None
        quoted = model is not None and model.raw.startswith(b'"')
        following = next((start for start, _ in self._matching(before)), None) if before else None
        position = len(self.data) if following is None else following
        ending = (model.line_end if model else b"") or self._line_end
        new = b"".join(write_row(each.path, each.digest, each.size, ending, quoted=quoted) for each in added)
        if new and position == len(self.data) and self.data and not self.data.endswith((b"\n", b"\r")):
            new = ending + new.removesuffix(ending)  # the file ends without a line end, and keeps that
        return self._replacing([(position, b"", new)])

    @property
    def _line_end(self) -> bytes:
        """The line end of the first row."""
        first = self._row_at(0)[1] if self.data else b"\n"
        return first[len(first.rstrip(b"\r\n")) :] or b"\n"

    def _replacing(self, changes: Iterable[tuple[int, bytes, bytes]]) -> "Record":
        """Return the record with other bytes in some places: where each begins, in rising order, the old and the new."""
        pieces, position, kept = list[bytes | memoryview](), 0, memoryview(self.data)
        for start, old, new in changes:
            pieces += [kept[position:start], new]
            position = start + len(old)
        return Record(b"".join([*pieces, kept[position:]])) if pieces else self

    def _matching(self, path: str) -> Iterator[tuple[int, Row]]:
        """Yield the rows for ``path``, and where each begins."""
        for start, raw in self.rows_with(encoded(path.rpartition("/")[2])):
            row = self._read(start, raw)
            if path in (row.path, plain_path(row.path)):
                yield start, row

    def rows_with(self, text: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the rows that contain ``text``, and where each begins."""
        found = self.data.find(text)
        while 0 <= found < len(self.data):
            start, raw = self._row_at(found)
            stop = start + len(raw)
            if found + len(text) <= stop:
                yield start, raw
                found = self.data.find(text, stop)
            else:  # it goes on in the next row
                found = self.data.find(text, found + 1)

    def _row_at(self, position: int) -> tuple[int, bytes]:
        """Return the row that the byte at ``position`` belongs to, and where it begins."""
        if self._has_plain_lines:
            start = self.data.rfind(b"\n", 0, position) + 1
            return start, self.data[start : self.data.find(b"\n", position) + 1 or len(self.data)]
        index = bisect_right(self._starts, position) - 1
        return self._starts[index], self.rows[index]

    def _read(self, start: int, raw: bytes) -> Row:
        """Return the row that begins at ``start``.

        :raises RecordError: if it does not have three columns.
        """
        try:
            return read_row(raw, 0)
        except RecordError:
            return read_row(raw, bisect_right(self._starts, start))  # the error has its number


def _names_in(raw: bytes, index: int, directories: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the top-level directory, of ``directories``, that a row is in or for, and its new name."""
    for old, new in directories.items():
        if encoded(old) in raw and f"{plain_path(read_row(raw, index + 1).path).lstrip('/')}/".startswith(f"{old}/"):
            yield old, new


def any_doubts(rows: Iterable[Row], content: bytes) -> bool:
    """Whether one of ``rows`` contradicts ``content``, or cannot be compared with it."""
    said = {(row.digest, row.size) for row in rows}
    known = {name for digest, _ in said if (name := digest.partition("=")[0].lower()) in KNOWN}
    sums = {name: hashlib.new(name, content, usedforsecurity=False).digest() for name in known}
    for digest, size in said:
        name = digest.partition("=")[0].lower()
        if digest and (name not in sums or likeness(digest, sums[name]) == "wrong"):
            return True
        if size and read_size(size) != len(content):
            return True
    return False


def _strong(row: Row) -> str:
    """Return the hash algorithm of a row, or sha256 where it is weaker or not one that every installer knows."""
    name = row.algorithm.lower()
    return name if name in STRONG else "sha256"
