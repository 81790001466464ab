"""Many writers at once, and writers that are killed: what readers see is right at every moment."""

import os
import random
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from building import Entry, write_wheel
from defects import metadata, valid
from wheelfix.mirror.check import check_mirror
from wheelfix.mirror.upload import add_wheels
from wheelfix.mirror.yank import list_pages
from wheelfix.options import Limits, Publishing

pytestmark = [pytest.mark.slow, pytest.mark.parts]
_HREF = re.compile(r'href="\.\./\.\./([^"#]+)#')


def wheels(folder: Path, projects: int, versions: int, size: int = 100) -> list[Path]:
    folder.mkdir()
    found = []
    for project in (f"demo{number}" for number in range(projects)):
        for version in (f"1.{number}" for number in range(versions)):
            head = ("Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}", "Summary: A wheel for tests")
            files = (Entry(f"{project}/data.bin", random.Random(version).randbytes(size), method=0),)
            spec: Any = valid(project=project, version=version, metadata=metadata(head=head), files=files)
            found.append(write_wheel(folder, spec))
    return found


def forked(work: Callable[[], bool]) -> int:
    """Do ``work`` in a process of its own; return its number."""
    number = os.fork()
    if number:
        return number
    _work_and_end(work)


def _work_and_end(work: Callable[[], bool]) -> NoReturn:
    code = 3
    try:
        code = 0 if work() else 1
    finally:
        os._exit(code)


def test_eight_processes_add_to_one_mirror(tmp_path: Path) -> None:
    """Each of them adds its own share of every project, so that all of them want the same pages."""
    paths, mirror = wheels(tmp_path / "in", projects=20, versions=10), tmp_path / "mirror"
    shares = [paths[number::8] for number in range(8)]
    numbers = [forked(lambda share=share: add_wheels(mirror, share).ok) for share in shares]  # type: ignore[misc]
    assert [os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) for number in numbers] == [0] * 8
    listed = {file.filename for page in list_pages(mirror) for file in page.files}
    assert listed == {path.name for path in paths}
    assert check_mirror(mirror).findings == ()


def html_leads_to_files(mirror: Path) -> bool:
    for page in mirror.glob("public/simple/*/index.html"):
        for place in _HREF.findall(page.read_text("utf-8")):
            if not (mirror / "public" / place).is_file() or not (mirror / "public" / f"{place}.metadata").is_file():
                return False
    return True


ALLOWED = {"unlisted", "leftover", "html-differs", "page-unlisted"}
"""What a killed writer may leave: nothing of it leads a reader to what is not there."""


def test_a_writer_is_killed_at_any_moment(tmp_path: Path) -> None:
    """Pitfall 36: readers see a whole page at any time, and the next call completes what was begun."""
    paths, mirror = wheels(tmp_path / "in", projects=2, versions=6, size=200_000), tmp_path / "mirror"
    kills, killed, number, chance = 300, 0, 0, random.Random(5)
    start = time.monotonic()
    add_wheels(tmp_path / "measured", paths)
    usual = time.monotonic() - start
    while killed < kills:
        assert number < 3 * kills, "most writers were done before they were killed"
        if number % 10 == 0 and mirror.exists():
            mirror.rename(tmp_path / f"old{number}")
        share = chance.sample(paths, 4)
        writer = forked(lambda share=share: add_wheels(mirror, share, publishing=Publishing(replace=True)).ok)  # type: ignore[misc]
        time.sleep(chance.uniform(0, usual / 2))
        os.kill(writer, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(writer, 0)[1])
        if (mirror / "public/simple").exists():
            assert {each.code for each in check_mirror(mirror).findings} <= ALLOWED
            assert html_leads_to_files(mirror)
        if number % 10 == 9:
            assert add_wheels(mirror, paths, limits=Limits(lock_seconds=10)).ok
            assert {each.code for each in check_mirror(mirror).findings} <= {"leftover"}
            assert check_mirror(mirror, fix=True).findings == ()
        number += 1
