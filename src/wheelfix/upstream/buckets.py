"""A bucket, and what is in it: ``s3://bucket/key``, ``gs://bucket/key``, ``az://container/key``.

A :class:`Bucket` is the part of one below a prefix; a :class:`BucketFile` is an object that is read in parts.
"""

import errno
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote, unquote, urlsplit

from msgspec import DecodeError, Struct, json

from wheelfix.errors import MirrorError
from wheelfix.locations import Url
from wheelfix.text import shown
from wheelfix.upstream.bucket_errors import (
    Conflict,
    bucket_errors,
    changed_meanwhile,
    has_no_such_range,
    is_conflict,
    raise_if_no_bucket,
    setting_errors,
    too_large,
)
from wheelfix.upstream.bucket_lists import objects_below, objects_in
from wheelfix.upstream.cloud_settings import is_bucket_name
from wheelfix.upstream.clouds import CLOUDS, Cloud
from wheelfix.upstream.ranges import RangedFile
from wheelfix.wheel.zip.ahead import TAIL

if TYPE_CHECKING:
    from obstore import GetOptions, PutMode, UpdateVersion

    from wheelfix.upstream.clouds import Client

SHA256: Final = "sha256"
"""The name under which the metadata of an object has the sha256 of its content."""
_VERSIONS: Final = json.Decoder(dict[str, str])
"""Reads what :func:`_version` returns."""
_ODD: Final = re.compile(r"[\x00-\x1f\x7f\\]")
_SLASH: Final = re.compile("/")
_LARGEST_READ: Final = 1 << 28
"""In bytes: pages of real indexes have some megabytes."""


class Found(Struct, frozen=True):
    """What a bucket knows of an object: its ``key`` below the prefix, ``size`` in bytes, and when it was ``modified``.

    ``version`` is for :meth:`Bucket.put`. ``metadata`` are the headers and values that it was written with, where they were
    requested.
    """

    key: str
    size: int
    modified: datetime
    version: str
    metadata: Mapping[str, str] = {}


def is_bucket_url(text: str) -> bool:
    """Whether ``text`` is the URL of a bucket, or of an object in one.

    >>> is_bucket_url("s3://wheels/team"), is_bucket_url("https://example.org/x.whl"), is_bucket_url("s3/x.whl")
    (True, False, False)
    """
    scheme, found, _ = text.partition("://")
    return bool(found) and scheme.lower() in CLOUDS


def open_bucket(url: str) -> "Bucket":
    """Return the bucket at ``url``, with what is below its path.

    The path is unquoted: ``%2B`` and ``+`` both are a plus sign.

    :raises MirrorError: if it is not the URL of a bucket, the extra ``cloud`` is not installed, or there are no credentials.
    """
    cloud, name, prefix, plain = split_bucket_url(url)
    with setting_errors(cloud):
        return Bucket(plain, cloud, name, cloud.open(name), prefix)


def split_bucket_url(url: str) -> tuple[Cloud, str, str, Url]:
    """Return the cloud, the name of the bucket, the prefix in it, and the URL in one spelling.

    :raises MirrorError: if ``url`` is not that of a bucket, or of an object in one.
    """
    try:
        parts = urlsplit(url)
        cloud = CLOUDS.get(parts.scheme)
        if cloud is None:
            raise bad_bucket_url(url, f"it begins with none of {', '.join(f'{each}://' for each in CLOUDS)}")
        if "@" in parts.netloc:
            raise bad_bucket_url(url, "it contains credentials, which others can read")
        if not parts.netloc or ":" in parts.netloc:
            raise bad_bucket_url(url, "it has no name of a bucket" if not parts.netloc else "a port is no part of it")
        if not is_bucket_name(parts.netloc):
            raise bad_bucket_url(url, "the name of a bucket has letters, digits, dots and hyphens only")
        if parts.query or parts.fragment:
            raise bad_bucket_url(url, "write ? as %3F and # as %23")
        key = unquote(parts.path, errors="strict").strip("/")
    except (ValueError, UnicodeDecodeError) as error:
        raise bad_bucket_url(url, "it cannot be split into its parts") from error
    if any(part in ("", ".", "..") for part in key.split("/")) and key:
        raise bad_bucket_url(url, "a part of its path is empty, or leads up")
    if _ODD.search(key):  # Azure takes a backslash for a slash; a line break would end a line of what is printed
        raise bad_bucket_url(url, "a backslash or a control character is in its path")
    plain = f"{parts.scheme}://{parts.netloc}/{parts.path.strip('/')}"
    return cloud, parts.netloc, key, Url(plain.rstrip("/"))


