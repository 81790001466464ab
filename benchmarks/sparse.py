"""A wheel beyond 4 GiB that takes almost no room on the disk, for the question whether memory grows with the wheel."""

from io import FileIO
from pathlib import Path
from typing import Any

from wheels import MEGABYTE, NAME, File, write_archive

_LARGEST = 256 * MEGABYTE


class _Holes(FileIO):
    """A file in which zeros are not written but skipped."""

    def write(self, data: Any) -> int:
        block = bytes(data)
        if len(block) < 1 << 16 or block.count(0) < len(block):
            return super().write(block)
        self.seek(len(block), 1)
        return len(block)


def sparse_wheel(directory: Path, megabytes: int) -> Path:
    """Return a wheel with stored entries of zeros, about this large, made below ``directory`` unless it is there."""
    path = directory / f"sparse-{megabytes}MB" / NAME
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        length = min(megabytes * MEGABYTE, _LARGEST)
        zeros = bytes(length)
        files = [File(f"torch/lib/libhole_{i}.so", length, zeros) for i in range(megabytes * MEGABYTE // length)]
        with _Holes(part, "w+") as file:
            write_archive(file, [], files, dist_info_first=False, stored=True)
        part.rename(path)
    return path
