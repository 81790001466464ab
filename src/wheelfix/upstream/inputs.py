"""What a text names that is no file on this machine: a wheel at a URL, wheels in a bucket, the wheels of a release.

Nothing is downloaded here: what is found can be read in parts, or downloaded by :mod:`wheelfix.upstream.fetched`.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from wheelfix.errors import MirrorError
from wheelfix.locations import BUCKETS, Url
from wheelfix.options import Limits, Targets
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.text import shown
from wheelfix.upstream.urls import missing_extra, shown_url, split_sha256, validate_url, with_scheme
from wheelfix.wheel.zip.source import RemoteWheel, blocks_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pypi_simple import DistributionPackage

    from wheelfix.upstream.bucket_wheel import BucketWheel
    from wheelfix.upstream.buckets import BucketFile
    from wheelfix.upstream.http import Session
    from wheelfix.upstream.remote_wheel import HttpWheel
    from wheelfix.wheel.zip.source import Readable

_WEB: Final = ("http", "https")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_REQUIREMENT: Final = re.compile(
    r"[A-Za-z0-9._-]+ *(\[[^\]]*\])? *((===?|~=|!=|<=?|>=?|@ |;|\().*)?", re.DOTALL
)  # PEP 508, as far as it takes to distinguish it from a path
_HASHES: Final = frozenset({"md5", "sha1", "sha224", "sha384", "sha512", "blake2b", "blake2s"})
"""The other hashes of which pip reads one in the fragment of a URL."""
_SDISTS: Final = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")


class Listing(Struct, frozen=True):
    """What the index at ``index``, a URL, lists a wheel as."""

    index: str
    file: "DistributionPackage"


class FoundWheel(RemoteWheel, Protocol):
    """A wheel that was found: what reads it in parts, and what downloads it."""

    @property
    def size(self) -> int | None:
        """How many bytes it has, ``None`` where that is not known yet."""

    @property
    def address(self) -> str:
        """What is requested: the URL with its signature, if it has one."""

    @property
    def listing(self) -> Listing | None:
        """What the index says of it that it was chosen from, ``None`` where it was named by its URL."""

    def download(self, path: Path, progress: Progress) -> None:
        """Write it to the new file ``path``, whole; its bytes are reported to ``progress`` by its name.

        :raises MirrorError: if there is none, the server does not answer, or what came is not what was announced.
        :raises OSError: if it cannot be written.
        """


class WheelAtUrl(Struct, frozen=True):
    """A wheel behind http or https, and what a page or the URL say of it, if they do; see :class:`FoundWheel`."""

    session: "Session"
    address: str
    name: str
    sha256: str | None = None
    size: int | None = None
    listing: Listing | None = None

    @property
    def url(self) -> Url:
        """Its URL, as it can be shown: without a signature."""
        return Url(shown_url(self.address))

    @property
    def metadata_sha256(self) -> str | None:
        """The sha256 of its METADATA (hexadecimal), where the index says it (PEP 658)."""
        digests = self.listing.file.metadata_digests if self.listing else None
        return digests.get("sha256") if digests else None

    def open(self) -> "AbstractContextManager[Readable]":
        """Open it, to read parts of it at any position; see :class:`RemoteWheel`."""
        return self._remote().open()

    def metadata_file(self) -> bytes | None:
        """Return the metadata file beside it; see :class:`RemoteWheel`."""
        return self._remote().metadata_file()

    def _remote(self) -> "HttpWheel":
        from wheelfix.upstream.remote_wheel import open_remote

        self._check_listing()
        has_metadata_file = self.listing.file.has_metadata if self.listing else None
        return open_remote(self.session, self.address, size=self.size, has_metadata_file=has_metadata_file)

    def download(self, path: Path, progress: Progress) -> None:
        """Write it to the new file ``path``; see :class:`FoundWheel`."""
        from wheelfix.upstream.whole_file import Wanted, download

        self._check_listing()
        source = "the index" if self.listing else "the URL"
        wanted = Wanted(self.address, self.name, self.sha256, self.size, source)
        download(self.session, wanted, path, progress=progress)

    def _check_listing(self) -> None:
        """Confirm that an index lists a URL that can be requested; one that was typed has been checked.

        :raises MirrorError: if it does not.
        """
        if self.listing is None:
            return
        try:
            validate_url(self.address)
        except MirrorError as error:  # it is the index's mistake, so that the exit code is not that of wrong usage
            why = "one with credentials" if error.code == "credentials-in-url" else "no http or https URL"
            raise MirrorError(
                "bad-answer",
                f"the index lists {shown(self.name)} at {self.url}, which is {why}",
                hint="Report it to the operator of the index.",
            ) from error


class WheelInBucket(Struct, frozen=True):
    """The wheel ``inside`` a bucket. ``sha256`` (hexadecimal) is what its URL says, ``size`` what a listing says."""

    inside: "BucketWheel"
    sha256: str | None = None
    size: int | None = None

    @property
    def url(self) -> Url:
        """Its URL."""
        return self.inside.url

    @property
    def address(self) -> str:
        """The same: what is in a bucket is requested by its URL."""
        return self.inside.url

    @property
    def name(self) -> str:
        """Its file name."""
        return self.inside.url.name

    @property
    def metadata_sha256(self) -> None:
        """Not known: no index lists it."""

    @property
    def listing(self) -> None:
        """Nothing: no index lists it."""

    def open(self) -> "BucketFile":
        """Open it, to read parts of it at any position; see :class:`RemoteWheel`."""
        return self.inside.open()

    def metadata_file(self) -> bytes | None:
        """Return the metadata file beside it; see :class:`RemoteWheel`."""
        return self.inside.metadata_file()

    def download(self, path: Path, progress: Progress) -> None:
        """Write it to the new file ``path``; see :class:`FoundWheel`.

        It is compared with the sha256 of its URL, or else the one that it was written with, where that is known.
        """
        from wheelfix.upstream.saving import require_sum, saving

        with self.open() as file, saving(path, self.name, progress) as part:
            part.append(blocks_of(file), file.size)
            file.check_unchanged()
            source = "the URL" if self.sha256 else "the bucket"
            require_sum(part, self.sha256 or file.sha256, self.url, source, "Upload the wheel again.")


def is_remote(text: str, *, with_index: bool = False) -> bool:
    """Whether ``text`` names something that is not on this machine: a URL, or a requirement if there is an index for it.

    As for pip, what has a slash or ends with ``.whl`` is a path and not a requirement, and so is what begins with a dot.

    >>> is_remote("https://example.org/demo-1.0-py3-none-any.whl"), is_remote("dist/demo-1.0-py3-none-any.whl")
    (True, False)
    >>> [is_remote(text, with_index=True) for text in ("torch==2.7.0", "torch", "./torch", "torch/", "torch-*.whl")]
    [True, True, False, False, False]
    """
    if scheme_of(text):
        return True
    is_path = text.startswith(".") or "/" in text.partition(" @ ")[0] or text.endswith(".whl")
    return with_index and not is_path and bool(_REQUIREMENT.fullmatch(text))


def scheme_of(text: str) -> str:
    """Return the scheme of a URL in lower case, empty for a text that is none."""
    found = _SCHEME.match(text)
    return found[1].lower() if found else ""


def same_wheel(one: Path | FoundWheel, other: Path | FoundWheel) -> Path | FoundWheel:
    """Return the wheel that was named twice, of the two the one whose sha256 is known, so that it is compared.

    :raises MirrorError: if they are to have different ones.
    """
    if isinstance(one, Path) or isinstance(other, Path) or other.sha256 is None:
        return one
    if one.sha256 not in (None, other.sha256):
        raise MirrorError(
            "bad-url", f"{one.url} is given twice, with different sha256 hashes", hint="Give it once, with the right one."
        )
    return other if one.sha256 is None else one


class Finder:
    """Finds the wheels that texts name; use it as a context manager, and what it found within that.

    Requirements are looked up in the index at ``index``, and of a release the wheels for ``targets`` are found. All
    requests share one session, whose pauses are reported to ``progress``.
    """

    def __init__(
        self,
        index: str | None = None,
        targets: Targets = Targets(),
        *,
        limits: Limits = Limits(),
        progress: Progress = NO_PROGRESS,
    ) -> None:
        if index is not None:
            validate_url(index)
        self._index = index
        self._targets = targets
        self._limits = limits
        self._progress = progress
        self._session: Session | None = None

    def find(self, text: str) -> Sequence[FoundWheel]:
        """Return the wheels that ``text`` names: a URL, a path in a bucket, or a requirement such as ``torch==2.7.0``.

        :raises MirrorError: if it names none, or that cannot be known.
        """
        scheme = scheme_of(text)
        if not scheme:
            return self._find_release(text)
        if scheme in _WEB:
            return [self._at_url(text)]
        if scheme in BUCKETS:
            return self._in_bucket(text)
        raise _not_a_wheel(text, "wheelfix reads http://, https://, s3://, gs:// and az://", "Download it first.")

    def _at_url(self, url: str) -> WheelAtUrl:
        _check_url(url)
        address, sha256 = _split_sha256(url)
        return WheelAtUrl(self._http(), address, _name_of(url), sha256)

    def _in_bucket(self, url: str) -> list[WheelInBucket]:
        """Return a wheel in a bucket, or those directly below a prefix, all of them or those that fit a pattern."""
        from wheelfix.upstream.bucket_wheel import BucketWheel, open_bucket_wheel
        from wheelfix.upstream.buckets import open_bucket, split_bucket_url

        address, sha256 = _split_sha256(url)
        if "?" in address:
            raise _not_a_wheel(url, "the URL of a bucket has no query", "Write a question mark in a name as %3F.")
        start, _, last = address.rpartition("/")
        if not last or "*" in last:
            bucket, pattern = open_bucket(f"{start}/"), unquote(last) or "*.whl"
            found = [each for each in bucket.found_in() if each.key.endswith(".whl") and fnmatchcase(each.key, pattern)]
            if not found:
                raise MirrorError("no-wheel", f"no wheels in {shown_url(address)}", hint="Name a prefix that has some.")
            return [WheelInBucket(BucketWheel.of(bucket, each.key), None, each.size) for each in found]
        split_bucket_url(address)  # says what is wrong with a URL that cannot be split into its parts
        _check_name(address, "Name a wheel, or a prefix that ends with a slash, for all wheels directly below it.")
        return [WheelInBucket(open_bucket_wheel(address), sha256)]

    def _find_release(self, requirement: str) -> list[WheelAtUrl]:
        """Return the wheels of the newest release that fits ``requirement``."""
        if self._index is None:
            raise MirrorError(
                "bad-selection",
                f"{shown(requirement)} is a requirement, and there is no index to look it up in",
                hint="Give one with --from-index URL.",
            )
        session = self._http()
        from wheelfix.upstream.client import sha256_of
        from wheelfix.upstream.resolve import choose_wheels, require_page
        from wheelfix.upstream.selection import read_requirement

        wanted = read_requirement(requirement)
        page = require_page(session, self._index, wanted.name)
        return [
            WheelAtUrl(session, file.url, file.filename, sha256_of(file), file.size, Listing(self._index, file))
            for file in choose_wheels(page, requirement, self._targets)
        ]

    def _http(self) -> "Session":
        """Return the session, which is made when it is needed: only the extra ``index`` installs what it needs."""
        if self._session is None:
            try:
                from wheelfix.upstream.http import open_session
            except ImportError as error:
                raise missing_extra(error) from error
            self._session = open_session(self._limits, self._progress)
        return self._session

    def close(self) -> None:
        """End all connections."""
        if self._session is not None:
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _check_url(url: str) -> None:
    """Confirm that ``url`` can be that of a wheel, and has no credentials.

    :raises MirrorError: if not.
    """
    try:
        validate_url(url)
    except MirrorError as error:
        if error.code != "bad-url":
            raise
        meant = with_scheme(url)
        raise _not_a_wheel(url, "it is no valid URL", f"Did you mean {shown(meant)}?" if meant else "Check it.") from error
    _check_name(url, "Name the file itself. For wheels of an index, give a requirement and --from-index URL.")


def _check_name(url: str, hint: str) -> None:
    """Confirm that ``url`` ends with the name of a wheel; the ``hint`` is for one that ends otherwise.

    :raises MirrorError: if not.
    """
    name = _name_of(url)
    if name.endswith(".whl") and "/" not in name and "\0" not in name:
        return
    if name.endswith(_SDISTS):
        raise _not_a_wheel(url, "it is a source distribution; wheelfix only changes wheels", "Build a wheel from it first.")
    if name.endswith(".whl.metadata"):
        raise _not_a_wheel(url, "it is the metadata file of one", "Leave out .metadata at its end.")
    raise _not_a_wheel(url, "its last part does not end with .whl", hint)


def _name_of(url: str) -> str:
    """Return the file name that ``url`` ends with, empty if it ends with a slash."""
    return unquote(urlsplit(url).path.rpartition("/")[2])


def _split_sha256(url: str) -> tuple[str, str | None]:
    """Return ``url`` without its fragment, and the sha256 in that as pip reads it (``#sha256=...``), if it has one.

    :raises MirrorError: if that is invalid.
    """
    plain, sha256 = split_sha256(url)
    names = {part.partition("=")[0].lower() for part in url.partition("#")[2].split("&")}
    if sha256 is None and (other := sorted(names & _HASHES)):
        raise _not_a_wheel(url, f"{other[0]} is not checked, only sha256", "Give #sha256=..., or leave it out.")
    return plain, sha256


def _not_a_wheel(url: str, reason: str, hint: str) -> MirrorError:
    return MirrorError("bad-url", f"{shown_url(url)} is not the URL of a wheel: {reason}", hint=hint)
