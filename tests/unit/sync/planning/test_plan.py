"""Plans, from what is wanted and what pages list: which listed file stands for which wanted one, and what locks protect."""

import hashlib
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace
from pypi_simple import DistributionPackage, ProjectPage, ProjectStatus

from counting import count_calls
from wheelfix.errors import MirrorError
from wheelfix.mirror.layout import file_key, url_of
from wheelfix.mirror.pages import BY_MIRROR, BY_SYNC, SUPERSEDED, ListedFile, Origin, Page
from wheelfix.results import Problem
from wheelfix.sync.choice.choose import Choice
from wheelfix.sync.choice.releases import TOO_YOUNG
from wheelfix.sync.manifest.model import Local, Manifest, Source
from wheelfix.sync.model import Action, PlannedFile, Reason, SourceProblem, SyncPlan, WantedFile
from wheelfix.sync.planning.converge import _page_after
from wheelfix.sync.planning.guards import refuse_removals
from wheelfix.sync.planning.plan import Situation, Steps, make_plan
from wheelfix.upstream.client import ServedPage
from wheelfix.upstream.urls import name_of_index

NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
TIME: Final = "2026-01-01T00:00:00.000000Z"
INDEX: Final = "https://index.example.org/simple/"
MAIN: Final = Source(name="main", index=INDEX, projects=("demo",))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def name_of(version: str, build: str = "") -> str:
    return f"demo-{version}{f'-{build}' if build else ''}-py3-none-any.whl"


def listed(version: str, *, build: str = "", original: str = "", **settings: Any) -> ListedFile:
    """Return a file of the mirror: the one of the index, or a correction of that with another sha256."""
    filename, sha256 = name_of(version, build), sha(original or version)
    origin = Origin(name_of(version), sha(version), "1") if original else None
    return ListedFile(
        filename=filename, url=url_of(file_key("demo", filename, sha256)), sha256=sha256, size=1, upload_time=TIME,
        upstream=name_of_index(INDEX), upstream_time=TIME, added=TIME, origin=origin, **{"source": "main", **settings},
    )  # fmt: skip


def package(version: str, sha256: str | None = None, **settings: Any) -> DistributionPackage:
    digests = {"sha256": sha(version) if sha256 is None else sha256}
    return DistributionPackage(
        filename=name_of(version), project="demo", version=version, package_type="wheel", url=f"{INDEX}{name_of(version)}",
        digests={key: value for key, value in digests.items() if value}, requires_python=None, has_sig=None,
        **{"size": 1, "upload_time": datetime(2026, 1, 1, tzinfo=UTC), **settings},
    )  # fmt: skip


def wanted(version: str, *, source: Source = MAIN, reason: Reason = Reason.CHOSEN, **settings: Any) -> WantedFile:
    return WantedFile(source=source, project="demo", version=version, file=package(version, **settings), reason=reason)


def served(*packages: DistributionPackage) -> ServedPage:
    return ServedPage(f"{INDEX}demo/", "json", ProjectPage("demo", list(packages), "1.4", None))


def plan(
    choice: Iterable[WantedFile] | Choice,
    files: Iterable[ListedFile],
    *,
    index: ServedPage | None = None,
    now: datetime = NOW,
    sources: tuple[Source, ...] = (MAIN,),
    past: tuple[ListedFile, ...] = (),
    **manifest: Any,
) -> Steps:
    chosen = choice if isinstance(choice, Choice) else Choice(tuple(choice))
    page = Page("demo", past=past).with_files(files)
    return make_plan(
        Situation(
            manifest=Manifest(path=Path("mirror.toml"), store="", sources=sources, **manifest), choice=chosen,
            pages={"demo": page} if page.files else {}, indexes={} if index is None else {(INDEX, "demo"): index}, now=now,
        )
    )  # fmt: skip


def actions(steps: Steps) -> list[tuple[str, str]]:
    return [(each.action.value, each.filename) for each in steps.plan.files]


