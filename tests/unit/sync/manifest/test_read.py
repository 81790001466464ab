"""Reading manifests: what each key becomes, what is derived, and what a hostile file costs."""

import re
import tracemalloc
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from counting import count_calls
from places import DOCS, REFERENCE
from wheelfix.errors import ManifestError
from wheelfix.options import Policy, Scan, Targets
from wheelfix.results import Severity
from wheelfix.sync.manifest.form import TABLES, MirrorTable, SourceTable
from wheelfix.sync.manifest.model import Local, Manifest, OnRulesChange, Sdists, Source
from wheelfix.sync.manifest.read import read_manifest

PYPI = '\n[[source]]\nindex = "https://pypi.org/simple/"\nprojects = ["requests"]\n'


def manifest(directory: Path, mirror: str = "", sources: str = PYPI, store: str = "wheels") -> Manifest:
    path = directory / "mirror.toml"
    path.write_text(f'schema = 1\n[mirror]\nstore = "{store}"\n{mirror}\n{sources}', "utf-8")
    return read_manifest(path)


def codes(directory: Path, mirror: str = "", sources: str = PYPI) -> list[tuple[str, str]]:
    return [(each.code, each.severity) for each in manifest(directory, mirror, sources).warnings]


def errors(directory: Path, mirror: str = "", sources: str = PYPI, store: str = "wheels") -> list[str]:
    with pytest.raises(ManifestError) as caught:
        manifest(directory, mirror, sources, store)
    return [each.code for each in caught.value.findings if each.severity is Severity.ERROR]


def test_what_a_manifest_without_more_than_it_must_have_means(tmp_path: Path) -> None:
    found = manifest(tmp_path)
    source = Source(name="pypi.org/simple", index="https://pypi.org/simple/", projects=("requests",))
    assert found == Manifest(path=tmp_path / "mirror.toml", store=str(tmp_path / "wheels"), sources=(source,))


def test_every_key_arrives(tmp_path: Path) -> None:
    (tmp_path / "wheelfix.toml").write_text("schema = 1\n")
    (tmp_path / "uv.lock").touch()
    found = manifest(
        tmp_path,
        """rules = ["wheelfix.toml", "gpu/nvidia"]
on-rules-change = "build-tag"
dependencies = true
keep = "all"
prune-after = "never"
min-age = "1 week 12h"
sdists = "if-no-wheel"
platforms = ["manylinux*_x86_64", "any"]
pythons = "3.12"
skip-gpu-builds = true
skip-unproven = true
scan = "always"
repair = true""",
        """
[[source]]
name = "cpu"
index = "https://download.pytorch.org/whl/cpu/"
projects = ["torch>=2.6", "torchvision"]
family = true
local = "strip"
keep = 2
min-age = 0
sdists = "all"
platforms = "win_amd64"
pythons = ["3.11", "3.13"]
[[source]]
name = "locked"
index = "https://pypi.org/simple/"
lock = "uv.lock"
""",
    )
    cpu = Source(
        name="cpu", index="https://download.pytorch.org/whl/cpu/", projects=("torch>=2.6", "torchvision"), family=True,
        local=Local.STRIP, keep=2, min_age=timedelta(0), sdists=Sdists.ALL, targets=Targets("win_amd64", ("3.11", "3.13")),
    )  # fmt: skip
    locked = Source(
        name="locked", index="https://pypi.org/simple/", locks=(tmp_path / "uv.lock",), keep=None,
        min_age=timedelta(days=7, hours=12), sdists=Sdists.IF_NO_WHEEL,
        targets=Targets(("manylinux*_x86_64", "any"), "3.12"),
    )  # fmt: skip
    assert found == Manifest(
        path=tmp_path / "mirror.toml", store=str(tmp_path / "wheels"), sources=(cpu, locked),
        rules=(str(tmp_path / "wheelfix.toml"), "gpu/nvidia"), on_rules_change=OnRulesChange.BUILD_TAG, dependencies=True,
        prune_after=None, targets=Targets(("manylinux*_x86_64", "any"), "3.12"),
        policy=Policy(scan=Scan.ALWAYS, skip_gpu_builds=True, skip_unproven=True), repair=True,
    )  # fmt: skip


