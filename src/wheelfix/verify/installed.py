"""Entries that are in each other's way once they are installed: their names in the archive do not show it.

Who refuses what was measured with pip 26.3, uv 0.13.9 and installer 1.1.0.
"""

import re
from collections.abc import Iterator
from typing import Final

from wheelfix.codes import Client
from wheelfix.text import shown
from wheelfix.verify.subject import DEEPEST, LONGEST_DIRECTORIES, RawFinding, Subject
from wheelfix.wheel.installed import LIBRARY, Place, place_of

_ODD: Final = re.compile(r"(?:^|/)\.?(?:/|$)")
"""An empty part, or one that is a dot."""
_OF_INSTALLERS: Final = frozenset({"INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "entry_points.txt"})
"""Files of dist-info that an installer reads or writes."""


def check_installed(subject: Subject) -> Iterator[RawFinding]:
    """Yield the entries that are installed to the path of another one, below a file, or where an installer has a file."""
    if not subject.dist_info:
        return
    info, data = f"{subject.dist_info}/", f"{subject.dist_info.removesuffix('.dist-info')}.data/"
    moved = _Moved(subject, data)
    for name in subject.entries:
        if name.startswith(data) or _is_odd(name):
            yield from moved.add(name)
        if name.startswith(info) or (name.startswith(data) and subject.dist_info in name):
            yield from _check_info(name, place_of(name, data), info)
    yield from moved.check_directories()


def _is_odd(name: str) -> bool:
    return _ODD.search(name.removesuffix("/")) is not None


def _check_info(name: str, place: Place, info: str) -> Iterator[RawFinding]:
    """Yield an entry that makes a directory of what is a file to installers."""
    if place.root != LIBRARY or not place.path.startswith(info):
        return
    head, below, _ = place.path.removeprefix(info).partition("/")
    if head in _OF_INSTALLERS and (below or name.endswith("/")):
        refused_by = (Client.PIP, Client.UV) if head == "INSTALLER" and below else (Client.UV,)
        message = f"installers have a file called {head} there"
        yield RawFinding("archive-file-as-directory", shown(name), message, refused_by=refused_by)


class _Moved:
    """The entries of ``subject`` that are not installed to the path that they have in the archive, by where they are."""

    def __init__(self, subject: Subject, data: str) -> None:
        self._subject = subject
        self._data = data
        self._files: dict[Place, str] = {}
        self._directories: dict[Place, str] = {}
        self._left = LONGEST_DIRECTORIES

    def add(self, name: str) -> Iterator[RawFinding]:
        """Add an entry, and yield what is wrong with it."""
        place, is_file = place_of(name, self._data), not name.endswith("/")
        is_moved = name.startswith(self._data)
        if is_moved and place.root == LIBRARY and f"{place.path}/".startswith(self._data):
            message = "it is installed into a directory of this name, which uv removes"
            yield RawFinding("data-unknown-scheme", shown(name), message, refused_by=(Client.UV,))
        self._add_directories(name, *(place if is_file else Place(place.root, f"{place.path}/.")))
        if not is_file or (is_moved and "/" not in name.removeprefix(self._data)):  # a scheme that is a file has a finding
            return
        twin = place.path if place.root == LIBRARY and place.path in self._subject.entries else self._files.get(place)
        if twin is not None and twin != name and (is_moved or twin.startswith(self._data)):
            message = f"it is installed to the same path as {shown(twin)}; installer refuses that"
            yield RawFinding("data-same-file", shown(name), message)
        self._files.setdefault(place, name)
        yield from self._check_file(name, place)

    def _add_directories(self, name: str, root: str, path: str) -> None:
        """Add the directories above ``path``: no more than are looked at in the archive, where more are a finding."""
        if path.count("/") > DEEPEST:
            return
        while (path := path.rpartition("/")[0]) and Place(root, path) not in self._directories:
            self._left -= len(path)
            if self._left < 0:
                return
            self._directories[Place(root, path)] = name

    def _check_file(self, name: str, place: Place) -> Iterator[RawFinding]:
        """Yield a file that is installed to the path of a directory of the archive."""
        is_there = place.path == "." or f"{place.path}/" in self._subject.directories
        if place.root == LIBRARY and is_there and f"{name}/" not in self._subject.directories:
            refused_by = self._refusing(name, "")
            message = "it is installed to the path of a directory"
            yield RawFinding("archive-file-as-directory", shown(name), message, refused_by=refused_by)

    def _refusing(self, one: str, other: str) -> tuple[Client, ...]:
        """Return who refuses two entries, one a file and one below it; pip keeps purelib and platlib apart."""
        strict = (Client.UV, Client.INSTALLER)
        return (Client.PIP, *strict) if self._scheme(one) == self._scheme(other) else strict

    def _scheme(self, name: str) -> str:
        if name.startswith(self._data):
            return name.removeprefix(self._data).partition("/")[0]
        wheel = self._subject.wheel
        is_pure = wheel is not None and (wheel.first("Root-Is-Purelib") or "").strip().lower() == "true"
        return "purelib" if is_pure else "platlib"

    def check_directories(self) -> Iterator[RawFinding]:
        """Yield the directories that are installed to the path of a file."""
        for place, name in self._directories.items():
            file = self._files.get(place)
            if place.root == LIBRARY and place.path in self._subject.entries and place.path != name.rstrip("/"):
                file = place.path
            if file is None or file == name or f"{file}/" in self._subject.directories:
                continue
            refused_by = self._refusing(name, file)
            message = f"it is installed below {shown(file)}, which is a file"
            yield RawFinding("archive-file-as-directory", shown(name), message, refused_by=refused_by)
