"""The files of two archives, matched by name and by content."""

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from operator import attrgetter
from types import MappingProxyType
from typing import Final, NamedTuple

from wheelfix.diff.content import Comparison, Sameness, Side
from wheelfix.diff.model import ArchiveChange, MemberChange, MemberChanges
from wheelfix.diff.packing import end_changes, is_special, packing_changes
from wheelfix.wheel.zip.layout import Layout
from wheelfix.wheel.zip.source import Readable, Span
from wheelfix.wheel.zip.structs import Member


def out_of_order(numbers: Sequence[int]) -> list[int]:
    """Return as few of ``numbers`` as can be taken out so that the rest rises; all are different.

    >>> out_of_order([1, 2, 5, 3, 4])
    [5]
    """
    if all(one < two for one, two in pairwise(numbers)):
        return []
    staying = set(_longest_rising(numbers))
    return [number for number in numbers if number not in staying]


def _longest_rising(numbers: Sequence[int]) -> list[int]:
    """Return a longest part of ``numbers`` that rises, in time n log n (Fredman 1975)."""
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
"""With how many members of equal size and CRC one is compared to find its new name."""


class _Match(NamedTuple):
    """A member of the old archive, what it is in the new one, and how much they have in common."""

    old: Member
    new: Member
    sameness: Sameness

    @property
    def change(self) -> MemberChange:
        """The two as what differs."""
        return MemberChange(self.old.name, self.new.name, self.old.size, self.new.size)


def compare_layouts(
    old: Layout,
    old_source: Readable,
    new: Layout,
    new_source: Readable,
    renamed: Mapping[str, str] = _NONE,
    known: Sequence[Span] = (),
    written: Collection[str] = (),
) -> MemberChanges:
    """Return what differs between the members of two archives.

    ``renamed`` maps top-level folders of the old one to their names in the new one. Content is compared byte for byte, as
    it is compressed where that is the same; memory is bounded by the number of members. ``known`` are spans that were
    compared already and are the same. ``written`` are members of the new archive that may stand anywhere: they have no part
    in what moved, and in whether the directory lists members in the order in which they lie.

    :raises ArchiveError: if more would have to be inflated than any real wheels need.
    :raises SourceChanged: if a file becomes shorter meanwhile.
    """
    compared = Comparison(Side(old, old_source), Side(new, new_source), known)
    folders = _usable_folders(old, renamed)
    matches, gone, come = _match_names(compared, folders)
    found = _match_contents(compared, gone, come)
    matched = {id(each.old) for each in found} | {id(each.new) for each in found}
    matches += found
    kept = [each for each in matches if each.sameness.is_content]
    settled = [each for each in kept if each.new.name not in written] if written else kept
    return MemberChanges(
        same=sum(each.old.name == each.new.name for each in kept),
        added=tuple(MemberChange(None, each.name, None, each.size) for each in come if id(each) not in matched),
        removed=tuple(MemberChange(each.name, None, each.size, None) for each in gone if id(each) not in matched),
        changed=tuple(each.change for each in matches if not each.sameness.is_content),
        renamed=tuple(each.change for each in kept if each.old.name != each.new.name),
        moved=_moved(settled),
        folders=tuple(folders.items()),
        archive=tuple(_archive_changes(compared, matches, settled)),
        special=frozenset(member.name for member in new.members if is_special(new.fields(member))),
    )


def _usable_folders(old: Layout, renamed: Mapping[str, str]) -> dict[str, str]:
    """Return the renamed folders without those whose new name is taken, so that no two members become one."""
    present = {member.name.partition("/")[0] for member in old.members}
    times = Counter(renamed.values())
    return {
        before: after
        for before, after in renamed.items()
        if before in present and after not in present and times[after] == 1 and before != after
    }


def _match_names(compared: Comparison, folders: Mapping[str, str]) -> tuple[list[_Match], list[Member], list[Member]]:
    """Return the members whose names both archives have, and the rest of the old and of the new one."""
    left = {member.name: member for member in compared.new.layout.members}
    matches, gone = [], []
    for member in compared.old.layout.members:
        top, slash, rest = member.name.partition("/")
        name = f"{folders[top]}/{rest}" if slash and top in folders else member.name
        other = left.pop(name, None)
        if other is None:
            gone.append(member)
        else:
            matches.append(_Match(member, other, compared.sameness(member, other)))
    return matches, gone, list(left.values())


def _match_contents(compared: Comparison, gone: list[Member], come: list[Member]) -> list[_Match]:
    """Return the members that are there under another name: those whose base name stays first.

    Of empty members and folders, which are all alike, none is matched unless its base name stays.
    """
    matches: list[_Match] = []
    for key in (_content_and_base, _content_alone):
        taken = {id(member) for match in matches for member in (match.old, match.new)}
        waiting: defaultdict[Hashable, deque[Member]] = defaultdict(deque)
        for member in come:
            if id(member) not in taken:
                waiting[key(member)].append(member)
        for member in gone:
            if id(member) not in taken and key(member) is not None:
                matches += _take_first_same(compared, member, waiting[key(member)])
    return matches


def _content_and_base(member: Member) -> Hashable:
    base = member.name.rpartition("/")[2]
    return (member.size, member.crc, base) if base else None


def _content_alone(member: Member) -> Hashable:
    return (member.size, member.crc) if member.size else None


def _take_first_same(compared: Comparison, member: Member, others: deque[Member]) -> list[_Match]:
    """Return the first of ``others`` with the same content, taken out of them, or nothing."""
    for index, other in enumerate(islice(others, _MOST_TRIES)):
        sameness = compared.sameness(member, other)
        if sameness.is_content:
            del others[index]
            return [_Match(member, other, sameness)]
    return []


def _moved(kept: Iterable[_Match]) -> tuple[str, ...]:
    """Return the members that stand elsewhere among those of which the content stays."""
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
    """Whether the directory lists members in another order than that in which they lie."""
    members: list[Member] = sorted(map(attrgetter(side), kept), key=attrgetter("entry_start"))
    return any(one.start > two.start for one, two in pairwise(members))


def _order_words(apart: bool) -> str:
    return "another order than the members" if apart else "the order of the members"
