"""The tags of a wheel: which Pythons, ABIs and platforms it is for, read, chosen and changed in its file name.

Follows https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/. A file name holds three sets, and
stands for every combination of their values; that is why it cannot say every set of tags.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Final, NamedTuple, assert_never

from msgspec.structs import replace

from wheelfix.errors import EditError
from wheelfix.globs import is_plain, matches
from wheelfix.text import shown, shown_few
from wheelfix.wheel.edits import AddTags, RemoveTags, SetTags, TagEdit
from wheelfix.wheel.filename import WheelFilename

MOST_TAGS: Final = 10_000
"""How many tags a wheel may have; real ones have some hundred at most."""
_LONGEST_NAME: Final = 255
"""The longest file name that file systems allow, in bytes."""
_VALUE: Final = re.compile(r"[a-z0-9_]+")
_SEVERAL: Final = "."


class WheelTag(NamedTuple):
    """One tag, in lower case, as installers compare it."""

    python: str
    abi: str
    platform: str

    def __str__(self) -> str:
        return "-".join(self)


def expanded(text: str) -> list[WheelTag]:
    """Return the tags that ``text`` stands for, in order: one tag, or a compressed set of them.

    >>> [str(tag) for tag in expanded("py2.py3-none-any")]
    ['py2-none-any', 'py3-none-any']

    :raises EditError: if it is not a tag as installers read them, in lower case, or stands for more than 10,000.
    """
    parts = [part.split(_SEVERAL) for part in text.split("-")]
    if len(parts) != len(WheelTag._fields):
        raise _no_tag(text, "a tag has three parts, PYTHON-ABI-PLATFORM")
    if any(value.lower() != value for part in parts for value in part):
        raise _no_tag(text, f"uv reads only lower case: {shown(text.lower())}")
    if not all(_VALUE.fullmatch(value) for part in parts for value in part):
        raise _no_tag(text, "its parts hold letters, digits and _, and dots between the values of a set")
    if not all(map(str.isidentifier, parts[0])):
        raise _no_tag(text, "its Python tag begins with a digit, which pip refuses")
    return _product(parts)


def number_of_tags(text: str) -> int:
    """Return how many tags ``text`` would stand for, whether or not it is a tag."""
    return prod(part.count(_SEVERAL) + 1 for part in text.split("-"))


def _no_tag(text: str, why: str) -> EditError:
    hint = "Write one such as py3-none-any or cp311-abi3-manylinux_2_28_x86_64."
    return EditError("invalid-tag", f"{shown(text)!r} is not a tag: {why}", hint=hint)


def _product(parts: Sequence[Sequence[str]]) -> list[WheelTag]:
    """Return every combination of the values of three sets.

    :raises EditError: if there are more than 10,000.
    """
    if prod(map(len, parts)) > MOST_TAGS:
        raise EditError(
            "too-many-tags",
            f"a wheel would have {prod(map(len, parts))} tags",
            hint=f"At most {MOST_TAGS:,} tags are allowed.",
        )
    return [WheelTag(*values) for values in dict.fromkeys(product(*parts))]


def tags_of(name: WheelFilename) -> list[WheelTag]:
    """Return the tags that a file name stands for, in the order of its sets.

    :raises EditError: if there are more than 10,000.
    """
    return _product([part.lower().split(_SEVERAL) for part in (name.python, name.abi, name.platform)])


def are_written(tags: Iterable[WheelTag]) -> bool:
    """Whether each is a tag that can be written: a file name can have empty ones, or ones with odd characters."""
    return all(tag.python.isidentifier() and all(map(_VALUE.fullmatch, tag)) for tag in tags)


def pattern_error(pattern: str) -> str:
    """Return why ``pattern`` matches no tag, as a clause; empty if it can match one.

    >>> pattern_error("manylinux1_x86_64")
    'a whole tag is compared, PYTHON-ABI-PLATFORM'
    """
    if pattern != pattern.lower():
        return "tags are compared in lower case"
    return "a whole tag is compared, PYTHON-ABI-PLATFORM" if is_plain(pattern) and pattern.count("-") != 2 else ""


def given_tags(tags: str | Iterable[str]) -> list[WheelTag]:
    """Return the tags that all of ``tags`` stand for, each once, in order.

    :raises EditError: as :func:`expanded` does, or if they are more than 10,000 together.
    """
    found = dict.fromkeys(tag for text in _each(tags) for tag in expanded(text))
    if len(found) > MOST_TAGS:
        hint = f"At most {MOST_TAGS:,} tags are allowed."
        raise EditError("too-many-tags", f"a wheel would have {len(found)} tags", hint=hint)
    return [*found]


def _each(texts: str | Iterable[str]) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)


def edited_tags(tags: Iterable[WheelTag], edit: TagEdit) -> list[WheelTag]:
    """Return ``tags`` after ``edit``; those that stay keep their order, new ones follow.

    :raises EditError: if a tag of the edit is not one.
    """
    match edit:
        case SetTags(texts):
            return given_tags(texts)
        case AddTags(texts):
            return [*dict.fromkeys([*tags, *given_tags(texts)])]
        case RemoveTags(patterns):
            globs = _each(patterns)
            return [tag for tag in tags if not matches(globs, str(tag))]
        case _:
            assert_never(edit)


def with_tags(name: WheelFilename, tags: Collection[WheelTag]) -> WheelFilename:
    """Return a file name that stands for exactly ``tags``; values that it had keep their spelling and order.

    >>> name = WheelFilename.parse("demo-1.0-py2.py3-none-any.whl")
    >>> str(with_tags(name, expanded("py3.py4-none-any")))
    'demo-1.0-py3.py4-none-any.whl'

    :raises EditError: if there are no tags, or a file name cannot say them.
    """
    if not tags:
        raise EditError("no-tag-left", "the wheel would have no tag", hint="Keep one, or give it others in the same run.")
    parts = [
        _with_values(part, values)
        for part, values in zip((name.python, name.abi, name.platform), zip(*tags, strict=True), strict=True)
    ]
    renamed = replace(name, python=parts[0], abi=parts[1], platform=parts[2])
    claimed = tags_of(renamed)
    if not are_written(claimed):
        odd = next(tag for tag in claimed if not are_written([tag]))
        hint = "Give the wheel all the tags that it is to have, in place of these."
        raise EditError("invalid-tag", f"the file name has a tag that is not one: {shown(str(odd))}", hint=hint)
    _refuse_more_than(tags, claimed)
    if len(str(renamed)) > _LONGEST_NAME:
        hint = f"File systems allow {_LONGEST_NAME} characters: give it fewer tags."
        raise EditError("too-many-tags", f"the file name would have {len(str(renamed))} characters", hint=hint)
    return renamed


def _with_values(part: str, values: Iterable[str]) -> str:
    """Return one set of a file name with these values: old ones in their order and spelling, then new ones."""
    old, wanted = part.split(_SEVERAL), [*dict.fromkeys(values)]
    present = {value.lower() for value in old}
    kept = [value for value in old if value.lower() in wanted]
    return _SEVERAL.join([*kept, *(value for value in wanted if value not in present)])


def _refuse_more_than(tags: Collection[WheelTag], claimed: Iterable[WheelTag]) -> None:
    """Refuse tags that are not every combination of their values: the file name would claim more."""
    wanted = frozenset(tags)
    more = [str(tag) for tag in claimed if tag not in wanted]
    if more:
        raise EditError(
            "tags-not-a-product",
            f"no file name says just these tags: it would also say {shown_few(more)}",
            hint="Give the wheel those tags too, or leave out what makes them: a file name stands for every combination of "
            "its Python, ABI and platform tags.",
        )


def retagged(name: WheelFilename, edits: Iterable[TagEdit]) -> WheelFilename:
    """Return the file name of a wheel after ``edits`` of its tags, in their order.

    :raises EditError: if a tag is not one, or the file name cannot say the tags that are left.
    """
    tags = tags_of(name)
    for edit in edits:
        tags = edited_tags(tags, edit)
    return with_tags(name, tags)


def compressed(tags: Iterable[WheelTag]) -> Iterator[str]:
    """Yield ``tags`` in few texts: those that differ only in the platform together.

    >>> list(compressed(expanded("cp39.cp310-abi3-linux_x86_64.win_amd64")))
    ['cp39-abi3-linux_x86_64.win_amd64', 'cp310-abi3-linux_x86_64.win_amd64']
    """
    found: dict[tuple[str, str], list[str]] = {}
    for tag in tags:
        found.setdefault((tag.python, tag.abi), []).append(tag.platform)
    for (python, abi), platforms in found.items():
        yield f"{python}-{abi}-{_SEVERAL.join(platforms)}"
