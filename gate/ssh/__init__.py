"""The only SSH client of the gate: one connection to one target, one command at a time."""
