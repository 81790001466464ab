"""The proof that a new wheel differs from the old one as planned, in no other byte, and that others can read it.

The strict reader reads it, and it is compared with the old one, entry by entry. Then
:class:`wheel.wheelfile.WheelFile`, which is not ours, opens it and checks what was written against RECORD.
"""

import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile  # noqa: TID251 - on purpose a reader that is not ours

from wheel.wheelfile import WheelFile

from wheelfix.diff.archive import Side
from wheelfix.diff.files import compare_archives
from wheelfix.diff.model import ArchiveChange
from wheelfix.errors import ArchiveError, MetadataError, RecordError, VerificationError
from wheelfix.fix.assemble import Assembly
from wheelfix.results import Change, Part
from wheelfix.text import shown, shown_few
from wheelfix.wheel.metadata import Document, Field, with_plain_line_ends
from wheelfix.wheel.record import Record, encoded, plain_path, read_row, read_unquoted
from wheelfix.wheel.wheel import limit_of
from wheelfix.wheel.zip.inflate import read_content
from wheelfix.wheel.zip.layout import Layout, read_layout
from wheelfix.wheel.zip.source import Readable, Span
from wheelfix.wheel.zip.staging import directory_for_links
from wheelfix.wheel.zip.structs import FULL_32, VERSION_ZIP64, Entry

_ENDS: Final = (b"\n", b"\r")


def metadata_difference(old: bytes, new: bytes, changes: Sequence[Change]) -> str:
    """Return in what METADATA differs beyond ``changes``, empty if in nothing."""
    if any(change.part is Part.LINE_ENDS for change in changes):
        fixed = with_plain_line_ends(old) or old
        if _without_line_ends(old) != _without_line_ends(fixed):
            return "its line ends were fixed, and more with them"
        old = fixed
    removed, added = _planned_texts(changes)
    if not removed and not added:
        return "" if old == new else "no field was to change"
    before, after = Document.parse_leniently(old), Document.parse_leniently(new)
    if _beside_fields(before) != _beside_fields(after):
        return "its description, or lines beside its fields"
    was, now = (Counter(map(_named, document.fields)) for document in (before, after))
    if was - now != removed - added or now - was != added - removed:
        wrong = [*((was - now) - removed), *((now - was) - added), *(removed - added - was)]
        return shown_few([f"{name}: {text}" for name, text in wrong]) or "fields that were to change and did not"
    changing = removed.keys() | added.keys()
    exact = {(change.field.lower(), change.after) for change in changes if change.part is Part.FIELD}
    new_fields = [each for each in after.fields if (key := _named(each)) in added and key not in was]
    if any((each.name.lower(), each.value.rstrip()) not in exact for each in new_fields):
        return "the spelling of fields that were to change"
    if new_fields and before.fields and new_fields[0] is after.fields[0] and _named(before.fields[0]) not in removed:
        return "a field before the first one"
    kept, there = (_lines(document, changing) for document in (before, after))
    return "" if _same_lines(kept, there) else "the order or the spelling of fields that were to be kept"


def _lines(document: Document, named: Collection[tuple[str, str]]) -> list[bytes]:
    """Return the lines of the fields that are not among ``named``."""
    return [document.data[each.start : each.stop] for each in document.fields if _named(each) not in named]


