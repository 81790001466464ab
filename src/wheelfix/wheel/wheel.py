"""A wheel: its archive, its dist-info directory, its METADATA and RECORD."""

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from math import prod
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from packaging.utils import NormalizedName, canonicalize_name

from wheelfix.errors import EditError, StructureError
from wheelfix.text import shown
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.record import Record
from wheelfix.wheel.zip.inflate import read_content
from wheelfix.wheel.zip.layout import Directory, Layout, read_layout
from wheelfix.wheel.zip.source import Readable, Source
from wheelfix.wheel.zip.structs import Entry

if TYPE_CHECKING:
    from packaging.tags import Tag

    from wheelfix.wheel.sbom import Provenance

_LIMIT: Final = 1 << 23
"""The largest METADATA or other dist-info file that is read, in bytes: 15 times the largest of 968 real ones."""
_RECORD_LIMIT: Final = 1 << 26
"""The largest RECORD that is read, in bytes: about 500,000 rows."""
_MOST_TAGS: Final = 10_000
_REQUIRED: Final = ("METADATA", "WHEEL", "RECORD")
_OURS: Final = re.compile(r"[/\\](?:METADATA|WHEEL|RECORD)(?![\w-])", re.IGNORECASE)
_DRIVE: Final = re.compile(r"^[a-z]:")
SIGNATURES: Final = ("RECORD.jws", "RECORD.p7s")
"""Signatures of RECORD (PEP 427, deprecated by PEP 815): void as soon as RECORD changes."""


class WheelArchive:
    """The archive of a wheel, open for reading, whatever its file name is and its METADATA contains.

    Use it as a context manager. Nothing is extracted; only small files of dist-info are inflated, each under a limit.
    ``source`` is what the wheel is read from if that is open already: the file at ``path``, or a remote file, whose file
    name ``path`` is then. A source that you opened is yours to close.

    With a ``directory`` the wheel is read from the source of that, by what it lists alone: opening takes a few reads,
    however many entries there are, but most of the archive is not checked (see
    :class:`~wheelfix.wheel.zip.layout.Directory`). It is checked when ``layout`` is used, which everything does that writes.

    :raises WheelError: if the file is not a wheel, is damaged, or could be read in two ways.
    :raises OSError: if it cannot be read.
    """

    path: Path
    """The path that was given."""
    source: Readable
    """What the wheel is read from."""
    directory: Directory | None
    """The directory of the archive, where only that was read, ``None`` where all of the archive was."""
    dist_info: str
    """The name of the top-level dist-info directory, as the archive spells it."""

    def __init__(self, path: Path | str, *, source: Readable | None = None, directory: Directory | None = None) -> None:
        self.path = Path(path)
        self._opened: Source | None = None
        self.directory = directory
        if directory is not None:
            source = directory.source
        elif source is None:
            source = self._opened = Source(self.path)
        self.source = source
        try:
            self.dist_info = find_dist_info(self.names)
        except BaseException:
            self.close()
            raise

    @cached_property
    def layout(self) -> Layout:
        """Where every byte of the archive lies.

        :raises ArchiveError: where only the ``directory`` was read, if the rest of the archive turns out to be invalid.
        """
        return read_layout(self.source)

    @property
    def listing(self) -> Layout | Directory:
        """What the archive lists: its ``layout``, or its ``directory`` where only that was read."""
        return self.layout if self.directory is None else self.directory

    @property
    def names(self) -> Collection[str]:
        """The names of the entries, in the order of the directory."""
        return self.listing.names

    def forget(self) -> None:
        """Free what is kept of each entry and each row; it is read again when it is asked for."""
        for known in ("layout", "record"):
            self.__dict__.pop(known, None)

    @property
    def file(self) -> Source:
        """The local file that the wheel is read from; a new wheel can only be made from a local file.

        :raises EditError: if the wheel is remote.
        """
        if isinstance(self.source, Source):
            return self.source
        raise EditError("not-a-local-file", "the wheel is not a local file", hint="Download it first.")

    @cached_property
    def provenance(self) -> "Provenance | None":
        """How wheelfix made this wheel; ``None`` if it did not, or the file of that name is not its own.

        :raises ArchiveError: if it is damaged.
        """
        from wheelfix.wheel.sbom import PROVENANCE, read_provenance  # imported late: most wheels have none

        entry = self.entry(PROVENANCE)
        small = entry is not None and entry.size <= limit_of(PROVENANCE)
        return read_provenance(self.read(PROVENANCE)) if small else None

    @property
    def dist_info_files(self) -> tuple[str, ...]:
        """The files below dist-info, without its name: ``METADATA``, ``licenses/LICENSE``."""
        prefix = f"{self.dist_info}/"
        names = (name.removeprefix(prefix) for name in self.names if name.startswith(prefix))
        return tuple(name for name in names if name and not name.endswith("/"))

    def entry(self, file: str) -> Entry | None:
        """Return the entry of the dist-info file ``file``, or ``None`` if there is none."""
        name = f"{self.dist_info}/{file}"
        return self.listing.find(name) if name in self.names else None

    def read(self, file: str) -> bytes:
        """Return the content of the dist-info file ``file``.

        :raises KeyError: if there is no such file.
        :raises ArchiveError: if it is damaged or larger than 8 MiB (RECORD: 64 MiB).
        """
        return read_content(self.source, self.listing.find(f"{self.dist_info}/{file}"), limit=limit_of(file))

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Wheel(WheelArchive):
    """A wheel open for reading: its file name, its METADATA and RECORD, and where everything lies in its archive.

    It is opened like :class:`WheelArchive`. METADATA that readers understand differently is refused, or read ``leniently``,
    as ``email.parser`` reads it, so that it can be fixed.

    :raises WheelError: if the file is not a wheel, is damaged, or could be read in two ways.
    :raises OSError: if it cannot be read.
    """

    filename: WheelFilename
    """The parts of the file name."""
    document: Document
    """METADATA."""

    def __init__(
        self,
        path: Path | str,
        *,
        source: Readable | None = None,
        directory: Directory | None = None,
        leniently: bool = False,
    ) -> None:
        self.filename = WheelFilename.parse(Path(path).name)
        super().__init__(path, source=source, directory=directory)
        try:
            for error in dist_info_errors(self.dist_info, self.names):
                raise error
            parse = Document.parse_leniently if leniently else Document.parse
            self.document = parse(self.read("METADATA"))
        except BaseException:
            self.close()
            raise

    @property
    def project(self) -> NormalizedName:
        """The project's normal name (PEP 503), from METADATA, or from the file name if METADATA has none."""
        name = self.document.first("Name")
        return canonicalize_name(name) if name else self.filename.project

    @property
    def version(self) -> str:
        """The version as written in METADATA, or in the file name if METADATA has none."""
        return self.document.first("Version") or self.filename.version

    @cached_property
    def record(self) -> Record:
        """RECORD.

        :raises RecordError: if it is not clear where its rows begin and end.
        """
        return Record.parse(self.read("RECORD"))

    @cached_property
    def tags(self) -> "frozenset[Tag]":
        """The tags that the WHEEL file lists.

        :raises StructureError: if there are more than 10,000.
        :raises ValueError: if one is not a tag.
        """
        return read_tags(Document.parse(self.read("WHEEL"), "WHEEL"))


