"""How Sphinx builds the documentation. Nothing is downloaded."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from wheelfix.version import HOME_PAGE

_HERE = Path(__file__).parent
sys.path.insert(0, str(_HERE))  # command_pages

project = "wheelfix"
author = "The wheelfix developers"
copyright = "2026, The wheelfix developers"
version = release = installed_version("wheelfix")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
    "command_pages",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

copybutton_exclude = ".linenos, .gp, .go"  # neither prompts nor what a command prints
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"
copybutton_here_doc_delimiter = "EOF"

doctest_global_setup = "from wheelfix import *"
autodoc_default_options = {"members": True, "undoc-members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"

smartquotes = False  # quotes stay as they are typed

html_theme = "furo"
html_title = f"wheelfix {release}"
html_theme_options = {
    "source_repository": HOME_PAGE,
    "source_branch": "main",
    "source_directory": "docs/",
    "light_css_variables": {"color-brand-primary": "#1a5bb8", "color-brand-content": "#1a5bb8"},  # as in reports and mirrors
    "dark_css_variables": {"color-brand-primary": "#8ab6fb", "color-brand-content": "#8ab6fb"},
    "top_of_page_buttons": ["view", "edit"],
}
html_static_path = ["_static"]
html_css_files = sorted(path.name for path in (_HERE / "_static").glob("*.css"))
html_js_files = ["accessible.js"]
html_search_scorer = str(_HERE / "search_scorer.js")
html_favicon = "_static/favicon.svg" if (_HERE / "_static" / "favicon.svg").is_file() else None
html_last_updated_fmt = None  # the same sources give the same pages
html_copy_source = False
