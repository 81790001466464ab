"""A process that is killed at one of its steps: a call of a function of ``os``."""

import os
import signal
from collections.abc import Callable, Iterable
from typing import Any


def killed_at(at: int, steps: Iterable[str], act: Callable[[], object]) -> bool:
    """Carry out ``act`` in a process that is killed at the ``at``-th of its ``steps``; return whether it got there."""
    child = os.fork()
    if child == 0:
        try:
            left = [at]
            for name in steps:
                setattr(os, name, _counting(getattr(os, name), left))
            act()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _counting(real: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    def step(*arguments: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)

    return step