def read_tags(wheel: Document) -> "frozenset[Tag]":
    """Return the tags that ``wheel``, the WHEEL file, lists.

    :raises StructureError: if there are more than 10,000.
    :raises ValueError: if one is not a tag.
    """
    from packaging.tags import parse_tag  # imported late: it is slow, and most runs need no tags

    texts = [field.value.strip() for field in wheel.all("Tag")]
    if sum(prod(part.count(".") + 1 for part in text.split("-")) for text in texts) > _MOST_TAGS:
        raise StructureError("too-many-tags", "WHEEL lists more tags than any real one", hint="Build the wheel again.")
    return frozenset(tag for text in texts for tag in parse_tag(text))


def _other_readings(name: str) -> set[str]:
    """Return how other readers may understand an entry name: case folded, parts resolved or left out."""
    folded = name.casefold().replace("\\", "/")
    parts = [part if part == ".." else part.rstrip(" .") for part in _DRIVE.sub("", folded).split("/")]
    parts = [part for part in parts if part]
    resolved = posixpath.normpath("/" + "/".join(parts)).lstrip("/")
    return {resolved, "/".join(part for part in parts if part != "..")}


def dist_info_errors(dist_info: str, names: Collection[str]) -> Iterator[StructureError]:
    """Yield the errors of ``dist_info`` among the entries ``names``: a required file is missing, or there twice."""
    ours = {f"{dist_info}/{name}": name for name in _REQUIRED}
    for path, name in ours.items():
        if path not in names:
            yield StructureError(f"no-{name.lower()}", f"{shown(dist_info)} has no {name}", hint="Build the wheel again.")
    folded = {name.casefold() for name in ours}
    for name in names:
        if _OURS.search(name) and name not in ours and not folded.isdisjoint(_other_readings(name)):
            yield StructureError(
                "duplicate-entry",
                f"{shown(name)} is a second spelling of a file of dist-info",
                hint="Some readers would read it as that file; build the wheel again.",
            )


def limit_of(file: str) -> int:
    """Return the largest size in bytes at which a file of dist-info is read."""
    return _RECORD_LIMIT if file == "RECORD" else _LIMIT


def new_name(name: str, directories: Mapping[str, str]) -> str:
    """Return the name of an entry once top-level ``directories`` have their new names; a file at the top keeps its own.

    >>> new_name("demo-1.0.data/scripts/demo", {"demo-1.0.data": "demo-1.0+cpu.data"})
    'demo-1.0+cpu.data/scripts/demo'
    """
    top, slash, rest = name.partition("/")
    return f"{directories.get(top, top)}/{rest}" if slash else name


def find_dist_info(names: Iterable[str]) -> str:
    """Return the one top-level directory that ends with .dist-info; directories deeper down are payload.

    :raises StructureError: if there is none, or more than one.
    """
    found = dict.fromkeys(top for name in names if (top := name.partition("/")[0]).endswith(".dist-info") and top != name)
    match list(found):
        case [single]:
            return single
        case []:
            raise StructureError(
                "no-dist-info", "there is no dist-info directory at the top", hint="The file is not a wheel, or damaged."
            )
        case several:
            raise StructureError(
                "two-dist-infos",
                f"there are {len(several)} dist-info directories: {', '.join(map(shown, several))}",
                hint="Installers refuse such a wheel, or choose one of them; build it again.",
            )
