"""What a resolution may choose from: the files of each project that a mirror has or will have, and those it could have."""

import hashlib
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.mirror.layout import METADATA
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.mirror.storage.base import Store
from wheelfix.sync.dependencies.corrected import Corrected, header_of
from wheelfix.sync.model import WantedFile
from wheelfix.text import shown
from wheelfix.wheel.filename import WheelFilename, parsed_version
from wheelfix.wheel.wheel import Wheel

_AT_ONCE: Final = 4
"""How many projects and wheels are read at a time, however many uv asks for."""
_FULL_VERSION: Final = b"python_full_version"
_REQUIRES_PYTHON: Final = re.compile(r"^requires-python:(.*)$", re.IGNORECASE | re.MULTILINE)
_NAME: Final = re.compile(r"^name:(.*)$", re.IGNORECASE | re.MULTILINE)
_REFUSED: Final = ">=99"
"""No Python: what uv reads for a wheel that the rules refuse, so that it chooses another version."""


class Offer(Struct, frozen=True):
    """One wheel that a resolution may choose: ``name`` is its file name in the mirror.

    ``listed`` is its entry on the page of the mirror, ``wanted`` what an index lists; one of both may be ``None``. One that
    is not ``settled`` is in the mirror only if a resolution needs it.
    """

    name: WheelFilename
    version: Version
    requires_python: str | None
    listed: ListedFile | None = None
    wanted: WantedFile | None = None
    settled: bool = True

    @property
    def filename(self) -> str:
        """The file name in the mirror."""
        return str(self.name)


class Offers(Struct, frozen=True):
    """The wheels of one ``project``; where there are none, ``why`` says it after the name, such as "is in no source".

    ``young`` are those that cannot be had yet: they are younger than ``min-age``. ``yanked`` are the versions of which all
    files are yanked.
    """

    project: str
    files: tuple[Offer, ...] = ()
    why: str = ""
    young: tuple[Offer, ...] = ()
    yanked: frozenset[str] = frozenset()

    def seen(self, view: "View") -> tuple[Offer, ...]:
        """Return the wheels that are seen in a ``view``."""
        shown = tuple(each for each in self.files if view.shows(self.project, each))
        return (*shown, *self.young) if view.young else shown


class View(Struct, frozen=True):
    """What of the offers is seen: all that is settled, and of the others those of ``releases``; ``None`` for all.

    With ``young`` also what cannot be had yet.
    """

    releases: frozenset[tuple[str, Version]] | None = frozenset()
    young: bool = False

    def shows(self, project: str, offer: Offer) -> bool:
        """Whether a wheel of ``project`` is seen."""
        return offer.settled or self.releases is None or (project, offer.version) in self.releases


EVERYTHING: Final = View(None)
SOON: Final = View(None, young=True)


class Read(Struct, frozen=True):
    """METADATA of a wheel that a resolution may have read, and the sha256 of these bytes (hexadecimal).

    ``identity`` is what decides on them, and is known without reading them. It is another one once the mirror has the wheel.
    """

    project: str
    filename: str
    identity: str
    sha256: str


class Patches(Struct, frozen=True):
    """What differs between the patch releases of one Python: where a file is ``allowed``, and which ``markers`` are true."""

    allowed: bool = False
    markers: bool = False


