"""A function that runs in a thread, and its result."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Background(Generic[Result]):
    """``function``, run by a thread called ``name`` that starts at once."""

    def __init__(self, name: str, function: Callable[[], Result]) -> None:
        self._function = function
        self._result: list[Result] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result.append(self._function())
        except Exception as error:  # handed to whoever asks for the result
            self._error = error

    def join(self) -> None:
        """Wait until the function has ended, however it did."""
        self._thread.join()

    def result(self) -> Result:
        """Return what the function returned, or raise what it raised; waits for it."""
        self._thread.join()
        if self._error:
            raise self._error
        return self._result[0]
