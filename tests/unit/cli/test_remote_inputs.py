"""The WHEEL arguments that are elsewhere: URLs, and requirements of an index."""

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

import wheelfix as api
from building import WheelSpec, write_wheel
from places import ROOT
from running import Ran, mirror_report, validator, wheelfix
from serving import Server, static
from wheelfix.cli.progress import DownloadLog, Log
from wheelfix.version import install_extra

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from buckets import Bucket

SAMPLES = ROOT / "sample_wheels"
TORCH = "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"
TORCH_X86 = "torch-2.7.0-cp311-cp311-manylinux_2_28_x86_64.whl"
CLEAN = "cleanpkg-1.0-py3-none-any.whl"
GONE = "gone-1.0-py3-none-any.whl"


pytestmark = pytest.mark.usefixtures("own_directories")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    for name in (TORCH, TORCH_X86, CLEAN):
        shutil.copy(SAMPLES / name, folder)
    (folder / "broken-1.0-py3-none-any.whl").write_bytes(b"<html>sign in</html>")
    with static(folder, negotiates=True) as found:
        yield found


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Server]:
    api.add_wheels(
        tmp_path / "mirror", [SAMPLES / TORCH, SAMPLES / TORCH_X86, SAMPLES / CLEAN],
        publishing=api.Publishing(allow_mixed=True),
    )  # fmt: skip
    with static(tmp_path / "mirror" / "public", negotiates=True) as found:
        yield found


def nothing_is_left(tmp_path: Path) -> bool:
    """Whether no directory for downloads is left."""
    return not list(tmp_path.rglob(".wheelfix-*")) and not list((tmp_path / "tmp").iterdir())


def names_in(directory: str) -> list[str]:
    return sorted(each.name for each in Path(directory).iterdir())


def outcomes(ran: Ran) -> list[tuple[str, str | None, str]]:
    return [(each["source"], each["url"], each["status"]) for each in ran.report["wheels"]]


def test_a_url_is_fixed_as_the_file_is(server: Server, tmp_path: Path) -> None:
    ran = wheelfix("strip-gpu", f"{server.url}/{TORCH}")
    assert (ran.code, ran.out) == (0, f"fixed/{TORCH}\n")
    assert ran.err.startswith(f"downloading {TORCH}, ")
    assert f"\n{server.url}/{TORCH}: " in ran.err
    assert str(tmp_path) not in ran.err
    local = wheelfix("strip-gpu", SAMPLES / TORCH, "-o", "local")
    assert local.code == 0
    assert Path("fixed", TORCH).read_bytes() == Path("local", TORCH).read_bytes()
    assert [(each.method, each.status) for each in server.asked()] == [("GET", 200)]
    assert names_in("fixed") == [TORCH]
    assert nothing_is_left(tmp_path)
    again = wheelfix("strip-gpu", f"{server.url}/{TORCH}")
    assert (again.code, again.out) == (0, f"fixed/{TORCH}\n")
    assert Path("fixed", TORCH).read_bytes() == Path("local", TORCH).read_bytes()


def test_a_name_that_no_file_can_have_is_the_failure_of_one_wheel(server: Server) -> None:
    name = f"{'x' * 300}-1.0-py3-none-any.whl"
    (ran, verified) = (wheelfix(each, f"{server.url}/{name}", f"{server.url}/{CLEAN}") for each in ("strip-gpu", "verify"))
    assert (ran.code, verified.code) == (3, 3)
    assert names_in("fixed") == [CLEAN]
    assert f"{CLEAN}: " in verified.out


def test_an_output_directory_that_cannot_be_written_to(server: Server, tmp_path: Path) -> None:
    (tmp_path / "work" / "taken").write_text("a file")
    ran = wheelfix("strip-gpu", f"{server.url}/{CLEAN}", "-o", "taken/below")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("error[enotdir]")
    assert server.asked() == []


