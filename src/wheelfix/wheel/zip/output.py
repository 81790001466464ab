"""The archive that is written: it grows from the start, and a thread computes its sha256 close behind."""

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from functools import cached_property
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
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result.append(self._function())
        except Exception as error:  # raised again in the thread that needs the result
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


class RunningDigest:
    """The sha256 of ``source``, computed by a thread that starts at once.

    The state after each block is kept, so that the digest of another file that begins with the same bytes can be
    continued from there. ``advanced`` is called from the thread with the number of bytes in each block. Use it as a context
    manager; leaving it stops the thread.
    """

    def __init__(self, source: Source, advanced: Callable[[int], None] | None = None) -> None:
        self._source = source
        self._advanced = advanced
        self._states: list[_Hash] = [hashlib.sha256()]
        self._lock = threading.Lock()
        self._waiting: list[tuple[int, threading.Event]] = []
        self._stopped = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="wheelfix-sha256", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            buffer = memoryview(bytearray(min(BLOCK, self._source.size)))
            state = self._states[0].copy()
            for offset in range(0, self._source.size, BLOCK):
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
        event = threading.Event()
        with self._lock:
            if len(self._states) > blocks or self._error or self._stopped:
                event.set()
            self._waiting.append((blocks, event))
        event.wait()
        if len(self._states) > blocks:
            return self._states[blocks].copy()
        raise self._error or InterruptedError(errno.EINTR, "the sum was stopped before it was complete")

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
        self._thread.join()


_NO_KERNEL_COPY: Final = {
    errno.ENOSYS,
    errno.EXDEV,
    errno.EINVAL,
    errno.EOPNOTSUPP,
    errno.EBADF,
    errno.ETXTBSY,
    errno.EPERM,
    errno.EIO,
}
_COPY_BLOCK: Final = 1 << 20
_PAGE: Final = 4096
_WORTH_FLUSHING_AHEAD: Final = 1 << 23


class Growing:
    """An empty file, open for reading and writing as ``descriptor``, that is written from start to end.

    ``size`` is what was written so far, in bytes. Use it as a context manager, inside the one that closes the descriptor.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = 0
        self._ended = False
        self._grown = threading.Condition()
        self._flush: Background[None] | None = None
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

        The kernel copies, or shares the blocks, where it can and the bytes keep their place within a page. Where they
        move, it would copy page by page, which takes twice as long as reading and writing blocks.
        """
        aligned = (offset - self.size) % _PAGE == 0
        copied = self._copy_in_kernel(source, offset, count) if aligned and self._in_kernel else 0
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

    def _copy_in_kernel(self, source: Source, offset: int, count: int) -> int:
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
            self._grown.notify_all()

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly ``size`` bytes from ``offset`` of what was written."""
        data = os.pread(self.descriptor, size, offset)
        return data if len(data) == size else read_at(self.descriptor, offset, size, _output_shrank)

    def check_unchanged(self) -> None:
        """Do nothing: no other process writes to this file."""

    def start_flush(self) -> None:
        """Let the system write what there is so far to the disk, while other work continues."""
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

    def wait_beyond(self, size: int) -> int:
        """Wait until the file is larger than ``size`` or has ended; return its size."""
        with self._grown:
            self._grown.wait_for(lambda: self.size > size or self._ended)
            return self.size


class FollowingDigest:
    """The sha256 of ``output`` while it grows; its first ``common`` bytes are those of the file of ``digest``.

    What comes after them is read back from the file by a thread. Use it as a context manager.
    """

    def __init__(self, output: Growing, common: int, digest: RunningDigest) -> None:
        self._output = output
        self._common = common
        self._digest = digest
        self._sum = Background("wheelfix-output-sha256", self._follow)

    def _follow(self) -> str:
        state = self._digest.after(self._common)
        buffer = memoryview(bytearray(BLOCK))
        position = self._common
        while (size := self._output.wait_beyond(position)) > position:
            block = buffer[: min(BLOCK, size - position)]
            read_into(self._output.descriptor, block, position, _output_shrank)
            state.update(block)
            position += len(block)
        return state.hexdigest()

    def hexdigest(self) -> str:
        """Return the sha256 of the whole output in hexadecimal; nothing more may be written to it.

        :raises Exception: what kept the thread from computing it.
        """
        self._output.end()
        return self._sum.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._digest.stop()  # after an error nothing waits for a sum
        self._output.end()
        self._sum.join()


def _output_shrank() -> VerificationError:
    return VerificationError(
        "output-changed", "the new file became shorter while it was written", hint="Run again when nothing writes there."
    )
