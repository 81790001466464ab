"""Wheels of another index on their way into a mirror: downloaded once, and refused once, with the reason kept.

::

    .wheelfix/downloads/SHA256.part        what is there of one that is being loaded, or was interrupted
    .wheelfix/downloads/SHA256.whl         one that is complete, and has this sum
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pypi_simple import DistributionPackage

from wheelfix.errors import MirrorError
from wheelfix.mirror.layout import HIDDEN
from wheelfix.mirror.storage.local import Folder
from wheelfix.results import Problem
from wheelfix.text import shown
from wheelfix.upstream.client import sha256_of
from wheelfix.upstream.http import OK, PARTIAL, Web, bad_answer
from wheelfix.version import __version__

REFUSALS: Final = f"{HIDDEN}/refusals"
_DEFAULTS: Final = {
    "scan": "auto",
    "allow_unproven": False,
    "skip_gpu_builds": False,
    "skip_unproven": False,
    "force": False,
    "local": None,
    "build_tag": None,
    "sbom": True,
    "repair": False,
    "edits": (),
}
"""The options that change what becomes of a wheel, and what they are where nobody says otherwise."""


def decided_by(rules: str | None, options: Mapping[str, Any]) -> str | None:
    """Return what identifies ``rules`` and those of ``options`` that change what becomes of a wheel (hexadecimal)."""
    given = {name: str(options[name]) for name, usual in _DEFAULTS.items() if options.get(name, usual) != usual}
    return _digest([rules, given]) if given else rules


class Refusals:
    """What was refused in the mirror ``folder`` by what :func:`decided_by` tells; ``allow_mixed`` is part of it here."""

    def __init__(self, folder: Folder, decided: str | None, *, allow_mixed: bool) -> None:
        self._folder = folder
        self._terms = [__version__, decided, allow_mixed]

    def find(self, sha256: str, release: Iterable[str]) -> Problem | None:
        """Return why the wheel with this sum was refused, ``None`` if it was not, or on other terms.

        ``release`` are the sums of the wheels of its release that are wanted now.
        """
        place = f"{REFUSALS}/{sha256}.json"
        data = self._folder.read(place)
        if data is None:
            return None
        try:
            noted = json.loads(data)
            problem = Problem(**noted["problem"])
            if noted["terms"] != self._of(release):
                return None
        except (ValueError, LookupError, TypeError):  # it is cut off, or of another version: then it is found out anew
            return None
        os.utime(self._folder.at(place))
        return problem

    def note(self, sha256: str, release: Iterable[str], problem: Problem) -> None:
        """Note why the wheel with this sum was refused."""
        text = json.dumps({"terms": self._of(release), "problem": asdict(problem)}, ensure_ascii=True)
        self._folder.write_all({f"{REFUSALS}/{sha256}.json": text.encode()})

    def forget(self, sha256: str) -> None:
        """Forget that the wheel with this sum was refused: it no longer is."""
        self._folder.at(f"{REFUSALS}/{sha256}.json").unlink(missing_ok=True)

    def _of(self, release: Iterable[str]) -> str:
        return _digest([*self._terms, sorted(release)])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


DOWNLOADS: Final = f"{HIDDEN}/downloads"
_LARGEST: Final = 1 << 36
_BEYOND_END: Final = 416
_SUM: Final = re.compile(r"[0-9a-f]{64}")
_DAY: Final = 24 * 3600
KEPT: Final = 14 * _DAY
"""In seconds: for how long something is kept that no run asks for."""


class Downloads:
    """The downloads of the mirror ``folder``. Who loads or asks holds the lock of the project."""

    def __init__(self, web: Web, folder: Folder) -> None:
        self._web = web
        self._folder = folder

    def has(self, sha256: str) -> bool:
        """Whether the wheel with this sum is there, complete; one that has another sum by now is thrown away."""
        path = self._at(f"{sha256}.whl")
        if not path.exists():
            return False
        if _sum_of(path) != sha256:
            path.unlink()
            return False
        if _age(path) > _DAY:  # not more often: a run that reads it takes a new time for a change
            os.utime(path)
        return True

    def load(self, file: DistributionPackage, on_start: Callable[[int], None] | None = None) -> None:
        """Let the wheel be there; what of it is there from before is kept.

        ``on_start`` is called when the server begins to send it, with the number of bytes that need not be sent again.

        :raises MirrorError: if what came has another sum than the index tells, or the server gives nothing.
        """
        sha256 = checked_sum(file)
        place, complete = self._at(f"{sha256}.part"), self._at(f"{sha256}.whl")
        place.parent.mkdir(parents=True, exist_ok=True)
        resumed = place.exists()
        digest = self._complete(file, place, on_start)
        if digest != sha256 and resumed:  # what was there is of something else
            place.unlink()
            digest = self._complete(file, place, on_start)
        if digest != sha256:
            place.unlink()
            raise MirrorError(
                "wrong-hash",
                f"{shown(file.filename)} came with sha256 {digest}, the index says {sha256}",
                hint="It was thrown away; run again, and report it to the operator of the index if it persists.",
            )
        place.rename(complete)

    def lend(self, sha256: str, target: Path) -> None:
        """Let the wheel with this sum be at ``target`` too, so that it stays for this run when others have done with it."""
        complete = self._at(f"{sha256}.whl")
        try:
            target.hardlink_to(complete)
        except OSError:  # a file system without links
            shutil.copyfile(complete, target)

    def drop(self, sha256: str) -> None:
        """Forget the wheel with this sum: it is published, or refused for good."""
        self._at(f"{sha256}.whl").unlink(missing_ok=True)

    def _at(self, name: str) -> Path:
        return self._folder.at(f"{DOWNLOADS}/{name}")

    def _complete(self, file: DistributionPackage, place: Path, on_start: Callable[[int], None] | None) -> str:
        """Let the file at ``place`` hold all of ``file``; return its sha256 (hexadecimal)."""
        self._load_rest(file.url, place, file.size or _LARGEST, on_start)
        return _sum_of(place)

    def _load_rest(self, url: str, place: Path, largest: int, on_start: Callable[[int], None] | None) -> None:
        have = place.stat().st_size if place.exists() else 0
        with self._web.ask("GET", url, {"Range": f"bytes={have}-"} if have else {}) as answer:
            if have and answer.status_code == _BEYOND_END:
                return  # it is all there, or its sum will tell
            if answer.status_code not in (OK, PARTIAL):
                raise bad_answer(url, answer.status_code)
            resumes = bool(have) and answer.status_code == PARTIAL  # 200: the server sends all of it again
            if on_start:
                on_start(have if resumes else 0)
            with place.open("ab" if resumes else "wb") as output:
                for block in self._web.blocks(url, answer):
                    output.write(block)
                    if output.tell() > largest:
                        break  # its sum will tell
                output.flush()
                os.fsync(output.fileno())


def _sum_of(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def checked_sum(file: DistributionPackage) -> str:
    """Return the sha256 that the index tells of a file, by which its download is checked.

    :raises MirrorError: if it tells none.
    """
    sha256 = sha256_of(file) or ""
    if not _SUM.fullmatch(sha256):
        raise MirrorError("no-hash", f"the index has no sha256 of {shown(file.filename)}", hint="It cannot be checked.")
    return sha256


def throw_away_old(folder: Folder, place: str) -> None:
    """Remove the files in the folder at ``place`` that no run has asked for in :data:`KEPT` seconds."""
    found = folder.at(place)
    for path in found.iterdir() if found.is_dir() else ():
        if path.is_file() and _age(path) > KEPT:
            path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    """Return for how many seconds nobody has asked for the file at ``path``; 0 if it is gone."""
    now = datetime.now(UTC).timestamp()  # noqa: TID251 - how old a file is changes what is loaded again, never a result
    try:
        return now - path.stat().st_mtime
    except FileNotFoundError:  # another run has thrown it away
        return 0
