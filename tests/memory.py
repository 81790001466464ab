"""How much memory a run of ``wheelfix`` takes, in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct

_PROGRAM: Final = """
import json, sys
from pathlib import Path
from wheelfix.cli import run

code = run(sys.argv[2:])
rows = dict(row.split(":", 1) for row in Path("/proc/self/status").read_text().splitlines())
Path(sys.argv[1]).write_text(json.dumps({"code": code, "peak": int(rows["VmHWM"].split()[0]) << 10}))
"""
"""The peak is read from /proc: ``getrusage`` counts the memory of the process that forked this one, too."""


class Measured(Struct, frozen=True):
    """A run: its exit code, what it printed, and the peak of its resident memory in bytes."""

    code: int
    out: str
    err: str
    peak: int


def measured(*arguments: object, cwd: Path | None = None) -> Measured:
    """Run ``wheelfix`` with ``arguments`` in the environment of this process; skips the test where there is no /proc."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of memory is read from /proc")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        command = [sys.executable, "-c", _PROGRAM, str(report), *map(str, arguments)]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=os.environ, check=False)
        assert report.exists(), f"{done.stdout}\n{done.stderr}"
        found = json.loads(report.read_bytes())
    return Measured(found["code"], done.stdout, done.stderr, found["peak"])
