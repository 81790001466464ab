"""Which rule decides on a requirement of a wheel, and why others do not."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from wheelfix.globs import is_plain, matches
from wheelfix.rules.model import NEVER_TRUE, Match, Rule, When
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.environments import Environments
from wheelfix.wheel.filename import WheelFilename, parsed_version
from wheelfix.wheel.marker import plain_marker
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.requirement import Requirement, plain_specifier, read_requirement

if TYPE_CHECKING:
    from wheelfix.wheel.release import CopySource


class Facts(Struct, frozen=True, dict=True):
    """An original wheel, as far as rules can see it.

    ``version`` is text as METADATA writes it. ``is_never_true`` says whether the marker of a requirement is never true
    on the wheel's platforms; ``sha256`` gives the wheel's digest (hexadecimal), and is called only if a rule needs it.
    ``copy_sources`` are wheels of the same release that it can copy from, ``None`` where they are still to be read.
    """

    project: NormalizedName
    version: str
    filename: WheelFilename
    document: Document
    is_never_true: Callable[[Requirement], bool]
    sha256: Callable[[], str]
    copy_sources: "Sequence[CopySource] | None" = ()

    @cached_property
    def parsed_version(self) -> Version | None:
        """The version, or ``None`` where it is not valid (PEP 440)."""
        return parsed_version(self.version)

    @property
    def local(self) -> str:
        """The local version, empty where there is none."""
        return (self.parsed_version.local or "") if self.parsed_version else self.version.partition("+")[2]

    @property
    def metadata_version(self) -> Version | None:
        """The Metadata-Version, or ``None`` where there is none that can be read."""
        return parsed_version(self.document.first("Metadata-Version") or "")

    def shown(self, condition: str) -> str:
        """Return what the wheel has for a condition, as text; empty where that says nothing."""
        values = {
            "project": self.project,
            "version": self.version,
            "local": self.local or "none",
            "filename": str(self.filename),
            "platform": self.filename.platform,
            "python": self.filename.python,
            "abi": self.filename.abi,
            "metadata-version": self.document.first("Metadata-Version") or "none",
        }
        return values.get(condition, "")

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """Every requirement that can be read, in order."""
        found = (read_requirement(each.value.strip()) for each in self.document.all(REQUIRES))
        return tuple(each for each in found if each is not None)


def make_facts(
    document: "Document",
    filename: "WheelFilename",
    sha256: Callable[[], str],
    environments: Callable[[], Environments] | None = None,
    copy_sources: "Sequence[CopySource] | None" = (),
) -> Facts:
    """Return what rules can see of the wheel called ``filename`` with the METADATA ``document``.

    ``sha256`` gives its digest (hexadecimal), and ``environments`` those that accept it, by default those of the file name;
    each is called only if a rule needs it. ``copy_sources`` are wheels of its release, as rules leave them.
    """
    name = document.first("Name")
    environments = environments or cache(lambda: Environments(filename.tags))
    return Facts(
        canonicalize_name(name) if name else filename.project,
        document.first("Version") or filename.version,
        filename,
        document,
        lambda requirement: environments().exclude(requirement),
        cache(sha256),
        copy_sources,
    )


EXTRA_ONLY: Final = "only required by an extra"


class Decision(Struct, frozen=True):
    """The rule that decides on a requirement; ``held_back`` says why its action is not applied anyway."""

    rule: Rule
    held_back: str | None = None


def _specifier_holds(texts: tuple[str, ...], version: Version | None) -> bool | None:
    """Return ``None``, neither true nor false, for an invalid version."""
    if version is None:
        return None
    return any(_specifiers(text).contains(version, prereleases=True) for text in texts)


@lru_cache(maxsize=16_384)
def _specifiers(text: str) -> SpecifierSet:
    return SpecifierSet(text)


def any_tag_matches(globs: tuple[str, ...], tags: str) -> bool:
    """Whether one of ``globs`` matches one of ``tags``, which dots separate as in a file name."""
    return any(matches(globs, tag) for tag in tags.split("."))


def _has_any(wanted: tuple[Match, ...], facts: Facts) -> bool:
    return any(not misses(each, requirement, facts) for each in wanted for requirement in facts.requirements)


def _lacks_any(wanted: tuple[Match, ...], facts: Facts) -> bool:
    return any(not _has_any((each,), facts) for each in wanted)


CONDITIONS: Final[Mapping[str, Callable[[Any, Facts], bool | None]]] = {
    "project": lambda globs, facts: matches(globs, facts.project),
    "version": lambda texts, facts: _specifier_holds(texts, facts.parsed_version),
    "local": lambda globs, facts: matches(globs, facts.local),
    "filename": lambda globs, facts: matches(globs, str(facts.filename)),
    "platform": lambda globs, facts: any_tag_matches(globs, facts.filename.platform),
    "python": lambda globs, facts: any_tag_matches(globs, facts.filename.python),
    "abi": lambda globs, facts: any_tag_matches(globs, facts.filename.abi),
    "metadata_version": lambda texts, facts: _specifier_holds(texts, facts.metadata_version),
    "requires": _has_any,
    "lacks": _lacks_any,
    "sha256": lambda sums, facts: facts.sha256() in [each.lower() for each in sums],
}
"""Each condition of ``when``, the cheap ones first. Each has an opposite with ``not-``; ``None`` matches neither."""


def failed_condition(when: When, facts: Facts) -> str | None:
    """Return the first key of ``when`` that does not match a wheel, ``None`` if all do: the rule is for it."""
    for key, holds in CONDITIONS.items():
        for name, expected in ((key, True), (f"not_{key}", False)):
            values = getattr(when, name)
            if values is not None and holds(values, facts) is not expected:
                return name.replace("_", "-")
    return None


def rules_for(rules: Iterable[Rule], facts: Facts) -> tuple[Rule, ...]:
    """Return the rules that are for a wheel, in their order."""
    return tuple(rule for rule in rules if failed_condition(rule.when, facts) is None)


def misses(match: Match, requirement: Requirement, facts: Facts, *, any_extra: bool = False) -> str | None:
    """Return the first key of ``match`` that does not match a requirement, ``None`` if all do.

    ``any_extra`` says that the rule's action covers every extra where ``match`` names none.
    """
    if match.name is not None and not matches(match.name, requirement.name):
        return "name"
    if not _extra_holds(match.extra or (("any",) if any_extra else ("none",)), requirement):
        return "extra"
    if match.specifier is not None and not has_specifier(match.specifier, requirement):
        return "specifier"
    if match.url is not None and not (requirement.url is not None and matches(match.url, requirement.url)):
        return "url"
    if match.marker is not None and not any(_marker_holds(text, requirement, facts) for text in match.marker):
        return "marker"
    return None


def _extra_holds(extras: tuple[str, ...], requirement: Requirement) -> bool:
    if "any" in extras or ("none" in extras and not requirement.needs_extra):
        return True
    return not requirement.required_by_extras.isdisjoint(extras)


def has_specifier(wanted: tuple[str, ...], requirement: Requirement) -> bool:
    """Whether the specifier of ``requirement`` is one of ``wanted``, or fits a pattern among them."""
    return any(_same_specifier(text, requirement) for text in wanted)


def _same_specifier(text: str, requirement: Requirement) -> bool:
    if requirement.url is not None:
        return False
    own, wanted = plain_specifier(requirement.specifier), plain_specifier(text)
    if own == wanted:
        return True
    return not is_specifier(text) and matches((wanted,), own)


@lru_cache(maxsize=16_384)
def is_specifier(text: str) -> bool:
    """Whether ``text`` is a version specifier, the empty one included; else it is a pattern for one."""
    try:
        SpecifierSet(text)
    except ValueError:
        return False
    return True


def _marker_holds(text: str, requirement: Requirement, facts: Facts) -> bool:
    if text == NEVER_TRUE:
        return facts.is_never_true(requirement)
    return plain_marker(text) in plain_marker(requirement.marker)


def names_requirements(rule: Rule) -> bool:
    """Whether the rule names certain requirements, and not all that a project has."""
    return bool(rule.names) and not any(not is_plain(glob) and set(glob) <= {"*", "?"} for glob in rule.names)


def names_a_pair(rule: Rule) -> bool:
    """Whether the rule names requirements and exact projects: somebody tried the two together."""
    return names_requirements(rule) and bool(rule.when.project) and all(map(is_plain, rule.when.project or ()))


def decide(rules: Sequence[Rule], requirement: Requirement, facts: Facts) -> Decision | None:
    """Return the first of ``rules``, which are for the wheel, that matches ``requirement``; ``None`` if none does.

    Where a rule does not match only because the requirement depends on an extra and the rule names none, that rule is the
    decision, held back: whoever looks for the line finds why it is still there.
    """
    held_back = None
    for rule in rules:
        if rule.match is None:
            continue
        missed = misses(rule.match, requirement, facts, any_extra=rule.action == "keep")
        if missed is None:
            return Decision(rule)
        if missed == "extra" and rule.match.extra is None and held_back is None:
            everywhere = Match(None, ("any",), rule.match.marker, rule.match.specifier, rule.match.url)
            if misses(everywhere, requirement, facts) is None:
                held_back = Decision(rule, EXTRA_ONLY)
    return held_back
