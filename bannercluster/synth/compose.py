"""Composes one banner: background, product, logo, text, button, small print."""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageStat

from bannercluster.synth.brands import Brand, Campaign, Creative
from bannercluster.synth.grounds import SCENES, paint_ground
from bannercluster.synth.layout import Layout, layout_of, placed, shape_of
from bannercluster.synth.lettering import Align, Box, Voice, draw_text
from bannercluster.synth.marks import Skin
from bannercluster.synth.palette import BLACK, WHITE, Rgb, contrast, darker, lighter, readable
from bannercluster.synth.parts import (
    Pictures,
    button_colours,
    draw_action,
    draw_flash,
    draw_logo,
    draw_products,
    draw_sign,
    scrim,
)
from bannercluster.synth.products import draw_product


@dataclass
class Workshop:
    """What the banners of one campaign share: backgrounds by size, product pictures by colour."""

    brand: Brand
    campaign: Campaign
    _grounds: dict[tuple[int, int], Image.Image] = field(default_factory=dict)
    _pictures: dict[Skin, Pictures] = field(default_factory=dict)

    def ground(self, size: tuple[int, int], focus: tuple[float, float]) -> Image.Image:
        """Background of a size, a copy to draw on."""
        if size not in self._grounds:
            self._grounds[size] = paint_ground(self.campaign.ground, size, focus)
        return self._grounds[size].copy()

    def pictures(self, skin: Skin) -> Pictures:
        """Product in a colour."""
        if skin not in self._pictures:
            c = self.campaign
            self._pictures[skin] = Pictures(draw_product(c.product, skin, c.tilt, c.flip))
        return self._pictures[skin]


def _mean(image: Image.Image, box: Box) -> tuple[Rgb, float]:
    """Mean colour of a region and the spread of its brightness."""
    x0, y0, x1, y1 = (round(v) for v in box)
    patch = image.crop((x0, y0, max(x0 + 2, x1), max(y0 + 2, y1))).resize(
        (12, 12), Image.Resampling.BOX
    )
    stat = ImageStat.Stat(patch)
    r, g, b = (round(v) for v in stat.mean)
    return (r, g, b), float(np.mean(stat.stddev))


def _ink(image: Image.Image, box: Box, brand: Brand, scene: bool) -> Rgb:
    """Colour that reads on a whole region, which is veiled first where it is busy."""
    mean, spread = _mean(image, box)
    x0, y0, x1, y1 = (round(v) for v in box)
    patch = image.crop((x0, y0, max(x0 + 2, x1), max(y0 + 2, y1))).resize((8, 8))
    spots = np.asarray(patch, dtype=np.float64).reshape(-1, 3)
    order = np.argsort(spots.sum(axis=1), kind="stable")
    ends = (spots[order[6]].tolist(), spots[order[-7]].tolist())  # without the outermost tenth

    def worst(ink: Rgb) -> float:
        return min(contrast(ink, end) for end in ends)

    ink = max(
        (WHITE, brand.colours.dark), key=lambda c: worst(c) + 0.9 * (c == WHITE and worst(c) > 2.8)
    )
    if worst(ink) < 2.8 or spread > 30 or (scene and spread > 14):
        bright = contrast(ink, WHITE) > contrast(ink, BLACK)
        tone = lighter(mean, 0.7) if bright else darker(mean, 0.6)
        scrim(image, box, tone, 0.75 if worst(ink) < 2.4 else 0.55)
    return ink


def compose(
    shop: Workshop, creative: Creative, size: tuple[int, int], steps: tuple[str, ...] = ()
) -> list[Image.Image]:
    """RGB banner of a size; with ``steps`` the pictures of an animation that builds it up.

    ``steps`` may name "blank" (background only) and "message" (no button yet); the finished banner
    is always the last picture.
    """
    campaign = shop.campaign
    width, height = size
    plan = layout_of(width, height, campaign.habit)
    product = placed(plan.product, width, height)
    image = shop.ground(size, ((product[0] + product[2]) / 2, (product[1] + product[3]) / 2))
    frames = []
    if "blank" in steps:
        frames.append(image.copy())
    panel = _panel(image, plan, campaign)
    rival = campaign.rival_skin if creative.skin == campaign.skin else campaign.skin
    skins = [creative.skin, rival, creative.skin] if creative.trio else [creative.skin]
    ink = _message_ink(image, shop, plan)
    draw_products(image, product, [shop.pictures(s) for s in skins])
    _message(image, shop, creative, plan, ink)
    if "message" in steps:
        frames.append(image.copy())
    _closing(image, shop, creative, plan, panel)
    frames.append(image)
    return frames


