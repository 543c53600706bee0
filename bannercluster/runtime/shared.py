"""A value that many tasks of a Dask cluster use, and that no dead or silent worker takes along.

It is the result of a task, which the scheduler computes again where its copies are gone. A worker
that stopped answering still counts as a holder: then the value is handed out anew.
"""

import contextlib
import contextvars
import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import cloudpickle  # type: ignore[import-untyped]
from distributed import Future

T = TypeVar("T")

_values_of_task: contextvars.ContextVar[Mapping[int, Any]] = contextvars.ContextVar("shared_values")
_share_ids = itertools.count()


class DaskShared(Generic[T]):
    """A shared value on a Dask cluster.

    Only its number travels inside a task. The executor finds the boxes that a task mentions, and
    gives their futures to Dask as arguments, which Dask replaces by the values.

    Parameters
    ----------
    value
        What is shared.
    submit
        Makes a task whose result is the value.
    """

    def __init__(self, value: T, submit: Callable[[T], Future]) -> None:
        self._number = next(_share_ids)
        self._local: tuple[T] | None = (value,)
        self._submit = submit
        self.future = submit(value)

    def get(self) -> T:
        """Return the value, inside a task or where it was shared."""
        if self._local is not None:
            return self._local[0]
        value: T = _values_of_task.get()[self._number]
        return value

    def renew(self) -> None:
        """Hand the value out once more, for tasks that begin from now on."""
        self.future = self._submit(self.get())

    @property
    def number(self) -> int:
        """What stands for the value inside a task."""
        return self._number

    def __reduce__(self) -> tuple[Any, ...]:
        return _mention, (self._number,)


def _mention(number: int) -> DaskShared[Any]:
    shared: DaskShared[Any] = DaskShared.__new__(DaskShared)
    shared._number = number
    shared._local = None
    return shared


class _MentionFinder(cloudpickle.Pickler):  # type: ignore[misc] # cloudpickle has no types
    """Pickles to nowhere, and notes which shared values it meets."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO())
        self.found: dict[int, DaskShared[Any]] = {}

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, DaskShared):
            self.found[obj.number] = obj
        return super().reducer_override(obj)


def mentions(thing: object) -> dict[int, DaskShared[Any]]:
    """Return the shared values that stand anywhere in a function or an item, by number."""
    finder = _MentionFinder()
    finder.dump(thing)
    return finder.found


@contextlib.contextmanager
def values_at_hand(values: Mapping[int, Any]) -> Iterator[None]:
    """Let shared values be got, in this thread, while the block runs."""
    token = _values_of_task.set(values)
    try:
        yield
    finally:
        _values_of_task.reset(token)