def test_files_urls_and_standard_input_keep_their_order(server: Server) -> None:
    shutil.copy(SAMPLES / "networkx-3.3-py3-none-any.whl", ".")
    ran = wheelfix(
        "strip-gpu", "--check", "--format", "json", f"{server.url}/{TORCH}", "networkx-3.3-py3-none-any.whl", "-",
        f"{server.url}/{TORCH}", stdin=f"{server.url}/{CLEAN}\n",
    )  # fmt: skip
    assert ran.code == 1
    assert outcomes(ran) == [
        (TORCH, f"{server.url}/{TORCH}", "fixed"),
        ("networkx-3.3-py3-none-any.whl", None, "unchanged"),
        (CLEAN, f"{server.url}/{CLEAN}", "unchanged"),
    ]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_wheel_that_cannot_be_downloaded_is_one_failure_among_others(server: Server, tmp_path: Path, jobs: int) -> None:
    ran = wheelfix(
        "strip-gpu",
        "--format",
        "json",
        f"-j{jobs}",
        f"{server.url}/{TORCH}",
        f"{server.url}/{GONE}",
        f"{server.url}/{CLEAN}",
    )
    assert ran.code == 3
    assert [each[2] for each in outcomes(ran)] == ["fixed", "failed", "unchanged"]
    problem = ran.report["wheels"][1]["problem"]
    assert problem["code"] == "bad-answer"
    assert problem["message"] == f"{server.url}/{GONE} answers 404"
    assert names_in("fixed") == [CLEAN, TORCH]
    assert "No such file" not in ran.err + ran.out
    assert nothing_is_left(tmp_path)


def test_the_wheels_of_its_release_say_why_one_could_not_be_compared(server: Server) -> None:
    ran = wheelfix("strip-gpu", f"{server.url}/{TORCH}", f"{server.url}/nowhere/{TORCH_X86}")
    assert ran.code == 3
    assert f"{TORCH_X86} could not be compared: {server.url}/nowhere/{TORCH_X86} answers 404" in ran.err
    assert not Path("fixed").exists()


def test_the_same_name_from_two_urls_is_a_clash(server: Server) -> None:
    ran = wheelfix("strip-gpu", f"{server.url}/{CLEAN}", f"{server.url}/./{CLEAN}?again")
    assert ran.code == 3
    assert ran.err.count(f"another wheel of this run is called {CLEAN} too") == 2


@pytest.mark.parametrize(
    "command",
    [
        ("strip-gpu",),
        ("edit", "--set", "License=MIT"),
        ("fix", "--rules", "gpu"),
        ("repair",),
        ("strip-gpu", "--check"),
        ("strip-gpu", "--diff"),
        ("strip-gpu", "--repair", "--strict-rules"),
        ("edit", "--name", "other"),
        ("strip-gpu", "--publish", "m"),
        ("strip-gpu", "--local", "cpu", "--all", "-v"),
        ("strip-gpu", "--format", "markdown"),
        ("edit", "--set", "License=MIT", "--format", "json"),
        ("repair", "--rebuild-archive", "--format", "json"),
        ("verify", "--format", "json"),
        ("verify",),
        ("show",),
        ("rules", "explain", "--rules", "gpu"),
    ],
    ids=" ".join,
)
def test_each_command_takes_urls_and_requirements(
    command: tuple[str, ...], server: Server, index: Server, tmp_path: Path
) -> None:
    given = [f"{server.url}/{CLEAN}"], ["cleanpkg==1.0", "--from-index", index.index]
    ran = wheelfix(*command, *given[0])
    again = wheelfix(*command, *given[1], *(["--overwrite"] if "-o" in command else []))
    assert ran.code == again.code, ran.err + again.err
    assert ran.code in (0, 1), ran.err
    printed = ran.err + ran.out + again.err + again.out
    assert str(tmp_path) not in printed
    assert ".wheelfix-" not in printed
    assert CLEAN.partition("-")[0] in ran.err + ran.out
    assert nothing_is_left(tmp_path)


def test_verify_names_the_url_in_every_format(server: Server) -> None:
    good, broken, gone = f"{server.url}/{CLEAN}", f"{server.url}/broken-1.0-py3-none-any.whl", f"{server.url}/{GONE}"
    ran = wheelfix("verify", good, broken, gone)
    assert ran.code == 3
    assert f"{good}: 1 warning" in ran.out
    assert f"{broken}: 1 error" in ran.out
    assert f"file-unreadable: {gone} answers 404" in ran.out.replace("error[", "").replace("]", "")
    report = wheelfix("verify", "--format", "json", good).audit
    assert (report["wheels"][0]["source"], report["wheels"][0]["url"]) == (CLEAN, good)
    assert gone in wheelfix("verify", "--format", "sarif", gone).out
    assert quote(gone, safe="/.-") in wheelfix("verify", "--format", "github", gone).out


