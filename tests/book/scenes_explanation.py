"""Scenes of the explanation."""

from typing import Final

from book.stage import Scene, Stage

EXPLANATION: Final[dict[str, Scene]] = {"docs/explanation/verdicts.md": Scene(Stage.clone)}
