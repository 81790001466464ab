"""What each form can hold beyond what one small application has: sources of all kinds, older and newer versions, damage."""

from pathlib import Path

import pytest

from counting import count_calls
from places import ROOT
from wheelfix.errors import LockError
from wheelfix.locks import requirements, text
from wheelfix.locks.model import Lock, LockedFile, LockKind, Skipped
from wheelfix.locks.read import read_lock

A, B = "a" * 64, "b" * 64


def read(tmp_path: Path, name: str, content: str | bytes) -> Lock:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_lock(path)


def skipped(lock: Lock) -> dict[str, Skipped]:
    return {each.project: each.reason for each in lock.skipped}


UV = """version = 1
revision = 9
[[package]]
name = "Demo_One"
version = "1.00"
source = { registry = "https://packages.example.org/simple" }
resolution-markers = ["sys_platform == 'linux'"]
sdist = { url = "https://files.example.org/demo_one-1.0.tar.gz", hash = "sha256:%s", size = 7 }
wheels = [{ url = "https://files.example.org/x/demo_one-1.0%%2Bcpu-py3-none-any.whl", hash = "sha256:%s" }]
[[package]]
name = "local"
version = "1"
source = { registry = "../wheels" }
wheels = [{ path = "local-1-py3-none-any.whl" }]
[[package]]
name = "app"
source = { virtual = "." }
[[package]]
name = "editable"
source = { editable = "lib" }
[[package]]
name = "folder"
source = { directory = "lib" }
[[package]]
name = "file"
source = { path = "x-1-py3-none-any.whl" }
[[package]]
name = "repository"
source = { git = "https://git.example.org/x?rev=1#0" }
[[package]]
name = "direct"
source = { url = "https://files.example.org/x-1-py3-none-any.whl" }
[[package]]
name = "other"
source = { teleport = "x" }
[[package]]
name = "nothing"
version = "2"
source = { registry = "https://packages.example.org/simple" }
"""


def test_uv(tmp_path: Path) -> None:
    lock = read(tmp_path, "uv.lock", UV % (A, B))
    wheel, sdist, nothing = lock.files
    assert wheel == LockedFile(
        project="demo-one", version="1.0", filename="demo_one-1.0+cpu-py3-none-any.whl", hashes=(f"sha256:{B}",),
        url="https://files.example.org/x/demo_one-1.0%2Bcpu-py3-none-any.whl", index="https://packages.example.org/simple",
        marker="sys_platform == 'linux'", line=3,
    )  # fmt: skip
    assert (sdist.filename, sdist.sha256, sdist.size) == ("demo_one-1.0.tar.gz", (A,), 7)
    assert (nothing.project, nothing.filename, nothing.hashes) == ("nothing", None, ())
    assert lock.format == "1.9"
    assert skipped(lock) == {
        "local": Skipped.LOCAL, "app": Skipped.PROJECT, "editable": Skipped.EDITABLE, "folder": Skipped.DIRECTORY,
        "file": Skipped.LOCAL, "repository": Skipped.GIT, "direct": Skipped.URL, "other": Skipped.UNKNOWN,
    }  # fmt: skip


PYLOCK = """lock-version = "%s"
created-by = "somebody"
[[packages]]
name = "demo"
[[packages.wheels]]
url = "https://files.example.org/demo-1.0-py3-none-any.whl"
hashes = { sha256 = "%s", md5 = "0123456789abcdef0123456789abcdef" }
[[packages]]
name = "repository"
vcs = { type = "git", url = "https://git.example.org/x", commit-id = "0" }
[[packages]]
name = "folder"
directory = { path = "lib" }
[[packages]]
name = "archive"
archive = { url = "https://files.example.org/x.tar.gz", hashes = { sha256 = "0" } }
[[packages]]
name = "local"
version = "1"
wheels = [{ path = "wheels/local-1-py3-none-any.whl", hashes = { sha256 = "0" } }]
"""


