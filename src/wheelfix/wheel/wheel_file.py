"""The WHEEL file of dist-info, as bytes: fields are set, added and removed, and every other line keeps its bytes.

https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-contents
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from wheelfix.errors import EditError
from wheelfix.text import shown
from wheelfix.wheel.metadata import Document, Field, require_fields
from wheelfix.wheel.tags import MOST_TAGS, WheelTag, expanded, number_of_tags

ROOT: Final = "Root-Is-Purelib"
BUILD: Final = "Build"
TAG: Final = "Tag"


def with_field(data: bytes, name: str, value: str | None) -> bytes:
    r"""Return WHEEL with ``name`` once, in this spelling, and with this value; ``None`` removes the field.

    >>> with_field(b"Wheel-Version: 1.0\nTag: py3-none-any\n", "Build", "1")
    b'Wheel-Version: 1.0\nTag: py3-none-any\nBuild: 1\n'

    :raises EditError: if the value does not fit on one line.
    :raises MetadataError: if another reader could see other fields in it, or would afterwards.
    """
    document = Document.parse(data, "WHEEL")
    present = document.all(name)
    if value is not None and (not value.isprintable() or value != value.strip()):
        hint = "Give one line of text."
        raise EditError("invalid-field-value", f"{shown(repr(value))} cannot be a value of {name}", hint=hint)
    if not present:
        return data if value is None else document.adding(name, value).data
    lines = [] if value is None else [f"{name}: {value}"]
    return _replaced(document, {field: lines if field is present[0] else [] for field in present})


def with_tag_lines(data: bytes, tags: Collection[WheelTag]) -> bytes:
    r"""Return WHEEL with exactly ``tags``; a line that says only such tags is kept, whatever its form.

    Of a line that says others too, those that are wanted take its place, one a line. Tags that no line says come after the
    last one.

    >>> with_tag_lines(b"Tag: py2.py3-none-any\nTag: cp39-none-any\n", expanded("py3.cp39.cp310-none-any"))
    b'Tag: py3-none-any\nTag: cp39-none-any\nTag: cp310-none-any\n'

    :raises MetadataError: if another reader could see other fields in it.
    """
    document = Document.parse(data, "WHEEL")
    lines = document.all(TAG)
    if not lines:
        return document.adding(TAG, *map(str, tags)).data
    wanted, said = frozenset(tags), _said(lines)
    kept = {line for line, found in said.items() if found and wanted.issuperset(found)}
    listed = {tag for line in kept for tag in said[line]}
    texts: dict[Field, Sequence[str]] = {}
    for line in lines:
        if line not in kept:
            mine = [tag for tag in said[line] if tag in wanted and tag not in listed]
            listed.update(mine)
            texts[line] = [f"{TAG}: {tag}" for tag in mine]
    missing = [str(tag) for tag in tags if tag not in listed]
    if not listed:  # no line is left to add to
        texts[lines[-1]], missing = [f"{TAG}: {tag}" for tag in missing], []
    data = _replaced(document, texts)
    return Document.parse(data, "WHEEL").adding(TAG, *missing).data if missing else data


def _said(lines: Iterable[Field]) -> dict[Field, list[WheelTag]]:
    """Return the tags that each line says: none where it is no tag, or where all together are more than any wheel has."""
    said, left = dict[Field, list[WheelTag]](), MOST_TAGS
    for line in lines:
        text = line.value.strip().lower()
        left -= number_of_tags(text)
        try:
            said[line] = expanded(text) if left >= 0 else []
        except EditError:
            said[line] = []
    return said


def _replaced(document: Document, texts: Mapping[Field, Sequence[str]]) -> bytes:
    """Return the file with other lines in the place of some fields, with the line ends that those had.

    :raises MetadataError: if another field would appear or vanish.
    """
    data, pieces, position = document.data, list[bytes](), 0
    for field, lines in sorted(texts.items(), key=lambda item: item[0].start):
        line = data[field.start : field.stop]
        ending = line[len(line.rstrip(b"\r\n")) :]
        between = ending or b"\n"  # the last line of a file may have no line end, and keeps that
        text = between.join(text.encode() for text in lines) + ending if lines else b""
        pieces += [data[position : field.start], text]
        position = field.stop
    after = b"".join([*pieces, data[position:]])
    expected = [new for field in document.fields for new in texts.get(field, [field])]
    require_fields(document, Document.parse(after, document.file), expected)
    return after
