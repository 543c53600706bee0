"""What holds for all tests."""

from hypothesis import settings

# By default an example of more than 200 ms fails: on a busy machine any may take so long.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
