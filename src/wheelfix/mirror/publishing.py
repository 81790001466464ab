"""Wheels are added to a mirror, project by project."""

from collections.abc import Callable, Iterable
from pathlib import Path

from wheelfix.errors import FilenameError, WheelfixError
from wheelfix.mirror.addition import Addition
from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import check_project
from wheelfix.mirror.publication import Publication, PublishReport, not_done
from wheelfix.mirror.terms import Terms, Transfer
from wheelfix.options import listed
from wheelfix.wheel.filename import WheelFilename


def add_wheels(
    mirror: Path | str,
    paths: Iterable[Path | str] | Path | str,
    *,
    replace: bool = False,
    yank_original: str | None = None,
    originals: Iterable[Path | str] | Path | str = (),
    allow_mixed: bool = False,
    transfer: Transfer | str = Transfer.COPY,
    timeout: float = 600,
    on_publication: Callable[[Publication], None] | None = None,
) -> PublishReport:
    """Add wheels to the mirror in the folder ``mirror``, which is made if need be, and return what became of each.

    Each wheel is verified first; one with an error is refused. A name that the mirror serves with other bytes is refused,
    unless ``replace``: then the new bytes are served at a new address, and the old ones stay, unlisted, for old locks.
    Wheels of which a release would no longer agree are refused, unless ``allow_mixed``.

    With ``yank_original``, a reason, the originals of corrected wheels are listed too, yanked, so that locks with their
    hashes can still be installed: those that the mirror has, and those among ``originals``.

    The wheels of one project appear at one stroke. ``timeout``, in seconds, is how long to wait for another process that
    writes to the same project; -1 waits for ever. ``on_publication`` is called as each project is done.

    No error of one wheel is raised: it is the ``problem`` of its publication.

    :raises ValueError: if there is no such ``transfer``.
    :raises MirrorError: if the folder is not a mirror, and not empty; nothing was done then.
    :raises OSError: if the folder cannot be read.
    """
    given = [Path(path) for path in listed(paths)]
    terms = Terms(
        replace=replace,
        yank_original=yank_original,
        allow_mixed=allow_mixed,
        transfer=Transfer(transfer),
        timeout=timeout,
    )
    return add_on_terms(Folder(Path(mirror)), given, terms, [Path(each) for each in listed(originals)], on_publication)


def add_on_terms(
    folder: Folder,
    given: list[Path],
    terms: Terms,
    originals: list[Path],
    on_publication: Callable[[Publication], None] | None = None,
) -> PublishReport:
    """Add wheels on ``terms``; see :func:`add_wheels`."""
    batches: dict[str, list[Path]] = {}
    done: dict[Path, Publication] = {}
    more: list[Publication] = []
    folder.check_usable()
    for path in dict.fromkeys(given):
        try:
            batches.setdefault(WheelFilename.parse(path.name).project, []).append(path)
        except FilenameError as error:
            done[path] = not_done(path, error)
    _tell(done.values(), on_publication)
    for project, batch in sorted(batches.items()):
        results, extra = _add_batch(folder, project, batch, terms, originals)
        done.update(results)
        more += extra
        _tell((*results.values(), *extra), on_publication)
    return PublishReport("mirror add", folder.path, (*(done[path] for path in given), *more))


def _add_batch(
    folder: Folder, project: str, batch: list[Path], terms: Terms, originals: list[Path]
) -> tuple[dict[Path, Publication], list[Publication]]:
    try:
        check_project(project)
        with folder.locked(project, terms.timeout):
            addition = Addition(folder, project, terms)
            addition.run(batch, originals)
            return addition.done, addition.more
    except (WheelfixError, OSError) as error:
        return {path: not_done(path, error) for path in batch}, []


def _tell(publications: Iterable[Publication], on_publication: Callable[[Publication], None] | None) -> None:
    if on_publication:
        for each in publications:
            on_publication(each)
