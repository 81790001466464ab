"""Reads manifests: TOML, of which every error is reported at once, each with its place."""

import re
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, get_args, get_origin

from msgspec import Struct

from wheelfix.codes import shown_place
from wheelfix.errors import MirrorError, RulesError
from wheelfix.locations import is_directory, is_file, path_of_file_url
from wheelfix.mirror.naming import is_bucket, problem_of_mirror
from wheelfix.options import Policy, Scan, Targets
from wheelfix.results import Finding, Severity
from wheelfix.rules import BUILT_IN
from wheelfix.rules.load import load_rules
from wheelfix.sync.manifest import validate
from wheelfix.sync.manifest.form import Keep, ManifestFile, MirrorTable, SourceTable, Time
from wheelfix.sync.manifest.model import SCHEMA, Local, Manifest, OnRulesChange, Sdists, Source
from wheelfix.sync.manifest.registry import ManifestPlace, manifest_error
from wheelfix.tables import MISSING, ORDINARY, Language, Report, fields_of, meant_key, read_values, word_of
from wheelfix.text import cut
from wheelfix.toml import KeyPath, TomlError, key_lines, read_toml
from wheelfix.upstream.buckets import split_bucket_url
from wheelfix.upstream.urls import name_of_index

_LARGEST: Final = 1 << 20
"""The size in bytes of the largest manifest: a thousand projects take 20 kB."""
_MOST_ERRORS: Final = 1000
"""After how many errors reading ends: finding what was meant by each takes its time."""
_INDEX: Final = re.compile(r"\[\d+\]")
_GUARDS: Final = frozenset({"force", "overwrite", "replace", "single-writer", "trust-content"})
"""Options that lower a guard, beside all that begin with ``allow-``."""
_GUARD_VALUES: Final[Mapping[str, str]] = {"scan": "never"}
"""Values that lower one."""
_OF_COMMAND: Final = frozenset({"allow-removals", "allow-unproven", "allow-mixed", "single-writer"})
"""Those of a sync."""


def read_manifest(path: Path | str) -> Manifest:
    """Return the manifest in the file at ``path``; its ``warnings`` are what does not keep it from being used.

    Rule files are read, too, so that the errors of all are reported at once.

    :raises ManifestError: if it is not there, or has errors, which it lists all.
    """
    return _Reader(Path(path)).read()


def name_from_index(url: str) -> str:
    """Return what a source without a name is called: host and path of its index, the same in every order of sources.

    >>> name_from_index("https://PyPI.org:443/simple")
    'pypi.org/simple'
    """
    return name_of_index(url).partition("://")[2].rstrip("/")


def _is_integer(data: object) -> bool:
    return isinstance(data, int) and not isinstance(data, bool)


_FORMS: Final[tuple[tuple[Any, Callable[[object], bool], str], ...]] = (
    (Keep, lambda data: _is_integer(data) or data == validate.ALL, f'a number or "{validate.ALL}"'),
    (Time, lambda data: _is_integer(data) or isinstance(data, str), "a time such as 36h or '30 days'"),
)
"""The types of values that have more than one form, how they are known, and what they are called."""


def _read_special(kind: Any, data: object, path: str, report: Report) -> Any:
    """Return the tables as they are, which are read one by one; and what is a number or a word."""
    if kind is MirrorTable or (get_origin(kind) is tuple and get_args(kind)[0] is SourceTable and isinstance(data, list)):
        return data
    if isinstance(data, float) and path.rpartition(".")[2].startswith("pythons"):
        report(path, f"expected a string, found {word_of(data)}", "Write it in quotes: without them 3.10 is 3.1.")
        return MISSING
    for form, is_form, words in _FORMS:
        if kind == form:
            if is_form(data):
                return data
            report(path, f"expected {words}, found {word_of(data)}", "Correct the value.")
            return MISSING
    return ORDINARY


def _places() -> dict[tuple[Any, str], str]:
    """Return for each table and each key that it does not have the table that has it; `[mirror]` where two have it."""
    tables = {SourceTable: "below [[source]]", MirrorTable: "below [mirror]", ManifestFile: "above [mirror]"}
    return {
        (wrong, key): f"Put it {place}."
        for right, place in tables.items()
        for key in fields_of(right)
        for wrong in tables
        if key not in fields_of(wrong)
    }


