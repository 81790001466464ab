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
