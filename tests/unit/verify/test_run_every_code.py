"""Every code of the table has samples, and each sample triggers its code and no other."""

import tempfile
from functools import cache
from pathlib import Path

import pytest

from building import archive_of, build_wheel, to_bytes, write_wheel
from damages import DAMAGES, Damage
from defects import DEFECTS, HEAD, VALID, Defect, metadata, valid
from places import SAMPLES
from wheelfix.codes import Fix
from wheelfix.errors import WheelError
from wheelfix.results import CheckedWheel, Severity
from wheelfix.verify.batch import verify_wheels
from wheelfix.verify.registry import CHECKS
from wheelfix.verify.run import check_wheel, findings_in
from wheelfix.verify.subject import found_of

each_flaw = pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect.code}: {defect.name}")


@cache
def inspected(defect: Defect) -> CheckedWheel:
    with tempfile.TemporaryDirectory() as folder:
        return verify_wheels(defect.write(Path(folder))).wheels[0]


def test_every_code_has_a_sample() -> None:
    assert CHECKS.keys() - {defect.code for defect in DEFECTS} == set()


@each_flaw
def test_sample_triggers_exactly_its_code(defect: Defect) -> None:
    damages = inspected(defect).findings
    assert {damage.code for damage in damages} == {defect.code, *defect.with_codes}, damages
    assert bool(defect.with_codes) == bool(defect.reason)


@each_flaw
def test_severity_and_fixing_are_those_of_the_table(defect: Defect) -> None:
    for damage in inspected(defect).findings:
        assert damage.severity is CHECKS[damage.code].severity
        assert not (damage.fixable and CHECKS[damage.code].fix is Fix.NO)
        assert (damage.place + damage.message).isprintable()


def test_what_the_table_calls_fixable_has_a_sample_that_is() -> None:
    mendable = {damage.code for defect in DEFECTS for damage in inspected(defect).findings if damage.fixable}
    assert {code for code, check in CHECKS.items() if check.fix is not Fix.NO} == mendable


def test_valid_wheel_has_no_fault(tmp_path: Path) -> None:
    assert findings_in(write_wheel(tmp_path, archive=VALID)) == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_sample_wheel_has_no_error(sample: Path) -> None:
    errors = [damage.code for damage in check_wheel(sample).findings if damage.severity is Severity.ERROR]
    assert errors == (["metadata-not-utf8"] if sample.name.startswith("folded_latin") else [])


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_what_the_strict_reader_refuses_is_an_error_with_its_code(damage: Damage, tmp_path: Path) -> None:
    """Pitfalls 14, 16, 20, 23, 24, 25, 26, 28, 29, 34: told like any other damage, by a code of the table."""
    path = tmp_path / valid().filename
    path.write_bytes(damage.make())
    expected = found_of(WheelError(damage.code, "", hint="")).code
    errors = {each.code for each in check_wheel(path).findings if each.severity is Severity.ERROR}
    assert expected in CHECKS
    assert errors & ({expected, "metadata-hidden-fields"} if expected == "metadata-ambiguous" else {expected}), errors


def test_several_findings_are_all_reported(tmp_path: Path) -> None:
    """One in the name, one in METADATA, one in RECORD and one beside them: none hides another."""
    spec = valid(
        metadata=metadata("Requires-Python: one", head=[*HEAD[:3], "Summary: a", "Summary: b"]),
        dist_info_files={"entry_points.txt": b"a"},
        record=b"demo/gone.py,sha256=x,1\n",
    )
    path = tmp_path / "demo-2.0-py3-none-any.whl"
    path.write_bytes(build_wheel(spec))
    codes = [damage.code for damage in check_wheel(path).findings]
    assert list(dict.fromkeys(codes)) == [
        "filename-version-differs", "dist-info-name-differs", "record-missing-row", "record-own-row-missing",
        "metadata-repeated-field", "metadata-bad-requires-python", "entry-points-unreadable", "record-no-such-file",
    ]  # fmt: skip
    assert codes.count("record-missing-row") == len(archive_of(spec).entries) - 1


def test_a_damaged_entry_hides_no_other_fault(tmp_path: Path) -> None:
    defect = next(defect for defect in DEFECTS if defect.name == "METADATA with another CRC-32")
    path = tmp_path / "demo-2.0-py3-none-any.whl"
    path.write_bytes(defect.make()[1])
    assert [damage.code for damage in check_wheel(path).findings] == ["archive-damaged-entry", "dist-info-name-differs"]


def test_samples_are_the_same_every_time() -> None:
    assert [defect.make() for defect in DEFECTS[-20:]] == [defect.make() for defect in DEFECTS[-20:]]
    assert to_bytes(VALID) == build_wheel(valid())
