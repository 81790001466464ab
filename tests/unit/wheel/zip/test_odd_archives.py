"""Archives that break a rule and that every tool accepts: corrections take them, and what is odd about them stays.

Measured with pip 26.3 on Python 3.11 and 3.13, uv 0.13.9, installer 1.1.0 and PyPI's check of uploads: all take them.
"""

import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

import wheelfix
from building import (
    FULL_16,
    FULL_32,
    Archive,
    Entry,
    WheelSpec,
    archive_of,
    changed,
    extra_field,
    with_entries,
    write_wheel,
)
from damages import unicode_path
from defects import DEFECTS, Defect
from wheelfix import Status
from wheelfix.results import Severity
from wheelfix.verify.run import check_wheel
from wheelfix.wheel.zip import extra_fields

_PLAIN = archive_of(WheelSpec())
_NAME = b"demo/version.py"
_ODD: dict[str, Archive] = {
    "another time in a local header": changed(_PLAIN, "version.py", local={"time": 1}),
    "another date in a local header": changed(_PLAIN, "METADATA", local={"date": 1}),
    "flags of the compressor in a local header": changed(_PLAIN, "version.py", local={"flags": 0b110}),
    "a reserved flag in a local header": changed(_PLAIN, "version.py", local={"flags": 1 << 15}),
    "the UTF-8 flag in the local header of a name in ASCII": changed(_PLAIN, "version.py", local={"flags": 1 << 11}),
    "the UTF-8 flag in the directory": changed(_PLAIN, "version.py", directory={"flags": 1 << 11}),
    "masked headers": changed(_PLAIN, "version.py", flags=1 << 13),
    "another disk": changed(_PLAIN, "version.py", directory={"disk": 1}),
    "a Unicode path of version 2": changed(_PLAIN, "version.py", extra=unicode_path(_NAME, b"demo/b.py", version=2)),
    "a Unicode path of another name": changed(_PLAIN, "version.py", extra=unicode_path(_NAME, b"demo/b.py", crc=7)),
    "a Unicode path of the same name": changed(_PLAIN, "version.py", extra=unicode_path(_NAME)),
    "an empty Unicode path": changed(_PLAIN, "version.py", extra=unicode_path(_NAME, b"")),
    "all ones for counts, with a ZIP64 end": replace(
        _PLAIN, zip64_end=True, end={"count": FULL_16, "disk_count": FULL_16}
    ),
    "all ones for disks, with a ZIP64 end": replace(
        _PLAIN, zip64_end=True, end={"disk": FULL_16, "directory_disk": FULL_16}
    ),
    "all ones everywhere, with a ZIP64 end": replace(
        _PLAIN,
        zip64_end=True,
        end={
            "disk": FULL_16, "directory_disk": FULL_16, "disk_count": FULL_16, "count": FULL_16,
            "directory_size": FULL_32, "directory_start": FULL_32,
        },
    ),
    "a locator that counts no disk": replace(_PLAIN, zip64_end=True, locator={"disks": 0}),
    "directory attributes on a file": changed(_PLAIN, "version.py", directory={"external_attributes": 0x10}),
    "a name with an empty part": with_entries(_PLAIN, Entry("demo//x.py", b"1")),
}  # fmt: skip
_REFUSED_BY_SOME = [
    defect
    for defect in DEFECTS
    if defect.code in {
        "archive-data-descriptor", "archive-extra-field-rest", "archive-odd-zip64-field", "archive-odd-unicode-path",
        "archive-entry-comment", "archive-comment-bytes", "archive-directory-with-content",
    }
]  # fmt: skip


@pytest.mark.parametrize("kind", _ODD)
def test_what_every_tool_accepts_is_corrected_and_no_error(kind: str, tmp_path: Path) -> None:
    """Corrections refuse no more than what readers could take differently; all other entries keep every byte."""
    path = write_wheel(tmp_path, archive=_ODD[kind])
    outcome = wheelfix.fix_wheels([path], output=tmp_path / "out", policy=wheelfix.Policy(allow_unproven=True)).outcomes[0]
    assert outcome.status is Status.FIXED, outcome.problem
    assert outcome.output is not None
    errors = [each for each in check_wheel(outcome.output).findings if each.severity is Severity.ERROR]
    assert not errors or {each.place for each in errors} == {"demo//x.py"}  # which RECORD does not list
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # from Python 3.12 on of an empty Unicode path, which it passes over
        with zipfile.ZipFile(outcome.output) as archive:
            assert archive.testzip() is None


@pytest.mark.parametrize("defect", _REFUSED_BY_SOME, ids=lambda defect: defect.name)
def test_what_one_client_refuses_is_no_reason_to_refuse(defect: Defect, tmp_path: Path) -> None:
    """To that client the wheel is as it was; all others get it corrected."""
    [path] = defect.write(tmp_path)
    edits = [wheelfix.SetField("Summary", "new")]
    [outcome] = wheelfix.fix_wheels([path], None, output=tmp_path / "out", edits=edits).outcomes
    assert outcome.status is Status.FIXED, outcome.problem


def test_a_second_name_is_refused_in_each_spelling(tmp_path: Path) -> None:
    """Pitfall 41: pip on Python 3.11 reads code page 437, uv reads the Unicode path: different files."""
    for encoding in ("cp437", "utf-8"):
        raw = "demo/caf\u00e9.py".encode(encoding)
        entry = Entry(raw, b"x", flags=0, extra=unicode_path(raw, "demo/caf\u00e9.py".encode()))
        path = write_wheel(tmp_path, archive=with_entries(_PLAIN, entry))
        outcome = wheelfix.fix_wheels([path], output=tmp_path / "out", policy=wheelfix.Policy(allow_unproven=True)).outcomes[
            0
        ]
        assert outcome.status is Status.REFUSED
        assert outcome.problem is not None
        assert outcome.problem.code == "bad-entry-name"


@pytest.mark.parametrize(
    ("version", "crc", "clients"), [(1, None, ("PyPI",)), (2, None, ("uv", "PyPI")), (1, 7, ("uv", "PyPI"))]
)
def test_uv_takes_a_name_in_no_encoding_with_a_path_that_is_meant_for_it(
    version: int, crc: int | None, clients: tuple[str, ...], tmp_path: Path
) -> None:
    raw = "demo/caf\u00e9.py".encode("cp437")
    extra = unicode_path(raw, "demo/caf\u00e9.py".encode(), version=version, crc=crc)
    path = write_wheel(tmp_path, archive=with_entries(_PLAIN, Entry(raw, b"x", flags=0, extra=extra)))
    [damage] = [each for each in check_wheel(path).findings if each.code == "archive-name-encoding"]
    assert damage.refused_by == clients


def test_of_thousands_of_extra_fields_some_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 kB hold 16,000 of them, for each of 200,000 entries."""
    read = list[int]()
    whole = extra_fields.fields_in

    def counted(extra: bytes, place: str) -> Iterator[tuple[int, int, int]]:
        for each in whole(extra, place):
            read.append(1)
            yield each

    monkeypatch.setattr(extra_fields, "fields_in", counted)
    path = write_wheel(
        tmp_path, archive=changed(archive_of(WheelSpec()), "version.py", extra=extra_field(0xCAFE, b"") * 16_000)
    )
    assert "archive-bad-extra-field" in {each.code for each in check_wheel(path).findings}
    assert len(read) <= 1_000, "500 of the directory, and of the local header"
