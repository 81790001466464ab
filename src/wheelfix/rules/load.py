"""Rule files to rule sets: TOML, what a file extends, and every error at once."""

import hashlib
import re
import tomllib
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

import msgspec

from wheelfix.errors import RuleFault, RulesError
from wheelfix.options import listed
from wheelfix.rules import BUILT_IN
from wheelfix.rules.model import Action, Case, Match, Rule, RuleFile, RuleSet, did_you_mean, rules_error
from wheelfix.rules.toml import PROJECT_FILE, find_table, project_table, read_toml
from wheelfix.rules.validate import faults_in, faults_of

Report: TypeAlias = Callable[[str, str, str], None]
"""Takes a fault: the path to the key, what is wrong, what to do."""

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_MISSING: Final = object()
_LONGEST: Final = 40
_PLACES: Final = {
    (Rule, "extends"): "It stands above the first [[rule]].",
    (Rule, "schema"): "It stands above the first [[rule]].",
    (RuleFile, "tool"): "In a file of its own the keys stand without [tool.wheelfix].",
}
"""Where a key belongs that is right, and in the wrong place."""
_WORDS: Final = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def read_struct(kind: type[_Struct], data: object, path: str, report: Report) -> _Struct | None:
    """Return ``data`` as ``kind``, or ``None`` if there are faults; ``report`` is called for each of them."""
    if not isinstance(data, dict):
        hint = f"Its keys are: {', '.join(_fields(kind))}."
        if kind is Match and isinstance(data, list):
            hint = f"Write {path.rpartition('.')[2]} = {{ name = [...] }}."
        report(path, f"it must be a table, and is {_word(data)}", hint)
        return None
    fields = _fields(kind)
    sound = True
    for key in data:
        if key not in fields:
            brief = key if len(key) <= _LONGEST else f"{key[:_LONGEST]}..."
            report(_join(path, brief), "there is no such key", _PLACES.get((kind, key)) or did_you_mean(brief, list(fields)))
            sound = False
    values: dict[str, Any] = {}
    for key, (name, form, required) in fields.items():
        if key not in data:
            if required:
                report(_join(path, key), "it is missing", f"Add {key} = {_specimen(form)}.")
                sound = False
            continue
        value = _read(form, data[key], _join(path, key), report)
        if value is _MISSING:
            sound = False
        else:
            values[name] = value
    if sound:
        return kind(**values)
    for fault in faults_in(kind, values, path):
        report(*fault)
    return None


@cache
def _fields(kind: type[msgspec.Struct]) -> Mapping[str, tuple[str, Any, bool]]:
    """Return for each key of a table the name of its field, its type without annotations, and whether it must be there."""
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
    if get_origin(kind) is Union and get_args(kind)[0] is str and isinstance(data, list):  # text, or a list of it
        return _read_list(str, data, path, report)
    try:
        return msgspec.convert(data, kind)
    except ValueError:  # ValidationError is one, and so is a number of five thousand digits
        given = _shown(data) if get_origin(kind) is Literal else _word(data)
        report(path, f"it must be {_described(kind)}, and is {given}", "Correct the value.")
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
            report(path, f"it must be a list of tables, and is {_word(data)}", f"Write [[{path.rpartition('.')[2]}]].")
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
            report(path, f"{data} needs an argument", f"Write action = {{ {data} = ... }}.")
        else:
            report(path, f"there is no action {data!r}", did_you_mean(data, known))
        return _MISSING
    if isinstance(data, dict) and len(data) == 1 and next(iter(data)) in words:
        report(path, f"{next(iter(data))} has no argument", f'Write action = "{next(iter(data))}".')
        return _MISSING
    found = read_struct(Action, data, path, report)
    if found is not None and isinstance(data, dict) and len(data) != 1:
        report(path, f"it has {len(data) or 'no'} keys", "An action has exactly one; write a rule for each.")
        return _MISSING
    return _MISSING if found is None else found


def _specimen(kind: Any) -> str:
    """Return a value that shows what a key of type ``kind`` takes."""
    if kind is str or Action in get_args(kind):
        return '"drop"' if Action in get_args(kind) else '"..."'
    return str(get_args(kind)[0]) if get_origin(kind) is Literal else "..."


