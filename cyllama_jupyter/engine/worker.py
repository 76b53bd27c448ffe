"""The engine thread: it owns the native objects of one model, and runs what is queued for it one after the other."""

import _thread
import atexit
import logging
import os
import queue
import sys
import threading
import time
import weakref

from cyllama_jupyter._native.cancel import CancelScope, LoadState
from cyllama_jupyter._native.context import LlamaContext
from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine import decoding, logs
from cyllama_jupyter.engine.loading import load
from cyllama_jupyter.engine.run import Run
from cyllama_jupyter.engine.wakeup import SLICE, Wakeup

__all__ = ["EngineThread"]

_EXIT_SECONDS = 10.0


class EngineThread:
    """Loads a model on a thread of its own and serves runs until it is stopped.

    Made without starting anything, so that its owner can arrange for its end first. It never refers to the ``LLM`` that
    started it, so an LLM that is dropped is collected, and stops it.

    Args:
        path: The model's file, checked already.
        config: How to load it.
        scope: Cancels every run of this engine.
    """

    def __init__(self, path: str, config: GenerationConfig, scope: CancelScope) -> None:
        self.load_state = LoadState()
        self.loaded = Wakeup()
        self.model: LlamaModel | None = None
        self.context: LlamaContext | None = None
        self.error: BaseException | None = None
        self.is_loaded = False
        self._scope = scope
        self._queue: queue.SimpleQueue[Run | None] = queue.SimpleQueue()
        self._stopped = False
        self._process = os.getpid()
        self._thread: int | None = None  # its identifier, once it was started
        self._over = False
        self._ended = Wakeup()
        self._path, self._config = path, config
        _ENGINES.add(self)

    def start(self) -> None:
        """Start the thread, by one C call: an interrupt finds it started or not, and ``threading.Thread`` half started.

        It is a daemon: the interpreter would wait for any other before our exit hook can stop it.
        """
        self._thread = _thread.start_new_thread(self._run, ())

    def submit(self, run: Run) -> None:
        """Queue a run.

        Raises:
            RuntimeError: This process is a fork of the one that loaded the model; threads do not survive a fork.
        """
        if os.getpid() != self._process:
            raise RuntimeError(
                "this LLM was loaded before a fork, and its engine did not survive it: load it here again"
            )
        if not self._stopped:
            self._queue.put(run)
        if self._stopped:  # before or since: nobody may come for it any more
            run.abandon()

    def stop(self) -> None:
        """Cancel what runs or waits and let the thread end; it frees the model. Does not wait for it."""
        self._stopped = True
        self.load_state.cancel()
        self._scope.cancel()
        self._queue.put(None)

    def join(self, timeout: float | None = None) -> None:
        """Wait for the thread to end, unless this is it."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.alive and not self.is_current and os.getpid() == self._process:
            if deadline is not None and time.monotonic() >= deadline:
                return
            self._ended.wait(SLICE)

    @property
    def is_current(self) -> bool:
        """Whether this is called on the engine's thread."""
        return self._thread == threading.get_ident()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and not self._over

    def _run(self) -> None:
        self._thread = threading.get_ident()
        threading.current_thread().name = "cyllama-engine"
        try:
            self._serve(self._path, self._config)
        finally:  # however it ends, nobody waits for it in vain
            self._stopped = self.is_loaded = True
            self._abandon_the_rest()
            self._over = True
            self.loaded.notify()
            self._ended.notify()

    def _serve(self, path: str, config: GenerationConfig) -> None:
        try:
            self.model, self.context = load(path, config, self.load_state)
        except BaseException as error:  # noqa: BLE001 - raised by the thread that waits for the load
            self.error = error
        self.is_loaded = True
        self.loaded.notify()
        if self.model is None or self.context is None:
            return
        model, context = self.model, self.context
        while (run := self._queue.get()) is not None:
            if run.claim(self):
                _perform(run, model, context)
            del run  # while idle, keep nothing of the last one alive
        self.model = self.context = None
        context.close()
        model.close()

    def _abandon_the_rest(self) -> None:
        while not self._queue.empty():
            run = self._queue.get()
            if run is not None:
                run.abandon()


def _perform(run: Run, model: LlamaModel, context: LlamaContext) -> None:
    logs.install()  # somebody may have imported llama_cpp since, whose log callback takes the GIL in every abort
    run.start()
    try:
        reason = decoding.perform(run, model, context)
    except BaseException as error:  # noqa: BLE001 - raised by whoever asks for the result
        context.watch(None)
        run.fail(error)
        _forward_logs(logging.CRITICAL)
        return
    run.finish(reason)
    _forward_logs(logging.DEBUG if reason == "cancelled" else logging.CRITICAL)


def _forward_logs(ceiling: int) -> None:
    """Send the log on; a handler of the program's that raises must not end the engine."""
    try:
        logs.forward(ceiling)
    except Exception:  # noqa: BLE001 - as logging itself treats what handlers raise
        if logging.raiseExceptions:
            sys.excepthook(*sys.exc_info())


_ENGINES: "weakref.WeakSet[EngineThread]" = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Let no native code run while the interpreter is torn down."""
    engines = list(_ENGINES)
    for engine in engines:
        engine.stop()
    for engine in engines:
        engine.join(_EXIT_SECONDS)
