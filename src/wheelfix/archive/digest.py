"""The sha256 of a file, computed in the background while other work goes on."""

import errno
import hashlib
import threading
from typing import TYPE_CHECKING, Final, Self

from wheelfix.archive.source import Source

if TYPE_CHECKING:
    from hashlib import _Hash

BLOCK: Final = 1 << 22
"""Bytes hashed at a time: so many that waiting for the interpreter between two blocks costs little (measured: a quarter
of that, or four times as much, is slower)."""


class RunningDigest:
    """The sha256 of ``source``, computed by a thread that starts at once.

    The state after each block is kept, so that the digest of another file that begins with the same bytes can be
    continued from there. Use it as a context manager; leaving it stops the thread.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
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
        except Exception as error:  # handed to whoever asks for the result
            self._error = error
            self._wake(None)

    def _wake(self, known: int | None) -> None:
        """Wake those who wait for one of the first ``known`` states, or all; waking others would slow the sum down."""
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
        """Let the thread end soon; who waits for a state that it did not reach gets :class:`InterruptedError`."""
        self._stopped = True
        self._wake(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join()
