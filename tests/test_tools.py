"""Programs that run in forks do what they do when they are started."""

import fcntl
import os
import re
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

import tools
from places import SAMPLES

CLEAN = next(path for path in SAMPLES if path.name.startswith("cleanpkg"))
LINES = (
    "{} --version | tr a-z A-Z",
    "{} verify - <wheel >&2",
    "{} show wheel; echo $?",
    "FORCE_COLOR=1 {} verify no-wheel",
    "{} explain gpu-build >/dev/full",
)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "wheelfix"
    path.parent.mkdir()
    tools.write_stand_in(path, "wheelfix")
    return path


@pytest.mark.parametrize("line", LINES)
def test_a_stand_in_does_what_the_program_does(line: str, program: Path, tmp_path: Path) -> None:
    (tmp_path / "wheel").write_bytes(CLEAN.read_bytes())

    def ran(command: str) -> tuple[int, str]:
        words = ["sh", "-c", f"({line.format(command)}) 2>&1"]
        found = subprocess.run(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=False, timeout=60)
        return found.returncode, re.sub(r" in [\d.]+ s\b", "", found.stdout)

    in_a_fork = ran(str(program))
    assert in_a_fork == ran(f"{sys.executable} -m wheelfix")
    assert in_a_fork[1]


def test_a_fork_ends_with_who_asked_for_it(program: Path) -> None:
    """Of a terminal that is closed nothing goes on."""
    ours, theirs = os.pipe()
    asking = subprocess.Popen([program, "verify", "-"], stdin=ours, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.write(theirs, b"PK")
    while fcntl.ioctl(ours, termios.FIONREAD, bytes(4)) != bytes(4):
        time.sleep(0.01)  # once it has read this, it waits for more
    asking.kill()
    assert asking.communicate(timeout=60)[0] == b"", "the output ends when nobody can write any more"
    assert asking.returncode < 0
    os.close(ours)
    os.close(theirs)
