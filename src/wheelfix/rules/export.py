"""What rules amount to as a client's own overrides, for those who cannot publish fixed wheels.

A client knows packages, versions and names, and no single wheels: what a rule says beyond that is named, not guessed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import asdict, replace
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from wheelfix.globs import is_plain, matches
from wheelfix.rules.actions import RELEASE_ACTIONS
from wheelfix.rules.model import Match, Rule, RuleSet, When, each_of
from wheelfix.rules.overrides import Client, Export, Form, LeftOut, Override, Scope, Source
from wheelfix.rules.templates import template_fields
from wheelfix.text import shown_few
from wheelfix.wheel.requirement import read_requirement


class _NotSaid(Exception):
    """The client has no words for it: why, and what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


_NAME_WHEELS: Final = "Name the wheels too: then the export says what the rules make of them."
_PUBLISH: Final = "Publish the fixed wheels: no override can say it."
_EXTRAS_TOO: Final = "also where only an extra requires it"
_OWN_TOO: Final = "also what your own project requires"
_NOT_WITH_EXTRAS: Final = "not where it is required with extras, as in name[extra]"
_SET_WHOLE: Final = "its extras and its marker are replaced too"

_Piece: TypeAlias = tuple[Form, str, tuple[str, ...]]
"""A part of an override: what it does, the name or requirement, and in which ways it differs from the rule."""


def _drop(_: Rule, name: str, __: Scope, client: Client) -> Iterator[_Piece]:
    yield Form.EXCLUDE, name, (_NOT_WITH_EXTRAS,) if client is Client.PDM else ()


def _set_specifier(rule: Rule, name: str, scope: Scope, client: Client) -> Iterator[_Piece]:
    specifier = rule.argument
    if not isinstance(specifier, str) or "{" in specifier:
        raise _NotSaid("the new specifier depends on the old one, which only a wheel knows", _NAME_WHEELS)
    yield Form.OVERRIDE, f"{name}{specifier}", _override_differs(scope, client)


def _replace(rule: Rule, name: str, scope: Scope, client: Client) -> Iterator[_Piece]:
    templates = _texts(rule)
    if any(set(template_fields(text)) - {"name"} for text in templates):
        raise _NotSaid("the new requirement has parts of the old one, which only a wheel knows", _NAME_WHEELS)
    made = [_readable(text.format(name=name), scope) for text in templates]
    others = [each for each in made if canonicalize_name(each.name) != name]
    if len(others) == len(made):
        yield Form.EXCLUDE, name, ()
    for each in made:
        if each in others:
            _check_addition(scope, client)
            yield (
                Form.OVERRIDE,
                str(each),
                (*_addition_differs(scope), f"also where {scope.package} does not require {name}"),
            )
            continue
        if client is Client.PDM and (each.marker or each.extras):
            raise _NotSaid("an override of PDM is a specifier or a URL, without extras or a marker", _PUBLISH)
        yield Form.OVERRIDE, str(each), _override_differs(scope, client)


def _kept_parts(rule: Rule, _: str, __: Scope, ___: Client) -> Iterator[_Piece]:
    raise _NotSaid(f"{rule.action_name} keeps parts of the old requirement, which only a wheel knows", _NAME_WHEELS)


def _add(rule: Rule, _: str, scope: Scope, client: Client) -> Iterator[_Piece]:
    _check_addition(scope, client)
    for text in _texts(rule):
        yield Form.OVERRIDE, str(_readable(text, scope)), _addition_differs(scope)


def _check_addition(scope: Scope, client: Client) -> None:
    if client is Client.PDM:
        raise _NotSaid("PDM cannot add a requirement to a package", "Add it to your own project.")
    if scope.package is None:
        raise _NotSaid("uv adds a requirement to a package that is named, not to all", "Name it with when.project.")


def _addition_differs(scope: Scope) -> tuple[str, ...]:
    return (f"replaces what {scope.package} requires of it, and where only an extra requires it, nothing is added",)


def _texts(rule: Rule) -> Sequence[str]:
    argument = rule.argument
    if isinstance(argument, str | tuple) and all(isinstance(each, str) for each in argument):
        return each_of(argument)
    raise _NotSaid(f"the argument of {rule.action_name} depends on the wheel", _NAME_WHEELS)


def _readable(text: str, scope: Scope) -> Requirement:
    """Return a requirement that the client can be given for ``scope``."""
    found = read_requirement(text)
    if found is None or found.malformed:
        raise _NotSaid(f"{text!r} is not a requirement that a client reads", "Correct the rule.")
    if found.required_by_extras:
        raise _NotSaid("a requirement of an extra cannot be added from outside", _NAME_WHEELS)
    if found.url and scope.package is not None:
        raise _NotSaid("uv takes no URL for the requirements of a single package", _PUBLISH)
    return Requirement(text)


