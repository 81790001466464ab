"""``wheelfix mirror sync`` on the command line: plans, reports, the log as JSON lines, metrics and exit codes."""

import contextlib
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from errno import ENOSPC
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from building import WheelSpec
from html_reports import Parsed
from running import Ran, validator, wheelfix
from upstreams import Upstream, pypi
from wheelfix.cli import run
from wheelfix.cli.json_log import JsonLog
from wheelfix.cli.mirror.sync_log import SyncLog
from wheelfix.reports.codes import docs_url
from wheelfix.results import Published, PublishStatus
from wheelfix.wheel.zip.staging import StagedFile

MANIFEST = """
schema = 1
[mirror]
store = "{store}"
rules = []
[[source]]
name = "here"
index = "{index}"
projects = [{projects}]
"""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with pypi() as found:
        for version in ("1.0", "1.1"):
            found.add(WheelSpec(project="demo", version=version))
        found.add(WheelSpec(project="other", version="2.0"))
        yield found


@pytest.fixture
def manifest(upstream: Upstream, tmp_path: Path) -> Path:
    return write_manifest(upstream, tmp_path, "demo", "other")


def write_manifest(upstream: Upstream, directory: Path, *projects: str) -> Path:
    path = directory / "mirror.toml"
    names = ", ".join(f'"{each}"' for each in projects)
    path.write_text(MANIFEST.format(store=directory / "mirror", index=upstream.index, projects=names))
    return path


def sync(*arguments: object) -> Ran:
    return wheelfix("mirror", "sync", *arguments)


def events(ran: Ran) -> list[dict[str, Any]]:
    """Return the log, each line of which fits its schema."""
    found = [json.loads(line) for line in ran.err.splitlines()]
    for each in found:
        validator("sync-log.schema.json").validate(each)
    return found


def report(ran: Ran) -> dict[str, Any]:
    """Return the report, which fits its schema."""
    found: dict[str, Any] = json.loads(ran.out)
    validator("sync.schema.json").validate(found)
    return found


def metrics(path: Path) -> dict[str, float]:
    """Return the samples in a file, each by its name and the labels but that of the manifest."""
    found = {}
    parser = import_module("prometheus_client.openmetrics.parser")
    for family in parser.text_string_to_metric_families(path.read_text("utf-8")):
        assert family.documentation
        for each in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in each.labels.items() if key != "manifest")
            found[f"{each.name.removeprefix('wheelfix_sync_')}{f'[{labels}]' if labels else ''}"] = float(each.value)
    return found


def test_check_prints_the_plan_and_writes_nothing(manifest: Path) -> None:
    ran = sync(manifest, "--check")
    assert ran.code == 1
    rows = [line.split() for line in ran.lines]
    assert rows[0] == ["action", "project", "version", "files", "size", "source", "reason"]
    assert [row[:4] for row in rows[1:]] == [
        ["add", "demo", "1.0", "1"],
        ["add", "demo", "1.1", "1"],
        ["add", "other", "2.0", "1"],
    ]
    assert all(row[-1] == "here" for row in rows[1:])
    assert ran.err.startswith("Would add 3 files (")
    assert not (manifest.parent / "mirror" / "public").exists()


def test_a_run_prints_what_was_done_and_the_next_one_nothing(manifest: Path) -> None:
    ran = sync(manifest)
    assert ran.code == 0, ran.err
    assert [line.split()[:4] for line in ran.lines[1:]] == [
        ["added", "demo", "1.0", "1"], ["added", "demo", "1.1", "1"], ["added", "other", "2.0", "1"],
    ]  # fmt: skip
    assert ran.err.startswith("Added 3 files (")
    again = sync(manifest)
    assert (again.code, again.out) == (0, "")
    assert again.err.startswith("Up to date, 3 kept; ")
    assert sync(manifest, "-q").err == ""
    assert sync(manifest, "--check").code == 0


def test_all_names_are_printed_if_everything_is_wanted(manifest: Path) -> None:
    ran = sync(manifest, "-v")
    assert "    demo-1.0-py3-none-any.whl" in ran.lines
    assert "downloading demo-1.0-py3-none-any.whl" in ran.err


def test_the_report_as_json_fits_its_schema(manifest: Path) -> None:
    planned = report(sync(manifest, "--check", "--format", "json"))
    assert planned["dry_run"]
    assert [each["filename"] for each in planned["plan"]] == [
        "demo-1.0-py3-none-any.whl", "demo-1.1-py3-none-any.whl", "other-2.0-py3-none-any.whl",
    ]  # fmt: skip
    done = report(sync(manifest, "--format", "json"))
    assert done["summary"]["files"]["added"] == 3
    assert done["summary"]["ok"]
    again = report(sync(manifest, "--format", "json"))
    assert again["summary"]["planned"]["keep"] == 3


