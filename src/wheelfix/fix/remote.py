"""A remote wheel opened by its directory alone: what is needed to show it, in a handful of reads."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from wheelfix.errors import EditError, MirrorError
from wheelfix.evidence.build import own_constants
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.release import Declared
from wheelfix.wheel.requirement import meaning
from wheelfix.wheel.sbom import PROVENANCE
from wheelfix.wheel.wheel import Wheel, find_dist_info, limit_of
from wheelfix.wheel.zip.ahead import TAIL, ReadAhead
from wheelfix.wheel.zip.layout import Directory
from wheelfix.wheel.zip.source import RemoteWheel

_NEEDED: Final = ("METADATA", "WHEEL", "RECORD", PROVENANCE)
"""The files of dist-info that are read in any case; others if they are close to them, as they mostly are."""


class RemoteReading:
    """A remote ``wheel`` of which the directory, most of dist-info, and the constants that name its build were read."""

    def __init__(self, wheel: Wheel, directory: Directory, ahead: ReadAhead) -> None:
        self.wheel = wheel
        self.directory = directory
        self._ahead = ahead

    @property
    def unread(self) -> list[str]:
        """The files of dist-info, by their whole names, that were not read along: each would take a request."""
        prefix = f"{self.wheel.dist_info}/"
        names = (name for name in self.directory.names if name.startswith(prefix) and not name.endswith("/"))
        return [name for name in names if not self._ahead.holds(*self.directory.extent_of(name))]


@contextmanager
def open_by_directory(remote: RemoteWheel) -> Iterator[RemoteReading]:
    """Open ``remote`` by its directory alone; four reads are enough for nearly all real wheels.

    :raises MirrorError: if there is none, or the server does not answer.
    :raises WheelError: if it is not a wheel, or what was read of it is damaged or could be read in two ways.
    """
    with remote.open() as source:
        ahead = ReadAhead(source)
        ahead.load([(max(0, source.size - TAIL), source.size)])
        directory = Directory(ahead)
        filename = WheelFilename.parse(remote.name)
        info = f"{find_dist_info(directory.names)}/"
        files = [name for name in directory.names if name.startswith(info)]
        files = [name for name in files if directory.size_of(name) <= limit_of(name.removeprefix(info))]
        needed = [name for name in files if name.removeprefix(info) in _NEEDED]
        needed += own_constants(directory.names, filename.project)
        ahead.load(map(directory.extent_of, needed), map(directory.extent_of, files))
        with Wheel(remote.name, directory=directory) as wheel:
            yield RemoteReading(wheel, directory, ahead)
        ahead.check_unchanged()


def metadata_file_findings(remote: RemoteWheel, metadata: bytes) -> Iterator[str]:
    """Yield, as sentences, what is wrong with the metadata file beside ``remote``, whose own METADATA is ``metadata``.

    It takes a request, unless the index lists its sha256, and it matches. Where there is no such file nothing is wrong:
    resolvers read the wheel.
    """
    if remote.metadata_sha256 == hashlib.sha256(metadata).hexdigest():
        return
    try:
        beside = remote.metadata_file()
    except MirrorError as error:
        yield f"The metadata file beside the wheel cannot be read: {error.message}."
        return
    if beside is None or beside == metadata:
        return
    listed, own = (Counter(map(meaning, Declared.of(each).requirements)) for each in (beside, metadata))
    what = "has other requirements" if listed != own else "has the same requirements and other bytes"
    yield f"The metadata file beside the wheel is not its METADATA: it {what}. Resolvers read it, and installers the wheel."


def known_sha256(remote: RemoteWheel) -> Callable[[], str]:
    """Return a function for the sha256 of ``remote`` as its index or URL says it; it raises an error where none is known."""

    def known() -> str:
        if remote.sha256 is None:
            message = "a rule compares the sha256 of the wheel, which is not known without reading all of it"
            raise EditError(
                "sha256-unknown", message, hint=f"Download {remote.name}, and give the file; or add #sha256=... to its URL."
            )
        return remote.sha256

    return known
