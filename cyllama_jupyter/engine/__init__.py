"""Loads a model, generates from it on a thread of its own, and stops at once when told to."""