def _planned_texts(changes: Sequence[Change]) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Return the fields that are removed and those that are added, each by its name in lower case and its text."""
    removed, added = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for change in changes:
        if change.part is not Part.FIELD:
            continue
        for text, texts in ((change.before, removed), (change.after, added)):
            if text is not None:
                texts[change.field.lower(), _on_one_line(text)] += 1
    return removed, added


def _named(field: Field) -> tuple[str, str]:
    return field.name.lower(), _on_one_line(field.value)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _same_lines(one: list[bytes], two: list[bytes]) -> bool:
    """Whether two lists hold the same lines; where a file ends without a line end, its last line may get or lose one."""
    if one and two and not (one[-1].endswith(_ENDS) and two[-1].endswith(_ENDS)):
        one, two = ([*lines[:-1], lines[-1].rstrip(b"\r\n")] for lines in (one, two))
    return one == two


def _without_line_ends(data: bytes) -> bytes:
    return data.translate(None, b"\r\n")


def _beside_fields(document: Document) -> bytes:
    """Return what stands in no field: odd lines in the header, and the body."""
    pieces, position = [], 0
    for each in document.fields:
        pieces.append(document.data[position : each.start])
        position = each.stop
    return b"".join([*pieces, document.data[position:]])


def record_difference(
    old: bytes, new: bytes, changes: Sequence[Change], *, directories: Mapping[str, str], files: Collection[str] = ()
) -> str:
    """Return in what RECORD differs beyond ``changes``, rows of ``files`` and names of ``directories``; empty if in nothing.

    :raises RecordError: if one of them is not a table of rows.
    """
    before, after = [_renamed(raw, directories) for raw in Record.parse(old).rows], list(Record.parse(new).rows)
    repeated = _repeated(before, after, files)
    if repeated:
        return f"another row for {shown(repeated)}"
    before, after = _without_common(before, after)
    rows = [change for change in changes if change.part is Part.ROW]
    removed, added = (
        Counter(raw.decode("utf-8", "surrogateescape") for raw in texts if not _is_for(raw, files))
        for texts in (
            [_renamed(text.encode("utf-8", "surrogateescape"), directories) for text in column if text is not None]
            for column in ([each.before for each in rows], [each.after for each in rows])
        )
    )
    (kept, was), (there, now) = (_parted(raw, files, removed.keys() | added.keys()) for raw in (before, after))
    wrong = [*(Counter(kept) - Counter(there)), *(Counter(there) - Counter(kept))]
    if was - now != removed - added or now - was != added - removed:
        return "rows that were to change did not, or otherwise"
    if _same_lines(kept, there):
        return ""
    return shown_few([raw.decode("utf-8", "backslashreplace") for raw in wrong]) or "the order of rows that were to be kept"


def _repeated(before: Iterable[bytes], after: Iterable[bytes], files: Collection[str]) -> str:
    """Return which of ``files`` has more rows than before, and more than one, empty if none has."""
    ends = tuple(encoded(file.rpartition("/")[2]) for file in files)
    was, now = (
        Counter(plain_path(_path(raw) or "").lstrip("/") for raw in rows if any(end in raw for end in ends))
        for rows in (before, after)
    )
    return next((file for file in files if now[file] > max(1, was[file])), "")


def _without_common(one: list[bytes], two: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return the rows without those that are the same at the start of both."""
    shorter = min(len(one), len(two))
    same = next((index for index in range(shorter) if one[index] != two[index]), shorter)
    return one[same:], two[same:]


def _renamed(raw: bytes, directories: Mapping[str, str]) -> bytes:
    for old, new in directories.items():
        if encoded(f"{old}") in raw and (path := _path(raw)) is not None and plain_path(path).startswith(f"{old}/"):
            return raw.replace(encoded(old), encoded(new), 1)
    return raw


def _parted(rows: Iterable[bytes], files: Collection[str], changing: Collection[str]) -> tuple[list[bytes], Counter[str]]:
    """Return the rows that are neither for one of ``files`` nor among ``changing``, and how often each of those is there."""
    ends = tuple(encoded(file.rpartition("/")[2]) for file in files)
    left, found = list[bytes](), Counter[str]()
    for raw in rows:
        if any(end in raw for end in ends) and _is_for(raw, files):
            continue
        text = _text_of(raw, changing) if changing else None
        if text is not None:
            found[text] += 1
        else:
            left.append(raw)
    return left, found


def _text_of(raw: bytes, changing: Collection[str]) -> str | None:
    """Return which of ``changing`` a row is, as it is written or by its columns; ``None`` if it is none."""
    text = raw.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
    if text in changing:
        return text
    columns = _columns(raw)
    plain = ",".join(columns) if columns else None
    return plain if plain in changing else None


def _is_for(raw: bytes, files: Collection[str]) -> bool:
    path = _path(raw)
    return path is not None and (path in files or plain_path(path).lstrip("/") in files)


