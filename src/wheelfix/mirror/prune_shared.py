"""Prunes a shared store: it deletes what is old, by the clock of the store, and looks again right before and after."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from msgspec.structs import replace

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.mirror.journal import noted_runs, store_now
from wheelfix.mirror.layout import METADATA, SIMPLE, page_key, project_of
from wheelfix.mirror.pages import Page
from wheelfix.mirror.prune_run import YOUNG, Heads, Prune, decided, failed
from wheelfix.mirror.pruned import Pruned, PruneKind, PruneStatus
from wheelfix.mirror.repository import delete_empty_page, listed_keys, lists_files
from wheelfix.mirror.unlisted import UnlistedState, noted_files, unlisted_state
from wheelfix.results import Problem

_NO_CLOCK: Final = datetime.min.replace(tzinfo=UTC)
"""The time in a store without a clock: nothing is old there."""
_AT_ONCE: Final = 100
"""How many files are deleted before the page is read again."""


class SharedPrune(Prune):
    """One run that prunes a shared store: it deletes what is old, by the clock of the store."""

    def _now(self) -> datetime:
        return super()._now() if self._choice.dry_run else store_now(self._store) or _NO_CLOCK

    def _noted_projects(self) -> Iterable[str]:
        return {*self._runs, *self._projects_not_listed}

    @cached_property
    def _projects_not_listed(self) -> set[str]:
        """The projects that have a page and are not listed: mostly those without files, whose page cannot be deleted."""
        try:
            return {project for key in self._store.keys(SIMPLE) if (project := project_of(key))} - self._root
        except MirrorError:  # the list is damaged, which `mirror check` reports
            return set()

    def _prune_project(self, page: Page, heads: Heads) -> None:
        runs, first = self._runs.get(page.project, []), len(self._pruned)
        found = [*self._look(page, heads, noted_files(runs)), *self._unlist_past(page, heads)]
        to_delete = [each for each in found if each.status is PruneStatus.DELETED]
        self._note(each for each in found if each.status is not PruneStatus.DELETED)
        try:
            self._note(self._deleted(page.project, to_delete))
        except (MirrorError, OSError) as error:
            noted = {each.path for each in self._pruned[first:]}
            self._note(failed(each, error) for each in to_delete if each.path not in noted)
            raise
        left = {each.path for each in self._pruned[first:] if each.status is not PruneStatus.DELETED}
        self._note(self._settled(runs, left))
        self._note(self._empty_page(page))

    def _empty_page(self, page: Page) -> Iterator[Pruned]:
        """Delete the page of a project without files, where the store can do that."""
        if page.stored is not None and not lists_files(page) and not self._choice.dry_run:
            delete_empty_page(self._store, page.project)
            if self._store.head(page_key(page.project)) is None:
                yield Pruned(page_key(page.project), PruneKind.PAGE)

    def _look(self, page: Page, heads: Heads, noted: Mapping[str, datetime | None]) -> Iterator[Pruned]:
        """Yield the files that the page does not list: those that are to be deleted, and those that are kept."""
        for key in sorted(heads.keys() - listed_keys(page)):
            head, is_noted = heads[key], key.removesuffix(METADATA) in noted
            state = unlisted_state(key, head.modified, noted, self._grace)
            if state is UnlistedState.LEFT:
                yield decided(key, head, PruneKind.LEFT)
            else:
                why = YOUNG if state is UnlistedState.YOUNG else self._why_kept(page, key, head)
                yield decided(key, head, PruneKind.LEFT if is_noted else PruneKind.UNKNOWN, why)

    def _deleted(self, project: str, files: Sequence[Pruned]) -> Iterator[Pruned]:
        """Delete ``files``, several at a time; yield what became of each. What is gone already is left out."""
        if self._choice.dry_run or not files:
            yield from files
            return
        for start in range(0, len(files), _AT_ONCE):
            chosen, kept = self._choose_again(project, files[start : start + _AT_ONCE])
            yield from kept
            done = list(filter(None, self._calls.map(self._delete, chosen, _AT_ONCE)))
            try:
                listed = listed_keys(self._page(project))
            except (MirrorError, OSError):  # then nobody knows whether another process has listed them
                yield from done
                raise
            for each in done:
                if each.path not in listed:
                    yield each
                elif self._store.head(each.path) is None:
                    yield _listed_meanwhile(each)

    def _choose_again(self, project: str, files: Sequence[Pruned]) -> tuple[list[Pruned], list[Pruned]]:
        """Return which of ``files`` are still to be deleted, and which are kept: a journal has named them since.

        Journals are read first: a publisher that has dropped its own by then has listed the file, which the page says.
        """
        noted = noted_files(noted_runs(self._store, project))
        listed = listed_keys(self._page(project))
        young = {key for key, time in noted.items() if not self._grace.is_over(time)}
        chosen, kept = list[Pruned](), list[Pruned]()
        for each in files:
            if each.path in listed:
                continue
            is_ours = each.kind is PruneKind.REPLACED  # this run has just noted it
            is_young = not is_ours and each.path.removesuffix(METADATA) in young
            (kept if is_young else chosen).append(each)
        return chosen, [replace(each, status=PruneStatus.KEPT, reason=YOUNG) for each in kept]

    def _delete(self, pruned: Pruned) -> Pruned | None:
        """Delete a file that is still as old as it was; return what became of it, ``None`` if another run deleted it."""
        try:
            head = self._store.head(pruned.path)
            if head is None:
                return None
            if not self._grace.is_over(head.modified):
                return decided(pruned.path, head, pruned.kind, YOUNG)
            self._store.delete(pruned.path)
        except (WheelfixError, OSError) as error:
            return failed(pruned, error)
        return pruned


def _listed_meanwhile(pruned: Pruned) -> Pruned:
    """Return that another process listed a file while it was being deleted, which cannot be undone."""
    problem = Problem("listed-meanwhile", "another process listed it while it was being deleted", "Add the wheel again.")
    return replace(pruned, status=PruneStatus.FAILED, problem=problem)
