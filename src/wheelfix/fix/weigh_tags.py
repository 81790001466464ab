"""New tags, and the claim to be pure Python, weighed against what the binaries of the wheel are built for."""

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from wheelfix.evidence.claims import against_purelib, contradictions
from wheelfix.evidence.elf import is_binary
from wheelfix.evidence.linkage import unread_reason
from wheelfix.evidence.verdict import Evidence
from wheelfix.fix.weigh import Weighed
from wheelfix.options import Policy, Scan
from wheelfix.results import Problem
from wheelfix.wheel.tags import WheelTag, tags_of
from wheelfix.wheel.wheel import Wheel

if TYPE_CHECKING:
    from wheelfix.evidence.targets import Target

_MOST_NOTES: Final = 20
_PURELIB: Final = "Root-Is-Purelib: true"
_NOT_COMPARED: Final = "Binaries not read (--scan always reads them): whether they fit the new tags is not known."
_FOR_TAGS: Final = "Choose tags that fit, or build the wheel for these; --force changes them anyway."
_FOR_PURELIB: Final = "Leave it false; --force changes it anyway."


def weigh_tags(
    wheel: Wheel, new: Collection[WheelTag], evidence: Callable[[], Evidence], policy: Policy, *, pure: bool = False
) -> Weighed:
    """Return whether ``wheel`` may get tags that are ``new``, and with ``pure`` say that its top is pure Python.

    It may not where a binary contradicts that, unless ``policy`` forces it. What the wheel says already is not weighed.
    """
    if not (new or pure):
        return Weighed()
    if policy.scan is Scan.NEVER:
        return Weighed(notes=(_NOT_COMPARED,) if any(map(is_binary, wheel.names)) else ())
    targets = evidence().read_targets()
    found = [(f"the tag {_whole(part, new)}", why) for part, why in contradictions(targets, tags_of(wheel.filename), new)]
    if pure and (why := against_purelib(targets)):
        found.append((_PURELIB, why))
    if not found:
        return Weighed(notes=_on_unread(targets, evidence()))
    if policy.force:
        lines = [f"Forced: {why}, which contradicts {claim}." for claim, why in found[:_MOST_NOTES]]
        more = len(found) - len(lines)
        return Weighed(notes=(*lines, *([f"Forced: {more} more lines like these."] if more else [])))
    claims, (first, why) = {claim for claim, _ in found}, found[0]
    others = f" and {len(claims) - 1} more" if len(claims) > 1 else ""
    hint = _FOR_PURELIB if claims == {_PURELIB} else _FOR_TAGS
    return Weighed(problem=Problem("contradicted-tag", f"its binaries contradict {first}{others}", hint, why))


def _whole(part: str, tags: Iterable[WheelTag]) -> str:
    """Return the first of the ``tags`` that has this platform, or this Python with its ABI, in full."""
    return next(str(tag) for tag in tags if part in (tag.platform, f"{tag.python}-{tag.abi}"))


def _on_unread(targets: Iterable["Target"], evidence: Evidence) -> tuple[str, ...]:
    """Return a note on the binaries of which nothing is known, if there are any."""
    known, linkage = {each.path for each in targets}, evidence.linkage
    left = {path: why for path, why in linkage.unread.items() if path not in known}
    reason = unread_reason(replace(linkage, unread=left))
    return (f"Whether all binaries fit the new tags is not known: {reason}.",) if reason else ()
