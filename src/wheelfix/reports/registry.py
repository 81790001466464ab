"""Every format in which a command can print what it found: name -> renderer. A new format is a module and a row here."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final, cast

TEXT: Final = "text"
"""The format that each command prints itself, line by line."""
_RENDERERS: Final[Mapping[str, Mapping[str, str]]] = {
    "verify": {
        "json": "verify.render_verify_json",
        "github": "github.render_verify_github",
        "sarif": "sarif.render_verify_sarif",
    },
    "mirror check": {
        "json": "mirror.render_mirror_check_json",
        "github": "github.render_mirror_check_github",
        "sarif": "sarif.render_mirror_check_sarif",
    },
}
"""By command, the function that renders a format; it is imported when it is needed, so that the command starts fast."""


def formats(command: str) -> list[str]:
    """Return the formats of ``command``, that for people first.

    >>> formats("verify")[:2]
    ['text', 'json']
    """
    return [TEXT, *_RENDERERS[command]]


def renderer(command: str, form: str) -> Callable[..., str]:
    """Return the function that renders what ``command`` found in the format ``form``, as text with a final line end."""
    module, _, function = _RENDERERS[command][form].partition(".")
    return cast(Callable[..., str], getattr(import_module(f"wheelfix.reports.{module}"), function))
