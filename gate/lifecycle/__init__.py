"""What a change is, read from nothing but its entries."""

from gate.lifecycle.moves import AFTER, ALLOWED, MOVES, fold

__all__ = ("AFTER", "ALLOWED", "MOVES", "fold")
