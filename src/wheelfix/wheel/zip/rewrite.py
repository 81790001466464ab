"""A new archive made from spans of an old one and new entries, with the directory for them.

An entry that no edit names keeps every byte: its header, its compressed data, its data descriptor and, except for the
position, its directory record.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct, field

from wheelfix.errors import ArchiveError, WheelfixError
from wheelfix.text import shown
from wheelfix.wheel.zip.encode import NewEntry, encode_entry, encode_renamed, end_bytes, moved_records, padded, positioned
from wheelfix.wheel.zip.end import End, read_end
from wheelfix.wheel.zip.layout import Layout, read_entries, read_layout
from wheelfix.wheel.zip.output import PAGE, WORTH_SHARING, Growing, RunningDigest
from wheelfix.wheel.zip.readback import NOT_PUBLISHED, Kept, Piece, ReadBack, length_of, not_as_planned
from wheelfix.wheel.zip.source import Readable, Source, Span
from wheelfix.wheel.zip.structs import CENTRAL, FULL_32, LOCAL, DirectoryRecord, Entry, LocalHeader

_COPY_STEP = 1 << 24
_LEAST_PADDING: Final = 6


class Edits(Struct, frozen=True):
    """What happens to the entries of an archive. Names are those of the old archive.

    ``replaced`` entries get new content where they lie, ``renamed`` ones a new name, ``removed`` ones are left out, and all
    others are kept. An entry can be both replaced and renamed; removing it wins over both.
    """

    replaced: Mapping[str, bytes] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()


Closing: TypeAlias = Callable[[str], Sequence[NewEntry]]
"""Returns the entries at the end of the new archive, given the sha256 (hexadecimal) of the old one."""


class Spliced(Struct, frozen=True):
    """The sha256 sums (hexadecimal) of the archive that was read and of the one that was written."""

    source_sha256: str
    output_sha256: str


class Written(NamedTuple):
    """A new archive as it was read back.

    ``spans`` are those that it has in common with the old one, in order, compared byte for byte. ``entries`` are the new
    ones, read by the strict reader; their records lie in ``directory``. ``layout`` is where everything lies, ``None`` where
    no entry has a new name: then nothing but the new entries had to be read by their records.
    """

    spans: tuple[Span, ...]
    entries: tuple[Entry, ...]
    directory: bytes
    end: End
    layout: Layout | None


Proof: TypeAlias = Callable[[Written], Callable[[], None] | None]
"""Checks what was read back. What it returns is called when nothing of either archive is kept for each entry any more."""


class _Part(NamedTuple):
    """A piece of the new archive; one with a ``record`` begins an entry, the ``number``-th of the old directory.

    It is the whole entry, unless only the name is new.
    """

    piece: Piece
    number: int = -1
    record: bytes = b""
    is_whole: bool = False


class _Body:
    """The new archive up to its closing entries: its ``parts``, the ``pieces`` in them, and its ``size``."""

    def __init__(self, source: Readable, layout: Layout, edits: Edits) -> None:
        self._layout = layout
        self._edited = _edited(layout, edits)
        self.parts = _aligned(list(_parts(source, layout, edits, self._edited)))
        self.pieces = [part.piece for part in self.parts]
        self.starts = [0, *accumulate(map(length_of, self.pieces))]
        self.size = self.starts.pop()

    @property
    def spans(self) -> Iterator[Span]:
        """The kept spans with their new positions, in order."""
        for piece, position in zip(self.pieces, self.starts, strict=True):
            if isinstance(piece, Kept):
                yield piece.start, piece.stop, position

    def list_in(self, directory: "_Directory") -> None:
        """Add the records of all entries to ``directory``, in the order of the old one."""
        spans = list(self.spans)
        starts, shifts = [span[0] for span in spans], [span[2] - span[0] for span in spans]
        changed = {part.number: (part, start) for part, start in zip(self.parts, self.starts, strict=True) if part.record}
        first = 0
        for number in sorted([*self._edited, len(self._layout)]):
            if first < number:
                moved = moved_records(self._layout, range(first, number), lambda at: shifts[bisect_right(starts, at) - 1])
                directory.add(moved, number - first)
            if number in changed:
                part, start = changed[number]
                stop = start + length_of(part.piece)
                directory.add_new(positioned(part.record, start), start, stop, is_whole=part.is_whole)
            first = number + 1


def _edited(layout: Layout, edits: Edits) -> list[int]:
    """Return the numbers of the entries that are not kept, in the order of the file."""
    names = edits.removed.union(edits.replaced, edits.renamed)
    return sorted((layout.numbers[name] for name in names if name in layout.numbers), key=layout.starts.__getitem__)


def _parts(source: Readable, layout: Layout, edits: Edits, edited: Iterable[int]) -> Iterator[_Part]:
    """Yield what the new archive is made of: what lies between the ``edited`` entries is kept in one piece."""
    kept = 0
    for number in edited:
        entry = layout.entry(number)
        name = entry.name
        if kept < entry.start:
            yield _Part(Kept(kept, entry.start))
        kept = entry.stop
        if name in edits.removed:
            continue
        if name in edits.replaced:
            new = NewEntry(edits.renamed.get(name, name), edits.replaced[name], entry)
            yield _Part(*_encoded(encode_entry(source, layout, new), number), is_whole=True)
        else:
            yield _Part(*_encoded(encode_renamed(source, layout, entry, edits.renamed[name]), number))
            kept = entry.data_start
    if kept < layout.end.directory_start:
        yield _Part(Kept(kept, layout.end.directory_start))


def _encoded(encoded: tuple[bytes, bytes], number: int) -> tuple[bytes, int, bytes]:
    return encoded[0], number, encoded[1]


def _aligned(parts: Sequence[_Part]) -> list[_Part]:
    """Return ``parts`` with padding in the local headers of new entries that long spans follow.

    Those then keep their place within a block, so that the kernel copies whole pages, and XFS and btrfs share the blocks:
    the wheel and its fix take the disk space of one. It is the same on all systems, for the same bytes everywhere.
    """
    found: list[_Part] = []
    size = 0
    for index, part in enumerate(parts):
        piece = part.piece
        if part.is_whole and isinstance(piece, bytes):
            piece = padded(piece, _padding(parts, index, size))
        found.append(part._replace(piece=piece))
        size += length_of(piece)
    return found


def _padding(parts: Sequence[_Part], first: int, position: int) -> int:
    """Return how much longer the part at ``first``, which lies at ``position``, must be for the longest span after it.

    Spans behind the next part that can be padded are aligned by that.
    """
    longest, misplaced = WORTH_SHARING - 1, 0
    for index in range(first, len(parts)):
        piece = parts[index].piece
        if index > first and parts[index].is_whole:
            break
        if isinstance(piece, Kept) and length_of(piece) > longest:
            longest, misplaced = length_of(piece), (piece.start - position) % PAGE
        position += length_of(piece)
    return misplaced + PAGE if 0 < misplaced < _LEAST_PADDING else misplaced


class _New(NamedTuple):
    """Where the record of a new entry lies in the directory, and the entry itself in the archive."""

    record_start: int
    record_stop: int
    start: int
    stop: int


class _Directory:
    """The directory of the new archive while it is put together: ``runs`` of records, ``count`` all in all."""

    def __init__(self) -> None:
        self.runs: list[bytes] = []
        self.count = 0
        self.new: list[_New] = []
        self._size = 0

    def add(self, records: bytes, count: int) -> None:
        """Append ``count`` records."""
        self.runs.append(records)
        self.count += count
        self._size += len(records)

    def add_new(self, record: bytes, start: int, stop: int, *, is_whole: bool = True) -> None:
        """Append the record of an entry from ``start`` to ``stop``; one that is not whole has only a new name."""
        if is_whole:
            self.new.append(_New(self._size, self._size + len(record), start, stop))
        self.add(record, 1)


def splice(
    source: Source,
    layout: Layout,
    edits: Edits,
    closing: Closing,
    output: Growing,
    digest: RunningDigest,
    *,
    proof: Proof | None = None,
) -> Spliced:
    """Write the edited archive to ``output`` and return the sha256 sums of both; the output is still to be flushed.

    The entries that ``closing`` returns come last, where PEP 427 recommends putting metadata. They may depend on the sha256
    of the old archive: because they come last, reading, copying and hashing can overlap.

    What was written is read back; new entries, the directory and the end by the strict reader. ``proof`` is called with
    that when the output is complete, while its bytes are still being compared and summed. What it returns is called next,
    and finds memory for all entries once more: no map of the archives is held here then.

    :raises OSError: if the output cannot be written.
    :raises SourceChanged: if something writes to the source meanwhile.
    :raises VerificationError: if the new archive does not read back as planned.
    """
    body = _Body(source, layout, edits)
    with ReadBack(source, output, body.pieces, digest) as following:
        for piece in body.pieces:
            if isinstance(piece, bytes):
                output.write(piece)
            else:
                _copy(source, piece, output)
        if output.size != body.size:
            raise not_as_planned(f"it has {output.size} bytes before its closing entries instead of {body.size}")
        output.start_flush()
        source_sha256 = digest.hexdigest()
        written = _write_ending(source, layout, body, closing(source_sha256), output)
        output.end()
        try:
            if edits.renamed:  # only a new name can be a duplicate
                with _checking():
                    written = written._replace(layout=read_layout(output))
            confirm = proof(written) if proof else None
            del body, layout, edits, written
            if confirm:
                confirm()
        except WheelfixError:
            following.hexdigest()  # bytes that do not read back are the cause of whatever else is found
            raise
        output_sha256 = following.hexdigest()
    source.check_unchanged()
    return Spliced(source_sha256, output_sha256)


class Preview:
    """The archive that :func:`splice` would write, readable without writing it.

    ``entries`` are those at its end.
    """

    def __init__(self, source: Readable, layout: Layout, edits: Edits, entries: Sequence[NewEntry]) -> None:
        self._source = source
        body, directory = _Body(source, layout, edits), _Directory()
        body.list_in(directory)
        pieces, size = list(body.pieces), body.size
        for new in entries:
            encoded, record = encode_entry(source, layout, new)
            directory.add_new(positioned(record, size), size, size + len(encoded))
            pieces.append(encoded)
            size += len(encoded)
        records = b"".join(directory.runs)
        pieces.append(records + end_bytes(layout.end, directory.count, size, len(records)))
        self._pieces = pieces
        self._starts = [0, *accumulate(map(length_of, pieces))]
        self.size = self._starts.pop()

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly ``size`` bytes from ``offset``.

        :raises ArchiveError: if there are not so many.
        :raises SourceChanged: if the source has become shorter.
        """
        if offset + size > self.size:
            raise ArchiveError("truncated", "the archive is cut off", hint=NOT_PUBLISHED)
        found = []
        for index in range(bisect_right(self._starts, offset) - 1, len(self._pieces)):
            if size <= 0:
                break
            skipped = offset - self._starts[index]
            part = self._read(self._pieces[index], skipped, size)
            found.append(part)
            offset, size = offset + len(part), size - len(part)
        return b"".join(found)

    def check_unchanged(self) -> None:
        """Confirm that the old archive is still the same.

        :raises SourceChanged: if it is not.
        """
        self._source.check_unchanged()

    def _read(self, piece: Piece, skipped: int, size: int) -> bytes:
        if isinstance(piece, bytes):
            return piece[skipped : skipped + size]
        return self._source.read_at(piece.start + skipped, min(size, piece.stop - piece.start - skipped))


