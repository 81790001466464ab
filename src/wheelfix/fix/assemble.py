"""The new wheel before it is written: what becomes of the entries, and why it must not be written if it would be worse.

What the names alone show is found at once. Everything else is checked in the new wheel before anyone sees it:
an error of ``verify`` that the old one has not, whatever the cause, refuses the fix.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from packaging.utils import canonicalize_name

from wheelfix.errors import ArchiveError
from wheelfix.fix.plan import Plan, problem_of
from wheelfix.results import Problem
from wheelfix.text import shown
from wheelfix.verify.run import structural_errors
from wheelfix.verify.subject import RawFinding
from wheelfix.version import __version__
from wheelfix.wheel.installed import LIBRARY, place_of
from wheelfix.wheel.record import Record
from wheelfix.wheel.sbom import PROVENANCE, Ancestor, Provenance, write_provenance
from wheelfix.wheel.wheel import SIGNATURES, Wheel, new_name
from wheelfix.wheel.zip.encode import NewEntry
from wheelfix.wheel.zip.end import MOST_ENTRIES
from wheelfix.wheel.zip.layout import Layout, read_layout
from wheelfix.wheel.zip.rewrite import Edits, Preview
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import Entry


class Assembly:
    """What ``plan`` means for the entries of the archive of ``wheel``.

    Names in dist-info are those of the new wheel, except where it is said.
    """

    def __init__(self, wheel: Wheel, plan: Plan) -> None:
        self.wheel = wheel
        self.plan = plan
        self._before = wheel.provenance
        self._old = f"{wheel.dist_info}/"
        self._new = f"{plan.renaming.dist_info}/"
        written = dict(plan.written)
        if plan.new_metadata != plan.metadata:
            written["METADATA"] = plan.new_metadata
        self._replaced = {file: content for file, content in written.items() if wheel.entry(file)}
        self._added = {file: content for file, content in written.items() if not wheel.entry(file)}
        self.expected = {self._new + file: content for file, content in written.items()}
        """The content of every entry that is written, by name."""

    @property
    def only_metadata(self) -> bool:
        """Whether METADATA, the provenance and what follows from them are all that changes; RECORD has no other finding."""
        plan = self.plan
        same_files = not plan.written and not plan.removed_entries and {*plan.removed} <= {*SIGNATURES}
        return same_files and not plan.renaming.directories and plan.record is None

    @cached_property
    def removed(self) -> set[str]:
        """The entries that the new wheel does not have, by their old names."""
        return {*(self._old + file for file in self._removed), *self.plan.removed_entries}

    @property
    def _removed(self) -> set[str]:
        """The files of dist-info that the new wheel does not have, or has rewritten at its end."""
        return {*self.plan.removed, *([PROVENANCE] if self._before else ())}

    @property
    def added(self) -> set[str]:
        """The entries that take the place of no other; a new provenance comes last, wherever an older one was."""
        return {self._new + file for file in (*self._added, *([PROVENANCE] if self.plan.sbom else ()))}

    def name_of(self, entry: str) -> str:
        """Return what an entry of the old wheel is called in the new one."""
        return new_name(entry, self.plan.renaming.directories)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the provenance."""
        if self.plan.sbom or not self._before:
            return ()
        return ("The provenance of earlier fixes was removed with --no-sbom: it would be out of date.",)

    @property
    def edits(self) -> Edits:
        """The edits of the entries but for those at the end: new files, the provenance and RECORD."""
        entries = self.wheel.layout.entries if self.plan.renaming.directories else ()
        renamed = {each.name: name for each in entries if (name := self.name_of(each.name)) != each.name}
        return Edits(
            replaced={self._old + file: content for file, content in self._replaced.items()},
            renamed=renamed,
            removed=frozenset((*self.removed, f"{self._old}RECORD")),
        )

    def closing(self, source_sha256: str) -> Sequence[NewEntry]:
        """Return the last entries of the new archive."""
        metadata, record = self._like("METADATA"), self._like("RECORD")
        last = dict(self._added)
        if self.plan.sbom:
            last[PROVENANCE] = self._provenance(source_sha256)
        content = self._record(last)
        self.expected.update({self._new + file: content for file, content in {**last, "RECORD": content}.items()})
        return [
            *(NewEntry(self._new + file, new, metadata, added=True) for file, new in last.items()),
            NewEntry(f"{self._new}RECORD", content, record),
        ]

    def preview(self) -> Preview:
        """Return the new wheel as it would be, but for the sha256 of the old one in its provenance."""
        return Preview(self.wheel.source, self.wheel.layout, self.edits, self.closing("0" * 64))

    def _like(self, file: str) -> Entry:
        entry = self.wheel.entry(file)
        if entry is None:
            raise KeyError(file)  # Wheel does not open without it
        return entry

    def _provenance(self, source_sha256: str) -> bytes:
        plan, original = self.plan, Ancestor(self.plan.source.name, self.plan.origin_sha256 or source_sha256)
        return write_provenance(
            Provenance(__version__, (original,), plan.changes, plan.rules_digest, plan.rule_packs),
            project=canonicalize_name(plan.renaming.name or plan.project),
            version=plan.renaming.version or plan.version,
            diff=plan.metadata_diff,
            before=self._before,
        )

    def _record(self, last: dict[str, bytes]) -> bytes:
        record = self.wheel.record if self.plan.record is None else Record.parse(self.plan.record[1])
        record = record.without_any(self.plan.removed_rows).renamed(self.plan.renaming.directories)
        for file in self._removed:
            record = record.without(self._new + file)
        like, before = f"{self._new}METADATA", f"{self._new}RECORD"
        for file, content in {**self._replaced, **last}.items():
            record = record.with_content(self._new + file, content, like=like, before=before)
        return record.data


