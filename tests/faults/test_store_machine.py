"""Any order of new files, runs, kills, gc and second writers, against a naive model of a store."""

import functools
import hashlib
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from embed.banners import FakeEncoder, banner
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from bannercluster.media.preparation import prepare
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.store.lease import hold
from bannercluster.upkeep import collect_garbage, read_status

from . import worlds
from .zygote import settings_of

WRITES = ("embed.part", "store.chunk", "store.table", "store.array", "store.root")
REMOVALS = ("store.lease", "store.old-table", "embed.staging")
STRIKES = st.sampled_from(
    [
        *itertools.product(WRITES, ("before", "written", "after"), (1, 2, 3)),
        *itertools.product(REMOVALS, ("before", "after"), (1,)),
    ]
)
"""Where a run is killed: point, phase, and which time it is reached."""
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["new", "new", "new", "copy", "broken", "empty"]),
        st.one_of(st.none(), st.none(), st.integers(0, 40)),
    ),
    min_size=1,
    max_size=9,
)
"""What is put where: a new file, or (by a number) in the place of one that is there."""


class Naive:
    """What a store must hold, kept in the most obvious way.

    Parameters
    ----------
    contents : list of bytes
        Ids of the rows, in order.
    images : dict of content id to bytes
    aliases : dict of banner id to content id
    rejected : dict of banner id to reason
    """

    def __init__(self) -> None:
        self.contents: list[bytes] = []
        self.images: dict[bytes, bytes] = {}
        self.aliases: dict[str, bytes] = {}
        self.rejected: dict[str, str] = {}

    def after(self, banners: dict[str, bytes]) -> "Naive":
        """Return what it holds when a run has seen these files, by banner id."""
        new = Naive()
        new.contents, new.images = list(self.contents), dict(self.images)
        new.aliases, new.rejected = dict(self.aliases), dict(self.rejected)
        for name, data in banners.items():
            content = hashlib.sha256(data).digest()
            new.aliases.pop(name, None)
            new.rejected.pop(name, None)
            if not data.startswith(b"\x89PNG"):
                new.rejected[name] = "not_an_image" if data else "empty"
                continue
            new.aliases[name] = content
            if content not in new.images:
                new.contents.append(content)
                new.images[content] = data
        return new

    def features(self) -> np.ndarray:
        """(n, 12) float16: each row from its own image alone."""
        rows = [features_of(self.images[content]) for content in self.contents]
        return np.array(rows, np.float32).astype(np.float16).reshape(-1, 12)


@functools.cache
def features_of(data: bytes) -> np.ndarray:
    picture = prepare(data, resize="native", input_size=64).rgb
    return FakeEncoder().encode([picture])[0]


class StoreMachine(RuleBasedStateMachine):
    """Rules are what people and machines do to a store."""

    zygote: ClassVar[worlds.Zygote]
    root: ClassVar[Path]
    numbers: ClassVar[Iterator[int]] = itertools.count()

    @initialize(changes=CHANGES)
    def begin(self, changes: list[tuple[str, int | None]]) -> None:
        self.folder = self.root / f"world-{next(self.numbers)}"
        (self.folder / "images").mkdir(parents=True)
        self.settings = settings_of(self.folder)
        self.naive = Naive()
        self.banners: dict[str, bytes] = {}
        self.pictures = itertools.count()
        self._change(changes)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    # What happens to the images

    def _change(self, changes: list[tuple[str, int | None]]) -> None:
        for kind, which in changes:
            names = sorted(self.banners)
            new = which is None or not names
            self._put(f"id{len(names)}" if new else names[(which or 0) % len(names)], kind)

    def _put(self, name: str, kind: str) -> None:
        nth = next(self.pictures)
        data = banner(nth, worlds.SHAPES[nth % 4])
        if kind == "copy" and self.banners:
            data = sorted(self.banners.values())[nth % len(self.banners)]
        elif kind == "broken":
            data = b"no image %d" % nth
        elif kind == "empty":
            data = b""
        self.banners[name] = data
        (self.folder / "images" / f"{name}.png").write_bytes(data)
        lines = [f"{one},{one}.png" for one in self.banners]
        manifest = self.folder / "images" / "manifest.csv"
        manifest.write_text("\n".join(["banner_id,file", *lines]) + "\n")

    # What runs do

    @rule(changes=CHANGES)
    def run(self, changes: list[tuple[str, int | None]]) -> None:
        self._change(changes)
        self._run()

    @rule()
    def run_again(self) -> None:
        self._run()

    def _run(self) -> None:
        after = self.naive.after(self.banners)
        ended = self.zygote.run(self.folder, ("embed",))
        if after.contents:
            assert ended.code == 0, ended.stderr
            self.naive = after
        else:
            assert ended.code == 2, ended.stderr
            assert "could be embedded" in ended.stderr
        self.check()

    @rule(changes=CHANGES, strike=STRIKES, then=st.sampled_from(["nothing", "gc", "gc --staged"]))
    def run_that_is_killed(
        self, changes: list[tuple[str, int | None]], strike: tuple[str, str, int], then: str
    ) -> None:
        self._change(changes)
        after = self.naive.after(self.banners)
        point, phase, nth = strike
        order = {"point": point, "phase": phase, "nth": nth, "action": "kill"}
        ended = self.zygote.run(self.folder, ("embed",), order)
        assert ended.code in (-9, 0, 2), ended.stderr
        rooted = ("store.root", "after") in {(name, at) for name, at, _ in ended.reached}
        if rooted or (ended.code == 0 and after.contents):
            self.naive = after
        self.check()
        if then != "nothing":
            self._gc(staged=then == "gc --staged")

    @rule(staged=st.booleans())
    def gc(self, staged: bool) -> None:
        self._gc(staged=staged)

    def _gc(self, *, staged: bool) -> None:
        collect_garbage(self.settings, staged=staged)
        status = read_status(self.settings)
        assert (status.leftover, status.writers) == ((), ())
        assert not (staged and status.staged)
        self.check()

    @rule()
    def second_writer(self) -> None:
        with hold(self.settings.paths.embeddings, "bc embed"):
            ended = self.zygote.run(self.folder, ("embed",))
        assert ended.code == 1
        assert "is held by `bc embed`" in ended.stderr
        self.check()

    # What readers see, at any time

    def check(self) -> None:
        store = EmbeddingStore.open_if_any(self.settings.paths.embeddings)
        if store is None:
            assert not self.naive.contents
            return
        assert [bytes(row) for row in store.content_ids()] == self.naive.contents
        np.testing.assert_array_equal(store.read(0, store.n_rows), self.naive.features())
        assert store.table("rows")["content_id"].to_pylist() == self.naive.contents
        aliases = store.table("aliases")
        found = zip(
            *(aliases[name].to_pylist() for name in ("banner_id", "content_id")), strict=True
        )
        assert dict(found) == self.naive.aliases
        rejected = store.table("rejected")
        found = zip(*(rejected[name].to_pylist() for name in ("banner_id", "reason")), strict=True)
        assert dict(found) == self.naive.rejected


@pytest.mark.slow
@pytest.mark.parametrize("n_orders", [8, pytest.param(40, marks=pytest.mark.thorough)])
def test_store_against_a_naive_model(zygote, tmp_path, n_orders):
    StoreMachine.zygote, StoreMachine.root = zygote, tmp_path
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=n_orders,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
