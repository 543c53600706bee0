"""Who advertises: brands, their campaigns and their creatives, all drawn from seeds.

Every choice comes from a generator seeded by (seed, advertiser, campaign, creative), so a creative
can be drawn alone, in any process, and comes out the same.
"""

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from bannercluster.synth.grounds import Ground
from bannercluster.synth.lettering import Voice
from bannercluster.synth.marks import MARKS, Skin
from bannercluster.synth.palette import WHITE, Palette, Rgb, darker, lighter, mix, palette
from bannercluster.synth.products import FREE
from bannercluster.synth.words import SYLLABLES, TAKEN, VERTICALS

Treatment = Literal["light", "bold", "dark", "white", "second"]
Button = Literal["pill", "round", "square", "outline"]
T = TypeVar("T")

_BRAND, _CAMPAIGN, _CREATIVE = 1, 2, 3


@dataclass(frozen=True)
class Brand:
    """An advertiser: how it looks and how it speaks."""

    index: int
    slug: str
    name: str
    suffix: str
    vertical: str
    colours: Palette
    mark: str
    wordmark: Voice
    headline: Voice
    body: Voice
    button: Button
    habit: int
    treatments: tuple[Treatment, ...]
    grounds: tuple[str, ...]
    border: bool


@dataclass(frozen=True)
class Campaign:
    """A push of one brand: one background, one product, one offer, a few headlines."""

    slug: str
    ground: Ground
    product: str
    skin: Skin
    rival_skin: Skin
    tilt: float
    flip: bool
    headlines: tuple[str, ...]
    subline: str
    offer: str
    action: str
    legal: str
    habit: int
    panel: Rgb


@dataclass(frozen=True)
class Creative:
    """One motif of a campaign, which is then set in several sizes."""

    key: str
    headline: str
    subline: str
    offer: str
    legal: str
    action: str
    skin: Skin
    trio: bool
    flash: Literal["disc", "star", "tag"]


def pick(rng: np.random.Generator, options: tuple[T, ...]) -> T:
    """One of the options."""
    return options[int(rng.integers(len(options)))]


def make_brands(seed: int, n: int) -> list[Brand]:
    """Brands with distinct names, the same first ones whatever ``n``."""
    taken: set[str] = set()
    order = list(VERTICALS)
    brands = []
    for index in range(n):
        rng = np.random.default_rng([seed, _BRAND, index])
        vertical = order[(index * 5 + seed) % len(order)]
        name = ""
        while not name or name in taken or name.lower() in TAKEN:
            parts = rng.choice(len(SYLLABLES), size=2 if rng.random() < 0.75 else 3, replace=False)
            name = "".join(SYLLABLES[int(i)] for i in parts).capitalize()
        taken.add(name)
        brands.append(_brand(rng, index, name, vertical))
    return brands


def _brand(rng: np.random.Generator, index: int, name: str, vertical: str) -> Brand:
    trade = VERTICALS[vertical]
    suffix = pick(rng, trade.suffixes)
    wordmarks = (
        Voice(0.035, 1.0, 0.0, "as is", 0.0), Voice(0.012, 1.0, 0.0, "upper", 0.2),
        Voice(0.045, 1.0, 0.0, "lower", -0.02), Voice(0.04, 0.86, 0.0, "upper", 0.03),
        Voice(0.04, 1.05, 0.2, "upper", 0.02), Voice(0.0, 1.08, 0.0, "lower", 0.05),
        Voice(0.03, 1.15, 0.0, "upper", 0.08),
    )  # fmt: skip
    headlines = (
        Voice(0.034, 1.0, 0.0, "as is", -0.01), Voice(0.042, 0.84, 0.0, "upper", 0.01),
        Voice(0.0, 1.0, 0.0, "as is", 0.0), Voice(0.04, 1.0, 0.18, "upper", 0.0),
        Voice(0.022, 0.94, 0.0, "as is", -0.01), Voice(0.014, 1.0, 0.0, "upper", 0.08),
        Voice(0.038, 1.0, 0.0, "lower", -0.02), Voice(0.034, 0.9, 0.0, "title", 0.0),
    )  # fmt: skip
    buttons: tuple[Button, ...] = ("pill", "pill", "round", "round", "square", "outline")
    looks: tuple[tuple[Treatment, ...], ...] = (
        ("bold", "light"), ("light", "white"), ("bold", "dark"), ("dark", "second"),
        ("white", "bold"), ("second", "light"), ("bold", "second"),
    )  # fmt: skip
    grounds = tuple(trade.grounds[int(i)] for i in rng.choice(len(trade.grounds), 3, replace=False))
    return Brand(
        index=index,
        slug=name.lower(),
        name=name,
        suffix=suffix,
        vertical=vertical,
        colours=palette(index, rng),
        mark=pick(rng, MARKS),
        wordmark=pick(rng, wordmarks),
        headline=pick(rng, headlines),
        body=Voice(float(rng.choice([0.0, 0.008, 0.016]))),
        button=pick(rng, buttons),
        habit=int(rng.integers(3)),
        treatments=pick(rng, looks),
        grounds=grounds,
        border=bool(rng.random() < 0.3),
    )


