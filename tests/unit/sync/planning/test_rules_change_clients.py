"""What pip and uv install from a mirror before and after its rules changed, with locks made before, and without."""

import os
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct
from msgspec.structs import replace
from uv import find_uv_bin

from building import WheelSpec
from serving import static
from upstreams import pypi
from wheelfix.mirror.yank import list_pages
from wheelfix.sync.manifest.model import Manifest, OnRulesChange, Source
from wheelfix.sync.run import sync_mirror

pytestmark = [pytest.mark.slow, pytest.mark.parts]

CLIENTS: Final = ("pip", "uv")


def installed(client: str, index: str, target: Path, *wanted: str) -> list[str]:
    """Install ``wanted`` by a client, and return what the distribution requires then."""
    command = {
        "pip": [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-cache-dir", "--isolated"],
        "uv": [find_uv_bin(), "pip", "install", "--no-config", "--no-cache", "--python", sys.executable],
    }[client]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_"))}
    where = ["--quiet", "--no-deps", "--index-url", index, "--target", str(target)]
    ran = subprocess.run([*command, *where, *wanted], capture_output=True, text=True, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr
    (metadata,) = target.glob("demo-*.dist-info/METADATA")
    return message_from_bytes(metadata.read_bytes()).get_all("Requires-Dist", [])


class Mirror(Struct):
    """A mirror at :attr:`index`, in ``folder``, with a lock of what it serves under each set of rules."""

    folder: Path
    manifest: Manifest
    index: str

    def sync(self, dropped: str) -> None:
        """Sync it by the rule that drops what is named."""
        rules = self.folder / f"{dropped}.toml"
        rules.write_text(f'schema = 1\n[[rule]]\nid = "one"\nreason = "a test"\nmatch = "{dropped}"\naction = "drop"\n')
        assert sync_mirror(replace(self.manifest, rules=(str(rules),))).ok

    def lock(self, name: str) -> Path:
        """Write a lock of what is not yanked."""
        (page,) = list_pages(self.folder / "mirror")
        sums = " ".join(f"--hash=sha256:{each.sha256}" for each in page.files if each.yanked is None)
        path = self.folder / name
        path.write_text(f"demo==1.0 {sums}\n")
        return path


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with pypi() as upstream, static(tmp_path / "mirror" / "public", negotiates=True) as server:
        upstream.add(WheelSpec(requires=("requests", "six", "attrs")))
        source = Source(name="main", index=upstream.index, projects=("demo",))
        manifest = Manifest(path=tmp_path / "mirror.toml", store=str(tmp_path / "mirror"), sources=(source,))
        yield Mirror(tmp_path, manifest, server.index)


@pytest.mark.parametrize("client", CLIENTS)
def test_under_a_build_tag_old_locks_install_the_old_file_and_all_else_the_new_one(mirror: Mirror, client: str) -> None:
    mirror.manifest = replace(mirror.manifest, on_rules_change=OnRulesChange.BUILD_TAG)
    locks = []
    for number, (dropped, left) in enumerate((("six", ["requests", "attrs"]), ("attrs", ["requests", "six"]))):
        mirror.sync(dropped)
        locks.append(mirror.lock(f"{dropped}.txt"))
        assert installed(client, mirror.index, mirror.folder / f"{client}{number}", "demo") == left
    for lock, left in zip(locks, (["requests", "attrs"], ["requests", "six"]), strict=True):
        target = mirror.folder / f"{client}-{lock.stem}"
        assert installed(client, mirror.index, target, "--require-hashes", "-r", str(lock)) == left


@pytest.mark.parametrize("client", CLIENTS)
def test_a_file_that_a_lock_names_is_installed_by_it_beside_its_correction(mirror: Mirror, client: str) -> None:
    lock = mirror.folder / "requirements.txt"
    mirror.sync("nothing")
    mirror.lock(lock.name)
    locked = Source(name="locked", index=mirror.manifest.sources[0].index, locks=(lock,))
    mirror.manifest = replace(
        mirror.manifest, sources=(locked, *mirror.manifest.sources), on_rules_change=OnRulesChange.BUILD_TAG
    )
    mirror.sync("six")
    every = ["requests", "six", "attrs"]
    assert installed(client, mirror.index, mirror.folder / "locked", "--require-hashes", "-r", str(lock)) == every
    assert installed(client, mirror.index, mirror.folder / "free", "demo") == ["requests", "attrs"]


@pytest.mark.parametrize("client", CLIENTS)
def test_in_place_locks_with_urls_install_the_old_file(mirror: Mirror, client: str) -> None:
    mirror.manifest = replace(mirror.manifest, on_rules_change=OnRulesChange.REPLACE)
    mirror.sync("six")
    (page,) = list_pages(mirror.folder / "mirror")
    url = f"{mirror.index}demo/{page.files[0].url}#sha256={page.files[0].sha256}"
    mirror.sync("attrs")
    assert installed(client, mirror.index, mirror.folder / "new", "demo") == ["requests", "six"]
    assert installed(client, mirror.index, mirror.folder / "old", f"demo @ {url}") == ["requests", "attrs"]
