"""What pip, uv, Poetry and PDM lock and install for platforms that this is not, judged from what they wrote."""

import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from packaging.markers import Marker, default_environment
from packaging.utils import canonicalize_name, parse_wheel_filename

import clients
from upstreams import LINUX, MACOS

_PIP: Final = (clients.PROGRAMS / "pip", "--isolated", "--disable-pip-version-check", "--retries", "0")


class Target(NamedTuple):
    """A platform: its tag, its name in uv, and what markers say there."""

    tag: str
    uv: str
    markers: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """What the variables of markers are there, for this Python."""
        return {**{key: str(value) for key, value in default_environment().items()}, **self.markers, "extra": ""}

    @property
    def marker(self) -> str:
        """A marker that is true there alone."""
        wanted = ("sys_platform", "platform_machine")
        return " and ".join(f"{name} == '{self.markers[name]}'" for name in wanted)

    def takes(self, filename: str) -> bool:
        """Whether a wheel of this name is for it; of its Python nothing is said."""
        return filename.endswith(".whl") and any(
            tag.platform in ("any", self.tag) for tag in parse_wheel_filename(filename)[3]
        )


def _linux(tag: str, machine: str) -> Target:
    values = {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": machine, "os_name": "posix"}
    return Target(tag, f"{machine}-manylinux_2_28", values)


_ON_MACOS: Final = {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64", "os_name": "posix"}
X86_64: Final = _linux(LINUX[0], "x86_64")
AARCH64: Final = _linux(LINUX[1], "aarch64")
DARWIN: Final = Target(MACOS, "aarch64-apple-darwin", _ON_MACOS)
TARGETS: Final = (X86_64, AARCH64, DARWIN)


def pip_downloads(cwd: Path, index: str, target: Target, *words: str) -> dict[str, str] | None:
    """Return the versions that ``pip download`` gets for ``target``, ``None`` if it cannot.

    It judges markers by the platform that it runs on.
    """
    cwd.mkdir(parents=True)
    python = (*("--python-version", clients.PYTHON), *("--implementation", "cp"))
    abis = [word for abi in (f"cp{clients.PYTHON.replace('.', '')}", "abi3", "none") for word in ("--abi", abi)]
    where = ("--platform", target.tag, *python, *abis, "--only-binary", ":all:", "--dest", "there", "--no-cache-dir")
    done = clients.attempt(*_PIP, "download", "--quiet", *where, "--index-url", index, *words, cwd=cwd)
    if done.returncode != 0:
        return None
    names = [path.name for path in (cwd / "there").iterdir()]
    assert all(target.takes(each) for each in names), names
    return {name: str(version) for name, version, *_ in map(parse_wheel_filename, names)}


def _for_uv(target: Target) -> tuple[str, ...]:
    return ("--python-platform", target.uv, "--python-version", clients.PYTHON, "--only-binary", ":all:")


def uv_installs(cwd: Path, index: str, target: Target, *words: str) -> dict[str, str] | None:
    """Return the versions that ``uv pip install`` puts below ``there`` for ``target``, ``None`` if it cannot."""
    cwd.mkdir(parents=True)
    where = (
        "--target",
        "there",
        "--python-platform",
        target.uv,
        "--python-version",
        clients.PYTHON,
        "--only-binary",
        ":all:",
    )
    done = clients.attempt(*clients.UV, "pip", "install", *where, "--default-index", index, *words, cwd=cwd)
    if done.returncode != 0:
        return None
    return installed(cwd / "there")


def uv_compiles(cwd: Path, index: str, target: Target, *requirements: str) -> dict[str, str] | None:
    """Write a requirements.txt with hashes for ``target``; return its versions, ``None`` if there is no solution."""
    cwd.mkdir(parents=True)
    (cwd / "requirements.in").write_text("".join(f"{each}\n" for each in requirements))
    where = ("--default-index", index, *_for_uv(target))
    words = ("--generate-hashes", "--no-header", "--no-annotate", "-o", "requirements.txt", "requirements.in")
    done = clients.attempt(*clients.UV, "pip", "compile", *where, *words, cwd=cwd)
    if done.returncode != 0:
        return None
    lines = (cwd / "requirements.txt").read_text().splitlines()
    return dict(line.split()[0].split("==") for line in lines if "==" in line)


def installed(folder: Path) -> dict[str, str]:
    """Return the versions of the distributions in ``folder``."""
    names = (path.name.removesuffix(".dist-info").partition("-") for path in folder.glob("*.dist-info"))
    return {canonicalize_name(name): version for name, _, version in names}


def site_packages(folder: Path) -> Path:
    """Return where distributions are in the environment ``.venv`` of ``folder``."""
    return folder / ".venv" / "lib" / f"python{clients.PYTHON}" / "site-packages"


def pip_lock(cwd: Path, index: str, *requirements: str) -> None:
    """Write a pylock.toml, which is for this platform."""
    cwd.mkdir(parents=True)
    clients.run(*_PIP, "lock", "--quiet", "--index-url", index, "-o", "pylock.toml", *requirements, cwd=cwd)


def pip_sync(cwd: Path) -> dict[str, str]:
    """Install what :func:`pip_lock` locked in ``cwd``; return the versions that are there then."""
    clients.run(sys.executable, "-m", "venv", "--without-pip", ".venv", cwd=cwd)
    words = ("--python", ".venv", "install", "--quiet", "--no-cache-dir", "-r", "pylock.toml")
    clients.run(*_PIP, *words, cwd=cwd)
    return installed(site_packages(cwd))


def locked(path: Path, target: Target) -> dict[str, str]:
    """Return the versions that a poetry.lock, pdm.lock or requirements.txt of ``uv export`` has for ``target``.

    Each has a wheel there for it.
    """
    read = _requirements if path.suffix == ".txt" else _packages
    found: dict[str, str] = {}
    for name, version, marker, files in read(path):
        if marker is None or Marker(marker).evaluate(target.environment):
            assert name not in found, f"{name} is there twice: {path}"
            assert not files or any(map(target.takes, files)), f"{name} has no wheel for {target.tag}: {files}"
            found[name] = version
    return found


def _packages(path: Path) -> Iterator[tuple[str, str, str | None, list[str]]]:
    for each in tomllib.loads(path.read_text())["package"]:
        marker: Any = each.get("markers", each.get("marker"))
        if isinstance(marker, dict):
            marker = marker.get("main")
        yield each["name"], each["version"], marker, [file["file"] for file in each["files"]]


def _requirements(path: Path) -> Iterator[tuple[str, str, str | None, list[str]]]:
    for line in path.read_text().splitlines():
        if "==" in line.partition(";")[0]:
            pin, _, marker = line.removesuffix("\\").partition(";")
            name, _, version = pin.strip().partition("==")
            yield name, version, marker.strip() or None, []
