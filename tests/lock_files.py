"""Lock files of one application, by each client: ``tests/locks`` holds some, a slow test makes new ones of one index."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from clients import PROGRAMS, UV, attempt, pdm_lock, poetry_lock, run, uv_compile, uv_lock

EXAMPLE: Final = "https://wheels.example.org/simple/"
"""The index in the locks of ``tests/locks``."""
_INNER: Final = """[project]
name = "inner"
version = "1"
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""


def _uv(folder: Path, index: str) -> Path:
    (folder.parent / "inner").mkdir(exist_ok=True)
    (folder.parent / "inner/pyproject.toml").write_text(_INNER)
    uv_lock(folder, index, 'torch", "inner', '[tool.uv.sources]\ninner = { path = "../inner" }\n')
    return folder / "uv.lock"


def _uv_pylock(folder: Path, index: str) -> Path:
    uv_lock(folder, index)
    words = ("export", "--format", "pylock.toml", "-o", "pylock.toml", "--no-emit-project")
    run(*UV, *words, cwd=folder, UV_NO_CONFIG="0")
    return folder / "pylock.toml"


def _pip_pylock(folder: Path, index: str) -> Path:
    folder.mkdir()
    done = attempt(
        PROGRAMS / "pip", "--isolated", "lock", "--index-url", index, "-o", "pylock.pip.toml", "torch", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return folder / "pylock.pip.toml"


def _poetry(folder: Path, index: str) -> Path:
    poetry_lock(folder, index)
    return folder / "poetry.lock"


def _pdm(folder: Path, index: str) -> Path:
    pdm_lock(folder, index)
    return folder / "pdm.lock"


def _pdm_static(folder: Path, index: str) -> Path:
    pdm_lock(folder, index)
    (folder / "pdm.lock").unlink()
    run(PROGRAMS / "pdm", "lock", "--strategy", "static_urls", cwd=folder)
    return (folder / "pdm.lock").rename(folder / "pdm-static.lock")


def _pdm_pylock(folder: Path, index: str) -> Path:
    pdm_lock(folder, index, more="[tool.pdm.options]\n")
    (folder / "pdm.lock").unlink()
    run(PROGRAMS / "pdm", "config", "--local", "lock.format", "pylock", cwd=folder)
    run(PROGRAMS / "pdm", "lock", cwd=folder)
    return (folder / "pylock.toml").rename(folder / "pylock.pdm.toml")


def _uv_compiled(folder: Path, index: str) -> Path:
    (folder / "requirements.txt").write_text(uv_compile(folder, index))
    return folder / "requirements.txt"


def _pip_compiled(folder: Path, index: str) -> Path:
    folder.mkdir()
    (folder / "requirements.in").write_text("torch\n")
    words = ("--generate-hashes", "--quiet", "-o", "compiled.txt", "requirements.in")
    run(PROGRAMS / "pip-compile", *words, cwd=folder, PIP_INDEX_URL=index)
    return folder / "compiled.txt"


def _uv_exported(folder: Path, index: str) -> Path:
    _uv(folder, index)
    words = ("export", "--format", "requirements.txt", "--emit-index-url", "-o", "exported.txt", "--no-emit-project")
    run(*UV, *words, cwd=folder, UV_NO_CONFIG="0")
    return folder / "exported.txt"


def _frozen(folder: Path, index: str) -> Path:
    uv_lock(folder, index)
    run(*UV, "sync", "--locked", "--no-install-project", cwd=folder, UV_NO_CONFIG="0")
    found = run(*UV, "pip", "freeze", cwd=folder, UV_NO_CONFIG="0", UV_PYTHON=str(folder / ".venv"))
    (folder / "frozen.txt").write_text(found)
    return folder / "frozen.txt"


MAKERS: Final[Mapping[str, Callable[[Path, str], Path]]] = {
    "uv.lock": _uv,
    "pylock.toml": _uv_pylock,
    "pylock.pip.toml": _pip_pylock,
    "pylock.pdm.toml": _pdm_pylock,
    "poetry.lock": _poetry,
    "pdm.lock": _pdm,
    "pdm-static.lock": _pdm_static,
    "requirements.txt": _uv_compiled,
    "compiled.txt": _pip_compiled,
    "exported.txt": _uv_exported,
    "frozen.txt": _frozen,
}
"""What makes each of them in a new directory, and returns where it is."""
