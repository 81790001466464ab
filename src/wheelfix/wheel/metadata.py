"""METADATA as ordered lines: fields are found, removed, replaced and added; every other byte is kept."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct
from packaging.specifiers import SpecifierSet

from wheelfix.errors import EditError, MetadataError
from wheelfix.text import cut, shown
from wheelfix.wheel.fields import find, is_field_name

_MOST_FIELDS: Final = 10_000
_LINE: Final = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_ENDED_LINE: Final = re.compile(rb"(?P<text>[^\r\n]*)(?P<end>\r+\n|\r|\n|\Z)")
_PLAIN_ENDS: Final = {b"\r\n": b"\r\n", b"\n": b"\n"}
_LF_LINE: Final = re.compile(rb"[^\n]*(?:\n|\Z)")
_FIELD_LINE: Final = re.compile(rb"[\x21-\x39\x3b-\x7e]*:")
"""What ``email.feedparser`` reads as the first line of a field: printable ASCII without blanks, up to a colon."""
_FIELDS_OF_WHEEL: Final = frozenset({"wheel-version", "generator", "root-is-purelib", "tag", "build"})
_ESCAPED_BYTE: Final = re.compile("[\udc80-\udcff]")
"""A byte that is not UTF-8, as a surrogate escape; it is written back unchanged."""
_ENCODED_WORD: Final = re.compile(r"=\?(?P<charset>[^?]+)\?[BbQq]\?[^?]*\?=")
ACTED_ON: Final[Mapping[str, frozenset[str]]] = {
    "METADATA": frozenset({"metadata-version", "name", "version", "requires-dist", "requires-python", "provides-extra"}),
    "WHEEL": frozenset({"wheel-version", "root-is-purelib", "tag", "build"}),
}
"""The fields by which installers decide, in lower case."""
_MOST_LINES: Final = 100_000
_LARGEST_REQUIREMENTS: Final = 1 << 21
"""In characters, of all requirements together: in memory a marker takes forty times its length."""
_REMEMBERED: Final = 8
_MOST_REMEMBERED: Final = 1 << 18
"""How many documents are kept in memory, and how many bytes long they are at most; that of torch has 30,000."""


class Field(Struct, frozen=True):
    """One field: ``name`` and ``value`` as ``email.parser`` reads them, and the span of its lines in the document.

    ``value`` is decoded from UTF-8, other bytes are surrogate escapes. A folded value keeps its line ends.
    """

    name: str
    value: str
    start: int
    stop: int

    def is_called(self, name: str) -> bool:
        """Whether this is the field ``name``, in any case."""
        return self.name.lower() == name.lower()


class Document(Struct, frozen=True):
    """A METADATA file: its bytes, and the fields of its header block in order.

    ``by_name`` has the fields of each name, in lower case; ``header_stop`` is the position after the last header line.
    ``file`` is its name in messages: WHEEL has the same form. Editing returns a new document.

    >>> document = Document.parse(b"Metadata-Version: 2.1\\nName: x\\nrequires-dist: triton\\n\\nAbout x.\\n")
    >>> [field.value for field in document.all("Requires-Dist")]
    ['triton']
    >>> document.without(document.all("Requires-Dist")).data
    b'Metadata-Version: 2.1\\nName: x\\n\\nAbout x.\\n'
    """

    data: bytes
    fields: tuple[Field, ...]
    by_name: Mapping[str, tuple[Field, ...]]
    header_stop: int
    file: str

    @classmethod
    def parse(cls, data: bytes, file: str = "METADATA") -> "Document":
        """Return the document that ``data`` holds.

        :raises MetadataError: if another reader could see other fields in it than ``email.parser``.
        """
        return (_parse_strictly_once if len(data) <= _MOST_REMEMBERED else _parse_strictly)(data, file)

    @classmethod
    def parse_leniently(cls, data: bytes, file: str = "METADATA") -> "Document":
        """Return the document that ``email.parser`` sees in ``data``, whatever other readers see.

        :raises MetadataError: if it is longer than any real one, or a line begins with ``From ``.
        """
        return (_parse_once if len(data) <= _MOST_REMEMBERED else _parse)(data, file)

    def all(self, name: str) -> tuple[Field, ...]:
        """Return every field called ``name``, in any case, in order."""
        return self.by_name.get(name.lower(), ())

    def first(self, name: str) -> str | None:
        """Return the value of the first field called ``name``, without surrounding blanks, or ``None``."""
        found = self.by_name.get(name.lower())
        return found[0].value.strip() if found else None

    @property
    def body(self) -> bytes:
        """The text after the header block, which is the description, without surrounding blanks."""
        return self.data[self.header_stop :].strip()

    def edited(self, values: Mapping[Field, str | Sequence[str] | None]) -> "Document":
        """Return the document with new values for some fields, which keep their names.

        ``None`` removes a field; several values make fields of the same name one after the other.

        :raises EditError: if a value does not fit on one line.
        :raises MetadataError: if another field would appear or vanish.
        """
        pieces, position, expected = list[bytes](), 0, list[Field | str]()
        for each in self.fields:
            if each not in values:
                expected.append(each)
                continue
            value = values[each]
            texts = () if value is None else (value,) if isinstance(value, str) else value
            pieces += [self.data[position : each.start], self._lines_for(each, texts)]
            position = each.stop
            expected += [_line(each.name, text) for text in texts]
        return self._with(b"".join([*pieces, self.data[position:]]), expected)

    def _with(self, data: bytes, expected: Sequence[Field | str]) -> "Document":
        """Return the document that ``data`` holds; see :func:`require_fields`."""
        document = Document.parse(data, self.file)
        require_fields(self, document, expected)
        return document

    def _lines_for(self, field: Field, texts: Sequence[str]) -> bytes:
        """Return the lines of a field with each of ``texts``; the last one ends as the field did."""
        if not texts:
            return b""
        lines = self.data[field.start : field.stop]
        ending = _line_end(lines)  # the file may end with the field, without a line end
        encoded = [_encode(field.name, each) for each in texts[1:]]
        stays = bool(encoded) and texts[0] == field.value.strip()  # the others are added to it: it keeps its bytes
        first = lines.removesuffix(ending) if stays else _encode(field.name, texts[0])
        return (ending or _first_line_end(self.data)).join([first, *encoded]) + ending

    def without(self, fields: Iterable[Field]) -> "Document":
        """Return the document without the lines of ``fields``."""
        return self.edited(dict.fromkeys(fields))

    def adding(self, name: str, *values: str) -> "Document":
        """Return the document with more fields: after the last one of their name, else at the end of the header.

        :raises EditError: if ``name`` is not a field name, or a value does not fit on one line.
        :raises MetadataError: if another field would appear or vanish.
        """
        if not is_field_name(name):
            raise EditError(
                "invalid-field-name", f"{shown(name)!r} is not a field name", hint="Use a name such as Classifier."
            )
        same = self.all(name)
        position = same[-1].stop if same else self.header_stop
        before = self.data[:position]
        ending = _line_end(before) or _line_end(self.data[: self.header_stop]) or _first_line_end(self.data)
        name = same[-1].name if same else name
        lines = ending.join(_encode(name, value) for value in values)
        if before and not before.endswith((b"\n", b"\r")):  # the file ends without a line end, and keeps that
            data = before + ending + lines + self.data[position:]
        else:
            data = before + lines + ending + self.data[position:]
        kept = [each for each in self.fields if each.start < position]
        return self._with(data, [*kept, *(_line(name, value) for value in values), *self.fields[len(kept) :]])


def _parse(data: bytes, file: str) -> Document:
    spans, header_stop = _read_header(data, file)
    fields = tuple(_make_field(data, start, stop) for start, stop in spans)
    by_name: dict[str, list[Field]] = {}
    for each in fields:
        by_name.setdefault(each.name.lower(), []).append(each)
    if sum(len(each.value) for each in by_name.get("requires-dist", ())) > _LARGEST_REQUIREMENTS:
        raise _too_long(file)
    return Document(data, fields, {name: tuple(same) for name, same in by_name.items()}, header_stop, file)


def _parse_strictly(data: bytes, file: str) -> Document:
    document = Document.parse_leniently(data, file)
    _refuse_encoded_words(document)
    _refuse_second_reading(document)
    return document


# Rules, checks and proof of one wheel parse the same bytes 17 times, and wheels of one release mostly have the same.
_parse_once: Final = lru_cache(maxsize=_REMEMBERED)(_parse)
_parse_strictly_once: Final = lru_cache(maxsize=_REMEMBERED)(_parse_strictly)


def with_plain_line_ends(data: bytes) -> bytes | None:
    """Return METADATA without the carriage returns that hide fields from some readers, ``None`` if that does not help.

    Only the header is changed, up to the empty line that ends it. Every field that any reader saw before must be there
    afterwards for all readers, with the same value. Fields that a value had swallowed are fields of their own then.
    """
    stop = next((found.end() for found in _ENDED_LINE.finditer(data) if found.start() and not found["text"]), len(data))
    header = _ENDED_LINE.sub(
        lambda found: found["text"] + (found["end"] and _PLAIN_ENDS.get(found["end"], b"\n")), data[:stop]
    )
    fixed = header + data[stop:]
    if fixed == data:
        return None
    try:
        now = Document.parse(fixed)
        seen = Document.parse_leniently(data)
    except MetadataError:
        return None
    after: dict[str, list[bytes]] = {}
    for name, value in _values(now.fields):
        after.setdefault(name, []).append(value)
    kept = all(value in after.get(name, ()) for name, value in _values(seen.fields)) and all(
        any(value.startswith(each) for each in after.get(name, ()))
        for name, value in _generous_fields(data, now.file)
        if find(name)
    )
    return fixed if kept else None


def _values(fields: Iterable[Field]) -> Iterator[tuple[str, bytes]]:
    for each in fields:
        yield each.name.lower(), _squeezed(each.value.encode("utf-8", "surrogateescape"))


def _lines(data: bytes, pattern: re.Pattern[bytes]) -> Iterator[tuple[int, int]]:
    return (found.span() for found in pattern.finditer(data) if found[0])


def _read_header(data: bytes, file: str) -> tuple[list[tuple[int, int]], int]:
    """Return the spans of the fields and the end of the header block, as ``email.feedparser`` finds them.

    The block ends before an empty line, or before a line that is neither a field nor a continuation.

    :raises MetadataError: if it has more lines or fields than any real one, or a line that begins with ``From ``, which
        is the envelope of a mail for some readers and the start of the body for others.
    """
    spans: list[tuple[int, int]] = []
    in_field = False
    for number, (start, stop) in enumerate(_lines(data, _LINE)):
        line = data[start:stop]
        if number > _MOST_LINES or len(spans) > _MOST_FIELDS:
            raise _too_long(file)
        if line.startswith(b"From ") and start != 0:
            raise MetadataError(
                "ambiguous-metadata",
                f"{file}, line {number + 1}: it begins with 'From ' inside the header",
                hint="Readers disagree about such a line; fix it where the wheel is built.",
            )
        if line.startswith((b" ", b"\t")):
            if in_field:
                spans[-1] = (spans[-1][0], stop)
        elif _FIELD_LINE.match(line) or line.startswith(b"From "):
            in_field = not line.startswith((b":", b"From "))
            if in_field:
                spans.append((start, stop))
        else:
            return spans, start
    return spans, len(data)


def require_fields(before: Document, after: Document, expected: Sequence[Field | str]) -> None:
    """Confirm that a document, ``after`` an edit, has the ``expected`` fields, and what follows them as it was ``before``.

    A text such as ``Tag: py3-none-any`` is a field that is new and has just this line.

    :raises MetadataError: if not: a CR that ended a line and an empty line have become one line end.
    """
    same = len(after.fields) == len(expected) and all(map(_is_expected, after.fields, expected))
    if not same or after.data[after.header_stop :] != before.data[before.header_stop :]:
        raise MetadataError(
            "ambiguous-metadata",
            f"{before.file}: a line ends with CR alone; after this change, readers would see other fields or another text",
            hint="Correct the line ends where the wheel is built.",
        )


def _is_expected(field: Field, expected: Field | str) -> bool:
    if isinstance(expected, str):
        return _line(field.name, field.value) == expected
    return (field.name, field.value) == (expected.name, expected.value)


def _line(name: str, value: str) -> str:
    return f"{name}: {value.strip()}"


def _too_long(file: str) -> MetadataError:
    return MetadataError(
        "too-many-fields",
        f"{file} has a header that is longer than any real one",
        hint=f"At most {_MOST_FIELDS} fields on {_MOST_LINES} lines are read, with {_LARGEST_REQUIREMENTS >> 20} MiB of "
        "requirements; it may be made to waste time.",
    )


def _make_field(data: bytes, start: int, stop: int) -> Field:
    name, _, value = data[start:stop].partition(b":")
    text = value.lstrip(b" \t").rstrip(b"\r\n").decode("utf-8", "surrogateescape")
    return Field(name.decode("ascii"), text, start, stop)


def encoded_words(document: Document) -> Iterator[tuple[Field, str]]:
    """Yield the fields that have an encoded word (RFC 2047), each with the charset of the first: uv decodes them.

    >>> [(field.name, charset) for field, charset in encoded_words(Document.parse_leniently(b"Author: =?utf-8?q?x?=\\n"))]
    [('Author', 'utf-8')]
    """
    if b"=?" in document.data[: max(0, document.header_stop)]:
        for each in document.fields:
            if found := _ENCODED_WORD.search(each.value):
                yield each, found["charset"].lower()


def _refuse_encoded_words(document: Document) -> None:
    """Refuse a document where uv reads another value of a field that tools act on: others read encoded words as they are."""
    for field, _ in encoded_words(document):
        if field.name.lower() in ACTED_ON.get(document.file, ACTED_ON["METADATA"]):
            line = document.data.count(b"\n", 0, field.start) + 1
            raise MetadataError(
                "ambiguous-metadata",
                f"{document.file}, around line {line}: readers disagree about {field.name}: {cut(field.value.strip())}",
                hint="Write the value without an encoded word (RFC 2047) where the wheel is built: uv decodes it.",
            )


def _refuse_second_reading(document: Document) -> None:
    """Refuse a document in which a generous reader, who ends lines at LF only, would see other known fields.

    Such a reader continues past a line that is not a field, up to the first empty line, and allows blanks before a colon.
    """
    data, header_stop = document.data, document.header_stop
    if b"\r" not in data.replace(b"\r\n", b"") and _ends_clearly(data, header_stop) and b"\0" not in data[:header_stop]:
        return
    is_known = find if document.file == "METADATA" else _FIELDS_OF_WHEEL.__contains__
    known = [each for each in _values(document.fields) if is_known(each[0])]
    other = [each for each in _generous_fields(data, document.file) if is_known(each[0])]
    if known == other:
        return
    differing = (row for row, (one, two) in enumerate(zip(known, other, strict=False)) if one != two)
    row = next(differing, min(len(known), len(other)))
    name, value = (other if row < len(other) else known)[row]
    text = shown(value[:60].decode("utf-8", "replace"))
    line = data[: max(0, header_stop)].count(b"\n") + 1
    can_repair = document.file == "METADATA" and with_plain_line_ends(data) is not None
    raise MetadataError(
        "ambiguous-metadata",
        f"{document.file}, around line {line}: readers disagree about {name}: {text}",
        hint="Run `wheelfix repair`: it fixes the line ends."
        if can_repair
        else "Fix the line ends, or the line that is not a field, where the wheel is built.",
    )


def _ends_clearly(data: bytes, header_stop: int) -> bool:
    """Whether the header block ends with the file or with an empty line, and has no line before its first field."""
    rest = data[header_stop : header_stop + 2]
    plain = not rest or rest.startswith((b"\n", b"\r\n"))
    return plain and not data.startswith((b" ", b"\t", b"From ", b":", b"\n", b"\r"))


def _squeezed(value: bytes) -> bytes:
    return b" ".join(value.split())


def _generous_fields(data: bytes, file: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, list[bytes]]] = []
    in_field = False
    data = data.removeprefix(b"\xef\xbb\xbf")
    for number, (start, stop) in enumerate(_lines(data, _LF_LINE)):
        if number > _MOST_LINES:
            raise _too_long(file)
        line = data[start:stop]
        if not line.rstrip(b"\r\n"):
            if found:
                break
            continue
        if line.startswith((b" ", b"\t")):
            if in_field:
                found[-1][1].append(line)
            continue
        name, colon, value = line.partition(b":")
        in_field = bool(colon and name.strip())
        if in_field:
            found.append((name.rstrip(b" \t").decode("utf-8", "replace").lower(), [value]))
    return [(name, _squeezed(b" ".join(lines))) for name, lines in found]


def _encode(name: str, value: str) -> bytes:
    text = _ESCAPED_BYTE.sub("", value.replace("\t", " "))
    if not text.isprintable() or value != value.strip():
        raise EditError(
            "invalid-field-value",
            f"the value for {name} has a line break, a control character or blanks around it",
            hint="Give one line of text.",
        )
    return f"{name}: {value}".encode("utf-8", "surrogateescape")


def _line_end(data: bytes) -> bytes:
    """Return the line end with which ``data`` ends, empty if it has none."""
    for ending in (b"\r\n", b"\n", b"\r"):
        if data.endswith(ending):
            return ending
    return b""


def _first_line_end(data: bytes) -> bytes:
    found = re.search(rb"\r\n|\n|\r", data)
    return found[0] if found else b"\n"


_LONGEST: Final = 2_000
_FIXES: Final = (
    (r"""(^|,)(\s*)['"](?=\s*[<>=~!])""", r"\1\2"),  # '>=2.7'
    (r"""(?<=[<>=~!])(\s*)['"](?=\s*[\d*])""", r"\1"),  # >='2.7
    (r"""(?<=[\d*])\s*['"](?=\s*(?:,|$))""", ""),  # >=2.7'
    (r"(?<=\d)(?=[<>=~!])", ","),  # >=1.9<2.0
    (r"(?<=\*)(?=[<>=~!])", ","),  # ==1.*<2
    (r"!=~\s*((?:\d+\.)*\d+)", r"!=\1.*"),  # !=~5.0
    (r"([<>]=?\s*\d+(?:\.\d+)*)\.\*(?=\s*(?:,|$))", r"\1"),  # >=1.5.*
    (r"(\d\.\d+)\*", r"\1.*"),  # !=3.0*
    (r"([<>]=?\s*\d+(?:\.\d+)*)\.(?=\s*(?:,|$))", r"\1"),  # >=3.7.
    (r"(\d(?:a|b|rc|\.?post|\.?dev)\d+)\.0(?=\s*(?:,|$))", r"\1"),  # >=9.0.0a1.0
    (r">=\s*\*", ""),  # >=*
    (r">\s*dev", ">0.0.0dev"),  # >dev
    (r"^\s*,|,\s*$|,(?=\s*,)", ""),  # >=3.6,
)

