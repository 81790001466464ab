"""A call on a mirror that is cut off at each of its steps: by a kill, or by a system that refuses."""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from pypi_simple import ProjectPage

from building import Entry, write_wheel
from defects import metadata, valid
from parts import PARTS, chosen_parts
from wheelfix import fix_wheels
from wheelfix.errors import MirrorError
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.follow import follow_index
from wheelfix.mirror.publish import fix_into_mirror
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import remove_files, yank_files
from wheelfix.options import Naming, Publishing, Transfer
from wheelfix.upstream.client import ServedPage

pytestmark = pytest.mark.slow
GPU: Final = "nvidia-cudnn-cu12==9.5.1.17"
STEPS: Final = (
    "open", "mkdir", "link", "replace", "unlink", "rmdir", "fsync", "pwrite", "copy_file_range", "chmod", "fchmod",
)  # fmt: skip
"""What changes a disk, or prepares to."""
_HREF: Final = re.compile(r'href="\.\./\.\./([^"#]+)#sha256=([0-9a-f]{64})"')


Call = Callable[[Path, Path], Callable[[], object]]
"""Prepares a mirror, and returns what is to be cut off."""


class Killed(BaseException):
    """The process is gone; nothing that it does afterwards has an effect."""


@contextmanager
def cut_off(at: int, error: BaseException) -> Iterator[list[int]]:
    """Let the step number ``at`` raise ``error``, and all that follow too if that is a kill; give the number of steps."""
    steps = [0]
    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, _counting(getattr(os, name), steps, at, error))
        yield steps


def _counting(real: Callable[..., Any], steps: list[int], at: int, error: BaseException) -> Callable[..., Any]:
    def step(*arguments: Any, **options: Any) -> Any:
        steps[0] += 1
        if steps[0] == at or (steps[0] > at and isinstance(error, Killed)):
            raise error
        return real(*arguments, **options)

    return step


def wheel(folder: Path, version: str = "1.0", body: str = "", needs: str = "six", project: str = "demo") -> Path:
    folder.mkdir(exist_ok=True)
    head = ("Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}", "Summary: A wheel for tests")
    data = metadata(f"Requires-Dist: {needs}", head=head, rest=("Description-Content-Type: text/plain",))
    files = (Entry(f"{project}/__init__.py", body.encode()), Entry(f"{project}/version.py", b"cuda = None\n"))
    return write_wheel(folder, valid(project=project, version=version, metadata=data, files=files))


def add_new(folder: Path, mirror: Path) -> Callable[[], object]:
    paths = [wheel(folder / "in"), wheel(folder / "in", "2.0"), wheel(folder / "in", project="other")]
    return lambda: add_wheels(mirror, paths)


def add_more(folder: Path, mirror: Path) -> Callable[[], object]:
    add_wheels(mirror, wheel(folder / "in"))
    path = wheel(folder / "in", "2.0")
    return lambda: add_wheels(mirror, path, publishing=Publishing(transfer=Transfer.LINK))


def add_to_several(folder: Path, mirror: Path) -> Callable[[], object]:
    """Projects that are listed and new ones go through the same steps together."""
    add_wheels(mirror, [wheel(folder / "in"), wheel(folder / "in", project="other")])
    paths = [wheel(folder / "in", "2.0", project=project) for project in ("demo", "new", "other")]
    return lambda: add_wheels(mirror, paths)


def replace(folder: Path, mirror: Path) -> Callable[[], object]:
    add_wheels(mirror, [wheel(folder / "in"), wheel(folder / "in", "2.0")])
    paths = [wheel(folder / "new", body="new"), wheel(folder / "new", "2.0", body="new")]
    return lambda: add_wheels(mirror, paths, publishing=Publishing(replace=True))


def yank_original(folder: Path, mirror: Path) -> Callable[[], object]:
    original = wheel(folder / "in", needs=GPU)
    [outcome] = fix_wheels(original, output=folder / "fixed", naming=Naming(build_tag="1nogpu")).outcomes
    made = Path(str(outcome.output))
    return lambda: add_wheels(mirror, made, publishing=Publishing(yank_original="gpu"), originals=[original])


def publish(folder: Path, mirror: Path) -> Callable[[], object]:
    paths = [wheel(folder / "in", needs=GPU), wheel(folder / "in", "2.0", needs=GPU)]
    return lambda: fix_into_mirror(mirror, paths)


def yank(folder: Path, mirror: Path) -> Callable[[], object]:
    add_wheels(mirror, [wheel(folder / "in"), wheel(folder / "in", "2.0")])
    return lambda: yank_files(mirror, "demo==1.0", "because")


def remove_one(folder: Path, mirror: Path) -> Callable[[], object]:
    add_wheels(mirror, [wheel(folder / "in"), wheel(folder / "in", "2.0")])
    return lambda: remove_files(mirror, "demo==1.0")