def test_wheels_are_compared_across_servers_and_disks(server: Server, index: Server) -> None:
    url = f"{server.url}/{TORCH}"
    same = wheelfix("diff", url, SAMPLES / TORCH)
    assert (same.code, same.out.splitlines()[0]) == (0, "identical")
    assert wheelfix("diff", url, url).code == 0
    other = wheelfix("diff", "--format", "json", url, SAMPLES / TORCH_X86)
    assert other.code == 1
    document = json.loads(other.out)
    validator("diff.schema.json").validate(document)
    assert (document["old"], document["old_url"], document["new_url"]) == (TORCH, url, None)
    gone = wheelfix("diff", f"{server.url}/{GONE}", url)
    assert gone.code == 3
    assert f"{server.url}/{GONE} not compared: it answers 404" in gone.err
    several = wheelfix("diff", "torch", SAMPLES / TORCH, "--from-index", index.index)
    assert several.code == 2
    assert "torch stands for 2 wheels: name one of" in several.err
    one = wheelfix("diff", "torch", SAMPLES / TORCH, "--from-index", index.index, "--platform", "*aarch64")
    assert (one.code, one.out.splitlines()[0]) == (0, "identical")


def test_a_release_of_an_index(index: Server) -> None:
    ran = wheelfix("strip-gpu", "--check", "--format", "json", "torch==2.7.0", "--from-index", index.index)
    assert sorted(each[0] for each in outcomes(ran)) == [TORCH, TORCH_X86]
    ran = wheelfix(
        "strip-gpu", "--format", "json", "torch", CLEAN, "--from-index", index.index, "--platform", "*aarch64",
        "--python", "3.11",
    )  # fmt: skip
    assert ran.code == 2  # a name that ends with .whl is a path
    assert f"{CLEAN} does not exist" in ran.err
    shutil.copy(SAMPLES / CLEAN, ".")
    ran = wheelfix("strip-gpu", "--format", "json", "torch", CLEAN, "--from-index", index.index, "--platform", "*aarch64")
    assert [each[0] for each in outcomes(ran)] == [TORCH, CLEAN]
    assert not any(each.path.endswith(TORCH_X86) and each.status == 206 for each in index.asked())


def test_downloads_lie_where_the_results_go(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_bucket: "Callable[[str], Bucket]"
) -> None:
    """A temporary directory in memory does not hold what a disk does."""
    from wheelfix.upstream import fetched

    seen: list[Path | None] = []
    scratch = fetched._scratch

    def note(directory: Path | None) -> "AbstractContextManager[Path]":
        seen.append(directory)
        return scratch(directory)

    monkeypatch.setattr(fetched, "_scratch", note)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    url = f"{server.url}/{CLEAN}"
    for arguments in (("-o", "out"), (), ("--check",), ("--publish", "m"), ("--publish", f"{new_bucket('s3').url}/m")):
        assert wheelfix("strip-gpu", url, *arguments).code == 0
    assert wheelfix("verify", url).code == 0
    *first, mirror, bucket, last = seen
    assert first == [Path("out"), Path("fixed"), None]
    assert mirror is not None
    assert bucket is not None
    assert mirror.resolve().is_relative_to(Path("m/private/scratch").resolve())  # tempfile's paths are absolute since 3.12
    assert bucket.is_relative_to(tmp_path / "cache")
    assert last is None
    assert nothing_is_left(tmp_path)
    assert not Path("m/private/scratch").exists() or not list(Path("m/private/scratch").iterdir())
    assert wheelfix("mirror", "check", "m").code == 0


def test_the_only_writer_of_a_bucket_says_so() -> None:
    ran = wheelfix("strip-gpu", "--single-writer", "x.whl")
    assert ran.code == 2
    assert "--single-writer are for --publish" in ran.err


def test_what_upstream_says_goes_along_into_the_mirror(index: Server, tmp_path: Path) -> None:
    api.yank_files(tmp_path / "mirror", "cleanpkg==1.0", reason="broken")
    arguments = ("--from-index", index.index, "cleanpkg==1.0")
    assert wheelfix("strip-gpu", "--publish", "one", *arguments).code == 0
    assert wheelfix("mirror", "add", "two", *arguments).code == 0
    pages = [json.loads(Path(each, "public/simple/cleanpkg/index.json").read_bytes()) for each in ("one", "two")]
    said = [{name: value for name, value in page["files"][0].items() if name != "_wheelfix-added"} for page in pages]
    assert said[0] == said[1]
    assert pages[0]["files"][0]["yanked"] == "broken"


