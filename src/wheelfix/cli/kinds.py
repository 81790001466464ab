"""Kinds of arguments that more than one command takes."""

import math
import os
from pathlib import Path
from typing import Any

import click

from wheelfix.text import shown


class MirrorFolder(click.Path):
    """The directory of a mirror, which need not be there; what people name by mistake is named as such."""

    name = "mirror"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the path."""
        text = os.fsdecode(value)
        if not text:
            self.fail("the path is empty; an unset variable, perhaps", param, ctx)
        if text.endswith(".whl"):
            self.fail(f"{shown(text)} is a wheel. Name the mirror first, then the wheels.", param, ctx)
        if "://" in text:
            self.fail("A mirror is a directory. Only --from-index and `mirror check` take a URL.", param, ctx)
        if Path(text).is_file():
            self.fail(f"{shown(text)} is a file; a mirror is a directory", param, ctx)
        return text


class Seconds(click.FloatRange):
    """A number of seconds."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, which is one."""
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return found


NO_SUMMARY = click.option("-q", "--quiet", is_flag=True, help="Do not print the summary line.")
"""For commands whose result is all on standard output."""
WHEEL = click.Path(readable=False)
"""The path of a wheel, or of a folder; what cannot be read is told as the outcome of that wheel."""
