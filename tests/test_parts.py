"""What runs of the tests that stand in parts."""

import pytest

from parts import PARTS, chosen_parts, in_chosen_parts


def test_all_run_unless_some_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_PARTS", raising=False)
    assert chosen_parts() == [*range(PARTS)]
    monkeypatch.setenv("TEST_PARTS", "6 2 2")
    assert chosen_parts() == [2, 6]


def test_each_item_is_in_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_PARTS", raising=False)
    assert sorted(in_chosen_parts(range(99))) == [*range(99)]
    found = []
    for part in range(PARTS):
        monkeypatch.setenv("TEST_PARTS", str(part))
        found += in_chosen_parts(range(99))
    assert sorted(found) == [*range(99)]


@pytest.mark.parametrize("named", ["", " ", "8", "-1", "1 9", "two", "1,2"])
def test_a_run_that_would_try_nothing_is_an_error(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_PARTS", named)
    with pytest.raises(ValueError, match=r"TEST_PARTS|invalid literal"):
        chosen_parts()
