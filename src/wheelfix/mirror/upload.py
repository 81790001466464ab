"""Wheels are added to a mirror, project by project: all of one project appear on its page atomically."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from wheelfix.errors import FilenameError, MirrorError, WheelfixError
from wheelfix.mirror.examine import Arrival, examine
from wheelfix.mirror.layout import SIDECAR, check_project, file_place, page_place
from wheelfix.mirror.pages import BY_MIRROR, ListedFile, Origin, Page
from wheelfix.mirror.release import compare_release
from wheelfix.mirror.repository import Unfinished, behind, is_saved, load_page, not_done, outdated_pages, save_page
from wheelfix.mirror.storage.local import Folder
from wheelfix.mirror.terms import Terms
from wheelfix.mirror.upstream_file import UpstreamFile, inherited, notes_on, taken_over
from wheelfix.options import Transfer, listed
from wheelfix.results import Publication, Published, PublishReport
from wheelfix.text import as_utf8, shown
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.zip.source import Source

SAME_NAME: Final = "The original has the same name, so that it cannot be listed too; --build-tag tells them apart."


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the page is to say of a wheel, what that makes of it, and what a person should know."""

    file: ListedFile
    status: Published
    notes: tuple[str, ...] = ()


def accept(page: Page, new: ListedFile, terms: Terms, upstream: UpstreamFile | None = None) -> Acceptance:
    """Return how ``page`` can list ``new`` on ``terms``; ``upstream`` is what the index says that it was taken from.

    :raises MirrorError: if it serves the same wheel with other bytes, or in another spelling, and is not to serve it so.
    """
    accepted = _accept(page, new, terms)
    if upstream is None:
        return accepted
    file = taken_over(accepted.file, upstream)
    notes = () if accepted.status is Published.UNCHANGED else notes_on(file, upstream)
    return replace(accepted, file=file, notes=(*accepted.notes, *notes))


def _accept(page: Page, new: ListedFile, terms: Terms) -> Acceptance:
    old = page.find_same(new)
    if old is None:
        return Acceptance(replace(inherited(page, new), checked_by=terms.rules), Published.ADDED)
    if old.filename != new.filename:
        raise _spelled_otherwise(old, new)
    stays = (
        () if old.yanked is None else (f"It is yanked, and stays so: `wheelfix mirror unyank` lists {new.filename} again.",)
    )
    if old.sha256 == new.sha256:
        checked_by = old.checked_by if terms.rules is None else terms.rules
        same = replace(
            old, url=new.url, size=new.size, requires_python=new.requires_python, metadata_sha256=new.metadata_sha256,
            origin=new.origin, checked_by=checked_by,
        )  # fmt: skip
        return Acceptance(same, Published.UNCHANGED, stays)
    if old.origin is not None and old.origin.sha256 == new.sha256:
        raise _original_of(old)
    if not terms.replace:
        raise _name_taken(old)
    file = replace(inherited(page, new), checked_by=terms.rules)
    if old.yanked is not None or old.yanked_by is not None:
        file = replace(file, yanked=old.yanked, yanked_by=old.yanked_by)
    return Acceptance(file, Published.REPLACED, (*_what_caches_hold(page, old), *stays))


def _what_caches_hold(page: Page, old: ListedFile) -> tuple[str, ...]:
    project = page.project
    return (
        f"The bytes that were served before stay at their address, for locks that name them: {page.place(old)}.",
        f"Clients may have cached what the name stood for. Clear it with `uv cache clean {project}`, `poetry cache "
        f"clear SOURCE --all -n`, `pdm cache clear`; then lock again, in uv with `--upgrade-package {project}`.",
    )


def _name_taken(old: ListedFile) -> MirrorError:
    return MirrorError(
        "name-taken",
        f"the mirror serves {shown(old.filename)} with other bytes, sha256 {old.sha256}, since {shown(old.upload_time)}",
        hint="Serve these in place of those with --replace, or give the wheel a name of its own when it is corrected: "
        "`wheelfix strip-gpu` and `fix` take --build-tag and --local.",
    )


def _original_of(old: ListedFile) -> MirrorError:
    return MirrorError(
        "is-the-original",
        f"the mirror serves {shown(old.filename)} corrected, and this is the original that it was made from",
        hint="There is nothing to do. To list it too, yanked, correct it with a name of its own: `wheelfix strip-gpu "
        "--publish MIRROR --build-tag 1nogpu --yank-original REASON`. To go back to it, remove the corrected one first.",
    )


def _spelled_otherwise(old: ListedFile, new: ListedFile) -> MirrorError:
    return MirrorError(
        "name-taken",
        f"the mirror serves {shown(old.filename)}, which is the same wheel to installers",
        hint=f"Remove that one first, if {shown(new.filename)} is to be served in its place.",
    )


