"""RECORD: rows kept byte for byte, some replaced, added or removed.

https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from wheelfix.errors import RecordError
from wheelfix.rows import (
    KNOWN,
    STRONG,
    NewRow,
    Row,
    RowEdit,
    digest_of,
    encoded,
    likeness,
    plain_path,
    read_row,
    read_size,
    replaced,
    split_rows,
    write_row,
)

_MOST_ROWS: Final = 500_000


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
        return cls(tuple(split_rows(data)))

    @cached_property
    def data(self) -> bytes:
        """The file."""
        return b"".join(self.rows)

    def read_rows(self) -> Iterator[tuple[int, "Row | RecordError"]]:
        """Yield every row with its index, or what keeps it from being read; an empty line is no row."""
        for index, raw in enumerate(self.rows):
            if raw.strip():
                try:
                    yield index, read_row(raw, index + 1)
                except RecordError as error:
                    yield index, error

    def columns(self) -> Iterator[Row]:
        """Yield every row, read.

        :raises RecordError: if one has not three columns.
        """
        return (read_row(raw, number) for number, raw in enumerate(self.rows, 1))

    def find(self, path: str) -> tuple[Row, ...]:
        """Return every row for ``path``: one, unless the file has a fault.

        :raises RecordError: if a row that names ``path`` has not three columns.
        """
        return tuple(row for _, row in self._matching(path))

    def agrees(self, path: str, content: bytes) -> bool:
        """Whether every row for ``path`` has the hash and the size of ``content``."""
        size, rows = str(len(content)), {(row.algorithm, row.digest, row.size) for row in self.find(path)}
        digests = {name: digest_of(name, content) for name in {name for name, _, _ in rows} & KNOWN}
        return all((digest, said) == (digests.get(name), size) for name, digest, said in rows)

    def doubts(self, path: str, content: bytes) -> bool:
        """Whether a row for ``path``, however it is spelled, says what ``content`` is not, or what cannot be compared."""
        return any_doubts((*self.find(path), *self.find(f"/{path}")), content)

    def below(self, folder: str) -> dict[str, list[Row]]:
        """Return the rows for files in the top-level ``folder`` by their plain paths, found in one pass.

        :raises RecordError: if one has not three columns.
        """
        found: dict[str, list[Row]] = {}
        needle = encoded(folder)
        for index, raw in enumerate(self.rows):
            if needle in raw:
                row = read_row(raw, index + 1)
                path = plain_path(row.path).lstrip("/")
                if path.startswith(f"{folder}/"):
                    found.setdefault(path, []).append(row)
        return found

    def with_content(self, path: str, content: bytes, *, like: str | None = None, before: str | None = None) -> "Record":
        """Return the record with hash and size of ``content`` for ``path``.

        Rows that are there are replaced: they keep path, quoting and line end, and their hash algorithm if it is as
        strong as sha256. Where there is none, a row is added, quoted like the row for ``like``, before the row for
        ``before`` if there is one, else at the end.
        """
        matching = list(self._matching(path))
        if not matching:
            return self.adding([NewRow(path, digest_of("sha256", content), str(len(content)))], like=like, before=before)
        rows, size = list(self.rows), str(len(content))
        names = {index: _strong(row) for index, row in matching}
        digests = {name: digest_of(name, content) for name in set(names.values())}  # not once a row: they can be many
        for index, row in matching:
            rows[index] = replaced(row, digests[names[index]], size)
        return Record(tuple(rows))

    def without(self, path: str) -> "Record":
        """Return the record without the rows for ``path``, and without those that have it as an absolute path."""
        gone = {index for index, _ in (*self._matching(path), *self._matching(f"/{path}"))}
        return Record(tuple(raw for index, raw in enumerate(self.rows) if index not in gone)) if gone else self

    def amended(self, changes: Mapping[int, "RowEdit"], added: Sequence["NewRow"], *, like: str, before: str) -> "Record":
        """Return the record with some rows changed, by their index, and others added.

        Rows that are added are quoted like the row for ``like`` and stand before the row for ``before``, else at the end.
        """
        rows = list(self.rows)
        for index, change in changes.items():
            rows[index] = b"" if change.remove else change.applied(rows[index], index + 1)
        return Record(tuple(row for row in rows if row)).adding(added, like=like, before=before)

    def renamed(self, folders: Mapping[str, str]) -> "Record":
        """Return the record with new names for top-level ``folders``; hashes, quoting and line ends stay."""
        rows = []
        for index, raw in enumerate(self.rows):
            for old, new in folders.items():
                if encoded(old) in raw and plain_path(read_row(raw, index + 1).path + "x").startswith(f"{old}/"):
                    rows.append(raw.replace(encoded(old), encoded(new), 1))
                    break
            else:
                rows.append(raw)
        return Record(tuple(rows))

    def _matching(self, path: str) -> Iterator[tuple[int, Row]]:
        needle = encoded(path.rpartition("/")[2])
        if needle not in self.data:
            return
        for index, raw in enumerate(self.rows):
            if needle in raw and path in ((row := read_row(raw, index + 1)).path, plain_path(row.path)):
                yield index, row

    def adding(self, added: Sequence[NewRow], *, like: str | None = None, before: str | None = None) -> "Record":
        """Return the record with more rows: quoted like that for ``like``, before that for ``before``, else at the end."""
        model = next(iter(self.find(like)), None) if like else None
        quoted = model is not None and model.raw.startswith(b'"')
        following = next((index for index, _ in self._matching(before)), None) if before else None
        position = len(self.rows) if following is None else following
        ending = (model.line_end if model else b"") or _line_end(self.rows)
        new = [write_row(each.path, each.digest, each.size, ending, quoted=quoted) for each in added]
        rows = list(self.rows)
        if new and position == len(rows) and rows and not rows[-1].endswith((b"\n", b"\r")):
            rows[-1] += ending  # the file ends without a line end, and still will
            new[-1] = new[-1].removesuffix(ending)
        rows[position:position] = new
        return Record(tuple(rows))


def any_doubts(rows: Iterable[Row], content: bytes) -> bool:
    """Whether one of ``rows`` says what ``content`` is not, or what cannot be compared."""
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


def _line_end(rows: tuple[bytes, ...]) -> bytes:
    first = rows[0] if rows else b"\n"
    return first[len(first.rstrip(b"\r\n")) :] or b"\n"
