"""A mirror in a bucket: the layout of a directory, below a prefix.

There are no locks: a page is written only in place of what was read, which the store compares. Files are known by their
content, so that two who write the same one write the same bytes.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from errno import EACCES
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from wheelfix.errors import ChangedMeanwhile, MirrorError, WheelfixError
from wheelfix.locations import Url
from wheelfix.mirror.layout import (
    FIRST_SEEN,
    JOURNAL,
    LOCKS,
    PAGE,
    PRIVATE,
    PUBLIC,
    RESULTS,
    ROOT_PAGE,
    RUNS,
    SCRATCH,
    SIMPLE,
    SYNC,
)
from wheelfix.mirror.registry import finding
from wheelfix.mirror.storage.base import Head, NewFile, Stored, Write
from wheelfix.mirror.storage.sending import Sender, headers_of
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.results import Finding
from wheelfix.text import shown
from wheelfix.upstream.bucket_errors import Conflict, no_conditions
from wheelfix.upstream.buckets import SHA256, Bucket, BucketFile, Found, open_bucket
from wheelfix.upstream.unfinished import Upload, abort, unfinished_uploads

_PROBES: Final = f"{PRIVATE}/probes"
_PRIVATE_KEYS: Final = (FIRST_SEEN, JOURNAL, LOCKS, RESULTS, RUNS, SCRATCH, SYNC, _PROBES)
_PRIVATE_NAMES: Final = {key.removeprefix(f"{PRIVATE}/") for key in _PRIVATE_KEYS}
"""What we have below it; other things there are somebody else's."""
_UPLOADS: Final = f"{PRIVATE}/uploads"
"""Nothing is stored below it: unfinished uploads are named as if they were, so that they can be reported and deleted."""
_OLD: Final = timedelta(days=1)
_AT_ONCE: Final = 4
"""How many writers a probe has: where a store races, one more than should succeeds."""
_ATTEMPTS: Final = 4
"""How often a write is repeated that the store refused, while what is there still has the version that it should have."""
_probed: Final[set[tuple[str, str]]] = set()
"""The buckets that passed the probe, in this process."""


