"""A clean text is harmless, bounded, and stays what it is when it is cleaned again."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.media.texts import clean, cut, has_own_text

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ANY = st.text(st.characters(), max_size=60) | st.text(
    st.sampled_from(
        "ab e\u0301\u0323\u200d\u202e\u200f\x00\x1b\n\t\u3000\ufeff\ud800\U0001f468\ufe0f"
    ),
    max_size=40,
)


@settings(deadline=None)
@given(ANY, st.integers(1, 30))
def test_clean_text_has_nothing_that_acts(text, most):
    found = clean(text, most)
    assert len(found) <= most
    assert found == " ".join(found.split())
    assert unicodedata.is_normalized("NFC", found)
    kinds = {unicodedata.category(one) for one in found.replace("\u200d", "")}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    found.encode()  # no lone surrogate
    assert clean(found, most) == found


@settings(deadline=None)
@given(st.text(st.sampled_from("abc äß買シ1,.!<&>'\"/"), max_size=50))
def test_plain_text_only_loses_white_space(text):
    plain = unicodedata.normalize("NFC", " ".join(text.split()))
    assert clean(text, 1_000) == plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \t\r\n\u3000\u2028", ""),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\u202eevil\u202c \u200f\u05e9\u05dc\u05d5\u05dd\u200e", "evil \u05e9\u05dc\u05d5\u05dd"),
        ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
        ("Cafe\u0301", "Café"),
        ("soft\u00adhyphen zero\u200bwidth \ufeffmark", "softhyphen zerowidth mark"),
        (f"{FAMILY} ok", f"{FAMILY} ok"),
        ("a\u200db \u200d", "ab"),
        ("\ud800lone", "lone"),
        ("x\ufdd0\uffff\U0010fffey", "xy"),
        ("title\x85next", "title next"),
    ],
)
def test_cases(text, expected):
    assert clean(text, 100) == expected


def test_marks_on_one_letter_are_bounded():
    assert clean("z" + "\u0316\u0301" * 5_000, 20_000) == clean("z" + "\u0316\u0301" * 15, 20_000)
    assert len(clean("z" + "\u0316" * 5_000, 20_000)) == 31


def test_cut_leaves_no_loose_end():
    assert clean("ab cd", 3) == "ab"
    assert clean(FAMILY, 2) == FAMILY[0]
    assert cut("ab\ncd", 3) == "ab"


def test_what_lies_far_behind_is_not_looked_at():
    assert clean(" " * 500 + "x", 100) == ""
    assert clean(" " * 499 + "x", 100) == "x"


@pytest.mark.parametrize("piece", ["word ", "\u202e", "e\u0301\u0316", FAMILY, "\x00"])
def test_a_megabyte_is_as_its_beginning(piece):
    text = piece * (1_000_000 // len(piece))
    assert clean(text, 20_000) == clean(text[:100_000], 20_000)


@settings(deadline=None)
@given(ANY | st.text(st.sampled_from("\u2160\u00bd\u0e01\u0300\u200b \uac00"), max_size=4))
def test_own_text_is_what_cleaning_leaves(text):
    for most in (1, 7):
        assert has_own_text([None, " \u200b", text], most) == (clean(text, most) != "")


def test_nothing_said_is_no_text():
    assert not has_own_text([], 100)
    assert not has_own_text([None, "", "\u00ad\ufeff\t", " " * 501 + "behind"], 100)
    assert has_own_text([None, "", "\U0001f600"], 100)
