"""Servers of others: twine puts corrected wheels there, and ``mirror check`` reports what clients see."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import Struct

from building import Entry
from clients import PROGRAMS, pip_install
from demos import GPU, demo_wheel
from serving import free_port, wait_for
from wheelfix import fix_wheels
from wheelfix.mirror.check import check_index
from wheelfix.mirror.registry import MirrorCheckReport
from wheelfix.options import Policy

pytestmark = pytest.mark.clients
_FILES = (Entry("demo/__init__.py", b""),)


@pytest.fixture
def fixed(tmp_path: Path) -> list[Path]:
    """A corrected wheel of demo 1.0+cpu, and one that disagrees with it."""
    given = [
        demo_wheel(tmp_path / "in", "1.0+cpu", GPU, files=_FILES),
        demo_wheel(tmp_path / "in", "1.0+cpu", "six", tags="py2-none-any", files=_FILES),
    ]
    outcomes = fix_wheels(given, output=tmp_path / "fixed", policy=Policy(allow_unproven=True, allow_mixed=True))
    assert outcomes.ok
    return sorted((tmp_path / "fixed").glob("*.whl"))


@pytest.fixture
def faulty(tmp_path: Path) -> list[Path]:
    """A CPU build as it came, with its GPU requirements; one that will be damaged, and one that will be lost."""
    folder = tmp_path / "faulty"
    return [demo_wheel(folder, "2.0+cpu", GPU), demo_wheel(folder, "3.0"), demo_wheel(folder, "4.0")]


class Running(Struct, frozen=True):
    """A server: the URL of its index, that for twine, who may upload, and the directory in which it keeps wheels."""

    index: str
    uploads: str
    user: str
    password: str
    folder: Path

    def take(self, *wheels: Path) -> None:
        """Upload wheels with twine."""
        variables = {**os.environ, "TWINE_USERNAME": self.user, "TWINE_PASSWORD": self.password, "NO_COLOR": "1"}
        command = [sys.executable, "-m", "twine", "upload", "--non-interactive", "--repository-url", self.uploads]
        done = subprocess.run([*command, *map(str, wheels)], env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def file(self, name: str) -> Path:
        """Return where the server keeps a wheel."""
        [path] = self.folder.rglob(name)
        return path


@contextmanager
def process(command: list[str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        started = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            wait_for(port, started)
            yield
        finally:
            started.terminate()
            started.wait()


@contextmanager
def pypiserver(work: Path) -> Iterator[Running]:
    port, packages = free_port(), work / "packages"
    packages.mkdir()
    command = [str(PROGRAMS / "pypi-server"), "run", "-i", "127.0.0.1", "-p", str(port), "-a", ".", "-P", ".",
               "--disable-fallback", str(packages)]  # fmt: skip
    with process(command, port, work / "log"):
        yield Running(f"http://127.0.0.1:{port}/simple/", f"http://127.0.0.1:{port}/", "x", "x", packages)


@contextmanager
def devpi(work: Path) -> Iterator[Running]:
    port, folder = free_port(), work / "devpi"
    url, home = f"http://127.0.0.1:{port}", {**os.environ, "HOME": str(work)}
    initial = [str(PROGRAMS / "devpi-init"), "--serverdir", str(folder), "--no-root-pypi"]
    subprocess.run(initial, check=True, capture_output=True)
    command = [str(PROGRAMS / "devpi-server"), "--serverdir", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    with process(command, port, work / "log"):
        for words in (
            ["use", url],
            ["login", "root", "--password="],
            ["index", "-c", "root/stable", "bases=", "volatile=True"],
        ):
            subprocess.run([str(PROGRAMS / "devpi"), *words], check=True, capture_output=True, env=home)
        yield Running(f"{url}/root/stable/+simple/", f"{url}/root/stable/", "root", "", folder)


SERVERS = {
    "pypiserver": (pypiserver, {"json-not-offered", "metadata-file-not-announced"}),
    "devpi": (devpi, {"metadata-file-not-announced"}),
}


def places(survey: MirrorCheckReport, code: str) -> set[str]:
    """Return the wheels that have findings, without their project."""
    return {each.place.removeprefix("demo: ") for each in survey.findings if each.code == code}


@pytest.mark.parametrize("name", SERVERS)
def test_fixed_wheels_are_served(name: str, fixed: list[Path], tmp_path: Path) -> None:
    start, usual = SERVERS[name]
    with start(tmp_path) as server:
        server.take(*fixed)
        survey = check_index(server.index, ["demo"], download="all")
        assert "demo-1.0+cpu.dist-info" in pip_install(tmp_path / "pip", server.index, "demo")
    found = {each.code for each in survey.findings}
    assert found >= usual | {"release-disagrees"}
    wrong = {"file-differs", "file-missing", "wheel-invalid", "gpu-requirements", "page-unreadable", "not-checked"}
    assert not found & wrong
    assert len(places(survey, "release-disagrees")) == 1


@pytest.mark.parametrize("name", SERVERS)
def test_a_leak_is_found_without_loading_everything_on_purpose(name: str, faulty: list[Path], tmp_path: Path) -> None:
    """Neither has metadata files: where there are no ranges either, the wheel itself is loaded, or that is reported."""
    start, _ = SERVERS[name]
    with start(tmp_path) as server:
        server.take(*faulty)
        survey = check_index(server.index, ["demo"])
        careful = check_index(server.index, ["demo"], download="none")
    assert places(survey, "gpu-requirements") == {faulty[0].name}
    assert not places(survey, "plus-in-url")
    found = {each.code for each in careful.findings}
    assert "not-checked" in found or places(careful, "gpu-requirements") == {faulty[0].name}


@pytest.mark.parametrize("name", SERVERS)
def test_faults_that_are_planted_on_a_server_are_reported(
    name: str, fixed: list[Path], faulty: list[Path], tmp_path: Path
) -> None:
    leaking, damaged, lost = faulty
    start, _ = SERVERS[name]
    with start(tmp_path) as server:
        server.take(*fixed, *faulty)
        assert check_index(server.index, ["demo"], download="all").files == 5
        place = server.file(damaged.name)
        place.chmod(0o644)
        place.write_bytes(place.read_bytes().replace(b"demo/", b"damn/", 1))
        server.file(lost.name).unlink()
        survey = check_index(server.index, ["demo"], download="all")
    assert places(survey, "gpu-requirements") == {leaking.name}
    assert damaged.name in places(survey, "wheel-invalid")
    assert len(places(survey, "release-disagrees")) == 1
    if name == "pypiserver":  # it lists what lies in its directory, with the sums of what lies there
        assert lost.name not in {each.place for each in survey.findings}
    else:
        assert places(survey, "file-differs") == {damaged.name}
        assert places(survey, "file-missing") == {lost.name}
