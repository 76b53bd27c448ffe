"""What a cell that blocks hears, on kernels that keep waiting messages as ipykernel 6 does, and as ipykernel 7 does.

The queue, the streams and the messages are real; the kernel around them is not.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session
from tornado.ioloop import IOLoop
from tornado.queues import Queue
from zmq.eventloop.zmqstream import ZMQStream

from cyllama_jupyter.notebook.pump import Pump, find_pump

KEY = b"secret"
LOGGER = "tests.pump"
SECONDS = 10_000  # zmq counts in milliseconds


class Comms:
    """A kernel's ``comm_manager``: notes what it is given, and refuses what says so."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def comm_msg(self, _stream: object, _identities: list[bytes], message: dict[str, Any]) -> None:
        data = str(message["content"]["data"])
        if data == "broken":
            raise RuntimeError("a callback of a widget failed")
        self.heard.append(data)

    comm_open = comm_close = comm_msg


class Iopub:
    """The socket that status messages go to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str | None]] = []
        """States, each with what the message says is its parent."""
        self._session = Session(key=KEY)

    def send_multipart(self, frames: list[bytes], **_: object) -> None:
        message = self._session.deserialize(self._session.feed_identities(frames)[1])
        self.sent.append((message["content"]["execution_state"], message["parent_header"].get("msg_id")))


class Kernel:
    """Half a kernel: a client sends to it, the main thread's event loop handles what waits."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.session = Session(key=KEY)
        self.log = logging.getLogger(LOGGER)
        self.comm_manager = Comms()
        self.iopub_socket = Iopub()
        self.cell = self.session.msg("execute_request", {"code": "the cell that runs"})
        self.handled: list[str] = []
        """The codes of what the event loop handled."""
        self._client = Session(key=KEY)
        self._here, self._there = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        self._here.bind("inproc://shell")
        self._there.connect("inproc://shell")
        self.stream = ZMQStream(self._there, IOLoop.current())

    def get_parent(self) -> dict[str, Any]:
        return self.cell

    def _topic(self, name: str) -> bytes:
        return f"kernel.{name}".encode()

    def receive(self, kind: str, client: Session | None = None, **content: object) -> str:
        """Let a message arrive, and return its id."""
        client = client or self._client
        message = client.msg(kind, content)
        self._here.send_multipart([b"client", *client.serialize(message)])
        self._there.poll(SECONDS)
        return str(message["header"]["msg_id"])

    def dispatch(self, frames: list[zmq.Frame]) -> None:
        _, parts = self.session.feed_identities(frames, copy=False)
        message = self.session.deserialize(parts, copy=False)
        self.handled.append(message["content"].get("code") or message["header"]["msg_type"])

    def close(self) -> None:
        self.stream.close()
        self._here.close()


class Kernel6(Kernel):
    """ipykernel 6: what arrives is put into a queue."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        super().__init__(context)
        self.shell_stream = self.stream
        self.msg_queue: Queue[Any] = Queue()
        self.stream.on_recv(partial(self.schedule, self.dispatch), copy=False)

    def schedule(self, dispatch: Callable[..., object], *args: object) -> None:
        self.msg_queue.put_nowait((0, dispatch, args))

    async def end_of_cell(self) -> None:
        """Handle what waits, as the event loop does after the cell."""
        self.stream.flush(zmq.POLLIN)
        while self.msg_queue.qsize():
            _, dispatch, args = self.msg_queue.get_nowait()
            dispatch(*args)


class Kernel7(Kernel):
    """ipykernel 7: what arrives is forwarded to the main thread, whose handlers wait for one another."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        super().__init__(context)
        pair = SimpleNamespace(to_stream=self.stream)
        self.shell_channel_thread = SimpleNamespace(manager=SimpleNamespace(_shell_channel_to_main=pair))
        self._lock = asyncio.Lock()
        self.stream.on_recv(self._shell_main, copy=False)

    async def _shell_main(self, frames: list[zmq.Frame]) -> None:
        async with self._lock:
            self.dispatch(frames)

    async def end_of_cell(self) -> None:
        """Let the event loop turn, as it does after the cell."""
        self.stream.flush(zmq.POLLIN)
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))


AnyKernel = Kernel6 | Kernel7
Scenario = Callable[[AnyKernel, Pump], None]


@pytest.fixture(params=[Kernel6, Kernel7])
def in_a_cell(request: pytest.FixtureRequest) -> Iterator[Callable[[Scenario], AnyKernel]]:
    """Return what runs a function as a cell that blocks the main thread, lets the kernel go on, and returns it."""
    with zmq.Context() as context:

        async def run(scenario: Scenario) -> AnyKernel:
            kernel: AnyKernel = request.param(context)
            try:
                pump = find_pump(kernel)
                assert pump is not None
                scenario(kernel, pump)
                await kernel.end_of_cell()
            finally:
                kernel.close()
            return kernel

        yield lambda scenario: asyncio.run(run(scenario))


