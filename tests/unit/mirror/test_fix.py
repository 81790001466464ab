"""``wheelfix mirror check --fix``: what it never writes over, and that an error of one project is no matter of others."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

from building import WheelSpec, write_wheel
from demos import demo_wheel
from stores import MemoryStore
from wheelfix.errors import MirrorError
from wheelfix.mirror import check, check_store
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.fix import Failures, fix_findings
from wheelfix.mirror.journal import open_journal
from wheelfix.mirror.layout import FILES, HTML, JOURNAL, METADATA, ROOT_HTML, ROOT_PAGE, SIMPLE, page_key
from wheelfix.mirror.pages import ListedFile
from wheelfix.mirror.prune import prune_mirror
from wheelfix.mirror.registry import MirrorCheckReport
from wheelfix.mirror.repository import load_page, load_root
from wheelfix.mirror.storage.base import Store, Write, write_changed
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import remove_files, yank_files
from wheelfix.options import Limits, Selection
from wheelfix.results import Finding

PAGE, HTML_PAGE = page_key("demo"), page_key("demo", HTML)
OTHER_HTML = page_key("zzz", HTML)
LARGE = 1 << 29


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a writer may cause for a moment is looked at again at once."""
    for name in ("_MOMENT", "_MOMENT_OF_BUCKETS"):
        monkeypatch.setattr(check_store, name, 0)


@pytest.fixture
def shared(tmp_path: Path) -> MemoryStore:
    """A bucket with two wheels of one project, and one each of two others."""
    store = MemoryStore(tmp_path / "scratch")
    assert add_wheels(store, wheels(tmp_path)).ok
    return store


@pytest.fixture
def directory(tmp_path: Path) -> LocalStore:
    """The same in a directory."""
    assert add_wheels(tmp_path / "mirror", wheels(tmp_path)).ok
    return LocalStore(tmp_path / "mirror")


