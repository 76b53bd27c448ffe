"""How long a wait may last before it looks around."""

__all__ = ["SLICE"]

SLICE = 0.05
"""Seconds after which every wait looks around again: all that a wake-up taken by somebody else can cost."""
