"""Where things go: boxes in shares of the banner, for each shape class and layout habit."""

from dataclasses import dataclass, replace
from typing import Literal

from bannercluster.synth.lettering import Align, Box

Shape = Literal["strip", "wide", "block", "tall", "sky"]

# Size in pixels and how often it is booked, as on open ad exchanges.
SIZES: dict[tuple[int, int], float] = {
    (300, 250): 0.25, (728, 90): 0.16, (320, 50): 0.13, (160, 600): 0.11, (300, 600): 0.08,
    (970, 250): 0.06, (336, 280): 0.05, (320, 100): 0.035, (468, 60): 0.03, (120, 600): 0.025,
    (970, 90): 0.02, (250, 250): 0.015, (320, 480): 0.02, (300, 50): 0.015, (200, 200): 0.01,
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """Boxes (x0, y0, x1, y1) in shares of width and height; None leaves an element out."""

    logo: Box
    headline: Box
    product: Box
    action: Box
    subline: Box | None = None
    flash: Box | None = None
    legal: Box | None = None
    panel: Box | None = None
    align: Align = "left"
    lines: int = 3


_LAYOUTS: dict[Shape, tuple[Layout, Layout, Layout]] = {
    "strip": (
        Layout((0.02, 0.2, 0.17, 0.8), (0.20, 0.13, 0.56, 0.62), (0.58, 0.03, 0.77, 0.97),
               (0.80, 0.26, 0.98, 0.74), (0.20, 0.66, 0.56, 0.86), (0.735, 0.05, 0.80, 0.7), None,
                None, "left", 2),
        Layout((0.845, 0.14, 0.97, 0.50), (0.25, 0.14, 0.66, 0.62), (0.015, 0.03, 0.225, 0.97),
               (0.845, 0.56, 0.985, 0.88), (0.25, 0.66, 0.66, 0.86), (0.70, 0.06, 0.80, 0.94), None,
               (0.825, 0.0, 1.0, 1.0), "left", 2),
        Layout((0.40, 0.08, 0.60, 0.34), (0.27, 0.38, 0.73, 0.74), (0.02, 0.04, 0.23, 0.96),
               (0.78, 0.28, 0.975, 0.72), (0.27, 0.76, 0.73, 0.94), (0.19, 0.05, 0.26, 0.7), None,
                None, "centre", 1),
    ),
    "wide": (
        Layout((0.04, 0.09, 0.24, 0.27), (0.04, 0.32, 0.50, 0.64), (0.58, 0.05, 0.97, 0.95),
               (0.04, 0.76, 0.22, 0.92), (0.04, 0.655, 0.52, 0.735), (0.52, 0.07, 0.63, 0.5),
                (0.25, 0.86, 0.54, 0.93)),
        Layout((0.80, 0.16, 0.97, 0.44), (0.38, 0.16, 0.74, 0.62), (0.02, 0.05, 0.31, 0.95),
               (0.80, 0.58, 0.97, 0.80), (0.38, 0.66, 0.74, 0.80), (0.26, 0.06, 0.37, 0.46),
                (0.38, 0.86, 0.74, 0.93),
               (0.77, 0.0, 1.0, 1.0)),
        Layout((0.04, 0.12, 0.22, 0.34), (0.28, 0.14, 0.66, 0.60), (0.66, 0.05, 0.985, 0.95),
               (0.37, 0.74, 0.57, 0.91), (0.28, 0.62, 0.66, 0.71), (0.05, 0.46, 0.2, 0.92), None,
                None, "centre"),
    ),
    "block": (
        Layout((0.06, 0.06, 0.46, 0.17), (0.06, 0.23, 0.54, 0.58), (0.47, 0.20, 0.99, 0.94),
               (0.06, 0.76, 0.43, 0.89), (0.06, 0.60, 0.48, 0.71), (0.74, 0.07, 0.96, 0.34),
                (0.06, 0.93, 0.60, 0.97)),
        Layout((0.06, 0.83, 0.42, 0.95), (0.06, 0.06, 0.94, 0.235), (0.08, 0.335, 0.92, 0.715),
               (0.56, 0.82, 0.94, 0.95), (0.06, 0.262, 0.94, 0.325), (0.70, 0.34, 0.95, 0.62),
                (0.06, 0.735, 0.94, 0.77),
               (0.0, 0.78, 1.0, 1.0), "centre", 2),
        Layout((0.28, 0.05, 0.72, 0.16), (0.07, 0.19, 0.93, 0.37), (0.12, 0.39, 0.88, 0.79),
               (0.28, 0.81, 0.72, 0.93), None, (0.04, 0.42, 0.29, 0.70), (0.1, 0.945, 0.9, 0.98),
                None, "centre", 2),
    ),
    "tall": (
        Layout((0.08, 0.04, 0.60, 0.11), (0.08, 0.14, 0.92, 0.35), (0.05, 0.44, 0.95, 0.81),
               (0.08, 0.85, 0.62, 0.915), (0.08, 0.365, 0.92, 0.425), (0.64, 0.39, 0.94, 0.55),
                (0.08, 0.94, 0.92, 0.965)),
        Layout((0.2, 0.745, 0.8, 0.815), (0.08, 0.05, 0.92, 0.26), (0.06, 0.33, 0.94, 0.70),
               (0.18, 0.855, 0.82, 0.925), (0.08, 0.27, 0.92, 0.325), (0.65, 0.31, 0.95, 0.47),
                (0.08, 0.95, 0.92, 0.975),
               (0.0, 0.72, 1.0, 1.0), "centre"),
        Layout((0.2, 0.04, 0.8, 0.115), (0.08, 0.55, 0.92, 0.75), (0.05, 0.14, 0.95, 0.52),
               (0.18, 0.855, 0.82, 0.925), (0.08, 0.76, 0.92, 0.82), (0.05, 0.15, 0.35, 0.31),
                (0.08, 0.945, 0.92, 0.97), None, "centre"),
    ),
    "sky": (
        Layout((0.10, 0.03, 0.90, 0.10), (0.10, 0.14, 0.92, 0.36), (0.03, 0.46, 0.97, 0.78),
               (0.09, 0.845, 0.91, 0.90), (0.10, 0.37, 0.92, 0.44), (0.50, 0.43, 0.95, 0.56),
                (0.08, 0.93, 0.92, 0.96), None, "left", 5),
        Layout((0.12, 0.79, 0.88, 0.86), (0.08, 0.05, 0.92, 0.28), (0.03, 0.38, 0.97, 0.70),
               (0.10, 0.895, 0.90, 0.95), (0.08, 0.29, 0.92, 0.36), (0.52, 0.36, 0.95, 0.49), None,
                (0.0, 0.76, 1.0, 1.0), "centre", 5),
        Layout((0.12, 0.03, 0.88, 0.10), (0.08, 0.50, 0.92, 0.72), (0.03, 0.13, 0.97, 0.46),
               (0.10, 0.85, 0.90, 0.905), (0.08, 0.735, 0.92, 0.81), (0.05, 0.13, 0.48, 0.26),
                (0.08, 0.93, 0.92, 0.96), None, "centre", 5),
    ),
}  # fmt: skip


# On a phone the button needs a larger share of the banner.
_MOBILE_WIDE: tuple[dict[str, Box], ...] = (
    {"action": (0.04, 0.72, 0.32, 0.94), "legal": (0.34, 0.86, 0.58, 0.94)},
    {"logo": (0.755, 0.16, 0.985, 0.44), "action": (0.755, 0.58, 0.985, 0.86),
     "headline": (0.37, 0.14, 0.72, 0.62), "panel": (0.735, 0.0, 1.0, 1.0)},
    {"action": (0.32, 0.72, 0.62, 0.94)},
)  # fmt: skip
_MOBILE: tuple[dict[str, Box], ...] = (
    {"action": (0.735, 0.22, 0.985, 0.78), "product": (0.57, 0.03, 0.725, 0.97)},
    {"logo": (0.735, 0.10, 0.985, 0.46), "action": (0.735, 0.52, 0.985, 0.92),
     "headline": (0.23, 0.14, 0.70, 0.62), "panel": (0.715, 0.0, 1.0, 1.0)},
    {"action": (0.735, 0.22, 0.985, 0.78), "headline": (0.22, 0.38, 0.72, 0.74)},
)  # fmt: skip


def shape_of(width: int, height: int) -> Shape:
    """Shape class of a banner."""
    ratio = width / height
    if ratio >= 5:
        return "strip"
    if ratio >= 2.3:
        return "wide"
    if ratio >= 0.8:
        return "block"
    return "tall" if ratio >= 0.4 else "sky"


def layout_of(width: int, height: int, habit: int) -> Layout:
    """Layout of a banner for a habit (0, 1 or 2)."""
    plan = _LAYOUTS[shape_of(width, height)][habit % 3]
    special = {"strip": _MOBILE, "wide": _MOBILE_WIDE}.get(shape_of(width, height))
    if special is not None and width < 400:
        return replace(plan, **special[habit % 3])  # type: ignore[arg-type]
    return plan


def placed(share: Box, width: int, height: int) -> Box:
    """Box in pixels."""
    return share[0] * width, share[1] * height, share[2] * width, share[3] * height
