"""What ``wheelfix mirror prune`` deletes and what it keeps, in a directory and in a store that several share."""

import os
import shutil
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from msgspec import Struct

from building import WheelSpec, write_wheel
from demos import demo_wheel
from stores import START, Blob, MemoryStore, Objects
from wheelfix.errors import MirrorError
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.journal import RunJournal, open_journal
from wheelfix.mirror.json import page_json, root_json
from wheelfix.mirror.layout import FILES, JOURNAL, METADATA, ROOT_PAGE, RUNS, attributes_of, file_key, page_key, url_of
from wheelfix.mirror.pages import NO_PAGE, ListedFile, Page
from wheelfix.mirror.prune import prune_mirror
from wheelfix.mirror.pruned import PruneKind, PruneReport, PruneStatus
from wheelfix.mirror.registry import finding
from wheelfix.mirror.repository import load_page
from wheelfix.mirror.storage.base import NewFile, Store
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import list_pages, remove_files
from wheelfix.options import Limits, Publishing

TIME = "2026-01-01T00:00:00.000000Z"
OTHER = f"{FILES}/demo/0123456789abcdef/demo-9.0-py3-none-any.whl"
DAY = 24


@pytest.fixture
def shared(tmp_path: Path) -> MemoryStore:
    """A store that several publishers share, with one wheel; it was written long ago."""
    store = MemoryStore(tmp_path / "scratch")
    assert add_wheels(store, demo_wheel(tmp_path / "in", "1.0")).ok
    store.objects.pass_time(10 * DAY)
    return store


@pytest.fixture
def directory(tmp_path: Path) -> LocalStore:
    assert add_wheels(tmp_path / "mirror", demo_wheel(tmp_path / "in", "1.0")).ok
    return LocalStore(tmp_path / "mirror")