def _described(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if get_origin(kind) is not None or not isinstance(kind, type):
        return "a table" if get_origin(kind) is Mapping or "Mapping" in str(kind) else "text or a list of texts"
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

    ``extends`` names what comes after them, as in a rule file; paths are taken from the working folder.

    :raises RulesError: if a rule has a fault, or two have the same id.
    """
    reader = _Reader()
    reader.add_tables(name, [_as_table(rule) for rule in rules])
    for each in listed(extends):
        reader.add_source(str(each), name, Path())
    return reader.finish(name)


def load_rules(*sources: str | Path) -> RuleSet:
    """Return the rules of files, of built-in sets (``gpu``) and of groups of them (``gpu/nvidia``).

    The own rules of all files come first, in the order of ``sources``, then what they extend.

    :raises RulesError: with every fault of every file, or if a file cannot be read.
    """
    reader = _Reader()
    for source in sources:
        reader.add_source(str(source), "", Path(), later=True)
    return reader.finish(", ".join(str(source) for source in sources))


def _as_table(rule: Rule) -> object:
    """Return a rule as a file has it; what is no rule at all stays, to be reported."""
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
        raise rules_error([RuleFault(name, "", "", "it is a file, no built-in set", "Read it with load_rules.")])
    return load_rules(name)


def groups_of(name: str) -> tuple[str, ...]:
    """Return the groups of the built-in set ``name``: its rules that do more than keep, by their short ids."""
    rules = _built_in_file(name).rule
    return tuple(rule.id.removeprefix(f"{name}/") for rule in rules if rule.action != "keep")


def find_rules(start: Path | None = None) -> Path | None:
    """Return the rule file that is in force in the directory ``start`` (the working directory): the first one upwards.

    That is ``wheelfix.toml``, or a ``pyproject.toml`` with a table ``[tool.wheelfix]``. A file that only sets options, and
    has neither rules nor a set of them, is no rule file.

    :raises RulesError: if a file on the way cannot be read.
    """
    found = find_table(start or Path())
    if found is None or ("options" in found[1] and not found[1].keys() & {"rule", "extends"}):
        return None
    return found[0]


@cache
def _built_in_file(name: str) -> RuleFile:
    """Return a built-in file; its shape is a matter of tests."""
    text = files("wheelfix.rules").joinpath("builtin", f"{name}.toml").read_text("utf-8")
    found = read_struct(RuleFile, tomllib.loads(text), "", lambda *_: None)
    if found is None:
        raise RulesError("unknown-rule-set", f"the built-in set {name} is damaged", hint="Install wheelfix again.")
    return found


class _Reader:
    """Collects rules and faults from all sources, each rule once."""

    def __init__(self) -> None:
        self._rules: dict[str, tuple[Rule, str]] = {}
        self._faults: list[RuleFault] = []
        self._seen: set[Path] = set()
        self._later: list[tuple[Sequence[str], Path, tuple[Path, ...]]] = []

    def add_source(self, source: str, by: str, folder: Path, chain: tuple[Path, ...] = (), *, later: bool = False) -> None:
        """Add what ``source`` names: a file, seen from ``folder``, or a built-in set.

        ``by`` is who names it, and ``chain`` the files that led here. With ``later`` what a file extends waits for
        :meth:`finish`.
        """
        if "://" in source:
            self._add_source_fault(source, by, f"{source!r} is a web address", "Download it: rules come from files only.")
        elif source.endswith(".toml"):
            self._add_file(folder / source, by, chain, later=later)
        elif source.partition("/")[0] in BUILT_IN:
            self._add_built_in(source, by)
        else:
            hint = f"{did_you_mean(source, BUILT_IN)} The name of a file ends with .toml."
            self._add_source_fault(source, by, f"there is no rule set {source!r}", hint)

    def _add_source_fault(self, source: str, by: str, message: str, hint: str) -> None:
        """Add a fault of who names ``source``, or of itself where the caller does."""
        self._add_fault(by or source, "", "extends" if by else "", message, hint)

    def _add_built_in(self, source: str, by: str) -> None:
        name, _, group = source.partition("/")
        known = groups_of(name)
        if group and group not in known:
            self._add_source_fault(source, by, f"there is no group {group!r} in {name}", did_you_mean(group, known))
            return
        for rule in _built_in_file(name).rule:
            if not group or rule.action == "keep" or rule.id == f"{name}/{group}":
                present, origin = self._rules.setdefault(rule.id, (rule, name))
                if present is not rule:
                    self._add_fault(origin, rule.id, "id", f"{name} has a rule of this id", "Choose another.")

    def _add_file(self, path: Path, by: str, chain: tuple[Path, ...], *, later: bool) -> None:
        try:
            real = path.resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a NUL, or a link that leads to itself
            self._add_source_fault(str(path), by, f"{str(path)!r} cannot be: {error}", "Check the path.")
            return
        if len(chain) > _DEEPEST:
            self._add_source_fault(str(path), by, f"more than {_DEEPEST} files extend each other", "Extend fewer.")
            return
        if real in chain:
            circle = " -> ".join(str(each) for each in (*chain[chain.index(real) :], real))
            self._add_source_fault(str(path), by, f"the files extend each other: {circle}", "Break the circle.")
            return
        if real in self._seen:
            return
        self._seen.add(real)
        try:
            data, text = read_toml(path)
        except RulesError as error:
            for each in error.faults:
                if by:
                    self._add_source_fault(each.file, by, f"{each.file}: {each.message}", each.hint)
                else:
                    self._faults.append(each)
            return
        self._later.append((self._read_file(path, data, text), path, (*chain, real)))
        if not later:
            self._extend(*self._later.pop())

    def _extend(self, extends: Sequence[str], path: Path, chain: tuple[Path, ...]) -> None:
        for source in extends:
            self.add_source(source, str(path), path.parent, chain)

    def _read_file(self, path: Path, data: dict[str, Any], text: str) -> Sequence[str]:
        """Add the own rules of a file; return what it extends."""
        name = str(path)
        if path.name == PROJECT_FILE:
            table = project_table(data)
            if table is None:
                self._add_fault(name, "", "", "it has no table [tool.wheelfix]", "Add it, or name another file.")
                return ()
            data = table
        tables = data.get("rule")
        own = tables if isinstance(tables, list) else []
        read_struct(RuleFile, {**data, "rule": []} if own else data, "", self._reporter(name))
        self.add_tables(name, own, _lines_of_rules(text, len(own)))
        extends = data.get("extends")
        return [each for each in (extends if isinstance(extends, list) else [extends]) if isinstance(each, str)]

    def _reporter(self, file: str, rule: str = "", line: int | None = None) -> Report:
        return lambda key, message, hint: self._add_fault(file, rule, key, message, hint, line)

    def _add_fault(self, file: str, rule: str, key: str, message: str, hint: str, line: int | None = None) -> None:
        self._faults.append(RuleFault(file, rule, key, message, hint, line))

    def add_tables(self, name: str, tables: Sequence[object], lines: Sequence[int | None] | None = None) -> None:
        """Add rules as a file has them; ``lines`` tells where each begins."""
        for number, (table, line) in enumerate(zip(tables, lines or [None] * len(tables), strict=True), 1):
            given = table.get("id") if isinstance(table, dict) else None
            title = given if isinstance(given, str) and given.strip() else f"number {number}"
            rule = read_struct(Rule, table, "", self._reporter(name, title, line))
            if rule is not None:
                self._add_rule(name, rule, line)

    def _add_rule(self, name: str, rule: Rule, line: int | None) -> None:
        for key, message, hint in faults_of(rule):
            self._add_fault(name, rule.id, key, message, hint, line)
        present, other = self._rules.setdefault(rule.id, (rule, name))
        if present is not rule:
            where = "another rule has this id" if other == name else f"{other} has a rule of this id"
            self._add_fault(name, rule.id, "id", where, "Give each its own.", line)

    def finish(self, name: str) -> RuleSet:
        """Return the rule set.

        :raises RulesError: with all faults, if there are any.
        """
        while self._later:
            self._extend(*self._later.pop(0))
        if self._faults:
            files = list(dict.fromkeys(fault.file for fault in self._faults))
            raise rules_error(sorted(self._faults, key=lambda fault: (files.index(fault.file), fault.line or 0)))
        rules = tuple(rule for rule, _ in self._rules.values())
        return RuleSet(name, rules, _digest(rules), tuple(origin for _, origin in self._rules.values()))


def _lines_of_rules(text: str, count: int) -> list[int | None]:
    """Return the line of each rule, counted from 1; ``None`` where the file does not give each a header of its own."""
    starts: list[int] = []
    line, position = 1, 0
    for found in _TABLE.finditer(text):
        line, position = line + text.count("\n", position, found.start()), found.start()
        starts.append(line)
    return [*starts] if len(starts) == count else [None] * count


def _digest(rules: Sequence[Rule]) -> str:
    plain = [msgspec.to_builtins(msgspec.structs.replace(rule, test=())) for rule in rules]
    for table in plain:
        if not table.get("when"):
            table.pop("when", None)
        table.pop("test", None)
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


def gpu_rules(*, only: Iterable[str] | str = (), keep: Iterable[str] | str = (), drop: Iterable[str] | str = ()) -> RuleSet:
    """Return the rule set ``gpu``, or ``only`` some groups of it, such as ``nvidia``.

    ``keep`` and ``drop`` are patterns for the names of requirements that stay or go, whatever the set says; what is kept
    stays also where a pattern would drop it.

    :raises RulesError: if there is no such group, or a pattern has a fault.
    """
    own = chain(
        (_rule("keep", pattern) for pattern in dict.fromkeys(listed(keep))),
        (_rule("drop", pattern) for pattern in dict.fromkeys(listed(drop))),
    )
    groups = [f"gpu/{group.removeprefix('gpu/')}" for group in dict.fromkeys(listed(only))] or ["gpu"]
    return rule_set("command line", own, extends=groups)


def _rule(action: str, pattern: str) -> Rule:
    reason = "it was asked for" if action == "drop" else "it was asked to be kept"
    return Rule(
        id=f"{action} {pattern}".strip(),
        reason=reason,
        match=Match(name=(pattern,)),
        action="drop" if action == "drop" else "keep",
    )
