"""Words that tell a cluster from the others: class-based TF-IDF over the texts of its banners."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from bannercluster.config import PathsConfig
from bannercluster.fusion.ads import Ads
from bannercluster.fusion.store import FusedStore
from bannercluster.models.kmeans import Assigned
from bannercluster.store.embeddings import EmbeddingStore
from bannercluster.traverse.samples import sample_rows

TAGS = 6
SAMPLE_ROWS = 20_000
_TERMS = 50_000
_LONGEST_TEXT = 2_000  # characters of a text that count
# Words begin with a letter, so that prices and sizes are none.
_WORD = r"(?u)\b[^\W\d_][\w'\u2019-]+\b"


def cluster_tags(
    store: EmbeddingStore, paths: PathsConfig, assigned: Sequence[Assigned], ks: Sequence[int]
) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Return the tags of the clusters of each model; empty where there are no texts.

    Parameters
    ----------
    store : EmbeddingStore
        Of the rows that were assigned: images, texts or both.
    paths : PathsConfig
        Of images the texts are those of the store of texts, if there is one.
    assigned : sequence of Assigned
        One a model, for all rows.
    ks : sequence of int
        Clusters of each model.

    Returns
    -------
    tuple
        For each model, for each cluster, its tags, the most telling first.
    """
    rows, texts = _texts(store, paths)
    return tuple(
        tags_of(texts, one.cluster_id[rows], k) for one, k in zip(assigned, ks, strict=True)
    )


def tags_of(texts: Sequence[str], clusters: np.ndarray, k: int) -> tuple[tuple[str, ...], ...]:
    """Return the terms of highest class-based TF-IDF of each cluster.

    A term is a word or two that stand together. With n[t, c] the texts of cluster c that hold term
    t, ``n[t, c] / n[c] * log(1 + mean(n[c]) / sum_c n[t, c])`` (Grootendorst, *BERTopic*, 2022, but
    with texts counted, not occurrences: a text that repeats a word says it once).

    Parameters
    ----------
    texts : sequence of str
    clusters : (n,) int array
    k : int
    """
    none: tuple[tuple[str, ...], ...] = ((),) * k
    counted = CountVectorizer(
        token_pattern=_WORD,
        ngram_range=(1, 2),
        stop_words="english",
        min_df=2,
        max_features=_TERMS,
        binary=True,
        dtype=np.int32,
    )
    try:
        holds = counted.fit_transform([text[:_LONGEST_TEXT] for text in texts])
    except ValueError:  # no term in two texts
        return none
    n = len(texts)
    member = sparse.csr_matrix((np.ones(n, np.int32), (clusters, np.arange(n))), shape=(k, n))
    by_cluster = np.asarray((member @ holds).todense(), np.float64)
    sizes = np.bincount(clusters, minlength=k)
    share = by_cluster / np.maximum(sizes, 1)[:, None]
    score = share * np.log1p(sizes.mean() / by_cluster.sum(axis=0))
    terms = counted.get_feature_names_out()
    return tuple(_best(own, terms, present) for own, present in zip(score, by_cluster, strict=True))


def _best(score: np.ndarray, terms: np.ndarray, present: np.ndarray) -> tuple[str, ...]:
    """Terms of the highest scores; of terms that hold one another the first."""
    chosen: list[str] = []
    # Equal scores: in the order of the alphabet, which is that of the terms.
    for place in np.argsort(-score, kind="stable"):
        if len(chosen) == TAGS or present[place] < 2:
            break
        words = set(str(terms[place]).split())
        if all(words.isdisjoint(other.split()) for other in chosen):
            chosen.append(str(terms[place]))
    return tuple(chosen)


def _texts(store: EmbeddingStore, paths: PathsConfig) -> tuple[np.ndarray, list[str]]:
    """Rows that have a text, sampled, and their texts."""
    if isinstance(store, FusedStore):
        rows, text_rows, texts = np.arange(store.n_rows), store.ads.text_rows, store.ads.texts
    elif store.manifest.recipe.get("modality") == "text":
        rows = text_rows = np.arange(store.n_rows)
        texts = store
    else:
        found = EmbeddingStore.open_if_any(paths.texts)
        if found is None:
            return np.empty(0, np.int64), []
        ads, texts = Ads.of(store, found), found
        rows, text_rows = ads.image_rows, ads.text_rows
    known = np.flatnonzero(text_rows >= 0)
    drawn = known[sample_rows(len(known), SAMPLE_ROWS, 0)]
    column = texts.table("rows", ["text"])["text"]
    return rows[drawn], column.take(pa.array(text_rows[drawn])).to_pylist()
