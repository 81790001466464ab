"""The arguments that commands share: wheels as files, directories, patterns or paths on standard input; mirrors; seconds.

All of them are checked before anything else happens, and everything that is wrong with them is reported at once.
"""

import errno
import glob
import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from wheelfix.cli.exit_codes import Incomplete, Stopped, refuse_all, stopped
from wheelfix.cli.printing import say
from wheelfix.cli.suggest import directories, files
from wheelfix.errors import MirrorError
from wheelfix.locations import without_file_scheme
from wheelfix.text import shown, shown_few

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from wheelfix.upstream.inputs import FoundWheel


class MirrorParam(click.Path):
    """The directory of a mirror, which need not exist, or the URL of a bucket; what cannot be one is refused."""

    name = "mirror"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        """Suggest directories."""
        return directories(ctx, param, incomplete)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the path or URL."""
        from wheelfix.mirror.naming import problem_of_mirror  # imported late: many runs name none

        text = os.fsdecode(value)
        problem = problem_of_mirror(text)
        if problem:
            self.fail(problem, param, ctx)
        return text


class DirectoryParam(click.Path):
    """A directory on this machine, which need not exist; a ``file:`` URL names one, too, and other URLs are refused.

    As a path, ``s3://bucket/out`` is the directory ``bucket/out`` in one that is called ``s3:``.
    """

    def __init__(self, instead: str) -> None:
        """Make one that says what to do ``instead`` of giving a URL."""
        super().__init__(file_okay=False)
        self._instead = instead

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        path = without_file_scheme(os.fsdecode(value))
        if found := _URL.match(path):  # what follows the scheme may hold a secret
            self.fail(f"{found[0]}... is a URL, and this is a directory on this machine. {self._instead}", param, ctx)
        return super().convert(path, param, ctx)


SINGLE_WRITER = click.option(
    "--single-writer", is_flag=True,
    help="For a bucket without conditional writes. Make sure that nobody else writes to it.",
)  # fmt: skip
"""For commands that write to a mirror."""


class Count(click.IntRange):
    """A whole number; click says of what is none that it is not a valid one of this ``name``."""

    name = "whole number"


class Seconds(click.FloatRange):
    """A number of seconds."""

    name = "number of seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, which is one."""
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return found


class Duration(click.ParamType[float]):
    """A length of time with its unit, such as ``24h``, ``1h30m`` or ``7 days``, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number of seconds."""
        if isinstance(value, float):  # click converts a default that it has converted
            return value
        from wheelfix.durations import lacks_unit, read_duration  # imported late: few runs are given a length of time

        text = str(value).strip()
        seconds = read_duration(text)
        if seconds is None:
            meant = f"; did you mean {text}h?" if lacks_unit(text) else ""
            self.fail(f"{shown(text)!r} is not a time such as 24h, 30m or '7 days'{meant}", param, ctx)
        return seconds


NO_SUMMARY = click.option("-q", "--quiet", is_flag=True, help="Do not print the summary line.")
"""For commands whose whole result is on standard output."""


