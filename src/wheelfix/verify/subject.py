"""A wheel opened as far as possible: what cannot be read is a finding, with what would fix it, and the rest is checked."""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import parse_wheel_filename

from wheelfix.codes import EVERYONE, Client, Fix, in_table_order
from wheelfix.errors import FilenameError, MetadataError, RecordError, SourceChanged, StructureError, WheelError
from wheelfix.results import Finding
from wheelfix.text import cut, shown
from wheelfix.verify.registry import BY_ERROR, CHECKS
from wheelfix.wheel.edits import Edit
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import ACTED_ON, Document, encoded_words, with_plain_line_ends
from wheelfix.wheel.record import Record, RecordRow, RowEdit
from wheelfix.wheel.wheel import dist_info_errors, find_dist_info, limit_of
from wheelfix.wheel.zip.findings import ArchiveFinding
from wheelfix.wheel.zip.inflate import BEHIND, read_content
from wheelfix.wheel.zip.layout import Directory, Layout, read_loosely
from wheelfix.wheel.zip.source import Readable, Source
from wheelfix.wheel.zip.structs import Entry

"""How much of a value is reported, in characters."""


class ChangeRow(Struct, frozen=True):
    """Change the row of RECORD at ``index``."""

    index: int
    change: RowEdit


class AddRow(Struct, frozen=True):
    """Add a row to RECORD."""

    row: RecordRow


class RewriteField(Struct, frozen=True):
    """Give the field that begins at ``start``, in bytes, another value; ``None`` removes it."""

    start: int
    value: str | None


class RewriteMetadata(Struct, frozen=True):
    """Replace METADATA by ``data``."""

    data: bytes


class SetWheelField(Struct, frozen=True):
    """Set this field of the WHEEL file, in this spelling; ``None`` removes it."""

    name: str
    value: str | None


class SetWheelTags(Struct, frozen=True):
    """Let the WHEEL file list the tags of the file name."""


class LetNamesAgree(Struct, frozen=True):
    """Let file name, directories and METADATA say the same name and version; ``version`` is a new one for METADATA."""

    version: str | None


class RebuildArchive(Struct, frozen=True):
    """Write the contents into a new container."""


FixStep: TypeAlias = (
    ChangeRow
    | AddRow
    | RewriteField
    | RewriteMetadata
    | SetWheelField
    | SetWheelTags
    | LetNamesAgree
    | RebuildArchive
    | Edit
)


class RawFinding(Struct, frozen=True):
    """One finding: its code, its place, what is wrong there, and the steps that fix it, none where nothing can.

    ``file`` is the file that rows of RECORD contradict, or that may be there in the place of another one: it may be damaged,
    so that it is fixed only if the content is trusted. ``refused_by`` is set where this form of the finding is
    refused by others than the registry says of its code.
    """

    code: str
    place: str
    message: str
    fixes: tuple[FixStep, ...] = ()
    file: str = ""
    refused_by: tuple[Client, ...] | None = None

    @property
    def finding(self) -> Finding:
        """The finding as it is reported; it is fixable where ``repair`` can fix it."""
        check = CHECKS[self.code]
        fixable = bool(self.fixes) and check.fix is not Fix.NO
        needs_trust = fixable and (check.fix is Fix.TRUSTED or bool(self.file))
        return check.finding(
            self.place,
            self.message,
            fixable=fixable,
            needs_trust=needs_trust,
            needs_rebuild=fixable and check.fix is Fix.REBUILT,
            refused_by=self.refused_by,
        )


