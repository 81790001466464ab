"""Environment markers as trees, so that one part can be removed and the others are kept as they are written.

Follows the grammar of https://packaging.python.org/en/latest/specifications/dependency-specifiers/. Nothing is brought into
a normal form: that can grow without limit, and would change text that no rule asked to change.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, TypeAlias, assert_never

from msgspec import Struct
from packaging.utils import canonicalize_name

_TOKEN: Final = re.compile(
    r"""\s* (?: (?P<quoted> '[^']*' | "[^"]*" )
              | (?P<operator> === | == | ~= | != | <= | >= | < | > | (?:not\s+)? in \b )
              | (?P<joint> and \b | or \b | \( | \) )
              | (?P<variable> [A-Za-z][A-Za-z0-9_.]* ) )""",
    re.VERBOSE,
)
_DEEPEST: Final = 100
"""How many parentheses deep a marker may nest."""
_LONGEST: Final = 20_000
"""How many characters a marker may have: thirty times the longest real one."""
_QUOTED_OR_VARIANT: Final = re.compile(
    r"""(?P<quoted> '[^']*' | "[^"]*" ) | \b variant_(?:label|properties|features|namespaces) \b""", re.VERBOSE
)
_QUOTED: Final = re.compile(r"""'[^']*'|"[^"]*\"""")
_JOINT_BEFORE_QUOTE: Final = re.compile(r"\b(?:and|or)''")
_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Comparison(Struct, frozen=True):
    """One comparison: a ``variable`` with a ``value``, whichever stands first, and its ``text`` as it is written.

    ``operator`` reads from the variable to the value: for ``"3" < python_version`` it is ``>``. Where the variable stands
    on the right of ``in``, as in ``"arm" in platform_machine``, ``contained`` is true.
    """

    variable: str
    operator: str
    value: str
    text: str
    contained: bool = False


class Every(Struct, frozen=True):
    """Markers that must all hold: ``and``."""

    parts: tuple["Marker", ...]


class Either(Struct, frozen=True):
    """Markers of which one must hold: ``or``."""

    parts: tuple["Marker", ...]


Marker: TypeAlias = Comparison | Every | Either


@lru_cache(maxsize=4096)
def read_marker(text: str) -> Marker | None:
    """Return the tree of a marker, or ``None`` if ``text`` is not a marker, or nests deeper than any real one.

    >>> read_marker("os_name == 'nt' and extra == 'x'")
    Every(parts=(Comparison(variable='os_name', operator='==', value='nt', text="os_name == 'nt'", contained=False), \
Comparison(variable='extra', operator='==', value='x', text="extra == 'x'", contained=False)))
    """
    tokens = _tokens(text)
    if tokens is None:
        return None
    reader = _Reader(tokens)
    marker = reader.either(0)
    return marker if reader.at_end else None


def _tokens(text: str) -> list[tuple[str, str]] | None:
    """Return kind and text of every token, with single blanks, or ``None`` if there is anything else.

    Backslashes are not part of the grammar, and readers treat them differently.
    """
    if len(text) > _LONGEST or "\\" in text:
        return None
    found, position, text = [], 0, text.rstrip()
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None or token.lastgroup is None:
            return None
        word = token[token.lastgroup]
        found.append((token.lastgroup, word if token["quoted"] else " ".join(word.split())))
        position = token.end()
    return found


