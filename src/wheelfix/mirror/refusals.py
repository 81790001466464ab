"""Wheels that a mirror refused, with the reason, so that the next run need not download them again.

::

    refusals/SHA256.json         why the wheel with this sha256 was refused, and under which rules and options
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from wheelfix.results import Problem
from wheelfix.version import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What decides on a wheel besides the wheel itself.

    ``rules`` identifies rules and options, see :func:`wheelfix.mirror.publish.decided_by`. With ``yank_original`` the
    originals of fixed wheels are listed too; with ``allow_mixed`` wheels of one release may disagree.
    """

    rules: str | None
    yank_original: bool = False
    allow_mixed: bool = False


class Refusals:
    """What was refused under ``conditions``, kept in the directory ``scratch``; another version may decide otherwise."""

    def __init__(self, scratch: Path, conditions: Conditions) -> None:
        self.directory = scratch / "refusals"
        self._terms = [__version__, conditions.rules, conditions.allow_mixed]

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
        self.directory.mkdir(parents=True, exist_ok=True)
        self._at(sha256).write_text(text, encoding="utf-8")  # one that is cut off counts as none

    def forget(self, sha256: str) -> None:
        """Forget that the wheel with this sha256 was refused: it no longer is."""
        self._at(sha256).unlink(missing_ok=True)

    def _at(self, sha256: str) -> Path:
        return self.directory / f"{sha256}.json"

    def _of(self, release: Iterable[str]) -> str:
        return hashlib.sha256(json.dumps([*self._terms, sorted(release)]).encode()).hexdigest()
