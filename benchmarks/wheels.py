"""The inputs: wheels with the shape and the requirements of torch 2.7.0 for aarch64, the same on every run.

Their content is seeded and shrinks by a sixth when it is deflated, as the code in large libraries hardly does.
"""

import hashlib
import random
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from metadata import ENTRY_POINTS, LICENSE, METADATA, VERSION_PY, WHEEL

NAME: Final = "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"
DIST_INFO: Final = "torch-2.7.0.dist-info"
LAYOUTS: Final = ("dist-info first", "dist-info last")
MEGABYTE: Final = 1_000_000
_GENERATION: Final = "v1"
"""Part of the directories' names; change it with the content, so that old inputs are not used again."""
_MEMBERS: Final = 12_000
_FOLDERS: Final = 500
_DIST_INFO_FILES: Final = 7
_RAW_SHARE: Final = 1.16
"""Bytes of content for a byte of archive."""
_LARGE, _MIDDLE, _MIDDLE_COUNT = 46 * MEGABYTE, MEGABYTE, 120
_DATE: Final = (2025, 4, 18, 17, 25, 6)
_EXTRA: Final = bytes.fromhex("5554050003f18a026875780b000104e803000004e8030000")
"""Time and owner as Info-ZIP writes them, and as they stand in the real wheel."""


@dataclass(frozen=True, slots=True)
class File:
    """A payload file: its name, its length in bytes, and its content if that is not made from the name."""

    name: str
    length: int
    fixed: bytes | None = None

    @property
    def content(self) -> bytes:
        """The bytes: in each word of four, three are pseudo-random and one is zero."""
        if self.fixed is not None:
            return self.fixed
        words = self.length // 4
        noise = hashlib.shake_128(self.name.encode()).digest(words * 3)
        data = bytearray(self.length)
        for place in range(3):
            data[place : words * 4 : 4] = noise[place * words : (place + 1) * words]
        return bytes(data)


def large_wheels(directory: Path, megabytes: int) -> dict[str, Path]:
    """Return a wheel of about this size for each of ``LAYOUTS``, made below ``directory`` unless it is there already."""
    paths = {layout: directory / f"{_GENERATION}-{megabytes}MB-{layout.replace(' ', '-')}" / NAME for layout in LAYOUTS}
    todo = [(layout, path) for layout, path in paths.items() if not path.exists()]
    if todo:
        with ProcessPoolExecutor(len(todo)) as pool:  # other processes also keep the memory of this one small
            for future in [pool.submit(_make_large, path, megabytes, layout) for layout, path in todo]:
                future.result()
    return paths


