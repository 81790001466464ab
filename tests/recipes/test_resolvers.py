"""What pip and uv make of the wheels of a report: the problem before a recipe, and what is wanted after it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from msgspec import Struct
from packaging.utils import canonicalize_name

import clients
from building import WheelSpec
from reported import SHAPES, recipes, reported, spec
from serving import static
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import yank_files

pytestmark = pytest.mark.clients
_Pins: TypeAlias = dict[str, str]
_MAC: Final = "aarch64-apple-darwin"


class Asked(Struct, frozen=True):
    """What is asked for beside which other wheels, and some of the versions that resolvers find before and after.

    ``before`` is ``None`` where they find no solution. An empty version stands for a project that they do not install. The
    original wheels stay on the mirror where it ``keeps_originals``, as releases of their own.
    """

    requirements: tuple[str, ...]
    beside: tuple[WheelSpec, ...]
    before: _Pins | None
    after: _Pins
    platform: str = clients.LINUX
    resolvers: tuple[str, ...] = ("pip", "uv")
    keeps_originals: bool = False


def stubs(*pins: str) -> tuple[WheelSpec, ...]:
    """Return wheels without requirements."""
    return tuple(spec(name, version) for name, _, version in (each.partition("==") for each in pins))


_TORCH: Final = tuple(
    spec("torch", version, tags="cp311-cp311-manylinux_2_28_x86_64") for version in ("1.10.2+cpu", "1.10.2+cu113")
)
ASKED: Final[dict[str, list[Asked]]] = {
    "The GPU build of torch is installed beside a CPU build of torchvision": [
        Asked(
            ("torchvision==0.11.3+cpu",), (*_TORCH, *stubs("numpy==2.1")), {"torch": "1.10.2+cu113"}, {"torch": "1.10.2+cpu"}
        )
    ],
    "No matching version: a package pins torch to one exact version": [
        Asked(("xformers", "torch==2.5.1"), stubs("numpy==2.1", "torch==2.4.0", "torch==2.4.1", "torch==2.5.1"),
              None, {"torch": "2.5.1", "xformers": "0.0.28"}),
    ],
    "Upper limits block an upgrade in many packages at once": [
        Asked(("one", "two", "numpy>=2"), stubs("numpy==1.26", "numpy==2.1", "six==1.17"),
              None, {"one": "1.0", "two": "3.1", "numpy": "2.1"}),
    ],
    "Compatible-release pins conflict with everything": [
        Asked(("ecologits", "wrapt>=1.17"), stubs("six==1.17", "pydantic==2.9", "wrapt==1.16.3", "wrapt==1.17"),
              None, {"ecologits": "0.5.2", "wrapt": "1.17"}),
    ],
    "A published release lacks a limit": [
        Asked(("calcstats",), stubs("six==1.17", "numpy==1.26", "numpy==2.1"),
              {"calcstats": "1.0", "numpy": "2.1"}, {"calcstats": "1.0.post1", "numpy": "1.26"}, keeps_originals=True),
    ],
    "Two requirements are run together on one line": [
        Asked(("apache-airflow==2.0.0b3",), stubs("attrs==20.3", "alembic==1.4", "cattrs==1.1", "click==7.1"),
              None, {"alembic": "1.4", "cattrs": "1.1", "click": "7.1"}),
    ],
    "An extra is missing from the wheels of one platform": [
        Asked(("openmm[cuda12]",), stubs("numpy==2.1", "openmm-cuda-12==8.3.1"),
              {"openmm-cuda-12": ""}, {"openmm": "8.3.1", "openmm-cuda-12": "8.3.1"}, _MAC),
        Asked(("openmm[cuda12]",), stubs("numpy==2.1", "openmm-cuda-12==8.3.1"),
              {"openmm-cuda-12": "8.3.1"}, {"openmm": "8.3.1", "openmm-cuda-12": "8.3.1"}),
    ],
    "Version in METADATA lacks the local version of the file name": [
        Asked(("sgl-kernel",), stubs("torch==2.9"), None, {"sgl-kernel": "2.0+cu126"}, resolvers=("pip",)),
    ],
    "No .dist-info directory found: the file was renamed": [
        Asked(("mypackage",), (), None, {"mypackage": "0.10.3+123.ab1cd2e"}, resolvers=("pip", "uv install")),
    ],
    "The same, but the name of the file is right": [
        Asked(("mypackage==0.10.3",), (), None, {"mypackage": "0.10.3"}, resolvers=("pip", "uv install")),
    ],
    "The dist-info directory is spelled differently from the file name": [
        Asked(("streamlit-auth",), (), None, {"streamlit-auth": "1.0"}),
    ],
    "One build is published under a second name and version": [
        Asked(("aiperf-nightly", "aiperf"), stubs("numpy==2.1"),
              None, {"aiperf-nightly": "0.9.0.dev20260511", "aiperf": "0.9.0"}, keeps_originals=True),
    ],
    "A wheel should be for one more platform": [
        Asked(("demo",), (), None, {"demo": "1.0"}, "armv6l", ("pip",)),  # uv knows no such platform
    ],
    "Trailing data after the end of the archive": [
        Asked(("padded",), (), None, {"padded": "1.0"}, resolvers=("uv install",)),
    ],
    "ZIP64 fields are longer than they should be": [
        Asked(("widezip",), (), None, {"widezip": "1.0"}, resolvers=("uv install",)),
    ],
    "The dist-info directory has no version": [
        Asked(("unversioned",), (), {"unversioned": ""}, {"unversioned": "1.0"}, resolvers=("uv install",)),
    ],
}  # fmt: skip
"""The recipes that resolvers are concerned with, but for those of whole locks."""
_RESOLVERS: Final[dict[str, Callable[..., _Pins | None]]] = {
    "pip": clients.resolved_by_pip,
    "uv": clients.resolved_by_uv,
    "uv install": clients.installed_by_uv,
}
_EACH: Final = [
    pytest.param(title, asked, resolver, id=f"{resolver.replace(' ', '-')}-{'-'.join(title.split()[:5])}-{number}")
    for title, several in ASKED.items()
    for number, asked in enumerate(several)
    for resolver in asked.resolvers
]


def plain_index(folder: Path, wheels: list[Path]) -> Path:
    """Make an index of ``wheels`` as a web server's listing is one: it says nothing of what is in them."""
    for path in wheels:
        project = folder / "simple" / path.name.partition("-")[0].lower().replace("_", "-").replace(".", "-")
        project.mkdir(parents=True, exist_ok=True)
        (project / path.name).write_bytes(path.read_bytes())
    for project in (folder / "simple").iterdir():
        links = "".join(f'<a href="{path.name}">{path.name}</a>' for path in sorted(project.glob("*.whl")))
        (project / "index.html").write_text(f"<!DOCTYPE html>{links}")
    return folder


