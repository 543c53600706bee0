"""Backgrounds: one call that paints any of them, with photographic grain."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops

from bannercluster.synth.ground_graphics import GRAPHICS
from bannercluster.synth.ground_kit import Ground, Scene
from bannercluster.synth.ground_scenes import SCENES
from bannercluster.synth.palette import darker, lighter, luminance
from bannercluster.synth.shapes import Board, gradient


@lru_cache(maxsize=4)
def _grain(strength: int) -> Image.Image:
    """Tile of photographic grain around 128."""
    noise = np.random.default_rng(7).normal(128, strength, (700, 1000)).clip(0, 255)
    tile = Image.fromarray(noise.astype(np.uint8))
    return Image.merge("RGB", (tile, tile, tile))


def grained(image: Image.Image, strength: int) -> Image.Image:
    """Add photographic grain to an RGB image."""
    return ImageChops.add(image, _grain(strength).crop((0, 0, *image.size)), 1, -128)


def paint_ground(ground: Ground, size: tuple[int, int], focus: tuple[float, float]) -> Image.Image:
    """RGB background of a banner; ``focus`` is the middle of its product, in pixels."""
    rng = np.random.default_rng(ground.seed)
    width, height = size
    if ground.kind in SCENES:
        canvas = Image.new("RGB", size)
        painter, grain = SCENES[ground.kind], 3
    else:
        painter, grain = GRAPHICS[ground.kind], 2
        low = lighter(ground.base, 0.10) if luminance(ground.base) < 0.75 else ground.base
        canvas = gradient(size, (low, darker(ground.base, 0.08)), "d")
    board = Board(unit=1.0, image=canvas)
    painter(Scene(board, width, height, focus, rng), ground)
    return grained(board.image, grain)


__all__ = ["GRAPHICS", "SCENES", "Ground", "paint_ground"]