_NOT_TO_UV: Final = r"^\s*,|,\s*,|\*(?=[<>=~!])|\d\.(?=\s*(?:,|$))|>=\s*\*"
"""What uv 0.13.9 does not fix: an empty clause, no comma after a star, a dot at the end of a clause, ``>=*``."""


def is_fixed_by_uv(text: str) -> bool:
    """Whether uv reads a malformed specifier whose meaning is clear.

    >>> is_fixed_by_uv(">=1.9.*<2"), is_fixed_by_uv(">=1.9<2"), is_fixed_by_uv(">=3.7.")
    (False, True, False)
    """
    return re.search(_NOT_TO_UV, text) is None


def fixed_specifier(text: str) -> str | None:
    """Return the specifier that a malformed one means, ``None`` where that is not clear.

    A dot at the end of ``==1.`` may be the rest of ``==1.*``, and a quote between digits separates two numbers.

    >>> fixed_specifier(">=1.9.0<2.0"), fixed_specifier(">=3.5.*"), fixed_specifier("one")
    ('>=1.9.0,<2.0', '>=3.5', None)
    """
    if len(text) > _LONGEST or "===" in text:  # that operator compares text: any text is valid
        return None
    for pattern, replacement in _FIXES:
        text = re.sub(pattern, replacement, text)
    try:
        SpecifierSet(text)
    except ValueError:  # InvalidSpecifier is one
        return None
    return text.strip()
