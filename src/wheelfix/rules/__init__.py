"""Rules: which requirements of which wheels are dropped, kept or changed, and why."""

from typing import Final

BUILT_IN: Final = ("gpu", "cpu-twins")
"""The names of the rule sets that come with wheelfix."""
