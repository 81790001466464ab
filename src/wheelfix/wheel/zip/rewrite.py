"""A new archive made from spans of an old one and new entries, with the directory for them.

An entry that no edit names keeps every byte: its header, its compressed data, its data descriptor and, except for the
position, its directory record.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct, field

from wheelfix.errors import ArchiveError, WheelfixError
from wheelfix.wheel.zip.encode import NewEntry, encode_entry, encode_renamed, end_bytes, positioned
from wheelfix.wheel.zip.end import read_end
from wheelfix.wheel.zip.layout import Layout, read_entries, read_layout
from wheelfix.wheel.zip.output import Growing, RunningDigest
from wheelfix.wheel.zip.readback import Kept, Piece, ReadBack, length_of, not_as_planned
from wheelfix.wheel.zip.source import Readable, Source, Span

_COPY_STEP = 1 << 24
_REPORT: Final = "Nothing was published. Run again; if it happens again, report it together with the wheel."


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


class _Placed(NamedTuple):
    """A directory record, and the position that it will point to."""

    record: bytes
    position: int


class _Body(Struct):
    """The new archive up to its closing entries: its pieces, its size, and the records in the order of the directory."""

    pieces: list[Piece] = field(default_factory=list)
    size: int = 0
    placed: list[_Placed] = field(default_factory=list)

    def add(self, piece: Piece) -> None:
        """Append a piece; a span that continues the last one becomes part of it."""
        if isinstance(piece, bytes):
            self.pieces.append(piece)
            self.size += len(piece)
            return
        start, stop = piece
        self.size += stop - start
        last = self.pieces[-1] if self.pieces else None
        if isinstance(last, Kept) and last.stop == start:
            start = last.start
            self.pieces.pop()
        self.pieces.append(Kept(start, stop))


def splice(
    source: Source,
    layout: Layout,
    edits: Edits,
    closing: Closing,
    output: Growing,
    digest: RunningDigest,
    *,
    proof: Callable[[Sequence[Span]], None] | None = None,
) -> Spliced:
    """Write the edited archive to ``output`` and return the sha256 sums of both; the output is still to be flushed.

    The entries that ``closing`` returns come last, where PEP 427 recommends putting metadata. They may depend on the sha256
    of the old archive: because they come last, reading, copying and hashing can overlap.

    What was written is read back; new entries, the directory and the end by the strict reader. ``proof`` is called with the
    kept spans when the output is complete, while its sum is still being computed.

    :raises OSError: if the output cannot be written.
    :raises SourceChanged: if something writes to the source meanwhile.
    :raises VerificationError: if the new archive does not read back as planned.
    """
    body = _assemble(source, layout, edits)
    with ReadBack(source, output, body.pieces, digest) as following:
        for piece in body.pieces:
            if isinstance(piece, bytes):
                output.write(piece)
            else:
                _copy(source, piece, output)
        if output.size != body.size:
            raise not_as_planned(f"it has {output.size} bytes before its closing entries instead of {body.size}")
        output.start_flush()
        kept = tuple(_kept_spans(body.pieces))
        source_sha256 = digest.hexdigest()
        _write_ending(source, layout, body.placed, closing(source_sha256), output)
        body.placed.clear()  # the proof reads the new directory, and needs the memory
        try:
            if proof:
                proof(kept)
        except WheelfixError:
            following.hexdigest()  # bytes that do not read back are the cause of whatever else is found
            raise
        output_sha256 = following.hexdigest()
        if edits.renamed:  # only a new name can be a duplicate
            with _checking():
                read_layout(output)
    source.check_unchanged()
    return Spliced(source_sha256, output_sha256)


class Preview:
    """The archive that :func:`splice` would write, readable without writing it.

    ``entries`` are those at its end.
    """

    def __init__(self, source: Readable, layout: Layout, edits: Edits, entries: Sequence[NewEntry]) -> None:
        self._source = source
        body = _assemble(source, layout, edits)
        records = [positioned(record, offset) for record, offset in body.placed]
        for new in entries:
            encoded, record = encode_entry(source, layout, new)
            records.append(positioned(record, body.size))
            body.add(encoded)
        directory, start = b"".join(records), body.size
        body.add(directory + end_bytes(layout.end, len(records), start, len(directory)))
        self._pieces = body.pieces
        self._starts = [0, *accumulate(map(length_of, body.pieces))][:-1]
        self.size = body.size

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly ``size`` bytes from ``offset``.

        :raises ArchiveError: if there are not so many.
        :raises SourceChanged: if the source has become shorter.
        """
        if offset + size > self.size:
            raise ArchiveError("truncated", "the archive is cut off", hint=_REPORT)
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


