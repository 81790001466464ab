"""Wheels with other tags, read and installed by tools that we did not write."""

import sys
from pathlib import Path

import pytest
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile
from packaging.tags import parse_tag
from packaging.utils import parse_wheel_filename

import tools
from building import Entry, WheelSpec, write_wheel
from clients import run
from running import wheelfix

MINOR = f"cp{sys.version_info.major}{sys.version_info.minor}"
FILES = (Entry("demo/__init__.py", b"ANSWER = 42\n"), Entry("demo-1.0.data/scripts/demo-tool", b"#!python\n"))
CHANGES = {
    "added": (("--add-tag", "py2-none-any"), "py2.py3-none-any"),
    "set": (("--tag", f"{MINOR}.py3-none-any"), f"{MINOR}.py3-none-any"),
    "removed": (("--add-tag", f"{MINOR}.py2-none-any", "--remove-tag", "py3-*"), f"{MINOR}.py2-none-any"),
    "named": (("--add-tag", f"{MINOR}-none-any", "--local", "own", "--build-tag", "1b"), f"{MINOR}.py3-none-any"),
}


@pytest.fixture(params=CHANGES)
def retagged(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A wheel as the command line writes it, and the tags that it must have."""
    options, tags = CHANGES[request.param]
    path = write_wheel(tmp_path, WheelSpec(requires=(), files=FILES, wheel=b"Wheel-Version: 1.0\nTag: py3-none-any\n"))
    ran = wheelfix("edit", "-o", tmp_path / "out", *options, path)
    assert ran.code == 0, ran.err
    [line] = ran.lines
    return Path(line), tags


def test_packaging_and_wheel_read_the_same_tags(retagged: tuple[Path, str], tmp_path: Path) -> None:
    """``wheel pack`` makes the file name of what WHEEL says."""
    path, tags = retagged
    assert parse_wheel_filename(path.name)[3] == parse_tag(tags)
    unpacked = tmp_path / "unpacked"
    for command in (["unpack", "-d", unpacked, path], ["pack", "-d", tmp_path / "packed"]):
        if command[0] == "pack":
            (tmp_path / "packed").mkdir()
            command.append(next(unpacked.iterdir()))
        assert tools.run_tool("wheel", *command).returncode == 0
    [packed] = (tmp_path / "packed").iterdir()
    assert parse_wheel_filename(packed.name) == parse_wheel_filename(path.name)


def test_installer_installs_it(retagged: tuple[Path, str], tmp_path: Path) -> None:
    schemes = {name: str(tmp_path / "to" / name) for name in ("purelib", "platlib", "scripts", "headers", "data")}
    with WheelFile.open(retagged[0]) as source:
        source.validate_record()
        install(source, SchemeDictionaryDestination(schemes, sys.executable, "posix"), {})
    [installed] = (tmp_path / "to").glob("*/demo/__init__.py")
    assert installed.read_bytes() == FILES[0].content


@pytest.mark.parametrize("client", ["pip", "uv"])
def test_clients_choose_and_install_it(client: str, retagged: tuple[Path, str], tmp_path: Path) -> None:
    path = retagged[0]
    if client == "pip":
        command = ["pip", "--isolated", "--disable-pip-version-check", "install", "--no-deps"]
    else:
        command = ["uv", "pip", "install", "--offline", "--no-config", "--no-cache", "--python", sys.executable]
    where: list[str | Path] = ["--no-index", "--find-links", path.parent, "--target", tmp_path / "target", "demo"]
    run(sys.executable, "-m", *command, *where, cwd=tmp_path)
    assert (tmp_path / "target" / "demo" / "__init__.py").read_bytes() == FILES[0].content
