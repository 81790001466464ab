"""pip, uv, Poetry and PDM, each in a directory of its own and with one index only."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import tools
from places import ROOT

PROGRAMS: Final = Path(os.environ.get("TEST_CLIENTS", ROOT / ".venv-clients")).absolute() / "bin"
"""Where poetry and pdm are: ``make test-clients`` puts them there."""
_SEEDS: Final = PROGRAMS.parent / "virtualenv"
"""What virtualenv, and so Poetry, copies pip from into each new environment: it is unpacked once."""
UV: Final = (sys.executable, "-m", "uv")
"""The uv of this environment: one on PATH is another, or none."""
PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a client, with nothing of the user's settings, caches or other indexes; return its output."""
    done = attempt(*command, cwd=cwd, **variables)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def attempt(*command: str | Path, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a client in the same way; return what it did, whether or not it succeeded."""
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}
    home = {"HOME": str(cwd), "XDG_CACHE_HOME": str(cwd / "cache"), "XDG_CONFIG_HOME": str(cwd / "config")}
    isolated = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "UV_NO_CONFIG": "1", "PDM_CHECK_UPDATE": "0"}
    isolated |= {"VIRTUALENV_OVERRIDE_APP_DATA": str(_SEEDS), "VIRTUALENV_NO_PERIODIC_UPDATE": "1"}
    environment = {**keep, **home, **isolated, "NO_COLOR": "1", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    environment |= {"UV_PYTHON_DOWNLOADS": "never", "UV_PYTHON": sys.executable, "POETRY_VIRTUALENVS_IN_PROJECT": "true"}
    return tools.run(*command, env={**environment, **variables}, cwd=cwd)


def environment(cwd: Path) -> None:
    """Make an environment with pip in ``cwd / ".venv"``, by virtualenv: in a tenth of the time that venv takes."""
    run(PROGRAMS / "python", "-m", "virtualenv", "--quiet", "--python", sys.executable, ".venv", cwd=cwd)


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


def poetry_sync(cwd: Path) -> set[str]:
    """Install what :func:`poetry_lock` locked in ``cwd``; return the names of the distributions that are there then."""
    run(PROGRAMS / "poetry", "sync", "--no-interaction", cwd=cwd)
    return _installed(cwd)


def pdm_sync(cwd: Path) -> set[str]:
    """Install what :func:`pdm_lock` locked in ``cwd``; return the names of the distributions that are there then."""
    run(*UV, "venv", ".venv", cwd=cwd)
    (cwd / ".pdm-python").write_text(str(cwd / ".venv/bin/python"))
    run(PROGRAMS / "pdm", "sync", cwd=cwd)
    return _installed(cwd)


def _installed(cwd: Path) -> set[str]:
    return {path.name.removesuffix(".dist-info") for path in cwd.glob(".venv/lib/python*/site-packages/*.dist-info")}


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


LINUX: Final = "x86_64-manylinux_2_28"
_PLATFORMS: Final = {
    LINUX: "manylinux_2_28_x86_64",
    "aarch64-apple-darwin": "macosx_11_0_arm64",
    "windows": "win_amd64",
    "armv6l": "linux_armv6l",
}
"""The platforms of :func:`resolved_by_uv`, and what pip calls each."""


def resolved_by_pip(cwd: Path, index: str, *requirements: str, platform: str = LINUX) -> dict[str, str] | None:
    """Return the versions that pip would install for CPython 3.11 on ``platform``, ``None`` if it finds no solution."""
    cwd.mkdir(parents=True)
    target = ("--platform", _PLATFORMS[platform], "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311")
    words = (*target, "--abi", "none", "--abi", "abi3", "--only-binary", ":all:", "--target", "there", "--dry-run")
    program = (sys.executable, "-m", "pip", "--isolated", "install", "--quiet", "--no-cache-dir", "--retries", "0")
    done = attempt(*program, "--index-url", index, *words, "--report", "report.json", *requirements, cwd=cwd)
    if done.returncode != 0:
        return None
    report = json.loads((cwd / "report.json").read_text())
    return {each["metadata"]["name"]: each["metadata"]["version"] for each in report["install"]}


def resolved_by_uv(cwd: Path, index: str, *requirements: str, platform: str = LINUX) -> dict[str, str] | None:
    """Return the versions that uv would install for CPython 3.11 on ``platform``, ``None`` if it finds no solution."""
    cwd.mkdir(parents=True)
    (cwd / "requirements.in").write_text("".join(f"{each}\n" for each in requirements))
    words = ("--no-header", "--no-annotate", "--python-version", "3.11", "--python-platform", platform)
    done = attempt(*UV, "pip", "compile", "--default-index", index, *words, "requirements.in", cwd=cwd)
    if done.returncode != 0:
        return None
    return dict(line.split(" ", 1)[0].split("==", 1) for line in done.stdout.splitlines())


def installed_by_uv(cwd: Path, index: str, *requirements: str, platform: str = LINUX) -> dict[str, str] | None:
    """Return the versions that uv installs, of wheels for CPython 3.11 on ``platform``, ``None`` if it refuses one."""
    cwd.mkdir(parents=True)
    words = ("--target", "there", "--python-version", "3.11", "--python-platform", platform, "--default-index", index)
    done = attempt(*UV, "pip", "install", *words, *requirements, cwd=cwd)
    if done.returncode != 0:
        return None
    names = (path.name.removesuffix(".dist-info").partition("-") for path in (cwd / "there").glob("*.dist-info"))
    return {name.replace("_", "-"): version for name, _, version in names}
