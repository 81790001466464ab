"""What rules make of given wheels, as a client's own overrides: exact where the rules alone leave something open."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace
from packaging.utils import canonicalize_name

from wheelfix.errors import WheelfixError
from wheelfix.fix.copy_sources import read_copy_sources
from wheelfix.fix.draft import make_plan
from wheelfix.fix.plan import Plan
from wheelfix.options import Policy
from wheelfix.results import Change, Outcome, Part, failure
from wheelfix.rules import BUILT_IN
from wheelfix.rules.export import READ_BY_RESOLVERS, source_of
from wheelfix.rules.match import is_specifier
from wheelfix.rules.model import Rule, RuleSet
from wheelfix.rules.overrides import (
    Client,
    Export,
    Form,
    LeftOut,
    Metadata,
    Override,
    Scope,
    Source,
)
from wheelfix.wheel.editor import FIXED_FIELDS, REQUIRES
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.release import CopySource, release_of
from wheelfix.wheel.requirement import Requirement, meaning, on_one_line, read_requirement, specifier_meaning
from wheelfix.wheel.wheel import Wheel

_PUBLISH: Final = "Publish the fixed wheels."


class _View(Struct, frozen=True):
    """What resolvers read of one wheel."""

    requires: tuple[str, ...]
    python: str | None
    extras: tuple[str, ...]

    @classmethod
    def of(cls, metadata: bytes) -> "_View":
        document = Document.parse(metadata)
        requires = tuple(on_one_line(each.value.strip()) for each in document.all(REQUIRES))
        extras = tuple(each.value.strip() for each in document.all("Provides-Extra"))
        return cls(requires, document.first("Requires-Python"), extras)

    @property
    def meaning(self) -> tuple[Hashable, Hashable, Hashable]:
        """Requirements, Requires-Python and extras: equal for views that mean the same to resolvers."""
        python = specifier_meaning(self.python) if self.python else None
        return frozenset(map(meaning, self.requires)), python, frozenset(map(canonicalize_name, self.extras))


class _Release(Struct):
    """The wheels of one project and version, as they are planned; ``rules`` are those in force, by their ids."""

    project: str
    version: str
    rules: Mapping[str, Rule]
    plans: list[Plan] = field(default_factory=list)

    @property
    def views(self) -> list[tuple[_View, _View]]:
        """What resolvers read of each wheel, before and after."""
        return [(_View.of(plan.metadata), _View.of(plan.new_metadata)) for plan in self.plans]

    @property
    def sources(self) -> tuple[Source, ...]:
        """The rules behind what resolvers read, each once."""
        return self._sources(lambda _: True)

    def sources_of(self, name: str) -> tuple[Source, ...]:
        """Return the rules behind the changes of requirements called ``name``, each once."""
        return self._sources(lambda change: name in map(_name_of, (change.before, change.after)))

    def _sources(self, counts: Callable[[Change], bool]) -> tuple[Source, ...]:
        changes = (change for plan in self.plans for change in plan.changes if change.rule and _is_read(change))
        found = dict.fromkeys((str(each.rule), each.reason or "") for each in changes if counts(each))
        return tuple(source_of(self.rules[rule], reason) for rule, reason in found)

    def __str__(self) -> str:
        return f"{self.project} {self.version}"


def _name_of(text: str | None) -> str | None:
    found = read_requirement(text) if text else None
    return found.name if found else None


def _is_read(change: Change) -> bool:
    return change.part is Part.FIELD and change.field.lower() in READ_BY_RESOLVERS


class WheelExport(Struct, frozen=True):
    """What was exported, and what happened to the wheels that could not be read."""

    export: Export
    failures: tuple[Outcome, ...] = ()


def export_wheels(paths: Iterable[Path], rules: RuleSet, client: Client, *, policy: Policy = Policy()) -> WheelExport:
    """Return what ``rules`` make of the wheels at ``paths``, for ``client``.

    ``policy`` says how what is dropped is weighed, as in a run that fixes the wheels: a wheel that would be refused is left
    out, and so is its release.
    """
    paths = list(paths)
    read = _Wheels(rules, policy)
    copy_sources = read_copy_sources(paths, rules, policy=policy)
    for path in paths:
        read.add(path, copy_sources)
    read.add_unused_rules()
    translated = (_metadata_of(each) for each in read.changed) if client is Client.UV else _for_pdm(read.changed)
    found = [*translated, *read.left_out]
    export = Export(
        client,
        tuple(each for each in found if isinstance(each, Override)),
        tuple(each for each in found if isinstance(each, Metadata)),
        tuple(dict.fromkeys(each for each in found if isinstance(each, LeftOut))),
        from_wheels=True,
    )
    return WheelExport(export, tuple(read.failures))


class _Wheels:
    """Wheels as they are planned, by release, and what is left out of them."""

    def __init__(self, rules: RuleSet, policy: Policy) -> None:
        self.left_out: list[LeftOut] = []
        self.failures: list[Outcome] = []
        self._rules = rules
        self._policy = policy
        self._by_id = {rule.id: rule for rule in rules.rules}
        self._releases: dict[tuple[str, str], _Release] = {}
        self._refused: set[tuple[str, str]] = set()
        self._applied: set[str] = set()

    def add(self, path: Path, copy_sources: Sequence[CopySource]) -> None:
        """Plan the wheel at ``path``; ``copy_sources`` are wheels that others of their release can copy from."""
        try:
            with Wheel(path) as wheel:
                beside = [each for each in copy_sources if release_of(each.filename) == release_of(wheel.filename)]
                plan = make_plan(wheel, self._rules, policy=self._policy, copy_sources=beside)
        except (WheelfixError, OSError) as error:
            self.failures.append(failure(path, error))
            return
        key = (plan.project, plan.version)
        self._releases.setdefault(key, _Release(*key, self._by_id)).plans.append(plan)
        self._applied.update(plan.applied_rules)
        if plan.problem:
            self._refused.add(key)
            hint = "Leave it out; `wheelfix fix` would refuse it too."
            self.left_out.append(LeftOut(path.name, plan.problem.message, hint))
        for change in plan.changes:
            if change.rule and not _is_read(change):
                is_field = change.part is Part.FIELD and change.field.lower() not in FIXED_FIELDS
                message = f"no resolver reads {change.field}" if is_field else "it changes the wheel itself"
                self.left_out.append(LeftOut(f"rule {change.rule}", message, _PUBLISH))

    def add_unused_rules(self) -> None:
        """Note which of the user's own rules applied to none of the wheels, if all could be read."""
        for rule, origin in zip(self._rules.rules, self._rules.origins, strict=True):
            unused = rule.action != "keep" and rule.id not in self._applied and origin not in BUILT_IN
            if unused and not (self.failures or self._refused):
                self.left_out.append(
                    LeftOut(f"rule {rule.id}", "it applies to none of the wheels", "Name a wheel that the rule is for.")
                )

    @property
    def changed(self) -> list[_Release]:
        """The releases whose metadata changes for resolvers, and of which no wheel would be refused."""
        taken = (release for key, release in self._releases.items() if key not in self._refused)
        return [each for each in taken if any(before.meaning != after.meaning for before, after in each.views)]


