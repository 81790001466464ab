"""An archive read by the careful reader alone, and what either reader says of an archive."""

from collections.abc import Callable
from typing import TypeAlias
from unittest.mock import patch

from wheelfix.errors import ArchiveError
from wheelfix.wheel.zip.careful import columns_of, read_all
from wheelfix.wheel.zip.end import read_end
from wheelfix.wheel.zip.findings import STRICT
from wheelfix.wheel.zip.layout import Layout, Reading, read_layout, read_loosely
from wheelfix.wheel.zip.source import Readable

__all__ = ["judged", "read_carefully", "same_in_both"]

Judgement: TypeAlias = tuple[str, str, str] | tuple[Layout, tuple[object, ...], tuple[str, ...]]


def read_carefully(source: Readable) -> Layout:
    """Return the layout of ``source`` as the careful reader finds it."""
    end = read_end(source)
    directory = source.read_at(end.directory_start, end.directory_stop - end.directory_start)
    return Layout(directory, end, columns_of(read_all(source, directory, end, 0, STRICT)))


def judged(read: Callable[[Readable], Layout], source: Readable) -> Judgement:
    """Return what ``read`` makes of ``source``: its error, or the layout with entries and names."""
    try:
        layout = read(source)
    except ArchiveError as error:
        return error.code, error.message, error.hint
    return layout, tuple(layout.entries), tuple(layout.names)


def same_in_both(source: Readable) -> bool:
    """Whether the reader of plain archives and the careful one say the same of ``source``, strictly and loosely."""
    return judged(read_layout, source) == judged(read_carefully, source) and _collected(source) == _collected_carefully(
        source
    )


def _collected(source: Readable) -> tuple[object, ...]:
    reading: Reading = read_loosely(source)
    names = tuple(reading.layout.names) if reading.layout else ()
    return reading.layout, names, list(map(repr, reading.findings)), reading.hidden


def _collected_carefully(source: Readable) -> tuple[object, ...]:
    with patch("wheelfix.wheel.zip.layout.read_spotless", return_value=None):
        return _collected(source)
