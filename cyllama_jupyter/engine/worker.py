"""The engine thread: it owns the native objects of one model, and computes without the GIL."""

import _thread
import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cyllama_jupyter._native.cancel import CancelScope, LoadState
from cyllama_jupyter._native.context import LlamaContext
from cyllama_jupyter._native.scheduler import Scheduler
from cyllama_jupyter._native.wakeup import Wakeup
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine import logs
from cyllama_jupyter.engine.loading import DEFAULT_MAX_QUEUED, free_memory, load
from cyllama_jupyter.engine.reporter import Reporter
from cyllama_jupyter.engine.run import Run
from cyllama_jupyter.engine.threads import most_threads
from cyllama_jupyter.engine.waiting import SLICE
from cyllama_jupyter.errors import ClosedError

if TYPE_CHECKING:
    from cyllama_jupyter._native.model import LlamaModel

__all__ = ["MAX_STASH_BYTES", "EngineThread"]

MAX_STASH_BYTES = 2**30
"""The most memory for what was computed for earlier prompts; never more than an eighth of what is free."""

_EXIT_SECONDS = 10.0
_LOGGER = logging.getLogger(__name__)


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
        self.scheduler: Scheduler | None = None
        self.stash_bytes = 0  # how much memory may keep what was computed for earlier prompts
        self.error: BaseException | None = None
        self.is_loaded = False
        self._scope = scope
        self._stopped = False
        self._process = os.getpid()
        self._thread: int | None = None  # its identifier, and the reporter's
        self._reporter: int | None = None
        self._started = self._over = False
        self._ended = Wakeup()
        self._path, self._config = path, config
        _ENGINES.add(self)

    def start(self) -> None:
        """Start the thread, by one C call: an interrupt finds it started or not, and ``threading.Thread`` half started.

        It is a daemon: the interpreter would wait for any other before our exit hook can stop it.
        """
        self._started = True
        _thread.start_new_thread(self._run, ())

    @property
    def n_open(self) -> int:
        """How many runs have not come to their end."""
        scheduler = self.scheduler
        return 0 if scheduler is None else scheduler.n_open

    def submit(self, *runs: Run) -> None:
        """Queue runs, which are taken in together: all of them, or none.

        Raises:
            EngineBusy: There is no place for all of them.
            RuntimeError: This process is a fork of the one that loaded the model; threads do not survive a fork.
        """
        self._refuse_fork()
        try:
            self._queue(runs)
        except ClosedError:  # nobody will come for them
            for run in runs:
                run.abandon()

    def save(self) -> list[tuple[list[int], bytes]]:
        """Return what was computed, taken between two steps: pairs of token ids and state, the last used ones last.

        Raises:
            ClosedError: It was stopped.
            RuntimeError: This process is a fork of the one that loaded the model.
        """
        return self._live().save()

    def restore(self, sequences: Sequence[tuple[Sequence[int], bytes]]) -> int:
        """Take in what ``save`` returned, and return how many tokens that is; it raises what ``save`` raises."""
        self._live().restore(sequences)
        return sum(len(tokens) for tokens, _ in sequences)

    def stop(self) -> None:
        """Cancel what runs or waits and let the thread end; it frees the model. Does not wait for it."""
        self._stopped = True
        self.load_state.cancel()
        self._scope.cancel()
        self._halt()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the thread to end, unless this is it, or a callback of one of its runs."""
        deadline = None if timeout is None else time.monotonic() + timeout
        ours = (self._thread, self._reporter)
        while self.alive and threading.get_ident() not in ours and os.getpid() == self._process:
            if deadline is not None and time.monotonic() >= deadline:
                return
            self._ended.wait(SLICE)

    @property
    def is_current(self) -> bool:
        """Whether this is called on the engine's thread."""
        return threading.get_ident() == self._thread

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._started and not self._over

    def _refuse_fork(self) -> None:
        if os.getpid() != self._process:
            raise RuntimeError(
                "this LLM was loaded before a fork, and its engine did not survive it: load it here again"
            )

    def _live(self) -> Scheduler:
        self._refuse_fork()
        scheduler = self.scheduler
        if scheduler is None or self._stopped:
            raise ClosedError("the LLM is closed")
        return scheduler

    def _queue(self, runs: Sequence[Run]) -> None:
        scheduler = self._live()
        logs.install()  # somebody may have imported llama_cpp since, whose log callback takes the GIL in every abort
        scheduler.submit(*runs)

    def _halt(self) -> None:
        scheduler = self.scheduler
        if scheduler is not None and os.getpid() == self._process:  # in a fork its mutex may be held for ever
            scheduler.stop()

    def _run(self) -> None:
        self._thread = threading.get_ident()
        threading.current_thread().name = "cyllama-engine"
        try:
            self._serve()
        finally:  # however it ends, nobody waits for it in vain
            self._stopped = self.is_loaded = self._over = True
            self.loaded.notify()
            self._ended.notify()

    def _announce(self) -> None:
        """Let go on who waits for the load."""
        self.is_loaded = True
        self.loaded.notify()

    def _serve(self) -> None:
        try:
            self.model, self.context = load(self._path, self._config, self.load_state)
            self.stash_bytes = min(MAX_STASH_BYTES, free_memory() // 8)
            scheduler = _scheduler(self.context, self._config, self.stash_bytes)
            reporter = Reporter(scheduler)
            self._reporter = reporter.start()
        except BaseException as error:  # noqa: BLE001 - raised by the thread that waits for the load
            self.error = error
            return
        self.scheduler = scheduler
        self._announce()
        if self._stopped:  # before there was a scheduler to stop
            scheduler.stop()
        try:
            scheduler.run()
        except BaseException:
            _LOGGER.exception("the engine of %r has ended: load the model again", self._path)
        finally:
            reporter.stop()
            self._free(scheduler)

    def _free(self, scheduler: Scheduler) -> None:
        model, context = self.model, self.context
        self.model = self.context = self.scheduler = None
        scheduler.close()
        if context is not None and model is not None:
            context.close()
            model.close()


def _scheduler(context: LlamaContext, config: GenerationConfig, stash_bytes: int) -> Scheduler:
    most = most_threads()
    return Scheduler(
        context,
        max_queued=DEFAULT_MAX_QUEUED if config.max_queued is None else config.max_queued,
        stash_bytes=stash_bytes,
        n_threads=most,
        n_threads_decode=max(1, most - 1),
    )


_ENGINES: "weakref.WeakSet[EngineThread]" = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Let no native code run while the interpreter is torn down."""
    engines = list(_ENGINES)
    for engine in engines:
        engine.stop()
    for engine in engines:
        engine.join(_EXIT_SECONDS)
