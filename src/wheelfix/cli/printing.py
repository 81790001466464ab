"""Text on standard output that another program may take byte for byte."""

import sys

import click

from wheelfix.text import shown_lines


def print_exactly(text: str) -> None:
    """Write ``text`` to standard output: its bytes, so that patch(1) applies a diff; to a terminal with controls escaped."""
    if sys.stdout.isatty():
        click.echo(shown_lines(text), nl=False)
    else:
        click.echo(text.encode("utf-8", "surrogateescape"), nl=False)
