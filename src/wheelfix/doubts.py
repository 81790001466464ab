"""Whether RECORD contradicts a file that would be carried on: then nobody is to vouch for what it says unasked."""

from typing import Final

from wheelfix.escaping import shown
from wheelfix.outcome import Problem
from wheelfix.wheel.record import any_doubts
from wheelfix.wheel.sbom import TRACE
from wheelfix.wheel.wheel import Wheel, limit_of

_HINT: Final = (
    "`wheelfix verify` tells what differs. Download the wheel again, or compare the file and take it for right with "
    "`wheelfix repair --trust-content`."
)
_MOST_COMPARED: Final = 1 << 25
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


def contradicted_files(wheel: Wheel) -> list[str]:
    """Return the files of dist-info that RECORD contradicts, as :func:`problem_of` understands it, in their order.

    All of them together are read up to 32 MiB; what lies beyond is left to ``wheelfix verify``.

    :raises RecordError: if a row of RECORD that names one has not three columns.
    """
    rows = wheel.record.below(wheel.dist_info)
    found, left = list[str](), _MOST_COMPARED
    for file in wheel.dist_info_files:
        member = wheel.member(file)
        said = rows.get(f"{wheel.dist_info}/{file}", ())
        if member is None or file == "RECORD" or not said or member.size > min(left, limit_of(file)):
            continue
        left -= member.size
        if any_doubts(said, wheel.read(file)):
            found.append(file)
    return found