@pytest.mark.parametrize("kind", [MirrorTable, SourceTable], ids=lambda kind: kind.__name__)
def test_no_key_is_read_and_then_forgotten(kind: type[msgspec.Struct], tmp_path: Path) -> None:
    """What a key that the model of manifests does not have would be."""
    model = {field.name for field in msgspec.structs.fields(Manifest if kind is MirrorTable else Source)}
    model |= {field.name for field in msgspec.structs.fields(Policy)} | {"platforms", "pythons", "lock"}
    known = {"keep", "min_age", "sdists"} if kind is MirrorTable else set()  # those of the sources that have none
    assert {field.name for field in msgspec.structs.fields(kind)} <= model | known


def test_each_key_is_in_the_documentation() -> None:
    page = (REFERENCE / "manifest.md").read_text("utf-8")
    for table in TABLES:
        for field in msgspec.structs.fields(table):
            assert f"| `{field.encode_name}` |" in page


@pytest.mark.parametrize("rules", ["[]", '["gpu"]', '"gpu"'])
def test_no_rules_are_rules_too(rules: str, tmp_path: Path) -> None:
    assert manifest(tmp_path, f"rules = {rules}").rules == (() if rules == "[]" else ("gpu",))


def test_rules_can_be_a_directory_beside_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.toml").write_text("schema = 1\n")
    assert manifest(tmp_path, 'rules = "rules/"').rules == (f"{tmp_path / 'rules'}/",)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (r"a\u0001.toml", r"a\x01.toml: No such file or directory. Check the path."),
        (r"a\u0085/", r"there is no directory '{}/a\x85/'. Rule files end with .toml."),
        ("...", "unknown rule set '...'. Known: gpu, cpu-twins. File names end with .toml."),
    ],
)
def test_what_is_wrong_with_a_name_in_the_rules_has_its_line(rule: str, expected: str, tmp_path: Path) -> None:
    """Its place in a finding has no control characters, and that of a long one ends in dots."""
    with pytest.raises(ManifestError) as caught:
        manifest(tmp_path, f'rules = ["gpu", "{rule}"]')
    [found] = caught.value.findings
    assert (found.code, str(found)) == (
        "manifest-invalid-rules", f"{tmp_path / 'mirror.toml'}:4: mirror.rules: {expected.format(tmp_path)}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        ("wheels", "{}/wheels"), ("../wheels", "{}/../wheels"), ("/srv/wheels", "/srv/wheels"), ("s3://wheels", "s3://wheels"),
        ("gs://wheels/team", "gs://wheels/team"), ("az://wheels", "az://wheels"), ("file:///srv/w%20s", "file:///srv/w%20s"),
    ],
)  # fmt: skip
def test_where_the_store_is(store: str, expected: str, tmp_path: Path) -> None:
    assert manifest(tmp_path, store=store).store == expected.format(tmp_path)


@pytest.mark.parametrize("store", ["", "x.whl", "s3://", "ftp://x/y", "s3://a:1/b", "file://", "mirror.toml", "a\\u0000b"])
def test_what_cannot_be_a_store(store: str, tmp_path: Path) -> None:
    assert errors(tmp_path, store=store) == ["manifest-invalid-store"]


def test_a_name_from_an_index_is_the_same_in_any_order(tmp_path: Path) -> None:
    other = '[[source]]\nindex = "https://Packages.example.org:443/simple"\nprojects = ["numpy"]\n'
    first, second = manifest(tmp_path, sources=PYPI + other), manifest(tmp_path, sources=other + PYPI)
    assert [each.name for each in first.sources] == ["pypi.org/simple", "packages.example.org/simple"]
    assert {each.name: each for each in first.sources} == {each.name: each for each in second.sources}
    assert first.source("pypi.org/simple") == second.sources[1]


def test_a_given_name_can_be_that_of_another_index(tmp_path: Path) -> None:
    other = '[[source]]\nname = "pypi.org/simple"\nindex = "https://packages.example.org/"\nprojects = ["numpy"]\n'
    assert errors(tmp_path, sources=PYPI + other) == ["manifest-duplicate-name"]
    assert errors(tmp_path, sources=other + PYPI) == ["manifest-duplicate-name"]


