"""One large wheel, beside a copy and a hash, and beside the tools of others: made wheels, and real ones."""

from collections.abc import Callable, Sequence
from pathlib import Path

from checking import Judgement, judge
from contenders import Contender, least, others, ours
from downloads import TORCH_2_7, TORCH_CUDA, downloaded
from measuring import Cost, in_turn, measure, typical
from setting import Setting
from table import Figure, cost_table, judgement_table, ratios
from targets import FIRST, LAST, REAL
from wheels import LAYOUTS, large_wheels

_FLUSHED_LIMIT = "flushed cp + sha256"
_LIMITS = (("cp", "cp + sha256"), ("cp, flushed", _FLUSHED_LIMIT))


def made(setting: Setting) -> list[Figure]:
    """Measure the made wheel in both layouts, with the peers."""
    peers = others(setting.directory) if setting.peers else []
    figures = []
    for layout, wheel in large_wheels(setting.directory, setting.size).items():
        name = FIRST if layout == LAYOUTS[0] else LAST
        subject = f"made, {wheel.stat().st_size / 1e6:.0f} MB, 12,000 entries, {layout}"
        print(f"\n### {subject}\n")
        figures.append(_measure(setting, name, subject, wheel, [*least(), ours(), *peers]))
    return figures


def real(setting: Setting) -> list[Figure]:
    """Measure torch 2.7.0 as it stands on PyPI; and torch 2.14.1, for which there is no target."""
    print(f"\n### {TORCH_2_7.subject}\n")
    found = _measure(setting, REAL, TORCH_2_7.subject, downloaded(TORCH_2_7, setting), [*least(), ours()])
    print(f"\n### {TORCH_CUDA.subject}, nothing scanned\n")
    forced = ours("--force", "--scan", "never")
    _measure(setting, REAL, TORCH_CUDA.subject, downloaded(TORCH_CUDA, setting), [*least(), forced], judged=False)
    return [found]


def _measure(
    setting: Setting, name: str, subject: str, source: Path, chosen: Sequence[Contender], *, judged: bool = True
) -> Figure:
    """Run everyone on one wheel, print what it cost and what came out, and return our ratio to the limit."""
    judgements: dict[str, Judgement] = {}
    absent = {each.name: f"{Path(each.missing).name} is not installed" for each in chosen if each.missing}
    present = [each for each in chosen if not each.missing]
    jobs = {each.name: job(each, source, setting, judgements if judged else None) for each in present}
    slow = [each.name for each in present if each.slow]
    costs = in_turn(jobs, setting.rounds, slow=slow, failures=absent)
    _add_limits(costs)
    print(cost_table(costs, _FLUSHED_LIMIT, absent))
    if judgements:
        print("\n" + judgement_table(judgements))
    if why := absent.get("wheelfix"):
        return Figure(name, subject, why=f"wheelfix failed: {why}")
    return Figure(name, subject, ratios(costs["wheelfix"], costs[_FLUSHED_LIMIT]))


def job(
    contender: Contender, source: Path, setting: Setting, judgements: dict[str, Judgement] | None = None
) -> Callable[[], Cost]:
    """Return a job that runs ``contender`` on ``source`` in a fresh directory, and keeps nothing of what it wrote.

    Its first result is judged, if there are ``judgements`` to go into.
    """

    def run() -> Cost:
        with setting.work("one") as work:
            target = work / "out" / source.name
            target.parent.mkdir()
            cost = measure(contender.command(str(source), str(target)), directory=work)
            if contender.writes and judgements is not None and contender.name not in judgements:
                judgements[contender.name] = judge(source, target)
            return cost

    return run


def _add_limits(costs: dict[str, list[Cost]]) -> None:
    """Add the sums of a copy and one hash, round by round; of two ways to hash the faster one counts."""
    fastest = min((each for name, each in costs.items() if name.startswith("sha256")), key=lambda each: typical(each).wall)
    for copy, limit in _LIMITS:
        costs[limit] = [one + two for one, two in zip(costs[copy], fastest, strict=True)]
