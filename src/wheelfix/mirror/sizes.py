"""What a mirror knows of the sizes of files that dropped requirements would install."""

from collections.abc import Collection

from wheelfix.mirror.repository import load_page, load_root
from wheelfix.mirror.storage import MirrorLocation, open_store
from wheelfix.results import KnownFile


def listed_files(mirror: MirrorLocation, projects: Collection[str]) -> tuple[KnownFile, ...]:
    """Return the wheels of ``projects``, given by their normal names, that ``mirror`` lists and has not yanked.

    :raises MirrorError: if there is no mirror, or a page is damaged.
    """
    store = open_store(mirror)
    pages = (load_page(store, project) for project in sorted(load_root(store).intersection(projects)))
    files = (each for page in pages for each in page.files if each.is_wheel and each.yanked is None)
    return tuple(KnownFile(each.filename, each.size) for each in files)
