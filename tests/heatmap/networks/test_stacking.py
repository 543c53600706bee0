"""Two opinions on a number, added up."""

import numpy as np
import pytest

from bannercluster.errors import DataError
from bannercluster.heatmap.networks.stacking import Evidence, Stack, fit_stack

UNIT = 3 * np.log(900.0)  # BIC's penalty of a component, as a log likelihood


def opinions(n=300, seed=0, *, network=1.0, gain=1.0):
    """Images whose two opinions lean to the truth, each as much as is asked."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 6, n)
    scores = rng.normal(size=(n, 6)) + 2 * network * np.eye(6)[truth]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    is_real = np.arange(1, 6) <= truth[:, None]
    steps = UNIT * (1 + 0.6 * rng.normal(size=(n, 5)) + gain * (is_real - 0.5))
    paths = np.concatenate([np.zeros((n, 1)), steps.cumsum(axis=1)], axis=1)
    return Evidence.of(probabilities, paths.tolist(), np.full(n, 900.0)), truth


def exact(stack, evidence, truth):
    return (stack.counts(evidence) == truth).mean()


def test_both_together_count_better_than_either():
    evidence, truth = opinions()
    stack = fit_stack(*opinions(seed=1))
    both = exact(stack, evidence, truth)
    assert both > exact(Stack(1, 0, 0), evidence, truth) + 0.05
    assert both > exact(Stack(0, 1, 1), evidence, truth) + 0.05


def test_an_opinion_that_knows_nothing_gets_little_weight():
    stack = fit_stack(*opinions(seed=2, n=2000, network=0.0))
    assert stack.network < 0.15
    assert stack.gain > 1


def test_equal_gain_and_penalty_are_bic():
    """Where no component adds more than the cut, that is; its own penalties, not a copy of them."""
    path = [0.0, 1.5 * UNIT, 2.7 * UNIT, 3.5 * UNIT, 3.6 * UNIT]
    bic = [-2 * value + 6 * k * np.log(900.0) for k, value in enumerate(path)]
    evidence = Evidence.of(np.full((1, 5), 0.2), [path], np.array([900.0]))
    assert Stack(0, 1, 1).counts(evidence).tolist() == [int(np.argmin(bic))] == [2]
    gap = np.log(Stack(0, 1, 1).probabilities(evidence)[0])
    np.testing.assert_allclose(gap - gap[0], (bic[0] - np.array(bic)) / 2 / UNIT, atol=1e-9)


def test_an_image_is_judged_alone():
    evidence, truth = opinions()
    stack = fit_stack(evidence, truth)
    mask = np.arange(len(truth)) == 17
    alone = stack.probabilities(evidence.some(mask))[0]
    assert np.array_equal(alone, stack.probabilities(evidence)[17])


def test_paths_that_ended_early_gain_nothing_more():
    early = Evidence.of(np.full((1, 4), 0.25), [[-50.0, UNIT - 50]], np.array([900.0]))
    np.testing.assert_allclose(early.gains[0], [0, 1, 1, 1])
    stuck = Evidence.of(
        np.array([[1.0, 0.0, 0.0]]), [[0.0, 99 * UNIT, 1.0, 5e9]], np.array([900.0])
    )
    np.testing.assert_allclose(stuck.gains[0], [0, 2, 2])  # cut at both ends, and at the range
    assert stuck.log_probabilities[0].tolist() == [0.0, -20.0, -20.0]


@pytest.mark.parametrize("truth", [np.array([], np.int64), np.array([6]), np.array([-1])])
def test_numbers_beyond_the_evidence_are_refused(truth):
    evidence, _ = opinions(n=len(truth))
    with pytest.raises(DataError, match="none beyond"):
        fit_stack(evidence, truth)
