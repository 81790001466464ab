"""A fix that pads METADATA, so that the long rest of the wheel keeps its place within a disk block, is taken as before."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from uv import find_uv_bin

import tools
from building import Archive, Descriptor, Entry, WheelSpec, archive_of, every, extra_field, write_wheel
from fixing import fixed
from installers import READERS, refusal
from serving import Server, static
from wheelfix.verify.run import check_wheel
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.structs import EXTRA_PADDING

_MARK = EXTRA_PADDING.to_bytes(2, "little")
_SPEC = WheelSpec(
    requires=("nvidia-nccl-cu12",),
    dist_info_first=True,
    files=(
        Entry("demo/__init__.py", b"ANSWER = 42\n"),
        Entry("demo/big.bin", bytes(range(256)) * 8192, method=0),
        Entry("demo/z.py", b"z"),
    ),
)
_TIME = extra_field(0x5455, b"\x03aaaa")
_SHAPES = {
    "plain": archive_of(_SPEC),
    "extra fields": every(archive_of(_SPEC), extra=_TIME, local_extra=_TIME),
    "data descriptors": every(archive_of(_SPEC), descriptor=Descriptor(4), method=8),
}


@pytest.fixture(params=_SHAPES.values(), ids=[*_SHAPES])
def wheels(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A wheel that begins with dist-info, and what the fix makes of it."""
    archive: Archive = request.param
    before = write_wheel(tmp_path, archive=archive)
    after = fixed(before, tmp_path / "out")
    with Wheel(after) as wheel:
        entry = wheel.entry("METADATA")
        assert entry is not None
        assert _MARK in wheel.source.read_at(entry.start, entry.data_start - entry.start)
        moved = wheel.layout.find("demo/big.bin").start
    with Wheel(before) as wheel:
        assert (moved - wheel.layout.find("demo/big.bin").start) % 4096 == 0
    return before, after


@pytest.mark.parametrize("reader", [*READERS])
def test_who_takes_the_wheel_takes_its_fix(reader: str, wheels: tuple[Path, Path]) -> None:
    """Promise 9: pip, uv, installer, and PyPI's check of uploads as it is modelled."""
    before, after = wheels
    assert not refusal(reader, after) or refusal(reader, before)


def test_verify_finds_nothing_new(wheels: tuple[Path, Path]) -> None:
    before, after = ({(each.code, each.place) for each in check_wheel(path).findings} for path in wheels)
    assert after <= before


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
def test_unzip(wheels: tuple[Path, Path]) -> None:
    assert subprocess.run(["unzip", "-qt", wheels[1]], capture_output=True, check=False).returncode == 0


def test_twine(wheels: tuple[Path, Path]) -> None:
    before, after = (tools.run_tool("twine", "check", path).returncode for path in wheels)
    assert after <= before


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server, and the directory that it serves."""
    directory = tmp_path_factory.mktemp("served")
    with static(directory) as server:
        yield server, directory


def test_uv_reads_it_from_its_first_byte_on(wheels: tuple[Path, Path], served: tuple[Server, Path], tmp_path: Path) -> None:
    """As a download it is unpacked while it arrives: by local headers, before the directory is there."""
    server, directory = served

    def installs(path: Path) -> bool:
        page = directory / "simple" / "demo"
        page.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, page)
        (page / "index.html").write_text(f'<a href="{path.name}">{path.name}</a>')
        command = [find_uv_bin(), "pip", "install", "--quiet", "--no-cache", "--no-deps", "--no-config"]
        where = ["--default-index", server.index, "--python", sys.executable, "--target", str(tmp_path / "target")]
        return subprocess.run([*command, *where, "demo"], capture_output=True, check=False).returncode == 0

    before, after = wheels
    assert installs(after) or not installs(before)
