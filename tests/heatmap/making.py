"""Tables of clicks, and the commands run on them."""

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bannercluster.config import Settings
from bannercluster.heatmap.clicks import SCHEMA
from bannercluster.heatmap.verbs import features
from bannercluster.runtime import SilentProgress, ThreadExecutor

DAY = datetime.date(2026, 1, 5)


def clicks_table(n: int = 400, seed: int = 0) -> pa.Table:
    """Clicks of three domains on two grids; some of them far outside the slot."""
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "event_id": [f"e{number:05d}" for number in range(n)],
            "day": [DAY + datetime.timedelta(days=int(one)) for one in rng.integers(0, 7, n)],
            "domain": [f"d{one}.example" for one in rng.integers(0, 3, n)],
            "grid_id": [f"g{one}" for one in rng.integers(0, 2, n)],
            "x": rng.uniform(-0.3, 1.3, n),
            "y": rng.uniform(-0.2, 1.2, n),
            "slot_w": np.full(n, 300, np.int32),
            "slot_h": np.full(n, 250, np.int32),
            "device": ["mobile"] * n,
        }
    ).cast(SCHEMA)


def exposure_table(days: int = 7) -> pa.Table:
    """A week of exposure, of a domain without clicks too."""
    rows = [
        (f"d{domain}.example", f"g{grid}", DAY + datetime.timedelta(days=day), 7, 10 * domain, 1)
        for domain in range(4)
        for grid in range(2)
        for day in range(days)
    ]
    names = ("domain", "grid_id", "day", "visits", "impressions", "clicks")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def with_values(table: pa.Table, column: str, values: dict[int, object]) -> pa.Table:
    """Return a table with other values in some rows of a column."""
    found = table[column].to_pylist()
    for row, value in values.items():
        found[row] = value
    field = table.schema.field(column)
    return table.set_column(
        table.schema.get_field_index(column), field, pa.array(found, field.type)
    )


def settings_of(folder: Path, **heatmap: object) -> Settings:
    """Settings whose paths all lie in a folder."""
    names = ("clicks", "exposure", "heatmap_references", "heatmap_truth")
    paths = {name: str(folder / f"{name}.parquet") for name in names}
    settings = Settings().replace(
        "paths", origin="default", heatmaps=str(folder / "heatmaps.zarr"), **paths
    )
    return settings.replace("heatmap", **heatmap)


def make_features(settings: Settings) -> features.FeaturesResult:
    """Run `bc heatmap features`."""
    features.plan(settings)
    with ThreadExecutor(1) as executor:
        return features.run(settings, executor=executor, progress=SilentProgress())


def rejected(settings: Settings) -> list[dict[str, object]]:
    """The rejected rows of the latest run."""
    return pq.read_table(features.rejected_url(settings.paths.heatmaps)).to_pylist()
