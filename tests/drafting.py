"""Drafts of wheels, and what changes one in one respect: any two changes can be combined, and RECORD fits in the end."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from building import Archive, Entry, RecordStyle, WheelSpec, archive_of, changed, record_bytes, to_bytes

FILES: Final = WheelSpec().files
INFO: Final = "demo-1.0.dist-info"
_PLAIN: Final = RecordStyle()


class Draft(Struct, frozen=True):
    """A wheel that is still to be written.

    ``head``, ``fields`` and ``body`` become METADATA, ``wheel`` are the lines of WHEEL; both may hold characters that
    stand for bytes which are no UTF-8 (``surrogateescape``). ``options`` are more of :class:`WheelSpec`. ``rows`` changes
    RECORD when all else is there, ``shape`` the archive.
    """

    filename: str = "demo-1.0-py3-none-any.whl"
    info: str = INFO
    head: tuple[str, ...] = ("Metadata-Version: 2.1", "Name: demo", "Version: 1.0", "Summary: A wheel for tests")
    fields: tuple[str, ...] = (
        "Description-Content-Type: text/markdown",
        "Requires-Dist: requests>=2",
        "Requires-Dist: nvidia-cudnn-cu12==9.5.1.17",
        'Requires-Dist: triton==3.3.0; sys_platform == "linux"',
    )
    body: str = "\n\n# demo\n\nIt is made for tests.\n"
    metadata_end: str = "\n"
    wheel: tuple[str, ...] = ("Wheel-Version: 1.0", "Generator: sample (1.0)", "Root-Is-Purelib: true", "Tag: py3-none-any")
    wheel_end: str = "\n"
    files: tuple[Entry, ...] = FILES
    info_files: Mapping[str, bytes] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    style: RecordStyle = _PLAIN
    rows: Callable[[list[bytes]], list[bytes]] = lambda rows: rows
    shape: Callable[[Archive], Archive] = lambda archive: archive

    def build(self) -> tuple[str, bytes]:
        """Return the file name and the bytes."""
        metadata = "\n".join([*self.head, *self.fields]) + self.body
        spec = WheelSpec(
            metadata=metadata.replace("\n", self.metadata_end).encode("utf-8", "surrogateescape"),
            wheel="\n".join([*self.wheel, ""]).replace("\n", self.wheel_end).encode("utf-8", "surrogateescape"),
            files=self.files,
            dist_info_files=self.info_files,
            dist_info=self.info,
            style=self.style,
            **self.options,
        )
        archive = archive_of(spec)
        others = [entry for entry in archive.entries if entry.raw_name != f"{self.info}/RECORD".encode()]
        rows = record_bytes(others, f"{self.info}/RECORD", self.style).splitlines(keepends=True)
        archive = archive_of(replace(spec, record=b"".join(self.rows(rows))))
        return self.filename, to_bytes(self.shape(archive))


Knob = Callable[[Draft], Draft]


def both(*knobs: Knob) -> Knob:
    """Return what turns all ``knobs``."""

    def turned(draft: Draft) -> Draft:
        for knob in knobs:
            draft = knob(draft)
        return draft

    return turned


def setting(**changes: Any) -> Knob:
    """Return what replaces attributes of the draft."""
    return lambda draft: replace(draft, **changes)


def fields(*lines: str) -> Knob:
    """Return what adds lines to the header of METADATA."""
    return lambda draft: replace(draft, fields=(*draft.fields, *lines))


def head(old: str, new: str) -> Knob:
    """Return what puts ``new`` in place of the line of METADATA that begins with ``old``; an empty one removes it."""

    def turned(draft: Draft) -> Draft:
        lines = (new if line.startswith(old) else line for line in draft.head)
        return replace(draft, head=tuple(line for line in lines if line))

    return turned


def wheel(old: str, *new: str) -> Knob:
    """Return what puts ``new`` in place of the line of WHEEL that begins with ``old``, behind them all if that is empty."""

    def turned(draft: Draft) -> Draft:
        at = next((i for i, line in enumerate(draft.wheel) if old and line.startswith(old)), len(draft.wheel))
        return replace(draft, wheel=(*draft.wheel[:at], *new, *draft.wheel[at + 1 :]))

    return turned


def style(**changes: Any) -> Knob:
    """Return what writes RECORD in another style."""
    return lambda draft: replace(draft, style=replace(draft.style, **changes))


def option(**changes: Any) -> Knob:
    """Return what sets more of :class:`WheelSpec`."""
    return lambda draft: replace(draft, options={**draft.options, **changes})


def info(name: str, content: bytes) -> Knob:
    """Return what adds a file to dist-info."""
    return lambda draft: replace(draft, info_files={**draft.info_files, name: content})


def scripts(text: str) -> Knob:
    """Return what gives the wheel an ``entry_points.txt``."""
    return info("entry_points.txt", text.encode("utf-8", "surrogateescape"))


def files(*entries: Entry) -> Knob:
    """Return what adds files, with rows in RECORD."""
    return lambda draft: replace(draft, files=(*draft.files, *entries))


def file(name: str | bytes, content: bytes = b"1\n", **changes: Any) -> Knob:
    """Return what adds one file."""
    return files(Entry(name, content, **changes))


def rows(change: Callable[[list[bytes]], list[bytes]]) -> Knob:
    """Return what changes the rows of RECORD, each of which has its line end."""

    def turned(draft: Draft) -> Draft:
        return replace(draft, rows=lambda given: change(draft.rows(given)))

    return turned


def row(change: Callable[[bytes], bytes]) -> Knob:
    """Return what changes the row of the first file, without its line end."""
    return rows(lambda given: [change(given[0].rstrip(b"\r\n")) + b"\n", *given[1:]] if given else given)


def shape(change: Callable[[Archive], Archive]) -> Knob:
    """Return what changes the archive, RECORD included, behind its back."""

    def turned(draft: Draft) -> Draft:
        return replace(draft, shape=lambda archive: change(draft.shape(archive)))

    return turned


def member(name: str, **changes: Any) -> Knob:
    """Return what changes one entry of the archive, in which RECORD is not changed with it."""
    return shape(lambda archive: changed(archive, name, **changes))


def named(filename: str, info: str = "", name: str = "demo", version: str = "1.0") -> Knob:
    """Return what gives the wheel another file name, dist-info, Name and Version."""

    def turned(draft: Draft) -> Draft:
        lines = (draft.head[0], f"Name: {name}", f"Version: {version}", *draft.head[3:])
        return replace(draft, filename=filename, info=info or "-".join(filename.split("-")[:2]) + ".dist-info", head=lines)

    return turned


def tagged(tags: str, *lines: str) -> Knob:
    """Return what gives the file name other tags, and WHEEL its lines for them."""
    return both(setting(filename=f"demo-1.0-{tags}.whl"), wheel("Tag:", *lines))
