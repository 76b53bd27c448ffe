"""The site builds without a warning, and its pages need nothing from the network."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from tests.docs.blocks import ROOT

FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
"""Where an element names what the browser gets at once."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site, built as `make docs` does."""
    folder = tmp_path_factory.mktemp("docs")
    options = ["-W", "--keep-going", "-q", "-d", str(folder / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *options, str(ROOT / "docs"), str(folder / "site")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return folder / "site"


def fetched_by(element: Tag) -> str:
    if element.name == "link" and "stylesheet" not in element.get_attribute_list("rel"):
        return ""
    return str(element.get(FETCHED[element.name]) or "")


def test_every_page_is_in_the_contents(site: Path) -> None:
    contents = BeautifulSoup((site / "index.html").read_text(), "html.parser").select(".sidebar-tree a")
    linked = {str(link["href"]) for link in contents}
    for page in ROOT.glob("docs/*.md"):
        assert page.stem == "index" or f"{page.stem}.html" in linked, page.name


def test_what_a_page_fetches_is_there(site: Path) -> None:
    for page in site.glob("*.html"):
        soup = BeautifulSoup(page.read_text(), "html.parser")
        wanted = {fetched_by(element) for element in soup.find_all(list(FETCHED))} - {""}
        assert wanted, page.name
        for address in wanted:
            path = address.partition("?")[0]
            assert address.startswith("data:") or (page.parent / path).is_file(), f"{page.name} fetches {address}"


def test_the_styles_fetch_nothing(site: Path) -> None:
    styles = list(site.rglob("*.css"))
    assert styles
    for style in styles:
        assert re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//\S+", style.read_text()) == []


def test_the_picture_is_on_the_first_page(site: Path) -> None:
    pictures = BeautifulSoup((site / "index.html").read_text(), "html.parser").select("article img")
    assert [Path(str(picture["src"])).name for picture in pictures] == ["stopped-cell.png"]
    assert all(picture["alt"] for picture in pictures)
