"""What holds for all tests."""

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

# By default an example of more than 200 ms fails: on a busy machine any may take so long.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


class _ByFile(LoadFileScheduling):
    """Keeps the tests of a file in one process, and those of the buckets, which share servers."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "tests/buckets" if file.startswith("tests/buckets/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    # Not `--dist loadgroup`: with pytest 9.2, xdist 3.8 spreads the tests of a group all the same.
    return _ByFile(config, log)
