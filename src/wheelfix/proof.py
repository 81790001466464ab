"""The proof that METADATA and RECORD of a new wheel differ from the old ones as planned, and in no other byte.

What was planned is known from the changes that are told to people. Everything else is compared as it stands: each line that
no change names, and each row of a file that was not written, keeps its bytes and its order.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wheelfix.errors import RecordError
from wheelfix.escaping import shown, shown_few
from wheelfix.outcome import Change
from wheelfix.wheel.metadata import Document, Field, with_plain_line_ends
from wheelfix.wheel.record import Record, encoded, plain_path, read_row, read_unquoted

_ROWS: Final = "RECORD"
_OF_ROWS: Final = frozenset({"set-row", "add-row", "remove-row"})
_OF_FILES: Final = frozenset({"add-file", "replace-file", "remove-file"})
_LINE_ENDS: Final = "mend-line-ends"
_ENDS: Final = (b"\n", b"\r")


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to differ: the ``changes``, ``folders`` with their new names, and files ``written`` or ``gone``, by name.

    Those that are written have their new names, those that are gone their old ones.
    """

    changes: Sequence[Change]
    folders: Mapping[str, str]
    written: Collection[str]
    gone: Collection[str]


def metadata_fault(old: bytes, new: bytes, changes: Sequence[Change]) -> str:
    """Return in what METADATA differs beyond ``changes``, empty if in nothing."""
    if any(change.action == _LINE_ENDS for change in changes):
        mended = with_plain_line_ends(old) or old
        if _without_line_ends(old) != _without_line_ends(mended):
            return "its line ends were mended, and more with them"
        old = mended
    gone, come = _planned_texts(changes)
    if not gone and not come:
        return "" if old == new else "no field was to change"
    before, after = Document.parse_leniently(old), Document.parse_leniently(new)
    if _beside_fields(before) != _beside_fields(after):
        return "its description, or lines beside its fields"
    was, now = (Counter(map(_named, document.fields)) for document in (before, after))
    if was - now != gone - come or now - was != come - gone:
        wrong = [*((was - now) - gone), *((now - was) - come), *(gone - come - was)]
        return shown_few([f"{name}: {text}" for name, text in wrong]) or "fields that were to change and did not"
    told = gone.keys() | come.keys()
    kept, there = (_lines(document, told) for document in (before, after))
    return "" if _same_lines(kept, there) else "the order or the spelling of fields that were to stay"


def _lines(document: Document, told: Collection[tuple[str, str]]) -> list[bytes]:
    """Return the lines of the fields that are not ``told`` of."""
    return [document.data[each.start : each.stop] for each in document.fields if _named(each) not in told]


def _planned_texts(changes: Sequence[Change]) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Return the fields that go and those that come, each by its name in lower case and its text."""
    gone, come = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for change in changes:
        if change.action in _OF_ROWS | _OF_FILES | {_LINE_ENDS}:
            continue
        for text, texts in ((change.before, gone), (change.after, come)):
            if text is not None:
                texts[change.field.lower(), _on_one_line(text)] += 1
    return gone, come


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


def record_fault(old: bytes, new: bytes, planned: Planned) -> str:
    """Return in what RECORD differs beyond what was planned, empty if in nothing.

    :raises RecordError: if the rows of one cannot be told apart.
    """
    before, after = [_renamed(raw, planned.folders) for raw in Record.parse(old).rows], list(Record.parse(new).rows)
    before, after = _without_common(before, after)
    files = {*planned.written, *(_in_new_folder(name, planned.folders) for name in planned.gone)}
    rows = [change for change in planned.changes if change.action in _OF_ROWS and change.field == _ROWS]
    gone, come = (
        Counter(raw.decode("utf-8", "surrogateescape") for raw in texts if not _is_for(raw, files))
        for texts in (
            [_renamed(text.encode("utf-8", "surrogateescape"), planned.folders) for text in column if text is not None]
            for column in ([each.before for each in rows], [each.after for each in rows])
        )
    )
    (kept, was), (there, now) = (_parted(raw, files, gone.keys() | come.keys()) for raw in (before, after))
    wrong = [*(Counter(kept) - Counter(there)), *(Counter(there) - Counter(kept))]
    if was - now != gone - come or now - was != come - gone:
        return "rows that were to change did not, or otherwise"
    if _same_lines(kept, there):
        return ""
    return shown_few([raw.decode("utf-8", "backslashreplace") for raw in wrong]) or "the order of rows that were to stay"


def _without_common(one: list[bytes], two: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return the rows without those that are the same at the begin of both."""
    shorter = min(len(one), len(two))
    same = next((index for index in range(shorter) if one[index] != two[index]), shorter)
    return one[same:], two[same:]


def _renamed(raw: bytes, folders: Mapping[str, str]) -> bytes:
    for old, new in folders.items():
        if encoded(f"{old}") in raw and (path := _path(raw)) is not None and plain_path(path).startswith(f"{old}/"):
            return raw.replace(encoded(old), encoded(new), 1)
    return raw


def _in_new_folder(name: str, folders: Mapping[str, str]) -> str:
    top, slash, rest = name.partition("/")
    return f"{folders.get(top, top)}{slash}{rest}"


def _parted(rows: Iterable[bytes], files: Collection[str], told: Collection[str]) -> tuple[list[bytes], Counter[str]]:
    """Return the rows that are neither for one of ``files`` nor ``told`` of, and how often each of those stands there."""
    ends = tuple(encoded(file.rpartition("/")[2]) for file in files)
    left, found = list[bytes](), Counter[str]()
    for raw in rows:
        if any(end in raw for end in ends) and _is_for(raw, files):
            continue
        text = _told(raw, told) if told else None
        if text is not None:
            found[text] += 1
        else:
            left.append(raw)
    return left, found


def _told(raw: bytes, told: Collection[str]) -> str | None:
    """Return as what a row is told of, as it stands or by its columns; ``None`` if it is not."""
    text = raw.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
    if text in told:
        return text
    columns = _columns(raw)
    plain = ",".join(columns) if columns else None
    return plain if plain in told else None


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


def unlisted_fault(new: bytes, expected: Mapping[str, bytes], gone: Collection[str], own: str) -> str:
    """Return which file of ``expected`` RECORD does not list as it is, or which of those ``gone`` it does, empty if none.

    ``own`` is RECORD itself.

    :raises RecordError: if the rows cannot be told apart.
    """
    record = Record.parse(new)
    for name, content in expected.items():
        if name != own and not (record.find(name) and record.agrees(name, content)):
            return f"RECORD does not list {shown(name)} as it is"
    listed = [name for name in gone if name not in expected and record.find(name)]
    return f"RECORD still lists {shown_few(listed)}" if listed else ""
