"""The files of two archives, matched by name and by content."""

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import compress, islice, pairwise
from types import MappingProxyType
from typing import Final, NamedTuple

from wheelfix.diff.archive import Comparison, Sameness, Side, end_changes, packing_changes, special_entries
from wheelfix.diff.model import ArchiveChange, FileChange, FileChanges
from wheelfix.wheel.wheel import new_name
from wheelfix.wheel.zip.layout import Layout
from wheelfix.wheel.zip.source import Span
from wheelfix.wheel.zip.structs import Entry


def out_of_order(numbers: Sequence[int]) -> list[int]:
    """Return the fewest of ``numbers``, all different, without which the rest is in rising order.

    >>> out_of_order([1, 2, 5, 3, 4])
    [5]
    """
    if all(one < two for one, two in pairwise(numbers)):
        return []
    staying = set(_longest_rising(numbers))
    return [number for number in numbers if number not in staying]


def _longest_rising(numbers: Sequence[int]) -> list[int]:
    """Return a longest rising subsequence of ``numbers``, in time n log n (Fredman 1975)."""
    lowest_ends: list[int] = []
    indexes: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        length = bisect_left(lowest_ends, number)
        before.append(indexes[length - 1] if length else -1)
        lowest_ends[length : length + 1] = [number]
        indexes[length : length + 1] = [index]
    found, index = [], indexes[-1] if indexes else -1
    while index >= 0:
        found.append(numbers[index])
        index = before[index]
    return found[::-1]


_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_ALONE: Final = -1
"""Stands for the number of an entry that has no partner, or none that is alike."""
_MOST_TRIES: Final = 4
"""How many entries of equal size and CRC are compared with one to find its new name."""


class _Pairs(NamedTuple):
    """Pairs of entries by their numbers in the two directories."""

    old: "array[int]"
    new: "array[int]"


class _Match(NamedTuple):
    """An entry of the old archive, the matching one of the new archive, and how much they have in common."""

    old: Entry
    new: Entry
    sameness: Sameness

    @property
    def change(self) -> FileChange:
        """The pair as a change."""
        return FileChange(self.old.name, self.new.name, self.old.size, self.new.size)


def compare_archives(
    old: Side,
    new: Side,
    renamed: Mapping[str, str] = _NONE,
    known: Sequence[Span] = (),
    written: Collection[str] = (),
) -> FileChanges:
    """Return what differs between the entries of two archives.

    ``renamed`` maps top-level directories of the old one to their names in the new one. Content is compared byte for byte,
    in compressed form where that is the same; memory depends on the number of entries only. ``known`` are spans that were
    compared before and are the same. ``written`` are entries of the new archive that may lie anywhere: they do not count as
    moved, nor for the order of the directory.

    :raises ArchiveError: if more would have to be inflated than any real wheels need.
    :raises SourceChanged: if a file becomes shorter meanwhile.
    """
    compared = Comparison(old, new, known)
    directories = _usable_directories(old.layout, renamed)
    partners, matches, gone, come = _match_names(compared, directories)
    alike = len(partners) - partners.count(_ALONE)
    found = _match_contents(compared, gone, come)
    matched = {id(each.old) for each in found} | {id(each.new) for each in found}
    matches += found
    kept = [each for each in matches if each.sameness.is_content]
    settled = _settled(compared, partners, kept, written)
    return FileChanges(
        same=alike + sum(each.old.name == each.new.name for each in kept),
        added=tuple(FileChange(None, each.name, None, each.size) for each in come if id(each) not in matched),
        removed=tuple(FileChange(each.name, None, each.size, None) for each in gone if id(each) not in matched),
        changed=tuple(each.change for each in matches if not each.sameness.is_content),
        renamed=tuple(each.change for each in kept if each.old.name != each.new.name),
        moved=_moved(compared, settled),
        directories=tuple(directories.items()),
        archive=tuple(_archive_changes(compared, matches, settled)),
        special=frozenset(special_entries(new.layout)),
    )


def _usable_directories(old: Layout, renamed: Mapping[str, str]) -> dict[str, str]:
    """Return the renamed directories except those whose new name is taken, so that no two entries get the same name."""
    present = {name.partition("/")[0] for name in old.names} if renamed else frozenset[str]()
    times = Counter(renamed.values())
    return {
        before: after
        for before, after in renamed.items()
        if before in present and after not in present and times[after] == 1 and before != after
    }


