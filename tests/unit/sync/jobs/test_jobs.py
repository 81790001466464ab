"""Jobs of a sync: what they leave in the store, and that who lists it reads no wheel again."""

import errno
import gzip
import json
import os
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from adding import Sync
from building import WheelSpec
from upstreams import Upstream, pypi
from wheelfix.executors import Workers
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.journal import noted_runs
from wheelfix.mirror.layout import RESULTS
from wheelfix.mirror.prune import prune_mirror
from wheelfix.mirror.storage.base import Head, NewFile
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.options import Limits
from wheelfix.sync.jobs.add import add_files, add_shard, list_files
from wheelfix.sync.jobs.results import load_result, noted_results, result_key, save_results
from wheelfix.sync.jobs.shard import Shard
from wheelfix.sync.jobs.worker import Worker, run_each
from wheelfix.upstream.downloads import Downloads

pytestmark = pytest.mark.usefixtures("stopped_clock")

GPU = ("six", "nvidia-cublas-cu12; sys_platform == 'win32'")
TAGS = ("cp311-cp311-manylinux_2_28_aarch64", "cp312-cp312-manylinux_2_28_aarch64")


@pytest.fixture
def index() -> Iterator[Upstream]:
    """Three projects: one with a release of two wheels that rules change, one with two releases, and one small one."""
    with pypi() as upstream:
        for tag in TAGS:
            upstream.add(WheelSpec(project="gpu-demo", tags=tag, requires=GPU))
        for version in ("1.0", "2.0"):
            upstream.add(WheelSpec(project="plain", version=version, requires=("six",)))
        upstream.add(WheelSpec(project="small", requires=("six",)))
        yield upstream


@pytest.fixture
def sync(tmp_path: Path, index: Upstream) -> Sync:
    return Sync(tmp_path / "mirror", index)


def test_a_job_puts_files_into_the_store_and_writes_no_page(sync: Sync) -> None:
    [planned] = sync.planned("gpu-demo")
    sync.run(planned)
    assert sorted(name.rpartition("-")[2] for name in sync.public()) == [
        "manylinux_2_28_aarch64.whl", "manylinux_2_28_aarch64.whl", "manylinux_2_28_aarch64.whl.metadata",
        "manylinux_2_28_aarch64.whl.metadata",
    ]  # fmt: skip
    [noted] = noted_runs(sync.store)
    assert noted.files == {f"public/{name}" for name in sync.public() if name.endswith(".whl")}
    result = load_result(sync.store, "gpu-demo", planned.job.digest)
    assert result is not None
    assert [each.outcome and each.outcome.status.value for each in result.files] == ["fixed", "fixed"]


def test_what_jobs_left_is_listed_without_a_look_at_the_wheels(sync: Sync, index: Upstream, monkeypatch: Any) -> None:
    planned = sync.planned()
    sync.run(*planned)
    index.forget()
    for name in ("wheelfix.mirror.project.Source", "wheelfix.mirror.transfer.Source", "wheelfix.mirror.project.examine"):
        monkeypatch.setattr(name, None)
    outcomes, published, *_ = sync.add()
    assert [each.status.value for each in published] == ["added"] * 5
    assert [each.status.value for each in outcomes] == ["fixed", "fixed", "unchanged", "unchanged", "unchanged"]
    assert index.downloads() == []
    assert noted_results(sync.store) == frozenset()
    assert [*noted_runs(sync.store)] == []
    assert check_mirror(sync.mirror).findings == ()


def test_pages_are_those_of_who_adds_the_wheels_from_the_index(sync: Sync, index: Upstream, tmp_path: Path) -> None:
    from wheelfix import mirror_releases

    sync.add()
    mirror_releases(tmp_path / "other", index.index, ["gpu-demo", "plain==1.0", "plain==2.0", "small"])
    source = b',"_wheelfix-source":"main"'
    ours = {name: data.replace(source, b"") for name, data in sync.public().items()}
    other = tmp_path / "other/public"
    assert ours == {str(path.relative_to(other)): path.read_bytes() for path in other.rglob("*") if path.is_file()}


@pytest.mark.parametrize("jobs", [2, 3])
def test_any_number_of_processes_writes_the_same_pages(jobs: int, sync: Sync, index: Upstream, tmp_path: Path) -> None:
    other = Sync(tmp_path / "other", index)
    one, several = sync.add(), other.add(workers=Workers(jobs))
    assert one[:2] == several[:2]
    assert several.traffic.requests == 5
    assert sync.public() == other.public()


