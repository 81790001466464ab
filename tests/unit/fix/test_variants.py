"""Variant wheels, a draft (PEP 825): corrections carry the label, variant.json and markers that ask for them."""

from pathlib import Path

import pytest

from building import build_wheel
from defects import metadata, valid
from fixing import values
from wheelfix.fix.batch import fix_wheels
from wheelfix.verify.batch import verify_wheels
from wheelfix.wheel.edits import RemoveField
from wheelfix.wheel.requirement import read_requirement
from wheelfix.wheel.wheel import Wheel

NAME = "demo-1.0-py3-none-any-cu128.whl"
JSON = b'{"variants": {"cu128": {"nvidia": {"cuda": ["12.8"]}}}}'
NEEDS = ("triton ; variant_label == 'cu128'", "six ; 'nvidia :: cuda' in variant_features and os_name == 'nt'")


@pytest.fixture
def variant(tmp_path: Path) -> Path:
    lines = [f"Requires-Dist: {text}" for text in NEEDS]
    path = tmp_path / NAME
    path.write_bytes(build_wheel(valid(metadata=metadata(*lines), dist_info_files={"variant.json": JSON})))
    return path


def test_a_variant_is_named_as_such_and_has_no_other_finding(variant: Path) -> None:
    [inspection] = verify_wheels(variant).wheels
    assert [(finding.code, finding.severity) for finding in inspection.findings] == [("filename-variant", "warning")]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, NAME),
        ({"build_tag": "1x"}, "demo-1.0-1x-py3-none-any-cu128.whl"),
        ({"local": "x"}, "demo-1.0+x-py3-none-any-cu128.whl"),
    ],
)
def test_a_correction_carries_the_variant(options: dict[str, str], name: str, variant: Path, tmp_path: Path) -> None:
    edits = [RemoveField("Requires-Dist", NEEDS[0])]
    [outcome] = fix_wheels(variant, None, edits=edits, **values(output_dir=tmp_path / "fixed", **options)).outcomes
    assert outcome.output is not None, outcome.problem
    assert outcome.output.name == name
    with Wheel(outcome.output) as wheel:
        assert wheel.filename.variant == "cu128"
        assert wheel.read("variant.json") == JSON
        assert [field.value for field in wheel.document.all("Requires-Dist")][1:] == [NEEDS[1]]


def test_a_marker_that_asks_for_a_variant_is_read() -> None:
    found = read_requirement(NEEDS[1])
    assert found is not None
    assert (found.name, found.malformed, found.marker) == ("six", None, NEEDS[1].partition("; ")[2])
    broken = read_requirement("six ; variant_label = 'x'")
    assert broken is not None
    assert broken.malformed