def _metadata_of(release: _Release) -> Metadata | LeftOut:
    """Return the metadata of a release after the rules: uv takes one for all of its files."""
    after = [new for _, new in release.views]
    if len({each.meaning for each in after}) > 1:
        return LeftOut(
            str(release),
            "its wheels disagree after the rules, and uv takes one metadata for all of them",
            "Extend the rules so that they agree, or export for one of them.",
        )
    view = after[0]
    found = (read_requirement(text) for text in view.requires)
    bad = [text for text, each in zip(view.requires, found, strict=True) if each is None or each.malformed]
    bad += [] if view.python is None or is_specifier(view.python) else [f"Requires-Python: {view.python}"]
    if bad:
        return LeftOut(str(release), f"uv cannot read {bad[0]!r} in its settings", "Rewrite it by a rule.")
    extras = tuple(map(canonicalize_name, view.extras))
    return Metadata(release.project, release.version, view.requires, view.python, extras, release.sources)


def _for_pdm(releases: Iterable[_Release]) -> Iterator[Override | LeftOut]:
    """Yield what changes in ``releases`` as overrides of PDM, one for each name: they are for the whole resolution."""
    said: dict[str, Override] = {}
    for release in releases:
        for before, after in release.views:
            yield from _rest(release, before, after)
            for name, old, new in _by_name(before, after):
                made = _override_of(release, name, old, new)
                if isinstance(made, LeftOut) or (first := said.setdefault(name, made)) is made:
                    yield made
                elif (first.form, first.dependency) != (made.form, made.dependency):
                    message = f"another release has another override for {name}, and PDM takes one"
                    yield LeftOut(str(release), message, _PUBLISH)


def _rest(release: _Release, before: _View, after: _View) -> Iterator[LeftOut]:
    (_, *old), (_, *new) = before.meaning, after.meaning
    for name, one, other in zip(("Requires-Python", "Provides-Extra"), old, new, strict=True):
        if one != other:
            yield LeftOut(str(release), f"PDM has no override for {name}", _PUBLISH)


def _by_name(before: _View, after: _View) -> Iterator[tuple[str, list[Requirement], list[Requirement]]]:
    """Yield each name whose requirements change, with those before and after."""
    sides = []
    for view in (before, after):
        found = list(filter(None, map(read_requirement, view.requires)))
        sides.append({each.name: [other for other in found if other.name == each.name] for each in found})
    old, new = sides
    for name in dict.fromkeys((*old, *new)):
        one, other = old.get(name, []), new.get(name, [])
        if {meaning(each.text) for each in one} != {meaning(each.text) for each in other}:
            yield name, one, other


def _override_of(release: _Release, name: str, old: list[Requirement], new: list[Requirement]) -> Override | LeftOut:
    """Return what becomes of the requirements with one name, as an override for the whole resolution."""
    sources = tuple(
        replace(each, differs=(f"the requirements of every package, not only of {release}",))
        for each in release.sources_of(name)
    )
    if not new and not any(each.extras for each in old):
        return Override(Form.EXCLUDE, Scope(), name, sources)
    targets = {f"{name} @ {each.url}" if each.url else f"{name}{each.specifier}" for each in new}
    same_rest = Counter((each.extras, each.marker) for each in old) == Counter((each.extras, each.marker) for each in new)
    if not new:
        message = f"PDM cannot exclude {name} where it is required with extras"
    elif not old:
        message = f"PDM cannot add {name} to a package"
    elif same_rest and len(targets) == 1:
        return Override(Form.OVERRIDE, Scope(), targets.pop(), sources)
    else:
        message = f"an override of PDM is a specifier or a URL, and more changes for {name}"
    return LeftOut(str(release), message, _PUBLISH)