def test_a_job_is_plain_data(sync: Sync) -> None:
    for each in sync.planned():
        again = pickle.loads(pickle.dumps(each.job))
        assert again == each.job
        assert again.digest == each.job.digest
        assert json.loads(json.dumps(each.job.digest)) in again.digest


def test_the_digest_is_that_of_the_files_and_of_what_decides_on_them(sync: Sync) -> None:
    job = next(each.job for each in sync.planned() if len(each.job.files) == 2)
    others = [
        replace(job, files=job.files[:1]),
        replace(job, tool="0"),
        replace(job, fixing=replace(job.fixing, rules=None)),
        replace(job, fixing=replace(job.fixing, policy=replace(job.fixing.policy, force=True))),
        replace(job, fixing=replace(job.fixing, policy=replace(job.fixing.policy, allow_mixed=True))),
        replace(job, fixing=replace(job.fixing, naming=replace(job.fixing.naming, beside=("a-1-py3-none-any.whl",)))),
    ]
    assert len({job.digest, *(each.digest for each in others)}) == len(others) + 1
    same = [
        replace(job, connections=4), replace(job, store="elsewhere"), replace(job, files=job.files[::-1]),
        replace(job, limits=Limits(lock_seconds=1)), replace(job, fixing=replace(job.fixing, workers=Workers(4))),
    ]  # fmt: skip
    assert {each.digest for each in same} == {job.digest}
    assert RESULTS.startswith("private/")


def test_a_worker_of_another_version_does_nothing(sync: Sync, index: Upstream) -> None:
    planned = sync.planned("small")[0].job
    index.forget()
    [done] = run_each([replace(planned, tool="0.0.1")])
    assert [each.stopped and each.stopped.problem and each.stopped.problem.code for each in done.unsaved] == [
        "other-wheelfix"
    ]
    assert index.downloads() == []


def age(sync: Sync, hours: float) -> None:
    """Let everything in a mirror that is a directory be older."""
    for path in sync.mirror.rglob("*"):
        if path.is_file():
            then = time.time() - hours * 3600
            os.utime(path, (then, then))


def test_what_was_done_is_not_done_again(sync: Sync, index: Upstream) -> None:
    sync.run(*sync.planned()[:2])
    done = {file.filename for each in sync.planned()[:2] for file in each.job.files}
    index.forget()
    assert all(each.status.value == "added" for each in sync.add().files)
    assert done.isdisjoint(index.downloads())
    assert len(index.downloads()) == 5 - len(done)


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_a_damaged_note_counts_as_none(damage: bytes, sync: Sync, index: Upstream) -> None:
    [planned] = sync.planned("small")
    sync.run(planned)
    (sync.mirror / result_key("small", planned.job.digest)).write_bytes(damage)
    index.forget()
    assert [each.status.value for each in sync.add("small").files] == ["added"]
    assert index.downloads() == ["small-1.0-py3-none-any.whl"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"project":"small"', b'"project":"other"'),
        (b"../../files/small/", b"../../files/other/"),
        (b'"version":1', b'"version":2'),
        (b'"metadata":"', b'"metadata":"AAAA'),
        (b'"size":', b'"size":-'),
        (b'"status":"unchanged"', b'"status":"excellent"'),
    ],
)
def test_a_note_that_somebody_made_up_leads_nowhere(before: bytes, after: bytes, sync: Sync, index: Upstream) -> None:
    [planned] = sync.planned("small")
    sync.run(planned)
    note = sync.mirror / result_key("small", planned.job.digest)
    assert before in note.read_bytes()
    note.write_bytes(note.read_bytes().replace(before, after))
    assert load_result(sync.store, "small", planned.job.digest) is None
    assert [each.status.value for each in sync.add("small").files] == ["added"]
    assert check_mirror(sync.mirror).findings == ()


def test_a_job_whose_files_are_gone_is_done_again(sync: Sync, index: Upstream) -> None:
    sync.run(*sync.planned("small"))
    [wheel] = sync.mirror.rglob("*.whl")
    wheel.unlink()
    index.forget()
    assert [each.status.value for each in sync.add("small").files] == ["added"]
    assert index.downloads() == [wheel.name]


