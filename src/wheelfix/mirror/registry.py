"""The table of checks of a mirror: every code, how bad it is, what it means, who is affected, and what to do.

Where a client is named, that was measured with pip 26.3, uv 0.13.9, Poetry 2.5.1 and PDM 2.29.3.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.codes import Check, Fix
from wheelfix.options import Selection
from wheelfix.results import Finding, Severity, Traffic


class Seen(StrEnum):
    """Where a check looks."""

    BOTH = "directory, index"
    DIRECTORY = "directory"
    INDEX = "index"


class MirrorCheck(Check, frozen=True):
    """One row of the table, with where it can be ``seen``; ``mirror check --fix`` fixes what can be fixed."""

    seen: Seen = Seen.BOTH


_API: Final = "https://packaging.python.org/en/latest/specifications/simple-repository-api/"
_METADATA: Final = "https://peps.python.org/pep-0658/"
_AGAIN: Final = "Add the wheel again."
_REGENERATE: Final = "Run `wheelfix mirror check --fix`."
_SERVER: Final = "Change the configuration of the server; see the examples in docs/servers."


def _row(code: str, meaning: str, consequence: str, remedy: str, *, severity: Severity, seen: Seen) -> MirrorCheck:
    fix = Fix.YES if remedy.startswith(_REGENERATE) else Fix.NO
    page = _METADATA if code.startswith("metadata-file") else _API
    return MirrorCheck(
        code, severity, meaning, consequence=consequence, remedy=remedy, fix=fix, specification=page, seen=seen
    )


def _error(code: str, meaning: str, consequence: str, remedy: str, seen: Seen = Seen.BOTH) -> MirrorCheck:
    return _row(code, meaning, consequence, remedy, severity=Severity.ERROR, seen=seen)


def _warning(code: str, meaning: str, consequence: str, remedy: str, seen: Seen = Seen.BOTH) -> MirrorCheck:
    return _row(code, meaning, consequence, remedy, severity=Severity.WARNING, seen=seen)


_NOT_CHECKED: Final = "not-checked"
_UNREADABLE: Final = "unreadable"
_ALL: Final = (
    _error(
        _NOT_CHECKED,
        "A server does not answer, a limit is reached, or METADATA cannot be read without downloading a large wheel.",
        "Unknown: what was not checked may be right or wrong.",
        "Raise the limit, use `--download all`, or run again.",
        Seen.INDEX,
    ),
    _error(
        "page-unreadable",
        "A page cannot be read.",
        "Clients report an error, or find no files at all.",
        "Restore the page from a backup, or move it away and add its wheels again.",
    ),
    _warning(
        "json-not-offered",
        "An index does not serve JSON.",
        "Clients fall back to HTML. It has no sizes, and upload times only in `data-upload-time`, which uv reads: "
        "`pip --uploaded-prior-to` fails.",
        _SERVER,
        Seen.INDEX,
    ),
    _error(
        "content-type-wrong",
        "A page is served with the wrong Content-Type.",
        "Clients do not accept it as a page of an index.",
        _SERVER,
        Seen.INDEX,
    ),
    _warning(
        "cache-unset",
        "A page is served without Cache-Control.",
        "Clients and proxies guess how long it is fresh.",
        _SERVER,
        Seen.INDEX,
    ),
    _error(
        "cache-too-long",
        "A page may be cached for a long time.",
        "Clients and proxies serve an old page and miss fixed wheels.",
        _SERVER,
        Seen.INDEX,
    ),
    _warning(
        "status-unknown",
        "A page gives the project a status that PEP 792 does not define.",
        "Clients built on pypi-simple cannot read the page; `wheelfix mirror add` does not copy the status.",
        "Use a status of PEP 792.",
        Seen.INDEX,
    ),
    _error("page-missing", "A project that is listed has no page.", "Clients get 404 for it.", _REGENERATE),
    _error(
        "page-unlisted",
        "The root page does not list a project.",
        "Tools that mirror or search the index miss it.",
        _REGENERATE,
        Seen.DIRECTORY,
    ),
    _error(
        "html-differs",
        "An HTML page differs from the JSON page.",
        "Clients that read HTML see other files than those that read JSON.",
        _REGENERATE,
    ),
    _error("file-missing", "A listed file does not exist.", "Every client that chooses it fails.", _AGAIN),
    _error(
        "hash-missing",
        "A file is listed without its sha256.",
        "Poetry and PDM download every file of the release; uv locks without a hash, and installing with hashes fails.",
        "Let the index list the sha256 of each file.",
        Seen.INDEX,
    ),
    _error(
        "plus-in-url",
        "The server does not read the + in a URL as a plus sign.",
        "Clients get 403 or 404: S3 reads it as a space.",
        "Write the + as %2B, as `wheelfix mirror add` does.",
        Seen.INDEX,
    ),
    _warning(
        "ranges-missing",
        "The server does not support HTTP ranges.",
        "uv and Poetry download whole wheels where there is no metadata file.",
        _SERVER,
        Seen.INDEX,
    ),
    _error(
        "gpu-requirements",
        "A CPU build requires what only a GPU build needs.",
        "Resolvers lock it, and images grow by gigabytes.",
        "Fix the wheel with `wheelfix strip-gpu`.",
    ),
    _error(
        "file-elsewhere",
        "The URL of a listed file leads outside the mirror.",
        "Clients get the file from another server, or not at all.",
        f"{_REGENERATE} It changes the URL where the file is in the mirror.",
        Seen.DIRECTORY,
    ),
    _error(
        "file-differs",
        "The sha256 of a file differs from the one on the page.",
        "Every client that checks hashes refuses it.",
        _AGAIN,
    ),
    _warning(
        "size-missing",
        "The page has no size of a file.",
        "JSON must have it since version 1.1 of the API.",
        "Let the index list the size of each file.",
        Seen.INDEX,
    ),
    _error("size-differs", "The size of a file differs from the one on the page.", "Tools that rely on it fail.", _AGAIN),
    _error(
        "file-of-another-project",
        "A file belongs to another project than its page.",
        "Clients skip it or refuse it.",
        "Remove it with `wheelfix mirror remove` and add it again under its own name.",
        Seen.DIRECTORY,
    ),
    _error(
        "wheel-invalid",
        "`wheelfix verify` finds errors in a wheel.",
        "Installers refuse it, or some do.",
        "Fix it with `wheelfix repair`, then add it with `--replace`.",
    ),
    _error(
        "metadata-file-missing",
        "A metadata file is announced and does not exist.",
        "Clients that request it fail, or download the whole wheel.",
        _REGENERATE,
    ),
    _error(
        "metadata-file-differs",
        "The sha256 of a metadata file differs from the one on the page.",
        "pip and uv refuse the release.",
        _REGENERATE,
    ),
    _error(
        "metadata-file-stale",
        "A metadata file differs from the METADATA of its wheel.",
        "All resolvers lock what the metadata file says; pip 26.2 and later refuse to install the wheel.",
        _REGENERATE,
    ),
    _warning(
        "metadata-file-not-announced",
        "A file is listed without a metadata file.",
        "pip and PDM download the whole wheel to resolve.",
        _REGENERATE,
    ),
    _error(
        "requires-python-differs",
        "The page gives a different Requires-Python than the wheel.",
        "Clients choose wheels that do not fit, or skip some that do.",
        _REGENERATE,
    ),
    _error(
        "release-disagrees",
        "Wheels of one release require different things.",
        "Poetry, PDM and uv read one of them and lock that for all platforms.",
        "Fix all wheels of the release, or give the fixed ones a local version.",
    ),
    _warning(
        "local-version-covers-less",
        "A local version has no wheel for a platform that the public version has.",
        "Poetry locks the local version for all platforms, and finds nothing to install on these; uv and PDM lock both.",
        "Add the missing wheels, or yank the local version.",
    ),
    _error(
        "original-not-yanked",
        "The original of a fixed wheel is listed too, and not yanked.",
        "Poetry and PDM follow the order of the page, and may lock the original.",
        "Run `wheelfix mirror yank` on the original.",
    ),
    _warning(
        "time-missing",
        "A file has no upload time that can be read.",
        "pip --uploaded-prior-to fails, and uv --exclude-newer skips the file.",
        "Let the index list the upload time of each file.",
    ),
    _warning(
        "past-missing",
        "A file that was replaced is gone.",
        "Locks that name it cannot be installed any more.",
        "Restore it from a backup, if old locks matter.",
        Seen.DIRECTORY,
    ),
    _warning(
        "unlisted",
        "No page lists a file.",
        "No client is affected; it only takes up space.",
        f"{_REGENERATE} It deletes what an interrupted run left; add or delete other files yourself.",
        Seen.DIRECTORY,
    ),
    _warning(
        "leftover",
        "A killed process left a half-written file.",
        "No client is affected; it only takes up space.",
        _REGENERATE,
        Seen.DIRECTORY,
    ),
    _error(
        "link-outside",
        "A link in the mirror leads outside.",
        "A server may publish what is private.",
        "Remove the link.",
        Seen.DIRECTORY,
    ),
    _error(
        _UNREADABLE,
        "A file or directory cannot be read.",
        "A server that may not read it either answers 403.",
        "Change its permissions.",
        Seen.DIRECTORY,
    ),
)
MIRROR_CHECKS: Final = {check.code: check for check in _ALL}
"""Every check of a mirror by its code, in the order in which findings are reported."""
_RANK: Final = {code: rank for rank, code in enumerate(MIRROR_CHECKS)}


def finding(code: str, place: str, message: str, *, fixable: bool = False) -> Finding:
    """Return a finding of a mirror; ``place`` is a path in it, or a URL."""
    return MIRROR_CHECKS[code].finding(place, message, fixable=fixable)


class MirrorCheckReport(Struct, frozen=True):
    """What was found in a mirror: ``findings`` in the order of the table, and how many ``projects`` and ``files`` it has.

    ``fixed`` is what had been found before and was fixed; ``suppressed`` counts findings left out by ``select`` or
    ``ignore``. ``traffic`` counts requests to servers, ``None`` for a mirror in a directory.
    """

    findings: tuple[Finding, ...]
    projects: int
    files: int
    fixed: tuple[Finding, ...] = ()
    suppressed: int = 0
    traffic: Traffic | None = None

    def count(self, severity: Severity) -> int:
        """Return how many findings of this severity there are."""
        return sum(each.severity is severity for each in self.findings)

    @property
    def complete(self) -> bool:
        """Whether everything could be checked."""
        return not any(each.code in (_NOT_CHECKED, _UNREADABLE) for each in self.findings)

    def passes(self, *, strict: bool = False) -> bool:
        """Whether there is no error, and with ``strict`` no warning either."""
        return not (self.findings if strict else self.count(Severity.ERROR))

    def selected(self, selection: Selection) -> "MirrorCheckReport":
        """Return the report without the findings that are not selected; what was not checked may hide any of them."""
        kept = tuple(
            each
            for each in self.findings
            if selection.includes(each.code) or (each.code == _NOT_CHECKED and not selection.ignores(each.code))
        )
        return replace(self, findings=kept, suppressed=len(self.findings) - len(kept))

    @classmethod
    def of(cls, findings: Iterable[Finding], projects: int, files: int) -> "MirrorCheckReport":
        """Return the report with ``findings`` put in order."""
        return cls(tuple(sorted(findings, key=lambda each: _RANK[each.code])), projects, files)
