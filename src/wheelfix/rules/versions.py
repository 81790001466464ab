"""How version specifiers relate (PEP 440): which allows all that another allows, and which allow nothing.

Only what is certain is claimed, pre-releases, post-releases and local versions included.
"""

from dataclasses import dataclass
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.version import Version

_LOWER = (">=", ">")
_UPPER = ("<=", "<")


@dataclass(frozen=True, slots=True)
class _Clause:
    """One clause. ``version`` is ``None`` where it is no final release; for ``==2.*`` it is 2, and ``following`` 3."""

    text: str
    operator: str
    version: Version | None = None
    following: Version | None = None


@lru_cache(maxsize=4096)
def _clauses(text: str) -> tuple[_Clause, ...]:
    try:
        specifiers = SpecifierSet(text)
    except InvalidSpecifier:
        return ()
    return tuple(clause for each in sorted(specifiers, key=str) for clause in _clauses_of(each))


def _clauses_of(specifier: Specifier) -> list[_Clause]:
    text, operator, version = str(specifier), specifier.operator, specifier.version
    if operator == "~=" and _final(version):
        prefix = version.rpartition(".")[0]
        return [_Clause(f">={version}", ">=", Version(version)), _prefix(f"=={prefix}.*", prefix)]
    if operator == "==" and version.endswith(".*") and _final(version.removesuffix(".*")):
        return [_prefix(text, version.removesuffix(".*"))]
    if operator in (*_LOWER, *_UPPER, "==") and _final(version):
        return [_Clause(text, operator, Version(version))]
    return [_Clause(text, operator)]


def _prefix(text: str, prefix: str) -> _Clause:
    *rest, last = Version(prefix).release
    return _Clause(text, "==*", Version(prefix), Version(".".join(map(str, (*rest, last + 1)))))


def _final(text: str) -> bool:
    """Whether ``text`` is a plain final release: numbers and dots."""
    return all(part.isdecimal() and part.isascii() for part in text.split("."))


def allows_all(wide: str, narrow: str) -> bool:
    """Whether every version that ``narrow`` allows is allowed by ``wide``. A ``False`` can mean that it was not seen.

    >>> allows_all(">=2", ">=2.1,<3"), allows_all(">=2", "==2.*"), allows_all("!=1.0", "==1.0+cpu")
    (True, False, False)
    """
    wanted, given = _clauses(wide), _clauses(narrow)
    return bool(wanted) and all(any(_implies(clause, each) for clause in given) for each in wanted)


def allows_none(text: str) -> bool:
    """Whether no version fulfils ``text``. A ``False`` can mean that it was not seen.

    >>> allows_none(">=3,<2"), allows_none(">=2,<2.1")
    (True, False)
    """
    clauses = _clauses(text)
    return any(_exclude(one, two) for one in clauses for two in clauses)


def _implies(one: _Clause, two: _Clause) -> bool:
    """Whether every version that fulfils ``one`` fulfils ``two``."""
    if one.text == two.text:
        return True
    if one.version is None or two.version is None:
        return False
    match one.operator, two.operator:
        case (">=" | ">", ">=") | (">", ">"):
            return one.version >= two.version
        case ("<=" | "<", "<=") | ("<", "<"):
            return one.version <= two.version
        case (">=", ">"):
            return one.version > two.version
        case ("<=", "<"):
            return one.version < two.version
        case ("==", ">=" | ">" | "<=" | "<" | "==" | "==*"):
            return Specifier(two.text).contains(one.version)
        case ("==*", ">="):
            return one.version > two.version  # 2.* begins with the pre-releases of 2
        case ("==*", "<" | "<="):
            return one.following is not None and one.following <= two.version
        case ("==*", "==*"):
            return two.version <= one.version and (one.following or one.version) <= (two.following or two.version)
        case _:
            return False


def _exclude(one: _Clause, two: _Clause) -> bool:
    """Whether no version fulfils both."""
    if one.version is None or two.version is None:
        return False
    match one.operator, two.operator:
        case (">=", "<") | (">", "<" | "<="):
            return one.version >= two.version
        case (">=", "<="):
            return one.version > two.version
        case ("==", ">=" | ">" | "<=" | "<" | "==" | "==*"):
            return not Specifier(two.text).contains(one.version)
        case ("==*", ">="):
            return one.following is not None and two.version >= one.following
        case ("==*", "<"):
            return two.version <= one.version
        case ("==*", "<="):
            return two.version < one.version
        case _:
            return False