@pytest.fixture(params=["shared", "directory"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(request.param)
    return found


def wheels(directory: Path) -> list[Path]:
    demos = [demo_wheel(directory / "in", version) for version in ("1.0", "2.0")]
    return [*demos, *(other_wheel(directory / "in", name) for name in ("eee", "zzz"))]


def other_wheel(directory: Path, name: str) -> Path:
    head = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nSummary: A wheel\nDescription-Content-Type: text/plain\n\nx\n"
    )
    return write_wheel(directory, WheelSpec(project=name, metadata=head.encode()))


def key_of(store: Store, version: str = "1.0") -> str:
    page = load_page(store, "demo")
    return next(key for each in page.files if each.version == version and (key := page.key(each)) is not None)


def metadata_of(store: Store, version: str = "1.0") -> str:
    return key_of(store, version) + METADATA


def fix(store: Store, *, quick: bool = False, selection: Selection = Selection()) -> MirrorCheckReport:
    return check_mirror(store, fix=True, quick=quick, selection=selection, limits=Limits(lock_seconds=0), connections=1)


def fixed(report: MirrorCheckReport) -> list[tuple[str, str]]:
    return [(each.code, each.place) for each in report.fixed]


def left(report: MirrorCheckReport) -> list[tuple[str, str]]:
    return [(each.code, each.place) for each in report.findings]


# What is wrong in JSON, and right in HTML.


def _hash(text: str, file: ListedFile) -> str:
    return text.replace(file.sha256, "0" * 64)


def _end_of_hash(text: str, file: ListedFile) -> str:
    return text.replace(file.sha256, file.sha256[:16] + "0" * 48)


def _hash_and_url(text: str, file: ListedFile) -> str:
    return text.replace(file.sha256, "0" * 64).replace(file.sha256[:16], "0" * 16)


def _name(text: str, file: ListedFile) -> str:
    return text.replace(file.filename, file.filename.replace("1.0", "3.0"))


def _project(text: str, file: ListedFile) -> str:
    return text.replace(f'"{file.filename}"', f'"{file.filename.replace("demo", "other")}"')


def _size(text: str, file: ListedFile) -> str:
    document = json.loads(text)
    document["files"][0]["size"] += 1
    return json.dumps(document)


def _url(text: str, file: ListedFile) -> str:
    document = json.loads(text)
    document["files"][0]["url"] = "https://example.org/demo-1.0-py3-none-any.whl"
    document["files"][0]["hashes"]["sha256"] = "0" * 64
    return json.dumps(document)


def _time(text: str, file: ListedFile) -> str:
    document = json.loads(text)
    document["files"][0]["upload-time"] = "yesterday"
    return json.dumps(document)


def _forgotten(text: str, file: ListedFile) -> str:
    document = json.loads(text)
    del document["files"][0]
    return json.dumps(document)


SPOIL = pytest.mark.parametrize(
    "spoil", [_hash, _end_of_hash, _hash_and_url, _name, _project, _size, _url, _time, _forgotten]
)


def spoil_json(store: Store, spoil: Callable[[str, ListedFile], str]) -> bytes:
    """Spoil the JSON page of the project, which is right, for its first file; return the HTML page."""
    stored, html = store.read(PAGE), store.read(HTML_PAGE)
    assert stored is not None
    assert html is not None
    text = stored.data.decode()
    changed = spoil(text, load_page(store, "demo").files[0])
    assert changed != text
    write_changed(store, {PAGE: changed.encode()})
    return html.data


def html_of(store: Store) -> bytes | None:
    stored = store.read(HTML_PAGE)
    return stored.data if stored else None


@SPOIL
def test_a_right_html_page_is_never_written_over(spoil: Callable[[str, ListedFile], str], store: Store) -> None:
    """Whatever else is fixed in its project; and no finding is called fixed, or fixable, that is not."""
    lost = metadata_of(store, "2.0")
    html = spoil_json(store, spoil)
    for quick in (False, True):
        store.delete(lost)
        report = fix(store, quick=quick)
        assert (html_of(store), fixed(report)) == (html, [("metadata-file-missing", lost)])
        [found] = [each for each in report.findings if each.code == "html-differs"]
        assert (found.place, found.fixable, report.passes()) == (HTML_PAGE, False, False)
        assert not [each for each in report.findings if each.fixable]


def test_what_nobody_can_see_any_more_is_not_called_fixed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is damaged while it is fixed hides all that was found before."""

    def damage(found: Store, findings: Iterable[Finding], timeout: float, failures: Failures) -> Iterator[Finding]:
        write_changed(found, {PAGE: b"{"})
        return fix_findings(found, [*findings], timeout, failures)

    write_changed(store, {HTML_PAGE: b"<html>"})
    monkeypatch.setattr(check, "fix_findings", damage)
    report = fix(store)
    assert fixed(report) == []
    assert {("html-differs", HTML_PAGE), ("page-unreadable", PAGE)} <= {*left(report)}


@pytest.mark.parametrize("spoil", [_hash, _size])
def test_what_is_selected_makes_no_difference_to_that(spoil: Callable[[str, ListedFile], str], store: Store) -> None:
    lost = metadata_of(store, "2.0")
    html = spoil_json(store, spoil)
    store.delete(lost)
    report = fix(store, selection=Selection(select=["metadata-file-missing", "html-differs"]))
    assert fixed(report) == [("metadata-file-missing", lost)]
    assert ("html-differs", HTML_PAGE) in left(report)
    assert html_of(store) == html


def test_a_page_that_is_wrong_about_one_file_is_not_changed_for_another(store: Store) -> None:
    """What the HTML page says of that one would not agree with it any more."""

    def spoil(text: str, file: ListedFile) -> str:
        document = json.loads(_hash(text, file))
        document["files"][1]["requires-python"] = ">=2"
        return json.dumps(document)

    html, stored = spoil_json(store, spoil), store.read(PAGE)
    for report in (check_mirror(store), fix(store)):
        found = {each.code: each.fixable for each in report.findings}
        assert found["requires-python-differs"] is False
    assert (store.read(PAGE), html_of(store)) == (stored, html)


@pytest.mark.parametrize("lost", ["wheel", "bytes"])
def test_an_html_page_that_knows_no_better_is_fixed(lost: str, store: Store) -> None:
    """Both pages say the same of the wheel that is gone or damaged."""
    wheel, html = key_of(store), html_of(store)
    assert html is not None
    if lost == "wheel":
        store.delete(wheel)
    else:
        write_changed(store, {wheel: b"x" * load_page(store, "demo").files[0].size})
    write_changed(store, {HTML_PAGE: html.replace(b">demo-2.0-", b' data-yanked="">demo-2.0-')})
    assert fixed(fix(store)) == [("html-differs", HTML_PAGE)]
    assert html_of(store) == html
    store.delete(HTML_PAGE)
    assert fixed(fix(store)) == [("html-differs", HTML_PAGE)]
    assert html_of(store) == html


def test_what_a_run_listed_that_ended_before_it_wrote_html_is_fixed(store: Store, tmp_path: Path) -> None:
    """The files are there: the JSON page is right about them, and none of them is read for that."""
    html = html_of(store)
    assert html is not None
    assert add_wheels(store, demo_wheel(tmp_path / "in", "3.0")).ok
    right = html_of(store)
    write_changed(store, {HTML_PAGE: html})
    assert fixed(fix(store, quick=True)) == [("html-differs", HTML_PAGE)]
    remove_files(store, "demo==3.0")
    assert right is not None
    write_changed(store, {HTML_PAGE: right})
    assert ("html-differs", HTML_PAGE) in fixed(fix(store, quick=True))
    assert html_of(store) == html


def test_a_url_that_contradicts_the_sha256_is_seen_without_reading_all(shared: MemoryStore) -> None:
    wheel = key_of(shared)
    spoil_json(shared, _hash)
    for quick in (False, True):
        shared.requests.clear()
        found = [each.place for each in check_mirror(shared, quick=quick).findings if each.code == "file-differs"]
        assert found == [wheel]
    assert {key for operation, key in shared.requests if operation == "open"} == {wheel}


def test_a_right_html_page_stays_where_the_store_fails_meanwhile(shared: MemoryStore) -> None:
    """The pages of a shared store are completed after an error: not these."""
    lost = metadata_of(shared, "2.0")
    html = spoil_json(shared, _hash)
    shared.delete(lost)

    def fail(operation: str, key: str) -> None:
        if (operation, key) == ("put_if", lost):
            raise MirrorError("no-answer", "it does not answer", hint="")

    shared.before = fail
    report = fix(shared)
    assert html_of(shared) == html
    assert ("ended-early", "") in left(report)


# What keeps one project from being fixed.


def _link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def _large(path: Path) -> None:
    path.touch()
    os.truncate(path, LARGE)


@pytest.mark.parametrize("put", [_link, _large, Path.mkdir])
def test_a_metadata_file_that_cannot_be_written_keeps_no_other_from_it(
    put: Callable[[Path], None], directory: LocalStore
) -> None:
    bad, lost, other = metadata_of(directory), metadata_of(directory, "2.0"), OTHER_HTML
    for key in (bad, lost, other):
        directory.delete(key)
    put(directory.location / bad)
    report = fix(directory)
    assert sorted(fixed(report)) == [("html-differs", other), ("metadata-file-missing", lost)]
    assert [bad in each.message for each in report.findings if each.code == "ended-early"] == [True]
    assert not report.complete


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "Permission denied"), IsADirectoryError(errno.EISDIR, "x")])
def test_pages_that_cannot_be_written_keep_no_other_from_it(
    error: OSError, directory: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = directory.put_if

    def refuse(writes: list[Write]) -> None:
        if any(each.key.startswith(f"{SIMPLE}/demo/") for each in writes):
            raise error
        put(writes)

    monkeypatch.setattr(directory, "put_if", refuse)
    for key in (HTML_PAGE, OTHER_HTML):
        directory.delete(key)
    report = fix(directory)
    assert (fixed(report), left(report)) == (
        [("html-differs", OTHER_HTML)], [("html-differs", HTML_PAGE), ("ended-early", PAGE)],
    )  # fmt: skip
    assert report.findings[1].message == f"{HTML_PAGE} could not be written: {error.strerror}"


@contextmanager
def locked(store: Store, *projects: str) -> Iterator[None]:
    if not projects:
        yield
        return
    with store.locked(projects[0], 0), locked(store, *projects[1:]):
        yield


def test_a_publisher_at_work_keeps_no_other_project_from_it(directory: LocalStore) -> None:
    """It has noted in a journal what it is about to add."""
    open_journal(directory, "demo").note([key_of(directory)], "")
    for key in (HTML_PAGE, OTHER_HTML):
        directory.delete(key)
    with locked(directory, "demo"):
        report = fix(directory)
    assert (fixed(report), left(report)) == (
        [("html-differs", OTHER_HTML)], [("html-differs", HTML_PAGE), ("ended-early", PAGE)],
    )  # fmt: skip
    assert fixed(fix(directory)) == [("html-differs", HTML_PAGE)]
    assert directory.head(f"{JOURNAL}/demo") is None


def test_a_journal_of_a_page_that_is_too_large_keeps_no_other_project_from_it(directory: LocalStore) -> None:
    open_journal(directory, "demo").note([key_of(directory)], "")
    os.truncate(directory.location / PAGE, LARGE)
    directory.delete(OTHER_HTML)
    report = fix(directory)
    assert (fixed(report), left(report)) == ([("html-differs", OTHER_HTML)], [("page-unreadable", PAGE)])
    assert directory.head(f"{JOURNAL}/demo") is not None


def test_what_was_found_is_reported_where_nothing_can_be_fixed(directory: LocalStore) -> None:
    pages = [page_key(name, HTML) for name in ("demo", "eee")]
    wheel = next(key for key in directory.keys(f"{FILES}/zzz") if key.endswith(".whl"))
    for key in (*pages, wheel):
        directory.delete(key)
    with locked(directory, "demo", "eee"):
        report = fix(directory)
    assert fixed(report) == []
    assert left(report) == [
        *(("html-differs", page) for page in pages), ("file-missing", wheel),
        ("ended-early", PAGE), ("ended-early", page_key("eee")),
    ]  # fmt: skip
    assert not report.complete


def test_a_list_of_projects_that_is_locked_keeps_no_project_from_it(directory: LocalStore) -> None:
    directory.delete(ROOT_HTML)
    directory.delete(metadata_of(directory))
    with locked(directory, ".root"):
        report = fix(directory)
    assert ("ended-early", ROOT_PAGE) in left(report)
    assert directory.head(metadata_of(directory)) is not None
    assert fix(directory).findings == ()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_an_error_of_the_whole_disk_ends_it_once(
    number: int, directory: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found is reported with it."""

    def refuse(writes: list[Write]) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(directory, "put_if", refuse)
    lost = [metadata_of(directory), *(f"{key}{METADATA}" for key in directory.keys(f"{FILES}/zzz") if key.endswith(".whl"))]
    for key in lost:
        directory.delete(key)
    report = fix(directory)
    assert (fixed(report), left(report)) == ([], [*(("metadata-file-missing", key) for key in lost), ("ended-early", "")])
    assert report.findings[-1].message == os.strerror(number)


def test_a_store_that_does_not_answer_ends_it_once(shared: MemoryStore) -> None:
    """Each further request would wait for minutes; what was found is reported."""
    pages = [page_key(name, HTML) for name in ("demo", "eee", "zzz")]
    for key in pages:
        shared.delete(key)

    def fail(operation: str, key: str) -> None:
        if operation == "put_if":
            raise MirrorError("no-answer", "it does not answer", hint="")

    shared.before = fail
    shared.requests.clear()
    report = fix(shared)
    assert left(report) == [*(("html-differs", page) for page in pages), ("ended-early", "")]
    assert [key for operation, key in shared.requests if operation == "put_if"] == [pages[0]]


@pytest.mark.parametrize("which", ["page", "html", "metadata"])
def test_the_hint_on_what_is_too_large_is_one_for_this_file(which: str, directory: LocalStore) -> None:
    key = {"page": PAGE, "html": HTML_PAGE, "metadata": metadata_of(directory)}[which]
    os.truncate(directory.location / key, LARGE)
    [found] = check_mirror(directory).findings
    assert ("You can delete it" in found.hint, "Restore it" in found.hint) == (which != "page", which == "page")
    if which != "page":
        directory.delete(key)
        assert (len(fix(directory).fixed), check_mirror(directory).findings) == (1, ())


@pytest.mark.parametrize("put", [_link, _large])
def test_no_project_is_unlisted_where_the_list_cannot_be_read(put: Callable[[Path], None], directory: LocalStore) -> None:
    """Only one that was read, and is damaged, is written again."""
    directory.delete(ROOT_PAGE)
    put(directory.location / ROOT_PAGE)
    for report in (check_mirror(directory), fix(directory)):
        assert {each.place for each in report.findings} == {ROOT_PAGE}
        assert not [each for each in report.findings if each.fixable]


# What a file that cannot be looked at, or another thing in its place, keeps from being fixed: that alone.


def _other_url(document: dict[str, Any]) -> None:
    document["files"][0]["url"] = "https://example.org/demo-1.0-py3-none-any.whl"


def _other_python(document: dict[str, Any]) -> None:
    document["files"][0]["requires-python"] = ">=3.99"


def _other_metadata(document: dict[str, Any]) -> None:
    document["files"][0]["core-metadata"] = {"sha256": "0" * 64}


@pytest.mark.parametrize("spoil", [_other_url, _other_python, _other_metadata])
@pytest.mark.parametrize("quick", [False, True])
def test_a_page_is_not_generated_from_what_could_not_be_confirmed(
    spoil: Callable[[dict[str, Any]], None], quick: bool, directory: LocalStore
) -> None:
    """The wheel is right, and its metadata file cannot be written: a directory has its name."""
    document, html = json.loads((directory.location / PAGE).read_bytes()), html_of(directory)
    spoil(document)
    (directory.location / PAGE).write_text(json.dumps(document))
    metadata = directory.location / metadata_of_first(directory)
    metadata.unlink()
    metadata.mkdir()
    report = fix(directory, quick=quick)
    assert (html_of(directory), not report.passes()) == (html, True)


def metadata_of_first(directory: LocalStore) -> str:
    return next(key for key in directory.keys(f"{FILES}/demo") if key.endswith("demo-1.0-py3-none-any.whl.metadata"))


@pytest.mark.parametrize("spoil", [_other_url, _other_python])
def test_a_page_is_not_generated_from_what_a_damaged_wheel_does_not_confirm(
    spoil: Callable[[dict[str, Any]], None], store: Store
) -> None:
    html, stored, key = html_of(store), store.read(PAGE), key_of(store)
    assert stored is not None
    document = json.loads(stored.data)
    spoil(document)
    write_changed(store, {PAGE: json.dumps(document).encode()})
    wheel = store.read(key)
    assert wheel is not None
    write_changed(store, {key: wheel.data[:400] + b"X" + wheel.data[401:]})
    report = fix(store)
    assert (html_of(store), report.passes()) == (html, False)
    assert not [each for each in report.findings if each.fixable]


def test_a_page_that_lists_nothing_any_more_is_kept_with_its_wheels(store: Store) -> None:
    stored, html = store.read(PAGE), html_of(store)
    assert stored is not None
    document = json.loads(stored.data)
    document["files"] = []
    write_changed(store, {PAGE: json.dumps(document).encode()})
    for _ in range(2):
        report = fix(store)
        assert (html_of(store), report.passes()) == (html, False)
        assert store.read(PAGE) is not None
        assert "demo" in load_root(store)
    if not store.is_shared:
        store.delete(HTML_PAGE)
        assert not fix(store).passes()
        assert store.read(PAGE) is not None


@pytest.mark.parametrize("place", ["private/runs/demo/x", "private/runs/x", f"{JOURNAL}/demo"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: Path(path).symlink_to(path.name)])
def test_what_is_in_the_place_of_a_note_ends_no_run(place: str, make: Callable[[Path], None], directory: LocalStore) -> None:
    path = directory.location / place
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)
    extra = directory.location / f"{FILES}/demo/0123456789abcdef/demo-9.0-py3-none-any.whl"
    extra.parent.mkdir()
    extra.touch()
    directory.delete(OTHER_HTML)
    places = {each.place for each in check_mirror(directory).findings}
    assert OTHER_HTML in places
    assert places & {place, f"{FILES}/demo/0123456789abcdef/demo-9.0-py3-none-any.whl"}
    assert ("html-differs", OTHER_HTML) in fixed(fix(directory))
    assert extra.exists()
    for all_unlisted in (False, True):
        pruned = prune_mirror(directory.location, all_unlisted=all_unlisted, limits=Limits(grace_seconds=0))
        assert extra.exists() or place == "private/runs/x" or (path.is_dir() and place != f"{JOURNAL}/demo")
        assert isinstance(pruned.files, tuple)


