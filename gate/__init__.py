"""sangate: a change gate for storage firmware."""

__version__ = "0.1.0"
