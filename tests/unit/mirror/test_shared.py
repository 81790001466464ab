"""Publishing where others publish at the same time: nothing is lost, and no page lists what is not there."""

import errno
import hashlib
import json
from collections.abc import Callable
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from pypi_simple import ProjectPage

from demos import GPU
from faults import no_answer
from sharing import INDEX, Clock, disagreeing, files_of, misled, names, once, other, outcome, statuses, wheel
from stores import MemoryStore, Objects, Turns
from thorough import examples
from wheelfix.errors import MirrorError
from wheelfix.mirror.follow import follow_index
from wheelfix.mirror.journal import noted_runs
from wheelfix.mirror.layout import HTML, METADATA, ROOT_HTML, ROOT_PAGE, page_key
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.repository import load_page, load_root
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import list_pages, remove_files, unyank_files, yank_files
from wheelfix.options import Limits, Publishing
from wheelfix.results import PublishStatus
from wheelfix.upstream.client import ServedPage

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    return MemoryStore(tmp_path / "scratch")


def test_a_page_that_another_process_changed_is_read_again(store: MemoryStore, tmp_path: Path, clock: Clock) -> None:
    one, two, three = (wheel(tmp_path / "in", version) for version in ("1.0", "2.0", "3.0"))
    add_wheels(store, one)
    once(store, "put_if", page_key("demo"), lambda: add_wheels(other(store), two))
    assert statuses(add_wheels(store, three)) == {three.name: "added"}
    assert files_of(store) == names("1.0", "2.0", "3.0")
    assert len(clock.pauses) == 1
    assert misled(store.objects) == disagreeing(store.objects, tmp_path) == []
    assert not list(noted_runs(store))


@pytest.mark.parametrize("bodies", [("same", "same"), ("one", "two")])
def test_two_add_the_same_name_at_once(bodies: tuple[str, str], store: MemoryStore, tmp_path: Path) -> None:
    """The same bytes are there already; other ones are refused, and what was put for them is noted."""
    ours, theirs = (wheel(tmp_path / place, body=body) for place, body in zip(("a", "b"), bodies, strict=True))
    once(store, "put_if", page_key("demo"), lambda: add_wheels(other(store), theirs))
    report = add_wheels(store, ours)
    [listed] = load_page(store, "demo").files
    assert listed.sha256 == hashlib.sha256(theirs.read_bytes()).hexdigest()
    if bodies[0] == bodies[1]:
        assert (statuses(report), report.files[0].notes) == ({ours.name: "unchanged"}, ())
        assert not list(noted_runs(store))
    else:
        assert statuses(report) == {ours.name: "name-taken"}
        [noted] = noted_runs(store)
        assert [key in store.objects for key in noted.files] == [True]
    assert misled(store.objects) == []


def test_what_another_process_changes_again_and_again_is_an_error(store: MemoryStore, tmp_path: Path, clock: Clock) -> None:
    """It is tried for as long as was given, with pauses that grow, and leaves the mirror as it was."""
    add_wheels(store, wheel(tmp_path / "in"))
    count = 0

    def before(operation: str, key: str) -> None:
        nonlocal count
        if (operation, key) == ("put_if", page_key("demo")):
            count += 1
            yank_files(other(store), "demo", f"reason {count}")

    store.before = before
    report = add_wheels(store, wheel(tmp_path / "in", "2.0"), limits=Limits(lock_seconds=60))
    assert statuses(report) == {names("2.0")[0]: "changed-meanwhile"}
    assert "again and again for 60 seconds" in str(report.files[0].problem)
    assert 50 < clock.now <= 60
    assert count == len(clock.pauses) + 1
    assert count < 200
    with pytest.raises(MirrorError, match="again and again for 30 seconds"):
        unyank_files(store, "demo", limits=Limits(lock_seconds=30))
    assert files_of(store) == names("1.0")
    assert misled(store.objects) == disagreeing(store.objects, tmp_path) == []


@pytest.mark.parametrize("error", [OSError(errno.ETIMEDOUT, "Connection timed out"), no_answer("x")])
@pytest.mark.parametrize("is_done", [False, True])
def test_what_is_listed_is_not_called_failed(is_done: bool, error: Exception, store: MemoryStore, tmp_path: Path) -> None:
    """The answer was lost, and another process wrote to the page since; or it listed one of the wheels itself."""
    paths = [wheel(tmp_path / "in", version) for version in ("1.0", "2.0")]
    add_wheels(store, wheel(tmp_path / "in", "0.0"))
    theirs = wheel(tmp_path / "in", "3.0") if is_done else paths[0]

    def fail(operation: str, key: str) -> None:
        if (operation, key) == ("put_if", page_key("demo")):
            add_wheels(other(store), theirs)
            raise error

    ours = other(store)
    ours.before, ours.after = (ours.before, fail) if is_done else (fail, ours.after)
    found = statuses(add_wheels(ours, paths))
    if is_done:
        assert found == dict.fromkeys(names("1.0", "2.0"), "added")
    else:
        assert found.pop(names("1.0")[0]) == "unchanged"
        assert found.keys() == {names("2.0")[0]}
        assert "added" not in found.values()
    assert misled(store.objects) == []


