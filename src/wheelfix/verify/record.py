"""What is wrong with RECORD: which file each row is for, and whether the row says what the file is.

https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
"""

import base64
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from wheelfix.codes import Client, in_table_order
from wheelfix.errors import RecordError
from wheelfix.text import shown
from wheelfix.verify.subject import AddRow, ChangeRow, RawFinding, Subject
from wheelfix.wheel.edits import RemoveFile
from wheelfix.wheel.record import (
    KNOWN,
    STRONG,
    Record,
    RecordRow,
    Row,
    RowEdit,
    hash_column,
    likeness,
    plain_path,
    read_row,
    read_size,
    read_unquoted,
)
from wheelfix.wheel.sbom import read_json
from wheelfix.wheel.wheel import SIGNATURES

if TYPE_CHECKING:
    from wheelfix.verify.hashing import Sums

REMOVE: Final = RowEdit(remove=True)
_DRIVE: Final = re.compile(r"^[A-Za-z]:")
_MOST_ALGORITHMS: Final = 2
_MARK: Final = "\ufeff"
_MORE_ROWS: Final = 20_000
"""How many more rows than files are read: a kilobyte of a wheel can hold half a million, each a finding."""
_USUAL: Final = frozenset({"", "sha256"})
"""The algorithms of hashes that need no other sum than the one that is computed of every file."""


class Listed(Struct, frozen=True):
    """A row for a file of the archive: its index, its columns, and the code and message of what is odd about its path."""

    index: int
    row: Row
    code: str = ""
    message: str = ""

    @property
    def place(self) -> str:
        """Where the row is, for people."""
        return _place(self.index, self.row.path)


class Listing(Struct):
    """What ``record`` lists: rows by the file that they are for, in order, and the ``findings`` on those that are for none.

    Of a file with one row that has a sha256 or no hash, and a path with nothing odd about it, only the index of the row is
    kept: nearly every file is one, and the rows of torch would take six megabytes. ``absent`` are those of the findings that
    are about a file that is not there.
    """

    record: Record | None = None
    rows: dict[str, int | list[Listed]] = field(default_factory=dict)
    findings: list[RawFinding] = field(default_factory=list)
    absent: set[RawFinding] = field(default_factory=set)

    @property
    def algorithms(self) -> dict[str, list[str]]:
        """The hashes other than sha256 that RECORD has, by file: of each file the first two, and no more.

        A file with rows by many algorithms would otherwise be read many times; that its rows differ is a finding anyway.
        """
        found: dict[str, list[str]] = {}
        for path, group in self.rows.items():
            if isinstance(group, int):
                continue
            named = dict.fromkeys(each.row.algorithm.lower() for each in group)
            wanted = [name for name in named if name in KNOWN and name != "sha256"]
            if wanted:
                found[path] = wanted[:_MOST_ALGORITHMS]
        return found

    def add(self, path: str, listed: Listed) -> None:
        """Add a row for the file at ``path``."""
        before = self.rows.get(path)
        if isinstance(before, list):
            before.append(listed)
        elif before is not None:
            self.rows[path] = [*self._read(before), listed]
        elif listed.code or listed.row.path != path or listed.row.algorithm.lower() not in _USUAL:
            self.rows[path] = [listed]
        else:
            self.rows[path] = listed.index

    def by_file(self) -> Iterator[tuple[str, Sequence[Listed]]]:
        """Yield each file with its rows."""
        return ((path, self._read(group)) for path, group in self.rows.items())

    def _read(self, group: int | list[Listed]) -> list[Listed]:
        """Return rows; one of which the index is kept is read again."""
        if isinstance(group, list) or self.record is None:
            return group if isinstance(group, list) else []
        return [Listed(group, read_row(self.record.rows[group], group + 1))]


def read_listing(subject: Subject) -> Listing:
    """Return what RECORD lists; nothing where there is none."""
    if subject.record is not None and len(subject.record.rows) > len(subject.entries) + _MORE_ROWS:
        message = f"RECORD has {len(subject.record.rows)} rows for {len(subject.entries)} files; it is not read"
        subject.found.append(RawFinding("record-too-many-rows", "RECORD", message))
        subject.record = None
    listing = Listing(subject.record)
    if subject.record is None:
        return listing
    empty = [index for index, raw in enumerate(subject.record.rows) if not raw.strip()]
    if empty:
        more = f", and {len(empty) - 1} more" if len(empty) > 1 else ""
        fixes = tuple(ChangeRow(index, REMOVE) for index in empty)
        refused_by = _refusing_empty({subject.record.rows[index].rstrip(b"\r\n") for index in empty})
        place, message = f"row {empty[0] + 1}", f"it is empty{more}"
        listing.findings.append(RawFinding("record-empty-row", place, message, fixes, refused_by=refused_by))
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
    return in_table_order(clients)


