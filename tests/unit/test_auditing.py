"""Many wheels in one call: what is told of them, and what they say of each other."""

from pathlib import Path

import pytest

from building import build_wheel, write_wheel
from flaws import metadata, sound
from wheelfix import auditing
from wheelfix.auditing import Audit, verify_wheels
from wheelfix.checks.inspection import inspect_wheel
from wheelfix.outcome import Inspection, Severity

FAULTY = sound(project="faulty", record=b"")


def codes(inspection: Inspection) -> set[str]:
    return {fault.code for fault in inspection.faults}


def verified(folder: Path, **options: object) -> Audit:
    return verify_wheels(write_wheel(folder, FAULTY), **options)  # type: ignore[arg-type]


def test_one_path_or_many_as_text_or_path(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, sound())
    for given in (path, str(path), [path], iter([str(path)])):
        assert verify_wheels(given) == Audit((Inspection(path),))
    assert verify_wheels([]) == Audit(())


def test_fault_of_our_own_stops_no_other_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def inspect(path: Path) -> Inspection:
        if path.name.startswith("bad"):
            raise KeyError("x")
        return inspect_wheel(path)

    monkeypatch.setattr(auditing, "inspect_wheel", inspect)
    paths = [write_wheel(tmp_path, sound(project=project)) for project in ("bad", "good")]
    bad, good = verify_wheels(paths).inspections
    assert [(fault.code, fault.severity) for fault in bad.faults] == [("file-unreadable", Severity.ERROR)]
    assert "KeyError" in bad.faults[0].message
    assert "report it" in bad.faults[0].message
    assert codes(good) == {"filename-name-differs"}


def test_select_and_ignore(tmp_path: Path) -> None:
    assert codes(verified(tmp_path).inspections[0]) == {
        "filename-name-differs", "record-missing-row", "record-own-row-missing",
    }  # fmt: skip
    assert codes(verified(tmp_path, select=["record"]).inspections[0]) == {"record-missing-row", "record-own-row-missing"}
    assert codes(verified(tmp_path, ignore=["record-own", "file"]).inspections[0]) == {"record-missing-row"}
    assert codes(verified(tmp_path, select=["record"], ignore=["record"]).inspections[0]) == set()


@pytest.mark.parametrize("prefix", ["", "nonsense", "Record", "record-missing-row-x"])
@pytest.mark.parametrize("option", ["select", "ignore"])
def test_text_that_begins_no_code_is_refused(prefix: str, option: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="begins with"):
        verified(tmp_path, **{option: [prefix]})


def test_passes(tmp_path: Path) -> None:
    audit = verified(tmp_path, select=["record-own"])
    assert (audit.count(Severity.ERROR), audit.count(Severity.WARNING)) == (0, 1)
    assert audit.passes()
    assert not audit.passes(strict=True)
    assert not verified(tmp_path).passes()
    assert Audit(()).passes(strict=True)


def test_missing_file_and_folder_stop_nothing(tmp_path: Path) -> None:
    good = write_wheel(tmp_path, sound())
    folder = tmp_path / "folder-1.0-py3-none-any.whl"
    folder.mkdir()
    audit = verify_wheels([tmp_path / "gone-1.0-py3-none-any.whl", folder, good])
    assert [codes(each) for each in audit.inspections] == [{"file-unreadable"}, {"file-unreadable"}, set()]


def test_each_wheel_is_told_as_it_is_done(tmp_path: Path) -> None:
    paths = [write_wheel(tmp_path, sound()), write_wheel(tmp_path, FAULTY)]
    told: list[Inspection] = []
    audit = verify_wheels(paths, on_inspection=told.append)
    assert tuple(told) == audit.inspections


def siblings(folder: Path) -> list[Path]:
    more = metadata("Requires-Dist: six", "Requires-Dist: nine", "Requires-Dist: ten", "Requires-Dist: \x1b; os_name == 'x'")
    return [
        write_wheel(folder, sound(tags="py3-none-any", metadata=more)),
        write_wheel(folder, sound(tags="py2-none-any")),
        write_wheel(folder, sound(project="other", tags="py2-none-any", metadata=metadata().replace(b"demo", b"other"))),
    ]


def test_wheels_of_one_release_that_disagree(tmp_path: Path) -> None:
    one, two, other = verify_wheels(siblings(tmp_path), select=["siblings"]).inspections
    assert (one.faults, other.faults) == ((), ())
    [fault] = two.faults
    assert (fault.code, fault.severity, fault.place) == ("siblings-disagree", Severity.WARNING, "Requires-Dist")
    assert fault.message == "wheels of the same release also require six, nine, ten and 1 more"
    assert verify_wheels(siblings(tmp_path), ignore=["siblings"]).inspections[1].faults == ()


def test_sibling_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    paths = siblings(tmp_path)
    paths[0].write_bytes(build_wheel(sound())[:-1])
    assert [codes(each) for each in verify_wheels(paths).inspections] == [{"archive-truncated"}, set(), set()]
