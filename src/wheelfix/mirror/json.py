"""Pages as JSON, the source of truth. Nothing here reads or writes a file.

They follow version 1.4 of the API (PEP 691, 592, 700, 714, 792); keys that begin with an underscore are private. Each file
has a line of its own.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from msgspec import DecodeError, Meta, Raw, Struct, ValidationError, convert, field, to_builtins
from msgspec.json import Decoder, decode, encode
from packaging.utils import is_normalized_name

from wheelfix.errors import MirrorError
from wheelfix.mirror.damage import in_plain_words, why_damaged
from wheelfix.mirror.layout import add_again
from wheelfix.mirror.pages import Correction, ListedFile, Origin, Page
from wheelfix.text import shown, shown_anywhere

API_VERSION: Final = "1.4"
_LONGEST_NAME: Final = 255
"""In bytes: no file system takes a longer one, and a version of 100,000 characters takes seconds to read."""
_FILES: Final = "files"
_PAST: Final = "_wheelfix-past"
_META: Final = {"api-version": API_VERSION}
_SHOWN: Final = 100
"""How much of a file name is shown, in characters, so that there is room for what is wrong."""
_AT_PROVENANCE: Final = "at `$.provenance`"
_Kind = TypeVar("_Kind")
_Announced: TypeAlias = bool | dict[str, str] | None
_WebUrl: TypeAlias = Annotated[str, Meta(pattern=r"\Ahttps?://[^/]")] | None
_Sha256: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class _Sums(Struct, frozen=True, gc=False):
    sha256: _Sha256


class _Original(Struct, frozen=True, gc=False):
    filename: str
    sha256: str


class _Ours(Struct, frozen=True, gc=False, omit_defaults=True, rename="kebab"):
    """What a fixed file was made from, and what was changed."""

    original: _Original
    tool: str
    rules_sha256: str | None
    corrections: tuple[Correction, ...]
    more_changes: Annotated[int, Meta(ge=0)] = 0
    fixed_here: bool = False


class FileAsWritten(Struct, frozen=True, gc=False, omit_defaults=True, rename="kebab"):
    """A file as it is written, key by key; what is beyond these keys is kept, see :func:`_others`."""

    filename: str
    url: str
    hashes: _Sums
    size: Annotated[int, Meta(ge=0)]
    upload_time: str
    yanked: bool | str
    requires_python: str | None = None
    core_metadata: _Sums | None = None
    ours: _Ours | None = field(default=None, name="_wheelfix")
    checked_by: str | None = field(default=None, name="_wheelfix-rules")
    added: str | None = field(default=None, name="_wheelfix-added")
    upstream: str | None = field(default=None, name="_wheelfix-upstream")
    upstream_time: str | None = field(default=None, name="_wheelfix-upstream-time")
    yanked_by: str | None = field(default=None, name="_wheelfix-yanked-by")
    source: str | None = field(default=None, name="_wheelfix-source")
    yanked_at: str | None = field(default=None, name="_wheelfix-yanked-at")
    upstream_sha256: str | None = field(default=None, name="_wheelfix-upstream-sha256")


class _Standard(Struct, frozen=True, gc=False, rename="kebab"):
    """What the specification says of keys that wheelfix keeps as they are: strict readers refuse a page with other types."""

    core_metadata: _Announced = None
    dist_info_metadata: _Announced = None
    data_dist_info_metadata: _Announced = None
    gpg_sig: bool | None = None
    provenance: _WebUrl = None


class _Page(Struct, frozen=True, gc=False, omit_defaults=True, rename="kebab"):
    """A page as it is written."""

    meta: dict[str, Any]
    name: str
    versions: tuple[str, ...]
    files: tuple[FileAsWritten, ...]
    past: tuple[FileAsWritten, ...] = field(default=(), name=_PAST)
    status_from: str | None = field(default=None, name="_wheelfix-status-from")


_PAGES: Final = Decoder(_Page)
"""Made at import, before there are threads: msgspec 0.22 crashes where two of them prepare it at once."""
_KNOWN_OF_FILE: Final[Mapping[str, Any]] = {
    **{name: {} for name in FileAsWritten.__struct_encode_fields__},
    "hashes": {"sha256": {}},
    "core-metadata": {"sha256": {}},
}
_KNOWN_OF_PAGE: Final[Mapping[str, Any]] = {
    **{name: {} for name in _Page.__struct_encode_fields__},
    "meta": {"api-version": {}},
}
"""The keys that wheelfix writes; below them, those of the objects of which others may hold more."""
NOT_WRITTEN: Final = "Nothing was written. "
"""What the hint for a damaged page begins with: who only looks does not say so."""
_NO_OTHERS: Final[Mapping[str, Any]] = {}
"""What most files have beyond these keys."""


def page_json(page: Page) -> bytes:
    """Return the JSON page."""
    known = _Page(_META, page.project, page.versions, (), (), page.status_from)
    document = _with_others({**to_builtins(known), _FILES: [], **({_PAST: []} if page.past else {})}, page.other)
    lists = {key: _lines(map(_written, files)) for key, files in ((_FILES, page.files), (_PAST, page.past)) if files}
    return encode({**document, **lists}) + b"\n"


def _lines(values: Iterable[object]) -> Raw:
    """Return a list with a line for each of ``values``, so that people can read and compare pages."""
    return Raw(b"[\n" + b",\n".join(map(encode, values)) + b"\n]")


def _written(file: ListedFile) -> object:
    """Return ``file`` as it is written, with the keys that wheelfix does not know."""
    known = file_as_written(file)
    return _with_others(to_builtins(known), file.other) if file.other else known


def file_as_written(file: ListedFile) -> FileAsWritten:
    """Return ``file`` as it is written, with the keys that wheelfix knows."""
    origin = file.origin
    return FileAsWritten(
        file.filename,
        file.url,
        _Sums(file.sha256),
        file.size,
        file.upload_time,
        file.yanked or (file.yanked is not None),
        file.requires_python,
        None if file.metadata_sha256 is None else _Sums(file.metadata_sha256),
        None if origin is None else _ours(origin),
        file.checked_by,
        file.added,
        file.upstream,
        file.upstream_time,
        file.yanked_by,
        file.source,
        file.yanked_at,
        file.upstream_sha256,
    )


def read_file(file: FileAsWritten, other: Mapping[str, Any] = _NO_OTHERS) -> ListedFile:
    """Return a file that was written, with what is there beyond the known keys."""
    yanked = file.yanked
    return ListedFile(
        filename=file.filename,
        url=file.url,
        sha256=file.hashes.sha256,
        size=file.size,
        upload_time=file.upload_time,
        requires_python=file.requires_python,
        metadata_sha256=None if file.core_metadata is None else file.core_metadata.sha256,
        yanked=(yanked if isinstance(yanked, str) else "") if yanked else None,
        yanked_by=file.yanked_by,
        upstream=file.upstream,
        upstream_time=file.upstream_time,
        added=file.added,
        source=file.source,
        yanked_at=file.yanked_at,
        origin=None if file.ours is None else _origin(file.ours),
        checked_by=file.checked_by,
        upstream_sha256=file.upstream_sha256,
        other=other,
    )


def _ours(origin: Origin) -> _Ours:
    original = _Original(origin.filename, origin.sha256)
    return _Ours(
        original, origin.tool, origin.rules_sha256, origin.corrections, origin.more_changes, fixed_here=origin.fixed_here
    )


def _origin(ours: _Ours) -> Origin:
    original = ours.original
    return Origin(
        original.filename, original.sha256, ours.tool, ours.rules_sha256, ours.corrections, ours.more_changes,
        fixed_here=ours.fixed_here,
    )  # fmt: skip


def _with_others(document: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``document`` with the keys of ``others``, and those of the objects in them."""
    found = dict(document)
    for key, value in others.items():
        if isinstance(found.get(key), dict):  # what is known is more than `true`
            found[key] = _with_others(found[key], value) if isinstance(value, dict) else found[key]
        else:
            found[key] = value
    return found


