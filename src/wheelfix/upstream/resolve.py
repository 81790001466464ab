"""Which releases of an index a requirement stands for, and which of their wheels are for your targets."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct
from packaging.requirements import Requirement
from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name
from packaging.version import Version
from pypi_simple import DistributionPackage

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.options import Targets
from wheelfix.text import shown, shown_few
from wheelfix.upstream.client import ServedPage, get_page
from wheelfix.upstream.http import Session
from wheelfix.upstream.selection import read_requirement
from wheelfix.wheel.filename import WheelFilename, parsed_version

_CPYTHON: Final = re.compile(r"(?:cp|py)([0-9])([0-9]{1,3})?")
"""The tag of a Python; a name that is longer, which anybody can publish, is none."""
_MACOS: Final = re.compile(r"(macosx_\d+_\d+_)(\w+)")
_MACHINES: Final = {"universal2": ("arm64", "x86_64"), "intel": ("x86_64",)}
"""The machines of wheels for several, which a tag of macOS names together."""


class Candidate(Struct, frozen=True):
    """A file that is listed, and what its name says; ``name`` is ``None`` for a source distribution."""

    file: DistributionPackage
    version: Version
    name: WheelFilename | None = None


def require_page(session: Session, index: str, project: str) -> ServedPage:
    """Return the page of ``project``.

    :raises MirrorError: if the index has none, or it cannot be read.
    """
    page = get_page(session, index, project)
    if page is None:
        raise MirrorError(
            "no-project",
            f"the index has no project {shown(project)}",
            hint="Check its spelling, and the URL of the index: most end in /simple/.",
        )
    return page


def choose_wheels(page: ServedPage, requirement: str, targets: Targets = Targets()) -> list[DistributionPackage]:
    """Return the wheels on ``page`` for ``targets``, of the newest release that fits ``requirement``.

    A yanked file is chosen only for a requirement that names its version. A version that is named with ``==`` is chosen
    before the same one with a local version, such as 2.7.0+cpu for 2.7.0.

    :raises MirrorError: if the requirement cannot be read, or nothing fits it.
    """
    wanted = read_requirement(requirement, extras=True)
    releases = dict(choose_releases(page, requirement, targets))
    named = _named_versions(wanted) & releases.keys()
    return releases[max(named or releases)]


def choose_releases(
    page: ServedPage, requirement: str, targets: Targets = Targets()
) -> list[tuple[Version, list[DistributionPackage]]]:
    """Return all releases on ``page`` that fit ``requirement``, the newest first, with their wheels for ``targets``.

    A yanked file is chosen only for a requirement that names its version.

    :raises MirrorError: if the requirement cannot be read, or nothing fits it.
    """
    wanted = read_requirement(requirement, extras=True)
    fitting = fitting_files(page, wanted)
    releases = _by_version(each for each in fitting if is_for(each, targets))
    if not releases:
        raise no_wheel(wanted, fitting, targets)
    return [(version, [each.file for each in releases[version]]) for version in sorted(releases, reverse=True)]


def fitting_files(page: ServedPage, wanted: Requirement, *, sdists: bool = False) -> list[Candidate]:
    """Return the wheels on ``page`` that fit ``wanted``, whatever they are for; with ``sdists`` those as well.

    A yanked file fits only a requirement that names its version, and a pre-release one that names a pre-release.

    :raises MirrorError: if nothing fits.
    """
    project = str(canonicalize_name(wanted.name))
    wheels, sources = _wheels(page, project), _sdists(page, project)
    fitting = [each for each in (*wheels, *(sources if sdists else ())) if _fits(wanted, each)]
    if not fitting:
        raise _no_version(wanted, wheels, sources)
    return fitting


def _wheels(page: ServedPage, project: str) -> list[Candidate]:
    found = []
    for file in page.wheels:
        try:
            name = WheelFilename.parse(file.filename)
        except FilenameError:  # installers ignore it, too
            continue
        if name.project == project and name.parsed_version is not None:
            found.append(Candidate(file, name.parsed_version, name))
    return found


def _sdists(page: ServedPage, project: str) -> list[Candidate]:
    found = []
    for file in page.page.packages:
        if file.package_type == "sdist" and file.version and canonicalize_name(file.project or "") == project:
            version = parsed_version(file.version)
            found += [] if version is None else [Candidate(file, version)]  # installers ignore what is not valid, too
    return found


def _by_version(listed: Iterable[Candidate]) -> Mapping[Version, list[Candidate]]:
    releases: dict[Version, list[Candidate]] = {}
    for each in listed:
        releases.setdefault(each.version, []).append(each)
    return releases


def _fits(wanted: Requirement, listed: Candidate) -> bool:
    pinned = any(_is_exact(each) for each in wanted.specifier)
    if listed.file.is_yanked and not pinned:
        return False
    return wanted.specifier.contains(listed.version, prereleases=pinned or bool(wanted.specifier.prereleases))


def _is_exact(specifier: Specifier) -> bool:
    return specifier.operator in ("==", "===") and not specifier.version.endswith(".*")


def _named_versions(wanted: Requirement) -> set[Version]:
    """Return the versions that a requirement names with == or ===."""
    named = (parsed_version(each.version) for each in filter(_is_exact, wanted.specifier))
    return set(filter(None, named))  # === accepts any text


def _no_version(wanted: Requirement, listed: Sequence[Candidate], sdists: Sequence[Candidate]) -> MirrorError:
    only = {each.version for each in sdists} - {each.version for each in listed}
    if sources := sorted((each for each in only if wanted.specifier.contains(each, prereleases=True)), reverse=True):
        these = shown_few([str(each) for each in sources], 5)
        return MirrorError(
            "only-sdists",
            f"the index has only source distributions of {shown(str(wanted))}",
            reason=f"it has {these}",
            hint="Name a version that has wheels, or build one with `pip wheel` and add it with `wheelfix mirror add`.",
        )
    yanked = {each.version for each in listed if each.file.is_yanked and wanted.specifier.contains(each.version)}
    versions = [str(each) for each in sorted(yanked or _by_version(listed), reverse=True)]
    there = f"it has {shown_few(versions, 5)}" if versions else "it has no wheels of that project"
    there += ", all yanked" if yanked else ""
    return MirrorError(
        "no-version",
        f"the index has no wheel of a version that fits {shown(str(wanted))}",
        reason=there,
        hint=f"Correct the versions. Only {shown(wanted.name)}==VERSION chooses a yanked version, and only a version that "
        "is a pre-release chooses pre-releases.",
    )


def no_wheel(wanted: Requirement, fitting: Iterable[Candidate], targets: Targets) -> MirrorError:
    """Return the error for an index that has ``fitting`` files, and none of them for ``targets``.

    Of the newest release it shows the wheels for these Pythons; if there are none those for these platforms, or else all.
    """
    releases = _by_version(fitting)
    newest, named = max(releases), [*targets.platforms, *(f"Python {each}" for each in targets.pythons)]
    names = [each.name for each in releases[newest] if each.name is not None]
    near = [each for each in names if _is_for_pythons(each, targets.pythons)]
    near = near or [each for each in names if _is_for_platform(each, targets.platforms)]
    tags = sorted({f"{each.python}-{each.abi}-{each.platform}" for each in near or names}) or ["no wheel"]
    return MirrorError(
        "no-wheel",
        f"the index has no wheel of {shown(str(wanted))} for {shown(', '.join(named))}",
        reason=f"{newest} has {shown_few(tags, 5)}",
        hint="Give --platform a pattern such as 'manylinux*_x86_64', --python a version such as 3.11.",
    )


def is_for(candidate: Candidate, targets: Targets) -> bool:
    """Whether a wheel is for one of the platforms and one of the Pythons of ``targets``, by its name; an sdist is not."""
    name = candidate.name
    return name is not None and _is_for_platform(name, targets.platforms) and _is_for_pythons(name, targets.pythons)


def _is_for_platform(name: WheelFilename, patterns: Sequence[str]) -> bool:
    tags = name.platform.split(".")
    return not patterns or "any" in tags or any(fnmatchcase(tag, each) for tag in _single(tags) for each in patterns)


def _single(tags: Iterable[str]) -> Iterator[str]:
    """Yield ``tags``, and for those of several machines that of each: who wants wheels for one takes those for both."""
    for tag in tags:
        yield tag
        if found := _MACOS.fullmatch(tag):
            yield from (f"{found[1]}{machine}" for machine in _MACHINES.get(found[2], ()))


def _is_for_pythons(name: WheelFilename, pythons: Sequence[str]) -> bool:
    return not pythons or any(_is_for_python(name, each) for each in pythons)


def _is_for_python(name: WheelFilename, python: str) -> bool:
    minor = int(python.partition(".")[2])
    for tag in name.python.split("."):
        found = _CPYTHON.fullmatch(tag)
        if found is None or found[1] != "3":
            continue
        if found[2] is None or int(found[2]) == minor:
            return True
        if int(found[2]) < minor and ("abi3" in name.abi.split(".") or (tag.startswith("py") and name.abi == "none")):
            return True
    return False
