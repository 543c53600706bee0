"""The table of commit points that people read is the one of the code."""

import re
from pathlib import Path

from bannercluster.store.points import POINTS

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")


def row(point):
    return f"| `{point.name}` | {point.writes} | {point.recovery} |"


def test_names_are_unique():
    assert len({point.name for point in POINTS}) == len(POINTS)


def test_page_lists_every_point():
    listed = [line for line in PAGE.splitlines() if re.match(r"\| `\w+\.[\w-]+` \|", line)]
    assert listed == [row(point) for point in POINTS]
