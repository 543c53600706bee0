"""Generated rows: repeatable, alike in both ways of making them, and a whole store."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bannercluster.bench import generators
from bannercluster.bench.generators import LABEL, Mixture, RowStream, embedding_rows, write_store
from bannercluster.config import Settings
from bannercluster.errors import UsageError
from bannercluster.runtime import SilentProgress, ThreadExecutor
from bannercluster.store.aliases import aliases_by_row
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.transfer import importing


def test_rows_are_repeatable_and_seeds_differ():
    rows = embedding_rows(500, 32, seed=3)
    np.testing.assert_array_equal(rows, embedding_rows(500, 32, seed=3))
    assert not np.array_equal(rows, embedding_rows(500, 32, seed=4))
    np.testing.assert_array_equal(rows, embedding_rows(500, 32, seed=3, dtype="float16"))


def test_the_old_name_is_the_same_function():
    from benchmarks import generators as old

    assert old.embedding_rows is embedding_rows


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    url = tmp_path_factory.mktemp("generated") / "e.zarr"
    return write_store(str(url), 9_000, 96, "float16", seed=5)


def test_a_longer_store_begins_with_the_rows_of_a_shorter_one(store, tmp_path):
    shorter = write_store(str(tmp_path / "s.zarr"), 4_500, 96, "float16", seed=5)
    np.testing.assert_array_equal(shorter.read(0, 4_500), store.read(0, 4_500))
    np.testing.assert_array_equal(shorter.content_ids(), store.content_ids(0, 4_500))


def test_threads_and_dtype_change_nothing(store):
    stream = RowStream(9_000, 96, "float32", 5)
    blocks = list(stream.blocks(3))
    values = np.concatenate([block.values for block in blocks])
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, store.read(0, 9_000).astype(np.float32))


def test_rows_of_a_stream_have_the_statistics_of_drawn_ones(store):
    streamed = store.read(0, 9_000).astype(np.float64)
    drawn = embedding_rows(9_000, 96, seed=5).astype(np.float64)
    assert streamed.mean() == pytest.approx(drawn.mean(), rel=0.05)
    assert (streamed < 0).mean() == pytest.approx((drawn < 0).mean(), abs=0.01)
    spectra = [np.linalg.eigvalsh(np.cov(rows.T))[::-1] for rows in (streamed, drawn)]
    np.testing.assert_allclose(*(spectrum[:40] for spectrum in spectra), rtol=0.15)
    # What is left behind the 24 latent dimensions is noise of both kinds alike.
    np.testing.assert_allclose(*(spectrum[40:].sum() for spectrum in spectra), rtol=0.05)


def test_noise_of_two_rows_is_not_correlated():
    stream = RowStream(4_096, 512, "float32", 0)
    mixing, shift = stream.mixture.arrays[2:]
    # Without the rectification: the rows of the bank themselves.
    own = np.random.Generator(np.random.PCG64([0, 1, 0]))
    _, latent = Mixture(512, 0).latent(own, 4_096)
    places = own.integers(generators._BANK, size=(2, 4_096))
    noise = stream.bank[places[0, :200]] + stream.bank[places[1, :200]]
    made = latent[:200] @ mixing + shift + noise
    made = np.maximum(made, generators.LEAK * made)
    np.testing.assert_allclose(stream.block(0).values[:200], made, atol=4e-3)
    assert noise.std() == pytest.approx(generators.NOISE, rel=0.01)
    between = np.corrcoef(noise)[np.triu_indices(200, 1)]
    assert np.abs(between).max() < 6 / np.sqrt(512)


def test_every_row_is_another_content_with_one_banner_of_a_planted_group(store):
    assert len(np.unique(store.content_ids(), axis=0)) == 9_000
    assert len(np.unique(store.read(0, 9_000), axis=0)) == 9_000
    aliases, rows = aliases_by_row(store)
    np.testing.assert_array_equal(rows, np.arange(9_000))
    assert aliases["banner_id"][8_999].as_py() == "banner-000008999"
    assert len(store.table("rows")) == 9_000
    names = aliases[LABEL].to_numpy(zero_copy_only=False)
    assert len(set(names)) == 40
    # The groups are in the rows: means of a group lie apart, twice as far as chance has it.
    values = store.read(0, 9_000).astype(np.float64)
    means = np.stack([values[names == name].mean(axis=0) for name in sorted(set(names))])
    shuffled = np.random.default_rng(0).permutation(names)
    chance = np.stack([values[shuffled == name].mean(axis=0) for name in sorted(set(names))])
    assert means.var(axis=0).sum() > 4 * chance.var(axis=0).sum()


def test_a_store_is_not_written_over(store):
    with pytest.raises(UsageError, match="there is a store at"):
        write_store(store.url, 10, 96)


def test_an_import_of_the_same_rows_would_have_the_same_recipe(store, tmp_path):
    source = tmp_path / "rows.parquet"
    vectors = pa.array(list(np.ones((3, 96), np.float32)))
    pq.write_table(pa.table({"banner_id": ["a", "b", "c"], "embedding": vectors}), source)
    settings = Settings().replace("import", source=str(source), model="generated-5")
    settings = settings.replace("paths", embeddings=str(tmp_path / "i.zarr"))
    with ThreadExecutor(1) as executor:
        importing.run(settings, executor=executor, progress=SilentProgress())
    imported = EmbeddingStore.open(str(tmp_path / "i.zarr"))
    assert store.manifest.recipe == imported.manifest.recipe
