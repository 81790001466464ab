"""What a person names: a project, or one with versions."""

from packaging.requirements import InvalidRequirement, Requirement

from wheelfix.errors import MirrorError
from wheelfix.escaping import shown


def read_requirement(text: str, *, extras: bool = False) -> Requirement:
    """Return the project and the versions that ``text`` names, such as ``torch==2.7.0``.

    ``extras`` says whether it may have some, which are of no use where only the wheels of the project itself are taken.

    :raises MirrorError: if it names none, or has a marker, an address or extras that it may not have.
    """
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise MirrorError(
            "bad-selection", f"{shown(text)!r} names no project", hint="Examples: torch, torch==2.7.0."
        ) from error
    if found.marker or found.url or (found.extras and not extras):
        raise MirrorError(
            "bad-selection", f"{shown(text)!r} has more than a name and versions", hint="Examples: torch, torch==2.7.0."
        )
    return found
