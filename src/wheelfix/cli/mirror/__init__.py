"""``wheelfix mirror``: a directory or bucket that serves the simple repository API, one command a file."""

import click

from wheelfix.cli.command import LazyGroup


@click.group(
    "mirror",
    short_help="Publish wheels in a directory or bucket that any server can serve.",
    cls=LazyGroup,
    package=__name__,
    names={
        "add": "Add wheels to a mirror; it is created on first use.",
        "sync": "Make a mirror match a manifest, and keep it up to date.",
        "validate": "Find what is wrong with manifests; no index and no mirror is opened.",
        "index": "Write the pages for what the parts of a sync have put into a mirror.",
        "yank": "Yank files: only old locks still install them.",
        "unyank": "Unyank files.",
        "remove": "Remove files; locks that name them fail from then on.",
        "prune": "Delete what a mirror no longer needs.",
        "export": "Write what a mirror has, or what is new, to a tar file.",
        "import": "Add the wheels of a tar file that mirror export wrote.",
        "list": "List the files of a mirror, or some of them.",
        "check": "Check a mirror, or any index as clients see it.",
        "affected": "Show which lock files a mirror affects, and how to move them over.",
    },
)
def command() -> None:
    """Publish wheels in a directory or bucket that pip, uv, Poetry and PDM can install from.

    MIRROR is a directory, or a bucket: s3://bucket/prefix, gs://bucket/prefix or
    az://container/prefix. Any web server or CDN can serve MIRROR/public/; the index is
    MIRROR/public/simple/.

    \b
    Examples:
      wheelfix strip-gpu --publish mirror/ torch-*.whl    fix and publish
      wheelfix mirror add mirror/ dist/*.whl              publish as it is
      wheelfix mirror add s3://bucket/mirror dist/*.whl   the same in a bucket
      wheelfix mirror sync mirror.toml                    keep a mirror as a manifest says
      wheelfix mirror check mirror/                       check pages, files and metadata
      wheelfix mirror yank mirror/ torch==2.7.0 --reason 'pulls in CUDA'
    """