def _panel(image: Image.Image, plan: Layout, campaign: Campaign) -> Rgb | None:
    if plan.panel is None:
        return None
    x0, y0, x1, y1 = placed(plan.panel, *image.size)
    ground, _ = _mean(image, (x0, y0, x1, y1))
    colour = campaign.panel if contrast(campaign.panel, ground) > 1.5 else WHITE
    image.paste(colour, (round(x0), round(y0), round(x1), round(y1)))
    return colour


def _message_boxes(size: tuple[int, int], plan: Layout) -> tuple[Box, Box | None]:
    """Boxes of the headline and of the sub-line, which the smallest sizes leave out."""
    width, height = size
    box = placed(plan.headline, width, height)
    if height < 60:
        below_logo = plan.logo[0] < plan.headline[2] and plan.logo[2] > plan.headline[0]
        return (box[0], (0.38 if below_logo else 0.16) * height, box[2], 0.88 * height), None
    return box, placed(plan.subline, width, height) if plan.subline else None


def _message_ink(image: Image.Image, shop: Workshop, plan: Layout) -> Rgb:
    box, sub = _message_boxes(image.size, plan)
    area = box if sub is None else (box[0], box[1], box[2], sub[3])
    return _ink(image, area, shop.brand, shop.campaign.ground.kind in SCENES)


def _message(
    image: Image.Image, shop: Workshop, creative: Creative, plan: Layout, ink: Rgb
) -> None:
    shape = shape_of(*image.size)
    box, sub = _message_boxes(image.size, plan)
    took = draw_text(
        image,
        box,
        creative.headline,
        shop.brand.headline,
        ink,
        align=plan.align,
        lines=plan.lines,
        size=30.0 if shape == "strip" else 64.0,
        middle=sub is None or shape == "strip",
    )
    if sub is None:
        return
    if shape != "strip":
        # Bring the sub-line nearer to a headline that did not fill its box.
        gap = sub[1] - took[3]
        lift = max(0.0, min(gap - 0.02 * image.height, 0.5 * gap))
        sub = (sub[0], sub[1] - lift, sub[2], sub[3] - lift)
    lines = {"strip": 1, "wide": 1, "block": 2, "tall": 2, "sky": 3}[shape]
    draw_text(
        image,
        sub,
        creative.subline,
        shop.brand.body,
        ink,
        align=plan.align,
        lines=lines,
        size=19.0,
        middle=False,
        alpha=0.92,
    )


def _closing(
    image: Image.Image, shop: Workshop, creative: Creative, plan: Layout, panel: Rgb | None
) -> None:
    brand = shop.brand
    width, height = image.size
    if plan.flash is not None and creative.offer and height >= 60:
        ground, _ = _mean(image, placed(plan.product, width, height))
        wishes = (brand.colours.accent, brand.colours.primary, brand.colours.dark)
        fill = max(wishes[:2], key=lambda c: contrast(c, ground) + 0.8 * (c == wishes[0]))
        draw_flash(
            image,
            placed(plan.flash, width, height),
            creative.offer,
            creative.flash,
            fill,
            brand.headline,
        )
    logo = placed(plan.logo, width, height)
    inside = panel is not None and plan.panel is not None and _within(plan.logo, plan.panel)
    ground = panel if inside and panel is not None else _mean(image, logo)[0]
    align: Align = "left" if plan.align == "left" and not inside else "centre"
    draw_logo(image, brand, logo, ground, align if width > 200 or not inside else "centre")
    box = placed(plan.action, width, height)
    inside = panel is not None and plan.panel is not None and _within(plan.action, plan.panel)
    under = panel if inside and panel is not None else _mean(image, box)[0]
    fill, ink = button_colours(under, brand, brand.button)
    voice = Voice(
        max(0.02, min(brand.headline.weight, 0.03)),
        1.0,
        0.0,
        "upper" if brand.headline.case == "upper" else "as is",
        0.02,
    )
    side: Align = (
        "left"
        if plan.align == "left" and not inside and shape_of(width, height) != "strip"
        else "centre"
    )
    draw_action(image, box, creative.action, brand.button, voice, fill, ink, side)
    if plan.legal is not None and creative.legal:
        spot = placed(plan.legal, width, height)
        mean, _ = _mean(image, spot)
        draw_text(
            image,
            spot,
            creative.legal,
            Voice(),
            readable(mean, (brand.colours.dark, WHITE), 4.0),
            align=plan.align,
            lines=1,
            size=9.0,
            alpha=0.75,
        )
    if brand.border:
        tone = BLACK if brand.index % 2 else brand.colours.primary
        ImageDraw.Draw(image).rectangle((0, 0, width - 1, height - 1), outline=tone)
    if brand.index % 5 != 0 and not (plan.panel is not None and height < 60):
        draw_sign(image)


def _within(inner: Box, outer: Box) -> bool:
    return (
        inner[0] >= outer[0] - 0.01
        and inner[1] >= outer[1] - 0.01
        and inner[2] <= outer[2] + 0.01
        and inner[3] <= outer[3] + 0.01
    )
