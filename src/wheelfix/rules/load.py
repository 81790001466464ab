"""Rule files to rule sets: TOML, what a file extends, and every error at once."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from msgspec import Struct

from wheelfix.errors import RulesError
from wheelfix.locations import is_directory, is_file
from wheelfix.options import listed
from wheelfix.rules import BUILT_IN
from wheelfix.rules.bundled import bundled
from wheelfix.rules.model import Match, Rule, RuleFile, RuleSet
from wheelfix.rules.read import read_struct
from wheelfix.rules.registry import RulePlace, rules_error
from wheelfix.rules.toml import PROJECT_FILE, find_table, project_table, read_toml
from wheelfix.rules.validate import findings_of
from wheelfix.text import closest, did_you_mean

if TYPE_CHECKING:
    from wheelfix.results import Finding
    from wheelfix.rules.packs import Pack

_COMMAND_LINE: Final = "command line"
"""The name of the rules that options make."""
_DEEPEST: Final = 50
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/]*@")
_TABLE: Final = re.compile(r"^[ \t]*\[\[[ \t]*(?:tool[ \t]*\.[ \t]*wheelfix[ \t]*\.[ \t]*)?rule[ \t]*\]\]", re.MULTILINE)


def rule_set(name: str, rules: Iterable[Rule], *, extends: Iterable[str | Path] | str | Path = ()) -> RuleSet:
    """Return the rule set ``name`` of ``rules``, for rules that are written in Python.

    ``extends`` names what follows them, as in a rule file; paths are relative to the working directory.

    :raises RulesError: if a rule has an error, or two have the same id.
    """
    reader = _Reader()
    reader.add_tables(name, [_as_table(rule) for rule in rules])
    for each in listed(extends):
        reader.add_source(str(each), _By(name))
    return reader.finish(name)


def load_rules(*sources: str | Path) -> RuleSet:
    """Return the rules of ``sources``.

    Those are files (``*.toml``), directories of them (``rules/``), built-in sets (``gpu``), groups of these
    (``gpu/nvidia``), and installed rule packs (``acme-rules``, ``acme-rules>=2``). The rules of all files come first, in
    the order of ``sources``, then what they extend.

    :raises RulesError: with every error of every file, or if a file cannot be read.
    """
    reader = _Reader()
    for source in sources:
        reader.add_source(str(source), _By(), later=True)
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


def only_sets_options(path: Path) -> bool:
    """Whether a file has options and nothing else that is about rules: there is nothing in it to check or to test.

    :raises RulesError: if it cannot be read.
    """
    data = read_toml(path)[0]
    table = (project_table(data) or {}) if path.name == PROJECT_FILE else data
    return "options" in table and table.keys() <= {"options", "schema"}


class _By(Struct, frozen=True):
    """Who names a source: a file or a script with its ``title``, empty for the caller.

    Paths are relative to ``directory``. ``chain`` are the files that led here, ``pack`` is the one that the file is in.
    """

    title: str = ""
    directory: Path = Path()
    chain: tuple[Path, ...] = ()
    pack: "Pack | None" = None

    def called(self, file: Path) -> str:
        """Return what a file is called in messages: one of the pack by its place there."""
        return self.pack.title(file) if self.pack and file.is_relative_to(self.pack.root) else str(file)


def _unknown(source: str, by: _By, *, versioned: bool) -> tuple[str, str]:
    """Return that ``source`` is not known, and what to do: a built-in set with a version, a directory, or a mistake."""
    if versioned:
        return f"{source!r}: a built-in set has no version of its own", "Name it without one; it comes with wheelfix."
    if source and is_directory(by.directory / source):
        return f"unknown rule set {source!r}", f"Write {source}/ for the directory."
    return f"unknown rule set {source!r}", f"{did_you_mean(source, BUILT_IN)} File names end with .toml."


class _Reader:
    """Collects rules and findings from all sources, each rule once."""

    def __init__(self) -> None:
        self._rules: dict[str, tuple[Rule, str]] = {}
        self._findings: list[tuple[RulePlace, Finding]] = []
        self._seen: set[Path] = set()
        self._later: list[tuple[Sequence[str], _By]] = []
        self._packs: dict[str, Pack] = {}
        """The packs that rules come from, by the titles of their files."""

    def add_source(self, source: str, by: _By, *, later: bool = False) -> None:
        """Add what ``source`` names: a file or a directory, a built-in set, or a pack.

        With ``later`` what a file extends waits for :meth:`finish`.
        """
        if "://" in source:
            place = _CREDENTIALS.sub("", source.partition("?")[0])  # the rest may be a signature
            what = f"{place!r} is a URL" if by.title else "it is a URL"
            self._refuse_source(place, by, what, "Download it: rules are read from local files only.")
        elif source.endswith(".toml"):
            self._add_file(by.directory / source, by, later=later)
        elif source.partition("/")[0] in BUILT_IN:
            self._add_built_in(source, by)
        elif "/" in source:
            self._add_directory(source, by, later=later)
        else:
            self._add_pack(source, by, later=later)

    def _add_directory(self, source: str, by: _By, *, later: bool) -> None:
        directory = by.directory / source
        try:
            files = sorted(path for path in directory.glob("*.toml") if path.name != PROJECT_FILE)
        except (OSError, ValueError) as error:
            self._refuse_source(source, by, f"invalid path {source!r}: {error}", "Check the path.")
            return
        if not files:
            what = f"there is no directory {source!r}"
            if is_directory(directory):
                what = f"no rule files in {source!r}"
            elif is_file(directory):
                what = f"{source!r} is not a rule file: its name does not end with .toml"
            self._refuse_source(source, by, what, "Rule files end with .toml.")
        for path in files:
            self._add_file(path, by, later=later)

    def _add_pack(self, source: str, by: _By, *, later: bool) -> None:
        from wheelfix.rules.packs import NoPack, find_pack, pack_requirement  # imported late: most files name no pack

        wanted = pack_requirement(source)
        try:
            pack = find_pack(wanted) if wanted is not None and wanted.name not in BUILT_IN else None
        except NoPack as error:
            if not closest(source, BUILT_IN) and not is_directory(by.directory / source):
                self._refuse_source(source, by, error.message, error.hint)
                return
            pack = None
        if pack is None:
            self._refuse_source(source, by, *_unknown(source, by, versioned=wanted is not None and wanted.name in BUILT_IN))
            return
        for path in [each for each in pack.files if each.name != PROJECT_FILE] or pack.files:  # as in a directory
            self._add_file(path, _By(by.title, by.directory, by.chain, pack), later=later)

    def _refuse_source(self, source: str, by: _By, message: str, hint: str) -> None:
        """Report that ``source`` cannot be used: at the place that names it, or at itself if the caller does."""
        key = "--only" if by.title == _COMMAND_LINE else "extends" if by.title else ""
        self._add(RulePlace(by.title or source), key, message, hint, code="rule-invalid-extends")

    def _add_built_in(self, source: str, by: _By) -> None:
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

    def _add_file(self, path: Path, by: _By, *, later: bool) -> None:
        real = self._new_file(path, by)
        if real is None:
            return
        self._seen.add(real)
        title = by.pack.title(real) if by.pack else str(path)
        try:
            data, text = read_toml(path)
        except RulesError as error:
            for each in error.findings:
                if by.title or by.pack:
                    said = f"{title}: {each.message}" if by.title else each.message  # else it is in front already
                    self._refuse_source(title, by, said, each.hint)
                else:
                    self._findings.append((RulePlace(str(path)), each))
            return
        if by.pack:
            self._packs[title] = by.pack
        extends = self._read_file(path, title, data, text)
        self._later.append((extends, _By(title, path.parent, (*by.chain, real), by.pack)))
        if not later:
            self._extend(*self._later.pop())

    def _new_file(self, path: Path, by: _By) -> Path | None:
        """Return the real path of a file that is to be read; ``None`` if it was, or must not be."""
        title = str(path)
        try:
            real = path.resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a NUL, or a link that leads to itself
            self._refuse_source(title, by, f"invalid path {title!r}: {error}", "Check the path.")
            return None
        if by.pack and not real.is_relative_to(by.pack.root):
            self._refuse_source(title, by, f"{path.name!r} is not in the pack {by.pack}", "A pack extends its own files.")
        elif len(by.chain) > _DEEPEST:
            self._refuse_source(title, by, f"nested more than {_DEEPEST} files deep", "Extend fewer files.")
        elif real in by.chain:
            circle = " -> ".join(map(by.called, (*by.chain[by.chain.index(real) :], real)))
            self._refuse_source(title, by, f"circular: {circle}", "Remove one of them.")
        elif real not in self._seen:
            return real
        return None

    def _extend(self, extends: Sequence[str], by: _By) -> None:
        for source in extends:
            self.add_source(source, by)

    def _read_file(self, path: Path, name: str, data: dict[str, Any], text: str) -> Sequence[str]:
        """Add the rules of a file that is called ``name``; return what it extends."""
        if path.name == PROJECT_FILE:
            table = project_table(data)
            if table is None:
                self._refuse_source(name, _By(), "no [tool.wheelfix] table", "Add it, or name another file.")
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
        titles = [title for _, title in self._rules.values()]
        origins = tuple(str(self._packs[title]) if title in self._packs else title for title in titles)
        packs = tuple(dict.fromkeys(map(str, self._packs.values())))
        return RuleSet(name, rules, digest_of(rules), origins, packs)


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
