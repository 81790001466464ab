"""The table of checks."""

import re

import pytest

from wheelfix.codes import Check, Client
from wheelfix.results import Severity
from wheelfix.verify.registry import BY_ERROR, CHECKS


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.code)
def test_row_is_complete(check: Check) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", check.code)
    assert check.meaning.endswith(".")
    assert "|" not in check.meaning
    assert check.specification.startswith("https://")
    assert check.refused_by == tuple(client for client in Client if client in check.refused_by)


def test_warning_is_refused_by_nobody() -> None:
    assert not [check.code for check in CHECKS.values() if check.severity is Severity.WARNING and check.refused_by]


def test_codes_of_errors_stand_for_codes_of_the_table() -> None:
    assert set(BY_ERROR.values()) <= CHECKS.keys()
