r"""Wheels for tests: each real shape and each hostile one is a knob of ``WheelSpec``, ``Archive`` or ``Entry``.

>>> spec = WheelSpec(requires=("triton",), style=RecordStyle(line_end="\r\n"))
>>> data = to_bytes(changed(archive_of(spec), "METADATA", comment=b"a member comment"))
"""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from wheelwriter import RecordStyle, WheelSpec, archive_of, build_wheel, metadata_bytes, record_bytes
from zipwriter import (
    ALL_WIDE,
    DEFLATED,
    FULL_16,
    FULL_32,
    STORED,
    Archive,
    Descriptor,
    Entry,
    Hole,
    deflate,
    extra_field,
    to_bytes,
    write,
)

__all__ = [
    "ALL_WIDE",
    "DEFLATED",
    "FULL_16",
    "FULL_32",
    "STORED",
    "Archive",
    "Descriptor",
    "Entry",
    "Hole",
    "RecordStyle",
    "WheelSpec",
    "archive_of",
    "build_wheel",
    "changed",
    "deflate",
    "every",
    "extra_field",
    "metadata_bytes",
    "position",
    "record_bytes",
    "to_bytes",
    "with_entries",
    "write",
    "write_wheel",
]


def write_wheel(folder: Path, spec: WheelSpec | None = None, archive: Archive | bytes | None = None) -> Path:
    """Write the wheel into ``folder`` under its own name and return its path.

    ``archive`` is what to write in place of what ``spec`` says; the name still comes from ``spec``.
    """
    spec = spec or WheelSpec()
    path = folder / spec.filename
    content = archive if archive is not None else archive_of(spec)
    path.write_bytes(content if isinstance(content, bytes) else to_bytes(content))
    return path


def position(archive: Archive, name: str) -> int:
    """Return the index of the first member whose name is or ends with ``/name``."""
    return next(
        index
        for index, entry in enumerate(archive.entries)
        if entry.raw_name == name.encode() or entry.raw_name.endswith(b"/" + name.encode())
    )


def changed(archive: Archive, member: str, **changes: Any) -> Archive:
    """Return ``archive`` with fields of one member (found as by ``position``) replaced; RECORD stays as it is."""
    index = position(archive, member)
    entries = list(archive.entries)
    entries[index] = replace(entries[index], **changes)
    return replace(archive, entries=tuple(entries))


def every(archive: Archive, **changes: Any) -> Archive:
    """Return ``archive`` with fields of all members replaced."""
    return replace(archive, entries=tuple(replace(entry, **changes) for entry in archive.entries))


def with_entries(archive: Archive, *entries: Entry) -> Archive:
    """Return ``archive`` with ``entries`` added behind its own; RECORD stays as it is."""
    return replace(archive, entries=archive.entries + entries)
