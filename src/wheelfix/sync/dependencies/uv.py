"""uv, which resolves for any platform and Python: found, and run against one index and nothing else."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from packaging.utils import canonicalize_name

from wheelfix.errors import MirrorError
from wheelfix.sync.dependencies.platforms import Target
from wheelfix.text import shown
from wheelfix.version import install_extra

_LONGEST: Final = 900.0
"""In seconds: a resolution that takes longer is given up."""
_LONGEST_REASON: Final = 400
_PIN: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;]+)")
_CAUSE: Final = re.compile(r"(?:cause:|╰─▶)\s*(.+?)(?:\n\s*\n|\Z)", re.DOTALL)
"""How uv begins a reason; older versions draw an arrow."""
_URL: Final = re.compile(r"https?://[^\s`]+")
_MARKER: Final = re.compile(r"\{[^}]*\}")
_SO: Final = re.compile(r",? we can conclude that .*", re.DOTALL)
_KEPT: Final = ("SYSTEMROOT", "TMPDIR", "TEMP", "TMP")
"""Variables without which a process cannot run on some systems; no setting of uv or pip is among them."""


class Resolution(Struct, frozen=True):
    """What uv answers: the versions by project (normalized), or, if there are none, why it finds none.

    One that is not ``final`` may be another one next time, with the same pages.
    """

    pins: Mapping[str, str]
    reason: str = ""
    final: bool = True

    @property
    def found(self) -> bool:
        """Whether it resolves."""
        return not self.reason


def find_uv() -> Path:
    """Return the path of uv: that of the package, or else one on PATH.

    :raises MirrorError: if there is none.
    """
    try:
        from uv import find_uv_bin  # imported late: only the extra "sync" installs it

        return Path(find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise MirrorError(
            "no-uv",
            "uv, which resolves dependencies, is not installed",
            hint=f"Set `dependencies = false` in the manifest, or install uv. {install_extra('sync')}",
        )
    return Path(found)


class Uv:
    """uv at ``path``, whose files are in ``directory``. It reads no configuration, and needs no other Python than this one.

    ``runs`` is how often it was started.
    """

    def __init__(self, path: Path, directory: Path) -> None:
        self._path = path
        self._directory = directory
        self.runs = 0
        self.identity = f"{path} {path.stat().st_size}"

    def resolve(self, index: str, roots: Sequence[str], target: Target, preferences: Mapping[str, str]) -> Resolution:
        """Return what ``roots``, requirements, stand for at ``target``, from the index at a URL alone.

        Of versions that are as good the ``preferences``, by project, are kept.

        :raises MirrorError: if uv does not run, or ends without an answer.
        """
        self.runs += 1
        output = self._directory / "requirements.txt"
        output.write_text("".join(f"{name}=={version}\n" for name, version in preferences.items()), encoding="utf-8")
        try:
            done = self._run(index, roots, target, output)
        except subprocess.TimeoutExpired:
            return Resolution({}, f"uv did not find out within {_LONGEST:g} seconds", final=False)
        except OSError as error:
            raise _failed(str(error)) from error
        if done.returncode == 0:
            return Resolution(_pins(done.stdout))
        if done.returncode < 0 or ("No solution found" not in done.stderr and "Failed to resolve" not in done.stderr):
            raise _failed(done.stderr)
        return Resolution({}, _condensed(done.stderr))

    def _run(self, index: str, roots: Sequence[str], target: Target, output: Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [
                os.fspath(self._path), "pip", "compile", "-", "--output-file", os.fspath(output),
                "--no-config", "--only-binary", ":all:", "--no-sources", "--no-python-downloads",
                "--python", sys.executable, "--python-version", target.python, "--python-platform", target.uv,
                "--no-header", "--no-annotate", "--no-progress", "--color", "never",
                "--cache-dir", os.fspath(self._directory / "cache"),
            ],
            input="".join(f"{each}\n" for each in roots),
            env=self._environment(index, target),
            cwd=self._directory,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_LONGEST,
            check=False,
        )  # fmt: skip

    def _environment(self, index: str, target: Target) -> dict[str, str]:
        """Return the environment of uv: its URL is no argument, which other users of the machine could read."""
        home = os.fspath(self._directory)
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        macos = {"MACOSX_DEPLOYMENT_TARGET": target.macos} if target.macos else {}
        return {
            **kept, **macos, "PATH": "", "HOME": home, "XDG_CONFIG_HOME": home, "UV_DEFAULT_INDEX": index,
            "UV_HTTP_TIMEOUT": f"{_LONGEST:.0f}", "UV_HTTP_RETRIES": "0", "UV_CONCURRENT_DOWNLOADS": "8",
            "NO_PROXY": "127.0.0.1",
        }  # fmt: skip


def _pins(text: str) -> dict[str, str]:
    found = (_PIN.match(line) for line in text.splitlines())
    return {str(canonicalize_name(each[1])): each[2] for each in found if each}


def _condensed(text: str) -> str:
    """Return the first of the reasons that uv gives, as a clause without the URL of the index and without markup."""
    found = _CAUSE.search(text)
    first = _in_one_line(found[1]) if found else text.strip().partition("\n")[0]
    plain = _SO.sub("", _MARKER.sub("", _URL.sub("a URL", first)))
    plain = plain.strip().removeprefix("Because ").rstrip(".,")
    if len(plain) > _LONGEST_REASON:
        start = plain[: _LONGEST_REASON - 3]
        plain = f"{start.rpartition(' ')[0] or start}..."
    return shown(plain) or "uv gives no reason"


def _in_one_line(text: str) -> str:
    """Return a reason of several lines in one; what is listed in it is indented more than the rest.

    >>> _in_one_line("only these are available:\\n        demo==1\\n        demo==2\\n    and so on")
    'only these are available: demo==1, demo==2 and so on'
    """
    first, *rest = text.splitlines()
    least = min((len(line) - len(line.lstrip()) for line in rest), default=0)
    line, was_item = first, False
    for each in rest:
        is_item = len(each) - len(each.lstrip()) > least
        line += f"{', ' if is_item and was_item else ' '}{each.strip()}"
        was_item = is_item
    return line


def _failed(text: str) -> MirrorError:
    lines = [_URL.sub("a URL", line.strip()) for line in text.splitlines() if line.strip()]
    return MirrorError(
        "uv-failed",
        "uv did not resolve dependencies",
        reason=shown(" ".join(lines[:2])[:_LONGEST_REASON]) or "it ended without a message",
        hint="Run again; if it persists, try another version of uv.",
    )
