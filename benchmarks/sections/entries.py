"""What each entry costs beyond its bytes: two made wheels of the same bytes, in many entries and in few."""

from contenders import ours
from measuring import in_turn
from sections.large import job
from setting import Setting
from table import Figure, cost_table
from targets import PER_ENTRY
from wheels import even_wheel

_MANY, _FEW = 12_000, 100
_MEGABYTES = 100
"""As many as torch 2.7.0 has: both wheels take the same paths."""


def per_entry(setting: Setting) -> list[Figure]:
    """Measure the processor time of both, and divide what they differ by among the entries that one has more."""
    many, few = setting.scaled(_MANY), _FEW
    megabytes = setting.scaled(_MEGABYTES)
    names = {count: f"wheelfix, {count:,} entries" for count in (many, few)}
    wheels = {name: even_wheel(setting.directory, count, megabytes) for count, name in names.items()}
    costs = in_turn({name: job(ours(), wheel, setting) for name, wheel in wheels.items()}, 2 * setting.rounds)
    print(cost_table(costs, names[few]))
    pairs = zip(costs[names[many]], costs[names[few]], strict=True)
    values = [(large.cpu - small.cpu) / (many - few) * 1e6 for large, small in pairs]
    return [Figure(PER_ENTRY, f"made, {megabytes} MB, {many:,} entries less {few}, dist-info first", values)]
