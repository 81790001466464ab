"""Durations on the command line."""

import math
from typing import Any

import click


class Seconds(click.FloatRange):
    """A number of seconds that ends: ``nan`` and ``inf`` are numbers to Python, and bounds to nobody."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return found


def check_seconds(timeout: float) -> None:
    """Confirm that the value of --timeout is a number that a clock can reach.

    :raises click.BadParameter: if it is not.
    """
    if not math.isfinite(timeout):
        raise click.BadParameter(f"{timeout} is no number of seconds.", param_hint="--timeout")
