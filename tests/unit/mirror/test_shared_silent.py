"""A store that does not answer while a run publishes: it is not asked for each project, and nothing unknown is said."""

import errno
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from demos import GPU
from faults import no_answer
from sharing import disagreeing, misled, other, statuses, wheel
from stores import MemoryStore
from wheelfix.errors import MirrorError
from wheelfix.mirror.decide import NewWheel
from wheelfix.mirror.follow import UpstreamFile
from wheelfix.mirror.layout import FILES, ROOT_PAGE, page_key
from wheelfix.mirror.pages import Page
from wheelfix.mirror.project import Request
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.repository import is_saved, load_root, rebuild_root
from wheelfix.mirror.storage.base import is_silent
from wheelfix.mirror.upload import add_new_wheels, add_wheels
from wheelfix.mirror.yank import remove_files, yank_files
from wheelfix.options import Naming, Publishing, Transfer
from wheelfix.results import PublishReport, PublishStatus

ERRORS: Final = (no_answer("x"), OSError(errno.ETIMEDOUT, "Connection timed out"))
Act = Callable[[], object]
pytestmark = [pytest.mark.usefixtures("clock"), pytest.mark.parametrize("error", ERRORS, ids=["bucket", "system"])]
MOVE: Final = Publishing(transfer=Transfer.MOVE)


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    return MemoryStore(tmp_path / "scratch")


def silent_at(store: MemoryStore, error: Exception, *steps: tuple[str, str], act: Act = lambda: None) -> None:
    """Let ``store`` not answer to ``steps``, operations on keys that begin so; ``act`` is done at the first one."""
    acts = [act]

    def before(operation: str, key: str) -> None:
        if any(operation == name and key.startswith(start) for name, start in steps):
            if acts:
                acts.pop()()
            raise error

    store.before = before


def delete_files(store: MemoryStore) -> None:
    for key in [key for key in store.objects if key.startswith(FILES)]:
        del store.objects[key]


def test_the_errors_are_those_of_a_store_that_does_not_answer(error: Exception) -> None:
    assert is_silent(error)
    assert not is_silent(MirrorError("access-denied", "x", hint=""))


# --- what is moved ---


def test_the_only_copy_is_kept_if_nobody_could_look(error: Exception, store: MemoryStore, tmp_path: Path) -> None:
    """The page was written, the file is gone by then, and cannot be put anew."""
    path = wheel(tmp_path / "in")

    def before(operation: str, key: str) -> None:
        if (operation, key) == ("put_if", page_key("demo")):
            delete_files(store)
            silent_at(store, error, ("put", FILES))

    store.before = before
    [done] = add_wheels(store, path, publishing=MOVE).files
    assert (done.status, path.exists()) == (PublishStatus.ADDED, True)
    assert done.notes == ("Its source is kept: it is not known whether the mirror has its file.",)
    assert done.problem is not None
    store.before = lambda operation, key: None
    assert add_wheels(store, path, publishing=MOVE).ok
    assert misled(store.objects) == []
    assert not path.exists()


def test_the_only_copy_is_kept_if_another_process_listed_it(error: Exception, store: MemoryStore, tmp_path: Path) -> None:
    """This run failed, and has not seen that the file of what the page lists is there."""
    path = wheel(tmp_path / "in")
    theirs = other(store)

    def meanwhile() -> None:
        add_wheels(theirs, path)
        delete_files(store)

    silent_at(store, error, ("put", FILES), ("put_if", page_key("demo")))
    first = store.before

    def before(operation: str, key: str) -> None:
        if operation == "put" and not theirs.objects.get(page_key("demo")):
            return
        if operation == "head" and key in store.objects and key.startswith(FILES):
            meanwhile()
        first(operation, key)

    store.before = before
    [done] = add_wheels(store, path, publishing=MOVE).files
    assert (done.status, path.exists()) == (PublishStatus.UNCHANGED, True)
    assert "Its source is kept" in done.notes[-1]


def test_what_cannot_be_written_behind_the_page_does_not_keep_the_source(
    error: Exception, store: MemoryStore, tmp_path: Path
) -> None:
    """It was looked at afterwards: the mirror has it."""
    path = wheel(tmp_path / "in")
    silent_at(store, error, ("put_if", ROOT_PAGE))
    [done] = add_wheels(store, path, publishing=MOVE).files
    assert (done.status, path.exists(), done.notes) == (PublishStatus.ADDED, False, ())
    assert done.problem is not None


# --- what the page would have said otherwise ---


def test_an_original_is_not_called_yanked_if_the_page_is_the_old_one(
    error: Exception, store: MemoryStore, tmp_path: Path
) -> None:
    path = wheel(tmp_path / "in", needs=GPU)
    add_wheels(store, path)

    def publish(reason: str | None = None) -> PublishReport:
        publishing = Publishing(yank_original=reason, allow_mixed=True)
        return fix_into_mirror(store, path, naming=Naming(build_tag="1"), publishing=publishing)[1]

    assert publish().ok
    before = store.objects[page_key("demo")]
    silent_at(store, error, ("put_if", page_key("demo")))
    fixed, original = publish("bad").files
    assert store.objects[page_key("demo")] == before
    assert (fixed.status, fixed.problem) == (PublishStatus.UNCHANGED, None)
    assert (original.status, original.filename) == (PublishStatus.FAILED, path.name)
    assert original.problem is not None
    store.before = lambda operation, key: None
    assert publish("bad").ok
    silent_at(store, error, ("put_if", page_key("demo")))
    assert publish("bad").ok  # there is nothing to write