class Addition:
    """What becomes of the wheels of ``project``; its lock is held meanwhile.

    ``done`` tells it by wheel, ``more`` of originals that were listed or yanked with them.
    """

    def __init__(self, folder: Folder, project: str, terms: Terms) -> None:
        self._folder = folder
        self._terms = terms
        self._unfinished = Unfinished(folder, project)
        self._unfinished.settle(terms.timeout)
        self._state = self._unfinished.state()
        before = load_page(folder, project)
        self._before = self._page = before.with_files(before.files)
        self._arrived: dict[Path, Arrival] = {}
        self._steps: list[tuple[Path, ListedFile]] = []
        self._placed: list[str] = []
        self._contested: dict[Hashable, Path] = {}
        self._more: list[tuple[Path, Publication]] = []
        self._is_published = False
        self.done: dict[Path, Publication] = {}

    @property
    def more(self) -> list[Publication]:
        """What became of originals."""
        return [each for _, each in self._more]

    def run(self, paths: Iterable[Path], originals: Sequence[Path]) -> None:
        """Add the wheels at ``paths``; ``originals`` are those of corrected ones, as far as they were given.

        What came and is not listed in the end is taken back.

        :raises MirrorError: if the mirror is damaged.
        """
        try:
            self._run(paths, originals)
        finally:
            self._clean_up()

    def _clean_up(self) -> None:
        """Remove what came and is not listed, and forget the notes of this run."""
        try:
            self._unfinished.discard(self._placed)
        except (MirrorError, OSError) as error:
            if not self._is_published:
                raise
            self._report_behind(error)

    def _run(self, paths: Iterable[Path], originals: Sequence[Path]) -> None:
        for path in paths:
            try:
                self._take(path)
            except (WheelfixError, OSError) as error:
                self.done[path] = not_done(path, error)
        if self._terms.yank_original is not None:
            for arrival in list(self._arrived.values()):
                self._yank_original(arrival, self._terms.yank_original, originals)
        if not self._terms.allow_mixed:
            self._refuse_mixed()
        if self._page.files:
            self._publish()
        if self._terms.transfer is Transfer.MOVE:
            for arrival in self._arrived.values():
                self._remove_moved(arrival)

    def _publish(self) -> None:
        """Write the pages. Once JSON says that the wheels are there they are served, whatever page behind it is not."""
        try:
            save_page(self._folder, self._page, self._terms.timeout)
        except (MirrorError, OSError) as error:
            if not is_saved(self._folder, self._page):
                raise
            self._report_behind(error)
        self._is_published = True

    def _report_behind(self, error: Exception) -> None:
        """Let everything that is listed because of this run say which pages behind it could not be written."""
        page = page_place(self._page.project)
        problem = behind(outdated_pages(self._folder, self._page), page, error)
        self.done = {path: replace(each, problem=each.problem or problem) for path, each in self.done.items()}
        self._more = [(path, replace(each, problem=each.problem or problem)) for path, each in self._more]

    def _remove_moved(self, arrival: Arrival) -> None:
        """Remove a wheel from where it came from, unless that is where the mirror serves it, or another file."""
        if self._folder.serves(arrival.path):
            self._note(arrival, "It is not moved away: the mirror itself serves it from there.")
            return
        try:
            arrival.path.unlink(missing_ok=True)
        except OSError as error:
            self._note(
                arrival, f"It is in the mirror, and could not be removed from where it was: {error.strerror or error}."
            )

    def _take(self, path: Path) -> None:
        """Put a wheel into the mirror, and let the page say so.

        :raises MirrorError: if it has errors, is of another project, or the page cannot list it.
        """
        with Source(path) as source:
            arrival = examine(path, source, sha256=self._terms.sums.get(path), now=self._terms.now)
            if arrival.project != self._page.project:
                raise MirrorError(
                    "other-project", f"it is a wheel of {shown(arrival.project)}", hint="Give it its name back."
                )
            self._refuse_second(arrival)
            accepted = accept(self._page, arrival.file, self._terms, self._terms.upstream.get(path))
            mended = self._place(source, arrival, self._terms.transfer) and accepted.status is Published.UNCHANGED
        self._arrived[path] = arrival
        self._step(path, accepted.file)
        notes = (*accepted.notes, *(["The mirror had lost it, or it was damaged: it is whole again."] if mended else []))
        place = self._page.place(accepted.file)
        self.done[path] = Publication(
            path, accepted.status, self._page.project, arrival.file.filename, place, arrival.file.sha256, notes
        )

    def _refuse_second(self, arrival: Arrival) -> None:
        """Refuse two wheels of this call that are the same to installers, and have other bytes: who knows which is meant.

        Only where one was made from the other, that one is taken.
        """
        new = arrival.file
        if new.identity in self._contested:
            raise _given_twice(self._contested[new.identity])
        for other in list(self._arrived.values()):
            old = other.file
            if old.identity != new.identity or old.sha256 == new.sha256:
                continue
            if _is_made_from(old, new):
                raise _given_twice(other.path)
            self._take_back(other.path, _given_twice(arrival.path))
            if not _is_made_from(new, old):
                self._contested[new.identity] = other.path
                raise _given_twice(other.path)

    def _step(self, path: Path, file: ListedFile) -> None:
        """Let the page say ``file``, because of the wheel at ``path``."""
        self._steps.append((path, file))
        self._page = self._page.with_file(file)

    def _place(self, source: Source, arrival: Arrival, transfer: Transfer) -> bool:
        """Put a wheel and its sidecar where the page is to say that they are; return whether it was not there, whole."""
        file = arrival.file
        place = file_place(self._page.project, file.filename, file.sha256)
        there = self._folder.size(place)
        if there is None:
            self._unfinished.note([place], self._state)
            self._placed.append(place)
        is_new = there != file.size or self._folder.sha256(place) != file.sha256
        if is_new:
            self._folder.take(source, place, transfer)
        self._folder.write_all({place + SIDECAR: arrival.metadata})
        return is_new

    def _yank_original(self, arrival: Arrival, reason: str, originals: Sequence[Path]) -> None:
        """List the original of a corrected wheel, yanked; a note tells where that cannot be."""
        origin = arrival.file.origin
        if origin is None:
            return
        listed = self._page.find(origin.filename)
        if origin.filename == arrival.file.filename:
            self._note(arrival, SAME_NAME)
        elif listed is not None and listed.sha256 == origin.sha256:
            self._yank(arrival.path, listed, reason)
        elif listed is not None:
            self._note(arrival, f"The original is not listed: {shown(origin.filename)} is there with other bytes.")
        elif not any(
            self._list_original(arrival, origin, each, reason) for each in originals if each.name == origin.filename
        ):
            self._note(arrival, f"The original, {shown(origin.filename)}, is not at hand, so that it is not listed.")

    def _list_original(self, arrival: Arrival, origin: Origin, path: Path, reason: str) -> bool:
        """List the wheel at ``path``, yanked, if it is the original; return whether it is."""
        try:
            with Source(path) as source:
                original = examine(path, source, sha256=None, now=self._terms.now, leniently=True)
                if original.file.sha256 == origin.sha256:
                    self._place(source, original, Transfer.COPY)  # it is the user's, whatever becomes of the corrected one
                    upstream = self._terms.upstream.get(path)
                    listed = taken_over(original.file, upstream) if upstream else original.file
                    self._yank(arrival.path, listed, reason, path)
                    return True
        except (WheelfixError, OSError) as error:
            self._note(arrival, f"{shown(str(path))} cannot be read: {shown(str(error))}")
        return False

    def _yank(self, because: Path, file: ListedFile, reason: str, path: Path | None = None) -> None:
        """List the original of the wheel ``because``, yanked; ``path`` is where it came from, if it was not there."""
        self._step(because, replace(file, yanked=as_utf8(reason), yanked_by=BY_MIRROR))
        place = self._page.place(file)
        done = Publication(path, Published.YANKED, self._page.project, file.filename, place, file.sha256)
        self._more.append((because, done))

    def _note(self, arrival: Arrival, note: str) -> None:
        done = self.done[arrival.path]
        self.done[arrival.path] = replace(done, notes=(*done.notes, note))

    def _refuse_mixed(self) -> None:
        """Refuse the wheels of this call whose release would agree less than before, and take them back."""
        news = {path: arrival.file for path, arrival in self._arrived.items() if self._is_news(arrival.file)}
        for release in sorted({file.release for file in news.values()}):
            files = [each for each in self._page.files if each.release == release and each.yanked is None]
            arrived = [path for path, file in news.items() if file.release == release]
            try:
                notes = compare_release(self._folder, self._page, files)
            except (WheelfixError, OSError) as error:
                for path in arrived:
                    self._take_back(path, error)
            else:
                for path, note in ((path, note) for path in arrived for note in notes):
                    self._note(self._arrived[path], note)

    def _is_news(self, file: ListedFile) -> bool:
        old = self._before.find(file.filename)
        return old is None or old.sha256 != file.sha256

    def _take_back(self, path: Path, error: WheelfixError | OSError) -> None:
        """Refuse the wheel at ``path`` after all, and undo what was done because of it."""
        del self._arrived[path]
        self._steps = [step for step in self._steps if step[0] != path]
        self._page = self._before
        for _, file in self._steps:
            self._page = self._page.with_file(file)
        self._more = [each for each in self._more if each[0] != path]
        self.done[path] = not_done(path, error)


def _is_made_from(file: ListedFile, other: ListedFile) -> bool:
    return file.origin is not None and file.origin.sha256 == other.sha256


def _given_twice(path: Path) -> MirrorError:
    return MirrorError(
        "given-twice",
        f"{shown(str(path))} is the same wheel with other bytes",
        hint="Name only the one that is to be served.",
    )


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