def _write_ending(source: Source, layout: Layout, body: _Body, entries: Iterable[NewEntry], output: Growing) -> Written:
    """Write the closing ``entries``, the directory and the end; return what is read back."""
    directory = _Directory()
    body.list_in(directory)
    for new in entries:
        encoded, record = encode_entry(source, layout, new)
        start = output.size
        _write_checked(output, encoded)
        directory.add_new(positioned(record, start), start, output.size)
    records, start = b"".join(directory.runs), output.size
    directory.runs.clear()
    _write_checked(output, records)
    _write_checked(output, end_bytes(layout.end, directory.count, start, len(records)))
    with _checking():
        end = read_end(output)
        if (end.entry_count, end.directory_start) != (directory.count, start):
            raise not_as_planned("its end does not read back")
        found = tuple(_read_new(output, records, each) for each in directory.new)
    return Written(tuple(body.spans), found, records, end, None)


def _write_checked(output: Growing, data: bytes) -> None:
    """Write ``data`` and confirm that it reads back; of what comes before it a :class:`ReadBack` does."""
    start = output.size
    output.write(data)
    if output.read_at(start, output.size - start) != data:
        raise not_as_planned(f"the bytes from position {start} to {output.size} do not read back")


def _read_new(output: Growing, directory: bytes, new: _New) -> Entry:
    """Return a new entry as the strict reader finds it: one that fills its place, and agrees with its record.

    Both records are ours, so they must agree in everything, also in what the reader does not look at.
    """
    record = directory[new.record_start : new.record_stop]
    [entry] = read_entries(output, record, 1, new.start, new.stop)
    local = LocalHeader._make(LOCAL.unpack(output.read_at(new.start, LOCAL.size)))
    listed = DirectoryRecord._make(CENTRAL.unpack_from(record))
    is_wide = listed.offset == FULL_32  # then only the directory needs a reader of ZIP64
    if local[2:10] != listed[3:11] or listed.disk or (local.needed != listed.needed and not is_wide):
        raise not_as_planned(f"the two records of {shown(entry.name)} differ")
    return entry._replace(record_start=new.record_start, record_stop=new.record_stop)


@contextmanager
def _checking() -> Iterator[None]:
    """Report errors of the strict reader in the new archive as failed verification."""
    try:
        yield
    except ArchiveError as error:
        raise not_as_planned(error.message) from error


def copy_whole(source: Source, output: Growing, digest: RunningDigest) -> str:
    """Copy ``source`` to ``output`` and return its sha256 in hexadecimal; the output is still to be flushed.

    :raises OSError: if the output cannot be written.
    :raises SourceChanged: if something writes to the source meanwhile.
    """
    whole = Kept(0, source.size)
    with ReadBack(source, output, [whole], digest) as following:
        _copy(source, whole, output)
        output.start_flush()
        sha256 = digest.hexdigest()
        following.hexdigest()
    source.check_unchanged()
    return sha256


def _copy(source: Source, span: Kept, output: Growing) -> None:
    position = span.start
    while position < span.stop:
        position += output.copy_from(source, position, min(_COPY_STEP, span.stop - position))
