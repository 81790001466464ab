"""What can be wrong with a mirror, and who suffers from it.

Where a client is named, that was measured with pip 26.3, uv 0.13.9, Poetry 2.5.1 and PDM 2.29.3.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from wheelfix.codes import Check
from wheelfix.options import Selection
from wheelfix.results import Severity


class Seen(StrEnum):
    """Where a check looks."""

    BOTH = "folder, index"
    FOLDER = "folder"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class MirrorCheck(Check):
    """One row of the table, and where it can be ``seen``."""

    seen: Seen = Seen.BOTH


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a mirror: ``place`` is a file or page of it, or a URL.

    ``mendable`` tells whether ``mirror check --fix`` mends it.
    """

    code: str
    place: str
    message: str
    mendable: bool = False

    @property
    def check(self) -> MirrorCheck:
        """The row of the table that it is of."""
        return MIRROR_CHECKS[self.code]

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.check.severity


def _error(code: str, meaning: str, consequence: str, seen: Seen = Seen.BOTH) -> MirrorCheck:
    return MirrorCheck(code, Severity.ERROR, meaning, consequence=consequence, seen=seen)


def _warning(code: str, meaning: str, consequence: str, seen: Seen = Seen.BOTH) -> MirrorCheck:
    return MirrorCheck(code, Severity.WARNING, meaning, consequence=consequence, seen=seen)


