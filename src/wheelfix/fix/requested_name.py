"""The name, version and build tag that edits request for a wheel, whether they come from rules or from the caller."""

from msgspec.structs import replace

from wheelfix.options import Naming
from wheelfix.results import Change, ChangeAction
from wheelfix.wheel.edits import WheelEdit, naming_values
from wheelfix.wheel.filename import public, same_version
from wheelfix.wheel.wheel import Wheel


class RequestedName:
    """What edits request that the wheel is called, and by which rules; of several edits of one part the last one counts."""

    def __init__(self) -> None:
        self._own: dict[str, str | bool | None] = {}
        self._by: dict[str, tuple[str | None, str | None]] = {}

    def note(self, edit: WheelEdit, rule: str | None, reason: str | None) -> None:
        """Note an edit of the identity.

        :raises EditError: if no file name can hold what it asks for.
        """
        values = naming_values(edit)
        self._own |= values
        self._by[next(iter(values))] = (rule, reason)
        replace(Naming(), **self._own)  # it checks them

    @property
    def naming(self) -> Naming:
        """What edits alone ask for."""
        return self.over(Naming())

    def over(self, given: Naming) -> Naming:
        """Return what the wheel is to be called: what edits ask for, else what is ``given`` for all wheels."""
        return replace(given, **self._own) if self._own else given

    def settle(self, wheel: Wheel) -> None:
        """Raise no version that the same rule, or an edit without one, has raised already, as the provenance says.

        :raises ArchiveError: if the provenance is damaged.
        """
        post = self._own.get("post")
        if not isinstance(post, str) or not post.startswith("+"):
            return  # a number is the same for the second time
        rule, made = self._by["version"][0], wheel.provenance
        mine = [
            each.after
            for each in (made.changes if made else ())
            if (each.field, each.action, each.rule) == ("Version", ChangeAction.SET_VERSION, rule) and each.after
        ]
        if mine and same_version(public(mine[-1]), public(wheel.version)):
            del self._own["version"], self._own["post"]

    def change(self, change: Change, part: str) -> Change:
        """Return a change that follows from ``part``, with the rule that requested it and its reason."""
        rule, reason = self._by.get(part, (None, None))
        return replace(change, rule=rule, reason=reason or change.reason)
