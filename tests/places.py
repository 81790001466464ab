"""Where the checkout is, and the parts of it that tests read."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SAMPLES: Final = sorted((ROOT / "sample_wheels").glob("*.whl"))

DOCS: Final = ROOT / "docs"
GUIDES: Final = DOCS / "guides"
REFERENCE: Final = DOCS / "reference"
EXPLANATION: Final = DOCS / "explanation"
SCHEMAS: Final = DOCS / "schemas"
