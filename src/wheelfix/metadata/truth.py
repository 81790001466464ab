"""Whether a marker can be true at all, in the environments that are left to it.

Every comparison is evaluated by ``packaging``, as installers do it. What cannot be decided counts as possible.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from types import MappingProxyType
from typing import Final, TypeAlias, assert_never

from packaging.markers import InvalidMarker, UndefinedComparison, UndefinedEnvironmentName
from packaging.markers import Marker as StrictMarker

from wheelfix.metadata.marker import Comparison, Either, Every, Marker, comparisons

Release: TypeAlias = tuple[int, int]
"""Major and minor version of Python."""

_PYTHON: Final = ("python_version", "python_full_version")
_OPEN: Final = frozenset(
    {
        "os_name", "sys_platform", "platform_system", "platform_machine", "implementation_name",
        "platform_python_implementation",
    }
)  # fmt: skip
"""Variables that are plain text: every value that a marker does not name is like every other."""
_ELSE: Final = "\0"
"""Stands for every value that a marker does not name."""
_RELEASE: Final = re.compile(r"(?<![\d.])(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?")
_PLAIN_VERSIONS: Final = re.compile(r"[\d.,|*\s]*")
_HIGHEST_MICRO: Final = 99
_LATEST: Final = 99
_MOST_STEPS: Final = 5_000
"""How many comparisons are made for one marker; real ones need less than a hundred."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The environments in which a marker is asked: what a variable can be there.

    ``values`` has every possible value of each variable that is known; one that is not named can be anything.
    ``lowest`` and ``highest`` are the Python versions, each inclusive and ``None`` where it is open.
    """

    values: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    lowest: Release | None = None
    highest: Release | None = None


def can_be_true(marker: Marker, environment: Environment) -> bool | None:
    """Whether ``marker`` is true in any of the environments; what nobody can know there counts as possible.

    ``None`` if it would take too long to tell: no real marker does.

    >>> from wheelfix.metadata.marker import read_marker
    >>> linux = Environment({"sys_platform": ("linux",)}, (3, 11), (3, 11))
    >>> can_be_true(read_marker("sys_platform == 'win32' or python_version < '3.9'"), linux)
    False
    """
    leaves = tuple(comparisons(marker))
    names = tuple(dict.fromkeys("python" if leaf.variable in _PYTHON else leaf.variable for leaf in leaves))
    candidates = [_candidates(name, leaves, environment) for name in names]
    if math.prod(map(len, candidates)) * len(leaves) > _MOST_STEPS:
        return None
    return any(_truth(marker, dict(zip(names, values, strict=True))) is not False for values in product(*candidates))


def _candidates(name: str, leaves: tuple[Comparison, ...], environment: Environment) -> list[str | None]:
    """Return values of a variable that stand for all; ``None`` is a value of which nothing is known."""
    if name == "python":
        return [*_pythons(leaves, environment)]
    if name in environment.values:
        return [*environment.values[name]]
    own = [leaf for leaf in leaves if leaf.variable == name]
    if name in _OPEN and all(leaf.operator in ("==", "!=") for leaf in own):
        return [*dict.fromkeys(leaf.value for leaf in own), _ELSE]
    return [None]


def _pythons(leaves: tuple[Comparison, ...], environment: Environment) -> Iterator[str | None]:
    """Yield the full Python versions between which the comparisons can tell a difference."""
    own = [leaf for leaf in leaves if leaf.variable in _PYTHON]
    if not all(_PLAIN_VERSIONS.fullmatch(leaf.value) for leaf in own):  # pre-releases lie between the others
        yield None
        return
    lowest, highest = environment.lowest or (2, 0), environment.highest or (_LATEST, _LATEST)
    found = {(*lowest, 0), (*highest, _HIGHEST_MICRO)}
    for leaf in own:
        for major, minor, micro in _RELEASE.findall(leaf.value):
            release = int(major), int(minor)
            at = int(micro or 0)
            found |= {(*release, each) for each in (0, max(at - 1, 0), at, at + 1, _HIGHEST_MICRO)}
            found |= {(release[0], release[1] + 1, 0), (release[0], max(release[1] - 1, 0), _HIGHEST_MICRO)}
        for major in re.findall(r"\d+", leaf.value)[:1]:
            found |= {(int(major), 0, 0), (int(major), _LATEST, 0), (int(major) + 1, 0, 0)}
    for each in sorted(found):
        if lowest <= each[:2] <= highest:
            yield ".".join(map(str, each))


def _truth(marker: Marker, values: Mapping[str, str | None]) -> bool | None:
    """Return the truth of ``marker``, ``None`` where it depends on what is not known (Kleene's logic)."""
    match marker:
        case Comparison(variable):
            value = values["python" if variable in _PYTHON else variable]
            if value is None:
                return None
            return _holds(marker.text, variable, value if variable != "python_version" else value.rpartition(".")[0])
        case Every(parts):
            found = [_truth(part, values) for part in parts]
            return False if False in found else None if None in found else True
        case Either(parts):
            found = [_truth(part, values) for part in parts]
            return True if True in found else None if None in found else False
        case _:
            assert_never(marker)


@lru_cache(maxsize=65_536)
def _holds(text: str, variable: str, value: str) -> bool | None:
    try:
        return StrictMarker(text).evaluate({variable: value})
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, RecursionError):
        return None
