"""Hostile indexes: what they can make a closure do is limited, and counted here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from closing import mirror_of, reasons, required, spec
from upstreams import Upstream, pypi
from wheelfix.sync.dependencies import loopback


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with pypi() as found:
        yield found


@pytest.mark.slow
def test_a_wheel_with_thousands_of_requirements_costs_a_limited_number_of_requests(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loopback, "_MOST_PROJECTS", 50)
    upstream.add(spec("app", "1.0", *(f"p{number}" for number in range(3_000))))
    upstream.add(spec("good", "1.0", "dep"))
    upstream.add(spec("dep"))
    found = mirror_of(tmp_path, upstream, "app", "good").close()
    assert required(found) == ["dep-1.0-py3-none-any.whl"]
    assert [(each.project, each.problem.reason) for each in found.problems] == [
        ("app", "it would take more than 50 projects")
    ]
    assert len(upstream.pages()) < 500  # each of a few runs of uv asks for its own 50


def test_metadata_that_cannot_be_read_is_a_problem_of_what_requires_it(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "bad"))
    upstream.add(spec("bad"), metadata=b"\x00\xff not METADATA\r\rName: x\n")
    upstream.add(spec("good", "1.0", "dep"))
    upstream.add(spec("dep"))
    found = mirror_of(tmp_path, upstream, "app", "good").close()
    assert required(found) == ["dep-1.0-py3-none-any.whl"]
    assert [each.project for each in found.problems] == ["app"]


def test_a_requirement_with_a_url_leads_nowhere(upstream: Upstream, tmp_path: Path) -> None:
    with pypi() as other:
        other.add(spec("dep"))
        upstream.add(spec("app", "1.0", f"dep @ {other.index}dep-1.0-py3-none-any.whl"))
        found = mirror_of(tmp_path, upstream, "app").close()
        assert required(found) == []
        assert "URL" in str(reasons(found)[0])
        assert other.seen == []


@pytest.mark.slow
def test_a_page_with_20_000_files_is_read_once(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "many>=5"))
    file = upstream.add(spec("many", "9.0"))
    for number in range(20_000):
        name = f"many-1.{number}-py3-none-any.whl"
        upstream.projects["many"][name] = type(file)(name=name, data=b"", uploaded=file.uploaded)
    found = mirror_of(tmp_path, upstream, "app", pythons=("3.11", "3.12")).close()
    assert required(found) == ["many-9.0-py3-none-any.whl"]
    assert [each.path for each in upstream.pages()].count("/simple/many/") == 1


def test_a_wheel_with_metadata_of_another_project_is_no_matter_of_others(upstream: Upstream, tmp_path: Path) -> None:
    upstream.add(spec("app", "1.0", "bad"))
    upstream.add(spec("bad"), metadata=b"Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n\n")
    upstream.add(spec("good", "1.0", "dep"))
    upstream.add(spec("dep"))
    found = mirror_of(tmp_path, upstream, "app", "good").close()
    assert required(found) == ["dep-1.0-py3-none-any.whl"]
    (problem,) = found.problems
    assert (problem.project, "evil" in f"{problem.problem.message} {problem.problem.reason}") == ("app", True)
