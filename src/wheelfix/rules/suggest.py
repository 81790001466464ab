"""Requirements that look like GPU and that no rule drops: why, and the rule that would change each.

Nothing here decides anything. The rule set ``gpu`` goes by names that are safe in any project. What a requirement says of
GPUs in other ways (an extra, a local version, a URL), and frameworks that a user imports, are for your own rules. What
only an extra requires is the user's own choice and is not reported. A marker that is never true on the wheel's platforms
makes no difference: resolvers read one wheel and assume that it speaks for the whole release.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import is_normalized_name

from wheelfix.globs import matches
from wheelfix.results import Change
from wheelfix.rules.bundled import bundled
from wheelfix.rules.match import Facts
from wheelfix.rules.model import Action, Match, Rule, RuleSet, When
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.requirement import Requirement

REASON: Final = "no rule covers it"
_SET: Final = "gpu"
_FOR_OTHERS: Final = "the rule set drops it from wheels of other projects only"
_FRAMEWORKS: Final = "gpu/keep-frameworks"
"""The rule that keeps what a user imports by name: whether it can be dropped is for your own rules, as its reason says."""

_EXTRAS: Final = (
    "cuda*", "*-cuda*", "cu1[0-9]*", "*-cu1[0-9]*", "rocm*", "*-rocm*", "gpu", "*-gpu", "gpu-*", "xpu", "tpu", "tensorrt*"
)  # fmt: skip
_NAMES: Final = ("*-cu1[0-9]", "*-cu1[0-9][0-9]", "*-cuda", "*-cuda1[0-9]*", "*-rocm", "*-rocm[0-9]*", "*-gpu", "*-xpu")
_BUILD: Final = re.compile(r"(?<![a-z0-9])(?:cu1\d\d?|cuda[\d.]*|rocm[\d.]*|xpu)(?![a-z0-9])")
"""How a local version, or a part of a URL, names the GPU that something was built for."""
_LOCAL_VERSION: Final = re.compile(r"==(?P<public>[^,+]+)\+(?P<local>[A-Za-z0-9._-]+)")

_Suggestion: TypeAlias = tuple[Match, Action | str]
"""Which requirement a rule is for, and what it does to it."""


class _Sign(Struct, frozen=True):
    """A way in which requirements look like GPU.

    ``find`` gives what in the requirement says so, ``None`` if nothing does; ``words`` says it, and ``change`` what a rule
    would do about it, each with what was found.
    """

    find: Callable[[Requirement], str | None]
    words: str
    change: Callable[[Requirement, str], _Suggestion]


def _first_local_version(requirement: Requirement) -> str | None:
    locals_ = (found["local"] for found in _LOCAL_VERSION.finditer(requirement.specifier))
    return next((each for each in locals_ if _BUILD.search(each.lower())), None)


def _without_local_versions(requirement: Requirement, _: str) -> _Suggestion:
    plain = _LOCAL_VERSION.sub(
        lambda found: f"=={found['public']}" if _BUILD.search(found["local"].lower()) else found[0], requirement.specifier
    )
    return Match((requirement.name,), specifier=(requirement.specifier,)), Action(set_specifier=plain)


def _part_of_url(requirement: Requirement) -> str | None:
    found = _BUILD.search(requirement.url.lower().replace("%2b", "+")) if requirement.url else None
    return found[0] if found else None


def _gpu_extra(requirement: Requirement) -> str | None:
    return next((extra for extra in sorted(requirement.extras) if matches(_EXTRAS, extra)), None)


def _without_extras(requirement: Requirement, _: str) -> _Suggestion:
    left = ",".join(extra for extra in sorted(requirement.extras) if not matches(_EXTRAS, extra))
    return Match((requirement.name,)), Action(replace=f"{{name}}{f'[{left}]' if left else ''}{{specifier}}{{marker}}")


def _twin(requirement: Requirement) -> Rule | None:
    if not matches(_NAMES, requirement.name):  # before the rules are loaded, which few wheels need
        return None
    twins = bundled("cpu-twins").rules
    return next((rule for rule in twins if matches(rule.names, requirement.name)), None)


def _as_twin(requirement: Requirement, _: str) -> _Suggestion:
    """Replace it by its CPU build, or drop it if there is none."""
    rule = _twin(requirement)
    return Match((requirement.name,)), rule.action if rule else "drop"


def _drop(requirement: Requirement, _: str) -> _Suggestion:
    return Match((requirement.name,)), "drop"


_SIGNS: Final = (
    _Sign(_first_local_version, "its version is that of a GPU build ({})", _without_local_versions),
    _Sign(
        _part_of_url,
        "its URL is that of a GPU build ({})",
        lambda requirement, _: (Match((requirement.name,), url=("*",)), Action(replace="{name}{extras}{marker}")),
    ),
    _Sign(
        lambda requirement: requirement.name if _twin(requirement) else None,
        "{} has a CPU build under another name",
        _as_twin,
    ),
    _Sign(
        lambda requirement: requirement.name if matches(_NAMES, requirement.name) else None,
        "its name is that of a GPU build",
        _drop,
    ),
    _Sign(_gpu_extra, "its extra {} is for GPUs", _without_extras),
)
"""What a requirement itself says about GPUs; the first sign that is found counts."""


def with_suggestions(kept: Iterable[Change], decided: Iterable[Change], rules: RuleSet, facts: Facts) -> tuple[Change, ...]:
    """Return ``kept`` with requirements that look like GPU, each with the rule, as TOML, that would change it.

    ``kept`` and ``decided`` are what ``rules`` made of the wheel. Without the built-in set ``gpu`` among ``rules`` nothing
    is added: your own rules say what they are about.
    """
    kept = tuple(kept)
    if _SET not in rules.origins:
        return kept
    frameworks = {change.before for change in kept if change.rule == _FRAMEWORKS}
    known = {change.before for change in (*kept, *decided)} - frameworks
    elsewhere = _dropped_elsewhere(rules)
    suggested = {}
    for each in facts.requirements:
        if each.needs_extra or each.text in known or each.name.endswith("-cpu"):  # mlx-cpu is kept with its family
            continue
        found = ("", _as_twin(each, "")) if each.text in frameworks else _look(each, elsewhere)
        if found is not None:
            words, (match, action) = found
            from wheelfix.rules.schema import print_rule  # imported late: few requirements look like those of a GPU build

            rule = print_rule(_rule(each, match, action, facts))
            suggested[each.text] = Change(
                REQUIRES, "keep", each.text, each.text, reason=f"{REASON}: {words}", suggestion=rule
            )
    again = (
        replace(each, suggestion=suggested[each.before].suggestion) if each.before in suggested else each for each in kept
    )
    return (*again, *(each for text, each in suggested.items() if text not in frameworks))


def _look(requirement: Requirement, elsewhere: tuple[str, ...]) -> tuple[str, _Suggestion] | None:
    """Return why a requirement looks like GPU, and what a rule would do; ``None`` if it does not."""
    for sign in _SIGNS:
        found = sign.find(requirement)
        if found is not None:
            return sign.words.format(found), sign.change(requirement, found)
    return (_FOR_OTHERS, _drop(requirement, "")) if matches(elsewhere, requirement.name) else None


def _dropped_elsewhere(rules: RuleSet) -> tuple[str, ...]:
    """Return the patterns for names that the set drops from wheels of some projects only."""
    some = (
        rule
        for rule, origin in zip(rules.rules, rules.origins, strict=True)
        if origin == _SET and rule.action == "drop" and rule.when.project
    )
    return tuple(name for rule in some for name in rule.names)


def _rule(requirement: Requirement, match: Match, action: Action | str, facts: Facts) -> Rule:
    """Return the rule that changes ``requirement`` in wheels of its project, if the project has a normalized name."""
    project = facts.project if is_normalized_name(facts.project) else None
    return Rule(
        id=f"{project}-{requirement.name}" if project else requirement.name,
        reason="not needed on a CPU",
        when=When(project=(project,)) if project else When(),
        match=match,
        action="drop" if isinstance(action, str) else action,
    )
