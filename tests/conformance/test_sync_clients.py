"""Three syncs in a row, from indexes with the shapes of PyTorch's and PyPI, and what pip, uv, Poetry and PDM make of each.

They resolve, lock and install for Linux on both architectures and for macOS.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

import clients
from running import mirror_report
from scenes import PATTERNS, TORCH, Scene, files, scene, served
from serving import static
from syncing import contents, dangling
from targeting import (
    AARCH64,
    DARWIN,
    TARGETS,
    X86_64,
    Target,
    installed,
    locked,
    pip_downloads,
    pip_lock,
    pip_sync,
    site_packages,
    uv_compiles,
    uv_installs,
)
from wheelfix.mirror.pages import SUPERSEDED
from wheelfix.mirror.repository import load_page
from wheelfix.mirror.storage import open_store
from wheelfix.sync.manifest.model import OnRulesChange

pytestmark = pytest.mark.clients

WANTED: Final = (*TORCH, "applib")
_ENVIRONMENTS: Final = json.dumps([each.marker for each in TARGETS])
_UV: Final = f"[tool.uv]\nenvironments = {_ENVIRONMENTS}\nrequired-environments = {_ENVIRONMENTS}\n"
LOCKERS: Final[Mapping[str, Callable[..., Any]]] = {
    "uv": partial(clients.uv_lock, more=_UV), "poetry": clients.poetry_lock, "pdm": clients.pdm_lock, "pip": pip_lock,
}  # fmt: skip
INSTALLERS: Final[Mapping[str, Callable[[Path], Any]]] = {
    "uv": clients.uv_sync, "poetry": clients.poetry_sync, "pdm": clients.pdm_sync, "pip": pip_sync,
}  # fmt: skip
LOCKS: Final = {"uv": "uv.lock", "poetry": "poetry.lock", "pdm": "pdm.lock", "pip": "pylock.toml"}
REFUSALS: Final = {"poetry": "torch .* did not match any known checksums", "pdm": "No candidate is found for `torch`"}
"""What clients say whose locks have no URL, of a hash that is served no longer."""
OLD: Final = {"torch": "2.9.0", "torchvision": "0.24.0", "torchaudio": "2.9.0"}
NEW: Final = {"torch": "2.9.1", "torchvision": "0.24.1", "torchaudio": "2.9.1"}
REQUIRED: Final = {
    "filelock": "3.20", "typing-extensions": "4.15", "sympy": "1.14", "mpmath": "1.3", "numpy": "2.0", "idna": "3.4",
}  # fmt: skip
ON_MACOS: Final = {"macextra": "1.0"}


class Stage:
    """The scene, and the mirrors of it: the one that is served at :attr:`index` is always the same for clients."""

    def __init__(self, scene: Scene, url: str) -> None:
        self.scene = scene
        self.index = f"{url}/served/public/simple/"
        self.first = scene.folder / "first"
        self.second: tuple[dict[str, Any], dict[str, set[tuple[Any, ...]]]] = ({}, {})

    def show(self, mirror: Path) -> None:
        """Let clients see ``mirror``."""
        link = self.scene.folder / "served"
        link.unlink(missing_ok=True)
        link.symlink_to(mirror, target_is_directory=True)

    def copy(self, name: str) -> Path:
        """Return a copy of the mirror as it was first, which clients see from now on."""
        mirror = self.scene.folder / name
        shutil.copytree(self.first, mirror)
        self.show(mirror)
        return mirror

    @property
    def before(self) -> Path:
        """Where the locks are that were made of the mirror as it was first."""
        return self.scene.folder / "before"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The mirror after its first sync; all that a test changes is a copy of it."""
    folder = tmp_path_factory.mktemp("scene")
    with scene(folder) as found, static(folder, negotiates=True) as server:
        made = Stage(found, server.url)
        assert found.sync(made.first)["summary"]["ok"]
        listed = contents(open_store(made.first))
        found.days += 0.1
        made.second = found.sync(made.first), {
            name: {(each.host, each.status, each.conditional) for each in upstream.seen}
            for name, upstream in (("plain", found.plain), ("cpu", found.cpu))
        }  # fmt: skip
        assert contents(open_store(made.first)) == listed
        assert dangling(open_store(made.first)) == []
        yield made


@pytest.fixture(scope="module")
def before(stage: Stage) -> Path:
    """A lock of each client, made of the mirror as it was first, and of what no newer release would do."""
    stage.show(stage.first)
    for name in LOCKERS:
        lock(name, stage.before, stage.index, "torchvision")
    for target in TARGETS:
        uv_compiles(stage.before / target.tag, stage.index, target, *WANTED)
    return stage.before


