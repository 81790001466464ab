"""One hostile value on a page of an index: the run goes on, and no other file or project suffers for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import upstreams
from building import WheelSpec
from choosing import Machine, source, versions
from syncing import Mirror, codes
from upstreams import File, Upstream, pypi, pytorch
from wheelfix.options import Targets
from wheelfix.sync.manifest.model import Local

_NINES: Final = "9" * 5000


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with pypi() as found:
        yield found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("requires-python", f">=3.{_NINES}"),
        ("requires-python", f"<4,>=3.{_NINES}"),
        ("requires-python", f"==1.{_NINES}.*"),
        ("size", 10**400),
        ("size", 2**63),
        ("size", -5),
        ("size", True),
        ("filename", f"demo-2.0-{'.'.join(f'py{each}' for each in range(2000))}-none-any.whl"),
        ("filename", f"demo-2.0-py3-none-any.{'.'.join(f'p{each}' for each in range(100_000))}.whl"),
        ("filename", f"demo-2.0-{'1' * 300}-py3-none-any.whl"),
        ("filename", f"demo-2.{_NINES}-py3-none-any.whl"),
        ("filename", f"demo-2.0-cp3{'9' * 200}-none-any.whl"),
    ],
)
def test_a_hostile_value_of_one_file_is_no_matter_of_others(
    field: str, value: object, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever becomes of that file, a run neither ends with it nor takes long."""
    for project, version in (("demo", "1.0"), ("demo", "2.0"), ("other", "1.0")):
        upstream.add(WheelSpec(project=project, version=version))
    honest = upstreams._json

    def hostile(file: File, base: str) -> dict[str, Any]:
        found = honest(file, base)
        return {**found, field: value} if file.name == "demo-2.0-py3-none-any.whl" else found

    monkeypatch.setattr(upstreams, "_json", hostile)
    targets = Targets(("manylinux*_x86_64", "macosx*_arm64"), ("3.11", "3.12"))
    mirror = Mirror(tmp_path, upstream, monkeypatch)
    manifest = mirror.manifest("demo", "other", targets=targets, local=Local.STRIP)
    report = mirror.sync(manifest)
    assert "1.0" in mirror.served()
    assert mirror.served("other") == ["1.0"]
    assert codes(report) == []
    assert not mirror.sync(manifest).plan.changes


def test_hostile_names_in_html_are_left_out(tmp_path: Path) -> None:
    with pytorch() as index:
        index.add(WheelSpec(project="demo", version="1.0"))
        long = f"demo-2.0-{'.'.join(f'py{each}' for each in range(20_000))}-none-any.whl"
        index.put("demo", File(name=long, data=b"x"))
        assert versions(Machine(tmp_path).choose(source(index, "demo"))) == ["1.0"]
