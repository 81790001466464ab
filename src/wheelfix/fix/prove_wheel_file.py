"""The proof that WHEEL of a new wheel differs from the old one as planned, line by line."""

from collections.abc import Iterable, Iterator
from typing import Final

from packaging.tags import Tag, parse_tag

from wheelfix.fix.prove_text import same_beside_fields, same_lines
from wheelfix.results import Change, Part
from wheelfix.text import shown_few
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document, Field
from wheelfix.wheel.tags import MOST_TAGS, number_of_tags

_PARTS: Final = (Part.BUILD_TAG, Part.TAG, Part.WHEEL_FIELD)
_TAG: Final = "tag"
_BUILD: Final = "build"


def wheel_file_difference(
    old: bytes, new: bytes, changes: Iterable[Change], before: WheelFilename, after: WheelFilename
) -> str:
    """Return in what WHEEL differs beyond ``changes``, empty if in nothing.

    ``before`` and ``after`` are the names of the wheels. Where tags or the build tag change, WHEEL must say those of the new
    name; a line that says only such tags is kept. Where no change is planned the tags of the name must be the same too.
    """
    planned = {change.field.lower(): change.after for change in changes if change.part in _PARTS}
    if _TAG not in planned and _tag_sets(before) != _tag_sets(after):
        return "the tags of the file name"
    if not planned:
        return "" if old == new else "no field was to change"
    was, now = Document.parse_leniently(old, "WHEEL"), Document.parse_leniently(new, "WHEEL")
    if not same_beside_fields(was, now):
        return "lines beside its fields"
    kept, there = (
        [_line(document, each) for each in document.fields if each.name.lower() not in planned] for document in (was, now)
    )
    if not same_lines(kept, there):
        return "the order or the spelling of fields that were to be kept"
    values = {**planned, **({_BUILD: after.build} if _BUILD in planned else {})}
    wrong = [
        name for name, value in values.items() if name != _TAG and _values(now, name) != ([] if value is None else [value])
    ]
    if _TAG in planned and not _says_tags(was, now, after):
        wrong.append(_TAG)
    return shown_few(wrong)


def _tag_sets(name: WheelFilename) -> tuple[str, str, str]:
    return name.python, name.abi, name.platform


def _line(document: Document, field: Field) -> bytes:
    return document.data[field.start : field.stop]


def _values(document: Document, name: str) -> list[str]:
    return [each.value.strip() for each in document.all(name)]


def _says_tags(was: Document, now: Document, name: WheelFilename) -> bool:
    """Whether WHEEL lists the tags of ``name``: by lines that it had and that said only such, all others one a line."""
    wanted = name.tags
    kept = [(line, tags) for line, tags in _tag_lines(was) if tags and tags <= wanted]
    same = {line for line, _ in kept}
    lines = list(_tag_lines(now))
    new = [line for line, _ in lines if line not in same]
    missing = wanted.difference(*(tags for _, tags in kept))
    return (
        [line for line, _ in lines if line in same] == [line for line, _ in kept]
        and {line.partition(b":")[2].strip().decode("utf-8", "replace") for line in new} == {*map(str, missing)}
        and len(new) == len(missing)
    )


def _tag_lines(document: Document) -> Iterator[tuple[bytes, frozenset[Tag]]]:
    """Yield each line of tags, without its line end, and what it says: nothing where it is no tag, or there are too many."""
    left = MOST_TAGS
    for field, text in zip(document.all(_TAG), _values(document, _TAG), strict=True):
        left -= number_of_tags(text)
        try:
            tags = parse_tag(text) if left >= 0 else frozenset[Tag]()
        except ValueError:
            tags = frozenset()
        yield _line(document, field).rstrip(b"\r\n"), tags
