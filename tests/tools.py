"""pip, twine, wheel and wheelfix, run as by ``python -m``, in forks of processes that have imported them (:mod:`forking`).

Most of what they take otherwise is their start: pip installs a small wheel in 0.1 s of processor time, and not in 0.6 s.
"""

import atexit
import marshal
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

TOOLS: Final = {
    "pip": ("pip._internal.cli.main", "pip._internal.commands.install"),
    "twine": ("twine.cli", "twine.commands.check", "readme_renderer.rst"),
    "wheel": ("wheel._commands.unpack", "wheel._commands.pack"),
    "wheelfix": ("wheelfix.*", "pypi_simple", "requests", "rich.console", "rich.progress"),
}
"""What each tool imports once it knows its arguments; ``*`` stands for all modules of a package."""
_STAND_IN: Final = """\
#!{python} -IS
import marshal, posix, sys
from _socket import AF_UNIX, SCM_RIGHTS, SOL_SOCKET, socket

server = socket(AF_UNIX)
server.connect({path!r})
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
server.sendmsg([b"x"], [(SOL_SOCKET, SCM_RIGHTS, streams)])
words = [word.encode("utf-8", "surrogateescape") for word in sys.argv[1:]]
job = memoryview(marshal.dumps(({tool!r}, posix.getcwdb(), posix.environ, words)))
while job:
    job = job[server.send(job):]
code = server.recv(1)
posix._exit(code[0] if code else 255)
"""
"""A program that asks for a fork; as it imports next to nothing, it takes a tenth of what the tool's start would take."""


def run(
    *command: object, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Do what ``subprocess.run`` does; ``python -m`` of one of :data:`TOOLS` is run in a fork."""
    words = [*map(str, command)]
    if words[:2] == [sys.executable, "-m"] and words[2] in TOOLS:
        return run_tool(words[2], *words[3:], env=env, cwd=cwd)
    return subprocess.run(words, capture_output=True, text=True, check=False, env=env, cwd=cwd)


def run_tool(
    tool: str, *arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run ``python -m TOOL ARGUMENTS``, one of :data:`TOOLS`, in a fork."""
    words = [*map(str, arguments)]
    environment = {os.fsencode(name): os.fsencode(value) for name, value in (os.environ if env is None else env).items()}
    job = tool, os.fsencode(cwd or Path.cwd()), environment, [os.fsencode(word) for word in words]
    with (
        _captured() as output,
        _captured() as errors,
        Path(os.devnull).open() as nothing,
        socket.socket(socket.AF_UNIX) as server,
    ):
        server.connect(_server(tool))
        socket.send_fds(server, [b"x"], [each.fileno() for each in (nothing, output, errors)])
        server.sendall(marshal.dumps(job))
        code = server.recv(1)
        assert code, f"{tool} was killed"
        return subprocess.CompletedProcess([sys.executable, "-m", tool, *words], code[0], _read(output), _read(errors))


def write_stand_in(path: Path, tool: str) -> None:
    """Write a program that does what ``python -m TOOL``, one of :data:`TOOLS`, does, in a fork."""
    path.write_text(_STAND_IN.format(python=sys.executable, path=_server(tool), tool=tool), "utf-8")
    path.chmod(0o755)


def _captured() -> Any:
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")


def _read(file: Any) -> str:
    file.seek(0)
    text: str = file.read()
    return text


@cache
def _server(tool: str) -> str:
    """Start the process that has imported a tool, and return the path of its socket; it ends with this one."""
    folder = tempfile.TemporaryDirectory(prefix="fork-")
    path = str(Path(folder.name) / tool)
    command = [sys.executable, str(Path(__file__).with_name("forking.py")), path, *TOOLS[tool]]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/", env=environment
    )  # fmt: skip
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n", f"{tool} cannot be imported"
    atexit.register(folder.cleanup)
    atexit.register(server.communicate)
    return path
