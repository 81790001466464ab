"""Random histories of rules, of what the manifest does about them, and of locks: what a mirror serves follows from them."""

import hashlib
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from building import WheelSpec
from stores import MemoryStore, Objects
from upstreams import Upstream, pypi
from wheelfix.executors import Workers
from wheelfix.mirror.pages import Page
from wheelfix.mirror.publish import loaded
from wheelfix.mirror.repository import load_page
from wheelfix.options import Limits
from wheelfix.progress import NO_PROGRESS
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.manifest.model import Manifest, OnRulesChange, Source
from wheelfix.sync.model import SyncReport
from wheelfix.sync.run import Run

pytestmark = pytest.mark.slow
TAGS: Final = ("cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-macosx_11_0_arm64")
NAMES: Final = ("six", "attrs", "numpy")
Step = tuple[frozenset[str], OnRulesChange, bool]
"""Which requirements are dropped, what is done about files that were corrected otherwise, and whether a lock is there."""

steps = st.lists(
    st.tuples(st.frozensets(st.sampled_from(NAMES)), st.sampled_from(OnRulesChange), st.booleans()), min_size=2, max_size=4
)


def synced(upstream: Upstream, folder: Path, store: MemoryStore, step: Step) -> tuple[Page, bool]:
    """Do a sync; return the page then, and whether it had anything to do."""
    dropped, policy, is_locked = step
    rules = folder / f"{'-'.join(sorted(dropped))}.toml"
    rule = '[[rule]]\nid = "{0}"\nreason = "a test"\nmatch = "{0}"\naction = "drop"\n'
    rules.write_text("schema = 1\n" + "".join(map(rule.format, sorted(dropped))))
    lock = folder / "requirements.txt"
    sums = " ".join(f"--hash=sha256:{each.sha256}" for each in upstream.projects["demo"].values())
    lock.write_text(f"demo==1.0 {sums}\n")
    sources = [Source(name="main", index=upstream.index, projects=("demo",))]
    if is_locked:
        sources.append(Source(name="locked", index=upstream.index, locks=(lock,)))
    manifest = Manifest(
        path=folder / "mirror.toml", store="", sources=tuple(sources), rules=(str(rules),), on_rules_change=policy
    )
    upstreams = Upstreams(store.scratch(), Limits(), NO_PROGRESS)
    run = Run(store, manifest, loaded(manifest.rules), upstreams, Limits(), NO_PROGRESS)
    planned = run.plan()
    assert not planned.plan.problems
    report = run.do(planned, Workers(), SyncReport(manifest="", mirror=store.location, plan=planned.plan))
    problems = {each.problem.code for each in report.files if each.problem}
    if is_locked and policy is OnRulesChange.REPLACE:  # the lock can hold one wheel of a release, and not the other
        problems -= {"mixed-release"}
    assert problems == set()
    return load_page(store, "demo"), planned.plan.changes


def requirements(store: MemoryStore, page: Page, name: str) -> set[str]:
    file = next(each for each in page.files if each.filename == name)
    stored = store.read(f"{page.key(file)}.metadata")
    assert stored is not None
    assert hashlib.sha256(stored.data).hexdigest() == file.metadata_sha256
    lines = stored.data.decode().splitlines()
    return {each.removeprefix("Requires-Dist: ") for each in lines if each.startswith("Requires-Dist: ")}


@given(history=steps)
@settings(max_examples=15, deadline=None)
def test_what_is_served_follows_from_the_rules_and_no_hash_is_lost(
    tmp_path_factory: pytest.TempPathFactory, history: list[Step]
) -> None:
    with pypi() as upstream:
        for tags in TAGS:  # numpy is required on one platform only
            more = ("numpy",) if "linux" in tags else ()
            upstream.add(WheelSpec(tags=tags, requires=("six", "attrs", *more)))
        check(upstream, tmp_path_factory.mktemp("history"), history)


def check(upstream: Upstream, folder: Path, history: list[Step]) -> None:
    store = MemoryStore(folder / "scratch", Objects())
    hashes = set[str]()
    for step in history:
        page, _ = synced(upstream, folder, store, step)
        again, has_changes = synced(upstream, folder, store, step)
        assert not has_changes or (step[1] is OnRulesChange.REPLACE and step[2])
        assert replace(again, stored=None) == replace(page, stored=None)  # twice is once
        served = [each for each in page.files if each.yanked is None]
        assert sorted(each.original_sha256 for each in served) == sorted(
            each.sha256 for each in upstream.projects["demo"].values()
        )  # each original is served once
        known = {each.sha256 for each in (*page.files, *page.past)}
        assert hashes <= known
        hashes |= known
        for each in (*page.files, *page.past):
            assert store.head(page.key(each) or "") is not None
        dropped, policy, is_locked = step
        if policy is OnRulesChange.BUILD_TAG or (policy is OnRulesChange.REPLACE and not is_locked):
            for each in served:
                left = {"six", "attrs", *(("numpy",) if "linux" in each.filename else ())}
                assert requirements(store, page, each.filename) == left - dropped
