"""RECORD: rows kept byte for byte, some replaced, added or removed.

https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
"""

import base64
import csv
import hashlib
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from wheelfix.errors import RecordError
from wheelfix.escaping import shown

_STRONG: Final = frozenset({"sha256", "sha384", "sha512"})
_KNOWN: Final = frozenset(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake_"))
"""Algorithms whose hash can be compared; that of SHAKE has no length of its own."""
_MOST_ROWS: Final = 500_000
_COLUMNS: Final = 3


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


@dataclass(frozen=True)
class Record:
    """The rows of a RECORD file, each as its bytes with its line end; together they are the file.

    >>> record = Record.parse(b'"a,b.py",sha256=x,1\\r\\nn.dist-info/METADATA,sha256=y,2\\r\\n')
    >>> record.with_content("n.dist-info/METADATA", b"new").data
    b'"a,b.py",sha256=x,1\\r\\nn.dist-info/METADATA,sha256=EVB6Di9eadXfpApiob17buV-a82FxnybhDGzb_8hxDc,3\\r\\n'
    """

    rows: tuple[bytes, ...]

    @classmethod
    def parse(cls, data: bytes) -> "Record":
        """Return the rows of ``data``.

        :raises RecordError: if a quoted path is never closed, or there are more than 500,000 line ends.
        """
        if data.count(b"\n") + data.count(b"\r") > _MOST_ROWS:
            raise RecordError(
                "too-many-rows", "RECORD is longer than any real one", hint=f"At most {_MOST_ROWS} rows are read."
            )
        return cls(tuple(_split_rows(data)))

    @cached_property
    def data(self) -> bytes:
        """The file."""
        return b"".join(self.rows)

    def columns(self) -> Iterator[Row]:
        """Yield every row, read.

        :raises RecordError: if one has not three columns.
        """
        return (_read_row(raw, number) for number, raw in enumerate(self.rows, 1))

    def find(self, path: str) -> tuple[Row, ...]:
        """Return every row for ``path``: one, unless the file has a fault.

        :raises RecordError: if a row that names ``path`` has not three columns.
        """
        return tuple(row for _, row in self._matching(path))

    def agrees(self, path: str, content: bytes) -> bool:
        """Whether every row for ``path`` has the hash and the size of ``content``."""
        return all(
            row.algorithm in _KNOWN and (row.digest, row.size) == (_digest(row.algorithm, content), str(len(content)))
            for row in self.find(path)
        )

    def with_content(self, path: str, content: bytes, *, like: str | None = None, before: str | None = None) -> "Record":
        """Return the record with hash and size of ``content`` for ``path``.

        Rows that are there are replaced: they keep path, quoting and line end, and their hash algorithm if it is as
        strong as sha256. Where there is none, a row is added, quoted like the row for ``like``, before the row for
        ``before`` if there is one, else at the end.
        """
        matching = list(self._matching(path))
        if not matching:
            return self._adding(path, content, like, before)
        rows = list(self.rows)
        for index, row in matching:
            rows[index] = _replaced(row, content)
        return Record(tuple(rows))

    def without(self, path: str) -> "Record":
        """Return the record without the rows for ``path``."""
        gone = {index for index, _ in self._matching(path)}
        return Record(tuple(raw for index, raw in enumerate(self.rows) if index not in gone)) if gone else self

    def renamed(self, folders: Mapping[str, str]) -> "Record":
        """Return the record with new names for top-level ``folders``; hashes, quoting and line ends stay."""
        rows = []
        for index, raw in enumerate(self.rows):
            for old, new in folders.items():
                if _encoded(old) in raw and _plain(_read_row(raw, index + 1).path + "x").startswith(f"{old}/"):
                    rows.append(raw.replace(_encoded(old), _encoded(new), 1))
                    break
            else:
                rows.append(raw)
        return Record(tuple(rows))

    def _matching(self, path: str) -> Iterator[tuple[int, Row]]:
        needle = _encoded(path.rpartition("/")[2])
        if needle not in self.data:
            return
        for index, raw in enumerate(self.rows):
            if needle in raw and path in ((row := _read_row(raw, index + 1)).path, _plain(row.path)):
                yield index, row

    def _adding(self, path: str, content: bytes, like: str | None, before: str | None) -> "Record":
        model = next(iter(self.find(like)), None) if like else None
        quoted = model is not None and model.raw.startswith(b'"')
        following = next((index for index, _ in self._matching(before)), None) if before else None
        position = len(self.rows) if following is None else following
        ending = (model.line_end if model else b"") or _line_end(self.rows)
        raw = _write_row(path, _digest("sha256", content), str(len(content)), b"", quoted=quoted)
        rows = list(self.rows)
        if position == len(rows) and rows and not rows[-1].endswith((b"\n", b"\r")):
            rows[-1] += ending  # the file ends without a line end, and still will
            rows.append(raw)
        else:
            rows.insert(position, raw + ending)
        return Record(tuple(rows))


def _split_rows(data: bytes) -> Iterator[bytes]:
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


def _encoded(path: str) -> bytes:
    """Return the bytes of a path as a column has them."""
    return path.encode("utf-8", "surrogateescape").replace(b'"', b'""')


def _decoded(lines: Sequence[bytes]) -> list[str]:
    return [line.decode("utf-8", "surrogateescape") for line in lines]


def _is_open(lines: Sequence[bytes]) -> bool:
    """Whether a row has a quoted column that is not closed, so that it would swallow a line behind it."""
    text = _decoded(lines)
    if text and not text[-1].endswith(("\n", "\r")):
        text[-1] += "\n"
    return bool(text) and list(csv.reader([*text, "x"]))[-1] != ["x"]


def _plain(path: str) -> str:
    """Return the path as installers understand it: without a byte order mark, backslashes and ``./``."""
    return posixpath.normpath(path.removeprefix("\ufeff").replace("\\", "/"))


def _read_row(raw: bytes, number: int) -> Row:
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


def _replaced(row: Row, content: bytes) -> bytes:
    """Return the bytes of ``row`` with hash and size of ``content``."""
    algorithm = row.algorithm.lower()
    digest = _digest(algorithm if algorithm in _STRONG else "sha256", content)
    quoted = row.raw.startswith(b'"')
    all_quoted = quoted and row.raw.rstrip(b"\r\n").endswith(b'"')
    return _write_row(row.path, digest, str(len(content)), row.line_end, quoted=quoted, all_quoted=all_quoted)


def _write_row(path: str, digest: str, size: str, line_end: bytes, *, quoted: bool, all_quoted: bool | None = None) -> bytes:
    """Return one row; a path that needs quotes gets them in any case."""
    rest_quoted = quoted if all_quoted is None else all_quoted
    raw_path = path.encode("utf-8", "surrogateescape")
    if quoted or any(char in raw_path for char in b',"\r\n'):
        raw_path = b'"' + raw_path.replace(b'"', b'""') + b'"'
    mark = '"' if rest_quoted else ""
    return raw_path + f",{mark}{digest}{mark},{mark}{size}{mark}".encode("ascii") + line_end


def _digest(algorithm: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest())
    return f"{algorithm}={digest.rstrip(b'=').decode('ascii')}"


def _line_end(rows: tuple[bytes, ...]) -> bytes:
    first = rows[0] if rows else b"\n"
    return first[len(first.rstrip(b"\r\n")) :] or b"\n"
