"""The kernel's side of the widget."""

import contextvars
import threading
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cyllama_jupyter import DecodeError, Generation, LLMOutput
from cyllama_jupyter.notebook.protocol import VERSION
from cyllama_jupyter.notebook.sinks import Ending, Outcome, Status
from cyllama_jupyter.testing import FakeLLM
from tests.notebook.wire import View, Wire

PLAIN = {"fraction": None, "language": "markdown"}
WRITING = Status("decode", "writing · 1 token")
SECONDS = 60.0
SLOW = 0.1  # tokens a second
STRANGE: list[object] = [None, 3, "stop", [], {}, {"type": None}, {"type": []}, {"type": "nothing"}, {"type": "need"}]

anew = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the wire only ever grows


class TestOpening:
    def test_the_model_knows_the_protocol_and_carries_its_code(self, wire: Wire) -> None:
        LLMOutput()
        state = wire.opened[-1]
        assert state["version"] == VERSION == 1
        assert state["parts"] == "0123"
        assert state["_esm"] == "the core"
        assert wire.messages == []

    def test_a_page_that_says_hello_at_once_is_heard(self, wire: Wire) -> None:
        """With subshells it may do so on another thread, before the constructor has returned."""
        wire.greets = True
        assert LLMOutput().greeted

    def test_hello(self, wire: Wire) -> None:
        output = LLMOutput()
        assert not output.greeted
        wire.say(type="hello", version=VERSION)
        assert output.greeted

    def test_close_closes_its_layout_too(self, wire: Wire) -> None:
        output = LLMOutput()
        output.close()
        assert wire.closed == len(wire.opened) == 2
        output.close()
        output.end(Ending("late"))
        assert wire.messages == []


class TestShow:
    def test_what_is_new_and_nothing_else(self, wire: Wire) -> None:
        output = LLMOutput()
        for text in ("", "a", "a", "a🙂b"):
            output.show(WRITING, text)
        output.end(Ending("a🙂b!", ("2 tokens",), ("1 s",)))
        assert wire.messages == [
            {"type": "status", "seq": 1, "phase": "decode", "label": "writing · 1 token", **PLAIN},
            {"type": "delta", "seq": 2, "at": 0, "text": "a"},
            {"type": "delta", "seq": 3, "at": 1, "text": "🙂b"},
            {"type": "delta", "seq": 4, "at": 4, "text": "!"},
            {"type": "end", "seq": 5, "outcome": "done", "footer": "2 tokens · 1 s"},
        ]

    @anew
    @given(st.lists(st.text(max_size=20), max_size=20))
    def test_traffic_is_linear_however_the_text_grows(self, wire: Wire, pieces: list[str]) -> None:
        before = len(wire.messages)
        output, text, view = LLMOutput(), "", View()
        for piece in pieces:
            text += piece
            output.show(WRITING, text)
        output.end(Ending(text))
        sent = wire.messages[before:]
        assert "".join(message["text"] for message in sent if message["type"] == "delta") == text
        assert len(sent) <= len(pieces) + 2
        for message in sent:
            view.read(message)
        assert (view.text, view.seq) == (text, len(sent))
        output.close()

    @pytest.mark.parametrize("outcome", Outcome)
    def test_how_it_ended(self, wire: Wire, outcome: Outcome) -> None:
        LLMOutput().end(Ending("", ("a fact",), outcome=outcome))
        assert wire.messages == [{"type": "end", "seq": 1, "outcome": outcome.value, "footer": "a fact"}]


class TestStop:
    def test_is_noted_on_any_thread(self, wire: Wire) -> None:
        output = LLMOutput()
        assert not output.stop_requested
        thread = threading.Thread(target=wire.say, kwargs={"type": "stop"})
        thread.start()
        thread.join()
        assert output.stop_requested
        assert wire.messages == []

    def test_ends_the_generation_that_is_followed(self, wire: Wire) -> None:
        with FakeLLM("Hello", rate=SLOW) as llm:
            generation = llm.submit("Hi")
            LLMOutput(generation)
            wire.say(type="stop")
            assert generation.result(SECONDS).finish_reason == "cancelled"
            assert wire.ended.wait(SECONDS)
        assert wire.messages[-1]["outcome"] == "stopped"
        assert wire.messages[-1]["footer"].startswith("stopped after 0 tokens")


