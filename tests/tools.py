"""pip, twine and wheel, run as by ``python -m``, in forks of one process that has imported them.

Most of what they take otherwise is their start: pip installs a small wheel in 0.1 s of processor time, and not in 0.6 s.
"""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

TOOLS: Final = {
    "pip": ("pip._internal.cli.main", "pip._internal.commands.install"),
    "twine": ("twine.cli", "twine.commands.check", "readme_renderer.rst"),
    "wheel": ("wheel._commands.unpack", "wheel._commands.pack"),
}
"""What each tool imports once it knows its arguments."""
_FORKING: Final = """
import contextlib, importlib, json, os, runpy, sys, traceback

def run(job):
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, path in enumerate(job["outputs"], 1):
        os.dup2(os.open(path, os.O_WRONLY), descriptor)
    sys.argv[1:] = job["arguments"]
    try:
        runpy.run_module(job["tool"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    return 0

for name in sys.argv[1:]:
    with contextlib.suppress(ImportError):  # a version that has it elsewhere imports it by itself
        importlib.import_module(name)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = run(json.loads(line))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


_LOCK: Final = Lock()


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
    words, server = [*map(str, arguments)], _server()
    with _captured() as output, _captured() as errors:
        job: dict[str, Any] = {"tool": tool, "arguments": words, "outputs": [output.name, errors.name]}
        job |= {"folder": str(cwd or Path.cwd()), "environment": dict(os.environ if env is None else env)}
        assert server.stdin is not None
        assert server.stdout is not None
        with _LOCK:
            server.stdin.write(json.dumps(job) + "\n")
            server.stdin.flush()
            code = int(server.stdout.readline())
        return subprocess.CompletedProcess([sys.executable, "-m", tool, *words], code, output.read(), errors.read())


def _captured() -> Any:
    return tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace")


@cache
def _server() -> "subprocess.Popen[str]":
    """Start the process that has imported the tools; it ends with this one."""
    names = [name for tool in TOOLS.values() for name in tool]
    command = [sys.executable, "-c", _FORKING, *names]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/", env=environment
    )  # fmt: skip
    atexit.register(server.communicate)
    return server
