"""Prunes a directory: writers wait while it is at work, and the journal says which files can go."""

from collections.abc import Iterable

from msgspec.structs import replace

from wheelfix.errors import MirrorError
from wheelfix.mirror.journal import journaled_projects, noted_runs, open_journal
from wheelfix.mirror.layout import FILES, JOURNAL, METADATA, is_file_key
from wheelfix.mirror.pages import Page
from wheelfix.mirror.prune_run import YOUNG, Heads, Prune, decided, failed
from wheelfix.mirror.pruned import Pruned, PruneKind, PruneStatus
from wheelfix.mirror.repository import listed_keys
from wheelfix.mirror.unlisted import UnlistedState, noted_files, unlisted_state
from wheelfix.results import Problem


class LocalPrune(Prune):
    """One run that prunes a directory: writers wait while it is at work, and the journal says which files can go."""

    def _noted_projects(self) -> Iterable[str]:
        return {*journaled_projects(self._store), *self._runs}

    def _prune_project(self, page: Page, heads: Heads) -> None:
        project = page.project
        if self._choice.dry_run:
            done = [*self._look(project, heads), *self._past(page, heads)]
        else:
            done = self._delete_files(page, heads)
        self._note(done)
        left = {each.path for each in done if each.status is not PruneStatus.DELETED}
        self._note(self._settled(self._runs.get(project, ()), left))

    def _delete_files(self, page: Page, heads: Heads) -> list[Pruned]:
        """Delete files of the project of ``page``, and return what became of them.

        Where an error ends that, what was deleted is noted before it is raised.
        """
        project, found = page.project, list[Pruned]()
        try:
            with self._store.locked(project, self._timeout):
                journal = open_journal(self._store, project)
                found, settled = self._look(project, dict(self._store.heads(f"{FILES}/{project}"))), journal.removable()
                for each in found:
                    if each.status is PruneStatus.DELETED and each.path not in settled and is_file_key(each.path):
                        self._store.delete(each.path)
                journal.settle(self._timeout)
        except (MirrorError, OSError):
            self._note(map(self._checked, found))
            raise
        past = self._unlist_past(page, heads)  # last: it deletes what an interrupted run left, too
        return [self._checked(each) for each in (*found, *past)]

    def _look(self, project: str, heads: Heads) -> list[Pruned]:
        """Return which files that no page lists are to be deleted, or kept, and the journal if there is one."""
        note = f"{JOURNAL}/{project}"
        found = [Pruned(note, PruneKind.JOURNAL)] if self._store.head(note) is not None else []
        page, removable = self._page(project), open_journal(self._store, project).removable()
        of_jobs = noted_files(noted_runs(self._store, project))  # read again: the lock keeps no worker from writing one
        for key in sorted(heads.keys() - listed_keys(page)):
            if key in removable or key.removesuffix(METADATA) not in of_jobs:
                kind = PruneKind.LEFT if key in removable else PruneKind.UNKNOWN
                why = "" if key in removable else self._why_kept(page, key, heads[key])
            else:
                kind = PruneKind.LEFT
                state = unlisted_state(key, heads[key].modified, of_jobs, self._grace)
                why = "" if state is UnlistedState.LEFT else YOUNG
            found.append(decided(key, heads[key], kind, why))
        return found

    def _checked(self, pruned: Pruned) -> Pruned:
        """Return ``pruned``, failed if it was to be deleted and is still there."""
        try:
            if pruned.status is not PruneStatus.DELETED or self._store.head(pruned.path) is None:
                return pruned
        except (MirrorError, OSError) as error:  # nobody knows
            return failed(pruned, error)
        problem = Problem("not-deleted", "it could not be deleted", "Check the permissions of its directory, and run again.")
        return replace(pruned, status=PruneStatus.FAILED, problem=problem)
