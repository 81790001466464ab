"""HTML pages that are not written over: the JSON page is wrong about a file, and the HTML may have its last right sha256."""

import hashlib

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.mirror.journal import noted_runs, open_journal
from wheelfix.mirror.layout import file_key, key_of, project_of
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.repository import listed_keys
from wheelfix.mirror.storage.base import Store, is_of_store
from wheelfix.mirror.stored_html import said_besides, said_otherwise
from wheelfix.mirror.stored_wheel import problem_of_time, served_key
from wheelfix.mirror.unlisted import noted_files
from wheelfix.wheel.sdist_filename import project_of_file
from wheelfix.wheel.zip.source import sha256_of


def is_kept(store: Store, page: Page, html: bytes, wanted: bytes) -> bool:
    """Whether the ``html`` that is stored for ``page`` must not be written over by what is ``wanted``.

    That is so where the page is wrong about a file, in a way that nothing in the store can put right, and the HTML says
    otherwise of this file, or does not list it; or where only the HTML lists a file that is there, and that no run has just
    removed. A file is read only where the HTML gives it another sha256.

    :raises MirrorError, OSError: if the store does not answer.
    """
    if any(_is_forgotten(store, page, link) for link in said_besides(html, wanted).values()):
        return True
    links = said_otherwise(html, wanted)
    return any(_is_wrong(store, page, each, links[each.filename]) for each in page.files if each.filename in links)


def _is_forgotten(store: Store, page: Page, link: str) -> bool:
    """Whether the file behind ``link``, which ``page`` does not list, is there: nobody who removed it noted that."""
    key = key_of(link.partition("#")[0])
    if key is None or project_of(key) != page.project or key in listed_keys(page):
        return False
    try:
        if store.head(key) is None:
            return False
        return key not in noted_files(noted_runs(store, page.project)).keys() | open_journal(store, page.project).removable()
    except (MirrorError, OSError) as error:
        if is_of_store(store, error):
            raise
        return True


def _is_wrong(store: Store, page: Page, file: ListedFile, link: str) -> bool:
    """Whether ``page`` is wrong about ``file``, or nobody knows; ``link`` is that of the HTML page, empty if it has none."""
    try:
        if project_of_file(file.filename, page.project) != page.project or problem_of_time(file.upload_time):
            return True
        own = file_key(page.project, file.filename, file.sha256)
        key = own if (head := store.head(own)) is not None else served_key(page, file)
        head = head if key == own or key is None else store.head(key)
        if key is None or head is None or head.size != file.size:
            return True
        is_confirmed = key == own and (not link or link.endswith(f"#sha256={file.sha256}"))
        return not is_confirmed and _sha256_of(store, key, head.size) != file.sha256
    except FilenameError:
        return True
    except (MirrorError, OSError) as error:
        if is_of_store(store, error):
            raise
        return True


def _sha256_of(store: Store, key: str, size: int) -> str:
    """Return the sha256 of the bytes: what a store remembers of them may be that of others."""
    if not size:
        return hashlib.sha256().hexdigest()
    with store.open(key) as source:
        return sha256_of(source)
