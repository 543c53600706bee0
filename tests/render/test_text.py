"""Cleaning of text, JSON for scripts, and figures."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bannercluster.render.text import MAX_TEXT_CHARS, clean, duration, figure, script_json, signed


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
        (-0.0004, "fixed", "0.000"),
        (-0.0004, "percent", "0.0 %"),
        (-0.0, "short", "0.00"),
        (-10.0, "count", "\u221210"),
        (0.0825, "percent", "8.2 %"),
        (3638.2, "significant", "3,638"),
        (123456.0, "significant", "123.5 k"),
        (9999999.0, "significant", "10 M"),
        (0.01234567, "significant", "0.01235"),
        (2.5e16, "significant", "2.5e+16"),
        (9.9999e14, "significant", "1e+15"),
        (1.37e-5, "significant", "1.37e\u22125"),
        (0.07, "short", "0.0700"),
        (-9.7e-12, "short", "\u22129.70e\u221212"),
        (345.6, "short", "346"),
        (999.6, "short", "1,000"),
        (999.6, "significant", "999.6"),
        (0.0, "short", "0.00"),
    ],
)
def test_figures(value, style, written):
    assert figure(value, style) == written


def test_differences_carry_their_sign():
    assert [signed(v) for v in (0.25, -0.25, 0.0)] == ["+0.250", "\u22120.250", "0.000"]
    assert [signed(v) for v in (4e-4, -4e-4)] == ["0.000", "0.000"]
    assert signed(0.07, "short") == "+0.0700"


@pytest.mark.parametrize(
    ("duration_s", "written"),
    [
        (0.0, "< 0.01 s"),
        (0.0213, "0.02 s"),
        (0.996, "1.0 s"),
        (9.96, "10 s"),
        (59.7, "1 min 0 s"),
        (75.2, "1 min 15 s"),
        (3599.7, "1 h 0 min"),
        (360000.0, "100 h 0 min"),
    ],
)
def test_durations(duration_s, written):
    assert duration(duration_s) == written
