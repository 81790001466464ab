"""The same manifest into a directory and into a bucket of a real server, with a clock that stands still: the same pages."""

from collections.abc import Callable
from pathlib import Path

import pytest

from buckets import Bucket
from building import WheelSpec
from syncing import Mirror, codes, pages_of
from upstreams import add_family, pypi, pytorch
from wheelfix.mirror.storage import open_store
from wheelfix.options import Targets
from wheelfix.sync.manifest.model import Local, Source

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["s3", "azure"])
def test_a_directory_and_a_bucket_have_the_same_pages(
    kind: str, new_bucket: Callable[[str], Bucket], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{new_bucket(kind).url}/team"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytorch() as cpu, pypi() as plain:
        mirrors = [Mirror(tmp_path / name, plain, monkeypatch) for name in ("directory", "bucket")]
        mirrors[1].where = url
        targets = Targets(("manylinux*_x86_64", "macosx*_arm64"), ("3.11",))
        family = Source(
            name="cpu", index=cpu.index, projects=("torch", "torchvision"), family=True, local=Local.STRIP, targets=targets
        )  # fmt: skip
        main = Source(name="main", index=plain.index, projects=("demo",), keep=1)
        add_family(cpu, "2.8.0")
        plain.add(WheelSpec(project="demo", requires=("triton",)))
        for mirror in mirrors:
            mirror.options["rules"] = ("gpu",)
            assert codes(mirror.sync(mirror.of(family, main))) == []
        add_family(cpu, "2.9.0")
        plain.add(WheelSpec(project="demo", version="2.0"))
        plain.status["demo"] = ("deprecated", "")
        for mirror in mirrors:
            mirror.pass_days(1)
            assert codes(mirror.sync(mirror.of(family, main))) == []
        for mirror in mirrors:
            mirror.pass_days(40)
            mirror.sync(mirror.of(family, main))
            assert not mirror.sync(mirror.of(family, main)).plan.changes
    pages = [pages_of(open_store(mirror.where)) for mirror in mirrors]
    assert len(pages[0]) == 2 * 4
    assert pages[0] == pages[1]
