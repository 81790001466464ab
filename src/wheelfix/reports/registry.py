"""Every format in which a command can print what it found: name -> renderer. A new format is a module and a row here."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final, cast

TEXT: Final = "text"
"""The format that each command prints itself, line by line."""
_RENDERERS: Final[Mapping[str, Mapping[str, str]]] = {
    "fix": {
        "json": "reports.json.render_json",
        "markdown": "reports.markdown.render_markdown",
        "html": "reports.html.fix.render_html",
    },
    "verify": {
        "json": "reports.verify.render_verify_json",
        "markdown": "reports.findings_markdown.render_verify_markdown",
        "html": "reports.html.verify.render_verify_html",
        "github": "reports.github.render_verify_github",
        "sarif": "reports.sarif.render_verify_sarif",
    },
    "diff": {"json": "reports.diff.render_difference_json", "html": "reports.html.diff.render_difference_html"},
    "diff locks": {
        "json": "reports.lock.render_lock_difference_json",
        "html": "reports.html.diff.render_lock_difference_html",
    },
    "show": {"json": "reports.show.render_descriptions_json", "markdown": "reports.markdown.render_show_markdown"},
    "rules list": {"json": "reports.rules.render_rules_json", "toml": "rules.schema.print_rules"},
    "rules check": {"json": "reports.rules.render_rule_findings_json"},
    "rules explain": {"json": "reports.rules.render_explanations_json"},
    "rules export": {"json": "reports.export.render_export_json"},
    "rules test": {"json": "reports.rules.render_results_json"},
    "mirror": {"json": "reports.mirror.render_publish_json"},
    "mirror prune": {"json": "reports.prune.render_prune_json"},
    "mirror sync": {"json": "reports.sync.render_sync_json", "html": "reports.html.sync.render_sync_html"},
    "mirror affected": {"json": "reports.affected.render_affected_json"},
    "mirror export": {"json": "reports.bundle.render_export_json"},
    "mirror list": {"json": "reports.mirror.render_pages_json"},
    "mirror check": {
        "json": "reports.mirror.render_mirror_check_json",
        "markdown": "reports.findings_markdown.render_mirror_check_markdown",
        "html": "reports.html.mirror_check.render_mirror_check_html",
        "github": "reports.github.render_mirror_check_github",
        "sarif": "reports.sarif.render_mirror_check_sarif",
    },
}
"""By command, the function that renders a format; it is imported when it is needed, so that commands start fast."""


def formats(command: str) -> list[str]:
    """Return the formats of ``command``, that for people first.

    >>> formats("verify")[:2]
    ['text', 'json']
    """
    return [TEXT, *_RENDERERS[command]]


def renderer(command: str, form: str) -> Callable[..., str]:
    """Return the function that renders what ``command`` found in the format ``form``, as text with a final line end."""
    module, _, function = _RENDERERS[command][form].rpartition(".")
    return cast(Callable[..., str], getattr(import_module(f"wheelfix.{module}"), function))
