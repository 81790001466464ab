"""What all tests share: how much is tried, an environment without colour settings of its own, buckets, and a browser."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

import thorough

if TYPE_CHECKING:
    from browsing import Browser
    from buckets import Bucket, Servers
    from serving import Server

thorough.register()
thorough.choose(all_examples=False)  # once more when the options are known


def pytest_configure(config: pytest.Config) -> None:
    """Choose how much is tried, and forget what nobody looks at."""
    thorough.choose(all_examples=_slow_ones(config))
    os.fsync = _is_open  # type: ignore[assignment]
    gc.disable()  # nothing of 19,000 tests is garbage while they are collected


def pytest_collection_finish() -> None:
    """Look for garbage from here on, and not among the tests."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let ``-m slow`` run each property, with all of its examples."""
    if _slow_ones(config):
        for item in items:
            others = {mark.name for mark in item.iter_markers()} & {"real", "clients"}
            if getattr(getattr(item, "obj", None), "is_hypothesis_test", False) and not others:
                item.add_marker("slow")


def _slow_ones(config: pytest.Config) -> bool:
    chosen: str = config.option.markexpr
    return "slow" in chosen and "not slow" not in chosen


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
def docs(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Server]":
    """The documentation, built once and served."""
    from places import DOCS
    from serving import static

    folder = tmp_path_factory.mktemp("docs")
    words = ("--quiet", "--fail-on-warning", "--builder", "html", DOCS, folder)
    subprocess.run([sys.executable, "-m", "sphinx", *words], check=True)
    with static(folder) as found:
        yield found
