"""``wheelfix show`` and ``rules explain`` of wheels that are elsewhere."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

import wheelfix as api
from building import Entry, Hole, WheelSpec, archive_of, write, write_wheel
from elfwriter import shared_object
from places import ROOT
from ranging import Ranged
from running import validator, wheelfix
from scripting import Asked, Reply, answering
from serving import Server, static

if TYPE_CHECKING:
    from buckets import Bucket

SAMPLES = ROOT / "sample_wheels"
XGBOOST = "xgboost-3.2.0-py3-none-manylinux_2_28_x86_64.whl"
TORCH = "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"
TORCH_X86 = "torch-2.7.0-cp311-cp311-manylinux_2_28_x86_64.whl"
MIXED = ("demo-1.0-py3-none-any.whl", "demo-1.0-py3-none-win_amd64.whl")


def mixed(folder: Path) -> list[Path]:
    """Write two wheels of one release that disagree into ``folder``, and return their paths."""
    specs = (WheelSpec(requires=("triton",)), WheelSpec(requires=("numpy",), tags="py3-none-win_amd64"))
    return [write_wheel(folder, each) for each in specs]


CLEAN = "cleanpkg-1.0-py3-none-any.whl"
UNREAD = "binaries not read (--scan always reads them)"


pytestmark = pytest.mark.usefixtures("own_directories")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Server]:
    api.add_wheels(
        tmp_path / "mirror", [*(SAMPLES / each for each in (TORCH, TORCH_X86, CLEAN, XGBOOST)), *mixed(tmp_path)],
        publishing=api.Publishing(allow_mixed=True),
    )  # fmt: skip
    with static(tmp_path / "mirror" / "public", negotiates=True) as found:
        yield found


def test_a_remote_wheel_is_shown_by_its_directory() -> None:
    server = Ranged((SAMPLES / XGBOOST).read_bytes(), others={f"/{XGBOOST}.metadata": Reply(status=404)})
    with answering(server) as running:
        ran = wheelfix("show", f"{running.url}/{XGBOOST}")
    assert (ran.code, ran.err) == (0, "Read 1 wheel\n")
    assert ran.lines[0] == f"{running.url}/{XGBOOST}"
    assert any(line.startswith("  ?  nvidia-nccl-cu12") and line.endswith(f"unproven  {UNREAD}") for line in ran.lines)
    assert ran.lines[-2].startswith("  note: Only the directory and dist-info were read")
    assert ran.lines[-1] == "  strip-gpu would read its binaries first: they decide on 1 of these."
    assert [each.headers.get("range") for each in server.asked[:1]] == ["bytes=-66560"]
    assert [each.path for each in server.asked[1:]] == [f"/{XGBOOST}.metadata"]


def test_scan_always_downloads_it_once(tmp_path: Path) -> None:
    server = Ranged((SAMPLES / XGBOOST).read_bytes())
    with answering(server) as running:
        ran = wheelfix("show", "--scan", "always", "--format", "json", f"{running.url}/{XGBOOST}")
        url = f"{running.url}/{XGBOOST}"
    assert ran.code == 0, ran.err
    assert len(server.asked) == 1
    [there] = json.loads(ran.out)["wheels"]
    [here] = json.loads(wheelfix("show", "--scan", "always", "--format", "json", SAMPLES / XGBOOST).out)["wheels"]
    assert (there.pop("source"), there.pop("url"), here.pop("url")) == (XGBOOST, url, None)
    here.pop("source")
    assert there == here
    assert not list((tmp_path / "tmp").iterdir())


def test_a_server_without_ranges_gives_all_of_it() -> None:
    """A whole download, and so the verdict of a file."""
    server = Ranged((SAMPLES / XGBOOST).read_bytes(), ranges=False)
    with answering(server) as running:
        ran = wheelfix("show", f"{running.url}/{XGBOOST}", SAMPLES / CLEAN)
    assert ran.code == 0, ran.err
    assert ran.err.startswith(f"downloading {XGBOOST}, ")
    assert any(line.startswith("  -  nvidia-nccl-cu12") and "safe" in line for line in ran.lines)
    assert not any("not checked as a whole" in line for line in ran.lines)


def test_the_wheels_of_a_release_are_shown_and_compared(index: Server) -> None:
    ran = wheelfix("show", "--format", "json", "--from-index", index.index, "demo==1.0")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert [each["source"] for each in document["wheels"]] == [*MIXED]
    assert all(each["url"].startswith(index.url) and each["directory_only"] for each in document["wheels"])
    local = json.loads(wheelfix("show", "--format", "json", *mixed(Path())).out)
    said, here = ([each["requirement"] for each in found["disagreements"]] for found in (document, local))
    assert said == here
    assert said
    validator("show.schema.json").validate(document)
    urls = {each["url"] for each in document["wheels"]}
    assert all({*each["present"], *each["missing"]} <= urls for each in document["disagreements"])
    asked = [each for each in index.asked() if each.path.endswith(".metadata")]
    assert not asked  # the page says their sums


def test_one_that_fails_stops_no_other(index: Server) -> None:
    gone, broken = f"{index.url}/gone-1.0-py3-none-any.whl", f"{index.url}/simple/index.html/x-1.0-py3-none-any.whl"
    ran = wheelfix("show", gone, "--from-index", index.index, "cleanpkg", broken, SAMPLES / CLEAN)
    assert ran.code == 3
    first, second = [line for line in ran.lines if line.endswith(".whl")]
    assert (first.startswith(index.url), second) == (True, CLEAN)
    assert f"{gone} not shown: " in ran.err
    assert ran.err.endswith("Read 2 wheels, 2 failed\n")
    validator("show.schema.json").validate(json.loads(wheelfix("show", "--format", "json", gone).out))
    markdown = wheelfix("show", "--format", "markdown", "--from-index", index.index, "xgboost").lines
    assert [line for line in markdown if "unproven" in line] == [
        f"| ? | `nvidia-nccl-cu12; platform_system == 'Linux'` | unproven | {UNREAD} |"
    ]
    whole = wheelfix("show", "--scan", "always", gone, SAMPLES / CLEAN)
    assert whole.code == 3
    assert f"{gone} not shown: " in whole.err
    assert str(Path.cwd().parent) not in whole.err


def test_rules_are_explained_of_remote_wheels(index: Server) -> None:
    ran = wheelfix("rules", "explain", "--rules", "gpu", "--from-index", index.index, "xgboost", "nvidia-*")
    assert ran.code == 0, ran.err
    assert f"      unproven: {UNREAD}" in ran.lines
    assert "  Its binaries decide, and were not read: strip-gpu and fix read them first." in ran.lines
    other = wheelfix("rules", "explain", "--rules", "gpu", "--from-index", index.index, "xgboost", "numpy")
    assert other.lines[-1] == "  Its binaries decide, and were not read: strip-gpu and fix read them first."
    assert "would be refused" not in ran.out + other.out
    Path("own.toml").write_text('schema = 1\n[[rule]]\nid = "o"\nreason = "x"\nmatch = "nvidia-*"\naction = "drop"\n')
    own = wheelfix("rules", "explain", "--rules", "own.toml", "--from-index", index.index, "xgboost")
    assert own.lines[-1] == other.lines[-1]
    url = next(each.path for each in index.asked() if each.path.endswith(".whl"))
    again = wheelfix("rules", "explain", "--rules", "gpu", "--format", "json", f"{index.url}{url}")
    [found] = json.loads(again.out)["wheels"]
    assert (found["source"], found["url"], found["directory_only"]) == (XGBOOST, f"{index.url}{url}", True)


def test_a_rule_that_compares_the_sum_takes_what_the_index_says(index: Server) -> None:
    sha256 = hashlib.sha256((SAMPLES / XGBOOST).read_bytes()).hexdigest()
    rule = f'id = "r"\nreason = "x"\nwhen = {{ sha256 = "{sha256}" }}\nmatch = "numpy"\naction = "drop"\n'
    Path("sum.toml").write_text(f"schema = 1\n[[rule]]\n{rule}")
    ran = wheelfix("rules", "explain", "--rules", "sum.toml", "--from-index", index.index, "xgboost", "numpy")
    assert ran.code == 0, ran.err
    assert any(line.startswith("  - numpy") for line in ran.lines)


def test_requirements_are_copied_from_a_remote_wheel(index: Server) -> None:
    rule = 'id = "c"\nreason = "x"\nwhen = { project = "torch" }\n'
    action = 'action = { copy-from = { platform = "*_aarch64" } }\n'
    Path("copy.toml").write_text(f"schema = 1\n[[rule]]\n{rule}{action}")
    arguments = ("rules", "explain", "--rules", "copy.toml", "--format", "json")
    there = wheelfix(*arguments, "--from-index", index.index, "torch==2.7.0")
    here = wheelfix(*arguments, SAMPLES / TORCH, SAMPLES / TORCH_X86)
    assert (there.code, here.code) == (0, 0), there.err + here.err
    one, two = (json.loads(ran.out)["wheels"] for ran in (there, here))
    assert [each["changes"] for each in one] == [each["changes"] for each in two]


def large(path: Path) -> int:
    """Write a wheel of 500 MB with the shape of torch, mostly holes, to ``path``; return its size."""
    module = shared_object("x86_64", needed=["libc.so.6"], exports=["PyInit__C"])
    spec = WheelSpec(
        project="demo", tags="cp311-cp311-manylinux_2_28_x86_64", requires=("nvidia-cublas-cu12", "triton"),
        files=(
            Entry("demo/version.py", b"cuda = None\n"),
            *(Entry(f"demo/include/a/rather/long/path/of/headers/header_{number}.h", b"x") for number in range(12_000)),
            Entry("demo/lib/libdemo_cpu.so", Hole(500_000_000), 0),
            Entry("demo/_C.cpython-311-x86_64-linux-gnu.so", module),
        ),
        record=b"".join(b"demo/include/header_%d.h,sha256=%s,1\n" % (number, b"A" * 43) for number in range(12_000)),
        dist_info_first=True,
    )  # fmt: skip
    with path.open("wb") as file:
        write(archive_of(spec), file)
    return path.stat().st_size


@pytest.mark.parametrize("suffixes", [True, False])
def test_a_wheel_of_500_mb_takes_six_requests_and_one_percent(tmp_path: Path, suffixes: bool) -> None:
    """Counted at the server: the end, the directory, dist-info at once, the constants, and the metadata file beside it.

    Without ``suffixes`` it cannot count from the end, and sends all of the file instead: one request more.
    """
    path = tmp_path / "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
    size = large(path)
    asked: list[tuple[str, int]] = []

    def reply(request: Asked) -> Reply:
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
        if found is None or request.path.endswith(".metadata"):
            asked.append((request.path, 0))
            return Reply(status=404)
        if not found[1] and not suffixes:
            asked.append((request.path, 0))
            return Reply(length=size)
        first, last = (int(found[1]), int(found[2])) if found[1] else (size - int(found[2]), size - 1)
        with path.open("rb") as file:
            file.seek(first)
            data = file.read(last - first + 1)
        asked.append((request.path, len(data)))
        return Reply(data, 206, {"Content-Range": f"bytes {first}-{last}/{size}", "ETag": '"1"'})

    with answering(reply) as running:
        ran = wheelfix("show", f"{running.url}/{path.name}")
    assert ran.code == 0, ran.err
    shown = [line for line in ran.lines if "unproven" in line]
    assert [UNREAD in line or line.endswith("(as above)") for line in shown] == [True], ran.lines
    assert size > 500_000_000
    assert len(asked) <= 6, asked
    assert sum(sent for _, sent in asked) < size / 100, asked


def test_a_file_that_changes_between_requests_is_never_shown_as_a_mix(tmp_path: Path) -> None:
    padding = [Entry(f"demo/padding_{number}", bytes(range(256)) * 1024, 0) for number in range(2)]
    spec = WheelSpec(files=(*padding, Entry("demo/version.py", b"cuda = None\n")), dist_info_first=True)
    path = write_wheel(tmp_path, spec)
    versions = count()

    def change(_: Asked, right: Reply) -> Reply:
        return replace(right, headers={**right.headers, "ETag": f'"{next(versions)}"'})

    with answering(Ranged(path.read_bytes(), spoil=change)) as running:
        ran = wheelfix("show", f"{running.url}/{path.name}", SAMPLES / CLEAN)
    assert (ran.code, ran.lines[0]) == (3, CLEAN)
    assert ran.err.startswith(f"error[source-changed]: {running.url}/{path.name} not shown: ")


class TestInBuckets:
    """``s3://`` paths: one wheel, and all below a prefix."""

    @pytest.fixture
    def bucket(self, new_bucket: "Callable[[str], Bucket]", tmp_path: Path) -> str:
        from buckets import s3_client

        found = new_bucket("s3")
        for path in (*mixed(tmp_path), SAMPLES / XGBOOST):
            s3_client(found).upload_file(path, found.url.partition("://")[2], f"in/{path.name}")
        return f"{found.url}/in"

    def test_a_wheel_is_shown_by_its_directory(self, bucket: str) -> None:
        ran = wheelfix("show", f"{bucket}/{XGBOOST}")
        assert (ran.code, ran.err) == (0, "Read 1 wheel\n")
        assert ran.lines[0] == f"{bucket}/{XGBOOST}"
        assert any(line.startswith("  ?  nvidia-nccl-cu12") and line.endswith(f"unproven  {UNREAD}") for line in ran.lines)
        whole = wheelfix("show", "--scan", "always", f"{bucket}/{XGBOOST}")
        assert any(line.startswith("  -  nvidia-nccl-cu12") and "safe" in line for line in whole.lines)

    def test_the_wheels_below_a_prefix_are_compared(self, bucket: str) -> None:
        ran = wheelfix("show", "--format", "json", f"{bucket}/")
        document = json.loads(ran.out)
        assert ran.code == 0, ran.err
        assert [each["url"] for each in document["wheels"]] == [f"{bucket}/{name}" for name in (*MIXED, XGBOOST)]
        assert document["disagreements"]
        gone = wheelfix("show", f"{bucket}/gone-1.0-py3-none-any.whl", f"{bucket}/{XGBOOST}")
        assert (gone.code, gone.lines[0]) == (3, f"{bucket}/{XGBOOST}")
        assert f"{bucket}/gone-1.0-py3-none-any.whl not shown: " in gone.err

    def test_rules_are_explained(self, bucket: str) -> None:
        ran = wheelfix("rules", "explain", "--rules", "gpu", f"{bucket}/{XGBOOST}", "nvidia-nccl-cu12")
        assert (ran.code, ran.lines[0]) == (0, f"{bucket}/{XGBOOST}: 13 requirements")


def test_scan_always_reads_the_binaries_to_explain_rules() -> None:
    server = Ranged((SAMPLES / XGBOOST).read_bytes())
    words = ["rules", "explain", "--rules", "gpu", "--format", "json"]
    with answering(server) as running:
        url = f"{running.url}/{XGBOOST}"
        by_directory, whole = wheelfix(*words, url), wheelfix(*words, "--scan", "always", url)
    local = json.loads(wheelfix(*words, SAMPLES / XGBOOST).out)["wheels"][0]
    found = json.loads(whole.out)["wheels"][0]
    assert (found["url"], found["source"], found["directory_only"]) == (url, XGBOOST, False)
    assert {**found, "url": None, "source": local["source"]} == local
    assert "binaries not read" in by_directory.out
    assert "binaries not read" not in whole.out


def test_a_wheel_that_is_not_explained_has_its_error_in_the_common_shape() -> None:
    with answering(lambda asked: Reply(status=404)) as running:
        url = f"{running.url}/{XGBOOST}"
        ran = wheelfix("rules", "explain", "--rules", "gpu", url)
    assert ran.code == 3
    assert f"error[bad-answer]: {url} not explained: " in ran.err
    assert "\n  help: " in ran.err