def _filled(text: str, rng: np.random.Generator, brand: Brand) -> str:
    low, high = VERTICALS[brand.vertical].prices
    price = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    shown = f"{int(price)}.99" if price < 20 else str(int(price) // 10 * 10 + 9)
    share = (15, 20, 25, 30, 40, 50, 60, 70)[int(rng.integers(8))]
    if "earn" in text.lower() or "back" in text.lower():
        share = 2 + share // 10
    return text.format(n=share, p=shown.split(".")[0] if "k" in text else shown, brand=brand.name)


def make_campaign(seed: int, brand: Brand, index: int) -> Campaign:
    """Campaign number ``index`` of a brand."""
    rng = np.random.default_rng([seed, _CAMPAIGN, brand.index, index])
    trade, c = VERTICALS[brand.vertical], brand.colours
    treatment = brand.treatments[0] if rng.random() < 0.65 else pick(rng, brand.treatments)
    base, second, feature = {
        "light": (c.light, mix(c.light, c.secondary, 0.45), c.accent),
        "bold": (c.primary, mix(c.primary, c.secondary, 0.75), c.accent),
        "dark": (c.dark, c.primary, c.accent),
        "white": ((250, 250, 251), lighter(c.primary, 0.72), c.accent),
        "second": (c.secondary, lighter(c.secondary, 0.4), c.accent),
    }[treatment]
    kind = brand.grounds[0] if rng.random() < 0.5 else pick(rng, brand.grounds)
    product = trade.products[index % 2] if rng.random() < 0.6 else pick(rng, trade.products)
    tones: list[tuple[Rgb, Rgb, Rgb]] = [
        (c.primary, c.secondary, c.accent), (c.accent, c.primary, c.secondary),
        (c.secondary, c.accent, c.primary), (lighter(c.dark, 0.12), c.secondary, c.accent),
        (WHITE, c.primary, c.accent),
    ]  # fmt: skip
    # A product must stand out from what is behind it.
    tones.sort(key=lambda t: -float(np.abs(np.subtract(t[0], second)).sum()))
    choice = int(rng.integers(2))
    if product in ("car", "suv", "can", "sneaker") and rng.random() < 0.3:
        choice = 2
    main, rival = tones[choice], tones[(choice + 1) % 3]
    main, rival = (
        (darker(t[0], 0.06) if t[0] == WHITE else t[0], t[1], t[2]) for t in (main, rival)
    )
    lines = rng.choice(len(trade.headlines), 4, replace=False)
    words = trade.headlines[int(lines[0])].split(" ")
    tag = "-".join(w.strip(".,?!${}").lower() for w in words[:2] if w.isalpha()) or "brand"
    return Campaign(
        slug=f"{brand.slug}-{tag}-{index + 1}",
        ground=Ground(kind, base, second, feature, int(rng.integers(2**31))),
        product=product,
        skin=Skin(*main, brand.mark),
        rival_skin=Skin(*rival, brand.mark),
        tilt=float(rng.choice([0, 0, -14, 12])) if product in FREE else 0.0,
        flip=bool(rng.random() < 0.3),
        headlines=tuple(_filled(trade.headlines[int(i)], rng, brand) for i in lines),
        subline=_filled(pick(rng, trade.sublines), rng, brand),
        offer=_filled(pick(rng, trade.offers), rng, brand),
        action=pick(rng, trade.actions),
        legal=pick(rng, trade.legal),
        habit=brand.habit if rng.random() < 0.7 else int(rng.integers(3)),
        panel=c.dark if treatment in ("bold", "second") else c.primary,
    )


def make_creative(
    seed: int, brand: Brand, campaign: Campaign, numbers: tuple[int, int]
) -> Creative:
    """Creative ``numbers`` = (campaign, creative) of a campaign."""
    rng = np.random.default_rng([seed, _CREATIVE, brand.index, *numbers])
    trade = VERTICALS[brand.vertical]
    sure = rng.random() < 0.6
    flashes: tuple[Literal["disc", "star", "tag"], ...] = ("disc", "star", "tag")
    offer = campaign.offer if rng.random() < 0.45 else ""
    return Creative(
        key=f"{campaign.slug}-{numbers[1] + 1:02d}",
        headline=pick(rng, campaign.headlines),
        subline=campaign.subline if sure else _filled(pick(rng, trade.sublines), rng, brand),
        offer=offer,
        legal=campaign.legal if rng.random() < 0.5 else "",
        action=campaign.action if rng.random() < 0.7 else pick(rng, trade.actions),
        skin=campaign.skin if rng.random() < 0.75 else campaign.rival_skin,
        trio=bool(rng.random() < 0.35) and not offer,
        flash=flashes[brand.index % 3],
    )
