"""Which image and which text belong together."""

import hashlib

import numpy as np
import pytest

from bannercluster.store.aliases import ids_of

from .pairs import content, write_ads

IMAGES, TEXTS = np.eye(4, 6, dtype=np.float16), np.eye(3, 5, dtype=np.float16)


def pairs(ads):
    return list(zip(ads.image_rows.tolist(), ads.text_rows.tolist(), strict=True))


@pytest.fixture
def ads(tmp_path):
    banners = [
        ("a", 2, 0),
        ("b", 0, 0),  # the text of a, another image
        ("c", 2, 1),  # the image of a, another text
        ("d", 1, None),
        ("e", 2, 0),  # as a
        ("f", None, 2),  # an image that could not be embedded
    ]
    return write_ads(tmp_path, IMAGES, TEXTS, banners)


def test_pairs_are_distinct_and_in_the_order_of_the_images(ads):
    assert pairs(ads) == [(0, 0), (1, -1), (2, 0), (2, 1)]
    assert ads.n_with_text == 3


def test_ids(ads):
    assert ads.ids[1].tobytes() == content("image", 1)
    both = hashlib.sha256(content("image", 2) + content("text", 1)).digest()
    assert ads.ids[3].tobytes() == both
    assert len({one.tobytes() for one in ads.ids}) == 4


def test_banners_point_to_their_ads(ads):
    table = ads.aliases()
    assert table["banner_id"].to_pylist() == list("abcdef")
    found = ids_of(table["content_id"])
    for banner, ad in zip(range(5), (2, 0, 3, 1, 2), strict=True):
        assert found[banner].tobytes() == ads.ids[ad].tobytes()
    assert found[5].tobytes() == content("image", -1)


def test_banners_without_an_id_are_joined_by_their_file(tmp_path):
    ads = write_ads(tmp_path, IMAGES, TEXTS, [("", 1, 2)])
    assert pairs(ads) == [(1, 2)]


def test_no_banner(tmp_path):
    ads = write_ads(tmp_path, IMAGES, TEXTS, [])
    assert pairs(ads) == []
    assert len(ads.aliases()) == 0