@pytest.fixture(params=["shared", "directory"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(request.param)
    return found


def put(store: Store, *keys: str) -> None:
    assert not store.put_new(NewFile(key, key.encode(), attributes_of(key)) for key in keys)


def left_by_a_run(store: Store, key: str = OTHER, project: str = "demo") -> None:
    """Leave what a run leaves that is killed before it writes the page."""
    journal = open_journal(store, project)
    journal.note([key], NO_PAGE if store.head(page_key(project)) is None else journal.state())  # type: ignore[attr-defined]
    put(store, key, key + METADATA)


def note(store: Store, *keys: str) -> None:
    RunJournal(store, "demo").note(keys, "")


def there(store: Store, prefix: str = FILES) -> set[str]:
    return set(store.keys(prefix))


def became(report: PruneReport) -> dict[str, tuple[PruneKind, PruneStatus]]:
    return {each.path: (each.kind, each.status) for each in report.files}


def old(store: Store, hours: float = 2 * DAY) -> None:
    """Let time pass, by the clock of the store."""
    if isinstance(store, MemoryStore):
        store.objects.pass_time(hours)
    elif isinstance(store, LocalStore):
        for path in store.location.glob("public/files/*/*/*"):
            now = path.stat().st_mtime - hours * 3600
            os.utime(path, (now, now))


def leave(store: Store, key: str = OTHER) -> None:
    if store.is_shared:
        note(store, key)
        put(store, key, key + METADATA)
    else:
        left_by_a_run(store, key)


def test_what_an_interrupted_run_left_is_deleted_with_its_journal(store: Store) -> None:
    before = there(store)
    leave(store)
    old(store)
    report = prune_mirror(store)
    assert there(store) == before
    assert {path: status for path, (_, status) in became(report).items()} == {
        OTHER: PruneStatus.DELETED,
        OTHER + METADATA: PruneStatus.DELETED,
        next(each.path for each in report.files if each.kind is PruneKind.JOURNAL): PruneStatus.DELETED,
    }
    assert report.ok
    assert not [key for key in (*store.keys(JOURNAL), *store.keys(RUNS)) if key != f"{RUNS}/clock"]
    assert prune_mirror(store).files == ()  # twice is once
    assert check_mirror(store).findings == ()


def test_a_dry_run_names_the_same_and_deletes_nothing(store: Store) -> None:
    leave(store)
    if isinstance(store, MemoryStore):  # a dry run cannot ask for the time of the store
        for each, blob in list(store.objects.items()):
            store.objects[each] = blob._replace(modified=blob.modified.replace(year=2020))
    old(store)
    before = {key: store.read(key) for key in there(store, "public") | there(store, "private")}
    dry = prune_mirror(store, dry_run=True, all_unlisted=True, replaced=True)
    assert {key: store.read(key) for key in there(store, "public") | there(store, "private")} == before
    assert dry.dry_run
    assert became(dry) == became(prune_mirror(store, all_unlisted=True, replaced=True))
    assert OTHER in became(dry)


def test_in_a_directory_the_lock_is_enough(directory: LocalStore) -> None:
    leave(directory)
    assert OTHER in became(prune_mirror(directory))
    assert OTHER not in there(directory)


def test_a_young_file_is_kept(shared: MemoryStore) -> None:
    leave(shared)
    shared.objects.pass_time(DAY - 0.1)
    report = prune_mirror(shared)
    assert set(became(report).values()) == {(PruneKind.LEFT, PruneStatus.KEPT)}
    assert {each.reason for each in report.files} == {"younger than the grace period"}
    shared.objects.pass_time(0.1)
    assert OTHER in became(prune_mirror(shared))
    assert OTHER not in there(shared)


def test_what_another_run_noted_a_moment_ago_is_kept(shared: MemoryStore) -> None:
    """The file may be years old; a publisher that found it there is about to list it."""
    leave(shared)
    old(shared)
    note(shared, OTHER)
    assert (PruneKind.LEFT, PruneStatus.KEPT) in became(prune_mirror(shared)).values()
    assert OTHER in there(shared)


def test_what_was_removed_goes_when_no_cached_page_lists_it_any_more(shared: MemoryStore) -> None:
    [page] = list_pages(shared)
    key = page.key(page.files[0])
    assert key is not None
    remove_files(shared, "demo")
    assert became(prune_mirror(shared))[key] == (PruneKind.LEFT, PruneStatus.KEPT)
    old(shared)
    assert became(prune_mirror(shared))[key] == (PruneKind.LEFT, PruneStatus.DELETED)
    assert there(shared) == set()
    assert check_mirror(shared).findings == ()


@pytest.mark.parametrize("grace", [0, 3600, 48 * 3600])
def test_the_grace_can_be_chosen(shared: MemoryStore, grace: float) -> None:
    leave(shared)
    shared.objects.pass_time(30)
    prune_mirror(shared, limits=Limits(grace_seconds=grace))
    assert (OTHER in there(shared)) is (grace > 30 * 3600)


def test_what_no_run_noted_is_kept_unless_asked_for(store: Store) -> None:
    put(store, OTHER, f"{FILES}/demo/by-hand.txt", f"{FILES}/x.whl")
    old(store)
    report = prune_mirror(store)
    assert set(became(report).values()) == {(PruneKind.UNKNOWN, PruneStatus.KEPT)}
    assert {each.path: each.reason for each in report.files} == {
        OTHER: "no journal names it",
        f"{FILES}/demo/by-hand.txt": "it is not where wheelfix stores files",
        f"{FILES}/x.whl": "it is not where wheelfix stores files",
    }
    assert became(prune_mirror(store, all_unlisted=True))[OTHER] == (PruneKind.UNKNOWN, PruneStatus.DELETED)
    assert there(store) >= {f"{FILES}/demo/by-hand.txt", f"{FILES}/x.whl"}
    assert OTHER not in there(store)


def test_what_no_run_noted_is_kept_while_it_is_young(store: Store) -> None:
    """Somebody may be copying it there now, to add it to the page by another tool."""
    put(store, OTHER)
    report = prune_mirror(store, all_unlisted=True)
    assert became(report)[OTHER] == (PruneKind.UNKNOWN, PruneStatus.KEPT)


def damaged(store: Store) -> None:
    stored = store.read(page_key("demo"))
    assert stored
    store.delete(page_key("demo"))
    put(store, page_key("demo"))


def lost(store: Store) -> None:
    store.delete(page_key("demo"))


@pytest.mark.parametrize(("spoil", "code"), [(damaged, "page-unreadable"), (lost, "page-missing")])
def test_without_its_page_nothing_of_a_project_goes(spoil: Callable[[Store], None], code: str, store: Store) -> None:
    leave(store)
    old(store)
    spoil(store)
    before = there(store) | there(store, "private")
    report = prune_mirror(store, all_unlisted=True, replaced=True)
    assert ([each.code for each in report.findings], report.files, report.ok) == ([code], (), False)
    assert there(store) | there(store, "private") >= before


def test_a_page_that_is_too_large_ends_nothing_for_others(directory: LocalStore, tmp_path: Path) -> None:
    key = OTHER.replace("demo", "other")
    assert add_wheels(directory, write_wheel(tmp_path, WheelSpec(project="other"))).ok
    left_by_a_run(directory, key, "other")
    os.truncate(directory.location / page_key("demo"), 1 << 29)
    report = prune_mirror(directory)
    assert [(each.code, each.place) for each in report.findings] == [("page-unreadable", page_key("demo"))]
    assert became(report)[key] == (PruneKind.LEFT, PruneStatus.DELETED)


def test_a_project_that_never_had_a_page_is_cleaned(shared: MemoryStore) -> None:
    key = OTHER.replace("demo", "other")
    RunJournal(shared, "other").note([key], "")
    put(shared, key, key + METADATA)
    old(shared)
    assert became(prune_mirror(shared))[key] == (PruneKind.LEFT, PruneStatus.DELETED)


def test_where_all_pages_are_lost_nothing_goes(shared: MemoryStore) -> None:
    """A run that was killed noted the file, and another one listed it since."""
    [key] = [key for key in there(shared) if key.endswith(".whl")]
    note(shared, key)
    old(shared)
    for each in list(shared.keys("public/simple")):
        shared.delete(each)
    report = prune_mirror(shared, all_unlisted=True)
    assert ([each.code for each in report.findings], report.files) == (["page-missing"], ())
    assert key in there(shared)


class Blot(Struct, frozen=True):
    """A file: whether the page lists it, and how many hours ago it was written, and noted by each of some runs."""

    is_listed: bool
    written: int
    noted: tuple[int, ...]

    @property
    def goes(self) -> bool:
        return not self.is_listed and bool(self.noted) and min(self.written, *self.noted) >= DAY


BLOTS = st.builds(
    Blot,
    st.booleans(),
    st.sampled_from([0, DAY - 1, DAY, 99]),
    st.lists(st.sampled_from([0, DAY - 1, DAY, 99]), max_size=2).map(tuple),
)


@given(st.lists(BLOTS, max_size=6), st.booleans())
def test_only_what_is_unlisted_noted_and_old_goes(blots: list[Blot], all_unlisted: bool) -> None:
    objects = Objects()
    files: list[ListedFile] = []
    wheels: dict[str, Blot] = {}
    for number, blot in enumerate(blots):
        name = f"demo-{number}-py3-none-any.whl"
        key = file_key("demo", name, f"{number:064}")
        wheels[key] = blot
        objects[key] = objects[key + METADATA] = Blob(b"x", START - timedelta(hours=blot.written), 0)
        for run, hours in enumerate(blot.noted):
            objects[f"{RUNS}/demo/{number}{run}"] = Blob(f"{key}\n".encode(), START - timedelta(hours=hours), 0)
        if blot.is_listed:
            files.append(ListedFile(filename=name, url=url_of(key), sha256=f"{number:064}", size=1, upload_time=TIME))
    objects.write(page_key("demo"), page_json(Page("demo").with_files(files)))
    objects.write(ROOT_PAGE, root_json(["demo"]))
    store = MemoryStore(Path("nowhere"), objects)
    store.scratch = lambda: Path("nowhere")  # type: ignore[method-assign]
    report = prune_mirror(store, all_unlisted=all_unlisted, connections=1)
    gone = {key for key, blot in wheels.items() if blot.goes or (all_unlisted and unknown(blot))}
    assert {key for key in wheels if key not in objects} == gone
    assert {key for key in wheels if key + METADATA not in objects} == gone
    assert {each.path for each in report.of(PruneStatus.DELETED, PruneKind.LEFT, PruneKind.UNKNOWN)} == {
        each for key in gone for each in (key, key + METADATA)
    }
    again = prune_mirror(store, all_unlisted=all_unlisted, connections=1)
    assert again.of(PruneStatus.DELETED) == []


def unknown(blot: Blot) -> bool:
    return not blot.is_listed and not blot.noted and blot.written >= DAY


def test_a_project_without_a_page_keeps_what_no_run_noted(store: Store) -> None:
    """Its page may have been lost together with its line in the list of projects."""
    key = OTHER.replace("demo", "other")
    put(store, key)
    old(store)
    report = prune_mirror(store, all_unlisted=True)
    assert {each.path: each.reason for each in report.files} == {key: "its project has no page"}


def test_replaced_files_are_kept_for_old_locks_unless_asked_for(store: Store, tmp_path: Path) -> None:
    assert add_wheels(store, demo_wheel(tmp_path / "again", "1.0", "six"), publishing=Publishing(replace=True)).ok
    old(store)
    [page] = list_pages(store)
    [key] = [page.key(each) for each in page.past]
    assert key is not None
    report = prune_mirror(store)
    assert became(report)[key] == (PruneKind.REPLACED, PruneStatus.KEPT)
    report = prune_mirror(store, replaced=True)
    assert became(report)[key] == (PruneKind.REPLACED, PruneStatus.DELETED)
    assert {key, key + METADATA}.isdisjoint(there(store))
    assert load_page(store, "demo").past == ()
    assert check_mirror(store).findings == ()
    assert prune_mirror(store, replaced=True).files == ()


def test_only_named_projects_are_pruned(store: Store, tmp_path: Path) -> None:
    leave(store)
    old(store)
    with pytest.raises(MirrorError, match="has nothing of other"):
        prune_mirror(store, "other")
    with pytest.raises(MirrorError, match="is no name of a project"):
        prune_mirror(store, "../demo")
    key = OTHER.replace("demo", "other")
    put(store, key)
    assert {*became(prune_mirror(store, ["other", "other"]))} == {key}
    assert OTHER in there(store)
    assert OTHER in became(prune_mirror(store, "demo"))


def test_a_file_that_cannot_be_deleted_is_reported_and_the_others_go(shared: MemoryStore) -> None:
    leave(shared)
    old(shared)

    def refuse(operation: str, key: str) -> None:
        if (operation, key) == ("delete", OTHER):
            raise PermissionError(13, "Permission denied", key)

    shared.before = refuse
    report = prune_mirror(shared)
    assert became(report)[OTHER] == (PruneKind.LEFT, PruneStatus.FAILED)
    assert became(report)[OTHER + METADATA] == (PruneKind.LEFT, PruneStatus.DELETED)
    assert not report.ok
    assert OTHER in there(shared)
    assert any(key.startswith(f"{RUNS}/demo/") for key in shared.objects)  # it names what is left
    shared.before = lambda operation, key: None
    assert prune_mirror(shared).ok
    assert OTHER not in there(shared)


def test_half_written_files_go(directory: LocalStore) -> None:
    half = directory.location / "public/simple/demo/.wheelfix-0.part"
    half.touch()
    work = directory.location / "private/scratch/making-1"
    work.mkdir(parents=True)
    (work / "in-use.lock").touch()
    before = became(prune_mirror(directory, dry_run=True))
    assert half.exists()
    assert before == became(prune_mirror(directory)) == dict.fromkeys(before, (PruneKind.WORK, PruneStatus.DELETED))
    assert not half.exists()
    assert not work.exists()


def test_work_on_this_machine_for_a_bucket_goes(shared: MemoryStore) -> None:
    work = shared.scratch() / "making-1"
    work.mkdir()
    (work / "in-use.lock").touch()
    dry = prune_mirror(shared, dry_run=True)
    assert work.exists()
    report = prune_mirror(shared)
    assert became(dry) == became(report) == {str(work): (PruneKind.WORK, PruneStatus.DELETED)}
    assert [report.place_of(each) for each in report.files] == [work]
    assert not work.exists()


def test_what_a_store_does_not_let_us_see_is_reported(shared: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads = finding("leftover", "private/uploads", "there may be unfinished uploads")
    monkeypatch.setattr(shared, "problems", lambda: iter([uploads]))
    report = prune_mirror(shared)
    assert (report.findings, report.files, report.ok) == ((uploads,), (), True)  # some stores cannot list them
    directory = finding("unreadable", "public/files", "Permission denied")
    monkeypatch.setattr(shared, "problems", lambda: iter([directory]))
    report = prune_mirror(shared)
    assert (report.findings, report.ok) == ((directory,), False)


def test_a_page_that_lists_the_file_meanwhile_keeps_it(shared: MemoryStore, tmp_path: Path) -> None:
    """At each operation of the one that prunes, another one adds the wheel that is about to go."""
    wheel = demo_wheel(tmp_path / "in", "2.0")
    assert add_wheels(shared, wheel).ok
    remove_files(shared, "demo==2.0")
    old(shared)
    count = operations(shared, lambda: prune_mirror(shared, dry_run=True))
    snapshot, missed = dict(shared.objects), list[int]()
    for at in range(count + 20):
        shared.objects.clear()
        shared.objects.update(snapshot)
        at_operation(shared, at, lambda: add_wheels(MemoryStore(tmp_path / "scratch", shared.objects), wheel))
        report = prune_mirror(shared, connections=1)
        shared.before = lambda operation, key: None
        problems = {each.path: each.problem and each.problem.code for each in report.of(PruneStatus.FAILED)}
        lost = {each.place for each in check_mirror(shared).findings if each.code != "unlisted"}
        assert problems == dict.fromkeys(lost, "listed-meanwhile"), at
        missed.append(len(lost))
        assert add_wheels(shared, wheel).ok
        assert check_mirror(shared).findings == (), at
    assert sum(missed) == 2  # the wheel, and its metadata file, right before the request that deletes it


def test_without_the_time_of_the_store_nothing_goes(shared: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older note of the time, or the clock of this machine, would say that young files are old."""
    leave(shared)
    old(shared)
    prune_mirror(shared, dry_run=True)
    failed = TimeoutError(110, "Connection timed out")
    monkeypatch.setattr(shared, "put_new", lambda files, progress=None: {file.key: failed for file in files})
    with pytest.raises(TimeoutError):
        prune_mirror(shared)
    monkeypatch.setattr("wheelfix.mirror.prune_shared.store_now", lambda store: None)
    assert prune_mirror(shared).of(PruneStatus.DELETED) == []
    assert OTHER in there(shared)


def test_a_publisher_that_is_done_between_two_looks_is_seen(shared: MemoryStore, tmp_path: Path) -> None:
    """It has dropped its journal by then, and with so short a grace it has not written the file anew."""
    wheel = demo_wheel(tmp_path / "in", "2.0")
    assert add_wheels(shared, wheel).ok
    remove_files(shared, "demo==2.0")
    shared.objects.pass_time(3)

    def add(operation: str, key: str) -> None:
        if (operation, key) == ("list", f"{RUNS}/demo"):
            shared.before = lambda operation, key: None
            assert add_wheels(MemoryStore(tmp_path / "scratch", shared.objects), wheel).ok

    shared.before = add
    prune_mirror(shared, limits=Limits(grace_seconds=3600), connections=1)
    assert check_mirror(shared).findings == ()
    assert len(load_page(shared, "demo").files) == 2


def test_what_was_noted_since_the_first_look_is_kept(shared: MemoryStore) -> None:
    """A publisher is about to look at the file."""
    leave(shared)
    old(shared)

    def add_note(operation: str, key: str) -> None:
        if (operation, key) == ("list", FILES):
            shared.after = lambda operation, key: None
            note(shared, OTHER)

    shared.after = add_note
    report = prune_mirror(shared, connections=1)
    assert {each.path: each.status for each in report.files if each.kind is PruneKind.LEFT} == {
        OTHER: PruneStatus.KEPT,
        OTHER + METADATA: PruneStatus.KEPT,
    }
    assert {OTHER, OTHER + METADATA} < there(shared)


@pytest.mark.parametrize("can", [True, False])
def test_the_page_of_a_project_without_files_goes_where_that_is_possible(can: bool, tmp_path: Path) -> None:
    """Clients such as uv look into no other index for a project that has a page."""
    store = MemoryStore(tmp_path / "scratch")
    assert add_wheels(store, demo_wheel(tmp_path / "in", "1.0")).ok
    remove_files(store, "demo")
    assert page_key("demo") in store.objects
    store = MemoryStore(tmp_path / "scratch", store.objects, deletes_if=can)
    old(store)
    assert became(prune_mirror(store, dry_run=True)).keys() <= became(prune_mirror(store)).keys()
    assert (page_key("demo") in store.objects) is not can
    assert list(there(store)) == []
    assert prune_mirror(store).files == ()
    assert check_mirror(store).findings == ()


def test_a_damaged_list_of_projects_keeps_nobody_from_cleaning(shared: MemoryStore) -> None:
    leave(shared)
    old(shared)
    shared.objects.write(ROOT_PAGE, b"{")
    assert OTHER in became(prune_mirror(shared))


def test_what_was_listed_since_the_first_look_is_kept(shared: MemoryStore, tmp_path: Path) -> None:
    """Even with a grace so short that a publisher does not write the file anew."""
    wheel = demo_wheel(tmp_path / "in", "2.0")
    assert add_wheels(shared, wheel).ok
    remove_files(shared, "demo==2.0")
    shared.objects.pass_time(5)

    def add(operation: str, key: str) -> None:
        if (operation, key) == ("read", page_key("demo")):
            shared.after = lambda operation, key: None
            assert add_wheels(MemoryStore(tmp_path / "scratch", shared.objects), wheel).ok

    shared.after = add
    prune_mirror(shared, limits=Limits(grace_seconds=3600), connections=1)
    assert check_mirror(shared).findings == ()
    assert len(load_page(shared, "demo").files) == 2


def operations(store: MemoryStore, run: Callable[[], object]) -> int:
    before = len(store.requests)
    run()
    return len(store.requests) - before


def at_operation(store: MemoryStore, number: int, run: Callable[[], object]) -> None:
    counted: Iterable[int] = iter(range(number))

    def before(operation: str, key: str) -> None:
        if next(iter(counted), None) is None:
            store.before = lambda operation, key: None
            run()

    store.before = before


def test_a_prune_that_is_killed_anywhere_deletes_nothing_that_is_listed(shared: MemoryStore, tmp_path: Path) -> None:
    assert add_wheels(shared, demo_wheel(tmp_path / "again", "1.0", "six"), publishing=Publishing(replace=True)).ok
    leave(shared)
    old(shared)
    snapshot = dict(shared.objects)

    class KilledError(BaseException):
        pass

    def kill() -> None:
        raise KilledError

    for at in range(60):
        shared.objects.clear()
        shared.objects.update(snapshot)
        at_operation(shared, at, kill)
        try:
            prune_mirror(shared, replaced=True, connections=1)
        except KilledError:
            shared.before = lambda operation, key: None
            assert {each.code for each in check_mirror(shared).findings} <= {"unlisted", "html-differs", "past-missing"}, at
        else:
            break
        finally:
            shared.before = lambda operation, key: None
        prune_mirror(shared, replaced=True)
        old(shared)
        prune_mirror(shared, replaced=True)
        check_mirror(shared, fix=True)
        assert check_mirror(shared).findings == (), at
    else:
        pytest.fail("it never came to its end")


def test_a_mirror_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MirrorError, match="nothing does not exist"):
        prune_mirror(tmp_path / "nothing")
    shutil.rmtree(tmp_path)
