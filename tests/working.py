"""Work for other processes: a function that they import must lie where they find it, outside the tests themselves."""

import os
import signal


def double(number: int) -> int:
    return 2 * number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_of_three(number: int) -> int:
    return die(number) if number == 3 else double(number)
