"""What a mirror lists, as plain data and as JSON pages, the source of truth. Nothing here reads or writes a file.

The pages follow version 1.4 of the API (PEP 691, 592, 700, 714, 792); keys that begin with an underscore are private.
"""

import json
import re
from bisect import insort
from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, NoReturn

from msgspec import Struct, field
from msgspec.structs import replace
from packaging.utils import canonicalize_version
from packaging.version import Version

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.mirror.layout import own_key
from wheelfix.text import shown
from wheelfix.wheel.filename import WheelFilename

_NO_VERSION: Final = Version("0")
BY_MIRROR: Final = "mirror"
BY_UPSTREAM: Final = "upstream"
"""Who decided that a file is yanked, or is not."""


class Origin(Struct, frozen=True):
    """What a fixed file was made from: the original's file name and sha256 (hexadecimal), and what was changed.

    ``changes`` are one line each. ``tool`` is the version of wheelfix, ``rules_sha256`` identifies the rules, if there were.
    """

    filename: str
    sha256: str
    tool: str
    rules_sha256: str | None = None
    changes: tuple[str, ...] = ()


class ListedFile(Struct, frozen=True, kw_only=True):
    """One file of a page.

    ``url`` is as the page has it, ``sha256`` and ``metadata_sha256``, that of the metadata file, are lower-case hexadecimal,
    ``size`` is in bytes, ``upload_time`` in the form of PEP 700. ``yanked`` is the reason, empty where none was given,
    and ``None`` for a file that is not yanked; ``yanked_by`` says who decided that. ``checked_by`` identifies the rules that
    were applied when it was published, whether or not they changed anything.

    ``added`` is when this mirror first had the file. One from another index has the URL of that as ``upstream`` and, where
    that gives one, its upload time as ``upstream_time``, which is the ``upload_time`` then. ``other`` holds keys that
    wheelfix does not know; they are kept.
    """

    filename: str
    url: str
    sha256: str
    size: int
    upload_time: str
    requires_python: str | None = None
    metadata_sha256: str | None = None
    yanked: str | None = None
    yanked_by: str | None = None
    upstream: str | None = None
    upstream_time: str | None = None
    added: str | None = None
    origin: Origin | None = None
    checked_by: str | None = None
    other: Mapping[str, Any] = field(default_factory=dict)

    @property
    def original_sha256(self) -> str:
        """The sha256 of the original: of the file that it was made from, or its own."""
        return self.origin.sha256 if self.origin else self.sha256

    @property
    def has_metadata(self) -> bool:
        """Whether the page announces a metadata file, with its sha256 or without (PEP 714 allows ``true``)."""
        return self.metadata_sha256 is not None or bool(self.other.get("core-metadata"))

    @property
    def version(self) -> str:
        """The version in the file name, in its normal form (PEP 440), empty where there is none."""
        return _name_of(self.filename).version

    @property
    def release(self) -> str:
        """The version without differences of spelling: 1.0 and 1.0.0 are one release."""
        return canonicalize_version(self.version)

    @property
    def identity(self) -> Hashable:
        """What makes two files the same wheel to installers, however their names are spelled."""
        return _name_of(self.filename).identity