_BUILT_IN: Final = (Client.PIP, Client.INSTALLER)
_STRICT: Final = (Client.UV, Client.PYPI)
_FORMS: Final[Mapping[str, Mapping[str, tuple[Client, ...]]]] = {
    "archive-leading-bytes": {"": _STRICT},
    "archive-second-end-record": {"": (Client.UV,)},
    "archive-bad-end-record": {"locator": (Client.UV,), "size": _STRICT},
    "archive-many-disks": {
        "": (Client.UV,),
        "zip64": (Client.UV,),
        "counts": _STRICT,
        "two counts": (Client.PYPI,),
        "locator": (Client.PIP, Client.INSTALLER, Client.PYPI),
    },
    "archive-local-header-differs": {"crc": (Client.UV,), "flags": (Client.UV,), "method": (Client.UV,), "size": _STRICT},
    "archive-data-descriptor": {"": (Client.PYPI,), "other width": _STRICT},
    "archive-bad-extra-field": {"": _STRICT, "repeated": (Client.UV,), "comment": (Client.UV,)},
    "archive-bad-entry-name": {
        "nul": _STRICT,
        "empty": (Client.PIP, Client.UV, Client.INSTALLER),
        "second": (Client.UV,),
        "encoding": (),
    },
    "archive-bad-zip64-field": {"more": _STRICT, "longer": (Client.UV,), "more in the directory": (Client.UV,)},
    "archive-bad-data-descriptor": {"streamed": (Client.PYPI,)},
    "archive-duplicate-entry": {"twice": (Client.INSTALLER, Client.PYPI), "encoding": _STRICT},
    "archive-damaged-entry": {
        "directory": (Client.UV,),
        "behind": (Client.UV,),
        "payload": (Client.PIP, Client.UV, Client.INSTALLER),
    },
    "archive-name-encoding": {"with a Unicode path": (Client.PYPI,)},
    "archive-odd-zip64-field": {"length": (Client.UV,), "one size": (Client.PYPI,)},
    "archive-newer-version": {"local": (Client.UV,)},
    "archive-unsafe-name": {
        "outside": _BUILT_IN,
        "up and down": (Client.INSTALLER,),
        "other on Windows": (),
        "long": (Client.PIP, Client.UV, Client.INSTALLER),
        "deep": _BUILT_IN,
        "control": _STRICT,
        "shows nothing": (Client.UV,),
    },
    "archive-entry-comment": {"": (Client.PYPI,)},
}
_METHODS: Final = {12: _STRICT, 14: _STRICT, 93: (Client.PIP, Client.INSTALLER, Client.PYPI)}
"""Who does not read a compression method beside stored and deflated: bzip2 and LZMA are known to ``zipfile``, Zstandard to
uv, and to ``zipfile`` only from Python 3.14 on (PEP 784). PyPI takes none of them."""


def of_form(form: str, code: str, place: str, message: str) -> RawFinding:
    """Return a finding with who refuses this form of it, where that is not what the registry says of all its forms."""
    return RawFinding(code, place, message, refused_by=_FORMS.get(code, {}).get(form))


def damaged(name: str, place: str, message: str) -> RawFinding:
    """Return an entry that is damaged as a finding.

    Installers read no content of directories and nothing after the end of data, and PyPI reads no payload.
    """
    read = "behind" if message.endswith(BEHIND) else "" if ".dist-info/" in name else "payload"
    return of_form("directory" if name.endswith("/") else read, "archive-damaged-entry", place, message)


def not_reading(method: int) -> tuple[Client, ...]:
    """Return who does not read entries of a compression method."""
    return _METHODS.get(method, EVERYONE)


_PROJECT: Final = re.compile(r"[A-Za-z0-9._]+-")
_FIVE_PARTS: Final = re.compile(r"[^-].*-.*-.+-.+-.+\.whl")
DEEPEST: Final = 500
"""How many directories the path of an entry may have, and how many of them are checked.

Real ones have a dozen. ``os.makedirs``, by which pip and installer make directories, calls itself for each of them: pip 26.3
ends in a RecursionError at 981, installer 1.1 at 985, ``zipfile`` at 993, and sooner in a program that called them.
"""
LONGEST_DIRECTORIES: Final = 1 << 24
"""How long the paths of all directories may be together, in characters: those of torch are 60,000."""


def found_of(error: WheelError, place: str = "") -> RawFinding:
    """Return an error of a wheel as a finding."""
    code, message = BY_ERROR.get(error.code, f"archive-{error.code}"), _without_place(error.message, place)
    if code == "archive-damaged-entry":
        return damaged(place, place, message)
    # On a system that folds case or cuts names, another file is read: no installer checks that.
    is_folded = isinstance(error, StructureError) and error.code == "duplicate-entry"
    return RawFinding(code, place, message, refused_by=() if is_folded else None)


def _without_place(message: str, place: str) -> str:
    """Return a message that names its place as one that follows it.

    >>> _without_place("RECORD is longer than any real one", "RECORD"), _without_place("METADATA, line 7: x", "METADATA")
    ('it is longer than any real one', 'line 7: x')
    """
    if not place:
        return message
    for verb in ("is", "has"):
        if message.startswith(f"{place} {verb} "):
            return f"it{message.removeprefix(place)}"
    return message.removeprefix(f"{place}, ")


