"""How large a schema and its grammar may be."""

__all__ = ["MOST_BYTES", "MOST_DEPTH", "MOST_NAMES", "MOST_NODES", "MOST_REPEATS"]

MOST_BYTES = 500_000
"""Length of a schema as JSON, and of its grammar, in characters."""

MOST_DEPTH = 60
"""How deep schemas may lie in each other; what is deeper is a mistake, or made to exhaust the stack."""

MOST_NODES = 5_000
"""How many schemas may come of one when its references and alternatives are written out."""

MOST_REPEATS = 1_000
"""The largest bound of a repetition; each is written out as states of the grammar."""

MOST_NAMES = 500
"""Length of the names of an object's properties together, in characters, up to which all others are told from them."""
