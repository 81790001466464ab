"""What is known of the sizes of files that dropped requirements would install: the wheels that were given with them."""

from collections.abc import Iterable

from packaging.utils import canonicalize_name

from wheelfix.executors import file_size
from wheelfix.results import KnownFile, Outcome
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.requirement import read_requirement


def dropped_projects(outcomes: Iterable[Outcome]) -> frozenset[str]:
    """Return the normal names of all projects of which a requirement was dropped."""
    dropped = {each.before for outcome in outcomes for each in outcome.changes if each.field == REQUIRES and not each.after}
    return frozenset(found.name for text in dropped if text and (found := read_requirement(text)))


def given_files(outcomes: Iterable[Outcome]) -> tuple[KnownFile, ...]:
    """Return the wheels of the run that a dropped requirement of another one names, in their order."""
    outcomes = list(outcomes)
    projects = dropped_projects(outcomes)
    given = (each.source for each in outcomes if canonicalize_name(each.source.name.partition("-")[0]) in projects)
    return tuple(KnownFile(path.name, size) for path in dict.fromkeys(given) if (size := file_size(path)))
