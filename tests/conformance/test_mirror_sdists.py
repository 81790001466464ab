"""Source distributions in a mirror, as pip, uv, Poetry and PDM see them: hashed, for the right Python, and behind wheels."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from clients import pdm_lock, poetry_lock, uv_lock
from serving import Server, static
from upstreams import sdist
from wheelfix.mirror.decide import NewWheel
from wheelfix.mirror.follow import UpstreamFile
from wheelfix.mirror.project import Request
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.upload import add_new_wheels
from wheelfix.mirror.yank import list_pages

pytestmark = pytest.mark.clients
LOCKS = {"uv": uv_lock, "poetry": poetry_lock, "pdm": pdm_lock}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """A mirror with a release that has both kinds, one that has no wheel, and one for a later Python; and the hashes."""
    folder = tmp_path_factory.mktemp("mirror")
    files = {"1.0": None, "2.0": None, "3.0": ">=4"}
    new = []
    for version, python in files.items():
        path = folder / f"demo-{version}.tar.gz"
        path.write_bytes(sdist("demo", version, requires_python=python))
        upstream = UpstreamFile("https://packages.example.org/simple/", requires_python=python)
        new.append(NewWheel(path=path, upstream=upstream))
    new.append(NewWheel(path=write_wheel(folder, WheelSpec(requires=()))))
    store = open_store(folder / "mirror", create=True)
    assert add_new_wheels(store, new, Request()).ok
    sums = {file.filename: file.sha256 for page in list_pages(store) for file in page.files}
    with static(folder / "mirror" / "public", negotiates=True) as served:
        yield served, sums


@pytest.mark.parametrize("client", LOCKS)
def test_a_lock_has_the_release_for_this_python_with_its_hashes(
    client: str, server: tuple[Server, dict[str, str]], tmp_path: Path
) -> None:
    served, sums = server
    both = LOCKS[client](tmp_path / "both", served.index, "demo==1.0")
    assert sums["demo-1.0.tar.gz"] in both
    assert sums["demo-1.0-py3-none-any.whl"] in both
    newest = LOCKS[client](tmp_path / "newest", served.index, "demo!=2.0")  # which only a build could say more of
    assert sums["demo-1.0-py3-none-any.whl"] in newest
    assert sums["demo-3.0.tar.gz"] not in newest
