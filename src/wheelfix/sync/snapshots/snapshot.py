"""What a mirror lists at one time, as a file: ``mirror.lock``, which ``wheelfix mirror list --format json`` prints.

Nothing in one is trusted: it may come from another machine. Its form is that of docs/schemas/mirror.schema.json.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from msgspec import DecodeError, Meta, Struct
from msgspec.json import Decoder
from packaging.utils import is_normalized_name

from wheelfix.errors import MirrorError
from wheelfix.mirror.layout import file_key, is_file_key
from wheelfix.mirror.pages import STATUS, ListedFile, Page
from wheelfix.text import cut, shown

_Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Time = Annotated[str, Meta(pattern=r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z\Z")]
"""In the form of PEP 700: clients refuse a page with another one."""
_Size = Annotated[int, Meta(ge=0)]
_MOST_BYTES: Final = 1 << 28
"""A mirror of 300,000 files has a lock of about this size."""


class SnapshotOriginal(Struct, frozen=True, gc=False):
    """What a fixed file was made from; ``rules`` identifies the rules, ``None`` where it was edited without."""

    filename: str
    sha256: str
    rules: str | None = None


class SnapshotFile(Struct, frozen=True, kw_only=True, gc=False):
    """One file that a mirror listed; see :class:`wheelfix.ListedFile` for what is not explained here.

    ``rules`` identifies the rules that were applied, whether or not they changed something.
    """

    filename: str
    url: str
    sha256: _Sha256
    size: _Size
    upload_time: _Time
    added: _Time | None
    upstream: str | None
    upstream_time: _Time | None
    requires_python: str | None
    metadata_sha256: str | None
    yanked: str | None
    yanked_by: str | None
    yanked_at: _Time | None
    source: str | None
    rules: str | None
    original: SnapshotOriginal | None


_SAME: Final = tuple(name for name in SnapshotFile.__struct_fields__ if name not in ("rules", "original"))
"""What has the same name on a page."""


class SnapshotProject(Struct, frozen=True):
    """The files of one project, and its status (PEP 792) with the reason, ``None`` where the page has none."""

    name: str
    status: dict[str, str] | None
    files: tuple[SnapshotFile, ...]


class Snapshot(Struct, frozen=True, kw_only=True):
    """What the mirror at ``mirror`` listed, by project."""

    version: Literal[1]
    command: Literal["mirror list"]
    mirror: str
    projects: tuple[SnapshotProject, ...]

    @property
    def by_project(self) -> Mapping[str, SnapshotProject]:
        """The projects by name."""
        return {each.name: each for each in self.projects}

    @property
    def count(self) -> int:
        """How many files there are."""
        return sum(len(each.files) for each in self.projects)


_READER: Final = Decoder(Snapshot)
"""Made at import, before there are threads: msgspec 0.22 crashes where two of them prepare it at once."""


def snapshot_of(mirror: str, pages: Iterable[Page]) -> Snapshot:
    """Return what ``pages`` of the mirror at ``mirror`` list."""
    projects = (SnapshotProject(page.project, _status(page), tuple(map(_file, page.files))) for page in pages)
    return Snapshot(version=1, command="mirror list", mirror=mirror, projects=tuple(projects))


def _status(page: Page) -> dict[str, str] | None:
    """Return the status of a project as its page has it; one that PEP 792 does not know is left out."""
    status = page.other.get(STATUS)
    return {key: value for key, value in status.items() if isinstance(value, str)} if isinstance(status, dict) else None


def _file(file: ListedFile) -> SnapshotFile:
    known: dict[str, Any] = {name: getattr(file, name) for name in _SAME}
    origin = file.origin
    original = None if origin is None else SnapshotOriginal(origin.filename, origin.sha256, origin.rules_sha256)
    return SnapshotFile(**known, rules=file.checked_by, original=original)


def read_snapshot(path: Path | str) -> Snapshot:
    """Return what the file at ``path`` says that a mirror listed.

    :raises MirrorError: if it is no such file: then nothing in it counts.
    :raises OSError: if it cannot be read.
    """
    with Path(path).open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise _bad(path, f"it has more than {_MOST_BYTES:,} bytes")
    return parse_snapshot(data, path)


def parse_snapshot(data: bytes, path: Path | str) -> Snapshot:
    """Return what ``data``, the content of the file at ``path``, says that a mirror listed.

    :raises MirrorError: if it is damaged.
    """
    try:
        found = _READER.decode(data)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(path, cut(str(error))) from error
    _check(found, path)
    return found


def _check(found: Snapshot, path: Path | str) -> None:
    """Confirm that what is named can be a file of a mirror, and that nothing is there twice.

    :raises MirrorError: if not.
    """
    if len(found.by_project) != len(found.projects):
        raise _bad(path, "it has a project twice")
    for project in found.projects:
        if not is_normalized_name(project.name):
            raise _bad(path, f"{cut(project.name)!r} is no name of a project")
        names = {each.filename for each in project.files}
        if len(names) != len(project.files):
            raise _bad(path, f"it has a file of {project.name} twice")
        for each in project.files:
            if not is_file_key(file_key(project.name, each.filename, each.sha256)):
                raise _bad(path, f"{cut(each.filename)!r} is no name of a file")


def _bad(path: Path | str, why: str) -> MirrorError:
    return MirrorError(
        "bad-mirror-lock",
        f"{shown(str(path))} is no lock of a mirror: {why}",
        hint="`wheelfix mirror list MIRROR --format json` writes one.",
    )
