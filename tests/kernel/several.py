"""The source of a cell that asks for several answers, for a kernel: what ``%%llm --n`` does, with any models."""

__all__ = ["ASK"]

ASK = """
import os
from IPython import get_ipython
from cyllama_jupyter import LLM, GenerationConfig
from cyllama_jupyter.notebook.frontend import FrontEnds
from cyllama_jupyter.notebook.interrupts import InterruptFlag
from cyllama_jupyter.notebook.several import answer_several, stopped
from cyllama_jupyter.notebook.tidy import tidy
from cyllama_jupyter.notebook.wording import answered

pid, marker = os.getpid(), 42
front_ends, kept, endings = FrontEnds(get_ipython()), {}, {}

def ask(generations):
    kept.clear()
    sink = front_ends.sinks(len(generations))
    def finish(place, response):
        generation = generations[place]
        kept[place] = response
        endings[place] = answered(response, generation.config, generation.progress)
        return endings[place]
    with InterruptFlag() as flag:
        responses = answer_several(generations, sink, flag, finish)
    if flag:
        raise tidy(KeyboardInterrupt(stopped(responses, ["kept"])))

def words(model, tokens):
    '''Return answers of different lengths, all at once.'''
    global llm
    llm = LLM(model, n_parallel=len(tokens))
    each = [GenerationConfig(max_tokens=most, temperature=0.0, n_ctx=llm.n_ctx) for most in tokens]
    return [llm.submit("word", config) for config in each]
"""
