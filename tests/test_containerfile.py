"""The Containerfile: no registry for images is at hand, so its steps run here unchanged, in directories of their own."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from buckets import Bucket, use
from building import WheelSpec
from places import ROOT
from syncing import pages_of
from upstreams import pypi
from wheelfix.mirror.storage import open_store

FILE = ROOT / "Containerfile"


class Step(NamedTuple):
    """An instruction, and what follows it."""

    word: str
    rest: str


def stages() -> list[list[Step]]:
    """Return the steps of each stage; the arguments in front of the first one are a stage, too."""
    text = re.sub(r"^#.*\n", "", FILE.read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[Step]] = [[]]
    for line in filter(None, map(str.strip, text.splitlines())):
        step = Step(*line.split(maxsplit=1))
        if step.word == "FROM":
            found.append([])
        found[-1].append(step)
    return found


def the(word: str, stage: int = -1) -> str:
    """Return what follows the only ``word`` of a stage."""
    [found] = [step.rest for step in stages()[stage] if step.word == word]
    return found


def variables() -> dict[str, str]:
    """Return the environment of the image."""
    return dict(each.split("=", 1) for each in shlex.split(the("ENV")))


def test_it_runs_as_nobody_and_needs_no_shell() -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", the("USER")), "numbers: orchestrators check that it is not root"
    assert json.loads(the("ENTRYPOINT")) == ["/opt/wheelfix/bin/wheelfix"]
    assert json.loads(the("CMD")) == ["mirror", "sync", "/etc/wheelfix/mirror.toml"]
    assert the("STOPSIGNAL") == "SIGTERM"
    words = [step.word for step in stages()[-1]]
    assert "RUN" not in words, "nothing runs in the last stage, so its base needs no shell either"
    assert words.count("COPY") == 1
    assert set(words) <= {"FROM", "LABEL", "COPY", "ENV", "WORKDIR", "USER", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
    assert variables()["HOME"] == "/nonexistent"
    assert variables()["XDG_CACHE_HOME"] == "/tmp", "without a home, work on a bucket needs a place"


def test_bases_are_arguments_with_a_version() -> None:
    arguments = dict(step.rest.split("=", 1) for step in stages()[0])
    assert set(arguments) == {"BUILD", "RUN"}
    assert all(re.search(r":\d+\.\d+-", each) for each in arguments.values())
    assert [stage[0].rest for stage in stages()[1:]] == ["${BUILD} AS build", "${RUN}"]


def test_only_what_is_built_from_reaches_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = {name.strip("./") for step in stages()[1] if step.word == "COPY" for name in step.rest.split()[:-1]}
    assert sent == copied


SANDBOX = """
set -eu
mount --bind "$PLACE/etc" /mnt && mount --bind "$PLACE/state" /srv
mount --bind "$PLACE/opt" /opt
for shell in /bin/sh /bin/bash /bin/dash; do mount --bind /dev/null "$(readlink -f "$shell")" 2>/dev/null || true; done
mount -t tmpfs tmpfs /tmp
if [ -n "$CLOSED" ]; then  # the Python of the tests is in a directory that others may not enter
    mkdir /tmp/python && mount --bind "$PREFIX" /tmp/python
    mount -t tmpfs -o mode=755 tmpfs "$CLOSED" && mkdir -p "$PREFIX" && mount --bind /tmp/python "$PREFIX"
fi
mount -o remount,bind,ro /
exec setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs --inh-caps=-all -- "$@"
"""
MANIFEST = """schema = 1
[mirror]
store = "/srv/mirror"
rules = ["gpu"]
dependencies = true
pythons = ["3.11"]
platforms = ["manylinux*_x86_64"]
[[source]]
index = "{index}"
projects = ["demo"]
"""


def can_isolate() -> bool:
    """Whether this process may give a child a view of the file system of its own."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        return False
    ran = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    return ran.returncode == 0


