"""The store of a mirror, by what the caller names: a directory, or a bucket."""

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from wheelfix.locations import path_of_file_url
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.storage.local import LocalStore

if TYPE_CHECKING:
    from wheelfix.mirror.storage.objects import ObjectStore

MirrorLocation: TypeAlias = Path | str | Store
"""How a caller names a mirror: the path of a directory, the URL of a bucket, or a store that is open."""


def open_store(mirror: MirrorLocation, *, create: bool = False, single_writer: bool = False) -> Store:
    """Return the store of ``mirror``; with ``create`` it may be empty, or not exist yet.

    ``single_writer`` says that nobody else writes to a bucket whose store cannot compare and write at once.

    :raises MirrorError: if it is no mirror, and cannot become one.
    """
    if not isinstance(mirror, Path | str):
        return mirror
    store = _store_of(mirror, single_writer)
    store.check(create=create)
    return store


def _store_of(mirror: Path | str, single_writer: bool) -> "LocalStore | ObjectStore":
    if isinstance(mirror, str) and "://" in mirror:
        path = path_of_file_url(mirror)
        if path is None:
            from wheelfix.mirror.storage.objects import ObjectStore  # imported late: most mirrors are directories

            return ObjectStore.at(mirror, single_writer=single_writer)
        return LocalStore(path)
    return LocalStore(Path(mirror))