def lock(name: str, folder: Path, index: str, requirement: str) -> str:
    """Lock by a client, and return what is locked."""
    LOCKERS[name](folder / name, index, requirement)
    text = (folder / name / LOCKS[name]).read_text()
    assert has_no_cuda(text)
    return text


def has_no_cuda(text: str) -> bool:
    return "nvidia" not in text and "triton" not in text


def locked_by(name: str, folder: Path, target: Target) -> dict[str, str]:
    """Return the versions that a client locked for ``target``."""
    path = folder / LOCKS[name]
    if name == "uv":
        path = folder / "exported.txt"
        clients.run(
            *clients.UV, "export", "--no-hashes", "--no-emit-project", "-q", "-o", path, cwd=folder, UV_NO_CONFIG="0"
        )
    return locked(path, target)


def required_on(target: Target) -> dict[str, str]:
    """Return what the wanted projects require for ``target``."""
    return REQUIRED | (ON_MACOS if target is DARWIN else {})


def sympy(folder: Path) -> str:
    """Return what the torch that is installed in ``folder`` requires of sympy: the rules that change are about that."""
    [metadata] = folder.glob("torch-*.dist-info/METADATA")
    assert has_no_cuda(metadata.read_text())
    [line] = [each for each in metadata.read_text().splitlines() if each.startswith("Requires-Dist: sympy")]
    return line.removeprefix("Requires-Dist: sympy")


def test_the_first_sync_has_each_project_of_its_source_alone(stage: Stage) -> None:
    """A family for Linux and macOS, no build of the other index, what a lock names, and what all of these require."""
    assert served(stage.first, "torch") == ["2.8.0"] * 3 + ["2.9.0"] * 3
    assert {each.source for project in TORCH for each in files(stage.first, project)} == {"pytorch-cpu"}
    assert {each.filename for each in files(stage.first, "torch") if each.version == "2.9.0"} == {
        f"torch-2.9.0-{python}-{target.tag}.whl"
        for target, python in zip(TARGETS, ("cp{0}-cp{0}",) * 2 + ("cp{0}-none",), strict=True)
        for python in [python.format(clients.PYTHON.replace(".", ""))]
    }
    assert served(stage.first, "applib") == ["0.9", "1.0", "1.2"]
    assert served(stage.first, "oldlib") == ["1.0"]
    assert [each.filename for each in files(stage.first, "onlysource")] == ["onlysource-1.0.tar.gz"]
    assert {project: version for project in REQUIRED for version in served(stage.first, project)} == REQUIRED
    assert len(files(stage.first, "numpy")) == 3
    assert not (stage.first / "public/simple/triton").exists()


def test_the_second_sync_does_nothing(stage: Stage) -> None:
    """It asks for pages, and whether these have changed: nothing else."""
    report, seen = stage.second
    assert {action for action, count in report["summary"]["planned"].items() if count} <= {"keep", "report"}
    assert (report["followed"], report["files"]) == ([], [])
    assert seen["plain"] == {("index", 304, True)}
    assert seen["cpu"] == {("index", 304, True), ("index", 404, False)}  # the first source that has a project serves it
    assert report["summary"]["traffic"]["received"] < 1000


@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each.tag)
def test_pip_and_uv_install_it_for_each_platform(stage: Stage, target: Target, tmp_path: Path) -> None:
    """Pip judges markers by the platform that it runs on: what only macOS requires it does not know."""
    stage.show(stage.first)
    every = {**OLD, "applib": "1.2", **required_on(target)}
    assert uv_installs(tmp_path / "uv", stage.index, target, *WANTED) == every
    assert sympy(tmp_path / "uv/there") == ">=1.13.3"
    found = pip_downloads(tmp_path / "pip", stage.index, target, *WANTED)
    assert found == {name: version for name, version in every.items() if name not in ON_MACOS}


def test_each_client_locks_it_for_all_platforms(before: Path) -> None:
    for name in ("uv", "poetry", "pdm"):
        for target in TARGETS:
            found = locked_by(name, before / name, target)
            assert found.pop("torchvision") == "0.24.0"
            assert found.pop("torch") == "2.9.0"
            assert found == {key: REQUIRED[key] for key in REQUIRED if key != "idna"}, (name, target.tag)


@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each.tag)
def test_what_a_lock_source_names_is_installed_by_that_lock(stage: Stage, target: Target, tmp_path: Path) -> None:
    stage.show(stage.first)
    words = ("--require-hashes", "-r", str(stage.scene.folder / "requirements.txt"))
    assert pip_downloads(tmp_path / "pip", stage.index, target, *words) == {"oldlib": "1.0", "idna": "3.4"}
    assert uv_installs(tmp_path / "uv", stage.index, target, *words) == {"oldlib": "1.0", "idna": "3.4"}


