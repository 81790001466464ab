"""Which shared libraries the binaries of a wheel link to, read smallest first and only as far as needed."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import BinaryIO, Final, cast

from msgspec import Struct, field

from wheelfix.errors import ArchiveError
from wheelfix.evidence.catalogue import library_runtime
from wheelfix.evidence.elf import MAGIC, Dynamic, UnreadableBinary, is_binary, is_debug_file, read_dynamic, system_of
from wheelfix.text import shown
from wheelfix.wheel.zip.inflate import ZLIB, Allowance, EntryFile, Library, library_for, read_start
from wheelfix.wheel.zip.layout import Layout
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import Entry

_MOST_BYTES: Final = 12 << 30
"""How much of a wheel's binaries is inflated at most, in bytes; the largest real wheels have 2 GiB."""
_MOST_CALLS: Final = 200_000
_CALLS_EACH: Final = 400
_GREATEST_RATIO: Final = 200
"""The highest compression ratio of a binary that is read; real ones are far below, a run of zeros has 1,000."""
_SMALL: Final = 1 << 24
_SAMPLE_SIZE: Final = 1 << 20
"""The largest binary, in bytes, that is read to see whether a wheel contradicts itself; for torch that takes 30 ms."""
_SAMPLE_COUNT: Final = 50
_MOST_BINARIES: Final = 5_000
_START: Final = 1_024
"""How much of a file is read to see whether it is a program for another system, in bytes."""
_LARGE: Final = 1 << 22
"""From which size on, in bytes, binaries are read side by side."""
_READERS: Final = 2
"""How many threads read binaries. Each keeps 8 MiB, and most large wheels have two binaries that are much larger than
the others."""
_BATCH_SIZE: Final = 4
"""How many binaries a search hands to the threads before it looks at what they found: the same on every machine, so that the
binary that it names is the same too."""
_MOST_TIMES: Final = 3
"""How many times its size may be read of a binary beside others; real ones take 1.2."""
_MOST_LOOKS: Final = 5_000
"""How many reads a binary beside others may take; real ones take some hundred."""
_NOT_READ: Final = "it is not an ELF file; other formats are not read"


