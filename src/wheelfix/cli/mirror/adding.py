"""``wheelfix mirror add``."""

from typing import Any, Literal

import click

from wheelfix.cli.inputs import wheel_paths
from wheelfix.cli.mirror.common import FORMAT, MIRROR, QUIET, TIMEOUT, conclude, refusing, tell
from wheelfix.cli.narration import Narrator, say
from wheelfix.cli.rulefiles import chosen_rules, rules_option
from wheelfix.escaping import shown
from wheelfix.mirror.publishing import add_wheels


@click.command("add")
@MIRROR
@click.argument("wheels", nargs=-1, metavar="WHEEL...", type=click.Path())
@click.option("--replace", is_flag=True, help="Serve the new bytes of a file in place of the old ones.")
@click.option("--yank-original", metavar="REASON", help="List the originals of corrected wheels too, yanked, for old locks.")
@click.option(
    "--original",
    "originals",
    type=click.Path(exists=True, dir_okay=False),
    multiple=True,
    metavar="WHEEL",
    help="An original that the mirror does not have yet; for --yank-original, may be repeated.",
)
@click.option(
    "--from-index", metavar="URL", help="WHEEL is a requirement: take its release from this index, correct it, add it."
)
@click.option(
    "--platform",
    "platforms",
    multiple=True,
    metavar="TAG",
    help="For --from-index: only wheels for this, such as 'manylinux*_x86_64'; may be repeated.",
)
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="VERSION",
    help="For --from-index: only wheels for this, such as 3.11; may be repeated.",
)
@rules_option
@click.option("--allow-mixed", is_flag=True, help="Add wheels although those of their release do not agree.")
@click.option("--link", is_flag=True, help="Share the files with the mirror; they must not be written to any more.")
@TIMEOUT
@FORMAT
@QUIET
def command(
    mirror: str,
    wheels: tuple[str, ...],
    replace: bool,
    yank_original: str | None,
    originals: tuple[str, ...],
    from_index: str | None,
    platforms: tuple[str, ...],
    pythons: tuple[str, ...],
    sources: tuple[str, ...],
    allow_mixed: bool,
    link: bool,
    timeout: float,
    form: Literal["text", "json"],
    quiet: bool,
) -> int:
    """Add wheels to a mirror, which is made on first use.

    Each wheel is verified first. A file name that the mirror serves with other bytes
    is refused, and so are wheels of a release that would not agree.

    With --from-index wheels are taken from another index and corrected, by the rules
    that are in force or those of --rules, else as strip-gpu does. What was taken
    before is not loaded again.

    \b
    Examples:
      wheelfix mirror add mirror/ fixed/*.whl
      wheelfix mirror add mirror/ --replace fixed/torch-*.whl
      wheelfix mirror add mirror/ fixed/*.whl --yank-original 'pulls in CUDA' --original torch-2.7.0-*.whl
      wheelfix mirror add mirror/ --from-index https://download.pytorch.org/whl/cpu/ \\
          --platform 'manylinux*_x86_64' --python 3.11 'torch==2.7.0'
    """
    if originals and yank_original is None:
        raise click.UsageError("--original is for --yank-original.")
    if from_index is None and (platforms or pythons or sources):
        raise click.UsageError("--platform, --python and --rules are for --from-index.")
    if from_index is not None:
        if link or originals:
            raise click.UsageError("--from-index knows the originals, and shares no files: leave out --link and --original.")
        return _from_index(
            mirror,
            from_index,
            wheels,
            sources,
            form,
            quiet=quiet,
            platforms=platforms,
            pythons=pythons,
            replace=replace,
            yank_original=yank_original,
            allow_mixed=allow_mixed,
            timeout=timeout,
        )
    report = add_wheels(
        mirror,
        wheel_paths(wheels),
        replace=replace,
        yank_original=yank_original,
        originals=originals,
        allow_mixed=allow_mixed,
        transfer="link" if link else "copy",
        timeout=timeout,
        on_publication=lambda each: tell(each, quiet=quiet),
    )
    return conclude(report, form, quiet=quiet)


def _from_index(
    mirror: str,
    index: str,
    requirements: tuple[str, ...],
    sources: tuple[str, ...],
    form: Literal["text", "json"],
    *,
    quiet: bool,
    **options: Any,
) -> int:
    """Take releases from ``index``, correct them and add them; return the exit code."""
    from wheelfix.mirror.mirroring import mirror_releases  # imported late: most calls do without a network
    from wheelfix.rules.loading import find_rules

    if not requirements:
        raise click.UsageError("Name what to take, such as torch==2.7.0.")
    rules = chosen_rules(sources) if sources or find_rules() is not None else "gpu"

    def loading(name: str, size: int) -> None:
        if not quiet:
            say(f"loading {shown(name)}{f', {size:,} bytes' if size else ''}\n")

    with refusing(), Narrator(len(requirements), verbosity=-1 if quiet else 0, dry_run=False) as narrator:
        report, published = mirror_releases(
            mirror, index, requirements, rules, on_file=loading, on_outcome=narrator.tell, **options
        )
    for each in published.files:
        tell(each, quiet=quiet)
    return max(conclude(published, form, quiet=quiet), int(not report.ok))
