"""What killed runs leave is seen by status, kept or removed by gc, and never missed."""

from pathlib import Path

import pytest

from bannercluster.errors import LeaseHeldError
from bannercluster.store import points
from bannercluster.store.embeddings import journal_url
from bannercluster.store.lease import hold
from bannercluster.upkeep import collect_garbage, read_status

from . import worlds
from .zygote import settings_of

KILLS = [
    ("embed", "embed.part", "written", 3),
    ("embed", "store.chunk", "written", 2),
    ("embed", "store.table", "after", 1),
    ("embed", "store.root", "written", 1),
    ("embed", "store.root", "after", 1),
    ("cluster", "cluster.card", "before", 1),
    ("cluster", "cluster.card", "before", 2),
    ("predict", "predict.assignments", "written", 1),
]


def kill(zygote, folder, stage, point, phase, nth):
    order = {"point": point, "phase": phase, "nth": nth, "action": "kill"}
    assert zygote.run(folder, (stage,), order).code == -9


def files_of(folder):
    """All that the stages wrote; what the tests put there is left out."""
    left_out = ("images/", "points.log", "stderr.txt")
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in names if not name.startswith(left_out)}


def words(found):
    return {one.what for one in found}


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize(("stage", "point", "phase", "nth"), KILLS)
def test_gc_after_a_kill(zygote, ready, wanted, tmp_path, stage, point, phase, nth, staged):
    """After it only results and staged work are there; the run goes on from the staged work."""
    content, undisturbed = wanted[stage]
    folder = worlds.copy(ready[stage], tmp_path / "world")
    kill(zygote, folder, stage, point, phase, nth)
    settings = settings_of(folder)
    (writer,) = read_status(settings).writers
    assert writer.ended
    before = files_of(folder)
    seen = collect_garbage(settings, dry_run=True, staged=staged)
    assert files_of(folder) == before
    done = collect_garbage(settings, staged=staged)
    assert (done.removed, done.kept) == (seen.removed, seen.kept)
    gone = before - files_of(folder)
    leases = {name for name in before if ".lease/" in name}
    assert len(gone - leases) == sum(one.n_files for one in done.removed)
    status = read_status(settings)
    assert (status.writers, status.leftover) == ((), ())
    assert bool(status.staged) == bool(done.kept)
    assert not (staged and status.staged)
    second = zygote.run(folder, (stage,))
    assert second.code == 0, second.stderr
    assert worlds.CONTENT_OF[stage](folder) == content
    if stage == "embed" and not staged:
        begun = [point for point, phase, _ in second.reached if phase == "before"]
        n_parts = sum((name, at) == ("embed.part", "after") for name, at, _ in undisturbed.reached)
        assert begun.count("embed.part") < n_parts
    # A whole run leaves nothing to collect.
    assert collect_garbage(settings).removed == ()
    assert read_status(settings).staged == ()


def test_each_kind_is_seen(zygote, ready, tmp_path):
    folder = worlds.copy(ready["embed"], tmp_path / "world")
    settings = settings_of(folder)
    kill(zygote, folder, "embed", "store.root", "written", 1)
    found = read_status(settings)
    assert words(found.staged) == {"parts in staging"}
    assert words(found.leftover) == {
        "temporary files", "chunks behind the last row", "tables of other generations",
    }  # fmt: skip
    other = worlds.copy(ready["cluster"], tmp_path / "other")
    kill(zygote, other, "cluster", "cluster.card", "before", 1)
    found = read_status(settings_of(other))
    assert words(found.staged) == {"checkpoints of sweeps"}
    assert words(found.leftover) == {"models without a card"}


def test_gc_waits_for_nobody(ready, tmp_path):
    """While someone writes, nothing is removed."""
    folder = worlds.copy(ready["embed"], tmp_path / "world")
    settings = settings_of(folder)
    (folder / "embeddings.tables" / ".tmp-x").write_bytes(b"in work")
    for place in (settings.paths.embeddings, settings.paths.models, settings.paths.assignments):
        with hold(place, "bc embed"):
            with pytest.raises(LeaseHeldError, match="bc embed"):
                collect_garbage(settings)
            assert (folder / "embeddings.tables" / ".tmp-x").exists()
            (writer,) = read_status(settings).writers
            assert (writer.place, writer.ended) == (place, False)
    assert words(collect_garbage(settings).removed) == {"temporary files"}


def test_nothing_there(tmp_path):
    settings = settings_of(tmp_path)
    status = read_status(settings)
    assert {one.state for one in status.results} == {"none"}
    assert collect_garbage(settings).removed == ()
    assert list(tmp_path.iterdir()) == []


def test_gc_that_is_killed(zygote, ready, tmp_path):
    """What it has not removed yet goes the next time."""
    folder = worlds.copy(ready["embed"], tmp_path / "world")
    settings = settings_of(folder)
    kill(zygote, folder, "embed", "store.root", "written", 1)

    class Killed(BaseException):
        pass

    def end(point, phase, where):
        if (point.name, phase) == ("gc.file", "after"):
            raise Killed

    n_before = sum(one.n_files for one in collect_garbage(settings, dry_run=True).removed)
    with points.watched(end), pytest.raises(Killed):
        collect_garbage(settings)
    rest = collect_garbage(settings)
    assert sum(one.n_files for one in rest.removed) == n_before - 1
    assert read_status(settings).leftover == ()


def test_journal_of_an_import(ready, tmp_path):
    """What it counts is kept; with --staged it goes before what it counts."""
    folder = worlds.copy(ready["embed"], tmp_path / "world")
    settings = settings_of(folder)
    chunk = folder / "embeddings.zarr" / "embedding" / "c" / "99" / "0"
    chunk.parent.mkdir()
    chunk.write_bytes(b"rows of an import")
    journal = Path(journal_url(settings.paths.embeddings))
    journal.mkdir()
    for name in ("aliases-000000.parquet", "journal.json"):
        (journal / name).write_bytes(b"{}")
    assert collect_garbage(settings).removed == ()
    assert chunk.exists()
    seen = []
    with points.watched(lambda point, phase, where: seen.append((phase, where))):
        collect_garbage(settings, staged=True)
    gone = [Path(where).name for phase, where in seen if phase == "after"]
    order = [gone.index(name) for name in ("journal.json", "0")]
    assert order == sorted(order)
    assert not chunk.parent.exists()
    assert not journal.exists()
