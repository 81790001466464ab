"""When files were first seen at an index that has no upload times, such as PyTorch's: remembered in the store.

That is ``private/first-seen/PROJECT`` of the mirror, which all machines share that bring it up to date. A file that the
mirror lists has its time on the page; the note is for those that wait until they are old enough. Where it is lost, a file
counts as new once more, and waits longer.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from wheelfix.errors import ChangedMeanwhile
from wheelfix.mirror.clock import now
from wheelfix.mirror.examine import upload_time
from wheelfix.mirror.layout import FIRST_SEEN, attributes_of
from wheelfix.mirror.pages import Page
from wheelfix.mirror.retry import Attempts
from wheelfix.mirror.storage.base import Store, Write

_TIMES: Final = "first-seen"
_KEPT: Final = timedelta(days=90)
"""How long the time of a file is kept that no index lists any more: one may forget a file for a day."""
_LARGEST: Final = 1 << 25
"""In bytes: a note with more was not written by us."""
_SECONDS: Final = 60.0
"""How long to try again where other runs note something at the same time."""


class FirstSeen:
    """The times of first sight that the mirror in ``store``, which lists ``pages``, knows; :meth:`save` notes new ones."""

    def __init__(self, store: Store, pages: Mapping[str, Page]) -> None:
        self._store = store
        self._pages = pages
        self._now = now()
        self._on_pages: dict[str, Mapping[str, datetime]] = {}
        self._noted: dict[str, dict[str, datetime]] = {}
        self._new: defaultdict[str, dict[str, datetime]] = defaultdict(dict)
        self._listed: defaultdict[str, set[str]] = defaultdict(set)

    def time(self, project: str, sha256: str) -> datetime:
        """Return when the file with this sha256 (hexadecimal) was first seen: now, if it was not yet."""
        listed = self._on_page(project).get(sha256)
        if listed is not None:
            return listed
        if project not in self._noted:
            self._noted[project], _ = self._load(project)
        self._listed[project].add(sha256)
        known = self._noted[project].get(sha256)
        if known is None:
            known = self._new[project].setdefault(sha256, self._now)
        return min(known, self._now)  # a clock may have been wrong

    def _on_page(self, project: str) -> Mapping[str, datetime]:
        """Return what the page of ``project`` says of originals; nothing for one that is not listed."""
        if project not in self._on_pages:
            page = self._pages.get(project, Page(project))
            times = ((each.original_sha256, _read_time(each.upload_time)) for each in (*page.past, *page.files))
            self._on_pages[project] = {sha256: time for sha256, time in times if time is not None}
        return self._on_pages[project]

    def save(self) -> None:
        """Note the times that are new; of two runs that see a file, the earlier time counts.

        :raises MirrorError: if the store does not take them, or other runs note something again and again.
        """
        for project, times in self._new.items():
            attempts = Attempts(_SECONDS)
            while True:
                try:
                    self._save(project, times)
                    break
                except ChangedMeanwhile as error:
                    if not attempts.wait():
                        raise attempts.gave_up(error) from error
        self._new.clear()

    def _save(self, project: str, times: Mapping[str, datetime]) -> None:
        there, version = self._load(project)
        kept = {
            sha256: time for sha256, time in there.items()
            if sha256 in self._listed[project] or self._now - time < _KEPT
        }  # fmt: skip
        merged = kept | {sha256: min(time, kept.get(sha256, time)) for sha256, time in times.items()}
        key = _key(project)
        self._store.put_if([Write(key, _written(merged), version, attributes_of(key))])
        self._noted[project] = merged

    def _load(self, project: str) -> tuple[dict[str, datetime], str | None]:
        """Return what is noted for ``project``, and the version of the note; one that is damaged notes nothing."""
        stored = self._store.read(_key(project))
        if stored is None:
            return {}, None
        return (_read(stored.data) if len(stored.data) <= _LARGEST else {}), stored.version


def _key(project: str) -> str:
    return f"{FIRST_SEEN}/{project}"


def _written(times: Mapping[str, datetime]) -> bytes:
    texts = {sha256: upload_time(times[sha256]) for sha256 in sorted(times)}
    return json.dumps({_TIMES: texts}, indent=0, ensure_ascii=True).encode()


def _read(data: bytes) -> dict[str, datetime]:
    try:
        texts = json.loads(data)[_TIMES].items()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
    times = ((sha256, _read_time(text)) for sha256, text in texts)
    return {sha256: time for sha256, time in times if time is not None}


def _read_time(text: object) -> datetime | None:
    """Return the time that ``text`` is, in the form of PEP 700; ``None`` where it is none, as on a damaged page."""
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None else None