def _match_names(
    compared: Comparison, directories: Mapping[str, str]
) -> tuple["array[int]", list[_Match], list[Entry], list[Entry]]:
    """Return the entries that have the same name in both archives, then the rest of the old and of the new one.

    Those that are alike are given by numbers, for each of the old archive that of the new one: they are nearly all.
    """
    old, new = compared.old.layout, compared.new.layout
    partners, matches, gone = array("q", [_ALONE]) * len(old), list[_Match](), list[Entry]()
    is_left = bytearray(b"\1") * len(new)
    for number, name in enumerate(old.names):
        other = new.numbers.get(new_name(name, directories) if directories else name, _ALONE)
        if other == _ALONE or not is_left[other]:
            gone.append(old.entry(number))
            continue
        is_left[other] = False
        if compared.is_alike(number, other):
            partners[number] = other
        else:
            one, two = old.entry(number), new.entry(other)
            matches.append(_Match(one, two, compared.sameness(one, two)))
    return partners, matches, gone, [new.entry(number) for number in compress(range(len(new)), is_left)]


def _settled(compared: Comparison, partners: "array[int]", kept: Iterable[_Match], written: Collection[str]) -> _Pairs:
    """Return the pairs with the same content whose order counts, in the order in which they lie in the old archive."""
    old, new = compared.old.layout, compared.new.layout
    for each in kept:
        partners[old.numbers[each.old.name]] = new.numbers[each.new.name]
    others = {_ALONE, *(new.numbers[name] for name in written if name in new.numbers)}
    settled = _Pairs(array("q"), array("q"))
    for number in old.order:
        other = partners[number]
        if other not in others:
            settled.old.append(number)
            settled.new.append(other)
    return settled


def _match_contents(compared: Comparison, gone: list[Entry], come: list[Entry]) -> list[_Match]:
    """Return the entries with the same content under another name, first those that keep their base name.

    Empty entries and directories, which are all alike, are matched only by their base name.
    """
    matches: list[_Match] = []
    for key in (_content_and_base, _content_alone):
        taken = {id(entry) for match in matches for entry in (match.old, match.new)}
        waiting: defaultdict[Hashable, deque[Entry]] = defaultdict(deque)
        for entry in come:
            if id(entry) not in taken:
                waiting[key(entry)].append(entry)
        for entry in gone:
            if id(entry) not in taken and key(entry) is not None:
                matches += _take_first_same(compared, entry, waiting[key(entry)])
    return matches


def _content_and_base(entry: Entry) -> Hashable:
    base = entry.name.rpartition("/")[2]
    return (entry.size, entry.crc, base) if base else None


def _content_alone(entry: Entry) -> Hashable:
    return (entry.size, entry.crc) if entry.size else None


def _take_first_same(compared: Comparison, entry: Entry, others: deque[Entry]) -> list[_Match]:
    """Remove the first of ``others`` with the same content and return it, or nothing."""
    for index, other in enumerate(islice(others, _MOST_TRIES)):
        sameness = compared.sameness(entry, other)
        if sameness.is_content:
            del others[index]
            return [_Match(entry, other, sameness)]
    return []


def _moved(compared: Comparison, settled: _Pairs) -> tuple[str, ...]:
    """Return the names of the entries that lie elsewhere in the order of those with the same content."""
    new = compared.new.layout
    moved = out_of_order(array("Q", [new.starts[number] for number in settled.new]))
    names = {new.starts[number]: new.entry(number).name for number in settled.new} if moved else {}
    return tuple(names[position] for position in moved)


def _archive_changes(compared: Comparison, matches: Iterable[_Match], settled: _Pairs) -> Iterator[ArchiveChange]:
    for each in matches:
        yield from packing_changes(compared, *each)
    old, new = compared.old.layout, compared.new.layout
    yield from end_changes(old.end, new.end)
    before, after = _listed_apart(old, settled.old), _listed_apart(new, settled.new)
    if before != after:
        yield ArchiveChange("directory-order", None, _order_words(before), _order_words(after))


def _listed_apart(layout: Layout, kept: Iterable[int]) -> bool:
    """Whether the directory lists entries in another order than that of the file."""
    return not layout.in_order and any(layout.starts[one] > layout.starts[two] for one, two in pairwise(sorted(kept)))


def _order_words(apart: bool) -> str:
    return "another order than the files" if apart else "the order of the files"
