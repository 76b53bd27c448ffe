"""Lets a cell that blocks the kernel's main thread hear its own widget.

While a cell runs, ipykernel reads no more messages on the main shell: a click on the widget's Stop button waits behind
the cell that it is meant to stop. A pump takes the comm messages that wait there and hands them to the widgets; every
other message keeps its place and is handled after the cell, as without a pump.

It needs what ipykernel keeps private, so it is found by feature: ipykernel 6 reads the shell socket into ``msg_queue``,
ipykernel 7 has a thread that forwards to the main thread through a socket pair.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import zmq

__all__ = ["Pump", "find_pump"]

_COMM_TYPES = frozenset({"comm_open", "comm_msg", "comm_close"})

Frames = list[Any]
"""A message as ZMQ frames: identities, delimiter, signature, header, parent header, metadata, content."""

Pump = Callable[[], None]
"""Handles the comm messages that wait; to be called on the main thread."""


Waiting = list[tuple[Frames | None, Callable[[], object]]]
"""What waits: its frames (None if it is no message), and what puts it back, in order."""


class _Mailbox(Protocol):
    """Where messages for the main shell wait."""

    def take(self) -> Waiting:
        """Take everything that waits."""


def find_pump(kernel: Any) -> Pump | None:  # noqa: ANN401 - ipykernel's private parts have no types
    """Return a pump for this kernel, or None where there is no way to make one.

    Args:
        kernel: The IPython kernel that runs the cell.
    """
    if threading.current_thread() is not threading.main_thread():
        return None
    mailbox = _find_mailbox(kernel)
    if mailbox is None or not hasattr(kernel, "comm_manager") or not hasattr(kernel, "session"):
        return None
    return _CommPump(kernel, mailbox)


def _find_mailbox(kernel: Any) -> _Mailbox | None:  # noqa: ANN401 - the same
    thread = getattr(kernel, "shell_channel_thread", None)
    pair = getattr(getattr(thread, "manager", None), "_shell_channel_to_main", None)
    stream = getattr(pair, "to_stream", None)
    if stream is not None and hasattr(stream, "_recv_callback") and hasattr(stream, "_run_callback"):
        return _SocketPair(stream)
    if hasattr(kernel, "msg_queue") and hasattr(getattr(kernel, "shell_stream", None), "flush"):
        return _MessageQueue(kernel)
    return None


class _MessageQueue:
    """ipykernel 6: the shell stream puts messages into ``kernel.msg_queue``, which nobody reads meanwhile."""

    def __init__(self, kernel: Any) -> None:  # noqa: ANN401 - the same
        self._stream = kernel.shell_stream
        self._queue = kernel.msg_queue

    def take(self) -> Waiting:
        """See ``_Mailbox``."""
        self._stream.flush(zmq.POLLIN)
        items = [self._queue.get_nowait() for _ in range(self._queue.qsize())]  # this thread alone takes from it
        return [(_frames_of(item), partial(self._queue.put_nowait, item)) for item in items]


def _frames_of(item: tuple[Any, ...]) -> Frames | None:
    """Return the frames of a queued ``(index, dispatch, args)``, or None: ipykernel queues other callbacks too."""
    args = item[-1]
    return args[0] if args and isinstance(args[0], list) else None


class _SocketPair:
    """ipykernel 7: a stream of the main thread's event loop, which does not turn meanwhile."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - the same
        self._stream = stream

    def take(self) -> Waiting:
        """See ``_Mailbox``; what is put back is scheduled, and waits for the cell's lock in its turn."""
        stream, handler = self._stream, self._stream._recv_callback
        received: list[Frames] = []
        stream.on_recv(received.append, copy=False)
        try:
            stream.flush(zmq.POLLIN)
        finally:
            stream.on_recv(handler, copy=False)
        return [(frames, partial(stream._run_callback, handler, frames)) for frames in received]


class _CommPump:
    """Hands waiting comm messages to the widgets, and puts everything else back."""

    def __init__(self, kernel: Any, mailbox: _Mailbox) -> None:  # noqa: ANN401 - the same
        self._kernel = kernel
        self._mailbox = mailbox

    def __call__(self) -> None:
        comms = []
        for frames, put_back in self._mailbox.take():
            if frames is not None and self._type(frames) in _COMM_TYPES:
                comms.append(frames)
            else:
                put_back()
        for frames in comms:
            self._handle(frames)

    def _type(self, frames: Frames) -> str | None:
        """Return a message's type without checking its signature; what cannot be read is left to ipykernel."""
        session = self._kernel.session
        try:
            _, parts = session.feed_identities(frames, copy=False)
            header = session.unpack(parts[1].bytes)
        except (ValueError, IndexError):
            return None
        return header.get("msg_type") if isinstance(header, dict) else None

    def _handle(self, frames: Frames) -> None:
        session = self._kernel.session
        identities, parts = session.feed_identities(frames, copy=False)
        try:
            message = session.deserialize(parts, content=True, copy=False)
        except ValueError:
            self._kernel.log.exception("an invalid comm message was left out")
            return
        self._publish("busy", message)
        try:
            handler = getattr(self._kernel.comm_manager, message["header"]["msg_type"])
            handler(None, identities, message)
        except Exception:  # of any widget on the page, not ours alone: it must not end the cell that waits here
            self._kernel.log.exception("a comm message was not handled")
        finally:
            self._publish("idle", message)
            self._publish("busy", self._kernel.get_parent())  # or the front end shows the kernel as idle in mid-cell

    def _publish(self, state: str, parent: dict[str, Any]) -> None:
        kernel = self._kernel
        topic = kernel._topic("status")
        kernel.session.send(kernel.iopub_socket, "status", {"execution_state": state}, parent=parent, ident=topic)
