"""Drives our LLM: ``call``, ``stream``, ``submit`` (the main thread idle), ``background`` (busy) and ``parallel``."""

from collections.abc import Mapping
from typing import Any

from benchmarks.drivers.protocol import Counts, arguments, serve
from cyllama_jupyter import LLM, Generation, GenerationConfig, Response


class Driver:
    """Our LLM behind the protocol.

    Args:
        model: The model's file.
        n_parallel: How many generations ``parallel`` runs.
        fixed: Fields of ``GenerationConfig`` that the load fixes.
    """

    def __init__(self, model: str, n_parallel: int, fixed: Mapping[str, Any]) -> None:
        self._n_parallel = n_parallel
        self._llm = LLM(model, temperature=0.0, **fixed)

    def call(self, prompt: str, tokens: int) -> Counts:
        """Call and wait for the answer."""
        return _counts(self._llm(prompt, self._config(tokens)))

    def stream(self, prompt: str, tokens: int) -> Counts:
        """Iterate over the text."""
        generation = self._llm(prompt, self._config(tokens), stream=True)
        for _ in generation:
            pass
        return _counts(generation.result())

    def submit(self, prompt: str, tokens: int) -> Counts:
        """Generate in the background, with nothing else to do."""
        return _counts(self._submit(prompt, tokens).result())

    def background(self, prompt: str, tokens: int) -> Counts:
        """Generate in the background, while this thread never waits."""
        done: list[Generation] = []
        generation = self._submit(prompt, tokens)
        generation.add_done_callback(done.append)
        spins = 0
        while not done:
            spins += 1
        return _counts(generation.result())

    def parallel(self, prompt: str, tokens: int) -> Counts:
        """Generate several answers at once."""
        generations = [self._submit(prompt, tokens) for _ in range(self._n_parallel)]
        return min((_counts(generation.result()) for generation in generations), key=lambda counts: counts.tokens)

    def _submit(self, prompt: str, tokens: int) -> Generation:
        return self._llm.submit(prompt, self._config(tokens))

    def _config(self, tokens: int) -> GenerationConfig:
        return GenerationConfig(max_tokens=tokens, temperature=0.0)


def _counts(response: Response) -> Counts:
    stats = response.stats
    if stats is None:
        raise RuntimeError("a generation has stats")
    return Counts(stats.prompt_tokens, stats.generated_tokens, stats.tokens_per_second)


def main() -> None:
    """Load with what the command line fixes, and serve."""
    model, settings = arguments()
    fixed: dict[str, Any] = {"n_ctx": settings.n_ctx, "n_batch": settings.n_batch}
    fixed["flash_attn"] = "on" if settings.flash_attn else "off"
    chosen = {"n_threads": settings.n_threads, "n_threads_batch": settings.n_threads_batch}
    fixed |= {name: number for name, number in chosen.items() if number}
    if settings.n_parallel > 1:
        fixed["n_parallel"] = settings.n_parallel
    driver = Driver(model, settings.n_parallel, fixed)
    modes = (driver.call, driver.stream, driver.submit, driver.background, driver.parallel)
    serve({mode.__name__: mode for mode in modes})


if __name__ == "__main__":
    main()
