"""``wheelfix mirror prune`` on the command line, and times such as ``24h``."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from demos import demo_wheel
from running import mirror_report, wheelfix
from stores import MemoryStore
from wheelfix.cli.mirror import options
from wheelfix.cli.params import Duration
from wheelfix.mirror.journal import RunJournal
from wheelfix.mirror.layout import FILES, METADATA, attributes_of
from wheelfix.mirror.storage.base import NewFile
from wheelfix.mirror.upload import add_wheels

LEFT = f"{FILES}/demo/0123456789abcdef/demo-9.0-py3-none-any.whl"


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """A store that stands for s3://bucket/mirror, in which a run left a wheel three days ago."""
    store = MemoryStore(tmp_path / "scratch")
    store.objects.now = datetime.now(UTC) - timedelta(days=3)
    assert add_wheels(store, demo_wheel(tmp_path / "in", "1.0")).ok
    RunJournal(store, "demo").note([LEFT], "")
    assert not store.put_new(NewFile(key, b"12345", attributes_of(key)) for key in (LEFT, LEFT + METADATA))
    store.objects.now = datetime.now(UTC)
    monkeypatch.setattr("wheelfix.cli.mirror.prune.open_mirror", lambda mirror, single_writer: store)
    return store


def test_what_goes_is_printed(bucket: MemoryStore) -> None:
    ran = wheelfix("mirror", "prune", "s3://bucket/mirror")
    assert ran.code == 0, ran.err
    assert ran.lines[:2] == [f"memory://mirror/{LEFT}", f"memory://mirror/{LEFT}{METADATA}"]
    assert ran.err == "Deleted 2 files (10 bytes), 1 journal\n"
    assert LEFT not in bucket.objects
    ran = wheelfix("mirror", "prune", "s3://bucket/mirror")
    assert (ran.code, ran.out, ran.err) == (0, "", "Deleted 0 files (0 bytes)\n")


def test_check_deletes_nothing(bucket: MemoryStore) -> None:
    before = dict(bucket.objects)
    ran = wheelfix("mirror", "prune", "--check", "s3://bucket/mirror", "demo")
    assert (ran.code, ran.err) == (1, "Would delete 2 files (10 bytes), 1 journal\n")
    assert dict(bucket.objects) == before
    assert wheelfix("mirror", "prune", "--check", "--grace", "4 days", "s3://bucket/mirror").code == 0


def test_what_is_kept_is_explained(bucket: MemoryStore) -> None:
    bucket.put_new([NewFile(LEFT.replace("9.0", "8.0"), b"1", attributes_of(LEFT))])
    ran = wheelfix("mirror", "prune", "--grace", "1 week", "s3://bucket/mirror")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith(f"kept 3 unlisted files: younger than the grace period of 168h ({FILES}/demo/")
    assert ran.err.endswith("Deleted 0 files (0 bytes); 3 kept\n")
    ran = wheelfix("mirror", "prune", "--grace", "0s", "s3://bucket/mirror")
    assert "kept 1 unlisted file: no journal names it" in ran.err
    assert "  help: --all-unlisted deletes what no journal names, once it is older than the grace period of 0s\n" in ran.err
    assert wheelfix("mirror", "prune", "--grace", "0", "--all-unlisted", "-q", "s3://bucket/mirror").err == ""


def test_the_report_fits_its_schema(bucket: MemoryStore) -> None:
    report = mirror_report(wheelfix("mirror", "prune", "s3://bucket/mirror", "--format", "json"))
    assert report["summary"] == {"deleted": 3, "kept": 0, "failed": 0, "bytes": 10}
    assert {each["kind"] for each in report["files"]} == {"left", "journal"}


def test_what_could_not_be_done_is_reported(bucket: MemoryStore) -> None:
    def refuse(operation: str, key: str) -> None:
        if operation == "delete" and key == LEFT:
            raise PermissionError(13, "Permission denied", key)

    bucket.before = refuse
    ran = wheelfix("mirror", "prune", "-q", "s3://bucket/mirror", "--format", "json")
    assert ran.code == 3
    assert f"{LEFT} not deleted" in ran.err
    assert mirror_report(ran)["summary"]["failed"] == 1


def test_a_page_that_cannot_be_read_is_reported(bucket: MemoryStore) -> None:
    bucket.objects.write("public/simple/demo/index.json", b"{")
    ran = wheelfix("mirror", "prune", "s3://bucket/mirror")
    assert (ran.code, ran.out) == (3, "")
    assert "error[page-unreadable]: public/simple/demo/index.json" in ran.err


def test_a_directory_is_pruned(tmp_path: Path) -> None:
    assert wheelfix("mirror", "add", tmp_path / "m", demo_wheel(tmp_path / "in", "1.0")).code == 0
    assert wheelfix("mirror", "add", "--replace", tmp_path / "m", demo_wheel(tmp_path / "again", "1.0", "six")).code == 0
    ran = wheelfix("mirror", "prune", tmp_path / "m")
    assert (ran.code, ran.out) == (0, "")
    assert "kept 2 replaced files: old locks may name them" in ran.err
    ran = wheelfix("mirror", "prune", "--replaced", tmp_path / "m", "demo")
    assert (ran.code, len(ran.lines)) == (0, 2)
    assert not any(Path(line).exists() for line in ran.lines)
    assert wheelfix("mirror", "check", tmp_path / "m").code == 0


