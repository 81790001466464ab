"""How much less an install downloads: the sizes of what dropped requirements would install, where these are known."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

from msgspec import Struct
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from wheelfix.html.components import row, table
from wheelfix.html.markup import Html, element, joined
from wheelfix.reports.html.filenames import environments_of, parsed_filename, platforms_of
from wheelfix.reports.html.parts import MOST_GROUPS, grouped, more
from wheelfix.results import KnownFile, Outcome, Status
from wheelfix.text import counted, shown_size
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.environments import uncovered
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.requirement import Requirement, read_requirement

_NO_VERSION: Final = Version("0")
_UNKNOWN: Final = (
    "Not known: the run saw none of the files that these requirements would install. Give them to the run as well, or "
    "publish to a mirror that lists them."
)


class Saving(Struct, frozen=True):
    """What an install of some wheels no longer downloads, in bytes.

    ``direct`` is what an installer would download on the platforms of the wheels, ``locked`` what only a lock tool adds that
    reads these wheels for all platforms: the marker is never true on their own. ``unknown`` counts the requirements of
    which no file is known. It ``varies`` where markers decide between files of one project: then the largest counts.
    """

    direct: int
    locked: int
    known: int
    unknown: int
    varies: bool = False


def size_chart(outcomes: Iterable[Outcome], files: Sequence[KnownFile], *, dry_run: bool = False) -> Iterator[Html]:
    """Yield a bar for each release and platform of which something was dropped; a sentence where no size is known."""
    fixed = [each for each in outcomes if each.status is Status.FIXED and _dropped(each)]
    if not fixed:
        return
    groups = [*grouped(fixed, lambda each: (each.project, each.version, _dropped(each), _platform(each))).values()]
    sizes = KnownSizes(files)
    found = [(group, saving_of(group[0], sizes)) for group in groups[:MOST_GROUPS]]
    if not any(saving.known for _, saving in found):
        yield element("p", _UNKNOWN)
        return
    longest = max(saving.direct + saving.locked for _, saving in found)
    rows = [_bar(*each, longest) for each in found]
    verb = "Would be saved" if dry_run else "Saved"
    yield table(f"{verb} per install", ("Wheel", verb, "By every installer (solid), by lock tools only (pale)"), rows,
                class_="bars")  # fmt: skip
    yield more(len(groups) - MOST_GROUPS, "releases and platforms")
    yield element(
        "p",
        "Sizes are those of files that the run saw, for direct requirements only; yanked files do not count, and of a "
        "project the newest version that fits does. A lock tool that reads one wheel for all platforms also locks what the "
        "markers of that wheel never require on its own platform.",
        class_="soft",
    )


def _dropped(outcome: Outcome) -> tuple[str, ...]:
    return tuple(each.before for each in outcome.changes if each.field == REQUIRES and each.before and each.after is None)


def _platform(outcome: Outcome) -> str:
    name = parsed_filename(outcome.source.name)
    return name.platform if name else outcome.source.name


class KnownSizes:
    """The files whose sizes are known, and which of them an installer would choose."""

    def __init__(self, files: Iterable[KnownFile]) -> None:
        named = [
            (each, name) for each in files if (name := parsed_filename(each.filename)) and name.parsed_version is not None
        ]
        self._versions: dict[str, dict[Version, list[tuple[KnownFile, WheelFilename]]]] = {}
        for file, name in sorted(named, key=lambda pair: pair[1].parsed_version or _NO_VERSION, reverse=True):
            versions = self._versions.setdefault(name.project, {})
            versions.setdefault(name.parsed_version or _NO_VERSION, []).append((file, name))
        self._found: dict[object, KnownFile | None] = {}

    def file_for(self, requirements: Sequence[Requirement], wheel: WheelFilename, *, elsewhere: bool) -> KnownFile | None:
        """Return the file that an installer would choose for all of ``requirements``, which share a project and a marker.

        It is for the platforms of ``wheel``, or, with ``elsewhere``, for those where the marker is true. Of the newest
        version that fits it is the smallest one; a pre-release only where nothing else fits, or where one is named.
        """
        specifier = ",".join(each.specifier for each in requirements if each.specifier)
        first = requirements[0]
        key = (
            first.name,
            specifier,
            first.marker,
            elsewhere,
            *((wheel.python, wheel.abi, wheel.platform) * (not elsewhere)),
        )
        if key not in self._found:
            self._found[key] = self._search(first, specifier, wheel, elsewhere=elsewhere)
        return self._found[key]

    def _search(
        self, requirement: Requirement, specifier: str, wheel: WheelFilename, *, elsewhere: bool
    ) -> KnownFile | None:
        try:
            wanted = SpecifierSet(specifier)
        except InvalidSpecifier:
            return None
        versions = self._versions.get(requirement.name, {})
        for version in _newest_first(versions, wanted):
            fitting = [
                file
                for file, name in versions[version]
                if (not environments_of(name).exclude(requirement) if elsewhere else not uncovered([wheel], [name]))
            ]
            if fitting:
                return min(fitting, key=lambda each: (each.size, each.filename))
        return None


def _newest_first(versions: Iterable[Version], wanted: SpecifierSet) -> Iterator[Version]:
    """Yield those of ``versions``, which come newest first, that are ``wanted``; pre-releases last unless one is named."""
    pinned = next((each.version for each in wanted if each.operator == "==" and not each.version.endswith(".*")), None)
    if pinned is not None:  # the pins of many releases are not compared with the files of all of them
        release = Version(pinned).release
        versions = [each for each in versions if _same(each.release, release)]
    last = []
    for each in versions:
        if wanted.contains(each, prereleases=True):
            if each.is_prerelease and not wanted.prereleases:
                last.append(each)
            else:
                yield each
    yield from last


def _same(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two releases are the same: zeros at the end do not matter."""
    return one == other or all(a == b for a, b in zip_longest(one, other, fillvalue=0))


