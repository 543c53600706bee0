"""What painters of backgrounds share: the scene that they paint on, and light."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bannercluster.synth.palette import Rgb
from bannercluster.synth.shapes import Board, oval


@dataclass(frozen=True)
class Ground:
    """What a background is made of: its kind, three colours, and the seed of its shapes."""

    kind: str
    base: Rgb
    second: Rgb
    feature: Rgb
    seed: int


@dataclass
class Scene:
    """A board in pixels of the banner, with the point that draws the eye."""

    board: Board
    width: float
    height: float
    focus: tuple[float, float]
    rng: np.random.Generator

    @property
    def short(self) -> float:
        """Shorter side in pixels."""
        return min(self.width, self.height)

    @property
    def long(self) -> float:
        """Longer side in pixels."""
        return max(self.width, self.height)


Painter = Callable[[Scene, Ground], None]


def glow_at(s: Scene, x: float, y: float, r: float, colour: Rgb, alpha: float) -> None:
    """Lay light that fades out from a point."""
    veil = (alpha, alpha * 0.45, alpha * 0.12, 0.0, 0.0)
    s.board.fill(oval(x, y, r, r), colour, way="r", alpha=veil)
