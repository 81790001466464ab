"""What a manifest's locks name, found in the indexes of its sources."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from building import WheelSpec
from counting import count_calls
from upstreams import Upstream, pypi, pytorch
from wheelfix.mirror.pages import ListedFile, Page
from wheelfix.options import Limits
from wheelfix.progress import NO_PROGRESS
from wheelfix.sync.choice.locked import Locked, choose_locked
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.manifest.model import Manifest, Sdists, Source
from wheelfix.sync.model import Action, Reason

WHEEL = "demo-1.0-py3-none-any.whl"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with pypi() as found:
        found.add(WheelSpec(project="demo", version="1.0"))
        found.add(WheelSpec(project="demo", version="2.0"))
        found.add_sdist("demo", "1.0")
        yield found


def source(upstream: Upstream, *locks: Path, name: str = "locked", **changes: object) -> Source:
    return Source(name=name, index=upstream.index, locks=locks, **changes)  # type: ignore[arg-type]


def locked(folder: Path, *sources: Source, pages: dict[str, Page] | None = None, only: Sequence[str] = ()) -> Locked:
    manifest = Manifest(path=folder / "mirror.toml", store=str(folder / "mirror"), sources=sources)
    return choose_locked(manifest, Upstreams(folder / "scratch", Limits(), NO_PROGRESS), pages or {}, only=only)


def uv_lock(
    path: Path, upstream: Upstream, *names: str, project: str = "demo", index: str | None = None, **hashes: str
) -> Path:
    files = ", ".join(
        f'{{ url = "{upstream.files_url}/{each}", hash = "sha256:{hashes.get("sha256") or upstream.file(each).sha256}" }}'
        for each in names
    )
    path.write_text(
        f'version = 1\n[[package]]\nname = "{project}"\nversion = "1.0"\n'
        f'source = {{ registry = "{index or upstream.index}" }}\nwheels = [{files}]\n'
    )
    return path


def requirements(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def requested(upstream: Upstream) -> list[str]:
    """Return the projects whose pages were requested; a request is noted when its answer is out."""
    while upstream.under_way:
        time.sleep(0.01)
    return sorted(each.path.rstrip("/").rpartition("/")[2] for each in upstream.pages())


def names(found: Locked) -> list[str]:
    return [each.filename for each in found.wanted]


def codes(found: Locked) -> list[str]:
    return [each.problem.code for each in found.problems]


def test_exactly_what_the_lock_names(upstream: Upstream, tmp_path: Path) -> None:
    upstream.yank(WHEEL, "broken")
    lock = uv_lock(tmp_path / "uv.lock", upstream, WHEEL)
    found = locked(tmp_path, source(upstream, lock))
    (file,) = found.wanted
    assert (file.project, file.version, file.filename, file.reason) == ("demo", "1.0", WHEEL, Reason.LOCKED)
    assert (file.locks, file.notes, found.problems) == (("uv.lock",), (), ())
    assert found.holders == {upstream.file(WHEEL).sha256: ("uv.lock",)}


def test_hashes_without_names(upstream: Upstream, tmp_path: Path) -> None:
    wheel, sdist = (upstream.file(each).sha256 for each in (WHEEL, "demo-1.0.tar.gz"))
    lock = requirements(tmp_path / "requirements.txt", f"demo==1 --hash=sha256:{wheel} --hash=sha256:{sdist}\n")
    found = locked(tmp_path, source(upstream, lock))
    assert names(found) == [WHEEL]
    assert (found.problems, set(found.holders)) == ((), {wheel, sdist})
    assert names(locked(tmp_path, source(upstream, lock, sdists=Sdists.ALL))) == [WHEEL, "demo-1.0.tar.gz"]


def test_hashes_that_no_file_has_are_a_problem_beside_what_is_found(upstream: Upstream, tmp_path: Path) -> None:
    wheel = upstream.file(WHEEL).sha256
    lock = requirements(tmp_path / "requirements.txt", f"demo==1 --hash=sha256:{wheel} --hash=sha256:{'a' * 64}\n")
    found = locked(tmp_path, source(upstream, lock))
    assert names(found) == [WHEEL]
    (problem,) = found.problems
    assert problem.problem.message == "no file has 1 of the 2 hashes of demo 1 in requirements.txt"
    assert problem.problem.reason == "a" * 64


def test_hashes_of_one_version_can_be_of_several_sources(upstream: Upstream, tmp_path: Path) -> None:
    with pytorch() as other:
        mac = other.add(WheelSpec(project="demo", version="1.0", tags="cp311-cp311-macosx_11_0_arm64"))
        hashes = f"--hash=sha256:{mac.sha256} --hash=sha256:{upstream.file(WHEEL).sha256}"
        lock = requirements(tmp_path / "requirements.txt", f"demo==1 {hashes}\n")
        found = locked(tmp_path, source(other, lock, name="mac"), source(upstream, lock, name="rest"))
    assert [(each.source.name, each.filename) for each in found.wanted] == [("mac", mac.name), ("rest", WHEEL)]
    assert found.problems == ()


def test_only_some_projects_or_sources_are_looked_for(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(WheelSpec(project="other", version="1.0"))
    lock = requirements(tmp_path / "requirements.txt", f"demo==1 --hash=sha256:{upstream.file(WHEEL).sha256}\nother==1\n")
    for only, expected in ((["other"], ["other"]), (["locked"], ["demo", "other"]), (["elsewhere"], [])):
        upstream.forget()
        found = locked(tmp_path, source(upstream, lock), only=only)
        assert [each.project for each in found.wanted] == expected
        assert requested(upstream) == expected
        assert upstream.file(WHEEL).sha256 in found.holders


def test_without_hashes_files_are_found_by_version(upstream: Upstream, tmp_path: Path) -> None:
    found = locked(tmp_path, source(upstream, requirements(tmp_path / "frozen.txt", "Demo==1.0\n")))
    assert names(found) == [WHEEL]
    assert found.wanted[0].notes == ("the lock has no hash of it: the file was found by its version",)
    assert set(found.holders) == {upstream.file(WHEEL).sha256}


def test_another_hash_under_the_name_is_a_problem_that_says_both(upstream: Upstream, tmp_path: Path) -> None:
    found = locked(tmp_path, source(upstream, uv_lock(tmp_path / "uv.lock", upstream, WHEEL, sha256="a" * 64)))
    (problem,) = found.problems
    assert (problem.source, problem.project, problem.problem.code) == ("locked", "demo", "lock-hash-differs")
    assert upstream.file(WHEEL).sha256 in str(problem.problem.reason)
    assert "a" * 64 in str(problem.problem.reason)
    assert found.wanted == ()


def test_what_the_index_lacks_is_a_problem_for_each_file(upstream: Upstream, tmp_path: Path) -> None:
    gone = upstream.file(WHEEL).sha256
    lock = requirements(tmp_path / "requirements.txt", f"demo==1 --hash=sha256:{gone}\nmissing==1\n")
    upstream.remove(WHEEL)
    found = locked(tmp_path, source(upstream, lock))
    assert codes(found) == ["lock-hash-differs", "lock-file-missing"]  # the source distribution has another
    assert found.problems[1].project == "missing"
    assert "requirements.txt names, is not in" in found.problems[1].problem.message


def test_a_file_of_another_index_is_a_problem_with_the_way_out(upstream: Upstream, tmp_path: Path) -> None:
    lock = uv_lock(
        tmp_path / "uv.lock",
        upstream,
        "x-1.0-py3-none-any.whl",
        project="x",
        index="https://u:p@other.example.org/simple",
        sha256="a" * 64,
    )
    (problem,) = locked(tmp_path, source(upstream, lock)).problems
    assert "The lock has it from https://other.example.org/simple: give the manifest a source" in problem.problem.hint


def test_several_sources_share_a_lock(upstream: Upstream, tmp_path: Path) -> None:
    with pytorch() as other:
        torch = other.add(WheelSpec(project="torch", version="1.0+cpu"))
        other.add(WheelSpec(project="demo", version="1.0", requires=("slipped-in",)))
        text = uv_lock(tmp_path / "one", upstream, WHEEL).read_text()
        text += uv_lock(tmp_path / "two", other, torch.name, project="torch").read_text().removeprefix("version = 1\n")
        lock = requirements(tmp_path / "uv.lock", text)
        found = locked(tmp_path, source(other, lock, name="cpu"), source(upstream, lock, name="rest"))
    assert [(each.source.name, each.filename) for each in found.wanted] == [("cpu", torch.name), ("rest", WHEEL)]
    assert found.problems == ()


def test_the_hash_decides_where_the_lock_names_no_index(upstream: Upstream, tmp_path: Path) -> None:
    with pytorch() as other:
        other.add(WheelSpec(project="demo", version="1.0", requires=("slipped-in",)))
        lock = requirements(tmp_path / "requirements.txt", f"demo==1 --hash=sha256:{upstream.file(WHEEL).sha256}\n")
        found = locked(tmp_path, source(other, lock, name="cpu"), source(upstream, lock, name="rest"))
        assert [(each.source.name, each.filename) for each in found.wanted] == [("rest", WHEEL)]
        assert found.problems == ()
        frozen = requirements(tmp_path / "frozen.txt", "demo==1.0\n")
        found = locked(tmp_path, source(other, frozen, name="cpu"), source(upstream, frozen, name="rest"))
        assert [each.source.name for each in found.wanted] == ["cpu"]


def test_a_source_that_fails_is_not_passed_over(upstream: Upstream, tmp_path: Path) -> None:
    with pypi() as other:
        other.fail("/demo/", status=403, times=9)
        lock = requirements(tmp_path / "requirements.txt", "demo==1.0\n")
        found = locked(tmp_path, source(other, lock, name="first"), source(upstream, lock, name="second"))
    assert found.wanted == ()
    assert [(each.source, each.project) for each in found.problems] == [("first", "demo")]


def test_an_index_without_hashes_gives_files_by_name_with_the_hash_of_the_lock(tmp_path: Path) -> None:
    with pytorch() as other:
        file = other.add(WheelSpec(project="demo", version="1.0"), hashed=False)
        found = locked(tmp_path, source(other, uv_lock(tmp_path / "uv.lock", other, WHEEL)))
    (wanted,) = found.wanted
    assert wanted.sha256 == file.sha256
    assert wanted.notes == ("the index has no sha256 of it; the download is compared with that of the lock",)


def test_a_lock_made_against_the_mirror_names_what_only_that_has(upstream: Upstream, tmp_path: Path) -> None:
    lock = uv_lock(tmp_path / "uv.lock", upstream, WHEEL, sha256="a" * 64)
    corrected = ListedFile(filename=WHEEL, url="x", sha256="a" * 64, size=1, upload_time="2026-01-01T00:00:00Z")
    for page in (Page("demo", files=(corrected,)), Page("demo", past=(corrected,))):
        found = locked(tmp_path, source(upstream, lock), pages={"demo": page})
        assert (found.wanted, found.problems) == ((), ())
        assert found.holders == {"a" * 64: ("uv.lock",)}


def test_source_distributions_are_left_out_unless_there_is_no_wheel(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add_sdist("only", "1.0")
    lock = uv_lock(tmp_path / "uv.lock", upstream, "only-1.0.tar.gz", project="only")
    (problem,) = locked(tmp_path, source(upstream, lock)).problems
    assert problem.problem.hint == 'Set sdists = "if-no-wheel" for the source.'
    assert names(locked(tmp_path, source(upstream, lock, sdists=Sdists.IF_NO_WHEEL))) == ["only-1.0.tar.gz"]
    both = uv_lock(tmp_path / "uv.lock", upstream, WHEEL, "demo-1.0.tar.gz")
    assert names(locked(tmp_path, source(upstream, both, sdists=Sdists.IF_NO_WHEEL))) == [WHEEL]


def test_a_hash_of_a_source_distribution_alone_is_not_passed_over(upstream: Upstream, tmp_path: Path) -> None:
    sdist = upstream.file("demo-1.0.tar.gz").sha256
    lock = requirements(tmp_path / "requirements.txt", f"demo==1 --hash=sha256:{sdist}\n")
    assert codes(locked(tmp_path, source(upstream, lock))) == ["lock-file-missing"]
    assert names(locked(tmp_path, source(upstream, lock, sdists=Sdists.IF_NO_WHEEL))) == ["demo-1.0.tar.gz"]
    two = uv_lock(tmp_path / "uv.lock", upstream, "only-1.0.tar.gz", "only-1.0.zip", project="only", sha256="a" * 64)
    assert codes(locked(tmp_path, source(upstream, two))) == ["lock-file-missing"]


def test_eggs_are_reported_and_not_missed(upstream: Upstream, tmp_path: Path) -> None:
    lock = uv_lock(tmp_path / "uv.lock", upstream, WHEEL, "demo-1.0-py2.7.egg", sha256=upstream.file(WHEEL).sha256)
    found = locked(tmp_path, source(upstream, lock))
    assert (names(found), codes(found)) == ([WHEEL], [])
    assert [(each.code, "py2.7.egg" in each.reason) for each in found.reports] == [("lock-entry-skipped", True)]


def test_thousands_of_files_of_one_release_are_looked_up_once_each(upstream: Upstream, tmp_path: Path) -> None:
    def work(count: int) -> int:
        many = [f"demo-1.0-{number}-py3-none-any.whl" for number in range(count)]
        lock = uv_lock(tmp_path / f"{count}.lock", upstream, *many, sha256="a" * 64)
        return count_calls(lambda: locked(tmp_path, source(upstream, lock)))

    assert work(2000) < 12 * work(200)


def test_a_file_that_two_locks_name_is_wanted_once(upstream: Upstream, tmp_path: Path) -> None:
    one = uv_lock(tmp_path / "uv.lock", upstream, WHEEL)
    other = requirements(tmp_path / "requirements.txt", f"demo==1 --hash=sha256:{upstream.file(WHEEL).sha256}\n")
    (file,) = locked(tmp_path, source(upstream, one, other)).wanted
    assert file.locks == ("uv.lock", "requirements.txt")


def test_a_damaged_lock_stops_nothing_else(upstream: Upstream, tmp_path: Path) -> None:
    bad = requirements(tmp_path / "uv.lock", "version = 7\n")
    good = requirements(tmp_path / "requirements.txt", "demo==1.0\n")
    found = locked(tmp_path, source(upstream, bad, good))
    assert (names(found), codes(found)) == ([WHEEL], ["lock-unknown-version"])
    assert found.problems[0].project is None


def test_entries_of_no_index_are_reported(upstream: Upstream, tmp_path: Path) -> None:
    lock = requirements(tmp_path / "requirements.txt", "-e .\ngit+https://git.example.org/x\ndemo>=1\n")
    reports = locked(tmp_path, source(upstream, lock)).reports
    assert [(each.action, each.code, each.project) for each in reports] == [
        (Action.REPORT, "lock-entry-skipped", "git+https://git.example.org/x"),
        (Action.REPORT, "lock-entry-skipped", "demo"),
    ]
    assert reports[0].reason == "requirements.txt has a commit of a repository for it: the source adds nothing for it"
    assert reports[1].reason == "requirements.txt does not pin it with ==: the source adds nothing for it"


def test_pages_are_requested_once_however_many_locks_and_files(upstream: Upstream, tmp_path: Path) -> None:
    locks = [requirements(tmp_path / f"{each}.txt", "demo==1.0\n") for each in range(5)]
    locked(tmp_path, source(upstream, *locks))
    assert requested(upstream) == ["demo"]


def test_without_a_hash_no_later_source_slips_in_a_version(upstream: Upstream, tmp_path: Path) -> None:
    with pypi() as public:
        public.add(WheelSpec(project="demo", version="99.0"))
        lock = requirements(tmp_path / "requirements.txt", "demo==99.0\n")
        found = locked(tmp_path, source(upstream, lock, name="private"), source(public, lock, name="public"))
        assert (names(found), codes(found)) == ([], ["lock-file-missing"])
        assert found.problems[0].source == "private"
        other = requirements(tmp_path / "other.txt", "unknown==1.0\n")
        public.add(WheelSpec(project="unknown", version="1.0"))
        found = locked(tmp_path, source(upstream, other, name="private"), source(public, other, name="public"))
        assert [(each.source.name, each.filename) for each in found.wanted] == [("public", "unknown-1.0-py3-none-any.whl")]


def test_without_a_hash_a_source_that_names_the_project_comes_first_too(upstream: Upstream, tmp_path: Path) -> None:
    with pypi() as public:
        public.add(WheelSpec(project="demo", version="1.0", tags="cp311-cp311-win_amd64"))
        lock = requirements(tmp_path / "requirements.txt", "demo==1.0\n")
        private = Source(name="private", index=upstream.index, projects=("demo",))
        found = locked(tmp_path, private, source(public, lock, name="public"))
        assert names(found) == []
        (problem,) = found.problems
        assert problem.problem.message == "requirements.txt names demo 1.0 without a sha256, and the source private has demo"
        found = locked(tmp_path, source(public, lock, name="public"), private)
        assert [each.source.name for each in found.wanted] == ["public"]
        pinned = uv_lock(tmp_path / "uv.lock", public, "demo-1.0-cp311-cp311-win_amd64.whl")
        assert names(locked(tmp_path, private, source(public, pinned, name="public"))) == [
            "demo-1.0-cp311-cp311-win_amd64.whl"
        ]


def test_without_a_hash_a_source_that_had_the_project_is_not_passed_over(upstream: Upstream, tmp_path: Path) -> None:
    with pypi() as public:
        public.add(WheelSpec(project="gone", version="1.0"))
        lock = requirements(tmp_path / "requirements.txt", "gone==1.0\n")
        sources = source(upstream, lock, name="private"), source(public, lock, name="public")
        there = ListedFile(
            filename="gone-0.9-py3-none-any.whl", url="", sha256="a" * 64, size=1, upload_time="", source="private"
        )
        found = locked(tmp_path, *sources, pages={"gone": Page("gone").with_files([there])})
        assert (names(found), codes(found)) == ([], ["no-project"])
        assert names(locked(tmp_path, *sources)) == ["gone-1.0-py3-none-any.whl"]


def test_a_lock_without_a_usable_entry_is_a_problem_of_its_source(upstream: Upstream, tmp_path: Path) -> None:
    """What it named before must not be yanked as no longer locked."""
    lock = requirements(tmp_path / "requirements.txt", "demo>=1\ngit+https://git.example.org/x\n")
    found = locked(tmp_path, source(upstream, lock))
    [problem] = found.problems
    assert (problem.source, problem.project, problem.problem.code) == ("locked", None, "lock-empty")
    assert "demo" in str(problem.problem.reason)
    assert requested(upstream) == []


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "-e .\n"])
def test_a_lock_that_needs_nothing_is_none(text: str, upstream: Upstream, tmp_path: Path) -> None:
    found = locked(tmp_path, source(upstream, requirements(tmp_path / "requirements.txt", text)))
    assert (found.wanted, found.problems) == ((), ())
