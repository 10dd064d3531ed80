"""The one error of the bench: a measurement that would not mean anything."""

from __future__ import annotations


class BenchFailed(Exception):
    """A measurement could not be made; the message says what went wrong. Nothing was counted."""
