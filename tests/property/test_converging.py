"""Whatever happens upstream and to the manifest: a mirror is what its history says, and a second sync changes nothing."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from building import WheelSpec
from stores import MemoryStore, Objects
from syncing import Mirror, pages_of
from thorough import examples
from upstreams import File, Upstream, pypi

VERSIONS: Final = ("1.0", "2.0", "3.0", "4.0")
PRUNE_AFTER: Final = 30
"""In days, which is the default."""


class Step(NamedTuple):
    """What happens to a version upstream, how many days pass, and what the manifest says then."""

    what: str
    version: str
    days: int
    floor: str
    keep: int | None


steps = st.lists(
    st.builds(
        Step, st.sampled_from(["add", "yank", "unyank", "remove", "nothing"]), st.sampled_from(VERSIONS),
        st.sampled_from([0, 1, 20, 40]), st.sampled_from(VERSIONS), st.sampled_from([1, 2, None]),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


class Model:
    """What a mirror lists by what happened, said anew: on which day each version was yanked, ``None`` if it is not."""

    def __init__(self) -> None:
        self.listed: dict[str, int | None] = {}

    def sync(self, upstream: dict[str, bool], step: Step, today: int) -> None:
        """Take the ``upstream``, which says of each version whether it is yanked."""
        fitting = [version for version, is_yanked in upstream.items() if not is_yanked and version >= step.floor]
        wanted = sorted(fitting, reverse=True)[: step.keep]
        self.listed |= dict.fromkeys(wanted)
        for version, since in list(self.listed.items()):
            if version in wanted:
                continue
            is_decided_upstream = upstream.get(version, True)
            if since is None and (fitting or is_decided_upstream):
                self.listed[version] = today
            elif since is not None and fitting and today - since >= PRUNE_AFTER:
                del self.listed[version]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with pypi() as found:
        yield found


def happen(upstream: Upstream, files: dict[str, File], step: Step) -> None:
    there = upstream.projects["demo"]
    file = files[step.version]
    if step.what == "add":
        upstream.put("demo", file)
    elif step.what == "remove" and len(there) > 1:
        upstream.remove(file.name)
    elif file.name in there and step.what in ("yank", "unyank"):
        upstream.yank(file.name, "broken") if step.what == "yank" else upstream.unyank(file.name)


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=steps)
def test_pages_follow_from_the_history_and_twice_is_once(
    history: list[Step], upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> None:
    upstream.projects.clear()
    files = {version: upstream.add(WheelSpec(project="demo", version=version)) for version in VERSIONS}
    upstream.projects["demo"] = {files["1.0"].name: files["1.0"]}
    folder = tmp_path_factory.mktemp("mirror")
    with pytest.MonkeyPatch.context() as patch:
        mirror = Mirror(folder, upstream, patch, MemoryStore(folder / "scratch", Objects()))
        check(mirror, files, history)


def check(mirror: Mirror, files: dict[str, File], history: list[Step]) -> None:
    model, today = Model(), 0
    for step in history:
        happen(mirror.upstream, files, step)
        mirror.pass_days(step.days)
        today += step.days
        manifest = mirror.manifest(f"demo>={step.floor}", keep=step.keep)
        mirror.sync(manifest, allow_removals=True)
        there = {each.version: each.yanked is not None for each in mirror.upstream.projects["demo"].values()}
        model.sync(there, step, today)
        found = {each.version: each.yanked is not None for each in mirror.page().files}
        assert found == {version: since is not None for version, since in model.listed.items()}
        before = pages_of(mirror.store)
        again = mirror.sync(manifest, allow_removals=True)
        assert not again.plan.changes
        assert again.files == ()
        assert pages_of(mirror.store) == before
