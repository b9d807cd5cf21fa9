"""The keyholder's rules and words, pure: what it has pinned, what it follows, what it is asked, what it decides."""
