"""One TOML file, read within limits: what would make the standard parser use gigabytes is refused first.

``tomllib`` remembers every prefix of a dotted key (``a``, ``a.b``, ``a.b.c``, ...), so that a key of 40 kB takes 1.5 GB.
Keys are defined in https://toml.io/en/v1.0.0#keys.
"""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from wheelfix.errors import RulesError
from wheelfix.rules.registry import RulePlace, rules_error

_LARGEST: Final = 8 << 20
"""The size in bytes of the largest file; three thousand rules take half a megabyte."""
_MOST_PARTS: Final = 32
"""The parts of the longest key; ``tool.wheelfix.rule.when.project`` has five."""
_STRING: Final = r""""(?:[^"\\\n]|\\[^\n])*+(?:"|(?=\n)|\Z)|'[^'\n]*+(?:'|(?=\n)|\Z)"""
_PART: Final = re.compile(rf"[A-Za-z0-9_-]++|{_STRING}")
# Three quotation marks end a string, and up to two more before them belong to it.
# A string that is not closed ends with the line or the file: the parser stops there too, and nothing is read twice.
_WORD: Final = re.compile(
    rf'''"""(?:[^"\\]|\\.|"(?!""))*+(?:"{{3,5}}|\Z)'''
    rf"""|\'\'\'(?:[^']|'(?!''))*+(?:\'{{3,5}}|\Z)"""
    rf"""|\#[^\n]*+"""
    rf"""|(?P<key>(?:{_PART.pattern})(?:[ \t]*+\.[ \t]*+(?:{_PART.pattern}))*+)""",
    re.DOTALL,
)


FILE_NAME: Final = "wheelfix.toml"
PROJECT_FILE: Final = "pyproject.toml"


def find_table(start: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the file in force in the directory ``start`` and its table: the first one upwards; ``None`` if there is none.

    That is ``wheelfix.toml``, or a ``pyproject.toml`` with a table ``[tool.wheelfix]``.

    :raises RulesError: if a file on the way cannot be read.
    """
    directory = start.resolve()
    for each in (directory, *directory.parents):
        if (each / FILE_NAME).is_file():
            return each / FILE_NAME, read_toml(each / FILE_NAME)[0]
        project = each / PROJECT_FILE
        if project.is_file() and (table := project_table(read_toml(project)[0])) is not None:
            return project, table
    return None


def project_table(data: dict[str, Any]) -> dict[str, Any] | None:
    """Return the table ``[tool.wheelfix]`` of a pyproject.toml."""
    tool = data.get("tool")
    table = tool.get("wheelfix") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """Return what a TOML file holds, and its text.

    :raises RulesError: if it cannot be read, is larger than 8 MiB, or has a key of more than 32 parts.
    """
    text = _read_text(path)
    for word in _WORD.finditer(text):
        key = word["key"]
        if key is not None and key.count(".") >= _MOST_PARTS and (parts := len(_PART.findall(key))) > _MOST_PARTS:
            line = text.count("\n", 0, word.start()) + 1
            raise _unreadable(path, f"a key has {parts:,} parts", f"At most {_MOST_PARTS} are allowed.", line)
    try:
        return tomllib.loads(text), text
    except (ValueError, RecursionError) as error:  # a number of five thousand digits is a plain ValueError
        hint = "Correct the line. An inline table must be on one line, without a trailing comma."
        raise _unreadable(path, f"invalid TOML: {error}", hint) from error


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise _unreadable(path, f"larger than {_LARGEST:,} bytes", "Split it, and list the parts in extends.")
        text = data.decode("utf-8")
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error), "Check the path.") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"not UTF-8 (byte {error.start})", "Save it as UTF-8.") from error
    if text.startswith("\ufeff"):
        raise _unreadable(path, "begins with a byte order mark", "Save it as UTF-8 without one.")
    return text


def _unreadable(path: Path, message: str, hint: str, line: int | None = None) -> RulesError:
    return rules_error([RulePlace(str(path), line=line).finding("rule-file-unreadable", message, hint=hint)])
