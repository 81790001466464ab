"""The sizes of files of which an index says none, as those in HTML: their servers are asked, a few at a time."""

from collections.abc import Iterable
from functools import partial

from msgspec.structs import replace

from wheelfix.errors import MirrorError
from wheelfix.sync.model import Action, PlannedFile, SyncPlan, WantedFile
from wheelfix.upstream.answers import OK, length_of_file
from wheelfix.upstream.http import Session
from wheelfix.upstream.parallel import few, parallel


def with_sizes(plan: SyncPlan, files: Iterable[WantedFile], session: Session) -> SyncPlan:
    """Return ``plan`` with the sizes of those of ``files`` that are to be added, as far as servers say them."""
    unknown = [each for each in files if each.file.size is None]
    if not unknown:
        return plan
    with parallel(session, few(len(unknown))) as calls:
        sizes = calls.map(partial(_size_of, session), (each.file.url for each in unknown), calls.count)
        known = {_key(each.project, each.sha256, each.filename): size for each, size in zip(unknown, sizes, strict=True)}
    return replace(plan, files=tuple(_with_size(each, known) for each in plan.files))


def _key(project: str, sha256: str | None, filename: str) -> tuple[str, str]:
    return project, sha256 or filename


def _with_size(file: PlannedFile, known: dict[tuple[str, str], int | None]) -> PlannedFile:
    if file.action is not Action.ADD or file.size is not None:
        return file
    return replace(file, size=known.get(_key(file.project, file.sha256, file.filename)))


def _size_of(session: Session, url: str) -> int | None:
    """Return the size of the file at ``url`` in bytes, ``None`` where its server does not say it."""
    try:
        with session.request("HEAD", url) as answer:
            return length_of_file(answer) if answer.status_code == OK else None
    except MirrorError:  # whoever downloads it gets the error
        return None