def _override_differs(scope: Scope, client: Client) -> tuple[str, ...]:
    if client is Client.PDM:
        return ()
    return (_SET_WHOLE, f"added where {scope.package} does not require it") if scope.package else (_SET_WHOLE,)


_ON_REQUIREMENTS: Final[Mapping[str, Callable[[Rule, str, Scope, Client], Iterator[_Piece]]]] = {
    "drop": _drop,
    "set-specifier": _set_specifier,
    "replace": _replace,
    "rename": _kept_parts,
    "set-marker": _kept_parts,
    "and-marker": _kept_parts,
}
"""The actions on a requirement, and what each is for a client; ``keep`` is none, and still decides."""
_NEED_WHEELS: Final = ("drop-extra", *RELEASE_ACTIONS)
"""The actions that change what resolvers read, by what only wheels know."""
READ_BY_RESOLVERS: Final = ("requires-dist", "requires-python", "provides-extra")
"""The fields that resolvers read, in lower case."""


def source_of(rule: Rule, reason: str, differs: Iterable[str] = ()) -> Source:
    """Return ``rule`` as what an override comes from, for this ``reason``."""
    until = rule.until.isoformat() if rule.until else None
    return Source(rule.id, reason, rule.url, tuple(dict.fromkeys(differs)), until)


class _Decision(Struct, frozen=True):
    """What an earlier rule decides: on which names, of what, and what the client is given for it.

    ``scope`` is ``None`` where the client has no words for it, and ``form`` where nothing is given.
    """

    rule: Rule
    names: tuple[str, ...]
    scope: Scope | None
    form: Form | None
    exact: bool


def export_rules(rules: RuleSet, client: Client) -> Export:
    """Return what ``rules`` amount to for ``client``, as far as that can be said without wheels."""
    exporter = _Exporter(client)
    for rule in rules.rules:
        exporter.add(rule)
    return exporter.finish()


class _Decisions:
    """What earlier rules decide: those on a plain name can be many, and are looked up by the name and the package."""

    def __init__(self) -> None:
        self._scoped: dict[str, dict[str | None, list[_Decision]]] = {}
        self._unknown: list[_Decision] = []

    def add(self, decision: _Decision) -> None:
        """Add the next one; with a scope it is about one name."""
        if decision.scope is None:
            self._unknown.append(decision)
        else:
            by_package = self._scoped.setdefault(decision.names[0], {})
            by_package.setdefault(decision.scope.package, []).append(decision)

    def on(self, name: str, scope: Scope) -> list[_Decision]:
        """Return those that may decide on requirements called ``name`` of something in ``scope``."""
        by_package = self._scoped.get(name, {})
        packages = [*by_package] if scope.package is None else [None, scope.package]
        found = [each for package in packages for each in by_package.get(package, ())]
        return [each for each in (*found, *self._unknown) if _may_meet(each, scope) and matches(each.names, name)]


