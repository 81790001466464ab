"""The archive that is written: it grows from the start, by copies that share disk blocks with the old one where they can."""

import errno
import fcntl
import hashlib
import os
import struct
import sys
import threading
from collections.abc import Callable
from functools import cached_property
from mmap import mmap
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

from wheelfix.errors import VerificationError
from wheelfix.wheel.zip.source import Source, read_at, read_into

if TYPE_CHECKING:
    from hashlib import _Hash


Result = TypeVar("Result")


class Background(Generic[Result]):
    """A run of ``function`` in a thread called ``name``, which starts at once."""

    def __init__(self, name: str, function: Callable[[], Result]) -> None:
        self._function = function
        self._result: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result.append(self._function())
        except BaseException as error:
            self._error = error

    def join(self) -> None:
        """Wait until the function has returned or raised."""
        self._thread.join()

    def result(self) -> Result:
        """Return what the function returned, or raise what it raised; waits for it."""
        self._thread.join()
        if self._error:
            raise self._error
        return self._result[0]


BLOCK: Final = 1 << 22
"""Bytes hashed at a time: so many that waiting for the interpreter between two blocks costs little (measured: both a
quarter of it and four times as much are slower)."""
SMALL: Final = 1 << 22
"""Up to this size, in bytes, nothing is computed in threads: starting them takes longer than the work, some milliseconds."""


def _buffer(size: int) -> "bytearray | mmap":
    """Return memory to read into; where it is large, pages that the system has back as soon as it is not used any more.

    Of a large piece that is freed glibc concludes that so much will be wanted again, and gives nothing back any more.
    """
    return mmap(-1, size) if size >= BLOCK else bytearray(size)


