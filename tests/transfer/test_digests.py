"""The map of digests against a dictionary; and results in the order of their items."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bannercluster.transfer.digests import DigestMap, first_of_each, halves
from bannercluster.transfer.pipeline import in_order

# Few first halves, so that many digests share one.
digest = st.tuples(st.integers(0, 3), st.integers(0, 40))


@given(batches=st.lists(st.lists(digest, max_size=30), max_size=8), asked=st.lists(digest))
def test_map_is_a_dictionary(batches, asked):
    found, expected = DigestMap(), {}
    for batch in batches:
        new = [one for one in dict.fromkeys(batch) if one not in expected]
        values = range(len(expected), len(expected) + len(new))
        found.add(_array(new), np.array(values, np.int64))
        expected |= dict(zip(new, values, strict=True))
    assert len(found) == len(expected)
    assert found.find(_array(asked)).tolist() == [expected.get(one, -1) for one in asked]


@given(drawn=st.lists(digest, max_size=60))
def test_first_of_each(drawn):
    assert first_of_each(_array(drawn)).tolist() == [drawn.index(one) for one in drawn]


def test_halves_are_the_first_bytes():
    ids = np.arange(64, dtype=np.uint8).reshape(2, 32)
    assert halves(ids).tobytes() == ids[:, :16].tobytes()


def _array(digests):
    return np.array(digests, np.uint64).reshape(-1, 2)


def test_in_order_and_bounded():
    under_way, most, lock = 0, 0, threading.Lock()

    def drawn():
        nonlocal under_way, most
        for item in range(50):
            with lock:
                under_way += 1
                most = max(most, under_way)
            yield item

    found = []
    with in_order(lambda item: item * 2, drawn(), n_threads=3, ahead=5) as results:
        for result in results:
            found.append(result)
            with lock:
                under_way -= 1
    assert found == [2 * item for item in range(50)]
    assert most <= 7  # five ahead, the one in use, and the one being drawn


@pytest.mark.parametrize("where", ["item", "function", "consumer"])
def test_errors_come_through_and_threads_end(where):
    before = threading.active_count()

    def items():
        for item in range(1000):
            if where == "item" and item == 3:
                raise ValueError("here")
            yield item

    def function(item):
        if where == "function" and item == 3:
            raise ValueError("here")
        return item

    def consume():
        with in_order(function, items(), 2, 4) as results:
            for result in results:
                if where == "consumer" and result == 3:
                    raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        consume()
    assert threading.active_count() == before