def _path(raw: bytes) -> str | None:
    row = _columns(raw)
    return row[0] if row else None


def _columns(raw: bytes) -> tuple[str, str, str] | None:
    try:
        row = read_unquoted(raw) or read_row(raw, 1)
    except RecordError:
        return None
    return row.path, row.digest, row.size


def wrongly_listed(new: bytes, expected: Mapping[str, bytes], removed: Collection[str], own: str) -> str:
    """Return which file of ``expected`` RECORD lists wrongly, or which of those ``removed`` it still lists, empty if none.

    ``own`` is RECORD itself.

    :raises RecordError: if it is not a table of rows.
    """
    record = Record.parse(new)
    for name, content in expected.items():
        if name != own and not (record.find(name) and record.agrees(name, content)):
            return f"RECORD does not list {shown(name)} as it is"
    listed = [name for name in removed if name not in expected and record.find(name)]
    return f"RECORD still lists {shown_few(listed)}" if listed else ""


_END: Final = "zip64-end"
"""The one way in which an archive may differ as a whole: where positions in it are larger."""
_OF_POSITION: Final = "version-needed"
_OF_ENTRY: Final = frozenset(
    {"time", "made-by", "external-attributes", "internal-attributes", "comment", "extra-field", "local-extra-field"}
)
"""What a rewritten entry has in common with the one that it replaces."""
_READABLE_STEM: Final = re.compile(r"[^\s-]+-[^\s-]+")


def confirm_readable(path: Path, work: Assembly, beside: Path) -> str | None:
    """Confirm with readers that are not ours that what was written at ``path`` reads back, and matches RECORD.

    The ``wheel`` library refuses some wheels that installers take, for a weak hash in RECORD, say. Where it refused the old
    wheel too, only the contents are compared, and a sentence that says so is returned.

    ``beside`` is a directory that can be written to, for a link where the system has no usable one for temporary files.

    :raises VerificationError: if an entry does not read back, or the library refuses the new wheel only.
    """
    with warnings.catch_warnings():
        # From Python 3.12 on zipfile warns of odd fields that it reads all the same; `wheelfix verify` reports them.
        warnings.simplefilter("ignore", UserWarning)
        refusal = _refusal(path, work.plan.renaming.dist_info, work.expected, beside)
        if refusal is None:
            return None
        if _refusal(work.wheel.path, work.wheel.dist_info, {}, beside) is None:
            raise _failed(f"the wheel library refuses it: {refusal}")
        try:
            with ZipFile(path) as archive:
                _compare(archive, work.expected)
        except BadZipFile as error:
            raise _failed(f"zipfile refuses it: {error}") from error
        except NotImplementedError:
            pass  # an entry needs a newer reader: it is kept, and contents were compared by ours already
        return f"The `wheel` library rejects both the original and the new wheel: {refusal}."


def prove(work: Assembly, output: Readable, known: Sequence[Span] = ()) -> Layout:
    """Confirm that between the wheel of ``work`` and the new one, ``output``, only that differs which was planned.

    Every entry that is not rewritten must be there with the same bytes, the same records and in the same order: this is
    what ``wheelfix diff`` compares. One that replaces another keeps its time and mode. METADATA and RECORD
    differ by the changes of the plan, no further. ``known`` are spans that were compared already. Return the new layout.

    :raises VerificationError: if anything else differs.
    """
    try:
        layout = read_layout(output)
        _prove_entries(work, output, layout, known)
        _prove_contents(work, output, layout)
    except (KeyError, ArchiveError, MetadataError, RecordError) as error:
        raise _failed(str(error)) from error
    return layout


def _prove_entries(work: Assembly, output: Readable, layout: Layout, known: Sequence[Span]) -> None:
    wheel, directories, written = work.wheel, work.plan.renaming.directories, work.expected.keys()
    found = compare_archives(Side(wheel.layout, wheel.source), Side(layout, output), directories, known, written)
    wrong = [each.after for each in (*found.added, *found.changed) if each.after not in written]
    wrong += [each.before for each in found.removed if each.before not in work.removed]
    wrong += [each.after for each in found.renamed if each.after not in {work.name_of(each.before or ""), *written}]
    wrong += found.moved
    replacing = written - {work.name_of(name) for name in work.removed}
    wide = {entry.name for entry in layout.entries if _is_wide(layout, entry)}
    wrong += [each.file or each.kind for each in found.archive if not _follows(each, written, replacing, wide)]
    if wrong:
        raise _failed(f"more differs than was planned: {shown_few([name or '?' for name in wrong])}")


