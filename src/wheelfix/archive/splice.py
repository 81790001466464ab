"""A new archive out of kept spans of an old one and new members.

A member that no edit names keeps every byte: its header, its compressed data, its data descriptor and, but for the
position, its directory record.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from wheelfix.archive.digest import RunningDigest
from wheelfix.archive.directory import directory_bytes
from wheelfix.archive.encode import NewMember, encode_member, encode_renamed
from wheelfix.archive.headers import FULL_32
from wheelfix.archive.layout import Layout
from wheelfix.archive.source import Source
from wheelfix.archive.writing import FollowingDigest, Growing

_COPY_STEP = 1 << 24


@dataclass(frozen=True, slots=True)
class Edits:
    """What becomes of the members of an archive. Names are those of the old archive.

    ``replaced`` members get new content where they lie, ``renamed`` ones a new name with the same data, ``removed`` ones
    vanish; all others are kept.
    """

    replaced: Mapping[str, bytes] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()


class Kept(NamedTuple):
    """A span of the old archive, from ``start`` to ``stop``, that is copied as it is."""

    start: int
    stop: int


Piece: TypeAlias = bytes | Kept
Closing: TypeAlias = Callable[[str], Sequence[NewMember]]
"""Gives the members at the end of the new archive, once the sha256 (hexadecimal) of the old one is known."""


@dataclass(frozen=True, slots=True)
class Spliced:
    """The sha256 sums (hexadecimal) of the archive that was read and of the one that was written."""

    source_sha256: str
    output_sha256: str


@dataclass(slots=True)
class _Body:
    """The new archive up to its closing members: its pieces, its size, and where each member's record points."""

    pieces: list[Piece] = field(default_factory=list)
    size: int = 0
    placed: dict[str, tuple[bytes, int]] = field(default_factory=dict)

    def place(self, name: str, entry: bytes, *pieces: Piece) -> None:
        self.placed[name] = entry, self.size
        for piece in pieces:
            self._add(piece)

    def _add(self, piece: Piece) -> None:
        if isinstance(piece, bytes):
            self.pieces.append(piece)
            self.size += len(piece)
            return
        last = self.pieces[-1] if self.pieces else b""
        if isinstance(last, Kept) and last.stop == piece.start:
            self.pieces[-1] = Kept(last.start, piece.stop)
        else:
            self.pieces.append(piece)
        self.size += piece.stop - piece.start

    @property
    def common(self) -> int:
        """How many bytes at the start are those of the old archive."""
        first = self.pieces[0] if self.pieces else b""
        return first.stop if isinstance(first, Kept) and first.start == 0 else 0


def splice(
    source: Source,
    layout: Layout,
    edits: Edits,
    closing: Closing,
    output: Growing,
    digest: RunningDigest,
    *,
    zip64_limit: int = FULL_32,
) -> Spliced:
    """Write the edited archive to ``output``, on the disk when this returns, and return the sha256 sums of both.

    The members that ``closing`` gives come last, where PEP 427 advises to put metadata. They may depend on the sha256 of
    the old archive; that they come last is what lets reading, copying and both sums go on at the same time.
    ``zip64_limit`` is the first position that is written in the ZIP64 form.

    :raises OSError: if the output cannot be written.
    :raises SourceChanged: if somebody writes to the source meanwhile.
    """
    body = _assemble(source, layout, edits)
    with FollowingDigest(output, body.common, digest) as following:
        for piece in body.pieces:
            if isinstance(piece, bytes):
                output.write(piece)
            else:
                _copy(source, piece, output)
        output.flush_to_disk()
        source_sha256 = digest.hexdigest()
        for new in closing(source_sha256):
            encoded, entry = encode_member(source, layout, new)
            body.placed[new.name] = entry, output.size
            output.write(encoded)
        output.write(directory_bytes(list(body.placed.values()), layout.end, output.size, zip64_limit))
        output_sha256 = following.hexdigest()
        output.flush_to_disk()
    source.check_unchanged()
    return Spliced(source_sha256, output_sha256)


def copy_whole(source: Source, output: Growing, digest: RunningDigest) -> str:
    """Copy ``source`` to ``output``, on the disk when this returns, and return its sha256 in hexadecimal.

    :raises OSError: if the output cannot be written.
    :raises SourceChanged: if somebody writes to the source meanwhile.
    """
    _copy(source, Kept(0, source.size), output)
    output.flush_to_disk()
    sha256 = digest.hexdigest()
    source.check_unchanged()
    return sha256


def _assemble(source: Source, layout: Layout, edits: Edits) -> _Body:
    body = _Body()
    for member in layout.in_file_order():
        name = member.name
        if name in edits.removed:
            continue
        if name in edits.replaced:
            encoded, entry = encode_member(source, layout, NewMember(name, edits.replaced[name], member))
            body.place(name, entry, encoded)
        elif name in edits.renamed:
            header, entry = encode_renamed(source, layout, member, edits.renamed[name])
            body.place(name, entry, header, Kept(member.data_start, member.stop))
        else:
            body.place(name, layout.entry(member), Kept(member.start, member.stop))
    _to_directory_order(body, layout)
    return body


def _to_directory_order(body: _Body, layout: Layout) -> None:
    """Order the records as the old directory does; it need not follow the order in the file."""
    body.placed = {member.name: body.placed[member.name] for member in layout.members if member.name in body.placed}


def _copy(source: Source, span: Kept, output: Growing) -> None:
    position = span.start
    while position < span.stop:
        position += output.copy_from(source, position, min(_COPY_STEP, span.stop - position))
