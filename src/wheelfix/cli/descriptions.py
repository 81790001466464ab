"""What a command shows of each wheel: remote ones are read in parts, and downloaded where that is not enough."""

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from msgspec.structs import replace

from wheelfix.cli.inputs import Inputs
from wheelfix.cli.progress import Log
from wheelfix.fix.describe import Description, WheelExplanation

if TYPE_CHECKING:
    from collections.abc import Callable

    from wheelfix.locations import Url
    from wheelfix.upstream.fetched import FetchedWheels
    from wheelfix.wheel.zip.source import RemoteWheel

_Found = TypeVar("_Found", Description, WheelExplanation)
_Reader: TypeAlias = "Callable[[Path | RemoteWheel, Url | None], _Found]"
"""Reads a wheel; one that was downloaded comes with the URL where it was."""
_NO_RANGES = "no-ranges"


def read_each(inputs: Inputs, log: Log, read: "_Reader[_Found]", *, download: bool = False) -> list[_Found]:
    """Return what ``read`` makes of each wheel, in the order in which they were given.

    Remote wheels are read in parts, a few at a time; with ``download``, or from a server without range requests, they are
    downloaded first.

    :raises click.ClickException: if the disk has no room for a download.
    """
    if download or inputs.are_local:
        with inputs.local(log) as local:
            return [_read_file(path, read, local.fetched, log) for path in local.paths]
    from wheelfix.upstream.parallel import few, several  # imported late: most wheels are files

    found = list[_Found]()
    with several(few(len(inputs.wheels))) as calls:
        results = calls.map(lambda place: read(place, None), inputs.wheels, ahead=len(inputs.wheels))
        for place, result in zip(inputs.wheels, results, strict=True):
            if result.problem is None or result.problem.code != _NO_RANGES:
                log.advance(place.name)
                found.append(result)
                continue
            with inputs.local(log, wheels=[place]) as local:
                found.append(_read_file(local.paths[0], read, local.fetched, log))
    return found


def _read_file(path: Path, read: "_Reader[_Found]", fetched: "FetchedWheels | None", log: Log) -> _Found:
    remote = fetched.remote(path) if fetched else None
    found = read(path, remote.url if remote else None)
    problem = fetched.problems.get(path) if fetched else None
    log.advance(path.name)
    return found if problem is None else replace(found, problem=problem)
