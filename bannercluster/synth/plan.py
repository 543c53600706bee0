"""Decides, before anything is drawn, which files there will be."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bannercluster.synth.brands import Brand, make_brands
from bannercluster.synth.encode import VARIANTS
from bannercluster.synth.faults import FAULTS
from bannercluster.synth.layout import SIZES

_PLAN = 4
N_DAYS = 7


@dataclass(frozen=True)
class Item:
    """One file to be made.

    ``copy_of`` is the place (in the job) of the item whose bytes it repeats, ``like`` of the item
    that it re-encodes; -1 where it is drawn for itself.
    """

    banner_id: str
    creative: int
    size: tuple[int, int]
    variant: str
    day: int
    fault: str = ""
    copy_of: int = -1
    like: int = -1


@dataclass(frozen=True)
class Job:
    """All files of one campaign: the unit of work, drawn in one process."""

    seed: int
    brand: Brand
    campaign: int
    items: tuple[Item, ...]


def _shares(weights: Sequence[float], n: int) -> list[int]:
    """Split ``n`` in proportion to weights, by largest remainders."""
    w = np.asarray(weights, dtype=np.float64)
    exact = w / w.sum() * n
    counts = np.floor(exact).astype(int)
    for i in np.argsort(counts - exact, kind="stable")[: n - int(counts.sum())]:
        counts[i] += 1
    return [int(c) for c in counts]


def _banner_id(seed: int, *numbers: int) -> str:
    text = ":".join(str(v) for v in (seed, *numbers))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def make_plan(
    seed: int,
    n_banners: int,
    n_advertisers: int,
    duplicates: float,
    near_duplicates: float,
    broken: float,
) -> list[Job]:
    """Plan ``n_banners`` files in all, exact and near duplicates and faulty files included."""
    n_copies, n_like, n_faulty = (
        round(n_banners * s) for s in (duplicates, near_duplicates, broken)
    )
    n_faulty = min(n_faulty, n_banners - n_copies - n_like)
    n_drawn = n_banners - n_copies - n_like
    brands = make_brands(seed, n_advertisers)
    rng = np.random.default_rng([seed, _PLAN])
    # A few advertisers buy much, many buy little.
    weights = rng.permutation((np.arange(n_advertisers) + 4.0) ** -0.6)
    jobs: list[tuple[Brand, int, list[Item]]] = []
    for brand, count in zip(brands, _shares(weights.tolist(), n_drawn), strict=True):
        jobs += [(brand, index, items) for index, items in enumerate(_drawn(seed, brand, count))]
    places = [(j, i) for j, (_, _, items) in enumerate(jobs) for i in range(len(items))]
    order = rng.permutation(len(places))
    for rank, place in enumerate(order[:n_faulty]):
        j, i = places[int(place)]
        old = jobs[j][2][i]
        fault = list(FAULTS)[rank % len(FAULTS)]
        jobs[j][2][i] = Item(old.banner_id, old.creative, old.size, "jpeg", old.day, fault)
    sound = [places[int(p)] for p in order[n_faulty:]]
    still = [(j, i) for j, i in sound if jobs[j][2][i].variant not in ("gif_animated", "png_rgba")]
    for kind, n, pool in (("copy", n_copies, sound), ("like", n_like, still)):
        for k in range(n if pool else 0):
            j, i = pool[k % len(pool)] if kind == "copy" else pool[-1 - k % len(pool)]
            brand, index, items = jobs[j]
            source = items[i]
            ident = _banner_id(seed, brand.index, index, len(items), 1)
            day = int(rng.integers(N_DAYS))
            items.append(
                Item(ident, source.creative, source.size, source.variant, day, copy_of=i)
                if kind == "copy"
                else Item(ident, source.creative, source.size, source.variant, day, like=i)
            )
    return [Job(seed, brand, index, tuple(items)) for brand, index, items in jobs]


def _drawn(seed: int, brand: Brand, count: int) -> list[list[Item]]:
    """Items of a brand by campaign: each creative in several sizes."""
    rng = np.random.default_rng([seed, _PLAN, brand.index])
    n_campaigns = max(1, min(2 + count // 20, count // 4))
    campaigns: list[list[Item]] = [[] for _ in range(n_campaigns)]
    sizes, odds = list(SIZES), np.array(list(SIZES.values()))
    variants, variant_odds = list(VARIANTS), np.array(list(VARIANTS.values()))
    made, creative = 0, 0
    while made < count:
        campaign = creative % n_campaigns
        number = creative // n_campaigns
        n = min(int(rng.integers(2, 7)), count - made)
        chosen = rng.choice(len(sizes), n, replace=False, p=odds / odds.sum())
        day = int(rng.integers(N_DAYS))
        for place in chosen:
            variant = variants[int(rng.choice(len(variants), p=variant_odds / variant_odds.sum()))]
            ident = _banner_id(seed, brand.index, campaign, len(campaigns[campaign]), 0)
            campaigns[campaign].append(Item(ident, number, sizes[int(place)], variant, day))
        made += n
        creative += 1
    return [items for items in campaigns if items]
