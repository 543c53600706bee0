"""``docs/commands.md`` is what the commands say of themselves."""

import re
from pathlib import Path

import pytest

from bannercluster.cli.main import main
from bannercluster.cli.reference import reference
from bannercluster.config import SECTIONS, knobs

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
FLAG = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def sections() -> dict[str, str]:
    """The text of each command by its path."""
    parts = re.split(r"^## (bc.*)$", reference(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_page_is_written_from_the_commands():
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "run python -m bannercluster.cli.reference > docs/commands.md"
    )


@pytest.mark.parametrize("path", sections())
def test_the_page_says_what_the_help_says(path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")  # no text is broken into lines
    assert main([*path.split()[1:], "--help"]) == 0
    printed = capsys.readouterr().out
    section = sections()[path]
    assert set(FLAG.findall(printed)) == set(FLAG.findall(section))
    on_page = " ".join(section.split())
    texts = [line.strip("│ ") for line in printed.splitlines() if line.startswith("│")]
    assert texts
    for text in texts:
        # What is beside a flag or the name of a command, after the last wide gap.
        assert " ".join(re.split(r" {2,}", text)[-1].split()) in re.sub(
            r" [a-z]+\.\w+, BC_\w+", "", on_page
        )


def test_every_setting_of_a_command_has_its_names_on_the_page():
    page = reference()
    shown = [
        knob
        for cls in SECTIONS.values()
        for knob in knobs(cls)
        if re.search(rf"^  {knob.flag}\b", page, flags=re.MULTILINE)
    ]
    assert len(shown) > 40
    for knob in shown:
        assert f"{knob.section}.{knob.name}, {knob.environment_name}\n" in page


def test_no_line_is_too_wide():
    assert max(map(len, reference().splitlines())) <= 100
