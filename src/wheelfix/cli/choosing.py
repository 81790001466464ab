"""The options that choose among the codes of a table of checks."""

from collections.abc import Callable, Collection
from typing import Any

import click

from wheelfix.verify.found import Choice

Callback = Callable[[click.Context, click.Parameter, tuple[str, ...]], tuple[str, ...]]


def codes_of(codes: Collection[str]) -> Callback:
    """Return the callback of an option that takes the begins of ``codes``, one or more separated by commas each time."""

    def read(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
        prefixes = tuple(prefix.strip() for text in given for prefix in text.split(","))
        try:
            return Choice.of(codes, prefixes).select
        except ValueError as error:
            raise click.BadParameter(f"{error}. The documentation lists them.") from error

    return read


def choosing_options(codes: Collection[str], example: str, noun: str = "faults") -> Callable[..., Any]:
    """Return what gives a click command ``--select`` and ``--ignore`` for ``codes``, of which ``example`` is a begin."""

    def give(function: Callable[..., Any]) -> Callable[..., Any]:
        ignore = f"Do not tell {noun} whose code begins with this; may be repeated."
        select = f"Tell only {noun} whose code begins with this, such as {example}; may be repeated."
        for name, text in (("--ignore", ignore), ("--select", select)):
            function = click.option(name, multiple=True, metavar="CODE", callback=codes_of(codes), help=text)(function)
        return function

    return give
