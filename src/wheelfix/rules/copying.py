"""Fields taken from other wheels of the release (``copy-from``), so that all of its wheels say the same."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from itertools import chain
from typing import Final

from wheelfix.errors import CopySourceError
from wheelfix.globs import matches
from wheelfix.results import ChangeAction
from wheelfix.rules.match import Facts, any_tag_matches
from wheelfix.rules.model import CopyFrom
from wheelfix.text import shown, shown_few
from wheelfix.wheel.editor import REQUIRES, Editor
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.release import EXTRA, PYTHON, CopySource, Declared, Topic, release_of
from wheelfix.wheel.requirement import on_one_line

COPIES_ITSELF: Final = "copies-itself"
"""The code of a wheel that may be copied from while it is read for that, if it copies from another one itself."""
_ORDER: Final = (PYTHON, REQUIRES, EXTRA)
"""The fields that can be copied, in the order in which they are: those on which a release has to agree."""


def is_source(wanted: CopyFrom, name: WheelFilename) -> bool:
    """Whether a wheel called ``name`` is one that ``wanted`` chooses to copy from."""
    tags = ((wanted.platform, name.platform), (wanted.python, name.python), (wanted.abi, name.abi))
    if not all(globs is None or any_tag_matches(globs, own) for globs, own in tags):
        return False
    return wanted.filename is None or matches(wanted.filename, str(name))


def copy_from(editor: Editor, wanted: CopyFrom, facts: Facts) -> bool:
    """Let the fields of ``wanted`` say what they say in the chosen wheel of the release; that wheel itself is unchanged.

    To merge is to add what any of the chosen wheels says, and to remove nothing.

    :raises CopySourceError: if there is none, it cannot be copied from, or several say different things.
    :raises EditError: if METADATA cannot hold what it says.
    """
    chosen_itself = is_source(wanted, facts.filename)
    if chosen_itself and (not wanted.merge or facts.copy_sources is None):
        return True
    if facts.copy_sources is None:
        raise CopySourceError(COPIES_ITSELF, "a wheel that others copy from copies from another one", hint=_ONE_SOURCE)
    sources = _sources(wanted, facts)
    if not sources and chosen_itself:
        return False
    if wanted.merge:
        declares = _merged(wanted, [*_usable(sources, facts), CopySource(facts.filename, Declared.of(editor.document.data))])
    else:
        declares = _only(wanted, sources, facts).declares
    values = {
        PYTHON: (declares.requires_python,) if declares.requires_python else (),
        REQUIRES: declares.requirements,
        EXTRA: declares.extras,
    }
    for field in _ORDER:
        if field in wanted.fields:
            editor.match_values(field, [on_one_line(value) for value in values[field]], ChangeAction.COPY_FROM)
    return True


_ONE_SOURCE: Final = "Let all wheels of a release copy from one that keeps its own fields."


def _sources(wanted: CopyFrom, facts: Facts) -> list[CopySource]:
    """Return the other wheels of the release that are chosen, in the order of their names."""
    name, release = str(facts.filename), release_of(facts.filename)
    others = [each for each in facts.copy_sources or () if str(each.filename) != name]
    chosen = (each for each in others if release_of(each.filename) == release and is_source(wanted, each.filename))
    return sorted(chosen, key=lambda each: str(each.filename))


def _usable(sources: Sequence[CopySource], facts: Facts, *, merged: bool = True) -> Sequence[CopySource]:
    """Return ``sources``; those that others are merged into can be used only if ``merged``.

    :raises CopySourceError: if there is none, or one cannot be used.
    """
    if not sources:
        raise CopySourceError(
            "copy-source-missing",
            f"no wheel of {facts.filename.project} {facts.filename.version} to copy from is among the given ones",
            hint="Give all wheels of the release in one run.",
        )
    for each in sources:
        if each.problem:
            raise CopySourceError(
                "copy-source-not-fixed",
                f"it copies from {shown(str(each.filename))}, which cannot be fixed",
                hint=each.problem.hint,
                reason=each.problem.message,
            )
        if each.merges and not merged:
            message = f"it copies from {shown(str(each.filename))}, into which other wheels are merged"
            raise CopySourceError(COPIES_ITSELF, message, hint=_ONE_SOURCE)
    return sources


def _only(wanted: CopyFrom, sources: Sequence[CopySource], facts: Facts) -> CopySource:
    """Return the wheel to copy from: one for the same Python and ABI if there is one, else any, if all say the same.

    :raises CopySourceError: if there is none, it cannot be used, or several differ.
    """
    near = [each for each in sources if _for_same_python(each.filename, facts.filename)]
    chosen = _usable(near or sources, facts, merged=False)
    said = [each.declares.answers() for each in chosen]
    _confirm_agreed(wanted, chosen, {topic: {answers.get(topic) for answers in said} for topic in set().union(*said)})
    return chosen[0]


def _merged(wanted: CopyFrom, sources: Sequence[CopySource]) -> Declared:
    """Return what any of ``sources`` declares; the last one's own spelling and order come first.

    :raises CopySourceError: if two contradict each other.
    """
    said = [each.declares.answers() for each in sources]
    topics = set().union(*said)
    _confirm_agreed(wanted, sources, {topic: {answers[topic] for answers in said if topic in answers} for topic in topics})
    declared = [each.declares for each in (sources[-1], *sources[:-1])]
    return Declared(
        tuple(chain.from_iterable(each.requirements for each in declared)),
        tuple(chain.from_iterable(each.extras for each in declared)),
        next((each.requires_python for each in declared if each.requires_python), ""),
    )


def _for_same_python(one: WheelFilename, other: WheelFilename) -> bool:
    pairs = ((one.python, other.python), (one.abi, other.abi))
    return all(set(mine.split(".")) & set(theirs.split(".")) for mine, theirs in pairs)


def _confirm_agreed(wanted: CopyFrom, sources: Sequence[CopySource], said: Mapping[Topic, Collection[Hashable]]) -> None:
    """Confirm that on each topic that is copied ``said`` has one answer.

    :raises CopySourceError: if it has not.
    """
    differing = {topic for topic, answers in said.items() if topic[0] in wanted.fields and len(answers) > 1}
    if differing:
        names = sorted({name if field == REQUIRES else f"{field} {name}".strip() for field, name, _ in differing})
        raise CopySourceError(
            "copy-sources-differ",
            f"{shown_few([str(each.filename) for each in sources])} differ on {shown_few(names)}",
            hint="Choose one of them with python, abi or filename, or fix them too.",
        )
