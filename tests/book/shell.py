"""A terminal that a page is typed into: bash, or Python, which takes one piece after the other and keeps its state."""

import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

ROWS: Final = 50
COLUMNS: Final = 120
_MARK: Final = re.compile(rb"\x1e(\d+)\x1e")
"""What ends the output of a piece: its exit code between two characters that no page shows."""
_BASH: Final = """
set -o pipefail
while IFS= read -r -u "$1" piece; do
  eval '. "$piece" </dev/null '"$1<&-"
  printf '\\036%s\\036' "$?"
done
"""
_PYTHON: Final = """
import doctest, os, sys, traceback
names = {"__name__": "__main__"}
sys.path.insert(0, "")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

def run(text):
    if not text.lstrip().startswith(">>> "):
        exec(compile(text, "<page>", "exec"), names)
        return 0
    test = doctest.DocTestParser().get_doctest(text, names, "page", None, 0)
    failed = doctest.DocTestRunner(verbose=False, optionflags=flags).run(test, clear_globs=False).failed
    names.update(test.globs)
    return failed

for piece in os.fdopen(int(sys.argv[1])):
    with open(piece.rstrip(), encoding="utf-8") as opened:
        text = opened.read()
    try:
        code = run(text)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        if code and not isinstance(error.code, int):
            print(error.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    print(f"\\036{code}\\036", end="", flush=True)
"""
INTERPRETERS: Final = {
    "bash": ["bash", "--noprofile", "--norc", "-c", _BASH, "bash"],
    "python": [sys.executable, "-c", _PYTHON],
}


class Ran(NamedTuple):
    """How a piece ended, and what the terminal showed."""

    code: int
    output: str


class Ended(Exception):
    """A piece ended its interpreter, such as ``exit``: what was printed until then."""


class Terminal:
    """An interpreter in ``directory`` whose output goes to a terminal."""

    def __init__(self, interpreter: str, directory: Path, variables: Mapping[str, str]) -> None:
        master, slave = pty.openpty()
        attributes = termios.tcgetattr(slave)
        attributes[1] &= ~termios.OPOST  # a new line is one character, and nothing becomes blanks
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        termios.tcsetwinsize(slave, (ROWS, COLUMNS))
        pieces, self._pieces = os.pipe()
        self._folder = tempfile.TemporaryDirectory(prefix="book")
        self._number = 0
        self._master = master
        command = [*INTERPRETERS[interpreter], str(pieces)]
        self._process = subprocess.Popen(
            command, cwd=directory, env=dict(variables), stdin=slave, stdout=slave, stderr=slave, pass_fds=[pieces],
            start_new_session=True,
        )  # fmt: skip
        os.close(pieces)
        os.close(slave)

    @property
    def directory(self) -> Path:
        """The directory where the reader is now."""
        return Path(f"/proc/{self._process.pid}/cwd").readlink()

    def run(self, text: str, seconds: float = 300) -> Ran:
        """Run a piece and wait until it ends.

        :raises TimeoutError: if that takes longer.
        :raises Ended: if it ended the interpreter.
        """
        self._number += 1
        piece = Path(self._folder.name) / str(self._number)
        piece.write_text(text, "utf-8")
        os.write(self._pieces, f"{piece}\n".encode())
        seen, end = b"", time.monotonic() + seconds
        while not (found := _MARK.search(seen)):
            if not select.select([self._master], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"no end after {seconds} s: {text}\n{seen.decode()}")
            try:
                seen += os.read(self._master, 1 << 16)
            except OSError as error:  # what Linux says when all others have closed it
                raise Ended(f"it ended the shell\n{seen.decode()}") from error
        shown = seen[: found.start()] + seen[found.end() :]
        return Ran(int(found[1]), shown.decode().replace("\r\n", "\n"))

    def start(self, text: str, log: Path) -> None:
        """Start a command as if in another terminal, which writes to ``log``."""
        assert self.run(f"{{ {text.rstrip()}\n}} >{shlex.quote(str(log))} 2>&1 </dev/null &").code == 0

    def close(self) -> None:
        """End the interpreter and all that it has started."""
        os.close(self._pieces)
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self._process.wait()
        os.close(self._master)
        self._folder.cleanup()