class Catalogue:
    """The offers of all projects, each found out once, whichever thread asks first.

    ``find`` returns those of one; ``store`` has the wheels that are listed already, and ``read`` returns METADATA of those
    that are not.

    A project whose offers cannot be found out is an error each time, and in :attr:`failed`.
    """

    def __init__(
        self,
        store: Store,
        find: Callable[[str], Offers],
        read: Callable[[WantedFile, Sequence[WantedFile]], Corrected] | None = None,
        key: Callable[[WantedFile], str] = lambda wanted: wanted.sha256,
    ) -> None:
        self._store = store
        self._find = find
        self._read = read
        self._key = key
        self._lock = threading.Lock()
        self._at_once = threading.BoundedSemaphore(_AT_ONCE)
        self._turns: dict[str, threading.Lock] = {}
        self._offers: dict[str, Offers | MirrorError] = {}
        self._metadata: dict[tuple[str, str], bytes] = {}
        self.failed: dict[str, MirrorError] = {}
        self.notes: dict[str, tuple[str, ...]] = {}
        self.refused: dict[str, str] = {}

    def offers(self, project: str) -> Offers:
        """Return what there is of ``project``, a normalized name.

        :raises MirrorError: if that cannot be found out.
        """
        with self._turn(project):
            if project not in self._offers:
                try:
                    with self._at_once:
                        self._offers[project] = self._find(project)
                except MirrorError as error:
                    self._offers[project] = self.failed[project] = error
            found = self._offers[project]
        if isinstance(found, MirrorError):
            raise found
        return found

    def metadata(self, project: str, offer: Offer) -> bytes:
        """Return METADATA of a wheel as it is, or will be, in the mirror; one that will be refused fits no Python.

        :raises MirrorError: if it cannot be read.
        """
        key = project, offer.filename
        with self._turn(f"{project}/{offer.filename}"):
            if key not in self._metadata:
                try:
                    with self._at_once:
                        self._metadata[key] = self._read_metadata(project, offer)
                except MirrorError as error:
                    self.failed[project] = error
                    raise
            return self._metadata[key]

    def digest(self, project: str, view: View) -> str:
        """Return what identifies the page of ``project`` that a resolution reads (hexadecimal).

        :raises MirrorError: if its offers cannot be found out.
        """
        lines = (f"{each.filename} {each.requires_python}\n" for each in self.offers(project).seen(view))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def newest(self, project: str, view: View) -> str:
        """Return the version of ``project`` that a resolution prefers to all others, empty where there is none.

        :raises MirrorError: if its offers cannot be found out.
        """
        versions = {each.version for each in self.offers(project).seen(view)}
        final = {each for each in versions if not each.is_prerelease}
        return str(max(final or versions)) if versions else ""

    def read(self, projects: Iterable[str], view: View) -> tuple[Read, ...] | None:
        """Return what of ``projects`` has been read so far; ``None`` where some of it was only assumed.

        :raises MirrorError: if the offers of one cannot be found out.
        """
        found = list[Read]()
        for project in projects:
            for each in self.offers(project).seen(view):
                metadata = self._metadata.get((project, each.filename))
                if each.wanted is not None and each.wanted.filename in self.notes:
                    return None
                if metadata is not None:
                    sha256 = hashlib.sha256(metadata).hexdigest()
                    found.append(Read(project, each.filename, self._identity(each), sha256))
        return tuple(found)

    def read_again(self, known: Iterable[Read], view: View) -> tuple[Read, ...] | None:
        """Return what is ``known`` by what decides on it now; ``None`` if METADATA of a wheel is not what was read then.

        A wheel that came into the mirror since is read once.

        :raises WheelfixError, OSError: if the offers of a project cannot be found out, or METADATA cannot be read.
        """
        found, offers = list[Read](), dict[str, dict[str, Offer]]()
        for each in known:
            if each.project not in offers:
                offers[each.project] = {offer.filename: offer for offer in self.offers(each.project).seen(view)}
            offer = offers[each.project].get(each.filename)
            if offer is None:
                return None
            identity = self._identity(offer)
            if identity != each.identity and not self._came_as(each, offer):
                return None
            found.append(replace(each, identity=identity))
        return tuple(found)

    def _came_as(self, known: Read, offer: Offer) -> bool:
        """Whether a wheel of the mirror has METADATA that was read when it was not there yet."""
        if offer.listed is None:
            return False
        return hashlib.sha256(self.metadata(known.project, offer)).hexdigest() == known.sha256

    def patches(self, projects: Iterable[str], view: View, python: str) -> Patches:
        """Return what of the wheels of ``projects`` depends on the patch release of a Python such as 3.11.

        Of markers those count that have been read; a resolution that depends on one has read it.

        :raises MirrorError: if the offers of one cannot be found out.
        """
        number = re.compile(rf"(?<![\d.]){re.escape(python)}\.[1-9]")
        allowed = markers = False
        for project in projects:
            for each in self.offers(project).seen(view):
                metadata = self._metadata.get((project, each.filename), b"")
                limits = [each.requires_python or "", *_REQUIRES_PYTHON.findall(metadata.decode("latin-1"))]
                allowed = allowed or any(map(number.search, limits))
                markers = markers or _FULL_VERSION in metadata
        return Patches(allowed, markers)

    def _identity(self, offer: Offer) -> str:
        if offer.listed is not None:
            return f"{offer.listed.sha256} {offer.listed.metadata_sha256}"
        return "" if offer.wanted is None else self._key(offer.wanted)

    def _turn(self, what: str) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault(what, threading.Lock())

    def _read_metadata(self, project: str, offer: Offer) -> bytes:
        if offer.listed is not None:
            return self._stored(project, offer.listed)
        if offer.wanted is None or self._read is None:
            raise MirrorError("no-metadata", f"there is no METADATA of {shown(offer.filename)}", hint="Run again.")
        offers = self.offers(project)
        there = (*offers.files, *offers.young) if offer in offers.young else offers.files
        beside = [each.wanted for each in there if each.wanted is not None and each.version == offer.version]
        found = self._read(offer.wanted, beside)
        if found.notes:
            self.notes[offer.wanted.filename] = found.notes
        if found.problem is not None:
            self.refused[f"{project} {offer.version}"] = f"{shown(offer.filename)} is refused: {found.problem.message}"
            return _unusable(offer)
        if other := _other_name(found.metadata, project):
            self.refused[f"{project} {offer.version}"] = f"{shown(offer.filename)} has METADATA of {shown(other)}"
            return _unusable(offer)
        return found.metadata

    def _stored(self, project: str, file: ListedFile) -> bytes:
        """Return METADATA of a file of the mirror: its metadata file, or what the wheel says where that is lost."""
        key = Page(project).key(file)
        if key is None:
            raise MirrorError(
                "bad-page", f"the mirror lists {shown(file.filename)} at another place", hint="Run `wheelfix mirror check`."
            )
        beside = self._store.read(f"{key}{METADATA}")
        if beside is not None:
            return header_of(beside.data)
        with self._store.open(key) as source, Wheel(file.filename, source=source) as wheel:
            return header_of(wheel.document.data)


