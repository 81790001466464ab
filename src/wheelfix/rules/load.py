"""Rule files to rule sets: TOML, what a file extends, and every error at once."""

import hashlib
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

import msgspec

from wheelfix.errors import RulesError
from wheelfix.options import listed
from wheelfix.rules import BUILT_IN
from wheelfix.rules.bundled import bundled
from wheelfix.rules.model import Action, Case, Match, Rule, RuleFile, RuleSet
from wheelfix.rules.registry import RulePlace, rules_error
from wheelfix.rules.toml import PROJECT_FILE, find_table, project_table, read_toml
from wheelfix.rules.validate import findings_in, findings_of
from wheelfix.text import did_you_mean

if TYPE_CHECKING:
    from wheelfix.results import Finding

Report: TypeAlias = Callable[..., None]
"""Takes the path to a key, what is wrong, what to do and, if it is not an invalid value, ``code``."""

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_MISSING: Final = object()
_LONGEST: Final = 40
_PLACES: Final = {
    (Rule, "extends"): "Put it above the first [[rule]].",
    (Rule, "schema"): "Put it above the first [[rule]].",
    (Action, "on-mismatch"): "Put it beside action, in the rule.",
    (RuleFile, "tool"): "In wheelfix.toml, write the keys without [tool.wheelfix].",
}
"""Keys that exist, in the wrong place, and where they belong."""
_WORDS: Final = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}
_COMMAND_LINE: Final = "command line"
"""The name of the rules that options make."""


def read_struct(kind: type[_Struct], data: object, path: str, report: Report) -> _Struct | None:
    """Return ``data`` as ``kind``, or ``None`` if anything is wrong; ``report`` is called for each finding."""
    if not isinstance(data, dict):
        hint = f"Keys: {', '.join(_fields(kind))}."
        if kind is Match and isinstance(data, list):
            hint = f"Write {path.rpartition('.')[2]} = {{ name = [...] }}."
        report(path, f"expected a table, found {_word(data)}", hint)
        return None
    fields = _fields(kind)
    complete = True
    for key in data:
        if key not in fields:
            brief = key if len(key) <= _LONGEST else f"{key[:_LONGEST]}..."
            hint = _PLACES.get((kind, key)) or did_you_mean(brief, list(fields))
            report(_join(path, brief), "unknown key", hint, code="rule-unknown-key")
            complete = False
    values: dict[str, Any] = {}
    for key, (name, form, required) in fields.items():
        if key not in data:
            if required:
                report(_join(path, key), "missing", f"Add {key} = {_example(form)}.", code="rule-missing-key")
                complete = False
            continue
        value = _read(form, data[key], _join(path, key), report)
        if value is _MISSING:
            complete = False
        else:
            values[name] = value
    if complete:
        return kind(**values)
    for finding in findings_in(kind, values, path):
        report(*finding)
    return None


@cache
def _fields(kind: type[msgspec.Struct]) -> Mapping[str, tuple[str, Any, bool]]:
    """Return for each key of a table the name of its field, its type without annotations, and whether it is required."""
    listed = msgspec.structs.fields(kind)
    return {field.encode_name: (field.name, _bare(field.type), field.required) for field in listed}


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _read(kind: Any, data: object, path: str, report: Report) -> Any:
    """Return ``data`` as ``kind``, or ``_MISSING`` after reporting what is wrong."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind is Match and isinstance(data, str):
            return Match(name=(data,))
        found = read_struct(kind, data, path, report)
        return _MISSING if found is None else found
    if get_origin(kind) is tuple:
        return _read_list(_bare(get_args(kind)[0]), data, path, report)
    if Action in get_args(kind):
        return _read_action(kind, data, path, report)
    table = next((each for each in get_args(kind) if isinstance(each, type) and issubclass(each, msgspec.Struct)), None)
    if table is not None and isinstance(data, dict):  # a string, or a table
        return _read(table, data, path, report)
    if isinstance(data, list) and any(get_origin(each) is tuple for each in get_args(kind)):  # a string, or a list of them
        return _read_list(str, data, path, report)
    try:
        return msgspec.convert(data, kind)
    except ValueError:  # ValidationError is one, and so is a number of five thousand digits
        given = _shown(data) if get_origin(kind) is Literal else _word(data)
        report(path, f"expected {_described(kind)}, found {given}", "Correct the value.")
        return _MISSING


def _bare(kind: Any) -> Any:
    """Return a type without annotations, and without ``None``: TOML has none."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        given = [each for each in get_args(kind) if each is not type(None)]
        return _bare(given[0]) if len(given) == 1 else Union[tuple(given)]  # noqa: UP007 - made at run time
    return kind


