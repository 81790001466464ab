"""Reads a lock file of any kind: its name, or else its content, says which one it is."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from packaging.pylock import is_valid_pylock_path

from wheelfix.errors import LockError
from wheelfix.locks.document import Document
from wheelfix.locks.model import Lock, LockKind
from wheelfix.locks.pdm import read_pdm_lock
from wheelfix.locks.poetry import read_poetry_lock
from wheelfix.locks.pylock import read_pylock
from wheelfix.locks.requirements import read_requirements
from wheelfix.locks.text import LARGEST, read_text, unreadable
from wheelfix.locks.uv import read_uv_lock
from wheelfix.toml import TomlError, read_toml

_READERS: Final[Mapping[LockKind, Callable[[Document], Lock]]] = {
    LockKind.UV: read_uv_lock,
    LockKind.PYLOCK: read_pylock,
    LockKind.POETRY: read_poetry_lock,
    LockKind.PDM: read_pdm_lock,
}
"""The kinds that are TOML."""
_TOML: Final = re.compile(r"(?:\s|#[^\n]*)*+(?:\[|[A-Za-z0-9_][A-Za-z0-9_-]*+[ \t]*+=[ \t]*+[^=\s])")
"""How TOML begins, behind comments: with a table or a key."""

_OF_MIRROR: Final = re.compile(r'\s*+\{.{0,1000}?"command"\s*+:\s*+"mirror list"', re.DOTALL)
"""How a lock begins that `wheelfix mirror list --format json` wrote."""


def read_lock(path: Path | str) -> Lock:
    """Return what the lock file at ``path`` names.

    :raises LockError: if it is not there, is damaged, is of no known kind or of a version of its form that is too new.
    """
    path = Path(path)
    kind = _kind_by_name(path)
    if kind is None and not _TOML.match(text := read_text(path)):
        if text.lstrip().startswith(("{", "<")):
            raise _unknown(path)
        return read_requirements(path)
    document = _read_document(path)
    kind = _kind_by_content(document.tables) or kind
    if kind is None:
        raise _unknown(path)
    return _READERS[kind](document)


def _read_document(path: Path) -> Document:
    text = read_text(path)  # first: read_toml opens whatever it is given
    try:
        return Document(path, read_toml(path, largest=LARGEST)[0], text)
    except TomlError as error:
        raise unreadable(path, error.message, "Make the lock again with the tool that wrote it.", error.line) from error


def _kind_by_name(path: Path) -> LockKind | None:
    if is_valid_pylock_path(path):
        return LockKind.PYLOCK
    return next((kind for kind in _READERS if kind.value == path.name), None)


def _kind_by_content(tables: Mapping[str, Any]) -> LockKind | None:
    """Return the kind of a lock file by the key that says the version of its form."""
    metadata = tables.get("metadata")
    keys = metadata if isinstance(metadata, dict) else {}
    if "lock-version" in tables:
        return LockKind.PYLOCK
    if "lock_version" in keys:
        return LockKind.PDM
    if "lock-version" in keys or "content-hash" in keys:
        return LockKind.POETRY
    return LockKind.UV if "version" in tables else None


def _unknown(path: Path) -> LockError:
    known = ", ".join(LockKind)
    if _OF_MIRROR.match(read_text(path)):
        return LockError("lock-unknown", path, "it is a lock of a mirror", hint=f"Name lock files of projects: {known}.")
    return LockError("lock-unknown", path, "it is not a lock file of a known kind", hint=f"Known: {known}.")
