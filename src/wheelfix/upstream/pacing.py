"""How fast a server is asked: what is known of each one, shared by all threads of a run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import BoundedSemaphore, Lock
from typing import Final

from wheelfix.errors import MirrorError
from wheelfix.text import shown

DOWNLOADS_AT_ONCE: Final = 4
"""How many wheels are read or downloaded at a time."""
_NEW_CONNECTIONS: Final = 4
"""How many requests at a time a server gets that closes each connection. Python's http.server lets 5 connections wait; of 8
at a time some are lost, and tried again after a second: checking 300 wheels took 9 s, with 4 it takes 1.4 s."""


class Server:
    """One server. All threads of a run share what it has answered so far.

    Until it has answered, and again after it was busy or silent, it gets one request at a time: a server that is down or
    overloaded is not asked by every thread at once. One that closes each connection gets a few at a time.
    """

    def __init__(self) -> None:
        self.credentials: tuple[str, str] | None = None
        self.looked_up = False
        """Whether keyring was asked for credentials."""
        self._answers = False
        self._closes = False
        self._unanswered = 0
        self._silent_since = 0.0
        self._resumes = 0.0
        self._alone = Lock()
        self._few = BoundedSemaphore(_NEW_CONNECTIONS)
        self._lock = Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until a request may be sent: at once if the server answers, or else until no other one is under way."""
        with self._alone:
            if not self._answers:
                yield
                return
        with self._few if self._closes else nullcontext():
            yield

    def answered(self, *, busy: bool, closes: bool) -> None:
        """Note that it has begun to answer, and whether it closes the connection afterwards."""
        self._answers = not busy
        self._closes = closes

    def received(self) -> None:
        """Note that a block of an answer has come, or its end."""
        self._unanswered = 0

    def did_not_answer(self) -> None:
        """Note that it did not answer, or that an answer broke off."""
        with self._lock:
            self._answers = False
            if not self._unanswered:
                self._silent_since = time.monotonic()
            self._unanswered += 1

    def refuse_silent(self, name: str, patience: int, seconds: float) -> None:
        """Confirm that the server ``name`` has answered one of the last ``patience`` requests, or any in ``seconds``.

        The time keeps a network that is gone for a moment, in which several downloads break off, from ending them all.

        :raises MirrorError: if it has not.
        """
        if self._unanswered >= patience and time.monotonic() - self._silent_since >= seconds:
            raise MirrorError(
                "no-answer", f"{shown(name)} did not answer {patience} times: no more requests", hint="Run again later."
            )

    def pause(self, seconds: float) -> tuple[float, float]:
        """Let nobody ask for the next ``seconds``; return by how many that is longer than before, and when it ends."""
        with self._lock:
            now = time.monotonic()
            ends, added = now + seconds, seconds
            if self._resumes > now:  # another thread has heard of it already
                ends = max(ends, self._resumes)
                added = ends - self._resumes
            self._resumes = ends
            return added, ends

    def resume(self, ends: float) -> None:
        """Note that the pause that ``ends`` then is over, unless a longer one has begun."""
        with self._lock:
            if self._resumes <= ends:
                self._resumes = 0

    def pause_left(self) -> float:
        """Return for how many seconds nobody should ask."""
        with self._lock:
            return max(0.0, self._resumes - time.monotonic())