def test_what_is_there_as_it_came_or_corrected_is_kept() -> None:
    steps = plan([wanted("1.0"), wanted("2.0")], [listed("1.0"), listed("2.0", original="fixed")])
    assert actions(steps) == [("keep", name_of("1.0")), ("keep", name_of("2.0"))]
    assert steps.changes == {}
    assert not steps.plan.changes


def test_several_corrections_stand_for_one_wanted_file_and_a_superseded_one_stays_so() -> None:
    old = listed("1.0", original="old", yanked=SUPERSEDED, yanked_by=BY_SYNC, yanked_at=TIME)
    steps = plan([wanted("1.0")], [old, listed("1.0", build="1rules", original="new")])
    assert actions(steps) == [("keep", name_of("1.0", "1rules")), ("keep", name_of("1.0"))]
    assert steps.changes == {}


def test_a_file_without_a_sum_upstream_is_known_by_its_name_and_index() -> None:
    steps = plan([wanted("1.0", sha256="")], [listed("1.0", original="fixed")])
    assert actions(steps) == [("keep", name_of("1.0"))]
    other = replace(listed("1.0"), upstream="https://another.example.org/simple/")
    assert [each.code for each in plan([wanted("1.0", sha256="")], [other]).plan.of(Action.REPORT)] == ["name-taken"]


def test_what_a_lock_names_is_there_only_as_it_came() -> None:
    locked = wanted("1.0", reason=Reason.LOCKED)
    assert actions(plan([locked], [listed("1.0")])) == [("keep", name_of("1.0"))]
    (row,) = plan([locked], [listed("1.0", original="fixed")]).plan.of(Action.REPORT)
    assert (row.code, row.why) == ("lock-hash-changes", Reason.LOCKED)
    steps = plan([locked], [listed("1.0", build="1rules", original="fixed")])
    assert actions(steps) == [("keep", name_of("1.0", "1rules")), ("add", name_of("1.0"))]


def test_what_is_chosen_and_locked_is_served_as_the_lock_says() -> None:
    steps = plan([wanted("1.0"), wanted("1.0", reason=Reason.LOCKED)], [])
    assert [each.reason for each in steps.add] == [Reason.LOCKED]


def test_a_correction_that_a_lock_names_is_neither_yanked_nor_removed() -> None:
    """A lock that was made from this mirror names a sha256 that no index has."""
    file = listed("1.0", original="fixed")
    choice = Choice(locked=frozenset({file.sha256}))
    assert plan(choice, [file]).changes == {}
    yanked = replace(file, yanked="removed upstream", yanked_by="upstream", yanked_at=TIME)
    steps = plan(choice, [yanked], index=served(package("9.0")), now=NOW + timedelta(days=1000))
    assert actions(steps) == [("keep", file.filename)]
    assert actions(plan([], [yanked], index=served(package("9.0")))) == [("remove", file.filename)]


def test_a_locked_file_that_its_index_removes_is_yanked_for_that() -> None:
    file = listed("1.0")
    steps = plan(Choice(locked=frozenset({file.sha256})), [file], index=served(package("9.0")))
    assert actions(steps) == [("yank", file.filename)]
    assert steps.changes["demo"][0].after is not None
    assert steps.changes["demo"][0].after.yanked == "removed upstream"


def test_an_index_that_lists_nothing_removes_nothing() -> None:
    """Unless it says that this is meant: it may be broken, or be asked without the right credentials."""
    steps = plan([], [listed("1.0")], index=served())
    assert steps.changes == {}
    assert "no files at all" in steps.plan.files[0].reason
    page = ProjectPage("demo", [], "1.4", None, status=ProjectStatus.QUARANTINED)
    assert actions(plan([], [listed("1.0")], index=ServedPage(f"{INDEX}demo/", "json", page))) == [("yank", name_of("1.0"))]


