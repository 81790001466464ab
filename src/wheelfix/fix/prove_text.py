"""The proof that METADATA and RECORD of a new wheel differ from the old ones as planned, line by line and row by row."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, starmap, zip_longest
from operator import eq
from typing import Final, TypeAlias

from wheelfix.errors import RecordError
from wheelfix.results import Change, Part
from wheelfix.text import shown, shown_few
from wheelfix.wheel.metadata import Document, Field, with_plain_line_ends
from wheelfix.wheel.record import Record, encoded, plain_path, read_row, read_unquoted

_ENDS: Final = (b"\n", b"\r")
_Key: TypeAlias = tuple[str, str]
"""The name of a field, in lower case, and its text on one line."""


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
    if not same_beside_fields(before, after):
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
    if not same_lines(kept, there):
        return "the order or the spelling of fields that were to be kept"
    return "" if _splits_are_in_place(before, after, changes, changing) else "the place of a requirement that became several"


def _splits_are_in_place(before: Document, after: Document, changes: Sequence[Change], changing: Collection[_Key]) -> bool:
    """Whether the lines that one requirement became follow each other, the first one where the requirement was.

    A line that another change has changed again is not looked for.
    """
    splits = list(_splits(changes))
    if not splits:
        return True
    ranks_before, ranks = (_positions(document, changing) for document in (before, after))
    places = _positions(after, None)
    again = {_key(change, change.before) for change in changes if change.before is not None}
    for head, lines in splits:
        pairs = [pair for pair in pairwise(lines) if again.isdisjoint(pair)]
        if not all(any(place - 1 in places[one] for place in places[two]) for one, two in pairs):
            return False
        if lines[0] not in again and ranks_before[head].isdisjoint(ranks[lines[0]]):
            return False
    return True


def _splits(changes: Iterable[Change]) -> Iterator[tuple[_Key, list[_Key]]]:
    """Yield each requirement that became several, and what it became, in order."""
    head, lines = ("", ""), list[_Key]()
    for change in changes:
        if len(lines) > 1 and not change.continues:
            yield head, lines
        if not change.continues:
            head, lines = _key(change, change.before or ""), []
        lines += [_key(change, change.after)] if change.after is not None else []
    if len(lines) > 1:
        yield head, lines


def _positions(document: Document, changing: Collection[_Key] | None) -> Mapping[_Key, set[int]]:
    """Return for each field how many fields stand before it, of those that are not among ``changing``."""
    found, count = defaultdict[_Key, set[int]](set), 0
    for each in document.fields:
        key = _named(each)
        found[key].add(count)
        count += changing is None or key not in changing
    return found


def _key(change: Change, text: str) -> _Key:
    return change.field.lower(), _on_one_line(text)


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


def same_lines(one: list[bytes], two: list[bytes]) -> bool:
    """Whether two lists hold the same lines; where a file ends without a line end, its last line may get or lose one."""
    if one and two and not (one[-1].endswith(_ENDS) and two[-1].endswith(_ENDS)):
        one, two = ([*lines[:-1], lines[-1].rstrip(b"\r\n")] for lines in (one, two))
    return one == two


def _without_line_ends(data: bytes) -> bytes:
    return data.translate(None, b"\r\n")


def same_beside_fields(before: Document, after: Document) -> bool:
    """Whether two documents have the same outside of their fields; an odd last line without a line end may get one."""
    one, two = beside_fields(before), beside_fields(after)
    last = before.fields[-1].stop if before.fields else 0
    is_cut = last < len(before.data) == before.header_stop and not before.data.endswith(_ENDS)
    return one == two or (is_cut and two in (one + b"\n", one + b"\r\n"))


def beside_fields(document: Document) -> bytes:
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
    records = Record.parse(old), Record.parse(new)
    if not directories and not any(change.part is Part.ROW for change in changes) and _same_but_for(*records, files):
        return ""
    before, after = (list(record.rows) for record in records)
    before = [_renamed(raw, directories) for raw in before] if directories else before
    names = _search_for(files)
    repeated = _repeated(before, after, files, names)
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
    changing = removed.keys() | added.keys()
    (kept, was), (there, now) = (_parted(raw, files, names, changing) for raw in (before, after))
    if was - now != removed - added or now - was != added - removed:
        return "rows that were to change did not, or otherwise"
    if same_lines(kept, there):
        return ""
    wrong = [*(Counter(kept) - Counter(there)), *(Counter(there) - Counter(kept))]
    return shown_few([raw.decode("utf-8", "backslashreplace") for raw in wrong]) or "the order of rows that were to be kept"


def without_rows(data: bytes, paths: Collection[str]) -> bytes:
    """Return RECORD as it is without the rows for any of ``paths``, as installers understand them.

    :raises RecordError: if it is not a table of rows.
    """
    if not paths:
        return data
    return b"".join(raw for raw in Record.parse(data).rows if not _is_plainly_for(raw, paths))


def is_row_of(change: Change, paths: Collection[str]) -> bool:
    """Whether a change is to a row of RECORD for one of ``paths``, as of a repair that lists a file which goes."""
    if change.part is not Part.ROW or not paths:
        return False
    texts = (text for text in (change.before, change.after) if text is not None)
    return any(_is_plainly_for(text.encode("utf-8", "surrogateescape"), paths) for text in texts)


def still_listed(new: bytes, paths: Collection[str]) -> str:
    """Return which of ``paths`` RECORD still lists, empty if none; a slash at the end of a row makes no difference.

    :raises RecordError: if it is not a table of rows.
    """
    if not paths:
        return ""
    listed = [raw.decode("utf-8", "backslashreplace") for raw in Record.parse(new).rows if _is_plainly_for(raw, paths)]
    return f"RECORD still lists {shown_few(listed)}" if listed else ""


def _is_plainly_for(raw: bytes, paths: Collection[str]) -> bool:
    path = _path(raw)
    return path is not None and plain_path(path).lstrip("/") in paths


def _same_but_for(one: Record, two: Record, files: Collection[str]) -> bool:
    """Whether two records are the same bytes but for rows of ``files``, of which the second one does not have more.

    Most fixes change no other rows. Rows are then neither cut out nor looked at one by one: a tenth of the time for 66,000,
    and no memory for them. Where it says no, looking at all rows decides, and says what differs.
    """
    was, now = (_rows_that_may_be_for(files, record) for record in (one, two))
    if _repeated(was.values(), now.values(), files, bool):
        return False
    return all(starmap(eq, zip_longest(_between(one.data, was, files), _between(two.data, now, files))))


def _rows_that_may_be_for(files: Collection[str], record: Record) -> dict[int, bytes]:
    """Return the rows with the last part of the path of one of ``files`` in them, by where they begin, in order."""
    ends = {encoded(file.rpartition("/")[2]) for file in files}
    return dict(sorted(found for end in ends for found in record.rows_with(end)))


def _between(data: bytes, rows: Mapping[int, bytes], files: Collection[str]) -> Iterator[bytes]:
    """Yield what lies between those of ``rows`` that are for one of ``files``, if anything."""
    position = 0
    for start, raw in rows.items():
        if _is_for(raw, files):
            if position < start:
                yield data[position:start]
            position = start + len(raw)
    if position < len(data):
        yield data[position:]


_Search: TypeAlias = Callable[[bytes], object]


def _search_for(files: Collection[str]) -> _Search:
    """Return what finds the rows that may be for one of ``files``, by the last part of its path.

    One pattern for all of them: a row is read by its columns only then, and trying one name after another takes five times
    as long.
    """
    ends = sorted({encoded(file.rpartition("/")[2]) for file in files})
    return re.compile(b"|".join(map(re.escape, ends)) if ends else rb"(?!)").search


def _repeated(before: Iterable[bytes], after: Iterable[bytes], files: Collection[str], names: _Search) -> str:
    """Return which of ``files`` has more rows than before, and more than one, empty if none has."""
    was, now = (Counter(plain_path(_path(raw) or "").lstrip("/") for raw in filter(names, rows)) for rows in (before, after))
    return next((file for file in files if now[file] > max(1, was[file])), "")


def _without_common(one: list[bytes], two: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return the rows without those that are the same at the start of both."""
    shorter = min(len(one), len(two))
    same = next((index for index in range(shorter) if one[index] != two[index]), shorter)
    return one[same:], two[same:]


def _renamed(raw: bytes, directories: Mapping[str, str]) -> bytes:
    for old, new in directories.items():
        if encoded(old) not in raw or (path := _path(raw)) is None:
            continue
        if f"{plain_path(path).lstrip('/')}/".startswith(f"{old}/"):  # a row can be for the directory itself
            return raw.replace(encoded(old), encoded(new), 1)
    return raw


def _parted(
    rows: Iterable[bytes], files: Collection[str], names: _Search, changing: Collection[str]
) -> tuple[list[bytes], Counter[str]]:
    """Return the rows that are neither for one of ``files`` nor among ``changing``, and how often each of those is there."""
    left, found = list[bytes](), Counter[str]()
    for raw in rows:
        if names(raw) and _is_for(raw, files):
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
