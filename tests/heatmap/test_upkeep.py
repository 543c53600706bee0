"""`bc gc` removes what killed runs leave beside heatmaps and models, and nothing else."""

from bannercluster.config import Settings
from bannercluster.upkeep.garbage import collect_garbage


def test_temporary_files_go_and_the_rest_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    places = {
        settings.paths.heatmaps: "counts/c/0/0/0",
        settings.paths.heatmap_model: "networks/comparison-1/weights.safetensors",
    }
    kept, gone = [], []
    for place, name in places.items():
        file = tmp_path / place / name
        file.parent.mkdir(parents=True)
        file.write_bytes(b"whole")
        half = file.parent / ".tmp-1-half"
        half.write_bytes(b"half")
        kept.append(file)
        gone.append(half)
    assert sum(one.n_files for one in collect_garbage(settings, dry_run=True).removed) == 2
    assert all(one.exists() for one in gone)
    collect_garbage(settings)
    assert all(one.exists() for one in kept)
    assert not any(one.exists() for one in gone)
