"""Where the TOML of rules is: ``wheelfix.toml``, or a table of a pyproject.toml, read within limits."""

from pathlib import Path
from typing import Any, Final

from wheelfix import toml
from wheelfix.rules.registry import RulePlace, rules_error

FILE_NAME: Final = "wheelfix.toml"
PROJECT_FILE: Final = "pyproject.toml"


def find_table(start: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the file in force in the directory ``start`` and its table: the first one upwards; ``None`` if there is none.

    That is ``wheelfix.toml``, or a ``pyproject.toml`` with a table ``[tool.wheelfix]``. A working directory that was deleted
    has none.

    :raises RulesError: if a file on the way cannot be read.
    """
    try:
        directory = start.resolve()
    except FileNotFoundError:
        return None
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
    try:
        return toml.read_toml(path, if_larger="Split it, and list the parts in extends.")
    except toml.TomlError as error:
        place = RulePlace(str(path), line=error.line)
        raise rules_error([place.finding("rule-file-unreadable", error.message, hint=error.hint)]) from error
