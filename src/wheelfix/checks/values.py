"""What ``packaging`` finds wrong with the values of fields."""

from collections.abc import Collection, Iterator
from typing import Final, cast

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email

from wheelfix.checks.found import Found
from wheelfix.errors import EditError
from wheelfix.escaping import shown
from wheelfix.wheel.fields import check_value, find
from wheelfix.wheel.metadata import Document

_OWN_CHECKS: Final = frozenset(
    {"metadata_version", "name", "version", "requires_dist", "requires_python", "provides_extra", "description"}
)
"""Fields, by the names that packaging has for them, that are checked elsewhere and not left to it."""
_LONGEST: Final = 100


def cut(text: str) -> str:
    """Return the begin of ``text`` as it can be printed safely."""
    return shown(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def is_possible(name: str, value: str) -> bool:
    """Whether ``value`` may be written to the field ``name``."""
    try:
        check_value(name, value)
    except EditError:
        return False
    return True


def check_encoding(document: Document) -> Iterator[Found]:
    """Yield the first place where METADATA is not UTF-8."""
    try:
        document.data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = document.data.count(b"\n", 0, error.start) + 1
        yield Found("metadata-not-utf8", f"line {line}", "it is not UTF-8; pip refuses it, others guess")


def bad_values(document: Document) -> Iterator[Found]:
    """Yield the fields with values that ``packaging`` refuses or makes nothing of; those that are not UTF-8 are left out."""
    known = (document.data[field.start : field.stop].rstrip(b"\r\n") for field in document.fields if find(field.name))
    lines = [*filter(_is_utf8, known), b"", b""]  # other headers, such as Content-Type, would make a mail of it
    raw, unparsed = parse_email(b"\n".join(lines))
    yield from _check_unparsed(document, unparsed)
    for key, value in raw.items():
        if key in _OWN_CHECKS:
            continue
        checked = Metadata.from_raw(cast(RawMetadata, {key: value}), validate=False)
        try:
            getattr(checked, key)
        except InvalidMetadata as error:
            yield Found("metadata-bad-value", error.field, cut(str(error).partition("\n")[0]))
        except (ValueError, LookupError, RecursionError):  # by some versions of packaging
            yield Found("metadata-bad-value", key, "it cannot be read")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _check_unparsed(document: Document, unparsed: Collection[str]) -> Iterator[Found]:
    """Yield the fields of which ``packaging`` makes nothing, but for those that are told as standing too often."""
    for key in sorted(unparsed):
        kind = find(key)
        if kind is not None and (kind.multiple or len(document.all(key)) == 1):
            what = "a label stands twice" if key == "project-url" else "it cannot be read"
            yield Found("metadata-bad-value", kind.name, what)
