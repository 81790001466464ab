"""What a caller may choose for a run, as frozen values that refuse what cannot be meant together.

>>> Policy(force=True, skip_unproven=True)
Traceback (most recent call last):
wheelfix.options.ExclusiveOptions: force and skip_unproven exclude each other
"""

import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, overload

from msgspec import Struct
from msgspec.structs import force_setattr

from wheelfix.errors import MirrorError
from wheelfix.locations import Url, without_file_scheme
from wheelfix.text import CODE_PAGES, closest, shown

_SHORTEST_FAMILY: Final = 4
"""In letters: a family of codes that is suggested, such as ``record`` or ``sbom``; ``no`` and ``is`` are none."""

if TYPE_CHECKING:
    from wheelfix.wheel.filename import WheelFilename


class ExclusiveOptions(ValueError):
    """Two options that exclude each other: ``names`` are those that parameters have."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.names = names

    def __str__(self) -> str:
        return f"{' and '.join(self.names)} exclude each other"


class Scan(StrEnum):
    """When the binaries of a wheel are read for what they link to."""

    AUTO = "auto"
    """Where it can change the verdict, as far as needed: all of them before a version or a constant is believed."""
    ALWAYS = "always"
    """Whenever a verdict is needed, all of them."""
    NEVER = "never"
    """Not at all: then only a marker proves that a requirement is unused."""


class Transfer(StrEnum):
    """How a wheel gets into a mirror."""

    COPY = "copy"
    """Its blocks are shared where the file system can do that, else copied by the kernel."""
    LINK = "link"
    """The file is shared: who writes to it later writes to the mirror. Copied where that cannot be."""
    MOVE = "move"
    """The file is moved."""


class Policy(Struct, frozen=True, kw_only=True):
    """How careful to be with what a wheel may need, and with wheels of one release.

    ``scan`` says when binaries are read. With ``force`` requirements are dropped whatever the evidence; with
    ``allow_unproven`` built-in rules may drop what is unproven, as your own rules may. With ``skip_gpu_builds`` a wheel that
    needs what would be dropped is left unchanged instead of refused; with ``skip_unproven`` so is one without evidence
    either way. With ``allow_mixed`` wheels of one release are written although they will not agree.

    :raises ExclusiveOptions: if one option would drop what another one keeps.
    :raises ValueError: if there is no such ``scan``.
    """

    scan: Scan = Scan.AUTO
    force: bool = False
    allow_unproven: bool = False
    skip_gpu_builds: bool = False
    skip_unproven: bool = False
    allow_mixed: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before any wheel is touched."""
        force_setattr(self, "scan", Scan(self.scan))  # a script may give the plain word
        for pair in _EXCLUSIVE:
            if all(getattr(self, name) for name in pair):
                raise ExclusiveOptions(*pair)


_EXCLUSIVE: Final = (
    ("force", "skip_gpu_builds"),
    ("force", "skip_unproven"),
    ("allow_unproven", "skip_unproven"),
)
"""Options of which at most one can be meant: what one drops, the other keeps."""


