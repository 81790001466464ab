"""The sha256 of a file, computed in the background while other work goes on."""

import errno
import hashlib
import threading
from typing import TYPE_CHECKING, Final, Self

from wheelfix.archive.source import Source

if TYPE_CHECKING:
    from hashlib import _Hash

BLOCK: Final = 1 << 22
"""Bytes hashed at a time: large enough that waiting for the interpreter lock between two blocks costs little."""


class RunningDigest:
    """The sha256 of ``source``, computed by a thread that starts at once.

    The state after each block is kept, so that the digest of another file that begins with the same bytes can be
    continued from there. Use it as a context manager; leaving it stops the thread.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._states: list[_Hash] = [hashlib.sha256()]
        self._changed = threading.Condition()
        self._stopped = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="wheelfix-sha256", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        buffer = memoryview(bytearray(min(BLOCK, self._source.size)))
        state = self._states[0].copy()
        try:
            for offset in range(0, self._source.size, BLOCK):
                if self._stopped:
                    return
                block = buffer[: min(BLOCK, self._source.size - offset)]
                self._source.read_into(block, offset)
                state.update(block)
                with self._changed:
                    self._states.append(state.copy())
                    self._changed.notify_all()
        except Exception as error:  # handed to whoever asks for the result
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _state(self, blocks: int) -> "_Hash":
        with self._changed:
            self._changed.wait_for(lambda: len(self._states) > blocks or self._error or self._stopped)
            if self._error:
                raise self._error
            if len(self._states) <= blocks:
                raise InterruptedError(errno.EINTR, "the sum was stopped before it was complete")
            return self._states[blocks].copy()

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
        """Let the thread end soon; who waits for a state that it did not reach gets :class:`InterruptedError`."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join()
