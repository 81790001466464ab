"""The GPU catalogue: which requirement provides which shared libraries, and for which runtime.

People write ``catalogue.toml``; ``docs/write_reference.py`` makes ``catalogue.json`` from it, which is read in 0.2 ms
instead of 1.6, and a test compares them.
"""

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from wheelfix.globs import matcher, matches
from wheelfix.wheel.requirement import Requirement

_HASHED: Final = re.compile(r"(?P<stem>lib[\w+]+?)[-.][0-9a-f]{8}(?P<end>\.so(?:\.[\w.]+)?)")
"""A library as auditwheel and similar tools bundle it, with the start of its hash in the name."""
_CUDA_MAJOR: Final = re.compile(r"-cu(?P<major>[1-9]\d)$")


class Provided(Struct, frozen=True):
    """What a requirement provides: ``runtimes`` that use it, the first of which decides, and patterns for ``libraries``.

    ``frameworks`` are patterns for libraries of other wheels that need it: the GPU halves of frameworks for ``runtimes``.

    >>> from wheelfix.wheel.requirement import read_requirement
    >>> found = provided_by(read_requirement("nvidia-cublas-cu12==12.6.4.1"))
    >>> found.runtimes, found.includes("libcublasLt.so.12"), found.includes("libcublas.so.11")
    (('cuda',), True, False)
    """

    runtimes: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ()

    def includes(self, library: str) -> bool:
        """Whether it provides the library that a binary links to by this name."""
        return matches(self.libraries, library)

    def is_needed_for(self, library: str) -> bool:
        """Whether a binary that links to ``library`` needs it: it provides the library, or the library is built on it."""
        return self.includes(library) or matches(self.frameworks, library)


class _Entry(msgspec.Struct, frozen=True):
    runtimes: tuple[str, ...]
    names: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    extras: dict[str, tuple[str, ...]] = {}

    def fits(self, name: str) -> bool:
        return matches(self.names, name)


class _Framework(msgspec.Struct, frozen=True):
    runtime: str
    libraries: tuple[str, ...]

    @property
    def forms(self) -> tuple[str, ...]:
        return tuple(form for pattern in self.libraries for form in _forms(pattern))


class _Catalogue(msgspec.Struct, frozen=True):
    framework: tuple[_Framework, ...]
    entry: tuple[_Entry, ...]


_DECODER: Final = msgspec.json.Decoder(_Catalogue)
"""Made at import, before there are threads: msgspec 0.22 crashes where two of them prepare it at once."""


def provided_by(requirement: Requirement) -> Provided | None:
    """Return what ``requirement`` provides, ``None`` if it is not in the catalogue."""
    return _provided(requirement.name, requirement.extras)


@lru_cache(maxsize=1024)
def _provided(name: str, extras: frozenset[str] = frozenset()) -> Provided | None:
    fitting = [entry for entry in _catalogue().entry if entry.fits(name)]
    if not fitting:
        return None
    major = _CUDA_MAJOR.search(name)
    patterns = [form for entry in fitting for pattern in entry.libraries for form in _forms(pattern)]
    libraries = [pattern.replace("{cuda}", major["major"] if major else "*") for pattern in patterns]
    for provider in sorted({each for entry in fitting for extra in extras for each in entry.extras.get(extra, ())}):
        found = _provided(provider)
        libraries += found.libraries if found else ()
    frameworks = (form for each in _catalogue().framework if each.runtime in fitting[0].runtimes for form in each.forms)
    return Provided(fitting[0].runtimes, tuple(dict.fromkeys(libraries)), tuple(dict.fromkeys(frameworks)))


@lru_cache(maxsize=16_384)
def library_runtime(library: str) -> str | None:
    """Return the runtime of the library ``library``, ``None`` if it is not in the catalogue.

    Part of a hash in the name does not count:

    >>> library_runtime("libcudart-faf08d9a.so.13"), library_runtime("libtorch_cuda.so"), library_runtime("libtorch_cpu.so")
    ('cuda', 'cuda', None)
    """
    plain = plain_name(library)
    return next((runtime for pattern, runtime in _libraries() if matcher(pattern)(plain)), None)


def plain_name(library: str) -> str:
    """Return the name of a library without the part of a hash that tools add when they bundle it."""
    found = _HASHED.fullmatch(library)
    return found["stem"] + found["end"] if found else library


def _forms(pattern: str) -> tuple[str, ...]:
    """Return a pattern for a library with its version, and one without, as development links have it."""
    bare = pattern.partition(".so")[0] + ".so"
    return (pattern,) if pattern == bare or ".so" not in pattern else (pattern, bare)


@cache
def _libraries() -> tuple[tuple[str, str], ...]:
    provided = (
        (form.replace("{cuda}", "*"), entry.runtimes[0])
        for entry in _catalogue().entry
        for pattern in entry.libraries
        for form in _forms(pattern)
    )
    return (*provided, *((form, each.runtime) for each in _catalogue().framework for form in each.forms))


@cache
def names() -> frozenset[str]:
    """Return every pattern for a name in the catalogue."""
    return frozenset(name for entry in _catalogue().entry for name in entry.names)


@cache
def _catalogue() -> _Catalogue:
    return _DECODER.decode(Path(__file__).with_name("catalogue.json").read_bytes())
