"""Promises 2 and 5: whatever byte of a new wheel is not what was written, the wheel is not published."""

from pathlib import Path

import pytest

import wheelfix
from building import Descriptor, Entry, RecordStyle, WheelSpec, archive_of, every, extra_field, write_wheel
from wheelfix import Wheel, make_plan
from wheelfix.errors import VerificationError
from wheelfix.fix.apply import Prepared, prepare
from wheelfix.wheel.zip import output, readback
from wheelfix.wheel.zip.output import Growing, RunningDigest

_SPEC = WheelSpec(
    requires=("nvidia-nccl-cu12",), files=(Entry("demo/__init__.py", b"ANSWER = 42\n"), Entry("demo/a.py", b""))
)
_TIME = extra_field(0x5455, b"\x03aaaa")
_SHAPES = {
    "dist-info last": archive_of(_SPEC),
    "dist-info first": archive_of(WheelSpec(requires=_SPEC.requires, files=_SPEC.files, dist_info_first=True)),
    "all that is optional": every(
        archive_of(WheelSpec(requires=_SPEC.requires, files=_SPEC.files, style=RecordStyle(quoted=True))),
        descriptor=Descriptor(8), extra=_TIME, local_extra=_TIME, comment=b"of an entry",
    ),
}  # fmt: skip


class _Disk:
    """What is written passes through it; one bit at ``position`` of a file is another one afterwards."""

    position = -1
    bit = 0

    def spoiled(self, start: int, data: bytes | memoryview) -> bytes:
        """Return ``data``, which is written at ``start``, as it will be read."""
        changed = bytearray(data)
        if start <= self.position < start + len(changed):
            changed[self.position - start] ^= 1 << self.bit
        return bytes(changed)


@pytest.fixture(params=["in threads", "in one"])
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> _Disk:
    """A disk that every byte is written to, also those that are copied."""
    disk, write = _Disk(), Growing.write
    monkeypatch.setattr(Growing, "write", lambda self, data: write(self, disk.spoiled(self.size, data)))
    monkeypatch.setattr(Growing, "_copy_in_kernel", lambda *_: 0)
    if request.param == "in threads":
        monkeypatch.setattr(output, "SMALL", 0)
        monkeypatch.setattr(readback, "SMALL", 0)
    return disk


def _prepare(path: Path) -> int:
    """Write and prove the fix of a wheel; return its size."""
    with Wheel(path) as wheel, RunningDigest(wheel.file) as digest:
        plan = make_plan(wheel, wheelfix.built_in("gpu"), policy=wheelfix.Policy(allow_unproven=True))
        prepared = prepare(wheel, plan, path.parent / "out" / path.name, digest)
        assert isinstance(prepared, Prepared)
        with prepared:
            return prepared.size


def _undetected(path: Path, disk: _Disk, step: int) -> list[int]:
    """Return the positions of the new wheel at which another bit is not noticed, of every ``step``-th."""
    size, missed = _prepare(path), []
    for position in range(0, size, step):
        disk.position, disk.bit = position, position % 8
        try:
            _prepare(path)
        except VerificationError as error:
            assert error.code == "not-as-planned", error  # noqa: PT017 - each position is tried
        else:
            missed.append(position)
    return missed


@pytest.mark.parametrize("shape", _SHAPES)
def test_a_bit_that_is_another_one(shape: str, disk: _Disk, tmp_path: Path) -> None:
    assert _undetected(write_wheel(tmp_path, archive=_SHAPES[shape]), disk, 61) == []


@pytest.mark.slow
@pytest.mark.parametrize("shape", _SHAPES)
def test_every_byte_that_is_another_one(shape: str, disk: _Disk, tmp_path: Path) -> None:
    assert _undetected(write_wheel(tmp_path, archive=_SHAPES[shape]), disk, 1) == []
