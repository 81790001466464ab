"""The same correction by other means: each a process of its own that run.py starts and measures.

    python jobs.py editwheel SOURCE TARGET   all of it, with the editwheel library
    python jobs.py extract WHEEL FOLDER      METADATA and RECORD, corrected, into FOLDER, for ``zip`` to put back
    python jobs.py edit FOLDER               METADATA of the wheel unpacked in FOLDER, for ``wheel pack``

Imports stand where they are needed, so that no contender pays for another's.
"""

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

GPU_NAME = re.compile(r"nvidia-|triton")


def without_gpu_lines(metadata: bytes) -> bytes:
    """Return METADATA without the requirement lines that are to go."""
    lines = metadata.splitlines(keepends=True)
    return b"".join(line for line in lines if not GPU_NAME.match(line.decode().removeprefix("Requires-Dist: ")))


def correct_with_editwheel(source: Path, target: Path) -> None:
    """Write the corrected wheel as its library is meant to be used: read the list, shorten it, save."""
    editor: Any = import_module("editwheel").WheelEditor(str(source))
    editor.requires_dist = [each for each in editor.requires_dist if not GPU_NAME.match(each)]
    editor.save(str(target))


def extract_corrected(wheel: Path, directory: Path) -> None:
    """Write corrected METADATA and the RECORD that fits it below ``directory``."""
    from base64 import urlsafe_b64encode
    from hashlib import sha256
    from zipfile import ZipFile

    with ZipFile(wheel) as archive:
        name = next(each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        home = name.removesuffix("METADATA")
        metadata = without_gpu_lines(archive.read(name))
        record = archive.read(f"{home}RECORD").decode()
    digest = urlsafe_b64encode(sha256(metadata).digest()).rstrip(b"=").decode()
    record = re.sub(rf"(?m)^{re.escape(name)},.*$", f"{name},sha256={digest},{len(metadata)}", record)
    (directory / home).mkdir(parents=True)
    (directory / name).write_bytes(metadata)
    (directory / home / "RECORD").write_text(record, newline="")


def edit_unpacked(directory: Path) -> None:
    """Correct METADATA of the unpacked wheel in ``directory``."""
    [metadata] = directory.glob("*.dist-info/METADATA")
    metadata.write_bytes(without_gpu_lines(metadata.read_bytes()))


def main(job: str, *paths: str) -> None:
    """Do the job called ``job``."""
    jobs: dict[str, Callable[..., None]] = {
        "editwheel": correct_with_editwheel,
        "extract": extract_corrected,
        "edit": edit_unpacked,
    }
    jobs[job](*map(Path, paths))


if __name__ == "__main__":
    main(*sys.argv[1:])