class Page(Struct, frozen=True):
    """The page of one project: its ``files``, in the order of :func:`in_order`.

    ``past`` are replaced files: no longer listed, and kept for old locks. ``other`` holds keys that wheelfix does not know,
    such as the status of PEP 792, which are kept; ``status_from`` is the URL of the index that the status was copied from,
    ``None`` for one that somebody wrote here. ``stored`` is the version of the stored page that it was read from, ``None``
    for a new one: what must still be there when it is written.
    """

    project: str
    files: tuple[ListedFile, ...] = ()
    past: tuple[ListedFile, ...] = ()
    other: Mapping[str, Any] = field(default_factory=dict)
    status_from: str | None = None
    stored: str | None = None

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of the files, oldest first."""
        found = {each.version for each in self.files} - {""}
        return tuple(sorted(found, key=Version))

    def find(self, filename: str) -> ListedFile | None:
        """Return the file of this name, ``None`` where none is listed."""
        return next((each for each in self.files if each.filename == filename), None)

    def find_same(self, file: ListedFile) -> ListedFile | None:
        """Return the listed file that is the same wheel as ``file`` to installers, ``None`` where there is none."""
        return next((each for each in self.files if each.identity == file.identity), None)

    def key(self, file: ListedFile) -> str | None:
        """Return the key of ``file``, one of this page, ``None`` where its URL leads anywhere else."""
        return own_key(self.project, file.filename, file.sha256, file.url)

    def with_files(self, files: Iterable[ListedFile]) -> "Page":
        """Return the page with these files, sorted."""
        return replace(self, files=in_order(files))

    def with_file(self, file: ListedFile) -> "Page":
        """Return the page with ``file``; a file of the same name with other bytes moves to ``past``."""
        before = self.find(file.filename)
        files = [each for each in self.files if each is not before]
        insort(files, file, key=_rank)
        past = tuple(each for each in self.past if each.sha256 != file.sha256)
        replaced = before is not None and before.sha256 != file.sha256
        return replace(self, files=tuple(files), past=(*past, before) if before and replaced else past)


def in_order(files: Iterable[ListedFile]) -> tuple[ListedFile, ...]:
    """Return files sorted by version, oldest first, and then by name.

    Clients that read one wheel for a whole release always read the same one then.
    """
    return tuple(sorted(files, key=_rank))


def _rank(file: ListedFile) -> tuple[Version, str]:
    return _name_of(file.filename).order, file.filename


class _Name(NamedTuple):
    """What is in a file name: the version to compare and as text, and what identifies the file."""

    order: Version
    version: str
    identity: Hashable


@lru_cache(maxsize=1 << 16)
def _name_of(filename: str) -> _Name:
    """Return what is in a file name; one that is none of a wheel stands for itself."""
    try:
        name = WheelFilename.parse(filename)
    except FilenameError:  # `mirror check` reports it
        return _Name(_NO_VERSION, "", filename)
    version = name.parsed_version
    return _Name(version or _NO_VERSION, str(version) if version else "", name.identity)


API_VERSION: Final = "1.4"
_OURS: Final = "_wheelfix"
_PAST: Final = "_wheelfix-past"
_RULES: Final = "_wheelfix-rules"
_ADDED: Final = "_wheelfix-added"
_UPSTREAM: Final = "_wheelfix-upstream"
_UPSTREAM_TIME: Final = "_wheelfix-upstream-time"
_YANKED_BY: Final = "_wheelfix-yanked-by"
_STATUS_FROM: Final = "_wheelfix-status-from"
_PRIVATE: Final = {
    _RULES: "checked_by",
    _ADDED: "added",
    _UPSTREAM: "upstream",
    _UPSTREAM_TIME: "upstream_time",
    _YANKED_BY: "yanked_by",
}
"""Keys of a file that hold a text or are missing, and the fields that they are."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_KNOWN_OF_FILE: Final[Mapping[str, Any]] = {
    "filename": {}, "url": {}, "hashes": {"sha256": {}}, "size": {}, "upload-time": {}, "requires-python": {},
    "core-metadata": {"sha256": {}}, "yanked": {}, _OURS: {}, _RULES: {}, _ADDED: {}, _UPSTREAM: {},
    _UPSTREAM_TIME: {}, _YANKED_BY: {},
}  # fmt: skip
_KNOWN_OF_PAGE: Final[Mapping[str, Any]] = {
    "meta": {"api-version": {}}, "name": {}, "versions": {}, "files": {}, _PAST: {}, _STATUS_FROM: {},
}  # fmt: skip
"""The keys that wheelfix writes; below them, those of the objects of which others may hold more."""


def page_json(page: Page) -> bytes:
    """Return the JSON page."""
    document: dict[str, Any] = {
        "meta": {"api-version": API_VERSION},
        "name": page.project,
        "versions": list(page.versions),
        "files": [_file(each) for each in page.files],
    }
    if page.past:
        document[_PAST] = [_file(each) for each in page.past]
    if page.status_from is not None:
        document[_STATUS_FROM] = page.status_from
    return _encode(_with_others(document, page.other))


def _encode(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=True) + "\n").encode("ascii")


def _file(file: ListedFile) -> dict[str, Any]:
    found: dict[str, Any] = {
        "filename": file.filename,
        "url": file.url,
        "hashes": {"sha256": file.sha256},
        "size": file.size,
        "upload-time": file.upload_time,
        "yanked": file.yanked or (file.yanked is not None),
    }
    if file.requires_python is not None:
        found["requires-python"] = file.requires_python
    if file.metadata_sha256 is not None:
        found["core-metadata"] = {"sha256": file.metadata_sha256}
    if file.origin is not None:
        found[_OURS] = {
            "original": {"filename": file.origin.filename, "sha256": file.origin.sha256},
            "tool": file.origin.tool,
            "rules-sha256": file.origin.rules_sha256,
            "changes": list(file.origin.changes),
        }
    private = {key: getattr(file, name) for key, name in _PRIVATE.items()}
    found |= {key: value for key, value in private.items() if value is not None}
    return _with_others(found, file.other)


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
        document = _decode(data)
        if document["name"] != project:
            raise ValueError(f"it is the page of {document['name']}")
        files, past = (tuple(map(_read_file, _list(each))) for each in (document["files"], document.get(_PAST, [])))
        status_from = document.get(_STATUS_FROM)
        if not isinstance(status_from, str | None):
            raise TypeError("where its status is from is no text")
        names = [each.filename for each in files]
        if len(set(names)) != len(names):
            raise ValueError("it lists a file twice")
    except _NO_PAGE as error:
        raise _bad(project, error) from error
    return Page(project, files, past, _others(document, _KNOWN_OF_PAGE), status_from)


