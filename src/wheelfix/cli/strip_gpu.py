"""``wheelfix strip-gpu``."""

from collections.abc import Iterable
from typing import Any

import click

from wheelfix.cli.command import Command
from wheelfix.cli.exit_codes import Stopped
from wheelfix.cli.fix_run import FixOptions, fix_options, run_fix
from wheelfix.cli.suggest import gpu_groups


@click.command("strip-gpu", cls=Command)
@fix_options
@click.option(
    "--only", multiple=True, metavar="GROUP", shell_complete=gpu_groups,
    help="Drop these groups only, such as nvidia or nvidia,triton; can be repeated.",
)  # fmt: skip
@click.option(
    "--keep",
    multiple=True,
    metavar="PATTERN",
    help="Keep requirements of this name, such as nvidia-nccl-cu*; wins over --drop.",
)
@click.option("--drop", multiple=True, metavar="PATTERN", help="Drop requirements of this name too, such as my-gpu-*.")
def command(only: tuple[str, ...], keep: tuple[str, ...], drop: tuple[str, ...], **options: Any) -> int:
    """Drop the requirements that only a GPU build needs.

    WHEEL is a file, a directory (its *.whl), a URL (https://, s3://, gs://, az://), with
    --from-index a requirement, or - to read any of these from standard input.
    Requirements behind an extra are kept, and so are the requirements of GPU
    libraries themselves.

    \b
    Groups: nvidia, tensorrt, triton, rocm, intel-xpu, jax, npu, metal.
    Groups for a single project: xgboost-nccl, whisper-triton, whisperx-triton,
    xgrammar-triton, nemo-cuda-bindings, fairchem-kernels.

    \b
    Examples:
      wheelfix strip-gpu torch-*.whl              fixed wheels are written to fixed/
      wheelfix strip-gpu --diff torch-*.whl       only show what would change
      wheelfix strip-gpu --check wheels/          for CI: exit 1 if one would change
      wheelfix strip-gpu --only nvidia --keep 'nvidia-nccl-cu*' torch-*.whl
      wheelfix strip-gpu --format json -o out . > report.json
      wheelfix strip-gpu --publish s3://wheels/team s3://wheels/incoming/
      wheelfix strip-gpu --from-index https://download.pytorch.org/whl/cpu/ torch==2.7.0
    """
    if not (only or keep or drop):
        return run_fix("strip-gpu", "gpu", FixOptions(**options))
    from wheelfix.rules.load import gpu_rules  # imported late: most runs need no other rules

    for option, patterns in (("--keep", keep), ("--drop", drop)):
        _confirm_names(option, patterns)
    groups = [group.strip() for text in only for group in text.split(",")]
    return run_fix("strip-gpu", gpu_rules(only=groups, keep=keep, drop=drop), FixOptions(**options))


def _confirm_names(option: str, patterns: Iterable[str]) -> None:
    """Confirm that ``patterns`` are for names.

    :raises click.ClickException: if one is not: what a rule file would say of it is no help here.
    """
    from wheelfix.rules.values import USE_SPECIFIER, name_glob  # imported late: see above

    for each in patterns:
        if each and (wrong := name_glob(each)) and wrong[1] == USE_SPECIFIER:
            raise Stopped(f"{option}: {wrong[0]}; nothing was done", hint="Give a name or a pattern for names, no versions.")
