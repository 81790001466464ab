"""A download on its way to the disk, from wherever: hashed while it is written, and never there in part."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from wheelfix.errors import MirrorError
from wheelfix.progress import Progress
from wheelfix.text import shown

BLOCK: Final = 1 << 20
"""In bytes: how much is read at a time."""
_SUFFIX: Final = ".part"
_FINAL: Final = frozenset({"wrong-hash", "wrong-size", "too-large", "not-a-wheel"})
"""The codes of errors after which what was downloaded is of no use."""


class PartFile:
    """The file at ``path``, which reports call ``name``, as far as it has been downloaded: ``have`` bytes."""

    def __init__(self, path: Path, name: str, progress: Progress) -> None:
        self.path: Final = path
        self.have = 0
        self._name = name
        self._progress = progress
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The sha256 of what is there (hexadecimal)."""
        return self._digest.hexdigest()

    def restart(self) -> None:
        """Forget what is there: what is appended next replaces it."""
        self.have = 0
        self._digest = hashlib.sha256()

    def take_up(self) -> None:
        """Continue what an earlier run has left in the file, if anything."""
        if not self.path.exists():
            return
        with self.path.open("rb") as opened:
            while block := opened.read(BLOCK):
                self._digest.update(block)
                self.have += len(block)

    def append(self, blocks: Iterable[bytes], total: int | None, *, flushes: bool = False) -> None:
        """Write ``blocks`` after what is there, of ``total`` bytes in all where that is known; ``flushes`` for a later run.

        :raises MirrorError: if there is not enough space.
        :raises OSError: if it cannot be written.
        """
        require_space(self.path.parent, (total or 0) - self.have, self._name)
        self._progress.file_started(self._name, total, self.have)
        with self.path.open("ab" if self.have else "wb") as output:
            for block in blocks:
                output.write(block)
                self._digest.update(block)
                self.have += len(block)
                self._progress.file_advanced(self._name, len(block))
            output.flush()
            if flushes:
                os.fsync(output.fileno())


@contextmanager
def saving(path: Path, name: str, progress: Progress, *, keeps: bool = False) -> Iterator[PartFile]:
    """Give a file beside ``path`` to download into, which gets its name at the end. What is there is replaced.

    After an error it is removed, unless ``keeps`` says that it can be continued later, and the error does not forbid that.
    """
    part = PartFile(path.with_suffix(_SUFFIX), name, progress)
    try:
        yield part
        part.path.replace(path)
    except BaseException as error:
        if not keeps or (isinstance(error, MirrorError) and error.code in _FINAL):
            with suppress(OSError):  # there may be none, or its name may be too long for one
                part.path.unlink()
        raise


def require_space(directory: Path, size: int, what: str) -> None:
    """Confirm that ``directory`` has space for ``size`` more bytes of ``what``.

    :raises MirrorError: if it has not.
    """
    free = shutil.disk_usage(directory).free
    if size > free:
        raise MirrorError(
            "no-space",
            f"there is not enough space for {shown(what)}",
            reason=f"it takes {size:,} bytes, and {shown(str(directory))} has {free:,}",
            hint="Free some space, or choose a directory on another disk.",
        )


def require_sum(part: PartFile, right: str | None, what: str, source: str, hint: str) -> None:
    """Confirm that ``what`` was downloaded has the sha256 that ``source`` says is ``right``, where it does.

    :raises MirrorError: if it has not; ``hint`` says what to do.
    """
    if right not in (None, part.sha256):
        raise MirrorError(
            "wrong-hash",
            f"{shown(what)} was downloaded with another sha256 than {source} says, and deleted",
            reason=f"its sha256 is {part.sha256}, {source} says {right}",
            hint=hint,
        )
