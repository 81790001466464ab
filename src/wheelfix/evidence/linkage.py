"""Which shared libraries the binaries of a wheel link to, read smallest first and only as far as needed."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final, cast

from wheelfix.archive.layout import Member
from wheelfix.archive.source import Readable
from wheelfix.archive.unpacking import Allowance, MemberFile
from wheelfix.errors import ArchiveError
from wheelfix.escaping import shown
from wheelfix.evidence.elf import MAGIC, Dynamic, UnreadableBinary, read_dynamic

_SHARED_OBJECT: Final = re.compile(r"\.so(?:\.[\w.]+)?$")
_OTHER_BINARY: Final = re.compile(r"\.(?:pyd|dll|dylib)$", re.IGNORECASE)
_MOST_BYTES: Final = 6 << 30
"""How much of a wheel's binaries is inflated at most, in bytes; the largest real ones have 2 GiB."""
_MOST_CALLS: Final = 200_000
_CALLS_EACH: Final = 2_000
_GREATEST_RATIO: Final = 200
"""How much smaller than its content a binary may be packed; of real ones none gets near, a run of zeros has 1,000."""
_SMALL: Final = 1 << 24
_MOST_BINARIES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Binary:
    """One shared object of a wheel: its member's name, and what its dynamic section says."""

    path: str
    dynamic: Dynamic

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which others may ask the loader for it."""
        name = self.path.rpartition("/")[2]
        return (name, self.dynamic.soname) if self.dynamic.soname not in (None, name) else (name,)


@dataclass(frozen=True, slots=True)
class Link:
    """That ``path`` links to ``library``; a ``hard`` link is one that an extension module cannot be imported without."""

    path: str
    library: str
    hard: bool


@dataclass(frozen=True, slots=True)
class Linkage:
    """What was read of a wheel's binaries so far.

    ``unread`` maps binaries that could not be read to the reason; ``complete`` tells whether there are no more.
    """

    binaries: tuple[Binary, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    complete: bool = False

    def links(self, wanted: Callable[[str], bool]) -> Iterator[Link]:
        """Yield the links to libraries that are ``wanted`` and that the wheel does not bring itself."""
        own = {name for binary in self.binaries for name in binary.names}
        hard = self._reachable()
        for binary in self.binaries:
            for library in binary.dynamic.needed:
                if library not in own and wanted(library):
                    yield Link(binary.path, library, binary.path in hard)

    def broken_without(self, wanted: Callable[[str], bool]) -> tuple[str, ...]:
        """Return the extension modules that cannot be imported without libraries that are ``wanted``, sorted."""
        direct = {link.path for link in self.links(wanted)}
        return tuple(
            sorted(
                each.path for each in self.binaries if each.dynamic.is_module and not direct.isdisjoint(self._from([each]))
            )
        )

    def _reachable(self) -> set[str]:
        return self._from(each for each in self.binaries if each.dynamic.is_module)

    def _from(self, starts: Iterable[Binary]) -> set[str]:
        """Return the paths of ``starts`` and of all that the loader loads with them from the wheel."""
        by_name: dict[str, list[Binary]] = {}
        for binary in self.binaries:
            for name in binary.names:
                by_name.setdefault(name, []).append(binary)
        waiting = deque(starts)
        seen = {each.path for each in waiting}
        while waiting:
            for library in waiting.popleft().dynamic.needed:
                for found in by_name.get(library, ()):
                    if found.path not in seen:
                        seen.add(found.path)
                        waiting.append(found)
        return seen


class Scanner:
    """Reads the binaries of a wheel, smallest first, and goes on from what is ``known`` of them by an earlier look."""

    def __init__(self, source: Readable, members: Sequence[Member], known: Linkage | None = None) -> None:
        self._source = source
        candidates = [member for member in members if is_binary(member.name)]
        known = known or Linkage()
        seen = known.unread.keys() | {binary.path for binary in known.binaries}
        self._waiting = deque(sorted((each for each in candidates if each.name not in seen), key=_by_size))
        calls = _MOST_CALLS + _CALLS_EACH * min(len(candidates), _MOST_BINARIES)
        self._allowance = Allowance(bytes_=_MOST_BYTES, calls=calls)
        self._binaries = [*known.binaries]
        self._unread = {**known.unread}

    @property
    def linkage(self) -> Linkage:
        """What was read so far."""
        return Linkage(tuple(self._binaries), dict(self._unread), not self._waiting)

    def read_all(self) -> Linkage:
        """Read what is left, and return all."""
        while self._waiting:
            self._read_next()
        return self.linkage

    def find_link(self, wanted: Callable[[str], bool], *, hard: bool, largest: int | None = None) -> Link | None:
        """Return a link to a ``wanted`` library, reading on until there is one; with ``hard`` only a hard one counts.

        No binary that is larger than ``largest`` bytes is read for it.
        """
        promising, next_look = False, 0
        news: Sequence[Binary] = self._binaries
        while True:
            promising = promising or any(wanted(library) for binary in news for library in binary.dynamic.needed)
            done = not self._waiting or (largest is not None and self._waiting[0].size > largest)
            if promising and (done or len(self._binaries) >= next_look):  # a look takes them all into account
                found = next((link for link in self.linkage.links(wanted) if link.hard or not hard), None)
                if found:
                    return found
                next_look = len(self._binaries) * 5 // 4
            if done:
                return None
            news = self._read_next()

    def _read_next(self) -> Sequence[Binary]:
        before = len(self._binaries)
        self._read(self._waiting.popleft())
        return self._binaries[before:]

    def _read(self, member: Member) -> None:
        if _OTHER_BINARY.search(member.name):
            self._unread[member.name] = "only ELF files are read"
            return
        if member.size > _SMALL and member.size > _GREATEST_RATIO * (member.data_stop - member.data_start):
            self._unread[member.name] = "it is packed tighter than any real binary"
            return
        try:
            file = MemberFile(self._source, member, self._allowance)
            if file.read(len(MAGIC)) != MAGIC:
                if member.size:
                    self._unread[member.name] = "it is no ELF file"
                return
            dynamic = read_dynamic(cast(BinaryIO, file), member.name.rpartition("/")[2])
        except ArchiveError as error:
            self._unread[member.name] = error.message
        except UnreadableBinary as error:
            self._unread[member.name] = str(error)
        else:
            self._binaries.append(Binary(member.name, dynamic))


def _by_size(member: Member) -> tuple[int, str]:
    return member.size, member.name


def is_binary(name: str) -> bool:
    """Whether a member's name is that of a shared object, on any system."""
    return bool(_SHARED_OBJECT.search(name) or _OTHER_BINARY.search(name))


def unread_reason(linkage: Linkage) -> str:
    """Return which binaries were not read and why, as a clause; empty if all were."""
    if not linkage.unread:
        return ""
    path, reason = next(iter(linkage.unread.items()))
    more = f" and {len(linkage.unread) - 1} more" if len(linkage.unread) > 1 else ""
    return f"{shown(path)}{more} cannot be judged: {reason}"
