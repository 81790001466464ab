"""Many wheels in one call: what is reported of them, and what they say of each other."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from building import build_wheel, write_wheel
from defects import metadata, valid
from fixing import values
from wheelfix.fix.batch import fix_wheels
from wheelfix.options import Selection
from wheelfix.progress import NoProgress
from wheelfix.results import CheckedWheel, Severity, VerifyReport
from wheelfix.verify import batch
from wheelfix.verify.batch import verify_wheels
from wheelfix.verify.run import check_wheel
from wheelfix.wheel.edits import RemoveField


class Recorded(NoProgress):
    """Keeps the wheels that are done."""

    def __init__(self) -> None:
        self.checked: list[CheckedWheel] = []

    def wheel_checked(self, checked: CheckedWheel) -> None:
        self.checked.append(checked)


FAULTY = valid(project="faulty", record=b"")


def codes(wheel: CheckedWheel) -> set[str]:
    return {finding.code for finding in wheel.findings}


def verified(folder: Path, **options: object) -> VerifyReport:
    return verify_wheels(write_wheel(folder, FAULTY), selection=Selection(**options))  # type: ignore[arg-type]


def test_one_path_or_many_as_text_or_path(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, valid())
    for given in (path, str(path), [path], iter([str(path)])):
        assert verify_wheels(given) == VerifyReport((CheckedWheel(path),))
    assert verify_wheels([]) == VerifyReport(())


def test_finding_of_our_own_stops_no_other_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def inspect(path: Path, **options: Any) -> CheckedWheel:
        if path.name.startswith("bad"):
            raise KeyError("x")
        return check_wheel(path, **options)

    monkeypatch.setattr(batch, "check_wheel", inspect)
    paths = [write_wheel(tmp_path, valid(project=project)) for project in ("bad", "good")]
    bad, good = verify_wheels(paths).wheels
    assert [(finding.code, finding.severity) for finding in bad.findings] == [("file-unreadable", Severity.ERROR)]
    assert "KeyError" in bad.findings[0].message
    assert "report it" in bad.findings[0].message
    assert codes(good) == {"filename-name-differs"}


def test_select_and_ignore(tmp_path: Path) -> None:
    assert codes(verified(tmp_path).wheels[0]) == {
        "filename-name-differs", "record-missing-row", "record-own-row-missing",
    }  # fmt: skip
    assert codes(verified(tmp_path, select=["record"]).wheels[0]) == {"record-missing-row", "record-own-row-missing"}
    assert codes(verified(tmp_path, ignore=["record-own", "file"]).wheels[0]) == {"record-missing-row"}
    assert codes(verified(tmp_path, select=["record"], ignore=["record"]).wheels[0]) == set()


@pytest.mark.parametrize("prefix", ["", "nonsense", "Record", "record-missing-row-x"])
@pytest.mark.parametrize("option", ["select", "ignore"])
def test_text_that_begins_no_code_is_refused(prefix: str, option: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="begins with"):
        verified(tmp_path, **{option: [prefix]})


def test_passes(tmp_path: Path) -> None:
    report = verify_wheels(write_wheel(tmp_path, valid(metadata=metadata(rest=[]))))
    assert (report.count(Severity.ERROR), report.count(Severity.WARNING)) == (0, 1)
    assert report.passes()
    assert not report.passes(strict=True)
    assert not verified(tmp_path).passes()
    assert VerifyReport(()).passes(strict=True)


def test_missing_file_and_directory_stop_nothing(tmp_path: Path) -> None:
    good = write_wheel(tmp_path, valid())
    folder = tmp_path / "folder-1.0-py3-none-any.whl"
    folder.mkdir()
    report = verify_wheels([tmp_path / "gone-1.0-py3-none-any.whl", folder, good])
    assert [codes(each) for each in report.wheels] == [{"file-unreadable"}, {"file-unreadable"}, set()]


def test_each_wheel_is_reported_as_it_is_done(tmp_path: Path) -> None:
    paths = [write_wheel(tmp_path, valid()), write_wheel(tmp_path, FAULTY)]
    progress = Recorded()
    report = verify_wheels(paths, progress=progress)
    assert tuple(progress.checked) == report.wheels


def test_several_at_a_time_say_the_same_in_the_same_order(tmp_path: Path) -> None:
    paths = [*release(tmp_path), write_wheel(tmp_path, FAULTY), tmp_path / "gone-1.0-py3-none-any.whl"]
    alone = verify_wheels([*paths, paths[0]])
    with ThreadPoolExecutor(2) as executor:
        assert verify_wheels([*paths, paths[0]], executor=executor) == alone
    assert verify_wheels([*paths, paths[0]], jobs=2) == alone


def test_a_wheel_that_an_executor_lost_is_a_finding(tmp_path: Path) -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    [wheel] = verify_wheels(write_wheel(tmp_path, valid()), executor=executor).wheels
    assert [each.code for each in wheel.findings] == ["file-unreadable"]
    assert "executor" in wheel.findings[0].message


def test_less_than_one_job_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="jobs"):
        verify_wheels(tmp_path, jobs=0)


def release(folder: Path) -> list[Path]:
    more = metadata("Requires-Dist: six", "Requires-Dist: nine", "Requires-Dist: ten", "Requires-Dist: \x1b; os_name == 'x'")
    return [
        write_wheel(folder, valid(tags="py3-none-any", metadata=more)),
        write_wheel(folder, valid(tags="py2-none-any")),
        write_wheel(folder, valid(project="other", tags="py2-none-any", metadata=metadata().replace(b"demo", b"other"))),
    ]


def test_wheels_of_one_release_that_disagree(tmp_path: Path) -> None:
    one, two, other = verify_wheels(release(tmp_path), selection=Selection(select="release")).wheels
    assert (one.findings, other.findings) == ((), ())
    [finding] = two.findings
    assert (finding.code, finding.severity, finding.place) == ("release-disagrees", Severity.WARNING, "Requires-Dist")
    assert finding.message == "wheels of the same release also require six, nine, ten and 1 more"
    assert verify_wheels(release(tmp_path), selection=Selection(ignore="release")).wheels[1].findings == ()


def test_wheel_of_a_release_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    paths = release(tmp_path)
    paths[0].write_bytes(build_wheel(valid())[:-1])
    assert [codes(each) for each in verify_wheels(paths).wheels] == [{"archive-truncated"}, set(), set()]


BEFORE = ("Requires-Dist: triton", "Requires-Dist: six")


def corrected(folder: Path, **options: object) -> tuple[Path, Path]:
    """Return a wheel, and the same wheel without triton in another directory."""
    path = write_wheel(folder, valid(metadata=metadata(*BEFORE)))
    edits = [RemoveField("Requires-Dist", "triton")]
    [outcome] = fix_wheels(path, None, edits=edits, **values(output_dir=folder / "fixed", **options)).outcomes
    assert outcome.output is not None, outcome.problem
    return path, outcome.output


@pytest.mark.parametrize("options", [{}, {"sbom": False}, {"build_tag": "1x"}, {"local": "x"}])
@pytest.mark.parametrize("turned", [False, True])
def test_a_wheel_before_and_after_is_no_release_that_disagrees(
    options: dict[str, object], turned: bool, tmp_path: Path
) -> None:
    paths = [*corrected(tmp_path, **options)]
    for each in verify_wheels(paths[::-1] if turned else paths, selection=Selection("release")).wheels:
        assert each.findings == ()


def test_a_correction_is_compared_with_the_other_wheels_of_its_release(tmp_path: Path) -> None:
    before, after = corrected(tmp_path)
    other = write_wheel(tmp_path, valid(tags="py2-none-any", metadata=metadata(*BEFORE)))
    found = {
        each.source: each.findings for each in verify_wheels([before, after, other], selection=Selection("release")).wheels
    }
    assert (found[before], found[other]) == ((), ())
    assert [finding.message for finding in found[after]] == ["wheels of the same release also require triton"]


def disagreeing(*paths: Path) -> set[Path]:
    """Return the wheels among ``paths`` that are reported because of their release."""
    return {Path(str(each.source)) for each in verify_wheels(paths, selection=Selection("release")).wheels if each.findings}


def test_another_directory_hides_no_disagreement(tmp_path: Path) -> None:
    """The results of three runs in one directory: a wheel as it was, one fixed, and one with another version."""
    original = write_wheel(tmp_path, valid(metadata=metadata(*BEFORE)))
    other = write_wheel(tmp_path, valid(tags="py2-none-any", metadata=metadata(*BEFORE)))
    _, fixed = corrected(tmp_path)
    _, elsewhere = corrected(tmp_path, local="cpu")
    copy = fixed.with_name(other.name)
    copy.write_bytes(other.read_bytes())
    assert disagreeing(fixed, copy) == disagreeing(fixed, elsewhere, copy) == {fixed}
    assert disagreeing(original, other, fixed, elsewhere, copy) == {fixed}
    assert disagreeing(copy, elsewhere, fixed, other, original) == {fixed}


def test_every_step_of_a_wheel_that_was_fixed_twice_is_compared(tmp_path: Path) -> None:
    first, second = corrected(tmp_path, build_tag="1")
    edits = [RemoveField("Requires-Dist", "six")]
    again = fix_wheels(second, None, edits=edits, **values(output_dir=tmp_path / "fixed", build_tag="2"))
    [third] = [each.output for each in again.outcomes if each.output is not None]
    other = write_wheel(tmp_path, valid(tags="py2-none-any", metadata=metadata(*BEFORE)))
    assert disagreeing(second, other) == {second}
    assert disagreeing(first, second, third, other) == {second, third}
    assert disagreeing(*[other, third, second, first]) == {second, third}


def test_wheels_that_differ_in_requires_python_or_extras(tmp_path: Path) -> None:
    """uv lock reads one of them; measured with uv 0.13.9."""
    one = write_wheel(tmp_path, valid(metadata=metadata("Requires-Python: >= 3.9", "Provides-Extra: X.y")))
    two = write_wheel(
        tmp_path, valid(tags="py2-none-any", metadata=metadata("Provides-Extra: x-y", "Requires-Python: >=3.9.0"))
    )
    assert [each.findings for each in verify_wheels([one, two], selection=Selection("release")).wheels] == [(), ()]
    three = write_wheel(tmp_path, valid(tags="cp312-abi3-any", metadata=metadata("Requires-Python: >=3.12")))
    found = verify_wheels([one, three], selection=Selection("release")).wheels
    assert [(finding.code, finding.place) for finding in found[0].findings] == [
        ("release-requires-python", "Requires-Python")
    ]
    assert [(each.code, each.place) for each in found[1].findings] == [
        ("release-requires-python", "Requires-Python"), ("release-disagrees", "Provides-Extra"),
    ]  # fmt: skip