def test_what_waits_is_not_yanked_and_is_no_row_of_its_own_where_it_is_there() -> None:
    rows = [
        PlannedFile(
            action=Action.WAIT, project="demo", version=each, filename=name_of(each), source="main", sha256=sha(each),
            code=TOO_YOUNG,
        )
        for each in ("1.0", "2.0")
    ]  # fmt: skip
    steps = plan(Choice(waiting=tuple(rows)), [listed("1.0")])
    assert actions(steps) == [("keep", name_of("1.0")), ("wait", name_of("2.0"))]
    assert "younger than min-age" in steps.plan.files[0].reason


def test_a_file_that_the_index_lists_and_that_cannot_be_had_is_not_yanked() -> None:
    problem = Problem("no-hash", "the index has no sha256 of it", "")
    row = PlannedFile(
        action=Action.REPORT, project="demo", version="1.0", filename=name_of("1.0"), source="main", problem=problem
    )  # fmt: skip
    steps = plan(Choice(reported=(row,)), [listed("1.0", original="fixed")])
    assert actions(steps)[0] == ("keep", name_of("1.0"))
    assert steps.changes == {}


def test_with_dependencies_nothing_is_yanked_while_anything_is_wrong() -> None:
    """What requires a file may be what could not be looked at."""
    problem = SourceProblem("other", "six", Problem("no-answer", "it does not answer", ""))
    for dependencies, action in ((True, "keep"), (False, "yank")):
        steps = plan(Choice(problems=(problem,)), [listed("1.0")], dependencies=dependencies)
        assert actions(steps) == [(action, name_of("1.0"))]


def test_a_problem_of_a_whole_source_holds_all_of_its_files() -> None:
    problem = SourceProblem("main", None, Problem("no-answer", "it does not answer", ""))
    assert plan(Choice(problems=(problem,)), [listed("1.0")]).changes == {}


def test_half_a_page_of_html_takes_nothing() -> None:
    half = ServedPage(f"{INDEX}demo/", "html", ProjectPage("demo", [package("2.0")], None, None), complete=False)
    steps = plan([wanted("2.0")], [listed("1.0"), listed("2.0")], index=half)
    assert steps.changes == {}
    assert "may be cut off" in steps.plan.files[0].reason


def test_a_name_under_another_spelling_is_taken() -> None:
    own = replace(listed("1.0"), filename="Demo-1.0.0-py3-none-any.whl", sha256=sha("own"), source=None)
    assert [each.code for each in plan([wanted("1.0")], [own]).plan.of(Action.REPORT)] == ["name-taken"]


def test_a_name_that_a_wheel_will_have_without_its_local_version_is_taken() -> None:
    strip = Source(name="main", index=INDEX, projects=("demo",), local=Local.STRIP)
    steps = plan([wanted("1.0+cpu", source=strip), wanted("1.0", source=strip)], [])
    assert actions(steps) == [("add", name_of("1.0+cpu")), ("report", name_of("1.0"))]
    own = replace(listed("1.0"), source=None, sha256=sha("own"))
    assert [each.code for each in plan([wanted("1.0+cpu", source=strip)], [own]).plan.of(Action.REPORT)] == ["name-taken"]


def test_a_build_tag_of_thousands_of_digits_is_data() -> None:
    file = replace(listed("1.0"), filename=name_of("1.0", "9" * 5000))
    assert actions(plan([wanted("1.0")], [file])) == [("keep", file.filename)]


def test_a_decision_of_a_person_stays() -> None:
    for file in (
        replace(listed("1.0"), yanked="no", yanked_by=BY_MIRROR),
        replace(listed("1.0"), yanked_by=BY_MIRROR),
        replace(listed("1.0"), yanked="of an old mirror"),
    ):
        for choice in ([], [wanted("1.0")], [wanted("1.0", is_yanked=True, yanked_reason="broken")]):
            after = [each.after for each in plan(choice, [file], now=NOW + timedelta(days=999)).changes.get("demo", ())]
            assert after == []


