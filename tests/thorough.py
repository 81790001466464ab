"""How many examples hypothesis tries: by default a third of what a property has, with ``-m slow`` all of them.

``HYPOTHESIS_PROFILE=thorough`` tries thousands.
"""

import os
from typing import Final

from hypothesis import HealthCheck, settings

ALL: Final = 60
"""How many examples a property has that says nothing else."""


def register() -> None:
    """Register the profiles."""
    settings.register_profile("all", max_examples=ALL, deadline=None)
    settings.register_profile("few", parent=settings.get_profile("all"), max_examples=ALL // 3)
    for name in ("all", "few"):
        settings.register_profile(f"ci-{name}", parent=settings.get_profile(name), derandomize=True, print_blob=True)
    settings.register_profile("thorough", max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def choose(*, all_examples: bool) -> None:
    """Choose a profile: that of ``HYPOTHESIS_PROFILE``, or what the run asks for."""
    name = "all" if all_examples else "few"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", f"ci-{name}" if os.environ.get("CI") else name))


def examples(count: int) -> int:
    """Return how many examples a property tries that has ``count``."""
    return max(1, count * min(settings.default.max_examples, ALL) // ALL)  # type: ignore[union-attr]