_NOT_LOOKED_AT: Final = "not-checked"
_UNREADABLE: Final = "unreadable"
_ALL: Final = (
    _error(
        _NOT_LOOKED_AT,
        "A server does not answer, a limit is reached, or METADATA cannot be read without downloading a large wheel.",
        "Nobody knows: what was not looked at may be right or wrong. Raise the limit, use --download all, or run again.",
        Seen.INDEX,
    ),
    _error("page-unreadable", "A page cannot be read.", "Clients see an error, or no files at all."),
    _warning(
        "json-not-offered",
        "An index does not serve JSON.",
        "Clients fall back to HTML, which has no sizes and no upload times.",
        Seen.INDEX,
    ),
    _error(
        "content-type-wrong",
        "A page is served with another Content-Type.",
        "Clients do not take it for a page of an index.",
        Seen.INDEX,
    ),
    _warning(
        "cache-unset",
        "A page is served without Cache-Control.",
        "Clients and proxies guess for how long it is fresh.",
        Seen.INDEX,
    ),
    _error(
        "cache-too-long",
        "A page may be kept for long.",
        "Clients and proxies serve what was right then: corrected wheels are not seen.",
        Seen.INDEX,
    ),
    _warning(
        "status-unknown",
        "A page gives the project a status that PEP 792 does not define.",
        "Clients built on pypi-simple cannot read the page; `wheelfix mirror add` does not copy the status.",
        Seen.INDEX,
    ),
    _error("page-missing", "A project that is listed has no page.", "Clients get 404 for it."),
    _error(
        "page-unlisted",
        "A page is not listed at the root.",
        "Tools that mirror or search the index miss the project.",
        Seen.FOLDER,
    ),
    _error(
        "html-differs",
        "The HTML page does not say what JSON says.",
        "Clients that read HTML see other files than those that read JSON.",
    ),
    _error("file-missing", "A listed file is not there.", "Every client that chooses it fails."),
    _error(
        "hash-missing",
        "A file is listed without its sha256.",
        "Poetry and PDM load every file of the release; uv locks without a hash, and installing with hashes fails.",
        Seen.INDEX,
    ),
    _error(
        "plus-in-url",
        "The server does not read the + in a URL as a plus sign.",
        "Clients get 403 or 404: S3 reads it as a space. Write it as %2B.",
        Seen.INDEX,
    ),
    _warning(
        "ranges-missing",
        "The server gives no parts of files.",
        "uv and Poetry load whole wheels where there is no sidecar.",
        Seen.INDEX,
    ),
    _error(
        "gpu-requirements",
        "A CPU build requires what only a GPU build needs.",
        "Lockers lock it, and images grow by gigabytes.",
    ),
    _error(
        "file-elsewhere",
        "A listed address leads to no file of the mirror.",
        "Clients get it from somewhere else, or not.",
        Seen.FOLDER,
    ),
    _error("file-differs", "A file has another sha256 than the page says.", "Every client that checks hashes refuses it."),
    _warning("size-missing", "The page does not say a file's size.", "JSON must have it since version 1.1.", Seen.INDEX),
    _error("size-differs", "A file has another size than the page says.", "Who relies on it is misled."),
    _error(
        "file-of-another-project",
        "A file is of another project than its page.",
        "Clients pass it over, or refuse it.",
        Seen.FOLDER,
    ),
    _error("wheel-invalid", "A wheel has errors, as `wheelfix verify` tells them.", "Installers refuse it, or some do."),
    _error(
        "metadata-file-missing",
        "A file's sidecar is announced and not there.",
        "Clients that ask for it fail, or load the whole wheel.",
    ),
    _error("metadata-file-differs", "A sidecar has another sha256 than the page says.", "pip and uv refuse the release."),
    _error(
        "metadata-file-stale",
        "A sidecar is not the METADATA of its wheel.",
        "All lockers lock what the sidecar says; pip 26.2 and later refuse to install it.",
    ),
    _warning(
        "metadata-file-not-announced",
        "A file is listed without a sidecar.",
        "pip and PDM download the whole wheel to resolve.",
    ),
    _error(
        "requires-python-differs",
        "The page says another Requires-Python than the wheel.",
        "Wheels are chosen that do not fit, or passed over that do.",
    ),
    _error(
        "release-disagrees",
        "Wheels of one release require different things.",
        "Poetry, PDM and uv read one of them and lock that for all platforms.",
    ),
    _warning(
        "local-version-covers-less",
        "A version with a label has no wheel for a platform that the version without it has.",
        "Poetry locks the label for all platforms, and has nothing to install on these; uv and PDM lock both versions.",
    ),
    _error(
        "original-not-yanked",
        "A corrected wheel's original is listed too, and not yanked.",
        "Poetry and PDM follow the order of the page, and may lock the original.",
    ),
    _warning(
        "time-missing",
        "A file has no upload time that can be read.",
        "pip --uploaded-prior-to fails, and uv --exclude-newer passes the file over.",
    ),
    _warning(
        "past-missing", "A file that was replaced is gone.", "Locks that name it cannot be installed any more.", Seen.FOLDER
    ),
    _warning(
        "unlisted",
        "A file is there that no page lists.",
        "No client; it only takes space. An interrupted `mirror add` leaves such files.",
        Seen.FOLDER,
    ),
    _warning(
        "leftover",
        "A half-made file was left behind.",
        "No client; it only takes space. A killed process leaves such files.",
        Seen.FOLDER,
    ),
    _error(
        "link-outside",
        "A link in the mirror leads out of it.",
        "A server may show what is not meant to be shown.",
        Seen.FOLDER,
    ),
    _error(
        _UNREADABLE, "A file or folder cannot be read.", "A server that may not read it either answers 403.", Seen.FOLDER
    ),
)
MIRROR_CHECKS: Final = {check.code: check for check in _ALL}
"""Every check of a mirror by its code, in the order in which findings are told."""
_RANK: Final = {code: rank for rank, code in enumerate(MIRROR_CHECKS)}


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found in a mirror: ``findings`` in the order of the table, and how much was looked at.

    ``mended`` is what had been found before and is so no longer, because it was to be mended.
    """

    findings: tuple[Finding, ...]
    projects: int
    files: int
    mended: tuple[Finding, ...] = ()

    def count(self, severity: Severity) -> int:
        """Return how many findings of this severity there are."""
        return sum(each.severity is severity for each in self.findings)

    @property
    def complete(self) -> bool:
        """Whether all of it could be looked at."""
        return not any(each.code in (_NOT_LOOKED_AT, _UNREADABLE) for each in self.findings)

    def passes(self, *, strict: bool = False) -> bool:
        """Whether there is no error, and with ``strict`` no warning either."""
        return not (self.findings if strict else self.count(Severity.ERROR))

    def chosen(self, choice: Selection) -> "Survey":
        """Return the survey without the findings that are not chosen; what was not looked at may hide any of them."""
        kept = (
            each
            for each in self.findings
            if choice.includes(each.code) or (each.code == _NOT_LOOKED_AT and not choice.ignores(each.code))
        )
        return replace(self, findings=tuple(kept))

    @classmethod
    def of(cls, findings: Iterable[Finding], projects: int, files: int) -> "Survey":
        """Return the survey with ``findings`` put in order."""
        return cls(tuple(sorted(findings, key=lambda each: _RANK[each.code])), projects, files)