def _read_list(kind: Any, data: object, path: str, report: Report) -> Any:
    if not isinstance(data, list):
        if kind in (Rule, Case):
            report(path, f"expected a list of tables, found {_word(data)}", f"Write [[{path.rpartition('.')[2]}]].")
            return _MISSING
        only = _read(kind, data, path, report)
        return only if only is _MISSING else (only,)
    found = [_read(kind, each, f"{path}[{index}]", report) for index, each in enumerate(data)]
    return _MISSING if any(each is _MISSING for each in found) else tuple(found)


def _read_action(kind: Any, data: object, path: str, report: Report) -> Any:
    words = next(get_args(each) for each in get_args(kind) if get_origin(each) is Literal)
    known = [*words, *_fields(Action)]
    if isinstance(data, str):
        if data in words:
            return data
        if data in known:
            report(path, f"{data} requires an argument", f"Write action = {{ {data} = ... }}.")
        else:
            report(path, f"unknown action {data!r}", did_you_mean(data, known))
        return _MISSING
    if isinstance(data, dict) and len(data) == 1 and next(iter(data)) in words:
        report(path, f"{next(iter(data))} takes no argument", f'Write action = "{next(iter(data))}".')
        return _MISSING
    found = read_struct(Action, data, path, report)
    if found is not None and isinstance(data, dict) and len(data) != 1:
        report(path, f"has {len(data) or 'no'} keys", "An action has exactly one; write a rule for each.")
        return _MISSING
    return _MISSING if found is None else found


def _example(kind: Any) -> str:
    """Return an example of a value of type ``kind``."""
    if kind is str or Action in get_args(kind):
        return '"drop"' if Action in get_args(kind) else '"..."'
    return str(get_args(kind)[0]) if get_origin(kind) is Literal else "..."


