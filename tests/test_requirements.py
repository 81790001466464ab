"""What CI, the action and the image install: pinned with hashes, as ``pyproject.toml`` says, and with nothing missing."""

import json
import os
import re
import subprocess
import tomllib
from collections import deque
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from places import ROOT

FOLDER: Final = ROOT / "requirements"
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


class Roots(NamedTuple):
    """What a file is made from: extras of wheelfix, and dependency groups."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    core: bool = True


FILES: Final = {
    "dev": Roots(("cloud", "index", "sync"), ("dev",)),
    "core": Roots(),
    "image": Roots(("cloud", "sync")),
    "backend": Roots(groups=("backend",), core=False),
    "browser": Roots(groups=("browser",), core=False),
    "fuzz": Roots(groups=("fuzz",), core=False),
    "installer": Roots(groups=("installer",), core=False),
    "clients": Roots(groups=("clients",), core=False),
}
PIN: Final = re.compile(r"([a-z0-9][a-z0-9-]*)==(\S+)(?: ; (.+))?")


def pins(name: str) -> list[Requirement]:
    """Return what a file pins; each line of it is a pin with hashes, or a comment in front of the first one."""
    text = (FOLDER / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found = []
    for line in lines:
        pin, *hashes = re.split(r"\s+--hash=", line.strip())
        assert PIN.fullmatch(pin), line
        assert hashes, f"{pin} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), pin
        found.append(Requirement(pin))
    return found


def group(name: str) -> Iterator[Requirement]:
    """Return the requirements of a dependency group, those of the groups that it includes among them."""
    for each in PROJECT["dependency-groups"][name]:
        if isinstance(each, str):
            yield Requirement(each)
        else:
            yield from group(each["include-group"])


def roots(name: str) -> list[Requirement]:
    """Return what ``pyproject.toml`` says of a file."""
    made = FILES[name]
    texts = list(PROJECT["project"]["dependencies"]) if made.core else []
    for extra in made.extras:
        texts += PROJECT["project"]["optional-dependencies"][extra]
    return [*map(Requirement, texts), *(each for name in made.groups for each in group(name))]


def holds(requirement: Requirement, extras: tuple[str, ...] = ()) -> bool:
    """Whether the requirement counts in this environment."""
    return requirement.marker is None or any(requirement.marker.evaluate({"extra": each}) for each in (*extras, ""))


def test_every_file_is_known_and_made_by_the_makefile() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == FILES.keys()
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for name, made in FILES.items():
        [line] = re.findall(rf"^\t\$\(COMPILE\) .*--output-file requirements/{name}\.txt.*$", makefile, re.MULTILINE)
        assert set(re.findall(r"--extra (\w+)", line)) == set(made.extras)
        assert set(re.findall(r"--group (\w+)", line)) == set(made.groups)
        assert line.endswith(" pyproject.toml") is made.core


@pytest.mark.parametrize("name", FILES)
def test_pins_satisfy_what_the_project_says(name: str) -> None:
    pinned = {canonicalize_name(each.name): each for each in pins(name)}
    for root in roots(name):
        found = pinned[canonicalize_name(root.name)]
        [version] = found.specifier
        assert root.specifier.contains(version.version, prereleases=True), f"{root}: {found}; make lock"


@pytest.mark.parametrize("name", FILES)
def test_nothing_that_is_needed_here_is_missing(name: str) -> None:
    """From the roots on, all is pinned that packages of these versions require; CI has just these installed."""
    pinned = {str(canonicalize_name(each.name)): next(iter(each.specifier)).version for each in pins(name) if holds(each)}
    waiting = deque((each, each.extras) for each in roots(name) if holds(each))
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement, extras = waiting.popleft()
        project = canonicalize_name(requirement.name)
        assert project in pinned, f"{requirement} is not in requirements/{name}.txt: make lock"
        for extra in ("", *extras):
            if (project, extra) not in seen:
                seen.add((project, extra))
                waiting.extend(_needs(project, extra, pinned))
    assert len(seen) >= len(roots(name)) / 2


def _needs(project: str, extra: str, pinned: dict[str, str]) -> Iterator[tuple[Requirement, set[str]]]:
    """Give what the installed package requires, with the extra; nothing if it is not installed here."""
    try:
        installed = metadata.distribution(project)
    except metadata.PackageNotFoundError:
        return
    if installed.version != pinned[project]:
        return
    for each in map(Requirement, installed.requires or ()):
        if holds(each, (extra,)):
            version = pinned.get(canonicalize_name(each.name))
            assert version is None or each.specifier.contains(version, prereleases=True), f"{project} requires {each}"
            yield each, each.extras


def test_the_files_agree_on_versions() -> None:
    """They are installed on top of each other; the clients are in an environment of their own."""
    found: dict[str, set[str]] = {}
    for name in FILES.keys() - {"clients"}:
        for each in pins(name):
            found.setdefault(f"{each.name} {each.marker}", set()).add(str(each.specifier))
    assert {name: versions for name, versions in found.items() if len(versions) > 1} == {}


def test_no_server_is_named() -> None:
    """Which index the files come from is the choice of who installs them: the hashes say what they must be."""
    for name in FILES:
        assert "://" not in (FOLDER / f"{name}.txt").read_text("utf-8")
    assert '"resolved"' not in (FOLDER / "azurite" / "package-lock.json").read_text("utf-8")


def test_what_npm_installs_is_pinned() -> None:
    """All that Azurite needs has a hash, and runs nothing while it is installed."""
    packages = json.loads((FOLDER / "azurite" / "package-lock.json").read_text("utf-8"))["packages"]
    own = packages.pop("")
    assert own["dependencies"].keys() == {"azurite"}
    assert "node_modules/azurite" in packages
    assert [name for name, each in packages.items() if not each["integrity"].startswith("sha512-")] == []
    assert "npm ci --prefix $(AZURITE) --ignore-scripts" in (ROOT / "Makefile").read_text("utf-8")


@pytest.mark.parametrize("variable", ["CI", "LOCKED", None])
def test_ci_installs_what_is_pinned_and_others_what_fits(variable: str | None, tmp_path: Path) -> None:
    """Neither hinders the other: a Python for which nothing was locked gets the newest that fits it."""
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "LOCKED", "MAKEFLAGS")}
    environment |= {} if variable is None else {variable: "true"}
    targets = [tmp_path / name for name in (".ready", ".browser", ".fuzz", "clients/.ready")]
    command: list[str | Path] = ["make", "--dry-run", f"VENV={tmp_path}", f"CLIENTS={tmp_path}/clients", *targets]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    installs = [line for line in ran.stdout.splitlines() if " pip install " in line]
    pinned = [line for line in installs if "--require-hashes --only-binary :all: --requirement requirements/" in line]
    assert len(installs) == (7 if variable else 6)
    others = [line for line in installs if line not in pinned]
    assert (len(others) == 1 and "--no-deps --no-build-isolation --editable" in others[0]) if variable else not pinned


@pytest.mark.parametrize("path", ["action.yml", "Containerfile"])
def test_what_others_run_is_pinned_too(path: str) -> None:
    """Only wheelfix itself is built: from this checkout, with a build backend that is pinned."""
    text = (ROOT / path).read_text("utf-8").replace("\\\n", " ")
    text = text.replace("${pip[@]}", "python -m pip install").replace("-m pip install --quiet)", "")
    commands = re.findall(r"-m pip (?:install|wheel)\"? .*", text)
    assert len(commands) >= 2
    for each in commands:
        pinned = "--require-hashes --only-binary :all: " in each
        assert pinned or ("--no-deps" in each and ("--no-build-isolation" in each or "/wheels/*.whl" in each)), each
