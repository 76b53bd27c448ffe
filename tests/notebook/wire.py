"""The widget's wire without a kernel: what is sent, a page that says something, and a view that reads it all."""

import json
import threading
from collections.abc import Mapping
from typing import Any

from comm.base_comm import BaseComm

from cyllama_jupyter.notebook.protocol import VERSION

__all__ = ["View", "Wire"]

Message = Mapping[str, Any]


class RecordingComm(BaseComm):
    """The kernel's end of a comm; what it sends must be JSON."""

    def __init__(self, wire: "Wire", **options: Any) -> None:  # noqa: ANN401 - whatever ipywidgets passes
        self._wire = wire
        wire.last = self
        super().__init__(**options)

    def on_msg(self, callback: Any) -> None:  # noqa: ANN401 - a function of the message
        super().on_msg(callback)
        if self._wire.greets:
            self._wire.say(type="hello", version=VERSION)

    def publish_msg(self, msg_type: str, data: Any = None, *_: object, **__: object) -> None:  # noqa: ANN401 - JSON
        self._wire.record(self, msg_type, json.loads(json.dumps(data or {})))


class Wire:
    """All comms that were opened, and what was sent over them.

    Attributes:
        opened: The state that each model was opened with, layouts included, the first one first.
        closed: How many were closed.
        last: The comm that was made last.
        messages: The custom messages that were sent, of all models, in order.
        ended: Is set with the first ``end`` message.
        greets: Whether there is a page that says hello as soon as anybody listens.
    """

    def __init__(self) -> None:
        self.opened: list[Message] = []
        self.closed = 0
        self.messages: list[Message] = []
        self.ended = threading.Event()
        self.greets = False
        self.last: RecordingComm | None = None

    def open(self, **options: Any) -> BaseComm:  # noqa: ANN401 - whatever ipywidgets passes
        """Take the place of ``comm.create_comm``."""
        return RecordingComm(self, **options)

    def record(self, _comm: RecordingComm, kind: str, data: Message) -> None:
        if kind == "comm_open":
            self.opened.append(data["state"])
        elif kind == "comm_close":
            self.closed += 1
        elif data["method"] == "custom":
            self.messages.append(data["content"])
            if data["content"]["type"] == "end":
                self.ended.set()

    def say(self, **content: object) -> None:
        """Say something as a page of the model that was opened last."""
        self.hear(content)

    def hear(self, content: object) -> None:
        """Deliver anything that a page may send."""
        assert self.last is not None
        self.last.handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})

    def of_type(self, *kinds: str) -> list[Message]:
        return [message for message in self.messages if message["type"] in kinds]


class View:
    """Reads messages as ``docs/widget-protocol.md`` tells a page to; fails on what the kernel may not do."""

    def __init__(self, name: str = "view") -> None:
        self.name = name
        self.seq = 0
        self.text = ""
        self.status: Message | None = None
        self.end: Message | None = None

    def read(self, message: Message) -> None:
        if message["type"] == "replay":
            self._replay(message)
        elif "seq" in message and message["seq"] > self.seq:
            assert message["seq"] == self.seq + 1, "a gap"
            assert self.end is None, "nothing follows the end"
            self.seq = message["seq"]
            self._take(message)

    def _take(self, message: Message) -> None:
        if message["type"] == "delta":
            assert message["at"] == javascript_length(self.text)
            assert message["text"]
            self.text += message["text"]
        elif message["type"] == "status":
            self.status = message
        else:
            assert message["type"] == "end"
            self.end = message

    def _replay(self, message: Message) -> None:
        if message["to"] == self.name:
            self.seq, self.text = message["seq"], message["text"]
            self.status, self.end = message["status"], message["end"]


def javascript_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
