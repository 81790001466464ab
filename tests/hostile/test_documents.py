"""Documents that were made wrong on purpose: each is refused with a message to act on, or read as what it says.

Nothing of one ends in a traceback, runs on, or is taken for another document. In the default run a third of the kinds of
damage are done once to each input, another third to the next one; with ``-m long`` all are done at every place.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from hostile.documents import Sample, one_of_each
from hostile.documents_inputs import INPUTS, Input
from parts import PARTS, chosen_parts
from wheelfix.errors import ManifestError, RulesError, WheelfixError
from wheelfix.refusals import REFUSALS
from wheelfix.rules.registry import RULE_CHECKS
from wheelfix.sync.manifest.registry import MANIFEST_CHECKS
from wheelfix.text import shown_lines

_PROCESSOR_SECONDS = 60
"""In which one document is read, whatever else the machine does: by far the longest takes a second."""
_LONGEST = 20_000
"""In characters: what a message has at most, whatever is in the document."""


@contextmanager
def _limited() -> Iterator[None]:
    """End what uses the processor without end: regular expressions look at signals, too."""

    def stop(_: int, __: FrameType | None) -> None:
        raise AssertionError("it runs on and on")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, _PROCESSOR_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _check_error(error: WheelfixError, path: Path) -> None:
    """Assert that an error has a known code, says where it is and what to do, and cannot write to a terminal."""
    text = str(error)
    assert error.code in REFUSALS or error.code in ("invalid-rules", "invalid-manifest")
    assert len(text) <= _LONGEST
    assert text == shown_lines(text)
    if isinstance(error, RulesError | ManifestError):
        assert error.findings
        known = {**RULE_CHECKS, **MANIFEST_CHECKS}
        assert all(each.code in known and each.message and each.hint for each in error.findings)
        assert all(path.name in each.place or str(path.parent) in each.place for each in error.findings)
    else:
        assert error.message
        assert error.hint


def _end(given: Input, sample: Sample, path: Path) -> str:
    """Read a damaged document; return the code of the error, or that it was accepted."""
    data = sample.made()
    path.write_bytes(data)
    with _limited():
        try:
            found = given.read(path)
        except WheelfixError as error:
            _check_error(error, path)
            return error.code
        given.look(found, data)
    return "accepted"


def _ends(name: str, chosen: list[Sample], folder: Path) -> dict[str, int]:
    """Read damaged documents; return how often each end came."""
    given, ends = INPUTS[name], dict[str, int]()
    (folder / "uv.lock").write_text("version = 1\n")
    for sample in chosen:
        try:
            end = _end(given, sample, folder / given.filename)
        except BaseException as error:
            error.add_note(f"{name}: {sample.kind} at {sample.place}")
            raise
        ends[end] = ends.get(end, 0) + 1
    return ends


def test_there_are_enough() -> None:
    kinds, count = set[str](), 0
    for given in INPUTS.values():
        found = list(given.made())
        kinds |= {each.kind for each in found}
        count += len(found)
    assert len(kinds) >= 200
    assert count >= 30_000


@pytest.mark.parametrize("name", INPUTS)
def test_a_third_of_the_kinds_of_damage_are_errors_or_no_harm(name: str, tmp_path: Path) -> None:
    kinds = one_of_each(list(INPUTS[name].made()))[list(INPUTS).index(name) % 3 :: 3]
    assert _ends(name, kinds, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("part", chosen_parts())
@pytest.mark.parametrize("name", INPUTS)
def test_each_damage_at_each_place_is_an_error_or_no_harm(name: str, part: int, tmp_path: Path) -> None:
    assert _ends(name, list(INPUTS[name].made())[part::PARTS], tmp_path)
