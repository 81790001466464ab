"""The file name of a source distribution: PROJECT-VERSION.tar.gz (PEP 625), and older forms.

Follows the `source distribution format
<https://packaging.python.org/en/latest/specifications/source-distribution-format/#source-distribution-file-name>`_. Before
it names had dashes in the project, and other endings; indexes still have such files.
"""

import re
from collections.abc import Hashable
from typing import Final

from msgspec import Struct
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from wheelfix.errors import FilenameError
from wheelfix.text import shown
from wheelfix.wheel.filename import WheelFilename, parsed_version

ENDINGS: Final = (
    ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tar.Z", ".tar.lz", ".tar.lzma", ".tgz", ".tbz", ".txz", ".tlz", ".tar",
)  # fmt: skip
"""How such names end: the first is that of today, the others are older."""
_PROJECT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_LONGEST: Final = 300
"""In characters: names of files have at most 255 bytes on most systems."""
_HINT: Final = "A source distribution is named PROJECT-VERSION.tar.gz."


class SdistFilename(Struct, frozen=True):
    """The parts of the file name of a source distribution, each as it is written there.

    >>> name = SdistFilename.parse("Zope.Interface-5.0.0-beta.1.tar.gz")
    >>> name.project, str(name.parsed_version), name.ending
    ('zope-interface', '5.0.0b1', '.tar.gz')
    """

    raw_project: str
    version: str
    ending: str

    @classmethod
    def parse(cls, name: str, project: str | None = None) -> "SdistFilename":
        """Return the parts of ``name``, a name without a directory.

        Names from before PEP 625 can be split in several ways. That of the ``project``, which is normalized (PEP 503), is
        taken if there is one; or else the one with the longest version: foo-1.0-1 is a post-release.

        :raises FilenameError: if it is not the name of a source distribution, or its version is not valid (PEP 440):
            installers ignore it then.
        """
        if not name.isprintable() or not name.isascii() or {"/", "\\", "%"} & set(name) or len(name) > _LONGEST:
            raise _not_a_name(name)
        ending = next((each for each in ENDINGS if name.endswith(each)), None)
        if ending is None:
            raise _not_a_name(name)
        stem = name.removesuffix(ending)
        splits = [(stem[: dash.start()], stem[dash.end() :]) for dash in re.finditer("-", stem)]
        valid = [cls(left, right, ending) for left, right in splits if _PROJECT.fullmatch(left) and parsed_version(right)]
        if not valid:
            raise _not_a_name(name)
        return next((each for each in valid if each.project == project), valid[0])

    @property
    def project(self) -> NormalizedName:
        """The project's name in its normal form (PEP 503)."""
        return canonicalize_name(self.raw_project)

    @property
    def parsed_version(self) -> Version:
        """The version by PEP 440."""
        return Version(self.version)

    @property
    def identity(self) -> Hashable:
        """A value that is equal for names that installers treat as the same file, however they are spelled."""
        return self.project, self.parsed_version, self.ending


def is_sdist(filename: str) -> bool:
    """Whether a file is a source distribution, by its name.

    >>> [is_sdist(name) for name in ("demo-1.0.tar.gz", "demo-1.0.linux-x86_64.tar.gz", "demo-1.0-py3-none-any.whl")]
    [True, False, False]
    """
    try:
        SdistFilename.parse(filename)
    except FilenameError:
        return False
    return True


def project_of_file(filename: str, project: str | None = None) -> str:
    """Return the project of a wheel or a source distribution by its name; ``project`` is the one that is expected.

    :raises FilenameError: if it is the name of neither.
    """
    if filename.endswith(ENDINGS):
        return SdistFilename.parse(filename, project).project
    return WheelFilename.parse(filename).project


def _not_a_name(name: str) -> FilenameError:
    message = f"{shown(name[:_LONGEST])} is not the name of a source distribution"
    return FilenameError("not-an-sdist-name", message, hint=_HINT)
