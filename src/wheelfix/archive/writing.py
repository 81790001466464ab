"""The archive that is written: it grows from the start, and its sha256 follows close behind."""

import errno
import hashlib
import os
import threading
from typing import Final, Self

from wheelfix.archive.digest import BLOCK, RunningDigest
from wheelfix.archive.source import Source, read_at, read_into
from wheelfix.errors import VerificationError

_NO_KERNEL_COPY: Final = {errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF, errno.ETXTBSY}
_COPY_BLOCK: Final = 1 << 18
_PAGE: Final = 4096


class Growing:
    """An empty file, open for reading and writing as ``descriptor``, that is written from start to end.

    ``size`` is what was written so far, in bytes.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = 0
        self._ended = False
        self._grown = threading.Condition()
        self._in_kernel = hasattr(os, "copy_file_range")

    def write(self, data: bytes) -> None:
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
        data = source.read_at(offset, min(count, _COPY_BLOCK))
        self.write(data)
        return len(data)

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
        return read_at(self.descriptor, offset, size, _output_shrank)

    def flush_to_disk(self) -> None:
        """Wait until all that was written is on the disk."""
        os.fsync(self.descriptor)

    def end(self) -> None:
        """Say that nothing more will be written."""
        with self._grown:
            self._ended = True
            self._grown.notify_all()

    def wait_beyond(self, size: int) -> int:
        """Wait until the file is larger than ``size`` or has ended; return its size."""
        with self._grown:
            self._grown.wait_for(lambda: self.size > size or self._ended)
            return self.size


class FollowingDigest:
    """The sha256 of ``output`` while it grows; its first ``common`` bytes are those that ``digest`` reads.

    What comes after them is read back from the file by a thread. Use it as a context manager.
    """

    def __init__(self, output: Growing, common: int, digest: RunningDigest) -> None:
        self._output = output
        self._common = common
        self._digest = digest
        self._state = hashlib.sha256()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="wheelfix-output-sha256", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._state = self._digest.after(self._common)
            self._follow()
        except Exception as error:  # handed to whoever asks for the result
            self._error = error

    def _follow(self) -> None:
        buffer = memoryview(bytearray(BLOCK))
        position = self._common
        while (size := self._output.wait_beyond(position)) > position:
            block = buffer[: min(BLOCK, size - position)]
            read_into(self._output.descriptor, block, position, _output_shrank)
            self._state.update(block)
            position += len(block)

    def hexdigest(self) -> str:
        """Return the sha256 of the whole output in hexadecimal, after ``output`` was ended.

        :raises Exception: what kept the thread from computing it.
        """
        self._output.end()
        self._thread.join()
        if self._error:
            raise self._error
        return self._state.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._digest.stop()  # after an error nobody waits for a sum
        self._output.end()
        self._thread.join()


def _output_shrank() -> VerificationError:
    return VerificationError(
        "output-changed", "the new file became shorter while it was written", hint="Run again when nothing writes there."
    )