def _take(subject: Subject, listing: Listing, index: int, read: Row | RecordError) -> None:
    """Add a row to ``listing``: to those of the file that it is for, or to the findings."""
    listed = _read(subject, index, read)
    if isinstance(listed, RawFinding):
        listing.findings.append(listed)
        return
    path = listed.row.path
    listing.findings += _check_path(listed)
    if not _is_file(subject, path):
        if path.endswith("/") or f"{plain_path(path)}/" in subject.directories:
            message = "it names a directory, but only files are listed"
            listing.findings.append(RawFinding("record-directory-row", listed.place, message, _removal(listed)))
            return
        path, listed = _in_plain_spelling(listed)
    if _is_file(subject, path):
        listing.add(path, listed)
    else:
        _take_absent(listing, listed)


def _read(subject: Subject, index: int, read: Row | RecordError) -> "Listed | RawFinding":
    """Return a row, also one of a file whose path has commas and no quotes."""
    if isinstance(read, Row):
        return Listed(index, read)
    message = read.message.removeprefix(f"RECORD, row {index + 1}: ")
    loose = read_unquoted(subject.record.rows[index]) if subject.record else None
    if loose is None or not _is_file(subject, loose.path):
        return RawFinding("record-bad-row", f"row {index + 1}", message)
    return Listed(index, loose, "record-unquoted-path", message)


def _check_path(listed: Listed) -> Iterator[RawFinding]:
    path = listed.row.path
    if "\ufffd" in path or any("\udc80" <= char <= "\udcff" for char in path):
        yield RawFinding("record-not-utf8", listed.place, "the path is not UTF-8")
    if len(f"{path},".splitlines()) > 1:  # the comma after it reveals a character that ends the path
        message = "the path contains a character that ends the line for installer and PyPI"
        yield RawFinding("record-bad-row", listed.place, message, refused_by=(Client.INSTALLER,))


def _in_plain_spelling(listed: Listed) -> tuple[str, Listed]:
    """Return the file that a path means to most tools, and the row with what is odd about its spelling."""
    path = listed.row.path
    plain = plain_path(path)
    if path.startswith("/") or _DRIVE.match(path):
        plain = plain.lstrip("/")
        return plain, replace(listed, code="record-absolute-path", message="its path is absolute")
    plain = plain.removeprefix(_MARK)
    code = (
        "record-byte-order-mark" if path.startswith(_MARK) else
        "record-backslash" if "\\" in path else
        "record-path-spelling"
    )  # fmt: skip
    return plain, replace(listed, code=code, message=f"the file is called {shown(plain)}")


def _take_absent(listing: Listing, listed: Listed) -> None:
    """Add the findings on a row whose file is not there."""
    row, removal = listed.row, _removal(listed)
    if row.size and read_size(row.size) is None:
        message = f"{shown(row.size[:40])} is not a size; uv refuses the wheel"
        listing.findings.append(RawFinding("record-bad-size", listed.place, message, removal))
    is_spelling = listed.code in ("record-path-spelling", "record-byte-order-mark")
    code = "record-no-such-file" if is_spelling else listed.code
    message = listed.message if code == "record-absolute-path" else "there is no such file in the archive"
    found = RawFinding(code, listed.place, message, removal)
    listing.findings.append(found)
    listing.absent.add(found)


def _place(index: int, path: str) -> str:
    return f"row {index + 1}: {shown(path)}"


def _is_file(subject: Subject, path: str) -> bool:
    return path in subject.entries and not path.endswith("/")


_HEXADECIMAL: Final = re.compile(r"0x[0-9A-Fa-f]{1,16}")
_SAFE: Final = STRONG | {"sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s"}


def check_rows(subject: Subject, listing: Listing, sums: "Mapping[str, Sums]") -> Iterator[RawFinding]:
    """Yield the findings on RECORD; ``sums`` are those of the entries, by name."""
    if subject.record is None:
        return
    table = _Table(subject, listing, sums)
    found = [each for path, rows in listing.by_file() for each in table.check_file(path, rows)]
    missing = list(table.check_missing())
    yield from _check_signatures(subject)
    yield from found
    yield from _in_doubt(missing, listing, contradicted=any(each.file for each in found))
    has_missing = any(each.code == "record-missing-row" for each in missing)
    yield from (_as_swap(each) if has_missing and each in listing.absent else each for each in listing.findings)


