"""Bundles: what a mirror has, or what is new in it, as a tar file for a mirror without a network.

::

    SHA256SUMS                                   of all that follows, as sha256sum(1) checks it
    mirror.lock                                  what the mirror lists, see :mod:`wheelfix.sync.snapshots.snapshot`
    since.lock                                   what it listed before, where only what is new since is in the bundle
    files/PROJECT/SHA256[:16]/NAME.whl           the files, in this order

The bytes depend on nothing else: order, times, owners and modes are fixed. Metadata files are not in it: who imports a
wheel reads it.

Nothing in a bundle is trusted. No path is taken from it: which names can be in it follows from its lock. All of it is read
and checked before anything is written.
"""

import hashlib
import os
import re
import stat
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from msgspec import Struct

from wheelfix.errors import MirrorError
from wheelfix.mirror.layout import PUBLIC, file_key
from wheelfix.mirror.storage.tree import open_at_once
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.sync.snapshots.snapshot import Snapshot, SnapshotFile, parse_snapshot
from wheelfix.text import cut, shown

SUMS: Final = "SHA256SUMS"
LOCK: Final = "mirror.lock"
SINCE: Final = "since.lock"
BLOCK: Final = 1 << 20
"""In bytes: how much is read at a time."""
_MOST_OF_SUMS: Final = 1 << 26
_MOST_OF_LOCKS: Final = 1 << 28
"""In bytes: no list of sums, and no lock, is larger."""
_MOST_OF_HEADERS: Final = 1 << 14
"""In bytes: enough for any name of a file."""
_SUM: Final = re.compile(r"([0-9a-f]{64})  ([^\r\n]+)\n")
_REGULAR: Final = (tarfile.REGTYPE, tarfile.AREGTYPE)


def name_in_bundle(project: str, file: SnapshotFile) -> str:
    """Return the name of ``file`` in a bundle: its path below what a server shows."""
    return file_key(project, file.filename, file.sha256).removeprefix(f"{PUBLIC}/")


def new_files(lock: Snapshot, since: Snapshot | None) -> dict[str, SnapshotFile]:
    """Return the files of ``lock`` that are not in ``since``, by their names in a bundle, in order."""
    files = {name_in_bundle(project.name, file): file for project in lock.projects for file in project.files}
    known = {name_in_bundle(project.name, file) for project in since.projects for file in project.files} if since else ()
    return {name: files[name] for name in sorted(files) if name not in known}


class Member(Struct, frozen=True):
    """Where a file lies in a bundle, in bytes, and its sha256 (hexadecimal)."""

    offset: int
    size: int
    sha256: str


class Bundle(Struct, frozen=True, kw_only=True):
    """A bundle that was read and checked: the file at ``path``, what it says, and where its files are, by name."""

    path: Path
    lock: Snapshot
    since: Snapshot | None
    members: Mapping[str, Member]

    def copy(self, name: str, target: Path) -> None:
        """Write the file ``name`` to ``target``, which must not exist.

        :raises MirrorError: if the bundle has changed since it was checked.
        """
        member, digest = self.members[name], hashlib.sha256()
        with _opened_file(self.path) as file, target.open("xb") as output:
            for block in _blocks(file, member, self.path):
                digest.update(block)
                output.write(block)
        if digest.hexdigest() != member.sha256:
            raise bad_bundle(self.path, f"{cut(name)} has changed since it was checked")


def read_bundle(path: Path | str, progress: Progress = NO_PROGRESS) -> Bundle:
    """Return the bundle at ``path`` once all of it is read and checked.

    :raises MirrorError: if it is damaged, incomplete, or no bundle: then nothing in it counts.
    :raises OSError: if it cannot be read.
    """
    path = Path(path)
    with _opened_file(path) as file:
        progress.file_started(path.name, file.seek(0, 2))
        file.seek(0)
        members = _members(file, path)
        lock, since = (_lock(file, members, name, path) for name in (LOCK, SINCE))
        if lock is None:
            raise bad_bundle(path, f"it has no {LOCK}")
        files = new_files(lock, since)
        _compare(members, files, path)
        for name, member in members.items():
            if _sum(file, member, path, progress) != member.sha256:
                raise bad_bundle(path, f"{cut(name)} has another sha256 than {SUMS} says")
    return Bundle(path=path, lock=lock, since=since, members={name: members[name] for name in files})


