"""The pages of a manifest's indexes: each is requested once in a run, and not sent again where it has not changed."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Final

from msgspec import Struct
from pypi_simple import DistributionPackage

from wheelfix.errors import MirrorError
from wheelfix.options import Limits
from wheelfix.progress import Progress
from wheelfix.upstream.cache import Cache
from wheelfix.upstream.client import ServedPage, get_page
from wheelfix.upstream.http import Session, open_session
from wheelfix.upstream.parallel import few, parallel

_PAGES: Final = "pages"


class _Failed(Struct, frozen=True):
    error: MirrorError


class Upstreams:
    """The indexes of a run; ``scratch`` is a directory where pages are kept for the next one. Threads may share it."""

    def __init__(self, scratch: Path, limits: Limits, progress: Progress) -> None:
        self.scratch = scratch
        self.session: Session = open_session(limits, progress, Cache(scratch / _PAGES))
        self._pages: dict[tuple[str, str], ServedPage | _Failed | None] = {}
        self._locks: defaultdict[tuple[str, str], Lock] = defaultdict(Lock)
        self._lock = Lock()

    def page(self, index: str, project: str) -> ServedPage | None:
        """Return the page of ``project`` in an ``index``, ``None`` where that has none.

        :raises MirrorError: if it cannot be read: then nobody knows what the index has.
        """
        found = self._found((index, project))
        if isinstance(found, _Failed):
            raise found.error
        return found

    def fetch(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Request the pages of ``wanted``, pairs of an index and a project, a few at a time; no error is raised."""
        missing = [each for each in dict.fromkeys(wanted) if each not in self._pages]
        with parallel(self.session, few(len(missing))) as calls:
            for _ in calls.map(self._found, missing, calls.count):
                pass

    def _found(self, key: tuple[str, str]) -> "ServedPage | _Failed | None":
        """Return what the first request for a page got; other threads that want the same page wait for it."""
        with self._lock:
            lock = self._locks[key]
        with lock:
            if key not in self._pages:
                try:
                    self._pages[key] = get_page(self.session, *key)
                except MirrorError as error:
                    self._pages[key] = _Failed(error)
            return self._pages[key]


def is_wheel(file: DistributionPackage) -> bool:
    """Whether a file of an index is a wheel, by its name."""
    return file.filename.endswith(".whl")
