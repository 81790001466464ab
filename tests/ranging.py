"""A server of one file, whole or in ranges, that counts what it sends and misbehaves as a test says."""

import re
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from scripting import Asked, Reply

ETAG: Final = {"ETag": '"one"'}
DATE: Final = {"Last-Modified": "Sat, 28 Nov 2026 10:00:00 GMT"}
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


class OnDisk:
    """The bytes of the file at ``path``, which may be sparse, as far as a server needs them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __len__(self) -> int:
        return self._path.stat().st_size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(len(self))
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(stop - start)


class Ranged(Struct):
    """A server, to be given to :func:`scripting.answering`, that has ``data`` at every path but the ``others``.

    It honours If-Range. ``headers`` go with every answer, and ``spoil`` makes of a right answer what a test wants; ``asked``
    is what was asked for, and ``sent`` how many bytes of the file went back.
    """

    data: bytes | OnDisk
    headers: Mapping[str, str] = field(default_factory=lambda: ETAG)
    ranges: bool = True
    others: dict[str, Reply] = field(default_factory=dict)
    spoil: Callable[[Asked, Reply], Reply] = lambda asked, right: right
    asked: list[Asked] = field(default_factory=list)
    sent: int = 0

    def __call__(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        path = asked.path.partition("?")[0]
        reply = self.spoil(asked, self.others[path] if path in self.others else self._answer(asked.headers))
        self.sent += len(reply.body)
        return reply

    def _answer(self, given: Mapping[str, str]) -> Reply:
        wanted = _RANGE.fullmatch(given.get("range", "")) if self.ranges else None
        if wanted is None or given.get("if-range", self.headers.get("ETag")) != self.headers.get("ETag"):
            return Reply(self.data[:], headers=self.headers)
        size = len(self.data)
        first = int(wanted[1]) if wanted[1] else max(0, size - int(wanted[2]))
        last = min(int(wanted[2]), size - 1) if wanted[1] and wanted[2] else size - 1
        if first >= size:
            return Reply(status=416, headers={**self.headers, "Content-Range": f"bytes */{size}"})
        return Reply(self.data[first : last + 1], 206, {**self.headers, "Content-Range": f"bytes {first}-{last}/{size}"})


def write_with_hole(path: Path, small: bytes, name: str, size: int) -> None:
    """Write the wheel ``small`` with the file ``name`` more, of ``size`` zeros, after all others: a sparse file."""
    end = small.rindex(b"PK\5\6")
    count, length, start = struct.unpack_from("<HII", small, end + 10)
    zeros = bytes(1 << 20)
    crc = 0
    for _ in range(size >> 20):
        crc = zlib.crc32(zeros, crc)
    size = size >> 20 << 20
    fields = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, crc, size, size, len(name), 0)
    with path.open("wb") as file:
        file.write(small[:start] + b"PK\3\4" + fields + name.encode())
        file.seek(size, 1)
        directory = file.tell()
        record = b"PK\1\2\x14\3" + fields + struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, start) + name.encode()
        file.write(small[start : start + length] + record)
        file.write(struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count + 1, count + 1, length + len(record), directory, 0))
