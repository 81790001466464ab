"""Every code of the table has samples, and each sample triggers its code and no other."""

from pathlib import Path

import pytest

from building import archive_of, build_wheel, to_bytes, write_wheel
from faults import FAULTS, Fault
from flaws import FLAWS, HEAD, SOUND, Flaw, metadata, sound
from places import SAMPLES
from wheelfix.codes import Fix
from wheelfix.errors import WheelError
from wheelfix.results import CheckedWheel, Severity
from wheelfix.verify.batch import verify_wheels
from wheelfix.verify.registry import CHECKS
from wheelfix.verify.run import check_wheel, findings_in
from wheelfix.verify.subject import found_of

each_flaw = pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: f"{flaw.code}: {flaw.name}")


def inspected(flaw: Flaw, folder: Path) -> CheckedWheel:
    return verify_wheels(flaw.write(folder)).wheels[0]


def test_every_code_has_a_sample() -> None:
    assert CHECKS.keys() - {flaw.code for flaw in FLAWS} == set()


@each_flaw
def test_sample_triggers_exactly_its_code(flaw: Flaw, tmp_path: Path) -> None:
    faults = inspected(flaw, tmp_path).findings
    assert {fault.code for fault in faults} == {flaw.code, *flaw.with_codes}, faults
    assert bool(flaw.with_codes) == bool(flaw.reason)


@each_flaw
def test_severity_and_fixing_are_those_of_the_table(flaw: Flaw, tmp_path: Path) -> None:
    for fault in inspected(flaw, tmp_path).findings:
        assert fault.severity is CHECKS[fault.code].severity
        assert not (fault.fixable and CHECKS[fault.code].fix is Fix.NO)
        assert (fault.place + fault.message).isprintable()


def test_what_the_table_calls_fixable_has_a_sample_that_is(tmp_path: Path) -> None:
    mendable = set()
    for number, flaw in enumerate(FLAWS):
        if CHECKS[flaw.code].fix is not Fix.NO:
            folder = tmp_path / str(number)
            folder.mkdir()
            mendable |= {fault.code for fault in inspected(flaw, folder).findings if fault.fixable}
    assert {code for code, check in CHECKS.items() if check.fix is not Fix.NO} == mendable


def test_valid_wheel_has_no_fault(tmp_path: Path) -> None:
    assert findings_in(write_wheel(tmp_path, archive=SOUND)) == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_sample_wheel_has_no_error(sample: Path) -> None:
    errors = [fault.code for fault in check_wheel(sample).findings if fault.severity is Severity.ERROR]
    assert errors == (["metadata-not-utf8"] if sample.name.startswith("folded_latin") else [])


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_what_the_strict_reader_refuses_is_an_error_with_its_code(fault: Fault, tmp_path: Path) -> None:
    """Pitfalls 14, 16, 20, 23, 24, 25, 26, 28, 29, 34: told like any other fault, by a code of the table."""
    path = tmp_path / sound().filename
    path.write_bytes(fault.make())
    expected = found_of(WheelError(fault.code, "", hint="")).code
    errors = {each.code for each in check_wheel(path).findings if each.severity is Severity.ERROR}
    assert expected in CHECKS
    assert errors & ({expected, "metadata-hidden-fields"} if expected == "metadata-ambiguous" else {expected}), errors


def test_several_findings_are_all_reported(tmp_path: Path) -> None:
    """One in the name, one in METADATA, one in RECORD and one beside them: none hides another."""
    spec = sound(
        metadata=metadata("Requires-Python: one", head=[*HEAD[:3], "Summary: a", "Summary: b"]),
        dist_info_files={"entry_points.txt": b"a"},
        record=b"demo/gone.py,sha256=x,1\n",
    )
    path = tmp_path / "demo-2.0-py3-none-any.whl"
    path.write_bytes(build_wheel(spec))
    codes = [fault.code for fault in check_wheel(path).findings]
    assert list(dict.fromkeys(codes)) == [
        "filename-version-differs", "dist-info-name-differs", "record-missing-row", "record-own-row-missing",
        "metadata-repeated-field", "metadata-bad-requires-python", "entry-points-unreadable", "record-no-such-file",
    ]  # fmt: skip
    assert codes.count("record-missing-row") == len(archive_of(spec).entries) - 1


def test_a_damaged_entry_hides_no_other_fault(tmp_path: Path) -> None:
    flaw = next(flaw for flaw in FLAWS if flaw.name == "METADATA with another CRC-32")
    path = tmp_path / "demo-2.0-py3-none-any.whl"
    path.write_bytes(flaw.make()[1])
    assert [fault.code for fault in check_wheel(path).findings] == ["archive-damaged-entry", "dist-info-name-differs"]


def test_samples_are_the_same_every_time() -> None:
    assert [flaw.make() for flaw in FLAWS[-20:]] == [flaw.make() for flaw in FLAWS[-20:]]
    assert to_bytes(SOUND) == build_wheel(sound())
