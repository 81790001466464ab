"""Which wheels of another index were refused, and why: so that they need not be loaded to be refused again.

A refusal holds as long as what led to it: the wheel, the rules, the options, the wheels that were looked at with it, and
wheelfix itself. It is noted in ``.wheelfix/refusals/SHA256.json``, by the sum of the wheel.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import HIDDEN
from wheelfix.outcome import Problem
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
            problem = Problem(*(str(noted["problem"][key]) for key in ("code", "message", "hint")))
            if noted["terms"] != self._of(release):
                return None
        except (ValueError, LookupError, TypeError):  # it is cut off, or of another version: then it is found out anew
            return None
        os.utime(self._folder.at(place))
        return problem

    def note(self, sha256: str, release: Iterable[str], problem: Problem) -> None:
        """Note why the wheel with this sum was refused."""
        values = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        text = json.dumps({"terms": self._of(release), "problem": values}, ensure_ascii=True)
        self._folder.write_all({f"{REFUSALS}/{sha256}.json": text.encode()})

    def forget(self, sha256: str) -> None:
        """Forget that the wheel with this sum was refused: it no longer is."""
        self._folder.at(f"{REFUSALS}/{sha256}.json").unlink(missing_ok=True)

    def _of(self, release: Iterable[str]) -> str:
        return _digest([*self._terms, sorted(release)])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
