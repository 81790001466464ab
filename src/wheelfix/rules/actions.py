"""What rules do to a requirement: one function an action, and the table that names them all."""

from collections.abc import Callable, Mapping
from typing import Final

from wheelfix.metadata.requirement import Requirement


def drop(requirement: Requirement) -> str | None:
    """Take the requirement out."""
    return None


def keep(requirement: Requirement) -> str | None:
    """Leave the requirement as it is written."""
    return requirement.text


ACTIONS: Final[Mapping[str, Callable[[Requirement], str | None]]] = {"drop": drop, "keep": keep}
"""Each action gives the new text of the requirement, or ``None`` to take it out."""