def test_changes_of_one_page_at_once_are_all_kept(store: MemoryStore, tmp_path: Path) -> None:
    add_wheels(store, [wheel(tmp_path / "in", version) for version in ("1.0", "2.0", "3.0", "4.0")])
    once(store, "put_if", page_key("demo"), lambda: remove_files(other(store), "demo==4.0"))
    yank_files(store, "demo==1.0", "bad")
    once(store, "put_if", page_key("demo"), lambda: yank_files(other(store), "demo==2.0"))
    assert statuses(remove_files(store, "demo==3.0")) == {names("3.0")[0]: "removed"}
    assert [(each.filename, each.yanked) for each in load_page(store, "demo").files] == [
        (names("1.0")[0], "bad"),
        (names("2.0")[0], ""),
    ]
    assert misled(store.objects) == disagreeing(store.objects, tmp_path) == []
    noted = {key for run in noted_runs(store) for key in run.files}
    assert {key.rpartition("/")[2] for key in noted} == {*names("3.0", "4.0")}
    assert noted <= store.objects.keys()


def test_who_writes_a_page_last_looks_at_it_last(store: MemoryStore, tmp_path: Path) -> None:
    """HTML and the list of projects follow from JSON, whoever changed that between a look at it and a write."""
    html = page_key("demo", HTML)
    one, two = wheel(tmp_path / "in"), wheel(tmp_path / "in", "2.0")

    def agree() -> bool:
        return misled(store.objects) == disagreeing(store.objects, tmp_path) == []

    once(store, "put_if", ROOT_PAGE, lambda: remove_files(other(store), "demo"))  # the root does not list it yet
    add_wheels(store, one)
    assert (agree(), sorted(load_root(store))) == (True, [])
    once(store, "put_if", html, lambda: store.objects.write(html, b"of an older page, by a process that was slow"))
    add_wheels(store, one)
    assert agree()
    once(store, "put_if", html, lambda: unyank_files(other(store), "demo"))  # the page that is there is that of its page
    yank_files(store, "demo")
    assert (agree(), load_page(store, "demo").files[0].yanked) == (True, None)
    once(store, "put_if", ROOT_PAGE, lambda: add_wheels(other(store), two))  # the root lists it still
    remove_files(store, "demo")
    assert (agree(), sorted(load_root(store))) == (True, ["demo"])
    once(store, "put_if", ROOT_HTML, lambda: add_wheels(other(store), wheel(tmp_path / "in", project="other")))
    remove_files(store, "demo")
    assert (agree(), sorted(load_root(store))) == (True, ["other"])


def test_what_another_process_removed_first_is_removed(store: MemoryStore, tmp_path: Path) -> None:
    add_wheels(store, [wheel(tmp_path / "in"), wheel(tmp_path / "in", "2.0")])
    once(store, "put_if", page_key("demo"), lambda: remove_files(other(store), "demo==1.0"))
    assert statuses(remove_files(store, "demo==1.0")) == {names("1.0")[0]: "removed"}
    once(store, "put_if", page_key("demo"), lambda: remove_files(other(store), "demo==2.0"))
    with pytest.raises(MirrorError, match="no files in the mirror match"):
        yank_files(store, "demo==2.0")
    with pytest.raises(MirrorError, match="no files in the mirror match"):
        remove_files(store, "demo==2.0")