class Binary(Struct, frozen=True):
    """One shared object or program of a wheel: its path, and what its dynamic section says."""

    path: str
    dynamic: Dynamic

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which other binaries can link to it."""
        name = self.path.rpartition("/")[2]
        return (name, self.dynamic.soname) if self.dynamic.soname not in (None, name) else (name,)


class Link(Struct, frozen=True):
    """That ``path`` links to ``library``; without a ``hard`` link an extension module cannot be imported."""

    path: str
    library: str
    hard: bool


class Linkage(Struct, frozen=True, dict=True):
    """What was read of a wheel's binaries so far.

    ``unread`` maps binaries that could not be read to the reason; ``complete`` says whether all are read. ``names`` are the
    file names of the shared objects, read or not, except those that are never loaded.
    """

    binaries: tuple[Binary, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    complete: bool = False
    names: frozenset[str] = frozenset()

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The links to libraries of the GPU catalogue that the wheel does not bundle under that file name.

        The loader looks for file names; a different SONAME helps only after the library has been loaded.
        """
        modules = [each.path for each in self.binaries if each.dynamic.is_module]
        hard = _closure(modules, self._loads)
        return tuple(
            Link(binary.path, library, binary.path in hard)
            for binary in self.binaries
            for library, elsewhere in _each_needed(binary)
            if (elsewhere or library not in self.names) and library_runtime(library)
        )

    def first(self, wanted: Callable[[str], bool], *, hard: bool = False) -> Link | None:
        """Return the first link to a library that is ``wanted``; with ``hard`` only a hard one counts."""
        firsts = self._first_hard if hard else self._first
        return next((link for library, link in firsts.items() if wanted(library)), None)

    @cached_property
    def _first(self) -> Mapping[str, Link]:
        return {link.library: link for link in reversed(self.links)}

    @cached_property
    def _first_hard(self) -> Mapping[str, Link]:
        return {link.library: link for link in reversed(self.links) if link.hard}

    def broken_without(self, wanted: Callable[[str], bool]) -> tuple[str, ...]:
        """Return the extension modules that cannot be imported without libraries that are ``wanted``, sorted."""
        direct = [link.path for link in self.links if wanted(link.library)]
        broken = _closure(direct, self._loaded_by)
        return tuple(sorted(each.path for each in self.binaries if each.dynamic.is_module and each.path in broken))

    def links_to(self, removed: Collection[str]) -> Iterator[tuple[str, Link]]:
        """Yield each of the files ``removed`` that a binary which is not links to, with that link.

        A library of that name which is kept serves as well.
        """
        kept = {name for each in self.binaries if each.path not in removed for name in each.names}
        gone = {path.rpartition("/")[2]: path for path in removed}
        gone |= {name: each.path for each in self.binaries if each.path in removed for name in each.names}
        for binary in self.binaries:
            for library, elsewhere in _each_needed(binary) if binary.path not in removed else ():
                if not elsewhere and library in gone and library not in kept:
                    yield gone[library], Link(binary.path, library, hard=True)

    @cached_property
    def _by_name(self) -> Mapping[str, list[str]]:
        """The paths of the binaries that have each name."""
        found: dict[str, list[str]] = {}
        for binary in self.binaries:
            for name in binary.names:
                found.setdefault(name, []).append(binary.path)
        return found

    @cached_property
    def _loads(self) -> Mapping[str, list[str]]:
        """The binaries of the wheel that the loader loads together with each binary."""
        return {
            binary.path: [path for library, _ in _each_needed(binary) for path in self._by_name.get(library, ())]
            for binary in self.binaries
        }

    @cached_property
    def _loaded_by(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path, loaded in self._loads.items():
            for each in loaded:
                found.setdefault(each, []).append(path)
        return found


def _closure(starts: Iterable[str], following: Mapping[str, Iterable[str]]) -> set[str]:
    """Return ``starts`` and everything that is reachable from them."""
    waiting = deque(starts)
    seen = set(waiting)
    while waiting:
        new = [each for each in following.get(waiting.popleft(), ()) if each not in seen]
        seen.update(new)
        waiting.extend(new)
    return seen


class Scanner:
    """Reads the binaries of a wheel, smallest first, and continues from what is ``known`` from an earlier run.

    Files named like shared objects come first, then everything else that begins like an ELF file: programs must find their
    libraries too. What no loader accepts, code for a device or debugging information, is skipped. Programs in other formats
    cannot be read; they count if they are for one of ``systems``, or for any if that is ``None``.
    """

    def __init__(
        self,
        source: Readable,
        layout: Layout,
        known: Linkage | None = None,
        *,
        systems: Collection[str] | None = None,
    ) -> None:
        self._source = source
        self._systems = systems
        self._layout = layout
        candidates = layout.named(is_binary)
        known = known or Linkage()
        seen = known.unread.keys() | {binary.path for binary in known.binaries}
        left = [] if known.complete else [each for each in candidates if each.name not in seen]
        self._waiting = deque(sorted(left, key=_by_size))
        self._others = [] if known.complete else [name for name in _possible_programs(layout) if name not in seen]
        debug_files = [] if known.complete else layout.named(is_debug_file)
        self._debug_files = [each for each in debug_files if each.name not in seen]
        calls = _MOST_CALLS + _CALLS_EACH * min(len(candidates), _MOST_BINARIES)
        self._allowance = Allowance(bytes_=_MOST_BYTES, calls=calls)
        self._candidates = frozenset(each.name for each in candidates)
        self._names = known.names if known.complete else _bases(self._candidates)
        self._binaries = [*known.binaries]
        self._unread = {**known.unread}
        self._skipped: set[str] = set()
        self._linkage: Linkage | None = None
        small = sorted((each for each in candidates if each.size <= _SAMPLE_SIZE), key=_by_size)
        self._sample = frozenset(each.name for each in small[:_SAMPLE_COUNT])

    @property
    def linkage(self) -> Linkage:
        """What was read so far."""
        if self._linkage is None:
            complete = not self._waiting and not self._others and not self._loaded_debug_files()
            self._linkage = Linkage(tuple(self._binaries), dict(self._unread), complete, self._loadable_names())
        return self._linkage

    def read_all(self) -> Linkage:
        """Read the rest, and return everything."""
        while self._is_left():
            self._read_next(len(self._waiting))
        return self.linkage

    def read_sample(self) -> Linkage:
        """Return what a limited number of small binaries says: always the same, whatever else was read."""
        while self._waiting and self._waiting[0].name in self._sample:
            self._read_next()
        chosen = tuple(binary for binary in self._binaries if binary.path in self._sample)
        return Linkage(chosen, names=self._names)

    def find_link(self, wanted: Callable[[str], bool]) -> Link | None:
        """Return a hard link to a ``wanted`` library, reading on until there is one."""
        promising, next_look = False, 0
        news: Sequence[Binary] = self._binaries
        while True:
            promising = promising or any(map(wanted, _needed_by(news)))
            # each look takes all of them into account
            if promising and (len(self._binaries) >= next_look or not self._is_left()):
                found = self.linkage.first(wanted, hard=True)
                if found:
                    return found
                next_look = len(self._binaries) * 5 // 4
            if not self._is_left():
                return None
            news = self._read_next()

    def _read_next(self, most: int = _BATCH_SIZE) -> Sequence[Binary]:
        """Read the next binary, or the next ones, at most ``most``, side by side where they are large."""
        before = len(self._binaries)
        self._linkage = None
        lot = [self._waiting.popleft()]
        while lot[0].size >= _LARGE and self._waiting and len(lot) < most:
            lot.append(self._waiting.popleft())
        for entry, found in zip(lot, self._look_into(lot), strict=True):
            match found:
                case None:
                    self._skipped.add(entry.name)
                case str():
                    self._unread[entry.name] = found
                case _:
                    self._binaries.append(Binary(entry.name, found))
        return self._binaries[before:]

    def _look_into(self, lot: Sequence[Entry]) -> Iterable[Dynamic | str | None]:
        """Return what each binary says, why it cannot be read, or ``None`` if no loader accepts it."""
        if len(lot) == 1:
            return [_read(self._source, lot[0], self._allowance)]
        from concurrent.futures import ThreadPoolExecutor  # imported late: few wheels have several large binaries

        with ThreadPoolExecutor(min(_READERS, len(lot)), "wheelfix-scan") as pool:
            allowances = {entry: self._part(entry) for entry in lot}  # in order, so that a limit always hits the same ones
            by_size = sorted(lot, key=_by_size, reverse=True)  # so that no thread is left with the largest one at the end
            running = {entry: pool.submit(_read, self._source, entry, allowances[entry]) for entry in by_size}
            return [running[entry].result() for entry in lot]

    def _part(self, entry: Entry) -> Allowance:
        """Return an allowance for one binary, taken from that for all; an empty one where there is not enough left."""
        try:
            self._allowance.spend(_MOST_TIMES * entry.size)
        except ArchiveError:
            return Allowance(bytes_=0, calls=0)
        return Allowance(bytes_=_MOST_TIMES * entry.size, calls=_MOST_LOOKS)

    def _is_left(self) -> bool:
        """Whether there is a binary to read; after all shared objects come the other files."""
        if not self._waiting and self._others:
            others, self._others, self._linkage = self._others, [], None
            self._waiting.extend(sorted(filter(self._begins_like_elf, map(self._layout.find, others)), key=_by_size))
        if not self._waiting and (loaded := self._loaded_debug_files()):
            self._debug_files = [each for each in self._debug_files if each not in loaded]
            self._waiting.extend(sorted(loaded, key=_by_size))
        return bool(self._waiting)

    def _begins_like_elf(self, entry: Entry) -> bool:
        """Whether it is an ELF file; a program for another system is noted as unread."""
        try:
            start = read_start(self._source, entry, 2 * len(MAGIC))
            if start.startswith(b"MZ"):
                start = read_start(self._source, entry, _START)
        except ArchiveError as error:
            self._unread[entry.name] = error.message
            return False
        system = system_of(start)
        if system is not None and (self._systems is None or system in self._systems):
            self._unread[entry.name] = _NOT_READ
        return start.startswith(MAGIC)

    def _loaded_debug_files(self) -> list[Entry]:
        """Return the files named like debugging information that a binary links to: they are loaded anyway."""
        if not self._debug_files:
            return []
        needed = {library for binary in self._binaries for library, _ in _each_needed(binary)}
        return [each for each in self._debug_files if each.name.rpartition("/")[2] in needed]

    def _loadable_names(self) -> frozenset[str]:
        """Return the names of the libraries that the wheel bundles, without files that no loader accepts."""
        return self._names - (_bases(self._skipped) - _bases(self._candidates - self._skipped))


def _read(source: Readable, entry: Entry, allowance: Allowance) -> Dynamic | str | None:
    """Return what the binary ``entry`` says, why it cannot be read, or ``None`` if no loader accepts it.

    All of it is inflated and compared with its CRC-32: a verdict can rest on it. isal takes only such data that zlib refuses
    as has one reading, but with damage it could be wrong data; where isal refuses, zlib decides.
    """
    if not entry.size:
        return None
    if entry.size > _SMALL and entry.size > _GREATEST_RATIO * (entry.data_stop - entry.data_start):
        return "its compression ratio is higher than that of any real binary"
    library = library_for(entry.size)
    found = _read_with(library, source, entry, allowance)
    return _read_with(ZLIB, source, entry, allowance) if isinstance(found, str) and library is not ZLIB else found


def _read_with(library: Library, source: Readable, entry: Entry, allowance: Allowance) -> Dynamic | str | None:
    try:
        file = EntryFile(source, entry, allowance, library)
        if file.read(len(MAGIC)) != MAGIC:
            return _NOT_READ
        dynamic = read_dynamic(cast(BinaryIO, file))
        if dynamic is not None:
            file.check_content()
    except ArchiveError as error:
        return error.message
    except UnreadableBinary as error:
        return str(error)
    return dynamic


def _needed_by(binaries: Iterable[Binary]) -> Iterator[str]:
    return (library for binary in binaries for library, _ in _each_needed(binary))


def _each_needed(binary: Binary) -> Iterator[tuple[str, bool]]:
    """Yield the name of each library that a binary links to, and whether it must be outside of the wheel.

    A name can be a path: relative to the binary (``$ORIGIN/libx.so``), or an absolute one.
    """
    return ((library.rpartition("/")[2], library.startswith("/")) for library in dict.fromkeys(binary.dynamic.needed))


def _bases(paths: Iterable[str]) -> frozenset[str]:
    return frozenset(path.rpartition("/")[2] for path in paths)


def _possible_programs(layout: Layout) -> Iterator[str]:
    """Yield the names of the files that can be programs: most files of a wheel, so that no entry is made for them yet."""
    for name, number in layout.numbers.items():
        if layout.sizes[number] > len(MAGIC) and not is_binary(name) and not is_debug_file(name):
            yield name


def _by_size(entry: Entry) -> tuple[int, str]:
    return entry.size, entry.name


def unread_reason(linkage: Linkage) -> str:
    """Return which binaries were not read and why, as a clause; empty if all were."""
    if not linkage.unread:
        return ""
    path, reason = next(iter(linkage.unread.items()))
    more = f" and {len(linkage.unread) - 1} more" if len(linkage.unread) > 1 else ""
    return f"{shown(path)}{more} cannot be checked: {reason}"