def test_pylock(tmp_path: Path) -> None:
    lock = read(tmp_path, "pylock.app.toml", PYLOCK % ("1.0", A.upper()))
    assert [(each.project, each.version, each.sha256, each.line) for each in lock.files] == [("demo", "1.0", (A,), 3)]
    assert skipped(lock) == {
        "repository": Skipped.GIT, "folder": Skipped.DIRECTORY, "archive": Skipped.URL, "local": Skipped.LOCAL
    }  # fmt: skip


def test_a_newer_minor_version_of_pylock_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lock = read(tmp_path, "pylock.toml", PYLOCK % ("1.7", A))
    assert len(lock.files) == 1
    assert lock.warnings == ("it has version 1.7 of its form, and 1.0 is known: what is new in it does not count",)
    assert caplog.records == []


POETRY = """
[[package]]
name = "demo"
version = "1.0"
files = [{ file = "demo-1.0-py3-none-any.whl", hash = "sha256:%s" }, { file = "demo-1.0.tar.gz", hash = "sha256:%s" }]
[[package]]
name = "elsewhere"
version = "1.0"
files = []
[package.source]
type = "legacy"
url = "https://wheels.example.org/simple"
[[package]]
name = "repository"
version = "1.0"
files = []
source = { type = "git", url = "https://git.example.org/x" }
[metadata]
lock-version = "%s"
"""


def test_poetry(tmp_path: Path) -> None:
    lock = read(tmp_path, "poetry.lock", POETRY % (A, B, "2.1"))
    assert [(each.filename, each.index) for each in lock.files] == [
        ("demo-1.0-py3-none-any.whl", "https://pypi.org/simple/"),
        ("demo-1.0.tar.gz", "https://pypi.org/simple/"),
        (None, "https://wheels.example.org/simple"),
    ]
    assert skipped(lock) == {"repository": Skipped.GIT}
    assert read(tmp_path, "poetry.lock", POETRY % (A, B, "2.9")).warnings == (
        "it has version 2.9 of its form, and 2.1 is known",
    )


def test_poetry_1_lists_the_files_of_all_versions_in_one_place(tmp_path: Path) -> None:
    lock = read(
        tmp_path,
        "poetry.lock",
        f"""
[[package]]
name = "demo"
version = "1.0"
[[package]]
name = "demo"
version = "2.0"
[metadata]
lock-version = "1.1"
[metadata.files]
demo = [
    {{ file = "demo-1.0-py3-none-any.whl", hash = "sha256:{A}" }},
    {{ file = "demo-2.0-py3-none-any.whl", hash = "sha256:{B}" }},
]
""",
    )
    assert [(each.version, each.sha256) for each in lock.files] == [("1.0", (A,)), ("2.0", (B,))]


def test_a_file_of_poetry_1_whose_name_says_no_version_of_the_lock_is_not_lost(tmp_path: Path) -> None:
    head = '[[package]]\nname = "functools32"\nversion = "3.2.3-2"\n[metadata]\nlock-version = "1.1"\n[metadata.files]\n'
    file = f'{{ file = "functools32-3.2.3-2.tar.gz", hash = "sha256:{A}" }}'
    lock = read(tmp_path, "poetry.lock", f"{head}functools32 = [{file}]\n")
    assert [(each.version, each.filename) for each in lock.files] == [("3.2.3.post2", "functools32-3.2.3-2.tar.gz")]


