"""Whole syncs: a manifest with everything that one can have, and two indexes that change between its runs.

The first index has the shape of PyTorch's for CPUs, the second that of PyPI, with files that must never get into the mirror.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import Struct

import clients
from building import WheelSpec
from running import Ran, wheelfix
from syncing import DAY, EPOCH
from upstreams import GPU_LINES, LINUX, MACOS, Upstream, add_family, pypi, pytorch, torch
from wheelfix.mirror.pages import ListedFile
from wheelfix.mirror.repository import load_page
from wheelfix.mirror.storage import open_store
from wheelfix.sync.manifest.model import OnRulesChange

TORCH: Final = ("torch", "torchvision", "torchaudio")
PATTERNS: Final = ("manylinux*_x86_64", "manylinux*_aarch64", "macosx*_arm64")
PLATFORMS: Final = (*LINUX, MACOS)
CPYTHON: Final = f"cp{clients.PYTHON.replace('.', '')}"
TOO_NEW: Final = "2.99.0"
"""The version of torch on the second index: a CUDA build, as on PyPI."""
_APPLIB: Final = ("idna", "macextra; sys_platform == 'darwin'")
_MANIFEST: Final = """
schema = 1
[mirror]
store = "{store}"
rules = {rules}
on-rules-change = "{policy}"
dependencies = true
platforms = {platforms}
pythons = ["{python}"]
[[source]]
name = "pytorch-cpu"
index = "{cpu}"
projects = ["torch>=2.6", "torchvision", "torchaudio"]
family = true
local = "strip"
[[source]]
name = "locked"
index = "{plain}"
lock = ["uv.lock", "requirements.txt"]
[[source]]
name = "plain"
index = "{plain}"
projects = ["applib", "onlysource"]
sdists = "if-no-wheel"
"""
_RELAXED: Final = """
schema = 1
[[rule]]
id = "sympy"
reason = "a test"
when = { project = "torch" }
match = "sympy"
action = { set-specifier = ">=1.13" }
"""


class Scene(Struct):
    """A manifest in ``folder``, whose mirrors are beside it, and its indexes; the clock moves by ``days`` only."""

    folder: Path
    cpu: Upstream
    plain: Upstream
    days: float = 0
    rules: tuple[str, ...] = ("gpu",)

    def manifest(self, store: str | Path, policy: OnRulesChange = OnRulesChange.REPORT) -> Path:
        """Write the manifest of a mirror, which is a directory here or the URL of a bucket, and return its path."""
        path = self.folder / "mirror.toml"
        text = _MANIFEST.format(
            store=store, rules=json.dumps(self.rules), policy=policy, platforms=json.dumps(PATTERNS), python=clients.PYTHON,
            cpu=self.cpu.index, plain=self.plain.index,
        )  # fmt: skip
        path.write_text(text)
        return path

    def run(self, *words: object) -> Ran:
        """Run the command line at the time of the scene."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SOURCE_DATE_EPOCH", str(EPOCH + int(self.days * DAY)))
            return wheelfix(*words)

    def sync(self, store: str | Path, policy: OnRulesChange = OnRulesChange.REPORT, *options: str) -> dict[str, Any]:
        """Do a run, forget what was requested before, and return its report."""
        self.forget()
        return self.report("mirror", "sync", self.manifest(store, policy), *options)

    def report(self, *words: object) -> dict[str, Any]:
        """Return the report of a command that must succeed, and that must have no problem."""
        ran = self.run(*words, "--format", "json")
        assert ran.code == 0, ran.err + ran.out
        report: dict[str, Any] = json.loads(ran.out)
        assert report["problems"] == []
        return report

    def forget(self) -> None:
        """Forget what was requested of the indexes."""
        self.cpu.forget()
        self.plain.forget()

    def wait(self) -> None:
        """Let 40 days pass: what was yanked is due."""
        self.days += 40

    def change(self) -> None:
        """Let the indexes have new releases, others yanked, unyanked and removed, and let there be another rule."""
        self.days += 1
        add_family(self.cpu, "2.9.1", pythons=(CPYTHON,))
        for version in ("1.3", "1.4"):
            self.plain.add(_spec("applib", version, *_APPLIB))
        for name in ("applib-1.1-py3-none-any.whl", "applib-1.1.tar.gz"):
            self.plain.unyank(name)
        for name in ("applib-1.2-py3-none-any.whl", "applib-1.2.tar.gz"):
            self.plain.yank(name, "it breaks")
        for name in ("applib-1.0-py3-none-any.whl", "applib-1.0.tar.gz", "oldlib-1.0-py3-none-any.whl"):
            self.plain.remove(name)
        rules = self.folder / "wheelfix.toml"
        rules.write_text(_RELAXED)
        self.rules = ("gpu", rules.name)


def _spec(project: str, version: str, *requires: str, tags: str = "py3-none-any") -> WheelSpec:
    return WheelSpec(project=project, version=version, requires=requires, tags=tags)


def _fill(cpu: Upstream, plain: Upstream) -> None:
    add_family(cpu, "2.8.0", "2.9.0", pythons=(CPYTHON,))
    cpu.add(torch("2.9.0", LINUX[1], CPYTHON, local=""), requires_python=">=3.10")  # beside the one of 2.9.0+cpu
    plain.add(WheelSpec(project="torch", version=TOO_NEW, requires=tuple(line.partition(";")[0] for line in GPU_LINES)))
    for line in GPU_LINES:
        name, _, version = line.partition(";")[0].partition("==")
        plain.add(_spec(name, version))
    for platform in (*PLATFORMS, "win_amd64"):
        plain.add(_spec("numpy", "2.0", tags=f"{CPYTHON}-{CPYTHON}-{platform}"))
    for project, version, *requires in (
        ("filelock", "3.20"), ("typing-extensions", "4.9"), ("typing-extensions", "4.15"), ("sympy", "1.14", "mpmath<1.4"),
        ("mpmath", "1.3"), ("mpmath", "1.4"), ("idna", "3.4"), ("idna", "3.10"), ("oldlib", "1.0", "idna<3.5"),
        ("oldlib", "2.0"), ("macextra", "1.0"),
    ):  # fmt: skip
        plain.add(_spec(project, version, *requires))
    for version in ("0.9", "1.0", "1.1", "1.2"):
        plain.add(_spec("applib", version, *_APPLIB))
        plain.add_sdist("applib", version)
    for name in ("applib-1.1-py3-none-any.whl", "applib-1.1.tar.gz"):
        plain.yank(name, "broken")
    plain.add_sdist("onlysource", "1.0")


def _lock(folder: Path, index: str) -> None:
    """Write the locks that the manifest names, as uv makes them of the index itself, when there was nothing newer."""
    clients.uv_lock(folder / "locked", index, "oldlib<2")
    shutil.copy(folder / "locked" / "uv.lock", folder)
    text = clients.uv_compile(folder / "compiled", index, "oldlib<2")
    (folder / "requirements.txt").write_text(text)


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Serve both indexes, and let there be the locks that the manifest names."""
    with pytorch() as cpu, pypi() as plain:
        _fill(cpu, plain)
        _lock(folder, plain.index)
        yield Scene(folder, cpu, plain)


def files(store: Any, project: str) -> list[ListedFile]:
    """Return what a mirror lists of a project."""
    return list(load_page(open_store(store), project).files)


def served(store: Any, project: str) -> list[str]:
    """Return the versions of the files of a project that are not yanked."""
    return [each.version for each in files(store, project) if each.yanked is None]
