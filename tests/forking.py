"""A process that has imported programs, and runs each of their jobs in a fork: ``python forking.py SOCKET MODULE...``.

Who asks connects to the socket and sends the three descriptors that the fork is to have as its standard streams, and with
``marshal`` the tool (as for ``python -m``), the directory, the environment and the arguments. The answer is the exit code,
in one byte.
"""

import atexit
import fcntl
import importlib
import marshal
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NoReturn, TextIO, cast


def serve(path: str, modules: Iterable[str]) -> None:
    """Run jobs until standard input ends; a module ``x.*`` stands for all modules of a package."""
    for name in modules:
        with suppress(ImportError):  # a version that has it elsewhere imports it by itself
            _import(name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while listener in select.select([listener, sys.stdin], [], [])[0]:
            connection = listener.accept()[0]
            if os.fork() == 0:
                _do(connection)
            connection.close()
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _import(name: str) -> None:
    package = importlib.import_module(name.removesuffix(".*"))
    if name.endswith(".*"):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _do(connection: socket.socket) -> NoReturn:
    code = 1
    try:
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 3)
        with connection.makefile("rb") as asked:
            job = marshal.load(asked)
        # Who asked may end first. Then the kernel sends a signal that ends this process, too.
        fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(connection, fcntl.F_SETFL, os.O_ASYNC)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        code = _run(*job)
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException:  # noqa: BLE001 - as the interpreter does it
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        connection.sendall(bytes([code]))
        os._exit(code)


def _run(tool: str, folder: bytes, environment: Mapping[bytes, bytes], words: Iterable[bytes]) -> int:
    os.chdir(folder)
    os.environb.clear()
    os.environb.update(environment)
    time.tzset()
    sys.stdin, sys.stdout = _stream(0, "r", "surrogateescape"), _stream(1, "w", "surrogateescape")
    sys.stderr = _stream(2, "w", "backslashreplace")
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.argv[1:] = map(os.fsdecode, words)
    try:
        runpy.run_module(tool, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            sys.stderr.write(f"{end.code}\n")
            return 1
        return end.code or 0
    return 0


def _stream(number: int, mode: str, errors: str) -> TextIO:
    return cast(TextIO, os.fdopen(number, mode, encoding="utf-8", errors=errors, closefd=False))


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])