def test_files_of_hundreds_of_versions_in_one_place_are_refused(tmp_path: Path) -> None:
    packages = "".join(f'[[package]]\nname = "demo"\nversion = "{number}"\n' for number in range(101))
    with pytest.raises(LockError, match="more than 100 versions of demo"):
        read(tmp_path, "poetry.lock", f'{packages}[metadata]\nlock-version = "1.1"\n[metadata.files]\ndemo = []\n')


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "requirements.txt"])
def test_the_work_grows_with_the_file(name: str, tmp_path: Path) -> None:
    def work(count: int) -> int:
        text = (ROOT / "tests/locks" / name).read_text()
        if name == "requirements.txt":
            path = tmp_path / f"{count}.txt"
            path.write_text(text * count)
        else:
            start = text.index("[[package")
            end = text.rindex("[metadata]") if name == "poetry.lock" else len(text)
            path = tmp_path / f"{count}.lock"
            path.write_text(text[:start] + text[start:end] * count + text[end:])
        return count_calls(lambda: read_lock(path))

    assert work(40) < 12 * work(4)


def test_the_oldest_locks_of_poetry_have_hashes_alone(tmp_path: Path) -> None:
    head = '[[package]]\nname = "demo"\nversion = "1.0"\n[metadata]\nlock-version = "1.0"\n'
    lock = read(tmp_path, "poetry.lock", f'{head}[metadata.hashes]\ndemo = ["{A}", "{B}"]\n')
    assert [(each.filename, each.sha256) for each in lock.files] == [(None, (A, B))]


PDM = """
[metadata]
lock_version = "%s"
[[package]]
name = "demo"
version = "1.0"
marker = "python_version > '3'"
files = [{ file = "demo-1.0+cpu-py3-none-any.whl", hash = "sha256:%s" }]
[[package]]
name = "demo"
version = "1.0"
extras = ["more"]
marker = "python_version > '3'"
files = [{ file = "demo-1.0+cpu-py3-none-any.whl", hash = "sha256:%s" }]
[[package]]
name = "repository"
version = "1.0"
git = "https://git.example.org/x"
[[package]]
name = "folder"
version = "1.0"
path = "./lib"
[[package]]
name = "file"
version = "1.0"
path = "./lib/x-1-py3-none-any.whl"
[[package]]
name = "editable"
version = "1.0"
path = "./lib"
editable = true
[[package]]
name = "direct"
version = "1.0"
url = "https://files.example.org/x-1-py3-none-any.whl"
"""


def test_pdm(tmp_path: Path) -> None:
    lock = read(tmp_path, "pdm.lock", PDM % ("4.5.9", A, A))
    assert [(each.version, each.filename, each.sha256) for each in lock.files] == [
        ("1.0+cpu", "demo-1.0+cpu-py3-none-any.whl", (A,))
    ]
    assert skipped(lock) == {
        "repository": Skipped.GIT, "folder": Skipped.DIRECTORY, "file": Skipped.LOCAL, "editable": Skipped.EDITABLE,
        "direct": Skipped.URL,
    }  # fmt: skip
    assert lock.warnings == ("it has version 4.5.9 of its form, and 4.5.1 is known",)


def test_older_locks_of_pdm_list_files_by_name_and_version(tmp_path: Path) -> None:
    head = '[[package]]\nname = "demo"\nversion = "1.0"\n[metadata]\nlock_version = "4.1"\n[metadata.files]\n'
    lock = read(
        tmp_path, "pdm.lock", f'{head}"demo 1.0" = [{{ url = "https://x.org/demo-1.0.zip", hash = "sha256:{A}" }}]\n'
    )
    assert [(each.filename, each.url) for each in lock.files] == [("demo-1.0.zip", "https://x.org/demo-1.0.zip")]


REQUIREMENTS = f"""# made by hand
-i https://packages.example.org/simple/
--pre
Demo_One[more]==1.00 ; python_version > "3" \\
    --hash=sha256:{A} \\
    --hash sha256:{B.upper()}  # and one behind
plain===2.0
open>=1
glob==1.*
-e ./lib
./lib/x-1-py3-none-any.whl
git+https://git.example.org/x#egg=x
direct @ https://files.example.org/x-1-py3-none-any.whl
--frobnicate now
-r more.txt
-rhttps://files.example.org/more.txt
--constraint=bounds.txt
"""


