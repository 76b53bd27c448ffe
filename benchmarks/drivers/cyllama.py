"""Drives cyllama 0.7.0's ``LLM``, which has no settings for ``n_ubatch`` (512) and flash attention (on by itself)."""

from cyllama import LLM, GenerationConfig

from benchmarks.drivers.protocol import Counts, Settings, arguments, serve


class Driver:
    """A cyllama LLM behind the protocol.

    Args:
        model: The model's file.
        settings: What is fixed; 0 threads are its own choice.
    """

    def __init__(self, model: str, settings: Settings) -> None:
        self._settings = settings
        self._llm = LLM(model, config=self._config(1))

    def call(self, prompt: str, tokens: int) -> Counts:
        """Count the pieces of a stream: the ASCII of SmolLM2 and the test models has one token in each."""
        pieces = sum(1 for _ in self._llm(prompt, config=self._config(tokens), stream=True))
        return Counts(len(self._llm.vocab.tokenize(prompt, add_special=True, parse_special=True)), pieces)

    def interrupted(self, prompt: str, tokens: int) -> Counts:
        """Call under the handler that its documentation offers for Ctrl-C mid-prefill."""
        with self._llm.install_sigint_handler():
            return self.call(prompt, tokens)

    def _config(self, tokens: int) -> GenerationConfig:
        return GenerationConfig(
            max_tokens=tokens,
            temperature=0.0,
            n_ctx=self._settings.n_ctx,
            n_batch=self._settings.n_batch,
            n_threads=self._settings.n_threads or -1,
            n_threads_batch=self._settings.n_threads_batch or -1,
        )


def main() -> None:
    """Load with what the command line fixes, and serve."""
    driver = Driver(*arguments())
    serve({"call": driver.call, "interrupted": driver.interrupted})


if __name__ == "__main__":
    main()
