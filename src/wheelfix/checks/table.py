"""What is wrong with the rows of RECORD, each compared with the file that it names.

https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from wheelfix.checks.found import AddRow, ChangeRow, Found
from wheelfix.checks.hashing import Sums
from wheelfix.checks.subject import Subject
from wheelfix.edits import RemoveFile
from wheelfix.errors import RecordError
from wheelfix.escaping import shown
from wheelfix.rows import KNOWN, STRONG, NewRow, Row, RowChange, hash_column, plain_path
from wheelfix.wheel import SIGNATURES

_DRIVE: Final = re.compile(r"^[A-Za-z]:")
_REMOVE: Final = RowChange(remove=True)
_SAFE: Final = STRONG | {"sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s"}


def wanted_algorithms(subject: Subject) -> dict[str, set[str]]:
    """Return the hashes other than sha256 that RECORD has, by member."""
    found: dict[str, set[str]] = {}
    for _, row in subject.record.read_rows() if subject.record else ():
        if isinstance(row, Row) and row.algorithm.lower() in KNOWN - {"sha256"}:
            for path in {row.path, plain_path(row.path), plain_path(row.path).lstrip("/")}:  # whichever it turns out to be
                found.setdefault(path, set()).add(row.algorithm.lower())
    return found


def check_rows(subject: Subject, sums: Mapping[str, Sums]) -> Iterator[Found]:
    """Yield the faults of RECORD; ``sums`` are those of the members, by name."""
    if subject.record is None:
        return
    table = _Table(subject, sums)
    for index, row in subject.record.read_rows():
        yield from table.check_row(index, row)
    yield from table.check_missing()
    yield from _check_signatures(subject)


class _Table:
    """RECORD beside the archive; remembers which files have a row."""

    def __init__(self, subject: Subject, sums: Mapping[str, Sums]) -> None:
        self._subject = subject
        self._sums = sums
        self._own = f"{subject.dist_info}/RECORD"
        self._signatures = {f"{subject.dist_info}/{name}" for name in SIGNATURES}
        self._listed: dict[str, int] = {}

    def check_row(self, index: int, row: Row | RecordError) -> Iterator[Found]:
        """Yield the faults of one row."""
        if isinstance(row, RecordError):
            yield self._check_unreadable(index, row)
            return
        place = f"row {index + 1}: {shown(row.path)}"
        if "\ufffd" in row.path or any("\udc80" <= char <= "\udcff" for char in row.path):
            yield Found("record-not-utf8", place, "the path is not UTF-8")
        path, spelling = self._resolve(index, row, place)
        if spelling is not None:
            yield spelling
        if path is not None:
            yield from self._check_file(index, row, path, place)

    def _check_unreadable(self, index: int, error: RecordError) -> Found:
        raw = self._subject.record.rows[index] if self._subject.record else b""
        parts = raw.decode("utf-8", "surrogateescape").rstrip("\r\n").rsplit(",", 2)
        if len(parts) == 3 and "," in parts[0] and '"' not in parts[0] and self._is_file(parts[0]):
            self._listed[parts[0]] = index
            change = ChangeRow(index, RowChange(parts[0], parts[1], parts[2]))
            return Found("record-unquoted-path", f"row {index + 1}: {shown(parts[0])}", error.message, (change,))
        return Found("record-bad-row", f"row {index + 1}", error.message)

    def _is_file(self, path: str) -> bool:
        return path in self._subject.members and not path.endswith("/")

    def _resolve(self, index: int, row: Row, place: str) -> tuple[str | None, Found | None]:
        """Return the member that a row is for, ``None`` where there is none, and what is wrong with its path."""
        path = row.path
        plain = plain_path(path)
        gone = ChangeRow(index, _REMOVE)
        if self._is_file(path):
            return path, None
        if path.endswith("/") or f"{plain}/" in self._subject.folders:
            return None, Found("record-directory-row", place, "it names a folder; only files are listed", (gone,))
        relative = plain.lstrip("/")
        if path.startswith("/") or _DRIVE.match(path):
            known = self._is_file(relative) and relative not in self._listed
            mend = ChangeRow(index, RowChange(path=relative)) if known else gone
            return relative if known else None, Found("record-absolute-path", place, "its path is absolute", (mend,))
        if plain != path and self._is_file(plain):
            code = "record-backslash" if "\\" in path else "record-path-spelling"
            found = Found(code, place, f"the file is called {shown(plain)}", (ChangeRow(index, RowChange(path=plain)),))
            return plain, found
        code = "record-backslash" if "\\" in path else "record-no-such-file"
        return None, Found(code, place, "there is no such file in the archive", (gone,))

    def _check_file(self, index: int, row: Row, path: str, place: str) -> Iterator[Found]:
        gone = ChangeRow(index, _REMOVE)
        if path in self._listed:
            first = self._listed[path] + 1
            yield Found("record-duplicate-row", place, f"row {first} is for the same file", (gone,))
            return  # what the first one says is compared; this one goes
        self._listed[path] = index
        if path in self._signatures:
            yield Found("record-signature-row", place, "a signature of RECORD cannot be listed in it", (gone,))
        elif path == self._own:
            if row.digest or row.size:
                change = ChangeRow(index, RowChange(digest="", size=""))
                yield Found(
                    "record-own-row-hash", place, "it has a hash or a size, which no file can have of itself", (change,)
                )
        else:
            yield from self._check_hash(index, row, path, place)

    def _check_hash(self, index: int, row: Row, path: str, place: str) -> Iterator[Found]:
        sums, member = self._sums.get(path), self._subject.members[path]
        size = str(member.size)
        if sums is None or sums.damage:
            return  # it is told of the member
        true = hash_column("sha256", sums.digests["sha256"])
        name = row.algorithm.lower()
        whole = ChangeRow(index, RowChange(digest=true, size=size))
        digest = ChangeRow(index, RowChange(digest=true))
        if not row.digest:
            yield Found("record-no-hash", place, "it has no hash", (digest,))
        elif name not in KNOWN:
            yield Found("record-unknown-hash", place, f"nobody can compare a hash of {shown(row.algorithm)!r}", (whole,))
        else:
            reading = _reading(row.digest, sums.digests[name])
            if reading == "wrong":
                yield Found(
                    "record-wrong-hash", place, f"its {name} is {_short(row)}, that of the file is {true[7:]}", (whole,)
                )
                return
            if name not in _SAFE:
                yield Found("record-weak-hash", place, f"{name} is weaker than sha256", (digest,))
            elif reading != "right":
                proper = ChangeRow(index, RowChange(digest=hash_column(name, sums.digests[name])))
                code = "record-hex-hash" if reading == "in hexadecimal" else "record-hash-spelling"
                yield Found(code, place, f"its hash is that of the file, but {reading}", (proper,))
        if not row.size:
            yield Found("record-no-size", place, "it has no size", (ChangeRow(index, RowChange(size=size)),))
        elif row.size != size:
            change = ChangeRow(index, RowChange(size=size))
            yield Found(
                "record-wrong-size", place, f"its size is {shown(row.size[:40])}, that of the file is {size}", (change,)
            )

    def check_missing(self) -> Iterator[Found]:
        """Yield the files that have no row."""
        if self._own not in self._listed:
            row = AddRow(NewRow(self._own, "", ""))
            yield Found("record-own-row-missing", shown(self._own), "RECORD has no row for itself", (row,))
        for name, member in self._subject.members.items():
            if name in self._listed or name in self._signatures or name == self._own or name.endswith("/"):
                continue
            sums = self._sums.get(name)
            mend: tuple[AddRow, ...] = ()
            if sums is not None and not sums.damage:
                mend = (AddRow(NewRow(name, hash_column("sha256", sums.digests["sha256"]), str(member.size))),)
            yield Found("record-missing-row", shown(name), "RECORD has no row for it", mend)


def _short(row: Row) -> str:
    return shown(row.digest.partition("=")[2][:90])


def _reading(column: str, digest: bytes) -> str:
    """Return how a hash column stands to ``digest``: right, wrong, or how it is spelled otherwise."""
    name, _, text = column.partition("=")
    if column == hash_column(name.lower(), digest):
        return "right"
    if text.lower() == digest.hex():
        return "in hexadecimal"
    bare = text.rstrip("=").replace("+", "-").replace("/", "_")
    return "not in plain urlsafe base64" if f"{name.lower()}={bare}" == hash_column(name.lower(), digest) else "wrong"


def _check_signatures(subject: Subject) -> Iterator[Found]:
    present: Sequence[str] = [name for name in SIGNATURES if name in subject.dist_info_files]
    for name in present:
        yield Found("record-signature", name, f"{name} is of a form that PEP 815 deprecates; no installer checks it")
    if "RECORD.jws" in present:
        signed, record = _signed_hash(subject.read("RECORD.jws") or b""), subject.read("RECORD") or b""
        if signed is not None and signed != hash_column("sha256", hashlib.sha256(record).digest()):
            yield Found("record-void-signature", "RECORD.jws", "it signs another RECORD", (RemoveFile("RECORD.jws"),))


def _signed_hash(data: bytes) -> str | None:
    """Return the hash of RECORD that a JSON web signature is of (PEP 427), ``None`` where it cannot be told."""
    try:
        text = str(json.loads(data)["payload"])
        payload = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return str(payload["hash"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