def test_requirements(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("-r requirements.txt\nmore==3 --hash=md5:0123456789abcdef0123456789abcdef\n")
    (tmp_path / "bounds.txt").write_text(f"open==1.5 --hash=sha256:{A}\nunused==1\n")
    lock = read(tmp_path, "requirements.txt", REQUIREMENTS)
    assert [(each.project, each.version, each.sha256, each.marker) for each in lock.files] == [
        ("demo-one", "1.0", (A, B), 'python_version > "3"'),
        ("plain", "2.0", (), None),
        ("open", "1.5", (A,), None),
        ("more", "3", (), None),
    ]
    assert {each.index for each in lock.files} == {"https://packages.example.org/simple/"}
    assert [(each.project, each.reason) for each in lock.skipped] == [
        ("./lib", Skipped.EDITABLE),
        ("./lib/x-1-py3-none-any.whl", Skipped.LOCAL),
        ("git+https://git.example.org/x#egg=x", Skipped.GIT),
        ("direct", Skipped.URL),
        ("https://files.example.org/more.txt", Skipped.INCLUDED),
        ("glob", Skipped.UNPINNED),
    ]
    assert lock.warnings == ("line 14: the option --frobnicate is not known, and does not count",)


def test_an_option_with_an_equals_sign_is_no_key_of_toml(tmp_path: Path) -> None:
    lock = read(tmp_path, "locked", "--index-url=https://packages.example.org/simple/\n--no-index\ndemo==1\n")
    assert (lock.kind, [each.index for each in lock.files]) == (
        LockKind.REQUIREMENTS, ["https://packages.example.org/simple/"]
    )  # fmt: skip


def test_with_more_than_one_index_nobody_knows_where_a_file_is_from(tmp_path: Path) -> None:
    lock = read(tmp_path, "requirements.txt", "-i https://a.example.org\n--extra-index-url https://b.example.org\ndemo==1\n")
    assert [each.index for each in lock.files] == [None]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_windows_writes(tmp_path: Path, encoding: str) -> None:
    lock = read(tmp_path, "requirements.txt", "demo==1\r\nother==2\r\n".encode(encoding))
    assert [(each.project, each.version, each.line) for each in lock.files] == [("demo", "1", 1), ("other", "2", 2)]


PACKAGE = '[[package]]\nname = "demo"\nversion = "1"\nsource = { registry = "https://x.org" }\n'
DAMAGES: dict[str, tuple[str, str | bytes, str, str]] = {
    "no toml": ("uv.lock", "version = 1\nwhat is this\n", "lock-unreadable", "invalid TOML"),
    "cut off": ("poetry.lock", (POETRY % (A, B, "2.1"))[:90], "lock-unreadable", "invalid TOML"),
    "other json": ("Pipfile.lock", "{}", "lock-unknown", "not a lock file of a known kind"),
    "of a mirror": ("mirror.lock", '{"version": 1, "command": "mirror list"}', "lock-unknown", "it is a lock of a mirror"),
    "other toml": ("pyproject.toml", '[project]\nname = "x"\n', "lock-unknown", "not a lock file of a known kind"),
    "binary": ("requirements.txt", b"\x00\xff\xfe\x80", "lock-unreadable", "not UTF-8 (byte 1)"),
    "uv, too new": ("uv.lock", "version = 2\n", "lock-unknown-version", "version 2 is not supported (supported: 1)"),
    "uv, no version": ("uv.lock", PACKAGE, "lock-damaged", "missing required field `version`"),
    "uv, version is text": ("uv.lock", 'version = "1"\n', "lock-damaged", "Expected `int`, got `str` at version"),
    "uv, no source": (
        "uv.lock", 'version = 1\n\n[[package]]\nname = "demo"\n', "lock-damaged",
        "line 3 cannot be used as a lock file: Object missing required field `source` at package 1",
    ),
    "uv, wheels are a text": (
        "uv.lock", f'version = 1\n{PACKAGE}{PACKAGE}wheels = "x"\n', "lock-damaged",
        "line 6 cannot be used as a lock file: Expected `array`, got `str` at package 2.wheels",
    ),
    "uv, no project": ("uv.lock", f"version = 1\n{PACKAGE}".replace("demo", "../x"), "lock-damaged", "'../x' is no name"),
    "uv, bad version": ("uv.lock", f"version = 1\n{PACKAGE}".replace('"1"', '"one"'), "lock-damaged", "'one' is no version"),
    "uv, without version": (
        "uv.lock", f"version = 1\n{PACKAGE}".replace('version = "1"\n', ""), "lock-damaged", "of an index has no version"
    ),
    "uv, bad hash": (
        "uv.lock", f'version = 1\n{PACKAGE}wheels = [{{ url = "https://x.org/x.whl", hash = "sha256:12" }}]\n',
        "lock-damaged", "line 2 cannot be used as a lock file: 'sha256:12' is no hash",
    ),
    "uv, short sha256": (
        "uv.lock", f'version = 1\n{PACKAGE}wheels = [{{ url = "https://x.org/x.whl", hash = "sha256:{A[1:]}" }}]\n',
        "lock-damaged", "a sha256 has 64 hexadecimal digits, not 63",
    ),
    "pylock, too new": ("pylock.toml", PYLOCK % ("2.0", A), "lock-unknown-version", "2.0 is not supported (supported: 1.0)"),
    "pylock, no version": ("pylock.toml", PYLOCK % ("one", A), "lock-damaged", "Invalid version: 'one' at lock-version"),
    "pylock, bad hash": ("pylock.toml", PYLOCK % ("1.0", A[1:]), "lock-damaged", "a sha256 has 64"),
    "uv, digits": ("uv.lock", f"version = 1\nrevision = 0x{'f' * 5000}\n", "lock-damaged", "revision"),
    "uv, digits of its version": ("uv.lock", f"version = 0x{'f' * 5000}\n", "lock-damaged", "version"),
    "pylock, digits": (
        "pylock.toml", (PYLOCK % ("1.0", A)).replace("1.0-py3", "1" * 5000 + "-py3"), "lock-damaged", "packages 1"
    ),
    "pylock, marker": (
        "pylock.toml", (PYLOCK % ("1.0", A)).replace('name = "demo"', f'name = "demo"\nmarker = "{"(" * 3000}"', 1),
        "lock-damaged", "pylock.toml",
    ),
    "marker": ("requirements.txt", f"demo==1; {'(' * 3000}", "lock-damaged", "is no requirement"),
    "digits": ("requirements.txt", f"demo=={'1' * 5000}", "lock-damaged", "line 1"),
    "a long line": ("requirements.txt", "demo==1 " + "--hash=md5:0 \\\n" * 100_000, "lock-damaged", "more than 1,048,576"),
    "pylock, damaged": (
        "pylock.toml", (PYLOCK % ("1.0", A)).replace("demo-1.0", "other-1.0"), "lock-damaged", "line 3 cannot be used"
    ),
    "poetry, too new": ("poetry.lock", POETRY % (A, B, "3.0"), "lock-unknown-version", "(supported: 1 to 2.1)"),
    "poetry, no metadata": ("poetry.lock", PACKAGE, "lock-damaged", "missing required field `metadata`"),
    "pdm, too new": ("pdm.lock", PDM % ("4.6.0", A, A), "lock-unknown-version", "not supported (supported: 4.0 to 4.5.1)"),
    "pdm, too old": ("pdm.lock", PDM % ("3.1", A, A), "lock-unknown-version", "its version 3.1 is not supported"),
    "no requirement": ("requirements.txt", "demo==1\n\nnot one of these\n", "lock-damaged", "line 3 cannot be used"),
    "bad hash": ("requirements.txt", "demo==1 --hash=sha256:xyz\n", "lock-damaged", "'sha256:xyz' is no hash"),
    "no hash": ("requirements.txt", "demo==1 --hash\n", "lock-damaged", "--hash has no value"),
    "a quotation mark": ("requirements.txt", "demo==1 --hash='sha256\n", "lock-damaged", "options cannot be read"),
    "bad pin": ("requirements.txt", "demo===one\n", "lock-damaged", "'one' is no version"),
    "includes nothing": ("requirements.txt", "\n-r more.txt\n", "lock-damaged", "line 2 cannot be used"),
    "includes no file": ("requirements.txt", "-r .\n", "lock-damaged", "it is no regular file"),
    "includes a NUL": ("requirements.txt", "\n-c a\0b.txt\n", "lock-damaged", "line 2 cannot be used"),
    "includes a long name": ("requirements.txt", f"-r {'x' * 5000}\n", "lock-damaged", "line 1 cannot be used"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_an_error_with_its_place(damage: str, tmp_path: Path) -> None:
    name, content, code, message = DAMAGES[damage]
    with pytest.raises(LockError) as caught:
        read(tmp_path, name, content)
    assert caught.value.code == code
    assert message in str(caught.value)
    assert name in caught.value.message
    assert caught.value.hint


def test_a_lock_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="No such file") as caught:
        read_lock(tmp_path / "uv.lock")
    assert caught.value.code == "lock-unreadable"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "uv.lock")
    with pytest.raises(LockError, match="no regular file"):
        read_lock(tmp_path / "uv.lock")


def test_too_large(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    with path.open("wb") as file:
        file.truncate(text.LARGEST + 1)
    with pytest.raises(LockError, match="larger than"):
        read_lock(path)


def test_files_that_include_each_other_have_one_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "LARGEST", 100)
    (tmp_path / "b.txt").write_text("x" * 60 + "==1\n")
    with pytest.raises(LockError, match="larger than"):
        read(tmp_path, "a.txt", "-r b.txt\n" + "y" * 50 + "==1\n")


def test_a_link_that_leads_to_itself_is_included(tmp_path: Path) -> None:
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    with pytest.raises(LockError, match="it includes, cannot be read"):
        read(tmp_path, "a.txt", "-r loop.txt\n")


def test_too_many_files_include_each_other(tmp_path: Path) -> None:
    for number in range(101):
        (tmp_path / f"{number}.txt").write_text(f"-r {number + 1}.txt\n")
    with pytest.raises(LockError, match="more than 100 files"):
        read_lock(tmp_path / "0.txt")


def test_a_key_of_thousands_of_parts_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="a key has 50,000 parts") as caught:
        read(tmp_path, "uv.lock", "version = 1\n" + ".".join(["a"] * 50_000) + " = 1\n")
    assert caught.value.line == 2


def test_names_in_a_lock_are_no_paths(tmp_path: Path) -> None:
    content = f'version = 1\n{PACKAGE}wheels = [{{ url = "https://x.org/..%2f..%2fetc%2fpasswd\\u001b[2J" }}]\n'
    assert [each.filename for each in read(tmp_path, "uv.lock", content).files] == ["passwd\\x1b[2J"]


def test_a_lock_says_its_kind(tmp_path: Path) -> None:
    assert read(tmp_path, "pdm.lock", POETRY % (A, B, "2.1")).kind is LockKind.POETRY


def test_a_file_that_is_no_lock_is_not_shown(tmp_path: Path) -> None:
    """A lock may come from a pull request, and name a file that only the machine of the mirror can read."""
    (tmp_path / "shadow").write_text("root:$6$secret:19000:0:99999:7:::\n")
    lock = tmp_path / "requirements.txt"
    lock.write_text("-r shadow\n")
    with pytest.raises(LockError) as caught:
        read_lock(lock)
    assert "secret" not in str(caught.value)
    assert "line 1" in str(caught.value)
