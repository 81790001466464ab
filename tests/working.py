"""Work for other processes: a function that they import must lie where they find it, outside the tests themselves."""

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path


def double(number: int) -> int:
    return 2 * number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_of_three(number: int) -> int:
    return die(number) if number == 3 else double(number)


def double_each(numbers: Iterable[int]) -> Iterator[int]:
    return (double(number) for number in numbers)


def die_of_three_each(numbers: Iterable[int]) -> Iterator[int]:
    return (die_of_three(number) for number in numbers)


def fail_of_three_each(numbers: Iterable[int]) -> Iterator[int]:
    for number in numbers:
        if number == 3:
            raise SystemExit(3)
        yield double(number)


def variable_each(names: Iterable[str]) -> Iterator[str | None]:
    return (os.environ.get(name) for name in names)


def note(path: Path, number: int) -> int:
    """Add a line with ``number`` to the file at ``path``, and return it doubled."""
    with path.open("a") as file:
        file.write(f"{number}\n")
    return 2 * number