def test_replaced_files_go_with_the_file_that_took_their_place_except_for_those_of_locks_and_persons() -> None:
    past = (
        listed("1.0", original="before"), replace(listed("1.0", original="locked")),
        replace(listed("1.0", original="own"), source=None), listed("2.0", original="another"),
    )  # fmt: skip
    gone = replace(listed("1.0", original="now"), yanked="x", yanked_by=BY_SYNC, yanked_at=TIME)
    steps = plan([wanted("2.0")], [gone, listed("2.0")], past=past)
    assert actions(steps)[0] == ("remove", name_of("1.0"))
    page = Page("demo", (gone, listed("2.0")), past)
    changes = {each.before.filename: each for each in steps.changes["demo"]}
    after = _page_after(changes, None, frozenset({sha("locked")}), page)
    assert after is not None
    assert [each.sha256 for each in after.past] == [sha("locked"), sha("own"), sha("another")]
    assert [each.filename for each in after.files] == [name_of("2.0")]


def test_what_somebody_changed_since_the_plan_was_made_stays() -> None:
    steps = plan([], [listed("1.0")])
    changes = {each.before.filename: each for each in steps.changes["demo"]}
    changed = replace(listed("1.0"), yanked="meanwhile", yanked_by=BY_MIRROR)
    assert _page_after(changes, None, frozenset(), Page("demo", (changed,))) == Page("demo", (changed,))


def many(count: int) -> tuple[list[WantedFile], list[ListedFile], ServedPage]:
    versions = [f"{each}.0" for each in range(count)]
    return [wanted(each) for each in versions[::2]], list(map(listed, versions)), served(*map(package, versions))


def test_the_work_of_a_plan_grows_as_its_files_do() -> None:
    counts = []
    for count in (500, 2000):
        choice, files, index = many(count)
        plan(choice, files, index=index)  # what is parsed once is kept
        counts.append(count_calls(lambda choice=choice, files=files, index=index: plan(choice, files, index=index)))  # type: ignore[misc]
    assert counts[1] < 5 * counts[0]


@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_plan_takes_some_kilobytes_for_each_file(count: int) -> None:
    choice, files, index = many(count)
    page = Page("demo").with_files(files)
    situation = Situation(
        manifest=Manifest(path=Path("mirror.toml"), store="", sources=(MAIN,)), choice=Choice(tuple(choice)),
        pages={"demo": page}, indexes={(INDEX, "demo"): index}, now=NOW,
    )  # fmt: skip
    make_plan(situation)
    tracemalloc.start()
    try:
        steps = make_plan(situation)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(steps.plan.of(Action.YANK)) == count // 2
    assert peak < count * 3000


def guard(*rows: tuple[Action, str, bool], served_files: int, emptied: tuple[str, ...] = ()) -> None:
    files = tuple(
        PlannedFile(action=action, project="demo", version=version, filename=name_of(version), yanked=yanked)
        for action, version, yanked in rows
    )
    refuse_removals(SyncPlan(files=files, served=served_files, emptied=emptied))


def test_a_third_may_go_and_no_more() -> None:
    guard((Action.YANK, "1.0", False), served_files=3)
    with pytest.raises(MirrorError, match="more than a third"):
        guard((Action.YANK, "1.0", False), (Action.REMOVE, "2.0", False), served_files=5)
    guard((Action.YANK, "1.0", False), (Action.REMOVE, "2.0", True), served_files=5)  # the second was yanked before


def test_releases_that_make_room_for_as_many_others_do_not_count() -> None:
    guard((Action.YANK, "1.0", False), (Action.ADD, "2.0", False), served_files=1)
    with pytest.raises(MirrorError):
        guard((Action.YANK, "1.0", False), (Action.YANK, "1.1", False), (Action.ADD, "2.0", False), served_files=2)


def test_a_source_of_which_nothing_would_be_left_stops_the_run() -> None:
    with pytest.raises(MirrorError, match="nothing would be left of source main"):
        guard((Action.YANK, "1.0", False), served_files=100, emptied=("main",))
