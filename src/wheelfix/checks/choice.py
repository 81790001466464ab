"""Which of the codes of a table somebody wants to hear of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """The codes that begin with a text of ``select``, or all without, but for those that begin with one of ``ignore``."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @classmethod
    def of(cls, codes: Collection[str], select: Sequence[str] = (), ignore: Sequence[str] = ()) -> "Choice":
        """Return the choice among ``codes``.

        :raises ValueError: if a text begins no code: a misspelt one would pass for a sound wheel.
        """
        for prefix in (*select, *ignore):
            if not prefix or not any(code.startswith(prefix) for code in codes):
                raise ValueError(f"no check has a code that begins with {prefix!r}")
        return cls(tuple(select), tuple(ignore))

    def includes(self, code: str) -> bool:
        """Whether ``code`` is chosen."""
        return (not self.select or code.startswith(self.select)) and not self.ignores(code)

    def ignores(self, code: str) -> bool:
        """Whether nobody wants to hear of ``code``, by name."""
        return code.startswith(self.ignore)