def _prove_contents(work: Assembly, output: Readable, layout: Layout) -> None:
    """Confirm that what was written reads back, and that METADATA and RECORD differ as planned."""
    wheel, plan = work.wheel, work.plan
    by_name = {entry.name: entry for entry in layout.entries}
    for name, content in work.expected.items():
        if read_content(output, by_name[name], limit=limit_of("RECORD")) != content:
            raise _failed(f"{shown(name)} does not read back as it was written")
    metadata, record = (
        read_content(output, by_name[work.name_of(f"{wheel.dist_info}/{file}")], limit=limit_of(file))
        for file in ("METADATA", "RECORD")
    )
    files = {*work.expected, *map(work.name_of, work.removed)}
    found = {
        "METADATA": metadata_difference(wheel.read("METADATA"), metadata, plan.changes),
        "RECORD": record_difference(
            wheel.read("RECORD"), record, plan.changes, directories=plan.renaming.directories, files=files
        ),
    }
    wrong = [f"{file}: {difference}" for file, difference in found.items() if difference]
    unlisted = wrongly_listed(record, work.expected, work.removed, f"{plan.renaming.dist_info}/RECORD")
    if wrong or unlisted:
        raise _failed(f"more differs than was planned: {'; '.join(wrong) or unlisted}")


def _is_wide(layout: Layout, entry: Entry) -> bool:
    """Whether the position of an entry stands in its ZIP64 field."""
    return layout.fields(entry).offset == FULL_32


def _follows(change: ArchiveChange, written: Collection[str], replacing: Collection[str], wide: Collection[str]) -> bool:
    """Whether the archives may differ in this: it follows from what was planned.

    Of one that is ``replacing`` another only what follows from its content may; of one that is kept
    only the version that is needed, where its position is too large for the old one.
    """
    if change.file is None:
        return change.kind == _END
    if change.file in written:
        return change.file not in replacing or change.kind not in _OF_ENTRY
    return change.kind == _OF_POSITION and change.file in wide and change.after == str(VERSION_ZIP64)


def _refusal(path: Path, dist_info: str, expected: Mapping[str, bytes], beside: Path) -> str | None:
    """Return why ``WheelFile`` does not open the wheel at ``path`` or read METADATA, ``None`` if it does."""
    stem = dist_info.removesuffix(".dist-info")
    if not _READABLE_STEM.fullmatch(stem):
        return f"it expects another directory than {shown(dist_info)}"
    with _temporary_directory(beside) as directory:
        # WheelFile finds the dist-info directory by the file's name, so it gets a link with the name that fits.
        link = Path(directory) / f"{stem}-py3-none-any.whl"
        link.symlink_to(path.absolute())
        try:
            with WheelFile(link) as opened:
                opened.read(f"{dist_info}/METADATA")
                _compare(opened, expected)
        except VerificationError:
            raise
        except Exception as error:  # noqa: BLE001 - a hostile RECORD makes it raise what it never documented
            return shown(f"{type(error).__name__}: {error}")
    return None


def _temporary_directory(beside: Path) -> AbstractContextManager[str | Path]:
    try:
        return tempfile.TemporaryDirectory(prefix="wheelfix-")
    except OSError:  # a container that can write to its output volume only
        return directory_for_links(beside)


def _compare(archive: ZipFile, expected: Mapping[str, bytes]) -> None:
    for name, content in expected.items():
        if archive.read(name) != content:
            raise _failed(f"{shown(name)} does not read back as it was written")


def _failed(message: str) -> VerificationError:
    return VerificationError(
        "not-as-planned",
        f"the new wheel is not what was planned: {message}",
        hint="Nothing was published. Run again; if it persists, report it with the wheel.",
    )
