"""What a lock file names, as plain data: the same for every kind."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

SHA256 = "sha256:"
"""What a hash begins with that an index of today gives."""


class LockKind(StrEnum):
    """The form of a lock file, by the file that it was made for."""

    UV = "uv.lock"
    PYLOCK = "pylock.toml"
    """The standard (PEP 751), which pip, uv and PDM write."""
    POETRY = "poetry.lock"
    PDM = "pdm.lock"
    REQUIREMENTS = "requirements.txt"
    """That of pip-compile and ``uv pip compile``, with hashes or without, or of ``pip freeze``."""


class Skipped(StrEnum):
    """What an entry of a lock is that is no file of an index."""

    PROJECT = "the project itself"
    EDITABLE = "an editable directory or repository"
    DIRECTORY = "a directory"
    LOCAL = "a file on this machine"
    GIT = "a commit of a repository"
    URL = "a URL"
    INCLUDED = "a file behind a URL that this one includes; it was not read"
    UNPINNED = "not pinned to a version with =="
    UNKNOWN = "a source of an unknown kind"

    @property
    def comes_along(self) -> bool:
        """Whether it is part of the source tree that the lock belongs to: an installation finds it there."""
        return self in (Skipped.PROJECT, Skipped.EDITABLE, Skipped.DIRECTORY)


class LockedFile(Struct, frozen=True, kw_only=True):
    """A file of an index that a lock names, or one of several.

    ``project`` is normalized (PEP 503), ``version`` is in its normal form (PEP 440). Where ``filename`` is ``None`` the lock
    names hashes only: each file of that version with one of them is locked, and without ``hashes`` each file of it.
    ``hashes`` have their algorithm in front, ``sha256:...``. ``index`` is the URL of the index that the lock says, as it
    stands there, and ``source`` what the project calls that index; ``url`` is that of the file, ``size`` is in bytes;
    ``None`` where the lock does not say it. ``line`` is where it is in the lock, counted from 1, where that is known.
    """

    project: str
    version: str
    filename: str | None = None
    hashes: tuple[str, ...] = ()
    url: str | None = None
    index: str | None = None
    source: str | None = None
    size: int | None = None
    marker: str | None = None
    line: int | None = None

    @property
    def sha256(self) -> tuple[str, ...]:
        """The sha256 sums among the hashes (hexadecimal, lower case)."""
        return tuple(each.removeprefix(SHA256) for each in self.hashes if each.startswith(SHA256))


class SkippedEntry(Struct, frozen=True, kw_only=True):
    """What a lock names that is no file of an index: ``reason`` says what it is.

    ``project`` is as the lock spells it; where it has no name, it is the path or URL.
    """

    project: str
    reason: Skipped
    version: str | None = None
    line: int | None = None


class Lock(Struct, frozen=True, kw_only=True):
    """What the lock file at ``path`` names: ``files`` of indexes, each once, and what is ``skipped``.

    ``format`` is the version of the form, and ``created_by`` the tool that wrote it, as the file says them. ``made_by`` is
    the command that the file says it was made by, as words, where it is one of uv or pip-compile. ``warnings`` are for a
    person, such as of a form that is newer than what is known here.
    """

    path: Path
    kind: LockKind
    files: tuple[LockedFile, ...] = ()
    skipped: tuple[SkippedEntry, ...] = ()
    format: str = ""
    created_by: str = ""
    made_by: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def lock_of(
    path: Path, kind: LockKind, entries: Iterable[LockedFile | SkippedEntry], form: str = "", warnings: Iterable[str] = ()
) -> Lock:
    """Return the lock with these ``entries``; those that it names again, for another extra or group, count once."""
    files, skipped = dict[object, LockedFile](), dict[object, SkippedEntry]()
    for each in entries:
        if isinstance(each, SkippedEntry):
            skipped.setdefault((each.project, each.version, each.reason), each)
        else:
            files.setdefault((each.project, each.version, each.filename, each.hashes, each.url, each.index), each)
    return Lock(
        path=path, kind=kind, files=tuple(files.values()), skipped=tuple(skipped.values()), format=form,
        warnings=tuple(warnings),
    )  # fmt: skip
