"""Formats by name."""

import inspect

import pytest

from wheelfix.reports.registry import _RENDERERS, TEXT, formats, renderer


@pytest.mark.parametrize(("command", "form"), [(command, form) for command in _RENDERERS for form in _RENDERERS[command]])
def test_every_row_names_a_function_that_returns_text(command: str, form: str) -> None:
    found = renderer(command, form)
    assert inspect.signature(found).return_annotation is str
    assert found.__doc__


def test_text_comes_first() -> None:
    assert all(formats(command)[0] == TEXT for command in _RENDERERS)
