"""The table of checks of a mirror: every code, how bad it is, what it means, who is affected, and what to do.

Where a client is named, that was measured with pip 26.3, uv 0.13.9, Poetry 2.5.1 and PDM 2.29.3.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.codes import Check, Fix
from wheelfix.errors import PlaceError
from wheelfix.options import Selection
from wheelfix.results import Finding, Severity, Traffic
from wheelfix.text import shown
from wheelfix.version import HOME_PAGE


class Seen(StrEnum):
    """Where a check looks."""

    BOTH = "mirror, index"
    MIRROR = "mirror"
    INDEX = "index"
    PAIR = "mirror check --against"
    CLOSED = "mirror check --closed"


class MirrorCheck(Check, frozen=True):
    """One row of the table, with where it can be ``seen``; ``mirror check --fix`` fixes what can be fixed."""

    seen: Seen = Seen.BOTH


_API: Final = "https://packaging.python.org/en/latest/specifications/simple-repository-api/"
_METADATA: Final = "https://peps.python.org/pep-0658/"
_AGAIN: Final = "Add the wheel again."
_REGENERATE: Final = "Run `wheelfix mirror check --fix`."
_SERVER: Final = f"Change the configuration of the server; see the examples in {HOME_PAGE}/tree/main/docs/guides/servers."


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


def _note(code: str, meaning: str, consequence: str, remedy: str, seen: Seen = Seen.BOTH) -> MirrorCheck:
    return _row(code, meaning, consequence, remedy, severity=Severity.NOTE, seen=seen)


_NOT_CHECKED: Final = "not-checked"
_UNREADABLE: Final = "unreadable"
_ENDED_EARLY: Final = "ended-early"
_ALL: Final = (
    _error(
        _NOT_CHECKED,
        "A server does not answer, a limit is reached, METADATA cannot be read without downloading a large wheel, or uv "
        "cannot resolve for a platform.",
        "What was not checked may be right or wrong.",
        "Raise the limit, use `--download all`, name platforms with `--platform`, or run again.",
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
    ),
    _error(
        "served-differs",
        "The served page differs from that of the mirror.",
        "Clients miss files or install wrong ones.",
        "Purge the page from the cache of the server or CDN, and check that it serves MIRROR/public.",
        Seen.PAIR,
    ),
    _warning(
        "served-stale",
        "The served page is older than that of the mirror, but within its cache time.",
        "Clients see the change when the cache expires.",
        "Wait for as long as Cache-Control says, or purge the page from the cache of the CDN.",
        Seen.PAIR,
    ),
    _error(
        "page-missing",
        "A project that is listed, or has wheels, has no page.",
        "Clients get 404 for it.",
        "Restore the page from a backup, or add the wheels of the project again. If the project has no wheels either, "
        "`wheelfix mirror check --fix` takes it off the list.",
    ),
    _error(
        "page-unlisted",
        "The root page does not list a project.",
        "Tools that mirror or search the index miss it.",
        _REGENERATE,
        Seen.MIRROR,
    ),
    _error(
        "html-differs",
        "An HTML page is missing, differs from the JSON page, or runs or loads what no page of wheelfix does.",
        "Clients that read HTML see other files than those that read JSON, or people open a page that somebody changed.",
        _REGENERATE,
    ),
    _note(
        "html-outdated",
        "An HTML page looks different from the one that this version of wheelfix writes; clients read the same in both.",
        "People who look at it. Another version of wheelfix wrote it, or somebody changed it. A page is written again when "
        "its files change.",
        "Run `wheelfix mirror check --fix` to write all such pages again. If wheelfix was not upgraded, find out who can "
        "write to the mirror.",
        Seen.MIRROR,
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
        Seen.MIRROR,
    ),
    _error(
        "file-differs",
        "The sha256 of a file differs from the one on the page.",
        "Every client that checks hashes refuses it.",
        "If the file is damaged, add the wheel again. If the page is wrong, restore it from a backup, or add the wheel "
        "again with `--replace`.",
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
        Seen.MIRROR,
    ),
    _error(
        "wheel-invalid",
        "`wheelfix verify` finds errors in a wheel.",
        "Installers refuse it, or some do.",
        "Fix it with `wheelfix repair`, then add it with `--replace`. If `file-differs` is reported too, the file is "
        "damaged: add the original wheel again.",
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
    _error(
        "not-closed",
        "What a release requires is not in the mirror, or not for a platform or Python that the release is for; or a "
        "project that the manifest names is not there.",
        "Clients that use nothing but the mirror cannot install it there.",
        "Add what is missing, or set `dependencies = true` in the manifest and run `wheelfix mirror sync`.",
        Seen.CLOSED,
    ),
    _warning(
        "dependency-not-closed",
        "A release that others require cannot be installed on a platform or Python where none of them requires it.",
        "Clients that ask for it by name cannot install it there; what requires it elsewhere can be installed.",
        "Nothing needs to be done, unless somebody is to install it by name.",
        Seen.CLOSED,
    ),
    _warning(
        "lock-not-closed",
        "What a release requires that only a lock of the manifest names is not in the mirror, or not for its targets.",
        "The lock itself may install without it: a lock for Linux names nothing that only Windows requires.",
        "Nothing, if the lock is for other platforms. Else lock again, or add what is missing.",
        Seen.CLOSED,
    ),
    _warning(
        "no-wheel-here",
        "The manifest names a project of which no release has a wheel for one of its platforms and Pythons.",
        "Clients there cannot install the project from the mirror, unless it has a source distribution that they can build.",
        "Nothing, if nobody installs it there. Else allow a release that has such a wheel, or add one.",
        Seen.CLOSED,
    ),
    _warning(
        "time-missing",
        "A file has no upload time that can be read.",
        "pip --uploaded-prior-to fails, and uv --exclude-newer skips the file.",
        "Let the index list the upload time of each file. On a page of your own mirror, write the time that it should have.",
    ),
    _warning(
        "past-missing",
        "A file that was replaced is gone.",
        "Locks that name it cannot be installed any more.",
        "Restore it from a backup, if old locks matter.",
        Seen.MIRROR,
    ),
    _warning(
        "unlisted",
        "No page lists a file.",
        "No client is affected; it only takes up space.",
        f"{_REGENERATE} It deletes what runs left. `wheelfix mirror prune --all-unlisted` also deletes the "
        "others, except those of a project without a page, which may have been lost.",
        Seen.MIRROR,
    ),
    _warning(
        "leftover",
        "A killed process left a half-written file, or an unfinished upload.",
        "No client is affected; it only takes up space.",
        _REGENERATE,
        Seen.MIRROR,
    ),
    _error(
        "link-outside",
        "A link in the mirror leads outside.",
        "A server may publish what is private.",
        "Remove the link.",
        Seen.MIRROR,
    ),
    _error(
        "in-the-way",
        "A path of the mirror is of the wrong kind: a directory or a pipe in place of a file, or a file in place of a "
        "directory.",
        "Clients do not get what should be there.",
        "Move it away, then run `wheelfix mirror check --fix`.",
        Seen.MIRROR,
    ),
    _error(
        _UNREADABLE,
        "A file or directory cannot be read.",
        "A server that may not read it either answers 403.",
        "Change its permissions.",
        Seen.MIRROR,
    ),
    _error(
        _ENDED_EARLY,
        "An error kept `mirror check --fix` or `mirror prune` from one project, or ended the run before all was done.",
        "What was fixed or deleted is reported and stays so; the rest is as it was.",
        "Run the same command again once the cause is gone.",
        Seen.MIRROR,
    ),
)
MIRROR_CHECKS: Final = {check.code: check for check in _ALL}
"""Every check of a mirror by its code, in the order in which findings are reported."""
_MAY_HIDE: Final = frozenset(
    {_NOT_CHECKED, _UNREADABLE, _ENDED_EARLY, "page-unreadable", "page-missing", "in-the-way", "link-outside"}
)
"""What may hide any other finding: it is reported whatever is selected."""
_RANK: Final = {code: rank for rank, code in enumerate(MIRROR_CHECKS)}


def misplaced(error: PlaceError) -> Finding:
    """Return the finding for what is not what belongs where it is."""
    return finding(error.code, shown(error.place), error.problem, hint=error.hint)


def finding(code: str, place: str, message: str, *, fixable: bool = False, hint: str = "") -> Finding:
    """Return a finding of a mirror; ``place`` is a path in it, or a URL."""
    return MIRROR_CHECKS[code].finding(place, message, fixable=fixable, hint=hint)


class ResolvedCounts(Struct, frozen=True):
    """How many ``releases`` were resolved from a mirror alone, and for how many ``targets``: platforms and Pythons."""

    releases: int
    targets: int


class MirrorCheckReport(Struct, frozen=True):
    """What was found in a mirror: ``findings`` in the order of the table, and how many ``projects`` and ``files`` it has.

    ``fixed`` is what had been found before and was fixed; ``suppressed`` counts findings left out by ``select`` or
    ``ignore``. ``traffic`` counts requests to servers, ``None`` for a mirror in a store. ``young`` counts files of a bucket
    that no page lists and that are younger than the grace period: another publisher may be about to list them. ``resolved``
    is ``None`` where nothing was resolved.
    """

    findings: tuple[Finding, ...]
    projects: int
    files: int
    fixed: tuple[Finding, ...] = ()
    suppressed: int = 0
    traffic: Traffic | None = None
    young: int = 0
    resolved: ResolvedCounts | None = None

    def count(self, severity: Severity) -> int:
        """Return how many findings of this severity there are."""
        return sum(each.severity is severity for each in self.findings)

    @property
    def complete(self) -> bool:
        """Whether everything could be checked, and no error ended the run early."""
        return not any(each.code in (_NOT_CHECKED, _UNREADABLE, _ENDED_EARLY) for each in self.findings)

    def passes(self, *, strict: bool = False) -> bool:
        """Whether there is no error, and with ``strict`` no warning either."""
        return not (self.count(Severity.ERROR) or (strict and self.count(Severity.WARNING)))

    def selected(self, selection: Selection) -> "MirrorCheckReport":
        """Return the report without the findings that are not selected; what was not checked may hide any of them."""
        kept = tuple(
            each
            for each in self.findings
            if selection.includes(each.code) or (each.code in _MAY_HIDE and not selection.ignores(each.code))
        )
        return replace(self, findings=kept, suppressed=len(self.findings) - len(kept))

    def adding(
        self, findings: Iterable[Finding], selection: Selection, resolved: ResolvedCounts | None = None
    ) -> "MirrorCheckReport":
        """Return the report with those of ``findings`` that are selected as well, and what was ``resolved`` for them."""
        found = MirrorCheckReport.of([*self.findings, *findings], self.projects, self.files).selected(selection)
        suppressed = self.suppressed + found.suppressed
        return replace(self, findings=found.findings, suppressed=suppressed, resolved=resolved)

    @classmethod
    def of(cls, findings: Iterable[Finding], projects: int, files: int) -> "MirrorCheckReport":
        """Return the report with ``findings`` put in order."""
        return cls(tuple(sorted(findings, key=lambda each: _RANK[each.code])), projects, files)
