"""Values that load and can hardly be meant: they look like something else, and match nothing."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from wheelfix.rules.conditions import Match, Texts
from wheelfix.rules.globs import is_plain
from wheelfix.rules.model import Rule

_EXTRA_IN_NAME: Final = re.compile(r"\[[a-z][a-z0-9,]{3,}\]$")
_OPERATOR: Final = re.compile(r"[<>=!~]=|[<>]|\bin\b")
_QUOTED: Final = re.compile(r"""'[^']*'|"[^"]*\"""")
_WORD: Final = re.compile(r"[A-Za-z_][\w.]*")
_VARIABLES: Final = (
    "os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_release",
    "platform_system", "platform_version", "python_version", "python_full_version", "implementation_name",
    "implementation_version", "python_implementation", "extra", "extras", "dependency_groups",
)  # fmt: skip
_SPECIFIER_BEGINS: Final = "<>=!~*?["
_PYTHON_TAG: Final = re.compile(r"[a-z]{2,}\d+")


def oddities(rule: Rule) -> Iterator[str]:
    """Yield what is odd about the conditions of ``rule``."""
    when = rule.when
    for match in (
        rule.match,
        *(when.requires or ()),
        *(when.not_requires or ()),
        *(when.lacks or ()),
        *(when.not_lacks or ()),
    ):
        if match is not None:
            yield from _in_match(match)
    for glob in _plain(when.platform, when.not_platform):
        if "_" not in glob and glob not in ("any", "win32"):
            yield f"no platform tag is {glob!r}; write a pattern such as '*{glob}*'"
    for glob in _plain(when.python, when.not_python):
        if not _PYTHON_TAG.fullmatch(glob):
            yield f"no Python tag is {glob!r}; they are such as cp311 and py3"
    for glob in _plain(when.filename, when.not_filename):
        if not glob.endswith(".whl"):
            yield f"no file name is {glob!r}; write a pattern such as '{glob}-*'"


def _plain(*values: Texts | None) -> list[str]:
    return [glob for globs in values for glob in globs or () if is_plain(glob)]


def _in_match(match: Match) -> Iterator[str]:
    for glob in match.name or ():
        if _EXTRA_IN_NAME.search(glob):
            yield f"{glob!r} matches one character of those in brackets; the extras of a requirement are not asked for"
    for text in match.marker or ():
        yield from _in_marker(text)
    for text in match.specifier or ():
        if text.strip().startswith("("):
            yield f"no specifier is {text!r}; parentheses are not asked for"
        elif text.strip() and text.strip()[0] not in _SPECIFIER_BEGINS:
            yield f"no specifier is {text!r}; it begins with an operator, as in '=={text}'"


def _in_marker(text: str) -> Iterator[str]:
    bare = _QUOTED.sub(" ", text)
    if _OPERATOR.search(bare):
        for word in _WORD.findall(bare):
            if word not in (*_VARIABLES, "and", "or", "in", "not"):
                close = get_close_matches(word, _VARIABLES, 1)
                yield f"no marker has the variable {word!r}; " + (
                    f"did you mean {close[0]}?" if close else "values are quoted"
                )
    elif text != "dead" and get_close_matches(text.lower(), ["dead"], 1, 0.7):
        yield f"{text!r} is looked for in the marker; did you mean dead?"
