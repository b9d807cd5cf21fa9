"""The keyholder: a process of its own, under a user of its own, that holds the authority to touch arrays."""