def _described(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if get_origin(kind) is not None or not isinstance(kind, type):
        if any(isinstance(each, type) and issubclass(each, msgspec.Struct) for each in get_args(kind)):
            return "a string or a table"
        return "a table" if get_origin(kind) is Mapping or "Mapping" in str(kind) else "a string or a list of strings"
    return _WORDS.get(kind, "a date such as 2027-01-01" if kind.__name__ == "date" else kind.__name__)


def _word(data: object) -> str:
    word = _WORDS.get(type(data), type(data).__name__)
    return word if isinstance(data, dict) else f"{word}: {_shown(data)}"


def _shown(data: object) -> str:
    try:
        text = repr(data)
    except (ValueError, RecursionError):  # a number of five thousand digits, tables a thousand deep
        return "..."
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_DEEPEST: Final = 50
_TABLE: Final = re.compile(r"^[ \t]*\[\[[ \t]*(?:tool[ \t]*\.[ \t]*wheelfix[ \t]*\.[ \t]*)?rule[ \t]*\]\]", re.MULTILINE)


def rule_set(name: str, rules: Iterable[Rule], *, extends: Iterable[str | Path] | str | Path = ()) -> RuleSet:
    """Return the rule set ``name`` of ``rules``, for rules that are written in Python.

    ``extends`` names what follows them, as in a rule file; paths are relative to the working directory.

    :raises RulesError: if a rule has an error, or two have the same id.
    """
    reader = _Reader()
    reader.add_tables(name, [_as_table(rule) for rule in rules])
    for each in listed(extends):
        reader.add_source(str(each), name, Path())
    return reader.finish(name)


def load_rules(*sources: str | Path) -> RuleSet:
    """Return the rules of files, of built-in sets (``gpu``) and of groups of them (``gpu/nvidia``).

    The rules of all files come first, in the order of ``sources``, then what they extend.

    :raises RulesError: with every error of every file, or if a file cannot be read.
    """
    reader = _Reader()
    for source in sources:
        reader.add_source(str(source), "", Path(), later=True)
    return reader.finish(", ".join(str(source) for source in sources))


def _as_table(rule: Rule) -> object:
    """Return a rule as a file has it; what is not a rule is returned as it is, to be reported."""
    try:
        return msgspec.json.decode(msgspec.json.encode(rule))
    except (TypeError, ValueError, RecursionError):
        return rule


@cache
def built_in(name: str) -> RuleSet:
    """Return the rule set ``name`` that comes with wheelfix, or a group of one: ``gpu``, ``gpu/nvidia``.

    :raises RulesError: if there is none.
    """
    if name.endswith(".toml"):
        message = "a file, not a built-in set"
        raise rules_error([RulePlace(name).finding("rule-invalid-extends", message, hint="Read it with load_rules.")])
    return bundled(name) if name in BUILT_IN else load_rules(name)


def groups_of(name: str) -> tuple[str, ...]:
    """Return the groups of the built-in set ``name``: its rules that do more than keep, by their short ids."""
    rules = bundled(name).rules
    return tuple(rule.id.removeprefix(f"{name}/") for rule in rules if rule.action != "keep")


def find_rules(start: Path | None = None) -> Path | None:
    """Return the rule file that is in force in the directory ``start`` (the working directory): the first one upwards.

    That is ``wheelfix.toml``, or a ``pyproject.toml`` with a table ``[tool.wheelfix]``. A file that only sets options, and
    has neither rules nor ``extends``, is not a rule file.

    :raises RulesError: if a file on the way cannot be read.
    """
    found = find_table(start or Path())
    if found is None or ("options" in found[1] and not found[1].keys() & {"rule", "extends"}):
        return None
    return found[0]


class _Reader:
    """Collects rules and findings from all sources, each rule once."""

    def __init__(self) -> None:
        self._rules: dict[str, tuple[Rule, str]] = {}
        self._findings: list[tuple[RulePlace, Finding]] = []
        self._seen: set[Path] = set()
        self._later: list[tuple[Sequence[str], Path, tuple[Path, ...]]] = []

    def add_source(
        self, source: str, by: str, directory: Path, chain: tuple[Path, ...] = (), *, later: bool = False
    ) -> None:
        """Add what ``source`` names: a file, relative to ``directory``, or a built-in set.

        ``by`` is the file that names it, and ``chain`` the files that led here. With ``later`` what a file extends waits for
        :meth:`finish`.
        """
        if "://" in source:
            self._refuse_source(source, by, f"{source!r} is a URL", "Download it: rules are read from local files only.")
        elif source.endswith(".toml"):
            self._add_file(directory / source, by, chain, later=later)
        elif source.partition("/")[0] in BUILT_IN:
            self._add_built_in(source, by)
        else:
            hint = f"{did_you_mean(source, BUILT_IN)} File names end with .toml."
            self._refuse_source(source, by, f"unknown rule set {source!r}", hint)

    def _refuse_source(self, source: str, by: str, message: str, hint: str) -> None:
        """Report that ``source`` cannot be used: at the place that names it, or at itself if the caller does."""
        key = "--only" if by == _COMMAND_LINE else "extends" if by else ""
        self._add(RulePlace(by or source), key, message, hint, code="rule-invalid-extends")

    def _add_built_in(self, source: str, by: str) -> None:
        name, _, group = source.partition("/")
        known = groups_of(name)
        if group and group not in known:
            self._refuse_source(source, by, f"{name} has no group {group!r}", did_you_mean(group, known))
            return
        for rule in bundled(name).rules:
            if not group or rule.action == "keep" or rule.id == f"{name}/{group}":
                present, origin = self._rules.setdefault(rule.id, (rule, name))
                if present is not rule:
                    self._add_duplicate(RulePlace(origin, rule.id), f"used by the built-in set {name}", "Choose another id.")

    def _add_file(self, path: Path, by: str, chain: tuple[Path, ...], *, later: bool) -> None:
        try:
            real = path.resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a NUL, or a link that leads to itself
            self._refuse_source(str(path), by, f"invalid path {str(path)!r}: {error}", "Check the path.")
            return
        if len(chain) > _DEEPEST:
            self._refuse_source(str(path), by, f"nested more than {_DEEPEST} files deep", "Extend fewer files.")
            return
        if real in chain:
            circle = " -> ".join(str(each) for each in (*chain[chain.index(real) :], real))
            self._refuse_source(str(path), by, f"circular: {circle}", "Remove one of them.")
            return
        if real in self._seen:
            return
        self._seen.add(real)
        try:
            data, text = read_toml(path)
        except RulesError as error:
            for each in error.findings:
                if by:
                    self._refuse_source(str(path), by, f"{each.place}: {each.message}", each.hint)
                else:
                    self._findings.append((RulePlace(str(path)), each))
            return
        self._later.append((self._read_file(path, data, text), path, (*chain, real)))
        if not later:
            self._extend(*self._later.pop())

    def _extend(self, extends: Sequence[str], path: Path, chain: tuple[Path, ...]) -> None:
        for source in extends:
            self.add_source(source, str(path), path.parent, chain)

    def _read_file(self, path: Path, data: dict[str, Any], text: str) -> Sequence[str]:
        """Add the rules of a file; return what it extends."""
        name = str(path)
        if path.name == PROJECT_FILE:
            table = project_table(data)
            if table is None:
                self._refuse_source(name, "", "no [tool.wheelfix] table", "Add it, or name another file.")
                return ()
            data = table
        tables = data.get("rule")
        own = tables if isinstance(tables, list) else []
        read_struct(RuleFile, {**data, "rule": []} if own else data, "", partial(self._add, RulePlace(name)))
        self.add_tables(name, own, _lines_of_rules(text, len(own)))
        extends = data.get("extends")
        return [each for each in (extends if isinstance(extends, list) else [extends]) if isinstance(each, str)]

    def _add(self, place: RulePlace, key: str, message: str, hint: str, *, code: str = "rule-invalid-value") -> None:
        self._findings.append((place, place.finding(code, message, key=key, hint=hint)))

    def _add_duplicate(self, place: RulePlace, message: str, hint: str) -> None:
        self._add(place, "id", message, hint, code="rule-duplicate-id")

    def add_tables(self, name: str, tables: Sequence[object], lines: Sequence[int | None] | None = None) -> None:
        """Add rules as a file has them; ``lines`` says where each begins."""
        for number, (table, line) in enumerate(zip(tables, lines or [None] * len(tables), strict=True), 1):
            given = table.get("id") if isinstance(table, dict) else None
            title = given if isinstance(given, str) and given.strip() else f"number {number}"
            rule = read_struct(Rule, table, "", partial(self._add, RulePlace(name, title, line)))
            if rule is not None:
                self._add_rule(name, rule, line)

    def _add_rule(self, name: str, rule: Rule, line: int | None) -> None:
        place = RulePlace(name, rule.id, line)
        for finding in findings_of(rule):
            self._add(place, *finding)
        present, other = self._rules.setdefault(rule.id, (rule, name))
        if present is not rule:
            where = "used by another rule" if other == name else f"used by a rule in {other}"
            self._add_duplicate(place, where, "Give each rule its own id.")

    def finish(self, name: str) -> RuleSet:
        """Return the rule set.

        :raises RulesError: with all findings, if there are any.
        """
        while self._later:
            self._extend(*self._later.pop(0))
        if self._findings:
            files = list(dict.fromkeys(place.file for place, _ in self._findings))
            self._findings.sort(key=lambda each: (files.index(each[0].file), each[0].line or 0))
            raise rules_error([finding for _, finding in self._findings])
        rules = tuple(rule for rule, _ in self._rules.values())
        return RuleSet(name, rules, digest_of(rules), tuple(origin for _, origin in self._rules.values()))


def _lines_of_rules(text: str, count: int) -> list[int | None]:
    """Return the line of each rule, counted from 1; ``None`` if not every rule has a header of its own."""
    starts: list[int] = []
    line, position = 1, 0
    for found in _TABLE.finditer(text):
        line, position = line + text.count("\n", position, found.start()), found.start()
        starts.append(line)
    return [*starts] if len(starts) == count else [None] * count


def digest_of(rules: Sequence[Rule]) -> str:
    """Return the digest of a rule set with ``rules``."""
    plain = [msgspec.to_builtins(msgspec.structs.replace(rule, test=())) for rule in rules]
    for table in plain:
        if not table.get("when"):
            table.pop("when", None)
        table.pop("test", None)
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


def gpu_rules(*, only: Iterable[str] | str = (), keep: Iterable[str] | str = (), drop: Iterable[str] | str = ()) -> RuleSet:
    """Return the rule set ``gpu``, or ``only`` some groups of it, such as ``nvidia``.

    ``keep`` and ``drop`` are patterns for the names of requirements that are kept or dropped, whatever the set says;
    ``keep`` wins over ``drop``.

    :raises RulesError: if there is no such group, or a pattern is invalid.
    """
    own = (*_on_request("keep", "kept", keep), *_on_request("drop", "dropped", drop))
    groups = [f"gpu/{group.removeprefix('gpu/')}" for group in dict.fromkeys(listed(only))] or ["gpu"]
    return rule_set(_COMMAND_LINE, own, extends=groups)


def _on_request(action: Literal["drop", "keep"], done: str, patterns: Iterable[str] | str) -> Iterator[Rule]:
    """Yield a rule for each of ``patterns``."""
    for each in dict.fromkeys(listed(patterns)):
        yield Rule(id=f"{action} {each}".strip(), reason=f"{done} on request", match=Match(name=(each,)), action=action)
