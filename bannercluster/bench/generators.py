"""Rows to measure with: seeded, made in place, shaped like features of real banners.

``python -m bannercluster.bench.generators --rows N --store PATH`` writes a store of any size.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from bannercluster.errors import UsageError
from bannercluster.runtime.devices import n_cores
from bannercluster.store.aliases import binary_column
from bannercluster.store.commit import Appender
from bannercluster.store.embeddings import Dtype, EmbeddingStore
from bannercluster.store.lease import hold
from bannercluster.store.ledger import REJECTED, ROWS, aliases_schema, in_schema

N_STYLES = 40
N_LATENT = 24
NOISE = 0.15
LEAK = 0.05
LABEL = "advertiser"
"""Column of the alias table that names the planted style of a row."""

_TILE = 16_384
_BLOCK = 4_096
_SUB_BLOCK = 128
_BANK = 1 << 20
_CHUNK_ROWS = 8_192


@dataclass(frozen=True)
class Mixture:
    """A continuum of styles: 40 overlapping centres in 24 latent dimensions, mapped to features.

    Parameters
    ----------
    n_features : int
    seed : int
    """

    n_features: int
    seed: int

    @cached_property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return spread (24,), styles (40, 24), mixing (24, n_features), shift (n_features,)."""
        generator = np.random.Generator(np.random.PCG64(self.seed))
        spread = (1.0 / np.sqrt(1.0 + np.arange(N_LATENT))).astype(np.float32)
        styles = generator.standard_normal((N_STYLES, N_LATENT), dtype=np.float32) * spread * 1.5
        mixing = generator.standard_normal((N_LATENT, self.n_features), dtype=np.float32)
        mixing *= generator.gamma(2.0, 0.5, self.n_features).astype(np.float32) * 0.12
        shift = (generator.standard_normal(self.n_features) * 0.15).astype(np.float32)
        return spread, styles, mixing, shift

    def latent(self, own: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw styles (size,) int64 and latent places (size, 24) float32."""
        spread, styles, _, _ = self.arrays
        style = own.integers(N_STYLES, size=size)
        return style, styles[style] + own.standard_normal((size, N_LATENT), np.float32) * spread


def embedding_rows(
    n_rows: int, n_features: int = 1_792, *, seed: int = 0, dtype: str = "float32"
) -> np.ndarray:
    """Rows like pooled features of a network: skewed, non-negative, correlated, without gaps.

    A continuum of latent styles in 24 dimensions with decaying spread, mixed from 40 overlapping
    centres, is mapped to all features, shifted and rectified as the last activation of a network
    does it, and blurred with noise. Clusters run into each other, so Lloyd's iterations go on for
    long: on 300,000 x 1,792 rows no run of k = 5, 10 or 15 converges before 20 iterations.

    Parameters
    ----------
    n_rows, n_features : int
    seed : int
    dtype : {"float32", "float16"}

    Returns
    -------
    (n_rows, n_features) array
        The values are exactly representable in float16 in either dtype.
    """
    mixture = Mixture(n_features, seed)
    _, _, mixing, shift = mixture.arrays
    rows = np.empty((n_rows, n_features), dtype)
    for low in range(0, n_rows, _TILE):
        size = min(_TILE, n_rows - low)
        own = np.random.Generator(np.random.PCG64([seed, low]))
        _, latent = mixture.latent(own, size)
        values = latent @ mixing + shift
        values += own.standard_normal((size, n_features), dtype=np.float32) * NOISE
        np.maximum(values, LEAK * values, out=values)
        rows[low : low + size] = values.astype(np.float16)
    return rows


@dataclass(frozen=True)
class Block:
    """Generated rows.

    Parameters
    ----------
    values : (n, n_features) float16 or float32 array
    contents : (n, 32) uint8 array
    styles : (n,) int64 array
        The style that each row was drawn around.
    """

    values: np.ndarray
    contents: np.ndarray
    styles: np.ndarray


@dataclass(frozen=True)
class RowStream:
    """The rows of :func:`embedding_rows` in their statistics, at ten times the speed.

    The noise is not drawn for every value: a row gets the sum of two stretches of a bank of 2^20
    normal numbers, each from a place of its own. A value has the same distribution, two rows share
    noise with a probability of about 1e-6 in a stretch, and no two rows are equal. Blocks are made
    from their number alone, so that a longer stream begins with the rows of a shorter one,
    whichever thread makes them.

    Parameters
    ----------
    n_rows, n_features : int
    dtype : {"float16", "float32"}
        The values are exactly representable in float16 in either.
    seed : int
    """

    n_rows: int
    n_features: int
    dtype: Dtype
    seed: int

    @cached_property
    def mixture(self) -> Mixture:
        """Return what the rows are mixed from."""
        return Mixture(self.n_features, self.seed)

    @cached_property
    def bank(self) -> np.ndarray:
        """Return stretches of noise as a view: row o holds ``bank[o : o + n_features]``."""
        generator = np.random.Generator(np.random.PCG64([self.seed, 1 << 40]))
        values = generator.standard_normal(_BANK + self.n_features, dtype=np.float32)
        # The bank's own mean and variance would be shared by all rows.
        values = (values - values.mean()) / values.std() * np.float32(NOISE / np.sqrt(2.0))
        return np.lib.stride_tricks.sliding_window_view(values, self.n_features)

    def block(self, number: int) -> Block:
        """Make block ``number``."""
        low = number * _BLOCK
        size = min(_BLOCK, self.n_rows - low)
        own = np.random.Generator(np.random.PCG64([self.seed, 1, number]))
        # All of a block is drawn whole, so that a stream that ends in it begins with the same rows.
        style, latent = self.mixture.latent(own, _BLOCK)
        places = own.integers(_BANK, size=(2, _BLOCK))
        contents = np.frombuffer(own.bytes(32 * _BLOCK), np.uint8).reshape(-1, 32)
        mixing, shift = (torch.from_numpy(array) for array in self.mixture.arrays[2:])
        values = np.empty((size, self.n_features), np.float16)
        out, bank = torch.from_numpy(values), self.bank
        for start in range(0, size, _SUB_BLOCK):
            stop = min(start + _SUB_BLOCK, size)
            mixed = torch.addmm(shift, torch.from_numpy(latent[start:stop]), mixing)
            for stretch in places[:, start:stop]:
                mixed += torch.from_numpy(bank[stretch])
            torch.nn.functional.leaky_relu(mixed, LEAK, inplace=True)
            out[start:stop] = mixed
        return Block(values.astype(self.dtype, copy=False), contents[:size], style[:size])

    def blocks(self, n_threads: int) -> Iterator[Block]:
        """Make all blocks in their order, on threads, with two more than those in memory."""
        _ = self.bank, self.mixture.arrays  # made once, before the threads ask for them
        n_blocks = -(-self.n_rows // _BLOCK)
        with ThreadPoolExecutor(n_threads, "generate", torch.set_num_threads, (1,)) as pool:
            waiting: list[Future[Block]] = []
            for number in range(n_blocks):
                waiting.append(pool.submit(self.block, number))
                if len(waiting) > n_threads + 1:
                    yield waiting.pop(0).result()
            for one in waiting:
                yield one.result()


def write_store(
    url: str, n_rows: int, n_features: int = 1_792, dtype: Dtype = "float16", seed: int = 0
) -> EmbeddingStore:
    """Make a store of generated rows, as an import would have left it.

    Memory is bounded but for the tables, about 0.3 kB a row while they are written. Every row is a
    content with one banner (``banner-000000012``), whose :data:`LABEL` names the planted style.

    Parameters
    ----------
    url : str
        Of the store; there must be none.
    n_rows, n_features : int
    dtype : {"float16", "float32"}
    seed : int

    Raises
    ------
    UsageError
        If there is a store already.
    StoreError
        If it cannot be written.
    """
    if EmbeddingStore.open_if_any(url) is not None:
        raise UsageError(f"there is a store at {url} already; name a place without one")
    stream = RowStream(n_rows, n_features, dtype, seed)
    unknown = dict.fromkeys(("weights_sha256", "engine", "precision", "preprocessing"))
    recipe = {"model": f"generated-{seed}", "made_by": "import", **unknown, "dtype": dtype}
    contents = np.empty((n_rows, 32), np.uint8)
    styles = np.empty(n_rows, np.int8)
    with hold(url, "bench generators") as lease:
        appender = Appender(
            url, lease, recipe=recipe, n_features=n_features, dtype=dtype, chunk_rows=_CHUNK_ROWS
        )
        low = 0
        for block in stream.blocks(n_cores()):
            appender.add(block.values, block.contents)
            high = low + len(block.values)
            contents[low:high], styles[low:high] = block.contents, block.styles
            low = high
        return appender.commit(_tables(contents, styles), {"source": "generated rows"})


def _tables(contents: np.ndarray, styles: np.ndarray) -> dict[str, pa.Table]:
    numbers = pa.array(np.arange(len(styles))).cast(pa.string())
    ids = pc.binary_join_element_wise("banner", pc.utf8_lpad(numbers, 9, "0"), "-")
    names = pa.array([f"style-{style:02d}" for style in range(N_STYLES)])
    content_id = binary_column(contents)
    aliases = pa.table(
        {"banner_id": ids, "content_id": content_id, LABEL: names.take(pa.array(styles))}
    )
    return {
        "rows": in_schema(pa.table({"content_id": content_id}), ROWS),
        "aliases": in_schema(aliases, aliases_schema([LABEL])),
        "rejected": REJECTED.empty_table(),
    }


def main() -> None:
    """Write a store from the command line."""
    parser = argparse.ArgumentParser(description="Write a store of generated rows.")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--features", type=int, default=1_792)
    parser.add_argument("--dtype", choices=("float16", "float32"), default="float16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", required=True, help="path of the store; there must be none")
    asked = parser.parse_args()
    started = time.perf_counter()
    store = write_store(asked.store, asked.rows, asked.features, asked.dtype, asked.seed)
    duration_s = time.perf_counter() - started
    sys.stdout.write(f"{store.n_rows:,} rows x {store.n_features:,} in {duration_s:.1f} s\n")


if __name__ == "__main__":
    main()
