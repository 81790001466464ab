"""Paths that name no wheels: what may have been meant. It is imported when a path is wrong."""

import re
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Final

from wheelfix.text import shown, shown_few

_PROJECT: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_PINNED: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]*[A-Za-z0-9]) *(?:=| ) *v?(?P<version>[0-9][A-Za-z0-9.+!-]*)")
"""A name and a version with something else between them than two equals signs."""
_ALIKE: Final = 0.8
"""How much of two names must be the same, from 0 to 1."""
_MOST_READ: Final = 1000
"""So many names of a directory are looked at."""


def meant(path: str, for_requirement: str) -> str:
    """Return what to do where ``path`` does not exist: a name beside it that is spelled alike, or how to look up a project.

    ``for_requirement`` says how to look it up. Empty where nothing can be said.
    """
    parent = Path(path).parent
    try:
        names = [each.name for each in islice(parent.iterdir(), _MOST_READ)]
    except OSError:  # it does not exist either, or cannot be read
        names = []
    if close := _close(Path(path).name, sorted(names)):
        found = parent / close
        return f"Did you mean {shown(str(found))}{'/' if found.is_dir() else ''}?"
    if pinned := _PINNED.fullmatch(path):
        return f"Did you mean {pinned['name']}=={pinned['version']}?"
    if _PROJECT.fullmatch(path) and not path.endswith(".whl"):
        return f"To look up a project, {for_requirement}."
    return ""


def _close(name: str, others: list[str]) -> str:
    """Return which of ``others`` is spelled like ``name``; wheels if their projects are: most tags are alike."""
    if name.endswith(".whl"):
        projects = {each.partition("-")[0] for each in others if each.endswith(".whl")}
        close = set(get_close_matches(name.partition("-")[0], sorted(projects), 3, _ALIKE))
        others = [each for each in others if each.endswith(".whl") and each.partition("-")[0] in close]
    return next(iter(get_close_matches(name, others, 1, _ALIKE)), "")


def wheels_below(directory: str) -> tuple[str, str]:
    """Return which directories in ``directory`` hold wheels, in case those were meant, and what to do.

    The first is empty if none does.
    """
    counts = {}
    for path in sorted(Path(directory).iterdir())[:_MOST_READ]:
        try:
            counts[f"{path}/"] = sum(each.name.endswith(".whl") for each in path.iterdir())
        except OSError:  # a file, or a directory without read permission: it was not named
            continue
    found = {below: count for below, count in counts.items() if count}
    if not found:
        return "", "Name the directory that holds them, or files that end with .whl."
    which = shown(next(iter(found))) if len(found) == 1 else "the directories that you mean"
    return f"; {shown_few([f'{count} in {below}' for below, count in found.items()])}", (
        f"Subdirectories are not searched: name {which}."
    )
