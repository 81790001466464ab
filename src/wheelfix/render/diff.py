"""The unified diffs of METADATA."""

from wheelfix.outcome import Report


def render_diff(report: Report) -> str:
    """Return the METADATA diff of every wheel that would change, one behind the other."""
    return "".join(outcome.metadata_diff for outcome in report.outcomes)
