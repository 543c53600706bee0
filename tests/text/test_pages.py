"""Landing pages: what a visitor reads, and why a page has no text to give."""

import os

import pytest

from bannercluster.text.pages import PageRefused, page_text, visible_text

PAGE = """<?xml version="1.0" encoding="utf-8"?>
<html><head><title>window</title><style>p {color: red}</style>
<script>document.write("written")</script></head>
<body onload="evil()"><h1>Summer&nbsp;sale &lt;b&gt;</h1>
<p hidden>secret one</p><p style="color:red; Display : NONE">secret two</p>
<div style="visibility:hidden"><p>secret three</p></div><span aria-hidden="true">secret four</span>
<noscript>secret five</noscript><template>secret six</template><!-- secret seven -->
<svg><text>secret eight</text></svg><iframe>secret nine</iframe>
<table><tr><td>Shoes</td><td colspan="1000000000">49 &euro;</td></tr></table>
<a href="javascript:evil()">Buy now</a> tail</body></html>"""


def refused(value, folder=None, most=10_000):
    with pytest.raises(PageRefused) as caught:
        page_text(value, None if folder is None else str(folder), most)
    return caught.value.reason


def test_visible_text_of_a_page():
    found = visible_text(PAGE)
    words = found.split()
    assert words == ["Summer", "sale", "<b>", "Shoes", "49", "€", "Buy", "now", "tail"]
    assert page_text("\n " + PAGE, None, 10_000) == found


@pytest.mark.parametrize("html", ["<", "<!-- -->", "<p>", "<html></html>", "<\0p>", "<p>&#0;</p>"])
def test_pages_that_say_nothing(html):
    assert "".join(visible_text(html).split()) in ("", "<", "\ufffd")


def test_files_below_the_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "page.html").write_text("<p>Grüße</p>", encoding="utf-8")
    (tmp_path / "old.html").write_bytes('<meta charset="latin-1"><p>Grüße'.encode("latin-1"))
    (tmp_path / "wide.html").write_bytes("<p>Grüße".encode("utf-16"))
    (tmp_path / "link.html").symlink_to(tmp_path / "a" / "page.html")
    for name in ("a/page.html", " old.html ", "wide.html", "link.html"):
        assert page_text(name, str(tmp_path), 10_000).strip() == "Grüße", name


def test_refused_pages(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    (tmp_path / "secret.html").write_text("<p>secret</p>")
    (folder / "out.html").symlink_to(tmp_path / "secret.html")
    (folder / "self.html").symlink_to(folder / "self.html")
    (folder / "big.html").write_bytes(b"<p>" + b"x" * 10_000)
    (folder / "bad.html").write_bytes(b"<p>\xff\xfe\xfd")
    (folder / "strange.html").write_bytes(b'<meta charset="rot13"><p>x')
    (folder / "unknown.html").write_bytes(b'<meta charset="klingon"><p>x')
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    for name in (
        "../secret.html",
        str(tmp_path / "secret.html"),
        "a/../../secret.html",
        "out.html",
    ):
        assert refused(name, folder) == "page_outside_folder", name
    assert refused("nul\0.html", folder) == "page_outside_folder"
    assert refused("none.html", folder) == "page_missing"
    assert refused("big.html", folder) == "page_too_large"
    assert refused("<p>" + "x" * 10_000) == "page_too_large"
    for name in ("bad.html", "strange.html", "unknown.html"):
        assert refused(name, folder) == "page_undecodable", name
    for name in ("folder", "pipe", "self.html", "x" * 5_000):
        assert refused(name, folder) == "page_unreadable", name
    assert refused("https://example.com/") == "page_is_url"
    assert refused("page.html") == "page_no_folder"


@pytest.mark.parametrize("piece", ["<b>", "<div>", "<table><tr><td>", "<ul><li>", "<p>a", "&amp;"])
def test_hostile_pages_cost_at_most_themselves(piece):
    found = page_text("<p>" + piece * (300_000 // len(piece)), None, 400_000)
    assert len(found) < 1_000_000
