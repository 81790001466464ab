"""A new container is made only where all readers read the same contents, and they read the same in it.

Tried are archives of all kinds: the constructions of ZipDiff, whose readers disagree, the damages and defects of our own
tables, and wheels of more than a thousand kinds. The readers are ``zipfile``, which goes by the directory, and sixteen that
go by local headers from the first byte on, with every mixture of habits. Whoever installed the wheel before installs it
afterwards: pip, uv, installer, PyPI.
"""

import bz2
import re
import shutil
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

import wheelfix
from ambiguous import constructions
from building import ALL_WIDE, Archive, Descriptor, archive_of, changed, every, write_wheel
from damages import unicode_path
from defects import valid
from installers import READERS, refusal
from kinds import Sample, samples
from parts import PARTS, chosen_parts
from streaming import READERS as STREAMING, read, read_by_directory
from wheelfix import Status
from wheelfix.results import ChangeAction

_VALID: Final = archive_of(valid())
_REPAIRED: Final = tuple(f"/{name}" for name in ("METADATA", "RECORD", "WHEEL", "RECORD.jws", "RECORD.p7s", "metadata.json"))


def _read_by_all(data: bytes) -> list[dict[str, bytes] | None]:
    return [read_by_directory(data), *(read(data, habits) for habits in STREAMING)]


def _tried(chosen: Iterable[Sample], folder: Path, *, install: bool) -> Counter[str]:
    """Return how many wheels were refused, left or rebuilt; of those that were rebuilt everything is compared."""
    counts = Counter[str]()
    for number, sample in enumerate(chosen):
        own = folder / str(number)
        own.mkdir()
        name, data = sample.make()
        path = own / name
        path.write_bytes(data)
        output = wheelfix.Output(directory=own / "new", sbom=False)
        [outcome] = wheelfix.repair_wheels(path, rebuild_archive=True, output=output).outcomes
        rebuilt = any(change.action is ChangeAction.REBUILD_ARCHIVE for change in outcome.changes)
        counts["rebuilt" if rebuilt else outcome.status.value] += 1
        assert outcome.status is not Status.FAILED, (sample.kind, outcome.problem)
        if rebuilt:
            assert outcome.output
            _compare(sample.kind, path, outcome.output, own, install=install)
        shutil.rmtree(own)
    return counts


def _compare(kind: str, old: Path, new: Path, folder: Path, *, install: bool) -> None:
    before, after = _read_by_all(old.read_bytes()), _read_by_all(new.read_bytes())
    assert after[0] is not None
    assert all(each == after[0] for each in after), f"{kind}: the new one is read in two ways"
    kept = _kept(after[0])
    assert all(each is None or _kept(each) == kept for each in before), f"{kind}: contents differ"
    left = {each.code for each in wheelfix.verify_wheels(new).wheels[0].findings if each.severity == "error"}
    assert not any(code.startswith("archive-") and code != "archive-compression-ratio" for code in left), (kind, left)
    [again] = wheelfix.repair_wheels(new, rebuild_archive=True, output=folder / "again").outcomes
    assert not any(change.action is ChangeAction.REBUILD_ARCHIVE for change in again.changes), f"{kind}: twice is not once"
    for reader in READERS if install else ():
        assert not refusal(reader, new) or refusal(reader, old), f"{kind}: {reader} refuses it only now"


def _kept(contents: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files that the repair which follows leaves alone."""
    return {name: content for name, content in contents.items() if not name.endswith(_REPAIRED)}


def test_of_a_part_of_the_archives_that_readers_read_differently(tmp_path: Path) -> None:
    counts = _tried([*constructions()][::40], tmp_path, install=False)
    assert counts["rebuilt"] >= 2, counts
    assert counts["refused"] > 100, counts


def test_of_a_part_of_all_kinds(tmp_path: Path) -> None:
    counts = _tried([*samples(200, 600)][::9], tmp_path, install=True)
    assert counts["rebuilt"] >= 8, counts


@pytest.mark.slow
@pytest.mark.parametrize("part", chosen_parts())
def test_of_all_archives_that_readers_read_differently(part: int, tmp_path: Path) -> None:
    counts = _tried([*constructions()][part::PARTS], tmp_path, install=True)
    assert counts["rebuilt"] >= 5, counts


@pytest.mark.slow
@pytest.mark.parametrize("part", chosen_parts())
def test_of_all_kinds(part: int, tmp_path: Path) -> None:
    counts = _tried([*samples(700, 2_000)][part::PARTS], tmp_path, install=True)
    assert counts["rebuilt"] >= 10, counts


_ODD: Final[dict[str, Archive]] = {
    "bytes behind it": replace(_VALID, trailing=b"\n"),
    "bytes before it": replace(_VALID, leading=b"#!/bin/sh\n"),
    "a gap": changed(_VALID, "WHEEL", gap=b"junk"),
    "data descriptors": every(_VALID, descriptor=Descriptor()),
    "comments": every(_VALID, comment=b"x"),
    "times that do not exist": every(_VALID, time=(1980, 0, 0, 0, 0, 0)),
    "ZIP64 fields": every(_VALID, wide=ALL_WIDE, local_wide=True),
    "bzip2": changed(_VALID, "version.py", method=12, raw=bz2.compress(b"cuda = None\n")),
    "stale Unicode paths": changed(_VALID, "version.py", extra=unicode_path(b"version.py", version=2)),
    "attributes of a directory": changed(_VALID, "version.py", directory={"external_attributes": 0o40755 << 16 | 0x10}),
}


@pytest.mark.parametrize("kind", _ODD)
def test_what_is_installed_is_the_same(kind: str, tmp_path: Path) -> None:
    """pip, uv and installer write the same files; where one refused the old wheel, it takes the new one."""
    path = write_wheel(tmp_path, archive=_ODD[kind])
    output = wheelfix.Output(directory=tmp_path / "new", sbom=False)
    new = wheelfix.repair_wheels(path, rebuild_archive=True, output=output).outcomes[0].output
    assert new
    assert [reader for reader in READERS if refusal(reader, new)] == []
    wanted = _installed("installer", new, tmp_path / "wanted")
    assert len(wanted) >= 4
    for reader in ("pip", "uv", "installer"):
        after = _installed(reader, new, tmp_path / f"{reader}-after")
        assert {name: after[name] for name in wanted} == wanted
        if not refusal(reader, path):
            assert _installed(reader, path, tmp_path / f"{reader}-before") == after


def _installed(reader: str, path: Path, target: Path) -> dict[str, bytes]:
    """Return the files that ``reader`` installs, without what it writes about the installation."""
    target.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        READERS[reader](path, target)
    own = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", ".lock")
    files = [each for each in target.rglob("*") if each.is_file() and each.name not in own]
    found = {each.relative_to(target).as_posix(): each.read_bytes() for each in files}
    return {re.sub(r"^(?:lib|purelib|platlib)/", "", name): content for name, content in found.items()}
