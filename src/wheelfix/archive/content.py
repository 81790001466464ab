"""The content of one member, inflated in memory under a bound."""

import zlib
from typing import Final

from wheelfix.archive.headers import DEFLATED, STORED
from wheelfix.archive.layout import Member
from wheelfix.archive.source import Readable
from wheelfix.errors import ArchiveError
from wheelfix.escaping import shown

BEHIND: Final = "bytes stand behind its end"
"""What is said of data that goes on where deflate ends: ``zipfile`` passes over it, a reader that streams does not."""


def read_content(source: Readable, member: Member, *, limit: int) -> bytes:
    """Return the content of ``member``, at most ``limit`` bytes.

    :raises ArchiveError: if it is larger, damaged, or compressed by another method than deflate.
    """
    name = shown(member.name)
    if member.size > limit or member.data_stop - member.data_start > limit:
        raise ArchiveError(
            "member-too-large",
            f"{name} is larger than {limit} bytes",
            hint="No real wheel needs that much; it may be made to exhaust memory.",
        )
    raw = source.read_at(member.data_start, member.data_stop - member.data_start)
    match member.method:
        case method if method == STORED:
            content = raw
        case method if method == DEFLATED:
            content = _inflate(raw, member.size, name)
        case method:
            raise ArchiveError(
                "unknown-compression",
                f"{name} is compressed by method {method}, which wheelfix does not read",
                hint="Build the wheel with deflate; installers expect it.",
            )
    if len(content) != member.size or zlib.crc32(content) != member.crc:
        raise ArchiveError(
            "damaged-member", f"{name} does not match its size and CRC-32", hint="Download or build the wheel again."
        )
    return content


def _inflate(raw: bytes, size: int, name: str) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(raw, size + 1)
    except zlib.error as error:
        raise ArchiveError(
            "damaged-member", f"{name} cannot be inflated: {error}", hint="Download or build the wheel again."
        ) from error
    if inflater.unused_data:
        raise ArchiveError("damaged-member", f"{name}: {BEHIND}", hint="Download or build the wheel again.")
    if not inflater.eof:
        raise ArchiveError(
            "damaged-member",
            f"{name} does not end where the archive says",
            hint="It may be made to exhaust memory or to mislead; download or build the wheel again.",
        )
    return content