@pytest.mark.parametrize("deletes_if", [False, True])
def test_a_project_without_files_is_as_if_it_was_not_there(deletes_if: bool, tmp_path: Path) -> None:
    """Where a page cannot be deleted only if it is still the same, it is empty; nobody is shown it."""
    store = MemoryStore(tmp_path / "scratch", deletes_if=deletes_if)
    add_wheels(store, [wheel(tmp_path / "in"), wheel(tmp_path / "in", project="other")])
    report = remove_files(store, "demo")
    assert report.files[0].status is PublishStatus.REMOVED
    assert "wheelfix mirror prune" in report.files[0].notes[0]
    assert load_root(store) == {"other"}
    assert [page.project for page in list_pages(store)] == ["other"]
    assert (page_key("demo") in store.objects) is not deletes_if
    assert disagreeing(store.objects, tmp_path) == []
    del store.objects[ROOT_PAGE]
    assert load_root(store) == {"other"}
    with pytest.raises(MirrorError, match="no files in the mirror match"):
        remove_files(store, "demo")
    assert add_wheels(store, wheel(tmp_path / "in")).ok
    assert load_root(store) == {"demo", "other"}
    assert misled(store.objects) == disagreeing(store.objects, tmp_path) == []


def test_what_was_sent_before_is_not_sent_again(store: MemoryStore, tmp_path: Path) -> None:
    """Its size and checksum are known to the store: it is not read either."""
    paths = [wheel(tmp_path / "in", version) for version in ("1.0", "2.0")]
    add_wheels(store, paths)
    for reset in (lambda: None, lambda: store.objects.pop(page_key("demo"))):
        reset()
        store.requests.clear()
        assert add_wheels(store, paths).ok
        wheels = [each for each in store.requests if each[1].endswith(".whl")]
        assert {operation for operation, _ in wheels} <= {"head"}
    assert misled(store.objects) == []


def test_a_damaged_file_is_restored(store: MemoryStore, tmp_path: Path) -> None:
    path = wheel(tmp_path / "in")
    add_wheels(store, path)
    [key] = (key for key in store.objects if key.endswith(".whl"))
    store.objects.write(key, b"damaged")
    del store.objects[key + METADATA]
    [done] = add_wheels(store, path).files
    assert (done.status, done.notes) == (
        PublishStatus.UNCHANGED,
        ("The file in the mirror was missing or damaged; it is restored.",),
    )
    assert misled(store.objects) == []


def test_requests_do_not_grow_with_what_is_listed(store: MemoryStore, tmp_path: Path) -> None:
    """A wheel more for a project with many: the same requests as with one, and few of them."""
    counts = []
    for number in range(3):
        store.requests.clear()
        assert add_wheels(store, wheel(tmp_path / "in", f"{number}.0")).ok
        counts.append(len(store.requests))
        assert add_wheels(other(store), [wheel(tmp_path / "in", f"{number}.{minor}.1") for minor in range(30)]).ok
    assert counts[1] == counts[2]
    assert counts[1] <= 24


def test_a_page_that_cannot_follow_is_a_problem_of_its_project(store: MemoryStore, tmp_path: Path) -> None:
    projects = [f"demo{number}" for number in range(5)]
    html = page_key("demo2", HTML)

    def before(operation: str, key: str) -> None:
        if (operation, key) == ("put_if", html):
            raise MirrorError("access-denied", "access is denied", hint="")

    store.before = before
    report = add_wheels(store, [wheel(tmp_path / "in", project=project) for project in projects])
    problems = {each.project: each.problem.message for each in report.files if each.problem}
    assert problems == {"demo2": f"{page_key('demo2')} is written, but {html} could not be written: access is denied"}
    assert {each.status for each in report.files} == {PublishStatus.ADDED}
    assert (html in store.objects, disagreeing(store.objects, tmp_path)) == (False, [])


@pytest.mark.parametrize("error", [OSError(errno.ETIMEDOUT, "Connection timed out"), no_answer("x")])
def test_a_store_that_is_silent_is_not_asked_for_every_project(error: Exception, store: MemoryStore, tmp_path: Path) -> None:
    """Each request waits for minutes then. The pages are written, and that is what is said of the wheels."""
    projects = [f"demo{number}" for number in range(30)]
    paths = [wheel(tmp_path / "in", project=project) for project in projects]
    silent: list[str] = []

    def before(operation: str, key: str) -> None:
        if silent or (operation == "put_if" and key == page_key("demo9", HTML)):  # the last one by name
            silent.append(key)
            raise error

    store.before = before
    report = add_wheels(store, paths)
    assert {each.status for each in report.files} == {PublishStatus.ADDED}
    assert {each.problem.code for each in report.files if each.problem} == {"page-not-written"}
    assert all(each.problem for each in report.files)
    assert len(silent) < 5
    store.before = lambda operation, key: None
    assert add_wheels(store, paths).ok
    assert misled(store.objects) == disagreeing(store.objects, tmp_path) == []