@pytest.mark.parametrize("place", ["private/journal", "private/runs"])
def test_a_directory_of_notes_that_cannot_be_read_keeps_no_page_from_being_fixed(place: str, directory: LocalStore) -> None:
    shutil.rmtree(directory.location / place, ignore_errors=True)
    (directory.location / place).symlink_to(Path(place).name)
    (directory.location / ROOT_HTML).write_text("x")
    report = fix(directory)
    assert ("html-differs", ROOT_HTML) in fixed(report)
    assert not report.complete


def test_a_scratch_directory_without_permission_is_a_finding(directory: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, "no", str(path))

    monkeypatch.setattr("wheelfix.mirror.storage.local.abandoned", refuse)
    assert left(check_mirror(directory)) == [("unreadable", "private/scratch")]


@pytest.mark.parametrize("root", [b"x", None], ids=["damaged", "listing too much"])
def test_one_page_in_the_way_keeps_the_list_of_projects_from_nothing(root: bytes | None, directory: LocalStore) -> None:
    if root is None:
        stored = directory.read(ROOT_PAGE)
        assert stored is not None
        root = stored.data.replace(b'{"name":"eee"}', b'{"name":"eee"},{"name":"never"}')
    write_changed(directory, {ROOT_PAGE: root})
    (directory.location / PAGE).unlink()
    (directory.location / PAGE).mkdir()
    report = fix(directory)
    assert load_root(directory) == {"demo", "eee", "zzz"}
    assert [each.code for each in report.findings] == ["in-the-way"]


