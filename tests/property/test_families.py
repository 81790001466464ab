"""Combinations of a family, compared with all that there are."""

from itertools import product
from typing import Final

import pytest
from hypothesis import given, strategies as st
from packaging.requirements import Requirement
from packaging.version import Version
from pypi_simple import DistributionPackage

from building import WheelSpec, metadata_bytes
from wheelfix.errors import MirrorError
from wheelfix.sync.choice.family import Family, combined
from wheelfix.sync.choice.metadata import MetadataReader
from wheelfix.sync.choice.releases import Release
from wheelfix.sync.manifest.model import Source
from wheelfix.sync.model import WantedFile

VERSIONS: Final = ("1", "2", "3", "4")
REQUIREMENTS: Final = ("", "core==1", "core==2", "core>=3", "core<3", "core", "core!=2")


class Reader(MetadataReader):
    """Reads what each file requires from ``requires``."""

    def __init__(self, requires: dict[str, str]) -> None:
        self._requires = requires

    def read(self, file: DistributionPackage) -> bytes:
        requirement = self._requires.get(file.filename, "")
        return metadata_bytes(WheelSpec(requires=(requirement,) if requirement else ()))


def release(source: Source, project: str, version: str) -> Release:
    """Return a release with one wheel."""
    file = DistributionPackage(
        filename=name_of(project, version), url="https://index.example.org/x", digests={"sha256": f"{project}{version}"},
        project=project, version=version, package_type="wheel", requires_python=None, has_sig=None,
    )  # fmt: skip
    wanted = WantedFile(source=source, project=project, version=version, file=file)
    return Release(source=source, project=project, version=Version(version), wanted=(wanted,))


def name_of(project: str, version: str) -> str:
    """Return the name of the wheel of a release."""
    return f"{project}-{version}-py3-none-any.whl"


def chosen(family: Family, project: str) -> list[str]:
    """Return the versions of ``project`` that were chosen."""
    return [str(each.version) for each in family.releases if each.project == project]


@given(
    core=st.lists(st.sampled_from(VERSIONS), unique=True, min_size=1),
    addons=st.dictionaries(
        st.sampled_from(("left", "right")),
        st.dictionaries(st.sampled_from(VERSIONS), st.sampled_from(REQUIREMENTS), min_size=1),
    ),
    keep=st.sampled_from((1, 2, None)),
)
def test_what_is_chosen_is_what_is_newest_of_all_that_fits(
    core: list[str], addons: dict[str, dict[str, str]], keep: int | None
) -> None:
    for versions in addons.values():  # the newest release says whether two projects are of one family
        versions[max(versions)] = versions[max(versions)] or "core"
    source = Source(name="main", index="https://index.example.org/", keep=keep)
    projects = {"core": core, **{name: list(each) for name, each in addons.items()}}
    releases = {
        project: [release(source, project, each) for each in sorted(versions, reverse=True)]
        for project, versions in projects.items()
    }
    requires = {name_of(project, version): text for project, each in addons.items() for version, text in each.items()}

    def fits(version: str, combination: tuple[str, ...]) -> bool:
        texts = [requires[name_of(project, each)] for project, each in zip(addons, combination, strict=True)]
        return all(Requirement(text).specifier.contains(version) for text in texts if text)

    best = {
        version: max(found)
        for version in sorted(core, reverse=True)
        if (found := [each for each in product(*addons.values()) if fits(version, each)])
    }
    kept = list(best)[:keep]
    if not kept:
        with pytest.raises(MirrorError, match="fit each other"):
            combined(source, releases, Reader(requires))
        return
    family = combined(source, releases, Reader(requires))
    assert chosen(family, "core") == kept
    for index, project in enumerate(addons):
        assert set(chosen(family, project)) == {best[version][index] for version in kept}
    turned = dict(reversed(releases.items()))
    assert {each.version for each in combined(source, turned, Reader(requires)).releases} == {
        each.version for each in family.releases
    }
    rows = {row.filename for row in family.waiting}
    assert rows.isdisjoint(name_of(each.project, str(each.version)) for each in family.releases)
