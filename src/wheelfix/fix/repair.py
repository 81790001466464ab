"""What fixes the findings in one wheel, as a plan."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace
from packaging.version import Version

from wheelfix.codes import Fix
from wheelfix.errors import MetadataError
from wheelfix.fix.assemble import Assembly
from wheelfix.fix.naming import FILE_NAME, Renaming, rename_to_agree, with_new_names
from wheelfix.fix.plan import Plan, void_signatures
from wheelfix.options import Selection
from wheelfix.results import Change, ChangeAction
from wheelfix.text import shown
from wheelfix.verify.hashing import Sums
from wheelfix.verify.metadata import LICENSE_FILE
from wheelfix.verify.registry import CHECKS
from wheelfix.verify.run import examine, reported
from wheelfix.verify.subject import (
    AddRow,
    ChangeRow,
    LetNamesAgree,
    RawFinding,
    RewriteField,
    RewriteMetadata,
    SetWheelField,
    SetWheelTags,
)
from wheelfix.wheel.editor import Editor
from wheelfix.wheel.edits import AddField, RemoveFile, SetField
from wheelfix.wheel.identity import agreed
from wheelfix.wheel.metadata import Document, Field
from wheelfix.wheel.wheel import Wheel

if TYPE_CHECKING:
    from wheelfix.wheel.record import RowEdit

_LEVEL: Final = "Metadata-Version"
_BACKSLASHES: Final = "archive-unsafe-name"
"""The code of names with backslashes, for which the archive is rebuilt."""
_REWRITTEN: Final = ("METADATA", "WHEEL")
"""Files that a repair rewrites: a new row of RECORD would vouch for content that RECORD contradicts now."""

Kind = TypeVar("Kind")


class Repair(Struct, frozen=True):
    """What fixes one wheel, as a plan, and what was found in the wheel as it came; ``sums`` are those of its entries."""

    plan: Plan
    found: Sequence[RawFinding]
    sums: Mapping[str, Sums]
    trusted: bool

    def concluded(self, plan: Plan, wheel: Wheel) -> Plan:
        """Return ``plan``, which this repair is a part of, with what is left: the findings in its result.

        Where it changes nothing, or is refused, they are those of ``wheel`` as it came. Notes say what was not fixed, and
        why. Contents that do not change are not read again.
        """
        is_done = not plan.problem and not plan.is_empty
        found = self._in_result(plan, wheel) if is_done else self.found
        dist_info = plan.renaming.dist_info if is_done else wheel.dist_info
        in_doubt = _contradicted(found, dist_info, trusted=self.trusted)
        notes = () if plan.problem else tuple(_notes(found, in_doubt))
        return replace(plan, left=tuple(each.finding for each in reported(found)), notes=(*plan.notes, *notes))

    def _in_result(self, plan: Plan, wheel: Wheel) -> Sequence[RawFinding]:
        assembly = Assembly(wheel, plan)
        result = assembly.preview()
        names = {old: assembly.name_of(old) for old in self.sums}
        known = {names[old]: each for old, each in self.sums.items() if names[old] not in assembly.expected}
        path = wheel.path.with_name(str(plan.renaming.filename))
        return examine(path, source=result, known=known).of_all().found


class NewContainer(Struct, frozen=True):
    """What a new container of the archive means for a repair: its ``change``, and the findings that went away with it.

    ``sums`` are those of the entries, which need not be read again.
    """

    change: Change
    fixed: Sequence[RawFinding]
    sums: Mapping[str, Sums]


def make_repair(
    wheel: Wheel,
    selection: Selection,
    *,
    trust_content: bool = False,
    rename_dist_info: bool = False,
    sbom: bool = True,
    container: NewContainer | None = None,
) -> Repair:
    """Return what fixes the findings in ``wheel`` that ``selection`` includes; all its entries are read.

    With ``rename_dist_info`` file name, directories and METADATA agree afterwards, where it is plain which of them is wrong.
    Where ``wheel`` is read from a new ``container``, that is a part of the repair.

    :raises EditError: if two directories of the wheel would get the same name.
    :raises MetadataError: if readers disagree about METADATA and that is not fixed.
    :raises RecordError: if RECORD cannot be read.
    """
    examined = examine(wheel.path, source=wheel.source, known=container.sums if container else {}).of_all()
    found = examined.found
    in_doubt = _contradicted(found, wheel.dist_info, trusted=trust_content)
    fixed = [
        each
        for each in found
        if (rename_dist_info or CHECKS[each.code].fix is not Fix.RENAMED)
        and _may_fix(each, selection, trust_content=trust_content)
        and _file_changed_by(each) not in in_doubt
    ]
    metadata, metadata_changes = _fix_metadata(wheel, fixed, rebuilt=container is not None)
    renaming, metadata, name_changes = _fix_names(wheel, metadata, fixed)
    written, wheel_changes = _fix_wheel_file(wheel, fixed)
    record, record_changes = _fix_record(wheel, fixed)
    rebuilt = [container.change] if container else []
    removals = _removals(wheel, fixed, changed=bool(fixed or metadata_changes) or (bool(rebuilt) and sbom))
    changes = [*rebuilt, *metadata_changes, *name_changes, *wheel_changes, *record_changes, *removals]
    plan = Plan(
        wheel.path,
        wheel.project,
        wheel.version,
        renaming,
        wheel.document.data,
        metadata,
        tuple(changes),
        written=written,
        removed=tuple(change.field for change in changes if change.action is ChangeAction.REMOVE_FILE),
        record=record,
        trusted=trust_content,
        sbom=sbom,
    )
    return Repair(plan, [*(container.fixed if container else ()), *found], examined.sums, trust_content)


def _contradicted(found: Iterable[RawFinding], dist_info: str, *, trusted: bool) -> frozenset[str]:
    """Return the files of ``dist_info`` that are not rewritten: RECORD contradicts them, and the content is not trusted."""
    contradicted = {each.file for each in found}
    return frozenset(file for file in _REWRITTEN if not trusted and f"{dist_info}/{file}" in contradicted)


def _removals(wheel: Wheel, fixed: Sequence[RawFinding], *, changed: bool) -> list[Change]:
    """Return the removal of files: those that are findings, and signatures that become void if anything is ``changed``."""
    found = {
        edit.path: Change(edit.path, ChangeAction.REMOVE_FILE, None, None, reason=each.code)
        for each, edit in _each(fixed, RemoveFile)
    }
    void = {change.field: change for change in void_signatures(wheel)} if changed else {}
    return [*{**void, **found}.values()]


def _may_fix(found: RawFinding, selection: Selection, *, trust_content: bool) -> bool:
    finding, by_name = found.finding, CHECKS[found.code].fix is Fix.SELECTED
    chosen = found.code in selection.select if by_name else selection.includes(found.code)
    unasked = finding.fixable and not finding.needs_rebuild  # a new container is made before, or not at all
    return chosen and unasked and (trust_content or not finding.needs_trust)


def _file_changed_by(found: RawFinding) -> str:
    """Return the file that changes by what fixes a finding, and with it what RECORD says of it; empty for RECORD alone."""
    if any(isinstance(each, RewriteField | RewriteMetadata | SetField | AddField) for each in found.fixes):
        return "METADATA"
    if any(isinstance(each, LetNamesAgree) and each.version is not None for each in found.fixes):
        return "METADATA"
    return "WHEEL" if any(isinstance(each, SetWheelField | SetWheelTags) for each in found.fixes) else ""


def _each(fixed: Iterable[RawFinding], kind: type[Kind]) -> Iterator[tuple[RawFinding, Kind]]:
    """Yield the fix steps of ``kind``, each with its finding."""
    for found in fixed:
        for each in found.fixes:
            if isinstance(each, kind):
                yield found, each


def _notes(left: Sequence[RawFinding], in_doubt: Collection[str]) -> Iterator[str]:
    """Yield a note for each code that remains, with its first place, and one on names that are not corrected."""
    count = Counter(each.code for each in left)
    for code, number in count.items():
        first = next(each for each in left if each.code == code)
        where = f"{first.place}: " if first.place else ""
        more = f", and {number - 1} more" if number > 1 else ""
        yield shown(f"not fixed: {code}: {where}{first.message}{more}.{_next_step(code, first, in_doubt)}")
    if any(each.code in _DISAGREEMENTS and not each.fixes for each in left):
        yield _UNCLEAR


def _next_step(code: str, found: RawFinding, in_doubt: Collection[str]) -> str:
    if not found.fixes:
        return ""
    file = _file_changed_by(found)
    if file in in_doubt:
        return f" {file} may be damaged, as RECORD contradicts it. If it is right, use `repair --trust-content`."
    if found.finding.needs_rebuild:
        return " To write the contents into a new container, use `repair --rebuild-archive`."
    if found.file:
        return " The file may be damaged. If it is right, use `repair --trust-content`, which changes RECORD."
    if CHECKS[code].fix is Fix.RENAMED:
        return " To correct the place that is wrong, use `repair --rename-dist-info`."
    return f" It may be intended. To remove it, use `repair --select {code}`." if CHECKS[code].fix is Fix.SELECTED else ""


_OF_VERSION: Final = "filename-version-differs"
_DISAGREEMENTS: Final = frozenset({"filename-name-differs", _OF_VERSION, "dist-info-name-differs", "dist-info-spelling"})
"""Findings on file name, dist-info and METADATA that say different names or versions."""
_UNCLEAR: Final = (
    "Names are not corrected: `repair --rename-dist-info` corrects only dist-info where METADATA and the file name agree, "
    "and a local version that one of these two lacks and dist-info has. Set all of them with `wheelfix edit --name NAME "
    "--version VERSION`."
)


def _fix_names(wheel: Wheel, metadata: bytes, fixed: Sequence[RawFinding]) -> tuple[Renaming, bytes, list[Change]]:
    """Return what the wheel is called once its names agree, METADATA with its version then, and the changes."""
    codes = [found.code for found, _ in _each(fixed, LetNamesAgree)]
    document = Document.parse_leniently(metadata)
    agreement = agreed(wheel.filename, wheel.dist_info, document.first("Name"), document.first("Version"))
    if not codes or agreement is None:
        return Renaming(wheel.filename, wheel.dist_info), metadata, []
    renaming = rename_to_agree(wheel, agreement)
    names = with_new_names(wheel, document, renaming)
    of_directory = next((code for code in codes if code != _OF_VERSION), codes[0])
    changes = [
        replace(change, reason=_OF_VERSION if change.field in ("Version", FILE_NAME) else of_directory)
        for _, change in names.changes
    ]
    return renaming, names.document.data, changes


def _fix_metadata(wheel: Wheel, fixed: Sequence[RawFinding], *, rebuilt: bool) -> tuple[bytes, list[Change]]:
    """Return METADATA with its findings fixed, and the changes; files have other names where the archive is ``rebuilt``."""
    changes: list[Change] = []
    data = wheel.document.data
    for found, whole in _each(fixed, RewriteMetadata):
        data = whole.data
        changes.append(Change("METADATA", ChangeAction.FIX_LINE_ENDS, None, None, reason=found.code))
    try:
        document = Document.parse(data)
    except MetadataError:
        if any(isinstance(each, RewriteField | SetField | AddField) for found in fixed for each in found.fixes):
            raise
        return data, changes
    renamed = _licenses_with_slashes(document, wheel) if rebuilt else ()
    document, rewritten = _rewrite_fields(document, [*fixed, *renamed])
    editor = Editor(document)
    added: dict[tuple[str, str], list[str]] = {}
    for found, add in _each(fixed, AddField):
        added.setdefault((found.code, add.name), []).append(add.value)
    for (code, name), texts in added.items():
        editor.reason = code
        editor.add_field(name, *texts)
    levels = [(found, edit.value) for found, edit in _each(fixed, SetField) if isinstance(edit.value, str)]
    if levels:
        found, level = max(levels, key=lambda each: Version(each[1]))
        editor.reason = found.code
        editor.set_field(_LEVEL, level)
    return editor.document.data, [*changes, *rewritten, *editor.changes]


def _licenses_with_slashes(document: Document, wheel: Wheel) -> Iterator[RawFinding]:
    """Yield the values of License-File that name a file with backslashes, which has slashes in a new container.

    Whatever is selected: PyPI looks for the file under the value, and took the wheel when both had backslashes.
    """
    for field in document.all(LICENSE_FILE):
        slashed = field.value.replace("\\", "/")
        if slashed != field.value and wheel.entry(f"licenses/{slashed}") is not None:
            message = "the file that it names has slashes in the new container"
            yield RawFinding(_BACKSLASHES, LICENSE_FILE, message, (RewriteField(field.start, slashed),))


def _rewrite_fields(document: Document, fixed: Sequence[RawFinding]) -> tuple[Document, list[Change]]:
    """Return METADATA with other values of fields that are there, or without them, and the changes."""
    changes: list[Change] = []
    values: dict[Field, str | None] = {}
    by_start = {field.start: field for field in document.fields}
    for found, rewrite in _each(fixed, RewriteField):
        field = by_start[rewrite.start]
        values[field] = rewrite.value
        action = ChangeAction.REMOVE_FIELD if rewrite.value is None else ChangeAction.SET_FIELD
        before = field.value.strip()
        before = field.value if before == rewrite.value else before  # spaces are all that changes
        changes.append(Change(field.name, action, before, rewrite.value, reason=found.code))
    return (document.edited(values) if values else document), changes


def _fix_wheel_file(wheel: Wheel, fixed: Sequence[RawFinding]) -> tuple[dict[str, bytes], list[Change]]:
    """Return WHEEL with its fields fixed, as a file to be written, and the changes; nothing where it is not changed."""
    fields = [(found.code, fix.name, fix.value) for found, fix in _each(fixed, SetWheelField)]
    listing = next((found.code for found, _ in _each(fixed, SetWheelTags)), None)
    if not fields and listing is None:
        return {}, []
    from wheelfix.fix.retag import list_tags, set_wheel_field  # imported late: few wheels need it

    content, changes = wheel.read("WHEEL"), list[Change]()
    for code, name, value in fields:
        content, change = set_wheel_field(content, name, value)
        changes.append(replace(change, reason=code))
    if listing is not None:
        content, change = list_tags(content, wheel.filename)
        changes.append(replace(change, reason=listing))
    return {"WHEEL": content}, changes


def _fix_record(wheel: Wheel, fixed: Sequence[RawFinding]) -> tuple[tuple[bytes, bytes] | None, list[Change]]:
    """Return RECORD before and after its findings are fixed, ``None`` where it has none, and the changes."""
    rows: dict[int, RowEdit] = {}
    reasons: dict[int, str] = {}
    for found, each in _each(fixed, ChangeRow):
        rows[each.index] = rows[each.index].merged(each.change) if each.index in rows else each.change
        reasons.setdefault(each.index, found.code)
    added = [(found.code, add.row) for found, add in _each(fixed, AddRow)]
    if not rows and not added:
        return None, []
    own = f"{wheel.dist_info}/RECORD"
    record = wheel.record.amended(rows, [row for _, row in added], like=f"{wheel.dist_info}/METADATA", before=own)
    changes = []
    for index, change in sorted(rows.items()):
        before = _text(wheel.record.rows[index])
        after = None if change.remove else _text(change.applied(wheel.record.rows[index], index + 1))
        action = ChangeAction.REMOVE_ROW if change.remove else ChangeAction.SET_ROW
        changes.append(Change("RECORD", action, before, after, reason=reasons[index]))
    for code, row in added:
        changes.append(Change("RECORD", ChangeAction.ADD_ROW, None, f"{row.path},{row.digest},{row.size}", reason=code))
    return (wheel.record.data, record.data), changes


def _text(row: bytes) -> str:
    return row.decode("utf-8", "surrogateescape").rstrip("\r\n")
