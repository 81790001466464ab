"""Who is measured: the tools, where they come from, and the command that each is given."""

import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from measuring import say

PEERS: Final = ("editwheel==0.3.2", "wheel==0.48.0", "simple503==0.4.0")
_JOBS: Final = str(Path(__file__).with_name("jobs.py"))
_HASH: Final = "import hashlib, sys; print(hashlib.file_digest(open(sys.argv[1], 'rb'), 'sha256').hexdigest())"
_FLUSHED: Final = 'cp "$1" "$2" && sync "$2"'
_ZIP: Final = """set -e
cp "$1" "$2"
"$3" -I "$4" extract "$1" stage
cd stage
zip -q "$2" torch-*.dist-info/METADATA torch-*.dist-info/RECORD"""
_WHEEL: Final = """set -e
"$3" unpack -d unpacked "$1"
"$4" -I "$5" edit unpacked/torch-2.7.0
"$3" pack -d "$(dirname "$2")" unpacked/torch-2.7.0"""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the job, or a part of it.

    ``command`` takes the source and the target and gives the arguments to run, in an empty directory on the same disk.
    ``needs`` are the programs that it cannot do without. ``writes`` says whether the target is a corrected wheel.
    """

    name: str
    command: Callable[[str, str], Sequence[str]]
    needs: Sequence[str] = ()
    writes: bool = True
    slow: bool = False

    @property
    def missing(self) -> str | None:
        """The program that is not installed, if one is."""
        return next((each for each in self.needs if not shutil.which(each)), None)


def least() -> list[Contender]:
    """Return what is compared with: a copy, as it is and flushed, and a hash in two ways, of which the faster one counts."""
    python = sys.executable
    return [
        Contender("cp", lambda s, t: ["cp", s, t], writes=False),
        Contender("cp, flushed", lambda s, t: ["sh", "-c", _FLUSHED, "sh", s, t], writes=False),
        Contender("sha256 (Python)", lambda s, t: [python, "-I", "-S", "-c", _HASH, s], writes=False),
        Contender("sha256 (openssl)", lambda s, t: ["openssl", "dgst", "-sha256", s], ["openssl"], writes=False),
    ]


def ours(*options: str) -> Contender:
    """Return wheelfix, as ``strip-gpu`` with these options."""
    return Contender("wheelfix", lambda s, t: strip_gpu(Path(t).parent, *options, s))


def others(directory: Path) -> list[Contender]:
    """Return the tools that others wrote; those from PyPI live in an environment of their own below ``directory``."""
    python, programs = sys.executable, peers(directory)
    peer_python, wheel = str(programs / "python"), str(programs / "wheel")
    return [
        Contender("editwheel", lambda s, t: [peer_python, "-I", _JOBS, "editwheel", s, t], [peer_python]),
        Contender("zip", lambda s, t: ["sh", "-c", _ZIP, "sh", s, t, python, _JOBS], ["zip"]),
        Contender("unpack + pack", lambda s, t: ["sh", "-c", _WHEEL, "sh", s, t, wheel, python, _JOBS], [wheel], slow=True),
    ]


def strip_gpu(output: Path, *arguments: str) -> list[str]:
    """Return the command that corrects wheels into the directory ``output``."""
    return [*wheelfix(), "strip-gpu", "-q", "-o", str(output), *arguments]


def wheelfix() -> list[str]:
    """Return the command as a user types it, or the module where no script is installed."""
    script = Path(sys.executable).with_name("wheelfix")
    return [str(script)] if script.exists() else [sys.executable, "-m", "wheelfix"]


def peers(directory: Path) -> Path:
    """Return the directory of the peers' programs; they are installed there once, and are missing if that fails."""
    home = directory / "peers"
    programs, complete = home / "bin", home / f"complete {' '.join(PEERS)}"
    if not complete.exists():
        say(f"installing {', '.join(PEERS)}")
        venv.create(home, with_pip=True, clear=True)
        install = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS]
        if subprocess.run(install, stdout=subprocess.DEVNULL, check=False).returncode:
            shutil.rmtree(home)
        else:
            complete.touch()
    return programs
