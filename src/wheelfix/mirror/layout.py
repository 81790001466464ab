"""The layout of a mirror: which file has which key.

::

    MIRROR/
      public/                                         what a server shows, and nothing else
        simple/index.json, index.html                 all projects
        simple/PROJECT/index.json, index.html         its page
        files/PROJECT/SHA256[:16]/NAME.whl            a wheel, and NAME.whl.metadata, its metadata file
      private/                                        for writers only
        locks/                                        one for each project
        journal/PROJECT                               what a writer is about to add or remove
        runs/PROJECT/RUN                              the same of one run, where several can be at work: in a bucket
        runs/PROJECT/JOB                              the same of a job of `mirror sync`, whose files another run lists
        results/PROJECT/JOB.json                      what became of the files of such a job
        first-seen/PROJECT                            when files of an index without upload times were first seen
        sync                                          which sync is at work, where there are no locks: in a bucket
        scratch/                                      downloads and work in progress
"""

import re
from typing import Final
from urllib.parse import quote, unquote

from msgspec import Struct
from packaging.utils import is_normalized_name

from wheelfix.errors import MirrorError
from wheelfix.text import shown

PUBLIC: Final = "public"
PRIVATE: Final = "private"
SIMPLE: Final = f"{PUBLIC}/simple"
FILES: Final = f"{PUBLIC}/files"
LOCKS: Final = f"{PRIVATE}/locks"
JOURNAL: Final = f"{PRIVATE}/journal"
RUNS: Final = f"{PRIVATE}/runs"
RESULTS: Final = f"{PRIVATE}/results"
FIRST_SEEN: Final = f"{PRIVATE}/first-seen"
SYNC: Final = f"{PRIVATE}/sync"
SCRATCH: Final = f"{PRIVATE}/scratch"
PAGE: Final = "index.json"
HTML: Final = "index.html"
ROOT_PAGE: Final = f"{SIMPLE}/{PAGE}"
ROOT_HTML: Final = f"{SIMPLE}/{HTML}"
METADATA: Final = ".metadata"
"""What follows the name of a wheel in that of its metadata file (PEP 658)."""
_UP: Final = "../../"
"""The way from a page to the public directory, in a URL."""
_PREFIX: Final = 16
"""How many hexadecimal digits of the sha256 are part of a file's key."""
_SUM: Final = re.compile(rf"[0-9a-f]{{{_PREFIX}}}")
_PART: Final = re.compile(r"[^\x00-\x1f\x7f/\\]+")


class Attributes(Struct, frozen=True):
    """Headers for a file: a bucket stores them, for a directory the configuration of the server has them."""

    content_type: str
    cache_control: str


_PAGES_CHANGE: Final = "max-age=600"
_FILES_STAY: Final = "max-age=31536000, immutable"  # their URL names their content
_ATTRIBUTES: Final = {
    PAGE: Attributes("application/vnd.pypi.simple.v1+json", _PAGES_CHANGE),
    HTML: Attributes("text/html; charset=utf-8", _PAGES_CHANGE),
}
_NOTES: Final = Attributes("text/plain; charset=utf-8", "no-store")


def attributes_of(key: str) -> Attributes:
    """Return the headers for the file at ``key``.

    >>> attributes_of("public/simple/demo/index.json").cache_control
    'max-age=600'
    """
    if key.startswith(f"{PRIVATE}/"):
        return _NOTES
    return _ATTRIBUTES.get(key.rpartition("/")[2], Attributes("application/octet-stream", _FILES_STAY))


def check_project(project: str) -> None:
    """Confirm that ``project`` is a normalized name (PEP 503), and so cannot be a path.

    :raises MirrorError: if it is not a normalized name.
    """
    if not is_normalized_name(project):
        raise MirrorError("bad-project", f"{shown(project)!r} is no name of a project", hint="Check its spelling.")


def add_again(project: str) -> str:
    """Return, as a part of a sentence, what makes a page of ``project`` from the files that are there."""
    return f"run `wheelfix mirror add MIRROR WHEEL` for the wheels in MIRROR/{FILES}/{project}/"


def page_key(project: str, file: str = PAGE) -> str:
    """Return the key of a page of ``project``."""
    check_project(project)
    return f"{SIMPLE}/{project}/{file}"


def file_key(project: str, filename: str, sha256: str) -> str:
    """Return the key of a file with this ``sha256``."""
    return f"{FILES}/{project}/{sha256[:_PREFIX]}/{filename}"


def url_of(key: str) -> str:
    """Return the URL of a file, relative to the page of its project; ``+`` is written ``%2B``, as S3 reads it as a space."""
    return f"{_UP}{quote(key.removeprefix(f'{PUBLIC}/'), safe='/')}"


def own_key(project: str, filename: str, sha256: str, url: str) -> str | None:
    """Return the key of a file of ``project``, ``None`` if its ``url`` on the page is not that of this key.

    On a page that somebody edited, a URL must not make us write to files of another project.
    """
    key = file_key(project, filename, sha256)
    return key if key_of(url) == key else None


def key_of(url: str) -> str | None:
    """Return the key for a ``url`` on a page, ``None`` if it is not a file of this mirror."""
    key = f"{PUBLIC}/{unquote(url.removeprefix(_UP))}"
    return key if url.startswith(_UP) and is_file_key(key) else None


def is_file_key(key: str) -> bool:
    """Whether ``key`` is that of a file: PROJECT/SHA256/NAME."""
    parts = key.removeprefix(f"{FILES}/").split("/")
    return (
        key.startswith(f"{FILES}/")
        and len(parts) == 3
        and all(_PART.fullmatch(part) and part not in (".", "..") for part in parts)
    )


def is_directory_key(key: str) -> bool:
    """Whether ``key`` is that of a directory of a project, or of one for a file of it.

    >>> is_directory_key("public/files/demo"), is_directory_key("public/files/README")
    (True, False)
    """
    parent, _, name = key.rpartition("/")
    if parent in (SIMPLE, FILES):
        return is_normalized_name(name)
    return parent.rpartition("/")[0] == FILES and bool(_SUM.fullmatch(name))


def is_note_key(key: str) -> bool:
    """Whether ``key`` is that of a lock or a journal, or of what a run noted.

    >>> is_note_key("private/journal/demo"), is_note_key("private/runs/demo/1"), is_note_key("private/runs/demo")
    (True, True, False)
    """
    parent = key.rpartition("/")[0]
    return parent in (LOCKS, JOURNAL) or parent.rpartition("/")[0] == RUNS


def project_of(key: str) -> str | None:
    """Return the project that ``key`` belongs to, ``None`` if it belongs to none."""
    top, _, rest = key.removeprefix(f"{PUBLIC}/").partition("/")
    project, slash, _ = rest.partition("/")
    return (
        project
        if slash and top in ("simple", "files") and key.startswith(f"{PUBLIC}/") and is_normalized_name(project)
        else None
    )