WRONG = [
    ("ftp://example.org/x.whl", "is not the URL of a wheel: wheelfix reads http://"),
    ("https://example.org/demo-1.0.tar.gz", "is not the URL of a wheel: it is a source distribution"),
    ("https://example.org/simple/", "is not the URL of a wheel: its last part does not end with .whl"),
    ("https://example.org/", "its last part does not end with .whl"),
    ("https://example.org/x.whl/", "its last part does not end with .whl"),
    ("https://example.org/x-1.0-py3-none-any.whl.metadata", "it is the metadata file of one"),
    ("https://example.org/a%2Fb.whl", "its last part does not end with .whl"),
    ("https://who:secret@example.org/x.whl", "the URL of example.org contains credentials"),
    ("https://example.org/x.whl#sha256=12", "has an invalid sha256"),
    ("https://example.org/x.whl#md5=d41d8cd98f00b204e9800998ecf8427e", "md5 is not checked"),
    ("https://[::1/x.whl", "it is no valid URL"),
    ("https://example.org:0/x.whl", "it is no valid URL"),
]


@pytest.mark.parametrize(("url", "message"), WRONG)
def test_a_url_that_is_that_of_no_wheel(url: str, message: str) -> None:
    ran = wheelfix("strip-gpu", f"{url}{'' if '#' in url else '?signature=secret'}")
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "secret" not in ran.err
    assert "help: " in ran.err
    assert not Path("fixed").exists()


def test_everything_that_is_wrong_is_reported_at_once(index: Server) -> None:
    ran = wheelfix(
        "strip-gpu", "--from-index", index.index, "nothing", "cleanpkg==9", "./x.whl", "https://example.org/", "demo>>1",
        "cleanpkg[x]",
    )  # fmt: skip
    assert ran.code == 2
    assert ran.err.splitlines()[0] == "error: 6 arguments cannot be used; nothing was done"
    for words in ("no project nothing", "fits cleanpkg==9", "./x.whl does not exist", "more than a name and versions"):
        assert words in ran.err


