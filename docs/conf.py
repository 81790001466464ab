"""How Sphinx builds the documentation. Nothing is downloaded."""

from importlib.metadata import version as installed_version

project = "wheelfix"
author = "The wheelfix developers"
copyright = "2026, The wheelfix developers"
version = release = installed_version("wheelfix")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "undoc-members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"

html_theme = "furo"
html_title = f"wheelfix {release}"
