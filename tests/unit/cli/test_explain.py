"""``wheelfix explain``."""

import pytest

from running import wheelfix
from wheelfix.reports.codes import REGISTRY


def test_code_is_explained() -> None:
    ran = wheelfix("explain", "archive-truncated", "unproven")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("archive-truncated (error, wheelfix verify)\n\nThe archive is cut off.\n")
    assert "\n\nunproven (error)\n" in ran.out


def test_unknown_code_is_wrong_usage() -> None:
    ran = wheelfix("explain", "archive-truncated", "archive-truncatd")
    assert (ran.code, ran.out) == (2, "")
    assert "Did you mean archive-truncated?" in ran.err


@pytest.mark.parametrize("number", ["0", "1", "2", "3", "129", "130", "141", "143"])
def test_an_exit_code_is_explained(number: str) -> None:
    """It is what a log of CI shows."""
    ran = wheelfix("explain", number, "unsafe")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"{number} (exit code)\n\n")
    assert "/docs/reference/exit-codes.md\n\nunsafe (error)\n" in ran.out


def test_no_other_number_is_an_exit_code() -> None:
    ran = wheelfix("explain", "7")
    assert ran.code == 2
    assert "The exit codes are 0, 1, 2, 3, 129, 130, 141, 143" in ran.err
    assert wheelfix("explain", "\u0663").code == 2


def test_without_a_code_all_are_listed() -> None:
    ran = wheelfix("explain")
    assert (ran.code, ran.err) == (0, "")
    listed = {line.split()[0] for line in ran.lines if line.startswith("  ")}
    assert listed == {code for table in REGISTRY.values() for code in table}
    assert "wheelfix verify:" in ran.lines


def test_the_beginning_of_codes_lists_them_and_no_such_code_names_the_pages() -> None:
    assert "These codes begin with it: sbom-stale-provenance, sbom-unreadable" in wheelfix("explain", "sbom").err
    assert (
        "All codes: https://github.com/wheelfix/wheelfix/blob/main/docs/reference/codes.md"
        in wheelfix("explain", "zzzz").err
    )
    assert "Did you mean manifest-unlikely-platform?" in wheelfix("explain", "manifest-unlikely").err