def not_closed(stage: Stage, mirror: Path) -> dict[str, list[Target]]:
    """Return for which targets ``mirror check --closed`` says that a project cannot be resolved."""
    words = [word for each in PATTERNS for word in ("--platform", each)]
    ran = stage.scene.run(
        "mirror", "check", "--quick", "--closed", *words, "--python", clients.PYTHON, "--format", "json", mirror
    )
    said = {X86_64.tag: "Linux x86_64", AARCH64.tag: "Linux aarch64", DARWIN.tag: "macOS arm64"}
    found: dict[str, set[str]] = {}
    report = mirror_report(ran)
    for each in report["findings"]:
        if each["code"] in ("not-closed", "dependency-not-closed"):
            found.setdefault(each["place"].split()[0], set()).update(
                tag for tag, text in said.items() if f"Python {clients.PYTHON} on {text}" in each["message"]
            )
    assert (ran.code == 1) == any(each["severity"] == "error" for each in report["findings"])
    return {project: [each for each in TARGETS if each.tag in tags] for project, tags in found.items()}


def test_check_says_that_it_is_closed(stage: Stage) -> None:
    assert not_closed(stage, stage.first) == {}


NUMPY: Final = f"numpy-2.0-cp{clients.PYTHON.replace('.', '')}-cp{clients.PYTHON.replace('.', '')}-{DARWIN.tag}.whl"


@pytest.mark.parametrize(
    ("gone", "project", "where"),
    [("mpmath", "torchvision", TARGETS), (NUMPY, "torchvision", (DARWIN,)), ("macextra", "applib", (DARWIN,))],
    ids=("for all", "a wheel for macOS", "what macOS requires"),
)
def test_check_and_the_clients_agree_where_something_is_missing(
    gone: str, project: str, where: tuple[Target, ...], stage: Stage, tmp_path: Path
) -> None:
    mirror = stage.copy(tmp_path.name)
    assert stage.scene.run("mirror", "remove", mirror, gone).code == 0
    said = not_closed(stage, mirror)
    assert said[project] == [*where]
    for name in ("torchvision", "applib"):
        for target in TARGETS:
            found = uv_compiles(tmp_path / f"uv-{name}-{target.tag}", stage.index, target, name)
            assert (found is None) == (target in said.get(name, ())), (name, target.tag)
    for target in TARGETS if gone != "macextra" else ():  # pip judges markers by the platform that it runs on
        found = pip_downloads(tmp_path / f"pip-{target.tag}", stage.index, target, project)
        assert (found is None) == (target in where), target.tag
    for name in ("uv", "poetry", "pdm"):
        with pytest.raises(AssertionError, match=gone.partition("-")[0]):
            lock(name, tmp_path / "locks", stage.index, project)
            locked_by(name, tmp_path / "locks" / name, DARWIN)


class Changed(NamedTuple):
    """The mirror after the indexes and the rules have changed, with what the manifest says of the latter."""

    stage: Stage
    mirror: Path
    policy: OnRulesChange
    report: dict[str, Any]


@pytest.fixture(scope="module")
def change(stage: Stage, before: Path) -> None:
    """The indexes change, and the rules, after locks were made."""
    stage.scene.change()


@pytest.fixture(scope="module", params=OnRulesChange, ids=str)
def changed(request: pytest.FixtureRequest, stage: Stage, change: None) -> Changed:
    """The mirror after the third sync, for each of the three ways in which rules can change."""
    mirror = stage.copy(request.param)
    return Changed(stage, mirror, request.param, stage.scene.sync(mirror, request.param))


@pytest.fixture
def after(changed: Changed) -> Changed:
    """The same, and clients see it."""
    changed.stage.show(changed.mirror)
    return changed


def test_the_third_sync_takes_over_what_has_changed(after: Changed) -> None:
    listed = {each.filename: each.yanked for each in files(after.mirror, "applib")}
    assert (listed.pop("applib-0.9-py3-none-any.whl") or "").startswith("no longer kept by this mirror: ")
    expected = {"1.0": "removed upstream", "1.1": None, "1.2": "it breaks", "1.3": None, "1.4": None}
    assert listed == {f"applib-{version}-py3-none-any.whl": reason for version, reason in expected.items()}
    assert served(after.mirror, "torch").count("2.9.1") == 3
    assert served(after.mirror, "torchvision").count("0.24.1") == 3
    assert served(after.mirror, "oldlib") == ["1.0"]  # a lock names it
    assert dangling(open_store(after.mirror)) == []
    assert not_closed(after.stage, after.mirror) == {}


