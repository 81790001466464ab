"""Programs that install wheels, and PyPI, which takes them: each says of one wheel why it refuses it.

pip and installer run in this process, by the functions that their command lines call; uv is a program, 20 ms each time.
"""

import contextlib
import io
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import installer
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile
from pip._internal.exceptions import InstallationError
from pip._internal.metadata import FilesystemWheel, get_wheel_distribution
from pip._internal.models.scheme import Scheme
from pip._internal.models.wheel import Wheel
from pip._internal.operations.install.wheel import install_wheel
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import Version
from uv import find_uv_bin

from warehouse import Refused, refuse_upload


def _install_with_pip(path: Path, target: Path) -> None:
    """Do what ``pip install`` does once it has chosen a wheel: consistency, requirements, files."""
    wheel = Wheel(path.name)
    distribution = get_wheel_distribution(FilesystemWheel(str(path)), canonicalize_name(wheel.name))
    if (distribution.canonical_name, distribution.version) != (canonicalize_name(wheel.name), Version(str(wheel.version))):
        raise InstallationError(f"metadata is for {distribution.raw_name} {distribution.version}")
    list(distribution.iter_dependencies([*distribution.iter_provided_extras()]))
    assert distribution.requires_python is not None
    places = {name: str(target / name) for name in ("platlib", "purelib", "headers", "scripts", "data")}
    install_wheel(wheel.name, str(path), Scheme(**places), path.name, pycompile=False, warn_script_location=False)


def _install_with_installer(path: Path, target: Path) -> None:
    """Do what the library offers: compare the files with RECORD, and write them to the places of a virtual environment."""
    with WheelFile.open(path) as source:
        source.validate_record()
        library, scripts = str(target / "lib"), str(target / "bin")
        places = {"purelib": library, "platlib": library, "headers": str(target / "include")}
        places |= {"scripts": scripts, "data": str(target)}
        destination = SchemeDictionaryDestination(places, sys.executable, "posix", bytecode_optimization_levels=())
        installer.install(source, destination, {})


def install_with_uv(path: Path | str, target: Path) -> None:
    """Install a file, which uv reads from its directory, or a URL, which it reads from the first byte on.

    :raises InstallationError: if uv refuses it.
    """
    command = [_uv(), "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-config", "--link-mode=copy"]
    where = ["--cache-dir", _uv_cache(), "--python", sys.executable, "--target", str(target)]
    plain = {key: value for key, value in os.environ.items() if not key.startswith("UV_")}
    ran = subprocess.run([*command, *where, path], capture_output=True, text=True, check=False, env=plain)
    if ran.returncode:
        raise InstallationError(" ".join(ran.stderr.split()))


@cache
def _uv() -> str:
    return find_uv_bin()


@cache
def _uv_cache() -> str:
    """Return a directory that remembers the Python, which costs uv more than the wheel; wheels lie elsewhere each time."""
    import atexit

    folder = tempfile.mkdtemp(prefix="uv-cache-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _upload(path: Path, target: Path) -> None:
    refuse_upload(path)


READERS: Final[Mapping[str, Callable[[Path, Path], None]]] = {
    "pip": _install_with_pip,
    "uv": install_with_uv,
    "installer": _install_with_installer,
    "PyPI": _upload,
}


def refusal(reader: str, path: Path) -> str:
    """Return why ``reader`` refuses the wheel, empty if it takes it."""
    with tempfile.TemporaryDirectory(dir=path.parent) as target:
        return attempt(lambda: READERS[reader](path, Path(target)))


def attempt(take: Callable[[], object]) -> str:
    """Return why ``take`` raises what it raises, in a line that names the error; empty if it does not."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.getLogger("pip").setLevel(logging.CRITICAL)
        try:
            take()
        except Refused as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - whatever it raises, the wheel is not installed
            return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ""
