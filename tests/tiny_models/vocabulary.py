"""The vocabulary of the test models: GPT-2's byte-level BPE with a few merges and ChatML's control tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gguf import GGUFWriter, TokenType

if TYPE_CHECKING:
    from collections.abc import Sequence

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

# Each merge may use only bytes and what an earlier one made; "Ġ" is GPT-2's spelling
# of a space, and the last two are é and ü.
MERGES = (
    "Ġ t", "h e", "Ġ a", "i n", "r e", "o n", "Ġt he", "e r", "Ġ s", "a t", "Ġ w", "e n", "o r", "Ġ o",
    "Ġ c", "i s", "i t", "Ġ b", "e s", "Ġ f", "o u", "in g", "Ġ p", "a n", "Ġa n", "Ġan d", "Ġo f", "l l",
    "Ã ©", "Ã ¼",
)  # fmt: skip
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def _byte_spellings() -> list[str]:
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(0x100 + others.index(byte)) for byte in range(256)]


BYTES = tuple(_byte_spellings())
MERGED = tuple(merge.replace(" ", "") for merge in MERGES)
TEXT = (*BYTES, *MERGED)
BASE = (*TEXT, *CONTROL)
END_OF_TEXT, IM_START, IM_END = range(len(TEXT), len(BASE))


def add_vocabulary(writer: GGUFWriter, chat_template: str | None, byte_tokens: Sequence[str] = ()) -> None:
    """Add the tokenizer to the metadata, with `byte_tokens` (`<0x..>` and any suffix) after the base vocabulary."""
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([*BASE, *byte_tokens])
    writer.add_token_types(
        [TokenType.NORMAL] * len(TEXT) + [TokenType.CONTROL] * len(CONTROL) + [TokenType.BYTE] * len(byte_tokens)
    )
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(IM_START)
    writer.add_eos_token_id(IM_END)
    # Without it llama.cpp takes whichever end-of-turn spelling its hash map shows first.
    writer.add_eot_token_id(IM_END)
    writer.add_unk_token_id(END_OF_TEXT)
    writer.add_pad_token_id(END_OF_TEXT)
    writer.add_add_bos_token(value=False)
    if chat_template is not None:
        writer.add_chat_template(chat_template)
