"""What uv and PDM make of exported rules on the wheels as they came: the same as of the fixed wheels without an export."""

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import clients
from building import WheelSpec, write_wheel
from defects import metadata, valid
from running import wheelfix
from serving import static
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.upload import add_wheels
from wheelfix.rules.load import load_rules

pytestmark = pytest.mark.clients
Lock = set[tuple[str, str, tuple[str, ...]]]
HEAD = "schema = 1\n"
RULE = '[[rule]]\nid = "{id}"\nreason = "it is so"\n'


def spec(project: str, version: str, *lines: str) -> WheelSpec:
    head = ("Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}", "Summary: A stand-in")
    data = metadata(*lines, head=head, rest=("Description-Content-Type: text/plain",))
    return valid(project=project, version=version, metadata=data)


def requires(*texts: str) -> tuple[str, ...]:
    return tuple(f"Requires-Dist: {text}" for text in texts)


WHEELS = (
    spec(
        "tool",
        "1.0",
        *requires("lib<2", "old>=1", "gpu==1.0", 'plus; extra == "cuda"', 'gpu; extra == "cuda"'),
        "Provides-Extra: cuda",
    ),
    spec("tool", "2.0", *requires("lib<2", "gpu==2.0"), "Requires-Python: >=3.6"),
    spec("other", "1.0", *requires("lib<2", "gpu")),
    *(spec("lib", version) for version in ("1.0", "1.5", "2.0", "3.0")),
    *(spec("gpu", version) for version in ("1.0", "2.0")),
    spec("old", "1.0", *requires("gpu")),
    spec("new", "1.0"),
    spec("plus", "1.0"),
)

CASES = {
    "drop of one project": (
        'when = { project = "tool" }\nmatch = { name = "gpu", extra = "any" }\naction = "drop"\n',
        ["tool", "other"],
    ),
    "drop everywhere": ('match = { name = "gpu", extra = "any" }\naction = "drop"\n', ["tool", "other"]),
    "drop of one version": (
        'when = { project = "tool", version = "==1.0" }\nmatch = { name = "gpu", extra = "any" }\naction = "drop"\n',
        ["tool==1.0"],
    ),
    "not of another version": (
        'when = { project = "tool", version = "==1.0" }\nmatch = { name = "gpu", extra = "any" }\naction = "drop"\n',
        ["tool==2.0"],
    ),
    "relaxed": (
        'when = { project = "tool" }\nmatch = { name = "lib" }\naction = { set-specifier = ">=1" }\n',
        ["tool"],
    ),
    "replaced by another": (
        'when = { project = "tool", version = "==1.0" }\nmatch = { name = "old" }\naction = { replace = "new>=1" }\n',
        ["tool==1.0"],
    ),
    "added": ('when = { project = "tool" }\naction = { add = "new" }\n', ["tool"]),
}
EXACT_VERSION_AND_ALL = (
    'when = { project = "tool" }\nmatch = { name = "gpu", extra = "any" }\naction = "drop"\n'
    + RULE.format(id="second")
    + 'when = { project = "tool", version = "==1.0" }\nmatch = { name = "old" }\naction = "drop"\n'
)
CASES["a version beside all versions"] = (EXACT_VERSION_AND_ALL, ["tool==1.0"])
ONE_AND_ALL = (
    'when = { project = "tool" }\nmatch = { name = "lib" }\naction = { set-specifier = ">=2,<3" }\n'
    + RULE.format(id="second")
    + 'match = { name = "lib" }\naction = { set-specifier = ">=1" }\n'
)
CASES["a project beside all"] = (ONE_AND_ALL, ["tool"])
WITH_WHEELS = {
    "metadata of a release": (
        'when = { project = "tool" }\nmatch = { name = "g*", extra = "any" }\naction = "drop"\n'
        + RULE.format(id="second")
        + 'when = { project = "tool" }\nmatch = { name = "lib", specifier = "<2" }\naction = { set-specifier = ">=1" }\n',
        ["tool[cuda]==1.0", "other"],
    ),
    "an extra less": ('action = { drop-extra = "cuda" }\n', ["tool[cuda]==1.0"]),
}


def locked(text: str) -> Lock:
    """Return what is locked: each project with its version and, where they are tables as uv writes them, what it requires.

    PDM writes what the metadata says, and locks less.
    """
    packages = tomllib.loads(text)["package"]
    return {(each["name"], each["version"], _required(each)) for each in packages if each["name"] != "app"}


def _required(package: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(each["name"] for each in package.get("dependencies", ()) if isinstance(each, dict)))


def compare(
    lock: Callable[..., str], client: str, rules: str, names: Sequence[str], tmp_path: Path, wheels: Sequence[str] = ()
) -> Lock:
    """Return what is locked from the fixed wheels, which must be what is locked from the others with the export."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    paths = [write_wheel(folder, each) for each in WHEELS]
    file = tmp_path / "wheelfix.toml"
    file.write_text(HEAD + RULE.format(id="first") + rules)
    before, after = tmp_path / "before", tmp_path / "after"
    assert add_wheels(before, paths).ok
    assert fix_into_mirror(after, paths, load_rules(file))[1].ok
    ran = wheelfix("rules", "export", "--to", client, "--quiet", "--rules", file, *(folder / each for each in wheels))
    assert ran.code == 0, ran.out
    requirement = '", "'.join(names)
    with static(before / "public") as server:
        plain = locked(lock(tmp_path / "plain", server.index, requirement))
        exported = locked(lock(tmp_path / "exported", server.index, requirement, ran.out))
    with static(after / "public") as server:
        fixed = locked(lock(tmp_path / "fixed", server.index, requirement))
    assert exported == fixed
    assert (plain == fixed) is ("==2.0" in requirement), "the rules change something"
    return fixed


@pytest.mark.parametrize("name", CASES)
def test_uv_does_with_rules_what_it_does_with_fixed_wheels(name: str, tmp_path: Path) -> None:
    rules, names = CASES[name]
    compare(clients.uv_lock, "uv", rules, names, tmp_path)


@pytest.mark.parametrize("name", WITH_WHEELS)
def test_uv_does_with_the_metadata_of_wheels_what_it_does_with_fixed_ones(name: str, tmp_path: Path) -> None:
    rules, names = WITH_WHEELS[name]
    compare(clients.uv_lock, "uv", rules, names, tmp_path, ["tool-1.0-py3-none-any.whl"])


CASES_OF_PDM = {
    "drop everywhere": CASES["drop everywhere"],
    "relaxed": ('match = { name = "lib" }\naction = { set-specifier = ">=2" }\n', ["tool==1.0", "other"]),
}


@pytest.mark.parametrize("name", CASES_OF_PDM)
def test_pdm_does_with_rules_what_it_does_with_fixed_wheels(name: str, tmp_path: Path) -> None:
    rules, names = CASES_OF_PDM[name]
    compare(clients.pdm_lock, "pdm", rules, names, tmp_path)


def test_pdm_has_no_projects_as_the_export_says(tmp_path: Path) -> None:
    """The rule is for one project, the override for all: the same rules on the fixed wheels leave ``other`` as it is."""
    rules, names = CASES["drop of one project"]
    with pytest.raises(AssertionError):
        compare(clients.pdm_lock, "pdm", rules, names, tmp_path)
    ran = wheelfix("rules", "export", "--to", "pdm", "--rules", tmp_path / "wheelfix.toml")
    assert "the requirements of every package, not only of tool" in ran.err
