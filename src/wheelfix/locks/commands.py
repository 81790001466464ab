"""What a person runs to move an application over to other files of the same projects: the commands of each client.

Each was measured with pip 26.3, uv 0.13.9, Poetry 2.5.1, PDM 2.29.3 and pip-tools 7.6.2. All three parts are needed: clients
remember what a version requires (the cache), keep what is locked (the lock), and take the same version for the same file
(the environment).
"""

import shlex
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import PurePath
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.locks.model import Lock, LockKind

_PYPI: Final = "PyPI"


class Move(Struct, frozen=True, kw_only=True):
    """A project to move: to ``version``, or to any one that fits, ``None``.

    ``source`` is what the project of the lock calls the index. ``obsolete`` are projects that its files do not require any
    more.
    """

    project: str
    version: str | None = None
    source: str | None = None
    obsolete: tuple[str, ...] = ()

    @property
    def pinned(self) -> str:
        """The project with its version, as clients take it."""
        return self.project if self.version is None else f"{self.project}=={self.version}"


class Step(Struct, frozen=True):
    """One step: the words of a ``command``; where there are none, ``note`` says what to do."""

    command: tuple[str, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        return shlex.join(self.command) if self.command else self.note


_REMAKE: Final = "# make {file} again with the command that made it"
_PIP: Final = ("python -m pip uninstall -y {projects} {obsolete}", "python -m pip install -r {file}")
"""How pip installs other files of the same versions: it neither reinstalls these nor removes what is obsolete."""
_STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "uv": ("uv cache clean {projects}", "uv lock {upgrades}", "uv sync {reinstalls}"),
    "uv export": ("uv cache clean {projects}", "uv lock {upgrades}", "{made_by}", "uv pip sync {reinstalls} {file}"),
    "uv pip compile": ("uv cache clean {projects}", "{made_by} {upgrades}", "uv pip sync {reinstalls} {file}"),
    "poetry": (
        "poetry cache clear {source} --all --no-interaction",
        "poetry update --lock {projects}",
        "poetry run python -m pip uninstall -y {projects}",  # Poetry has no option to reinstall
        "poetry sync",
    ),
    "pdm": ("pdm cache clear", "pdm update --no-sync {projects}", "pdm sync --clean --reinstall"),
    "pip-compile": ("{made_by} --rebuild {upgrades}", *_PIP),
    "pip": (_REMAKE, *_PIP),
}
"""By the program that writes the lock."""


def steps_for(lock: Lock, moves: Sequence[Move]) -> tuple[Step, ...]:
    """Return what moves these projects over: cache, lock, environment, in this order; nothing where there are none."""
    if not moves:
        return ()
    moves, output = _merged(moves), _output_of(lock.made_by)
    file = output if output and _writes(lock, output) else lock.path.name
    values = {
        "{projects}": _names(moves),
        "{obsolete}": tuple(dict.fromkeys(name for each in moves for name in each.obsolete)),
        "{upgrades}": tuple(word for each in moves for word in ("--upgrade-package", each.pinned)),
        "{reinstalls}": tuple(word for each in moves for word in ("--reinstall-package", each.project)),
        "{made_by}": lock.made_by if output else (*lock.made_by, "--output-file", file),  # it was redirected
        "{file}": (file,),
    }
    steps = list[Step]()
    for template in _STEPS[_writer_of(lock)]:
        if template.startswith("# "):
            steps.append(Step(note=template.removeprefix("# ").format(file=lock.path.name)))
            continue
        sources = dict.fromkeys(each.source or _PYPI for each in moves) if "{source}" in template else [""]
        for source in sources:
            words = ({**values, "{source}": (source,)}.get(word, (word,)) for word in template.split())
            steps.append(Step(tuple(word for some in words for word in some)))
    return tuple(steps)


def _writer_of(lock: Lock) -> str:
    """Return which program writes the lock."""
    match lock.kind:
        case LockKind.UV:
            return "uv"
        case LockKind.POETRY:
            return "poetry"
        case LockKind.PDM:
            return "pdm"
        case _:
            command = " ".join(lock.made_by) if _writes(lock, _output_of(lock.made_by)) else ""
            known = (name for name in _STEPS if command.startswith(name))
            return max(known, key=len, default="pdm" if lock.created_by.lower() == "pdm" else "pip")


def _names(moves: Sequence[Move]) -> tuple[str, ...]:
    return tuple(each.project for each in moves)


def _merged(moves: Sequence[Move]) -> list[Move]:
    """Return one move for each project: a lock can have several versions of one, of which clients take one on demand."""
    found: dict[str, Move] = {}
    for each in moves:
        before = found.get(each.project, each)
        version = each.version if each.version == before.version else None
        obsolete = tuple(dict.fromkeys((*before.obsolete, *each.obsolete)))
        found[each.project] = replace(each, version=version, obsolete=obsolete)
    return list(found.values())


def _output_of(command: Sequence[str]) -> str | None:
    """Return the file that the command which made a lock says it writes."""
    for word, after in pairwise([*command, ""]):
        if word in ("-o", "--output-file"):
            return after
        if word.startswith("--output-file="):
            return word.partition("=")[2]
    return None


def _writes(lock: Lock, output: str | None) -> bool:
    """Whether the file that a command writes is the lock: what a lock says must not lead to another file."""
    parts = PurePath(output or lock.path.name).parts
    return ".." not in parts and lock.path.absolute().parts[-len(parts) :] == parts
