"""``wheelfix`` and ``python -m wheelfix``."""

import sys
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and exit; Ctrl-C is no traceback even while modules are still imported."""
    try:
        from wheelfix.cli import main as run
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
