"""Wheels that a mirror refused, with the reason, so that the next run need not download them again.

::

    refusals/SHA256.json         why the wheel with this sha256 was refused, and under which rules and options
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from wheelfix.results import Problem
from wheelfix.upstream.downloads import remove_old
from wheelfix.version import __version__


class Refusals:
    """What was refused under what :func:`wheelfix.mirror.publish.decided_by` identifies, kept in the directory ``scratch``.

    ``allow_mixed`` is part of that here.
    """

    def __init__(self, scratch: Path, decided: str | None, *, allow_mixed: bool) -> None:
        self._directory = scratch / "refusals"
        self._terms = [__version__, decided, allow_mixed]
        remove_old(self._directory)

    def find(self, sha256: str, release: Iterable[str]) -> Problem | None:
        """Return why the wheel with this sha256 was refused, ``None`` if it was not, or under other rules or options.

        ``release`` are the sha256 of the wheels of its release that are wanted now.
        """
        path = self._at(sha256)
        try:
            noted = json.loads(path.read_bytes())
            problem = Problem(**noted["problem"])
            if noted["terms"] != self._of(release):
                return None
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError):  # it is cut off, or of another version: then it is decided again
            return None
        os.utime(path)
        return problem

    def note(self, sha256: str, release: Iterable[str], problem: Problem) -> None:
        """Note why the wheel with this sha256 was refused."""
        text = json.dumps({"terms": self._of(release), "problem": asdict(problem)}, ensure_ascii=True)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._at(sha256).write_text(text, encoding="utf-8")  # one that is cut off counts as none

    def forget(self, sha256: str) -> None:
        """Forget that the wheel with this sha256 was refused: it no longer is."""
        self._at(sha256).unlink(missing_ok=True)

    def _at(self, sha256: str) -> Path:
        return self._directory / f"{sha256}.json"

    def _of(self, release: Iterable[str]) -> str:
        return hashlib.sha256(json.dumps([*self._terms, sorted(release)]).encode()).hexdigest()