class Naming(Struct, frozen=True, kw_only=True):
    """What wheels that change are called: their ``name``, ``version``, ``local`` version and ``build_tag``.

    ``None`` leaves each as it is. A ``version`` is the whole of it; ``post`` is a post-release of the one that the wheel
    has: a number, or one to add, such as ``+1``. ``drop_local`` takes the local version away. With ``rename_unchanged``
    wheels in which nothing else changes get the name as well. With ``follow_pins`` requirements on a given wheel of one
    certain version follow that wheel to its new name and version. ``beside`` are the file names of wheels that other runs
    give a new name in the same way, all of them: with ``rename_unchanged`` requirements follow these, too.

    :raises EditError: if one cannot be part of a file name.
    :raises ExclusiveOptions: if two of them cannot be meant together.
    """

    name: str | None = None
    version: str | None = None
    post: str | None = None
    local: str | None = None
    drop_local: bool = False
    build_tag: str | None = None
    rename_unchanged: bool = False
    follow_pins: bool = False
    beside: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no file name can hold."""
        if self.keeps_names:
            return
        for pair in (("version", "post"), ("local", "drop_local")):
            if all(getattr(self, key) for key in pair):
                raise ExclusiveOptions(*pair)
        from wheelfix.wheel.filename import WheelFilename  # imported late: few runs give new names

        self.new_filename(WheelFilename("x", "0", None, "py3", "none", "any"))

    def new_filename(self, filename: "WheelFilename") -> "WheelFilename":
        """Return ``filename`` with all that this gives a wheel; its other parts keep their spelling.

        :raises EditError: if a part is not possible.
        """
        if self.name is not None:
            filename = filename.with_project(self.name)
        if self.version is not None:
            filename = filename.with_version(self.version)
        if self.post is not None:
            filename = filename.with_post_release(self.post)
        if self.drop_local:
            filename = filename.without_local_version()
        if self.local is not None:
            filename = filename.with_local_version(self.local)
        return filename if self.build_tag is None else filename.with_build_tag(self.build_tag)

    @property
    def keeps_names(self) -> bool:
        """Whether every wheel keeps its name."""
        return not self.drop_local and all(getattr(self, key) is None for key in _PARTS_OF_NAMES)

    @property
    def moves(self) -> bool:
        """Whether wheels that change get a name or version of their own, and with it another release."""
        return self.drop_local or any(getattr(self, key) is not None for key in _PARTS_OF_NAMES if key != "build_tag")

    @property
    def claimed_local(self) -> str | None:
        """The local version that wheels get by this, ``None`` where it says nothing of one, empty where it is taken away."""
        if self.local is not None or self.drop_local:
            return self.local or ""
        return None if self.version is None else self.version.partition("+")[2]


_PARTS_OF_NAMES: Final = ("name", "version", "post", "local", "build_tag")
"""What :class:`Naming` can give a wheel."""


class Output(Struct, frozen=True, kw_only=True):
    """Where results go: into ``directory``, made if need be, or with ``in_place`` over the wheels themselves.

    The directory holds all given wheels afterwards, unchanged ones as identical copies; with ``overwrite`` they replace
    files that differ. With ``dry_run`` nothing is written. With ``sbom`` a wheel that changes carries its provenance.

    :raises ExclusiveOptions: if ``in_place``, which always replaces, comes with ``overwrite``.
    :raises ValueError: if ``directory`` is a URL: :func:`wheelfix.fix_into_mirror` writes to buckets.
    """

    directory: Path | str = "fixed"
    in_place: bool = False
    overwrite: bool = False
    dry_run: bool = False
    sbom: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.in_place and self.overwrite:
            raise ExclusiveOptions("in_place", "overwrite")
        if isinstance(self.directory, str) and _URL.match(self.directory):
            raise ValueError("directory must be on this machine, and is a URL; fix_into_mirror writes to buckets")

    @classmethod
    def of(cls, given: "Output | Path | str") -> "Output":
        """Return ``given``; a path alone is the directory.

        >>> Output.of("out").directory
        'out'
        """
        return given if isinstance(given, Output) else cls(directory=given)


class Publishing(Struct, frozen=True, kw_only=True):
    """How wheels are added to a mirror.

    A file name that the mirror serves with other bytes is refused, unless ``replace``: then the new bytes get a URL of their
    own, and the old ones are kept, unlisted, for old locks. With ``yank_original``, a reason, the originals of fixed wheels
    are listed too, yanked, so that locks with their hashes can still be installed. Wheels whose release would agree less
    than before are refused, unless ``allow_mixed``.

    :raises ValueError: if there is no such ``transfer``.
    """

    replace: bool = False
    yank_original: str | None = None
    allow_mixed: bool = False
    transfer: Transfer = Transfer.COPY

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        force_setattr(self, "transfer", Transfer(self.transfer))  # a script may give the plain word


class Selection(Struct, frozen=True):
    """The codes with a prefix in ``select``, or all if it is empty, except those with a prefix in ``ignore``.

    >>> Selection(ignore="metadata").includes("record-row-missing")
    True
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    if TYPE_CHECKING:  # a struct makes its own __init__, which takes what it is given

        def __init__(self, select: Iterable[str] | str = (), ignore: Iterable[str] | str = ()) -> None: ...

    def __post_init__(self) -> None:
        """Take a text alone as a list of one."""
        force_setattr(self, "select", listed(self.select))
        force_setattr(self, "ignore", listed(self.ignore))

    def among(self, codes: Collection[str]) -> "Selection":
        """Return this selection, for checks with ``codes``.

        :raises ValueError: if a text begins no code: a misspelt one would pass for a wheel without findings.
        """
        for prefix in (*self.select, *self.ignore):
            if not prefix or not any(code.startswith(prefix) for code in codes):
                families = {family for code in codes if len(family := code.partition("-")[0]) >= _SHORTEST_FAMILY}
                close = closest(prefix, [*sorted(families), *codes])
                hint = f"Did you mean {close}?" if close else CODE_PAGES
                raise ValueError(f"no code begins with {prefix!r}. {hint}")
        return self

    def includes(self, code: str) -> bool:
        """Whether ``code`` is selected."""
        return (not self.select or code.startswith(self.select)) and not self.ignores(code)

    def ignores(self, code: str) -> bool:
        """Whether ``code`` is ignored by name."""
        return code.startswith(self.ignore)


