"""Words that tell clusters apart."""

import numpy as np

from bannercluster.report.tags import TAGS, tags_of

TEXTS = [
    *["Cheap flights to Lisbon, from 49 EUR"] * 5,
    *["Cheap flights: Oslo in winter"] * 4,
    *["Running shoes, cheap and light"] * 6,
    *["Trail shoes for rain"] * 3,
    "one of a kind",
]
CLUSTERS = np.array([0] * 9 + [1] * 9 + [2])


def test_terms_of_one_cluster_come_before_those_of_all():
    flights, shoes, other = tags_of(TEXTS, CLUSTERS, 3)
    assert "flights" in " ".join(flights[:2])
    assert "shoes" in " ".join(shoes[:2])
    assert not set(" ".join(flights).split()) & set(" ".join(shoes).split()) - {"cheap"}
    assert other == ()  # a word that is said once tells nothing


def test_score_is_the_formula():
    texts = ["aa bb", "aa", "bb cc", "cc", "cc"]
    clusters = np.array([0, 0, 1, 1, 1])
    # aa: 2/2 log(1 + 2.5/2) in cluster 0; bb: 1/2 log(1 + 2.5/2), in one text of each cluster.
    assert tags_of(texts, clusters, 2) == (("aa",), ("cc",))


def test_a_text_that_repeats_a_word_says_it_once():
    texts = ["tea " + "spam " * 500, "tea", "tea", "spam"]
    assert tags_of(texts, np.zeros(4, int), 1)[0][0] == "tea"


def test_words_stand_once_among_the_tags():
    found = tags_of(["red shoes sale now"] * 5, np.zeros(5, int), 1)[0]
    words = " ".join(found).split()
    assert len(words) == len(set(words))
    assert len(found) <= TAGS


def test_numbers_and_stop_words_are_none():
    assert tags_of(["20 % off the 300 x 250", "50 % off the 728 x 90"], np.zeros(2, int), 1) == (
        (),
    )


def test_hostile_and_foreign_texts():
    texts = ["<script>alert(1)</script>"] * 2 + ["日本語 広告"] * 2 + ["", "\u202eabc", "🎉" * 9]
    (found,) = tags_of(texts, np.zeros(len(texts), int), 1)
    assert "日本語" in " ".join(found)
    assert all("<" not in tag for tag in found)


def test_no_texts():
    assert tags_of([], np.empty(0, int), 3) == ((), (), ())
    assert tags_of(["", " "], np.zeros(2, int), 2) == ((), ())
