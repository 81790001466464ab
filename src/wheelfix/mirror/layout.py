"""Where things lie in a mirror.

::

    MIRROR/
      simple/index.json, index.html             all projects
      simple/PROJECT/index.json, index.html     its page
      files/PROJECT/SHA256[:16]/NAME.whl        a file, and NAME.whl.metadata, its sidecar
      .wheelfix/                                locks, and what is being made; not for a server to show
"""

import re
from typing import Final
from urllib.parse import quote, unquote

from packaging.utils import is_normalized_name

from wheelfix.errors import MirrorError
from wheelfix.text import shown

PAGE: Final = "index.json"
HTML: Final = "index.html"
SIMPLE: Final = "simple"
FILES: Final = "files"
HIDDEN: Final = ".wheelfix"
MAKING: Final = "making-"
"""How the name of a folder in it begins in which something is being made."""
_PREFIX: Final = 16
"""How many hexadecimal digits of the sha256 are part of a file's place."""
SIDECAR: Final = ".metadata"
"""What follows the name of a wheel in that of its sidecar (PEP 658)."""
_PART: Final = re.compile(r"[^\x00-\x1f\x7f/\\]+")


def check_project(project: str) -> None:
    """Confirm that ``project`` is a name in normal form (PEP 503), and so no path.

    :raises MirrorError: if ``project`` is no name in normal form.
    """
    if not is_normalized_name(project):
        raise MirrorError("bad-project", f"{shown(project)!r} is no name of a project", hint="Check its spelling.")


def page_place(project: str, file: str = PAGE) -> str:
    """Return where a page of ``project`` lies."""
    check_project(project)
    return f"{SIMPLE}/{project}/{file}"


def file_place(project: str, filename: str, sha256: str) -> str:
    """Return where a file with this ``sha256`` lies."""
    return f"{FILES}/{project}/{sha256[:_PREFIX]}/{filename}"


def url_of(place: str) -> str:
    """Return the URL of a file, relative to the page of its project; ``+`` is written ``%2B``, as S3 reads it as a blank."""
    return f"../../{quote(place, safe='/')}"


def own_place(project: str, filename: str, sha256: str, url: str) -> str | None:
    """Return where a file of ``project`` lies, ``None`` where ``url``, its address on the page, leads anywhere else.

    A page that somebody edited must not lead a writer to files of another project.
    """
    place = file_place(project, filename, sha256)
    return place if place_of(url) == place else None


def place_of(url: str) -> str | None:
    """Return where the file of a page's ``url`` lies, ``None`` where it is none of this mirror."""
    place = unquote(url.removeprefix("../../"))
    return place if url.startswith(f"../../{FILES}/") and is_place(place) else None


def is_place(place: str) -> bool:
    """Whether ``place`` is one for a file: below a project, and a folder for its sum."""
    parts = place.split("/")
    return len(parts) == 4 and all(_PART.fullmatch(part) and part not in (".", "..") for part in parts)
