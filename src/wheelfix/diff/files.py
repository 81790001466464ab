"""The files of two archives, matched by name and by content."""

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from operator import attrgetter
from types import MappingProxyType
from typing import Final, NamedTuple

from wheelfix.diff.archive import Comparison, Sameness, Side, end_changes, is_special, packing_changes
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
_MOST_TRIES: Final = 4
"""How many entries of equal size and CRC are compared with one to find its new name."""


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
    matches, gone, come = _match_names(compared, directories)
    found = _match_contents(compared, gone, come)
    matched = {id(each.old) for each in found} | {id(each.new) for each in found}
    matches += found
    kept = [each for each in matches if each.sameness.is_content]
    settled = [each for each in kept if each.new.name not in written] if written else kept
    return FileChanges(
        same=sum(each.old.name == each.new.name for each in kept),
        added=tuple(FileChange(None, each.name, None, each.size) for each in come if id(each) not in matched),
        removed=tuple(FileChange(each.name, None, each.size, None) for each in gone if id(each) not in matched),
        changed=tuple(each.change for each in matches if not each.sameness.is_content),
        renamed=tuple(each.change for each in kept if each.old.name != each.new.name),
        moved=_moved(settled),
        directories=tuple(directories.items()),
        archive=tuple(_archive_changes(compared, matches, settled)),
        special=frozenset(entry.name for entry in new.layout.entries if is_special(new.layout.fields(entry))),
    )


def _usable_directories(old: Layout, renamed: Mapping[str, str]) -> dict[str, str]:
    """Return the renamed directories except those whose new name is taken, so that no two entries get the same name."""
    present = {entry.name.partition("/")[0] for entry in old.entries}
    times = Counter(renamed.values())
    return {
        before: after
        for before, after in renamed.items()
        if before in present and after not in present and times[after] == 1 and before != after
    }


def _match_names(compared: Comparison, directories: Mapping[str, str]) -> tuple[list[_Match], list[Entry], list[Entry]]:
    """Return the entries that have the same name in both archives, and the rest of the old and of the new one."""
    left = {entry.name: entry for entry in compared.new.layout.entries}
    matches, gone = [], []
    for entry in compared.old.layout.entries:
        other = left.pop(new_name(entry.name, directories), None)
        if other is None:
            gone.append(entry)
        else:
            matches.append(_Match(entry, other, compared.sameness(entry, other)))
    return matches, gone, list(left.values())


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


def _moved(kept: Iterable[_Match]) -> tuple[str, ...]:
    """Return the names of the entries that lie elsewhere in the order of those with the same content."""
    moved = out_of_order([each.new.start for each in sorted(kept, key=lambda each: each.old.start)])
    names = {each.new.start: each.new.name for each in kept} if moved else {}
    return tuple(names[position] for position in moved)


def _archive_changes(compared: Comparison, matches: Iterable[_Match], settled: Iterable[_Match]) -> Iterator[ArchiveChange]:
    for each in matches:
        yield from packing_changes(compared, *each)
    yield from end_changes(compared.old.layout.end, compared.new.layout.end)
    before, after = (_listed_apart(settled, side) for side in ("old", "new"))
    if before != after:
        yield ArchiveChange("directory-order", None, _order_words(before), _order_words(after))


def _listed_apart(kept: Iterable[_Match], side: str) -> bool:
    """Whether the directory lists entries in another order than that of the file."""
    entries: list[Entry] = sorted(map(attrgetter(side), kept), key=attrgetter("record_start"))
    return any(one.start > two.start for one, two in pairwise(entries))


def _order_words(apart: bool) -> str:
    return "another order than the files" if apart else "the order of the files"
