"""What would change in one wheel, as data. Planning reads the wheel and writes nothing."""

import difflib
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, assert_never

from wheelfix.edits import FIXED_FIELDS, OWN_FILES, AddField, Edit, RemoveField, RemoveFile, SetField, WriteFile
from wheelfix.errors import EditError
from wheelfix.escaping import shown
from wheelfix.metadata.fields import check_value, find
from wheelfix.metadata.requirement import read_requirement
from wheelfix.outcome import Change
from wheelfix.rules.actions import ACTIONS
from wheelfix.rules.matching import decide
from wheelfix.rules.model import RuleSet
from wheelfix.sbom import TRACE
from wheelfix.wheel import SIGNATURES, Wheel

if TYPE_CHECKING:
    from wheelfix.metadata.document import Field

_REQUIRES = "Requires-Dist"
_CONTEXT = 3
_MOST_COMPARISONS = 1_000_000
_HUNK = re.compile(r"^@@ -(\d+)(\S*) \+(\d+)(\S*) @@$")


@dataclass(frozen=True)
class Plan:
    """What is to become of one wheel.

    ``metadata`` is METADATA before, ``new_metadata`` after. ``written`` maps files of dist-info (without its name) to
    their new content, ``removed`` names those that go; METADATA and RECORD are in neither. ``kept`` lists the
    requirements on which a rule decided that they stay. ``rules_digest`` identifies the rules, ``None`` without any.
    """

    source: Path
    project: str
    version: str
    metadata: bytes
    new_metadata: bytes
    changes: tuple[Change, ...] = ()
    kept: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    written: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    removed: tuple[str, ...] = ()
    rules_digest: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the wheel would stay as it is, byte for byte."""
        return self.new_metadata == self.metadata and not self.written and not self.removed

    @cached_property
    def metadata_diff(self) -> str:
        """The unified diff of METADATA, empty if it does not change."""
        return unified_diff(self.metadata, self.new_metadata, self.source.name)


def unified_diff(before: bytes, after: bytes, name: str) -> str:
    """Return the unified diff of two METADATA files of the wheel called ``name``; control characters are escaped.

    Only what lies between the first and the last difference is compared line by line, and if that is long it is shown as
    replaced whole: comparing takes quadratic time.
    """
    if before == after:
        return ""
    old, new = (data.decode("utf-8", "replace").split("\n") for data in (before, after))
    first = _common_count(old, new)
    last = _common_count(old[first:][::-1], new[first:][::-1])
    start, rest = max(0, first - _CONTEXT), max(0, last - _CONTEXT)
    old, new = (list(map(_printable, lines[start : len(lines) - rest])) for lines in (old, new))
    title = shown(name)
    rows = [f"--- a/{title}/METADATA", f"+++ b/{title}/METADATA"]
    if len(old) * len(new) <= _MOST_COMPARISONS:
        hunks = list(difflib.unified_diff(old, new, n=_CONTEXT, lineterm=""))[2:]
        rows += [_HUNK.sub(lambda found: _moved(found, start), hunk) if hunk.startswith("@@") else hunk for hunk in hunks]
    else:
        rows.append(f"@@ -{start + 1},{len(old)} +{start + 1},{len(new)} @@")
        rows += [*(f"-{line}" for line in old), *(f"+{line}" for line in new)]
    return "".join(f"{row}\n" for row in rows)


def _common_count(one: list[str], two: list[str]) -> int:
    return next((index for index, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


def _moved(found: re.Match[str], start: int) -> str:
    """Return a hunk's ranges as those of the whole file, of which ``start`` lines were left out in front."""
    return f"@@ -{int(found[1]) + start}{found[2]} +{int(found[3]) + start}{found[4]} @@"


def _printable(line: str) -> str:
    return "\t".join(map(shown, line.removesuffix("\r").split("\t"))) + ("\\r" if line.endswith("\r") else "")