Cell = Callable[[Scenario], AnyKernel]


def test_comm_messages_are_handled_at_once(in_a_cell: Cell) -> None:
    def cell(kernel: AnyKernel, pump: Pump) -> None:
        for data in ("open", "click", "close"):
            kernel.receive("comm_msg", comm_id="1", data=data)
        assert kernel.comm_manager.heard == []
        pump()
        assert kernel.comm_manager.heard == ["open", "click", "close"]
        pump()

    kernel = in_a_cell(cell)
    assert kernel.comm_manager.heard == ["open", "click", "close"]
    assert kernel.handled == []


def test_everything_else_waits_and_keeps_its_order(in_a_cell: Cell) -> None:
    def cell(kernel: AnyKernel, pump: Pump) -> None:
        kernel.receive("execute_request", code="1")
        kernel.receive("comm_msg", comm_id="1", data="a")
        kernel.receive("kernel_info_request", code="")
        kernel.receive("execute_request", code="2")
        pump()
        kernel.receive("execute_request", code="3")
        kernel.receive("comm_msg", comm_id="1", data="b")
        pump()
        pump()
        kernel.receive("execute_request", code="4")
        assert kernel.handled == []

    kernel = in_a_cell(cell)
    assert kernel.comm_manager.heard == ["a", "b"]
    assert kernel.handled == ["1", "kernel_info_request", "2", "3", "4"]


def test_a_handler_that_fails_is_logged_and_stops_no_other(in_a_cell: Cell, caplog: pytest.LogCaptureFixture) -> None:
    def cell(kernel: AnyKernel, pump: Pump) -> None:
        for data in ("a", "broken", "b"):
            kernel.receive("comm_msg", comm_id="1", data=data)
        pump()

    assert in_a_cell(cell).comm_manager.heard == ["a", "b"]
    (record,) = [record for record in caplog.records if record.name == LOGGER]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RuntimeError)


def test_the_kernel_is_busy_again_after_every_message(in_a_cell: Cell) -> None:
    clicks: list[str] = []

    def cell(kernel: AnyKernel, pump: Pump) -> None:
        clicks.extend(kernel.receive("comm_msg", comm_id="1", data=data) for data in ("a", "broken"))
        pump()

    kernel = in_a_cell(cell)
    assert kernel.iopub_socket.sent == [
        state
        for click in clicks
        for state in (("busy", click), ("idle", click), ("busy", kernel.cell["header"]["msg_id"]))
    ]


def test_a_message_of_a_stranger_is_left_out(in_a_cell: Cell, caplog: pytest.LogCaptureFixture) -> None:
    def cell(kernel: AnyKernel, pump: Pump) -> None:
        kernel.receive("comm_msg", Session(key=b"guessed"), comm_id="1", data="a")
        kernel.receive("comm_msg", comm_id="1", data="b")
        pump()

    assert in_a_cell(cell).comm_manager.heard == ["b"]
    assert "invalid comm message" in caplog.text


def test_what_is_no_message_is_left_to_the_kernel() -> None:
    async def run() -> None:
        with zmq.Context() as context:
            kernel = Kernel6(context)
            called: list[str] = []
            kernel.schedule(called.append, "a callback of ipykernel's own")
            pump = find_pump(kernel)
            assert pump is not None
            pump()
            assert called == []
            await kernel.end_of_cell()
            assert called == ["a callback of ipykernel's own"]
            kernel.close()

    asyncio.run(run())


class TestFindPump:
    @pytest.mark.parametrize(
        "kernel",
        [
            SimpleNamespace(),
            SimpleNamespace(shell_channel_thread=None),
            SimpleNamespace(msg_queue=None, shell_stream=None, comm_manager=None, session=None),
            SimpleNamespace(msg_queue=None, shell_stream=SimpleNamespace(flush=None), session=None),
        ],
    )
    def test_none_where_the_parts_are_not_there(self, kernel: object) -> None:
        assert find_pump(kernel) is None

    def test_none_off_the_main_thread(self, in_a_cell: Cell) -> None:
        found: list[Pump | None] = []

        def cell(kernel: AnyKernel, _: Pump) -> None:
            thread = threading.Thread(target=lambda: found.append(find_pump(kernel)))
            thread.start()
            thread.join()

        in_a_cell(cell)
        assert found == [None]
