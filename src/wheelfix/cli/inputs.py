"""The WHEEL arguments: files, folders, patterns that the shell left alone, and paths on standard input."""

import glob
import os.path
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from wheelfix.escaping import shown


def wheel_paths(arguments: Iterable[str]) -> list[Path]:
    """Return the wheels that ``arguments`` stand for, in their order, each path once.

    :raises click.UsageError: if they stand for no wheel at all, or one of them for none.
    """
    paths = list(dict.fromkeys(path for argument in arguments for path in _expand(argument)))
    if not paths:
        raise click.UsageError("No wheels given. Name files, a folder, or - to read paths from standard input.")
    return paths


def _expand(argument: str) -> Iterator[Path]:
    if argument == "-":
        for line in filter(str.strip, sys.stdin.read().splitlines()):
            yield from _expand_path(line)
    elif not argument:
        raise click.UsageError("A path is empty; an unset variable, perhaps.")
    else:
        yield from _expand_path(argument)


def _expand_path(argument: str) -> Iterator[Path]:
    if "\0" in argument:
        raise click.UsageError("A path holds a NUL; give one path a line.")
    path = Path(argument)
    if os.path.isdir(path) and path.suffix != ".whl":
        found = sorted(path.glob("*.whl"))
        if not found:
            raise click.UsageError(f"There is no wheel in the folder {shown(argument)}.")
        yield from found
    elif glob.has_magic(argument) and not os.path.lexists(path):
        matches = sorted(glob.glob(argument))
        if not matches:
            raise click.UsageError(f"No file matches {shown(argument)}.")
        yield from map(Path, matches)
    else:
        yield path
