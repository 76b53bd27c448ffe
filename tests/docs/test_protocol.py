"""The exchange on docs/widget-protocol.md is one that both sides understand."""

import json
from typing import Any

import pytest

from cyllama_jupyter.notebook import protocol
from cyllama_jupyter.notebook.protocol import from_page, utf16_length
from tests.docs.blocks import ROOT, blocks_of

Message = dict[str, Any]

PAGE = ROOT / "docs" / "widget-protocol.md"
EXCHANGE: list[Message] = [
    message for block in blocks_of(PAGE) if block.language == "json" for message in json.loads(block.code)
]
OF_KERNEL = [message for message in EXCHANGE if "seq" in message]


@pytest.mark.parametrize("message", [message for message in EXCHANGE if "seq" not in message], ids=str)
def test_what_the_page_says_is_heard(message: Message) -> None:
    assert from_page(message) == message


@pytest.mark.parametrize("message", OF_KERNEL, ids=lambda message: f"{message['type']} {message['seq']}")
def test_what_the_kernel_says_has_its_fields(message: Message) -> None:
    kind: Any = getattr(protocol, message["type"].capitalize())
    assert set(message) == set(kind.__annotations__)


def test_nothing_is_missing() -> None:
    numbered = [message["seq"] for message in OF_KERNEL if message["type"] != "replay"]
    assert numbered == list(range(1, len(numbered) + 1))
    deltas = [message for message in OF_KERNEL if message["type"] == "delta"]
    [replay] = [message for message in OF_KERNEL if message["type"] == "replay"]
    assert replay["text"] == "".join(delta["text"] for delta in deltas)
    assert deltas[1]["at"] == utf16_length(deltas[0]["text"])
    assert replay["seq"] == numbered[-1]
    assert [replay["status"], replay["end"]] == OF_KERNEL[-3:-1]
