"""Scenes of the reference."""

from typing import Final

from book.stage import Scene, Stage
from wheelfix import add_wheels

_MANIFEST: Final = """
schema = 1

[mirror]
store = "mirror"
dependencies = true
platforms = ["manylinux*_x86_64"]
pythons = ["3.11"]

[[source]]
name = "pypi"
index = "https://pypi.org/simple/"
projects = ["networkx"]
"""


def with_dist(stage: Stage) -> None:
    """Put a wheel without an error into ``dist``, and one with an error into ``damaged``."""
    stage.samples("cleanpkg-", into="dist")
    stage.samples("folded_latin-", into="damaged")


def with_mirror(stage: Stage) -> None:
    """Put a mirror of one wheel that requires nothing into ``mirror``, and a manifest that names it beside it."""
    stage.samples("networkx-", into="wheels")
    add_wheels(stage.directory / "mirror", (stage.directory / "wheels").glob("*.whl"))
    (stage.directory / "mirror.toml").write_text(_MANIFEST, "utf-8")


REFERENCE: Final[dict[str, Scene]] = {
    "docs/reference/api.md": Scene(Stage.torch),
    "docs/reference/closure.md": Scene(with_mirror),
    "docs/reference/configuration.md": Scene(with_dist),
    "docs/reference/exit-codes.md": Scene(with_dist),
    "docs/reference/network.md": Scene(Stage.torch),
}
