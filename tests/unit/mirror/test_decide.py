"""What a page lists already decides whether a wheel can be listed."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from wheelfix.errors import MirrorError
from wheelfix.mirror.decide import NewWheel, accept
from wheelfix.mirror.draft import Draft
from wheelfix.mirror.follow import UpstreamFile
from wheelfix.mirror.json import page_json, read_page
from wheelfix.mirror.pages import ListedFile, Origin, Page
from wheelfix.results import PublishStatus

NAME = "demo_x-1.0-py3-none-any.whl"
OLD, NEW, FIRST = "a" * 64, "b" * 64, "c" * 64


def listed(filename: str = NAME, sha256: str = OLD, **values: object) -> ListedFile:
    url = f"../../files/demo-x/{sha256[:16]}/{filename}"
    known: dict[str, object] = {"size": 5, "upload_time": "2026-11-24T00:00:00.000000Z", **values}
    return ListedFile(filename=filename, url=url, sha256=sha256, **known)  # type: ignore[arg-type]


WHEEL = NewWheel(path=Path(NAME))
PAGE = Page("demo-x", (listed(checked_by="1", other={"x": 1}),))


def test_a_wheel_that_is_not_listed_is_added() -> None:
    accepted = accept(Draft(PAGE), listed("demo_x-2.0-py3-none-any.whl", NEW), replace(WHEEL, rules="2"))
    assert (accepted.status, accepted.file.checked_by, accepted.notes) == (PublishStatus.ADDED, "2", ())


@pytest.mark.parametrize(("rules", "checked_by"), [(None, "1"), ("2", "2")])
def test_the_same_bytes_keep_what_the_page_knows(rules: str | None, checked_by: str) -> None:
    accepted = accept(Draft(PAGE), listed(upload_time="later"), replace(WHEEL, rules=rules))
    assert accepted.status is PublishStatus.UNCHANGED
    assert accepted.file == replace(PAGE.files[0], checked_by=checked_by)


def test_other_bytes_are_refused_unless_they_are_to_replace() -> None:
    with pytest.raises(MirrorError) as caught:
        accept(Draft(PAGE), listed(sha256=NEW), WHEEL)
    assert caught.value.code == "name-taken"
    accepted = accept(Draft(PAGE), listed(sha256=NEW), WHEEL, replaces=True)
    assert (accepted.status, accepted.file.checked_by, accepted.file.yanked) == (PublishStatus.REPLACED, None, None)
    assert any("uv cache clean demo-x" in note for note in accepted.notes)


@pytest.mark.parametrize("replaces", [False, True])
def test_other_spellings_of_a_name_are_the_same_wheel(replaces: bool) -> None:
    for filename in ("Demo.X-1.0-py3-none-any.whl", "demo_x-1.0.0-py3-none-any.whl"):
        with pytest.raises(MirrorError) as caught:
            accept(Draft(PAGE), listed(filename, NEW), WHEEL, replaces=replaces)
        assert (caught.value.code, NAME in caught.value.message) == ("name-taken", True)


@pytest.mark.parametrize("replaces", [False, True])
def test_an_original_never_takes_the_place_of_what_was_made_from_it(replaces: bool) -> None:
    """A job that publishes all that it has got would bring the error back."""
    page = Page("demo-x", (listed(origin=Origin(NAME, FIRST, "0.1.0")),))
    with pytest.raises(MirrorError) as caught:
        accept(Draft(page), listed(sha256=FIRST), WHEEL, replaces=replaces)
    assert caught.value.code == "is-the-original"
    assert f"`wheelfix mirror remove MIRROR {NAME}`" in caught.value.hint


@pytest.mark.parametrize("sha256", [OLD, NEW])
def test_what_is_yanked_stays_so(sha256: str) -> None:
    page = Page("demo-x", (listed(yanked="because"),))
    accepted = accept(Draft(page), listed(sha256=sha256), WHEEL, replaces=True)
    assert accepted.file.yanked == "because"
    assert any("still yanked" in note for note in accepted.notes)


def test_first_sight_and_the_upload_time_of_the_index_are_both_kept() -> None:
    new = listed(sha256=NEW, upload_time="2026-11-25T00:00:00.000000Z", added="2026-11-25T00:00:00.000000Z")
    upstream = UpstreamFile("https://example.org/simple/", uploaded="2025-01-01T00:00:00.000000Z")
    file = accept(Draft(Page("demo-x")), new, replace(WHEEL, upstream=upstream)).file
    assert (file.upload_time, file.upstream_time, file.added) == (upstream.uploaded, upstream.uploaded, new.added)
    silent = accept(Draft(Page("demo-x")), new, replace(WHEEL, upstream=replace(upstream, uploaded=None))).file
    assert (silent.upload_time, silent.upstream_time, silent.added) == (new.added, None, new.added)
    page = read_page(page_json(Page("demo-x", (file,))), "demo-x")
    assert page.files == (file,)


def test_bytes_that_come_back_were_first_seen_when_they_came_first() -> None:
    page = Page("demo-x", (listed(added="2026-11-24T00:00:00.000000Z"),))
    draft = Draft(page)
    draft.add(accept(draft, listed(sha256=NEW, added="2026-11-25T00:00:00.000000Z"), WHEEL, replaces=True).file)
    back = accept(draft, listed(added="2026-11-26T00:00:00.000000Z"), WHEEL, replaces=True)
    assert (back.status, back.file.added) == (PublishStatus.REPLACED, "2026-11-24T00:00:00.000000Z")