def closed() -> str:
    """Return the first directory on the way to this Python that only its owner may enter; empty if there is none."""
    way = [*reversed(Path(sys.base_prefix).parents)]
    return next((str(each) for each in way if not each.stat().st_mode & 0o001), "")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the steps of the first stage, changing only the directories; return where these are."""
    place = tmp_path_factory.mktemp("image")
    place.chmod(0o755)
    source = place / "src"
    for step in stages()[1]:
        if step.word == "COPY":
            for name in step.rest.split()[:-1]:
                target = source / name
                (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, target)
        elif step.word == "WORKDIR":
            source.mkdir()
        elif step.word == "RUN":
            command = step.rest.replace("/wheels", f"{place}/wheels").replace("/opt/", f"{place}/opt/")
            command = re.sub(r"^python ", f"{sys.executable} ", command)
            subprocess.run(["sh", "-c", command], cwd=source, check=True, capture_output=True)
    for script in (place / "opt" / "wheelfix" / "bin").iterdir():
        if script.is_file() and not script.is_symlink() and script.read_bytes()[:2] == b"#!":
            script.write_text(script.read_text("utf-8").replace(str(place / "opt"), "/opt"))
    (place / "state" / "mirror").mkdir(parents=True)
    os.chown(place / "state" / "mirror", 10001, 10001)
    return place


def isolated(image: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run ``command`` as the image would."""
    given = {**os.environ, "PLACE": str(image), "PREFIX": sys.base_prefix, "CLOSED": closed()}
    words = ["unshare", "--mount", "sh", "-c", SANDBOX, "sh", *command]
    return subprocess.run(words, capture_output=True, text=True, check=False, env=given)


def entered(image: Path, manifest: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run the image unchanged with ``manifest``, and ``more`` variables."""
    (image / "etc").mkdir(exist_ok=True)
    (image / "etc" / "mirror.toml").write_text(manifest)
    [entry] = json.loads(the("ENTRYPOINT"))
    words = [each.replace("/etc/wheelfix/", "/mnt/") for each in json.loads(the("CMD"))]
    environment = ["env", "-i", *(f"{name}={value}" for name, value in {**variables(), **more}.items())]
    return isolated(image, *environment, entry, *words)


@pytest.mark.clients
@pytest.mark.skipif(not can_isolate(), reason="needs root, who may mount")
def test_a_sync_runs_without_shell_home_or_a_file_system_to_write_to(image: Path) -> None:
    """The stage is installed; its entry point runs as another user, on a read-only file system, without a shell."""
    with pypi() as index:
        index.add(WheelSpec(project="demo", version="1.0", requires=("other>=1",)))
        index.add(WheelSpec(project="other", version="2.0", requires=()))
        ran = entered(image, MANIFEST.format(index=index.index))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    listed = sorted(each.name for each in (image / "state" / "mirror" / "public" / "simple").iterdir() if each.is_dir())
    assert listed == ["demo", "other"]
    assert not list((image / "opt" / "wheelfix").glob("lib/*/site-packages/pip"))
    assert isolated(image, "/bin/sh", "-c", "true").returncode == 126, "there is no shell to start"
    assert isolated(image, "touch", "/opt/wheelfix/x").returncode == 1, "nothing can be written there"


@pytest.mark.clients
@pytest.mark.skipif(not can_isolate(), reason="needs root, who may mount")
def test_a_mirror_in_a_bucket_needs_no_home_either(
    image: Path, new_bucket: Callable[[str], Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = new_bucket("s3")
    manifest = MANIFEST.replace("/srv/mirror", f"{bucket.url}/team").replace("true", "false")
    with pypi() as index:
        index.add(WheelSpec(project="demo", version="1.0", requires=()))
        ran = entered(image, manifest.format(index=index.index), **bucket.environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    use(bucket, monkeypatch)
    assert "public/simple/demo/index.json" in pages_of(open_store(f"{bucket.url}/team"))
