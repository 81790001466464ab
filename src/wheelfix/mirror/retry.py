"""How often, and for how long, a writer tries again because another one was faster."""

import math
import secrets
import time
from typing import Final

from wheelfix.errors import ChangedMeanwhile, MirrorError

_FIRST_PAUSE: Final = 0.05
"""In seconds."""
_MOST_DOUBLINGS: Final = 6


class Attempts:
    """The attempts of a writer whose page another one changes: for ``seconds``, -1 is forever, with a pause before each.

    Pauses grow; random pauses keep two writers from colliding again.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = math.inf if seconds < 0 else time.monotonic() + seconds
        self._count = 0

    def wait(self) -> bool:
        """Wait before the next attempt; return whether there is time for one."""
        longest = _FIRST_PAUSE * 2 ** min(self._count, _MOST_DOUBLINGS)
        pause = longest * secrets.randbelow(1000) / 1000  # chance changes when something is written, never what
        self._count += 1
        if time.monotonic() + pause > self._end:
            return False
        time.sleep(pause)
        return True

    def gave_up(self, error: ChangedMeanwhile) -> MirrorError:
        """Return what to raise when there is no time for another attempt, and ``error`` ended the last one."""
        return MirrorError(
            error.code,
            f"other processes changed {error.key} again and again for {self._seconds:g} seconds",
            hint="Run the same command again when fewer processes write to it, or with a longer --timeout.",
        )