_NO_PAGE: Final = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What is raised for what is no page."""


def _decode(data: bytes) -> dict[str, Any]:
    """Return the JSON object in ``data``, a page of a known version of the API.

    :raises ValueError: if it is not one, or is ambiguous.
    """
    document = json.loads(data, object_pairs_hook=_object, parse_constant=_refuse_constant)
    if not isinstance(document, dict):
        raise TypeError("it is no object")
    version = document["meta"]["api-version"]
    if version.partition(".")[0] != "1":
        raise ValueError(f"its API version is {version}")
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("what must be a list is none")
    return value


def _read_file(values: Mapping[str, Any]) -> ListedFile:
    sha256, size = values["hashes"]["sha256"], values["size"]
    texts = (values["filename"], values["url"], values["upload-time"], values.get("requires-python") or "")
    if not all(isinstance(text, str) for text in texts) or type(size) is not int or size < 0:
        raise TypeError("a file has values of the wrong type")
    for text in texts:
        text.encode()  # half a character cannot be part of a path
    yanked, private = values.get("yanked", False), {name: values.get(key) for key, name in _PRIVATE.items()}
    if not isinstance(yanked, bool | str) or not all(isinstance(each, str | None) for each in private.values()):
        raise TypeError("a file has values of the wrong type")
    metadata_sha256, other = _read_metadata(values.get("core-metadata"))
    sums = [sha256, *([metadata_sha256] if metadata_sha256 is not None else [])]
    if not all(_SHA256.fullmatch(each) for each in sums):
        raise ValueError("a sha256 is none")
    return ListedFile(
        filename=values["filename"],
        url=values["url"],
        sha256=sha256,
        size=size,
        upload_time=values["upload-time"],
        requires_python=values.get("requires-python"),
        metadata_sha256=metadata_sha256,
        yanked=(yanked if isinstance(yanked, str) else "") if yanked else None,
        origin=_read_origin(values[_OURS]) if _OURS in values else None,
        **private,
        other=_others(values, _KNOWN_OF_FILE) | other,
    )


def _read_metadata(announced: object) -> tuple[Any, dict[str, Any]]:
    """Return the sha256 of a metadata file, and the key that says otherwise that there is one, to be written again.

    PEP 714 allows hashes of any kind, or ``true``.
    """
    if isinstance(announced, Mapping) and "sha256" in announced:
        return announced["sha256"], {}
    return None, {} if announced is None else {"core-metadata": announced}


def _read_origin(values: Mapping[str, Any]) -> Origin:
    original = values["original"]
    return Origin(
        str(original["filename"]),
        str(original["sha256"]),
        str(values["tool"]),
        values["rules-sha256"],
        tuple(map(str, values["changes"])),
    )


def _bad(project: str, error: Exception) -> MirrorError:
    return MirrorError(
        "bad-page",
        f"the page of {shown(project)} is damaged: {_why(error)}",
        hint="Nothing was written. Restore it from a backup; or move it away and add its wheels again from where they lie, "
        f"public/files/{project}/*/*.whl: what was yanked, and when each was uploaded, only the page knows.",
    )


def _why(error: Exception) -> str:
    """Return in a few words why a page is damaged."""
    return shown(f"it has no key {error}" if isinstance(error, KeyError) else str(error)[:200])


def root_json(projects: Iterable[str]) -> bytes:
    """Return the JSON page that lists all projects."""
    return _encode({"meta": {"api-version": API_VERSION}, "projects": [{"name": name} for name in sorted(projects)]})


def read_root(data: bytes) -> frozenset[str]:
    """Return the projects that the root page lists.

    :raises MirrorError: if it is no such page.
    """
    try:
        names = [each["name"] for each in _list(_decode(data)["projects"])]
        if not all(isinstance(name, str) for name in names):
            raise TypeError("a name is no text")
        return frozenset(names)
    except _NO_PAGE as error:
        raise MirrorError(
            "bad-page",
            f"the page that lists all projects is damaged: {_why(error)}",
            hint="Nothing was written. Run `wheelfix mirror check --fix` to write it again.",
        ) from error
