"""What pip and uv make of upload times and yanks that were taken over from another index."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import clients
from demos import demo_wheel
from scripting import Index, answering
from serving import Server, static
from wheelfix.mirror.from_index import mirror_releases

OLD, NEW, LATEST = "1.0", "2.0", "3.0"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A mirror of an old release, a new one, and the latest, which the index has yanked after it was taken."""
    paths = [demo_wheel(tmp_path / "in", version) for version in (OLD, NEW, LATEST)]
    index = Index({path.name: path.read_bytes() for path in paths})
    for path, time in zip(paths, ("2025-01-01", "2026-02-01", "2026-03-01"), strict=True):
        index.of[path.name] = {"upload-time": f"{time}T00:00:00Z"}
    with answering(index) as upstream:
        assert mirror_releases(tmp_path / "mirror", upstream.index, ["demo==1.0", "demo==2.0", "demo"])[1].ok
        index.of[paths[2].name]["yanked"] = "broken"
        assert mirror_releases(tmp_path / "mirror", upstream.index, "demo")[1].ok
    with static(tmp_path / "mirror/public", negotiates=True) as found:
        yield found


@pytest.mark.parametrize(("before", "version"), [("2030-01-01", NEW), ("2026-01-15", OLD)])
def test_uv(before: str, version: str, server: Server, tmp_path: Path) -> None:
    """The time of the index counts: all wheels came to the mirror today."""
    (tmp_path / "requirements.in").write_text("demo\n")
    words = ("pip", "compile", "--no-header", "--no-annotate", "--exclude-newer", before, "--default-index", server.index)
    out = clients.run(*clients.UV, *words, "requirements.in", cwd=tmp_path)
    assert out.strip() == f"demo=={version}"


@pytest.mark.clients
@pytest.mark.parametrize(("before", "version"), [("2030-01-01", NEW), ("2026-01-15", OLD)])
def test_pip(before: str, version: str, server: Server, tmp_path: Path) -> None:
    pip = (clients.PROGRAMS / "python", "-m", "pip", "--isolated", "install", "--quiet", "--no-cache-dir")
    words = ("--dry-run", "--ignore-installed", "--report", "report.json", "--uploaded-prior-to", before)
    clients.run(*pip, "--index-url", server.index, *words, "demo", cwd=tmp_path)
    [found] = json.loads((tmp_path / "report.json").read_text())["install"]
    assert found["metadata"]["version"] == version


def test_uv_on_an_index_of_html_only(server: Server, tmp_path: Path) -> None:
    """It reads ``data-upload-time``, which our HTML pages have."""
    (tmp_path / "requirements.in").write_text("demo\n")
    with static(tmp_path / "mirror/public") as plain:
        words = ("pip", "compile", "--no-header", "--no-annotate", "--exclude-newer", "2026-01-15", "--default-index")
        out = clients.run(*clients.UV, *words, plain.index, "requirements.in", cwd=tmp_path)
    assert out.strip() == f"demo=={OLD}"
