"""Why a page is damaged, in words for those who did not write its parser."""

import re
from typing import Final

from msgspec import DecodeError, ValidationError

from wheelfix.text import shown

_CUT_OFF: Final = "Input data was truncated"
_AT: Final = r"(?: - at `\$\.?(?P<key>[^`]*)`)?"
_WRONG: Final = re.compile(rf"Expected `(?P<wanted>[^`]+)`(?P<limit>| >= \d+)(?:, got `(?P<got>[^`]+)`)?{_AT}")
_LACKING: Final = re.compile(rf"Object missing required field `(?P<name>[^`]+)`{_AT}")
_MISSHAPEN: Final = re.compile(rf"Expected `str` matching regex .*?{_AT}")
"""What msgspec 0.22 says of a value; what it says otherwise is shown as it is."""
_KINDS: Final = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "object": "an object",
    "str": "text",
}


def why_damaged(error: Exception) -> str:
    """Return in a few words why a page is damaged."""
    match error:
        case KeyError():
            why = f"it has no key {error}"
        case RecursionError():
            why = "it is nested too deeply"
        case ValidationError():
            why = in_plain_words(str(error), "it")
        case DecodeError():
            why = "it is empty or cut off" if str(error) == _CUT_OFF else f"it is not valid: {error}"
        case _:
            why = str(error)
    return shown(why[:200])


def in_plain_words(message: str, subject: str) -> str:
    """Return what a ``message`` of msgspec says in the words of JSON; ``subject`` is what has no key of its own.

    >>> in_plain_words("Expected `int | null`, got `str` - at `$.size`", "it")
    'size must be a whole number or null, not text'
    """
    if found := _WRONG.fullmatch(message):
        value, (wanted, got) = found["key"] or subject, (_in_words(found[each] or "") for each in ("wanted", "got"))
        return f"{value} must be {wanted}{found['limit']}{f', not {got}' if got else ''}"
    if found := _LACKING.fullmatch(message):
        return f"{found['key'] or subject} has no key '{found['name']}'"
    if found := _MISSHAPEN.fullmatch(message):
        return f"{found['key'] or subject} has the wrong form"
    return message


def _in_words(kinds: str) -> str:
    return " or ".join(_KINDS.get(each, each) for each in kinds.split(" | ")) if kinds else ""
