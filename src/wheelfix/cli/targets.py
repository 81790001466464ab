"""Files that a run writes besides its results, such as reports: refused before any work where they replace what it reads."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from wheelfix.text import shown

DEFAULT_DIRECTORY: Final = "fixed"
"""Where results go that nobody named a directory for."""
_WHERE_ARE_PAGES: Final[Mapping[str, str]] = {
    "public": "simple/index.json",
    "simple": "index.json",
    "files": "../simple/index.json",
    "private": "../public/simple/index.json",
}
"""The directories of a mirror, and where its list of projects is from each of them."""


class TargetFile(click.Path):
    """A file that a run writes: its directory must be there, and it may be no device and none of the files of a mirror.

    Where it is a symbolic link, the file behind it is written.
    """

    name = "target"

    def __init__(self) -> None:
        """Make one for an option."""
        super().__init__(dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the path."""
        text = os.fsdecode(super().convert(value, param, ctx))
        if problem := _problem_of(Path(text)):
            self.fail(problem, param, ctx)
        return text


def _problem_of(path: Path) -> str:
    """Return why ``path`` is no place for what a run writes; empty where it is one, or where its directory is missing."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return f"{shown(str(path))} is not a regular file."
    except (FileNotFoundError, NotADirectoryError):  # the run makes it, or its directory is missing
        pass
    except OSError as error:  # a name that is too long, or a link to itself
        return f"{shown(str(path))} cannot be written: {error.strerror or error}."
    try:
        mirror = _mirror_around(path)
    except FileNotFoundError:
        return f"{shown(str(path))} cannot be written: the working directory no longer exists."
    return (
        f"{shown(str(path))} is inside the mirror {shown(str(mirror))}, whose files only wheelfix writes." if mirror else ""
    )


def _mirror_around(path: Path) -> Path | None:
    """Return the mirror, where ``path``, or the file behind a link, is in one."""
    here = path if path.is_absolute() else Path.cwd() / path
    for each in dict.fromkeys((here, Path(os.path.realpath(path)))):
        for directory in each.parents:
            index = _WHERE_ARE_PAGES.get(directory.name)
            if index and (directory / index).is_file():
                return directory.parent if directory.name in ("public", "private") else directory.parent.parent
    return None


def check_targets(command: click.Command, params: Mapping[str, Any]) -> None:
    """Confirm that the files that a run is to write can be: before the run, and so that nothing that it reads is lost.

    :raises click.BadParameter: if not.
    """
    for param in command.params:
        if isinstance(param.type, TargetFile) and params.get(param.name or ""):
            paths = [*_texts(params[param.name or ""])]
            others = [value for name, value in params.items() if name != param.name]
            refuse_inputs(paths, _texts(others), param)
            for path in paths:
                _check_directory(Path(path), params, param)


def _check_directory(path: Path, params: Mapping[str, Any], param: click.Parameter) -> None:
    """Confirm that the directory of ``path`` can be written to, or is the one that the run makes for its results.

    :raises click.BadParameter: if not.
    """
    directory = Path(os.path.realpath(path)).parent
    named = shown(str(path.parent if os.path.realpath(path.parent) == str(directory) else directory))
    if directory.is_dir():
        if not os.access(directory, os.W_OK):
            raise click.BadParameter(f"the directory {named} cannot be written to.", param=param)
    elif str(directory) != _real(_results(params) or str(path)):
        raise click.BadParameter(f"there is no directory {named}.", param=param)


def _results(params: Mapping[str, Any]) -> str | None:
    """Return the directory that a run with ``params`` makes for its results, ``None`` where it makes none."""
    if "output_dir" not in params or any(params.get(name) for name in ("check", "diff", "in_place", "publish")):
        return None
    return str(params["output_dir"] or DEFAULT_DIRECTORY)


def refuse_inputs(targets: Iterable[str], inputs: Iterable[str], param: click.Parameter | None = None) -> None:
    """Confirm that none of ``targets`` is one of ``inputs``.

    :raises click.BadParameter: if one is.
    """
    written = {_real(each): each for each in targets}
    named = {_real(part) for text in inputs for part in (text, text.partition("=")[2]) if "\0" not in part}
    for real in written.keys() & named:
        raise click.BadParameter(
            f"{shown(written[real])} is read by this run: choose another file.",
            param=param,
            param_hint=None if param else "'--report', '--lock' or '--metrics'",
        )


def _real(path: str) -> str:
    """Return the path of the file behind links; a relative one stays where the working directory was deleted."""
    try:
        return os.path.realpath(path)
    except FileNotFoundError:
        return path


def _texts(value: object) -> Iterator[str]:
    """Yield the texts in the value of a parameter, which may be several ones."""
    match value:
        case str() | os.PathLike():
            yield str(value)
        case list() | tuple():
            for each in value:
                yield from _texts(each)
