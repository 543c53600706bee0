"""The choice on constructed tables: each model with the metrics that the rules look at."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bannercluster.config import EvaluateConfig
from bannercluster.errors import UsageError
from bannercluster.evaluate.choice import check_rule, choose, rule_text
from bannercluster.models.evaluations import Difference, ModelMetrics

SILHOUETTE = "silhouette_sq_euclidean"


def measured(k, silhouette=None, stability=None, name=None, **metrics):
    values = {SILHOUETTE: silhouette, "stability_ari": stability, **metrics}
    known = {key: value for key, value in values.items() if value is not None}
    return ModelMetrics(name or f"k{k}", k, (1,) * k, known)


def gap(first, second, value, half, metric=SILHOUETTE):
    return Difference(metric, first, second, value, value - half, value + half)


def chosen(models, differences=(), **settings):
    return choose(models, differences, EvaluateConfig(**settings))


@pytest.mark.parametrize(
    ("models", "name"),
    [
        # The best of the stable ones, though another is better.
        ([measured(5, 0.2, 0.9), measured(10, 0.3, 0.9), measured(15, 0.4, 0.79)], "k10"),
        # The threshold itself is stable.
        ([measured(5, 0.2, 0.9), measured(10, 0.3, 0.8)], "k10"),
        # None is stable: all are looked at.
        ([measured(5, 0.2, 0.7), measured(10, 0.3, 0.1), measured(15, 0.1, 0.79)], "k10"),
        # Stability was not measured: all are looked at.
        ([measured(5, 0.2), measured(10, 0.3), measured(15, 0.1)], "k10"),
        # Measured for some only: the others are not stable.
        ([measured(5, 0.2, 0.9), measured(10, 0.3)], "k5"),
        ([measured(5, 0.2, 0.9), measured(10, 0.3, math.nan)], "k5"),
        # Equal values go to the smaller k, in whatever order they come.
        ([measured(15, 0.3, 0.9), measured(10, 0.3, 0.9), measured(20, 0.3, 0.9)], "k10"),
        ([measured(5, -0.2), measured(10, -0.1)], "k10"),
        # k = 1 has no silhouette, however stable.
        ([measured(1, None, 1.0), measured(5, -0.9, 0.1)], "k5"),
        ([measured(1)], "k1"),
        ([measured(3), measured(2)], "k2"),
        ([measured(5, math.nan), measured(10, 0.1)], "k10"),
        ([measured(5, math.inf), measured(10, 0.1)], "k10"),
        # Two models of one k: the better one; of equal ones the first.
        ([measured(5, 0.1, name="a"), measured(5, 0.2, name="b")], "b"),
        ([measured(5, 0.2, name="b"), measured(5, 0.2, name="a")], "b"),
    ],
)
def test_default_rule(models, name):
    assert chosen(models).name == name


@pytest.mark.parametrize(
    ("differences", "name"),
    [
        ((), "k15"),
        ([gap("k15", "k10", 0.01, 0.02)], "k10"),
        ([gap("k10", "k15", -0.01, 0.02)], "k10"),
        ([gap("k15", "k10", 0.01, 0.005)], "k15"),
        ([gap("k10", "k15", -0.01, 0.005)], "k15"),
        # An interval that ends at zero holds it.
        ([gap("k15", "k10", 0.01, 0.01)], "k10"),
        ([gap("k15", "k10", 0.01, 0.02), gap("k15", "k5", 0.02, 0.03)], "k5"),
        ([gap("k15", "k10", 0.01, 0.005), gap("k15", "k5", 0.02, 0.03)], "k5"),
        # It is the difference from the best that counts, not that from the next.
        ([gap("k15", "k10", 0.01, 0.02), gap("k10", "k5", 0.01, 0.03)], "k10"),
        ([gap("k15", "k10", 0.01, 0.02, metric="ami")], "k15"),
        ([gap("k15", "k10", 0.01, math.nan)], "k15"),
        # A larger k is not taken for being as good.
        ([gap("k15", "k20", 0.01, 0.02)], "k15"),
    ],
)
def test_noise_goes_to_the_smaller_k(differences, name):
    models = [
        measured(5, 0.28, 0.9),
        measured(10, 0.29, 0.9),
        measured(15, 0.30, 0.9),
        measured(20, 0.29, 0.9),
    ]
    assert chosen(models, differences).name == name
    assert chosen(models[::-1], differences).name == name


def test_noise_does_not_bring_an_unstable_model_in():
    models = [measured(5, 0.29, 0.5), measured(10, 0.30, 0.9)]
    assert chosen(models, [gap("k10", "k5", 0.01, 0.5)]).name == "k10"
    assert chosen(models, [gap("k10", "k5", 0.01, 0.5)], rule="silhouette").name == "k5"


def test_of_several_models_of_the_smaller_k_the_better_one():
    models = [measured(5, 0.27, name="a"), measured(5, 0.28, name="b"), measured(9, 0.3)]
    both = [gap("k9", "a", 0.03, 0.1), gap("k9", "b", 0.02, 0.1)]
    assert chosen(models, both).name == "b"
    assert chosen(models, both[:1]).name == "a"


@pytest.mark.parametrize(
    ("rule", "key", "name"),
    [
        ("silhouette", SILHOUETTE, "high"),
        ("silhouette-cosine", "silhouette_cosine", "high"),
        ("calinski-harabasz", "calinski_harabasz", "high"),
        ("davies-bouldin", "davies_bouldin", "low"),
        ("stability", "stability_ari", "high"),
        ("ami", "ami", "high"),
        ("ari", "ari", "high"),
        ("v-measure", "v_measure", "high"),
    ],
)
def test_rules_of_one_metric(rule, key, name):
    """Stability is no condition, and of other metrics the opposite is best."""
    lower = measured(3, 0.9, 0.95, "low", davies_bouldin=0.9, ami=0.9, silhouette_cosine=0.9)
    higher = measured(9, 0.1, 0.0, "high", davies_bouldin=0.1, ami=0.1, silhouette_cosine=0.1)
    models = [
        ModelMetrics(one.name, one.k, one.sizes, {**one.metrics, key: value})
        for one, value in ((lower, 0.25), (higher, 0.5))
    ]
    found = chosen(models, rule=rule)
    assert found.name == name
    assert rule_text(EvaluateConfig(rule=rule)) == found.rule
    noise = [gap("high", "low", 0.25, 1.0, metric=key)]
    assert chosen(models, noise, rule=rule).name == "low"


def test_a_rule_without_values_takes_the_smallest_k_and_says_so():
    found = chosen([measured(9, 0.3), measured(4, 0.1)], rule="ami")
    assert found.name == "k4"
    assert found.reason == (
        "k4 (k = 4) is the smallest k, and no model has a value of the AMI with the labels"
    )


@pytest.mark.parametrize(
    ("models", "differences", "reason"),
    [
        (
            [measured(5, 0.25, 0.94), measured(10, 0.312, 0.85), measured(15, 0.4, 0.61)],
            [gap("k10", "k5", 0.062, 0.01)],
            "k10 (k = 10) has the highest squared-Euclidean silhouette, 0.312, among the 2 of 3 "
            "models whose stability ARI is at least 0.8 (0.940 at k = 5, 0.850 at k = 10)",
        ),
        (
            [measured(5, 0.31, 0.94), measured(10, 0.312, 0.85)],
            [gap("k10", "k5", 0.002, 0.01)],
            "k5 (k = 5) has a squared-Euclidean silhouette of 0.310, which differs from the "
            "highest, 0.312 of k = 10, by no more than noise (-0.0020, 95 % interval -0.0120 to "
            "+0.0080), among the 2 of 2 models whose stability ARI is at least 0.8 (0.940 at "
            "k = 5, 0.850 at k = 10)",
        ),
        (
            [measured(5, 0.31, 0.4), measured(10, 0.312, 0.5)],
            [],
            "k10 (k = 10) has the highest squared-Euclidean silhouette, 0.312, among all 2 "
            "models: none has a stability ARI of at least 0.8, the highest is 0.500 of k = 10; "
            "without intervals, so noise is not weighed",
        ),
        (
            [measured(1), measured(5, 0.31), measured(10, 0.312)],
            [gap("k10", "k5", 0.002, 0.001)],
            "k10 (k = 10) has the highest squared-Euclidean silhouette, 0.312, among the 2 of 3 "
            "models that have one: stability was not measured",
        ),
        (
            [measured(5, 0.31, 0.4)],
            [],
            "k5 (k = 5) is the only model, with a squared-Euclidean silhouette of 0.310",
        ),
        (
            [measured(1)],
            [],
            "k1 (k = 1) is the only model, and no model has a value of the squared-Euclidean "
            "silhouette",
        ),
    ],
)
def test_reason_is_a_sentence_with_figures(models, differences, reason):
    assert chosen(models, differences).reason == reason


def test_by_hand():
    models = [measured(5, 0.2, 0.9), measured(10, 0.3, 0.9)]
    other = chosen(models, choose="k5")
    assert (other.name, other.rule) == ("k5", "by hand")
    assert re.match(r"k5 is chosen by hand, against the rule: k10 \(k = 10\) has", other.reason)
    same = chosen(models, choose="k10")
    assert (same.name, same.rule) == ("k10", "by hand")
    assert same.reason.startswith("chosen by hand, and by the rule: k10 ")


def test_what_cannot_be_chosen_by_is_refused_before_the_work():
    names = ["a", "b"]
    check_rule(EvaluateConfig(choose="b"), names, labelled=False)
    check_rule(EvaluateConfig(rule="ami"), names, labelled=True)
    check_rule(EvaluateConfig(split_by="label"), names, labelled=True)
    check_rule(EvaluateConfig(split_by="label", stability_splits=0), names, labelled=False)
    for settings, words in (
        ({"choose": "c"}, "expected one of a, b"),
        ({"rule": "ami"}, "name a column with --label"),
        ({"rule": "ari"}, "--label"),
        ({"rule": "v-measure"}, "--label"),
        ({"split_by": "label"}, "--label, or split by content"),
        ({"rule": "stability", "stability_splits": 0}, "at least one split"),
    ):
        with pytest.raises(UsageError, match=words):
            check_rule(EvaluateConfig(**settings), names, labelled=False)


# Properties

scores = st.none() | st.floats(-1, 1) | st.just(math.nan)
tables = st.lists(
    st.tuples(st.integers(1, 30), scores, scores), min_size=1, max_size=8, unique_by=lambda m: m[0]
).map(lambda rows: [measured(k, silhouette, ari) for k, silhouette, ari in rows])


@st.composite
def situations(draw):
    models = draw(tables)
    differences = []
    for i, first in enumerate(models):
        for second in models[:i]:
            values = [one.metrics.get(SILHOUETTE, math.nan) for one in (first, second)]
            if draw(st.booleans()) and all(map(math.isfinite, values)):
                half = draw(st.floats(0, 2))
                differences.append(gap(first.name, second.name, values[0] - values[1], half))
    return models, differences


@given(situations(), st.floats(-1, 1))
def test_rule_as_it_is_written(situation, threshold):
    models, differences = situation
    name = chosen(models, differences, stability_threshold=threshold).name

    def value(model, key):
        found = model.metrics.get(key, math.nan)
        return found if math.isfinite(found) else None

    pool = [model for model in models if value(model, SILHOUETTE) is not None]
    if not pool:
        assert name == min(models, key=lambda model: model.k).name
        return
    stable = [
        m for m in pool if (ari := value(m, "stability_ari")) is not None and ari >= threshold
    ]
    pool = stable or pool
    best = max(value(m, SILHOUETTE) for m in pool)
    first = min((m for m in pool if value(m, SILHOUETTE) == best), key=lambda m: m.k)
    same = {first.name}
    for one in differences:
        if first.name in (one.first, one.second) and one.low <= 0 <= one.high:
            same |= {one.first, one.second}
    smaller = [m for m in pool if m.name in same and m.k <= first.k]
    assert name == min(smaller, key=lambda m: m.k).name


@given(situations(), st.randoms())
def test_order_does_not_matter(situation, random):
    models, differences = situation
    mixed = random.sample(models, len(models))
    turned = [
        Difference(one.metric, one.second, one.first, -one.value, -one.high, -one.low)
        for one in random.sample(differences, len(differences))
    ]
    assert chosen(mixed, turned).name == chosen(models, differences).name
