"""The same manifest into a directory and into a bucket, by one process, several, and in parts: the same pages."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import buckets
from building import WheelSpec
from upstreams import Upstream, pypi
from wheelfix.mirror.storage import open_store
from wheelfix.sync.run import index_mirror, sync_mirror

pytestmark = pytest.mark.usefixtures("stopped_clock")

PROJECTS = tuple(f"demo{number}" for number in range(6))


@pytest.fixture
def index() -> Iterator[Upstream]:
    """Six projects with a release of two wheels, and a source distribution of the first."""
    with pypi() as upstream:
        for project in PROJECTS:
            for python in ("cp311", "cp312"):
                upstream.add(WheelSpec(project=project, tags=f"{python}-{python}-manylinux_2_28_aarch64", requires=("six",)))
        upstream.add_sdist(PROJECTS[0], "1.0")
        yield upstream


def manifest(folder: Path, index: Upstream, name: str, store: str) -> Path:
    projects = ", ".join(f'"{project}"' for project in PROJECTS)
    path = folder / f"{name}.toml"
    path.write_text(
        f'schema = 1\n[mirror]\nstore = "{store}"\nrules = ["gpu"]\nsdists = "all"\n'
        f'[[source]]\nname = "main"\nindex = "{index.index}"\nprojects = [{projects}]\n'
    )
    return path


def public(where: str) -> dict[str, bytes]:
    """Return what a server shows of a mirror."""
    store = open_store(where)
    return {key: stored.data for key in store.keys("public") if (stored := store.read(key)) is not None}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["s3", "azure", "gcs"])
def test_a_bucket_has_the_pages_of_a_directory(
    kind: str, index: Upstream, tmp_path: Path, new_bucket: Callable[[str], buckets.Bucket]
) -> None:
    directory, bucket = str(tmp_path / "mirror"), new_bucket(kind)
    assert sync_mirror(manifest(tmp_path, index, "directory", directory)).ok
    one = manifest(tmp_path, index, "one", f"{bucket.url}/one")
    assert sync_mirror(one, jobs=2).ok
    parts = manifest(tmp_path, index, "parts", f"{bucket.url}/parts")
    assert [sync_mirror(parts, shard=(number, 2)).ok for number in (1, 2)] == [True, True]
    assert index_mirror(parts).ok
    expected = public(directory)
    assert len(expected) > len(PROJECTS) * 4
    assert public(f"{bucket.url}/one") == expected
    assert public(f"{bucket.url}/parts") == expected
    for path in (one, parts):
        assert not any(each.status.value == "added" for each in sync_mirror(path).files)
