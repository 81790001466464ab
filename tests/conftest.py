"""What all tests share: how much is tried, an environment without colour settings of its own, buckets, and a browser."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import pytest
from _pytest.runner import runtestprotocol

import parts
import thorough

if TYPE_CHECKING:
    from browsing import Browser
    from buckets import Bucket, Servers
    from serving import Server

_WORTH_TELLING: Final = 0.1
"""From so many seconds on, what prepares a test and clears up after it is in the list of ``--durations``."""

thorough.register()
thorough.choose(all_examples=False)  # once more when the options are known


def pytest_configure(config: pytest.Config) -> None:
    """Choose how much is tried, and forget what nobody looks at."""
    thorough.choose(all_examples=_slow_ones(config))
    os.fsync = _is_open  # type: ignore[assignment]
    _compile_iris_late()
    gc.disable()  # nothing of 19,000 tests is garbage while they are collected


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Look for examples only in files that have some: pytest would import every file once more for that."""
    found = yield
    if b">>> " not in file_path.read_bytes():
        found = [each for each in found if type(each).__name__ != "DoctestModule"]
    return found


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test in a worker of xdist, which sends one report of it, and not three that say that nothing is wrong."""
    if not hasattr(item.config, "workerinput"):
        return None
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed or report.duration >= _WORTH_TELLING:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


def pytest_collection_finish() -> None:
    """Look for garbage from here on, and not among the tests."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Let ``--numprocesses auto`` be one more than there are processors: tests wait for servers a quarter of their time."""
    found = yield
    return found if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else found + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let ``-m slow`` run each property, with all of its examples, and leave out what is in parts that were not chosen."""
    if _slow_ones(config):
        for item in items:
            others = {mark.name for mark in item.iter_markers()} & {"real", "clients"}
            if getattr(getattr(item, "obj", None), "is_hypothesis_test", False) and not others:
                item.add_marker("slow")
                item.add_marker("parts")
    left = {each for each in items if each.get_closest_marker("parts") and not parts.is_chosen(each.nodeid)}
    if left:
        config.hook.pytest_deselected(items=[*left])
        items[:] = [each for each in items if each not in left]


def _slow_ones(config: pytest.Config) -> bool:
    chosen: str = config.option.markexpr
    return "slow" in chosen and "not slow" not in chosen


def _compile_iris_late() -> None:
    """Let jsonschema compile the grammars of IRIs when a schema asks for one: as it is imported it would take 2 s."""
    name = "rfc3987_syntax"
    late: Any = ModuleType(name)

    def is_valid_syntax(term: str, value: str) -> bool:
        if sys.modules.get(name) is late:
            del sys.modules[name]
        return bool(import_module(name).is_valid_syntax(term, value))

    late.is_valid_syntax = is_valid_syntax
    if find_spec(name) is not None:
        sys.modules.setdefault(name, late)


def _is_open(file: Any) -> None:
    """Stand in for ``os.fsync``: tests outlive no loss of power, and wait for no disk; programs that they start do."""
    os.fstat(file if isinstance(file, int) else file.fileno())


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WHEELFIX_")]:
        monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "SOURCE_DATE_EPOCH", "_WHEELFIX_COMPLETE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """For pages of several runs that are compared: all of them are written in the first second of 2026."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")


@pytest.fixture(scope="session")
def cloud() -> "Iterator[Servers]":
    """The servers of buckets: each is started when the first test asks for it."""
    from buckets import Servers

    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture
def new_bucket(cloud: "Servers", monkeypatch: pytest.MonkeyPatch) -> "Callable[[str], Bucket]":
    """Makes a bucket of a kind (:data:`buckets.KINDS`), which this process and those it starts find by its URL."""
    from buckets import use

    def make(kind: str) -> "Bucket":
        bucket = cloud.bucket(kind)
        use(bucket, monkeypatch)
        return bucket

    return make


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Chromium, which is started when the first test asks for it."""
    from browsing import started

    with started() as running:
        yield running


@pytest.fixture(scope="session")
def docs() -> "Iterator[Server]":
    """The documentation, served: where ``make docs`` has built it, only what changed since is built again."""
    from filelock import FileLock

    from places import DOCS
    from serving import static

    folder = DOCS / "_build" / "html"
    folder.mkdir(parents=True, exist_ok=True)
    words = ("--quiet", "--fail-on-warning", "--builder", "html", DOCS, folder)
    with FileLock(folder.with_name("lock")):
        subprocess.run([sys.executable, "-m", "sphinx", *words], check=True)
    with static(folder) as found:
        yield found
