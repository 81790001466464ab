"""What it costs to check an index over the network, where every answer takes a while: all at once, and one after another."""

from collections.abc import Callable

from contenders import wheelfix
from delayed import DelayedServer
from measuring import Cost, in_turn, measure
from setting import Setting
from table import Figure, cost_table, ratios
from targets import CHECK_REQUESTS, CHECK_TIME
from wheels import project_wheels

_DELAY = 0.02
_PROJECTS, _EACH = 30, 10
_AT_ONCE, _ALONE = "wheelfix mirror check URL", "wheelfix mirror check --connections 1 URL"


def over_the_network(setting: Setting) -> list[Figure]:
    """Measure a mirror of 300 wheels behind a server on the loopback device that waits 20 ms before each answer."""
    projects = setting.scaled(_PROJECTS)
    wheels = project_wheels(setting.directory, projects, _EACH)
    requests: list[float] = []
    absent: dict[str, str] = {}
    with setting.work("served") as work:
        mirror = work / "mirror"
        measure([*wheelfix(), "mirror", "add", "-q", str(mirror), str(wheels)])
        with DelayedServer(mirror / "public", _DELAY) as server:

            def check(*options: str) -> Cost:
                before = server.answered
                with setting.work("cache") as cache:
                    command = [*wheelfix(), "mirror", "check", "-q", *options, f"{server.url}/simple/"]
                    cost = measure(command, XDG_CACHE_HOME=str(cache))
                if not options:
                    requests.append((server.answered - before) / (projects * _EACH))
                return cost

            jobs: dict[str, Callable[[], Cost]] = {_AT_ONCE: check, _ALONE: lambda: check("--connections", "1")}
            costs = in_turn(jobs, min(setting.rounds, 3), failures=absent, warm_up=False)
    print(cost_table(costs, _ALONE if _ALONE in costs else _AT_ONCE, absent))
    subject = f"made, {projects * _EACH} wheels of {projects} projects, {_DELAY * 1000:.0f} ms"
    counted = Figure(CHECK_REQUESTS, subject, requests, absent.get(_AT_ONCE, ""))
    if absent:
        return [Figure(CHECK_TIME, subject, why="; ".join(absent.values())), counted]
    return [Figure(CHECK_TIME, subject, ratios(costs[_AT_ONCE], costs[_ALONE])), counted]
