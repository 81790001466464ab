"""Real wheels for the opt-in tests, downloaded with pip once."""

import subprocess
import sys
from pathlib import Path

from pypi_simple import PyPISimple


def downloaded(requirement: str, python: str, platform: str, folder: Path) -> Path:
    """Return the wheel, downloaded into ``folder`` unless it is there."""
    target = folder / f"{requirement}-{platform}"
    if not target.exists():
        unfinished = folder / f"{requirement}-{platform}.part"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        where = ["--python-version", python, "--implementation", "cp", "--platform", platform, "--dest", str(unfinished)]
        subprocess.run([*command, *where, requirement], check=True)
        unfinished.rename(target)
    [path] = target.glob("*.whl")
    return path


def downloaded_file(project: str, filename: str, folder: Path) -> Path:
    """Return the file of this very name, downloaded into ``folder`` unless it is there; its sum is compared."""
    path = folder / filename
    if not path.exists():
        with PyPISimple() as client:
            [package] = [each for each in client.get_project_page(project).packages if each.filename == filename]
            unfinished = path.with_name(f"{filename}.part")
            client.download_package(package, unfinished)
        unfinished.rename(path)
    return path
