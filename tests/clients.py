"""pip, uv, Poetry and PDM, each in a directory of its own and with one index only."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from places import ROOT

PROGRAMS: Final = Path(os.environ.get("TEST_CLIENTS", ROOT / ".venv-clients")).absolute() / "bin"
"""Where poetry and pdm are: ``make test-clients`` puts them there."""
UV: Final = (sys.executable, "-m", "uv")
"""The uv of this environment: one on PATH is another, or none."""
PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a client, with nothing of the user's settings, caches or other indexes; return its output."""
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}
    home = {"HOME": str(cwd), "XDG_CACHE_HOME": str(cwd / "cache"), "XDG_CONFIG_HOME": str(cwd / "config")}
    isolated = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "UV_NO_CONFIG": "1", "PDM_CHECK_UPDATE": "0"}
    environment = {**keep, **home, **isolated, "NO_COLOR": "1", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    environment |= {"UV_PYTHON_DOWNLOADS": "never", "UV_PYTHON": sys.executable, "POETRY_VIRTUALENVS_IN_PROJECT": "true"}
    done = subprocess.run(
        [str(each) for each in command],
        cwd=cwd,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _project(cwd: Path, more: str, requirement: str) -> None:
    cwd.mkdir(parents=True)
    (cwd / "pyproject.toml").write_text(
        f'[project]\nname = "app"\nversion = "1"\nrequires-python = "=={PYTHON}.*"\ndependencies = ["{requirement}"]\n{more}'
    )


def uv_lock(cwd: Path, index: str, requirement: str = "torch", more: str = "") -> str:
    """Return what ``uv lock`` locks; ``more`` are tables of the pyproject.toml."""
    _project(cwd, f'[[tool.uv.index]]\nurl = "{index}"\ndefault = true\n{more}', requirement)
    run(*UV, "lock", cwd=cwd, UV_NO_CONFIG="0")
    return (cwd / "uv.lock").read_text()


def uv_sync(cwd: Path) -> str:
    """Install what is locked in ``cwd``; return the installed projects."""
    run(*UV, "sync", "--locked", "--no-install-project", cwd=cwd, UV_NO_CONFIG="0")
    return run(*UV, "pip", "list", cwd=cwd, UV_NO_CONFIG="0", UV_PYTHON=str(cwd / ".venv"))


def uv_compile(cwd: Path, index: str, requirement: str = "torch") -> str:
    """Return what ``uv pip compile`` writes, with hashes."""
    cwd.mkdir(parents=True)
    (cwd / "requirements.in").write_text(f"{requirement}\n")
    return run(*UV, "pip", "compile", "--generate-hashes", "--default-index", index, "requirements.in", cwd=cwd)


def poetry_lock(cwd: Path, index: str, requirement: str = "torch") -> str:
    """Return what ``poetry lock`` locks."""
    source = "[tool.poetry]\npackage-mode = false\n"
    source += f'[[tool.poetry.source]]\nname = "mirror"\nurl = "{index}"\npriority = "primary"\n'
    _project(cwd, source, requirement)
    run(PROGRAMS / "poetry", "lock", "--no-interaction", cwd=cwd)
    return (cwd / "poetry.lock").read_text()


def pdm_lock(cwd: Path, index: str, requirement: str = "torch", more: str = "") -> str:
    """Return what ``pdm lock`` locks; ``more`` are tables of the pyproject.toml."""
    source = f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{index}"\nverify_ssl = false\n[tool.pdm]\ndistribution = false\n'
    _project(cwd, source + more, requirement)
    (cwd / ".pdm-python").write_text(sys.executable)
    run(PROGRAMS / "pdm", "lock", cwd=cwd)
    return (cwd / "pdm.lock").read_text()


def _pip(cwd: Path, index: str, *words: str) -> None:
    cwd.mkdir(parents=True)
    program = (sys.executable, "-m", "pip", "--isolated", "install", "--quiet", "--no-cache-dir")
    run(*program, "--index-url", index, *words, cwd=cwd)


def pip_report(cwd: Path, index: str, requirement: str = "torch") -> dict[str, Any]:
    """Return what pip would install, as its report has it."""
    _pip(cwd, index, "--dry-run", "--ignore-installed", "--report", "report.json", requirement)
    found: dict[str, Any] = json.loads((cwd / "report.json").read_text())
    return found


def pip_install(cwd: Path, index: str, requirement: str = "torch") -> list[str]:
    """Install, and return the names of what is there then."""
    _pip(cwd, index, "--target", "there", requirement)
    return sorted(path.name for path in (cwd / "there").glob("*.dist-info"))