def _write_ending(
    source: Source,
    layout: Layout,
    placed: Sequence[_Placed],
    entries: Sequence[NewEntry],
    output: Growing,
) -> None:
    """Write the closing ``entries``, the directory and the end, and read them back."""
    records = [positioned(record, offset) for record, offset in placed]
    records += _write_closing(source, layout, entries, output)
    directory_start, directory = output.size, b"".join(records)
    output.write(directory + end_bytes(layout.end, len(records), directory_start, len(directory)))
    _check_end(output, len(records), directory_start, directory)


def _write_closing(source: Source, layout: Layout, entries: Sequence[NewEntry], output: Growing) -> list[bytes]:
    """Write ``entries`` and return their directory records."""
    start, records = output.size, []
    for new in entries:
        encoded, record = encode_entry(source, layout, new)
        records.append(positioned(record, output.size))
        output.write(encoded)
    with _checking():
        read_entries(output, b"".join(records), len(records), start, output.size)
    return records


@contextmanager
def _checking() -> Iterator[None]:
    """Report errors of the strict reader in the new archive as failed verification."""
    try:
        yield
    except ArchiveError as error:
        raise not_as_planned(error.message) from error


def _kept_spans(pieces: Sequence[Piece]) -> Iterator[Span]:
    """Yield the kept spans with their new positions."""
    position = 0
    for piece in pieces:
        if isinstance(piece, Kept):
            yield piece.start, piece.stop, position
        position += length_of(piece)


def _check_end(output: Growing, count: int, directory_start: int, directory: bytes) -> None:
    """Read the end and the directory of the new archive back."""
    with _checking():
        end = read_end(output)
    written = output.read_at(end.directory_start, end.directory_stop - end.directory_start)
    if (end.entry_count, end.directory_start, written) != (count, directory_start, directory):
        raise not_as_planned("the directory does not read back")


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


def _assemble(source: Readable, layout: Layout, edits: Edits) -> _Body:
    body = _Body()
    edited = edits.removed.union(edits.replaced, edits.renamed)
    edited_records: dict[str, _Placed] = {}
    shifts: dict[int, int] = {}  # by how much each kept entry moves, by its old start
    for entry in layout.in_file_order():
        name = entry.name
        if name not in edited:
            shifts[entry.start] = body.size - entry.start
            body.add(Kept(entry.start, entry.stop))
        elif name in edits.removed:
            continue
        elif name in edits.replaced:
            new = NewEntry(edits.renamed.get(name, name), edits.replaced[name], entry)
            encoded, record = encode_entry(source, layout, new)
            edited_records[name] = _Placed(record, body.size)
            body.add(encoded)
        elif name in edits.renamed:
            header, record = encode_renamed(source, layout, entry, edits.renamed[name])
            edited_records[name] = _Placed(record, body.size)
            body.add(header)
            body.add(Kept(entry.data_start, entry.stop))
    for entry in layout.entries:
        if entry.name not in edited:
            body.placed.append(_Placed(layout.record(entry), entry.start + shifts[entry.start]))
        elif entry.name in edited_records:
            body.placed.append(edited_records[entry.name])
    return body


def _copy(source: Source, span: Kept, output: Growing) -> None:
    position = span.start
    while position < span.stop:
        position += output.copy_from(source, position, min(_COPY_STEP, span.stop - position))
