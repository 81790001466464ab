"""What PyPI asks of an uploaded wheel, as a model: what is checked was read from warehouse's ``forklift`` and ``utils``.

The model asks for what makes a wheel well formed: the ZIP records, the files of dist-info under the names that the file
name gives them, RECORD, License-File, entry points. Left out are the terms on which PyPI takes files at all, which are
no finding of a wheel: who uploads, local versions, platform tags, direct references, file names that must be in lower case,
classifiers that must be known, limits of length, and the search for malware.
"""

import configparser
import contextlib
import csv
import re
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from packaging.metadata import Metadata, RawMetadata, parse_email
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

_LOCAL: Final = b"PK\x03\x04"
_DIRECTORY: Final = b"PK\x01\x02"
_END: Final = b"PK\x05\x06"
_END_64: Final = b"PK\x06\x06"
_LOCATOR: Final = b"PK\x06\x07"
_FULL: Final = 0xFFFF_FFFF
_ZIP64: Final = 0x0001
_UNICODE_PATH: Final = 0x7075
_MEBIBYTE: Final = 1 << 20
_SCRIPT_NAME: Final = re.compile(r"[\w.-]+")
_METADATA_VERSIONS: Final = ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5")


class Refused(Exception):
    """PyPI answers 400 to the upload, for the reason in the text."""


def refuse_upload(path: Path) -> None:
    """Do nothing if PyPI takes the wheel at ``path``.

    :raises Refused: if it does not, and says why.
    """
    if not zipfile.is_zipfile(path):
        raise Refused("not a ZIP file")
    if tarfile.is_tarfile(path):
        raise Refused("a ZIP file and a tar file")
    try:
        with _opened(path) as archive:
            _check_members(path, archive)
            _check_framing(path.read_bytes(), archive)
            _check_wheel(path, archive)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise Refused(str(error)) from error


def record_mismatch(path: Path) -> str:
    """Return how RECORD and the files of the archive differ, for which PyPI writes to the owners and takes the wheel."""
    with _opened(path) as archive:
        listed, there = _record_paths(_folder_of(path), archive)
    return f"RECORD lists {sorted(listed - there)} more, and lacks {sorted(there - listed)}" if listed != there else ""


def metadata_complaints(path: Path) -> list[str]:
    """Return what PyPI refuses of the fields of METADATA, as twine sends them; others than it knows do not matter to it."""
    with _opened(path) as archive:
        raw, unparsed = parse_email(archive.read(f"{_folder_of(path)}/METADATA"))
    if Version(raw.get("metadata_version", "0")) < Version("2.4"):
        raw.pop("license_files", None)  # setuptools wrote it before it was a field, so twine does not send it
        unparsed.pop("license-file", None)
    sent = [field for field in unparsed if field != "description" and parse_email(f"{field}: x\n")[0]]
    found = [f"{field} cannot be read" for field in sent]
    try:
        metadata = Metadata.from_raw(raw)
    except* ValueError as group:
        found += [str(error) for error in group.exceptions]
    else:
        found += _terms_broken(raw, metadata)
    return found


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the archive; from Python 3.12 on ``zipfile`` warns of some fields."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path) as archive:
            yield archive


def _terms_broken(raw: RawMetadata, metadata: Metadata) -> Iterator[str]:
    if metadata.metadata_version not in _METADATA_VERSIONS:
        yield f"metadata_version {metadata.metadata_version} is not supported"
    if metadata.license and metadata.license_expression:
        yield "license and license_expression exclude each other"
    if not all(label.strip() and url.strip() for label, url in raw.get("project_urls", {}).items()):
        yield "project_urls needs a label and a URL"


def _folder_of(path: Path) -> str:
    """Return the dist-info directory in which PyPI looks: verbatim what the file name begins with."""
    name, version, _ = path.name.split("-", 2)
    return f"{name}-{version}.dist-info"


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    size = sum(member.file_size for member in archive.infolist())
    if size > 64 * _MEBIBYTE and size > 50 * path.stat().st_size:
        raise Refused("the compression ratio is that of a bomb")
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in archive.infolist()):
        raise Refused("a file is neither stored nor deflated")


