"""``wheelfix`` and ``python -m wheelfix``."""

import gc
import sys
from typing import NoReturn

_INTERRUPTED = 130
_GARBAGE_THRESHOLD = 500_000
"""An archive of 12,000 entries is many objects without cycles; looking through them again and again takes a third of a run.
What modules make as they are imported is kept as well: looking through that takes 2 % of a run on a small wheel."""


def main() -> NoReturn:
    """Run the command line and exit; Ctrl-C is no traceback even while modules are still imported."""
    gc.set_threshold(_GARBAGE_THRESHOLD)
    try:
        from wheelfix.cli import main as run
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
