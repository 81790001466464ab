"""Whether a marker can be true in given environments.

Only what every installer reads in the same way is decided: installers, and versions of one installer, differ in what
``>= "3.7.*"``, ``platform_machine > "x86"`` or ``python_version in "3.11"`` mean. What cannot be decided counts as possible.
"""

import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from types import MappingProxyType
from typing import Final, TypeAlias, assert_never

from msgspec import Struct, field
from packaging.specifiers import Specifier

from wheelfix.wheel.filename import parsed_version
from wheelfix.wheel.marker import Comparison, Either, Every, Marker, comparisons

Release: TypeAlias = tuple[int, int]
"""Major and minor version of Python."""

_PYTHON: Final = ("python_version", "python_full_version")
_OPEN: Final = frozenset(
    {
        "os_name", "sys_platform", "platform_system", "platform_machine", "implementation_name",
        "platform_python_implementation",
    }
)  # fmt: skip
"""Variables that are plain text: all values that a marker does not name are equivalent."""
_ELSE: Final = "\0"
"""Stands for every value that a marker does not name."""
_RELEASE: Final = re.compile(r"(?<![\d.])(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?")
_NUMBERS: Final = re.compile(r"[0-9]{1,8}(?:\.[0-9]{1,8})+")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_VERSIONS: Final = frozenset({"platform_release", "platform_version", "implementation_version"})
"""Variables whose values may be versions, or not."""
_PLAIN: Final = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,2}")
_HIGHEST_MICRO: Final = 99
_LATEST: Final = 99
_PSEUDO: Final = "\0python"
"""Stands for both variables of Python's version, which depend on each other."""
_MOST_PYTHONS: Final = 60
_LONGEST_VALUE: Final = 200
_MOST_STEPS: Final = 1_000
"""How many comparisons are made for one marker; real ones need less than a hundred."""


class Environment(Struct, frozen=True):
    """Environments in which a marker is evaluated: the possible values of each variable.

    ``values`` has every possible value of each variable that is known; a variable without an entry can have any value.
    ``lowest`` and ``highest`` are Python versions, each inclusive, and ``None`` without a limit.
    """

    values: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    lowest: Release | None = None
    highest: Release | None = None


def can_be_true(marker: Marker, environment: Environment) -> bool | None:
    """Whether ``marker`` is true in any of the environments; what is unknown there counts as possible.

    ``None`` if the answer would take too long; no real marker does.

    >>> from wheelfix.wheel.marker import read_marker
    >>> linux = Environment({"sys_platform": ("linux",)}, (3, 11), (3, 11))
    >>> can_be_true(read_marker("sys_platform == 'win32' or python_version < '3.9'"), linux)
    False
    """
    leaves = tuple(comparisons(marker))
    if not all(map(_is_agreed, leaves)):
        return True
    pythons = [leaf for leaf in leaves if leaf.variable in _PYTHON]
    if len(pythons) > _MOST_PYTHONS or any(len(leaf.value) > _LONGEST_VALUE for leaf in pythons):
        return None
    names = tuple(dict.fromkeys(_PSEUDO if leaf.variable in _PYTHON else leaf.variable for leaf in leaves))
    candidates = [_candidates(name, leaves, environment) for name in names]
    if math.prod(map(len, candidates)) * len(leaves) > _MOST_STEPS:
        return None
    return any(_truth(marker, dict(zip(names, values, strict=True))) is not False for values in product(*candidates))