@contextmanager
def _opened_file(path: Path) -> Iterator[IO[bytes]]:
    """Open the file at ``path``; a pipe, which cannot be read twice, is not waited for.

    :raises MirrorError: if it is no file.
    """
    with open(path, "rb", opener=open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise bad_bundle(path, "it is a device, a socket or a pipe, not a file")
        yield file


class _Limited:
    """The file of a bundle, of which only little is read at once: a header can ask for as much as it likes."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file = file
        self._path = path
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        if not 0 <= size <= _MOST_OF_HEADERS:
            raise bad_bundle(self._path, "a header in it is too large")
        return self._file.read(size)


def _members(file: IO[bytes], path: Path) -> dict[str, Member]:
    """Return each file by name: those, and only those, that the list of sums names, which comes first.

    :raises MirrorError: if it is no tar file, or has something other than plain files.
    """
    found: dict[str, Member] = {}
    sums: Mapping[str, str] | None = None
    end = file.seek(0, 2)
    file.seek(0)
    try:
        with _opened(_Limited(file, path)) as archive:
            while info := archive.next():
                archive.members.clear()  # type: ignore[attr-defined]  # the list of a module in the library: nobody looks back
                if info.type not in _REGULAR or info.sparse is not None:
                    raise bad_bundle(path, f"{cut(info.name)} is no plain file")
                if not 0 <= info.size <= end - info.offset_data:  # not every Python refuses a negative size
                    raise bad_bundle(path, f"{cut(info.name)} is cut off, or of no size")
                if sums is None:
                    sums = _sums(file, info, path)
                elif info.name not in sums or info.name in found:
                    raise bad_bundle(path, f"{cut(info.name)} is there twice, or {SUMS} does not name it")
                else:
                    found[info.name] = Member(info.offset_data, info.size, sums[info.name])
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise bad_bundle(path, f"it is no tar file, or is cut off ({cut(str(error))})") from error
    if sums is None or found.keys() != sums.keys():
        raise bad_bundle(path, f"not all is in it that {SUMS} names")
    return found


@contextmanager
def _opened(file: _Limited) -> Iterator[tarfile.TarFile]:
    with tarfile.TarFile(fileobj=file, mode="r", errorlevel=2) as archive:  # type: ignore[arg-type]  # read, seek, tell
        yield archive


def _lock(file: IO[bytes], members: Mapping[str, Member], name: str, path: Path) -> Snapshot | None:
    """Return the lock called ``name``, ``None`` where there is none.

    :raises MirrorError: if it is damaged, or too large.
    """
    member = members.get(name)
    if member is None:
        return None
    if member.size > _MOST_OF_LOCKS:
        raise bad_bundle(path, f"its {name} has {member.size:,} bytes")
    return parse_snapshot(b"".join(_blocks(file, member, path)), f"{path}/{name}")


def _sums(file: IO[bytes], info: tarfile.TarInfo, path: Path) -> dict[str, str]:
    """Return the sha256 of each file, by name, as the list of sums says it, which must be the first one.

    :raises MirrorError: if it is not, or has anything else in it.
    """
    if info.name != SUMS or info.size > _MOST_OF_SUMS:
        raise bad_bundle(path, f"it does not begin with {SUMS}")
    data = b"".join(_blocks(file, Member(info.offset_data, info.size, ""), path))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise bad_bundle(path, f"{SUMS} is not UTF-8") from error
    found = {match[2]: match[1] for match in _SUM.finditer(text)}
    if "".join(sum_line(sha256, name) for name, sha256 in found.items()) != text:
        raise bad_bundle(path, f"{SUMS} has a line that is no sum, or a name twice")
    return found


def sum_line(sha256: str, name: str) -> str:
    """Return the line of a file in the list of sums.

    >>> sum_line("0123", "mirror.lock")
    '0123  mirror.lock\\n'
    """
    return f"{sha256}  {name}\n"


def _compare(members: Mapping[str, Member], files: Mapping[str, SnapshotFile], path: Path) -> None:
    """Confirm that the bundle has the files that its lock names, and no others.

    :raises MirrorError: if not.
    """
    for name in members.keys() - {LOCK, SINCE} - files.keys():
        raise bad_bundle(path, f"its lock does not name {cut(name)}")
    for name, each in files.items():
        member = members.get(name)
        if member is None:
            raise bad_bundle(path, f"{cut(name)} is missing")
        if (member.size, member.sha256) != (each.size, each.sha256):
            raise bad_bundle(path, f"{cut(name)} is not what its lock says")


def _sum(file: IO[bytes], member: Member, path: Path, progress: Progress) -> str:
    digest = hashlib.sha256()
    for block in _blocks(file, member, path):
        digest.update(block)
        progress.file_advanced(path.name, len(block))
    return digest.hexdigest()


def _blocks(file: IO[bytes], member: Member, path: Path) -> Iterator[bytes]:
    """Yield the content of ``member`` in parts.

    :raises MirrorError: if the file ends before it.
    """
    file.seek(member.offset)
    left = member.size
    while left:
        block = file.read(min(BLOCK, left))
        if not block:
            raise bad_bundle(path, "it is cut off")
        left -= len(block)
        yield block


def bad_bundle(path: Path, why: str) -> MirrorError:
    """Return the error of a bundle that cannot be used."""
    return MirrorError(
        "bad-bundle",
        f"{shown(str(path))} is no bundle that can be used: {why}",
        hint="Nothing was imported. Copy it again, or write it again with `wheelfix mirror export`.",
    )