class RunningDigest:
    """The sha256 of ``source``, computed by a thread that starts at once; of a small one, when it is asked for.

    The state after each block is kept, so that the digest of another file that begins with the same bytes can be
    continued from there. ``advanced`` is called with the number of bytes in each block, from the thread if there is one. Use
    it as a context manager; leaving it stops the thread.
    """

    def __init__(self, source: Source, advanced: Callable[[int], None] | None = None) -> None:
        self._source = source
        self._advanced = advanced
        self._states: list[_Hash] = [hashlib.sha256()]
        self._lock = threading.Lock()
        self._waiting: list[tuple[int, threading.Event]] = []
        self._stopped = False
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None
        if source.size > SMALL:
            self._thread = threading.Thread(target=self._run, name="wheelfix-sha256", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        """Compute the states that are not known yet."""
        try:
            buffer = memoryview(_buffer(min(BLOCK, self._source.size)))
            state = self._states[-1].copy()
            for offset in range((len(self._states) - 1) * BLOCK, self._source.size, BLOCK):
                if self._stopped:
                    return
                block = buffer[: min(BLOCK, self._source.size - offset)]
                self._source.read_into(block, offset)
                state.update(block)
                self._states.append(state.copy())
                self._wake(len(self._states))
                if self._advanced:
                    self._advanced(len(block))
        except Exception as error:  # raised again in the thread that needs the result
            self._error = error
            self._wake(None)

    def _wake(self, known: int | None) -> None:
        """Wake the threads that wait for one of the first ``known`` states, or all; waking others would slow hashing."""
        with self._lock:
            for blocks, event in self._waiting:
                if known is None or blocks < known:
                    event.set()

    def _state(self, blocks: int) -> "_Hash":
        if self._thread:
            self._wait(blocks)
        elif len(self._states) <= blocks and not self._error:
            self._run()
        if len(self._states) > blocks:
            return self._states[blocks].copy()
        raise self._error or InterruptedError(errno.EINTR, "the sum was stopped before it was complete")

    def _wait(self, blocks: int) -> None:
        event = threading.Event()
        with self._lock:
            if len(self._states) > blocks or self._error or self._stopped:
                return
            self._waiting.append((blocks, event))
        event.wait()

    def after(self, size: int) -> "_Hash":
        """Return the state after the first ``size`` bytes; waits until it is known.

        :raises SourceChanged: if the file became shorter.
        :raises OSError: if it could not be read.
        """
        blocks, rest = divmod(size, BLOCK)
        state = self._state(blocks)
        if rest:
            state.update(self._source.read_at(blocks * BLOCK, rest))
        return state

    def hexdigest(self) -> str:
        """Return the sha256 of the whole file in hexadecimal; waits until it is known."""
        return self._state(-(-self._source.size // BLOCK)).hexdigest()

    def stop(self) -> None:
        """Let the thread end soon; waiting for a state that it did not reach raises :class:`InterruptedError`."""
        self._stopped = True
        self._wake(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._thread:
            self._thread.join()


_NO_KERNEL_COPY: Final = {
    errno.ENOSYS,
    errno.EXDEV,
    errno.EINVAL,
    errno.EOPNOTSUPP,
    errno.ENOTTY,
    errno.EBADF,
    errno.ETXTBSY,
    errno.EPERM,
    errno.EIO,
}
_COPY_BLOCK: Final = 1 << 20
_WORTH_FLUSHING_AHEAD: Final = 1 << 23
PAGE: Final = 4096
"""The size of a disk block in bytes, of the page cache and of nearly every file system: what is copied within the kernel, or
shared, keeps its place within one."""
WORTH_SHARING: Final = 1 << 20
"""The shortest run of bytes that is worth sharing on the disk: each run that is shared costs the file system a record."""
_FICLONERANGE: Final = getattr(fcntl, "FICLONERANGE", 0x4020_940D)  # Python has the name from 3.12 on
_CLONE_RANGE: Final = struct.Struct("=qQQQ")
"""``struct file_clone_range``: source descriptor, its offset, length, offset in the destination (ioctl_ficlonerange(2))."""


class Growing:
    """An empty file, open for reading and writing as ``descriptor``, that is written from start to end.

    ``size`` is what was written so far, in bytes, and ``shared`` how much of it lies on the same disk blocks as what it was
    copied from. Use it as a context manager, inside the one that closes the descriptor.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = 0
        self.shared = 0
        self._ended = False
        self._grown = threading.Condition()
        self._awaited = sys.maxsize
        self._flush: Background[None] | None = None
        self._can_share = sys.platform == "linux"
        self._in_kernel = hasattr(os, "copy_file_range")

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``."""
        view = memoryview(data)
        while view:
            count = os.pwrite(self.descriptor, view, self.size)
            self._grow(count)
            view = view[count:]

    def copy_from(self, source: Source, offset: int, count: int) -> int:
        """Append up to ``count`` bytes of ``source`` from ``offset``; return how many.

        Where the bytes keep their place within a block, the file system shares whole blocks if it can (XFS, btrfs), else the
        kernel copies. Where they move it would copy page by page, which takes twice as long as reading and writing blocks.
        """
        if (offset - self.size) % PAGE == 0:
            to_boundary = -offset % PAGE
            if self._can_share and to_boundary and count >= WORTH_SHARING:
                count = to_boundary
            copied = self._share(source, offset, count) or self._copy_in_kernel(source, offset, count)
            if copied:
                self._grow(copied)
                return copied
        block = self._buffer[: min(count, _COPY_BLOCK)]
        source.read_into(block, offset)
        self.write(block)
        return len(block)

    @cached_property
    def _buffer(self) -> memoryview:
        return memoryview(bytearray(_COPY_BLOCK))

    def _share(self, source: Source, offset: int, count: int) -> int:
        """Let the whole blocks of a span be the same on the disk as those of ``source``; return how many bytes they have."""
        length = count - count % PAGE
        if not self._can_share or length < WORTH_SHARING or offset % PAGE:
            return 0
        try:
            fcntl.ioctl(self.descriptor, _FICLONERANGE, _CLONE_RANGE.pack(source.descriptor, offset, length, self.size))
        except OSError as error:
            if error.errno not in _NO_KERNEL_COPY:
                raise
            self._can_share = False
            return 0
        self.shared += length
        return length

    def _copy_in_kernel(self, source: Source, offset: int, count: int) -> int:
        if not self._in_kernel:
            return 0
        try:
            return os.copy_file_range(source.descriptor, self.descriptor, count, offset, self.size)
        except OSError as error:
            if error.errno not in _NO_KERNEL_COPY:
                raise
            self._in_kernel = False
            return 0

    def _grow(self, count: int) -> None:
        with self._grown:
            self.size += count
            if self.size >= self._awaited:
                self._grown.notify_all()

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly ``size`` bytes from ``offset`` of what was written."""
        data = os.pread(self.descriptor, size, offset)
        return data if len(data) == size else read_at(self.descriptor, offset, size, _output_shrank)

    def read_into(self, buffer: "bytearray | memoryview", offset: int) -> None:
        """Fill ``buffer`` from ``offset`` of what was written."""
        read_into(self.descriptor, memoryview(buffer), offset, _output_shrank)

    def check_unchanged(self) -> None:
        """Do nothing: no other process writes to this file."""

    def start_flush(self) -> None:
        """Let the system write what there is so far to the disk, while other work continues."""
        self.__dict__.pop("_buffer", None)  # the copying is done, and many results can wait for their flush together
        if self.size >= _WORTH_FLUSHING_AHEAD:
            self._flush = Background("wheelfix-flush", lambda: os.fsync(self.descriptor))

    def flush_to_disk(self) -> None:
        """Wait until everything is on the disk."""
        if self._flush:
            self._flush.result()
        os.fsync(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._flush:  # it uses the descriptor, which is closed next
            self._flush.join()

    def end(self) -> None:
        """Mark the file as complete: nothing more will be written."""
        with self._grown:
            self._ended = True
            self._grown.notify_all()

    def wait_for(self, size: int) -> int:
        """Wait until the file has ``size`` bytes or has ended; return how many it has. One thread at a time may wait."""
        with self._grown:
            self._awaited = size
            self._grown.wait_for(lambda: self.size >= size or self._ended)
            self._awaited = sys.maxsize
            return self.size


def _output_shrank() -> VerificationError:
    return VerificationError(
        "output-changed", "the new file became shorter while it was written", hint="Run again when nothing writes there."
    )