def test_a_metadata_file_that_is_gone_is_written_again(sync: Sync) -> None:
    sync.run(*sync.planned("small"))
    [metadata] = sync.mirror.rglob("*.whl.metadata")
    metadata.unlink()
    assert [each.status.value for each in sync.add("small").files] == ["added"]
    assert check_mirror(sync.mirror).findings == ()


def test_what_failed_is_tried_again_and_what_came_is_listed(sync: Sync, index: Upstream) -> None:
    index.fail("cp312", status=404, times=1)
    files = sync.add("gpu-demo").files
    assert [each.status.value for each in files] == ["added", "failed"]
    assert [each.problem and each.problem.code for each in files] == [None, "bad-answer"]
    assert noted_results(sync.store) == frozenset()
    assert [each.status.value for each in sync.add("gpu-demo").files] == ["unchanged", "added"]


@pytest.mark.parametrize(
    ("code", "headers", "status"),
    [
        ("bad-redirect", {"Location": "/cp312"}, 302),
        ("bad-redirect", {"Location": "http://[/nothing"}, 302),
        ("not-a-wheel", {"Content-Type": "text/html"}, 200),
        ("too-large", {"Content-Encoding": "gzip"}, 200),
        ("access-denied", {}, 403),
    ],
)
def test_whatever_a_server_gives_in_place_of_a_file_is_no_refusal(
    sync: Sync, index: Upstream, code: str, headers: dict[str, str], status: int
) -> None:
    """A proxy may ask for a login, a server may send clients around in circles: not for ever."""
    index.fail("cp312", status=status, headers=headers, body=gzip.compress(bytes(1 << 20)), times=inf)
    [_, failed] = sync.add("gpu-demo").files
    assert (failed.status.value, failed.problem and failed.problem.code) == ("failed", code)
    index.failures.clear()
    assert [each.status.value for each in sync.add("gpu-demo").files] == ["unchanged", "added"]


def test_notes_of_a_run_that_was_killed_go_and_those_of_a_part_at_work_stay(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:  # killed once the files are listed
        patch.setattr("wheelfix.sync.jobs.listing.Listing._drop", lambda *_: None)
        sync.add("small")
    sync.run(*sync.planned("plain"))
    small = {(each.job.project, each.job.digest) for each in sync.planned("small")}
    assert small < noted_results(sync.store)
    add_files(sync.adding("gpu-demo"), [])  # another manifest, that has nothing to do with them
    assert small < noted_results(sync.store)
    add_files(sync.adding(), [])
    left = {(each.job.project, each.job.digest) for each in sync.planned("plain")}
    assert noted_results(sync.store) == left
    assert {each.project for each in noted_runs(sync.store)} == {"plain"}
    assert {each.status.value for each in sync.add("plain").files} == {"added"}


def test_a_part_does_not_fail_where_another_machine_lists_its_files_meanwhile(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed_at_once(*given: Any) -> Any:
        saved = save_results(*given)
        list_files(sync.adding("small"), sync.wanted("small"))
        return saved

    monkeypatch.setattr("wheelfix.sync.jobs.worker.save_results", listed_at_once)
    part = add_shard(sync.adding("small"), sync.wanted("small"), Shard(1, 1))
    assert (part.files, part.prepared) == ((), 1)
    assert noted_results(sync.store) == frozenset()


def test_what_was_refused_is_not_downloaded_each_time(sync: Sync, index: Upstream) -> None:
    index.file("small-1.0-py3-none-any.whl").data = b"PK" + bytes(100)
    first = sync.add("small", "plain").files
    assert sorted(each.status.value for each in first) == ["added", "added", "refused"]
    index.forget()
    [again] = sync.add("small").files
    assert again == next(each for each in first if each.project == "small")
    assert index.downloads() == []
    assert [*noted_runs(sync.store)] == []


def test_nothing_of_a_job_is_deleted_too_early_nor_left_for_ever(sync: Sync) -> None:
    sync.add("plain")
    sync.run(*sync.planned("small", "gpu-demo"))
    check = check_mirror(sync.mirror)
    assert (check.findings, check.young) == ((), 6)
    kept = [each for each in prune_mirror(sync.mirror).files if each.status.value == "kept"]
    assert len(kept) == 6
    assert {each.reason for each in kept} == {"younger than the grace period"}
    age(sync, 25)
    assert {each.code for each in check_mirror(sync.mirror).findings} == {"unlisted"}
    would = prune_mirror(sync.mirror, dry_run=True).files
    assert prune_mirror(sync.mirror).files == would
    assert [*noted_runs(sync.store)] == []
    assert {path.parts[-3] for path in sync.mirror.rglob("*.whl")} == {"plain"}
    assert noted_results(sync.store) != frozenset()  # small, and of use where a wheel was refused
    age(sync, 31 * 24)
    prune_mirror(sync.mirror)
    assert noted_results(sync.store) == frozenset()
    assert check_mirror(sync.mirror).findings == ()


def test_files_of_a_job_that_a_page_lists_outlive_their_journal(sync: Sync) -> None:
    planned = sync.planned("small")
    sync.run(*planned)
    add_wheels(sync.mirror, [*sync.mirror.rglob("small*.whl")])
    age(sync, 25)
    prune_mirror(sync.mirror)
    assert [*noted_runs(sync.store)] == []
    assert check_mirror(sync.mirror).findings == ()
    assert len([*sync.mirror.rglob("small*.whl")]) == 1


def test_a_job_leaves_nothing_half_done_where_its_process_dies(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """It noted what it was about to put: that is known, and deleted after a day."""
    [planned] = sync.planned("small")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wheelfix.sync.jobs.worker.save_results", killed)
    with pytest.raises(KeyboardInterrupt):
        list(Worker(sync.store, sync.upstreams.session, Limits()).run_each([planned.job]))
    age(sync, 25)
    prune_mirror(sync.mirror)
    assert [*(sync.mirror / "public").rglob("*.whl")] == []
    assert [*noted_runs(sync.store)] == []


@given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), unique=True, max_size=50), st.integers(1, 12))
def test_each_release_is_in_one_shard(releases: list[tuple[str, str]], count: int) -> None:
    shards = [Shard(number, count) for number in range(1, count + 1)]
    found = [each for shard in shards for each in releases if shard.has(*each)]
    assert sorted(found) == sorted(releases)


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "1/0", "1", "a/b", "-1/3", "1/3/5", "1/٣", "1/9999999"])
def test_what_is_no_shard_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not one of N parts"):
        Shard.parse(text)