def _refusing_filename(name: str) -> tuple[Client, ...]:
    """Return who refuses a file for its name, which is not that of a wheel: uv is stricter than ``packaging``.

    installer looks for five parts, and then for a dist-info directory of this name.
    """
    if not _PROJECT.match(name):
        return EVERYONE
    try:
        parse_wheel_filename(name)
    except ValueError:  # InvalidWheelFilename is one
        taken = False
    else:
        taken = True  # by pip and PyPI
    clients = {Client.UV, *(() if taken else (Client.PIP, Client.PYPI))}
    clients |= set() if _FIVE_PARTS.fullmatch(name) else {Client.INSTALLER}
    return in_table_order(clients)


def found_in_archive(finding: ArchiveFinding) -> RawFinding:
    """Return what the reader of archives found, with who refuses this form of it."""
    return of_form(finding.form, f"archive-{finding.code}", finding.place, finding.message)


class Subject:
    """A wheel, or what claims to be one; parts that cannot be read are ``None``, and ``found`` says why.

    ``entries`` are by name; ``hidden`` are the names of those whose content is not to be read. ``dist_info`` is the name of
    that directory, empty without one. Use it as a context manager. ``source`` is the file where it is open already, or what
    is read in its place; the caller closes it. ``layout`` is where the entries are, if that was read. With a ``directory``
    the wheel is read by that alone, and the content of what is ``hidden`` is not read at all.
    """

    def __init__(
        self,
        path: Path,
        *,
        source: Readable | None = None,
        layout: Layout | None = None,
        directory: Directory | None = None,
        hidden: Collection[str] = (),
    ) -> None:
        self.path = path
        self._given = source if directory is None else directory.source
        self._directory = directory
        self._opened: Source | None = None
        self.found: list[RawFinding] = []
        self.failure: SourceChanged | OSError | None = None
        self.filename: WheelFilename | None = None
        self.source: Readable | None = None
        self.layout = layout
        self.entries: Mapping[str, Entry] = {}
        self.hidden = frozenset(hidden)
        self.dist_info = ""
        self.document: Document | None = None
        self.wheel: Document | None = None
        self.record: Record | None = None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def unreadable(self, error: SourceChanged | OSError) -> RawFinding:
        """Return what the machine did not allow as a finding; the first such error is the ``failure``."""
        self.failure = self.failure or error
        reason = error.message if isinstance(error, SourceChanged) else f"the file cannot be read: {error.strerror or error}"
        return RawFinding("file-unreadable", "", shown(reason))

    def _open(self) -> None:
        try:
            self.filename = WheelFilename.parse(self.path.name)
        except FilenameError as error:
            self.found.append(replace(found_of(error), refused_by=_refusing_filename(self.path.name)))
        try:
            self.source = self._given or self._open_file()
            listed = self._listed_in(self.source)
            if listed is not None:
                self.entries = listed
                self.dist_info = find_dist_info(self.entries)
        except (SourceChanged, OSError) as error:
            self.found.append(self.unreadable(error))
        except WheelError as error:
            self.found.append(found_of(error))
            self.dist_info = self._fitting_dist_info()
        if self.dist_info:
            self.found += [found_of(each, shown(self.dist_info)) for each in dist_info_errors(self.dist_info, self.entries)]
            self._read_parts()

    def _fitting_dist_info(self) -> str:
        """Return, of several dist-info directories, the one that fits the file name; empty where none does."""
        if self.filename is None:
            return ""
        directory = f"{self.filename.raw_project}-{self.filename.version}.dist-info"
        return directory if any(name.startswith(f"{directory}/") for name in self.entries) else ""

    def _open_file(self) -> Source:
        self._opened = Source(self.path)
        return self._opened

    def _listed_in(self, source: Readable) -> Mapping[str, Entry] | None:
        """Return the entries by name, ``None`` if the archive cannot be read."""
        if self._directory is not None:
            return self._directory
        self.layout = self.layout or self._read_layout(source)
        return None if self.layout is None else self.layout.by_name

    def _read_layout(self, source: Readable) -> Layout | None:
        reading = read_loosely(source)
        self.found += map(found_in_archive, reading.findings)
        self.hidden = reading.hidden
        return reading.layout

    def _read_parts(self) -> None:
        data = self.read("METADATA")
        if data is not None:
            self._read_document(data)
        data = self.read("WHEEL")
        if data is not None:
            self._read_wheel(data)
        data = self.read("RECORD")
        if data is not None:
            try:
                self.record = Record.parse(data)
            except RecordError as error:
                self.found.append(found_of(error, "RECORD"))

    def _read_wheel(self, data: bytes) -> None:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.found.append(RawFinding("wheel-not-utf8", f"WHEEL, line {line}", "it is not UTF-8; installers refuse it"))
        if b"\r" in data.replace(b"\r\n", b"\n"):
            self.found.append(
                RawFinding("wheel-ambiguous", "WHEEL", "only some readers take a lone carriage return for the end of a line")
            )
        try:
            self.wheel = Document.parse_leniently(data, "WHEEL")
            self.found += islice(_encoded_words(self.wheel), 1)
            Document.parse(data, "WHEEL")
        except MetadataError as error:
            self.found.append(RawFinding("wheel-ambiguous", "WHEEL", _without_place(error.message, "WHEEL")))

    def _read_document(self, data: bytes) -> None:
        try:
            self.document = Document.parse(data)
        except MetadataError as error:
            fixed = with_plain_line_ends(data)
            if fixed is None:
                self.found.append(found_of(error, "METADATA"))
                return
            self.found.append(
                RawFinding(
                    "metadata-hidden-fields",
                    "METADATA",
                    _without_place(error.message, "METADATA"),
                    (RewriteMetadata(fixed),),
                )
            )
            self.document = Document.parse(fixed)

    def read(self, file: str) -> bytes | None:
        """Return the content of the dist-info file ``file``, ``None`` if it is not there or cannot be read."""
        name = f"{self.dist_info}/{file}"
        if not self.dist_info or self.source is None or name in self.hidden or name not in self.entries:
            return None
        entry = self.entries[name]
        try:
            return read_content(self.source, entry, limit=limit_of(file))
        except WheelError as error:
            self.found.append(found_of(error, shown(entry.name)))
        except (SourceChanged, OSError) as error:
            self.found.append(self.unreadable(error))
        return None

    def size_of(self, name: str) -> int:
        """Return the size of the content of the entry ``name``, in bytes: for many names, as no entry is made for it.

        :raises KeyError: if there is none.
        """
        if self._directory is not None:
            return self._directory.size_of(name)
        if self.layout is None:
            raise KeyError(name)
        return self.layout.sizes[self.layout.numbers[name]]

    @property
    def readable(self) -> list[str]:
        """The names of the entries whose content can be read, each once."""
        return [name for name in self.entries if name not in self.hidden]

    @cached_property
    def dist_info_files(self) -> Collection[str]:
        """The files below dist-info, without its name."""
        prefix = f"{self.dist_info}/"
        return [name.removeprefix(prefix) for name in self.entries if name.startswith(prefix) and not name.endswith("/")]

    @cached_property
    def directories(self) -> frozenset[str]:
        """Every directory, with a slash at its end, that entries are in or are themselves; those of the first 500 levels.

        Where they are more than any real wheel has, the rest is left out, and that is a finding.
        """
        found, left = set[str](), LONGEST_DIRECTORIES
        for name in self.entries:
            top = name if name.count("/") <= DEEPEST else "/".join(name.split("/", DEEPEST)[:-1]) + "/"
            position = top.rfind("/")
            while position > 0 and top[: position + 1] not in found:
                left -= position + 1
                if left < 0:
                    self.found.append(
                        RawFinding("archive-too-many-directories", shown(name), "it has more directories than are checked")
                    )
                    return frozenset(found)
                found.add(top[: position + 1])
                position = top.rfind("/", 0, position)
        return frozenset(found)

    def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _encoded_words(wheel: Document) -> Iterator[RawFinding]:
    """Yield the fields of WHEEL with an encoded word that uv refuses, or that it decodes and others read as it is."""
    for field, charset in encoded_words(wheel):
        if field.name.lower() in ACTED_ON["WHEEL"] or charset not in _CHARSETS:
            message = "it has an encoded word (RFC 2047), which uv decodes or refuses"
            yield RawFinding("metadata-ambiguous", f"WHEEL: {cut(field.name)}", message, refused_by=(Client.UV,))


_CHARSETS: Final = frozenset({"utf-8", "us-ascii", "iso-8859-1", "windows-1252"})
"""Those that uv 0.13.9 knows."""