def stays_true(after: Marker, before: Marker | None, environment: Environment) -> bool:
    """Whether ``after`` is surely true somewhere that ``before`` may be: for one platform and several patch releases.

    What cannot be decided in ``after`` is true only if ``before`` says the same. ``False`` if it would take too long.

    >>> from wheelfix.wheel.marker import read_marker
    >>> linux = Environment({"sys_platform": ("linux",)}, (3, 11), (3, 11))
    >>> markers = ("sys_platform == 'linux'", "platform_release == '1'", "python_full_version == '3.11.5'")
    >>> [stays_true(read_marker(each), None, linux) for each in markers]
    [True, False, False]
    """
    given = tuple(comparisons(before)) if before else ()
    after = _assuming(after, frozenset(each for each in given if not _is_decided(each, environment)))
    own = tuple(comparisons(after))
    leaves = (*own, *given)
    pythons = [leaf for leaf in leaves if leaf.variable in _PYTHON]
    if not all(_is_decided(each, environment) for each in own) or len(pythons) > _MOST_PYTHONS:
        return False
    before = before if all(map(_is_agreed, given)) else None  # then it may be true anywhere
    if any(len(leaf.value) > _LONGEST_VALUE for leaf in pythons):
        return False
    names = tuple(dict.fromkeys(leaf.variable for leaf in leaves if leaf.variable not in _PYTHON))
    candidates = [_candidates(name, leaves, environment) for name in names]
    own_releases = {text for text in _pythons(leaves, environment) if "rc" not in text}
    ends = product({text.rpartition(".")[0] for text in own_releases}, (0, _HIGHEST_MICRO))
    releases = sorted(own_releases.union(f"{minor}.{patch}" for minor, patch in ends))
    if math.prod(map(len, candidates)) * len(leaves) * len(releases) > _MOST_STEPS:
        return False
    for values in product(*candidates):
        known = dict(zip(names, values, strict=True))
        places = [known | {_PSEUDO: release} for release in releases]
        true = [each for each in places if _truth(after, each) and (before is None or _truth(before, each) is not False)]
        minors = [str(each[_PSEUDO]).rpartition(".")[0] for each in true]
        if len(minors) > len({*minors}):
            return True
    return False


def _is_decided(leaf: Comparison, environment: Environment) -> bool:
    """Whether the result of a comparison is known, where the value of its variable is chosen."""
    known = leaf.variable in _PYTHON or leaf.variable in environment.values
    return _is_agreed(leaf) and (known or (leaf.variable in _OPEN and leaf.operator in ("==", "!=")))


def _assuming(marker: Marker, given: frozenset[Comparison]) -> Marker:
    """Return ``marker`` where the comparisons ``given`` are true."""
    match marker:
        case Comparison():
            return Every(()) if marker in given else marker
        case Every(parts):
            return Every(tuple(_assuming(part, given) for part in parts))
        case Either(parts):
            return Either(tuple(_assuming(part, given) for part in parts))
        case _:
            assert_never(marker)


def _candidates(name: str, leaves: tuple[Comparison, ...], environment: Environment) -> list[str | None]:
    """Return values of a variable that represent all its values; ``None`` is an unknown value."""
    if name == _PSEUDO:
        return [*_pythons(leaves, environment)]
    if name in environment.values:
        return [*environment.values[name]]
    own = [leaf for leaf in leaves if leaf.variable == name]
    if name in _OPEN and all(leaf.operator in ("==", "!=") for leaf in own):
        return [*dict.fromkeys(leaf.value for leaf in own), _ELSE]
    return [None]


def _pythons(leaves: tuple[Comparison, ...], environment: Environment) -> Iterator[str]:
    """Yield the full Python versions for which the comparisons can have different results."""
    own = [leaf for leaf in leaves if leaf.variable in _PYTHON]
    lowest, highest = environment.lowest or (2, 0), environment.highest or (_LATEST, _LATEST)
    found = {(*lowest, 0), (*highest, _HIGHEST_MICRO)}
    for leaf in own:
        found.update(_neighbours(leaf.value))
        found.update(_named(leaf.value) if leaf.operator.endswith("in") else ())
    with_candidates = any(leaf.variable == "python_full_version" for leaf in own)
    for each in sorted(found):
        if lowest <= each[:2] <= highest:
            text = ".".join(map(str, each))
            yield from (text, f"{text}rc1") if with_candidates else (text,)