def test_a_directory_in_place_of_the_html_of_the_list_keeps_no_project_from_being_fixed(directory: LocalStore) -> None:
    (directory.location / ROOT_HTML).unlink()
    (directory.location / ROOT_HTML).mkdir()
    directory.delete(HTML_PAGE)
    directory.delete(metadata_of(directory, "2.0"))
    for _ in range(2):
        report = fix(directory)
        assert [place for code, place in left(report) if code == "in-the-way"] == [ROOT_HTML]
        assert not any(place == ROOT_PAGE for _, place in left(report))
    assert html_of(directory) is not None


def test_a_lost_list_of_projects_is_one_error_and_written_again(store: Store) -> None:
    store.delete(ROOT_PAGE)
    assert left(check_mirror(store)) == [("page-missing", ROOT_PAGE)]
    report = fix(store)
    assert [each.message for each in report.fixed] == ["the list of projects is written again"]
    assert left(report) == []
    assert load_root(store) == {"demo", "eee", "zzz"}


def _yanked_in_json_alone(store: Store) -> bytes:
    """Yank a file, and put the HTML page back, as one that is killed in between leaves it; return that page."""
    html = html_of(store)
    assert html is not None
    assert yank_files(store, "demo==1.0").ok
    write_changed(store, {HTML_PAGE: html})
    return html