def _in_doubt(missing: Iterable[RawFinding], listing: Listing, *, contradicted: bool) -> Iterator[RawFinding]:
    """Yield the findings on files without a row: a new row would vouch for what RECORD does not vouch for.

    Where RECORD names another file that is not there, it may be that one under a near name; where it contradicts another
    file, the wheel was changed after it was built. Then only a person can say that the file belongs there.
    """
    reason = (
        "; RECORD names another file that is missing: this one may have replaced it" if listing.absent else
        "; RECORD contradicts another file: the wheel was changed or is damaged" if contradicted else ""
    )  # fmt: skip
    for each in missing:
        is_file = each.code == "record-missing-row"
        yield replace(each, message=each.message + reason, file=each.place) if is_file and reason else each


def _as_swap(found: RawFinding) -> RawFinding:
    """Return a row without a file as one that may be of a file without a row."""
    message = f"{found.message}; another file has no row: it may have replaced this one"
    return replace(found, message=message, file=found.place)


class _Table:
    """RECORD beside the archive."""

    def __init__(self, subject: Subject, listing: Listing, sums: "Mapping[str, Sums]") -> None:
        self._subject = subject
        self._listing = listing
        self._sums = sums
        self._own = f"{subject.dist_info}/RECORD"
        self._signatures = {f"{subject.dist_info}/{name}" for name in SIGNATURES}

    def check_file(self, path: str, rows: Sequence[Listed]) -> Iterator[RawFinding]:
        """Yield the findings on the rows for one file.

        All but one of them are to be removed. Where they contradict each other, RECORD does not say which one is right.
        """
        if path in self._signatures:
            for each in rows:
                yield RawFinding(
                    "record-signature-row", each.place, "a signature of RECORD cannot be listed in it", _removal(each)
                )
            return
        kept = min(rows, key=lambda each: self._preference(path, each)) if len(rows) > 1 else rows[0]
        agreed = self._agree(path, rows)
        for each in rows:
            if each.code:
                fixes = (ChangeRow(each.index, RowEdit(path=path)),) if each is kept else _removal(each)
                yield RawFinding(each.code, each.place, each.message, fixes, "" if agreed else path)
            if each is kept:
                continue
            if agreed:
                message = f"row {kept.index + 1} is for the same file"
                yield RawFinding("record-duplicate-row", each.place, message, _removal(each))
                yield from _check_last(each) if each is rows[-1] and path != self._own else ()
            else:
                message = f"row {kept.index + 1} is for the same file and says something else"
                yield RawFinding("record-contradicting-rows", each.place, message, _removal(each), path)
        found = _check_own(kept) if path == self._own else self._check_hash(path, kept)
        yield from found if agreed else (replace(each, file=path) for each in found)

    def _agree(self, path: str, rows: Sequence[Listed]) -> bool:
        """Whether rows for one file say the same, or nothing that is wrong."""
        alike = len({(each.row.digest, each.row.size) for each in rows}) == 1
        return alike or path == self._own or all(self._holds(path, each.row) for each in rows)

    def _holds(self, path: str, row: Row) -> bool:
        """Whether what a row says is known to be true of its file."""
        sums, name = self._sums.get(path), row.algorithm.lower()
        if sums is None or sums.damage or (row.digest and name not in sums.digests):
            return False
        size_holds = not row.size or read_size(row.size) == self._subject.size_of(path)
        return size_holds and (not row.digest or likeness(row.digest, sums.digests[name]) != "wrong")

    def _preference(self, path: str, each: Listed) -> tuple[bool, bool, bool, bool, int]:
        """Return a key by which the row to keep comes first: one that is right, says more, is spelled well."""
        if path == self._own:
            return bool(each.row.digest or each.row.size), False, False, bool(each.code), each.index
        row = each.row
        return not self._holds(path, row), not row.digest, not row.size, bool(each.code), each.index

    def _check_hash(self, path: str, each: Listed) -> Iterator[RawFinding]:
        row, place = each.row, each.place
        true_size = self._subject.size_of(path)
        sums, size, said = self._sums.get(path), str(true_size), read_size(row.size)
        if sums is None or sums.damage:
            return  # that is a finding on the entry
        true = hash_column("sha256", sums.sha256)
        name = row.algorithm.lower()
        whole = (ChangeRow(each.index, RowEdit(digest=true, size=size)),)
        digest = (ChangeRow(each.index, RowEdit(digest=true)),)
        if not row.digest and row.size and said != true_size:
            message = "it has no hash, and its size is not that of the file"
            yield RawFinding("record-no-hash", place, message, whole, path)
        elif not row.digest:
            yield RawFinding("record-no-hash", place, "it has no hash", digest)
        elif name not in sums.digests:
            message = f"not every installer can check a hash of {shown(row.algorithm)!r}"
            yield RawFinding("record-unknown-hash", place, message, whole, path)
        else:
            reading = likeness(row.digest, sums.digests[name])
            if reading == "wrong":
                right = hash_column(name, sums.digests[name]).removeprefix(f"{name}=")
                message = f"its {name} is {_short(row)}, that of the file is {right}"
                yield RawFinding("record-wrong-hash", place, message, whole, path)
                return
            if name not in _SAFE:
                yield RawFinding("record-weak-hash", place, f"{name} is weaker than sha256", digest)
            elif reading != "right":
                proper = (ChangeRow(each.index, RowEdit(digest=hash_column(name, sums.digests[name]))),)
                code = "record-hex-hash" if reading == "in hexadecimal" else "record-hash-spelling"
                yield RawFinding(code, place, f"its hash is that of the file, but {reading}", proper)
        fix = (ChangeRow(each.index, RowEdit(size=size)),)
        if not row.size:
            yield RawFinding("record-no-size", place, "it has no size", fix)
        elif said == true_size and row.size != size:
            yield RawFinding("record-size-spelling", place, f"its size is written as {shown(row.size)}, not as {size}", fix)
        elif said != true_size:
            message = f"its size is {shown(row.size[:40])}, that of the file is {size}"
            yield RawFinding("record-wrong-size", place, message, fix, path, _refusing_size(row.size, true_size))

    def check_missing(self) -> Iterator[RawFinding]:
        """Yield the files that have no row."""
        listed = self._listing.rows
        if self._own not in listed:
            row = AddRow(RecordRow(self._own, "", ""))
            yield RawFinding("record-own-row-missing", shown(self._own), "RECORD has no row for itself", (row,))
        for name in self._subject.entries:
            if name in listed or name in self._signatures or name == self._own or name.endswith("/"):
                continue
            sums = self._sums.get(name)
            fix: tuple[AddRow, ...] = ()
            if sums is not None and not sums.damage:
                digest, size = hash_column("sha256", sums.sha256), str(self._subject.size_of(name))
                fix = (AddRow(RecordRow(name, digest, size)),)
            yield RawFinding("record-missing-row", shown(name), "RECORD has no row for it", fix)