def make_plan(wheel: Wheel, rules: RuleSet | None = None, *, edits: Iterable[Edit] = ()) -> Plan:
    """Return what ``rules``, and then ``edits`` in their order, would change in ``wheel``.

    :raises EditError: if an edit is not possible.
    :raises RecordError: if RECORD would have to change and cannot be read.
    """
    draft = _Draft(wheel)
    if rules is not None:
        draft.apply_rules(rules)
    for edit in edits:
        draft.apply_edit(edit)
    return draft.finish(rules.digest if rules else None)


class _Draft:
    """A plan in the making."""

    def __init__(self, wheel: Wheel) -> None:
        self._wheel = wheel
        self._document = wheel.document
        self._changes: list[Change] = []
        self._kept: list[Change] = []
        self._notes: list[str] = []
        self._files: dict[str, bytes | None] = {}

    def apply_rules(self, rules: RuleSet) -> None:
        """Judge each requirement once, on what the wheel came with."""
        values: dict[Field, str | None] = {}
        for each in self._document.all(_REQUIRES):
            text = each.value.strip()
            requirement = read_requirement(text)
            if requirement is None:
                self._notes.append(f"METADATA: the requirement {shown(text)!r} cannot be read and stays as it is.")
                continue
            decision = decide(rules, self._wheel.project, requirement)
            if decision is None:
                continue
            rule = decision.rule
            after = text if decision.held_back else ACTIONS[rule.action](requirement)
            if after == text:
                reason = decision.held_back or rule.reason
                self._kept.append(Change(_REQUIRES, "keep", text, text, rule.id, reason=reason))
            else:
                values[each] = after
                self._changes.append(Change(_REQUIRES, rule.action, text, after, rule.id, reason=rule.reason))
        self._document = self._document.edited(values)

    def apply_edit(self, edit: Edit) -> None:
        match edit:
            case SetField(name, value):
                self._set_field(name, value)
            case AddField(name, value):
                self._add_field(name, value)
            case RemoveField(name, value):
                self._remove_field(name, value)
            case WriteFile(path, content):
                self._write_file(path, content)
            case RemoveFile(path):
                self._remove_file(path)
            case _:
                assert_never(edit)

    def _set_field(self, name: str, value: str) -> None:
        kind = find(name)
        if name.lower() in FIXED_FIELDS - {"metadata-version"}:
            raise EditError(
                "identity-field",
                f"{name} is part of the wheel's identity",
                hint="File name, folders and RECORD would have to follow; build the wheel under its new name.",
            )
        if kind and kind.multiple:
            raise EditError(
                "repeated-field", f"{kind.name} may stand many times", hint="Use AddField and RemoveField for it."
            )
        if name.lower() == "description" and self._document.has_body:
            raise EditError(
                "body-holds-description", "the description is the body of METADATA", hint="It would stand there twice."
            )
        check_value(kind.name if kind else name, value)
        present = self._document.all(name)
        if [each.value.strip() for each in present] == [value]:
            return
        if present:
            self._note_change(name, "set-field", present[0].value, value)
            for extra in present[1:]:
                self._note_change(name, "remove-field", extra.value, None)
            self._document = self._document.edited({present[0]: value, **dict.fromkeys(present[1:])})
        else:
            self._note_change(name, "set-field", None, value)
            self._document = self._document.adding(kind.name if kind else name, value)

    def _add_field(self, name: str, value: str) -> None:
        kind = find(name)
        if kind and not kind.multiple:
            raise EditError("single-field", f"{kind.name} stands only once", hint="Use SetField for it.")
        check_value(kind.name if kind else name, value)
        if value not in [each.value.strip() for each in self._document.all(name)]:
            self._note_change(name, "add-field", None, value)
            self._document = self._document.adding(kind.name if kind else name, value)

    def _remove_field(self, name: str, value: str | None) -> None:
        if name.lower() in FIXED_FIELDS:
            raise EditError("required-field", f"{name} must stand in every METADATA", hint="It cannot be removed.")
        gone = [each for each in self._document.all(name) if value is None or each.value.strip() == value]
        for each in gone:
            self._note_change(name, "remove-field", each.value, None)
        self._document = self._document.without(gone)

    def _note_change(self, name: str, action: str, before: str | None, after: str | None) -> None:
        kind = find(name)
        self._changes.append(Change(kind.name if kind else name, action, before.strip() if before else before, after))

    def _write_file(self, path: str, content: bytes) -> None:
        _check_path(path)
        present = filter(self._exists, {*self._wheel.dist_info_files, *self._files})
        if any(name.startswith(f"{path}/") or path.startswith(f"{name}/") for name in present):
            raise EditError("invalid-path", f"{shown(path)} is a folder, or a file above it", hint="Choose another name.")
        self._files[path] = content

    def _remove_file(self, path: str) -> None:
        _check_path(path)
        if not self._exists(path):
            raise EditError("no-such-file", f"there is no {shown(path)} in dist-info", hint="Check its spelling.")
        self._files[path] = None

    def _exists(self, path: str) -> bool:
        """Whether a dist-info file is there after the edits so far."""
        return self._files[path] is not None if path in self._files else self._wheel.member(path) is not None

    def _note_files(self) -> None:
        """Note what became of each file in the end; a file that is as it was is no change."""
        for path, content in list(self._files.items()):
            before = self._wheel.read(path) if self._wheel.member(path) else None
            if content == before:
                del self._files[path]
                continue
            action = "remove-file" if content is None else "add-file" if before is None else "replace-file"
            self._changes.append(Change(path, action, None, None))

    def finish(self, rules_digest: str | None) -> Plan:
        wheel, new_metadata = self._wheel, self._document.data
        if new_metadata == wheel.document.data:
            self._changes.clear()  # edits that undid each other
        self._note_files()
        if self._changes:
            self._check_companions()
        return Plan(
            wheel.path,
            wheel.project,
            wheel.version,
            wheel.document.data,
            new_metadata,
            tuple(self._changes),
            tuple(self._kept),
            tuple(self._notes),
            MappingProxyType({path: content for path, content in self._files.items() if content is not None}),
            tuple(path for path, content in self._files.items() if content is None),
            rules_digest,
        )

    def _check_companions(self) -> None:
        """See to the files that repeat or sign what changes."""
        wheel = self._wheel
        for name in SIGNATURES:
            if wheel.member(name):
                self._files[name] = None
                reason = "RECORD changes, so the signature is void (PEP 427; deprecated by PEP 815)"
                self._changes.append(Change(name, "remove-file", None, None, reason=reason))
        if wheel.member("metadata.json") and self._document.data != wheel.document.data:
            self._notes.append(
                "metadata.json (PEP 426, withdrawn) repeats the old METADATA and stays: installers do not read it."
            )
        path = f"{wheel.dist_info}/METADATA"
        if not wheel.record.find(path):
            self._notes.append("RECORD had no row for METADATA; the new one has.")
        elif not wheel.record.agrees(path, wheel.document.data):
            self._notes.append("METADATA did not match its hash in RECORD before; now it does.")


def _check_path(path: str) -> None:
    """Refuse a path that is no plain file below dist-info, or is a file that wheelfix looks after itself."""
    plain = posixpath.normpath(path) == path and not path.startswith(("/", "../")) and path not in (".", "..")
    if not plain or "\\" in path or ":" in path or shown(path) != path:
        raise EditError(
            "invalid-path", f"{shown(path)!r} is no path below dist-info", hint="Use one such as licenses/NOTICE."
        )
    if path.casefold() in {name.casefold() for name in (*OWN_FILES, *SIGNATURES, TRACE)}:
        raise EditError("own-file", f"{path} is not written or removed whole", hint="Use SetField and the like.")
