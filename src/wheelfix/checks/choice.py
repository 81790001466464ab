"""Which of the codes of a table somebody wants to hear of."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from wheelfix.options import listed


@dataclass(frozen=True, slots=True)
class Choice:
    """The codes that begin with a text of ``select``, or all without, but for those that begin with one of ``ignore``."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @classmethod
    def of(cls, codes: Collection[str], select: Iterable[str] | str = (), ignore: Iterable[str] | str = ()) -> "Choice":
        """Return the choice among ``codes``; one text alone is a list of one.

        :raises ValueError: if a text begins no code: a misspelt one would pass for a sound wheel.
        """
        chosen = cls(listed(select), listed(ignore))
        for prefix in (*chosen.select, *chosen.ignore):
            if not prefix or not any(code.startswith(prefix) for code in codes):
                raise ValueError(f"no check has a code that begins with {prefix!r}")
        return chosen

    def includes(self, code: str) -> bool:
        """Whether ``code`` is chosen."""
        return (not self.select or code.startswith(self.select)) and not self.ignores(code)

    def ignores(self, code: str) -> bool:
        """Whether nobody wants to hear of ``code``, by name."""
        return code.startswith(self.ignore)
