"""Members written anew: local header with data, and the directory record."""

import zlib
from dataclasses import dataclass

from wheelfix.archive import headers
from wheelfix.archive.headers import ENTRY, FULL_16, FULL_32, LOCAL, STORED
from wheelfix.archive.layout import Layout, Member
from wheelfix.archive.source import Source
from wheelfix.errors import EditError
from wheelfix.escaping import shown

_NEEDED = 20
"""The version that is needed to extract a file in a folder, in tenths (APPNOTE 4.4.3.2)."""
_LEVEL_BITS = 0b110


@dataclass(frozen=True, slots=True)
class NewMember:
    """A member to be written in the place of ``like``: time, mode, extra fields and comment are those of it.

    One that is ``added`` beside it has only its time and mode. It is stored: what a compressor makes of the same content
    differs from one zlib to another.
    """

    name: str
    content: bytes
    like: Member
    added: bool = False


def encode_member(source: Source, layout: Layout, new: NewMember) -> tuple[bytes, bytes]:
    """Return local header and data, and the directory record with position 0, of ``new``.

    :raises EditError: if the name or the content is too large.
    """
    like = layout.fields(new.like)
    name, utf8 = _encode_name(new.name, like.flags)
    if len(new.content) >= FULL_32 or len(name) > FULL_16:
        raise EditError("member-too-large", f"{shown(new.name)} is too large", hint="Only small files are written anew.")
    dropped = {headers.EXTRA_ZIP64, *([] if new.name == new.like.name else [headers.EXTRA_UNICODE_PATH])}
    extras = (b"", b"") if new.added else (_local_extra(source, new.like), _entry_extra(layout, new.like))
    local_extra, entry_extra = (_without(extra, dropped, new.name) for extra in extras)
    flags = like.flags & ~(headers.FLAG_DESCRIPTOR | headers.FLAG_UTF8 | _LEVEL_BITS) | utf8
    size = len(new.content)
    shared = _NEEDED, flags, STORED, like.time, like.date, zlib.crc32(new.content), size, size, len(name)
    comment = b"" if new.added else _comment(layout, new.like)
    local = LOCAL.pack(headers.LOCAL_SIGNATURE, *shared, len(local_extra))
    attributes = (len(comment), 0, like.internal_attributes, like.external_attributes, 0)
    entry = ENTRY.pack(headers.ENTRY_SIGNATURE, like.made_by, *shared, len(entry_extra), *attributes)
    return local + name + local_extra + new.content, entry + name + entry_extra + comment


def encode_renamed(source: Source, layout: Layout, member: Member, name: str) -> tuple[bytes, bytes]:
    """Return the local header and the directory record of ``member`` under another name; its data stays.

    :raises EditError: if the name is too long.
    """
    raw, utf8 = _encode_name(name, member.flags)
    if len(raw) > FULL_16:
        raise EditError("member-too-large", f"the name {shown(name)} is too long", hint="Choose a shorter one.")
    local_extra, entry_extra = (
        _without(extra, {headers.EXTRA_UNICODE_PATH}, name)
        for extra in (_local_extra(source, member), _entry_extra(layout, member))
    )
    flags = member.flags & ~headers.FLAG_UTF8 | utf8
    old = headers.LocalHeader._make(LOCAL.unpack(source.read_at(member.start, LOCAL.size)))
    local = LOCAL.pack(*old._replace(flags=flags, name_length=len(raw), extra_length=len(local_extra)))
    fields = layout.fields(member)._replace(flags=flags, name_length=len(raw), extra_length=len(entry_extra))
    return local + raw + local_extra, ENTRY.pack(*fields) + raw + entry_extra + _comment(layout, member)


def _encode_name(name: str, flags: int) -> tuple[bytes, int]:
    """Return the bytes of a member name as an archive with ``flags`` spells names, and the UTF-8 flag that they need."""
    utf8 = name.encode("utf-8"), headers.FLAG_UTF8
    if flags & headers.FLAG_UTF8:
        return utf8
    try:
        return name.encode("cp437"), 0
    except UnicodeEncodeError:  # code page 437 has no such character
        return utf8


def _local_extra(source: Source, member: Member) -> bytes:
    header = source.read_at(member.start, member.data_start - member.start)
    return header[LOCAL.size + int.from_bytes(header[26:28], "little") :]


def _entry_extra(layout: Layout, member: Member) -> bytes:
    fields = layout.fields(member)
    start = member.entry_start + ENTRY.size + fields.name_length
    return layout.directory[start : start + fields.extra_length]


def _comment(layout: Layout, member: Member) -> bytes:
    return layout.directory[member.entry_stop - layout.fields(member).comment_length : member.entry_stop]


def _without(extra: bytes, kinds: set[int], place: str) -> bytes:
    """Return the extra fields but for those of ``kinds``."""
    dropped = [(start - 4, stop) for kind, start, stop in headers.extra_fields(extra, place) if kind in kinds]
    for start, stop in reversed(dropped):
        extra = extra[:start] + extra[stop:]
    return extra
