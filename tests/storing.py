"""Stores on real servers, and short ways to write to them and to read from them."""

from typing import Any, Final

from buckets import Bucket
from wheelfix.errors import WheelfixError
from wheelfix.mirror.layout import attributes_of
from wheelfix.mirror.storage.base import NewFile, Store, Write
from wheelfix.mirror.storage.objects import ObjectStore
from wheelfix.wheel.zip.source import Source

CLOUDS: Final = ["s3", "azure", "gcs"]
"""One kind of bucket for each client."""
BUCKETS: Final = [*CLOUDS, "s3-versioned"]
PREFIX: Final = "team/mirror"
PAGE: Final = "public/simple/demo/index.json"
KEY: Final = "public/files/demo/0123456789abcdef/demo-1.0+cpu-py3-none-any.whl"


def opened(bucket: Bucket, prefix: str = PREFIX, *, single_writer: bool = False) -> Store:
    """Return the store below a prefix of ``bucket``, as a command opens it."""
    return ObjectStore.at(f"{bucket.url}/{prefix}", single_writer=single_writer)


def write(store: Store, key: str, data: bytes, version: str | None = None) -> None:
    """Write a page in place of this version."""
    store.put_if([Write(key, data, version, attributes_of(key))])


def add(store: Store, key: str, content: Source | bytes, **more: Any) -> dict[str, WheelfixError | OSError]:
    """Write a file; return why not, if it could not be written."""
    return store.put_new([NewFile(key, content, attributes_of(key), **more)])


def content(store: Store, key: str) -> bytes | None:
    """Return what lies at ``key``."""
    stored = store.read(key)
    return None if stored is None else stored.data