def test_a_server_that_does_not_answer_is_no_wrong_usage() -> None:
    ran = wheelfix("strip-gpu", "--from-index", "http://127.0.0.1:9/simple/", "demo", "other")
    assert ran.code == 3
    assert "2 arguments cannot be used; nothing was done" in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--in-place", "http://127.0.0.1:9/x.whl"), "--in-place is for wheels on this machine"),
        (("--platform", "any", "x.whl"), "--platform is for --from-index"),
        (("--python", "3.11", "x.whl"), "--python is for --from-index"),
        (("--from-index", "a", "--from-index", "b", "x"), "Give --from-index once"),
        (("--from-index", "https://who:secret@example.org/", "x"), "contains credentials"),
        (("--from-index", "https://example.org/", "--python", "three", "x"), "is not a version of Python"),
        (("demo==1.0",), "is a requirement, not a path: name the index that has it with --from-index URL"),
    ],
)
def test_options_that_do_not_go_together(arguments: tuple[str, ...], message: str) -> None:
    ran = wheelfix("strip-gpu", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message.lower() in ran.err.lower()
    assert "secret" not in ran.err


def test_the_sum_in_a_url_is_checked(server: Server, tmp_path: Path) -> None:
    right = api.fix_wheels([SAMPLES / CLEAN], output=api.Output(dry_run=True)).outcomes[0]
    assert right.source_sha256 is None
    import hashlib

    digest = hashlib.sha256((SAMPLES / CLEAN).read_bytes()).hexdigest()
    assert wheelfix("strip-gpu", f"{server.url}/{CLEAN}#sha256={digest.upper()}").code == 0
    ran = wheelfix("strip-gpu", f"{server.url}/{CLEAN}#sha256={'0' * 64}", "-o", "other")
    assert ran.code == 3
    assert "error[wrong-hash]" in ran.err
    assert not Path("other").exists()
    assert nothing_is_left(tmp_path)


def test_a_page_where_a_wheel_should_be(server: Server, tmp_path: Path) -> None:
    """Such as a page to sign in, with status 200."""
    (tmp_path / "served" / "demo-1.0-py3-none-any.whl").mkdir()
    (tmp_path / "served" / "demo-1.0-py3-none-any.whl" / "index.html").write_text("<html>Sign in</html>")
    ran = wheelfix("strip-gpu", f"{server.url}/demo-1.0-py3-none-any.whl", f"{server.url}/{CLEAN}")
    assert ran.code == 3
    assert "error[not-a-wheel]" in ran.err
    assert names_in("fixed") == [CLEAN]


def test_a_signed_url_is_used_and_never_shown(server: Server) -> None:
    ran = wheelfix("strip-gpu", "-v", "--format", "json", f"{server.url}/{CLEAN}?X-Amz-Signature=hidden")
    assert ran.code == 0
    assert "hidden" not in ran.out + ran.err
    assert [each.path for each in server.asked()] == [f"/{CLEAN}?X-Amz-Signature=hidden"]


def test_a_file_url_is_a_path() -> None:
    path = write_wheel(Path(), WheelSpec(project="demo"))
    ran = wheelfix("verify", f"file://{quote(str(path.absolute()))}")
    assert (ran.code, ran.out.splitlines()[0]) == (0, f"{path.absolute()}: 1 warning")


def test_wheels_that_the_disk_cannot_hold_are_not_downloaded(index: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(".")._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    ran = wheelfix("verify", "--from-index", index.index, "torch")
    assert ran.code == 3
    assert "error[no-space]" in ran.err or "no-space" in ran.err
    assert index.wheel_bytes() == 0


def test_what_a_killed_run_left_is_removed_by_the_next_one(server: Server, tmp_path: Path) -> None:
    left = Path("fixed", ".wheelfix-0123456789abcdef.downloads", "0")
    left.mkdir(parents=True)
    (left / CLEAN).write_bytes(b"half")
    assert wheelfix("strip-gpu", f"{server.url}/{CLEAN}").code == 0
    assert names_in("fixed") == [CLEAN]


def test_wheels_from_elsewhere_are_added_to_a_mirror(server: Server, tmp_path: Path) -> None:
    ran = wheelfix("mirror", "add", "m", "--format", "json", f"{server.url}/{CLEAN}", f"{server.url}/{GONE}")
    assert ran.code == 3
    files = mirror_report(ran)["files"]
    assert [(each["source"], each["status"]) for each in files] == [(CLEAN, "added"), (GONE, "failed")]
    assert files[1]["problem"]["message"] == f"{server.url}/{GONE} answers 404"
    assert ran.err.startswith("downloading ")
    assert wheelfix("mirror", "check", "m").code == 0
    assert wheelfix("mirror", "add", "m", f"{server.url}/{CLEAN}", "--link").code == 0
    assert not list(Path("m/private/scratch").iterdir())
    assert nothing_is_left(tmp_path)


def test_overrides_are_exported_for_a_wheel_that_is_elsewhere(server: Server) -> None:
    arguments = ("rules", "export", "--to", "uv", "--rules", "gpu")
    ran = wheelfix(*arguments, f"{server.url}/{TORCH}")
    local = wheelfix(*arguments, SAMPLES / TORCH)
    assert (ran.code, ran.out) == (local.code, local.out)
    ran = wheelfix(*arguments, f"{server.url}/{GONE}")
    assert ran.code == 3
    assert f"{server.url}/{GONE} not read: it answers 404" in ran.err


def test_names_are_suggested_from_what_was_downloaded(server: Server) -> None:
    ran = wheelfix("edit", "--drop", "tritn", f"{server.url}/{TORCH}")
    assert ran.code == 0
    assert "Did you mean triton?" in ran.err


@pytest.mark.parametrize("extra", ["index", "cloud"])
def test_what_is_not_installed_is_named(extra: str, tmp_path: Path) -> None:
    """In a process of its own, where these packages cannot be imported: everything else works there."""
    program = (
        "import sys\n"
        "for name in sys.argv[1].split(','): sys.modules[name] = None\n"
        "from wheelfix.cli import run\n"
        "sys.exit(run(sys.argv[2:]))\n"
    )
    missing = {"index": "requests,pypi_simple,urllib3", "cloud": "obstore,boto3"}[extra]
    url = {"index": f"https://example.org/{CLEAN}", "cloud": f"s3://wheels/{CLEAN}"}[extra]
    command = [sys.executable, "-c", program, missing, "strip-gpu", "--check", str(SAMPLES / CLEAN)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    ran = subprocess.run([*command, url], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert install_extra(extra) in ran.stderr


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_a_run_that_is_stopped_while_it_downloads(sent: signal.Signals, code: int, tmp_path: Path) -> None:
    """What was downloaded is removed; after SIGKILL the next run does that."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/{CLEAN}"
        command = [sys.executable, "-m", "wheelfix", "strip-gpu", url, "-o", "out"]
        run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        connection, _ = listening.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 70_000)
            assert run.stderr is not None
            assert run.stderr.readline() == f"downloading {CLEAN}, 1,000,000 bytes\n"
            run.send_signal(sent)
            run.wait(60)
        run.stderr.close()
    assert run.returncode == code
    left = [] if not (tmp_path / "out").exists() else list((tmp_path / "out").iterdir())
    assert len(left) == (1 if sent == signal.SIGKILL else 0)
    assert wheelfix("strip-gpu", f"http://127.0.0.1:9/{CLEAN}", "-o", tmp_path / "out").code == 3
    assert not list(tmp_path.rglob("*.downloads"))


class TestInBuckets:
    """``s3://`` arguments: a wheel, a prefix, a pattern; and their neighbours."""

    @pytest.fixture
    def bucket(self, new_bucket: "Callable[[str], Bucket]") -> str:
        from buckets import s3_client

        found = new_bucket("s3")
        files = {name: (SAMPLES / Path(name).name).read_bytes() for name in (TORCH, CLEAN, f"deeper/{TORCH_X86}")}
        for key, data in {**files, "notes.txt": b"text"}.items():
            s3_client(found).put_object(Bucket=found.url.partition("://")[2], Key=f"in/{key}", Body=data)
        return f"{found.url}/in"

    def test_a_wheel_is_fixed_as_the_file_is(self, bucket: str, tmp_path: Path) -> None:
        ran = wheelfix("strip-gpu", f"{bucket}/{TORCH}")
        assert (ran.code, ran.out) == (0, f"fixed/{TORCH}\n"), ran.err
        size = (SAMPLES / TORCH).stat().st_size
        assert ran.err.startswith(f"downloading {TORCH}, {size:,} bytes\n{bucket}/{TORCH}: ")
        assert wheelfix("strip-gpu", SAMPLES / TORCH, "-o", "local").code == 0
        assert Path("fixed", TORCH).read_bytes() == Path("local", TORCH).read_bytes()
        assert nothing_is_left(tmp_path)

    def test_a_prefix_and_a_pattern_stand_for_what_lies_directly_there(self, bucket: str) -> None:
        for path, names in (("", [CLEAN, TORCH]), ("torch-*.whl", [TORCH]), ("t*", [TORCH])):
            ran = wheelfix("strip-gpu", "--check", "--format", "json", f"{bucket}/{path}", f"{bucket}/{names[0]}")
            assert [each[0] for each in outcomes(ran)] == names, ran.err
            assert [each[1] for each in outcomes(ran)] == [f"{bucket}/{name}" for name in names]

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("/nothing/", "no wheels in"),
            ("/x-*.whl", "no wheels in"),
            ("", "its last part does not end with .whl"),
            ("/demo-1.0.tar.gz", "it is a source distribution"),
            (f"/{CLEAN}?versionId=1", "the URL of a bucket has no query"),
            (f"/{CLEAN}#sha256=1", "has an invalid sha256"),
        ],
    )
    def test_what_names_no_wheel(self, bucket: str, path: str, message: str) -> None:
        ran = wheelfix("strip-gpu", bucket + path)
        assert (ran.code, ran.out) == (2, "")
        assert message in ran.err
        assert "help: " in ran.err

    def test_one_that_is_not_there_does_not_stop_the_others(self, bucket: str, server: Server) -> None:
        ran = wheelfix("strip-gpu", "--format", "json", f"{bucket}/{GONE}", f"{server.url}/{TORCH}", f"{bucket}/{CLEAN}")
        assert ran.code == 3
        assert [each[2] for each in outcomes(ran)] == ["failed", "fixed", "unchanged"]
        assert f"{bucket}/{GONE}" in ran.report["wheels"][0]["problem"]["message"]

    def test_from_bucket_to_bucket(self, bucket: str) -> None:
        target = f"{bucket.removesuffix('/in')}/mirror"
        ran = wheelfix("strip-gpu", "--publish", target, f"{bucket}/")
        assert ran.code == 0, ran.err
        assert ran.err.splitlines()[-1].endswith(f" -> {target}/: 2 added")
        assert [line.rpartition("/")[2] for line in ran.out.splitlines()] == [CLEAN, TORCH]
        assert all(line.startswith(f"{target}/public/files/") for line in ran.out.splitlines())
        listed = wheelfix("mirror", "list", target)
        assert listed.code == 0
        assert TORCH in listed.out
        assert CLEAN in listed.out

    def test_what_is_refused_has_no_place_in_the_bucket_though_its_original_has(self, bucket: str) -> None:
        target, given = (
            f"{bucket.removesuffix('/in')}/mirror",
            (SAMPLES / TORCH, SAMPLES / "torch-1.13.1-cp310-cp310-manylinux1_x86_64.whl"),
        )
        ran = wheelfix("strip-gpu", "-q", "--build-tag", "1", "--yank-original", "gpu", "--publish", target, *given)
        assert ran.code == 3
        assert [line.rpartition("/")[2] for line in ran.out.splitlines()] == [TORCH.replace("0-cp311", "0-1-cp311", 1)]

    def test_a_sum_in_the_url_is_checked(self, bucket: str) -> None:
        import hashlib

        digest = hashlib.sha256((SAMPLES / CLEAN).read_bytes()).hexdigest()
        assert wheelfix("verify", f"{bucket}/{CLEAN}#sha256={digest}").code == 0
        ran = wheelfix("verify", f"{bucket}/{CLEAN}#sha256={'0' * 64}")
        assert ran.code == 3
        assert "another sha256 than the URL says" in ran.out

    def test_a_bucket_that_is_not_there(self, bucket: str) -> None:
        ran = wheelfix("strip-gpu", "s3://no-such-bucket-anywhere/")
        assert ran.code == 2
        assert "there is no bucket no-such-bucket-anywhere" in ran.err
        assert not Path("fixed").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("strip-gpu",),
        ("edit", "--set", "License=MIT", "-v"),
        ("repair", "--rebuild-archive"),
        ("strip-gpu", "--publish", "m"),
        ("mirror", "add", "m"),
        ("verify",),
        ("diff", f"{SAMPLES / CLEAN}"),
        ("show",),
        ("show", "--scan", "always"),
        ("rules", "explain", "--rules", "gpu"),
        ("rules", "export", "--to", "uv", "--rules", "gpu"),
    ],
    ids=" ".join,
)
def test_a_damaged_wheel_is_named_by_its_url_and_not_by_where_it_lay(
    command: tuple[str, ...], server: Server, tmp_path: Path
) -> None:
    url = f"{server.url}/broken-1.0-py3-none-any.whl"
    ran = wheelfix(*command, url)
    assert ran.code in (1, 3), ran.err
    printed = ran.err + ran.out
    name = url.rpartition("/")[2] if command[0] == "mirror" else url  # in a mirror files are known by their names
    assert name in printed
    assert ".wheelfix-" not in printed
    assert str(tmp_path) not in printed
    assert nothing_is_left(tmp_path)


