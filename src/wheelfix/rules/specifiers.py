"""New version specifiers that are computed from old ones: relaxed, without limits, with others, with a local version.

Clauses are changed as text: those that a computation is not about keep their place, their spelling and their blanks.
What the operators mean is defined in https://packaging.python.org/en/latest/specifications/version-specifiers/
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from wheelfix.rules.model import NewSpecifier
from wheelfix.text import shown
from wheelfix.wheel.filename import parsed_version

_CLAUSE: Final = re.compile(
    r"(?P<lead>\s*)(?P<operator>===|[~=!<>]=|[<>])(?P<gap>\s*)(?P<version>[^\s,*]+?)(?P<star>\.\*)?(?P<tail>\s*)"
)
_LOWER: Final = frozenset({">=", ">"})
_UPPER: Final = frozenset({"<=", "<"})
_LONGEST: Final = 10_000
"""How many characters of a specifier are read; the longest one of a real wheel has less than 200."""


class Mismatch(Struct, frozen=True):
    """Why a computation does not apply to a requirement, as a clause: ``it has a URL``."""

    reason: str


class Clause(Struct, frozen=True):
    """One clause of a specifier, blanks included; ``star`` is the ``.*`` after the ``version``, if it has one."""

    lead: str
    operator: str
    gap: str
    version: str
    star: str
    tail: str

    @property
    def is_pin(self) -> bool:
        """Whether it allows one version only, apart from local versions."""
        return self.operator in ("==", "===") and not self.star

    @property
    def is_range(self) -> bool:
        """Whether it is a lower and an upper limit in one: ``~=1.4`` or ``==1.*``."""
        return self.operator == "~=" or (self.operator == "==" and bool(self.star))

    @property
    def is_lower(self) -> bool:
        """Whether it sets a lower limit and is no pin."""
        return self.operator in _LOWER or self.is_range

    @property
    def is_upper(self) -> bool:
        """Whether it sets an upper limit and nothing else."""
        return self.operator in _UPPER

    def __str__(self) -> str:
        return f"{self.lead}{self.operator}{self.gap}{self.version}{self.star}{self.tail}"


def read_clauses(specifier: str) -> tuple[Clause, ...] | None:
    """Return the clauses of a valid specifier, in their order; ``None`` if one cannot be read."""
    if not specifier.strip():
        return ()
    found = [_CLAUSE.fullmatch(text) for text in specifier.split(",")] if len(specifier) <= _LONGEST else [None]
    return tuple(Clause(**each.groupdict(default="")) for each in found if each) if all(found) else None


def compute(change: NewSpecifier, specifier: str) -> str | Mismatch:
    """Return what ``change`` makes of a valid specifier, the same text where nothing has to change.

    >>> compute(NewSpecifier(relax="lower"), "~=1.4.2, !=1.4.5"), compute(NewSpecifier(max="<3"), ">=1.2")
    ('>=1.4.2, !=1.4.5', '>=1.2,<3')
    >>> compute(NewSpecifier(local="cpu"), ">=1.2")
    Mismatch(reason='it is not pinned to a version')
    """
    clauses = read_clauses(specifier)
    if clauses is None:
        return Mismatch("its specifier cannot be read")
    ((key, value),) = change.given
    found = _COMPUTATIONS[key](clauses, value)
    if isinstance(found, Mismatch):
        return found
    after = _joined(_without_repeats(found, clauses))
    if _means_the_same(after, specifier) or (key in _LOOSENING and _allows_no_more(after, specifier)):
        return specifier
    if after and SpecifierSet(after).is_unsatisfiable():
        return Mismatch(f"no version would be left of {shown(after)}")
    return after


_Computed = Sequence[Clause] | Mismatch
_PINNED: Final = Mismatch("it is pinned to a version")


def _relax(clauses: Sequence[Clause], _: str) -> _Computed:
    if not any(each.is_pin or each.is_lower for each in clauses):
        return Mismatch("it has neither a pin nor a lower limit")
    unknown = _unknown_version(clauses)
    return unknown or [_as_lower(each) if each.is_pin or each.is_range else each for each in clauses]


def _as_lower(clause: Clause) -> Clause:
    """Return a pin or a range as its lower limit; a local version is not allowed there (PEP 440).

    Of ``==1.2.*`` that leaves out 1.2rc1: ``>=1.2.dev0`` would make installers consider pre-releases of all later versions.
    """
    return replace(clause, operator=">=", version=clause.version.partition("+")[0], star="")


def _drop(clauses: Sequence[Clause], what: str) -> _Computed:
    return () if what == "all" else _without_upper(clauses)


def _without_upper(clauses: Sequence[Clause]) -> _Computed:
    if any(each.is_pin for each in clauses):
        return _PINNED
    return [_as_lower(each) if each.is_range else each for each in clauses if not each.is_upper]


def _set_max(clauses: Sequence[Clause], limit: str) -> _Computed:
    if any(each.is_pin for each in clauses):
        return _PINNED
    return _with_limit([_as_lower(each) if each.is_range else each for each in clauses], limit, _UPPER)


def _set_min(clauses: Sequence[Clause], limit: str) -> _Computed:
    if any(each.is_pin for each in clauses):
        return _PINNED
    return _with_limit([part for each in clauses for part in _in_two(each)], limit, _LOWER)


def _in_two(clause: Clause) -> Iterator[Clause]:
    """Yield ``~=1.4.2`` as what it stands for: ``>=1.4.2`` and ``==1.4.*``; any other clause as it is."""
    if clause.operator != "~=":
        yield clause
        return
    version = Version(clause.version)
    prefix = ".".join(map(str, version.release[:-1]))
    yield replace(clause, operator=">=", tail="")
    yield replace(
        clause, lead="", operator="==", version=f"{version.epoch}!{prefix}" if version.epoch else prefix, star=".*"
    )


def _with_limit(clauses: Sequence[Clause], limit: str, operators: frozenset[str]) -> list[Clause]:
    """Return the clauses with ``limit`` in the place of the first one with one of ``operators``, and without the others."""
    first = next((each for each in clauses if each.operator in operators), None)
    new = _clause(limit, clauses)
    if first is None:
        return [*clauses, new]
    new = replace(first, operator=new.operator, version=new.version)
    return [new if each is first else each for each in clauses if each is first or each.operator not in operators]


def _clause(text: str, beside: Sequence[Clause]) -> Clause:
    """Return a new clause, spaced like those ``beside`` it."""
    found = read_clauses(text)
    if not found:
        raise ValueError(text)  # rules are checked when they are read
    lead = beside[1].lead if len(beside) > 1 else ""
    gap = beside[0].gap if beside else ""
    return replace(found[0], lead=lead, gap=gap, tail="")


def _set_local(clauses: Sequence[Clause], local: str) -> _Computed:
    if not any(each.is_pin for each in clauses):
        return Mismatch("it is not pinned to a version")
    unknown = _unknown_version(clauses)
    return unknown or [_with_local(each, local) if each.is_pin else each for each in clauses]


def _with_local(pin: Clause, local: str) -> Clause:
    if Version(pin.version).local == _normal_local(local):
        return pin
    public = pin.version.partition("+")[0]
    return replace(pin, version=f"{public}+{local}" if local else public)


def _unknown_version(clauses: Sequence[Clause]) -> Mismatch | None:
    """Return that a pin has no version: ``===`` allows any text."""
    unknown = next((each for each in clauses if each.is_pin and parsed_version(each.version) is None), None)
    return Mismatch(f"{shown(unknown.version)} is not a version") if unknown else None


def _normal_local(local: str) -> str | None:
    return Version(f"0+{local}").local if local else None


def _exclude(clauses: Sequence[Clause], excluded: str) -> _Computed:
    """Return the clauses with those of ``excluded`` that leave fewer versions."""
    found = list(clauses)
    for each in excluded.split(","):
        more = [*found, _clause(each, found)]
        if not _means_the_same(_joined(more), _joined(found)):
            found = more
    return found


_COMPUTATIONS: Final[Mapping[str, Callable[[Sequence[Clause], str], _Computed]]] = {
    "relax": _relax,
    "drop": _drop,
    "local": _set_local,
    "min": _set_min,
    "max": _set_max,
    "exclude": _exclude,
}
"""What each key of ``set-specifier`` makes of the clauses of a specifier."""
_LOOSENING: Final = frozenset({"relax", "drop"})
"""The keys that are there to allow more versions."""


def _without_repeats(clauses: Sequence[Clause], before: Collection[Clause]) -> Iterator[Clause]:
    """Yield the clauses without the new ones that say what another one says; what was there ``before`` stays."""
    stays = set(map(id, before))  # a new clause can have the text of one that was there
    said = {(each.operator, each.version, each.star) for each in clauses if id(each) in stays}
    for each in clauses:
        key = each.operator, each.version, each.star
        if id(each) in stays or key not in said:
            yield each
        said.add(key)


def _joined(clauses: Iterable[Clause]) -> str:
    return ",".join(map(str, clauses)).strip()


def _means_the_same(one: str, two: str) -> bool:
    """Whether two specifiers allow the same versions, or are the same apart from blanks."""
    return SpecifierSet(one).to_range() == SpecifierSet(two).to_range()


def _allows_no_more(one: str, two: str) -> bool:
    """Whether all versions that specifier ``one`` allows are allowed by ``two``."""
    return SpecifierSet(one).to_range().is_subset(SpecifierSet(two).to_range())


def _version_of(clauses: Sequence[Clause]) -> list[str]:
    return [each.version for each in clauses if each.is_pin]


def _operator_of(clauses: Sequence[Clause]) -> list[str]:
    return [] if any(each.star for each in clauses) else [each.operator for each in clauses]


_PARTS: Final[Mapping[str, tuple[str, Callable[[Sequence[Clause]], list[str]]]]] = {
    "version": ("pin", _version_of),
    "lower": ("lower limit", lambda clauses: [each.version for each in clauses if each.is_lower]),
    "upper": ("upper limit", lambda clauses: [each.version for each in clauses if each.is_upper]),
    "operator": ("clause without .*", _operator_of),
}
"""What templates can take from a specifier: in which words it is missing, and how it is found. It must be there once."""
SPECIFIER_PARTS: Final = tuple(_PARTS)
"""The placeholders that stand for a part of the specifier."""


def part_of(name: str, clauses: Sequence[Clause]) -> str | Mismatch:
    """Return the part of a specifier that the placeholder ``name`` stands for.

    >>> part_of("upper", read_clauses(">=1.2,<2"))
    '2'
    """
    words, find = _PARTS[name]
    found = find(clauses)
    return found[0] if len(found) == 1 else Mismatch(f"it has {'no' if not found else 'more than one'} {words}")
