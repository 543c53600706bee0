"""The two kinds of option that recur in most sections."""

from functools import partial

from bannercluster.config.knobs import Option

# A path or URL where something lies: no part of a fingerprint.
location = partial(Option, semantic=False, kind="path")
# A whole number of things, one at least.
count = partial(Option, minimum=1, metavar="N")