def test_a_quiet_run_says_nothing_of_downloads(server: Server) -> None:
    ran = wheelfix("strip-gpu", "-q", f"{server.url}/{TORCH}")
    assert (ran.code, ran.out, ran.err) == (0, f"fixed/{TORCH}\n", "")
    ran = wheelfix("verify", "-q", f"{server.url}/{CLEAN}")
    assert (ran.code, ran.err) == (0, "")


def test_the_log_of_downloads(capsys: pytest.CaptureFixture[str]) -> None:
    log = DownloadLog(Log(1))
    log.waiting("https://example.org/x.whl", 2.5, "the server answers 503")
    log.file_started("x.whl", 5000, 1000)
    log.file_started("y.whl", None)
    quiet = DownloadLog(Log(1, quiet=True))
    quiet.waiting("https://example.org/x.whl", 2.5, "the server answers 503")
    quiet.file_started("x.whl", 5000)
    assert capsys.readouterr().err.splitlines() == [
        "waiting 2.5 s for https://example.org/x.whl: the server answers 503",
        "resuming x.whl: 1,000 of 5,000 bytes are there",
        "downloading y.whl",
    ]


@pytest.mark.parametrize("command", ["strip-gpu", "fix --rules gpu", "edit --set Summary=x", "repair"])
@pytest.mark.parametrize(
    "url", ["s3://wheels/out", "GS://wheels/out", "az://c/x", "https://user:secret@example.invalid/x?s=secret"]
)
def test_results_do_not_go_to_a_directory_that_is_called_like_a_url(command: str, url: str) -> None:
    ran = wheelfix(*command.split(), "-o", url, SAMPLES / TORCH)
    assert ran.code == 2
    assert f"{url.partition('//')[0]}//... is a URL, and this is a directory on this machine" in ran.err
    assert "wheelfix mirror add" in ran.err
    assert "secret" not in ran.err
    assert not [*Path().iterdir()]