def test_warnings_do_not_keep_it_from_being_used(tmp_path: Path) -> None:
    assert codes(tmp_path) == []
    assert codes(tmp_path, 'platforms = ["linux", "win32", "*linux*", "any"]') == [("manifest-unlikely-platform", "warning")]
    assert codes(tmp_path, sources=PYPI.replace("https", "http")) == [("manifest-insecure-index", "warning")]
    assert codes(tmp_path, sources=PYPI.replace("https://pypi.org", "http://127.0.0.1:3141")) == []
    twice = PYPI + '[[source]]\nname = "b"\nindex = "https://b.example.org/"\nprojects = ["Requests<3"]\n'
    assert codes(tmp_path, sources=twice) == [("manifest-project-twice", "warning")]
    extra = PYPI.replace('"requests"', '"requests[socks]>=2"')
    assert codes(tmp_path, sources=extra) == [("manifest-extra", "note")]
    assert codes(tmp_path, "dependencies = true", sources=extra) == []


@pytest.mark.parametrize(
    ("pattern", "is_likely"),
    [
        ("manylinux*_x86_64", True), ("manylinux2014_aarch64", True), ("manylinux_2_41_x86_64", True), ("*", True),
        ("macosx*_arm64", True), ("macosx_99_1_universal2", True), ("win_amd64", True), ("win*", True), ("*2014*", True),
        ("musllinux*", True), ("android*", True), ("ios*_iphoneos", True), ("manylinux_2_??_x86_64", True),
        ("x86_64", False), ("manylinux_x86_64", False), ("linux", False), ("manylinux*_arm64", False), ("win64", False),
        ("windows*", False), ("macos*_arm64", True), ("macosx_arm64", False), ("*linux*_amd64", False), ("osx*", False),
    ],
)  # fmt: skip
def test_patterns_that_match_no_platform_tag_are_warned_of(pattern: str, is_likely: bool, tmp_path: Path) -> None:
    found = codes(tmp_path, f'platforms = ["{pattern}"]')
    assert found == ([] if is_likely else [("manifest-unlikely-platform", "warning")])


def test_one_mistake_is_one_error(tmp_path: Path) -> None:
    wrong = '[[source]]\nindexx = "https://pypi.org/simple/"\nprojcts = ["six"]'
    assert errors(tmp_path, sources=wrong) == ["manifest-unknown-key", "manifest-unknown-key"]
    assert errors(tmp_path, sources='[[source]]\nindex = "https://pypi.org/simple/"\nlocks = "uv.lock"') == [
        "manifest-unknown-key"
    ]


def test_a_warning_says_where_it_is(tmp_path: Path) -> None:
    (found,) = manifest(tmp_path, 'keep = 2\nplatforms = ["linux"]').warnings
    assert found.place == f"{tmp_path}/mirror.toml:5: mirror.platforms[0]"


def test_two_ranges_of_one_project_are_no_mistake(tmp_path: Path) -> None:
    wanted = PYPI.replace('"requests"', '"django==4.2.*", "django==5.2.*"')
    assert manifest(tmp_path, sources=wanted).sources[0].projects == ("django==4.2.*", "django==5.2.*")


@pytest.mark.parametrize("text", ["36h", "1h30m", "2 weeks", "0.5 days", "90 SECONDS", " 7 days ", "0"])
def test_lengths_of_time_are_those_of_the_command_line(text: str, tmp_path: Path) -> None:
    assert manifest(tmp_path, f'min-age = "{text}"\nprune-after = "{text}"').prune_after == {
        "36h": timedelta(hours=36), "1h30m": timedelta(minutes=90), "2 weeks": timedelta(days=14), "0": timedelta(0),
        "0.5 days": timedelta(hours=12), "90 SECONDS": timedelta(seconds=90), " 7 days ": timedelta(days=7),
    }[text]  # fmt: skip


def test_the_lines_are_those_of_the_keys_whatever_stands_between(tmp_path: Path) -> None:
    text = 'schema = 1 # [mirror]\n[mirror]\nrules = [\n  "gpu", # keep = 0\n]\n"keep" = 0\nstore = """\nx"""\n'
    (tmp_path / "mirror.toml").write_text(text + PYPI.replace("requests", "a b"))
    with pytest.raises(ManifestError) as caught:
        read_manifest(tmp_path / "mirror.toml")
    assert [each.place.rpartition("mirror.toml:")[2] for each in caught.value.findings] == [
        "6: mirror.keep", "12: source pypi.org/simple: projects[0]"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["gone.toml", "", "a\0b", "x" * 5000])
