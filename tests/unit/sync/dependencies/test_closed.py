"""``wheelfix mirror check --closed``: what cannot be resolved from a mirror alone."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from building import WheelSpec, write_wheel
from running import mirror_report, wheelfix
from stores import MemoryStore
from upstreams import pypi
from wheelfix import MirrorError, Targets, add_wheels, sync_mirror, yank_files
from wheelfix.sync.dependencies.closed import check_closed
from wheelfix.sync.manifest.model import Manifest, Source

LINUX = Targets("manylinux*_x86_64", "3.11")


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def add(mirror: Path, project: str, version: str = "1.0", *requires: str, tags: str = "py3-none-any", **more: Any) -> None:
    made = mirror.parent / "in"
    made.mkdir(exist_ok=True)
    add_wheels(mirror, write_wheel(made, WheelSpec(project=project, version=version, tags=tags, requires=requires, **more)))


def found(mirror: Path, targets: Targets = LINUX, **options: Any) -> list[tuple[str, str, str]]:
    return [(each.code, each.place, each.message) for each in check_closed(mirror, targets, **options)]


def test_a_closed_mirror_has_no_findings(mirror: Path) -> None:
    add(mirror, "app", "1.0", "dep>=1", "win; sys_platform == 'win32'")
    add(mirror, "app", "0.9", "dep<1")
    add(mirror, "dep", "1.0", "app")  # in a circle
    add(mirror, "dep", "0.5")
    assert found(mirror) == []


def test_what_is_missing_is_named_with_platform_and_python(mirror: Path) -> None:
    add(mirror, "app", "1.0", "win; sys_platform == 'win32'", "old; python_version < '3.12'")
    add(mirror, "good")
    message = "it cannot be resolved for {}: {} is not in the mirror and all versions of app depend on {}"
    assert found(mirror) == [("not-closed", "app 1.0", message.format("Python 3.11 on Linux x86_64", "old", "old"))]
    windows = found(mirror, Targets("win_amd64", "3.12"))
    assert windows == [("not-closed", "app 1.0", message.format("Python 3.12 on Windows amd64", "win", "win"))]
    assert found(mirror, Targets(["manylinux*_x86_64", "macosx*_arm64"], "3.12")) == []


def test_each_release_counts_and_yanked_files_do_not(mirror: Path) -> None:
    add(mirror, "app", "1.0", "dep==1.0")
    add(mirror, "app", "2.0", "dep==2.0")
    add(mirror, "dep", "2.0")
    add(mirror, "dep", "1.0")
    assert found(mirror) == []
    yank_files(mirror, "dep==1.0")
    assert [(code, place) for code, place, _ in found(mirror)] == [("not-closed", "app 1.0")]
    yank_files(mirror, "app==1.0")
    assert found(mirror) == []


def test_without_targets_it_is_checked_for_what_the_wheels_are_for(mirror: Path) -> None:
    add(mirror, "app", "1.0", "dep", tags="cp312-cp312-musllinux_1_2_aarch64")
    add(mirror, "dep", "1.0", tags="cp312-cp312-manylinux_2_28_aarch64")
    [(code, place, message)] = found(mirror, Targets())
    assert (code, place) == ("not-closed", "app 1.0")
    assert message.startswith("it cannot be resolved for Python 3.12 on musl Linux aarch64: ")


def test_a_dependency_is_only_a_warning_where_nothing_requires_it(mirror: Path) -> None:
    add(mirror, "app", "1.0", "wmi; sys_platform == 'win32'")
    add(mirror, "wmi", "1.0", "pywin")
    add(mirror, "pywin", tags="cp311-cp311-win_amd64")
    everywhere = Targets(["manylinux*_x86_64", "win_amd64"], "3.11")
    [(code, place, message)] = found(mirror, everywhere)
    assert (code, place) == ("dependency-not-closed", "wmi 1.0")
    assert "Python 3.11 on Linux x86_64" in message
    assert "Windows" not in message


def test_a_platform_that_uv_does_not_know_is_said_to_be_unchecked(mirror: Path) -> None:
    add(mirror, "app", tags="cp311-cp311-manylinux_2_17_s390x")
    assert [(code, place) for code, place, _ in found(mirror, Targets())] == [("not-checked", "Linux s390x")]
    with pytest.raises(MirrorError, match="uv cannot resolve for the platform 'solaris"):
        found(mirror, Targets("solaris*", "3.11"))


def test_a_manifest_says_which_projects_extras_and_targets_count(mirror: Path) -> None:
    add(mirror, "app", "1.0", "socks; extra == 'socks'")
    add(mirror, "other", "1.0", "missing")
    source = Source(name="pypi", index="https://example.org/simple/", projects=("app",), targets=LINUX)
    manifest = Manifest(path=Path("mirror.toml"), store=str(mirror), sources=(source,), targets=LINUX)
    assert found(mirror, Targets(), manifest=manifest) == []
    socks = Source(name="pypi", index="https://example.org/simple/", projects=("app[socks]",), targets=LINUX)
    manifest = Manifest(path=Path("mirror.toml"), store=str(mirror), sources=(socks,), targets=LINUX)
    assert [each[:2] for each in found(mirror, Targets(), manifest=manifest)] == [("not-closed", "app 1.0")]


def test_a_lost_metadata_file_is_read_from_the_wheel(mirror: Path) -> None:
    add(mirror, "app", "1.0", "dep")
    add(mirror, "dep")
    for beside in (mirror / "public" / "files" / "app").rglob("*.metadata"):
        beside.unlink()
    assert found(mirror) == []


def test_nothing_is_written_to_the_mirror(mirror: Path) -> None:
    add(mirror, "app", "1.0", "dep")
    before = {path: path.stat().st_mtime_ns for path in mirror.rglob("*")}
    assert found(mirror)
    assert {path: path.stat().st_mtime_ns for path in mirror.rglob("*")} == before


def test_on_the_command_line(mirror: Path) -> None:
    add(mirror, "app", "1.0", "dep")
    ran = wheelfix("mirror", "check", "--quick", "--closed", "--platform", "manylinux*_x86_64", "--python", "3.11", mirror)
    assert ran.code == 1
    assert ran.lines[0].startswith("error[not-closed]: app 1.0: it cannot be resolved for Python 3.11 on Linux x86_64: ")
    report = mirror_report(wheelfix("mirror", "check", "--quick", "--closed", "--format", "json", mirror))
    assert [each["code"] for each in report["findings"]] == ["not-closed"]
    assert report["summary"]["resolved"]["releases"] == 1
    places = ("--platform", "manylinux*_x86_64", "--platform", "win_amd64", "--python", "3.11")
    ran = wheelfix("mirror", "check", "--quick", "--closed", *places, "--ignore", "not-closed", mirror)
    summary = "Checked 1 file of 1 project, resolved 1 release for 2 targets: 0 errors, 0 warnings (1 suppressed)\n"
    assert (ran.code, ran.err) == (0, summary)
    ran = wheelfix("mirror", "check", "--quick", mirror)
    assert (ran.code, ran.err) == (0, "Checked 1 file of 1 project: 0 errors, 0 warnings\n")


def test_a_platform_that_is_misspelt_is_wrong_usage(mirror: Path) -> None:
    add(mirror, "app")
    ran = wheelfix("mirror", "check", "--closed", "--platform", "solaris*", mirror)
    assert (ran.code, ran.out) == (2, "")
    assert "uv cannot resolve for the platform 'solaris*'" in ran.err


def test_a_damaged_page_does_not_hide_what_else_is_found(mirror: Path) -> None:
    add(mirror, "app")
    (mirror / "public" / "simple" / "app" / "index.json").write_text("no JSON")
    ran = wheelfix("mirror", "check", "--quick", "--closed", mirror)
    assert ran.code == 3
    assert "error[page-unreadable]" in ran.out
    assert "error[not-checked]: --closed: " in ran.out


@pytest.mark.parametrize(
    "options",
    [
        ("--platform", "win_amd64"),
        ("--python", "3.11"),
        ("--manifest", "mirror.toml"),
        ("--closed", "--manifest", "mirror.toml", "--python", "3.11"),
    ],
)
def test_options_without_effect_are_refused(mirror: Path, options: tuple[str, ...]) -> None:
    add(mirror, "app")
    ran = wheelfix("mirror", "check", *options, mirror)
    assert ran.code == 2
    assert f"{options[-2]} " in ran.err


def test_an_index_is_not_checked_for_that() -> None:
    ran = wheelfix("mirror", "check", "--closed", "https://example.org/simple/")
    assert ran.code == 2
    assert "--closed is for a mirror" in ran.err


def test_a_bucket_is_checked_like_a_directory(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    for project, requires in (("app", ("dep", "gone")), ("dep", ())):
        add_wheels(store, write_wheel(tmp_path, WheelSpec(project=project, requires=requires)))
    store.requests.clear()
    [(code, place, message)] = [(each.code, each.place, each.message) for each in check_closed(store, LINUX)]
    assert (code, place) == ("not-closed", "app 1.0")
    assert "gone is not in the mirror" in message
    assert {operation for operation, _ in store.requests} == {"read"}
    assert len(store.requests) == len({key for _, key in store.requests})


def manifest(mirror: Path, *projects: str, locks: tuple[Path, ...] = (), targets: Targets = LINUX) -> Manifest:
    source = Source(name="main", index="https://a.example/", projects=projects, locks=locks, targets=targets)
    return Manifest(path=Path("mirror.toml"), store=str(mirror), sources=(source,), targets=targets)


def test_a_project_of_the_manifest_that_is_not_there_is_no_silence(mirror: Path) -> None:
    add(mirror, "other")
    add(mirror, "gone")
    yank_files(mirror, "gone==1.0")
    assert found(mirror, Targets(), manifest=manifest(mirror, "other", "torch>=2", "gone")) == [
        ("not-closed", "gone", "it has only yanked files"),
        ("not-closed", "torch", "it is not in the mirror"),
    ]


def test_targets_of_the_manifest_without_a_wheel_are_named(mirror: Path) -> None:
    add(mirror, "app", tags="cp311-cp311-manylinux_2_28_x86_64")
    add(mirror, "app", "2.0", tags="cp312-cp312-macosx_11_0_arm64")
    add(mirror, "pure")
    both = ("manylinux*_x86_64", "macosx*_arm64")
    for targets, lacking in (
        (Targets(both, ("3.11", "3.12")), "Python 3.12 on Linux x86_64, Python 3.11 on macOS arm64"),
        (Targets(pythons=("3.11", "3.13")), "Python 3.13"),
        (Targets((*both, "win_amd64")), "Windows amd64"),
        (Targets(both), ""),
        (Targets(), ""),
    ):
        expected = [("no-wheel-here", "app", f"no release has a wheel for {lacking}")] if lacking else []
        assert found(mirror, Targets(), manifest=manifest(mirror, "app", "pure", targets=targets)) == expected


def test_what_only_a_lock_names_is_looked_at(mirror: Path, tmp_path: Path) -> None:
    with pypi() as upstream:
        sums = [upstream.add(WheelSpec(project=each, requires=("missing",))).sha256 for each in ("app", "named")]
        lock = tmp_path / "requirements.txt"
        lock.write_text(f"app==1.0 --hash=sha256:{sums[0]}\nnamed==1.0 --hash=sha256:{sums[1]}\n")
        source = Source(name="locked", index=upstream.index, locks=(lock,), targets=LINUX)
        locked = Manifest(path=tmp_path / "mirror.toml", store=str(mirror), sources=(source,), targets=LINUX)
        assert sync_mirror(locked).ok
    both = replace(locked, sources=(source, *manifest(mirror, "named").sources))
    codes = [each[:2] for each in found(mirror, Targets(), manifest=both)]
    assert codes == [("lock-not-closed", "app 1.0"), ("not-closed", "named 1.0")]
