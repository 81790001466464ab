"""A program of its own to which something happens at a moment of its run, which is counted in steps and not in time.

strace prints the system calls that change something or read a wheel, of all processes and threads of the program, in their
order; what is to happen follows the line of the chosen one. So the moments are spread over the work, on a busy machine too.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Final, TextIO

import pytest
from msgspec import Struct

_CALLS: Final = (
    "write", "pwrite64", "pread64", "copy_file_range", "sendfile", "ftruncate", "fallocate", "fsync", "fdatasync", "flock",
    "?open", "openat", "?link", "linkat", "?symlink", "symlinkat", "?rename", "?renameat", "renameat2", "?unlink",
    "unlinkat", "?rmdir", "?mkdir", "mkdirat", "?chmod", "fchmod", "fchmodat", "fchown", "utimensat", "connect", "sendto",
    "sendmsg",
)  # fmt: skip
_STEP: Final = re.compile(r"(\d+) +[a-z]\w+\((?!.*O_RDONLY(?!.*\.whl))")
"""A call, and the thread that made it. What Python opens to read while it imports modules is none."""
_PATIENCE: Final = 300
"""In seconds: for processes to end whose parent is gone. They do at once, unless the machine is very busy."""


class Who(Enum):
    """Which processes are killed."""

    ALL = "the command and all processes that it started, as where a container ends"
    FIRST = "the command alone, as by kill -9"
    CALLER = "the process that took the step, which may be a worker"


class Ended(Struct, frozen=True):
    """How a run ended: its exit code, negative for a signal; what it printed; and how many steps there were until then."""

    code: int
    out: str
    err: str
    steps: int


@cache
def _can_trace() -> bool:
    program = shutil.which("strace")
    return bool(program) and not subprocess.run([str(program), "-qq", "-o", os.devnull, "true"], check=False).returncode


def needs_strace() -> None:
    """Skip the test where steps cannot be counted."""
    if not _can_trace():
        pytest.skip("needs strace, and a system that lets it trace")


Act = Callable[[int, int, int], object]
"""Called at the moment, with the process group, the process of the command, and the thread that took the step."""


def run_until(
    at: int | None, act: Act, command: Sequence[object], directory: Path, environment: Mapping[str, str] | None = None
) -> Ended:
    """Run ``command`` in ``directory``; do ``act`` after step number ``at``, if it comes so far; return when all is over.

    :raises AssertionError: if a process outlives the command.
    """
    steps, seen = 0, set[int]()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process, lines = _traced(command, directory, environment, out, err)
        with process, lines:
            first = None
            for line in lines:
                if found := _STEP.match(line):
                    first = first or int(found[1])
                    seen.add(int(found[1]))
                    steps += 1
                    if steps == at:
                        act(process.pid, first, int(found[1]))
            code = _code(process)
            _await_end(seen)
        return Ended(code, _text(out), _text(err), steps)


def _traced(
    command: Sequence[object], directory: Path, environment: Mapping[str, str] | None, out: TextIO, err: TextIO
) -> "tuple[subprocess.Popen[bytes], TextIO]":
    """Start ``command`` in a process group of its own; return what traces it, and the lines that it prints."""
    read, write = os.pipe()
    fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, os.sysconf("SC_PAGE_SIZE"))  # so that the command is at most some 50 steps ahead
    try:
        tracer = ["strace", "-f", "-qq", "-s", "0", "-e", "signal=none", "--seccomp-bpf", "-e", f"trace={','.join(_CALLS)}"]
        process = subprocess.Popen(
            [*tracer, "-o", f"/dev/fd/{write}", *map(str, command)],
            cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, pass_fds=[write],
            start_new_session=True,
        )  # fmt: skip
    except BaseException:
        os.close(read)
        raise
    finally:
        os.close(write)
    return process, os.fdopen(read, errors="replace")


def kill(who: Who, group: int, first: int, caller: int) -> None:
    """End ``who`` at once."""
    with suppress(ProcessLookupError):  # it ended meanwhile
        if who is Who.ALL:
            os.killpg(group, signal.SIGKILL)
        else:
            os.kill(first if who is Who.FIRST else caller, signal.SIGKILL)


def _code(process: "subprocess.Popen[bytes]") -> int:
    """Wait for all traced processes, and return the exit code of the first: strace ends as that did."""
    try:
        return process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError("a process outlives the command that started it") from None


def _await_end(threads: Iterable[int]) -> None:
    """Wait until no thread is left: strace is gone before what it traced, whose locks are held until it is gone, too."""
    end = time.monotonic() + _PATIENCE
    while left := [each for each in threads if _is_alive(each)]:
        assert time.monotonic() < end, f"processes outlive the kill: {left}"
        time.sleep(0.002)


def _is_alive(thread: int) -> bool:
    try:
        state = Path(f"/proc/{thread}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def _text(file: TextIO) -> str:
    file.seek(0)
    return file.read()