class Targets(Struct, frozen=True):
    """Which wheels of a release are wanted: those for ``platforms`` and ``pythons``, all of them where none is named.

    ``platforms`` are patterns of platform tags such as ``manylinux*_x86_64``, ``pythons`` versions such as 3.11. Wheels for
    any platform are always wanted, and ``universal2`` ones for each of the two kinds of Mac.

    :raises MirrorError: if a text of ``pythons`` is no version such as 3.11.
    """

    platforms: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()

    if TYPE_CHECKING:  # a struct makes its own __init__, which takes what it is given

        def __init__(self, platforms: Iterable[str] | str = (), pythons: Iterable[str] | str = ()) -> None: ...

    def __post_init__(self) -> None:
        """Take a text alone as a list of one, and refuse what is no version."""
        force_setattr(self, "platforms", listed(self.platforms))
        force_setattr(self, "pythons", listed(self.pythons))
        for python in self.pythons:
            if not _PYTHON.fullmatch(python):
                raise MirrorError("bad-python", f"{python!r} is not a version of Python", hint="Give one such as 3.11.")


_PYTHON: Final = re.compile(r"3\.\d{1,2}")


class Limits(Struct, frozen=True, kw_only=True):
    """How long to wait, in seconds.

    ``download_seconds`` is for everything that a run downloads, ``lock_seconds`` for other processes that write to the same
    mirror; -1 waits forever. A bucket keeps files that no page lists for ``grace_seconds``: another process may be about to
    list them.
    """

    download_seconds: float = 24 * 3600
    lock_seconds: float = 600
    grace_seconds: float = 24 * 3600


MOST_CONNECTIONS: Final = 64


class Requests(Struct, frozen=True, kw_only=True):
    """Limits for requests to an index: ``connections`` at a time, at most 64, and ``max_requests`` in all.

    ``timeout`` is how many seconds to wait for each piece of an answer, ``max_time`` for all answers together. What is read
    is kept in the directory ``cache``, if one is given, so that the next run receives only what has changed since.

    :raises ValueError: if one of the numbers is out of range.
    """

    connections: int = 16
    max_requests: int = 10_000
    timeout: float = 30
    max_time: float = 3600
    cache: Path | str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before any request is made."""
        if not 1 <= self.connections <= MOST_CONNECTIONS:
            raise ValueError(f"connections must be from 1 to {MOST_CONNECTIONS}, not {self.connections}")
        if self.timeout <= 0:
            raise ValueError(f"timeout must be more than 0, not {self.timeout}")
        for name in ("max_requests", "max_time"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, and is {getattr(self, name)}")


_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def local_paths(given: Iterable[Path | str] | Path | str) -> list[Path]:
    """Return the paths that ``given`` are; a text or a path alone is a list of one.

    :raises ValueError: if one is the URL of something that is not on this machine.
    """
    paths = []
    for each in listed(given):
        plain = without_file_scheme(each) if isinstance(each, str) else each
        if isinstance(plain, str) and _URL.match(plain):  # of the URL only the name is shown: the rest may hold a secret
            name = shown(Url(plain.partition("#")[0]).name)
            raise ValueError(f"{name} is given by a URL; use wheelfix.fetch_wheels, which downloads it")
        paths.append(Path(plain))
    return paths


@overload
def listed(given: Iterable[str] | str) -> tuple[str, ...]: ...
@overload
def listed(given: Iterable[Path | str] | Path | str) -> tuple[Path | str, ...]: ...
def listed(given: Iterable[Path | str] | Path | str) -> tuple[Path | str, ...]:
    """Return the items of ``given``; a text or a path alone is a list of one, not of its letters.

    >>> listed("metadata"), listed(["metadata", "record"])
    (('metadata',), ('metadata', 'record'))
    """
    return (given,) if isinstance(given, str | Path) else tuple(given)
