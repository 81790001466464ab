"""``wheelfix mirror add``."""

from typing import Any, Literal

import click

from wheelfix.cli.inputs import NULL, WHEELS, wheel_paths
from wheelfix.cli.kinds import WHEEL
from wheelfix.cli.mirror.common import FORMAT, MIRROR, QUIET, TIMEOUT, conclude, refusing, tell
from wheelfix.cli.mirror.taking import refuse_taking_options, take, taking_options
from wheelfix.mirror.upload import add_wheels


@click.command("add")
@MIRROR
@WHEELS
@click.option("--replace", is_flag=True, help="Serve the new bytes of a file in place of the old ones.")
@click.option("--yank-original", metavar="REASON", help="List the originals of corrected wheels too, yanked, for old locks.")
@click.option(
    "--original",
    "originals",
    type=WHEEL,
    multiple=True,
    metavar="WHEEL",
    help="An original that the mirror does not have yet; for --yank-original, may be repeated.",
)
@click.option(
    "--from-index",
    "indexes",
    multiple=True,
    metavar="URL",
    help="WHEEL is a requirement: take its release from this index, correct it, and add it. It can be given once.",
)
@taking_options
@click.option("--allow-mixed", is_flag=True, help="Add wheels although those of their release will not agree.")
@click.option("--link", is_flag=True, help="Share the files with the mirror; they must not be written to any more.")
@NULL
@TIMEOUT
@FORMAT
@QUIET
def command(
    mirror: str,
    wheels: tuple[str, ...],
    replace: bool,
    yank_original: str | None,
    originals: tuple[str, ...],
    indexes: tuple[str, ...],
    allow_mixed: bool,
    link: bool,
    null: bool,
    timeout: float,
    form: Literal["text", "json"],
    quiet: bool,
    **taking: Any,
) -> int:
    """Add wheels to a mirror, which is made on first use.

    Each wheel is verified first. A file name that the mirror serves with other bytes
    is refused, and so are wheels of a release that would not agree.

    With --from-index wheels are taken from another index and corrected, by the rules
    that are in force or those of --rules, else as strip-gpu does. What was taken or
    refused before is not loaded again.

    \b
    Examples:
      wheelfix mirror add mirror/ fixed/*.whl
      wheelfix mirror add mirror/ --replace fixed/torch-*.whl
      wheelfix mirror add mirror/ fixed/*.whl --yank-original 'pulls in CUDA' --original torch-2.7.0-*.whl
      wheelfix mirror add mirror/ --from-index https://download.pytorch.org/whl/cpu/ \\
          --platform 'manylinux*_x86_64' --python 3.11 'torch==2.7.0'
    """
    options: dict[str, Any] = {
        "replace": replace,
        "yank_original": yank_original,
        "allow_mixed": allow_mixed,
        "timeout": timeout,
    }
    if len(indexes) > 1:
        raise click.UsageError("--from-index can be given once: run the command once for each index.")
    if indexes:
        if link or originals:
            raise click.UsageError("--from-index knows the originals, and shares no files: leave out --link and --original.")
        return take(mirror, indexes[0], wheels, form, quiet=quiet, **options, **taking)
    refuse_taking_options(click.get_current_context())
    if originals and yank_original is None:
        raise click.UsageError("--original is for --yank-original.")
    paths = wheel_paths(wheels, null=null, quiet=quiet)
    known = wheel_paths(originals) if originals else ()
    with refusing():
        report = add_wheels(
            mirror,
            paths,
            originals=known,
            transfer="link" if link else "copy",
            on_publication=lambda each: tell(each, quiet=quiet),
            **options,
        )
    return conclude(report, form, quiet=quiet)
