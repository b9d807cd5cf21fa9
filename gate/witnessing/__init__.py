"""The gate's side of being witnessed: asking, keeping what was cosigned, and knowing when the ledger is behind."""