def _check_last(each: Listed) -> Iterator[RawFinding]:
    """Yield what is missing from the last of several rows for a file: installer reads no other."""
    code = "record-no-hash" if not each.row.digest else "record-no-size" if not each.row.size else ""
    if code:
        yield RawFinding(code, each.place, "it is the last row for the file, and another row says more", _removal(each))


def _refusing_size(size: str, true_size: int) -> tuple[Client, ...]:
    """Return who refuses ``size`` in RECORD: uv if it is no number to its reader of CSV, installer if it is another one."""
    is_number = read_size(size) is not None or _HEXADECIMAL.fullmatch(size) is not None
    try:
        is_right = int(size) == true_size  # blanks and underscores are no matter to it, nor to installer
    except ValueError:
        is_right = False
    return (*(() if is_number else (Client.UV,)), *(() if is_right else (Client.INSTALLER,)))


def _removal(each: Listed) -> tuple[ChangeRow, ...]:
    return (ChangeRow(each.index, REMOVE),)


def _check_own(each: Listed) -> Iterator[RawFinding]:
    if each.row.digest or each.row.size:
        change = ChangeRow(each.index, RowEdit(digest="", size=""))
        message = "it has a hash or a size, which no file can state of itself"
        yield RawFinding("record-own-row-hash", each.place, message, (change,))


def _short(row: Row) -> str:
    return shown(row.digest.partition("=")[2][:90])


def _check_signatures(subject: Subject) -> Iterator[RawFinding]:
    present: Sequence[str] = [name for name in SIGNATURES if name in subject.dist_info_files]
    for name in present:
        yield RawFinding("record-signature", name, "PEP 815 deprecates signatures of RECORD; no installer checks them")
    if "RECORD.jws" in present:
        signed, record = _signed_hash(subject.read("RECORD.jws") or b""), subject.read("RECORD") or b""
        if signed is not None and signed != hash_column("sha256", hashlib.sha256(record).digest()):
            yield RawFinding("record-void-signature", "RECORD.jws", "it signs another RECORD", (RemoveFile("RECORD.jws"),))


def _signed_hash(data: bytes) -> str | None:
    """Return the hash of RECORD that a JSON web signature is of (PEP 427), ``None`` where it does not say."""
    try:
        text = str(read_json(data)["payload"])
        payload = read_json(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return str(payload["hash"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