_ROW_OR_LINE: Final = re.compile(r"\b(row|line) \d+")
"""Where in a file something is: it moves when a row or a line is added or removed."""


def guarded(plan: Plan, wheel: Wheel, *, foresee: bool = False) -> Plan:
    """Return ``plan``, with a problem if applying it would break ``wheel``, or vouch for what may be damaged.

    Where nothing will be written, ``foresee`` checks what would be checked in the new wheel.

    :raises RecordError: if RECORD cannot be read.
    """
    if plan.problem or plan.is_empty:
        return plan
    problem = next(_problems(plan, wheel), None)
    if problem is None and foresee:
        assembly = Assembly(wheel, plan)
        preview = assembly.preview()
        try:
            problem = new_error(assembly, preview, read_layout(preview))
        except ArchiveError as error:
            problem = Problem(error.code, f"the fixed wheel could not be read: {error.message}", error.hint)
    return replace(plan, problem=problem) if problem else plan


def _problems(plan: Plan, wheel: Wheel) -> Iterator[Problem]:
    """Yield why ``plan`` must not be applied, as far as the new wheel is not needed to know."""
    if plan.sbom and wheel.entry(PROVENANCE) and wheel.provenance is None:
        yield Problem(
            "foreign-provenance",
            f"{PROVENANCE} in dist-info is not as wheelfix writes it, and the provenance would replace it",
            "Leave it there and write no provenance with --no-sbom, or build the wheel again without it.",
        )
    if plan.sbom and not plan.trusted and (problem := problem_of(wheel, PROVENANCE)):
        yield problem
    own = f"{wheel.dist_info}/RECORD"
    record = wheel.record if plan.record is None else Record.parse(plan.record[1])
    if any(row.digest or row.size for row in record.find(own)):
        yield Problem(
            "record-own-row-hash",
            "RECORD has a hash or a size for itself, which would be wrong afterwards",
            "Fix that as well with --repair, or first with `wheelfix repair`.",
        )
    yield from _too_many(plan, wheel)
    yield from _collisions(plan, wheel)


def _too_many(plan: Plan, wheel: Wheel) -> Iterator[Problem]:
    """Yield that the new wheel would have more entries than are read."""
    gone, added = _removed_and_added(plan, wheel)
    lost = sum(wheel.entry(file) is not None for file in gone) + len(plan.removed_entries)
    count = len(wheel.layout) - lost + len(added)
    if count > MOST_ENTRIES:
        yield Problem(
            "too-many-entries",
            f"the fixed wheel would have {count} files, more than are read",
            f"At most {MOST_ENTRIES} are read, to limit memory. Add none: the provenance is left out with --no-sbom.",
        )


def _removed_and_added(plan: Plan, wheel: Wheel) -> tuple[set[str], list[str]]:
    """Return the files of dist-info that the new wheel does not keep, and those that are added to it."""
    removed = {*plan.removed, *([PROVENANCE] if wheel.provenance else ())}
    return removed, [*(file for file in plan.written if wheel.entry(file) is None), *([PROVENANCE] if plan.sbom else ())]


