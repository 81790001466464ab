"""Which release of an index a requirement stands for: the newest that fits, and its wheels for your targets."""

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name
from packaging.version import Version
from pypi_simple import DistributionPackage

from wheelfix.errors import FilenameError, MirrorError
from wheelfix.options import Targets
from wheelfix.text import shown, shown_few
from wheelfix.upstream.client import ServedPage, get_page
from wheelfix.upstream.http import Session
from wheelfix.wheel.filename import WheelFilename, parsed_version


def read_requirement(text: str, *, extras: bool = False) -> Requirement:
    """Return the project and the versions that ``text`` names, such as ``torch==2.7.0``.

    Extras are refused unless ``extras`` allows them: they choose nothing where only wheels of the project itself count.

    :raises MirrorError: if it names no project, or has a marker, a URL or extras that are not allowed.
    """
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise MirrorError(
            "bad-selection", f"{shown(text)!r} is not a project or requirement", hint="Examples: torch, torch==2.7.0."
        ) from error
    if found.marker or found.url or (found.extras and not extras):
        raise MirrorError(
            "bad-selection", f"{shown(text)!r} has more than a name and versions", hint="Examples: torch, torch==2.7.0."
        )
    return found


_CPYTHON: Final = re.compile(r"(?:cp|py)(\d)(\d+)?")


class _Listed(Struct, frozen=True):
    """A wheel that is listed, and what its name says."""

    file: DistributionPackage
    name: WheelFilename
    version: Version


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
    listed = _listed(page, str(canonicalize_name(wanted.name)))
    fitting = [each for each in listed if _fits(wanted, each)]
    if not fitting:
        raise _no_version(wanted, listed, _only_sdists(page, listed))
    releases = _by_version(each for each in fitting if _is_for(each.name, targets))
    if not releases:
        raise _no_wheel(wanted, _by_version(fitting), targets)
    named = _named_versions(wanted) & releases.keys()
    return [each.file for each in releases[max(named or releases)]]


def _listed(page: ServedPage, project: str) -> list[_Listed]:
    found = []
    for file in page.wheels:
        try:
            name = WheelFilename.parse(file.filename)
        except FilenameError:  # installers ignore it, too
            continue
        if name.project == project and name.parsed_version is not None:
            found.append(_Listed(file, name, name.parsed_version))
    return found


def _only_sdists(page: ServedPage, listed: Iterable[_Listed]) -> set[Version]:
    """Return the versions of which there are source distributions and no wheels."""
    sdists = (parsed_version(each.version) for each in page.page.packages if each.package_type == "sdist" and each.version)
    return set(filter(None, sdists)) - {each.version for each in listed}  # installers ignore what is not valid, too


def _by_version(listed: Iterable[_Listed]) -> Mapping[Version, list[_Listed]]:
    releases: dict[Version, list[_Listed]] = {}
    for each in listed:
        releases.setdefault(each.version, []).append(each)
    return releases


def _fits(wanted: Requirement, listed: _Listed) -> bool:
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


def _no_version(wanted: Requirement, listed: Sequence[_Listed], sdists: set[Version]) -> MirrorError:
    if sources := sorted((each for each in sdists if wanted.specifier.contains(each, prereleases=True)), reverse=True):
        these = shown_few([str(each) for each in sources], 5)
        return MirrorError(
            "only-sdists",
            f"the index has only source distributions of {shown(str(wanted))}",
            reason=f"it has {these}",
            hint="Name a version that has wheels, or build one with `pip wheel` and add it with `wheelfix mirror add`.",
        )
    versions = [str(each) for each in sorted(_by_version(listed), reverse=True)]
    there = f"it has {shown_few(versions, 5)}" if versions else "it has no wheels of that project"
    return MirrorError(
        "no-version",
        f"the index has no wheel of a version that fits {shown(str(wanted))}",
        reason=there,
        hint="Yanked versions and pre-releases are chosen only by name: demo==1.0rc1.",
    )


def _no_wheel(wanted: Requirement, releases: Mapping[Version, list[_Listed]], targets: Targets) -> MirrorError:
    newest, named = max(releases), [*targets.platforms, *(f"Python {each}" for each in targets.pythons)]
    tags = sorted({f"{each.name.python}-{each.name.abi}-{each.name.platform}" for each in releases[newest]})
    return MirrorError(
        "no-wheel",
        f"the index has no wheel of {shown(str(wanted))} for {shown(', '.join(named))}",
        reason=f"{newest} has {shown_few(tags, 5)}",
        hint="Give --platform a pattern such as 'manylinux*_x86_64', --python a version such as 3.11.",
    )


def _is_for(name: WheelFilename, targets: Targets) -> bool:
    tags, patterns = name.platform.split("."), targets.platforms
    fits_platform = not patterns or "any" in tags or any(fnmatchcase(tag, each) for tag in tags for each in patterns)
    return fits_platform and (not targets.pythons or any(_is_for_python(name, each) for each in targets.pythons))


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