def test_what_an_index_says_is_not_called_copied_if_the_page_is_the_old_one(
    error: Exception, store: MemoryStore, tmp_path: Path
) -> None:
    index = "https://example.org/simple/"
    old, new = wheel(tmp_path / "in"), wheel(tmp_path / "in", "2.0")

    def add(*paths: Path, yanked: str | None = None) -> PublishReport:
        given = [NewWheel(path=path, upstream=UpstreamFile(index, yanked=yanked)) for path in paths]
        return add_new_wheels(store, given, Request())

    assert add(old).ok
    silent_at(store, error, ("put_if", page_key("demo")))
    [done] = add(old, yanked="broken").files
    assert done.status is PublishStatus.UNCHANGED
    assert done.problem is not None
    silent_at(store, error, ("put_if", page_key("demo")), act=lambda: yank_files(other(store), "demo"))
    [same, failed] = add(old, new).files
    assert (same.status, same.problem) == (PublishStatus.UNCHANGED, None)
    assert failed.status is PublishStatus.FAILED


def test_a_lost_answer_below_a_change_of_another_process_is_no_failure(
    error: Exception, store: MemoryStore, tmp_path: Path
) -> None:
    path = wheel(tmp_path / "in", needs=GPU)

    def after(operation: str, key: str) -> None:
        if (operation, key) == ("put_if", page_key("demo")):
            add_wheels(other(store), wheel(tmp_path / "in", "9.0"))
            raise error

    store.after = after
    publishing = Publishing(yank_original="bad", allow_mixed=True)
    report = fix_into_mirror(store, path, naming=Naming(build_tag="1"), publishing=publishing)[1]
    assert [each.status for each in report.files] == [PublishStatus.ADDED, PublishStatus.YANKED]
    assert report.ok


@pytest.mark.parametrize("deletes_if", [False, True])
def test_that_a_page_without_files_is_written_is_seen(error: Exception, deletes_if: bool, tmp_path: Path) -> None:
    """It is an empty one, or somebody deleted it by then."""
    store = MemoryStore(tmp_path / "scratch", deletes_if=deletes_if)
    add_wheels(store, wheel(tmp_path / "in"))

    def after(operation: str, key: str) -> None:
        if (operation, key) == ("put_if", page_key("demo")):
            with suppress(MirrorError):
                remove_files(other(store), "demo")
            raise error

    store.after = after
    [done] = remove_files(store, "demo").files
    assert done.status is PublishStatus.REMOVED
    assert is_saved(store, Page("demo"))


# --- how often a store is asked that does not answer ---


@pytest.mark.parametrize("every", [35, pytest.param(11, marks=(pytest.mark.slow, pytest.mark.parts))])
@pytest.mark.parametrize("kept", [0, 12])
def test_wherever_it_falls_silent_not_every_project_is_asked(
    kept: int, every: int, error: Exception, store: MemoryStore, tmp_path: Path
) -> None:
    """Of each step one project asks. Files on their way are the matter of the store, which sends several at a time."""
    projects = [f"demo{number}" for number in range(12)]
    paths = [wheel(tmp_path / "in", version, project=project) for project in projects for version in ("1.0", "2.0")]
    add_wheels(store, paths[:kept])
    start = store.objects.copy()
    whole = other(store)
    whole.objects = start.copy()
    add_wheels(whole, paths)
    for at in range(0, len(whole.requests), every):
        dark = other(store)
        dark.objects = start.copy()
        unanswered: list[str] = []

        def before(operation: str, key: str, dark: MemoryStore = dark, at: int = at, left: list[str] = unanswered) -> None:
            if len(dark.requests) > at:
                left.append(operation)
                raise error

        dark.before = before
        found = statuses(add_wheels(dark, paths))
        most = len(projects) if isinstance(error, MirrorError) else 2 * len(projects)  # one of the system may be of a wheel
        assert len([each for each in unanswered if each != "put"]) < most, (at, unanswered)
        assert len(found) == len(paths)
        assert set(found.values()) - {"added", "unchanged"} or not unanswered, at
        assert misled(dark.objects) == []
        dark.before = lambda operation, key: None
        assert add_wheels(dark, paths).ok
        assert misled(dark.objects) == disagreeing(dark.objects, tmp_path) == []


def test_a_page_that_is_not_given_is_not_taken_for_one_with_files(
    error: Exception, store: MemoryStore, tmp_path: Path
) -> None:
    """Where the list of projects is lost, a project without files would be listed."""
    add_wheels(store, [wheel(tmp_path / "in", project=project) for project in ("demo", "other")])
    remove_files(store, "demo")
    del store.objects[ROOT_PAGE]
    silent_at(store, error, ("read", page_key("demo")))
    with pytest.raises(type(error)):
        load_root(store)
    with pytest.raises(type(error)):
        rebuild_root(store, 60)
    assert ROOT_PAGE not in store.objects
    store.before = lambda operation, key: None
    store.objects.write(page_key("demo"), b"damaged")
    assert load_root(store) == {"demo", "other"}
