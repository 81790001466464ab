"""Servers of others: twine puts corrected wheels there, and ``mirror check`` tells what clients see."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from building import Entry, write_wheel
from clients import PROGRAMS, pip_install
from flaws import metadata, sound
from serving import free_port, wait_for
from wheelfix import fix_wheels
from wheelfix.mirror.checking import check_index

pytestmark = pytest.mark.clients
_GPU = 'nvidia-cudnn-cu12==9.5.1.17; platform_system == "Linux" and platform_machine == "x86_64"'


@pytest.fixture
def fixed(tmp_path: Path) -> Path:
    """A folder with a corrected wheel of demo 1.0+cpu, and one that disagrees with it."""
    (tmp_path / "in").mkdir()
    head = ("Metadata-Version: 2.1", "Name: demo", "Version: 1.0+cpu", "Summary: A wheel for tests")
    files = (Entry("demo/__init__.py", b""),)
    for tags, lines in (("py3-none-any", [f"Requires-Dist: {_GPU}"]), ("py2-none-any", ["Requires-Dist: six"])):
        data = metadata(*lines, head=head, rest=("Description-Content-Type: text/plain",))
        write_wheel(tmp_path / "in", sound(version="1.0+cpu", tags=tags, metadata=data, files=files))
    outcomes = fix_wheels(
        (tmp_path / "in").glob("*.whl"), output_dir=tmp_path / "fixed", allow_unproven=True, allow_mixed=True
    )
    assert outcomes.ok
    return tmp_path / "fixed"


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            wait_for(port, process)
            yield
        finally:
            process.terminate()
            process.wait()


def upload(url: str, user: str, password: str, *wheels: Path) -> None:
    variables = {**os.environ, "TWINE_USERNAME": user, "TWINE_PASSWORD": password, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "twine", "upload", "--non-interactive", "--repository-url", url, *map(str, wheels)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pypiserver(fixed: Path, tmp_path: Path) -> None:
    port, packages = free_port(), tmp_path / "packages"
    packages.mkdir()
    command = [str(PROGRAMS / "pypi-server"), "run", "-i", "127.0.0.1", "-p", str(port), "-a", ".", "-P", ".",
               "--disable-fallback", str(packages)]  # fmt: skip
    with running(command, port, tmp_path / "log"):
        upload(f"http://127.0.0.1:{port}/", "x", "x", *fixed.glob("*.whl"))
        index = f"http://127.0.0.1:{port}/simple/"
        codes = {each.code for each in check_index(index, ["demo"]).findings}
        assert "demo-1.0+cpu.dist-info" in pip_install(tmp_path / "pip", index, "demo")
    assert {"json-not-offered", "sidecar-not-announced", "siblings-disagree"} <= codes
    assert not codes & {"file-differs", "file-missing", "wheel-faulty", "gpu-requirements", "page-unreadable"}


def test_devpi(fixed: Path, tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "devpi"
    url = f"http://127.0.0.1:{port}"
    home = {**os.environ, "HOME": str(tmp_path)}
    initial = [str(PROGRAMS / "devpi-init"), "--serverdir", str(folder), "--no-root-pypi"]
    subprocess.run(initial, check=True, capture_output=True)
    command = [str(PROGRAMS / "devpi-server"), "--serverdir", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    with running(command, port, tmp_path / "log"):
        for words in (
            ["use", url],
            ["login", "root", "--password="],
            ["index", "-c", "root/stable", "bases=", "volatile=True"],
        ):
            subprocess.run([str(PROGRAMS / "devpi"), *words], check=True, capture_output=True, env=home)
        upload(f"{url}/root/stable/", "root", "", *fixed.glob("*.whl"))
        index = f"{url}/root/stable/+simple/"
        codes = {each.code for each in check_index(index, ["demo"], download="all").findings}
        assert "demo-1.0+cpu.dist-info" in pip_install(tmp_path / "pip", index, "demo")
    assert {"sidecar-not-announced", "siblings-disagree"} <= codes
    assert not codes & {"file-differs", "file-missing", "wheel-faulty", "gpu-requirements", "page-unreadable"}
