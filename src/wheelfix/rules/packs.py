"""Rule packs: rule files in an installed distribution, which names them in the entry point group ``wheelfix.rules``.

The name of the entry point is that of the pack. Its value is a package, which stands for the ``*.toml`` files in it, or
``package:file.toml``. Files are only read: no code of the pack, or of any other package, is imported.
https://packaging.python.org/en/latest/specifications/entry-points/
"""

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from msgspec import Struct
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from wheelfix.text import closest, shown_few

GROUP: Final = "wheelfix.rules"
"""The group of the entry points."""
_SUFFIX: Final = ".toml"


class Pack(Struct, frozen=True):
    """An installed rule pack: its name, the version of its distribution, and its rule files below ``root``, by name."""

    name: str
    version: str
    root: Path
    files: tuple[Path, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def title(self, file: Path) -> str:
        """Return what a file of the pack is called in messages: no path of this machine."""
        return f"{self}: {file.relative_to(self.root).as_posix()}"


class NoPack(Exception):
    """There is no such pack: ``message`` is a clause, ``hint`` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def pack_requirement(source: str) -> Requirement | None:
    """Return what ``source`` names, such as ``acme-rules>=2``: a pack and its versions; ``None`` if it names none."""
    try:
        found = Requirement(source)
    except InvalidRequirement:
        return None
    return None if found.url or found.marker or found.extras else found


def find_pack(wanted: Requirement) -> Pack:
    """Return the installed pack that ``wanted`` names.

    :raises NoPack: if there is none, several have the name, its version is another, or its files are not there.
    """
    install = f"pip install --upgrade '{wanted}'"
    found = [each for each in _installed() if canonicalize_name(each.name) == canonicalize_name(wanted.name)]
    if not found:
        close = closest(wanted.name, installed_packs())
        hint = f"Did you mean {close}?" if close else f"Install it, for example with `{install}`. File names end with .toml."
        raise NoPack(f"there is no rule set or installed rule pack {wanted.name!r}", hint)
    if len(found) > 1:
        names = [_distribution(each) for each in found]
        raise NoPack(f"{shown_few(names)} have a rule pack {wanted.name!r}", "Uninstall all but one of them.")
    pack = _pack_of(found[0])
    if not wanted.specifier.contains(pack.version, prereleases=True):
        raise NoPack(f"{pack} is installed, and not {wanted.specifier}", f"Run `{install}`.")
    return pack


def installed_packs() -> tuple[str, ...]:
    """Return the names of all installed packs, sorted; whether their files are there is not checked."""
    return tuple(sorted({each.name for each in _installed()}))


def _installed() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))


def _distribution(entry: EntryPoint) -> str:
    return str(entry.dist.name) if entry.dist else "?"


def _pack_of(entry: EntryPoint) -> Pack:
    """Return the pack of an entry point.

    :raises NoPack: if its files are not there.
    """
    package, _, file = entry.value.partition(":")
    package, file = package.strip(), file.strip()
    version = entry.dist.version if entry.dist else "0"
    hint = f"Report it to the authors of {_distribution(entry)}."
    if not all(map(str.isidentifier, package.split("."))) or (file and not _is_file_name(file)):
        raise NoPack(f"the rule pack {entry.name!r} has an invalid entry point: {entry.value!r}", hint)
    for directory in map(Path.resolve, _directories(entry, package)):
        files = [directory / file] if file else sorted(directory.glob(f"*{_SUFFIX}"))
        if files and all(map(Path.is_file, files)):
            return Pack(entry.name, version, directory, tuple(files))
    raise NoPack(f"the rule pack {entry.name!r} has no rule files: {entry.value!r} names none", hint)


def _is_file_name(text: str) -> bool:
    return text.endswith(_SUFFIX) and Path(text).name == text


def _directories(entry: EntryPoint, package: str) -> Iterator[Path]:
    """Yield where the files of ``package`` may lie: beside its metadata, or where an editable install has put it.

    Finders are asked for the top package only: that imports nothing.
    """
    parts = package.split(".")
    if entry.dist is not None:
        yield Path(str(entry.dist.locate_file("/".join(parts))))
    try:
        spec = find_spec(parts[0])
    except ValueError:  # a module that was made in another way, such as __main__
        spec = None
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(place, *parts[1:])
