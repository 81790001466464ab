"""Files whose rules have changed since: reported, corrected anew under a build tag, or in place; and what locks hold."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

import wheelfix.mirror.fetch
from building import WheelSpec, build_wheel
from stores import MemoryStore, Objects
from upstreams import File, Upstream, pypi
from wheelfix.executors import Workers
from wheelfix.fix.batch import fix_wheels
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.pages import BY_MIRROR, BY_UPSTREAM, ListedFile
from wheelfix.mirror.publish import Fixing, loaded
from wheelfix.mirror.repository import load_page
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import Store
from wheelfix.mirror.yank import unyank_files, yank_files
from wheelfix.options import Limits, Naming, Policy
from wheelfix.progress import NO_PROGRESS
from wheelfix.reports.codes import explain_code
from wheelfix.results import Published, PublishStatus
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.jobs.fixing import source_fixing
from wheelfix.sync.manifest.model import Local, Manifest, OnRulesChange, Source
from wheelfix.sync.model import Action, SyncPlan, SyncReport
from wheelfix.sync.run import Run
from wheelfix.wheel.wheel import Wheel

LINUX: Final = "cp311-cp311-manylinux_2_28_x86_64"
ARM: Final = "cp311-cp311-manylinux_2_28_aarch64"
MAC: Final = "cp311-cp311-macosx_11_0_arm64"
REQUIRES: Final = ("requests>=2", "six", "attrs>=22")


def rule(name: str, dropped: str, when: str = "") -> str:
    return f'[[rule]]\nid = "{name}"\nreason = "a test"\nmatch = "{dropped}"\naction = "drop"\n{when}\n'


SIX: Final = rule("six", "six")
ATTRS: Final = rule("attrs", "attrs")


class Case:
    """A mirror that follows ``upstream`` by rules that a test changes."""

    def __init__(self, upstream: Upstream, folder: Path, store: Store | None = None) -> None:
        self.upstream = upstream
        self.folder = folder
        self.policy = OnRulesChange.REPORT
        self.local = Local.KEEP
        self.repair = False
        self.projects: tuple[str, ...] = ("demo",)
        self.locked: tuple[str, ...] = ()
        self.store: Store = store or open_store(folder / "mirror", create=True)
        self.published: tuple[Published, ...] = ()

    def manifest(self, *rules: str) -> Manifest:
        file = self.folder / f"rules{hashlib.sha256(''.join(rules).encode()).hexdigest()[:8]}.toml"
        file.write_text("schema = 1\n" + "".join(rules))
        source = Source(name="main", index=self.upstream.index, projects=self.projects, local=self.local, keep=None)
        return Manifest(
            path=self.folder / "mirror.toml", store="", sources=(*self.lock(), source), rules=(str(file),),
            on_rules_change=self.policy, repair=self.repair,
        )  # fmt: skip

    @property
    def action(self) -> Action:
        """What is planned for a file that the rules correct differently, where that is not only reported."""
        return Action.REPLACE if self.policy is OnRulesChange.REPLACE else Action.SUPERSEDE

    def lock(self) -> list[Source]:
        """Return a source with a lock of what a test says, if it is anything."""
        if not self.locked:
            return []
        path = self.folder / "requirements.txt"
        path.write_text(f"demo==1.0 {' '.join(f'--hash=sha256:{each}' for each in self.locked)}\n")
        return [Source(name="locked", index=self.upstream.index, locks=(path,))]

    def sync(self, *rules: str, dry_run: bool = False) -> SyncPlan:
        """Do what a sync does; return its plan."""
        manifest, limits = self.manifest(*rules), Limits()
        upstreams = Upstreams(self.store.scratch(), limits, NO_PROGRESS)
        run = Run(self.store, manifest, loaded(manifest.rules), upstreams, limits, NO_PROGRESS)
        planned = run.plan()
        assert not planned.plan.problems
        for code in {each.code for each in planned.plan.files if each.code}:
            assert explain_code(code), code
        if not dry_run:
            report = SyncReport(manifest="", mirror=self.store.location, plan=planned.plan)
            self.published = run.do(planned, Workers(), report).files
        return planned.plan

    def identity(self, *rules: str) -> str:
        """Return what the page says of a file that was checked by ``rules``."""
        manifest = self.manifest(*rules)
        return str(source_fixing(manifest, manifest.sources[0], loaded(manifest.rules)).identity)

    @property
    def files(self) -> Mapping[str, ListedFile]:
        return {each.filename: each for each in load_page(self.store, "demo").files}

    def served(self) -> list[str]:
        """Return the names of the files that are not yanked."""
        return [name for name, each in self.files.items() if each.yanked is None]

    def problems(self) -> list[str]:
        return [each.problem.code for each in self.published if each.problem]


@pytest.fixture(params=["directory", "bucket"])
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    with pypi() as upstream:
        upstream.add(WheelSpec(requires=REQUIRES))
        store = MemoryStore(tmp_path / "scratch", Objects()) if request.param == "bucket" else None
        yield Case(upstream, tmp_path, store)


NAME: Final = "demo-1.0-py3-none-any.whl"


def tagged(case: Case, number: int, *rules: str) -> str:
    return f"demo-1.0-{tag(case, number, *rules)}-py3-none-any.whl"


def tag(case: Case, number: int, *rules: str) -> str:
    return f"{number}rules{hashlib.sha256(case.identity(*rules).encode()).hexdigest()[:8]}"


def changes(file: ListedFile) -> tuple[str, ...]:
    return tuple(each.sentence for each in file.origin.changes) if file.origin else ()


def drops(file: ListedFile) -> list[str]:
    return [each for each in changes(file) if each.startswith("drop")]


def test_nothing_happens_while_the_rules_are_the_same(case: Case) -> None:
    case.sync(SIX)
    before, case.upstream.seen[:] = load_page(case.store, "demo"), []
    plan = case.sync(SIX)
    assert not plan.changes
    assert not plan.of(Action.REPORT)
    assert load_page(case.store, "demo") == before
    assert case.upstream.downloads() == []


def test_by_default_what_would_differ_is_reported_with_each_run_and_nothing_else_happens(case: Case) -> None:
    case.sync(SIX)
    before = load_page(case.store, "demo")
    case.upstream.forget()
    for _ in range(2):
        (row,) = case.sync(SIX, ATTRS).of(Action.REPORT)
        assert (row.code, row.filename) == ("rules-changed", NAME)
        assert row.details == ("now: drop Requires-Dist: attrs>=22",)
        assert row.reason == "The rules would correct it differently: now drop Requires-Dist: attrs>=22."
    (row,) = case.sync(ATTRS).of(Action.REPORT)
    assert row.details == ("no longer: drop Requires-Dist: six", "now: drop Requires-Dist: attrs>=22")
    assert load_page(case.store, "demo") == before
    assert case.upstream.downloads() == []
    assert sum(each.path.endswith(".metadata") for each in case.upstream.seen) == 1  # kept for the runs after the first


def test_a_plan_alone_writes_nothing(case: Case) -> None:
    case.sync(SIX)
    before = load_page(case.store, "demo")
    for case.policy in OnRulesChange:
        case.sync(ATTRS, dry_run=True)
        case.sync(rule("other", "six"), dry_run=True)
        assert load_page(case.store, "demo") == before


def test_under_a_build_tag_the_new_correction_is_served_and_the_old_one_is_yanked(case: Case) -> None:
    case.policy = OnRulesChange.BUILD_TAG
    case.sync(SIX)
    old = case.files[NAME]
    (row,) = case.sync(ATTRS).of(case.action)
    assert row.filename == NAME
    new = tagged(case, 1, ATTRS)
    done = [(each.filename, each.status) for each in case.published]
    assert done == [(new, PublishStatus.ADDED), (NAME, PublishStatus.YANKED)]
    assert case.served() == [new]
    assert drops(case.files[new]) == ["drop Requires-Dist: attrs>=22"]
    yanked = case.files[NAME]
    assert yanked.is_superseded
    assert yanked.yanked_at == "2026-01-01T00:00:00.000000Z"
    assert (yanked.sha256, yanked.url) == (old.sha256, old.url)
    assert case.files[new].original_sha256 == old.original_sha256
    page = load_page(case.store, "demo")
    case.upstream.forget()
    assert not case.sync(ATTRS).changes
    assert load_page(case.store, "demo") == page
    assert case.upstream.downloads() == []


def test_each_change_outranks_those_before_and_old_rules_serve_the_old_file_again(case: Case) -> None:
    case.policy = OnRulesChange.BUILD_TAG
    case.sync(SIX)
    case.sync(ATTRS)
    case.sync(SIX, ATTRS)
    second = tagged(case, 2, SIX, ATTRS)
    assert case.served() == [second]
    assert len(case.files) == 3
    case.upstream.forget()
    plan = case.sync(SIX)
    assert [each.filename for each in plan.of(case.action)] == [second]
    assert [each.filename for each in plan.of(Action.UNYANK)] == [NAME]
    assert plan.download_size == 0
    done = [(each.filename, each.status) for each in case.published]
    assert sorted(done) == [(second, PublishStatus.YANKED), (NAME, PublishStatus.UNYANKED)]
    assert case.served() == [NAME]
    assert case.files[second].is_superseded
    assert case.upstream.downloads() == []
    assert not case.sync(SIX).changes


def test_what_was_served_as_it_came_is_corrected_beside_it(case: Case) -> None:
    case.policy = OnRulesChange.BUILD_TAG
    case.sync(rule("none", "no-such-requirement"))
    assert case.files[NAME].origin is None
    case.sync(SIX)
    new = tagged(case, 1, SIX)
    assert case.served() == [new]
    assert case.files[NAME].is_superseded
    case.sync(rule("none", "no-such-requirement"))
    assert case.served() == [NAME]


def test_in_place_the_new_correction_takes_the_name_and_the_old_one_keeps_its_url(case: Case) -> None:
    case.policy = OnRulesChange.REPLACE
    case.sync(SIX)
    old = case.files[NAME]
    (row,) = case.sync(ATTRS).of(case.action)
    assert "takes its name" in row.reason
    page = load_page(case.store, "demo")
    (file,) = page.files
    assert (file.filename, file.yanked) == (NAME, None)
    assert drops(file) == ["drop Requires-Dist: attrs>=22"]
    assert [(each.sha256, each.url) for each in page.past] == [(old.sha256, old.url)]
    assert file.url != old.url
    assert not case.sync(ATTRS).changes
    case.sync(SIX)
    page = load_page(case.store, "demo")
    assert [each.sha256 for each in page.files] == [old.sha256]
    assert [each.sha256 for each in page.past] == [file.sha256]


def test_in_place_after_build_tags_keeps_the_tag(case: Case) -> None:
    case.policy = OnRulesChange.BUILD_TAG
    case.sync(SIX)
    case.sync(ATTRS)
    name = tagged(case, 1, ATTRS)
    case.policy = OnRulesChange.REPLACE
    case.sync(SIX, ATTRS)
    assert case.served() == [name]
    assert len(drops(case.files[name])) == 2
    assert case.files[NAME].is_superseded


@pytest.mark.parametrize("policy", OnRulesChange)
def test_rules_that_change_nothing_for_a_wheel_change_only_what_the_page_says(case: Case, policy: OnRulesChange) -> None:
    case.policy = policy
    case.sync(SIX)
    before = case.files[NAME]
    case.upstream.forget()
    plan = case.sync(SIX, rule("other", "numpy"))
    assert {each.action for each in plan.files} == {Action.KEEP}
    after = case.files[NAME]
    assert after.checked_by != before.checked_by
    assert replace(after, checked_by=before.checked_by) == before
    assert case.upstream.downloads() == []
    page, case.upstream.seen[:] = load_page(case.store, "demo"), []
    assert not case.sync(SIX, rule("other", "numpy")).changes
    assert load_page(case.store, "demo") == page
    assert not [each for each in case.upstream.seen if each.host == "files"]


def test_another_version_of_wheelfix_changes_nothing(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    case.policy = OnRulesChange.REPLACE
    case.local = Local.STRIP
    case.sync(SIX)
    page = load_page(case.store, "demo")
    monkeypatch.setattr("wheelfix.version.__version__", "99.0")
    monkeypatch.setattr(wheelfix.mirror.fetch, "__version__", "99.0")
    plan = case.sync(SIX)
    assert not plan.changes
    assert not plan.of(Action.REPORT)
    assert load_page(case.store, "demo") == page


def test_the_identity_goes_by_the_rules_not_by_their_files(tmp_path: Path) -> None:
    one, two, both, spelled = (tmp_path / f"{name}.toml" for name in ("one", "two", "both", "spelled"))
    one.write_text(f"schema = 1\n{SIX}")
    two.write_text(f"schema = 1\n{ATTRS}")
    both.write_text(f"schema = 1\n{SIX}{ATTRS}")
    spelled.write_text(
        'schema = 1\nrule = [{action = "drop", match = {name = ["six"]}, reason = "a test", id = "six", when = {}},'
        '\n # a comment\n {id = "attrs", match = "attrs", reason = "a test", action = "drop"}]\n'
    )
    digests = {Fixing(rules=loaded(each)).identity for each in ([one, two], both, spelled)}
    assert len(digests) == 1


def test_the_identity_has_only_what_is_not_as_by_default() -> None:
    rules = loaded("gpu")
    assert rules is not None
    assert Fixing(rules=rules).identity == rules.digest
    assert Fixing(rules=rules, policy=Policy(allow_mixed=True)).identity == rules.digest
    others = [
        Fixing(rules=rules, policy=Policy(force=True)), Fixing(rules=rules, naming=Naming(drop_local=True)),
        Fixing(rules=rules, sbom=False), Fixing(rules=rules, repair=True), Fixing(rules=None, repair=True),
        Fixing(rules=rules, naming=Naming(build_tag="1x")), Fixing(rules=None),
    ]  # fmt: skip
    assert len({each.identity for each in others} | {rules.digest}) == len(others) + 1
    assert Fixing(rules=rules, naming=Naming(build_tag="1x"), usual=Fixing(rules=None)).checked_by is None


@pytest.mark.parametrize("policy", OnRulesChange)
def test_an_original_that_is_gone_is_reported_and_the_file_kept(case: Case, policy: OnRulesChange) -> None:
    case.policy = policy
    case.upstream.add(WheelSpec(version="2.0", requires=REQUIRES))
    case.sync(SIX)
    before = case.files[NAME]
    case.upstream.remove(NAME)
    for action, reason in (
        (
            Action.YANK,
            "The index no longer lists it. The rules have changed, and cannot correct it anew without its original.",
        ),
        (
            Action.REPORT,
            "The rules have changed, and its original is gone: the index no longer lists it. It is kept as it is.",
        ),
    ):
        (row,) = [each for each in case.sync(ATTRS).files if each.filename == NAME]
        assert (row.action, row.code, row.reason) == (action, "original-gone", reason)
        found = case.files[NAME]
        assert (found.yanked, found.yanked_by) == ("removed upstream", BY_UPSTREAM)
        assert replace(found, yanked=None, yanked_by=None, yanked_at=None) == before


class Lying(File):
    """A file of which the index lists another sha256 than that of what is served."""

    listed: str = ""

    @property
    def sha256(self) -> str:
        return self.listed


CHANGING: Final = [OnRulesChange.BUILD_TAG, OnRulesChange.REPLACE]


@pytest.mark.parametrize("policy", CHANGING)
def test_a_download_that_is_not_the_original_is_refused(case: Case, policy: OnRulesChange) -> None:
    case.policy = policy
    case.sync(SIX)
    before = load_page(case.store, "demo").files
    file = case.upstream.file(NAME)
    case.upstream.put("demo", Lying(name=NAME, data=file.data + b"x", metadata=file.metadata, listed=file.sha256))
    for _ in range(2):
        case.sync(ATTRS)
        assert case.problems() == ["wrong-hash"]
        assert load_page(case.store, "demo").files == before


@pytest.mark.parametrize("policy", CHANGING)
def test_other_bytes_under_the_name_of_the_original_are_not_taken_for_it(case: Case, policy: OnRulesChange) -> None:
    case.policy = policy
    case.sync(SIX)
    before = load_page(case.store, "demo").files
    case.upstream.add(WheelSpec(requires=(*REQUIRES, "new")))
    (row,) = [each for each in case.sync(ATTRS, dry_run=True).of(Action.REPORT) if each.code == "original-gone"]
    assert "the index has other bytes under its name" in row.reason
    assert load_page(case.store, "demo").files == before


def test_a_file_that_a_person_yanked_or_added_is_left_alone(case: Case) -> None:
    case.policy = OnRulesChange.BUILD_TAG
    case.sync(SIX)
    page = load_page(case.store, "demo")
    yank_files(case.store, NAME, "broken")
    plan = case.sync(ATTRS)
    assert not plan.of(Action.REPLACE, Action.SUPERSEDE)
    assert list(case.files) == [NAME]
    assert case.files[NAME].yanked_by == BY_MIRROR
    assert page.files[0].sha256 == case.files[NAME].sha256


def platforms(case: Case, *tags: str) -> list[str]:
    specs = [WheelSpec(version="3.0", tags=each, requires=REQUIRES) for each in tags]
    return [case.upstream.add(each).name for each in specs]


@pytest.mark.parametrize("policy", CHANGING)
def test_the_wheels_of_a_release_change_together(case: Case, policy: OnRulesChange) -> None:
    case.policy = policy
    names = platforms(case, LINUX, ARM, MAC)
    case.sync(SIX)
    case.sync(ATTRS)
    served = [case.files[name] for name in case.served() if "-3.0-" in name]
    assert len(served) == len(names)
    assert {tuple(drops(each)) for each in served} == {("drop Requires-Dist: attrs>=22",)}
    assert len({each.checked_by for each in served}) == 1
    assert not case.sync(ATTRS).changes


@pytest.mark.parametrize("policy", CHANGING)
def test_a_release_of_which_a_wheel_cannot_be_had_does_not_change_at_all(case: Case, policy: OnRulesChange) -> None:
    case.policy = policy
    names = platforms(case, LINUX, ARM)
    case.sync(SIX)
    before = {name: case.files[name] for name in names}
    case.upstream.fail(f"/{names[0]}", status=404, times=9)
    case.sync(ATTRS)
    assert sorted(case.problems()) == ["bad-answer", "mixed-release"]
    assert {name: case.files[name] for name in names} == before
    case.upstream.failures.clear()
    case.sync(ATTRS)
    assert case.problems() == []
    assert all(case.files[name] != before[name] for name in names if name in case.files)


def test_rules_for_one_platform_change_its_wheel_alone_and_would_mix_the_release(case: Case) -> None:
    case.policy = OnRulesChange.BUILD_TAG
    platforms(case, LINUX, MAC)
    case.sync(SIX)
    before = load_page(case.store, "demo").files
    plan = case.sync(SIX, rule("linux", "attrs", 'when = {platform = "manylinux*"}'))
    assert [each.filename for each in plan.of(case.action)] == [f"demo-3.0-{LINUX}.whl"]
    assert case.problems() == ["mixed-release"]
    changed = [each.filename for each in load_page(case.store, "demo").files if each not in before]
    assert changed == [NAME, f"demo-3.0-{MAC}.whl"]  # of these the page says by which rules they were checked
    assert len(load_page(case.store, "demo").files) == len(before)
    case.upstream.forget()
    case.sync(SIX, rule("linux", "attrs", 'when = {platform = "manylinux*"}'))
    assert case.problems() == ["mixed-release"]
    assert case.upstream.downloads() == []


def test_a_wheel_that_the_rules_would_refuse_stays_and_is_reported(case: Case) -> None:
    case.policy = OnRulesChange.REPLACE
    case.sync(SIX)
    before = case.files[NAME]
    limit = (
        '[[rule]]\nid = "limit"\nreason = "a test"\nmatch = "requests"\naction = {set-specifier = {max = "<1"}}\n'
        'on-mismatch = "error"\n'
    )
    (row,) = case.sync(limit).of(Action.REPORT)
    assert row.reason.startswith("The rules would now refuse it: ")
    assert case.files[NAME] == before


def test_metadata_of_the_original_is_read_from_the_wheel_where_the_index_has_no_metadata_file(case: Case) -> None:
    case.upstream.add(WheelSpec(requires=REQUIRES), metadata=None, announced=False)
    case.sync(SIX)
    case.upstream.forget()
    (row,) = case.sync(ATTRS).of(Action.REPORT)
    assert row.details == ("no longer: drop Requires-Dist: six", "now: drop Requires-Dist: attrs>=22")
    assert case.upstream.downloads() == []


def test_what_cannot_be_compared_is_in_doubt_and_never_taken_for_unchanged(case: Case) -> None:
    case.sync(SIX)
    before = case.files[NAME]
    case.upstream.fail("/demo-1.0", status=404)
    (row,) = case.sync(SIX, rule("other", "numpy")).of(Action.REPORT)
    assert row.code == "rules-changed"
    assert "or not: " in row.reason
    assert case.files[NAME] == before
    case.upstream.failures.clear()
    assert not case.sync(SIX, rule("other", "numpy")).of(Action.REPORT)


@pytest.mark.parametrize("policy", CHANGING)
def test_rules_that_change_more_than_metadata_are_compared_by_what_they_would_do(case: Case, policy: OnRulesChange) -> None:
    case.policy = policy
    remove = '[[rule]]\nid = "file"\nreason = "a test"\naction = {remove-file = "demo/version.py"}\n'
    case.sync(SIX, remove)
    assert "remove-payload-file demo/version.py" in changes(case.files[NAME])
    case.upstream.forget()
    plan = case.sync(SIX, remove, rule("other", "numpy"))  # which makes no difference
    assert {each.action for each in plan.files} == {Action.KEEP}
    assert case.upstream.downloads() == []
    (row,) = case.sync(SIX).of(case.action)
    assert row.details == ("no longer: remove-payload-file demo/version.py",)
    (name,) = case.served()
    assert drops(case.files[name]) == ["drop Requires-Dist: six"]
    assert "remove-payload-file demo/version.py" not in changes(case.files[name])


def test_a_local_version_that_is_taken_away_stays_away(case: Case) -> None:
    case.policy, case.local = OnRulesChange.BUILD_TAG, Local.STRIP
    for tags in (LINUX, MAC):
        local = "+cpu" if tags == LINUX else ""
        case.upstream.add(WheelSpec(version=f"4.0{local}", tags=tags, requires=REQUIRES))
    case.sync(SIX)
    plan = case.sync(ATTRS)
    assert len([each for each in plan.of(case.action) if each.version == "4.0"]) == 2
    served = [each for each in case.served() if "-4.0-" in each]
    new = tag(case, 1, ATTRS)
    assert sorted(served) == sorted(f"demo-4.0-{new}-{tags}.whl" for tags in (LINUX, MAC))
    assert not case.sync(ATTRS).changes


def test_locked_files_are_served_as_they_are_and_reported(case: Case) -> None:
    case.locked = (case.upstream.file(NAME).sha256,)
    for case.policy in (OnRulesChange.REPORT, OnRulesChange.REPLACE):
        (row,) = case.sync(SIX).of(Action.REPORT)
        assert (row.code, row.details) == ("lock-hash-changes", ("now: drop Requires-Dist: six",))
        assert row.reason.startswith("requirements.txt names it: it is served")
        assert case.files[NAME].sha256 == case.upstream.file(NAME).sha256
        assert case.files[NAME].checked_by is None
    plan = case.sync(rule("none", "numpy"))
    assert not plan.changes
    assert not plan.of(Action.REPORT)
    assert case.files[NAME].checked_by is None


def test_in_place_rules_that_change_nothing_any_more_serve_the_original(case: Case) -> None:
    case.policy = OnRulesChange.REPLACE
    case.sync(SIX)
    old = case.files[NAME]
    case.sync(rule("none", "numpy"))
    assert case.problems() == []
    assert case.files[NAME].sha256 == case.upstream.file(NAME).sha256 == old.original_sha256
    assert not case.sync(rule("none", "numpy")).changes
    case.sync(SIX)
    assert case.files[NAME].sha256 == old.sha256


def test_locked_files_have_their_correction_beside_them_under_a_build_tag(case: Case) -> None:
    case.locked, case.policy = (case.upstream.file(NAME).sha256,), OnRulesChange.BUILD_TAG
    (row,) = case.sync(SIX).of(case.action)
    assert row.code == "lock-hash-changes"
    assert case.served() == [tagged(case, 1, SIX)]
    assert case.files[NAME].sha256 == case.upstream.file(NAME).sha256
    assert case.files[NAME].is_superseded
    page = load_page(case.store, "demo")
    plan = case.sync(SIX)
    assert not plan.changes
    assert load_page(case.store, "demo") == page
    case.sync(rule("none", "numpy"))
    assert case.served() == [NAME]


def test_a_correction_that_a_lock_names_is_never_replaced(case: Case) -> None:
    case.policy = OnRulesChange.REPLACE
    case.sync(SIX)
    before = case.files[NAME]
    case.locked = (before.sha256,)
    (row,) = case.sync(ATTRS).of(Action.REPORT)
    assert row.code == "lock-hash-changes"
    assert case.files[NAME] == before
    case.policy = OnRulesChange.BUILD_TAG
    case.sync(ATTRS)
    assert case.files[NAME].sha256 == before.sha256
    assert case.served() == [tagged(case, 1, ATTRS)]


@pytest.mark.parametrize("policy", CHANGING)
def test_a_local_version_that_is_to_be_taken_away_by_now_is_a_change(case: Case, policy: OnRulesChange) -> None:
    case.policy = policy
    case.upstream.add(WheelSpec(version="4.0+cpu", tags=LINUX, requires=REQUIRES))
    case.sync(SIX)
    case.local = Local.STRIP
    (row,) = [each for each in case.sync(SIX).of(case.action) if each.version == "4.0+cpu"]
    assert row.details == (f"now: rename-wheel to demo-4.0-{LINUX}.whl",)
    (name,) = [each for each in case.served() if "-4.0" in each]
    assert "+cpu" not in name
    assert case.files[f"demo-4.0+cpu-{LINUX}.whl"].is_superseded
    assert not case.sync(SIX).changes


def test_repairs_that_are_to_be_made_by_now_are_not_taken_for_made(case: Case) -> None:
    case.sync(SIX)
    case.repair = True
    (row,) = case.sync(SIX).of(Action.REPORT)
    assert "whether wheels are repaired" in row.reason
    case.policy = OnRulesChange.REPLACE
    case.sync(SIX)
    assert case.files[NAME].checked_by == case.identity(SIX)
    assert not case.sync(SIX).of(Action.REPORT, Action.REPLACE, Action.SUPERSEDE)


def test_an_old_correction_and_its_successor_are_kept_yanked_and_removed_as_one(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.policy = OnRulesChange.BUILD_TAG
    case.upstream.add(WheelSpec(version="2.0", requires=REQUIRES))
    case.sync(SIX)
    case.sync(ATTRS)
    names = {NAME, tagged(case, 1, ATTRS)}
    month = 31 * 24 * 3600
    for since, left in ((0, names), (month - 1 - 24 * 3600, names), (month, set())):
        case.projects = ("demo>=2",)
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(1767225600 + 2 * month + since))
        case.sync(ATTRS)
        assert names & case.files.keys() == left
    assert not case.sync(ATTRS).changes


def test_what_fits_again_is_served_as_it_was_corrected_last(case: Case) -> None:
    case.policy = OnRulesChange.BUILD_TAG
    case.upstream.add(WheelSpec(version="2.0", requires=REQUIRES))
    case.sync(SIX)
    case.sync(ATTRS)
    served = case.served()
    case.projects = ("demo>=2",)
    case.sync(ATTRS)
    assert len(case.served()) == 1
    case.projects = ("demo",)
    case.sync(ATTRS)
    assert case.served() == served
    assert case.files[NAME].is_superseded


def test_an_upstream_yank_and_its_end_hold_for_the_file_that_is_served(case: Case) -> None:
    case.policy = OnRulesChange.BUILD_TAG
    other = case.upstream.add(WheelSpec(version="2.0", requires=("six",))).name
    case.sync(rule("none", "numpy"))
    case.sync(ATTRS)
    case.upstream.yank(NAME, "broken")
    case.sync(ATTRS)
    assert case.served() == [other]
    case.sync(ATTRS, rule("requests", "requests"))  # what new resolutions avoid is not corrected anew
    assert len(case.files) == 3
    case.upstream.unyank(NAME)
    case.sync(ATTRS)
    assert case.served() == [tagged(case, 1, ATTRS), other]
    assert case.files[NAME].is_superseded


def test_rules_that_copy_from_other_wheels_are_compared_by_what_these_say(case: Case) -> None:
    case.policy = OnRulesChange.BUILD_TAG
    case.upstream.add(WheelSpec(version="3.0", tags=LINUX, requires=("requests", "six")))
    case.upstream.add(WheelSpec(version="3.0", tags=MAC, requires=("requests",)))
    copy = (
        '[[rule]]\nid = "copy"\nreason = "a test"\nwhen = {version = "==3.0"}\n'
        'action = {copy-from = {platform = "manylinux*", fields = ["Requires-Dist"]}}\n'
    )
    case.sync(copy)
    name = f"demo-3.0-{MAC}.whl"
    assert changes(case.files[name]) == ("copy-from Requires-Dist: six",)
    case.upstream.forget()
    plan = case.sync(copy, rule("other", "numpy"))
    assert {each.action for each in plan.files} == {Action.KEEP}
    assert case.upstream.downloads() == []
    plan = case.sync(copy, rule("one", "six", 'when = {version = "==3.0"}'))
    assert sorted(each.filename for each in plan.of(case.action)) == sorted([f"demo-3.0-{LINUX}.whl", name])
    assert not case.problems()


@pytest.mark.parametrize("name", ["1x", None])
def test_what_the_index_has_corrected_itself_is_one_file_with_what_is_made_of_it_here(case: Case, name: str | None) -> None:
    """The index is a mirror of ours: its file has an original that it does not list."""
    rules = case.folder / "six.toml"
    rules.write_text(f"schema = 1\n{SIX}")
    original = case.folder / NAME
    original.write_bytes(case.upstream.file(NAME).data)
    done = fix_wheels(original, str(rules), output=case.folder / "fixed", naming=Naming(build_tag=name)).outcomes[0]
    case.upstream.remove(NAME)
    with Wheel(Path(str(done.output))) as wheel:
        found = case.upstream.put(
            "demo", File(name=str(wheel.filename), data=wheel.path.read_bytes(), metadata=wheel.read("METADATA"))
        )
    for rule_of_ours in (rule("none", "numpy"), ATTRS):
        case.store = open_store(case.folder / rule_of_ours[15:20], create=True)
        case.sync(rule_of_ours)
        assert case.served() == [found.name]
        assert "attrs" in (drops(case.files[found.name])[-1]) or rule_of_ours != ATTRS
        case.upstream.forget()
        assert not case.sync(rule_of_ours).changes
        assert case.served() == [found.name]
        assert case.upstream.downloads() == []
    newer = case.upstream.add(WheelSpec(version="2.0", requires=REQUIRES)).name
    case.upstream.yank(found.name, "broken")
    case.sync(ATTRS)
    assert case.served() == [newer]


def test_a_page_on_which_somebody_gave_a_file_another_name_is_no_reason_to_fail(tmp_path: Path) -> None:
    with pypi() as upstream:
        upstream.add(WheelSpec(requires=REQUIRES))
        case = Case(upstream, tmp_path)
        case.sync(SIX)
        page = tmp_path / "mirror" / "public" / "simple" / "demo" / "index.json"
        page.write_text(page.read_text().replace(NAME, "demo.whl"))
        (row,) = case.sync(ATTRS).of(Action.REPORT)
        assert (row.filename, row.code) == ("demo.whl", "rules-changed")


def test_rules_that_are_withdrawn_leave_a_mirror_without_findings(case: Case) -> None:
    case.policy = OnRulesChange.BUILD_TAG
    case.upstream.add(WheelSpec(project="demo", version="1.0", requires=REQUIRES))
    case.sync()
    case.sync(SIX)
    assert len(case.served()) == 1
    case.sync()
    assert case.served() == ["demo-1.0-py3-none-any.whl"]
    assert len(case.files) == 2
    assert not check_mirror(case.store).findings


def test_a_build_tag_outranks_what_comes_in_the_same_run(case: Case) -> None:
    """A lock names one wheel of a release with build tags; the others come with it."""
    case.policy = OnRulesChange.BUILD_TAG
    names = ["demo-1.0-5-py3-none-any.whl", f"demo-1.0-7-{LINUX}.whl"]
    for name in names:
        tags = name.removesuffix(".whl").split("-", 3)[3]
        data = build_wheel(WheelSpec(project="demo", version="1.0", requires=(*REQUIRES, "zope"), tags=tags))
        case.upstream.put("demo", File(name=name, data=data, uploaded="2025-01-01T00:00:00Z"))
    case.locked = (case.upstream.file(names[0]).sha256,)
    case.sync(SIX)
    assert case.problems() == []
    (new,) = (each for each in case.files if "rules" in each)
    assert new.startswith("demo-1.0-8rules")
    assert not case.sync(SIX).changes


@pytest.mark.parametrize("policy", [OnRulesChange.BUILD_TAG, OnRulesChange.REPLACE])
def test_an_old_correction_that_a_person_unyanks_is_not_corrected_for_ever(case: Case, policy: OnRulesChange) -> None:
    case.policy, case.local, case.projects = policy, Local.STRIP, ("demo==1.0+cpu",)
    case.upstream.add(WheelSpec(project="demo", version="1.0+cpu", requires=REQUIRES))
    case.sync(SIX)
    case.local = Local.KEEP
    case.sync(SIX)
    assert len(case.files) == 2
    unyank_files(case.store, "demo-1.0-py3-none-any.whl")
    assert len(case.served()) == 2
    for _ in range(2):
        plan = case.sync(SIX)
        assert ([each.action for each in plan.files], plan.changes, case.published) == ([Action.KEEP] * 2, False, ())
