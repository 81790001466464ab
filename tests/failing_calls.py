"""Runs of ``wheelfix`` in which a system call fails, below Python: each kind of call, each of its errors, at any moment.

A small library is built from ``failing_calls.c`` and loaded before the C library. Only calls on files below one directory
count, so the interpreter's own modules load as ever.
"""

import ctypes
import errno
import json
import mmap
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct

_SOURCE: Final = Path(__file__).with_suffix(".c")
_RUNNER: Final = Path(__file__).with_name("fault_runner.py")
ALWAYS: Final = 2**31 - 1


class Effect(IntEnum):
    """What happens to a call; the numbers are those of ``failing_calls.c``."""

    FAILS = 1
    FAILS_WHEN_DONE = 2
    """It is done, and says that it failed: what a network file system may say whose answer was lost."""
    DOES_LESS = 3
    DOES_LESS_THEN_FAILS = 4
    """It does less than it was asked to, and the next one fails, as on a disk that fills up."""


class Fault(Struct, frozen=True):
    """What happens to the calls number ``first`` to ``last`` (from 1 on) among all of those that ``calls`` names."""

    calls: tuple[str, ...]
    first: int
    last: int
    error: int = 0
    effect: Effect = Effect.FAILS

    def __str__(self) -> str:
        which = f"{self.first}" if self.first == self.last else f"{self.first} and later"
        name = errno.errorcode.get(self.error, "")
        return f"{'/'.join(self.calls)} {which}: {self.effect.name.lower()} {name}".rstrip()


class Ended(Struct, frozen=True):
    """A run: its exit code (negative for a signal), what it printed, and the calls that were recorded, with their paths.

    Without a fault all calls are recorded, with one those that it struck.
    """

    code: int
    out: str
    err: str
    calls: list[tuple[str, str]]


class _Control(ctypes.Structure):
    """The layout is that of ``failing_calls.c``."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("armed", "effect", "error", "first", "last", "records", "plain")),
        ("count", ctypes.c_uint32),
        ("calls", ctypes.c_char * 512),
        ("root", ctypes.c_char * 1024),
        ("log", ctypes.c_char * 1024),
    )


class Machine:
    """Runs ``wheelfix`` in the directory ``work``, each time in a process of its own; calls on files below it can fail.

    ``work`` is the caller's to fill. Use it as :func:`machine` gives it.
    """

    def __init__(self, folder: Path, process: "subprocess.Popen[str]", control: _Control) -> None:
        self.work = folder / "work"
        self._folder = folder
        self._process = process
        self._control = control

    def run(
        self,
        arguments: Sequence[object],
        fault: Fault | None = None,
        *,
        plain: bool = False,
        records: bool = False,
    ) -> Ended:
        """Run ``wheelfix`` with ``arguments`` while ``fault`` happens; a run that hangs is ended by a signal.

        A ``plain`` file system has no files without a name, no hard links and no copies within the kernel.
        """
        log = self._folder / "log"
        log.write_bytes(b"")
        self._control.plain, self._control.records = plain, records
        self._arm(fault)
        request = {"arguments": [str(each) for each in arguments]}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        self._control.armed = 0
        out, err = (os.fsdecode((self._folder / name).read_bytes()) for name in ("out", "err"))
        assert answer, err
        calls = [
            (name, path) for name, _, path in (line.partition("\t") for line in os.fsdecode(log.read_bytes()).splitlines())
        ]
        return Ended(int(answer), out, err, calls)

    def remove(self) -> None:
        """Remove all that it has on the disk."""
        shutil.rmtree(self._folder)

    def _arm(self, fault: Fault | None) -> None:
        self._control.count = 0
        self._control.calls = f" {' '.join(fault.calls)} ".encode() if fault else b""
        self._control.first, self._control.last = (fault.first, fault.last) if fault else (0, 0)
        self._control.effect, self._control.error = (fault.effect, fault.error) if fault else (0, 0)
        self._control.armed = 1


def library(folder: Path) -> Path:
    """Return the library, built in ``folder``; skips the test where there is no compiler, or the system is not Linux."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if sys.platform != "linux" or compiler is None:
        pytest.skip("calls of the system fail on Linux only, by a library that a C compiler builds")
    path = folder / "failing_calls.so"
    command = [compiler, "-std=gnu11", "-O1", "-w", "-shared", "-fPIC", "-o", str(path), str(_SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return path


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Give a machine with all that it needs in ``folder``, on whose file system the calls fail."""
    (folder / "work").mkdir(parents=True)
    path = folder / "control"
    path.write_bytes(bytes(mmap.PAGESIZE * 2))
    with path.open("r+b") as file:
        control = _Control.from_buffer(mmap.mmap(file.fileno(), 0))  # unmapped with the last that uses it
        control.root, control.log = os.fsencode(folder / "work"), os.fsencode(folder / "log")
        environment = {
            **os.environ,
            "LD_PRELOAD": str(library(folder)),
            "FAILING_CALLS": str(path),
            "TMPDIR": str(folder / "work" / "temporary"),
            "XDG_CACHE_HOME": str(folder / "work" / "cache"),
            "SOURCE_DATE_EPOCH": "1767225600",
        }
        command = [sys.executable, str(_RUNNER), str(folder)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) as process:
            try:
                yield Machine(folder, process, control)
            finally:
                assert process.stdin is not None
                process.stdin.close()
                process.wait()
