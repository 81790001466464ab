"""Bills of materials, our provenance, and signatures: what others write, and what nobody should."""

import json
from pathlib import Path

import pytest

from building import write_wheel
from defects import HEAD, metadata, record_of, signature_of, valid
from wheelfix.fix.batch import fix_wheels
from wheelfix.options import Policy
from wheelfix.verify.batch import verify_wheels
from wheelfix.verify.metadata import missing_licenses
from wheelfix.verify.run import findings_in
from wheelfix.wheel.metadata import Document

DEEP = b"[" * 200_000


def codes_of(folder: Path, **files: bytes) -> list[str]:
    named = {name.replace("__", "/").replace("_DOT_", "."): content for name, content in files.items()}
    return [each.code for each in findings_in(write_wheel(folder, valid(dist_info_files=named)))]


@pytest.mark.parametrize("content", [DEEP, b'{"a":' * 200_000, b"", b"\xff", b"nope", b"9" * 5_000])
def test_bill_of_materials_that_is_no_json(content: bytes, tmp_path: Path) -> None:
    assert codes_of(tmp_path, sboms__x_DOT_json=content) == ["sbom-unreadable"]


def test_bills_of_materials_are_read_within_a_bound(tmp_path: Path) -> None:
    """Each is parsed whole; what is beyond the bound is told, and does not make the wheel a bad one."""
    files = {f"sboms/{number}.json": b"[" + b" " * (7 << 20) + b"]" for number in range(6)}
    findings = findings_in(write_wheel(tmp_path, valid(dist_info_files=files)))
    assert [(each.code, each.place) for each in findings] == [
        ("sbom-unreadable", f"sboms/{number}.json") for number in (4, 5)
    ]
    spec = valid(dist_info_files={"sboms/large.json": b"[" + b" " * (9 << 20) + b"]"})
    assert [each.code for each in findings_in(write_wheel(tmp_path, spec))] == ["sbom-unreadable"]


@pytest.mark.parametrize(
    ("version", "file", "codes"),
    [
        ("2.4", "licenses/LICENSE", []),
        ("2.4", "LICENSE", ["metadata-license-missing"]),
        ("2.1", "LICENSE", ["metadata-license-file-early"]),
        ("2.3", "licenses/LICENSE", ["metadata-license-file-early"]),
    ],
)
def test_license_files_lie_where_metadata_says(version: str, file: str, codes: list[str], tmp_path: Path) -> None:
    """PEP 639."""
    head = [f"Metadata-Version: {version}", *HEAD[1:]]
    spec = valid(metadata=metadata("License-File: LICENSE", head=head), dist_info_files={file: b"MIT\n"})
    assert [each.code for each in findings_in(write_wheel(tmp_path, spec))] == codes


def test_the_files_are_not_looked_through_for_each_license() -> None:
    class Unsearched(list[str]):
        def __contains__(self, _: object) -> bool:
            raise AssertionError("thousands of licenses times thousands of files take minutes")

    document = Document.parse(
        metadata(*(f"License-File: {number}" for number in range(9_000)), head=["Metadata-Version: 2.4"])
    )
    files = Unsearched(f"licenses/{number}" for number in range(8_000, 60_000))
    assert len(missing_licenses(document, files)) == 8_000


@pytest.mark.parametrize("content", [b"[]", b"null", b"{}", b'{"metadata": {"component": {"properties": [1]}}}'])
def test_trace_that_is_none(content: bytes, tmp_path: Path) -> None:
    assert codes_of(tmp_path, sboms__wheelfix_DOT_cdx_DOT_json=content) == ["sbom-stale-provenance"]


def test_corrected_wheel_is_valid(tmp_path: Path) -> None:
    """The provenance that wheelfix leaves fits METADATA, and every row of RECORD is right."""
    requires = b"\nRequires-Dist: nvidia-cudnn-cu12\nRequires-Dist: triton\n"
    spec = valid()
    assert spec.metadata is not None
    path = write_wheel(tmp_path, valid(metadata=spec.metadata.replace(b"\nRequires-Dist: requests>=2", requires)))
    [outcome] = fix_wheels([path], output=tmp_path / "out", policy=Policy(allow_unproven=True)).outcomes
    assert outcome.output is not None
    assert outcome.changes
    assert verify_wheels(outcome.output).wheels[0].findings == ()


def test_signature_of_this_very_record(tmp_path: Path) -> None:
    record = b"".join(record_of(valid()))
    for content, codes in [
        (signature_of(record), ["record-signature"]),
        (signature_of(record + b"\n"), ["record-signature", "record-void-signature"]),
        (DEEP, ["record-signature"]),
        (b"[]", ["record-signature"]),
        (json.dumps({"payload": "\u00fc"}).encode(), ["record-signature"]),
        (json.dumps({"payload": 1}).encode(), ["record-signature"]),
        (b'{"payload": "bnVsbA"}', ["record-signature"]),
    ]:
        assert codes_of(tmp_path, RECORD_DOT_jws=content) == codes
