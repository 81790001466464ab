"""A whole sync with dependencies: it adds what is required, a second one does nothing, and the mirror is closed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from building import WheelSpec
from closing import spec
from upstreams import Upstream, add_family, pypi, pytorch
from wheelfix import Targets, list_pages, sync_mirror
from wheelfix.sync.dependencies.closed import check_closed
from wheelfix.sync.dependencies.uv import Uv
from wheelfix.sync.manifest.read import read_manifest
from wheelfix.sync.model import Action, Reason, SyncReport

MANIFEST = """
schema = 1
[mirror]
store = "mirror"
dependencies = true
keep = 1
platforms = ["manylinux*_x86_64", "macosx*_arm64"]
pythons = ["3.11"]
[[source]]
name = "torch"
index = "{torch}"
projects = ["torch", "torchvision"]
family = true
local = "strip"
[[source]]
name = "pypi"
index = "{pypi}"
projects = ["app[fast]"]
"""


class Mirror(Struct):
    path: Path
    torch: Upstream
    pypi: Upstream

    def sync(self, *, check: bool = False) -> SyncReport:
        return sync_mirror(self.path / "mirror.toml", dry_run=check)

    def served(self) -> list[str]:
        return [file.filename for page in list_pages(self.path / "mirror") for file in page.files if file.yanked is None]


def platform_wheels(project: str, version: str) -> list[WheelSpec]:
    platforms = ("manylinux_2_17_x86_64", "macosx_11_0_arm64", "win_amd64")
    return [spec(project, version, tags=f"cp311-cp311-{each}") for each in platforms]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    path = tmp_path_factory.mktemp("closed")
    with pytorch() as torch, pypi() as upstream:
        add_family(torch, "2.9.0")
        for each in (
            *platform_wheels("numpy", "2.0"),
            spec("app", "1.0", "quick; extra == 'fast'", "slow; extra == 'slow'", "torch"),
            *(spec(project, "5.0") for project in ("filelock", "typing-extensions", "mpmath", "quick", "slow", "unused")),
            spec("sympy", "5.0", "mpmath<6"),
        ):
            upstream.add(each)
        (path / "mirror.toml").write_text(MANIFEST.format(torch=torch.index, pypi=upstream.index))
        yield Mirror(path, torch, upstream)


def test_three_syncs(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = mirror.sync(check=True)
    first = mirror.sync()
    assert (planned.plan.problems, first.plan.problems) == ((), ())
    assert first.ok
    assert [each.filename for each in planned.plan.files] == [each.filename for each in first.plan.files]
    required = {each.project for each in first.plan.files if each.why is Reason.REQUIRED}
    assert required == {"filelock", "mpmath", "numpy", "quick", "sympy", "typing-extensions"}
    assert "torch-2.9.0-cp311-cp311-manylinux_2_28_x86_64.whl" in mirror.served()
    assert not any("win" in each for each in mirror.served())
    mirror.sync()
    mirror.pypi.forget()
    mirror.torch.forget()
    monkeypatch.setattr(Uv, "resolve", None)
    third = mirror.sync()
    assert (third.plan.changes, third.plan.problems) == (False, ())
    seen = [*mirror.pypi.seen, *mirror.torch.seen]
    assert {(each.host, each.status) for each in seen} == {("index", 304), ("index", 404)}


def test_the_mirror_is_closed(mirror: Mirror) -> None:
    assert check_closed(mirror.path / "mirror", Targets(["manylinux*_x86_64", "macosx*_arm64"], "3.11")) == ()
    assert check_closed(mirror.path / "mirror", manifest=read_manifest(mirror.path / "mirror.toml")) == ()
    assert check_closed(mirror.path / "mirror") == ()


def test_what_is_no_longer_required_is_yanked(mirror: Mirror) -> None:
    mirror.pypi.add(spec("app", "2.0", "slow; extra == 'fast'", "torch"))
    plan = mirror.sync().plan
    assert [each.filename for each in plan.of(Action.YANK)] == ["app-1.0-py3-none-any.whl", "quick-5.0-py3-none-any.whl"]
    assert [each.filename for each in plan.of(Action.ADD)] == ["app-2.0-py3-none-any.whl", "slow-5.0-py3-none-any.whl"]
    assert not mirror.sync().plan.changes