def _neighbours(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield the versions that ``text`` names and those next to them."""
    for first, second, third in _RELEASE.findall(text):
        major, minor, micro = int(first), int(second), int(third or 0)
        yield from ((major, minor, each) for each in (0, max(micro - 1, 0), micro, micro + 1, _HIGHEST_MICRO))
        yield major, minor + 1, 0
        yield major, max(minor - 1, 0), _HIGHEST_MICRO
    for major in map(int, re.findall(r"[0-9]{1,4}", text)[:1]):
        yield from ((major, 0, 0), (major, _LATEST, 0), (major + 1, 0, 0))


def _named(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield every version that is a part of ``text``: ``in`` compares texts, and 3.1 is in "3.11"."""
    for found in _NUMBERS.finditer(text):
        parts = found[0].split(".")
        for first, second, third in zip(parts, parts[1:], [*parts[2:], ""], strict=False):
            for start, stop in product(range(len(first)), range(1, len(second) + 1)):
                release = int(first[start:]), int(second[:stop])
                yield from ((*release, int(third[:end] or 0)) for end in range(len(third) + 1))


def _truth(marker: Marker, values: Mapping[str, str | None]) -> bool | None:
    """Return whether ``marker`` is true, ``None`` where that depends on unknown values (Kleene's logic)."""
    match marker:
        case Comparison(variable):
            value = values[_PSEUDO if variable in _PYTHON else variable]
            if value is None:
                return None
            return _holds(marker, value)
        case Every(parts):
            found = [_truth(part, values) for part in parts]
            return False if False in found else None if None in found else True
        case Either(parts):
            found = [_truth(part, values) for part in parts]
            return True if True in found else None if None in found else False
        case _:
            assert_never(marker)


def _holds(leaf: Comparison, value: str) -> bool | None:
    """Return whether a comparison is true for a value of its variable, ``None`` where installers differ."""
    if leaf.variable in _PYTHON:
        return _python_holds(leaf, value)
    match leaf.operator:
        case "==":
            return value == leaf.value
        case "!=":
            return value != leaf.value
        case "in":
            return leaf.value in value if leaf.contained else value in leaf.value
        case "not in":
            return leaf.value not in value if leaf.contained else value not in leaf.value
        case _:
            return None


def _python_holds(leaf: Comparison, value: str) -> bool | None:
    """Compare versions of Python; ``value`` is a full one."""
    own = value.rpartition(".")[0] if leaf.variable == "python_version" else value
    if leaf.operator in ("in", "not in"):
        listed = _listed(leaf.value)
        if leaf.contained or (own in leaf.value) is not (own in listed):
            return None  # some read it as text, some as a list
        return (own in listed) is (leaf.operator == "in")
    text = leaf.value.removesuffix(".*")
    if leaf.variable == "python_version" and text.count(".") > 1:
        return None  # some compare 3.7 with 3.7.1, some do not
    if "rc" in own and value.partition("rc")[0] == ".".join([*text.split("."), "0", "0"][:3]):
        return None  # some treat a pre-release like the release
    return _specifier(f"{leaf.operator}{leaf.value}").contains(own, prereleases=True)


def _is_agreed(leaf: Comparison) -> bool:
    """Whether every installer understands a comparison; some ignore a whole marker if they do not understand a part."""
    if leaf.variable not in _PYTHON:
        return leaf.operator not in ("===", "~=")
    turned = not leaf.text.startswith(leaf.variable)
    if turned and (leaf.operator == "~=" or leaf.value.endswith(".*")):
        return False
    match leaf.operator:
        case "in" | "not in":
            return all(_PLAIN.fullmatch(each) for each in _listed(leaf.value))
        case "==" | "!=":
            return _PLAIN.fullmatch(leaf.value.removesuffix(".*")) is not None
        case "~=":
            return "." in leaf.value and _PLAIN.fullmatch(leaf.value) is not None
        case "===":
            return False
        case _:
            return _PLAIN.fullmatch(leaf.value) is not None


def is_read_alike(leaf: Comparison) -> bool:
    """Whether pip and uv take a comparison that both accept for the same.

    Measured with pip 26.3 and uv 0.13.9: some ignore what they do not understand, some read it as text.

    >>> from wheelfix.wheel.marker import read_marker
    >>> markers = ("python_version in '3.8 3.9'", "python_version in '3.8, 3.9'", "platform_release >= '5'")
    >>> [is_read_alike(read_marker(each)) for each in markers]
    [True, False, False]
    """
    if "\\" in leaf.text or not leaf.value.isprintable():
        return False
    if leaf.variable in _PYTHON:
        return not leaf.contained and _is_agreed(leaf)
    if leaf.variable == "extra":
        return leaf.operator in ("==", "!=") and _NAME.fullmatch(leaf.value) is not None
    if leaf.variable in _VERSIONS:
        is_version = parsed_version(leaf.value.removesuffix(".*")) is not None
        return leaf.operator in ("==", "in", "not in") or (leaf.operator == "!=" and not is_version)
    return True


def _listed(text: str) -> list[str]:
    """Return the versions of a list; not every installer understands commas between them."""
    return text.split() or [text]


@lru_cache(maxsize=4096)
def _specifier(text: str) -> Specifier:
    return Specifier(text)
