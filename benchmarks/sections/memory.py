"""Peak memory: of large wheels, and of those with many entries."""

from pathlib import Path

from checking import Judgement
from contenders import ours
from measuring import Cost, measure, say, settle
from sections.large import job
from setting import Setting
from sparse import sparse_wheel
from table import MEBIBYTE, Figure, cost_table, judgement_table
from targets import PEAK, PEAK_BEYOND, PEAK_LIMIT, PEAK_MANY
from wheels import even_wheel, large_wheels

_BEYOND = 5_000
"""Megabytes: beyond what 32 bits can count, so that ZIP64 is needed."""
_BYTES_EACH = 500


def peaks(setting: Setting) -> list[Figure]:
    """Measure each wheel once, and check the result; of the large wheel, the worse layout counts."""
    floor = measure(["true"]).peak / MEBIBYTE
    costs: dict[str, list[Cost]] = {}
    judgements: dict[str, Judgement] = {}
    figures = []
    for name, subject, wheels in _subjects(setting):
        peak = 0
        for wheel in wheels:
            say(f"{subject}: {wheel.parent.name}")
            settle()
            [cost] = costs[wheel.parent.name] = [job(ours(), wheel, setting, judgements)()]
            judgements[wheel.parent.name] = judgements.pop("wheelfix")
            peak = max(peak, cost.peak)
        figures.append(Figure(name, subject, [peak / MEBIBYTE]))
    print(cost_table(costs, next(iter(costs))) + "\n\n" + judgement_table(judgements))
    print(f"\nThe least that can be seen is {floor:.0f} MiB.")
    return figures


def _subjects(setting: Setting) -> list[tuple[str, str, list[Path]]]:
    large = list(large_wheels(setting.directory, setting.size).values())
    beyond = setting.scaled(_BEYOND)
    subjects = [
        (PEAK, f"made, {setting.size} MB, the worse of both layouts", large),
        (PEAK_BEYOND, f"made, {beyond / 1000:g} GB, zeros", [sparse_wheel(setting.directory, beyond)]),
    ]
    # The provenance is one entry more, and a result has the same limit.
    for name, wanted in ((PEAK_MANY, 66_000), (PEAK_LIMIT, 199_999)):
        entries = setting.scaled(wanted)
        wheel = even_wheel(setting.directory, entries, max(entries * _BYTES_EACH // 1_000_000, 1))
        subjects.append((name, f"made, {entries:,} entries of {_BYTES_EACH} bytes", [wheel]))
    return subjects
