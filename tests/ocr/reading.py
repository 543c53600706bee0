"""A reader that is quick and says the mean colour; banners with text, and how well it is read."""

import threading

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bannercluster.encoders.ocr import Line, ReadingFailed


class FakeReader:
    """An image's text depends on nothing but the image; some images cannot be read."""

    def __init__(self) -> None:
        self.n_images = 0
        self.fails = True
        self._lock = threading.Lock()

    def read(self, images):
        with self._lock:
            self.n_images += len(images)
        return [self._read_one(image) for image in images]

    def _read_one(self, image):
        mean = int(image.mean())
        if mean % 10 == 2 and self.fails:
            return ReadingFailed("a test says so")
        if mean % 10 == 5:
            return ()
        h, w = image.shape[:2]
        return (
            Line(f"mean {mean}", 0.75, (0.0, 0.0, w, 0.0, w, h, 0.0, h)),
            Line("two", 1.0, (0.0,) * 8),
        )


def page(*lines: str, size: tuple[int, int] = (300, 250), points: int = 24) -> np.ndarray:
    """Draw black lines on white."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for nth, line in enumerate(lines):
        draw.text((10, 10 + nth * 2 * points), line, "black", ImageFont.load_default(points))
    return np.array(image)


def character_errors(wanted: str, found: str) -> float:
    """Return the edits from a text to the part of another that is nearest, per character."""
    a, b = wanted.casefold(), " ".join(found.casefold().split())
    row = [0] * (len(b) + 1)  # it may begin anywhere
    for nth, letter in enumerate(a, 1):
        before, row = row, [nth]
        for place, other in enumerate(b, 1):
            row.append(min(before[place] + 1, row[-1] + 1, before[place - 1] + (letter != other)))
    return min(row) / len(a)
