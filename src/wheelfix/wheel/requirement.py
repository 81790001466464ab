"""One requirement: lenient to read, exact to write.

Follows https://packaging.python.org/en/latest/specifications/dependency-specifiers/ first. What that refuses is read for
its name, extras and marker, so that rules can match it; its text is kept as it is written.
"""

import re
from collections.abc import Hashable, Iterable
from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from packaging.requirements import Requirement as StrictRequirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from wheelfix.errors import EditError
from wheelfix.text import shown
from wheelfix.wheel.marker import (
    Either,
    Every,
    Marker,
    comparisons,
    extras_named,
    has_joint_before_quote,
    is_false_with,
    operand_text,
    plain_marker,
    read_marker,
    without_variants,
)
from wheelfix.wheel.marker_logic import Environment, can_be_true

_PARTS: Final = re.compile(
    r"""(?P<lead> \s* )
        (?P<name> [A-Za-z0-9] (?: [A-Za-z0-9._-]* [A-Za-z0-9_] )? )
        (?P<extras> (?: \s* \[ [^\]]* \] )? )
        (?P<rest> .* )""",
    re.VERBOSE | re.DOTALL,
)
_SIGN_AFTER_URL: Final = re.compile(r"(?<=\s);")
_SIGN_NEAR_URL: Final = re.compile(r";(?=\s)")
_SIGN_IN_URL: Final = re.compile(r"\s*@\s*;(?=\S|\s*\Z|\s+;)")
"""A semicolon at the start of a URL: part of the URL, but ``packaging`` reads it as the beginning of the marker."""
_QUOTED: Final = re.compile(r"""'[^']*'|"[^"]*\"""")
_EXTRA: Final = re.compile(r"\bextras?\b")
_MOST_STEPS: Final = 2_000
"""How many comparisons are made to find the extras that require something; real ones need a dozen."""
_NO_EXTRA: Final = Environment({"extra": ("",)})


class Requirement(Struct, frozen=True):
    """A requirement as far as it can be understood.

    ``text`` is the value of the field as it is written. ``specifier`` and ``marker`` are text, empty where there is
    none. ``malformed`` says why the text is malformed, ``None`` where it is not. ``needs_extra`` is whether only an
    extra, the user's own choice, can require it. ``required_by_extras`` holds the normal names of those extras, empty
    where they are unknown.
    """

    text: str
    name: NormalizedName
    extras: frozenset[str]
    specifier: str
    url: str | None
    marker: str
    needs_extra: bool
    required_by_extras: frozenset[str] = frozenset()
    malformed: str | None = None


@lru_cache(maxsize=16_384)
def read_requirement(text: str) -> Requirement | None:
    """Return what ``text``, the value of a Requires-Dist field, requires; ``None`` if it does not even begin with a name.

    >>> read_requirement("nvidia-cuda-runtime-cu11 (==11.7.99) ; platform_system == 'Linux'").name
    'nvidia-cuda-runtime-cu11'
    >>> read_requirement("numpy >= 1.0.*, ; extra == 'all'").needs_extra
    True
    """
    try:
        strict = StrictRequirement(" ".join(text.split()))  # a folded value is one line
        specifier = str(strict.specifier)
    except (ValueError, RecursionError) as error:  # hostile: a marker nested without end, a number of 5,000 digits
        return _read_loosely(text, None if requires_variant(text) else str(error).partition("\n")[0])
    marker = str(strict.marker) if strict.marker else ""
    return Requirement(
        text,
        canonicalize_name(strict.name),
        frozenset(map(canonicalize_name, strict.extras)),
        specifier,
        strict.url,
        marker,
        *_need_of_extras(marker),
    )


def requires_variant(text: str) -> bool:
    """Whether ``text`` is a valid requirement except for marker variables of a draft: ``variant_*`` (PEP 825).

    >>> requires_variant("foo ; variant_label == 'cu128'"), requires_variant("foo ; os_name == 'nt'")
    (True, False)
    """
    parts = RequirementParts.of(" ".join(text.split()))
    if parts is None or (plain := without_variants(parts.marker)) == parts.marker:
        return False
    try:
        StrictRequirement(str(replace(parts, raw_marker=plain)))
    except (ValueError, RecursionError):
        return False
    return True


