"""Scenes of README.md, CONTRIBUTING.md and the part Start."""

import shutil
from typing import Final

from book.stage import READER, Scene, Stage
from places import ROOT


def readme(stage: Stage) -> None:
    """A reader in a clone, and two indexes."""
    from building import WheelSpec
    from upstreams import LINUX, pypi, pytorch, torch

    stage.clone()
    index = stage.index("https://download.pytorch.org/whl/cpu/", pytorch())
    for platform in LINUX:
        index.add(torch("2.7.0", platform, "cp311"))
    stage.index("https://pypi.org/simple/", pypi()).add(WheelSpec(project="requests", version="2.32.5"))


_GIT: Final = """#!/bin/sh
# Clones what the page names into a directory of links to this checkout.
[ "$1" = clone ] || exit 2
mkdir "${2##*/}" && cd "${2##*/}" && ln -s %s/* .
"""


def newcomer(stage: Stage) -> None:
    """A reader who has wheelfix, and clones the repository."""
    stage.program("git", _GIT % ROOT)
    stage.says(f"{READER}/work/wheelfix", str(ROOT))


def _example(stage: Stage, name: str) -> None:
    """Let the reader be in a copy of an example, whose files name what stands in for its indexes."""
    for path in (ROOT / "examples" / name).glob("*.toml"):
        (stage.directory / path.name).write_text(stage.here(path.read_text("utf-8")), "utf-8")


def locked_app(stage: Stage) -> None:
    """A reader with the lock of an application, as uv writes it."""
    from building import WheelSpec
    from clients import uv_lock
    from upstreams import pypi

    index = stage.index("https://pypi.org/simple/", pypi())
    index.add(WheelSpec(project="demo", requires=()))
    uv_lock(stage.root / "app", index.index, "demo")
    _example(stage, "locked-app")
    manifest = stage.directory / "mirror.toml"
    manifest.write_text(manifest.read_text("utf-8").replace('"pylock.toml"', '"uv.lock"'), "utf-8")
    shutil.copy(stage.root / "app" / "uv.lock", stage.directory)


def pytorch_cpu(stage: Stage) -> None:
    """A reader in the example, with an index that has one release."""
    from upstreams import add_family, pytorch

    add_family(stage.index("https://download.pytorch.org/whl/cpu/", pytorch()), "2.9.1")
    _example(stage, "pytorch-cpu")


def pack(stage: Stage) -> None:
    """A reader in the directory of the pack, whom ``pip`` gives the pack as if it came from an index."""
    from packing import install_pack

    source = ROOT / "examples" / "pack" / "src"
    shutil.copytree(source, stage.directory / "src")
    rules = {path.name: path.read_text("utf-8") for path in source.glob("*/*.toml")}
    index, site = stage.root / "index", stage.root / "site"
    index.mkdir()
    install_pack(index, rules, name="acme-wheel-rules", version="1.0", value="acme_wheel_rules", package="acme_wheel_rules")
    stage.program("pip", f'#!/bin/sh\n[ "$*" = "install acme-wheel-rules" ] && cp -r {index} {site}\n')
    stage.variables["PYTHONPATH"] = str(site)
    stage.torch(into="wheels")


START: Final[dict[str, Scene]] = {
    "README.md": Scene(readme, skips=1),
    "docs/index.md": Scene(Stage.torch),
    "examples/locked-app/README.md": Scene(locked_app),
    "examples/pack/README.md": Scene(pack),
    "examples/pytorch-cpu/README.md": Scene(pytorch_cpu),
    "docs/start/install.md": Scene(newcomer, skips=5),
    "docs/start/tutorial.md": Scene(newcomer, marks=("slow",), skips=1),
}
