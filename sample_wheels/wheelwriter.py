"""Wheels put together out of parts: METADATA, WHEEL and RECORD around a few files, in the shapes that real tools write."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from zipwriter import DEFLATED, STORED, Archive, Entry, to_bytes


class RecordStyle(Struct, frozen=True):
    """How RECORD is written.

    ``quoted`` puts every column in quotes; ``unlisted`` names files that get no row. ``own_row`` is where the row of
    RECORD itself stands.
    """

    line_end: str = "\n"
    quoted: bool = False
    own_row: Literal["first", "middle", "last", "missing"] = "last"
    algorithm: str = "sha256"
    unlisted: frozenset[str] = frozenset()
    final_newline: bool = True


class WheelSpec(Struct, frozen=True):
    """A wheel to be built.

    ``files`` is the payload; ``dist_info_files`` come beside METADATA, WHEEL and RECORD, unlisted in RECORD if they are
    its signatures. ``metadata``, ``wheel`` and ``record`` replace what is written by default; ``without`` names files of
    dist-info to leave out. ``extra`` and ``local_extra`` are the extra fields of every entry.
    """

    project: str = "demo"
    version: str = "1.0"
    tags: str = "py3-none-any"
    requires: tuple[str, ...] = ("requests>=2", "nvidia-cudnn-cu12==9.5.1.17", "triton==3.3.0")
    files: tuple[Entry, ...] = (Entry("demo/__init__.py", b"ANSWER = 42\n"), Entry("demo/version.py", b"cuda = None\n"))
    dist_info_files: Mapping[str, bytes] = field(default_factory=dict)
    dist_info: str | None = None
    metadata: bytes | None = None
    wheel: bytes | None = None
    record: bytes | None = None
    without: frozenset[str] = frozenset()
    style: RecordStyle = RecordStyle()
    dist_info_first: bool = False
    folders: bool = False
    stored: bool = False
    extra: bytes = b""
    local_extra: bytes | None = None

    @property
    def filename(self) -> str:
        """The file name of the wheel."""
        return f"{self.project.replace('-', '_')}-{self.version}-{self.tags}.whl"

    @property
    def folder(self) -> str:
        """The name of the dist-info directory."""
        return self.dist_info or f"{self.project.replace('-', '_')}-{self.version}.dist-info"


def build_wheel(spec: WheelSpec) -> bytes:
    """Return the bytes of the wheel."""
    return to_bytes(archive_of(spec))


def archive_of(spec: WheelSpec) -> Archive:
    """Return the wheel as an archive, to be written or changed first."""
    payload = list(spec.files)
    method = STORED if spec.stored else DEFLATED
    contents = {"METADATA": metadata_bytes(spec), "WHEEL": _wheel_bytes(spec), **spec.dist_info_files}
    info = [
        Entry(f"{spec.folder}/{name}", content, method) for name, content in contents.items() if name not in spec.without
    ]
    if "RECORD" not in spec.without:
        listed = info + payload if spec.dist_info_first else payload + info
        content = record_bytes(listed, f"{spec.folder}/RECORD", spec.style) if spec.record is None else spec.record
        info.append(Entry(f"{spec.folder}/RECORD", content, method, mode=0o100664))
    entries = info + payload if spec.dist_info_first else payload + info
    if spec.folders:
        entries = _with_folders(entries)
    if spec.extra or spec.local_extra:
        entries = [replace(entry, extra=spec.extra, local_extra=spec.local_extra) for entry in entries]
    return Archive(tuple(entries))


def metadata_bytes(spec: WheelSpec) -> bytes:
    """Return METADATA."""
    if spec.metadata is not None:
        return spec.metadata
    lines = ["Metadata-Version: 2.1", f"Name: {spec.project}", f"Version: {spec.version}", "Summary: A wheel for tests"]
    lines += [f"Requires-Dist: {requirement}" for requirement in spec.requires]
    return "\n".join([*lines, "", f"# {spec.project}", "", "It is made for tests.", ""]).encode()


def _wheel_bytes(spec: WheelSpec) -> bytes:
    if spec.wheel is not None:
        return spec.wheel
    python, abi, platforms = spec.tags.split("-")
    pure = str(platforms == "any").lower()
    tags = [f"Tag: {python}-{abi}-{platform}" for platform in platforms.split(".")]
    return "\n".join(["Wheel-Version: 1.0", "Generator: sample (1.0)", f"Root-Is-Purelib: {pure}", *tags, ""]).encode()


def record_bytes(entries: Sequence[Entry], own: str, style: RecordStyle) -> bytes:
    """Return RECORD for ``entries``; ``own`` is its own name."""
    rows = []
    for entry in entries:
        path = entry.raw_name.decode("utf-8", "replace")
        if entry.is_folder or path in style.unlisted or path.endswith((".dist-info/RECORD.jws", ".dist-info/RECORD.p7s")):
            continue
        content = entry.content
        if not isinstance(content, bytes):
            continue
        digest = hashlib.new(style.algorithm, content).digest()
        encoded = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        rows.append(_row(path, f"{style.algorithm}={encoded}", str(len(content)), style))
    match style.own_row:
        case "first":
            rows.insert(0, _row(own, "", "", style))
        case "middle":
            rows.insert(len(rows) // 2, _row(own, "", "", style))
        case "last":
            rows.append(_row(own, "", "", style))
        case "missing":
            pass
    text = style.line_end.join(rows)
    return (text + style.line_end if style.final_newline else text).encode()


def _row(path: str, digest: str, size: str, style: RecordStyle) -> str:
    if style.quoted or any(char in path for char in ',"'):
        path = '"' + path.replace('"', '""') + '"'
    mark = '"' if style.quoted else ""
    return f"{path},{mark}{digest}{mark},{mark}{size}{mark}"


def _with_folders(entries: Sequence[Entry]) -> list[Entry]:
    """Return ``entries`` with a directory entry before the first file of each directory."""
    result: list[Entry] = []
    seen = set[str | bytes]()
    for entry in entries:
        parts = entry.raw_name.split(b"/")[:-1]
        for depth in range(1, len(parts) + 1):
            name = _named(b"/".join(parts[:depth]) + b"/")
            if name not in seen:
                seen.add(name)
                result.append(Entry(name, b"", STORED, mode=0o40755, time=entry.time))
        result.append(entry)
    return result


def _named(name: bytes) -> str | bytes:
    """Return a name as text, so that it gets the UTF-8 flag where it needs it, or as the bytes that are no text."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name