def test_shards_and_who_lists_them_write_what_one_run_does(sync: Sync, index: Upstream, tmp_path: Path) -> None:
    whole, order = Sync(tmp_path / "whole", index), [2, 3, 1]
    expected = whole.add()
    parts = [add_shard(sync.adding(), sync.wanted(), Shard(number, 3)) for number in order]
    assert not (sync.mirror / "public/simple").exists()
    assert [part.files for part in parts] == [(), (), ()]
    assert sum(part.prepared or 0 for part in parts) == 5
    assert sorted(str(each.source) for part in parts for each in part.outcomes) == sorted(
        str(each.source) for each in expected.outcomes
    )
    index.forget()
    listed = list_files(sync.adding(), sync.wanted())
    assert listed[:2] == expected[:2]
    assert index.downloads() == []
    assert sync.public() == whole.public()


def test_who_lists_says_which_jobs_have_no_result(sync: Sync) -> None:
    add_shard(sync.adding(), sync.wanted(), Shard(1, 2))
    done = {each.job.project for each in sync.planned() if Shard(1, 2).has(each.job.project, each.release)}
    files = list_files(sync.adding(), sync.wanted()).files
    assert {each.status.value for each in files if each.project in done} <= {"added", "failed"}
    missing = [each for each in files if each.problem]
    assert {each.problem.code for each in missing if each.problem} == {"no-job-result"}
    assert len(missing) + len([each for each in files if each.status.value == "added"]) == 5


def test_a_shard_says_what_failed_and_is_done_again(sync: Sync, index: Upstream) -> None:
    index.fail("small-1.0", status=404, times=1)
    first = add_shard(sync.adding("small"), sync.wanted("small"), Shard(1, 1))
    assert [each.problem and each.problem.code for each in first.files] == ["bad-answer"]
    assert add_shard(sync.adding("small"), sync.wanted("small"), Shard(1, 1)).files == ()
    assert [each.status.value for each in list_files(sync.adding("small"), sync.wanted("small")).files] == ["added"]


