"""Build tags by which a new correction is served beside an old one: installers prefer the highest."""

import hashlib
from collections.abc import Iterable
from typing import Final

from packaging.version import Version

from wheelfix.errors import FilenameError
from wheelfix.mirror.pages import Page
from wheelfix.sync.model import WantedFile
from wheelfix.wheel.filename import WheelFilename, build_order, parsed_version

_SHORT: Final = 8
"""How many digits of what identifies the rules are part of a build tag."""


class Builds:
    """The highest build tag of each release among files that are ``wanted``, and may not be on any page yet."""

    def __init__(self, wanted: Iterable[WantedFile]) -> None:
        self._highest: dict[tuple[str, Version | None], int] = {}
        for each in wanted:
            key = each.project, parsed_version(each.release)
            self._highest[key] = max(_number(each.filename), self._highest.get(key, 0))

    def next_tag(self, page: Page, release: Version | None, identity: str | None) -> str:
        """Return a build tag for new corrections in a ``release``, which installers prefer to all that is listed or comes.

        They compare the number first. The rest says by which rules, so that no name is ever used for two contents.
        """
        files = (each for each in (*page.files, *page.past) if each.release == release)
        highest = max(map(_number, (each.filename for each in files)), default=0)
        highest = max(highest, self._highest.get((page.project, release), 0))
        return f"{highest + 1}rules{hashlib.sha256(str(identity).encode()).hexdigest()[:_SHORT]}"


def build_of(filename: str) -> str | None:
    """Return the build tag in a file name, ``None`` where it has none."""
    try:
        return WheelFilename.parse(filename).build
    except FilenameError:  # `mirror check` reports it
        return None


def _number(filename: str) -> int:
    tag = build_of(filename)
    return build_order(tag)[0] if tag else 0
