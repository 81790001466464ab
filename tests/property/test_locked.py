"""What locks name does not depend on the order in which they name it, nor on which of them is read first."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, strategies as st
from pypi_simple import DistributionPackage, ProjectPage

from wheelfix.sync.choice.locked import choose_locked
from wheelfix.sync.manifest.model import Manifest, Sdists, Source
from wheelfix.upstream.client import ServedPage

FILES = [
    ("demo", "1.0", "demo-1.0-py3-none-any.whl"), ("demo", "1.0", "demo-1.0-cp311-cp311-win_amd64.whl"),
    ("demo", "1.0", "demo-1.0.tar.gz"), ("demo", "2.0", "demo-2.0-py3-none-any.whl"), ("other", "1.0", "other-1.0.tar.gz"),
]  # fmt: skip
PINS = st.sampled_from(
    ["demo==1.0", "demo==2.0", "other==1.0", "missing==1", "demo>=1", "git+https://git.example.org/x"]
    + [f"{project}=={version} --hash=sha256:{number:064x}" for number, (project, version, _) in enumerate(FILES)]
    + ["demo==1.0 --hash=sha256:" + "f" * 64]
)


class Index:
    """Pages with all files; each has its number as sha256."""

    def fetch(self, wanted: object) -> None:
        pass

    def page(self, index: str, project: str) -> ServedPage | None:
        files = [_file(name, number) for number, (found, _, name) in enumerate(FILES) if found == project]
        if not files:
            return None
        page = ProjectPage(project=project, packages=files, repository_version="1.0", last_serial=None, versions=None)
        return ServedPage(url=index, form="json", page=page)


def _file(name: str, number: int) -> DistributionPackage:
    kind = "wheel" if name.endswith(".whl") else "sdist"
    version = name.split("-")[1].removesuffix(".tar.gz")
    return DistributionPackage(
        filename=name, url=f"https://x.example.org/{name}", project=name.split("-")[0], version=version, package_type=kind,
        digests={"sha256": f"{number:064x}"}, requires_python=None, has_sig=None,
    )  # fmt: skip


def chosen(folder: Path, *locks: list[str], sdists: Sdists) -> tuple[Any, ...]:
    paths = []
    for number, pins in enumerate(locks):
        paths.append(folder / f"{number}.txt")
        paths[-1].write_text("".join(f"{each}\n" for each in pins))
    source = Source(name="locked", index="https://x.example.org/simple/", locks=tuple(paths), sdists=sdists)
    manifest = Manifest(path=folder / "mirror.toml", store="mirror", sources=(source,))
    found = choose_locked(manifest, Index(), {})  # type: ignore[arg-type]
    wanted = [(each.filename, each.sha256, each.reason) for each in found.wanted]
    assert {sha256 for _, sha256, _ in wanted} <= set(found.holders)
    problems = sorted({(each.project or "", each.problem.code, each.problem.reason or "") for each in found.problems})
    return wanted, problems, sorted({(each.project, each.code) for each in found.reports}), set(found.holders)


@given(st.lists(PINS, max_size=8), st.data(), st.sampled_from(Sdists))
def test_the_order_does_not_matter(pins: list[str], data: st.DataObject, sdists: Sdists) -> None:
    others = data.draw(st.permutations(pins))
    with TemporaryDirectory() as folder:
        assert chosen(Path(folder), pins, sdists=sdists) == chosen(Path(folder), others, sdists=sdists)


@given(st.lists(PINS, max_size=5), st.lists(PINS, max_size=5), st.sampled_from(Sdists))
def test_two_locks_name_what_each_of_them_names(one: list[str], two: list[str], sdists: Sdists) -> None:
    with TemporaryDirectory() as folder:
        both = chosen(Path(folder), one, two, sdists=sdists)
        assert both == chosen(Path(folder), two, one, sdists=sdists)
        first, second = (chosen(Path(folder), each, sdists=sdists) for each in (one, two))
    assert sorted(both[0]) == sorted({*first[0], *second[0]})
    assert both[3] == first[3] | second[3]
