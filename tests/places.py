"""Where the checkout is, and the sample wheels in it."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SAMPLES: Final = sorted((ROOT / "sample_wheels").glob("*.whl"))