def _check_wheel(path: Path, archive: zipfile.ZipFile) -> None:
    try:
        name, version, _, _ = parse_wheel_filename(path.name)
    except ValueError as error:
        raise Refused(str(error)) from error
    folder = _folder_of(path)
    for file in ("WHEEL", "RECORD", "METADATA"):
        _read(archive, f"{folder}/{file}")
    raw, _ = parse_email(_read(archive, f"{folder}/METADATA"))
    if canonicalize_name(raw.get("name", "")) != name:
        raise Refused(f"the file name is not for Name {raw.get('name')!r}")
    try:
        if Version(raw.get("version", "")) != version:
            raise Refused(f"the file name is not for Version {raw.get('version')!r}")
    except ValueError as error:
        raise Refused(str(error)) from error
    if Version(raw.get("metadata_version", "0")) >= Version("2.4"):
        for license_file in raw.get("license_files", []):
            _read(archive, f"{folder}/licenses/{license_file}")
    _record_paths(folder, archive)
    _check_scripts(folder, archive)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except KeyError as error:
        raise Refused(f"no {name}") from error


def _record_paths(folder: str, archive: zipfile.ZipFile) -> tuple[set[str], set[str]]:
    """Return the paths in RECORD and the files that it should list."""
    try:
        rows = csv.reader(_read(archive, f"{folder}/RECORD").decode().splitlines())
        listed = {path.replace("\\", "/") for path, *_ in rows}
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused(f"RECORD: {error}") from error
    except ValueError as error:  # an empty row: the upload ends with an error of the server
        raise Refused(f"RECORD: {error}") from error
    signatures = {f"{folder}/RECORD.jws", f"{folder}/RECORD.p7s"}
    return listed, {name for name in archive.namelist() if not name.endswith(("/", "\\"))} - signatures


def _check_scripts(folder: str, archive: zipfile.ZipFile) -> None:
    """Ask for names of scripts without blanks or slashes, in an INI file whose only delimiter is ``=``."""
    try:
        content = archive.read(f"{folder}/entry_points.txt")
    except KeyError:
        return
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(content.decode())
    except (UnicodeDecodeError, configparser.Error) as error:
        raise Refused(f"entry_points.txt: {error}") from error
    for section in {"console_scripts", "gui_scripts"} & {*parser.sections()}:
        for name in parser[section]:
            if not _SCRIPT_NAME.fullmatch(name):
                raise Refused(f"entry_points.txt: {name!r} is no name of a script")


def _check_framing(data: bytes, archive: zipfile.ZipFile) -> None:
    """Read the archive from its first byte on, and ask for the files that its directory lists, each once."""
    _Framing(data, {member.orig_filename: (member.compress_size, member.file_size) for member in archive.filelist}).check()


