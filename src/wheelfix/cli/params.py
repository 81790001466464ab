"""The arguments that commands share: wheels as files, directories, patterns or paths on standard input; mirrors; seconds.

All of them are checked before anything else happens, and everything that is wrong with them is reported at once.
"""

import errno
import glob
import math
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import click

from wheelfix.cli.exit_codes import Stopped, refuse_all
from wheelfix.cli.printing import say
from wheelfix.text import shown, shown_few


class MirrorDirectory(click.Path):
    """The directory of a mirror, which need not exist; what people often type by mistake has a message of its own."""

    name = "mirror"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the path."""
        text = os.fsdecode(value)
        if not text:
            self.fail("the path is empty; an unset variable, perhaps", param, ctx)
        if text.endswith(".whl"):
            self.fail(f"{shown(text)} is a wheel. Name the mirror first, then the wheels.", param, ctx)
        if "://" in text:
            self.fail("A mirror is a directory. Only --from-index and `mirror check` take a URL.", param, ctx)
        if Path(text).is_file():
            self.fail(f"{shown(text)} is a file; a mirror is a directory", param, ctx)
        return text


class Seconds(click.FloatRange):
    """A number of seconds."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, which is one."""
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return found


NO_SUMMARY = click.option("-q", "--quiet", is_flag=True, help="Do not print the summary line.")
"""For commands whose whole result is on standard output."""
WHEEL = click.Path(readable=False)
"""The path of a wheel or a directory; a wheel that cannot be read is reported as the outcome of that wheel."""


_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_REQUIREMENT: Final = re.compile(r"[A-Za-z0-9._-]+ *(\[[^\]]*\])? *(===?|~=|!=|<=?|>=?|@ )")
_DOWNLOAD: Final = "download the wheel first, for example with `pip download --no-deps`"
SDISTS: Final = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tar.Z", ".tgz", ".tar")
"""How the names of source distributions end: the first is that of today (PEP 625), the others are older."""
_BESIDE_WHEELS: Final = (
    *SDISTS,
    ".metadata",  # PEP 658
    ".asc", ".sig",  # signatures
    ".attestation", ".provenance", ".sigstore", ".sigstore.json",  # PEP 740, and the bundles of sigstore
)  # fmt: skip
"""How the names of files end that build tools and indexes put beside wheels, so that ``dist/*`` names them too."""
_MOST_DIRECTORIES: Final = 1000
_NOT_THERE: Final = {errno.ENOENT, errno.ENOTDIR}

WHEELS: Final = click.argument("wheels", nargs=-1, metavar="WHEEL...", type=WHEEL)
"""The arguments WHEEL, as ``wheels``."""
NULL: Final = click.option(
    "-0", "--null", is_flag=True, help="Paths on standard input end with NUL, as find -print0 writes them."
)
"""The option ``null``, for every command where - stands for standard input."""


def wheel_paths(arguments: Iterable[str], *, null: bool = False, quiet: bool = False) -> list[Path]:
    """Return the wheels that ``arguments`` name, in their order, each path once.

    ``-`` stands for the paths on standard input, which end with a line feed, or with NUL where ``null`` says so. Files that
    belong to wheels, such as source distributions, are skipped, which is reported unless ``quiet``.

    :raises click.ClickException: with everything that is wrong with them, if one of them names no wheel.
    """
    given = list(arguments)
    if null and "-" not in given:
        raise Stopped("-0 is for paths on standard input", hint="Name - to read them.")
    found = _Found()
    for argument in given:
        for path in _paths_on_standard_input(null=null) if argument == "-" else [argument]:
            found.add(path)
    found.refuse_problems()
    if found.skipped and not quiet:
        for names, words in found.skipped_kinds:
            say(f"Skipped {shown_few(names)}: {words}.\n")
    return list(found.wheels)


