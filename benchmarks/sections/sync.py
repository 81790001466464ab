"""What a sync costs: many small wheels of an index on the loopback device, by one, two and four processes."""

from collections.abc import Callable
from pathlib import Path

from contenders import wheelfix
from delayed import DelayedServer
from measuring import Cost, in_turn, measure, say
from setting import Setting
from table import Figure, cost_table, ratios
from targets import SYNC_FOUR, SYNC_PEAK, SYNC_PER_WHEEL, SYNC_TWO
from wheels import project_wheels

_EACH = 10
_FEW, _MANY = 10, 200
"""How many projects there are."""
_ROUNDS = 3
_MIB = 1 << 20


def jobs(setting: Setting) -> list[Figure]:
    """Measure the first sync of 2,000 wheels, by one, two and four processes, and that of 100 wheels by one."""
    few, many = (max(setting.scaled(count), 2) for count in (_FEW, _MANY))
    wheels = project_wheels(setting.directory, many, _EACH)
    names = {count: f"mirror sync -j{count}, {many * _EACH:,} wheels" for count in (1, 2, 4)}
    small = f"mirror sync -j1, {few * _EACH:,} wheels"
    absent: dict[str, str] = {}
    with setting.work("index") as work:
        say("building the index")
        measure([*wheelfix(), "mirror", "add", "-q", str(work / "index"), str(wheels)])
        with DelayedServer(work / "index/public", 0) as server:
            runs = {names[count]: _sync(setting, server.url, many, count) for count in names}
            costs = in_turn(
                {small: _sync(setting, server.url, few, 1), **runs}, min(setting.rounds, _ROUNDS), failures=absent,
                warm_up=False,
            )  # fmt: skip
    print(cost_table(costs, names[1] if names[1] in costs else small, absent))
    subject = f"made, wheels of 2 kB, {many} projects"
    if absent:
        why = "; ".join(absent.values())
        return [Figure(name, subject, why=why) for name in (SYNC_TWO, SYNC_FOUR, SYNC_PER_WHEEL, SYNC_PEAK)]
    one, few_costs = costs[names[1]], costs[small]
    growth = [(mine.cpu / (many * _EACH)) / (other.cpu / (few * _EACH)) for mine, other in zip(one, few_costs, strict=True)]
    peak = [(mine.peak - other.peak) / _MIB for mine, other in zip(one, few_costs, strict=True)]
    return [
        Figure(SYNC_TWO, subject, ratios(costs[names[2]], one)),
        Figure(SYNC_FOUR, subject, ratios(costs[names[4]], one)),
        Figure(SYNC_PER_WHEEL, subject, growth),
        Figure(SYNC_PEAK, subject, peak),
    ]


def _sync(setting: Setting, url: str, projects: int, count: int) -> Callable[[], Cost]:
    """Return what measures the first sync of so many ``projects`` by ``count`` processes."""

    def run() -> Cost:
        with setting.work("synced") as work:
            manifest = _manifest(work, url, projects)
            return measure([*wheelfix(), "mirror", "sync", "-q", str(manifest), "-j", str(count)], directory=work)

    return run


def _manifest(work: Path, url: str, projects: int) -> Path:
    names = ", ".join(f'"demo{number}"' for number in range(projects))
    path = work / "mirror.toml"
    path.write_text(
        f'schema = 1\n[mirror]\nstore = "{work}/mirror"\nrules = ["gpu"]\nkeep = "all"\n'
        f'[[source]]\nname = "main"\nindex = "{url}/simple/"\nprojects = [{names}]\n'
    )
    return path
