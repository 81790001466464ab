"""Which listed files stand for which wanted ones."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct, field

from wheelfix.errors import WheelfixError
from wheelfix.mirror.pages import ListedFile, Page, identity_of
from wheelfix.sync.manifest.model import Local
from wheelfix.sync.model import Reason, WantedFile
from wheelfix.upstream.urls import name_of_index
from wheelfix.wheel.filename import WheelFilename

NAME_TAKEN: Final = "name-taken"
LOCK_HASH_CHANGES: Final = "lock-hash-changes"


class Rival(Struct, frozen=True):
    """A ``wanted`` file that cannot be added, as another one has its name; ``code`` and ``reason`` say more."""

    wanted: WantedFile
    code: str
    reason: str


class Match(Struct, frozen=True):
    """What the page of a project has of what is wanted.

    ``stands_for`` says which wanted file each listed one stands for, by its name: several do so where a correction was made
    anew under a build tag. ``missing`` are to be added; ``rivals`` cannot be.
    """

    stands_for: dict[str, WantedFile] = field(default_factory=dict)
    missing: list[WantedFile] = field(default_factory=list)
    rivals: list[Rival] = field(default_factory=list)


def match(page: Page, wanted: Iterable[WantedFile]) -> Match:
    """Return which files of ``page`` stand for ``wanted`` ones of its project."""
    found, listed = Match(), _Listed(page)
    taken: dict[Hashable, str] = {}
    for each in _distinct(wanted):
        relatives = listed.made_from(each)
        for file in relatives:
            found.stands_for.setdefault(file.filename, each)
        if any(_serves(file, each) for file in relatives):
            continue
        name = identity_in_mirror(each)
        if rival := _rival(each, listed.called(name), taken.get(name)):
            found.rivals.append(rival)
        else:
            taken[name] = each.filename
            found.missing.append(each)
    return found


class _Listed:
    """The files of a ``page``, each found without a look at all the others."""

    def __init__(self, page: Page) -> None:
        self._by_sum: dict[str, list[ListedFile]] = defaultdict(list)
        self._by_name: dict[str, list[ListedFile]] = defaultdict(list)
        self._by_identity: dict[Hashable, ListedFile] = {}
        for each in page.files:
            for sha256 in each.known_sums:
                self._by_sum[sha256].append(each)
            self._by_name[each.origin.filename if each.origin else each.filename].append(each)
            self._by_identity.setdefault(each.identity, each)

    def made_from(self, wanted: WantedFile) -> Sequence[ListedFile]:
        """Return the files that are ``wanted``, or were made from it; without a sha256 its name and index decide."""
        if wanted.sha256:
            return self._by_sum.get(wanted.sha256, ())
        index = name_of_index(wanted.source.index)
        return [each for each in self._by_name.get(wanted.filename, ()) if each.upstream == index]

    def called(self, identity: Hashable) -> ListedFile | None:
        """Return the file that is the same wheel to installers, ``None`` where there is none."""
        return self._by_identity.get(identity)


def _distinct(wanted: Iterable[WantedFile]) -> Iterator[WantedFile]:
    """Yield each file once: one that a lock names, as that says; otherwise as the first source says."""
    found: dict[str, WantedFile] = {}
    for each in wanted:
        key = each.sha256 or each.filename
        if key not in found or (each.reason is Reason.LOCKED and found[key].reason is not Reason.LOCKED):
            found[key] = each
    yield from found.values()


def _serves(file: ListedFile, wanted: WantedFile) -> bool:
    """Whether ``file`` is what is ``wanted``: a lock wants these very bytes, all else what was made from them, too."""
    return wanted.reason is not Reason.LOCKED or not wanted.sha256 or file.sha256 == wanted.sha256


def identity_in_mirror(wanted: WantedFile) -> Hashable:
    """Return what identifies the file to installers once it is in the mirror."""
    is_wheel = wanted.filename.endswith(".whl")
    if is_wheel and wanted.source.local is Local.STRIP and wanted.reason is not Reason.LOCKED:
        with suppress(WheelfixError):  # a name that is none of a wheel stands for itself
            return WheelFilename.parse(wanted.filename).without_local_version().identity
    return identity_of(wanted.filename)


def _rival(wanted: WantedFile, listed: ListedFile | None, other: str | None) -> Rival | None:
    if listed is not None and wanted.sha256 in listed.known_sums - {listed.sha256}:
        return Rival(wanted, LOCK_HASH_CHANGES, "The mirror serves it corrected: the hash in the lock fails.")
    if listed is not None and listed.source is None:
        return Rival(wanted, NAME_TAKEN, "The mirror has a file of this name with other bytes, which you added.")
    if listed is not None:
        return Rival(wanted, NAME_TAKEN, "The mirror has a file of this name, and the index now lists other bytes.")
    if other is not None:
        return Rival(wanted, NAME_TAKEN, f"Another file that is wanted has its name, and other bytes: {other}.")
    return None
