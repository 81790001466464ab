"""Uploads in parts that a killed process left: they cost money, and no listing of objects shows them.

S3 and what is like it keep them for ever; those are found and given up here. Azure drops parts that belong to nothing after
a week. Google Cloud Storage needs a lifecycle rule of the bucket (AbortIncompleteMultipartUpload).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from msgspec import Struct

from wheelfix.errors import MirrorError
from wheelfix.text import cut, shown
from wheelfix.upstream.bucket_errors import endless_list
from wheelfix.upstream.buckets import Bucket
from wheelfix.upstream.clouds import S3, aws_settings, is_signed

_OLD: Final = timedelta(days=1)
"""An upload that was begun before this may still go on; no wheel takes so long."""
_MOST_EMPTY: Final = 1000
"""How many empty pages of a list in a row mean that it never ends; there is one request for each."""
_PERMISSIONS: Final = "the permissions s3:ListBucketMultipartUploads and s3:AbortMultipartUpload"
_GONE: Final = "NoSuchUpload"
_DENIED: Final = frozenset({"AccessDenied", "403"})


class Upload(Struct, frozen=True):
    """An upload of the object ``key``, below the bucket's prefix, with the ``id`` that the store gave it."""

    key: str
    id: str


def unfinished_uploads(bucket: Bucket, directory: str) -> Iterator[Upload]:
    """Yield the uploads below ``directory`` that were begun more than a day ago, by the store's clock.

    :raises MirrorError: if the store does not answer, or access is denied.
    """
    if bucket.cloud is not S3:
        return
    start, empty = bucket.path_of(directory) + "/", 0
    with _errors(bucket):
        for page in _client().get_paginator("list_multipart_uploads").paginate(Bucket=bucket.name, Prefix=start):
            empty = 0 if page.get("Uploads") else empty + 1
            if empty > _MOST_EMPTY:
                raise endless_list(bucket.url / directory)
            now = _time_of(bucket, page["ResponseMetadata"]["HTTPHeaders"].get("date", ""))
            for each in page.get("Uploads", ()):
                if each["Key"].startswith(start) and _is_old(each["Initiated"], now):
                    yield Upload(each["Key"].removeprefix(bucket.path_of("")).lstrip("/"), each["UploadId"])


def abort(bucket: Bucket, upload: Upload) -> None:
    """Give up an upload; one that is gone is no error.

    :raises MirrorError: if the store does not answer, or access is denied.
    """
    with _errors(bucket, gone=True):
        _client().abort_multipart_upload(Bucket=bucket.name, Key=bucket.path_of(upload.key), UploadId=upload.id)


def _time_of(bucket: Bucket, date: str) -> datetime:
    """Return the time of the store, which proxies may take away, or spoil.

    :raises MirrorError: if ``date`` is none.
    """
    try:
        found: datetime | None = parsedate_to_datetime(date)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        message = f"{shown(str(bucket.url))} does not say what time it is"
        hint = "Check what is between here and the store."
        raise MirrorError("bad-answer", message, reason="its answer has no valid Date header", hint=hint)
    return found


def _is_old(begun: datetime, now: datetime) -> bool:
    return now - begun > _OLD


def _client() -> Any:
    """Return a client of botocore with the settings of the one of obstore, which has no such requests."""
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.session import get_session

    found = aws_settings()
    config = Config(
        signature_version=None if is_signed() else UNSIGNED,
        s3={"addressing_style": "path"} if found.endpoint else None,
        connect_timeout=10,
        read_timeout=60,
        retries={"total_max_attempts": 4, "mode": "standard"},
    )
    session = found.session or get_session()
    return session.create_client("s3", region_name=found.region, endpoint_url=found.endpoint, config=config)


@contextmanager
def _errors(bucket: Bucket, *, gone: bool = False) -> Iterator[None]:
    """Raise the errors of botocore as ours; ``gone`` says that an upload may be gone."""
    from botocore.exceptions import BotoCoreError, ClientError

    what = shown(str(bucket.url))
    try:
        yield
    except ClientError as error:
        code = cut(error.response.get("Error", {}).get("Code", ""))
        if code == _GONE and gone:
            return
        if code in _DENIED:
            message = f"access to the unfinished uploads of {what} is denied"
            raise MirrorError("access-denied", message, reason=code, hint=f"It requires {_PERMISSIONS}.") from None
        raise MirrorError("bad-answer", f"{what} does not list uploads", reason=code, hint="Run again later.") from None
    except BotoCoreError as error:
        reason = cut(type(error).__name__)
        raise MirrorError("no-answer", f"{what} does not answer", reason=reason, hint="Run again later.") from None
