"""Buckets of real servers with many publishers at once, and with publishers that are killed: nothing is lost or dangling."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from posixpath import normpath

import pytest

import buckets
from buckets import Bucket
from demos import demo_wheel
from proxies import Exchange, Fault, before
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.prune import prune_mirror
from wheelfix.mirror.storage.objects import ObjectStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import list_pages, remove_files, yank_files
from wheelfix.options import Limits, Publishing

pytestmark = [pytest.mark.slow, pytest.mark.parts]
NewBucket = Callable[[str], Bucket]
_LINK = re.compile(r'href="(\.\./\.\./[^"#]+)|"url":\s*"(\.\./\.\./[^"]+)"')


def started(*words: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "wheelfix", *map(str, words)], stderr=subprocess.PIPE)


def listed(mirror: str) -> set[str]:
    return {file.filename for page in list_pages(mirror) for file in page.files}


@pytest.mark.parametrize("kind", ["s3", "s3-versioned", "azure", "gcs"])
def test_eight_processes_on_one_project_lose_nothing(kind: str, new_bucket: NewBucket, tmp_path: Path) -> None:
    mirror = f"{new_bucket(kind).url}/team"
    wheels = [[demo_wheel(tmp_path / f"{number}", f"{number}.{minor}") for minor in range(2)] for number in range(8)]
    publishers = [started("mirror", "add", "-q", mirror, *each) for each in wheels]
    errors = [publisher.communicate()[1].decode() for publisher in publishers]
    assert [publisher.returncode for publisher in publishers] == [0] * 8, errors
    assert listed(mirror) == {path.name for each in wheels for path in each}
    assert check_mirror(mirror).findings == ()


@pytest.mark.parametrize("kind", ["s3", "azure", "gcs"])
def test_a_page_that_changed_meanwhile_is_read_and_decided_again(
    kind: str, new_bucket: NewBucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whenever this publisher is about to write its page, another one was faster: three times, then no more."""
    mirror = f"{new_bucket(kind).url}/team"
    mine, *others = [demo_wheel(tmp_path, f"{number}.0") for number in range(4)]
    names = {path.name for path in (mine, *others)}
    real = ObjectStore.put_if

    def late(self: ObjectStore, writes: object) -> None:
        planned = list(writes)  # type: ignore[call-overload]
        if others and any(write.key.endswith("/demo/index.json") for write in planned):
            other = others.pop()
            kept = others.copy()
            others.clear()  # the other one is disturbed by nobody
            assert add_wheels(mirror, [other]).ok
            others.extend(kept)
        real(self, planned)

    monkeypatch.setattr(ObjectStore, "put_if", late)
    published = add_wheels(mirror, [mine])
    assert [each.problem for each in published.files] == [None]
    assert others == []
    assert listed(mirror) == names
    assert check_mirror(mirror).findings == ()


def dangling(bucket: Bucket, prefix: str) -> list[str]:
    """Return the links of all pages that lead to nothing; boto3 reads them, nothing of ours."""
    client = buckets.s3_client(bucket)
    keys = [each["Key"] for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name, Prefix=f"{prefix}/")
            for each in page.get("Contents", ())]  # fmt: skip
    wanted: set[str] = set()
    for key in (key for key in keys if key.endswith(("/index.html", "/index.json"))):
        text = client.get_object(Bucket=bucket.name, Key=key)["Body"].read().decode()
        links = {html or json_ for html, json_ in _LINK.findall(text)}
        paths = {normpath(f"{key.rpartition('/')[0]}/{link}").replace("%2B", "+") for link in links}
        wanted |= paths
        if key.endswith("json"):
            assert json.loads(text)["meta"]["api-version"]
            wanted |= {f"{path}.metadata" for path in paths}
    return sorted(wanted - set(keys))


def killing(child: "list[subprocess.Popen[bytes]]", at: int, done: list[str]) -> Callable[[Exchange], None]:
    """Return what kills the ``child`` at its ``at``-th request that writes, and then lets the server do it."""
    lock = threading.Lock()

    def handle(exchange: Exchange) -> None:
        if exchange.method in ("PUT", "POST", "DELETE") and "/probes/" not in exchange.path:
            with lock:
                done.append(f"{exchange.method} {exchange.path}")
                is_last = len(done) == at
            if is_last:
                os.kill(child[0].pid, signal.SIGKILL)
                child[0].wait()
                exchange.ask()
                exchange.hang_up()
                return
        exchange.forward()

    return handle