def test_files_of_a_project_that_has_lost_its_page_can_be_added_again(tmp_path: Path) -> None:
    wheel = demo_wheel(tmp_path / "in", "1.0")
    wheelfix("mirror", "add", tmp_path / "m", wheel)
    for page in (tmp_path / "m/public/simple").rglob("index.*"):
        page.unlink()
    ran = wheelfix("mirror", "prune", "--all-unlisted", "--grace", "0", tmp_path / "m")
    assert "kept 2 unlisted files: their project has no page" in ran.err
    assert "  help: restore the page from a backup, or run `wheelfix mirror add` on the files" in ran.err
    assert wheelfix("mirror", "add", tmp_path / "m", wheel).code == 0
    ran = wheelfix("mirror", "prune", "--all-unlisted", "--grace", "0", tmp_path / "m")
    assert "kept" not in ran.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nothing",), "nothing does not exist"),
        (("https://example.invalid/simple/",), "A mirror is a directory or a bucket"),
        (("m", "--grace", "24"), "did you mean 24h?"),
        (("m", "--grace", "soon"), "'soon' is not a time such as 24h, 30m or '7 days'"),
        (("m", "--grace", ""), "is not a time"),
        (("m", "--grace", "-1h"), "is not a time"),
    ],
)
def test_usage(words: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = wheelfix("mirror", "prune", *words)
    assert (ran.code, told in ran.err) == (2, True), ran.err


@pytest.mark.parametrize("name", ["grace", "single-writer", "all-unlisted", "replaced", "check"])
def test_what_lowers_a_guard_counts_on_the_command_line_only(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wheelfix.toml").write_text(f'[options]\nmirror.prune.{name} = "1h"\n')
    ran = wheelfix("mirror", "prune", "m")
    assert (ran.code, f"--{name} is allowed only on the command line" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("24h", 86400),
        ("30m", 1800),
        ("90 s", 90),
        ("7 days", 604800),
        ("1 week", 604800),
        ("1h30m", 5400),
        ("1 Day 12 Hours", 129600),
        ("1.5h", 5400),
        ("0", 0),
        ("0s", 0),
        (3600.0, 3600),
    ],
)
def test_times_have_units(text: str | float, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "24", "h", "24 hxs", "1h-", "inf h", "9" * 400 + "h", "1 month", "24h x", "\u0661h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)


@pytest.mark.parametrize(
    "words",
    [
        ("add", "s3://bucket/m", "x.whl"),
        ("yank", "s3://bucket/m", "x"),
        ("unyank", "s3://bucket/m", "x"),
        ("remove", "s3://bucket/m", "x"),
        ("prune", "s3://bucket/m"),
        ("check", "--fix", "s3://bucket/m"),
    ],
)
def test_every_command_that_writes_to_a_bucket_knows_its_only_writer(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[dict[str, object]] = []

    def open_store(mirror: str, **options: object) -> None:
        opened.append({"mirror": mirror, **options})
        raise FileNotFoundError(mirror)

    monkeypatch.setattr(options, "open_store", open_store)
    assert wheelfix("mirror", *words, "--single-writer").code == 3
    assert opened == [{"mirror": "s3://bucket/m", "create": words[0] == "add", "single_writer": True}]


@pytest.mark.parametrize(
    "words",
    [
        ("add", "m", "x.whl", "--single-writer"),
        ("yank", "m", "x", "--single-writer"),
        ("unyank", "m", "x", "--single-writer"),
        ("remove", "m", "x", "--single-writer"),
        ("prune", "m", "--single-writer"),
        ("prune", "m", "--grace", "1h"),
        ("prune", "file:///m", "--grace", "1h"),
        ("check", "m", "--grace", "1h"),
        ("check", "file:///m", "--connections", "4"),
        ("check", "--fix", "m", "--single-writer"),
        ("strip-gpu", "--publish", "m", "x.whl", "--single-writer"),
    ],
    ids=" ".join,
)
def test_what_is_for_buckets_is_refused_for_a_directory(words: tuple[str, ...], tmp_path: Path) -> None:
    """Who gives it expects something of it."""
    (tmp_path / "x.whl").touch()
    given = [word.replace("x.whl", str(tmp_path / "x.whl")) for word in words]
    ran = wheelfix(*(given if given[0] == "strip-gpu" else ["mirror", *given]))
    option = next(each for each in reversed(words) if each.startswith("--"))
    mirror = next(each for each in words if each.endswith("m") and each != "m.whl" and not each.startswith("--"))
    assert (ran.code, f"{option} is for buckets; {mirror} is a directory\n" in ran.err) == (2, True), ran.err


def test_a_directory_keeps_young_files_for_the_grace_that_is_given(tmp_path: Path) -> None:
    assert wheelfix("mirror", "add", tmp_path / "m", demo_wheel(tmp_path / "in", "1.0")).code == 0
    assert wheelfix("mirror", "prune", "--all-unlisted", "--grace", "1h", tmp_path / "m").code == 0


def test_what_is_for_directories_or_for_fix_is_refused_for_a_bucket(tmp_path: Path) -> None:
    ran = wheelfix("mirror", "add", "s3://bucket/m", demo_wheel(tmp_path, "1.0"), "--link")
    assert (ran.code, "--link is for directories; s3://bucket/m is a bucket\n" in ran.err) == (2, True)
    ran = wheelfix("mirror", "check", "s3://bucket/m", "--single-writer")
    assert (ran.code, "--single-writer is for --fix" in ran.err) == (2, True)
