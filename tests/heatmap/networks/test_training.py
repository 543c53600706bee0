"""The loop: the same bits after a kill, and refusals."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bannercluster.encoders import engines
from bannercluster.errors import EngineError, FormatVersionError, StoreError, UsageError
from bannercluster.heatmap.networks.training import TrainingConfig, seeded, train
from bannercluster.store import points

CONFIG = TrainingConfig(
    n_steps=30, learning_rate=0.03, n_warmup=5, checkpoint_every=8, history_every=7
)


class KilledError(Exception):
    pass


def build():
    return seeded(
        lambda: torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 3).to(memory_format=torch.channels_last),
            torch.nn.BatchNorm2d(4),
            torch.nn.Dropout(0.3),
            torch.nn.Flatten(),
            torch.nn.Linear(16, 1),
        ),
        5,
    )


def batches(step):
    x = torch.randn(6, 1, 4, 4, generator=torch.Generator().manual_seed(step))
    return x, x.sum(dim=(1, 2, 3), keepdim=False)[:, None]


def loss(network, batch):
    gap = network(batch[0]) - batch[1]
    return gap.square().mean(), {"absolute": gap.abs().mean()}


def state(trained):
    return trained.network.state_dict()


def same(first, second):
    assert first.history == second.history
    assert state(first).keys() == state(second).keys()
    return all(torch.equal(x, state(second)[name]) for name, x in state(first).items())


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def undisturbed():
    return train(build(), batches, loss, CONFIG, recipe={"of": 1})


def test_it_learns(undisturbed):
    assert undisturbed.history[-1].loss < undisturbed.history[0].loss
    assert [moment.step for moment in undisturbed.history] == [7, 14, 21, 28, 30]
    assert undisturbed.history[0].metrics[0][0] == "absolute"
    assert not undisturbed.network.training


@pytest.mark.parametrize("at", [3, 8, 21, 29])
def test_killed_and_resumed_gives_the_same_bits(tmp_path, undisturbed, at):
    def until(step):
        if step == at:
            raise KilledError
        return batches(step)

    with pytest.raises(KilledError):
        train(build(), until, loss, CONFIG, recipe={"of": 1}, folder=str(tmp_path))
    asked = []

    def after(step):
        asked.append(step)
        return batches(step)

    resumed = train(build(), after, loss, CONFIG, recipe={"of": 1}, folder=str(tmp_path))
    assert same(resumed, undisturbed)
    # The batch ahead is asked for before the step of the kill is done: one checkpoint earlier.
    assert asked[0] in {at // 8 * 8, max(at - 1, 0) // 8 * 8}


@pytest.mark.parametrize(
    "point",
    [points.TRAINING_CHECKPOINT, points.TRAINED_WEIGHTS, points.TRAINED_CARD,
     points.TRAINING_CHECKPOINT_GONE],
)  # fmt: skip
@pytest.mark.parametrize("phase", ["before", "written", "after"])
def test_ended_at_every_write(tmp_path, undisturbed, point, phase):
    if point is points.TRAINING_CHECKPOINT_GONE and phase == "written":
        pytest.skip("a removal writes nothing under a temporary name")

    def strike(reached, now, where):
        if reached is point and now == phase:
            raise KilledError

    with points.watched(strike), pytest.raises(KilledError):
        train(build(), batches, loss, CONFIG, recipe={"of": 1}, folder=str(tmp_path))
    again = train(build(), batches, loss, CONFIG, recipe={"of": 1}, folder=str(tmp_path))
    assert same(again, undisturbed)


def test_a_finished_network_is_loaded(tmp_path, undisturbed):
    train(build(), batches, loss, CONFIG, recipe={"of": 1}, folder=str(tmp_path), name="some")
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith("some-")
    assert {path.name for path in folder.iterdir()} == {"card.json", "weights.safetensors"}

    def never(step):
        raise AssertionError

    found = train(build(), never, loss, CONFIG, recipe={"of": 1}, folder=str(tmp_path), name="some")
    assert same(found, undisturbed)


def test_what_decides_the_result_names_the_folder(tmp_path):
    short = replace(CONFIG, n_steps=2)
    for config, recipe in (
        (short, {"of": 1}),
        (short, {"of": 2}),
        (replace(short, learning_rate=0.5), {"of": 1}),
        (replace(short, checkpoint_every=1, history_every=1), {"of": 1}),  # as the first
    ):
        train(build(), batches, loss, config, recipe=recipe, folder=str(tmp_path))
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(("has_it", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_auto_is_what_the_processor_computes(monkeypatch, has_it, precision):
    """And it is said in the fingerprint."""
    monkeypatch.setattr(engines, "cpu_has_bfloat16", lambda: has_it)
    lower = []

    def noted(network, batch):
        lower.append(torch.is_autocast_enabled("cpu"))
        return loss(network, batch)

    short = replace(CONFIG, n_steps=2)
    chosen = train(build(), batches, noted, replace(short, precision="auto"), recipe={})
    assert lower == 2 * [has_it]
    named = train(build(), batches, loss, replace(short, precision=precision), recipe={})
    assert chosen.fingerprint == named.fingerprint
    assert same(chosen, named)


def test_a_precision_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(engines, "cpu_has_bfloat16", lambda: False)
    with pytest.raises(EngineError, match="bfloat16 was asked for, but this CPU"):
        train(build(), batches, loss, replace(CONFIG, precision="bfloat16"), recipe={})


def test_without_an_average_the_last_weights_are_the_result():
    bare = train(build(), batches, loss, replace(CONFIG, ema_decay=None), recipe={})
    mean = train(build(), batches, loss, CONFIG, recipe={})
    assert bare.history == mean.history
    assert not torch.equal(state(bare)["4.weight"], state(mean)["4.weight"])


def test_torchs_own_random_numbers_go_on_as_before():
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    train(build(), batches, loss, replace(CONFIG, n_steps=2), recipe={})
    assert torch.equal(torch.rand(2), wanted)


def test_rates_rise_and_fall():
    rates = [CONFIG.rate(step) for step in range(CONFIG.n_steps)]
    assert rates[0] == pytest.approx(CONFIG.learning_rate / 5)
    assert max(rates) == rates[4] == rates[5] == pytest.approx(CONFIG.learning_rate)
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] < 0.05 * CONFIG.learning_rate


def test_a_loss_that_is_not_finite_is_refused():
    def broken(network, batch):
        return network(batch[0]).sum() * torch.nan, {}

    with pytest.raises(UsageError, match=r"the loss is nan in step 0.*lower the learning rate"):
        train(build(), batches, broken, CONFIG, recipe={})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"n_steps": 0}, "n_steps is 0"), ({"ema_decay": 1.0}, "ema_decay is 1.0")],
)
def test_configs_that_cannot_be_meant(wrong, message):
    with pytest.raises(UsageError, match=message):
        TrainingConfig(**{"n_steps": 3, **wrong})


def stopped_in(folder: Path) -> Path:
    def until(step):
        if step == 20:
            raise KilledError
        return batches(step)

    with pytest.raises(KilledError):
        train(build(), until, loss, CONFIG, recipe={"of": 1}, folder=str(folder))
    return next(folder.glob("*/checkpoint.safetensors"))


def test_a_damaged_checkpoint_is_named(tmp_path):
    file = stopped_in(tmp_path)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(StoreError, match="delete it to start anew"):
        train(build(), batches, loss, CONFIG, recipe={"of": 1}, folder=str(tmp_path))


def test_a_newer_checkpoint_is_refused(tmp_path):
    file = stopped_in(tmp_path)
    data = file.read_bytes().replace(b'\\"version\\": 1', b'\\"version\\": 9')
    file.write_bytes(data)
    with pytest.raises(FormatVersionError, match="format version 9"):
        train(build(), batches, loss, CONFIG, recipe={"of": 1}, folder=str(tmp_path))


def test_damaged_networks_are_named(tmp_path):
    train(build(), batches, loss, CONFIG, recipe={"of": 1}, folder=str(tmp_path))
    weights = next(tmp_path.glob("*/weights.safetensors"))
    assert load_file(weights)["0.weight"].shape == (4, 1, 3, 3)
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(StoreError, match="not those that its card names"):
        train(build(), batches, loss, CONFIG, recipe={"of": 1}, folder=str(tmp_path))
    card = weights.with_name("card.json")
    card.write_text(json.dumps({**json.loads(card.read_text()), "format_version": 9}))
    with pytest.raises(FormatVersionError, match="format version 9"):
        train(build(), batches, loss, CONFIG, recipe={"of": 1}, folder=str(tmp_path))