class ObjectStore:
    """The mirror below a ``bucket``'s prefix; see :class:`~wheelfix.mirror.storage.base.Store`.

    Before the first write, the store is tested for conditional writes. One without them can only be written with
    ``single_writer``: then a page is read, compared and written, and nobody else may write at that time.
    """

    def __init__(self, bucket: Bucket, *, single_writer: bool = False) -> None:
        self._bucket = bucket
        self._single_writer = single_writer

    @classmethod
    def at(cls, url: str, *, single_writer: bool = False) -> "ObjectStore":
        """Return the store of the mirror at ``url``, such as ``s3://bucket/prefix``.

        :raises MirrorError: if it is not the URL of a bucket, or there are no credentials.
        """
        return cls(open_bucket(url), single_writer=single_writer)

    @property
    def location(self) -> Url:
        """The URL of the bucket, with the prefix."""
        return self._bucket.url

    @property
    def is_shared(self) -> bool:
        """Several writers can be at work at once."""
        return True

    def check(self, *, create: bool) -> None:
        """Confirm that a mirror is below the prefix, or with ``create`` can be: nothing else is there.

        :raises MirrorError: if it is no mirror, or a part of one; if there is no such bucket, or access is denied.
        """
        outer = self._outer_hint()
        if not outer:
            if self._bucket.head(ROOT_PAGE) is not None:  # first: no listing needs to be read then
                return
            names = self._bucket.names()
            if self._is_begun(names):
                return
            if create and names <= {PUBLIC} and not self._bucket.names(SIMPLE):
                outer = self._hint_around()
                if not outer:
                    return
        why = "it is a part of one" if outer else "the prefix is not empty" if create else ""
        hint = outer or (
            "Name a mirror, or an empty prefix."
            if create
            else "Check the URL. `wheelfix mirror add` creates a mirror on first use."
        )
        message = f"{shown(str(self.location))} is not a mirror{f' ({why})' if why else ''}"
        raise MirrorError("not-a-mirror", message, hint=hint)

    def _is_begun(self, names: AbstractSet[str]) -> bool:
        """Whether a mirror without the list of its projects is there: it was interrupted before, or has lost it.

        A copy may lack what is private; then it is known by its pages. An index that another tool wrote is none.
        """
        if PRIVATE in names and names <= {PUBLIC, PRIVATE} and self._bucket.names(PRIVATE) <= _PRIVATE_NAMES:
            return True
        return PUBLIC in names and any(each.key.endswith(f"/{PAGE}") for each in self._bucket.found_below(SIMPLE))

    def _outer_hint(self) -> str:
        """Return what to name instead if the prefix is a part of a mirror, empty if it is not."""
        for outer, part in self._around():
            if part in (PUBLIC, PRIVATE) and outer.head(ROOT_PAGE) is not None:
                return f"Name the mirror itself: {shown(str(outer.url))}."
        return ""

    def _hint_around(self) -> str:
        """Return what to name instead of a new mirror below another one, empty if none is around it."""
        for outer, _ in self._around():
            try:
                is_one = outer.head(ROOT_PAGE) is not None
            except MirrorError as error:
                if error.code != "access-denied":  # who may write below this prefix only may not look there
                    raise
                continue
            if is_one:
                return f"Name {shown(str(outer.url))}, or a prefix beside it."
        return ""

    def _around(self) -> Iterator[tuple[Bucket, str]]:
        """Yield what is around this prefix, the whole bucket first, and the part of the prefix that follows."""
        parts = self._bucket.prefix.split("/") if self._bucket.prefix else []
        for count, part in enumerate(parts):
            yield self._bucket.within("/".join(parts[:count])), part

    def read(self, key: str) -> Stored | None:
        """Return what is at ``key``; its version has the ETag, and the generation where there are some."""
        found = self._bucket.read(key)
        return None if found is None else Stored(found[0], found[1].version)

    def open(self, key: str) -> BucketFile:
        """Open a wheel; all of its parts are of the version that it has now."""
        return self._bucket.open(key)

    def head(self, key: str) -> Head | None:
        """Return the size of an object, the sha256 that it was written with, and when that was."""
        found = self._bucket.head(key)
        return None if found is None else _head(found)

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of objects."""
        return (each.key for each in self._bucket.found_below(prefix))

    def heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        """Yield the keys of objects with what a listing says of each: not their sha256."""
        return ((each.key, _head(each)) for each in self._bucket.found_below(prefix))

    def put_new(self, files: Iterable[NewFile], progress: Progress = NO_PROGRESS) -> dict[str, WheelfixError | OSError]:
        """Send files, several small ones at a time, and large ones in parts; a file appears when all of it has arrived."""
        try:
            self._probe()
        except MirrorError as error:
            if error.code != "no-answer":  # that is an error of each file, which another one may not have
                raise
        with Sender(self._bucket, progress) as sender:
            for file in files:
                sender.add(file)
        return sender.errors

    def put_if(self, writes: Iterable[Write]) -> None:
        """Write each in order, where it still has the version that was read."""
        written = list[str]()
        self._probe()
        for write in writes:
            if not self._is_written(write):
                raise ChangedMeanwhile(write.key, written)
            written.append(write.key)

    def _is_written(self, write: Write) -> bool:
        """Write, and return whether it is there: what was there had the version that it should have.

        Where an answer was lost, the request was repeated, and refused because of itself: then what is there is ours.
        """
        attributes = headers_of(write.attributes, hashlib.sha256(write.data).hexdigest())
        if self._single_writer:
            there = self._compared(write.key)
            if (there.version if there else None) != write.version:
                return False
            self._bucket.send(write.key, write.data, attributes, use_multipart=False)
            return True
        for _ in range(_ATTEMPTS):
            try:
                self._bucket.put(write.key, write.data, attributes, write.version)
            except Conflict:
                there = self.read(write.key)
                if there is not None and there.data == write.data:
                    return True
                if (there.version if there else None) != write.version:
                    return False
            else:
                return True
        return False

    def delete(self, key: str) -> None:
        """Delete an object, or what :meth:`problems` named as if it were one: an upload, which is given up."""
        if key.startswith(f"{_UPLOADS}/"):
            upload, _, file = key.removeprefix(f"{_UPLOADS}/").partition("/")
            abort(self._bucket, Upload(file, unquote(upload)))
        else:
            self._bucket.delete(key)

    def delete_if(self, key: str, version: str) -> bool:
        """Delete nothing: no client of all these clouds can compare and delete at once. A single writer can."""
        if not self._single_writer:
            return False
        there = self._compared(key)
        if there is not None and there.version != version:
            raise ChangedMeanwhile(key)
        self.delete(key)
        return True

    def _compared(self, key: str) -> Stored | None:
        """Return what is at ``key``, for a single writer to compare; that nothing is there, the listing confirms.

        A proxy, or another endpoint, can answer 404 for what is there, and the store does not compare.

        :raises MirrorError: if it is listed.
        """
        there = self.read(key)
        if there is None and any(each.key == key for each in self._bucket.found_in(key.rpartition("/")[0])):
            raise MirrorError(
                "bad-answer",
                f"{shown(str(self.location / key))} cannot be read: the store lists it, and answers that it is not there",
                hint="Check the endpoint, and what is between here and the store. Then run again.",
            )
        return there

    def flush(self) -> None:
        """Do nothing: what a store has confirmed is safe."""

    @contextmanager
    def locked(self, name: str, timeout: float) -> Iterator[None]:  # noqa: ARG002 - there are no locks
        """Do nothing: there are no locks."""
        yield

    def serves(self, path: Path) -> bool:  # noqa: ARG002 - no file on this machine is
        """Whether ``path`` is one of its files: no file on this machine is."""
        return False

    def scratch(self) -> Path:
        """Return a directory of the user's cache that is the same for each run, so that downloads are continued.

        :raises MirrorError: if there is none that this process may write to, as in a container without a home.
        """
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~", ".cache"))
        name = hashlib.sha256(str(self.location).encode()).hexdigest()[:16]
        try:
            cache = cache.expanduser()
            directory = cache / "wheelfix" / "mirrors" / name
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (OSError, RuntimeError) as error:  # RuntimeError: nobody knows the home of this user
            raise _no_cache(cache, self.location, error) from error
        if not os.access(directory, os.W_OK | os.X_OK):
            raise _no_cache(directory, self.location, PermissionError(EACCES, os.strerror(EACCES)))
        return directory

    def problems(self) -> Iterator[Finding]:
        """Yield what killed runs left: uploads of which parts have arrived, and objects that a probe wrote.

        Who may only read a mirror may not list uploads, and some stores cannot: no client is affected by them.
        """
        try:
            for each in unfinished_uploads(self._bucket, PUBLIC):
                place = f"{_UPLOADS}/{quote(each.id, safe='')}/{each.key}"
                yield finding("leftover", place, "a killed process left an upload unfinished", fixable=True)
        except MirrorError as error:
            if error.code == "no-answer":
                raise
            yield finding("leftover", _UPLOADS, f"there may be unfinished uploads: {error.message} ({error.reason})")
        now = datetime.now(UTC)  # noqa: TID251 - whether a probe is under way; a difference of the clocks does not matter
        for probe in self._bucket.found_below(_PROBES):
            if now - probe.modified > _OLD:
                yield finding("leftover", probe.key, "a killed process left it", fixable=True)

    def _probe(self) -> None:
        """Test the store for conditional writes, once for each bucket and process.

        :raises MirrorError: if it has none, or this cannot be tested.
        """
        bucket = (self._bucket.cloud.name, self._bucket.name)
        if self._single_writer or bucket in _probed:
            return
        key = f"{_PROBES}/{secrets.token_hex(8)}"
        try:
            self._race(key, self._race(key, None))
        finally:
            with suppress(WheelfixError):
                self._bucket.delete(key)
        _probed.add(bucket)

    def _race(self, key: str, version: str | None) -> str:
        """Send several conditional writes in place of ``version`` at once; return the new version.

        :raises MirrorError: if more than one of them succeeds, or none does, again and again.
        """
        for _ in range(_ATTEMPTS):
            writers = [secrets.token_bytes(16) for _ in range(_AT_ONCE)]  # the same bytes have the same ETag
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                won = sum(pool.map(partial(self._wins, key, version=version), writers))
            there = self.read(key)
            # A writer whose answer was lost does not know that it succeeded.
            if there is not None and there.data in writers and won <= 1:
                return there.version
            if won:
                raise no_conditions(self.location, f"{won} of {_AT_ONCE} conditional writes succeeded, and 1 should")
        raise no_conditions(self.location, "it rejected a conditional write that it should accept")

    def _wins(self, key: str, data: bytes, *, version: str | None) -> bool:
        try:
            self._bucket.put(key, data, {}, version)
        except Conflict:
            return False
        return True


def _head(found: Found) -> Head:
    return Head(found.size, found.metadata.get(SHA256), found.modified)


def _no_cache(place: Path, location: Url, error: OSError | RuntimeError) -> MirrorError:
    return MirrorError(
        "no-cache-directory",
        f"{shown(str(place))} cannot be used for the work on {shown(str(location))}",
        reason=(isinstance(error, OSError) and error.strerror) or "this user has no home directory",
        hint="Set XDG_CACHE_HOME to a directory that this user may write to.",
    )