def test_output_directories_from_settings_are_no_urls_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHEELFIX_OUTPUT_DIR", "s3://wheels/out")
    assert "is a URL" in wheelfix("strip-gpu", SAMPLES / TORCH).err
    monkeypatch.delenv("WHEELFIX_OUTPUT_DIR")
    Path("wheelfix.toml").write_text('schema = 1\n[options]\noutput-dir = "s3://wheels/out"\n')
    assert "is a URL" in wheelfix("strip-gpu", SAMPLES / TORCH).err
    assert [each.name for each in Path().iterdir()] == ["wheelfix.toml"]


def test_a_file_url_is_an_output_directory(tmp_path: Path) -> None:
    assert wheelfix("strip-gpu", "-o", f"file://{tmp_path}/o%20ut", SAMPLES / TORCH).lines == [f"{tmp_path}/o ut/{TORCH}"]


def test_output_of_scripts_is_no_url() -> None:
    with pytest.raises(ValueError, match="directory must be on this machine"):
        api.Output(directory="s3://wheels/out")
    with pytest.raises(ValueError, match="directory must be on this machine"):
        api.fix_wheels([SAMPLES / TORCH], "gpu", output="s3://wheels/out")


def test_pages_of_an_index_are_not_cached_in_a_directory_that_is_called_like_a_url() -> None:
    ran = wheelfix("mirror", "check", "--cache", "s3://wheels/cache", "http://127.0.0.1:9/simple/")
    assert (ran.code, "s3://... is a URL" in ran.err) == (2, True)


