"""Write the comparison with other tools into verify.md, from the samples of the tests."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Look at every sample with every tool, and write what they notice."""
    sys.path += [str(ROOT / "tests"), str(ROOT / "sample_wheels")]
    from checkers import PAGE, page

    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