def _others(values: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is in ``values`` beyond the ``known`` keys."""
    found = {}
    for key, value in values.items():
        if key not in known:
            found[key] = value
        elif known[key] and isinstance(value, dict) and (more := _others(value, known[key])):
            found[key] = more
    return found


def read_page(data: bytes, project: str) -> Page:
    """Return the JSON page of ``project`` that ``data`` holds.

    :raises MirrorError: if it is no such page: it never counts as an empty one.
    """
    try:
        page = _read_as_written(data) or _read_as_edited(data)
        if page.project != project:
            raise ValueError(f"it is the page of {page.project}")
        if len({each.filename for each in page.files}) != len(page.files):
            raise ValueError("it lists a file twice")
        for each in (*page.files, *page.past):
            _check_shown(each)
    except _NO_PAGE as error:
        raise _bad(project, error) from error
    return page


def _check_shown(file: ListedFile) -> None:
    """Refuse what would mislead somebody who looks at the HTML page: a link that runs something, or a name in disguise."""
    scheme = _SCHEME.match(_IGNORED.sub("", file.url))
    if scheme and scheme[1].lower() not in ("http", "https"):
        raise ValueError(f"the URL of {file.filename} has the scheme {scheme[1]}, and not http or https")
    if len(file.filename.encode()) > _LONGEST_NAME:
        raise ValueError(f"a file name has more than {_LONGEST_NAME} bytes: {file.filename[:50]}...")
    if shown_anywhere(file.filename) != file.filename:
        raise ValueError(f"the file name {file.filename} has characters that cannot be seen")


_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_IGNORED: Final = re.compile(r"[\x00-\x20]")
"""What browsers leave out of the beginning of a URL, and some of it anywhere (https://url.spec.whatwg.org/#url-parsing)."""
_NO_PAGE: Final = (
    ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError, DecodeError,
)  # fmt: skip
"""Errors that mean that the data is not a page."""


def _read_as_written(data: bytes) -> Page | None:
    """Return the page in ``data``, ``None`` where it would be written in another way: it has other keys, or was edited.

    What is written again as the same bytes has no key twice, and none that is not known. For a page of 3,000 files this
    takes a fifth of the time of :func:`_read_as_edited`.
    """
    try:
        known = _PAGES.decode(data)
    except (DecodeError, RecursionError):  # also raised, with a better message, for what is read as edited
        return None
    files, past = (tuple(map(read_file, each)) for each in (known.files, known.past))
    page = Page(known.name, files, past, status_from=known.status_from)
    return page if known.meta == _META and page_json(page) == data else None


def _read_as_edited(data: bytes) -> Page:
    """Return the page in ``data``, whoever wrote it."""
    document = {_PAST: [], **_decode(data)}
    files, past = (tuple(map(_read_edited, _list(document, key))) for key in (_FILES, _PAST))
    known = convert({"versions": (), **document, _FILES: (), _PAST: ()}, _Page)
    return Page(known.name, files, past, _others(document, _KNOWN_OF_PAGE), known.status_from)


def _read_edited(values: Mapping[str, Any]) -> ListedFile:
    """Return a file of a page, and keep other announcements of a metadata file.

    PEP 714 allows hashes of any kind for it, or ``true``.
    """
    _file_as(values, _Standard)
    announced = values.get("core-metadata")
    others, known = _others(values, _KNOWN_OF_FILE), {"yanked": False, **values}
    if not (isinstance(announced, Mapping) and "sha256" in announced):
        others |= {} if announced is None else {"core-metadata": announced}
        known["core-metadata"] = None
    if isinstance(ours := known.get("_wheelfix"), Mapping):  # an early version had texts only, under another key
        known["_wheelfix"] = {"corrections": (), **ours}
    return read_file(_file_as(known, FileAsWritten), others)


def _file_as(values: object, kind: type[_Kind]) -> _Kind:
    """Return a file of a page as a ``kind``; an error names the file."""
    try:
        return convert(values, kind)
    except ValidationError as error:
        name = values.get("filename") if isinstance(values, Mapping) else None
        why = in_plain_words(str(error), "an entry of files")
        if str(error).endswith(_AT_PROVENANCE):
            why = "its provenance is not an http or https URL"
        raise ValueError(f"{name[:_SHOWN]}: {why}" if isinstance(name, str) else why) from error


def _decode(data: bytes) -> dict[str, Any]:
    """Return the JSON object in ``data``, a page of a known version of the API.

    :raises DecodeError: if it is no JSON.
    :raises ValueError: if it is not such an object, or is ambiguous.
    """
    document = decode(data)
    json.loads(data, object_pairs_hook=_object)  # which sees a key that is there twice
    encode(document)  # which refuses half a character
    if not isinstance(document, dict):
        raise TypeError("it must be an object")
    if not isinstance(document["meta"], dict):
        raise TypeError("meta must be an object")
    version = document["meta"]["api-version"]
    if not isinstance(version, str):
        raise TypeError("its API version must be text")
    if version.partition(".")[0] != "1":
        raise ValueError(f"its API version is {version}")
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document[key]
    if not isinstance(value, list):
        raise TypeError(f"{key} must be a list")
    return value


def _bad(project: str, error: Exception) -> MirrorError:
    return MirrorError(
        "bad-page",
        f"the page of {shown(project)} is damaged: {why_damaged(error)}",
        hint=f"{NOT_WRITTEN}Restore it from a backup. If you have none, move it away and {add_again(project)}; "
        "yanks and upload times are lost then.",
    )


class _Project(Struct, frozen=True, gc=False):
    name: str


class _Root(Struct, frozen=True, gc=False):
    meta: dict[str, Any]
    projects: tuple[_Project, ...]


_ROOTS: Final = Decoder(_Root)
_NAMES: Final = re.compile(r"[a-z0-9]++(?:[-\n][a-z0-9]++)*+")
"""Normalized names (PEP 503), each on a line."""


def root_json(projects: Iterable[str]) -> bytes:
    """Return the JSON page that lists all projects."""
    names = sorted(projects)
    return encode({"meta": _META, "projects": _lines(map(_Project, names)) if names else []}) + b"\n"


def read_root(data: bytes) -> frozenset[str]:
    """Return the projects that the root page lists.

    :raises MirrorError: if it is no such page.
    """
    try:
        names = frozenset(each.name for each in _ROOTS.decode(data).projects)
        _check_names(names)
        if root_json(names) != data:  # as for the page of a project
            _decode(data)
    except _NO_PAGE as error:
        raise MirrorError(
            "bad-page",
            f"the page that lists all projects is damaged: {why_damaged(error)}",
            hint=f"{NOT_WRITTEN}Run `wheelfix mirror check --fix` to write it again.",
        ) from error
    return names


def _check_names(names: Collection[str]) -> None:
    """Refuse names that are not normalized: all in one look, as each run reads the root page many times."""
    lines = "\n".join(names)
    if _NAMES.fullmatch(lines) and lines.count("\n") == len(names) - 1:
        return
    for name in sorted(names):
        if not is_normalized_name(name):
            raise ValueError(f"it lists {name!r}, which is not a normalized project name")