class _Reader:
    """Reads tokens from left to right; every method returns ``None`` where the grammar does not allow the next token."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._position = 0

    @property
    def at_end(self) -> bool:
        return self._position == len(self._tokens)

    def either(self, depth: int) -> Marker | None:
        parts = [self._every(depth)]
        while self._take("or"):
            parts.append(self._every(depth))
        return _join(Either, parts)

    def _every(self, depth: int) -> Marker | None:
        parts = [self._single(depth)]
        while self._take("and"):
            parts.append(self._single(depth))
        return _join(Every, parts)

    def _single(self, depth: int) -> Marker | None:
        if self._take("("):
            inner = self.either(depth + 1) if depth < _DEEPEST else None
            return inner if self._take(")") else None
        match self._tokens[self._position : self._position + 3]:
            case [("variable", variable), ("operator", operator), ("quoted", value)]:
                self._position += 3
                return Comparison(variable, operator, value[1:-1], f"{variable} {operator} {value}")
            case [("quoted", value), ("operator", operator), ("variable", variable)]:
                self._position += 3
                text = f"{value} {operator} {variable}"
                mirrored = _MIRRORED.get(operator, operator)
                return Comparison(variable, mirrored, value[1:-1], text, operator.endswith("in"))
            case _:
                return None

    def _take(self, word: str) -> bool:
        taken = self._position < len(self._tokens) and self._tokens[self._position] == ("joint", word)
        self._position += taken
        return taken


def _join(kind: type[Every] | type[Either], parts: list[Marker | None]) -> Marker | None:
    """Join the operands of ``and`` or ``or``; operands in parentheses with the same operator are merged."""
    operands: list[Marker] = []
    for part in parts:
        if part is None:
            return None
        operands += part.parts if isinstance(part, kind) else (part,)
    return operands[0] if len(operands) == 1 else kind(tuple(operands))


def marker_text(marker: Marker) -> str:
    """Return ``marker`` as text; each comparison has its own quotes and order, and single blanks.

    >>> marker_text(read_marker("( 'a'==extra  or os_name == \\"nt\\") and extra!='b'"))
    '(\\'a\\' == extra or os_name == "nt") and extra != \\'b\\''
    """
    match marker:
        case Comparison():
            return marker.text
        case Every(parts):
            return " and ".join(map(operand_text, parts))
        case Either(parts):
            return " or ".join(map(marker_text, parts))
        case _:
            assert_never(marker)


def operand_text(marker: Marker) -> str:
    """Return ``marker`` as text that can stand beside an ``and``."""
    return f"({marker_text(marker)})" if isinstance(marker, Either) else marker_text(marker)


def has_joint_before_quote(text: str) -> bool:
    """Whether a marker has no blank between ``and`` or ``or`` and a quote: uv does not read that.

    >>> has_joint_before_quote("os_name=='x'or'y'==os_name"), has_joint_before_quote("os_name == 'or'")
    (True, False)
    """
    return _JOINT_BEFORE_QUOTE.search(_QUOTED.sub("''", text)) is not None


def plain_marker(text: str) -> str:
    """Return a marker, or a part of one, in one spelling: double quotes, single blanks. Other text is unchanged.

    >>> plain_marker("'x86_64'==platform_machine")
    '"x86_64" == platform_machine'
    """
    tokens = _tokens(text)
    if tokens is None:
        return " ".join(text.split())
    plain = ""
    for kind, word in tokens:
        if kind == "quoted" and '"' not in word[1:-1]:
            word = f'"{word[1:-1]}"'  # noqa: PLW2901 - the same word in other quotes
        joint = "" if not plain or plain.endswith("(") or (kind, word) == ("joint", ")") else " "
        plain += joint + word
    return plain


def without_variants(text: str) -> str:
    """Return a marker with each variable of the draft on variants (PEP 825) replaced by one that every reader knows.

    Whether it is a marker at all, apart from these, can be asked of the result; what it says is another thing.

    >>> without_variants("'variant_label' == variant_label")
    "'variant_label' == os_name"
    """
    return _QUOTED_OR_VARIANT.sub(lambda found: found["quoted"] or "os_name", text)


def comparisons(marker: Marker) -> Iterator[Comparison]:
    """Yield every comparison of ``marker``, from left to right."""
    match marker:
        case Comparison():
            yield marker
        case Every(parts) | Either(parts):
            for part in parts:
                yield from comparisons(part)


def is_false_with(marker: Marker, extra: str) -> bool:
    """Whether ``marker`` is false in every environment where ``extra`` is chosen; an empty ``extra`` is none.

    A comparison of an extra by an operator other than ``==`` and ``!=`` counts as false: in doubt, a requirement is left to
    the user who chooses an extra.
    """
    match marker:
        case Every(parts):
            return any(is_false_with(part, extra) for part in parts)
        case Either(parts):
            return all(is_false_with(part, extra) for part in parts)
        case Comparison("extra" | "extras", operator, value):
            same = canonicalize_name(value) == extra
            return not same if operator == "==" else same if operator == "!=" else True
        case Comparison():
            return False
        case _:
            assert_never(marker)


def extras_named(marker: Marker) -> frozenset[str]:
    """Return the normal names of the extras that ``marker`` compares with."""
    found = (each for each in comparisons(marker) if each.variable in ("extra", "extras"))
    return frozenset(canonicalize_name(each.value) for each in found)


def without_extra(marker: Marker, extra: str) -> Marker | bool:
    """Return what is left of ``marker`` if ``extra`` (its normal name) no longer exists.

    ``False`` if it can never be true then, ``True`` if it is always true.

    >>> marker_text(without_extra(read_marker("extra == 'a' or (extra == 'b' and os_name == 'nt')"), "a"))
    "extra == 'b' and os_name == 'nt'"
    >>> without_extra(read_marker("extra == 'a' and os_name == 'nt'"), "a")
    False
    """
    match marker:
        case Comparison("extra", "==" | "!=" as operator, value):
            return marker if canonicalize_name(value) != extra else operator == "!="
        case Comparison():
            return marker
        case Every(parts):
            return _reduced(parts, extra, Every, decisive=False)
        case Either(parts):
            return _reduced(parts, extra, Either, decisive=True)
        case _:
            assert_never(marker)


def _reduced(parts: tuple[Marker, ...], extra: str, kind: type[Every] | type[Either], *, decisive: bool) -> Marker | bool:
    """Reduce each part; one that is ``decisive`` decides for all, one that is the opposite is dropped."""
    left = [without_extra(part, extra) for part in parts]
    if any(part is decisive for part in left):
        return decisive
    markers = tuple(part for part in left if not isinstance(part, bool))
    if not markers:
        return not decisive
    return markers[0] if len(markers) == 1 else kind(markers)
