"""Promises 2 and 5: whatever byte of a new wheel is not what was written, the wheel is not published."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import wheelfix
from building import Descriptor, Entry, RecordStyle, WheelSpec, archive_of, every, extra_field, write_wheel
from parts import PARTS, chosen_parts
from wheelfix import Wheel, make_plan
from wheelfix.errors import VerificationError
from wheelfix.fix.apply import Prepared, prepare
from wheelfix.wheel.zip import output, readback, rewrite
from wheelfix.wheel.zip.encode import encode_entry, moved_records
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


def _undetected(path: Path, disk: _Disk, step: int, parts: Sequence[int] = range(PARTS)) -> list[int]:
    """Return the positions of the new wheel at which another bit is not noticed, of every ``step``-th in ``parts``."""
    size, missed = _prepare(path), []
    for position in (each for each in range(0, size, step) if each % PARTS in parts):
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
    assert _undetected(write_wheel(tmp_path, archive=_SHAPES[shape]), disk, 1, chosen_parts()) == []


@pytest.mark.parametrize("part", ["local header", "directory record"])
@pytest.mark.parametrize("name", ["METADATA", "RECORD", "sboms/wheelfix.cdx.json"])
def test_a_new_entry_that_is_encoded_wrongly(name: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if they were encoded wrongly: the disk would hold just what was written."""
    path, encode = write_wheel(tmp_path, archive=_SHAPES["dist-info first"]), encode_entry
    which, spans = (0, range(4, 28)) if part == "local header" else (1, [*range(4, 30), *range(34, 42)])
    for position in spans:

        def spoil(*arguments: Any, position: int = position) -> tuple[bytes, bytes]:
            records = [bytearray(each) for each in encode(*arguments)]
            if arguments[2].name.endswith(f".dist-info/{name}"):
                records[which][position] ^= 1
            return bytes(records[0]), bytes(records[1])

        monkeypatch.setattr(rewrite, "encode_entry", spoil)
        with pytest.raises(VerificationError):
            _prepare(path)


def test_a_record_of_a_kept_entry_that_names_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(*arguments: Any) -> bytes:
        records = bytearray(move(*arguments))
        records[34] ^= 1
        return bytes(records)

    path, move = write_wheel(tmp_path, archive=_SHAPES["dist-info last"]), moved_records
    monkeypatch.setattr(rewrite, "moved_records", spoil)
    with pytest.raises(VerificationError, match="more differs than was planned"):
        _prepare(path)