_LANGUAGE: Final = Language(
    unknown_key="manifest-unknown-key",
    missing_key="manifest-missing-key",
    places=_places(),
    headed=frozenset({SourceTable}),
    special=_read_special,
)
_OUTER: Final[KeyPath] = ()
_FILES: Final = frozenset({"projects", "lock"})
"""The keys of a source that name what is to come from it."""
_NO_LINE: Final = 1 << 30


def _lowers_guard(key: str, value: object) -> bool:
    return key in _GUARDS or key.startswith("allow-") or (key in _GUARD_VALUES and value == _GUARD_VALUES[key])


class _Reader:
    """Reads one manifest, and collects what is wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._directory = path.parent
        self._text = ""
        self._found: list[tuple[int, Finding]] = []
        """What is wrong, each with its line; what is in no line, or in a rule file, comes last."""
        self._errors = 0
        self._titles: dict[KeyPath, str] = {}
        """What the source in each table is called in messages."""

    @cached_property
    def _lines(self) -> Mapping[KeyPath, int]:
        return key_lines(self._text)

    def _add(self, table: KeyPath, key: str, message: str, hint: str, *, code: str = "manifest-invalid-value") -> None:
        """Report what is wrong with the value at ``key``, which is as it is shown, in the table at the path ``table``.

        :raises ManifestError: if there are so many errors that it cannot be meant as a manifest.
        """
        place: KeyPath = (*table, *_INDEX.sub("", key).split(".")) if key else table
        while place and place not in self._lines:
            place = place[:-1]
        line = self._lines.get(place)
        where = ManifestPlace(str(self._path), self._titles.get(table, ""), line)
        finding = where.finding(code, message, key=key, hint=hint)
        self._found.append((line or _NO_LINE, finding))
        self._errors += finding.severity is Severity.ERROR
        if self._errors == _MOST_ERRORS:
            raise manifest_error(self._findings)

    @property
    def _findings(self) -> tuple[Finding, ...]:
        return tuple(finding for _, finding in sorted(self._found, key=itemgetter(0)))

    def read(self) -> Manifest:
        """Return the manifest.

        :raises ManifestError: if there is an error.
        """
        try:
            data, self._text = read_toml(self._path, largest=_LARGEST, if_larger="Check the path.")
        except TomlError as error:
            place = ManifestPlace(str(self._path), line=error.line)
            raise manifest_error([place.finding("manifest-unreadable", error.message, hint=error.hint)]) from error
        self._check_schema(data.get("schema"))
        read_values(_LANGUAGE, ManifestFile, self._without_guards(_OUTER, "", data), "", partial(self._add, _OUTER))
        mirror = self._read_table(MirrorTable, _OUTER, "mirror", data["mirror"]) if "mirror" in data else {}
        sources = self._read_sources(data.get("source"), dependencies=mirror.get("dependencies", False))
        rules, store = self._rules(mirror.get("rules", ("gpu",))), self._store(mirror.get("store"))
        if any(each.severity is Severity.ERROR for each in self._findings):
            raise manifest_error(self._findings)
        return self._manifest(MirrorTable(**mirror), [SourceTable(**each) for each in sources], rules, store)

    def _check_schema(self, schema: object) -> None:
        """Confirm that the manifest is not for a later version, whose keys this one would report as unknown.

        :raises ManifestError: if it is.
        """
        if isinstance(schema, int) and not isinstance(schema, bool) and schema > SCHEMA:
            number = f"{schema:,}" if schema < 10**9 else "larger"
            message = f"is {number}, and this wheelfix reads {SCHEMA}"
            self._add(_OUTER, "schema", message, "Upgrade wheelfix.", code="manifest-newer")
            raise manifest_error(self._findings)

    def _without_guards(self, table: KeyPath, path: str, data: object) -> object:
        """Return a table without the keys that would lower a guard, which are reported."""
        if not isinstance(data, dict):
            return data
        guards = [key for key, value in data.items() if _lowers_guard(key, value)]
        for key in guards:
            place = f"{path}.{cut(key, 40)}" if path else cut(key, 40)
            lowers = "it would turn off a safety check in every run"
            what = f"{data[key]} is not allowed here" if key in _GUARD_VALUES else "not a key"
            message = f"{'allowed on the command line only' if key in _OF_COMMAND else what}: {lowers}"
            self._add(table, place, message, "Remove it.", code="manifest-command-line-only")
        return {key: value for key, value in data.items() if key not in guards}

    def _read_table(self, kind: type[Struct], table: KeyPath, path: str, data: object) -> dict[str, Any]:
        """Return the values of a table that have the right type; ``path`` is in front of its keys in messages."""
        plain = self._without_guards(table, path, data)
        values, _ = read_values(_LANGUAGE, kind, plain, path, partial(self._add, table))
        in_items = validate.findings_in_items(plain) if isinstance(plain, dict) else ()
        for key, code, message, hint in (*in_items, *validate.findings_in(kind, values), *validate.warnings_in(values)):
            self._add(table, _joined(path, key), message, hint, code=code)
        return values

    def _read_sources(self, data: object, *, dependencies: bool) -> list[dict[str, Any]]:
        tables = data if isinstance(data, list) else []
        if data == []:
            hint = "Write a table [[source]] with an index."
            self._add(_OUTER, "source", "the list is empty", hint, code="manifest-no-sources")
        may_be_bare = dependencies and any(map(_names_files, tables))
        sources = []
        for number, each in enumerate(tables):
            place: KeyPath = ("source", number)
            self._titles[place] = _title(each, number + 1)
            values = self._read_table(SourceTable, place, "", each)
            if isinstance(each, dict) and not _names_files(each) and not _means_files(each):
                self._check_bare(place, values, is_allowed=may_be_bare)
            self._check_locks(place, values)
            if not dependencies:
                self._check_extras(place, values)
            sources.append(values)
        self._check_names(sources)
        self._check_projects(sources)
        return sources

    def _check_bare(self, place: KeyPath, values: Mapping[str, Any], *, is_allowed: bool) -> None:
        """Report a source that names no files, unless what other sources name may require some of it; a family does not."""
        if not is_allowed:
            hint = "List what is to come from it."
            self._add(place, "", "has neither projects nor lock", hint, code="manifest-nothing-wanted")
        elif values.get("family"):
            self._add(place, "family", "has no projects", validate.FAMILY_HINT, code="manifest-small-family")

    def _check_locks(self, place: KeyPath, values: Mapping[str, Any]) -> None:
        """Report lock files that are not there."""
        for number, lock in enumerate(values.get("lock", ())):
            if not is_file(self._directory / lock):
                path = self._directory / lock
                what, hint = f"there is no file {cut(str(path))}", "Check the path: it is relative to the manifest."
                if is_directory(path):
                    what, hint = f"{cut(str(path))} is a directory", "Name the lock file."
                self._add(place, f"lock[{number}]", what, hint, code="manifest-lock-missing")

    def _check_extras(self, place: KeyPath, values: Mapping[str, Any]) -> None:
        """Report extras, which choose nothing where a mirror does not have what its files require."""
        for number, text in enumerate(values.get("projects", ())):
            if (found := validate.requirement_of(text)) and found.extras:
                message, hint = (
                    f"the extra of {cut(text)} chooses nothing",
                    "Set dependencies = true, or list what it requires.",
                )
                self._add(place, f"projects[{number}]", message, hint, code="manifest-extra")

    def _check_names(self, sources: list[dict[str, Any]]) -> None:
        """Report the sources that have the name of an earlier one."""
        seen = set[str]()
        for number, values in enumerate(sources):
            name = _name(values)
            if name in seen:
                hint = "Give each source its own name."
                self._add(("source", number), "name", "used by another source", hint, code="manifest-duplicate-name")
            if name:
                seen.add(name)

    def _check_projects(self, sources: list[dict[str, Any]]) -> None:
        """Report the projects that an earlier source lists, too: that one serves them."""
        first: dict[str, int] = {}
        for number, values in enumerate(sources):
            for index, text in enumerate(values.get("projects", ())):
                project = validate.name_of(text)
                other = first.setdefault(project, number) if project else number
                if other != number:
                    title = self._titles["source", other]
                    message = f"{project} is also listed by source {title}, which serves it if it has it"
                    place = ("source", number)
                    self._add(
                        place, f"projects[{index}]", message, "Remove it from one of them.", code="manifest-project-twice"
                    )

    def _rules(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        """Return the rules with paths that hold from the working directory, after reading them."""
        found = {self._rule_path(text): text for text in texts}
        try:
            if found:
                load_rules(*found)
        except RulesError as error:
            places = {shown_place(path): text for path, text in found.items()}
            for each in error.findings:
                text = places.get(each.place)
                if text is None:
                    self._found.append((_NO_LINE, each))  # it is in a rule file, and says where
                else:
                    message = each.message if shown_place(text) in each.message else f"{cut(text)}: {each.message}"
                    self._add(_OUTER, "mirror.rules", message, each.hint, code="manifest-invalid-rules")
        return tuple(found)

    def _rule_path(self, text: str) -> str:
        is_path = text.endswith(".toml") or ("/" in text and text.partition("/")[0] not in BUILT_IN)
        if not is_path or "://" in text:
            return text
        return f"{self._directory / text}{'/' if text.endswith('/') else ''}"

    def _store(self, text: str | None) -> str:
        """Return where the mirror is, from the working directory."""
        if text is None:
            return ""
        wrong = _problem_of_store(text, self._directory)
        if wrong:
            self._add(_OUTER, "mirror.store", *wrong, code="manifest-invalid-store")
        return text if "://" in text else str(self._directory / text)

    def _manifest(self, mirror: MirrorTable, sources: list[SourceTable], rules: tuple[str, ...], store: str) -> Manifest:
        return Manifest(
            path=self._path,
            store=store,
            sources=tuple(self._source(mirror, each) for each in sources),
            rules=rules,
            on_rules_change=OnRulesChange(mirror.on_rules_change),
            dependencies=mirror.dependencies,
            prune_after=None if mirror.prune_after == validate.NEVER else validate.seconds_of(mirror.prune_after),
            targets=Targets(mirror.platforms, mirror.pythons),
            policy=Policy(
                scan=Scan(mirror.scan), skip_gpu_builds=mirror.skip_gpu_builds, skip_unproven=mirror.skip_unproven
            ),
            repair=mirror.repair,
            warnings=self._findings,
        )

    def _source(self, mirror: MirrorTable, source: SourceTable) -> Source:
        keep = mirror.keep if source.keep is None else source.keep
        min_age = mirror.min_age if source.min_age is None else source.min_age
        platforms = mirror.platforms if source.platforms is None else source.platforms
        return Source(
            name=source.name or name_from_index(source.index),
            index=source.index,
            projects=source.projects,
            locks=tuple(self._directory / each for each in source.lock),
            family=source.family,
            local=Local(source.local),
            keep=keep if isinstance(keep, int) else None,
            min_age=validate.seconds_of(min_age),
            sdists=Sdists(source.sdists or mirror.sdists),
            targets=Targets(platforms, mirror.pythons if source.pythons is None else source.pythons),
        )


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path and key else path or key


def _names_files(data: object) -> bool:
    """Whether a source says itself what is to come from it."""
    return isinstance(data, dict) and not _FILES.isdisjoint(data)


def _means_files(data: Mapping[str, object]) -> bool:
    """Whether a source has a misspelled key for that, which is an error of its own."""
    unknown = (key for key in data if key not in fields_of(SourceTable))
    return any(meant_key(SourceTable, key) in _FILES for key in unknown)


def _title(data: object, number: int) -> str:
    """Return what a source is called in messages: its name, or else its number."""
    values = data if isinstance(data, dict) else {}
    strings = {key: values[key] for key in ("name", "index") if isinstance(values.get(key), str)}
    return _name(strings) or f"number {number}"


def _name(values: Mapping[str, Any]) -> str:
    """Return the name of a source, given or from its index; empty if neither is valid."""
    name, index = values.get("name"), values.get("index")
    if name is not None and not validate.name(name):
        return str(name)
    return name_from_index(index) if index and name is None and not validate.index(index) else ""


def _problem_of_store(text: str, directory: Path) -> tuple[str, str] | None:
    """Return why ``text`` cannot be a mirror, and what to do, ``None`` if nothing is wrong."""
    hint = "Name a directory, or a bucket such as s3://bucket/prefix."
    if text.startswith("~") or "\0" in text:
        return f"{text!r} is not a whole path", "Write the whole path: only a shell knows ~."
    if "://" not in text and is_file(directory / text):
        return f"{cut(text)} is a file; a mirror is a directory or a bucket", hint
    try:
        message, _, more = problem_of_mirror(text).partition(". ") if not is_file(Path(text)) else ("", "", "")
    except OSError as error:  # a name that is too long, or a directory that may not be searched
        return f"{cut(text)} cannot be a mirror: {error.strerror}", "Check the path."
    if message:
        return f"{message[0].lower()}{message[1:].rstrip('.')}", more or hint
    if text.lower().startswith("file:") and path_of_file_url(text) is None:
        return f"{cut(text)} is not the URL of a directory of this machine", "Write it as file:///srv/wheels."
    try:
        if is_bucket(text):
            split_bucket_url(text)
    except MirrorError as error:
        return f"{error.message}: {error.reason}" if error.reason else error.message, error.hint
    return None
