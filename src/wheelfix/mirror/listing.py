"""What a page says of a file, compared with the file: the same for a mirror in a store and for an index behind a URL."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct
from packaging.specifiers import SpecifierSet

from wheelfix.errors import WheelfixError
from wheelfix.mirror.examine import examine
from wheelfix.mirror.needs import ListedWheel, Needs, needs_by_metadata, read_needs
from wheelfix.mirror.pages import ListedFile
from wheelfix.mirror.registry import finding
from wheelfix.results import Finding
from wheelfix.text import as_utf8, shown, shown_few
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.sdist_filename import is_sdist
from wheelfix.wheel.wheel import Wheel
from wheelfix.wheel.zip.source import Readable, sha256_of


class Listing(Struct, frozen=True, kw_only=True):
    """What a page of anybody says of a file; ``None`` where it does not say it. A page of ours has all of it."""

    filename: str
    sha256: str | None
    size: int | None
    requires_python: str | None
    has_metadata: bool
    metadata_sha256: str | None


class Contents(Struct, kw_only=True):
    """What was read of a file; ``None`` where nothing was.

    ``metadata`` is that of the wheel, ``metadata_file`` is beside it; ``missing`` says why that could not be contents.
    ``invalid`` says what is wrong with the wheel itself.
    """

    size: int | None = None
    sha256: str | None = None
    metadata: bytes | None = None
    metadata_file: bytes | None = None
    missing: str = ""
    invalid: str = ""
    needs: Needs | None = None


def read_whole(path: Path, source: Readable, sha256: str | None = None) -> Contents:
    """Return the contents of the wheel at ``path``, read and verified whole from ``source``."""
    needs = None
    try:
        wheel = examine(path, source, sha256=sha256, now=_never, leniently=True)
        if not wheel.errors:
            with Wheel(path, source=source) as opened:
                needs = read_needs(opened)
    except WheelfixError as error:
        return Contents(sha256=sha256 or sha256_of(source), invalid=error.message)
    invalid = shown_few(wheel.errors) if wheel.errors else ""
    return Contents(sha256=wheel.file.sha256, metadata=wheel.metadata, invalid=invalid, needs=needs)


def _never() -> datetime:
    return datetime.fromtimestamp(0, UTC)  # when a file was published only the page knows


def compare(
    said: Listing | ListedFile, contents: Contents, place: str, metadata_place: str = "", *, fixable: bool = False
) -> Iterator[Finding]:
    """Yield where a page says otherwise than the file is.

    ``metadata_place`` is the place of the metadata file, if that has one of its own. ``fixable`` is whether the page and
    the metadata file can be written again from the wheel.
    """
    if contents.size is not None and said.size not in (None, contents.size):
        yield finding("size-differs", place, f"it has {contents.size} bytes, the page says {said.size}")
    if contents.sha256 is not None and said.sha256 not in (None, contents.sha256):
        yield differing(place, contents.sha256, said.sha256)
    if is_sdist(said.filename):
        return
    yield from _compare_metadata_files(said, contents, place, metadata_place or place, fixable=fixable)
    data = contents.metadata_file if contents.metadata is None else contents.metadata
    try:
        WheelFilename.parse(said.filename)
        document = None if data is None else Document.parse_leniently(data)
    except WheelfixError as error:
        yield finding("wheel-invalid", place, contents.invalid or error.message)
        return
    if contents.invalid:
        yield finding("wheel-invalid", place, contents.invalid)
    if document is not None:
        declared = as_utf8(document.first("Requires-Python") or "")
        if not _same_specifier(declared, said.requires_python or ""):
            message = f"the wheel says {shown(declared or 'nothing')}, the page {shown(said.requires_python or 'nothing')}"
            yield finding("requires-python-differs", place, message, fixable=fixable)


def differing(place: str, sha256: str, said: str | None) -> Finding:
    """Return the finding for a file with this ``sha256``, of which the page ``said`` another one."""
    return finding("file-differs", place, f"its sha256 is {sha256}, the page says {said}")


def _compare_metadata_files(
    said: Listing | ListedFile, contents: Contents, place: str, metadata_place: str, *, fixable: bool
) -> Iterator[Finding]:
    data = contents.metadata_file
    if not said.has_metadata:
        yield finding("metadata-file-not-announced", place, "the page announces no metadata file", fixable=fixable)
    elif contents.missing:
        yield finding("metadata-file-missing", metadata_place, contents.missing, fixable=fixable)
    elif data is not None and said.metadata_sha256 not in (None, hashlib.sha256(data).hexdigest()):
        message = "the sha256 of the metadata file is not what the page says"
        yield finding("metadata-file-differs", metadata_place, message, fixable=fixable)
    if data is not None and contents.metadata not in (None, data):
        message = "the metadata file is not the METADATA of the wheel"
        yield finding("metadata-file-stale", metadata_place, message, fixable=fixable)


def _same_specifier(one: str, two: str) -> bool:
    """Whether two values of Requires-Python say the same; their parts may stand in another order."""
    try:
        return SpecifierSet(one) == SpecifierSet(two)
    except ValueError:  # InvalidSpecifier is one
        return one == two


def listed_wheel(filename: str, metadata: bytes, needs: Needs | None = None) -> ListedWheel | None:
    """Return what a wheel requires, to be compared with others of its release; ``None`` if ``metadata`` cannot be read.

    ``needs`` are known where the wheel was read whole.
    """
    try:
        document = Document.parse_leniently(metadata)
        needs = needs or needs_by_metadata(WheelFilename.parse(filename), document)
    except WheelfixError:  # it is a finding of the wheel
        return None
    return ListedWheel(filename, [field.value.strip() for field in document.all(REQUIRES)], needs)
