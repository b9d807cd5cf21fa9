"""The append-only record as values: entries, tree, notes. Nothing here touches a file or a clock."""