def refuse_missing(*paths: str) -> None:
    """Confirm that each of ``paths`` exists and is not a directory.

    :raises click.ClickException: with everything that is wrong with them.
    """
    found = _Found()
    for path in paths:
        found.add_one(path)
    found.refuse_problems()


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

    def __init__(self) -> None:
        self.wheels: dict[Path, None] = {}
        self.skipped: list[str] = []
        self._problems: list[str] = []

    def add(self, argument: str) -> None:
        """Add what ``argument`` names."""
        path = Path(argument)
        if _is_pattern(argument) and not os.path.lexists(argument):
            self._add_matches(argument)
        elif self.refuses(argument):
            pass
        elif path.suffix == ".whl":  # a directory of such a name is refused later, as a wheel that cannot be read
            self.wheels[path] = None
        elif path.is_dir():
            self._add_directory(argument)
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

    def add_one(self, argument: str) -> None:
        """Add the one file that ``argument`` names."""
        if self.refuses(argument):
            return
        if argument.endswith(SDISTS) and not argument.endswith(".zip"):  # a wheel that is called so can be compared
            self._problems.append(f"{shown(argument)} is a source distribution: name a wheel")
        if Path(argument).is_dir():
            self._problems.append(f"{shown(argument)} is a directory: name one wheel")
        self.wheels[Path(argument)] = None

    def refuses(self, argument: str) -> bool:
        """Note what is wrong with the path ``argument``; return whether something is."""
        problem = _problem(argument)
        if problem:
            self._problems.append(problem)
        return bool(problem)

    def _add_matches(self, pattern: str) -> None:
        matches = sorted(glob.glob(pattern))
        if not matches:
            self._problems.append(f"no file matches {shown(pattern)}")
        for match in matches:
            self.add(match)

    def _add_directory(self, directory: str) -> None:
        try:
            wheels = _wheels_in(directory)
        except OSError as error:
            self._problems.append(f"{shown(directory)} cannot be read: {error.strerror or error}")
            return
        if not wheels:
            self._problems.append(f"no wheels in {shown(_with_slash(directory))}{_one_level_down(directory)}")
        self.wheels.update(dict.fromkeys(wheels))

    def refuse_problems(self) -> None:
        """Confirm that there is something to work on, and nothing wrong.

        :raises click.ClickException: if not.
        """
        if not self._problems and not self.wheels:
            message, hint = self._nothing_given()
            raise Stopped(message, hint=hint)
        refuse_all(self._problems, "paths")


def _problem(path: str) -> str:
    """Return what is wrong with ``path``; empty if nothing is, or only reading it can show that."""
    if not path:
        return "a path is empty; an unset variable, perhaps"
    if "\0" in path:
        return "a path contains NUL"
    if _URL.match(path):
        return f"{shown(path)} is a URL: {_DOWNLOAD}"
    try:
        Path(path).stat()
    except OSError as error:
        if error.errno in _NOT_THERE:
            return f"{shown(path)} {_why_missing(path)}"
    return ""


def _is_pattern(argument: str) -> bool:
    """Whether ``argument`` is a pattern that the shell did not expand; brackets can be the extras of a requirement, too."""
    return glob.has_magic(argument) and not _REQUIREMENT.match(argument)


def _why_missing(path: str) -> str:
    """Return why ``path`` cannot be used, which does not exist."""
    if Path(path).is_symlink():
        return "is a broken symbolic link"
    if _REQUIREMENT.match(path):
        return f"is a requirement, not a path: {_DOWNLOAD}, or use `wheelfix mirror add --from-index`"
    return "does not exist"


def _wheels_in(directory: str) -> list[Path]:
    """Return the wheels in ``directory``, by name.

    :raises OSError: if it cannot be read, where ``Path.glob`` would find nothing.
    """
    return sorted(path for path in Path(directory).iterdir() if path.name.endswith(".whl"))


def _one_level_down(directory: str) -> str:
    """Return which directories below hold wheels, in case those were meant; empty if none does."""
    counts = {}
    for path in sorted(Path(directory).iterdir())[:_MOST_DIRECTORIES]:
        below = _with_slash(str(path))
        try:
            counts[below] = len(_wheels_in(below))
        except OSError:  # a file, or a directory without read permission: it was not named
            continue
    found = [f"{count} in {below}" for below, count in counts.items() if count]
    return f"; {shown_few(found)}" if found else ""


def _with_slash(directory: str) -> str:
    return directory if directory.endswith("/") else f"{directory}/"
