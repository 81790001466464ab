"""A mirror beside what its server or CDN serves: pages that are old, and pages that differ."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from pypi_simple import DistributionPackage

from wheelfix.errors import MirrorError
from wheelfix.mirror.layout import ROOT_PAGE, page_key
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.registry import finding
from wheelfix.mirror.repository import load_page, load_root
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.stored_wheel import unreadable
from wheelfix.results import Finding
from wheelfix.text import shown_few
from wheelfix.upstream.answers import TEMPORARY
from wheelfix.upstream.client import AboveIndex, ServedPage, get_projects, sha256_of
from wheelfix.upstream.http import Session
from wheelfix.upstream.urls import shown_url

_OF_FILES: Final[Mapping[str, tuple[Callable[[ListedFile], object], Callable[[DistributionPackage], object]]]] = {
    "sha256": (lambda file: file.sha256, sha256_of),
    "yank": (
        lambda file: file.yanked,
        lambda file: (file.yanked_reason or "") if file.is_yanked else None,
    ),
    "Requires-Python": (lambda file: file.requires_python or "", lambda file: file.requires_python or ""),
    "metadata file": (lambda file: file.metadata_sha256, lambda file: (file.metadata_digests or {}).get("sha256")),
    "size": (lambda file: file.size, lambda file: file.size),
}
"""What a page says of a file that both have: what the mirror's page says, and what the one that is served says."""
_FRESH: Final = 600.0
"""In seconds: how long a page of a mirror may be cached where its answer does not say."""


class StoredPages:
    """The pages of the mirror in ``store``, to compare those that are served with them; several threads can use it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def projects(self) -> list[str]:
        """Return the projects that the mirror lists."""
        return sorted(load_root(self._store))

    def compare_root(self, session: Session, index: str) -> Iterator[Finding]:
        """Yield where the list of projects at ``index`` is not that of the mirror.

        :raises MirrorError: if the server does not answer, a limit is reached, or an index may be below the URL.
        """
        try:
            served = set(get_projects(session, index))
        except MirrorError as error:
            if error.code in TEMPORARY or isinstance(error, AboveIndex):
                raise
            place = shown_url(index)
            message = error.message.removeprefix(f"{place} ")
            yield finding("page-unreadable", place, message if message == error.message else f"it {message}")
            return
        listed = set(self.projects())
        differences = [*_missing(listed - served), *_others(served - listed)]
        if differences:
            message = f"not the list of projects of the mirror: {'; '.join(differences)}"
            yield finding(self._code(ROOT_PAGE, ""), shown_url(index), message)

    def compare(self, project: str, forms: Mapping[str, ServedPage]) -> Iterator[Finding]:
        """Yield where the pages of ``project`` that are served, by their form, are not that of the mirror."""
        try:
            page = load_page(self._store, project)
        except (MirrorError, OSError) as error:
            yield unreadable(page_key(project), error)
            return
        for served in forms.values():
            if differences := list(_differences(page, served)):
                age = "" if served.age is None else f" (its Age is {served.age} s)"
                message = f"not the page of the mirror: {'; '.join(differences)}{age}"
                yield finding(self._code(page_key(project), served.cache_control), shown_url(served.url), message)

    def _code(self, key: str, cache_control: str) -> str:
        """Return the code for a page that differs: where that of the mirror is new, the old one may still be cached."""
        head = self._store.head(key)
        if head is None or head.modified is None:
            return "served-differs"
        now = datetime.now(UTC)  # noqa: TID251 - to compare with times of files: no wheel depends on it
        return "served-stale" if (now - head.modified).total_seconds() < _max_age(cache_control) else "served-differs"


def _differences(page: Page, served: ServedPage) -> Iterator[str]:
    """Yield in words where a page that is served is not ``page``."""
    ours = {each.filename: each for each in page.files}
    theirs = {each.filename: each for each in served.page.packages}
    yield from _missing(ours.keys() - theirs.keys())
    yield from _others(theirs.keys() - ours.keys())
    for name, (of_ours, of_theirs) in _OF_FILES.items():
        if name == "size" and served.form == "html":  # HTML has no sizes
            continue
        differing = [each for each in sorted(ours.keys() & theirs) if of_ours(ours[each]) != of_theirs(theirs[each])]
        if differing:
            yield f"{name} differs for {shown_few(differing)}"


def _missing(names: Iterable[str]) -> list[str]:
    names = sorted(names)
    return [f"lacks {shown_few(names)}"] if names else []


def _others(names: Iterable[str]) -> list[str]:
    names = sorted(names)
    return [f"also lists {shown_few(names)}"] if names else []


def _max_age(cache_control: str) -> float:
    """Return how many seconds an answer may be cached, by its header."""
    for part in cache_control.split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() in ("max-age", "s-maxage") and value.isdecimal() and len(value) < 10:
            return float(value)
    return _FRESH
