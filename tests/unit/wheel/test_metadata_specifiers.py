"""Specifiers that are malformed: fixed where the meaning is plain, and left where it would have to be guessed."""

import re
from random import Random

import pytest

from wheelfix.wheel.metadata import fixed_specifier


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (">=7.2.0<8.0.0", ">=7.2.0,<8.0.0"),
        ("!=~5.0,>=4.12", "!=5.0.*,>=4.12"),
        (">=1.9.*", ">=1.9"),
        ("!=3.0*", "!=3.0.*"),
        (">=3.6,", ">=3.6"),
        (">dev", ">0.0.0dev"),
        (">=9.0.0a1.0", ">=9.0.0a1"),
        (">=9.0.0rc1.0,<10", ">=9.0.0rc1,<10"),
        ("'>=2.7'", ">=2.7"),
        ('">=1.19"', ">=1.19"),
        (">='2.7'", ">=2.7"),
        (">= 2.7'", ">= 2.7"),
        (">=2.7, '!=3.0.*', \"<4\"", ">=2.7, !=3.0.*, <4"),
        (">=3.7.", ">=3.7"),
        (">=3.7.,<4.", ">=3.7,<4"),
    ],
)
def test_plain_meaning(text: str, meaning: str) -> None:
    """The forms that uv repairs, and a dot at the end of a bound."""
    assert fixed_specifier(text) == meaning


@pytest.mark.parametrize(
    "text",
    ["==1.", "!=1.", "~=1.2.", "==1.,>=1", ">=2.7'1", '>=2"7', "==1'.0", "'", ">=9.0.0a1.05", ">=9.0.0a1.0.1", "===1'",
     "one", "~=2.*", "==1.2.3.'"],
)  # fmt: skip
def test_meaning_that_would_be_a_guess(text: str) -> None:
    assert fixed_specifier(text) is None


def test_no_number_becomes_another_one() -> None:
    """Digits that stood apart stay apart: whatever is fixed, its numbers are those that stood there, in their order."""
    random = Random(7)
    pieces = (
        ">=",
        "<",
        "==",
        "!=",
        "~=",
        ",",
        " ",
        ".",
        "*",
        ".*",
        "'",
        '"',
        "1",
        "2",
        "10",
        "3.6",
        "a1",
        "rc1",
        ".0",
        "'1",
    )
    fixed = 0
    for _ in range(20_000):
        text = "".join(random.choices(pieces, k=random.randrange(2, 8)))
        meaning = fixed_specifier(text)
        if meaning is not None:
            fixed += meaning != text
            before, after = (re.findall(r"\d+", each) for each in (text, meaning))
            assert after == before or (re.search(r"(?:a|rc)\d+\.0", text) and "0" in before), (text, meaning)
            assert not re.search(r"""(==|!=|~=)\s*[\d.]*\d\.\s*['"]?\s*(,|$)""", text), (text, meaning)
    assert fixed > 100
