import numpy as np
import pytest

from bannercluster.synth.brands import make_brands, make_campaign, make_creative
from bannercluster.synth.layout import SIZES, layout_of, shape_of
from bannercluster.synth.palette import contrast, readable
from bannercluster.synth.plan import make_plan
from bannercluster.synth.words import VERTICALS


@pytest.mark.parametrize("n_banners", [1, 3, 40, 333])
@pytest.mark.parametrize("n_advertisers", [1, 7, 40])
def test_plan_has_as_many_items_as_asked(n_banners: int, n_advertisers: int) -> None:
    jobs = make_plan(5, n_banners, n_advertisers, 0.05, 0.02, 0.1)
    items = [item for job in jobs for item in job.items]
    assert len(items) == n_banners
    assert len({item.banner_id for item in items}) == n_banners
    assert sum(item.copy_of >= 0 for item in items) == round(0.05 * n_banners)
    assert sum(item.like >= 0 for item in items) == round(0.02 * n_banners)
    assert sum(bool(item.fault) for item in items) == round(0.1 * n_banners)


def test_copies_point_back_at_sound_originals() -> None:
    for job in make_plan(1, 400, 10, 0.2, 0.1, 0.2):
        for place, item in enumerate(job.items):
            for source in (item.copy_of, item.like):
                if source >= 0:
                    assert source < place
                    assert not job.items[source].fault
                    assert job.items[source].copy_of == job.items[source].like == -1


def test_brands_are_distinct_and_do_not_depend_on_their_number() -> None:
    many = make_brands(3, 200)
    assert make_brands(3, 20) == many[:20]
    assert len({brand.slug for brand in many}) == 200
    assert {brand.vertical for brand in many} == set(VERTICALS)


def test_words_are_filled_in() -> None:
    for brand in make_brands(2, 28):
        for index in range(2):
            campaign = make_campaign(2, brand, index)
            creative = make_creative(2, brand, campaign, (index, 0))
            texts = (*campaign.headlines, campaign.subline, campaign.offer, creative.subline)
            assert not any("{" in text for text in texts)


def test_all_words_can_be_drawn_with_the_bundled_font() -> None:
    for trade in VERTICALS.values():
        texts = (*trade.headlines, *trade.sublines, *trade.offers, *trade.actions, *trade.legal)
        assert all(text.isascii() for text in texts)


def test_every_size_has_layouts_inside_the_banner() -> None:
    assert {shape_of(*size) for size in SIZES} == {"strip", "wide", "block", "tall", "sky"}
    for size in SIZES:
        for habit in range(3):
            plan = layout_of(*size, habit)
            for x0, y0, x1, y1 in (plan.logo, plan.headline, plan.product, plan.action):
                assert 0 <= x0 < x1 <= 1
                assert 0 <= y0 < y1 <= 1


def test_readable_ink_has_contrast_on_any_ground() -> None:
    for ground in np.random.default_rng(0).integers(256, size=(100, 3)).tolist():
        assert contrast(readable(ground, ()), ground) > 4