class _Exporter:
    """Rules on their way to a client, in their order: the first one that matches a requirement decides."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._decided = _Decisions()
        self._found: dict[tuple[Form, Scope, str], tuple[Source, ...]] = {}
        self._overridden: dict[tuple[Scope, str], tuple[str, str]] = {}
        """The first requirement that overrides a name in a scope, and its rule."""
        self._left_out: list[LeftOut] = []

    def add(self, rule: Rule) -> None:
        """Add what ``rule`` is for the client, or why it is nothing."""
        try:
            scopes = list(_scopes(rule.when, self._client))
            if rule.match is not None:
                _check_match(rule.match)
        except _NotSaid as error:
            self._leave_out(rule, error)
            return
        if rule.match is None:
            self._add_for_wheel(rule, scopes)
            return
        for name in filter(is_plain, rule.names):
            for scope, differs in scopes:
                self._decide(rule, name, scope, differs)
        patterns = tuple(name for name in rule.names if not is_plain(name))
        if patterns:
            message = f"{self._client} takes names, and no patterns such as {shown_few(patterns)}"
            self._leave_out(rule, _NotSaid(message, _NAME_WHEELS), patterns)

    def _add_for_wheel(self, rule: Rule, scopes: list[tuple[Scope, tuple[str, ...]]]) -> None:
        try:
            if rule.action_name != "add":
                raise _whole_wheel(rule, self._client)
            for scope, differs in scopes:
                for form, dependency, more in list(_add(rule, "", scope, self._client)):
                    self._refuse_second(scope, dependency)
                    self._put(rule, form, scope, dependency, (*differs, *more))
        except _NotSaid as error:
            self._leave_out(rule, error)

    def _refuse_second(self, scope: Scope, dependency: str) -> None:
        """Confirm that no override has the name of a requirement that is added: both would count."""
        name = Override(Form.OVERRIDE, scope, dependency, ()).name
        other, by = self._overridden.get((scope, name), (dependency, ""))
        if other != dependency:
            raise _NotSaid(f"rule {by} overrides {name} too, and both would count", _NAME_WHEELS)

    def _decide(self, rule: Rule, name: str, scope: Scope, differs: tuple[str, ...]) -> None:
        """Add what ``rule`` is for one name in one scope, unless an earlier rule decides there."""
        earlier = self._decided.on(name, scope)
        if any(
            each.exact and each.scope is not None and each.scope.contains(scope) and _covers(each, rule) for each in earlier
        ):
            return  # it never decides
        exact = not differs
        if rule.action == "keep":
            self._decided.add(_Decision(rule, (name,), scope, None, exact))
            return
        unknown = [each.rule.id for each in earlier if each.scope is None or _keeps_some(each, scope)]
        try:
            pieces = list(_ON_REQUIREMENTS[rule.action_name](rule, name, scope, self._client))
            for form, _, _ in pieces[:1]:
                self._refuse_exception(name, scope, form, earlier)
        except _NotSaid as error:
            self._leave_out(rule, error, (name,))
            return
        for form, dependency, more in pieces:
            notes = [*differs, *more, *(f"also where rule {each} decides first" for each in unknown)]
            notes += _extras_differ(rule)
            notes += [_OWN_TOO] if self._reaches_root(form, scope) else []
            self._put(rule, form, scope, dependency, notes)
        self._decided.add(_Decision(rule, (name,), scope, pieces[0][0], exact))

    def _reaches_root(self, form: Form, scope: Scope) -> bool:
        """Whether an override is for the requirements of the user's own project, which is no wheel, as well."""
        return scope.package is None and (self._client is Client.UV or form is Form.OVERRIDE)

    def _refuse_exception(self, name: str, scope: Scope, form: Form, earlier: Iterable[_Decision]) -> None:
        """Confirm that the client can distinguish what earlier rules decide from what this one decides."""
        for each in earlier:
            if each.scope is None or _keeps_some(each, scope) or (each.scope == scope and each.form is form is Form.EXCLUDE):
                continue
            if each.scope == scope or not _tells_apart(each.form, form, narrower=scope.contains(each.scope)):
                which = f"rule {each.rule.id} decides on {name} first for some of them"
                raise _NotSaid(f"{which}, an exception for which {self._client} has no words", _NAME_WHEELS)

    def _put(self, rule: Rule, form: Form, scope: Scope, dependency: str, differs: Iterable[str]) -> None:
        source = source_of(rule, rule.reason, differs)
        key = (form, scope, dependency)
        if form is Form.OVERRIDE:
            name = Override(*key, ()).name
            self._overridden.setdefault((scope, name), (dependency, rule.id))
        self._found[key] = (*self._found.get(key, ()), source)

    def _leave_out(self, rule: Rule, error: _NotSaid, names: tuple[str, ...] | None = None) -> None:
        """Note what cannot be said; ``names`` are those that it is about, by default all of the rule."""
        if rule.match is not None:
            self._decided.add(_Decision(rule, names or rule.names or ("*",), None, None, exact=False))
        if rule.action != "keep":
            self._left_out.append(LeftOut(f"rule {rule.id}", error.message, error.hint))

    def _overrides(self) -> list[Override]:
        return [Override(*key, sources) for key, sources in self._found.items()]

    def finish(self) -> Export:
        """Return the export."""
        found = self._overrides()
        excluded = {(each.scope, each.name): each for each in found if each.form is Form.EXCLUDE}
        kept = []
        for each in found:
            scopes = (each.scope, Scope(each.scope.package), Scope())
            by = next((excluded[scope, each.name] for scope in scopes if (scope, each.name) in excluded), None)
            if each.form is Form.EXCLUDE or by is None:
                kept.append(each)
                continue
            message = f"rule {by.sources[0].rule} excludes {each.name}, and an exclusion wins over what is added"
            self._left_out += [LeftOut(f"rule {source.rule}", message, _NAME_WHEELS) for source in each.sources]
        return Export(self._client, (*kept, *_for_exact_versions(kept)), left_out=tuple(dict.fromkeys(self._left_out)))


def _extras(rule: Rule) -> frozenset[str]:
    """Return the extras that a rule is for, as its ``match`` has them."""
    given = rule.match.extra if rule.match else None
    return frozenset(given or (("any",) if rule.action == "keep" else ("none",)))


def _covers(earlier: _Decision, rule: Rule) -> bool:
    """Whether an earlier rule is for requirements of all extras that ``rule`` is for."""
    return "any" in (wide := _extras(earlier.rule)) or _extras(rule) <= wide


