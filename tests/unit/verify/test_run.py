"""All checks of one wheel together."""

from pathlib import Path

import pytest

from building import Entry, write_wheel
from defects import valid
from wheelfix.verify import hashing, run
from wheelfix.verify.hashing import Summing, Sums
from wheelfix.verify.registry import CHECKS
from wheelfix.verify.run import check_wheel, in_order, reported
from wheelfix.verify.subject import RawFinding


def test_findings_are_reported_once_and_in_the_order_of_the_table() -> None:
    findings = [
        RawFinding("release-disagrees", "", "x"),
        RawFinding("record-bad-row", "row 2", "x"),
        RawFinding("record-bad-row", "row 1", "x"),
    ]
    assert in_order([*findings, *findings]) == [findings[1], findings[2], findings[0]]


def test_of_many_alike_the_rest_is_counted() -> None:
    many = [RawFinding("record-bad-row", f"row {number}", "x") for number in range(1_500)]
    told = reported(in_order([RawFinding("release-disagrees", "", "x"), *many]))
    assert told[:1_000] == many[:1_000]
    assert told[1_000] == RawFinding("record-bad-row", "", "and 500 more of this kind")
    assert len(told) == 1_002


def test_file_that_grows_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pitfall 34."""
    path = write_wheel(tmp_path, valid())

    class Growing(Summing):
        def result(self) -> dict[str, Sums]:
            with path.open("ab") as file:
                file.write(b"more")
            return super().result()

    monkeypatch.setattr(hashing, "Summing", Growing)
    assert [finding.code for finding in check_wheel(path).findings] == ["file-unreadable"]


def test_long_names_are_cut_in_what_is_reported(tmp_path: Path) -> None:
    spec = valid(files=(Entry("x" * 60_000, b""),), record=b"")
    findings = check_wheel(write_wheel(tmp_path, spec)).findings
    assert {"archive-unsafe-name", "record-missing-row"} <= {finding.code for finding in findings}
    assert all(len(finding.place) + len(finding.message) < 1_100 for finding in findings)


def test_what_is_seen_at_a_glance_is_in_the_table() -> None:
    assert CHECKS.keys() >= run._SEEN
