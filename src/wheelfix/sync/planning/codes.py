"""What the codes of a plan mean: why a file is not as the manifest alone would have it, or waits.

Codes of errors have their rows in :mod:`wheelfix.refusals`, those of a manifest in :mod:`wheelfix.sync.manifest.registry`.
"""

from typing import Final

from wheelfix.codes import Check
from wheelfix.results import Severity


def _note(code: str, meaning: str, consequence: str, remedy: str) -> Check:
    return Check(code, Severity.NOTE, meaning, consequence=consequence, remedy=remedy)


_ALL: Final = (
    _note(
        "rules-changed",
        "The rules, or options of the manifest, would correct a file differently from the one that is served.",
        'With `on-rules-change = "report"` the file stays as it is. With `build-tag` the new correction is served beside '
        "it, and the old file is yanked; with `replace` it takes its place.",
        "Read what would differ. If it matters, choose `build-tag` or `replace` in the manifest.",
    ),
    _note(
        "lock-hash-changes",
        "A lock names a file that the rules would change: its hash would change, and the lock would fail.",
        "The file is served as it is. With `build-tag` the corrected wheel is served beside it, and the locked file is "
        "yanked: the lock still installs it.",
        'Lock again from the mirror, or set `on-rules-change = "build-tag"`.',
    ),
    _note(
        "original-gone",
        "The rules have changed, and the original of a file is not available any more: its index does not list it, or has "
        "other bytes under its name.",
        "The file is served as the old rules corrected it.",
        "Nothing, if the old correction is good enough. Otherwise yank it with `wheelfix mirror yank`.",
    ),
    _note(
        "too-young",
        "A release, or with `dependencies = true` one that it requires, is younger than `min-age` in the manifest.",
        "It is added by a later run.",
        "Wait, or choose a shorter `min-age`.",
    ),
    _note(
        "family",
        "A release is not added yet: the other projects of its family have no releases that fit it.",
        "It is added by a later run, with those.",
        "Wait, or turn `family` off for the source.",
    ),
    _note(
        "yanked-upstream",
        "The index has yanked the file (PEP 592).",
        "It is yanked here, too: new resolutions avoid it, locks that name it still install it.",
        "Nothing. If you still need it, run `wheelfix mirror unyank`: that is kept.",
    ),
    _note(
        "served-elsewhere",
        "Another source of the manifest serves the project: the first source that has it serves it, in all versions.",
        "The files of this source do not count, so that no other index can slip in a version.",
        "Change the order of the sources, or name the project in one of them only.",
    ),
    _note(
        "lock-entry-skipped",
        "A lock has an entry that it does not pin, or that is no file of an index: a directory, a repository or a URL.",
        "An installation from the mirror alone fails.",
        "Pin it with `==`. What is no file of an index: publish it in an index of your own, or install it from where the "
        "lock has it.",
    ),
    _note(
        "changed-by-hand",
        "You changed a file by hand after the lock was written that `mirror sync --to` goes back to.",
        "It stays as it is: what a person decided is kept.",
        "Yank or unyank it with `wheelfix mirror yank` or `unyank`.",
    ),
    Check(
        "lock-not-written",
        Severity.WARNING,
        "A run had problems, so that it wrote no `--lock`: the mirror is not as its manifest says.",
        consequence="The file, if there is one, is that of an earlier run, and lacks what this one changed.",
        remedy="Solve the problems that the run reports, and run it again.",
    ),
)
PLAN_CHECKS: Final = {each.code: each for each in _ALL}
"""Every code of a plan by itself."""
