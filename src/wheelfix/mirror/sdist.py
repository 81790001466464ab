"""Source distributions in a mirror: they are copied as they are, and nothing in them is looked at.

What they require is only known once they are built, so that they have no metadata file, and rules do not apply to them.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from wheelfix.mirror.examine import ExaminedWheel, upload_time
from wheelfix.mirror.layout import file_key, url_of
from wheelfix.mirror.pages import ListedFile
from wheelfix.wheel.sdist_filename import SdistFilename
from wheelfix.wheel.zip.source import Readable, sha256_of


def examine_sdist(
    path: Path, source: Readable, *, sha256: str | None, now: Callable[[], datetime], project: str | None = None
) -> ExaminedWheel:
    """Return what is to be listed of the source distribution at ``path``, open as ``source``.

    ``sha256`` is that of the file where it is known; ``project`` is the one that it is expected to be of. Its
    Requires-Python is that of the index that it came from, see :func:`wheelfix.mirror.follow.with_upstream`.

    :raises FilenameError: if its name is none of a source distribution.
    :raises SourceChanged: if somebody writes to it meanwhile.
    """
    name = SdistFilename.parse(path.name, project)
    known = sha256 or sha256_of(source)
    time = upload_time(now())
    source.check_unchanged()
    listed = ListedFile(
        filename=path.name,
        url=url_of(file_key(name.project, path.name, known)),
        sha256=known,
        size=source.size,
        upload_time=time,
        added=time,
    )
    return ExaminedWheel(path, name.project, listed, None)
