"""Why a block of the book is not run: these reasons, and no others. A scene says how many blocks of its page are skipped."""

from typing import Final

REASONS: Final = {
    "bare": "installs wheelfix: tests/book/test_first_contact.py runs it in a bare virtual environment",
    "root": "needs root on a server of yours",
    "account": "needs an account with somebody",
    "product": "needs a commercial product",
    "cluster": "needs a cluster",
}
"""What ``<!-- run: skip=… -->`` can say."""
