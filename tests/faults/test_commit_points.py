"""Ended at every commit point, run again: the same as without the end, and nothing done twice."""

from collections import Counter

import pytest

from bannercluster.store.points import POINTS

from . import worlds
from .zygote import STAGES

REMOVALS = frozenset(
    {
        "store.old-table",
        "embed.staging",
        "ocr.same-part",
        "cluster.checkpoint-gone",
        "evaluate.old-label-metrics",
    }
)
PARTS_OF = {
    "embed": ("embeddings.staging/*.parquet", "embed.part"),
    "ocr": ("ocr/parts/*.parquet", "ocr.part"),
}
PAIRS = [
    (stage, point.name)
    for stage, names in (
        (
            "embed",
            ("store.lease", "embed.part", "store.chunk", "store.table", "store.array",
             "store.root", "store.old-table", "embed.staging"),
        ),
        ("ocr", ("store.lease", "ocr.part", "ocr.record", "ocr.same-part")),
        (
            "cluster",
            ("store.lease", "cluster.checkpoint", "cluster.arrays", "cluster.card",
             "cluster.checkpoint-gone", "cluster.sweep"),
        ),
        (
            "evaluate",
            ("store.lease", "evaluate.label-metrics", "evaluate.evaluation",
             "evaluate.old-label-metrics"),
        ),
        ("predict", ("store.lease", "predict.assignments")),
        ("report", ("report.page",)),
    )
    for point in POINTS
    if point.name in names
]  # fmt: skip


def test_no_point_is_forgotten(wanted):
    """The pairs above are all that the stages reach, and every point is among them."""
    reached = {(stage, point) for stage in STAGES for point, _, _ in wanted[stage][1].reached}
    assert reached == set(PAIRS)
    # The network of these runs is not exported; the others have tests of their own.
    others = ("embed.network", "import.", "export.", "ablation.", "heatmap.", "bench.", "gc.")
    names = {point.name for point in POINTS if not point.name.startswith(others)}
    assert {point for _, point in PAIRS} == names


def strikes(reached, point, action):
    """Where to strike: in each phase the first time and the last time."""
    counts = Counter(phase for name, phase, _ in reached if name == point)
    for phase, n in counts.items():
        if action == "cut" and phase != "written":
            continue
        # An error after a write, or about a lease or a removal that is done, changes nothing.
        if action == "full" and (phase == "after" or point in REMOVALS):
            continue
        for nth in sorted({1, n}):
            yield {"point": point, "phase": phase, "nth": nth, "action": action}


@pytest.mark.parametrize("action", ["kill", "cut", "full"])
@pytest.mark.parametrize(("stage", "point"), PAIRS)
def test_ended_there_and_run_again(zygote, ready, wanted, tmp_path, stage, point, action):
    content, undisturbed = wanted[stage]
    state_before = state(ready[stage], stage)
    for order in strikes(undisturbed.reached, point, action):
        folder = worlds.copy(ready[stage], tmp_path / f"{order['phase']}-{order['nth']}")
        first = zygote.run(folder, (stage,), order)
        if action == "full":
            said = [line for line in first.stderr.splitlines() if line.startswith("error: ")]
            assert first.code in (0, 1), (order, first)
            assert (first.code == 0) == (not said), (order, first)
            if said:
                assert "No space left on device" in said[0], order
        else:
            assert first.code == -9, (order, first)
        # Whatever is read now is whole: as before, or as after.
        assert is_between(stage, state(folder, stage), state_before, content), order
        where, part = PARTS_OF.get(stage, PARTS_OF["embed"])
        staged = {path.name for path in folder.glob(where)}
        second = zygote.run(folder, (stage,))
        assert second.code == 0, (order, second.stderr)
        assert worlds.CONTENT_OF[stage](folder) == content, order
        # No part is computed twice, and none is forgotten.
        begun = names(second, part, "before")
        assert not begun & staged, order
        if stage != "ocr":  # its parts stay, and what failed is tried again by every run
            assert len(begun | staged) in (0, len(names(undisturbed, part, "before"))), order


def names(ended, point, phase):
    """Names of the files that a run reached a point with."""
    return {
        where.rsplit("/", 1)[-1]
        for name, at, where in ended.reached
        if (name, at) == (point, phase)
    }


def is_between(stage, found, before, after):
    if stage != "cluster":
        return found in (before, after)
    # Models appear one by one, each whole; the list of the latest sweep names only such.
    models, old, new = found[2], before[2], after[2]
    listed = found[:2] in (before[:2], after[:2]) and set(found[0]) <= set(models)
    return listed and old.items() <= models.items() <= new.items()


def state(folder, stage):
    """What a stage left, or None where there is nothing yet."""
    try:
        return worlds.CONTENT_OF[stage](folder)
    except FileNotFoundError:
        return None