def bad_bucket_url(url: str, why: str) -> MirrorError:
    """Return the error for a URL that is not one of a bucket."""
    plain = re.sub(r"(?<=://)[^/]*@", "", url.partition("?")[0])
    return MirrorError(
        "bad-url", f"{shown(plain)} is not the URL of a bucket", reason=why, hint="Write it as s3://bucket/path."
    )


class Bucket:
    """What is below ``prefix`` in a bucket; ``url`` is shown in messages. Safe to use from several threads."""

    def __init__(self, url: Url, cloud: Cloud, name: str, client: "Client", prefix: str) -> None:
        self.url = url
        self.cloud = cloud
        self.name = name
        self.prefix = prefix
        self.client = client

    def within(self, prefix: str) -> "Bucket":
        """Return the same bucket with another prefix."""
        whole = Url(f"{self.url.partition('://')[0]}://{self.name}")
        return Bucket(whole / quote(prefix) if prefix else whole, self.cloud, self.name, self.client, prefix)

    def path_of(self, key: str) -> str:
        """Return the name of the object, as the cloud has it."""
        return f"{self.prefix}/{key}" if self.prefix and key else self.prefix or key

    def read(self, key: str) -> tuple[bytes, Found] | None:
        """Return an object and what is known of it, ``None`` if there is none."""
        with self._errors(key, "read"):
            try:
                answer = self.client.get(self.path_of(key))
                if answer.meta["size"] > _LARGEST_READ:
                    raise too_large(self.url / key, _LARGEST_READ)
                return bytes(answer.bytes()), self._found(answer.meta)
            except FileNotFoundError as error:
                raise_if_no_bucket(error)
                return None

    def head(self, key: str) -> Found | None:
        """Return what is known of an object, with its metadata; ``None`` if there is none."""
        with self._errors(key, "read"):
            try:
                answer = self.client.get(self.path_of(key), options={"head": True})
                return self._found(answer.meta, answer.attributes)
            except FileNotFoundError as error:
                raise_if_no_bucket(error)
                return None

    def read_range(self, found: Found, start: int, stop: int) -> bytes:
        """Return the bytes from ``start`` to before ``stop`` of the object as it was ``found``.

        :raises SourceChanged: if it is another one by now, or gone.
        """
        from obstore.exceptions import PreconditionError

        with self._errors(found.key, "read"):
            try:
                answer = self.client.get(self.path_of(found.key), options=self._pinned(found.version, start, stop))
                data = bytes(answer.bytes())
            except (PreconditionError, FileNotFoundError) as error:
                raise_if_no_bucket(error)
                raise changed_meanwhile() from error
        if answer.meta["size"] != found.size or _version(answer.meta) != found.version:
            raise changed_meanwhile()
        if tuple(answer.range) != (start, stop) or len(data) != stop - start:
            raise MirrorError(
                "bad-answer",
                f"{self._shown(found.key)} was not sent as it was requested",
                hint="Report it to the operator of the store.",
            )
        return data

    def _pinned(self, version: str, start: int, stop: int) -> "GetOptions":
        known = _VERSIONS.decode(version)
        if "e_tag" in known:
            return {"range": (start, stop), "if_match": known["e_tag"]}
        return {"range": (start, stop)}

    def found_below(self, directory: str) -> list[Found]:
        """Return what is known of all objects below ``directory``, without metadata, in the order of their keys."""
        with self._errors(directory, "list"):
            found = objects_below(self.client, self.path_of(directory), self.url / directory, self._found)
        start = f"{directory}/" if directory else ""
        return _without_directories(each for each in found if each.key.startswith(start))

    def found_in(self, directory: str = "") -> list[Found]:
        """Return what is known of the objects in ``directory`` itself, in the order of their keys."""
        with self._errors(directory, "list"):
            listing = objects_in(self.client, self.path_of(directory), self.url / directory)
        inner = {f"{path.removeprefix(self.prefix).lstrip('/')}/" for path in listing["common_prefixes"]}
        found = map(self._found, listing["objects"])
        return _without_directories((each for each in found if each.key != directory), inner)

    def names(self, directory: str = "") -> set[str]:
        """Return the names of what is in ``directory`` itself: objects, and the beginnings of other keys."""
        with self._errors(directory, "list"):
            listing = objects_in(self.client, self.path_of(directory), self.url / directory)
            paths = [*listing["common_prefixes"], *(each["path"] for each in listing["objects"])]
        return {name for path in paths if (name := path.removeprefix(self.path_of(directory)).strip("/"))}

    def put(self, key: str, data: bytes, attributes: Mapping[str, str], version: str | None) -> None:
        """Write an object in place of what has this ``version``, where ``None`` lets it be created.

        :raises Conflict: if there is another version, or the cloud cannot say at once: read it again.
        """
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        mode: PutMode = "create" if version is None else _mode(version)
        with self._errors(key, "write"):
            try:
                self.client.put(self.path_of(key), data, attributes=_attributes(attributes), mode=mode)
            except (AlreadyExistsError, PreconditionError) as error:
                raise_if_no_bucket(error)
                raise Conflict(key) from error
            except Exception as error:
                if is_conflict(error):  # of two requests at once, S3 answers one so
                    raise Conflict(key) from error
                raise

    def send(self, key: str, parts: bytes | Iterable[bytes], attributes: Mapping[str, str], **options: Any) -> None:
        """Write an object, whatever is there; it appears when all of ``parts`` are sent, and not at all if one fails."""
        with self._errors(key, "write"):
            self.client.put(self.path_of(key), parts, attributes=_attributes(attributes), **options)

    def delete(self, key: str) -> None:
        """Delete an object, if there is one."""
        with self._errors(key, "delete"):
            try:
                self.client.delete(self.path_of(key))
            except FileNotFoundError as error:
                raise_if_no_bucket(error)

    def open(self, key: str) -> "BucketFile":
        """Return an object, to read parts of it at any position; where the cloud can, its end is read at once.

        :raises FileNotFoundError: if there is none.
        """
        file = self._opened(key)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.url / key))
        return file

    def _opened(self, key: str) -> "BucketFile | None":
        has_end = self.cloud.has_suffixes
        options: GetOptions = {"range": {"suffix": TAIL}} if has_end else {"head": True}
        with self._errors(key, "read"):
            try:
                answer = self.client.get(self.path_of(key), options=options)
                end = bytes(answer.bytes()) if has_end else b""
                return BucketFile(self, self._found(answer.meta, answer.attributes), end)
            except FileNotFoundError as error:
                raise_if_no_bucket(error)
                return None
            except Exception as error:
                if not has_no_such_range(error):  # an empty object has no last bytes
                    raise
        found = self.head(key)
        return None if found is None else BucketFile(self, found)

    def _found(self, meta: Mapping[str, Any], attributes: Mapping[Any, str] = MappingProxyType({})) -> Found:
        key = meta["path"].removeprefix(self.prefix).lstrip("/") if self.prefix else meta["path"]
        metadata = {str(name): value for name, value in attributes.items()}
        return Found(key, meta["size"], meta["last_modified"], _version(meta), metadata)

    def _errors(self, key: str, doing: str) -> AbstractContextManager[None]:
        return bucket_errors(self.cloud, self.url / key if key else self.url, doing)

    def _shown(self, key: str) -> str:
        return shown(str(self.url / key))


