"""Releases of another index are corrected and published: the whole job of a mirror in one call."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from wheelfix.mirror.correcting import fix_into_mirror
from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import place_of
from wheelfix.mirror.publication import Publication, Published, PublishReport
from wheelfix.mirror.records import load_page
from wheelfix.mirror.terms import missing_extra
from wheelfix.outcome import Outcome, Report

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage

    from wheelfix.rules.model import RuleSet


def mirror_releases(
    mirror: Path | str,
    index: str,
    requirements: Iterable[str] | str,
    rules: "RuleSet | Path | str | Sequence[Path | str] | None" = "gpu",
    *,
    platforms: Sequence[str] = (),
    pythons: Sequence[str] = (),
    timeout: float = 600,
    seconds: float = 24 * 3600,
    on_file: Callable[[str, int], None] | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
    **options: Any,
) -> tuple[Report, PublishReport]:
    """Take releases from the index at ``index``, correct their wheels by ``rules``, and add them to the folder ``mirror``.

    Of each of ``requirements``, such as ``torch==2.7.0``, the newest release that fits is taken: its wheels for
    ``platforms`` (patterns of tags) and ``pythons`` (versions such as 3.11), all of them if none is named. Downloads are
    checked by their sha256, and go on where they were interrupted; the ``source`` of what is returned is their name. Wheels
    that were taken before, and corrected by the same rules, are not loaded again. ``on_file`` is called with the name and
    the size in bytes of each file that is to be loaded.

    ``timeout`` is how many seconds to wait for another writer, ``seconds`` for all downloads together; ``options`` are those
    of :func:`wheelfix.fix_into_mirror`. Credentials come from a netrc file or keyring.

    :raises MirrorError: if the index does not answer, nothing fits a requirement, or a download has another sha256.
    :raises RulesError: if the rules have faults.
    """
    try:
        from wheelfix.mirror.fetching import choose_wheels, download  # imported late: what only the extra "index" installs
        from wheelfix.mirror.web import Web
    except ImportError as error:
        raise missing_extra(error) from error
    folder, web = Folder(Path(mirror)), Web(seconds=seconds)
    names = [requirements] if isinstance(requirements, str) else list(requirements)
    rules = _loaded(rules)
    known: list[Publication] = []
    with folder.workshop() as work:
        paths: list[Path] = []
        for requirement in names:
            for file in choose_wheels(web, index, requirement, platforms=platforms, pythons=pythons):
                there = _find(folder, file, rules.digest if rules else None)
                if there is not None:
                    known.append(there)
                    continue
                if on_file:
                    on_file(file.filename, file.size or 0)
                paths.append(download(web, folder, file, work, timeout=timeout))
        told = None if on_outcome is None else lambda outcome: on_outcome(replace(outcome, source=Path(outcome.source.name)))
        report, published = fix_into_mirror(mirror, paths, rules, timeout=timeout, on_outcome=told, **options)
    outcomes = tuple(replace(each, source=Path(each.source.name)) for each in report.outcomes)
    files = (replace(each, source=Path(each.source.name) if each.source else None) for each in published.files)
    return replace(report, outcomes=outcomes), replace(published, files=(*known, *files))


def _loaded(rules: "RuleSet | Path | str | Sequence[Path | str] | None") -> "RuleSet | None":
    from wheelfix.rules.loading import load_rules
    from wheelfix.rules.model import RuleSet

    if rules is None or isinstance(rules, RuleSet):
        return rules
    return load_rules(*([rules] if isinstance(rules, str | Path) else rules))


def _find(folder: Folder, file: "DistributionPackage", digest: str | None) -> Publication | None:
    """Return what became of ``file`` when it was taken before, ``None`` if it was not, or by other rules."""
    project = str(canonicalize_name(file.project or ""))
    sha256 = file.digests.get("sha256")
    for each in load_page(folder, project).files:
        source = each.origin.sha256 if each.origin else each.sha256
        if source == sha256 and each.yanked is None and each.checked_by == digest:
            return Publication(None, Published.UNCHANGED, project, each.filename, place_of(each.url), each.sha256)
    return None
