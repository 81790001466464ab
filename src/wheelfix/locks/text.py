"""The text of a lock file, read within limits."""

import codecs
import stat
from pathlib import Path
from typing import Final

from wheelfix.errors import LockError

LARGEST: Final = 32 << 20
"""The size in bytes of the largest lock file; one of a thousand projects has three megabytes."""
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
"""Byte order marks: ``pip freeze >`` of Windows PowerShell writes UTF-16."""


def read_text(path: Path, largest: int = LARGEST) -> str:
    """Return the text of a regular file of at most ``largest`` bytes.

    :raises LockError: if it is not there, is no such file, or is no text.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or device might never end
            raise unreadable(path, "it is no regular file", "Give a file.")
        with path.open("rb") as file:
            data = file.read(largest + 1)
        if len(data) > largest:
            raise unreadable(path, f"it is larger than {largest:,} bytes", "No real lock file is so large.")
        return data.decode(next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8"))
    except OSError as error:
        raise unreadable(path, error.strerror or str(error), "Check the path.") from error
    except UnicodeDecodeError as error:
        raise unreadable(path, f"it is not UTF-8 (byte {error.start})", "Save it as UTF-8.") from error
    except ValueError as error:  # a NUL in the name
        raise unreadable(path, "no file has such a name", "Check the path.") from error


def unreadable(path: Path, problem: str, hint: str, line: int | None = None) -> LockError:
    """Return the error of a file that cannot be read."""
    return LockError("lock-unreadable", path, problem, hint=hint, line=line)
