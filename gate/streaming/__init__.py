"""The ledger sent on as it grows: one cursor, one thread and one way of delivery for each sink."""