class _Framing:
    """The records of an archive in the order in which they lie."""

    def __init__(self, data: bytes, directory: dict[str, tuple[int, int]]) -> None:
        self.data, self.directory, self.at = data, directory, 0
        self.local = set[bytes]()
        self.listed = set[bytes]()
        self.directory_start = self.directory_size = -1
        self.said: tuple[int, int, int] | None = None
        self.locator_due = False

    def check(self) -> None:
        readers = {_LOCAL: self._local, _DIRECTORY: self._entry, _END_64: self._end_64, _LOCATOR: self._locator}
        while (signature := self._take(4)) != _END:
            if signature not in readers:
                raise Refused("a record of unknown kind")
            readers[signature]()
        self._end()
        if self.at != len(self.data):
            raise Refused("bytes behind the end")

    def _take(self, size: int) -> bytes:
        taken = self.data[self.at : self.at + size]
        if len(taken) != size:
            raise Refused("the archive is cut off")
        self.at += size
        return taken

    def _local(self) -> None:
        flags, method, packed, size, name_size, extra_size = struct.unpack("<2xHH8x2L2H", self._take(26))
        name = _printable(self._take(name_size))
        packed, size = _with_extra(self._take(extra_size), method, packed, size)
        if flags & 8:
            raise Refused("a data descriptor")
        try:
            if self.directory[name.decode()] != (packed, size):
                raise Refused("sizes of a local header differ from the directory")
        except (KeyError, UnicodeDecodeError) as error:
            raise Refused("a name that the directory does not have") from error
        if name in self.local:
            raise Refused("a file twice")
        self.local.add(name)
        self.at += packed

    def _entry(self) -> None:
        if self.directory_start < 0:
            self.directory_start, self.directory_size = self.at - 4, 0
        name_size, extra_size, comment_size = struct.unpack("<24x3H12x", self._take(42))
        if comment_size:
            raise Refused("a comment in the directory")
        name = _printable(self._take(name_size))
        self._take(extra_size)
        if name in self.listed or name not in self.local:
            raise Refused("a name twice in the directory, or without a local header")
        self.listed.add(name)
        self.directory_size += 46 + name_size + extra_size

    def _end_64(self) -> None:
        record_size, here, count, size, start = struct.unpack("<Q12x4Q", self._take(52))
        if here != count or record_size != 44:
            raise Refused("a ZIP64 end that is not plain")
        self.said, self.locator_due = (count, size, start), True

    def _locator(self) -> None:
        self._take(16)
        self.locator_due = False

    def _end(self) -> None:
        if self.locator_due:
            raise Refused("a ZIP64 end without its locator")
        if self.directory_start < 0:
            self.directory_start, self.directory_size = self.at - 4, 0
        here, count, size, start, comment_size = struct.unpack("<4x2H2LH", self._take(18))
        if here != count:
            raise Refused("counts that differ")
        self._take(comment_size)
        if (self.said or (count, size, start)) != (len(self.listed), self.directory_size, self.directory_start):
            raise Refused("the end says another count, size or place of the directory")
        if self.local != self.listed:
            raise Refused("local headers and directory differ")


def _printable(name: bytes) -> bytes:
    if any(byte < 0x20 or byte == 0x7F for byte in name):
        raise Refused("a control character in a name")
    return name


def _with_extra(extra: bytes, method: int, packed: int, size: int) -> tuple[int, int]:
    """Return the sizes that a local header gives with its extra fields, which must be whole."""
    seen = set[int]()
    while extra:
        kind, length = struct.unpack("<2H", extra[:4]) if len(extra) >= 4 else (0, _FULL)
        content, extra = extra[4 : 4 + length], extra[4 + length :]
        if len(content) != length or (kind in seen and kind in (_ZIP64, _UNICODE_PATH)):
            raise Refused("an extra field is cut off, or there twice")
        seen.add(kind)
        if kind == _ZIP64:
            packed, size = _wide(content, method, packed, size)
        if kind == _UNICODE_PATH:
            try:
                _printable(content[5:]).decode()
            except UnicodeDecodeError as error:
                raise Refused("a Unicode path that is not UTF-8") from error
    return packed, size


def _wide(content: bytes, method: int, packed: int, size: int) -> tuple[int, int]:
    """Return the sizes where there is a ZIP64 field: whatever is there is taken, asked for or not."""
    match len(content):
        case 0 if _FULL not in (packed, size):
            return packed, size
        case 8 if method == zipfile.ZIP_STORED:
            [wide] = struct.unpack("<Q", content)
            return wide, wide if size == _FULL else size
        case 16 | 24 | 28:
            wide_size, wide_packed = struct.unpack("<2Q", content[:16])
            return wide_packed, wide_size if size == _FULL else size
        case _:
            raise Refused("a ZIP64 field of an odd length")
