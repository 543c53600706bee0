"""The errors that a caller can tell apart, grouped by what one would do about them.

Every message says what was got, what was expected and what to do next. ``exit_code`` is what the
command line returns: 2 for what the user typed, 1 for what the world refused.
"""


class BannerclusterError(Exception):
    """Base of all errors that bannercluster raises on purpose."""

    exit_code = 1


class UsageError(BannerclusterError):
    """The request cannot be meant as it stands: change the arguments, the config or the input."""

    exit_code = 2


class ConfigError(UsageError):
    """A config key or value that is unknown or out of range."""


class IncompatibleStoreError(UsageError):
    """A store or model that was made in another way than the one asked for."""


class DataError(UsageError):
    """The data cannot answer the question asked of it (fewer distinct rows than k, no labels)."""


class StoreError(BannerclusterError):
    """A store is missing, damaged, or could not be read or written."""


class FormatVersionError(StoreError):
    """A file was written by a newer version of bannercluster than this one."""


class LeaseHeldError(StoreError):
    """Another process is writing there."""


class LeaseLostError(StoreError):
    """Another process has taken over a lease while this one did not answer."""


class WeightsError(BannerclusterError):
    """The weights of a network cannot be had here."""


class EngineError(BannerclusterError):
    """A device or engine was asked for by name and is not available."""


class SchedulerError(BannerclusterError):
    """The Dask scheduler cannot be reached, or was lost."""


class WorkerLostError(BannerclusterError):
    """A task took worker after worker with it."""


class DecoderError(BannerclusterError):
    """The processes that decode images cannot be started, or were ended under the run."""


class MemoryPlanError(BannerclusterError):
    """The work does not fit into the memory that it may use."""
