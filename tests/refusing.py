"""A system that refuses one step of a call."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def failing(name: str) -> Iterator[None]:
    """Let every file or page called ``name`` be refused by the system when it is to be put in its place."""
    real = os.replace

    def replace(source: str | Path, target: str | Path) -> None:
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", replace)
        yield