def _read_loosely(text: str, malformed: str | None) -> Requirement | None:
    parts = RequirementParts.of(text)
    if not parts:
        return None
    extras = map(canonicalize_name, parts.extra_names)
    specifier, url, marker = ("", parts.url, parts.marker) if parts.url else (parts.specifier, None, parts.marker)
    name = canonicalize_name(parts.name)
    return Requirement(text, name, frozenset(extras), specifier, url, marker, *_need_of_extras(marker), malformed=malformed)


def _need_of_extras(marker: str) -> tuple[bool, frozenset[str]]:
    """Return whether ``marker`` is false wherever no extra is chosen, and which extras make it true.

    A marker that tests an extra and cannot be understood counts as false there: the requirement is kept then.
    """
    if not _EXTRA.search(_QUOTED.sub('""', marker)):
        return False, frozenset()
    tree = read_marker(marker)
    if tree is None:
        return True, frozenset()
    if not is_false_with(tree, "") and can_be_true(tree, _NO_EXTRA) is True:
        return False, frozenset()
    named = extras_named(tree)
    if len(named) * sum(1 for _ in comparisons(tree)) > _MOST_STEPS:
        return True, frozenset()
    return True, frozenset(extra for extra in named if not is_false_with(tree, extra))


def on_one_line(text: str) -> str:
    """Return a folded value as one line with single blanks; any other value is unchanged."""
    return re.sub(r"[ \t]*[^\S \t]\s*", " ", text)


def same_requirement(one: str, two: str) -> bool:
    """Whether two requirements mean the same; order of specifiers, quotes, blanks and case do not matter."""
    return meaning(one) == meaning(two)


def meaning(text: str) -> Hashable:
    """Return what a requirement means: the same for all its spellings, the text itself where it is malformed."""
    found = read_requirement(text)
    if found is None or found.malformed:
        return " ".join(text.split())
    return found.name, found.extras, found.specifier, found.url, found.marker


def plain_specifier(text: str) -> str:
    """Return a specifier in one spelling: sorted clauses without blanks. Text that is not a specifier only loses its blanks.

    >>> plain_specifier("< 2, >= 1.0")
    '<2,>=1.0'
    """
    return str(specifier_meaning(text))


def specifier_meaning(text: str) -> Hashable:
    """Return something that is equal for specifiers that mean the same; for any other text, that without blanks.

    >>> specifier_meaning("<4, >=3.8") == specifier_meaning(">=3.8.0,<4")
    True
    """
    try:
        return SpecifierSet(text)
    except ValueError:
        return "".join(text.split())


def _is_same_specifier(old: str, new: str) -> bool:
    """Whether ``old`` can be kept in place of ``new``: not where only some tools read it, even if they read the same.

    ``> =9`` is malformed.
    """
    try:
        SpecifierSet(old)
    except ValueError:
        return False
    return plain_specifier(old) == plain_specifier(new)


