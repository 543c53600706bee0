"""The README's commands run as they stand, and its Python examples too."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from bannercluster.cli.main import main
from bannercluster.synth import SynthBannersConfig, synth_banners

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.slow
def test_commands_and_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BC_RUNTIME_DASHBOARD", "off")
    synth_banners(SynthBannersConfig(images="banners", n_banners=40, n_advertisers=4, workers=1))
    commands = [
        line.removeprefix("bc ").split()
        for block in blocks("sh")
        for line in block.splitlines()
        if line.startswith("bc ")
    ]
    assert [command[0] for command in commands] == [
        "embed", "cluster", "evaluate", "predict", "report",
    ]  # fmt: skip
    for command in commands:
        # Eight processes would only make the test slow: the pool changes no result.
        extra = ["--pool", "threads"] if command[0] == "embed" else []
        assert main([*command, *extra]) == 0, capsys.readouterr().err
    assert (tmp_path / "data" / "report.html").stat().st_size > 50_000

    names: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        for example in blocks("python"):
            exec(example, names)
    assert "efficientnet_lite0" in printed.getvalue()
    assert len(names["labels"]) > 30  # type: ignore[arg-type]


def test_make_targets_exist() -> None:
    makefile = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make (\w+)", README):
        assert f"\n{target}:" in makefile
