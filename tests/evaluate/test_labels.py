import numpy as np
import pytest
from models.fitted import make_store, settings_of

from bannercluster.errors import DataError, UsageError
from bannercluster.evaluate.labels import load_labels
from bannercluster.store.embeddings import EmbeddingStore

ALIASES = [
    {"row": 0, "banner_id": "0001", "advertiser": "acorn"},
    {"row": 1, "banner_id": "0002", "advertiser": "acorn"},
    {"row": 2, "banner_id": "0003", "advertiser": "birch"},
    {"row": 3, "banner_id": "0004", "advertiser": None},
    {"row": 4, "banner_id": "0005", "advertiser": ""},
    # The content of row 0 under two more ids, that of row 5 under ids of two advertisers.
    {"row": 0, "banner_id": "0006", "file": "copy.png", "advertiser": "acorn"},
    {"row": 0, "banner_id": "0007", "file": "copy2.png", "advertiser": "acorn"},
    {"row": 5, "banner_id": "0008", "advertiser": "acorn"},
    {"row": 5, "banner_id": "0009", "file": "copy5.png", "advertiser": "birch"},
]


@pytest.fixture
def settings(tmp_path):
    make_store(tmp_path, np.eye(6, 8), ALIASES)
    return settings_of(tmp_path)


def load(settings):
    store = EmbeddingStore.open(settings.paths.embeddings)
    return load_labels(store, settings.paths, settings.evaluate)


def by_row(labels):
    return [labels.names[code] if code >= 0 else None for code in labels.codes]


def table(tmp_path, text, name="labels.csv"):
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def test_no_column_no_labels(settings):
    assert load(settings) is None


def test_from_the_manifest(settings):
    labels = load(settings.replace("paths", label="advertiser"))
    assert labels.names == ("acorn", "birch")
    assert by_row(labels) == ["acorn", "acorn", "birch", None, None, None]
    np.testing.assert_array_equal(labels.weights, np.ones(6))
    facts = labels.facts
    assert (facts.column, facts.source, facts.weight) == ("advertiser", "the manifest", "contents")
    assert (facts.n_labels, facts.n_labelled, facts.n_unlabelled) == (2, 3, 3)
    assert (facts.n_ambiguous, facts.n_small, facts.n_unmatched) == (1, 0, 0)


def test_weight_ids(settings):
    settings = settings.replace("paths", label="advertiser").replace("evaluate", weight="ids")
    labels = load(settings)
    assert labels.weights[labels.codes >= 0].tolist() == [3, 1, 1]
    assert labels.facts.weight == "ids"


def test_min_banners(settings):
    settings = settings.replace("paths", label="advertiser").replace("evaluate", min_banners=2)
    labels = load(settings)
    assert labels.names == ("acorn",)
    assert by_row(labels) == ["acorn", "acorn", None, None, None, None]
    assert (labels.facts.n_small, labels.facts.n_labelled) == (1, 2)


def test_min_banners_counts_contents_not_ids(settings):
    """Three ids of one content are one banner."""
    settings = settings.replace("paths", label="advertiser").replace("evaluate", min_banners=3)
    with pytest.raises(DataError, match="3 contents have labels with fewer than 3 banners"):
        load(settings)


@pytest.mark.parametrize("key", ["file", "banner_id"])
def test_from_a_table(settings, tmp_path, key):
    names = {"file": ["0.png", "3.png", "copy.png", "no.png"],
             "banner_id": ["0001", "0004", "0006", "4"]}[key]  # fmt: skip
    text = f"{key},group\n" + "".join(
        f"{name},{group}\n" for name, group in zip(names, "xyxz", strict=True)
    )
    url = table(tmp_path, text)
    labels = load(settings.replace("paths", labels=url, label="group"))
    assert by_row(labels) == ["x", None, None, "y", None, None]
    assert (labels.facts.source, labels.facts.n_unmatched) == (url, 1)


def test_ids_of_the_store_are_what_weighs(settings, tmp_path):
    """A table that names a banner twice, or one id of three, does not change the weights."""
    url = table(tmp_path, "banner_id,group\n0001,x\n0001,x\n0002,y\n0002,y\n")
    settings = settings.replace("paths", labels=url, label="group")
    labels = load(settings.replace("evaluate", weight="ids"))
    assert labels.weights[labels.codes >= 0].tolist() == [3, 1]


def test_table_that_contradicts_itself(settings, tmp_path):
    url = table(tmp_path, "file,group\n0.png,x\ncopy.png,y\n1.png,x\n")
    labels = load(settings.replace("paths", labels=url, label="group"))
    assert by_row(labels) == [None, "x", None, None, None, None]
    assert labels.facts.n_ambiguous == 1


def test_rows_of_the_table_without_a_name(tmp_path):
    """A store without banner ids: an empty id is not the id of anything."""
    make_store(tmp_path, np.eye(3), [{"row": row} for row in range(3)])
    url = table(tmp_path, "banner_id,group\n,x\n7,y\n")
    with pytest.raises(DataError, match="2 rows of the table name no banner"):
        load(settings_of(tmp_path).replace("paths", labels=url, label="group"))


def test_numbers_as_labels_and_ids(settings, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = pa.table({"file": ["0.png", "1.png"], "group": pa.array([7, None], pa.int64())})
    pq.write_table(made, tmp_path / "labels.parquet")
    url = str(tmp_path / "labels.parquet")
    labels = load(settings.replace("paths", labels=url, label="group"))
    assert by_row(labels)[:2] == ["7", None]


def test_missing_column_lists_those_that_are_there(settings, tmp_path):
    with pytest.raises(UsageError, match=r"no column 'brand'.*it has .*advertiser.*--label"):
        load(settings.replace("paths", label="brand"))
    url = table(tmp_path, "file,group,size\n0.png,x,1\n")
    with pytest.raises(UsageError, match=r"no column 'brand'.*it has file, group, size"):
        load(settings.replace("paths", labels=url, label="brand"))


def test_table_without_a_key(settings, tmp_path):
    url = table(tmp_path, "path,group\n0.png,x\n")
    with pytest.raises(UsageError, match="neither 'banner_id' nor 'file'"):
        load(settings.replace("paths", labels=url, label="group"))


def test_table_without_a_column_named(settings, tmp_path):
    url = table(tmp_path, "file,group\n0.png,x\n")
    with pytest.raises(UsageError, match="needs --label COLUMN"):
        load(settings.replace("paths", labels=url))


def test_table_that_is_missing(settings):
    with pytest.raises(UsageError, match=r"the labels table .*does not exist"):
        load(settings.replace("paths", labels="absent.csv", label="group"))


def test_no_row_has_a_label(settings, tmp_path):
    url = table(tmp_path, "file,group\nno.png,x\n0.png,\n")
    with pytest.raises(DataError, match=r"no row .*1 rows of the table name no banner"):
        load(settings.replace("paths", labels=url, label="group"))
