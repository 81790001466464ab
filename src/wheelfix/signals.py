"""Signals that end a run: which process acts on them, and when."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals by which people and systems end a run."""
TERMINAL_SIGNALS: Final = (signal.SIGINT, signal.SIGHUP)
"""Those that a terminal sends to all processes at once: this one acts on them, the others finish what they have begun."""


@contextmanager
def signals_delayed() -> Iterator[None]:
    """Let signals that end a run wait until this is over."""
    if threading.current_thread() is not threading.main_thread():  # only that one may change it
        yield
        return
    came: list[int] = []
    before = {
        each: signal.signal(each, lambda number, _: came.append(number))
        for each in _ENDING
        if callable(signal.getsignal(each))
    }
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        with ExitStack() as raising:  # the handler of one may raise, and the other must not be lost
            for number in dict.fromkeys(reversed(came)):
                raising.callback(signal.raise_signal, number)


@contextmanager
def terminal_signals_blocked() -> Iterator[None]:
    """Block Ctrl-C and the signal of a closed terminal: for this process until this is over, for those it starts for ever.

    They are for this process to act on. Were they ignored here, one that comes meanwhile would be lost.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
