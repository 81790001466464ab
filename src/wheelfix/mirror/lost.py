"""Projects that have wheels and no page: somebody lost it, and clients get 404.

A run that was interrupted before it wrote the first page of a project leaves wheels, too; its journal names them.
"""

from wheelfix.mirror.layout import FILES, METADATA, add_again, is_file_key, page_key
from wheelfix.mirror.registry import finding
from wheelfix.mirror.storage.base import Store
from wheelfix.results import Finding


def has_wheels(store: Store, project: str) -> bool:
    """Whether there are wheels of ``project``, whoever put them there.

    :raises IncompleteListing: if nobody knows.
    """
    keys = list(store.keys(f"{FILES}/{project}"))  # to the end, where it is said what could not be listed
    return any(map(is_wheel, keys))


def is_wheel(key: str) -> bool:
    """Whether ``key`` is that of a file that a page can list, and not of a metadata file."""
    return is_file_key(key) and not key.endswith(METADATA)


def page_lost(project: str, place: str) -> Finding:
    """Return the finding for a ``project`` that has wheels and no page."""
    return finding("page-missing", place, "it has wheels and no page", hint=how_to_restore(project))


def how_to_restore(project: str) -> str:
    """Return what to do about the lost page of ``project``."""
    return f"Restore {page_key(project)} from a backup, or {add_again(project)}."
