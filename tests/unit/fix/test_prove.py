"""Promise 5: a new wheel is checked, also by a reader that is not ours, before anyone sees it."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from wheel.wheelfile import WheelError, WheelFile

import wheelfix
import wheelfix.fix.prove as verification
from building import RecordStyle, WheelSpec, archive_of, changed, write_wheel
from wheelfix.results import Outcome, Status
from wheelfix.wheel.zip import rewrite
from wheelfix.wheel.zip.output import Growing
from wheelfix.wheel.zip.source import Source

SPEC = WheelSpec(requires=("nvidia-nccl-cu12", "numpy"))


def fix(folder: Path, spec: WheelSpec = SPEC) -> Outcome:
    path = write_wheel(folder, spec)
    [outcome] = wheelfix.fix_wheels([path], output=folder / "out").outcomes
    return outcome


def assert_not_published(outcome: Outcome, folder: Path) -> None:
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.FAILED, "not-as-planned")
    assert list((folder / "out").iterdir()) == []


def reader(refuses: Callable[[Path], bool]) -> type[WheelFile]:
    """Return a reader that refuses some files, by the path behind the link that it is given."""

    class Strict(WheelFile):  # type: ignore[misc]  # it comes without types
        def __init__(self, file: Path) -> None:
            if refuses(file.readlink()):
                raise WheelError("this one is not for me")
            super().__init__(file)

    return Strict


def test_a_new_wheel_that_the_other_reader_refuses_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "WheelFile", reader(lambda path: path.suffix != ".whl"))
    assert_not_published(fix(tmp_path), tmp_path)


def test_one_that_it_refused_before_too_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pitfall 11: findings of the input are no findings of ours."""
    monkeypatch.setattr(verification, "WheelFile", reader(lambda _: True))
    outcome = fix(tmp_path)
    assert outcome.status is Status.FIXED
    assert outcome.notes == (
        "The `wheel` library rejects both the original and the new wheel: WheelError: this one is not for me.",
    )


@pytest.mark.parametrize("spec", [SPEC, WheelSpec(requires=SPEC.requires, style=RecordStyle(algorithm="md5"))])
def test_content_that_does_not_read_back_is_not_published(
    spec: WheelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the other reader takes neither wheel, as with weak hashes, contents are compared."""

    from wheelfix.wheel.zip.encode import encode_entry as real

    def something_else(source: Source, layout: Any, new: Any) -> tuple[bytes, bytes]:
        local, entry = real(source, layout, new)
        return local[:-1] + b"?", entry

    monkeypatch.setattr(rewrite, "encode_entry", something_else)
    assert_not_published(fix(tmp_path, spec), tmp_path)


def test_an_end_that_does_not_read_back_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wheelfix.wheel.zip.encode import end_bytes as real

    def one_less(old: Any, count: int, *rest: int) -> bytes:
        return real(old, count - 1, *rest)

    monkeypatch.setattr(rewrite, "end_bytes", one_less)
    assert_not_published(fix(tmp_path), tmp_path)


def test_closing_entries_are_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wheelfix.wheel.zip.encode import encode_entry as real

    def misnamed(source: Source, layout: Any, new: Any) -> tuple[bytes, bytes]:
        local, entry = real(source, layout, new)
        return local.replace(b"RECORD", b"DROCER", 1), entry

    monkeypatch.setattr(rewrite, "encode_entry", misnamed)
    assert_not_published(fix(tmp_path), tmp_path)


def test_the_tail_of_a_kept_span_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Growing.copy_from

    def torn(self: Growing, source: Source, offset: int, count: int) -> int:
        copied = real(self, source, offset, count)
        os.pwrite(self.descriptor, b"XX", self.size - 2)
        return copied

    monkeypatch.setattr(Growing, "copy_from", torn)
    assert_not_published(fix(tmp_path), tmp_path)


def test_a_system_without_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may be able to write to its output volume only; nothing is left there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    outcome = fix(tmp_path)
    assert outcome.status is Status.FIXED, outcome.problem
    assert outcome.output is not None
    assert list((tmp_path / "out").iterdir()) == [outcome.output]


@pytest.mark.parametrize("error", [errno.EMFILE, errno.EIO])
def test_a_system_that_fails_says_nothing_of_a_wheel(error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither wheel can be opened the other reader has not refused them: nobody has looked."""

    class Failing(WheelFile):  # type: ignore[misc]  # it comes without types
        def __init__(self, file: Path) -> None:
            raise OSError(error, os.strerror(error), str(file))

    monkeypatch.setattr(verification, "WheelFile", Failing)
    outcome = fix(tmp_path)
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.FAILED, errno.errorcode[error].lower())
    assert list((tmp_path / "out").iterdir()) == []


def test_temporary_files_that_cannot_be_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A /tmp in memory can be full, and has no place for a link."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    real = os.symlink

    def full(target: Path, path: Path, *options: bool) -> None:
        if path.is_relative_to(tmp_path / "temporary"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(target, path, *options)

    monkeypatch.setattr(os, "symlink", full)
    outcome = fix(tmp_path)
    assert outcome.status is Status.FIXED, outcome.problem
    assert list((tmp_path / "out").iterdir()) == [outcome.output]
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("temporary", ["temporary", "nowhere"])
def test_a_link_that_cannot_be_removed_is_no_reason_to_give_up_a_wheel(
    temporary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / temporary))

    def refuse(path: Path, **_: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", refuse)
        assert fix(tmp_path).status is Status.FIXED
    assert fix(tmp_path).status is Status.FIXED
    assert len(list((tmp_path / "out").iterdir())) == 1, "the next run removes it"


def test_a_entry_that_asks_for_a_newer_reader_does_not_stop_the_run(tmp_path: Path) -> None:
    """zipfile opens no archive with such an entry, before as after."""
    archive = changed(archive_of(SPEC), "version.py", local={"needed": 84}, directory={"needed": 84})
    path = write_wheel(tmp_path, archive=archive)
    [outcome] = wheelfix.fix_wheels([path], output=tmp_path / "out").outcomes
    assert outcome.status is Status.FIXED, outcome.problem
    assert any("both the original and the new wheel" in note for note in outcome.notes)