def _other_name(metadata: bytes, project: str) -> str:
    """Return the name in METADATA where it is not that of ``project``, else nothing: uv would end with an error for it."""
    found = _NAME.search(metadata.decode("latin-1"))
    name = found[1].strip() if found else ""
    return "" if not name or canonicalize_name(name) == canonicalize_name(project) else name


def _unusable(offer: Offer) -> bytes:
    name, version = offer.name.raw_project, offer.version
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {_REFUSED}\n\n".encode()


def yanked_versions(files: Iterable[tuple[str | None, bool]]) -> frozenset[str]:
    """Return the versions of which all ``files`` are yanked, each given by its version and whether it is."""
    known = [(str(version), is_yanked) for text, is_yanked in files if text and (version := parsed_version(text))]
    return frozenset(version for version, _ in known) - {version for version, is_yanked in known if not is_yanked}


def listed_offers(page: Page | None, *, only: Collection[str] | None = None) -> Iterator[Offer]:
    """Yield the files of a page of the mirror that installers choose from: those that are not yanked."""
    for file in page.files if page is not None else ():
        if file.yanked is None and (only is None or file.filename in only):
            offer = offer_of(file.filename, file.requires_python, listed=file)
            if offer is not None:
                yield offer


def offer_of(
    filename: str,
    requires_python: str | None,
    *,
    listed: ListedFile | None = None,
    wanted: WantedFile | None = None,
    settled: bool = True,
) -> Offer | None:
    """Return the offer of a wheel, ``None`` for a file that installers ignore."""
    try:
        name = WheelFilename.parse(filename)
    except FilenameError:
        return None
    version = name.parsed_version
    return None if version is None else Offer(name, version, requires_python, listed, wanted, settled)


def releases_of(offers: Iterable[Offer]) -> Mapping[Version, list[Offer]]:
    """Return the wheels of each version, the newest first."""
    found: dict[Version, list[Offer]] = {}
    for each in offers:
        found.setdefault(each.version, []).append(each)
    return {version: found[version] for version in sorted(found, reverse=True)}
