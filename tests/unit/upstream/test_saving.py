"""A download on its way to the disk: whole or not there, whatever fails, and the first error is the one that is reported."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wheelfix.errors import MirrorError
from wheelfix.progress import NO_PROGRESS
from wheelfix.upstream.saving import PartFile, require_sum, saving

BROKEN = MirrorError("no-answer", "it breaks off", hint="Run again.")
WRONG = MirrorError("wrong-size", "it has another size", hint="Run again.")


def broken(error: Exception) -> Iterator[bytes]:
    """Yield a block, and fail."""
    yield b"PK"
    raise error


def test_a_file_has_its_name_when_all_of_it_is_there(tmp_path: Path) -> None:
    target = tmp_path / "x.whl"
    target.write_bytes(b"old")
    with saving(target, "x.whl", NO_PROGRESS) as part:
        part.append([b"PK", b"xyz"], 5)
        assert target.read_bytes() == b"old"
        assert part.have == 5
    assert [each.name for each in tmp_path.iterdir()] == ["x.whl"]
    assert target.read_bytes() == b"PKxyz"


@pytest.mark.parametrize("error", [BROKEN, WRONG, OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("keeps", [True, False])
def test_what_fails_is_kept_only_where_it_can_be_continued(error: BaseException, keeps: bool, tmp_path: Path) -> None:
    with pytest.raises(type(error)) as caught, saving(tmp_path / "x.whl", "x.whl", NO_PROGRESS, keeps=keeps) as part:
        part.append(broken(error), 5)  # type: ignore[arg-type]  # whatever can be raised
    assert caught.value is error
    assert [each.name for each in tmp_path.iterdir()] == (["x.part"] if keeps and error is not WRONG else [])


def test_what_was_kept_is_continued_with_its_sum(tmp_path: Path) -> None:
    target = tmp_path / "x.whl"
    with pytest.raises(MirrorError), saving(target, "x.whl", NO_PROGRESS, keeps=True) as part:
        part.append(broken(BROKEN), 5)
    with saving(target, "x.whl", NO_PROGRESS, keeps=True) as part:
        part.take_up()
        part.append([b"xyz"], 5)
        continued = part.sha256
    whole = PartFile(tmp_path / "y.part", "y.whl", NO_PROGRESS)
    whole.append([b"PKxyz"], None)
    assert (target.read_bytes(), continued) == (b"PKxyz", whole.sha256)
    whole.restart()
    whole.append([b"PK"], None)
    assert whole.path.read_bytes() == b"PK"


def test_a_name_that_is_too_long_is_the_error_and_not_that_it_cannot_be_removed(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="name too long") as caught, saving(tmp_path / ("x" * 300), "x", NO_PROGRESS) as part:
        part.append([b"PK"], None)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("right", [None, "one", "two"])
def test_only_a_sum_that_is_known_is_compared(right: str | None, tmp_path: Path) -> None:
    part = PartFile(tmp_path / "x.part", "x.whl", NO_PROGRESS)
    sums = {None: None, "one": part.sha256, "two": "0" * 64}
    if right != "two":
        require_sum(part, sums[right], "x.whl", "the index", "Run again.")
        return
    with pytest.raises(MirrorError, match="another sha256 than the index says, and deleted") as caught:
        require_sum(part, sums[right], "x.whl", "the index", "Run again.")
    assert caught.value.code == "wrong-hash"


def test_it_needs_no_extra() -> None:
    """What downloads from buckets is installed without the client for servers."""
    code = "import sys, wheelfix.upstream.saving, wheelfix.upstream.fetched; print('requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
