"""Killed at every named write to a bucket, run again: the same content, and no part done twice."""

import pytest
from faults.worlds import draw

from bannercluster.store import files

from .conftest import new_bucket
from .world import canonical, copy_of, upload

POINTS = {
    "embed": (
        "store.lease", "embed.part", "store.chunk", "store.table", "store.array", "store.root",
        "store.old-table", "embed.staging",
    ),
    "cluster": (
        "store.lease", "cluster.checkpoint", "cluster.arrays", "cluster.card",
        "cluster.checkpoint-gone", "cluster.sweep",
    ),
    "evaluate": ("evaluate.label-metrics", "evaluate.evaluation"),
    "predict": ("predict.assignments",),
    "report": ("report.page",),
}  # fmt: skip
SOME = {"embed": ("embed.part", "store.root", "embed.staging"), "cluster": ("cluster.card",)}
NOT_AGAIN = frozenset({"store.old-table", "cluster.checkpoint-gone"})
"""Removals that the next run has no reason to come to."""

QUICK = {("embed", "embed.part"), ("embed", "store.root"), ("cluster", "cluster.card")}
CASES = [
    pytest.param(
        "s3", stage, point, marks=[] if (stage, point) in QUICK else pytest.mark.slow
    )
    for stage, names in POINTS.items()
    for point in names
] + [
    pytest.param("gs", stage, point, marks=[pytest.mark.slow, pytest.mark.thorough])
    for stage, names in SOME.items()
    for point in names
]  # fmt: skip


@pytest.fixture(scope="module")
def stages(typist, tmp_path_factory, proxies):
    """By protocol and stage: the bucket before it, and the undisturbed run and its content."""
    folder = tmp_path_factory.mktemp("drawn")
    (folder / "images").mkdir()
    made: dict[str, dict] = {}

    def stages_of(protocol: str) -> dict:
        if protocol in made:
            return made[protocol]
        url = new_bucket(protocol)
        for first in (0, 6, 12):  # two generations before the one that is disturbed
            if not made:
                draw(folder, first, 6)
            upload(folder / "images", url)
            if first < 12 and not made:
                assert typist.type(url, "quick embed").codes == [0]
        found = {}
        for stage in POINTS:
            before, url = url, new_bucket(protocol)
            copy_of(before, url)
            ran = typist.type(url, f"quick {stage}")
            assert ran.codes == [0], (stage, ran)
            found[stage] = (before, ran, canonical(url))
        made[protocol] = found
        return found

    return stages_of


@pytest.mark.slow
def test_every_point_of_the_stages_is_here(stages):
    for stage, (_, ran, _) in stages("s3").items():
        assert {point for point, _, _ in ran.reached} - {"store.lease"} == set(
            POINTS[stage]
        ) - {"store.lease"}  # fmt: skip


@pytest.mark.parametrize(("protocol", "stage", "point"), CASES)
def test_killed_there_and_run_again(stages, typist, protocol, stage, point):
    before, undisturbed, wanted = stages(protocol)[stage]
    if point not in {name for name, _, _ in undisturbed.reached}:
        pytest.skip(f"the undisturbed run does not come to {point} here")
    chains = [["before"], ["after"]] if point in NOT_AGAIN else [["before", "after"]]
    for chain in chains:
        url = new_bucket(protocol)
        copy_of(before, url)
        for phase in chain:
            assert typist.type(url, f"quick {stage}", die=[point, phase]).status == -9
            # What lies there is whole: all that is read is as before, or as after.
            found, old = canonical(url), canonical(before)
            assert found.keys() <= old.keys() | wanted.keys()
            assert all(found[key] in (old.get(key), wanted.get(key)) for key in found)
        staged = set(files.names(f"{url}/embeddings.staging"))
        again = typist.type(url, f"quick {stage}")
        assert (again.codes, again.stderr) == ([0], "")
        assert canonical(url) == wanted
        begun = again.at("embed.part")
        assert not begun & staged
        assert not begun or begun | staged == undisturbed.at("embed.part")
