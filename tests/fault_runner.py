"""Runs ``wheelfix`` again and again, each time in a process that is forked from this one: it imports everything once.

One request, a line of JSON, is answered by one line with the exit code, negative for a signal.
"""

import atexit
import importlib
import io
import json
import os
import pkgutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

import wheelfix
from wheelfix.cli import run

_SECONDS: Final = 120
"""After so long a run hangs: the longest takes a hundredth of it."""


def import_everything() -> None:
    """Import all modules, those too that a run imports late."""
    for each in pkgutil.walk_packages(wheelfix.__path__, "wheelfix."):
        with suppress(ImportError):  # what an optional dependency is for
            importlib.import_module(each.name)


def act(request: dict[str, Any], folder: Path) -> NoReturn:
    """Carry out ``request`` in ``folder``, and end the process."""
    signal.alarm(_SECONDS)
    sys.stdin.close()
    for name, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), encoding="utf-8", errors="surrogateescape")
    sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", closefd=False), encoding="utf-8", errors="backslashreplace")
    code = 1
    try:
        os.chdir(folder / "work")
        code = run(request["arguments"])
    except BaseException:  # noqa: BLE001 - the traceback is what a test looks for
        sys.excepthook(*sys.exc_info())
    finally:
        atexit._run_exitfuncs()  # of multiprocessing, which has a socket
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Answer requests until there are no more."""
    folder = Path(sys.argv[1])
    import_everything()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            act(json.loads(line), folder)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
