"""Order and time: what comes next (pure), doing it, and the driver that wakes up for it."""
