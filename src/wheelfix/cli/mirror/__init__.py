"""``wheelfix mirror``: a directory that serves the simple repository API, one command a file."""

import click

from wheelfix.cli.command import LazyGroup


@click.group(
    "mirror",
    short_help="Publish wheels in a directory that any server can serve.",
    cls=LazyGroup,
    package=__name__,
    names={
        "add": "Add wheels to a mirror; it is created on first use.",
        "yank": "Yank files: only old locks still install them.",
        "unyank": "Unyank files.",
        "remove": "Remove files; locks that name them fail from then on.",
        "list": "List the files of a mirror, or some of them.",
        "check": "Check a mirror, or any index as clients see it.",
    },
)
def command() -> None:
    """Publish wheels in a directory that pip, uv, Poetry and PDM can install from.

    MIRROR is a directory; any web server can serve MIRROR/public/. The index is
    MIRROR/public/simple/.

    \b
    Examples:
      wheelfix strip-gpu --publish mirror/ torch-*.whl    fix and publish
      wheelfix mirror add mirror/ dist/*.whl              publish as it is
      wheelfix mirror check mirror/                       check pages, files and metadata
      wheelfix mirror yank mirror/ torch==2.7.0 --reason 'pulls in CUDA'
    """
