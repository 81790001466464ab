"""Rules: which requirements of which wheels are to be dropped or kept, and why."""

from typing import Final

BUILT_IN: Final = ("gpu", "cpu-twins")
"""The names of the rule sets that come with wheelfix."""
