"""The table of fields, compared with the one that ``packaging`` keeps."""

import re

import pytest
from packaging.metadata import _EMAIL_TO_RAW_MAPPING, _LIST_FIELDS

from wheelfix.wheel.fields import FIELDS, find


def test_every_field_of_packaging_is_known() -> None:
    assert set(_EMAIL_TO_RAW_MAPPING) <= set(FIELDS)


@pytest.mark.parametrize("name", sorted(_EMAIL_TO_RAW_MAPPING))
def test_how_often_a_field_stands_is_what_packaging_says(name: str) -> None:
    kind = find(name)
    assert kind is not None
    listed = _EMAIL_TO_RAW_MAPPING[name] in _LIST_FIELDS or name == "project-url"
    assert kind.multiple is listed


def test_names_are_found_in_any_case() -> None:
    assert find("REQUIRES-dist") is find("Requires-Dist") is not None
    assert find("X-Own") is None


def test_the_table_is_well_formed() -> None:
    for key, kind in FIELDS.items():
        assert key == kind.name.lower()
        assert re.fullmatch(r"[12]\.\d", kind.since)
