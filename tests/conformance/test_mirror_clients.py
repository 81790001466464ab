"""What pip, uv, Poetry and PDM make of a mirror, before and after the correction; each sees this one index only."""

import platform
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

import clients
from serving import Server, nginx, static
from stand_ins import write_others, write_torch
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.upload import add_wheels

pytestmark = pytest.mark.clients


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Both architectures of torch 2.7.0+cpu, as they came, and stand-ins for all that they require."""
    folder = tmp_path_factory.mktemp("wheels")
    return [*write_torch(folder), *write_others(folder)]


def torches(wheels: list[Path]) -> list[Path]:
    return [path for path in wheels if path.name.startswith("torch-")]


def others(wheels: list[Path]) -> list[Path]:
    return [path for path in wheels if not path.name.startswith("torch-")]


@pytest.fixture(scope="session")
def before(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    mirror = tmp_path_factory.mktemp("before") / "mirror"
    assert add_wheels(mirror, wheels).ok
    return mirror


@pytest.fixture(scope="session")
def after(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    mirror = tmp_path_factory.mktemp("after") / "mirror"
    report, published = fix_into_mirror(mirror, torches(wheels))
    assert [each.status.value for each in report.outcomes] == ["fixed", "fixed"]
    assert published.ok
    assert add_wheels(mirror, others(wheels)).ok
    assert check_mirror(mirror).findings == ()
    return mirror


Serving = Callable[[Path], AbstractContextManager[Server]]


@pytest.fixture(params=["static", "nginx", "nginx-json"])
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serving]:
    """A plain static server, nginx that gives JSON to who asks for it, and nginx that has JSON only."""
    if request.param == "static":
        yield lambda folder: static(folder / "public")
    else:
        yield lambda folder: nginx(folder, f"{request.param}.conf", tmp_path / "nginx" / str(abs(hash(folder))))


LOCKERS = {"uv lock": clients.uv_lock, "poetry lock": clients.poetry_lock, "pdm lock": clients.pdm_lock}
here = pytest.mark.skipif(platform.machine() != "x86_64", reason="the guarded requirements are of x86_64")


@pytest.mark.parametrize("locker", LOCKERS)
def test_lockers_believe_what_the_wheels_say(locker: str, before: Path, tmp_path: Path) -> None:
    """The problem that the fix is for: without it, this test shows that the others see it."""
    with static(before / "public") as server:
        lock = LOCKERS[locker](tmp_path / "app", server.index)
    assert "nvidia-cudnn-cu12" in lock
    assert "triton" in lock


@pytest.mark.parametrize("locker", LOCKERS)
def test_after_the_correction_no_locker_wants_them(locker: str, after: Path, serve: Serving, tmp_path: Path) -> None:
    """From metadata files alone: not one byte of a wheel is loaded to lock."""
    with serve(after) as server:
        lock = LOCKERS[locker](tmp_path / "app", server.index)
        assert server.wheel_bytes() == 0, server.asked()
        assert any(each.path.endswith(".metadata") for each in server.asked())
    assert "nvidia" not in lock
    assert "triton" not in lock
    assert "2.7.0+cpu" in lock
    assert "sha256:" in lock


@here
def test_pip_before(before: Path, tmp_path: Path) -> None:
    with static(before / "public") as server:
        report = clients.pip_report(tmp_path / "pip", server.index)
    assert "triton" in {each["metadata"]["name"] for each in report["install"]}


@here
def test_pip(after: Path, serve: Serving, tmp_path: Path) -> None:
    with serve(after) as server:
        report = clients.pip_report(tmp_path / "pip", server.index)
        assert server.wheel_bytes() == 0
        installed = clients.pip_install(tmp_path / "there", server.index)
    names = {each["metadata"]["name"] for each in report["install"]}
    assert "torch" in names
    assert not any(name.startswith(("nvidia", "triton")) for name in names)
    assert "torch-2.7.0+cpu.dist-info" in installed
    assert not any(name.startswith(("nvidia", "triton")) for name in installed)


@here
def test_uv_compile_and_sync(after: Path, serve: Serving, tmp_path: Path) -> None:
    with serve(after) as server:
        compiled = clients.uv_compile(tmp_path / "compiled", server.index)
        clients.uv_lock(tmp_path / "app", server.index)
        installed = clients.uv_sync(tmp_path / "app")
    assert "torch==2.7.0+cpu" in compiled
    assert "--hash=sha256:" in compiled
    assert "nvidia" not in compiled
    assert "torch" in installed
    assert "nvidia" not in installed
    assert "triton" not in installed
