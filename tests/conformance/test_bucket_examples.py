"""What the guide buckets.md shows is run here, and so are the jobs: against moto and a server of an index."""

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from buckets import Bucket
from demos import demo_wheel
from places import ROOT, SAMPLES
from serving import SERVERS, Server, static
from stand_ins import write_torch
from wheelfix import add_wheels, check_mirror, list_pages

pytestmark = [pytest.mark.slow, pytest.mark.parts]
NewBucket = Callable[[str], Bucket]
TORCH_ARM: Final = "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"


@pytest.fixture
def caller(tmp_path: Path) -> dict[str, str]:
    """The variables with which ``wheelfix`` is a command."""
    program = tmp_path / "bin" / "wheelfix"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m wheelfix "$@"\n')
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}", "WHEELFIX": str(program)}


@pytest.fixture
def there(new_bucket: NewBucket, tmp_path: Path) -> Iterator[tuple[Bucket, Server, Path]]:
    """What the pages speak of: a bucket with incoming wheels, an index, and a directory of wheels."""
    bucket = new_bucket("s3")
    work, index = tmp_path / "work", tmp_path / "index"
    demo = demo_wheel(work / "dist", "1.0")
    torches = write_torch(work, "2.7.0")
    (work / "examples").symlink_to(ROOT / "examples")
    (work / "incoming").mkdir()
    shutil.copy(torches[0], work / "incoming")
    assert add_wheels(index, [demo, *torches]).ok
    shutil.copy(demo, index / "public")
    with static(index / "public", negotiates=True) as server:
        yield bucket, server, work


MANIFEST: Final = """schema = 1
[mirror]
store = "{store}"
rules = ["gpu"]
skip-gpu-builds = true
[[source]]
index = "{index}"
projects = ["torch"]
"""
JOBS: Final = {
    "publish_mirror.py": [sys.executable, str(ROOT / "examples" / "publish_mirror.py")],
    "publish-mirror.sh": ["sh", str(ROOT / "examples" / "publish-mirror.sh")],
}


@pytest.mark.parametrize("kind", ["s3", "azure"])
@pytest.mark.parametrize("name", JOBS)
def test_a_nightly_job_publishes_to_a_bucket_by_its_url(
    name: str, kind: str, new_bucket: NewBucket, caller: dict[str, str], tmp_path: Path
) -> None:
    mirror = f"{new_bucket(kind).url}/team"
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    for wheel in SAMPLES:
        if wheel.name in (TORCH_ARM, "cleanpkg-1.0-py3-none-any.whl"):
            shutil.copy(wheel, incoming)
    for _ in range(2):
        ran = subprocess.run(
            [*JOBS[name], f"{incoming}/", mirror],
            cwd=tmp_path,
            env={**os.environ, **caller},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        pages = {page.project: page for page in list_pages(mirror)}
        assert {project: len(page.files) for project, page in pages.items()} == {"torch": 2, "cleanpkg": 1}
        assert [each.yanked for each in pages["torch"].files] == [None, "requires CUDA without need"]
        assert check_mirror(mirror).findings == ()
    assert (tmp_path / "team.report.html").exists()
    assert (name == "publish-mirror.sh") is (tmp_path / "team.report.json").exists()


def test_a_job_mirrors_an_index_cleans_up_and_compares(
    there: tuple[Bucket, Server, Path], caller: dict[str, str], tmp_path: Path
) -> None:
    bucket, server, _ = there
    mirror = f"{bucket.url}/team"
    manifest = tmp_path / "mirror.toml"
    manifest.write_text(MANIFEST.format(store=mirror, index=server.index))
    out = tmp_path / "out"
    out.mkdir()

    def job(*words: str) -> "subprocess.CompletedProcess[str]":
        command = ["sh", str(ROOT / "examples" / "nightly-bucket.sh"), *words]
        variables = {**os.environ, **caller, "OUT": str(out)}
        return subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)

    for _ in range(2):
        ran = job(str(manifest), mirror)
        assert ran.returncode == 0, ran.stderr
        [page] = list_pages(mirror)
        assert [(each.yanked, each.origin is not None) for each in page.files] == [(None, True)] * 2
        assert sorted(each.name for each in out.iterdir()) == ["mirror.lock", "sync.html", "sync.prom"]
    against = job(str(manifest), mirror, server.index)
    assert against.returncode == 1, "the index of the originals is not this mirror"
    assert job(str(manifest)).returncode == 2


def test_the_template_for_cloudfront_is_valid_and_has_the_function() -> None:
    """By the linter of AWS, which comes with moto; CloudFront itself is not here."""
    template = SERVERS / "s3-cloudfront.yaml"
    program = Path(sys.executable).with_name("cfn-lint")
    linted = subprocess.run([program, template], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")
    code = template.read_text("utf-8").partition("FunctionCode: |\n")[2].partition("\n\n  Distribution:")[0]
    assert textwrap.dedent(code).strip() == (SERVERS / "cloudfront.js").read_text("utf-8").strip()
