"""Whether RECORD contradicts a file that would be carried on: then nobody is to vouch for what it says unasked."""

from typing import Final

from wheelfix.escaping import shown
from wheelfix.outcome import Problem
from wheelfix.sbom import TRACE
from wheelfix.wheel import Wheel

_HINT: Final = (
    "`wheelfix verify` tells what differs. Download the wheel again, or compare the file and take it for right with "
    "`wheelfix repair --trust-content`."
)
_CODES: Final = {"METADATA": "damaged-metadata", "WHEEL": "damaged-wheel-file", TRACE: "damaged-trace"}
"""The files of which something is carried on into a new wheel, and what it is called if RECORD contradicts them."""


def problem_of(wheel: Wheel, file: str) -> Problem | None:
    """Return why ``file``, one of dist-info, is not to be carried on, ``None`` where RECORD does not contradict it.

    A hash that is right and only spelled in another way contradicts nothing, and neither does a row without one.

    :raises RecordError: if RECORD cannot be read.
    """
    if wheel.member(file) is None or not wheel.record.doubts(f"{wheel.dist_info}/{file}", wheel.read(file)):
        return None
    message = f"{shown(file)} is not what RECORD says: it may be damaged, and a new wheel would vouch for it"
    hint = f"{_HINT} Without a trace in the new wheel (--no-sbom) it is left out." if file == TRACE else _HINT
    return Problem(_CODES[file], message, hint)
