"""One requirement: lenient to read, never written anew.

Follows https://packaging.python.org/en/latest/specifications/dependency-specifiers/ first. What that refuses is read for
its name, extras and marker, so that rules can match it; its text stays as it was written.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as StrictRequirement
from packaging.utils import NormalizedName, canonicalize_name

_LOOSE: Final = re.compile(
    r"""\s* (?P<name> [A-Za-z0-9] (?: [A-Za-z0-9._-]* [A-Za-z0-9] )? )
        \s* (?: \[ (?P<extras> [^\]]* ) \] )?
        \s* (?P<rest> .* )""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED: Final = re.compile(r"""'[^']*'|"[^"]*\"""")
_EXTRA: Final = re.compile(r"\bextras?\b")
_PLAIN_EXTRA: Final = re.compile(r"""\bextra\s*==\s*(?:"[^"']+"|'[^"']+')""")
_OR: Final = re.compile(r"\bor\b")
_MOST_COMPARISONS: Final = 12
"""A marker with more is not analysed: its normal form can grow exponentially."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement as far as it can be understood.

    ``text`` is the value of the field as it is written. ``specifier`` and ``marker`` are text, empty where there is
    none; ``fault`` says why the text is malformed, ``None`` where it is not. ``needs_extra`` tells whether the
    requirement can only be called for by an extra, the user's own choice.
    """

    text: str
    name: NormalizedName
    extras: frozenset[str]
    specifier: str
    url: str | None
    marker: str
    needs_extra: bool
    fault: str | None = None


@lru_cache(maxsize=4096)
def read_requirement(text: str) -> Requirement | None:
    """Return what ``text``, the value of a Requires-Dist field, requires; ``None`` if it does not even begin with a name.

    >>> read_requirement("nvidia-cuda-runtime-cu11 (==11.7.99) ; platform_system == 'Linux'").name
    'nvidia-cuda-runtime-cu11'
    >>> read_requirement("numpy >= 1.0.*, ; extra == 'all'").needs_extra
    True
    """
    try:
        strict = StrictRequirement(" ".join(text.split()))  # a folded value is one line
    except (InvalidRequirement, RecursionError) as error:  # a hostile marker nests without end
        return _read_loosely(text, str(error).partition("\n")[0])
    marker = str(strict.marker) if strict.marker else ""
    return Requirement(
        text,
        canonicalize_name(strict.name),
        frozenset(map(canonicalize_name, strict.extras)),
        str(strict.specifier),
        strict.url,
        marker,
        _needs_extra(marker),
    )


def _read_loosely(text: str, fault: str) -> Requirement | None:
    found = _LOOSE.match(text)
    if not found:
        return None
    rest, _, marker = found["rest"].partition(";")
    specifier = rest.strip().removeprefix("(").removesuffix(")").strip()
    url = specifier[1:].strip() if specifier.startswith("@") else None
    extras = frozenset(canonicalize_name(extra.strip()) for extra in (found["extras"] or "").split(",") if extra.strip())
    marker = marker.strip()
    name = canonicalize_name(found["name"])
    return Requirement(text, name, extras, "" if url else specifier, url, marker, _needs_extra(marker), fault)


def _needs_extra(marker: str) -> bool:
    """Whether ``marker`` is false in every environment in which no extra is asked for.

    A marker that tests an extra and cannot be understood counts as such: then the requirement stays.
    """
    if not _EXTRA.search(_QUOTED.sub('""', marker)):
        return False
    if _PLAIN_EXTRA.search(marker) and not _OR.search(_QUOTED.sub('""', marker)):
        return True
    if len(_QUOTED.findall(marker)) > _MOST_COMPARISONS:
        return True
    from dep_logic.markers import InvalidMarker, parse_marker  # imported late: hardly a marker needs it

    try:
        return _false_without_extra(parse_marker(marker))
    except (InvalidMarker, RecursionError):
        return True


def _false_without_extra(marker: object) -> bool:
    from dep_logic.markers import MarkerExpression, MarkerUnion, MultiMarker

    match marker:
        case MultiMarker(markers=parts):
            return any(map(_false_without_extra, parts))
        case MarkerUnion(markers=parts):
            return all(map(_false_without_extra, parts))
        case MarkerExpression(name="extra" | "extras", op=operator, value=value):
            return not (operator == "!=" and value != "") and not (operator == "==" and value == "")
        case _:
            return False