def _without_directories(found: Iterable[Found], known: Iterable[str] = ()) -> list[Found]:
    """Return what is no directory, in order: consoles of clouds make empty objects ``a/`` so that ``a`` is shown as one.

    The client takes the slash away, so that an object ``a`` and the directory ``a/`` have one key: the empty one is the
    directory. ``known`` are directories, which end in a slash.
    """
    kept = sorted((each for each in found if each.key), key=lambda each: each.key)
    empty = {f"{each.key}/" for each in kept if not each.size}
    if not empty:
        return kept
    inner = {each.key[: slash.end()] for each in kept for slash in _SLASH.finditer(each.key)}
    directories = empty & {*inner, *known, *(f"{each.key}/" for each in kept if each.size)}
    return [each for each in kept if each.size or f"{each.key}/" not in directories]


def _version(meta: Mapping[str, Any]) -> str:
    """Return ETag and version exactly as the client has them: which of them is compared depends on the cloud."""
    return json.encode({name: meta[name] for name in ("e_tag", "version") if meta.get(name) is not None}).decode()


def _mode(version: str) -> "UpdateVersion":
    """Return a version in the form of the client.

    :raises Conflict: if it is none of :func:`_version`, and so that of no object.
    """
    try:
        found = _VERSIONS.decode(version)
    except DecodeError:
        raise Conflict(version) from None
    return {"e_tag": found.get("e_tag"), **({"version": found["version"]} if "version" in found else {})}


def _attributes(attributes: Mapping[str, str]) -> Any:
    return dict(attributes)


class BucketFile(RangedFile):
    """An object, as it was when it was opened. ``end`` are bytes of the end that are known already."""

    def __init__(self, bucket: Bucket, found: Found, end: bytes = b"") -> None:
        super().__init__(found.size, (found.size - len(end), end))
        self._bucket = bucket
        self._found = found

    @property
    def sha256(self) -> str | None:
        """The sha256 that it was written with (hexadecimal), ``None`` if that is not known."""
        return self._found.metadata.get(SHA256)

    def load(self, start: int, stop: int) -> bytes:
        """Request the bytes from ``start`` to before ``stop``; see :class:`RangedFile`."""
        return self._bucket.read_range(self._found, start, stop)

    def check_unchanged(self) -> None:
        """Do nothing: the version of the object is a part of each request, and of each answer."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._parts.clear()