def test_twice_is_once_and_writes_nothing(store: MemoryStore, tmp_path: Path) -> None:
    paths = [wheel(tmp_path / "in", version) for version in ("1.0", "2.0")]
    runs: list[Callable[[], object]] = [
        lambda: add_wheels(store, paths),
        lambda: yank_files(store, "demo==1.0", "bad"),
        lambda: unyank_files(store, "demo==1.0"),
        lambda: fix_into_mirror(store, wheel(tmp_path / "gpu", "3.0", needs=GPU)),
    ]
    for run in runs:
        run()
        before = store.objects.copy()
        store.requests.clear()
        run()
        assert {operation for operation, _ in store.requests} <= {"read", "head", "list"}
        assert store.objects == before


def test_the_order_of_wheels_does_not_matter(tmp_path: Path) -> None:
    paths = [wheel(tmp_path / "in", version) for version in ("1.0", "2.0", "10.0")]
    pages = set()
    for order in permutations(paths):
        store = MemoryStore(tmp_path / "scratch")
        for path in order:
            add_wheels(store, path)
        together = MemoryStore(tmp_path / "scratch")
        add_wheels(together, order)
        pages |= {json.dumps(outcome(each.objects)) for each in (store, together)}
    assert len(pages) == 1


# --- runs that are interleaved at random ---


def acts(tmp_path: Path) -> dict[str, Callable[[MemoryStore], object]]:
    def added(*versions: str, body: str = "", replace: bool = False, project: str = "demo") -> Callable[[Store], object]:
        paths = [wheel(tmp_path / f"in{body}", version, body, project=project) for version in versions]
        return lambda store: add_wheels(store, paths, publishing=Publishing(replace=replace))

    listed = {"name": "demo", "meta": {"api-version": "1.1"}, "files": [], "project-status": {"status": "deprecated"}}
    answer = ServedPage(f"{INDEX}demo/", "json", ProjectPage.from_json_data(listed, f"{INDEX}demo/"))
    gpu = wheel(tmp_path / "gpu", "4.0", needs=GPU)
    return {
        "add 1": added("1.0"),
        "add 1 and 2": added("1.0", "2.0"),
        "add 3": added("3.0"),
        "add to other": added("1.0", project="other"),
        "replace 1": added("1.0", body="new", replace=True),
        "yank 0": lambda store: yank_files(store, "demo==0.0", "bad"),
        "remove 0": lambda store: remove_files(store, "demo==0.0"),
        "remove 1": lambda store: remove_files(store, "demo==1.0"),
        "remove other": lambda store: remove_files(store, "other"),
        "fix 4": lambda store: fix_into_mirror(store, gpu),
        "follow": lambda store: follow_index(store, "demo", INDEX, answer, 600),
    }


NAMES: Final = (
    "add 1", "add 1 and 2", "add 3", "add to other", "replace 1", "yank 0", "remove 0", "remove 1", "remove other",
    "fix 4", "follow",
)  # fmt: skip


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chosen=strategies.lists(strategies.sampled_from(NAMES), min_size=2, max_size=3),
    order=strategies.lists(strategies.integers(0, 2), max_size=90),
    versions=strategies.sampled_from(["e_tag", "generation", "deletes_if"]),
)
def test_runs_that_meet_anywhere_lose_nothing(
    chosen: list[str], order: list[int], versions: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    objects = Objects()
    stores = [
        MemoryStore(folder / "scratch", objects, generations=versions == "generation", deletes_if=versions == "deletes_if")
        for _ in range(4)
    ]
    first = stores.pop()
    add_wheels(first, [wheel(folder / "in", "0.0"), wheel(folder / "in", "0.0", project="other")])
    known = acts(folder)
    errors = Turns(order).run(stores, [partial(known[name], store) for name, store in zip(chosen, stores, strict=False)])
    assert all(each is None or "no files in the mirror match" in str(each) for each in errors), errors
    assert misled(objects) == disagreeing(objects, folder) == []
    expected = {"0.0"} if "remove 0" not in chosen else set()
    added = {version for name, new in ADDS.items() if name in chosen for version in new}
    found = {each.version for each in load_page(first, "demo").files}
    removable = {"1.0"} if "remove 1" in chosen else set()
    assert expected | added - removable <= found <= expected | added
    if "yank 0" in chosen and "remove 0" not in chosen:
        assert [each.yanked for each in load_page(first, "demo").files if each.version == "0.0"] == ["bad"]
    if "follow" in chosen and "remove 0" not in chosen:
        assert load_page(first, "demo").status_from is not None


ADDS: Final = {"add 1": ("1.0",), "add 1 and 2": ("1.0", "2.0"), "add 3": ("3.0",), "replace 1": ("1.0",), "fix 4": ("4.0",)}
