"""Releases of another index are corrected and published: the whole job of a mirror in one call."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wheelfix.mirror.publish import check_options, correct_into, decided_by
from wheelfix.mirror.storage.local import Folder
from wheelfix.options import listed
from wheelfix.results import Outcome, PublishReport, Report
from wheelfix.upstream.resolve import read_requirement
from wheelfix.upstream.urls import check_url, missing_extra

if TYPE_CHECKING:
    from wheelfix.rules.model import RuleSet


def mirror_releases(
    mirror: Path | str,
    index: str,
    requirements: Iterable[str] | str,
    rules: "RuleSet | Path | str | Sequence[Path | str] | None" = "gpu",
    *,
    platforms: Iterable[str] | str = (),
    pythons: Iterable[str] | str = (),
    timeout: float = 600,
    seconds: float = 24 * 3600,
    on_file: Callable[[str, int, int], None] | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
    **options: Any,
) -> tuple[Report, PublishReport]:
    """Take releases from the index at ``index``, correct their wheels by ``rules``, and add them to the folder ``mirror``.

    Of each of ``requirements``, such as ``torch==2.7.0``, the newest release that fits is taken: its wheels for
    ``platforms`` (patterns of tags) and ``pythons`` (versions such as 3.11), all of them if none is named. Downloads are
    checked by their sha256, and go on where they were interrupted; the ``source`` of what is returned is their name. Wheels
    that were taken or refused before, by the same rules and options, are not loaded again. ``on_file`` is called with the
    name and the size in bytes of each file that is to be loaded, and how many of them are there from an interrupted run.

    When the index says that a file was uploaded, and whether it is yanked, is what the mirror says, of corrected wheels too;
    see :func:`wheelfix.mirror.follow.follow_index`. That is taken over again with each call. Extras are not followed.

    Every requirement and every wheel is for itself: what cannot be had, or is refused, is the ``problem`` of a publication,
    and the others are published.

    ``timeout`` is how many seconds to wait for another writer, ``seconds`` for all downloads together; ``options`` are those
    of :func:`wheelfix.fix_into_mirror`. Credentials come from a netrc file or keyring.

    :raises MirrorError: if a requirement, a Python or the address of the index is none.
    :raises RulesError: if the rules have faults.
    :raises ValueError: if options exclude each other, or are for where results go.
    :raises TypeError: if there is no such option.
    """
    try:
        from wheelfix.mirror.fetch import Taking
        from wheelfix.mirror.refusals import Refusals
        from wheelfix.upstream.http import Web
        from wheelfix.upstream.resolve import check_pythons  # imported late: what only the extra "index" installs
    except ImportError as error:
        raise missing_extra(error) from error
    check_options(rules, options)
    names = [*dict.fromkeys(listed(requirements))]
    platforms, pythons = listed(platforms), listed(pythons)
    check_url(index)
    check_pythons(pythons)
    for name in names:
        read_requirement(name, extras=True)
    folder, rules = Folder(Path(mirror)), _loaded(rules)
    decided = decided_by(rules.digest if rules else None, options)
    web = Web(seconds=seconds)
    with folder.workshop() as work:
        refusals = Refusals(folder.scratch(), decided, allow_mixed=bool(options.get("allow_mixed")))
        taking = Taking(
            web, index, folder, work, refusals,
            decided=decided, yanking=options.get("yank_original") is not None, timeout=timeout, on_file=on_file,
        )  # fmt: skip
        for name in names:
            taking.take(name, platforms, pythons)
        told = None if on_outcome is None else lambda outcome: on_outcome(_by_name(outcome))
        report, published = correct_into(
            folder, taking.paths, rules, upstream=taking.upstream, timeout=timeout, on_outcome=told, **options
        )
        files = taking.settle(report, published)
    return replace(report, outcomes=tuple(map(_by_name, report.outcomes))), replace(published, files=files)


def _by_name(outcome: Outcome) -> Outcome:
    return replace(outcome, source=Path(outcome.source.name))


def _loaded(rules: "RuleSet | Path | str | Sequence[Path | str] | None") -> "RuleSet | None":
    from wheelfix.rules.load import load_rules
    from wheelfix.rules.model import RuleSet

    if rules is None or isinstance(rules, RuleSet):
        return rules
    return load_rules(*listed(rules))
