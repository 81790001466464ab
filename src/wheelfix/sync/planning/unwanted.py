"""Files that a manifest put into a mirror and no longer wants: why, and what becomes of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace
from packaging.requirements import Requirement

from wheelfix.mirror.examine import upload_time
from wheelfix.mirror.follow import REMOVED, is_unwanted
from wheelfix.mirror.pages import BY_SYNC, BY_UPSTREAM, ListedFile
from wheelfix.sync.manifest.model import Manifest, Source
from wheelfix.text import as_utf8

_KEPT_NO_LONGER: Final = "no longer kept by this mirror"
"""How the reason of a yank begins, which clients print."""


def why_unwanted(
    manifest: Manifest,
    project: str,
    file: ListedFile,
    serving: Sequence[str],
    named: Mapping[str, Sequence[Requirement]],
) -> str:
    """Return why ``manifest`` no longer wants ``file``, as a clause.

    ``serving`` are the sources that files of ``project`` are chosen from, ``named`` what each source says of it.
    """
    source = manifest.source(file.source or "")
    if source is None:
        return f"the manifest has no source {file.source} any more"
    if serving and source.name not in serving:
        return f"source {serving[0]} now has {project}"
    requirements = named.get(source.name, ())
    if not requirements:
        return _why_not_named(manifest, source, project)
    if file.version and not any(each.specifier.contains(file.version, prereleases=True) for each in requirements):
        return f"{file.version} does not fit {' or '.join(map(str, requirements))}"
    if source.keep is not None:
        newest = f"among the newest {source.keep} releases" if source.keep > 1 else "the newest release"
        return f"it is not {newest} for the platforms and Pythons of the manifest"
    return "it is for none of the platforms and Pythons of the manifest"


def _why_not_named(manifest: Manifest, source: Source, project: str) -> str:
    if source.locks and not source.projects:
        return "no lock names it any more"
    more = " and nothing requires it any more" if manifest.dependencies else " any more"
    return f"source {source.name} does not name {project}{more}"


def yanked_by_manifest(file: ListedFile, clause: str, now: datetime) -> ListedFile:
    """Return ``file``, yanked as no longer wanted; from now on the time counts until it is removed.

    One that is yanked for another reason keeps that.
    """
    if file.yanked is not None:
        return file if moment_of(file.yanked_at) else replace(file, yanked_at=upload_time(now))
    return replace(
        file, yanked=as_utf8(f"{_KEPT_NO_LONGER}: {clause}"), yanked_by=BY_SYNC, yanked_at=upload_time(now)
    )  # fmt: skip


def yanked_by_index(file: ListedFile, reason: str, now: datetime) -> ListedFile:
    """Return ``file``, yanked for the ``reason`` that its index gives; one that a manifest yanked before keeps its own."""
    if is_unwanted(file):
        return file
    at = file.yanked_at if file.yanked is not None and moment_of(file.yanked_at) else upload_time(now)
    return replace(file, yanked=as_utf8(reason), yanked_by=BY_UPSTREAM, yanked_at=at)


def is_due(file: ListedFile, prune_after: timedelta | None, now: datetime) -> bool:
    """Whether ``file`` was yanked long enough ago to be removed; one without a time that can be read never was."""
    yanked_at = moment_of(file.yanked_at)
    return prune_after is not None and yanked_at is not None and now - yanked_at >= prune_after


def moment_of(time: str | None) -> datetime | None:
    """Return the moment that ``time`` gives in the form of PEP 700, ``None`` where it is none: pages can be damaged."""
    try:
        found = datetime.fromisoformat(time) if time else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def reason_of_yank(file: ListedFile) -> str:
    """Return why ``file`` is yanked, as a sentence."""
    if file.yanked == REMOVED:
        return "The index no longer lists it."
    if file.yanked_by == BY_UPSTREAM:
        return f"The index has yanked it{f': {file.yanked}' if file.yanked else '.'}"
    clause = (file.yanked or "").removeprefix(f"{_KEPT_NO_LONGER}: ")
    return f"{clause[:1].upper()}{clause[1:]}." if clause else "It is yanked."
