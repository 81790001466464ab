"""Jobs of a sync on a Dask cluster, whose workers die."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import distributed
import pytest

from building import WheelSpec
from upstreams import Upstream, pypi
from wheelfix.errors import MirrorError
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.prune import prune_mirror
from wheelfix.progress import NoProgress
from wheelfix.results import Outcome
from wheelfix.sync.jobs import dask
from wheelfix.sync.jobs.dask import dask_executor, worker_version
from wheelfix.sync.run import sync_mirror
from wheelfix.version import __version__

PROJECTS = 125
TAGS = tuple(f"cp3{minor}-cp3{minor}-manylinux_2_28_aarch64" for minor in range(10, 14))


class Cluster:
    """What stands for a Dask client: a scheduler at one address, whose workers have ``versions``."""

    def __init__(self, versions: dict[str, Any]) -> None:
        self.versions = versions
        self.executor = object()

    def module(self) -> SimpleNamespace:
        def connect(address: str, *, timeout: float, set_as_default: bool) -> "Cluster":
            if address != "tcp://here:1":
                raise OSError(f"Timed out trying to connect to {address}\x1b[31m")
            return self

        return SimpleNamespace(Client=connect)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.executor = None

    def wait_for_workers(self, count: int, timeout: float) -> None:
        if len(self.versions) < count:
            raise TimeoutError

    def run(self, function: Any, on_error: str) -> dict[str, Any]:
        assert (function(), on_error) == (__version__, "return")
        return self.versions

    def get_executor(self) -> object:
        return self.executor


def connected(monkeypatch: pytest.MonkeyPatch, versions: dict[str, Any], address: str = "tcp://here:1") -> object:
    cluster = Cluster(versions)
    monkeypatch.setattr(dask, "import_module", lambda name: cluster.module())
    with dask_executor(address) as executor:
        return executor


def test_workers_of_the_same_version_are_the_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connected(monkeypatch, {"one": worker_version(), "two": __version__}) is not None


@pytest.mark.parametrize(
    ("versions", "address", "code", "words"),
    [
        ({"one": __version__, "two": "0.0.1"}, "tcp://here:1", "other-wheelfix", "two: 0.0.1"),
        ({"one": ModuleNotFoundError("wheelfix")}, "tcp://here:1", "other-wheelfix", "one: none (ModuleNotFoundError)"),
        ({}, "tcp://here:1", "no-dask-workers", "has no workers"),
        ({"one": __version__}, "tcp://there:1", "no-answer", "no Dask scheduler answers at tcp://there:1"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_done(
    versions: dict[str, Any], address: str, code: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MirrorError, match=words.replace("(", r"\(").replace(")", r"\)")) as caught:
        connected(monkeypatch, versions, address)
    assert caught.value.code == code
    assert "\x1b" not in str(caught.value)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MirrorError, match="the extra `dask`") as caught, dask_executor("tcp://127.0.0.1:1"):
        pass
    assert caught.value.code == "no-dask-extra"


@pytest.fixture(scope="module")
def index() -> Iterator[Upstream]:
    """500 small wheels: a release of four for each of 125 projects."""
    with pypi() as upstream:
        for number in range(PROJECTS):
            for tag in TAGS:
                upstream.add(WheelSpec(project=f"demo-{number:03}", tags=tag, requires=("six", "nvidia-cublas-cu12")))
        yield upstream


def manifest(folder: Path, index: Upstream, name: str) -> Path:
    rules = folder / "rules.toml"
    rules.write_text('schema = 1\n[[rule]]\nid = "x"\nreason = "r"\nmatch = "nvidia-*"\naction = "drop"\n', encoding="utf-8")
    projects = ", ".join(f'"{project}"' for project in index.projects)
    path = folder / f"{name}.toml"
    path.write_text(
        f'schema = 1\n[mirror]\nstore = "{folder / name}"\nrules = ["{rules}"]\n'
        f'[[source]]\nname = "main"\nindex = "{index.index}"\nprojects = [{projects}]\n'
    )
    return path


def public(mirror: Path) -> dict[str, bytes]:
    top = mirror / "public"
    return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}


class _Killing(NoProgress):
    """Kills a process of ``pids`` after some wheels, and another one after more; counts what is reported of each wheel."""

    def __init__(self, pids: list[int], after: tuple[int, ...]) -> None:
        self.seen: Counter[str] = Counter()
        self._pids = pids
        self._after = after

    def wheel_done(self, outcome: Outcome) -> None:
        self.seen[outcome.source.name] += 1
        if self.seen.total() in self._after:
            os.kill(self._pids.pop(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parts
def test_a_cluster_whose_workers_die_writes_what_one_process_does(
    index: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each outcome is there once, and the pages are the same."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    one = sync_mirror(manifest(tmp_path, index, "one"))
    assert one.ok
    with distributed.LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=4, threads_per_worker=1, dashboard_address=None, silence_logs=50, host="127.0.0.1"
    ) as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            pids = list(client.run(os.getpid).values())
        killing = _Killing(pids, (100, 240))
        with dask_executor(cluster.scheduler_address) as executor:
            many = sync_mirror(manifest(tmp_path, index, "many"), executor=executor, progress=killing)
    assert len(pids) == 2
    assert many.ok
    assert set(killing.seen.values()) == {1}
    assert killing.seen.total() == PROJECTS * len(TAGS)
    assert many.outcomes == one.outcomes
    assert many.files == one.files
    assert public(tmp_path / "many") == public(tmp_path / "one")
    prune_mirror(tmp_path / "many")  # what the killed ones were at
    assert check_mirror(tmp_path / "many", quick=True).findings == ()
