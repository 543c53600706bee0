"""Heatmap tests run on one thread of BLAS: their products are small, and the machine is shared."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def one_thread_of_blas():
    with threadpool_limits(1, "blas"):
        yield
