"""Where a mirror's bytes lie, by what the caller names: a directory."""

from pathlib import Path

from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.storage.local import LocalStore


def open_store(mirror: Path | str, *, create: bool = False) -> Store:
    """Return the store of ``mirror``, the path of a directory; with ``create`` it may be empty, or not exist yet.

    :raises MirrorError: if it is no mirror, and cannot become one.
    """
    store = LocalStore(Path(mirror))
    store.check(create=create)
    return store
