"""Deflate data read symbol by symbol, as https://www.rfc-editor.org/rfc/rfc1951 describes it and nothing more.

A set of codes may leave codes unused: the RFC does not forbid that, zlib does. A code that means nothing is an error.
"""

from collections.abc import Sequence

_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
_LENGTHS = [(3 + n, 0) for n in range(8)] + [(3 + (4 + n % 4 << n // 4), n // 4) for n in range(4, 24)] + [(258, 0)]
_DISTANCES = [(1 + n, 0) for n in range(4)] + [(1 + (2 + n % 2 << n // 2), n // 2) for n in range(2, 28)]

_Codes = dict[tuple[int, int], int]


def inflated(data: bytes) -> bytes:
    """Return the content of raw deflate data; ``ValueError``, ``KeyError`` or ``IndexError`` if it has none."""
    bits, content, last = _Bits(data), bytearray(), False
    while not last:
        last, kind = bool(bits.number(1)), bits.number(2)
        if kind == 0:
            content += bits.stored()
        elif kind == 1:
            literals = [8] * 144 + [9] * 112 + [7] * 24 + [8] * 8
            _block(bits, content, _codes(literals), _codes([5] * 30))
        elif kind == 2:
            _block(bits, content, *_tables(bits))
        else:
            raise ValueError("no such kind of block")
    return bytes(content)


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._data, self._position = data, 0

    def number(self, count: int) -> int:
        return sum(self._bit() << at for at in range(count))

    def symbol(self, codes: _Codes) -> int:
        code = 0
        for length in range(1, 16):
            code = code << 1 | self._bit()
            if (code, length) in codes:
                return codes[code, length]
        raise ValueError("a code that means nothing")

    def stored(self) -> bytes:
        start = (self._position + 7) // 8
        length, check = (int.from_bytes(self._data[at : at + 2], "little") for at in (start, start + 2))
        content = self._data[start + 4 : start + 4 + length]
        if length ^ check != 0xFFFF or len(content) < length:
            raise ValueError("a stored block of another length")
        self._position = 8 * (start + 4 + length)
        return content

    def _bit(self) -> int:
        byte, at = divmod(self._position, 8)
        self._position += 1
        return self._data[byte] >> at & 1


def _codes(lengths: Sequence[int]) -> _Codes:
    found: _Codes = {}
    code = 0
    for length in range(1, 16):
        for symbol in (symbol for symbol, each in enumerate(lengths) if each == length):
            if code >> length:
                raise ValueError("more codes than there can be")
            found[code, length] = symbol
            code += 1
        code <<= 1
    return found


def _tables(bits: _Bits) -> tuple[_Codes, _Codes]:
    literals, distances, count = bits.number(5) + 257, bits.number(5) + 1, bits.number(4) + 4
    short = [0] * 19
    for symbol in _ORDER[:count]:
        short[symbol] = bits.number(3)
    codes, lengths = _codes(short), list[int]()
    while len(lengths) < literals + distances:
        symbol = bits.symbol(codes)
        if symbol < 16:
            lengths.append(symbol)
        elif symbol == 16:
            lengths += [lengths[-1]] * (3 + bits.number(2))
        else:
            lengths += [0] * (3 + bits.number(3) if symbol == 17 else 11 + bits.number(7))
    if len(lengths) > literals + distances:
        raise ValueError("more lengths than there are symbols")
    return _codes(lengths[:literals]), _codes(lengths[literals:])


def _block(bits: _Bits, content: bytearray, literals: _Codes, distances: _Codes) -> None:
    while (symbol := bits.symbol(literals)) != 256:
        if symbol < 256:
            content.append(symbol)
            continue
        base, extra = _LENGTHS[symbol - 257]
        length = base + bits.number(extra)
        base, extra = _DISTANCES[bits.symbol(distances)]
        distance = base + bits.number(extra)
        if distance > len(content):
            raise ValueError("a distance to before the start")
        for _ in range(length):
            content.append(content[-distance])
