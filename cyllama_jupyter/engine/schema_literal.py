"""Text as a literal of GBNF."""

from cyllama_jupyter.errors import SchemaError

__all__ = ["literal"]


def literal(text: str) -> str:
    """Return a text as a GBNF literal.

    Raises:
        SchemaError: It holds half of a surrogate pair, which has no UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SchemaError(
            f"the schema's text {text!r} holds half of a surrogate pair, which cannot be written"
        ) from None
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
