"""What runs of the tests that stand in parts."""

import pytest

from parts import PARTS, chosen_parts, is_chosen


def test_all_run_unless_some_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_PARTS", raising=False)
    assert chosen_parts() == [*range(PARTS)]
    monkeypatch.setenv("TEST_PARTS", "6 2 2")
    assert chosen_parts() == [2, 6]


def test_each_test_is_in_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"tests/test_x.py::test_x[{number}-\ud800]" for number in range(99)]
    found = list[str]()
    for part in range(PARTS):
        monkeypatch.setenv("TEST_PARTS", str(part))
        chosen = [name for name in names if is_chosen(name)]
        assert chosen
        found += chosen
    assert sorted(found) == sorted(names)
    monkeypatch.delenv("TEST_PARTS")
    assert all(map(is_chosen, names))


@pytest.mark.parametrize("named", ["", " ", "8", "-1", "1 9", "two", "1,2"])
def test_a_run_that_would_try_nothing_is_an_error(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_PARTS", named)
    with pytest.raises(ValueError, match=r"TEST_PARTS|invalid literal"):
        chosen_parts()