def _collisions(plan: Plan, wheel: Wheel) -> Iterator[Problem]:
    """Yield the files that would be added where another file, or one of nearly the same name, is in the way."""
    removed, added = _removed_and_added(plan, wheel)
    depth = max((file.count("/") + 1 for file in added), default=0)
    removed_names = {*plan.removed_entries, *(f"{wheel.dist_info}/{file}" for file in removed)}
    data = f"{wheel.dist_info.removesuffix('.dist-info')}.data/"
    names = (_library_path(name, data) for name in wheel.layout.names if name not in removed_names)
    present = _folded_paths(names, wheel, depth)
    for file in added:
        name = f"{wheel.dist_info}/{file}"
        for path in _paths(name, depth + 1):
            known = present.get(_folded(path))
            if known is not None and (known != path or path == name):
                yield _collision(file, known)
                break
        present |= _folded_paths([name], wheel, depth)


def _library_path(name: str, data: str) -> str:
    """Return what the entry ``name`` is called once it is installed, where ``data``, the .data directory, moves it."""
    if not name.startswith(data):
        return name
    place = place_of(name, data)
    return f"{place.path}{'/' if name.endswith('/') else ''}" if place.root == LIBRARY else name


def _folded_paths(names: Iterable[str], wheel: Wheel, depth: int) -> dict[str, str]:
    """Return the spelling of files and directories in dist-info by what systems without case or Unicode forms make of it.

    Directories are followed ``depth`` deep. One that is dist-info to such systems only counts as well.
    """
    found, info = dict[str, str](), _folded(wheel.dist_info)
    tops = dict[str, bool]()  # whether each is dist-info: few directories, many files
    for name in names:
        top, slash, _ = name.partition("/")
        if slash and top not in tops:
            tops[top] = _folded(top) == info
        if slash and tops[top]:
            for path in _paths(name, depth + 1):
                if path.rstrip("/") != top:
                    found.setdefault(_folded(path), path)
    return found


def _paths(name: str, depth: int) -> Iterator[str]:
    """Yield the first ``depth`` directories that ``name`` lies in, each with a slash at its end, and then itself."""
    parts = name.rstrip("/").split("/", depth + 1)
    for count in range(1, min(len(parts) - 1, depth) + 1):
        yield "/".join(parts[:count]) + "/"
    if len(parts) <= depth:
        yield name


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path.rstrip("/")).casefold()


def _collision(file: str, known: str) -> Problem:
    kind = "directory" if known.endswith("/") else "file"
    hint = "Write no provenance with --no-sbom" if file == PROVENANCE else "Choose another name"
    return Problem(
        "name-collision",
        f"{shown(file)} would be added to dist-info, and the {kind} {shown(known)} is in its way",
        f"{hint}, or build the wheel again without it.",
    )


def new_error(work: Assembly, output: Readable, layout: Layout) -> Problem | None:
    """Return the error that the new wheel, ``output`` with ``layout``, has and the old one does not; ``None`` without one.

    Where only METADATA changes, ``layout`` need have no more than dist-info.
    It is cheap: contents are not compared with RECORD, and entries and rows that are copied as they are not checked.

    :raises SourceChanged, OSError: if one of the wheels cannot be read.
    """
    wheel, plan, directories = work.wheel, work.plan, work.plan.renaming.directories
    renamed = tuple(f"{new}/" for new in directories.values())
    only = {*work.expected, *(each.name for each in layout.entries if renamed and each.name.startswith(renamed))}
    filename = Path(str(plan.renaming.filename))
    rows = plan.record is not None or bool(directories) or bool(plan.removed_entries)
    found = structural_errors(
        filename, output, layout, only=only, rows=rows, only_metadata=work.only_metadata, checked=wheel.document
    )
    if not found:
        return None
    known = Counter(_key(each, {}) for each in structural_errors(wheel.path, wheel.source, wheel.layout))
    back = {new: old for old, new in directories.items()}
    new = next((each for each in found if not _take(known, _key(each, back))), None)
    if new is None:
        return None
    place = f"{new.place}: " if new.place else ""
    return Problem(
        "new-error",
        "the fixed wheel would have an error that it does not have now",
        "Change the rule or the option that causes it, or build the wheel again.",
        f"{new.code}: {place}{new.message}",
    )


def _take(known: Counter[tuple[str, str]], key: tuple[str, str]) -> bool:
    """Whether an error is known; each is known as often as it was found."""
    known[key] -= 1
    return known[key] >= 0


def _key(found: RawFinding, directories: Mapping[str, str]) -> tuple[str, str]:
    """Return by what an error is the same in both wheels: its code and its place, but for numbers, values and new names."""
    place = _ROW_OR_LINE.sub(r"\1", found.place)
    for new, old in directories.items():
        place = place.replace(new, old)
    field, colon, _ = place.partition(": ")
    return found.code, field if colon and field != "row" else place
