"""Is the result a correct wheel, and is everything else in it as it was?"""

import csv
import hashlib
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from wheel.wheelfile import WheelError, WheelFile

from jobs import GPU_NAME, without_gpu_lines
from wheels import DIST_INFO

_METADATA, _RECORD, _TRACE = f"{DIST_INFO}/METADATA", f"{DIST_INFO}/RECORD", f"{DIST_INFO}/sboms/wheelfix.cdx.json"
_REQUIRES = "Requires-Dist: "


@dataclass(frozen=True, slots=True)
class Judgement:
    """``wrong`` says why the wheel is not correct, ``disturbed`` what else is not as it was."""

    wrong: tuple[str, ...]
    disturbed: tuple[str, ...]


def judge(source: Path, result: Path) -> Judgement:
    """Compare the corrected wheel ``result`` with ``source``; reads all of both."""
    if not result.exists():
        return Judgement(("wrote no wheel of that name",), ())
    try:
        with ZipFile(source) as old, ZipFile(result) as new:
            wrong = (*_duplicates(new), *_requirements(old, new), *_record_faults(new), *_refusals(result))
            return Judgement(wrong, (*_metadata_changes(old, new), *_disturbances(old, new)))
    except (BadZipFile, KeyError, ValueError) as error:
        return Judgement((f"cannot be read: {error}",), ())


def _duplicates(new: ZipFile) -> Iterator[str]:
    repeated = [name for name, count in Counter(new.namelist()).items() if count > 1]
    if repeated:
        yield f"{len(repeated)} duplicate entries"


def _requirements(old: ZipFile, new: ZipFile) -> Iterator[str]:
    before, after = _required(old), _required(new)
    if left := [each for each in after if GPU_NAME.match(each)]:
        yield f"{len(left)} GPU requirements left"
    if [each for each in before if not GPU_NAME.match(each)] != [each for each in after if not GPU_NAME.match(each)]:
        yield "other requirements changed"


def _required(archive: ZipFile) -> list[str]:
    lines = archive.read(_METADATA).decode().splitlines()
    return [line.removeprefix(_REQUIRES) for line in lines if line.startswith(_REQUIRES)]


def _record_faults(new: ZipFile) -> Iterator[str]:
    rows = _rows(new)
    files = {info.filename: info for info in new.infolist() if not info.is_dir()}
    if absent := {name for name in rows if not name.endswith("/")} - files.keys():
        yield f"RECORD lists {len(absent)} files that are not there"
    if unlisted := files.keys() - rows.keys():
        yield f"RECORD does not list {len(unlisted)} files"
    listed = files.keys() & rows.keys() - {_RECORD}
    if false := [name for name in listed if rows[name] != _recorded(new, files[name])]:
        yield f"{len(false)} wrong rows in RECORD"


def _rows(archive: ZipFile) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in csv.reader(archive.read(_RECORD).decode().splitlines())}


def _recorded(archive: ZipFile, info: ZipInfo) -> list[str]:
    with archive.open(info) as content:
        digest = hashlib.sha256()
        while block := content.read(1 << 20):
            digest.update(block)
    return [f"sha256={urlsafe_b64encode(digest.digest()).rstrip(b'=').decode()}", str(info.file_size)]


def _refusals(result: Path) -> Iterator[str]:
    try:
        with WheelFile(result) as wheel:
            wheel.read(_METADATA)
    except (WheelError, BadZipFile, KeyError) as error:
        yield f"WheelFile refuses it: {error}"


def _metadata_changes(old: ZipFile, new: ZipFile) -> Iterator[str]:
    wanted, got = without_gpu_lines(old.read(_METADATA)).splitlines(), new.read(_METADATA).splitlines()
    if wanted != got:
        gone, added = Counter(wanted) - Counter(got), Counter(got) - Counter(wanted)
        moved = "" if gone or added else ", lines in another order"
        yield f"METADATA: {gone.total()} more lines gone, {added.total()} added{moved}"
    elif without_gpu_lines(old.read(_METADATA)) != new.read(_METADATA):
        yield "METADATA: other line ends"


def _disturbances(old: ZipFile, new: ZipFile) -> Iterator[str]:
    before = {info.filename: info for info in old.infolist() if info.filename not in (_METADATA, _RECORD)}
    after = {info.filename: info for info in new.infolist() if info.filename not in (_METADATA, _RECORD)}
    lost = before.keys() - after.keys()
    if directories := sum(name.endswith("/") for name in lost):
        yield f"{directories} directory entries lost"
    if len(lost) > directories:
        yield f"{len(lost) - directories} entries lost"
    if added := after.keys() - before.keys() - {_TRACE}:
        yield f"{len(added)} entries added"
    if listed := sum(name.endswith("/") for name in _rows(new).keys() - _rows(old).keys()):
        yield f"RECORD lists {listed} directories"
    both = [name for name in before if name in after]
    if both != [name for name in after if name in before]:
        yield "entries in another order"
    if count := sum(_raw(old, before[name]) != _raw(new, after[name]) for name in both):
        yield f"compressed bytes of {count} entries changed"
    if count := sum(_extra(before[name]) != _extra(after[name]) for name in both):
        yield f"extra of {count} entries changed"
    for attribute in ("date_time", "external_attr", "create_system"):
        if count := sum(getattr(before[name], attribute) != getattr(after[name], attribute) for name in both):
            yield f"{attribute} of {count} entries changed"


def _extra(info: ZipInfo) -> bytes:
    """Return the extra field without the part that says where the entry lies (ZIP64, APPNOTE 4.5.3)."""
    rest, kept = info.extra, b""
    while len(rest) >= 4:
        stop = 4 + int.from_bytes(rest[2:4], "little")
        kept += b"" if rest[:2] == b"\x01\x00" else rest[:stop]
        rest = rest[stop:]
    return kept + rest


def _raw(archive: ZipFile, info: ZipInfo) -> bytes:
    """Return the sha256 of the compressed data: found through the local header, which zipfile knows how to read."""
    with archive.open(info) as content:
        file = content._fileobj  # type: ignore[attr-defined]  # there is no public way to the compressed bytes
        digest, left = hashlib.sha256(), info.compress_size
        while left and (block := file.read(min(left, 1 << 20))):
            digest.update(block)
            left -= len(block)
    return digest.digest()