def saving_of(outcome: Outcome, files: KnownSizes) -> Saving:
    """Return what an install of the wheel no longer downloads: of each project one file."""
    wheel = parsed_filename(outcome.source.name)
    if wheel is None:
        return Saving(0, 0, 0, 0)
    found = [read_requirement(text) for text in _dropped(outcome)]
    projects = grouped((each for each in found if each and not each.needs_extra), lambda each: each.name)
    unreadable = found.count(None)
    savings = [_saving_of_project(requirements, wheel, files) for requirements in projects.values()]
    direct, locked, known, unknown = (
        sum(getattr(each, name) for each in savings) for name in ("direct", "locked", "known", "unknown")
    )
    return Saving(direct, locked, known, unknown + unreadable, any(each.varies for each in savings))


def _saving_of_project(requirements: Sequence[Requirement], wheel: WheelFilename, files: KnownSizes) -> Saving:
    """Return the saving by one project: what markers choose between is one file, and what one marker decides on, too."""
    chosen: dict[bool, list[KnownFile]] = {False: [], True: []}
    known, unknown = 0, 0
    for group in grouped(requirements, lambda each: each.marker).values():
        never_true = environments_of(wheel).exclude(group[0])
        file = files.file_for(group, wheel, elsewhere=never_true)
        if file is None:
            unknown += len(group)
            continue
        known += len(group)
        chosen[never_true].append(file)
    direct, locked = ({each.filename: each.size for each in chosen[never_true]} for never_true in (False, True))
    added = max(locked.values(), default=0) if not locked.keys() & direct.keys() else 0
    return Saving(max(direct.values(), default=0), added, known, unknown, len(set(direct.values())) > 1)


def _bar(wheels: Sequence[Outcome], saving: Saving, longest: int) -> Html:
    first = wheels[0]
    unknown = f", {saving.unknown} of unknown size" if saving.unknown else ""
    words = {(True, False): "at least ", (False, True): "up to ", (True, True): "about "}
    word = words.get((bool(saving.unknown), saving.varies), "")
    size = f"{word}{shown_size(saving.direct)}" if saving.known else "unknown"
    about = f"{counted(saving.known + saving.unknown, 'requirement')}{unknown}"
    name = f"{first.project} {first.version} {platforms_of(each.source.name for each in wheels)}"
    split = element("div", f"and {shown_size(saving.locked)} by lock tools only", class_="soft") if saving.locked else ""
    return row(name, joined([size, element("div", about, class_="soft"), split]), _picture(saving, longest))


def _picture(saving: Saving, longest: int) -> Html:
    """Return the bar; the numbers are beside it as text."""
    direct, total = (100 * size / max(longest, 1) for size in (saving.direct, saving.direct + saving.locked))
    bars = [("track", 100.0), ("soft", total), (None, direct)]
    rects = [element("rect", width=f"{width:.1f}%", height="100%", rx=3, class_=kind) for kind, width in bars]
    return element("svg", *rects, class_="bar", aria_hidden="true", focusable="false")