class WheelParam(click.Path):
    """The path of a wheel or a directory."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        """Suggest wheels and directories."""
        return files(".whl")(ctx, param, incomplete)


WHEEL = WheelParam(readable=False)
"""The path of a wheel or a directory; a wheel that cannot be read is reported as the outcome of that wheel."""


_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_REQUIREMENT: Final = re.compile(r"[A-Za-z0-9._-]+ *(\[[^\]]*\])? *(===?|~=|!=|<=?|>=?|@ )")
_DOWNLOAD: Final = "download the wheel first, for example with `pip download --no-deps`"
_DOWNLOAD_IT: Final = f"{_DOWNLOAD}, or use `wheelfix mirror add --from-index`"
_IN_INDEX: Final = "name the index that has it with --from-index URL"
SDISTS: Final = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tar.Z", ".tgz", ".tar")
"""How the names of source distributions end: the first is that of today (PEP 625), the others are older."""
_WHEEL: Final = (".whl",)
_BESIDE_WHEELS: Final = (
    *SDISTS,
    ".metadata",  # PEP 658
    ".asc", ".sig",  # signatures
    ".attestation", ".provenance", ".sigstore", ".sigstore.json",  # PEP 740, and the bundles of sigstore
)  # fmt: skip
"""How the names of files end that build tools and indexes put beside wheels, so that ``dist/*`` names them too."""
_MOST_HINTS: Final = 3
NAMES_NOTHING: Final = frozenset({"no-project", "no-version", "no-wheel", "only-sdists"})
"""The codes of errors that say that an index has nothing of that name."""
_MISSING: Final = "does not exist"
_NOT_THERE: Final = {errno.ENOENT, errno.ENOTDIR}

WHEELS: Final = click.argument("wheels", nargs=-1, metavar="WHEEL...", type=WHEEL)
"""The arguments WHEEL, as ``wheels``."""
NULL: Final = click.option(
    "-0", "--null", is_flag=True, help="Paths on standard input end with NUL, as find -print0 writes them."
)
"""The option ``null``, for every command where - stands for standard input."""


class RemoteFinder(Protocol):
    """What finds remote wheels; see :class:`wheelfix.cli.inputs.Inputs`."""

    def names_remote(self, text: str) -> bool:
        """Whether ``text`` names something remote."""

    def find(self, text: str) -> "Sequence[FoundWheel]":
        """Return the wheels that ``text`` names.

        :raises MirrorError: if it names none, or that cannot be known.
        """


def wheel_paths(arguments: Iterable[str], *, null: bool = False, quiet: bool = False) -> list[Path]:
    """Return the wheels that ``arguments`` name, all of them on this machine; see :func:`find_wheels`.

    :raises click.ClickException: with everything that is wrong with them, if one of them names no wheel.
    """
    return [each for each in find_wheels(arguments, null=null, quiet=quiet) if isinstance(each, Path)]


def find_wheels(
    arguments: Iterable[str],
    remote: RemoteFinder | None = None,
    *,
    null: bool = False,
    quiet: bool = False,
    endings: tuple[str, ...] = _WHEEL,
) -> "list[Path | FoundWheel]":
    """Return the wheels that ``arguments`` name, in their order, each once; ``remote`` finds what is not on this machine.

    ``-`` stands for the paths on standard input, which end with a line feed, or with NUL where ``null`` says so. Files that
    belong to wheels, such as source distributions, are skipped, which is reported unless ``quiet``; those with other
    ``endings`` than that of wheels are found, too.

    :raises click.ClickException: with everything that is wrong with them, if one of them names no wheel.
    """
    given = list(arguments)
    if null and "-" not in given:
        raise Stopped("-0 is for paths on standard input", hint="Name - to read them.")
    found = _Found(remote, endings)
    for argument in given:
        for path in _paths_on_standard_input(null=null) if argument == "-" else [argument]:
            found.add(path)
    found.refuse_problems()
    if found.skipped and not quiet:
        for names, words in found.skipped_kinds:
            say(f"Skipped {shown_few(names)}: {words}.\n")
    return list(found.wheels.values())


def find_each(arguments: Iterable[str], remote: RemoteFinder) -> "list[Path | FoundWheel]":
    """Return the one wheel that each of ``arguments`` names; see :func:`find_wheels`.

    :raises click.ClickException: with everything that is wrong with them.
    """
    found = _Found(remote)
    wheels = [found.find_one(argument) for argument in arguments]
    found.refuse_problems()
    return [each for each in wheels if each is not None]


def _paths_on_standard_input(*, null: bool) -> list[str]:
    if sys.stdin is None:
        raise Stopped("standard input is closed, so no paths can be read from it")
    # Split as bytes: a path may contain what Python takes for the end of a line, such as a carriage return.
    data = sys.stdin.buffer.read()
    if not null and b"\0" in data:
        raise Stopped("a path on standard input contains NUL", hint="Use -0 to read what find -print0 writes.")
    paths = [os.fsdecode(each) for each in data.split(b"\0" if null else b"\n") if each]
    if not paths:
        raise Stopped("standard input names no paths; nothing was done")
    return paths


class _Found:
    """What arguments name: ``wheels`` in order, what was ``skipped``, and what is wrong."""

    def __init__(self, remote: RemoteFinder | None = None, endings: tuple[str, ...] = _WHEEL) -> None:
        self.wheels: dict[Path | str, Path | FoundWheel] = {}
        self.skipped: list[str] = []
        self._remote = remote
        self._endings = endings
        self._problems: list[str] = []
        self._hints: dict[str, None] = {}
        self._errors: list[MirrorError] = []

    def add(self, argument: str) -> None:
        """Add what ``argument`` names."""
        argument = without_file_scheme(argument)
        path = Path(argument)
        if self._remote is not None and self._remote.names_remote(argument):
            self._add_remote(argument, self._remote)
        elif _is_pattern(argument) and not os.path.lexists(argument):
            self._add_matches(argument)
        elif self.refuses(argument):
            pass
        elif path.suffix == ".whl":  # a directory of such a name is refused later, as a wheel that cannot be read
            self.wheels[path] = path
        elif path.is_dir():
            self._add_directory(argument)
        elif argument.endswith(self._endings):
            self.wheels[path] = path
        elif argument.endswith(_BESIDE_WHEELS):
            self.skipped.append(argument)
        else:
            self._problems.append(f"{shown(argument)} is not a wheel: its name does not end with .whl")

    @property
    def skipped_kinds(self) -> list[tuple[list[str], str]]:
        """What was skipped, source distributions first, each kind with the words for it."""
        sdists = [each for each in self.skipped if each.endswith(SDISTS)]
        others = [each for each in self.skipped if each not in sdists]
        a, s = ("", "s") if len(sdists) > 1 else ("a ", "")
        kinds = [(sdists, f"{a}source distribution{s}; wheelfix only changes wheels"), (others, "not a wheel")]
        return [(names, words) for names, words in kinds if names]

    def _nothing_given(self) -> tuple[str, str]:
        """Return that no wheels were given, and what to do."""
        if not self.skipped:
            return "no wheels given", "Name files, a directory, or - to read paths from standard input."
        names, words = self.skipped_kinds[0]
        is_sdist = names[0].endswith(SDISTS)
        verb = "are" if is_sdist and len(names) > 1 else "is"
        hint = f"Build a wheel first, for example with `pip wheel --no-deps {shown(names[0])}`." if is_sdist else ""
        return (
            f"no wheels given: {shown_few(names)} {verb} {words}",
            hint or "Name files that end with .whl, or a directory.",
        )

    def find_one(self, argument: str) -> "Path | FoundWheel | None":
        """Return the one file that ``argument`` names, ``None`` if there is something wrong with that."""
        argument = without_file_scheme(argument)
        if self._remote is not None and self._remote.names_remote(argument):
            return self._find_one_remote(argument, self._remote)
        if self.refuses(argument):
            return None
        if argument.endswith(SDISTS) and not argument.endswith(".zip"):  # a wheel that is called so can be compared
            self._problems.append(f"{shown(argument)} is a source distribution: name a wheel")
        if Path(argument).is_dir():
            self._problems.append(f"{shown(argument)} is a directory: name one wheel")
        self.wheels[Path(argument)] = Path(argument)
        return Path(argument)

    def _find_one_remote(self, argument: str, remote: RemoteFinder) -> "FoundWheel | None":
        added = self._add_remote(argument, remote)
        if len(added) > 1:
            names = shown_few([each.name for each in added])
            self._problems.append(f"{shown(argument)} stands for {len(added)} wheels: name one of {names}")
        return added[0] if added else None

    def refuses(self, argument: str) -> bool:
        """Note what is wrong with the path ``argument``; return whether something is."""
        for_requirement = _IN_INDEX if self._remote else _DOWNLOAD_IT
        problem = _problem(argument, for_requirement)
        if problem:
            self._problems.append(problem)
        if problem.endswith(_MISSING):
            from wheelfix.cli.missing import meant  # imported late: most paths are right

            self._hints[meant(argument, for_requirement)] = None
        return bool(problem)

    def _add_remote(self, argument: str, remote: RemoteFinder) -> "Sequence[FoundWheel]":
        from wheelfix.upstream.inputs import same_wheel  # imported late: most wheels are files

        try:
            found = remote.find(argument)
            for each in found:
                self.wheels[each.address] = same_wheel(self.wheels.get(each.address, each), each)
        except MirrorError as error:
            self._errors.append(error)
            self._problems.append(error.message)
            return ()
        return found

    def _add_matches(self, pattern: str) -> None:
        matches = sorted(glob.glob(pattern))
        if not matches:
            self._problems.append(f"no file matches {shown(pattern)}")
        for match in matches:
            self.add(match)

    def _add_directory(self, directory: str) -> None:
        try:
            wheels = _files_in(directory, self._endings)
        except OSError as error:
            self._problems.append(f"{shown(directory)} cannot be read: {error.strerror or error}")
            return
        if not wheels:
            from wheelfix.cli.missing import wheels_below  # imported late: most directories have some

            below, hint = wheels_below(directory)
            self._problems.append(f"no wheels in {shown(_with_slash(directory))}{below}")
            self._hints[hint] = None
        self.wheels.update({each: each for each in wheels})

    def refuse_problems(self) -> None:
        """Confirm that there is something to work on, and nothing wrong.

        :raises click.ClickException: if not.
        """
        if not self._problems and not self.wheels:
            message, hint = self._nothing_given()
            raise Stopped(message, hint=hint)
        if len(self._problems) == len(self._errors) == 1:
            raise _stopped(self._errors[0])
        incomplete = any(isinstance(_stopped(each), Incomplete) for each in self._errors)
        hint = " ".join([*filter(None, self._hints)][:_MOST_HINTS])
        noun = "arguments" if self._errors else "paths"
        refuse_all(self._problems, noun, hint=hint, error=Incomplete if incomplete else Stopped)


def _stopped(error: MirrorError) -> Stopped:
    """Return ``error``, by which nothing was found, as what ends the run: a wrong name is wrong usage."""
    end = stopped(error)
    return Stopped(end.message, hint=error.hint, code=error.code) if error.code in NAMES_NOTHING else end


def _problem(path: str, for_requirement: str) -> str:
    """Return what is wrong with ``path``; empty if nothing is, or only reading it can show that.

    ``for_requirement`` is what to do with a requirement instead.
    """
    if not path:
        return "a path is empty (an unset variable?)"
    if "\0" in path:
        return "a path contains NUL"
    if _URL.match(path):
        return f"{shown(path)} is a URL: {_DOWNLOAD}"
    try:
        Path(path).stat()
    except OSError as error:
        if error.errno in _NOT_THERE:
            return f"{shown(path)} {_why_missing(path, for_requirement)}"
    return ""


def _is_pattern(argument: str) -> bool:
    """Whether ``argument`` is a pattern that the shell did not expand; brackets can be the extras of a requirement, too."""
    return glob.has_magic(argument) and not _REQUIREMENT.match(argument)


def _why_missing(path: str, for_requirement: str) -> str:
    """Return why ``path`` cannot be used, which does not exist."""
    if Path(path).is_symlink():
        return "is a broken symbolic link"
    if _REQUIREMENT.match(path):
        return f"is a requirement, not a path: {for_requirement}"
    return _MISSING


def _files_in(directory: str, endings: tuple[str, ...]) -> list[Path]:
    """Return the files in ``directory`` with one of ``endings``, by name.

    :raises OSError: if it cannot be read, where ``Path.glob`` would find nothing.
    """
    return sorted(path for path in Path(directory).iterdir() if path.name.endswith(endings))


def _with_slash(directory: str) -> str:
    return directory if directory.endswith("/") else f"{directory}/"
