"""A wheel in a bucket, read by the ranges of it that are needed."""

from typing import Final, Self
from urllib.parse import unquote

from msgspec import Struct

from wheelfix.errors import ArchiveError, MirrorError
from wheelfix.locations import Url
from wheelfix.text import shown
from wheelfix.upstream.buckets import Bucket, BucketFile, bad_bucket_url, open_bucket, split_bucket_url

_METADATA_FILE: Final = ".metadata"
"""What follows the name of a wheel in that of its metadata file (PEP 658)."""
_LARGEST_METADATA: Final = 1 << 25
"""In bytes; that of real wheels has some kilobytes."""


class BucketWheel(Struct, frozen=True):
    """The wheel that is at ``key`` in a ``bucket``, as far as it can be read in parts; ``url`` is where that is."""

    url: Url
    bucket: Bucket
    key: str

    @classmethod
    def of(cls, bucket: Bucket, key: str) -> Self:
        """Return the wheel at ``key``; that it is there is seen when it is opened."""
        return cls(bucket.url / key, bucket, key)

    def open(self) -> BucketFile:
        """Open it, to read parts of it at any position.

        :raises MirrorError: if there is none, or the store does not answer.
        :raises ArchiveError: if it is empty.
        """
        try:
            found = self.bucket.open(self.key)
        except FileNotFoundError as error:
            raise MirrorError("bad-answer", f"there is no {shown(str(self.url))}", hint="Check the URL.") from error
        if not found.size:
            raise ArchiveError("empty-file", "the file is empty", hint="Download or build the wheel again.")
        return found

    def metadata_file(self) -> bytes | None:
        """Return the metadata file beside it (PEP 658), ``None`` where there is none; it may say what the wheel does not.

        :raises MirrorError: if the store does not answer.
        """
        try:
            with self.bucket.open(f"{self.key}{_METADATA_FILE}") as file:
                return file.read_at(0, file.size) if file.size <= _LARGEST_METADATA else None
        except FileNotFoundError:
            return None
        except MirrorError as error:
            if error.code != "access-denied":  # S3 says so of what is not there, to those who may not list
                raise
            return None


def open_bucket_wheel(url: str) -> BucketWheel:
    """Return the wheel at ``url``, which can be read in parts.

    :raises MirrorError: as for :func:`open_bucket`; that it is there is seen when it is opened.
    """
    key = split_bucket_url(url)[2]
    base, _, filename = url.rpartition("/")
    if not filename or not key:
        raise bad_bucket_url(url, "it names a bucket, and no object in it")
    return BucketWheel.of(open_bucket(base), unquote(filename))
