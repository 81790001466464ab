"""What was written is read back while more is written: compared with what was planned, and summed."""

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Self, TypeAlias

from wheelfix.errors import VerificationError
from wheelfix.wheel.zip.output import BLOCK, SMALL, Background, Growing, RunningDigest
from wheelfix.wheel.zip.source import Source

if TYPE_CHECKING:
    from hashlib import _Hash


_COMPARED: Final = 1 << 20
"""Bytes compared at a time, of which two blocks are held; four times as much is no faster."""
_LESS_URGENT: Final = 10
"""The nice value (setpriority(2)) of a thread that nothing waits for yet: beside one of 0 it gets a tenth of a processor."""


NOT_PUBLISHED: Final = "Nothing was published. Run again; if it happens again, report it together with the wheel."
"""What to do where a new archive is not what was to be written."""


class Kept(NamedTuple):
    """A span of the old archive, from ``start`` to ``stop``, that is copied unchanged."""

    start: int
    stop: int


Piece: TypeAlias = bytes | Kept


def length_of(piece: Piece) -> int:
    """Return how many bytes a piece has."""
    return len(piece) if isinstance(piece, bytes) else piece.stop - piece.start


def not_as_planned(message: str) -> VerificationError:
    """Return the error that the new archive is not what was to be written."""
    return VerificationError(
        "not-as-planned",
        f"the new archive is not what was planned: {message}",
        hint=NOT_PUBLISHED,
    )


class ReadBack:
    """``output``, read back close behind the writing: it must begin with ``pieces``, and its sha256 is computed.

    Each byte is read back once, for both. What it has in common with the start of ``source`` is not hashed again: the sum is
    continued from ``digest``, that of the source. A thread does this, of a small archive whoever asks for the result. Use it
    as a context manager.
    """

    def __init__(self, source: Source, output: Growing, pieces: Sequence[Piece], digest: RunningDigest) -> None:
        self._source = source
        self._output = output
        self._pieces = pieces
        self._digest = digest
        self._buffers = bytearray(), bytearray()
        self._thread = Background("wheelfix-read-back", self._follow) if source.size > SMALL else None

    def _follow(self) -> str:
        first = self._pieces[0] if self._pieces else None
        common = first.stop if isinstance(first, Kept) and first.start == 0 else 0
        if self._source.size > SMALL and common > self._source.size // 2:
            _give_way()
        position = self._compare(Kept(0, common), 0, None)
        state = self._digest.after(common)
        for piece in self._pieces[bool(common) :]:
            position = self._compare(piece, position, state)
        while (size := self._output.wait_for(position + BLOCK)) > position:
            block = self._output.read_at(position, min(BLOCK, size - position))
            state.update(block)
            position += len(block)
        self._buffers = bytearray(), bytearray()  # the proof goes on, and needs memory
        return state.hexdigest()

    def _compare(self, piece: Piece, position: int, state: "_Hash | None") -> int:
        """Confirm that ``piece`` is at ``position``, and continue ``state`` with it; return the position after it."""
        length = length_of(piece)
        for done in range(0, length, _COMPARED):
            size = min(_COMPARED, length - done)
            if self._output.wait_for(position + size) < position + size:
                raise not_as_planned(f"it ends before position {position + size}")
            written, planned = self._blocks(size)
            self._output.read_into(written, position)
            if isinstance(piece, bytes):
                planned[:] = piece[done : done + size]
            else:
                self._source.read_into(memoryview(planned), piece.start + done)
            if written != planned:  # bytearrays: memoryviews are compared item by item, ten times as slowly
                raise not_as_planned(f"the bytes from position {position} to {position + size} do not read back")
            if state is not None:
                state.update(written)
            position += size
        return position

    def _blocks(self, size: int) -> tuple[bytearray, bytearray]:
        """Return two blocks to read into, the same as before where they have this size."""
        # Fresh memory would take seven times as long as the reading: each of its pages is mapped and cleared first.
        if len(self._buffers[0]) != size:
            self._buffers = bytearray(size), bytearray(size)
        return self._buffers

    def hexdigest(self) -> str:
        """Return the sha256 of the whole output in hexadecimal, once it is compared; nothing more may be written to it.

        :raises VerificationError: if it does not begin with the pieces.
        :raises Exception: what kept it from being read, or summed.
        """
        self._output.end()
        return self._thread.result() if self._thread else self._follow()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._thread is None:
            return
        if kind is not None:
            self._digest.stop()  # after an error nothing waits for a sum
        self._output.end()
        self._thread.join()


def _give_way() -> None:
    """Let this thread have only the time that others leave, where the system knows priorities of single threads.

    With dist-info last, the end of the new archive waits for the sum of the source, and the sum of the new one for nearly
    nothing: three busy threads on two processors took 1.09 times as long as this for 500 MB.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # it is only slower
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LESS_URGENT)