class TestReplay:
    def test_is_answered_by_the_thread_that_streams(self, wire: Wire) -> None:
        output = LLMOutput()
        output.show(WRITING, "Hel")
        wire.say(type="replay", view="v7")
        assert wire.of_type("replay") == []
        assert not output.replayed
        output.serve()
        status = {"type": "status", "seq": 1, "phase": "decode", "label": "writing · 1 token", **PLAIN}
        assert wire.messages[-1] == {
            "type": "replay",
            "seq": 2,
            "to": "v7",
            "text": "Hel",
            "status": status,
            "end": None,
        }
        assert output.replayed

    def test_of_many_views_each_gets_its_own(self, wire: Wire) -> None:
        output = LLMOutput()
        for view in ("a", "b", "a"):
            wire.say(type="replay", view=view)
        output.serve()
        output.serve()
        assert [message["to"] for message in wire.messages] == ["a", "b", "a"]

    def test_what_was_asked_before_the_end_is_answered_after_it(self, wire: Wire) -> None:
        output = LLMOutput()
        wire.say(type="replay", view="v")
        output.end(Ending("Hello", ("1 token",)))
        assert [message["type"] for message in wire.messages] == ["delta", "end", "replay"]
        assert wire.messages[-1]["end"] == wire.messages[-2]

    def test_after_the_end_it_is_answered_at_once(self, wire: Wire) -> None:
        output = LLMOutput()
        output.end(Ending("Hello"))
        wire.say(type="replay", view="v")
        assert wire.messages[-1]["text"] == "Hello"

    @pytest.mark.parametrize("name", ["highlight", "math"])
    def test_a_part_is_sent_to_the_view_that_needs_it(self, wire: Wire, name: str) -> None:
        output = LLMOutput()
        wire.say(type="need", view="v", name=name)
        output.serve()
        assert wire.messages == [{"type": "part", "to": "v", "name": name, "code": f"the code of {name}"}]
        assert not output.replayed

    @pytest.mark.parametrize("content", [*STRANGE, {"type": "need", "view": "v", "name": "../secrets"}], ids=str)
    def test_what_no_page_of_ours_says_is_left_out(self, wire: Wire, content: object) -> None:
        output = LLMOutput()
        wire.hear(content)
        output.end(Ending(""))
        wire.hear(content)
        assert [message["type"] for message in wire.messages] == ["end"]
        assert [output.greeted, output.stop_requested, output.replayed] == [False] * 3


class TestFollow:
    def follow(self, wire: Wire, llm: FakeLLM, during: Callable[[], object] = lambda: None) -> View:
        """Show a generation, and return what a page saw of it."""
        LLMOutput(llm.submit("Hi"))
        during()
        assert wire.ended.wait(SECONDS)
        view = View()
        for message in wire.messages:
            view.read(message)
        return view

    def test_an_answer(self, wire: Wire) -> None:
        with FakeLLM("Hello 🙂, world", rate=500) as llm:
            view = self.follow(wire, llm)
        assert view.text == "Hello 🙂, world"
        assert view.end is not None
        assert view.end["outcome"] == "done"
        assert view.end["footer"].startswith("5 tokens · ")

    def test_one_that_is_done_already(self, wire: Wire) -> None:
        with FakeLLM("Hello") as llm:
            generation = llm.submit("Hi")
            generation.result()
            LLMOutput(generation)
            assert wire.ended.wait(SECONDS)
        assert [message["type"] for message in wire.messages] == ["delta", "end"]

    def test_one_that_fails_says_why(self, wire: Wire) -> None:
        with FakeLLM("Hello", fail_with=DecodeError("llama_decode returned -3")) as llm:
            view = self.follow(wire, llm)
        assert view.text == "Hello"
        assert view.end is not None
        assert (view.end["outcome"], view.end["footer"]) == ("failed", "failed: DecodeError: llama_decode returned -3")

    def test_a_page_that_comes_late_is_answered_meanwhile(self, wire: Wire) -> None:
        with FakeLLM("Hello", rate=SLOW) as llm:

            def come_late() -> None:
                wire.say(type="replay", view="late")
                wire.say(type="stop")

            self.follow(wire, llm, come_late)
        assert [message["to"] for message in wire.of_type("replay")] == ["late"]

    def test_it_is_followed_in_the_context_of_who_made_it(self, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
        request = contextvars.ContextVar("request", default="none")
        seen: list[str] = []

        def wait(*_: object) -> bool:
            seen.append(request.get())
            return True

        with FakeLLM("Hello") as llm:
            generation = llm.submit("Hi")
            generation.result()
            monkeypatch.setattr(Generation, "wait", wait)
            token = request.set("the cell's")
            LLMOutput(generation)
            request.reset(token)
            assert wire.ended.wait(SECONDS)
        assert set(seen) == {"the cell's"}

    def test_its_thread_ends_with_it(self, wire: Wire) -> None:
        with FakeLLM("Hello") as llm:
            self.follow(wire, llm)
        for thread in threading.enumerate():
            if thread.name == "cyllama-output":
                thread.join(SECONDS)
                assert not thread.is_alive()
