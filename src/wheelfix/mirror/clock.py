"""The one clock of a mirror: it says when a file was published, added or yanked.

``SOURCE_DATE_EPOCH`` (reproducible-builds.org) stops it, so that the same run writes the same pages on any day.
"""

import os
from datetime import UTC, datetime
from typing import Final

from wheelfix.errors import MirrorError
from wheelfix.text import shown

_VARIABLE: Final = "SOURCE_DATE_EPOCH"


def now() -> datetime:
    """Return what time it is, or the time that ``SOURCE_DATE_EPOCH`` gives, in seconds since 1970.

    :raises MirrorError: if it gives no time between the years 1970 and 9999.
    """
    given = os.environ.get(_VARIABLE)
    if not given:
        return datetime.now(UTC)  # noqa: TID251 - when a file was published
    try:
        seconds = int(given)
        if seconds < 0:
            raise ValueError("it is before 1970")
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise MirrorError(
            "bad-epoch",
            f"{_VARIABLE} is not a time in seconds since 1970: {shown(given[:40])!r}",
            hint="Set it to a number such as 1767225600, or unset it.",
        ) from error
