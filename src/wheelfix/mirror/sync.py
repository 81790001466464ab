"""Releases of another index, fixed and added to a mirror: what `mirror add --from-index` does."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wheelfix.mirror.publish import check_options, correct_into, decided_by
from wheelfix.mirror.scratch import workshop
from wheelfix.mirror.storage import open_store
from wheelfix.options import Limits, Targets, listed
from wheelfix.progress import NO_PROGRESS, Progress
from wheelfix.results import Outcome, PublishReport, Report
from wheelfix.upstream.urls import check_url, missing_extra

if TYPE_CHECKING:
    from wheelfix.rules.model import RuleSet


def mirror_releases(
    mirror: Path | str,
    index: str,
    requirements: Iterable[str] | str,
    rules: "RuleSet | Path | str | Sequence[Path | str] | None" = "gpu",
    *,
    targets: Targets = Targets(),
    limits: Limits = Limits(),
    progress: Progress = NO_PROGRESS,
    **options: Any,
) -> tuple[Report, PublishReport]:
    """Download releases from the index at ``index``, fix their wheels by ``rules``, and add them to ``mirror``.

    Of each of ``requirements``, such as ``torch==2.7.0``, the newest release that fits is downloaded: its wheels for
    ``targets``. Downloads are checked by their sha256, and resumed where they were interrupted; the ``source`` of what is
    returned is their name. Wheels that were added or refused before, by the same rules and options, are not downloaded
    again. ``progress`` hears of downloads, of pauses that a busy server wants, and of each wheel that is fixed.

    When the index says that a file was uploaded, and whether it is yanked, is what the mirror says, of fixed wheels too; see
    :func:`wheelfix.mirror.follow.follow_index`. That is copied again with each run. Extras are not followed.

    Every requirement and every wheel is handled independently: what cannot be had, or is refused, is the ``problem`` of a
    file, and the others are published.

    ``options`` are those of :func:`wheelfix.fix_into_mirror`. Credentials come from a netrc file or keyring.

    :raises MirrorError: if a requirement or the URL of the index cannot be read.
    :raises RulesError: if the rules have findings.
    :raises ValueError: if options exclude each other, or are for where results go.
    :raises TypeError: if there is no such option.
    """
    try:
        from wheelfix.mirror.fetch import Conditions, Fetcher  # imported late: what only the extra "index" installs
        from wheelfix.upstream.http import Web
        from wheelfix.upstream.resolve import read_requirement
    except ImportError as error:
        raise missing_extra(error) from error
    check_options(rules, options)
    names = [*dict.fromkeys(listed(requirements))]
    check_url(index)
    for name in names:
        read_requirement(name, extras=True)
    store, rules = open_store(mirror, create=True), _loaded(rules)
    conditions = Conditions(
        rules=decided_by(rules.digest if rules else None, options),
        yank_original=options.get("yank_original") is not None,
        allow_mixed=bool(options.get("allow_mixed")),
    )
    web = Web(seconds=limits.download_seconds, progress=progress)
    with workshop(store.scratch()) as work:
        fetcher = Fetcher(web, index, store, work, conditions, limits, progress)
        for name in names:
            fetcher.fetch(name, targets)
        upstream = fetcher.upstream
        report, published = correct_into(
            store, [*upstream], rules, upstream=upstream, timeout=limits.lock_seconds,
            on_outcome=lambda outcome: progress.wheel_done(_by_name(outcome)), **options,
        )  # fmt: skip
        files = fetcher.settle(report, published)
    return replace(report, outcomes=tuple(map(_by_name, report.outcomes))), replace(published, files=files)


def _by_name(outcome: Outcome) -> Outcome:
    return replace(outcome, source=Path(outcome.source.name))


def _loaded(rules: "RuleSet | Path | str | Sequence[Path | str] | None") -> "RuleSet | None":
    from wheelfix.rules.load import load_rules
    from wheelfix.rules.model import RuleSet

    if rules is None or isinstance(rules, RuleSet):
        return rules
    return load_rules(*listed(rules))