def killed_at_each_write(
    bucket: Bucket, prepare: Callable[[str], bool], words: Sequence[object], again: Callable[[str], bool]
) -> int:
    """Kill ``mirror`` at each of its writes, when the server has done it, and let the next run complete it.

    Each time the mirror is another one. Return how many writes there were.
    """
    for at in range(1, 100):
        mirror = f"{bucket.url}/team{at}"
        assert prepare(mirror)
        child: list[subprocess.Popen[bytes]] = []
        with before(bucket.endpoint) as proxy:
            done: list[str] = []
            proxy.faults.append(Fault(killing(child, at, done), times=float("inf")))
            environment = {**os.environ, **bucket.behind(proxy.url).environment}
            command = [sys.executable, "-m", "wheelfix", "mirror", *(str(word or mirror) for word in words)]
            child.append(subprocess.Popen(command, stderr=subprocess.PIPE, env=environment))
            error = child[0].communicate()[1].decode()
        if child[0].returncode != -signal.SIGKILL:
            assert child[0].returncode == 0, error
            return at - 1
        assert dangling(bucket, f"team{at}") == [], done[-1]
        assert again(mirror), done[-1]
        assert dangling(bucket, f"team{at}") == []
        found = check_mirror(mirror)
        assert [each for each in found.findings if each.code != "leftover"] == [], done[-1]
        check_mirror(mirror, fix=True)
        assert dangling(bucket, f"team{at}") == []
    raise AssertionError("no end of writes")


def test_adding_is_killed_at_each_request_that_writes(new_bucket: NewBucket, tmp_path: Path) -> None:
    """Two wheels are added: one that is new, and one in place of another."""
    old = demo_wheel(tmp_path / "old", "1.0")
    new = [demo_wheel(tmp_path / "new", "1.0", "six"), demo_wheel(tmp_path / "new", "2.0+cpu")]

    def prepare(mirror: str) -> bool:
        return add_wheels(mirror, [old]).ok

    def again(mirror: str) -> bool:
        return add_wheels(mirror, new, publishing=Publishing(replace=True)).ok

    words = ("add", "-q", "--replace", None, *new)
    assert killed_at_each_write(new_bucket("s3"), prepare, words, again) >= 8


def test_yanking_is_killed_at_each_request_that_writes(new_bucket: NewBucket, tmp_path: Path) -> None:
    wheels = [demo_wheel(tmp_path, "1.0"), demo_wheel(tmp_path, "2.0")]

    def prepare(mirror: str) -> bool:
        return add_wheels(mirror, wheels).ok

    def again(mirror: str) -> bool:
        return yank_files(mirror, "demo", "broken").ok

    words = ("yank", "-q", None, "demo", "--reason", "broken")
    assert killed_at_each_write(new_bucket("s3"), prepare, words, again) >= 2


def test_publishers_and_a_pruner_work_together(new_bucket: NewBucket, tmp_path: Path) -> None:
    """What is listed is there at every moment, although the same file is removed, pruned and added again all the time."""
    bucket = new_bucket("s3")
    mirror = f"{bucket.url}/team"
    wheels = [demo_wheel(tmp_path, f"{number}.0") for number in range(3)]
    assert add_wheels(mirror, wheels).ok
    over, problems, limits = time.monotonic() + 20, [], Limits(grace_seconds=8)

    def publisher(number: int) -> None:
        while time.monotonic() < over:
            if not add_wheels(mirror, wheels[number:], limits=limits).ok:
                problems.append(f"publisher {number}")
            remove_files(mirror, wheels[number].name, limits=limits)

    def pruner() -> None:
        while time.monotonic() < over:
            prune_mirror(mirror, limits=limits)
            problems.extend(dangling(bucket, "team"))

    threads = [threading.Thread(target=publisher, args=(number,)) for number in range(2)]
    threads.append(threading.Thread(target=pruner))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert add_wheels(mirror, wheels, limits=limits).ok
    assert listed(mirror) == {path.name for path in wheels}
    assert [each.code for each in check_mirror(mirror).findings if each.code != "leftover"] == []
