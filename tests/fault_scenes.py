"""The runs in which calls of the system fail, see :mod:`fault_trials`: what they start from, and the command."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from building import Entry, RecordStyle, WheelSpec, write_wheel
from defects import metadata, valid
from demos import demo_wheel
from fault_trials import Scene
from running import wheelfix
from upstreams import Upstream

_GPU: Final = "nvidia-cudnn-cu12==9.5.1.17"
_CPU_BUILD: Final = (Entry("demo/__init__.py", b""), Entry("demo/version.py", b"cuda = None\n"))
_JSON: Final = ("--format", "json")
_MANIFEST: Final = """\
schema = 1
[mirror]
store = "mirror"
rules = ["gpu"]
[[source]]
name = "here"
index = "{index}"
projects = ["demo", "other"]
"""


def wheels(work: Path) -> None:
    """Write two wheels with a requirement that is dropped, and one without."""
    for version in ("1.0", "2.0"):
        demo_wheel(work / "in", version, _GPU, files=_CPU_BUILD)
    demo_wheel(work / "in", "3.0")


def two_projects(work: Path) -> None:
    """Write wheels of two projects."""
    wheels(work)
    head = ("Metadata-Version: 2.1", "Name: other", "Version: 1.0", "Summary: A wheel for tests")
    lines = metadata("Requires-Dist: six", head=head, rest=("Description-Content-Type: text/plain",))
    write_wheel(work / "in", valid(project="other", version="1.0", metadata=lines))


def large(work: Path) -> None:
    """Write a wheel with so many bytes that they are copied in blocks, hashed in a thread, and flushed ahead."""
    files = (*_CPU_BUILD, Entry("demo/data", os.urandom(9 << 20)))
    demo_wheel(work / "in", "1.0", _GPU, files=files)


def replaced(work: Path) -> None:
    """Put other files where the results go."""
    wheels(work)
    (work / "fixed").mkdir()
    for path in (work / "in").iterdir():
        (work / "fixed" / path.name).write_bytes(b"of before")


def reported(work: Path) -> None:
    """Write reports where new ones go."""
    wheels(work)
    (work / "reports").mkdir()
    for name in ("run.json", "run.html"):
        (work / "reports" / name).write_bytes(b"of before")


def unlisted_rows(work: Path) -> None:
    """Write wheels whose RECORD lacks a row."""
    (work / "in").mkdir()
    for version in ("1.0", "2.0"):
        write_wheel(
            work / "in",
            WheelSpec(version=version, files=_CPU_BUILD, style=RecordStyle(unlisted=frozenset({"demo/version.py"}))),
        )


def begun(work: Path) -> None:
    """Publish one of several wheels."""
    two_projects(work)
    in_work(work, "mirror", "add", "mirror", "in/demo-3.0-py3-none-any.whl")


def published(work: Path) -> None:
    """Publish all of several wheels."""
    two_projects(work)
    in_work(work, "mirror", "add", "mirror", "in")


def damaged(work: Path) -> None:
    """Take from a mirror what can be regenerated."""
    published(work)
    (work / "mirror/public/simple/demo/index.html").unlink()
    (work / "mirror/public/simple/index.html").unlink()
    for each in sorted((work / "mirror/public/files/demo").glob("*/*.metadata")):
        each.unlink()


def with_replaced_files(work: Path) -> None:
    """Publish other files of the same names in place of the first ones."""
    published(work)
    for version in ("1.0", "2.0"):
        demo_wheel(work / "new", version, files=_CPU_BUILD)
    in_work(work, "mirror", "add", "mirror", "--replace", "new")


def bundled(work: Path) -> None:
    """Write a bundle of a mirror, and begin another one."""
    published(work)
    in_work(work, "mirror", "export", "mirror", "-o", "all.tar")
    in_work(work, "mirror", "add", "other", "in/demo-3.0-py3-none-any.whl")


def in_work(work: Path, *arguments: str) -> None:
    """Run ``wheelfix`` in ``work``."""
    with contextlib.chdir(work):
        ran = wheelfix(*arguments)
    assert ran.code == 0, ran.err


def manifest_of(upstream: Upstream) -> Callable[[Path], None]:
    """Return what writes a manifest for what ``upstream`` has."""
    for version in ("1.0", "2.0"):
        upstream.add(WheelSpec(project="demo", version=version, requires=(_GPU,), files=_CPU_BUILD))
    upstream.add(WheelSpec(project="other", version="1.0"))

    def write(work: Path) -> None:
        (work / "mirror.toml").write_text(_MANIFEST.format(index=upstream.index))

    return write


SCENES: Final = (
    Scene("fix", wheels, ("strip-gpu", "in", *_JSON)),
    Scene("fix-plain", wheels, ("strip-gpu", "in", *_JSON), plain=True),
    Scene("fix-large", large, ("strip-gpu", "in", *_JSON)),
    Scene("in-place", wheels, ("strip-gpu", "--in-place", "in", *_JSON)),
    Scene("in-place-plain", wheels, ("strip-gpu", "--in-place", "in", *_JSON), plain=True),
    Scene("overwrite", replaced, ("strip-gpu", "--overwrite", "in", *_JSON)),
    Scene("batch", wheels, ("strip-gpu", "-j", "2", "in", *_JSON), costly=True),
    Scene("repair", unlisted_rows, ("repair", "in", *_JSON)),
    Scene("reports", reported, ("strip-gpu", "in", "--report", "reports/run.json", "--report", "reports/run.html", *_JSON)),
    Scene("add", begun, ("mirror", "add", "mirror", "in", *_JSON), "mirror"),
    Scene("add-plain", begun, ("mirror", "add", "mirror", "in", *_JSON), "mirror", plain=True),
    Scene("add-linked", begun, ("mirror", "add", "mirror", "--link", "in", *_JSON), "mirror"),
    Scene("publish", two_projects, ("strip-gpu", "--publish", "mirror", "in", *_JSON), "mirror"),
    Scene("yank", published, ("mirror", "yank", "mirror", "demo==1.0", "--reason", "broken", *_JSON), "mirror"),
    Scene("remove", published, ("mirror", "remove", "mirror", "demo==1.0", *_JSON), "mirror", once=True),
    Scene("remove-project", published, ("mirror", "remove", "mirror", "demo", *_JSON), "mirror", once=True),
    Scene("prune", with_replaced_files, ("mirror", "prune", "--replaced", "mirror", *_JSON), "mirror"),
    Scene("check-fix", damaged, ("mirror", "check", "--fix", "--ignore", "gpu-requirements", "mirror", *_JSON), "mirror"),
    Scene("export", published, ("mirror", "export", "mirror", "-o", "all.tar", "--lock", "last.lock", *_JSON), "mirror"),
    Scene("import", bundled, ("mirror", "import", "other", "all.tar", *_JSON), "other"),
)
