"""Which file each row of RECORD is for, however its path is spelled.

https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from wheelfix.checks.codes import Client
from wheelfix.checks.found import ChangeRow, Found
from wheelfix.checks.subject import Subject
from wheelfix.errors import RecordError
from wheelfix.escaping import shown
from wheelfix.wheel.record import KNOWN, Row, RowEdit, plain_path, read_size, read_unquoted

REMOVE: Final = RowEdit(remove=True)
_DRIVE: Final = re.compile(r"^[A-Za-z]:")
_MOST_ALGORITHMS: Final = 2
_MARK: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Listed:
    """A row for a file of the archive: its index, its columns, and the code and message of what is odd about its path."""

    index: int
    row: Row
    code: str = ""
    message: str = ""

    @property
    def place(self) -> str:
        """Where the row stands, for people."""
        return _place(self.index, self.row.path)


@dataclass(slots=True)
class Listing:
    """The rows by the file that they are for, in order, and the ``faults`` of those that are for none.

    ``absent`` are those of the faults that are of a file that is not there.
    """

    rows: dict[str, list[Listed]] = field(default_factory=dict)
    faults: list[Found] = field(default_factory=list)
    absent: set[Found] = field(default_factory=set)

    @property
    def algorithms(self) -> dict[str, list[str]]:
        """The hashes other than sha256 that RECORD has, by file: of each file the first two, and no more.

        A file with rows by many algorithms would otherwise be read many times over; that its rows differ is a fault anyway.
        """
        found: dict[str, list[str]] = {}
        for path, group in self.rows.items():
            named = dict.fromkeys(each.row.algorithm.lower() for each in group)
            wanted = [name for name in named if name in KNOWN and name != "sha256"]
            if wanted:
                found[path] = wanted[:_MOST_ALGORITHMS]
        return found


def read_listing(subject: Subject) -> Listing:
    """Return what RECORD lists; nothing where there is none."""
    listing = Listing()
    if subject.record is None:
        return listing
    empty = [index for index, raw in enumerate(subject.record.rows) if not raw.strip()]
    if empty:
        more = f", and {len(empty) - 1} more" if len(empty) > 1 else ""
        mending = tuple(ChangeRow(index, REMOVE) for index in empty)
        refused_by = _refusing_empty({subject.record.rows[index].rstrip(b"\r\n") for index in empty})
        place, message = f"row {empty[0] + 1}", f"it is empty{more}"
        listing.faults.append(Found("record-empty-row", place, message, mending, refused_by=refused_by))
    for index, row in subject.record.read_rows():
        _take(subject, listing, index, row)
    return listing


def _refusing_empty(rows: Collection[bytes]) -> tuple[Client, ...]:
    """Return who fails on empty ``rows``: of those with blanks pip and PyPI make a path, and uv passes over the others."""
    clients = {Client.INSTALLER}
    if b"" in rows:
        clients |= {Client.PIP, Client.PYPI}
    if any(rows):
        clients |= {Client.UV}
    return tuple(client for client in Client if client in clients)


def _take(subject: Subject, listing: Listing, index: int, read: Row | RecordError) -> None:
    if isinstance(read, Row):
        row, code, message = read, "", ""
    else:
        loose = read_unquoted(subject.record.rows[index]) if subject.record else None
        if loose is None or not _is_file(subject, loose.path):
            listing.faults.append(Found("record-bad-row", f"row {index + 1}", read.message))
            return
        row, code, message = loose, "record-unquoted-path", read.message
    place, gone = _place(index, row.path), (ChangeRow(index, REMOVE),)
    if "\ufffd" in row.path or any("\udc80" <= char <= "\udcff" for char in row.path):
        listing.faults.append(Found("record-not-utf8", place, "the path is not UTF-8"))
    if len(f"{row.path},".splitlines()) > 1:  # the comma behind it shows a character that ends the path
        message = "the path has a character that ends a line for installer and PyPI"
        listing.faults.append(Found("record-bad-row", place, message, refused_by=(Client.INSTALLER,)))
    if _is_file(subject, row.path):
        listing.rows.setdefault(row.path, []).append(Listed(index, row, code, message))
        return
    plain = plain_path(row.path)
    if row.path.endswith("/") or f"{plain}/" in subject.folders:
        message = "it names a directory; only files are listed"
        listing.faults.append(Found("record-directory-row", place, message, gone))
        return
    is_absolute = row.path.startswith("/") or _DRIVE.match(row.path) is not None
    path = plain.lstrip("/") if is_absolute else plain.removeprefix(_MARK)
    if is_absolute:
        code, message = "record-absolute-path", "its path is absolute"
    elif row.path.startswith(_MARK):
        code, message = "record-byte-order-mark", f"the file is called {shown(path)}"
    else:
        code = "record-backslash" if "\\" in row.path else "record-path-spelling"
        message = f"the file is called {shown(path)}"
    if _is_file(subject, path):
        listing.rows.setdefault(path, []).append(Listed(index, row, code, message))
        return
    if row.size and read_size(row.size) is None:
        listing.faults.append(
            Found("record-bad-size", place, f"{shown(row.size[:40])} is no size; uv refuses the wheel", gone)
        )
    if code in ("record-path-spelling", "record-byte-order-mark"):
        code = "record-no-such-file"
    message = message if is_absolute else "there is no such file in the archive"
    fault = Found(code, place, message, gone)
    listing.faults.append(fault)
    listing.absent.add(fault)


def _place(index: int, path: str) -> str:
    return f"row {index + 1}: {shown(path)}"


def _is_file(subject: Subject, path: str) -> bool:
    return path in subject.members and not path.endswith("/")
