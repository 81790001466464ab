"""Members whose sizes stand behind their data only: a reader that streams finds their end by inflating them.

So their data must end exactly where the directory says, or such a reader would take what follows for other members.
"""

import zlib

from wheelfix.archive.headers import DEFLATED
from wheelfix.archive.source import Readable

_BLOCK = 1 << 18


def ends_where_it_should(source: Readable, method: int, start: int, stop: int, size: int, crc: int) -> bool:
    """Whether the data from ``start``, read without knowing its length, ends at ``stop`` with ``size`` bytes and ``crc``.

    Only deflate tells where it ends; of other methods only no data at all can be told from what follows.
    """
    if method != DEFLATED:
        return start == stop and size == 0
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    seen, running = 0, 0
    position, pending = start, b""
    try:
        while not inflater.eof and seen <= size:
            if not pending and position < stop:
                pending = source.read_at(position, min(_BLOCK, stop - position))
                position += len(pending)
            content = inflater.decompress(pending, _BLOCK)
            pending = inflater.unconsumed_tail
            if not content and not pending and position == stop:  # zlib may still owe content when all input is taken
                break
            seen += len(content)
            running = zlib.crc32(content, running)
    except zlib.error:
        return False
    complete = inflater.eof and position == stop and not inflater.unused_data
    return complete and (seen, running) == (size, crc)
