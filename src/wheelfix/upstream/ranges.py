"""A remote file, read by ranges: what is requested of it, and what is kept."""

from abc import ABC, abstractmethod
from threading import Lock
from typing import Final, TypeAlias

from wheelfix.errors import SourceChanged
from wheelfix.wheel.zip.ahead import TAIL

Part: TypeAlias = tuple[int, bytes]
"""A part of a file: where it begins, and its bytes."""

_BLOCK: Final = 1 << 16
"""In bytes: how much is read at least, as each request takes a round trip."""
_LARGEST_BLOCK: Final = 1 << 22
"""In bytes: how much is read ahead of who reads one part after the other, each time twice as much as before."""
_MOST_BEFORE: Final = 1 << 18
"""In bytes: how much is read along with a directory. RECORD takes a half to all of what the directory does; more than this
takes longer than another request."""
_MOST_KEPT: Final = 1 << 23
"""In bytes: how much is kept of what was read, besides the end; the last part is, however long."""
NO_PART: Final[Part] = (0, b"")


class RangedFile(ABC):
    """A file of ``size`` bytes elsewhere: what :class:`~wheelfix.wheel.wheel.Wheel` can be read from, from any thread.

    Each read takes at most one request, and none where what it wants is kept: the end of the file, and the last other parts.
    ``part`` is one that has been read already. Reads that follow each other are served from blocks that grow.
    """

    def __init__(self, size: int, part: Part = NO_PART) -> None:
        self.size = size
        is_end = part[0] + len(part[1]) == size
        self._end = part if is_end else (size, b"")
        self._parts = [] if is_end else [part]
        self._ahead = _BLOCK
        self._lock = Lock()

    @abstractmethod
    def load(self, start: int, stop: int) -> bytes:
        """Request the bytes from ``start`` to before ``stop``, at least one, of this version of the file.

        :raises SourceChanged: if it is another one by now.
        :raises MirrorError: if they cannot be read, or something else comes.
        """

    @abstractmethod
    def check_unchanged(self) -> None:
        """Confirm that all parts came from the same version of the file.

        :raises SourceChanged: if they did not.
        """

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly ``size`` bytes from ``offset``.

        :raises SourceChanged: if there are not so many, or the file is another one by now.
        :raises MirrorError: if they cannot be read, or something else comes.
        """
        stop = offset + size
        if offset < 0 or stop > self.size:
            raise self._changed()
        with self._lock:
            found = self._kept(offset, stop)
            if len(found) < size:
                self._read_more(offset, offset + len(found), stop)
                found += self._kept(offset + len(found), stop)
            return found

    def _kept(self, offset: int, stop: int) -> bytes:
        """Return what is kept of the bytes from ``offset`` to ``stop``, up to the first that is not."""
        found = b""
        while offset < stop:
            parts = ((start, data) for start, data in (self._end, *self._parts) if start <= offset < start + len(data))
            start, data = max(parts, key=lambda part: part[0] + len(part[1]), default=NO_PART)
            if not data:
                break
            more = data[offset - start : stop - start]
            found, offset = found + more, offset + len(more)
        return found

    def _read_more(self, offset: int, reached: int, stop: int) -> None:
        """Read from ``reached`` to ``stop``, of a read from ``offset``, with what is likely to be read next, and keep it."""
        end, data = self._end
        if reached == offset and (stop > end or stop == self.size):  # a directory that begins before what is kept of the end
            before = min(max(stop - offset, _BLOCK), _MOST_BEFORE) if data else 0  # METADATA is there mostly, then RECORD
            start = max(0, min(offset - before, self.size - TAIL))
            self._end = start, self.load(start, end) + data
            return
        follows = any(start <= offset <= start + len(part) for start, part in self._parts)
        self._ahead = min(2 * self._ahead, _LARGEST_BLOCK) if follows else _BLOCK
        self._parts.append((reached, self.load(reached, min(max(stop, reached + self._ahead), end))))
        while len(self._parts) > 1 and sum(len(part) for _, part in self._parts) > _MOST_KEPT:
            del self._parts[0]

    def _changed(self) -> SourceChanged:
        return SourceChanged("source-changed", "the file changed while it was read", hint="Run again.")