def test_a_source_that_fails_is_reported_and_the_others_are_synced(
    manifest: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wheelfix.upstream.http._RETRIES", 0, raising=False)
    upstream.remove_project("other")
    ran = sync(manifest)
    assert ran.code == 3
    assert "error[no-project]: other of source here not synced: " in ran.err
    assert "1 problem with sources" in ran.err
    found = report(sync(manifest, "--check", "--format", "json"))
    assert [(each["source"], each["project"], each["problem"]["code"]) for each in found["problems"]] == [
        ("here", "other", "no-project")
    ]


def test_the_log_as_json_lines(manifest: Path, upstream: Upstream) -> None:
    ran = sync(manifest, "--log-format", "json")
    found = events(ran)
    kinds = [each["event"] for each in found]
    assert (kinds[0], kinds[1], kinds[-1]) == ("start", "plan", "summary")
    assert sorted(each["filename"] for each in found if each["event"] == "download") == sorted(upstream.downloads())
    assert kinds.count("published") == 3
    assert found[1]["files"]["add"] == 3
    assert found[-1]["ok"]
    assert found[-1]["files"]["added"] == 3
    upstream.remove_project("other")
    problem, summary = events(sync(manifest, "--log-format", "json", "-q"))
    assert (problem["source"], problem["project"], problem["code"]) == ("here", "other", "no-project")
    assert (summary["event"], summary["exit_code"], summary["problems"]) == ("summary", 3, 1)


def test_the_log_of_a_part_says_which_one_it_is_and_what_it_did(manifest: Path) -> None:
    found = events(sync(manifest, "--shard", "1/1", "--log-format", "json"))
    assert (found[0]["command"], found[0]["shard"]) == ("mirror sync", "1/1")
    assert (found[-1]["prepared"], found[-1]["files"]["added"]) == (3, 0)
    found = events(wheelfix("mirror", "index", manifest, "--log-format", "json"))
    assert (found[0]["command"], found[0]["shard"]) == ("mirror index", None)
    assert found[1]["event"] == "plan"
    assert found[1]["bytes"] == 0, "nothing is downloaded"
    assert (found[-1]["prepared"], found[-1]["files"]["added"]) == (None, 3)


def test_of_many_errors_the_first_thousand_are_problems_of_the_log(manifest: Path) -> None:
    (manifest.parent / "bad.toml").write_text("schema = 1\n" + "".join(f"k{number} = 1\n" for number in range(1_250)))
    manifest.write_text(manifest.read_text().replace("rules = []", 'rules = ["bad.toml"]'))
    *problems, summary = events(sync(manifest, "--log-format", "json"))
    assert (summary["event"], summary["exit_code"]) == ("summary", 2)
    problems = [each for each in problems if each["event"] == "problem"]
    assert [each["code"] for each in problems] == ["rule-unknown-key"] * 1_000 + ["invalid-manifest"]
    assert problems[-1]["message"] == "250 more errors"


def test_what_is_refused_is_one_problem_of_the_log(manifest: Path, upstream: Upstream) -> None:
    upstream.file("demo-1.0-py3-none-any.whl").data = b"PK" + bytes(100)
    found = events(sync(manifest, "--log-format", "json"))
    problems = [each["filename"] for each in found if each["event"] == "problem"]
    assert problems == ["demo-1.0-py3-none-any.whl"]
    assert (found[-1]["problems"], found[-1]["files"]["refused"]) == (1, 1)


def test_what_cannot_be_had_is_a_problem_of_the_log(manifest: Path, upstream: Upstream) -> None:
    """It is in the plan, and nothing is done with it."""
    upstream.add(WheelSpec(project="demo", version="3.0"), hashed=False)
    found = events(sync(manifest, "--log-format", "json"))
    problems = [(each["filename"], each["code"]) for each in found if each["event"] == "problem"]
    assert problems == [("demo-3.0-py3-none-any.whl", "no-hash")]
    assert found[-1]["problems"] == 1


def test_what_is_not_known_of_a_run_that_stopped_is_null(manifest: Path, upstream: Upstream) -> None:
    assert sync(manifest).code == 0
    write_manifest(upstream, manifest.parent, "other")
    found = events(sync(manifest, "--log-format", "json"))
    assert [each["event"] for each in found] == ["start", "problem", "summary"]
    assert [found[-1][each] for each in ("planned", "served", "traffic", "prepared", "problems")] == [None] * 4 + [1]


def test_an_interrupted_run_ends_with_a_summary_of_what_is_known(
    manifest: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wheelfix.sync.jobs.worker.Worker._fixed", interrupt)
    ran = sync(manifest, "--log-format", "json")
    found = events(ran)
    assert (ran.code, found[-1]["event"], found[-1]["exit_code"]) == (130, "summary", 130)
    assert (found[-1]["planned"]["add"], found[-1]["traffic"]) == (3, None)


@pytest.mark.parametrize("words", [(), ("-j", "2"), ("--shard", "1/1")])
def test_each_download_and_each_wheel_is_logged_once(words: tuple[str, ...], manifest: Path, upstream: Upstream) -> None:
    """Whoever works on it: another process reports what it has downloaded once that is there."""
    found = events(sync(manifest, *words, "--log-format", "json"))
    downloads = [each for each in found if each["event"] == "download"]
    assert sorted(each["filename"] for each in downloads) == sorted(upstream.downloads())
    assert all(each["bytes"] for each in downloads)


@pytest.mark.parametrize("words", [(), ("-j", "2"), ("--shard", "1/1")])
def test_no_line_is_printed_twice_or_has_a_path_of_work_in_progress(
    words: tuple[str, ...], manifest: Path, upstream: Upstream
) -> None:
    lines = sync(manifest, *words, "-v").err.splitlines()
    for name in upstream.downloads():
        assert [line.partition(",")[0] for line in lines if line.startswith("downloading ") and name in line] == [
            f"downloading {name}"
        ]
        assert [line for line in lines if f"{name}: unchanged" in line] == [f"{name}: unchanged: no rule matches"]
    assert not [line for line in lines if "/scratch/" in line]


def test_what_is_there_from_an_interrupted_run_is_no_download(
    manifest: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("wheelfix.sync.jobs.worker.Worker._fixed", interrupt)
        assert sync(manifest).code == 130
    upstream.forget()
    assert "downloading" not in sync(manifest, "-v").err
    assert upstream.downloads() == []


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_run_that_ends_at_once_says_so_in_json_too(tmp_path: Path) -> None:
    ran = sync(tmp_path / "none.toml", "--log-format", "json", "--metrics", tmp_path / "x.prom")
    found = events(ran)
    assert ran.code in (2, 3)
    assert [each["event"] for each in found] == ["start", "problem", "summary"]
    assert (found[-1]["ok"], found[-1]["exit_code"]) == (False, ran.code)
    assert metrics(tmp_path / "x.prom")["success"] == 0


def test_metrics_are_openmetrics_and_keep_the_last_success(manifest: Path, upstream: Upstream, tmp_path: Path) -> None:
    path = tmp_path / "out" / "wheelfix.prom"
    path.parent.mkdir()
    assert sync(manifest, "--metrics", path).code == 0
    first = metrics(path)
    assert first["success"] == 1
    assert first["files[status=added]"] == first["planned_files[action=add]"] == 3
    assert first["last_success_timestamp_seconds"] == pytest.approx(first["last_run_timestamp_seconds"], abs=0.01)
    assert first["requests"] > 0
    upstream.remove_project("other")
    assert sync(manifest, "--metrics", path).code == 3
    second = metrics(path)
    assert (second["success"], second["problems[code=no-project]"]) == (0, 1)
    assert second["last_success_timestamp_seconds"] == first["last_success_timestamp_seconds"]
    assert path.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("log", ["text", "json"])
def test_a_report_has_the_plan_what_was_done_and_problems(
    manifest: Path, upstream: Upstream, tmp_path: Path, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sync.html"
    assert sync(manifest, "--check", "--report", path).code == 1
    text = Parsed(path.read_text("utf-8")).text
    assert "The plan" in text
    assert "What was done" not in text
    assert text.count("demo-1.1-py3-none-any.whl") == 1
    assert sync(manifest, "--report", path, "--report", tmp_path / "sync.json", "--format", "json").code == 0
    text = Parsed(path.read_text("utf-8")).text
    assert "What was done" in text
    assert json.loads((tmp_path / "sync.json").read_text("utf-8"))["command"] == "mirror sync"
    upstream.remove_project("other")
    assert sync(manifest, "--report", path, "--log-format", log).code == 3
    page = path.read_text("utf-8")
    assert "other of source here not synced" in Parsed(page).text
    assert docs_url("no-project") in page

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wheelfix.cli.written.write_text", refuse)
    ran = sync(manifest, "--report", path, "--log-format", log)
    assert ran.code == 3
    assert "could not be written: No space left on device" in ran.err
    assert path.read_text("utf-8") == page


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file called ``full`` can be written at the end of a run, which nothing shows before."""

    class Full(StagedFile):
        def put(self, target: Path, *, replace: bool) -> None:
            if target.name == "full":
                raise OSError(ENOSPC, "No space left on device")
            super().put(target, replace=replace)

    monkeypatch.setattr("wheelfix.cli.written.StagedFile", Full)


"""No file system takes a name of that length."""


@pytest.mark.usefixtures("full_disk")
def test_metrics_that_cannot_be_written_are_an_error(manifest: Path, tmp_path: Path) -> None:
    ran = sync(manifest, "--metrics", tmp_path / "full")
    assert ran.code == 3
    assert f"{tmp_path / 'full'}" in ran.err


@pytest.mark.parametrize("words", [("-q", "-v"), ("--check", "--metrics", "x")])
def test_options_that_exclude_each_other(words: tuple[str, ...], tmp_path: Path) -> None:
    assert sync(tmp_path / "mirror.toml", *words).code == 2


def test_a_lock_is_written_compared_and_gone_back_to(manifest: Path, upstream: Upstream, tmp_path: Path) -> None:
    old, new = tmp_path / "old.lock", tmp_path / "new.lock"
    assert sync(manifest, "--lock", old).code == 0
    assert json.loads(old.read_text()) == json.loads(wheelfix("mirror", "list", tmp_path / "mirror", "--format", "json").out)
    assert wheelfix("diff", old, old).code == 0
    upstream.add(WheelSpec(project="demo", version="1.2"))
    assert sync(manifest, "--lock", new).code == 0
    ran = wheelfix("diff", old, new)
    assert (ran.code, ran.err) == (1, "Compared 2 locks: 1 added\n")
    assert ran.lines[0] == "demo"
    assert ran.lines[1].startswith("  + 1.2  1 file (")
    found = json.loads(wheelfix("diff", "--format", "json", old, new).out)
    validator("lock-diff.schema.json").validate(found)
    assert [each["change"] for each in found["differences"]] == ["added"]
    assert wheelfix("diff", "-q", old, new).out == ""

    planned = sync(manifest, "--to", old, "--check")
    assert (planned.code, planned.lines[1].split()[:3]) == (1, ["remove", "demo", "1.2"])
    upstream.forget()
    assert sync(manifest, "--to", old).code == 0
    assert upstream.seen == []
    assert wheelfix("diff", old, write_lock(tmp_path)).code == 0
    assert sync(manifest, "--to", new).code == 0
    assert wheelfix("diff", new, write_lock(tmp_path)).code == 0
    assert sync(manifest, "--to", old).code == 0
    ran = sync(manifest)  # the manifest still wants it
    assert (ran.code, ran.lines[1].split()[:3]) == (0, ["added", "demo", "1.2"])
    assert wheelfix("diff", new, write_lock(tmp_path)).code == 0


def test_going_back_keeps_what_locks_of_the_manifest_name(manifest: Path, upstream: Upstream, tmp_path: Path) -> None:
    old = tmp_path / "old.lock"
    assert sync(manifest, "--lock", old).code == 0
    new = upstream.add(WheelSpec(project="demo", version="1.2"))
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"demo==1.2 --hash=sha256:{new.sha256}\n")
    manifest.write_text(
        f'{manifest.read_text()}[[source]]\nname = "app"\nindex = "{upstream.index}"\nlock = ["{lock.name}"]\n'
    )
    assert sync(manifest).code == 0
    ran = sync(manifest, "--to", old)
    assert (ran.code, ran.out) == (0, "")
    lock.write_text("no requirement at all\n")
    ran = sync(manifest, "--to", old)
    assert ran.code == 3
    assert "requirements.txt" in ran.err
    assert "1.2" in wheelfix("mirror", "list", tmp_path / "mirror").out


def write_lock(directory: Path) -> Path:
    """Write what the mirror lists now into a file."""
    path = directory / "now.lock"
    path.write_text(wheelfix("mirror", "list", directory / "mirror", "--format", "json").out)
    return path


def test_locks_are_compared_with_locks_only(tmp_path: Path) -> None:
    (tmp_path / "x.lock").write_text("{}")
    for words in (["x.lock", "x.whl"], ["x.lock", "x.lock", "--expect", "metadata"]):
        assert wheelfix("diff", *(tmp_path / each if each.startswith("x.") else each for each in words)).code == 2
    ran = wheelfix("diff", tmp_path / "x.lock", tmp_path / "x.lock")
    assert ran.code == 2
    assert ran.err.startswith("error[bad-mirror-lock]: ")
    ran = wheelfix("diff", tmp_path / "none.lock", tmp_path / "x.lock")
    assert (ran.code, ran.err) == (2, f"error: {tmp_path / 'none.lock'} does not exist; nothing was done\n")
    ran = wheelfix("diff", tmp_path / "x.lock", "mirror.toml")
    assert "mirror.toml is not named like a lock, as the other one is: compare two of a kind" in ran.err


def test_a_lock_to_go_back_to_that_is_not_there_is_wrong_usage(manifest: Path, tmp_path: Path) -> None:
    ran = sync(manifest, "--to", tmp_path / "none.lock")
    assert (ran.code, ran.out) == (2, "")
    assert "none.lock' does not exist" in ran.err


def test_no_lock_is_written_of_a_run_with_problems(manifest: Path, upstream: Upstream, tmp_path: Path) -> None:
    upstream.remove_project("other")
    ran = sync(manifest, "--lock", tmp_path / "mirror.lock")
    assert ran.code == 3
    assert not (tmp_path / "mirror.lock").exists()
    assert f"warning[lock-not-written]: {tmp_path / 'mirror.lock'}: not written: the run had problems\n" in ran.err
    assert "not written" not in sync(manifest).err
    assert "not written" not in sync(manifest, "--lock", tmp_path / "mirror.lock", "-q").err
    found = events(sync(manifest, "--lock", tmp_path / "mirror.lock", "--log-format", "json"))
    assert [each["code"] for each in found if each["event"] == "warning"] == ["lock-not-written"]
    assert found[-1]["event"] == "summary"


def test_what_is_set_for_every_run_gives_way_to_a_check(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHEELFIX_LOCK", "mirror.lock")
    monkeypatch.setenv("WHEELFIX_METRICS", "wheelfix.prom")
    ran = sync(manifest, "--check")
    assert (ran.code, "Would add 3 files" in ran.err) == (1, True)
    monkeypatch.setenv("WHEELFIX_SCHEMA", "1")
    assert "--schema is allowed only on the command line" in sync(manifest, "--check").err


def test_a_manifest_at_a_url_is_wrong_usage() -> None:
    ran = wheelfix("mirror", "sync", "https://example.org/m.toml")
    assert (ran.code, ran.out) == (2, "")
    assert "https://example.org/m.toml is a URL; a manifest is a local file" in ran.err


def test_each_wheel_has_one_line_and_each_download_one_if_everything_is_wanted(manifest: Path) -> None:
    lines = sync(manifest, "--shard", "1/1", "-v").err.splitlines()
    assert len([line for line in lines if line.startswith("downloading demo-1.0-")]) == 1
    assert len([line for line in lines if "demo-1.0-" in line and "unchanged" in line]) == 1
    assert not [line for line in lines if "scratch" in line]


def test_a_command_of_a_group_is_named_with_the_group() -> None:
    assert "Did you mean `wheelfix mirror sync`?" in wheelfix("sync", "mirror.toml").err
    assert "Did you mean `wheelfix mirror list` or `wheelfix rules list`?" in wheelfix("list").err
    assert "Did you mean `wheelfix verify`?" in wheelfix("mirror", "verify", "x.whl").err


def test_a_plan_that_takes_too_much_stops(manifest: Path, upstream: Upstream, tmp_path: Path) -> None:
    assert sync(manifest).code == 0
    write_manifest(upstream, tmp_path, "other")
    ran = sync(manifest)
    assert ran.code == 3
    assert ran.err.startswith("error[too-many-removals]: ")
    assert "--allow-removals" in ran.err
    looked = sync(manifest, "--check")
    assert looked.code == 1
    assert looked.err.startswith("warning[too-many-removals]: a sync would stop here: ")
    assert "--allow-removals" in looked.err
    assert [each["code"] for each in report(sync(manifest, "--check", "--format", "json"))["warnings"]] == [
        "too-many-removals"
    ]
    assert "would stop" not in sync(manifest, "--check", "--allow-removals").err
    ran = sync(manifest, "--allow-removals")
    assert (ran.code, [line.split()[0] for line in ran.lines]) == (0, ["action", "yanked", "yanked"])


def test_only_what_is_named_is_looked_at(manifest: Path, upstream: Upstream) -> None:
    ran = sync(manifest, "--only", "demo")
    assert (ran.code, {line.split()[1] for line in ran.lines[1:]}) == (0, {"demo"})
    assert not [each for each in upstream.pages() if "/other/" in each.path]
    assert sync(manifest, "--only", "nothing").code == 2
    assert sync(manifest, "--only", "demo", "--to", "x.lock").code == 2


def test_the_schema_of_manifests_is_printed() -> None:
    ran = sync("--schema")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out)["$schema"].startswith("https://json-schema.org/")


@pytest.mark.usefixtures("full_disk")
def test_a_lock_that_cannot_be_written_is_an_error_and_the_report_is_printed(manifest: Path, tmp_path: Path) -> None:
    ran = sync(manifest, "--lock", tmp_path / "full", "--metrics", tmp_path / "x.prom")
    assert ran.code == 3
    assert len(ran.lines) == 4
    assert "Added 3 files" in ran.err
    assert f"{tmp_path / 'full'}" in ran.err
    assert metrics(tmp_path / "x.prom")["success"] == 0
    found = events(sync(manifest, "--lock", tmp_path / "full", "--log-format", "json"))
    assert [each["event"] for each in found[-2:]] == ["problem", "summary"]
    assert (found[-1]["ok"], found[-1]["exit_code"]) == (False, 3)


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)])
def test_a_signal_is_in_the_log(
    error: BaseException, code: int, manifest: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("wheelfix.sync.run.sync_mirror", interrupted)
    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr):
        assert run(["mirror", "sync", str(manifest), "--log-format", "json"]) == code
    found = [json.loads(line) for line in stderr.getvalue().splitlines()]
    for each in found:
        validator("sync-log.schema.json").validate(each)
    assert [each["event"] for each in found] == ["start", "problem", "summary"]
    assert (found[1]["code"], found[-1]["exit_code"]) == ("interrupted", code)
    assert capsys.readouterr().out == ""


def test_bars_show_the_bytes_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("wheelfix.cli.progress._PATIENCE", -1.0)
    terminal = Terminal()
    with contextlib.redirect_stderr(terminal), SyncLog(0) as log:
        log.planned({"add": 3}, 900_000_000)
        log.file_started("a.whl", 300_000_000)
        log.file_advanced("a.whl", 300_000_000)
        log.print("what is printed draws the bars once more\n")
        log.file_published(Published(None, PublishStatus.ADDED, filename="a.whl"))
        log.print("and once more\n")
    text = terminal.getvalue()
    assert "Planned: add 3 files (900.0 MB)" in text
    assert "all downloads" in text
    assert "300.0 MB/900.0 MB" in text
    assert "1/3 wheels" in text


def test_a_part_counts_the_wheels_that_it_prepares(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[int, int | None]] = []
    advance = SyncLog.advance

    def noted(log: SyncLog, name: str) -> None:
        advance(log, name)
        counted.append((log._done, log._total))

    monkeypatch.setattr(SyncLog, "advance", noted)
    ran = sync(manifest, "--shard", "1/1", "-v")
    assert "Planned for all parts: add 3 files (" in ran.err
    assert counted == [(1, None), (2, None), (3, None)]
    counted.clear()
    sync(manifest, "-v")
    assert counted == [(1, 3), (2, 3), (3, 3)]


def test_lines_of_several_threads_do_not_mix() -> None:
    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr), JsonLog() as log, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: log.file_started(f"{number}.whl" * 50, number), range(400)))
    found = [json.loads(line) for line in stderr.getvalue().splitlines()]
    assert sorted(each["bytes"] for each in found) == list(range(400))


@pytest.mark.parametrize("option", ["--lock", "--metrics"])
def test_what_is_written_at_the_end_is_known_to_have_a_directory_at_the_start(
    option: str, manifest: Path, upstream: Upstream, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for wrong in ("gone", "file"):
        ran = sync(manifest, option, tmp_path / wrong / "x")
        assert ran.code == 2
        assert f"'{option}': there is no directory {tmp_path / wrong}\n" in ran.err
    ran = sync(manifest, option, tmp_path / ("x" * 300))
    assert (ran.code, "cannot be written: File name too long" in ran.err) == (2, True)
    assert upstream.seen == []
    assert not (tmp_path / "gone").exists()