def test_what_the_rules_would_correct_otherwise_becomes_what_the_manifest_says(after: Changed) -> None:
    old = [each for each in files(after.mirror, "torch") if each.version in ("2.8.0", "2.9.0")]
    told = {each["filename"] for each in after.report["plan"] if each["code"] == "rules-changed"}
    assert told == {each.filename for each in files(after.stage.first, "torch")}
    match after.policy:
        case OnRulesChange.REPORT:
            assert [each.yanked for each in old] == [None] * 6
        case OnRulesChange.BUILD_TAG:
            assert sorted(each.yanked or "" for each in old) == [""] * 6 + [SUPERSEDED] * 6
        case OnRulesChange.REPLACE:
            assert [each.yanked for each in old] == [None] * 6
            assert len(load_page(open_store(after.mirror), "torch").past) == 6


def test_a_further_sync_does_nothing(after: Changed) -> None:
    before = contents(open_store(after.mirror))
    report = after.stage.scene.sync(after.mirror, after.policy)
    assert {action for action, count in report["summary"]["planned"].items() if count} <= {"keep", "report"}
    assert contents(open_store(after.mirror)) == before
    assert after.stage.scene.plain.downloads() == after.stage.scene.cpu.downloads() == []


@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each.tag)
def test_pip_and_uv_install_the_new_release_for_each_platform(after: Changed, target: Target, tmp_path: Path) -> None:
    index = after.stage.index
    expected = {**NEW, "applib": "1.4", **required_on(target)}
    assert uv_installs(tmp_path / "uv", index, target, *WANTED) == expected
    assert sympy(tmp_path / "uv/there") == ">=1.13"
    found = pip_downloads(tmp_path / "pip", index, target, *WANTED)
    assert found == {name: version for name, version in expected.items() if name not in ON_MACOS}
    assert uv_installs(tmp_path / "old", index, target, "torch==2.9.0") is not None
    assert sympy(tmp_path / "old/there") == (">=1.13.3" if after.policy is OnRulesChange.REPORT else ">=1.13")


@pytest.mark.parametrize("name", LOCKERS)
def test_each_client_locks_and_installs_what_is_served_now(after: Changed, name: str, tmp_path: Path) -> None:
    """The newest release, or, where its correction has changed, the one that was there before."""
    is_new = after.policy is OnRulesChange.REPORT
    expected = NEW if is_new else OLD
    lock(name, tmp_path, after.stage.index, "torchvision" if is_new else f"torchvision=={OLD['torchvision']}")
    INSTALLERS[name](tmp_path / name)
    there = site_packages(tmp_path / name)
    family = {each: expected[each] for each in ("torch", "torchvision")}
    assert installed(there).items() >= {**family, **{each: REQUIRED[each] for each in ("sympy", "mpmath", "numpy")}}.items()
    assert sympy(there) == ">=1.13"
    if name != "pip":
        assert {locked_by(name, tmp_path / name, target)["torch"] for target in TARGETS} == {expected["torch"]}


@pytest.mark.parametrize("name", LOCKERS)
def test_locks_made_before_install_what_they_did(after: Changed, before: Path, name: str, tmp_path: Path) -> None:
    """In place, only those with URLs do; the others fail on the hash, and the lock doctor says so."""
    app = tmp_path / name
    shutil.copytree(before / name, app, ignore=shutil.ignore_patterns(".venv", "cache"))
    fails = after.policy is OnRulesChange.REPLACE and name in ("poetry", "pdm")
    torch = affected(after, app / LOCKS[name]).get("torch")
    assert torch == {"report": None, "build-tag": ("corrected", True), "replace": ("replaced", not fails)}[after.policy]
    if fails:
        with pytest.raises(AssertionError, match=REFUSALS[name]):
            INSTALLERS[name](app)
    else:
        INSTALLERS[name](app)
        assert sympy(site_packages(app)) == ">=1.13.3"


@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each.tag)
def test_hashes_from_before_are_installed_for_each_platform(
    after: Changed, before: Path, target: Target, tmp_path: Path
) -> None:
    """Also of a release that its index has yanked meanwhile."""
    words = ("--require-hashes", "-r", str(before / target.tag / "requirements.txt"))
    found = uv_installs(tmp_path / "uv", after.stage.index, target, *words)
    fails = after.policy is OnRulesChange.REPLACE
    assert (found is None) == fails
    assert (pip_downloads(tmp_path / "pip", after.stage.index, target, *words) is None) == fails
    if found is not None:
        assert found == {**OLD, "applib": "1.2", **required_on(target)}
        assert sympy(tmp_path / "uv/there") == ">=1.13.3"


def affected(after: Changed, lock: Path) -> dict[str, tuple[str, bool]]:
    """Return what became of the projects of a lock, and whether it still installs them, by the lock doctor."""
    ran = after.stage.scene.run("mirror", "affected", after.mirror, lock, "--format", "json")
    [found] = mirror_report(ran)["locks"]
    return {each["project"]: (each["fate"], each["installs"]) for each in found["entries"]}
