"""What names releases on a command line: a project, or a project with versions; of an index or of a mirror."""

from packaging.requirements import InvalidRequirement, Requirement

from wheelfix.errors import MirrorError
from wheelfix.text import shown


def read_requirement(text: str, *, extras: bool = False) -> Requirement:
    """Return the project and the versions that ``text`` names, such as ``torch==2.7.0``.

    Extras are refused unless ``extras`` allows them: they choose nothing where only wheels of the project itself count.

    :raises MirrorError: if it names no project, or has a marker, a URL or extras that are not allowed.
    """
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise MirrorError(
            "bad-selection", f"{shown(text)!r} is not a project or requirement", hint="Examples: torch, torch==2.7.0."
        ) from error
    if found.marker or found.url or (found.extras and not extras):
        raise MirrorError(
            "bad-selection", f"{shown(text)!r} has more than a name and versions", hint="Examples: torch, torch==2.7.0."
        )
    return found
