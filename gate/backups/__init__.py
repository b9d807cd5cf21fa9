"""Per backup tool: which questions prove a backup, and what the answers say. Pure: generators yield commands."""
