"""``wheelfix explain``."""

from running import wheelfix


def test_code_is_explained() -> None:
    ran = wheelfix("explain", "archive-truncated", "unproven")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("archive-truncated (error, wheelfix verify)\n\nThe archive is cut off.\n")
    assert "\n\nunproven (error)\n" in ran.out


def test_unknown_code_is_wrong_usage() -> None:
    ran = wheelfix("explain", "archive-truncated", "archive-truncatd")
    assert (ran.code, ran.out) == (2, "")
    assert "Did you mean archive-truncated?" in ran.err


def test_no_code_is_wrong_usage() -> None:
    assert wheelfix("explain").code == 2


def test_the_beginning_of_codes_lists_them_and_no_such_code_names_the_pages() -> None:
    assert "These codes begin with it: sbom-stale-provenance, sbom-unreadable" in wheelfix("explain", "sbom").err
    assert "docs/errors.md list all codes" in wheelfix("explain", "zzzz").err