@pytest.mark.parametrize("quick", [False, True])
def test_a_yank_reaches_the_html_of_a_wheel_that_cannot_be_read(quick: bool, store: Store) -> None:
    """The page has the sha256 of these bytes: it is right about them."""
    stored = store.read(PAGE)
    key = key_of(store)
    wheel = store.read(key)
    assert stored is not None
    assert wheel is not None
    bytes_there = wheel.data + b"more"
    old, new = (hashlib.sha256(data).hexdigest() for data in (wheel.data, bytes_there))
    store.delete(key)
    text = stored.data.decode().replace(old[:16], new[:16]).replace(old, new)
    document = json.loads(text)
    for each in document["files"]:
        if each["hashes"]["sha256"] in (old, new, new[:16] + old[16:]):
            each["hashes"]["sha256"] = new
            each["size"] = len(bytes_there)
    write_changed(store, {PAGE: json.dumps(document).encode(), key.replace(old[:16], new[:16]): bytes_there})
    assert fix(store).fixed
    _yanked_in_json_alone(store)
    assert ("html-differs", HTML_PAGE) in fixed(fix(store, quick=quick))
    assert b"data-yanked" in (html_of(store) or b"")


@pytest.mark.parametrize("quick", [False, True])
def test_a_yank_reaches_the_html_of_a_damaged_wheel(quick: bool, store: Store) -> None:
    """Both pages link the same sha256: the HTML has nothing that is worth keeping."""
    _yanked_in_json_alone(store)
    key = key_of(store)
    wheel = store.read(key)
    assert wheel is not None
    write_changed(store, {key: wheel.data[:400] + b"X" + wheel.data[401:]})
    assert ("html-differs", HTML_PAGE) in fixed(fix(store, quick=quick))
    assert b"data-yanked" in (html_of(store) or b"")
