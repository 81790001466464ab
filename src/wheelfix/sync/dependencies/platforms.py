"""The platforms and Pythons that a mirror is for, as uv resolves for them, and which wheels are installed there.

Follows https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/; the names are those of uv's
``--python-platform``.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms

from wheelfix.errors import MirrorError
from wheelfix.options import Targets
from wheelfix.text import shown
from wheelfix.wheel.filename import WheelFilename

_GLIBC: Final = ("2_28", "2_31", *(f"2_{minor}" for minor in range(32, 41)))
"""What uv can resolve for, from what most distributions in use have at least; for an older one it is named: 2_17."""
_OLD_GLIBC: Final = "2_17"
_MACOS: Final = ("13_0", "14_0", "15_0", "26_0")
"""From what uv takes where nothing is said."""
_LEGACY: Final = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
"""What a mirror is for if neither its wheels nor its manifest name a Python: the supported ones."""
_LATEST_PATCH: Final = 60
_ANY: Final = "any"
"""The tag of wheels for any platform, which a manifest may name beside others, or alone."""
_SYSTEMS: Final = {"manylinux": "Linux", "musllinux": "musl Linux", "macosx": "macOS", "win": "Windows"}


class Platform(Struct, frozen=True):
    """A ``system`` (manylinux, musllinux, macosx or win) and a ``machine``, both as platform tags name them.

    ``uv`` is its name in uv, in which ``{}`` stands for the version of libc; ``None`` where uv has none. ``versions`` are
    those of libc or macOS that a mirror is for, the one first that is resolved for if it has wheels for that.
    """

    system: str
    machine: str
    uv: str | None
    versions: tuple[str, ...] = ("",)

    def __str__(self) -> str:
        return f"{_SYSTEMS[self.system]} {'x86' if self.machine == '32' else self.machine}"

    def tags(self, version: str) -> tuple[str, ...]:
        """Return the platform tags that are installed where libc, or macOS, has this version; the preferred one first."""
        return _platform_tags(self.system, self.machine, version)


def _linux(machine: str) -> tuple[Platform, Platform]:
    return (
        Platform("manylinux", machine, f"{machine}-manylinux_{{}}", (*_GLIBC, _OLD_GLIBC)),
        Platform("musllinux", machine, f"{machine}-unknown-linux-musl", ("1_2",)),
    )


_PLATFORMS: Final = (
    *_linux("x86_64"),
    *_linux("aarch64"),
    Platform("manylinux", "riscv64", "riscv64-unknown-linux", ("2_39",)),
    Platform("macosx", "arm64", "aarch64-apple-darwin", _MACOS),
    Platform("macosx", "x86_64", "x86_64-apple-darwin", _MACOS),
    Platform("win", "amd64", "x86_64-pc-windows-msvc"),
    Platform("win", "arm64", "aarch64-pc-windows-msvc"),
    Platform("win", "32", "i686-pc-windows-msvc"),
    *(
        Platform(system, machine, None, versions)
        for system, versions in (("manylinux", (*_GLIBC, _OLD_GLIBC)), ("musllinux", ("1_2",)))
        for machine in ("i686", "armv7l", "ppc64le", "s390x", "loongarch64")
    ),
    Platform("musllinux", "riscv64", None, ("1_2",)),
)
_USUAL: Final = tuple(
    each
    for each in _PLATFORMS
    if (each.system, each.machine) in {("manylinux", "x86_64"), ("macosx", "arm64"), ("win", "amd64")}
)
"""What a mirror is for whose wheels are all for any platform."""


@lru_cache(maxsize=256)
def _platform_tags(system: str, machine: str, version: str) -> tuple[str, ...]:
    match system:
        case "manylinux":
            return tuple(_glibc_tags(machine, int(version.partition("_")[2])))
        case "musllinux":
            newest = int(version.partition("_")[2])
            return (*(f"musllinux_1_{minor}_{machine}" for minor in range(newest, -1, -1)), f"linux_{machine}")
        case "macosx":
            major, minor = map(int, version.split("_"))
            return tuple(mac_platforms((major, minor), machine))
        case _:
            return (f"win{machine}" if machine == "32" else f"win_{machine}",)


def _glibc_tags(machine: str, newest: int) -> Iterator[str]:
    for minor in range(newest, 4, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in _LEGACY:
            yield f"{_LEGACY[minor]}_{machine}"
    yield f"linux_{machine}"


class Target(Struct, frozen=True):
    """What uv resolves for: a ``platform`` with its libc or macOS of this ``version``, and a Python such as 3.11.0."""

    platform: Platform
    version: str
    python: str

    def __str__(self) -> str:
        return f"Python {self.minor} on {self.platform}"

    @property
    def minor(self) -> str:
        """The Python without its patch release, as targets name it."""
        return ".".join(self.python.split(".")[:2])

    @property
    def newest(self) -> "Target":
        """The same with the newest libc or macOS that the mirror is for."""
        return replace(self, version=max(self.platform.versions, key=_number))

    @property
    def late(self) -> "Target":
        """The same with a patch release of its Python that is newer than all there will be."""
        return replace(self, python=f"{self.minor}.{_LATEST_PATCH}")

    @property
    def uv(self) -> str:
        """The name of the platform in uv."""
        return (self.platform.uv or "").format(self.version)

    @property
    def macos(self) -> str | None:
        """The version of macOS, such as 13.0; ``None`` for another system."""
        return self.version.replace("_", ".") if self.platform.system == "macosx" else None

    def installs(self, name: WheelFilename) -> bool:
        """Whether the tags of a wheel fit; however many a hostile name has, only those that would fit are looked for."""
        pythons, abis, platforms = ({*part.split(".")} for part in (name.python, name.abi, name.platform))
        supported = _supported(self.platform, self.version, self.minor)
        return any(tag.interpreter in pythons and tag.abi in abis and tag.platform in platforms for tag in supported)

    def allows(self, requires_python: str | None) -> bool:
        """Whether a file with this Requires-Python is for the Python; one that cannot be read excludes nothing."""
        return _allows(requires_python or "", self.python)


@lru_cache(maxsize=256)
def _supported(platform: Platform, version: str, python: str) -> tuple[Tag, ...]:
    major, minor = map(int, python.split("."))
    platforms = platform.tags(version)
    interpreter = f"cp{major}{minor}"
    own = cpython_tags((major, minor), abis=[interpreter], platforms=platforms)
    return (*own, *compatible_tags((major, minor), interpreter=interpreter, platforms=platforms))


@lru_cache(maxsize=4096)
def _allows(requires_python: str, python: str) -> bool:
    try:
        return SpecifierSet(requires_python).contains(python, prereleases=True)
    except ValueError:  # InvalidSpecifier is one, and so is what a number of 5,000 digits raises
        return True


def find_target(platform: Platform, python: str, wheels: Iterable[tuple[WheelFilename, str | None]]) -> Target | None:
    """Return what to resolve for so that one of ``wheels``, each with its Requires-Python, can be installed.

    Of libc, macOS and the patch releases of ``python`` it is the first version that fits; ``None`` if none does: then nobody
    expects the release there.
    """
    known = [*wheels]
    for version in platform.versions:
        found = [required for name, required in known if Target(platform, version, f"{python}.0").installs(name)]
        for patch in range(_LATEST_PATCH) if found else ():
            target = Target(platform, version, f"{python}.{patch}")
            if any(map(target.allows, found)):
                return target
    return None


def find_platforms(patterns: Sequence[str], wheels: Collection[WheelFilename]) -> tuple[Platform, ...]:
    """Return the platforms that ``patterns`` of platform tags stand for; without any, those that ``wheels`` are for.

    A pattern for several machines stands for those of them that there are wheels for; ``any`` names no platform. What uv
    cannot resolve for has no :attr:`Platform.uv`; see :func:`require_uv`.

    :raises MirrorError: if a pattern is for no platform that is known.
    """
    found: dict[tuple[str, str], Platform] = {}
    patterns = [each for each in patterns if each != _ANY] or ["*"]
    for pattern in patterns:
        fitting = [each for platform in _PLATFORMS if (each := _narrowed(platform, pattern)) is not None]
        if not fitting:
            raise unknown_platform(pattern)
        chosen = fitting if len(fitting) == 1 else [each for each in fitting if any(_is_for(name, each) for name in wheels)]
        for each in chosen:
            before = found.get((each.system, each.machine), each)
            found[each.system, each.machine] = replace(each, versions=_merged(before.versions, each.versions))
    usual = (each for each in _USUAL if any(_narrowed(each, pattern) for pattern in patterns))
    return tuple(found.values()) or tuple(usual)


def require_uv(platforms: Iterable[Platform]) -> None:
    """Confirm that uv can resolve for all of ``platforms``.

    :raises MirrorError: if it cannot for one.
    """
    for each in platforms:
        if each.uv is None:
            raise unknown_platform(str(each))


def _narrowed(platform: Platform, pattern: str) -> Platform | None:
    """Return a platform with the versions that ``pattern`` names, ``None`` if it names none."""
    versions = [each for each in platform.versions if any(fnmatchcase(tag, pattern) for tag in _own_tags(platform, each))]
    if not versions:
        return None
    is_usual = platform.versions[0] in versions  # whoever names it and older ones means those wheels, not old systems
    return replace(platform, versions=tuple(each for each in versions if not is_usual or each != _OLD_GLIBC))


@lru_cache(maxsize=256)
def _own_tags(platform: Platform, version: str) -> frozenset[str]:
    """Return the tags that are installed from this version of libc or macOS on, and not with an older one that is known."""
    order = sorted(platform.versions, key=_number)
    older = order[: order.index(version)]
    plain = {f"linux_{platform.machine}"}
    tags = {*platform.tags(version)}.difference(plain, *(platform.tags(each) for each in older))
    return frozenset(tags | plain if platform.system == "manylinux" and version == platform.versions[0] else tags)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("_") if part)


def _merged(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Return the versions of two patterns: the common one first, then newer ones, then older ones."""
    versions = sorted({*one, *other}, key=_number)
    first = next((each for each in (_GLIBC[0], _MACOS[0]) if each in versions), versions[0])
    start = versions.index(first)
    return (*versions[start:], *reversed(versions[:start]))


def _is_for(name: WheelFilename, platform: Platform) -> bool:
    """Whether a wheel is for this platform, and not for any."""
    tags = {*name.platform.split(".")}
    return any(not tags.isdisjoint(platform.tags(version)) for version in platform.versions)


def find_pythons(targets: Targets, wheels: Iterable[WheelFilename]) -> tuple[str, ...]:
    """Return the Pythons of ``targets``; if there are none those that ``wheels`` name, or else the supported ones."""
    if targets.pythons:
        return targets.pythons
    named = {tag for name in wheels if name.abi != "abi3" for tag in name.python.split(".")}
    minors = sorted(int(tag[3:]) for tag in named if tag.startswith("cp3") and tag[3:].isdigit() and len(tag) < 6)
    return tuple(f"3.{minor}" for minor in minors) or _PYTHONS


def unknown_platform(name: str) -> MirrorError:
    """Return the error for a platform that uv cannot resolve for."""
    return MirrorError(
        "unknown-platform",
        f"uv cannot resolve for the platform {shown(name)!r}",
        hint="Name platforms of Linux (x86_64, aarch64, riscv64), macOS and Windows, such as 'manylinux*_x86_64'.",
    )
