"""docs/troubleshooting.md knows every error that there is."""

import re

from cyllama_jupyter import errors
from tests.docs.blocks import ROOT


def test_every_error_is_on_the_page() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    assert explained >= set(errors.__all__) - {"CyllamaError"}, "say there what it means, and what to do"
    assert "`CyllamaError`" in page
