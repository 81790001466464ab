"""Where a wheel may break a statement, and why: two closed tables.

What readers may do differently is announced by a warning of ``verify``; what is not, is an exception of a kind.
"""

from typing import Final

REFUSED: Final[dict[tuple[str, str], str]] = {
    ("metadata-local-path", "uv"): "whether the path is that of a file, which uv refuses, only the machine knows",
    ("record-weak-hash", "wheel"): "PEP 427 forbids md5 and sha1, and no installer asks for more",
    **{
        (f"record-{code}", "wheel"): "it asks for a hash under the name in the archive, installers read what is there"
        for code in (
            "absolute-path",
            "backslash",
            "missing-row",
            "no-hash",
            "path-spelling",
            "unknown-hash",
            "hash-spelling",
        )
    },
}
"""A warning, and the reader that refuses a wheel for it though no installer does: the reason why it is no error."""
DIFFERENT: Final[dict[str, str]] = {
    "archive-mode-no-type": "uv goes by the permissions alone, pip by the type of file as well",
    "archive-odd-mode": "uv goes by the permissions alone, pip by the type of file as well: no link is executable to it",
    "contents-bytecode": "installer leaves out what is in __pycache__",
    "data-name-differs": "pip takes each .data directory for that of the wheel, others only the one of its name",
    "data-script-wrapper": "pip and uv leave out what setuptools once wrote for Windows beside an entry point",
    "entry-points-ambiguous": "comments and sections of INI files are no standard: readers see different scripts",
}
"""Warnings that announce that installers do not put the same files in place: of these :data:`MODES`, :data:`DATA`,
:data:`SCRIPTS` or :data:`CACHES`."""
MODES: Final = frozenset({"archive-mode-no-type", "archive-odd-mode"})
DATA: Final = frozenset({"data-name-differs"})
SCRIPTS: Final = frozenset({"entry-points-ambiguous", "data-script-wrapper"})
CACHES: Final = frozenset({"contents-bytecode"})
_TWO_OF_ONE_PATH: Final = "uv installs either of two entries with one path, not always the same; verify calls them an error"
EXCEPTIONS: Final[dict[tuple[str, str], str]] = {
    ("the wheel's name: tags", "uv"): "uv installs for this machine alone, and the tags are those of another",
    ("entry points: texts", "uv"): "pip makes pip3 and pip3.11 of a script called pip",
    ("entry points: texts", "installer"): "pip makes pip3 and pip3.11 of a script called pip",
    ("METADATA: fields of other versions", "PyPI, fields"): "PEP 808 is accepted, so that PyPI will take version 2.6",
    **{
        (kind, f"after {correction}, uv"): _TWO_OF_ONE_PATH
        for kind in ("ZipDiff B3", "files: paths that are one")
        for correction in ("drop", "add", "repair")
    },
    ("entry points: reserved names", "uv"): "pip makes pip3 and pip3.11 of a script called pip",
    ("entry points: reserved names", "installer"): "pip makes pip3 and pip3.11 of a script called pip",
}
"""The name of a kind, and the beginning of what it breaks, up to a colon: the reason."""
