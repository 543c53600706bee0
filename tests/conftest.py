"""What holds for all tests."""

import pytest
from hypothesis import settings

# By default an example of more than 200 ms fails: on a busy machine any may take so long.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


# First: what distributes the tests reads the marks in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, and those of the buckets, which share servers."""
    for item in items:
        folder, file = item.path.parent.name, item.path.name
        group = folder if folder == "buckets" else f"{folder}/{file}"
        item.add_marker(pytest.mark.xdist_group(group))