def compared(found: _Pins | None, expected: _Pins | None) -> tuple[_Pins | None, _Pins | None]:
    """Return what was found of what is expected, and that."""
    if found is None or expected is None:
        return found, expected
    versions = {canonicalize_name(name): version for name, version in found.items()}
    return {name: versions.get(canonicalize_name(name), "") for name in expected}, expected


@pytest.mark.parametrize(("title", "asked", "resolver"), _EACH)
def test_before_and_after(title: str, asked: Asked, resolver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("in", "beside"):
        (tmp_path / name).mkdir()
    names = SHAPES[title].write(tmp_path / "in")
    beside = [tmp_path / "beside" / name for name in reported(*asked.beside).write(tmp_path / "beside")]
    resolve = _RESOLVERS[resolver]
    before = plain_index(tmp_path / "before", [*(tmp_path / "in" / name for name in names), *beside])
    with static(before) as server:
        found = resolve(tmp_path / "b", server.index, *asked.requirements, platform=asked.platform)
    found, expected = compared(found, asked.before)
    assert found == expected
    [recipe] = [each for each in recipes() if each.title == title]
    ran = recipe.run(tmp_path, [f"in/{name}" for name in names], "out")
    assert ran.code == 0, ran.err
    fixed = sorted((tmp_path / "out").glob("*.whl"))
    kept = [tmp_path / "in" / name for name in names] if asked.keeps_originals else []
    mirror = tmp_path / "mirror"
    assert add_wheels(mirror, [*fixed, *kept, *beside]).ok
    projects = {path.name.partition("-")[0] for path in fixed}
    for path in kept:
        if path.name.partition("-")[0] in projects:  # new resolutions should avoid it
            assert yank_files(mirror, path.name).ok
    assert [str(each) for each in check_mirror(mirror).findings] == []
    with static(mirror / "public") as server:
        found = resolve(tmp_path / "a", server.index, *asked.requirements, platform=asked.platform)
    found, expected = compared(found, asked.after)
    assert found == expected


@pytest.mark.parametrize("order", [1, -1])
def test_a_lock_for_all_platforms(order: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, uv locks what one wheel says: not all of it, whichever that is. After, every wheel says it all."""
    monkeypatch.chdir(tmp_path)
    title = "Each platform has requirements of its own, without markers that say so"
    for name in ("in", "beside"):
        (tmp_path / name).mkdir()
    names = SHAPES[title].write(tmp_path / "in")
    parts = ("tensorflow-intel==2.15.1", "tensorflow-macos==2.15.1")
    stands = stubs("absl-py==2.1", "numpy==1.26", "tensorflow-io==0.37", "tensorflow-io-gcs-filesystem==0.37", *parts)
    beside = [tmp_path / "beside" / name for name in reported(*stands).write(tmp_path / "beside")]
    with static(plain_index(tmp_path / "before", [*(tmp_path / "in" / name for name in names), *beside])) as server:
        before = clients.uv_lock(tmp_path / "b", server.index, "tensorflow==2.15.1")
    wanted = ("absl-py", "numpy", "tensorflow-intel", "tensorflow-macos")
    assert not all(f'name = "{name}"' in before for name in wanted)
    [recipe] = [each for each in recipes() if each.title == title]
    assert recipe.run(tmp_path, [f"in/{name}" for name in names][::order], "out").code == 0
    assert add_wheels(tmp_path / "mirror", [*sorted((tmp_path / "out").glob("*.whl")), *beside]).ok
    with static(tmp_path / "mirror" / "public") as server:
        after = clients.uv_lock(tmp_path / "a", server.index, "tensorflow==2.15.1")
    assert all(f'name = "{name}"' in after for name in wanted)
