"""Asking the fleet: raw replies are stored first, by digest, and then read into evidence."""