def test_two_wheels_of_one_name_elsewhere(server: Server, tmp_path: Path) -> None:
    """No help names an option that is refused for them."""
    (tmp_path / "served" / "again").mkdir()
    shutil.copy(SAMPLES / TORCH, tmp_path / "served" / "again")
    ran = wheelfix("strip-gpu", f"{server.url}/{TORCH}", f"{server.url}/again/{TORCH}")
    assert "same-output-name" in ran.err
    assert "--in-place" not in ran.err


def test_what_was_published_names_the_url(server: Server) -> None:
    """In reports, and where it is printed, as of every other command."""
    url = f"{server.url}/{CLEAN}"
    assert f"{url}: added" in (ran := wheelfix("mirror", "add", "m", url)).out + ran.err
    [file] = mirror_report(wheelfix("mirror", "add", "m", url, "--format", "json"))["files"]
    assert (file["source"], file["url"]) == (CLEAN, url)
    [file] = mirror_report(wheelfix("mirror", "add", "m", SAMPLES / TORCH, "--format", "json"))["files"]
    assert file["url"] is None
    published = wheelfix("strip-gpu", "--publish", "m2", f"{server.url}/{TORCH}", "--format", "json").report["published"]
    assert [each["url"] for each in published] == [f"{server.url}/{TORCH}"]
    assert f"{server.url}/gone-1.0-py3-none-any.whl not added" in wheelfix("mirror", "add", "m", f"{server.url}/{GONE}").err


def test_verify_says_of_a_wrong_sha256_what_to_do_and_nothing_of_installers(server: Server) -> None:
    ran = wheelfix("verify", f"{server.url}/{CLEAN}#sha256={'0' * 64}")
    assert "another sha256 than the URL says, and deleted. Check the URL, and run again." in ran.out
    assert "refused by" not in ran.out


@pytest.mark.parametrize("words", ["rules test", "fix --rules", "rules list --rules"])
def test_the_url_of_rules_is_shown_without_secrets(words: str) -> None:
    ran = wheelfix(
        *words.split(),
        "https://user:secret@example.invalid/r.toml?sig=secret",
        *([SAMPLES / CLEAN] if "fix" in words else []),
    )
    assert (ran.code, "secret" in ran.err) == (2, False)
    assert ran.err.count("example.invalid") <= 1


@pytest.mark.parametrize("url", ["s3://[/x.whl", "gs://[x/x.whl", "https://[/x.whl"])
def test_a_url_that_cannot_be_split_is_an_error_and_no_traceback(url: str) -> None:
    ran = wheelfix("show", url)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error[bad-url]")
