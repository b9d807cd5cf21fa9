"""The witness: a process of its own that cosigns what grows and remembers it. It knows nothing of the gate's."""