def _extras_differ(rule: Rule) -> list[str]:
    """Return how an override, which does not know extras, differs from a rule."""
    extras = _extras(rule)
    if "any" in extras:
        return []
    return (
        [_EXTRAS_TOO]
        if extras == {"none"}
        else [f"also where it is required without the extra {' or '.join(sorted(extras))}"]
    )


def _keeps_some(earlier: _Decision, scope: Scope) -> bool:
    """Whether an earlier rule keeps something in ``scope``, and more precisely than the client can express."""
    return earlier.scope is not None and earlier.form is None and earlier.scope.contains(scope)


def _may_meet(earlier: _Decision, scope: Scope) -> bool:
    """Whether an earlier rule may decide on something in ``scope``."""
    if earlier.scope is not None:
        return earlier.scope.contains(scope) or scope.contains(earlier.scope)
    projects = earlier.rule.when.project
    return projects is None or scope.package is None or matches(projects, scope.package)


def _tells_apart(earlier: Form | None, form: Form, *, narrower: bool) -> bool:
    """Whether uv does what the ``earlier`` rule says in its scope, the narrower or the wider one, and ``form`` elsewhere."""
    if narrower:
        return earlier is form or (earlier is Form.EXCLUDE and form is Form.OVERRIDE)
    return form is Form.EXCLUDE or earlier is Form.OVERRIDE


def _scopes(when: When, client: Client) -> Iterator[tuple[Scope, tuple[str, ...]]]:
    """Yield the scopes that ``when`` is for ``client``, each with how it differs."""
    given = [key.replace("_", "-") for key, value in asdict(when).items() if value is not None]
    others = [key for key in given if key not in ("project", "version")]
    if others:
        raise _NotSaid(f"{client} knows no single wheels, and the rule has when.{others[0]}", _NAME_WHEELS)
    patterns = [each for each in when.project or () if not is_plain(each)]
    if patterns:
        raise _NotSaid(f"when.project has the pattern {patterns[0]!r}, and {client} takes names", _NAME_WHEELS)
    versions = when.version or ()
    for package in when.project or (None,):
        yield from _of_pdm(package, versions) if client is Client.PDM else _of_uv(package, versions)


def _of_pdm(package: str | None, versions: Sequence[str]) -> Iterator[tuple[Scope, tuple[str, ...]]]:
    owner = " or ".join(filter(None, (package, f"versions {' or '.join(versions)}" if versions else "")))
    yield Scope(), (f"the requirements of every package, not only of {owner}",) if owner else ()


def _of_uv(package: str | None, versions: Sequence[str]) -> Iterator[tuple[Scope, tuple[str, ...]]]:
    if package is None and versions:
        raise _NotSaid("when.version without when.project", "Name the projects with when.project.")
    exact = [_exact_version(text) for text in versions]
    if not versions or None in exact:
        differs = f"all versions of {package}, not only {' or '.join(versions)}"
        yield Scope(package), (differs,) if versions else ()
        return
    for version in filter(None, exact):
        differs = f"not local versions such as {version}+cpu"
        yield Scope(package, version), () if "+" in version else (differs,)


def _exact_version(text: str) -> str | None:
    """Return the one version that a specifier allows, ``None`` if it allows more."""
    clauses = list(SpecifierSet(text))
    if len(clauses) == 1 and clauses[0].operator == "==" and not clauses[0].version.endswith(".*"):
        return clauses[0].version
    return None


def _check_match(match: Match) -> None:
    given = [key for key in ("marker", "specifier", "url") if getattr(match, key) is not None]
    if given:
        raise _NotSaid(f"a client takes names, and the rule has match.{given[0]}", _NAME_WHEELS)
    if match.name is None:
        raise _NotSaid("a client takes names, and the rule has none", _NAME_WHEELS)


def _whole_wheel(rule: Rule, client: Client) -> _NotSaid:
    """Return why an action on a whole wheel is nothing for a client without wheels."""
    field = getattr(rule.argument, "name", "")
    if field and field.lower() not in READ_BY_RESOLVERS:
        return _NotSaid(f"no resolver reads {field}", _PUBLISH)
    if (field or rule.action_name in _NEED_WHEELS) and client is Client.UV:
        return _NotSaid(f"{rule.action_name} needs the other metadata of the package", _NAME_WHEELS)
    return _NotSaid(f"{rule.action_name} changes the wheel itself", _PUBLISH)


def _for_exact_versions(overrides: Sequence[Override]) -> Iterator[Override]:
    """Yield, for each version with overrides of its own, those for all versions of its package, which uv ignores there."""
    exact = {(each.form, each.scope) for each in overrides if each.scope.version is not None}
    own = {(each.form, each.scope, each.name) for each in overrides}
    for (form, scope), each in product(sorted(exact, key=str), overrides):
        general = each.form is form and each.scope == Scope(scope.package)
        if general and (form, scope, each.name) not in own:
            yield replace(each, scope=scope)
