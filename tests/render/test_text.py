"""Cleaning of text, JSON for scripts, and figures."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bannercluster.render.text import MAX_TEXT_CHARS, clean, figure, script_json


@given(st.text(st.characters(), max_size=60))
def test_clean_is_idempotent_and_encodable(text):
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert clean(cleaned) == cleaned


def test_clean_shows_what_would_hide_and_keeps_what_is_meant():
    assert clean("a\u202eb\x00c\ud800") == "a⟨U+202E⟩b⟨U+0000⟩c⟨U+D800⟩"
    assert clean("one\r\ntwo\tthree") == "one two three"
    assert clean("Größe 寿司 שלום 👩\u200d🚀") == "Größe 寿司 שלום 👩\u200d🚀"
    assert len(clean("\u202e" * 9999)) == MAX_TEXT_CHARS
    assert clean("x" * MAX_TEXT_CHARS) == "x" * MAX_TEXT_CHARS


def test_script_json_cannot_leave_its_element():
    value = ["</script><!--", "\u2028", "a&b'c", "é"]
    out = script_json(value)
    assert out.isascii()
    assert not set("<>&'") & set(out)
    assert json.loads(out) == value
    with pytest.raises(ValueError, match="JSON"):
        script_json(float("nan"))


@pytest.mark.parametrize(
    ("value", "style", "written"),
    [
        (None, "fixed", "\u2013"),
        (float("nan"), "count", "\u2013"),
        (float("-inf"), "fixed", "\u2212\u221e"),
        (-0.1234, "fixed", "\u22120.123"),
        (1234567, "count", "1,234,567"),
        (0.0825, "percent", "8.2 %"),
        (3638.2, "significant", "3,638"),
        (123456.0, "significant", "123.5 k"),
        (9999999.0, "significant", "10 M"),
        (0.01234567, "significant", "0.01235"),
        (2.5e16, "significant", "2.5e+16"),
    ],
)
def test_figures(value, style, written):
    assert figure(value, style) == written
