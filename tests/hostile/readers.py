"""What each reader makes of a wheel: why it refuses it, or the files that come of it, in one form for all of them.

Two read the archive: ``zipfile``, and ``wheel`` with RECORD. Four install it: pip, uv from a file, uv from a server, which
reads from the first byte on, and installer. PyPI is a model of its check at upload.
"""

import atexit
import hashlib
import itertools
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from wheel.wheelfile import WheelFile

from installers import READERS as TAKERS, attempt, install_with_uv
from serving import static

_OWN: Final = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"})
"""Files of dist-info that installers write themselves, each in its way."""
_PLACES: Final = {
    "pip": {"purelib": "", "platlib": "", "scripts": "bin", "headers": "include", "data": ""},
    "installer": {"lib": "", "bin": "bin", "include": "include"},
}
"""Directories in which an installer puts files, and what uv calls them."""
EXECUTABLE: Final = " executable"
"""What stands behind the hash of a file that somebody may execute."""
_HEADERS: Final = re.compile(r"include/[^/]+/")


class Reading(Struct, frozen=True):
    """Why a wheel is refused, or its files: the hash of each, with its mode where somebody may execute it."""

    refusal: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


def read(reader: str, path: Path) -> Reading:
    """Return what ``reader`` makes of the wheel."""
    with tempfile.TemporaryDirectory(dir=path.parent) as target:
        found: dict[str, str] = {}
        refusal = attempt(lambda: found.update(READERS[reader](path, Path(target))))
    return Reading(refusal, {} if refusal else found)


def _archive(opened: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    for name in opened.namelist():
        with opened.open(name) as file:
            yield name, hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _read_with_zipfile(path: Path, target: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as opened:
        return dict(_archive(opened))


def _read_with_wheel(path: Path, target: Path) -> dict[str, str]:
    with WheelFile(path) as opened:
        return dict(_archive(opened))


def _installed(reader: str) -> Callable[[Path, Path], dict[str, str]]:
    def install(path: Path, target: Path) -> dict[str, str]:
        TAKERS[reader](path, target)
        return dict(_tree(target, _PLACES.get(reader, {})))

    return install


def _downloaded(path: Path, target: Path) -> dict[str, str]:
    folder, url, numbers = _server()
    place = folder / str(next(numbers))
    place.mkdir()
    shutil.copyfile(path, place / path.name)
    try:
        install_with_uv(f"{url}/{place.name}/{path.name}", target)
    finally:
        shutil.rmtree(place)
    return dict(_tree(target, {}))


@cache
def _server() -> tuple[Path, str, Iterator[int]]:
    """Return a directory, the URL under which it is served, and numbers for what is put there; all end with the process."""
    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    return folder, stack.enter_context(static(folder)).url, itertools.count()


def _tree(target: Path, places: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for folder, _, names in os.walk(target):
        for name in names:
            path = Path(folder, name)
            where = _place(str(path.relative_to(target)), places)
            info, _, own = where.rpartition("/")
            if where != ".lock" and not (info.endswith(".dist-info") and own in _OWN):
                yield where, _content(where, path)


def _place(where: str, places: Mapping[str, str]) -> str:
    first, _, rest = where.partition("/")
    if rest and first in places:
        where = f"{places[first]}/{rest}".lstrip("/")
    return _HEADERS.sub("include/", where) if not places else where


def _content(where: str, path: Path) -> str:
    if path.is_symlink():
        return f"a link to {path.readlink()}"
    if where.startswith("bin/"):
        return "a script"  # what is in it is the installer's
    executable = EXECUTABLE if path.stat().st_mode & 0o111 else ""
    return hashlib.sha256(path.read_bytes()).hexdigest() + executable


def _upload(path: Path, target: Path) -> dict[str, str]:
    TAKERS["PyPI"](path, target)
    return {}


READERS: Final[Mapping[str, Callable[[Path, Path], dict[str, str]]]] = {
    "zipfile": _read_with_zipfile,
    "wheel": _read_with_wheel,
    "installer": _installed("installer"),
    "PyPI": _upload,
    "pip": _installed("pip"),
    "uv": _installed("uv"),
    "uv, download": _downloaded,
}
OF_ARCHIVES: Final = ("zipfile", "wheel")
"""Readers that see the same entries, if they read alike."""
INSTALLERS: Final = ("pip", "uv", "uv, download", "installer")
"""Readers that put the same files in the same places, if they read alike."""
CHEAP: Final = ("zipfile", "wheel", "PyPI")
"""Readers that take a few milliseconds."""
