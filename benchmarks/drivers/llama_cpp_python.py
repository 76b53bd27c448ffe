"""Drives llama-cpp-python's ``Llama``: ``call`` is its low-level ``generate``, ``stream`` its ``create_completion``."""

from itertools import islice

from llama_cpp import Llama

from benchmarks.drivers.protocol import Counts, arguments, serve


class Driver:
    """A Llama behind the protocol; greedy, without penalties.

    Args:
        llama: The loaded model.
    """

    def __init__(self, llama: Llama) -> None:
        self._llama = llama

    def call(self, prompt: str, tokens: int) -> Counts:
        """Take tokens of the generator, and no text."""
        read = self._tokenize(prompt)
        taken = islice(self._llama.generate(read, temp=0.0, repeat_penalty=1.0), tokens)
        eos = self._llama.token_eos()
        return Counts(len(read), sum(1 for token in taken if token != eos))

    def stream(self, prompt: str, tokens: int) -> Counts:
        """Iterate over the chunks of a completion."""
        for _ in self._llama.create_completion(
            prompt, max_tokens=tokens, temperature=0.0, repeat_penalty=1.0, stream=True
        ):
            pass
        read = len(self._tokenize(prompt))
        return Counts(read, self._llama.n_tokens - read + 1)  # the last token is chosen and not decoded

    def _tokenize(self, prompt: str) -> list[int]:
        return self._llama.tokenize(prompt.encode(), special=True)


def main() -> None:
    """Load with what the command line fixes, and serve."""
    model, settings = arguments()
    driver = Driver(
        Llama(
            model,
            n_ctx=settings.n_ctx,
            n_batch=settings.n_batch,
            n_ubatch=settings.n_ubatch,
            n_threads=settings.n_threads or None,
            n_threads_batch=settings.n_threads_batch or None,
            flash_attn=bool(settings.flash_attn),
            no_perf=True,
            verbose=False,
        )
    )
    serve({"call": driver.call, "stream": driver.stream})


if __name__ == "__main__":
    main()
