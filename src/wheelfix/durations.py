"""Lengths of time as people write them: ``24h``, ``1h30m``, ``7 days``."""

import re
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
"""How many seconds a unit has, by the first letter of its name."""
_PART: Final = (
    r"(\d{1,9}(?:\.\d{1,9})?)\s*"
    r"(s|sec|secs|seconds?|m|min|mins|minutes?|h|hrs?|hours?|d|days?|w|weeks?)(?![a-z])\s*"
)
_PARTS: Final = re.compile(_PART, re.IGNORECASE | re.ASCII)
_DURATION: Final = re.compile(f"(?:{_PART})+", re.IGNORECASE | re.ASCII)
_NUMBER: Final = re.compile(r"\d+(\.\d+)?", re.ASCII)


def read_duration(text: str) -> float | None:
    """Return the number of seconds that ``text`` stands for, ``None`` if it is no length of time.

    Each number needs a unit; only 0 does without.

    >>> read_duration("1h30m"), read_duration("7 days"), read_duration("0"), read_duration("30"), read_duration("1 month")
    (5400.0, 604800.0, 0.0, None, None)
    """
    text = text.strip()
    if text == "0":
        return 0.0
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit[0].lower()] for number, unit in _PARTS.findall(text))


def write_duration(seconds: float) -> str:
    """Return ``seconds`` as people write them.

    >>> write_duration(86400), write_duration(5400), write_duration(0.5)
    ('24h', '90m', '0.5s')
    """
    for unit in ("h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]:.0f}{unit}"
    return f"{seconds:g}s"


def lacks_unit(text: str) -> bool:
    """Whether ``text`` is a number without a unit."""
    return _NUMBER.fullmatch(text.strip()) is not None
