"""The scene of each page: what its reader has, and what stands in for the servers that it names.

A page with blocks that are run has a row, in the file of its part: ``scenes_start.py``, ``scenes_wheels.py`` and
``scenes_mirrors.py`` for guides, ``scenes_reference.py``, ``scenes_explanation.py``. See CONTRIBUTING.md, "Add a page".
"""

from typing import Final

from book.scenes_explanation import EXPLANATION
from book.scenes_mirrors import MIRRORS
from book.scenes_reference import REFERENCE
from book.scenes_start import START
from book.scenes_wheels import WHEELS
from book.stage import Scene

SCENES: Final[dict[str, Scene]] = {**START, **WHEELS, **MIRRORS, **REFERENCE, **EXPLANATION}
"""The scene of each page."""