class RequirementParts(Struct, frozen=True):
    """The parts of a requirement as they are written, blanks included, so that one can be changed and the others kept.

    ``constraint`` is the specifier, in parentheses or not, or ``@`` and a URL; ``sign`` is the semicolon.

    >>> parts = RequirementParts.of("foo [x] (>=1) ; os_name == 'nt'")
    >>> parts.name, parts.extras, parts.specifier, parts.marker
    ('foo', '[x]', '>=1', "os_name == 'nt'")
    >>> str(parts.with_specifier(">=2"))
    "foo [x] (>=2) ; os_name == 'nt'"
    """

    lead: str
    name: str
    raw_extras: str
    constraint: str
    sign: str
    raw_marker: str

    @classmethod
    def of(cls, text: str) -> "RequirementParts | None":
        """Return the parts of ``text``, or ``None`` if it does not begin with a name. Together they are ``text``."""
        found = _PARTS.fullmatch(text)
        if not found:
            return None
        rest = found["rest"]
        position = _sign_position(rest)
        if position is None:
            return cls(found["lead"], found["name"], found["extras"], rest, "", "")
        head, tail = rest[:position].rstrip(), rest[position + 1 :].lstrip()
        sign = rest[len(head) : len(rest) - len(tail)]
        return cls(found["lead"], found["name"], found["extras"], head, sign, tail)

    @property
    def extras(self) -> str:
        """The extras in their brackets, empty where there are none."""
        return self.raw_extras.strip()

    @property
    def extra_names(self) -> list[str]:
        """The extras one by one."""
        return [extra for extra in re.split(r"[\s,\[\]]+", self.extras) if extra]

    @property
    def url(self) -> str | None:
        """The URL, ``None`` without one."""
        constraint = self.constraint.strip()
        return constraint[1:].strip() if constraint.startswith("@") else None

    @property
    def specifier(self) -> str:
        """The version specifier without parentheses, empty where there is none."""
        return "" if self.url is not None else self.constraint.strip().removeprefix("(").removesuffix(")").strip()

    @property
    def marker(self) -> str:
        """The marker, empty where there is none."""
        return self.raw_marker.strip()

    def with_name(self, name: str) -> "RequirementParts":
        """Return the requirement under another name.

        :raises EditError: if it has a URL, which belongs to its name.
        """
        if self.url is not None and canonicalize_name(name) != canonicalize_name(self.name):
            raise EditError(
                "renamed-url",
                f"{shown(str(self))!r} has a URL, which would still be that of {self.name}",
                hint="Drop the requirement and add the other one, or use replace.",
            )
        return replace(self, name=name)

    def with_extras(self, extras: Iterable[str]) -> "RequirementParts":
        """Return the requirement with other extras."""
        return replace(self, raw_extras=f"[{','.join(extras)}]")

    def with_specifier(self, specifier: str) -> "RequirementParts":
        """Return the requirement with another specifier, or without one if it is empty; parentheses are kept."""
        old = self.constraint
        closed = old.strip().startswith("(") == old.strip().endswith(")")
        closed = closed and (all(map(str.strip, self.specifier.split(","))) if self.specifier else not old.strip())
        closed = closed and not any(each.isspace() and each not in " \t\r\n" for each in old)  # which uv takes for text
        if self.url is None and closed and _is_same_specifier(self.specifier, specifier):
            return self
        blanks = old[: len(old) - len(old.lstrip())] if old.strip() and self.url is None else ""
        text = f"({specifier})" if old.strip().startswith("(") else specifier
        sign = "" if not self.marker else " ; " if self.sign and self.url is not None else self.sign
        return replace(self, constraint=blanks + text if specifier else "", sign=sign)

    def with_marker(self, marker: str) -> "RequirementParts":
        """Return the requirement with another marker, or without one if it is empty."""
        is_same = plain_marker(self.marker) == plain_marker(marker) and not has_joint_before_quote(self.marker)
        if is_same and (marker or not self.sign):
            return self
        if not marker:
            return replace(self, constraint=self.constraint.rstrip(), sign="", raw_marker="")
        if self.sign:
            return replace(self, raw_marker=marker)
        return replace(
            self, constraint=self.constraint.rstrip(), sign="; " if self.url is None else " ; ", raw_marker=marker
        )

    def with_marker_too(self, marker: str) -> "RequirementParts":
        """Return the requirement limited to environments where ``marker`` is true too; no part is added twice.

        :raises EditError: if its own marker cannot be read: it could mean something else afterwards.
        """
        if not self.marker:
            return self.with_marker(marker)
        own = read_marker(self.marker)
        if own is None:
            raise EditError(
                "unreadable-marker",
                f"the marker {shown(self.marker)!r} cannot be read, so nothing can be added to it",
                hint="Give the requirement a new marker with set-marker.",
            )
        present = {plain_marker(part) for part in _conjuncts(self.marker)}
        missing = [part for part in _conjuncts(marker) if plain_marker(part) not in present]
        if not missing:
            return self
        old = f"({self.marker})" if isinstance(own, Either) else self.marker
        return self.with_marker(" and ".join([old, *missing]))

    def __str__(self) -> str:
        return f"{self.lead}{self.name}{self.raw_extras}{self.constraint}{self.sign}{self.raw_marker}"


def _sign_position(rest: str) -> int | None:
    """Return the position of the semicolon; one inside a URL is a part of that."""
    if not rest.lstrip().startswith("@"):
        position = rest.find(";")
        return None if position < 0 else position
    begins = _SIGN_IN_URL.match(rest)
    start = begins.end() if begins else 0
    found = _SIGN_AFTER_URL.search(rest, start) or _SIGN_NEAR_URL.search(rest, start)
    return found.start() if found else None


def _conjuncts(text: str) -> list[str]:
    """Return the parts that ``text``, a marker, joins with ``and``."""
    tree = read_marker(text) if text else None
    if tree is None:
        return [text] if text else []
    parts: tuple[Marker, ...] = tree.parts if isinstance(tree, Every) else (tree,)
    return list(map(operand_text, parts))
