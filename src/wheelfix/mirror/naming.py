"""What may name a mirror on the command line: a directory, or the URL of a bucket; and the messages about anything else."""

import os
import re
from pathlib import Path
from typing import Final

from wheelfix.locations import BUCKETS
from wheelfix.text import shown

STORES: Final = (*BUCKETS, "file")
"""The schemes of URLs that name a mirror."""
_OTHER_NAMES: Final = {"s3a": "s3", "s3n": "s3", "r2": "s3", "gcs": "gs", "azure": "az", "azblob": "az"}
"""What other tools call the same stores."""
_HALF_A_URL: Final = re.compile(r"(s3|gs|az|file):(/?)(?=[^/])")
_OF_BUCKETS: Final = (
    (re.compile(r"([^./]+)\.s3[.-][^/]*amazonaws\.com(/.*)?"), "s3"),
    (re.compile(r"s3[.-][^/]*amazonaws\.com/([^/]+)(/.*)?"), "s3"),
    (re.compile(r"storage\.googleapis\.com/([^/]+)(/.*)?"), "gs"),
    (re.compile(r"([^./]+)\.storage\.googleapis\.com(/.*)?"), "gs"),
    (re.compile(r"[^./]+\.blob\.core\.windows\.net/([^/]+)(/.*)?"), "az"),
)
"""How the https URLs of buckets look that the clouds show: the groups are the bucket, and the path in it."""
_PUBLIC: Final = re.compile(r"/public(/.*)?$")
"""What follows the prefix of a mirror in the URL of one of its files."""
_NAME_A_MIRROR: Final = "Name a directory, or a bucket such as s3://bucket/prefix."


def is_bucket(text: str) -> bool:
    """Whether ``text`` is the URL of a bucket; a mirror is in a directory otherwise.

    >>> is_bucket("s3://wheels/team"), is_bucket("file:///srv/mirror"), is_bucket("mirror")
    (True, False, False)
    """
    scheme, found, _ = text.partition("://")
    return bool(found) and scheme.lower() in BUCKETS


def problem_of_mirror(text: str) -> str:
    """Return why ``text`` cannot name a mirror; empty if nothing is wrong, or only a look at the mirror can show it.

    >>> problem_of_mirror("https://wheels.s3.eu-central-1.amazonaws.com/team/public/simple/").partition(".")[2]
    ' Did you mean s3://wheels/team? Only --from-index and `mirror check` take the URL of an index.'
    """
    if not text:
        return "the path is empty (an unset variable?)"
    if text.endswith(".whl"):
        return f"{shown(text)} is a wheel. Name the mirror first, then the wheels."
    if "://" in text:
        return _problem_of_url(text)
    half = _HALF_A_URL.match(text)
    if half and not os.path.lexists(text):
        meant = f"{half[1]}://{'/' if half[1] == 'file' and half[2] else ''}{shown(text[half.end() :])}"
        return f"{shown(text)} is neither a directory nor a URL. Did you mean {meant}?"
    return f"{shown(text)} is a file; a mirror is a directory or a bucket" if Path(text).is_file() else ""


def _problem_of_url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if "@" in rest.partition("/")[0]:  # what is before it may be a secret: nothing of the URL is shown
        return f"the URL of a mirror names a bucket and nothing else: no credentials, no account. {_NAME_A_MIRROR}"
    if scheme in ("http", "https"):
        meant = f" Did you mean {bucket}?" if (bucket := _bucket_of(rest)) else ""
        return f"A mirror is a directory or a bucket.{meant} Only --from-index and `mirror check` take the URL of an index."
    if scheme not in STORES:
        meant = f"Did you mean {_OTHER_NAMES[scheme]}://{shown(rest)}?" if scheme in _OTHER_NAMES else _NAME_A_MIRROR
        return f"{shown(scheme)}:// is not supported. {meant}"
    return (
        "" if rest.strip("/") and (scheme == "file" or rest[0] != "/") else f"{shown(url)} names no bucket. {_NAME_A_MIRROR}"
    )


def _bucket_of(rest: str) -> str:
    """Return the URL of the bucket that ``rest`` of an https URL leads to, empty if it leads to none."""
    for pattern, scheme in _OF_BUCKETS:
        if found := pattern.fullmatch(rest.partition("?")[0]):
            return shown(f"{scheme}://{found[1]}{_PUBLIC.sub('', found[2] or '')}".rstrip("/"))
    return ""
