"""A wheel as large as torch goes from a URL into a bucket: corrected, proved and sent, in memory that does not grow."""

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from buckets import Bucket, s3_client
from memory import measured
from serving import nginx
from sparse import sparse_wheel
from wheelfix.mirror.check import check_mirror
from wheels import NAME, File, write_archive

pytestmark = [pytest.mark.slow, pytest.mark.parts]
MEGABYTES: Final = 800
FILES: Final = 11_488
"""With those of dist-info as many entries as torch 2.7.0 has."""
LIMIT: Final = 96 << 20
"""Bytes of resident memory at most; Python, obstore, boto3 and requests alone take more than half of it."""


def with_many_files(folder: Path) -> Path:
    """Write a wheel with as many entries as torch 2.7.0 has, with names and sizes like its headers."""
    path = folder / "many" / NAME
    path.parent.mkdir(parents=True)
    chance = random.Random(2)
    files = []
    for number in range(FILES):
        text = chance.randbytes(1_000).hex().encode() * chance.choice((1, 2, 4))
        name = f"torch/include/ATen/ops/_fused_adam_backward_{number:05}_compositeimplicitautograd_dispatch.h"
        files.append(File(name, len(text), text))
    with path.open("w+b") as file:
        write_archive(file, [], files, dist_info_first=False)
    return path


@pytest.mark.parametrize(
    ("make", "more"),
    [(with_many_files, 2_000_000), (lambda folder: sparse_wheel(folder, MEGABYTES), 100_000)],
    ids=["entries", "bytes"],
)
def test_a_large_wheel_goes_from_a_url_into_a_bucket(
    make: Callable[[Path], Path],
    more: int,
    new_bucket: Callable[[str], Bucket],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is ``more`` bytes longer there at most: RECORD is written without compression."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bucket = new_bucket("s3")
    files = tmp_path / "public" / "files"
    wheel = make(files)
    with nginx(tmp_path, "nginx.conf", tmp_path / "nginx") as server:
        url = f"{server.url}/files/{wheel.relative_to(files).as_posix()}"
        ran = measured("strip-gpu", "-q", "--publish", f"{bucket.url}/team", url)
        assert ran.code == 0, ran.err
        assert server.wheel_bytes() < 1.01 * wheel.stat().st_size + 1_000, "it is downloaded once"
    print(f"peak {ran.peak >> 20} MiB")  # noqa: T201  # shown by -s and -rP
    assert ran.peak < LIMIT
    size = wheel.stat().st_size
    wheel.unlink()
    [sent] = [
        each for each in s3_client(bucket).list_objects_v2(Bucket=bucket.name)["Contents"] if each["Key"].endswith(".whl")
    ]
    assert abs(sent["Size"] - size) < more
    assert re.fullmatch(r'"[0-9a-f]{32}-\d+"', sent["ETag"]), "in several parts"
    assert check_mirror(f"{bucket.url}/team", quick=True).findings == ()


def test_a_wheel_in_a_bucket_is_checked_whole(
    new_bucket: Callable[[str], Bucket], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is copied to the disk in parts, and nothing of it stays."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bucket = new_bucket("s3")
    assert measured("strip-gpu", "-q", "--publish", f"{bucket.url}/team", with_many_files(tmp_path)).code == 0
    ran = measured("mirror", "check", f"{bucket.url}/team")
    assert ran.code == 0, ran.out
    print(f"peak {ran.peak >> 20} MiB")  # noqa: T201
    assert ran.peak < LIMIT
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
