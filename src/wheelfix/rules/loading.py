"""Rule files to rule sets: TOML, what a file extends, and every fault at once."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec

from wheelfix.errors import RuleFault, RulesError
from wheelfix.options import listed
from wheelfix.rules import BUILT_IN
from wheelfix.rules.checking import faults_of
from wheelfix.rules.faults import did_you_mean, rules_error
from wheelfix.rules.model import Rule, RuleFile, RuleSet
from wheelfix.rules.reading import Report, read_struct
from wheelfix.rules.tomlfile import read_toml

FILE_NAME: Final = "wheelfix.toml"
_DEEPEST: Final = 50
_PROJECT_FILE: Final = "pyproject.toml"
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
    """Return the rule file that is in force in the folder ``start`` (the working folder): the first one upwards.

    That is ``wheelfix.toml``, or a ``pyproject.toml`` with a table ``[tool.wheelfix]``.

    :raises RulesError: if a pyproject.toml on the way cannot be read.
    """
    folder = (start or Path()).resolve()
    for each in (folder, *folder.parents):
        if (each / FILE_NAME).is_file():
            return each / FILE_NAME
        project = each / _PROJECT_FILE
        if project.is_file() and _project_table(read_toml(project)[0]) is not None:
            return project
    return None


@cache
def _built_in_file(name: str) -> RuleFile:
    """Return a built-in file; its shape is a matter of tests."""
    text = files("wheelfix.rules").joinpath("sets", f"{name}.toml").read_text("utf-8")
    found = read_struct(RuleFile, tomllib.loads(text), "", lambda *_: None)
    if found is None:
        raise RulesError("unknown-rule-set", f"the built-in set {name} is damaged", hint="Install wheelfix again.")
    return found


def _project_table(data: dict[str, Any]) -> dict[str, Any] | None:
    """Return the table ``[tool.wheelfix]`` of a pyproject.toml."""
    tool = data.get("tool")
    table = tool.get("wheelfix") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


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
        if path.name == _PROJECT_FILE:
            table = _project_table(data)
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
