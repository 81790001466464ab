"""Real wheels for the opt-in tests, downloaded with pip once."""

import subprocess
import sys
from pathlib import Path


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