class _Dying(Executor):
    """Does what it is given, but for jobs of ``projects``: as often as that says, who does them dies."""

    def __init__(self, projects: dict[str, int]) -> None:
        self.projects = projects
        self.given: list[str] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **_: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        [job] = arguments
        self.given.append(job.project)
        if self.projects.get(job.project, 0) > 0:
            self.projects[job.project] -= 1
            future.set_exception(RuntimeError("KilledWorker"))
        else:
            future.set_result(pickle.loads(pickle.dumps(function(pickle.loads(pickle.dumps(job))))))
        return future


def test_jobs_of_a_worker_that_died_are_tried_once_more(sync: Sync) -> None:
    executor = _Dying({"small": 1})
    assert [each.status.value for each in sync.add(workers=Workers(executor=executor)).files] == ["added"] * 5
    assert executor.given.count("small") == 2
    assert executor.given[-1] == "small"


def test_what_dies_again_is_the_problem_of_its_wheels_alone(sync: Sync) -> None:
    executor = _Dying({"small": 9, "gpu-demo": 9})
    found = sync.add(workers=Workers(executor=executor))
    assert {each.project: each.problem and each.problem.code for each in found.files} == {
        "gpu-demo": "no-result", "plain": None, "small": "no-result",
    }  # fmt: skip
    assert executor.given.count("small") == 2
    assert [each.status.value for each in sync.add().files] == ["added", "added", "unchanged", "unchanged", "added"]


def test_a_store_that_cannot_be_opened_is_the_problem_of_its_jobs(sync: Sync, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/letter.txt").write_text("no mirror")
    jobs = [replace(each.job, store=str(tmp_path / "full")) for each in sync.planned()]
    done = list(run_each(jobs))
    assert [each.digest for each in done] == [each.digest for each in jobs]
    problems = [file.stopped.problem for each in done for file in each.unsaved if file.stopped]
    assert {each and each.code for each in problems} == {"not-a-mirror"}


def test_small_jobs_share_what_the_disk_is_waited_for(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    flush, calls = type(sync.store).flush, [0]

    def counting(store: Any) -> None:
        calls[0] += 1
        flush(store)

    monkeypatch.setattr(type(sync.store), "flush", counting)
    sync.run(*sync.planned())
    assert calls == [1]


def test_a_note_that_cannot_be_written_is_the_problem_of_its_job(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files lie in the store, and are found again by the next run."""
    put_new = type(sync.store).put_new

    def refusing(store: Any, files: Iterable[NewFile], *rest: Any) -> Any:
        return put_new(store, (each for each in files if "results/small" not in each.key), *rest)

    monkeypatch.setattr(type(sync.store), "put_new", refusing)
    assert [each.problem and each.problem.code for each in sync.add("small").files] == ["no-job-result"]
    monkeypatch.undo()
    assert [each.status.value for each in sync.add("small").files] == ["added"]


def test_a_file_that_cannot_be_looked_at_is_its_own_problem(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheels of other projects that are put together with it are added."""
    real = LocalStore.head

    def refuse(store: LocalStore, key: str) -> Head | None:
        if key.endswith("plain-1.0-py3-none-any.whl"):
            raise OSError(errno.EIO, "Input/output error", key)
        return real(store, key)

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "head", refuse)
        files = sync.add("plain", "small").files
    assert {each.filename: each.problem and each.problem.code for each in files} == {
        "plain-1.0-py3-none-any.whl": "eio", "plain-2.0-py3-none-any.whl": None, "small-1.0-py3-none-any.whl": None,
    }  # fmt: skip
    assert [each.status.value for each in sync.add("plain", "small").files].count("added") == 1


def test_a_download_that_cannot_be_removed_fails_nothing(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Any, sha256: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", sha256)

    monkeypatch.setattr(Downloads, "drop", refuse)
    assert {each.status.value for each in sync.add().files} == {"added"}


def test_a_part_says_each_time_what_was_refused(sync: Sync, index: Upstream) -> None:
    """Who runs it again after it failed is not told that all is well; nothing is downloaded for that."""
    index.file("small-1.0-py3-none-any.whl").data = b"PK" + bytes(100)
    first = add_shard(sync.adding(), sync.wanted(), Shard(1, 1))
    index.forget()
    again = add_shard(sync.adding(), sync.wanted(), Shard(1, 1))
    assert again[:2] == first[:2]
    assert (again.prepared, [each.status.value for each in again.files]) == (4, ["refused"])
    assert index.downloads() == []
