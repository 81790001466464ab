"""Specifiers that are malformed in ways of which the meaning is plain, and what they mean.

uv repairs most of these forms when it reads METADATA (``lenient_requirement.rs`` in its source lists them).
"""

import re
from typing import Final

from packaging.specifiers import SpecifierSet

_LONGEST: Final = 2_000
_REPAIRS: Final = (
    (re.compile(r"""(^|,)(\s*)['"](?=\s*[<>=~!])"""), r"\1\2"),  # '>=2.7'
    (re.compile(r"""(?<=[<>=~!])(\s*)['"](?=\s*[\d*])"""), r"\1"),  # >='2.7
    (re.compile(r"""(?<=[\d*])\s*['"](?=\s*(?:,|$))"""), ""),  # >=2.7'
    (re.compile(r"(?<=\d)(?=[<>=~!])"), ","),  # >=1.9<2.0
    (re.compile(r"(?<=\*)(?=[<>=~!])"), ","),  # ==1.*<2
    (re.compile(r"!=~\s*((?:\d+\.)*\d+)"), r"!=\1.*"),  # !=~5.0
    (re.compile(r"([<>]=?\s*\d+(?:\.\d+)*)\.\*(?=\s*(?:,|$))"), r"\1"),  # >=1.5.*
    (re.compile(r"(\d\.\d+)\*"), r"\1.*"),  # !=3.0*
    (re.compile(r"([<>]=?\s*\d+(?:\.\d+)*)\.(?=\s*(?:,|$))"), r"\1"),  # >=3.7.
    (re.compile(r"(\d(?:a|b|rc|\.?post|\.?dev)\d+)\.0(?=\s*(?:,|$))"), r"\1"),  # >=9.0.0a1.0
    (re.compile(r">=\s*\*"), ""),  # >=*
    (re.compile(r">\s*dev"), ">0.0.0dev"),  # >dev
    (re.compile(r"^\s*,|,\s*$|,(?=\s*,)"), ""),  # >=3.6,
)

_NOT_TO_UV: Final = re.compile(r"^\s*,|,\s*,|\*(?=[<>=~!])|\d\.(?=\s*(?:,|$))|>=\s*\*")
"""What uv 0.13.9 does not repair: an empty clause, no comma behind a star, a dot at the end of a clause, ``>=*``."""


def is_repaired_by_uv(text: str) -> bool:
    """Whether uv reads a malformed specifier whose meaning is plain.

    >>> is_repaired_by_uv(">=1.9.*<2"), is_repaired_by_uv(">=1.9<2"), is_repaired_by_uv(">=3.7.")
    (False, True, False)
    """
    return _NOT_TO_UV.search(text) is None


def mended_specifier(text: str) -> str | None:
    """Return the specifier that a malformed one means, ``None`` where that is not plain.

    A dot at the end of ``==1.`` may be all that is left of ``==1.*``, and a quote between digits parts two numbers.

    >>> mended_specifier(">=1.9.0<2.0"), mended_specifier(">=3.5.*"), mended_specifier("one")
    ('>=1.9.0,<2.0', '>=3.5', None)
    """
    if len(text) > _LONGEST or "===" in text:  # that compares text: no form of it is malformed
        return None
    for pattern, replacement in _REPAIRS:
        text = pattern.sub(replacement, text)
    try:
        SpecifierSet(text)
    except ValueError:  # InvalidSpecifier is one
        return None
    return text.strip()
