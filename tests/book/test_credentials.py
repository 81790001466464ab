"""What "Configure clients" says of ~/.netrc: all four clients read the password there, with the files of the page."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from book.pages import blocks, read_page
from book.play import play_blocks
from book.scenes import SCENES
from book.stage import stage

if TYPE_CHECKING:
    from buckets import Servers

PAGE: Final = "docs/guides/configure-clients.md"
LOCKED: Final = """```console
$ chmod 600 ~/.netrc
$ sed -i 's#https://wheels.example.org#https://internal.example.org#' with-*/pyproject.toml
$ uv lock -q --project with-uv
$ poetry lock -q -C with-poetry
$ pdm lock -q -p with-pdm
$ ls with-*/*.lock
with-pdm/pdm.lock  with-poetry/poetry.lock  with-uv/uv.lock
```
"""


@pytest.mark.clients
def test_every_client_reads_the_password(tmp_path: Path, cloud: "Servers") -> None:
    files = [block for block in blocks(read_page(PAGE)) if (block.run.file or "").startswith(("with-", "~/"))]
    assert len(files) == 4
    with stage(tmp_path / "book", cloud, SCENES[PAGE]) as here:
        drifts = play_blocks([*files, *blocks(LOCKED)], here).drifts
        locks = [path.read_text("utf-8") for path in here.directory.glob("with-*/*.lock")]
    assert drifts == []
    assert all("secret" not in lock for lock in locks)
