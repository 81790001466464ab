"""Many wheels: one outcome each, in order, whatever happens to the others."""

import errno
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import wheelfix
from building import RecordStyle, WheelSpec, write_wheel
from fixing import Outcomes
from wheelfix.errors import RulesError
from wheelfix.fix.batch import fix_wheels
from wheelfix.options import Naming, Output
from wheelfix.results import Outcome, Status, failure
from wheelfix.wheel.edits import SetField
from wheelfix.wheel.wheel import Wheel

GPU = ("nvidia-nccl-cu12", "numpy")


def wheels(folder: Path, *projects: str, requires: tuple[str, ...] = GPU) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [write_wheel(folder, WheelSpec(project=project, requires=requires)) for project in projects]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def statuses(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [outcome.status.value for outcome in outcomes]


def test_outcomes_come_in_the_order_given(tmp_path: Path) -> None:
    good, plain = wheels(tmp_path / "in", "zeta")[0], wheels(tmp_path / "in", "alpha", requires=("numpy",))[0]
    bad = tmp_path / "in" / "bad-1.0-py3-none-any.whl"
    bad.write_bytes(b"no zip")
    missing, text = tmp_path / "missing-1.0-py3-none-any.whl", tmp_path / "x.txt"
    text.write_text("text")
    given = [good, bad, plain, missing, text]
    seen: list[Outcome] = []
    report = fix_wheels(given, output=tmp_path / "out", progress=Outcomes(seen.append))
    assert [outcome.source for outcome in report.outcomes] == given
    assert statuses(report.outcomes) == ["fixed", "refused", "unchanged", "failed", "refused"]
    assert seen == list(report.outcomes)
    assert not report.ok
    assert [report.count(status) for status in Status] == [1, 1, 2, 1]
    assert set(contents(tmp_path / "out")) == {good.name, plain.name}
    for outcome in report.outcomes:
        assert (outcome.problem is None) is (outcome.status in (Status.FIXED, Status.UNCHANGED))
        assert (outcome.output is None) is (outcome.problem is not None)
        if outcome.output:
            assert outcome.output_sha256 == sha256(outcome.output.read_bytes()).hexdigest()
            assert outcome.source_sha256 == sha256(outcome.source.read_bytes()).hexdigest()
        if outcome.problem:
            assert outcome.problem.code
            assert outcome.problem.hint.endswith(".")


def test_an_unchanged_wheel_is_copied_as_it_is(tmp_path: Path) -> None:
    [path] = wheels(tmp_path / "in", "demo", requires=("numpy",))
    [outcome] = fix_wheels([path], output=tmp_path / "out").outcomes
    assert outcome.output is not None
    assert outcome.output.read_bytes() == path.read_bytes()


def test_the_number_of_jobs_does_not_show_in_the_bytes(tmp_path: Path) -> None:
    """Pitfall 30: same input, same bytes, in any order and with any number of jobs."""
    paths = wheels(tmp_path / "in", "a", "b", "c")
    for name, jobs, order in (("one", 1, paths), ("two", 2, paths[::-1])):
        report = fix_wheels(order, output=tmp_path / name, jobs=jobs)
        assert [outcome.source for outcome in report.outcomes] == order
        assert report.ok
    with ThreadPoolExecutor(3) as executor:
        assert fix_wheels(paths, output=tmp_path / "threads", executor=executor).ok
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(tmp_path / "threads")


def test_a_process_pool_of_the_caller_is_used(tmp_path: Path) -> None:
    [path] = wheels(tmp_path / "in", "demo")
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as executor:
        assert fix_wheels([path], output=tmp_path / "out", executor=executor).ok
        executor.submit(os.getpid).result()


def test_errors_come_back_from_other_processes(tmp_path: Path) -> None:
    bad = [tmp_path / "missing-1.0-py3-none-any.whl", tmp_path / "other.txt"]
    bad[1].write_text("text")
    report = fix_wheels(bad, output=tmp_path / "out", jobs=2)
    assert [outcome.problem.code for outcome in report.outcomes if outcome.problem] == ["enoent", "not-a-wheel-name"]


def test_one_folder_cannot_hold_two_wheels_of_one_name(tmp_path: Path) -> None:
    """Neither of the two is written: which one comes first must not decide."""
    one, two, other = *wheels(tmp_path / "1", "demo"), *wheels(tmp_path / "2", "demo"), *wheels(tmp_path / "2", "other")
    report = fix_wheels([one, other, two], output=tmp_path / "out")
    assert statuses(report.outcomes) == ["refused", "fixed", "refused"]
    assert report.outcomes[0].problem is not None
    assert report.outcomes[0].problem.code == "same-output-name"
    assert report.outcomes[0].problem.hint.startswith("Give only one of them, or")
    assert set(contents(tmp_path / "out")) == {other.name}
    assert fix_wheels([one, two], output=Output(in_place=True)).ok


def test_one_wheel_given_twice_is_no_clash(tmp_path: Path) -> None:
    [path] = wheels(tmp_path / "in", "demo")
    again = tmp_path / "in" / ".." / "in" / path.name
    link = tmp_path / "links"
    link.mkdir()
    (link / path.name).symlink_to(path)
    report = fix_wheels([path, again, link / path.name], output=tmp_path / "out")
    assert statuses(report.outcomes) == ["fixed"] * 3


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_wheel_given_twice_is_corrected_in_place_once(tmp_path: Path, jobs: int) -> None:
    """Pitfall 35: what comes second finds nothing to do; both outcomes are of one file."""
    [path] = wheels(tmp_path / "in", "demo")
    report = fix_wheels([path, tmp_path / "in" / ".." / "in" / path.name], output=Output(in_place=True), jobs=jobs)
    assert report.ok, [outcome.problem for outcome in report.outcomes]


def test_nothing_is_written_in_a_dry_run(tmp_path: Path) -> None:
    paths = wheels(tmp_path / "in", "a", "b")
    before = contents(tmp_path / "in")
    report = fix_wheels(paths, output=Output(directory=tmp_path / "out", dry_run=True))
    assert statuses(report.outcomes) == ["fixed", "fixed"]
    assert all(outcome.output is None and outcome.metadata_diff for outcome in report.outcomes)
    assert not (tmp_path / "out").exists()
    assert contents(tmp_path / "in") == before


def test_stripping_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    """Pitfall 35: idempotence, in place and into another folder."""
    [path] = wheels(tmp_path / "in", "demo")
    assert statuses(fix_wheels([path], output=Output(in_place=True)).outcomes) == ["fixed"]
    fixed = path.read_bytes()
    assert statuses(fix_wheels([path], output=Output(in_place=True)).outcomes) == ["unchanged"]
    assert statuses(fix_wheels([path], output=tmp_path / "out").outcomes) == ["unchanged"]
    assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes() == fixed


def test_a_second_run_into_the_same_folder_is_at_peace(tmp_path: Path) -> None:
    [path] = wheels(tmp_path / "in", "demo")
    first, second = (fix_wheels([path], output=tmp_path / "out").outcomes[0] for _ in range(2))
    assert first.notes == ()
    assert second == replace(first, notes=("Up to date: the result was already there.",))


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_path_that_cannot_be_is_one_wheels_problem(tmp_path: Path, jobs: int) -> None:
    """Pitfall 29: a NUL in a path ends as that wheel's outcome, and the others are done."""
    [good] = wheels(tmp_path / "in", "demo")
    report = fix_wheels(["a\0b-1-py3-none-any.whl", good], output=tmp_path / "out", jobs=jobs)
    assert [outcome.problem.code if outcome.problem else None for outcome in report.outcomes] == ["bad-path", None]


def test_a_worker_that_dies_is_told(tmp_path: Path) -> None:
    """The report names every wheel even if a process was killed, for lack of memory, say."""
    paths = wheels(tmp_path / "in", "a", "b", "c")
    with _DyingPool() as pool:
        report = fix_wheels(paths, output=tmp_path / "out", executor=pool)
    assert [outcome.problem.code for outcome in report.outcomes if outcome.problem] == ["worker-died"] * 3


class _DyingPool(Executor):
    """An executor whose worker has died."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(BrokenExecutor())
        return future


class Unforeseen(Exception):
    """An error that no process but its own can be told of."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)
        self.two = two

    def __reduce__(self) -> Any:
        return (Unforeseen, (), None)


class _SpoilingPool(ThreadPoolExecutor):
    """An executor that does not give back what becomes of one wheel, but ``spoil``."""

    def __init__(self, spoil: Callable[[], Future[Any]]) -> None:
        super().__init__(1)
        self._spoil = spoil

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        path: Path = args[0][0] if isinstance(args[0], tuple) else args[0]
        return self._spoil() if path.name.startswith("b-") else super().submit(fn, *args, **kwargs)


def _ending_with(error: BaseException) -> Callable[[], Future[Any]]:
    def future() -> Future[Any]:
        made: Future[Any] = Future()
        made.set_exception(error)
        return made

    return future


def _cancelled() -> Future[Any]:
    future: Future[Any] = Future()
    future.cancel()
    future.set_running_or_notify_cancel()
    return future


def _refused() -> Future[Any]:
    raise RuntimeError("cannot schedule new futures after shutdown")


@pytest.mark.parametrize(
    ("spoil", "code", "word"),
    [
        (_ending_with(BrokenExecutor("gone")), "worker-died", "worker process ended"),
        (_ending_with(pickle.PicklingError("no way")), "no-result", "PicklingError: no way"),
        (_ending_with(TypeError("cannot pickle")), "no-result", "TypeError: cannot pickle"),
        (_ending_with(Unforeseen("one", "two")), "no-result", "Unforeseen: one"),
        (_ending_with(SystemExit(7)), "no-result", "SystemExit: 7"),
        (_ending_with(KeyboardInterrupt()), "no-result", "KeyboardInterrupt"),
        (_ending_with(OSError(errno.ECONNRESET, "Connection reset by peer")), "econnreset", "Connection reset"),
        (_ending_with(wheelfix.SourceChanged("source-changed", "x", hint="y")), "source-changed", "x"),
        (_cancelled, "no-result", "CancelledError"),
        (_refused, "no-result", "after shutdown"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("local", [None, "cpu"])
def test_what_an_executor_reports_is_of_one_wheel(
    spoil: Callable[[], Future[Any]], code: str, word: str, local: str | None, tmp_path: Path
) -> None:
    """The others are done and reported, whether wheels are compared first (``local``) or not."""
    paths = wheels(tmp_path / "in", "a", "b", "c")
    with _SpoilingPool(spoil) as pool:
        report = fix_wheels(paths, output=tmp_path / "out", naming=Naming(local=local), executor=pool)
    assert statuses(report.outcomes) == ["fixed", "failed", "fixed"]
    problem = report.outcomes[1].problem
    assert problem is not None
    assert (problem.code, word in problem.message) == (code, True)
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_an_error_that_cannot_be_read_back_ends_no_run(tmp_path: Path) -> None:
    """Of a real process: an error class whose copy cannot be made breaks the pool, and each wheel says so."""
    paths = wheels(tmp_path / "in", "a", "b")
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
        pool.submit(_raise_unforeseen).exception()
        report = fix_wheels(paths, output=tmp_path / "out", executor=pool)
    assert {outcome.problem.code for outcome in report.outcomes if outcome.problem} <= {"worker-died", "no-result"}
    assert len(report.outcomes) == 2


def _raise_unforeseen() -> None:
    raise Unforeseen("one", "two")


def test_processes_that_cannot_be_started(tmp_path: Path) -> None:
    """One sentence before anything is done, rather than as many tracebacks as there are jobs."""
    wheels(tmp_path / "in", "a", "b", "c", "d")
    command = 'ulimit -n 16; exec "$@"'
    words = [sys.executable, "-m", "wheelfix", "strip-gpu", "-j", "4", "-o", str(tmp_path / "out"), str(tmp_path / "in")]
    ran = subprocess.run(["sh", "-c", command, "sh", *words], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert re.fullmatch(
        r"error\[no-workers\]: 4 processes cannot be started: this process may open 16 files only\n"
        r"  help: Allow more with `ulimit -n \d+`, or run with fewer jobs\.\n",
        ran.stderr,
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EAGAIN])
def test_a_system_that_has_no_more_processes(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("wheelfix.executors._pool", refuse)
    with pytest.raises(wheelfix.ResultError, match="2 processes cannot be started: "):
        fix_wheels(wheels(tmp_path / "in", "a", "b"), output=tmp_path / "out", jobs=2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "counts"),
    [({}, (4, 7)), ({"naming": Naming(local="cpu")}, (4, 8)), ({"repair": True}, (7, 7))],
    ids=["plain", "local", "repair"],
)
def test_a_plan_that_was_made_to_compare_wheels_is_not_made_again(
    options: dict[str, Any], counts: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where it is made again, for it is not kept, the outcomes and the bytes are the same."""
    from wheelfix.fix import batch, draft, plan

    (tmp_path / "in").mkdir()
    specs = [WheelSpec(tags=f"cp31{minor}-cp31{minor}-manylinux_2_28_x86_64", requires=GPU) for minor in range(3)]
    paths = [write_wheel(tmp_path / "in", spec) for spec in specs]
    plain = write_wheel(tmp_path / "in", WheelSpec(project="plain", requires=GPU))
    made, real = list[Path](), draft.make_plan

    def noting(wheel: Wheel, *arguments: Any, **given: Any) -> plan.Plan:
        made.append(wheel.path)
        return real(wheel, *arguments, **given)

    monkeypatch.setattr(draft, "make_plan", noting)
    kept = fix_wheels([*paths, plain], output=tmp_path / "kept", **options)
    count = len(made)
    monkeypatch.setattr(batch, "_MOST_KEPT_PLANS", 0)
    again = fix_wheels([*paths, plain], output=tmp_path / "again", **options)
    assert (count, len(made) - count) == counts
    assert contents(tmp_path / "kept") == contents(tmp_path / "again")
    assert [replace(each, output=None) for each in kept.outcomes] == [replace(each, output=None) for each in again.outcomes]


def test_one_path_is_not_taken_for_many(tmp_path: Path) -> None:
    [path] = wheels(tmp_path / "in", "demo")
    assert statuses(fix_wheels(str(path), output=tmp_path / "out").outcomes) == ["fixed"]


def test_no_jobs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        fix_wheels([], output=tmp_path, jobs=0)


def test_an_output_that_differs_is_kept(tmp_path: Path) -> None:
    [path] = wheels(tmp_path / "in", "demo")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / path.name).write_bytes(b"mine")
    [outcome] = fix_wheels([path], output=tmp_path / "out").outcomes
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.REFUSED, "output-exists")
    assert contents(tmp_path / "out") == {path.name: b"mine"}


@pytest.mark.parametrize("where", ["in", "in/../in", "link"])
def test_the_output_is_never_the_input(tmp_path: Path, where: str) -> None:
    """Pitfall 31: an output folder that is the input's, also through a link or dots, is refused and the input stays."""
    [path] = wheels(tmp_path / "in", "demo")
    before = path.read_bytes()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    [outcome] = fix_wheels([path], output=tmp_path / where).outcomes
    assert outcome.problem is not None
    assert outcome.problem.code == "output-is-input"
    assert path.read_bytes() == before


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_what_the_system_refuses_is_a_problem(number: int) -> None:
    """Pitfall 34: permissions and space; the other file of the error is named."""
    outcome = failure(Path("a.whl"), OSError(number, os.strerror(number), "out/a.whl"))
    assert outcome.problem is not None
    assert outcome.status is Status.FAILED
    assert outcome.problem.code == errno.errorcode[number].lower()
    assert "out/a.whl" in outcome.problem.message
    assert outcome.problem.hint.endswith(".")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_an_output_directory_that_cannot_be_written_to_is_what_is_wrong_not_the_wheel(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(directory: Path, mode: int) -> None:
        raise OSError(number, os.strerror(number), str(directory))

    paths = wheels(tmp_path / "in", "demo")
    monkeypatch.setattr("wheelfix.fix.apply.StagedFile", refuse)
    [outcome] = fix_wheels(paths, output=tmp_path / "out").outcomes
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.FAILED, errno.errorcode[number].lower())
    assert outcome.problem.message == f"cannot write to {tmp_path / 'out'}/: {os.strerror(number)}"
    assert "-o DIR" in outcome.problem.hint


def test_an_error_without_a_number_is_a_problem_too() -> None:
    outcome = failure(Path("a.whl"), OSError("odd"))
    assert outcome.problem is not None
    assert (outcome.problem.code, outcome.problem.message) == ("os-error", "odd")


def test_an_output_folder_that_is_a_file(tmp_path: Path) -> None:
    [path] = wheels(tmp_path / "in", "demo")
    (tmp_path / "out").write_text("a file")
    [outcome] = fix_wheels([path], output=tmp_path / "out").outcomes
    assert outcome.status is Status.FAILED
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    [outcome] = fix_wheels([tmp_path / "dangling"], output=tmp_path / "o").outcomes
    assert outcome.problem is not None


def test_a_link_is_corrected_where_it_leads(tmp_path: Path) -> None:
    """Pitfall 34: in place through a symbolic link, the link stays a link."""
    [path] = wheels(tmp_path / "in", "demo")
    link = tmp_path / path.name
    link.symlink_to(path)
    [outcome] = fix_wheels([link], output=Output(in_place=True)).outcomes
    assert outcome.status is Status.FIXED
    assert link.is_symlink()
    assert fix_wheels([path], output=Output(in_place=True)).outcomes[0].status is Status.UNCHANGED


def test_hostile_metadata_of_one_wheel_does_not_stop_the_others(tmp_path: Path) -> None:
    nested = "x; " + "(" * 3000 + "os_name == 'a'" + ")" * 3000
    paths = [*wheels(tmp_path / "in", "bad", requires=(nested,)), *wheels(tmp_path / "in", "good")]
    assert statuses(fix_wheels(paths, output=tmp_path / "out").outcomes)[1] == "fixed"


@pytest.mark.parametrize(
    "spec",
    [
        WheelSpec(metadata=b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\xe9\nRequires-Dist: nvidia-nccl-cu12\n"),
        WheelSpec(metadata=b"Metadata-Version: 2.1\nName: d\xe9mo\nVersion: 1.0\nRequires-Dist: nvidia-nccl-cu12\n"),
        WheelSpec(record=b"demo-1.0.dist-info/METADATA,shake_128=x,1\n"),
        WheelSpec(record=b"demo-1.0.dist-info/METADATA," + b"x" * 200_000 + b",1\n"),
        WheelSpec(style=RecordStyle(final_newline=False)),
    ],
    ids=["latin-1-version", "latin-1-name", "record-shake", "record-huge-column", "record-without-line-end"],
)
def test_odd_wheels_never_crash_the_run(tmp_path: Path, spec: WheelSpec) -> None:
    """Pitfall 3 and Pitfall 21: odd bytes give an outcome."""
    [outcome] = fix_wheels([write_wheel(tmp_path, spec)], output=tmp_path / "out").outcomes
    assert outcome.status in (Status.FIXED, Status.REFUSED)


def test_a_file_name_that_is_no_utf8_never_crashes_the_run(tmp_path: Path) -> None:
    [path] = wheels(tmp_path / "in", "demo")
    odd = path.rename(path.parent / os.fsdecode(b"d\xe9mo-1.0-py3-none-any.whl"))
    [outcome] = fix_wheels([odd], output=tmp_path / "out").outcomes
    assert outcome.status in (Status.FIXED, Status.REFUSED)


def test_an_unknown_rule_set_is_an_error_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(RulesError) as caught:
        fix_wheels([], "no-such-set", output=tmp_path)
    assert caught.value.code == "invalid-rules"


def test_no_wheels_give_an_empty_report(tmp_path: Path) -> None:
    report = fix_wheels([], output=tmp_path / "out")
    assert (report.outcomes, report.ok) == ((), True)
    assert not (tmp_path / "out").exists()


def test_the_errors_of_edits_are_outcomes(tmp_path: Path) -> None:
    [path] = wheels(tmp_path / "in", "demo")
    [outcome] = fix_wheels([path], None, output=tmp_path / "out", edits=[SetField("Name", "x")]).outcomes
    assert outcome.problem is not None
    assert outcome.problem.code == "identity-field"
