"""What fuzzing found is tried again: each input that broke something once, and a share of what reaches every branch."""

import os
import subprocess
import sys

import pytest

from fuzz import breaks
from fuzz.breaks import BREAKS
from fuzz.corpus import FOLDER, FOUND, LARGEST, decoded, encoded, read_corpus, read_found
from fuzz.target import Bound, Feed, Target, check_bounds, parts
from fuzz.targets import MODULES, target
from parts import PARTS, chosen_parts

_SHARES = 10
"""Of so many shares of a corpus one is tried by default."""
_MOST_COUNTED = 25
"""Of so many inputs of a part the work is counted, which takes five times as long as to try them."""


@pytest.mark.parametrize("name", MODULES)
def test_what_broke_once_stays_right(name: str) -> None:
    for data in read_found(name):
        check_bounds(target(name), data)


@pytest.mark.parametrize("name", MODULES)
def test_a_share_of_each_corpus(name: str) -> None:
    for data in read_corpus(name)[::_SHARES]:
        target(name).check(data)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("part", chosen_parts())
def test_each_corpus_within_its_bounds(name: str, part: int) -> None:
    inputs = [*target(name).seeds(), *read_corpus(name)]
    for data in inputs[part::PARTS][:_MOST_COUNTED]:
        check_bounds(target(name), data)


@pytest.mark.slow
@pytest.mark.parametrize("part", chosen_parts())
def test_a_part_that_is_broken_on_purpose_is_noticed(part: int) -> None:
    assert {*BREAKS} == {*MODULES}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for name in sorted(MODULES)[part::PARTS]:
        done = subprocess.run([sys.executable, breaks.__file__, name], env=environment, check=False, capture_output=True)
        assert done.returncode == 0, f"{name}: {done.stderr.decode()}"


def test_each_corpus_is_of_a_target_and_small() -> None:
    files = [*FOLDER.glob("*"), *FOUND.glob("*")]
    assert {path.stem for path in files} <= {*MODULES}
    assert all(path.suffix == ".txt" and path.stat().st_size <= LARGEST for path in files)


@pytest.mark.parametrize(
    "data", [b"", b"a", b"a ", b"\\n\n\r\t\0", "\u00e9\u20ac".encode(), bytes(range(256)), b"PK\3\4" + bytes(99)]
)
def test_an_input_is_written_and_read_back(data: bytes) -> None:
    assert decoded(encoded(data)) == data
    assert encoded(data).isascii()
    assert encoded(data).isprintable()
    assert not encoded(data).endswith(" ")


def test_work_and_memory_beyond_the_bounds_are_noticed() -> None:
    """A check that cannot fail would not be one."""
    idle = Target(lambda data: [len(data) for _ in range(1_000)], lambda: (), calls=Bound(500, 0))
    with pytest.raises(AssertionError, match="calls for an input"):
        check_bounds(idle, b"x")
    large = Target(lambda data: bytearray(1 << 20), lambda: (), memory=Bound(1 << 19, 1))
    with pytest.raises(AssertionError, match="bytes of memory"):
        check_bounds(large, b"x")


def test_decisions_end_with_the_input() -> None:
    feed = Feed(b"\x05\x02ab")
    assert (feed.number(9), feed.choice("xyz"), feed.ended, feed.rest(), feed.ended) == (5, "z", False, b"ab", True)
    assert (feed.number(300), feed.choice("xyz"), feed.text()) == (0, "x", "")
    assert parts(b"a\n%%\nb", 3) == [b"a", b"b", b""]
