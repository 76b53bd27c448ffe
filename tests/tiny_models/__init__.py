"""Tiny GGUF models with random or hand-made weights, written by the tests that need them and never downloaded.

Every `write_*` takes the path to write and returns it; the same arguments give the same bytes.

- `write_llama`: varied nonsense that depends on the whole context; practically never ends its answer. 0.3 MB
- `write_cycle`, `write_emoji`: one exact text, one byte a token, repeated or ended. 0.7 MB
- `write_slow`: seconds of prefill from 45 MB; `write_1b`: the shape of a real 1.1B model, 1 GB
- `write_mamba`, `write_jamba`, `write_gemma3`: as varied as `write_llama`, with a memory that is recurrent, half
  recurrent and half attention, or half a sliding window. 0.5 MB
- `write_lora`: an adapter that changes some matrices of such a model; `write_merged`: that model with adapters in it
- `write_mixtral`: a llama of experts. 0.3 MB
- `write_bert_like`, `write_t5_encoder`: models that must be refused, since they cannot generate
"""

from .adapters import write_lora, write_merged
from .cycle import EMOJI_TEXT, write_cycle, write_emoji
from .encoders import write_bert_like, write_t5_encoder
from .experts import write_mixtral
from .random_llama import write_1b, write_llama, write_slow
from .recurrent import write_jamba, write_mamba
from .sliding_window import write_gemma3
from .vocabulary import CHATML

__all__ = [
    "CHATML",
    "EMOJI_TEXT",
    "write_1b",
    "write_bert_like",
    "write_cycle",
    "write_emoji",
    "write_gemma3",
    "write_jamba",
    "write_llama",
    "write_lora",
    "write_mamba",
    "write_merged",
    "write_mixtral",
    "write_slow",
    "write_t5_encoder",
]
