"""Writes a bundle: what a mirror has, or what is new in it since a lock was written."""

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.json import encode

from wheelfix.errors import MirrorError
from wheelfix.locations import Location
from wheelfix.mirror.layout import PUBLIC
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.yank import list_pages
from wheelfix.progress import NO_PROGRESS, Progress, guarded
from wheelfix.results import Problem, failure
from wheelfix.sync.snapshots.bundle import BLOCK, LOCK, SINCE, SUMS, new_files, sum_line
from wheelfix.sync.snapshots.snapshot import Snapshot, SnapshotFile, read_snapshot, snapshot_of
from wheelfix.text import shown
from wheelfix.wheel.zip.source import Readable, blocks_of
from wheelfix.wheel.zip.staging import NotConfirmed, StagedFile

_TIME: Final = 315_532_800
"""The time of all files, 1980-01-01: some tools complain of earlier ones."""
_MODE: Final = 0o644


class ExportReport(Struct, frozen=True, kw_only=True):
    """What was written to ``bundle``: ``files`` of so many ``projects``, ``size`` bytes together.

    ``lock`` is what the mirror lists: ``since`` of the next export. ``sha256`` (hexadecimal) is that of the bundle. With a
    ``problem`` the bundle is in its place and complete, but may be lost if the machine crashes now.
    """

    mirror: Location
    bundle: Path
    files: tuple[SnapshotFile, ...]
    projects: int
    lock: Snapshot
    size: int
    sha256: str
    problem: Problem | None = None


def export_mirror(
    mirror: MirrorLocation,
    bundle: Path | str,
    *,
    since: Snapshot | Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> ExportReport:
    """Write the files of a mirror, or those that are not in the lock ``since``, to the file ``bundle``.

    It appears once it is complete, in place of what was there. The same mirror and lock give the same bytes.

    :raises MirrorError: if the mirror or the lock is damaged, or a file of the mirror is: no bundle is written then.
    :raises OSError: if a file cannot be read, or the bundle not be written.
    """
    store, bundle, progress = open_store(mirror), Path(bundle), guarded(progress)
    known = read_snapshot(since) if isinstance(since, Path | str) else since
    lock = snapshot_of(str(store.location), list_pages(store))
    files = new_files(lock, known)
    texts = {LOCK: encode(lock) + b"\n"} | ({} if known is None else {SINCE: encode(known) + b"\n"})
    sums = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
    sums |= {name: each.sha256 for name, each in files.items()}
    listing = "".join(sum_line(sha256, name) for name, sha256 in sums.items()).encode()
    directory = bundle.absolute().parent  # an error that names "." says nothing
    with StagedFile(directory, _MODE) as staged, open(staged.descriptor, "w+b", closefd=False) as output:
        with tarfile.TarFile(fileobj=output, mode="w", format=tarfile.PAX_FORMAT, copybufsize=BLOCK) as archive:
            for name, text in {SUMS: listing, **texts}.items():
                archive.addfile(_info(name, len(text)), io.BytesIO(text))
            for name, each in files.items():
                _add(archive, store, name, each, progress)
        output.flush()
        os.fsync(staged.descriptor)
        output.seek(0)
        sha256 = hashlib.file_digest(output, "sha256").hexdigest()
        problem = _put(staged, bundle)
    projects = {name.split("/")[1] for name in files}
    return ExportReport(
        mirror=store.location, bundle=bundle, files=tuple(files.values()), projects=len(projects), lock=lock,
        size=sum(each.size for each in files.values()), sha256=sha256, problem=problem,
    )  # fmt: skip


def _put(staged: StagedFile, bundle: Path) -> Problem | None:
    """Put the bundle in its place; return why that is not on the disk for certain."""
    try:
        staged.put(bundle, replace=True)
    except NotConfirmed as error:
        return failure(bundle, error).problem
    return None


def _info(name: str, size: int) -> tarfile.TarInfo:
    """Return the header of a file: nothing in it depends on the machine or the day."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, _TIME, _MODE
    return info


def _add(archive: tarfile.TarFile, store: Store, name: str, file: SnapshotFile, progress: Progress) -> None:
    """Add a file of the mirror.

    :raises MirrorError: if it is not what its page says.
    """
    progress.file_started(file.filename, file.size)
    with store.open(f"{PUBLIC}/{name}") as source:
        if source.size != file.size:
            raise _damaged(file)
        content = _Content(source, file.filename, progress)
        archive.addfile(_info(name, file.size), content)  # type: ignore[arg-type]  # nothing but read is called
    if content.sha256 != file.sha256:
        raise _damaged(file)


class _Content:
    """The bytes of a file as ``tarfile`` reads them, hashed on the way; of a bucket they come in few requests."""

    def __init__(self, source: Readable, name: str, progress: Progress) -> None:
        self._blocks = blocks_of(source)
        self._left = b""
        self._name = name
        self._progress = progress
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The sha256 of what was read (hexadecimal)."""
        return self._digest.hexdigest()

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes; fewer at the end."""
        parts = [self._left]
        have = len(self._left)
        while have < size and (block := next(self._blocks, b"")):
            parts.append(block)
            have += len(block)
        data = b"".join(parts)
        data, self._left = data[:size], data[size:]
        self._digest.update(data)
        self._progress.file_advanced(self._name, len(data))
        return data


def _damaged(file: SnapshotFile) -> MirrorError:
    return MirrorError(
        "file-differs",
        f"{shown(file.filename)} in the mirror is not what its page says",
        hint="No bundle was written. Run `wheelfix mirror check`, and replace the file.",
    )