def even_wheel(directory: Path, entries: int, megabytes: int) -> Path:
    """Return a wheel of so many entries that are all of one size, dist-info first as torch 2.7.0 has it; made as above."""
    path = directory / f"{_GENERATION}-{entries}-entries-{megabytes}MB" / NAME
    if not path.exists():
        count = entries - _DIST_INFO_FILES - 1
        files = [File(f"torch/include/part{i % _FOLDERS:03}/f{i}.h", megabytes * MEGABYTE // count) for i in range(count)]
        write_wheel(path, [], files, dist_info_first=True)
    return path


def small_wheels(directory: Path, count: int) -> list[Path]:
    """Return ``count`` wheels of about 10 kB, builds of one version, made below ``directory`` unless they are there."""
    home = directory / f"{_GENERATION}-small"
    paths = [home / NAME.replace("-cp311", f"-{build}-cp311", 1) for build in range(1, count + 1)]
    for path in paths:
        if not path.exists():
            write_wheel(path, [], [_version(), File("torch/_C.so", 4_000)], dist_info_first=False)
    return paths


def project_wheels(directory: Path, projects: int, each: int, *, prefix: str = "demo", first: int = 0) -> Path:
    """Return a directory of wheels of about 2 kB: of each project, so many versions from 1.``first`` on; made as above."""
    home = directory / f"{_GENERATION}-{projects}-{prefix}-{each}-from-{first}"
    if not home.exists():
        part = home.with_suffix(".part")
        part.mkdir(parents=True, exist_ok=True)
        for number in range(projects):
            for version in range(first, first + each):
                _write_demo(part, f"{prefix}{number}", f"1.{version}")
        part.rename(home)
    return home


def _write_demo(directory: Path, project: str, version: str) -> None:
    info = f"{project}-{version}.dist-info"
    files = {
        f"{project}.py": b"x = 1\n" * 500,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n\nA wheel.\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: benchmark\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [_row(File(name, len(content), content)) for name, content in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    with ZipFile(directory / f"{project}-{version}-py3-none-any.whl", "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(ZipInfo(name, _DATE), content, ZIP_DEFLATED)


def _make_large(path: Path, megabytes: int, layout: str) -> None:
    write_wheel(path, _folders(), _files(megabytes * MEGABYTE), dist_info_first=layout == LAYOUTS[0])


def _version() -> File:
    return File("torch/version.py", len(VERSION_PY), VERSION_PY)


def _folders() -> list[str]:
    names = ["torch/", "torch/lib/", "torch/include/"]
    return names + [f"torch/include/part{number:03}/" for number in range(_FOLDERS - len(names) - 1)]


def _files(size: int) -> list[File]:
    """Return the payload: two fifths in a few large libraries, a quarter in middle ones, the rest in many small files."""
    raw = int(size * _RAW_SHARE)
    large = max(1, raw * 2 // 5 // _LARGE)
    libraries = [File(f"torch/lib/libtorch_{number}.so", raw * 2 // 5 // large) for number in range(large)]
    middle = min(_MIDDLE, raw // 4 // _MIDDLE_COUNT)
    libraries += [File(f"torch/lib/libop_{number:03}.so", middle) for number in range(_MIDDLE_COUNT)]
    count = _MEMBERS - _FOLDERS - _DIST_INFO_FILES - len(libraries) - 1
    average = (raw - sum(each.length for each in libraries)) // count
    seeded = random.Random(_GENERATION)
    parts = _FOLDERS - 4
    small = [File(f"torch/include/part{i % parts:03}/f{i}.h", seeded.randrange(2 * average + 1)) for i in range(count)]
    return [_version(), *libraries, *small]


def write_wheel(path: Path, directories: Iterable[str], files: list[File], *, dist_info_first: bool) -> None:
    """Write a wheel with a valid RECORD to ``path``; it appears there when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w+b") as file:
        write_archive(file, directories, files, dist_info_first=dist_info_first)
    part.rename(path)


def write_archive(
    file: BinaryIO, directories: Iterable[str], files: list[File], *, dist_info_first: bool, stored: bool = False
) -> None:
    """Write the entries of a wheel to an empty file."""
    own = [File(f"{DIST_INFO}/{name}", len(data), data) for name, data in _dist_info().items()]
    rows = [_row(each) for each in [*own, *files]]
    record = "\n".join([*rows, f"{DIST_INFO}/RECORD,,", ""]).encode()
    own.append(File(f"{DIST_INFO}/RECORD", len(record), record))
    method = ZIP_STORED if stored else ZIP_DEFLATED
    with ZipFile(file, "w", compresslevel=1) as archive:
        if dist_info_first:
            _write(archive, [f"{DIST_INFO}/"], own, ZIP_DEFLATED)
        _write(archive, directories, files, method)
        if not dist_info_first:
            _write(archive, [f"{DIST_INFO}/"], own, ZIP_DEFLATED)


def _dist_info() -> dict[str, bytes]:
    return {
        "LICENSE": LICENSE, "METADATA": METADATA, "NOTICE": LICENSE, "WHEEL": WHEEL,
        "entry_points.txt": ENTRY_POINTS, "top_level.txt": b"functorch\ntorch\n",
    }  # fmt: skip


def _row(file: File) -> str:
    digest = urlsafe_b64encode(hashlib.sha256(file.content).digest()).rstrip(b"=").decode()
    return f"{file.name},sha256={digest},{file.length}"


def _write(archive: ZipFile, directories: Iterable[str], files: Iterable[File], method: int) -> None:
    for name, data, mode, how in _members(directories, files, method):
        info = ZipInfo(name, _DATE)
        info.external_attr, info.create_system, info.extra, info.compress_type = mode, 3, _EXTRA, how
        archive.writestr(info, data)


def _members(directories: Iterable[str], files: Iterable[File], method: int) -> Iterator[tuple[str, bytes, int, int]]:
    for directory in directories:
        yield directory, b"", 0o40755 << 16 | 0x10, ZIP_STORED
    for file in files:
        yield file.name, file.content, 0o100644 << 16, method if file.length else ZIP_STORED