def test_what_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="manifest-unreadable"):
        read_manifest(tmp_path / name)


MANY: Final = 4_000
"""By default; five times as many are slow: each object is counted."""


def many(count: int) -> dict[str, str]:
    return {
        "many keys": "schema = 1\n" + "".join(f"k{number} = 1\n" for number in range(count)),
        "many sources": "schema = 1\n" + "[[source]]\n" * count,
        "many projects": "schema = 1\n[[source]]\nprojects = [" + '"a b", ' * count + "]\n",
    }


HOSTILE: dict[str, str] = {
    "a long file": "#" * (1 << 20) + "\n",
    "a deep key": "a." * 20_000 + "a = 1\n",
    "deep lists": f"a = {'[' * 5000}{']' * 5000}\n",
    "a long number": f"schema = {'9' * 10_000}\n",
    "a long key": f"schema = 1\n{'k' * 40_000} = 1\n",
    **many(MANY),
    "a deep marker": f'schema = 1\n[[source]]\nprojects = ["a; {"(" * 20_000}"]\n',
    "a long requirement": f'schema = 1\n[[source]]\nprojects = ["a{",".join([">1"] * 2_000)}"]\n',
    "a long name": f'schema = 1\n[[source]]\nname = "{"n" * 100_000}"\nindex = "https://{"x" * 100_000}/"\n',
    "a later version": f"schema = {'9' * 4000}\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_shortly(kind: str, tmp_path: Path) -> None:
    assert_refused_shortly(HOSTILE[kind], 30_000_000 if kind in many(0) else 150_000_000, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", many(0))
def test_a_file_with_more_of_each_is_refused_shortly(kind: str, tmp_path: Path) -> None:
    assert_refused_shortly(many(5 * MANY)[kind], 150_000_000, tmp_path)


def assert_refused_shortly(text: str, memory: int, tmp_path: Path) -> None:
    """Confirm that a manifest of ``text`` is refused within ``memory`` bytes, and with a message that can be read."""
    path = tmp_path / "mirror.toml"
    path.write_text(text)
    tracemalloc.start()
    try:
        with pytest.raises(ManifestError) as caught:
            read_manifest(path)
        assert tracemalloc.get_traced_memory()[1] < memory
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 100_000


@pytest.mark.parametrize("form", ['projects = ["p{0}"]', 'projects = ["p{0} x"]', "colour{0} = 1", 'lock = ["{0}.lock"]'])
def test_the_work_grows_with_the_number_of_sources(form: str, tmp_path: Path) -> None:
    def work(count: int) -> int:
        table = '[[source]]\nname = "s{0}"\nindex = "https://example.org/{0}/"\n' + form + "\n"
        (tmp_path / "mirror.toml").write_text(
            'schema = 1\n[mirror]\nstore = "w"\n' + "".join(table.format(number) for number in range(count))
        )

        def read() -> Any:
            with suppress(ManifestError):
                read_manifest(tmp_path / "mirror.toml")

        return count_calls(read)

    work(1)
    assert work(300) < 4 * work(100)


@pytest.mark.parametrize(
    "page", ["guides/nightly-mirror.md", "guides/publish-github-pages.md", "reference/manifest.md", "reference/closure.md"]
)
def test_the_manifests_of_the_documentation_can_be_used(page: str, tmp_path: Path) -> None:
    text = (DOCS / page).read_text("utf-8")
    found = [each for each in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if "[[source]]" in each]
    assert found
    (tmp_path / "uv.lock").write_text("version = 1\n", "utf-8")
    (tmp_path / "wheelfix.toml").write_text('schema = 1\nextends = ["gpu"]\n', "utf-8")
    for each in found:
        path = tmp_path / "mirror.toml"
        path.write_text(each if each.startswith("schema") else f"schema = 1\n{each}", "utf-8")
        assert read_manifest(path).warnings == ()
