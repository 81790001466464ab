"""The GPU catalogue, catalogue.toml: which requirement provides which shared libraries, and for which runtime."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from wheelfix.metadata.requirement import Requirement

_CUDA_MAJOR: Final = re.compile(r"-cu(?P<major>[1-9]\d)$")


@dataclass(frozen=True, slots=True)
class Provided:
    """What a requirement brings: ``runtimes`` that use it, the first of which decides, and patterns for ``libraries``.

    >>> from wheelfix.metadata.requirement import read_requirement
    >>> found = provided_by(read_requirement("nvidia-cublas-cu12==12.6.4.1"))
    >>> found.runtimes, found.includes("libcublasLt.so.12"), found.includes("libcublas.so.11")
    (('cuda',), True, False)
    """

    runtimes: tuple[str, ...]
    libraries: tuple[str, ...] = ()

    def includes(self, library: str) -> bool:
        """Whether it brings the library that a binary asks the loader for under this name."""
        return any(_pattern(each)(library) for each in self.libraries)


@dataclass(frozen=True, slots=True)
class _Entry:
    runtimes: tuple[str, ...]
    names: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def fits(self, name: str) -> bool:
        return any(_pattern(each)(name) for each in self.names)


def provided_by(requirement: Requirement) -> Provided | None:
    """Return what ``requirement`` brings, ``None`` if it is not in the catalogue."""
    return _provided(requirement.name, requirement.extras)


@lru_cache(maxsize=1024)
def _provided(name: str, extras: frozenset[str] = frozenset()) -> Provided | None:
    fitting = [entry for entry in _entries() if entry.fits(name)]
    if not fitting:
        return None
    major = _CUDA_MAJOR.search(name)
    patterns = [form for entry in fitting for pattern in entry.libraries for form in _forms(pattern)]
    libraries = [pattern.replace("{cuda}", major["major"] if major else "*") for pattern in patterns]
    for member in sorted({each for entry in fitting for extra in extras for each in entry.extras.get(extra, ())}):
        found = _provided(member)
        libraries += found.libraries if found else ()
    return Provided(fitting[0].runtimes, tuple(dict.fromkeys(libraries)))


@lru_cache(maxsize=16_384)
def library_runtime(library: str) -> str | None:
    """Return the runtime to which the library called ``library`` belongs, ``None`` if it is none of the catalogue."""
    return next((runtime for pattern, runtime in _libraries() if _pattern(pattern)(library)), None)


def _forms(pattern: str) -> tuple[str, ...]:
    """Return a pattern for a library with its version, and one without: development links have none."""
    bare = pattern.partition(".so")[0] + ".so"
    return (pattern,) if pattern == bare or ".so" not in pattern else (pattern, bare)


@cache
def _pattern(text: str) -> Callable[[str], object]:
    """Return what tells whether a name fits a pattern; the standard library remembers too few of them."""
    return re.compile(translate(text)).match


@cache
def _libraries() -> tuple[tuple[str, str], ...]:
    return tuple(
        (form.replace("{cuda}", "*"), entry.runtimes[0])
        for entry in _entries()
        for pattern in entry.libraries
        for form in _forms(pattern)
    )


@cache
def names() -> frozenset[str]:
    """Return every pattern for a name in the catalogue."""
    return frozenset(name for entry in _entries() for name in entry.names)


@cache
def _entries() -> tuple[_Entry, ...]:
    text = files("wheelfix.evidence").joinpath("catalogue.toml").read_text("utf-8")
    return tuple(
        _Entry(
            tuple(each["runtimes"]),
            tuple(each["names"]),
            tuple(each.get("libraries", ())),
            {extra: tuple(members) for extra, members in each.get("extras", {}).items()},
        )
        for each in tomllib.loads(text)["entry"]
    )