def remove_all(folder: Path, mirror: Path) -> Callable[[], object]:
    add_wheels(mirror, [wheel(folder / "in"), wheel(folder / "in", project="other")])
    return lambda: remove_files(mirror, "demo")


def mend(folder: Path, mirror: Path) -> Callable[[], object]:
    add_wheels(mirror, [wheel(folder / "in"), wheel(folder / "in", "2.0")])
    (mirror / "public/simple/demo/index.html").unlink()
    (mirror / "public/simple/index.html").unlink()
    for metadata_file in mirror.glob("public/files/demo/*/*.metadata"):
        metadata_file.unlink()
    return lambda: check_mirror(mirror, fix=True)


def follow(folder: Path, mirror: Path) -> Callable[[], object]:
    add_wheels(mirror, [wheel(folder / "in"), wheel(folder / "in", "2.0")])
    listed = json.loads((mirror / "public/simple/demo/index.json").read_bytes())
    listed["files"][1]["yanked"] = "broken"
    url = "https://example.org/simple/"
    answer = ServedPage(f"{url}demo/", "json", ProjectPage.from_json_data(listed, f"{url}demo/"))
    return lambda: follow_index(LocalStore(mirror), "demo", url, answer, 600)


CALLS: Final = (
    add_new,
    add_more,
    add_to_several,
    replace,
    yank_original,
    publish,
    yank,
    follow,
    remove_one,
    remove_all,
    mend,
)


def misled(mirror: Path) -> list[str]:
    """Return what a client would be led to and not find."""
    wrong = []
    for page in mirror.glob("public/simple/*/index.html"):
        wrong += [
            place
            for place, sha256 in _HREF.findall(page.read_text("utf-8"))
            if not is_whole(mirror / "public" / place, sha256)
        ]
    for page in mirror.glob("public/simple/*/index.json"):
        document = json.loads(page.read_bytes())
        for file in (*document["files"], *document.get("_wheelfix-past", ())):
            place = mirror / "public" / file["url"].removeprefix("../../")
            if not is_whole(place, file["hashes"]["sha256"]):
                wrong.append(f"{page}: {place}")
    root = mirror / "public/simple/index.json"
    listed = json.loads(root.read_bytes())["projects"] if root.exists() else []
    wrong += [each["name"] for each in listed if not (mirror / "public/simple" / each["name"] / "index.json").exists()]
    return wrong


def leaking(mirror: Path) -> set[str]:
    """Return the code of what these mirrors have on purpose, if this one has it."""
    return {each.code for each in check_mirror(mirror).findings} & {"gpu-requirements"}


def is_whole(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


@pytest.mark.parametrize("error", [Killed(), OSError(errno.ENOSPC, "No space left on device")], ids=["killed", "refused"])
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_no_reader_is_misled_and_the_next_run_completes(call: Call, error: BaseException, tmp_path: Path) -> None:
    cut_at_each_step(call, error, tmp_path)


@pytest.mark.parametrize("call", [add_new, publish], ids=lambda call: call.__name__)
def test_where_files_cannot_be_made_without_a_name(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every file system knows O_TMPFILE: what is half made has a name then."""
    monkeypatch.delattr(os, "O_TMPFILE")
    cut_at_each_step(call, Killed(), tmp_path)


def cut_at_each_step(call: Call, error: BaseException, tmp_path: Path) -> None:
    """Confirm that a run that is cut off anywhere misleads nobody, and that fixing and the next run both complete it."""
    at, last = 0, False
    while not last:
        at += 1
        if at % PARTS not in chosen_parts():
            continue
        folder, mirror = tmp_path / str(at), tmp_path / str(at) / "mirror"
        folder.mkdir()
        act = call(folder, mirror)
        if call is not mend:  # its mirror is one that misleads, on purpose
            assert misled(mirror) == []
        with cut_off(at, error) as steps:
            with suppress(Killed, OSError):
                act()
            last = steps[0] < at
        if call is not mend:
            assert misled(mirror) == [], at
        if (mirror / "private").is_dir():
            copy = folder / "copy"
            shutil.copytree(mirror, copy)
            codes = {each.code for each in check_mirror(copy, fix=True).findings} - {"gpu-requirements"}
            assert codes <= ({"local-version-covers-less"} if call is add_new else set()), (at, codes)
            assert misled(copy) == []
            assert not list(copy.glob("private/journal/*")), at
            assert {each.code for each in check_mirror(copy).findings} == codes | leaking(copy), at
        with suppress(MirrorError):  # what was to be removed may be gone
            act()
        assert misled(mirror) == [], at
        assert {each.code for each in check_mirror(mirror).findings} - {"gpu-requirements", "leftover"} == set(), at
        shutil.rmtree(folder)
    assert at > 10
