"""
What can be wrong with a lab's arrays, hosts and stores, by name.

What only one family's arrays can have is listed in its dialect (`own_faults`); every other name that begins with
`array:` is honoured by every dialect, which a test holds them to.
"""

FAULTS = {
    "hang-banner": "accepts connections and says nothing",
    "hangs": "takes a command and never answers it",
    "garbage": "answers with bytes that mean nothing",
    "close-mid-reply": "closes after half of a reply",
    "flood": "sends that many megabytes before a reply (16)",
    "bad-utf8": "puts bytes into replies that are not UTF-8",
    "escapes": "puts terminal escapes into replies",
    "other-prompt": "asks something unexpected instead of answering",
    "slow": "waits that many seconds before a reply",
    "refuse": "refuses every login",
    "changed-host-key": "shows another host key",
    "lose-reply": "accepts that many mutating commands (1) and drops the connection instead of answering",
    "late": "drops the connection of a command that changes something, and begins it that many seconds (1) later",
    "offline": "the command line is gone, and the LUNs of an array with it",
    "rebuild": "array: a RAID rebuild is running",
    "partner-dead": "array: the controller that one does not talk to is dead",
    "drive-failed": "array: a drive has failed",
    "refuses-precheck": "array: its own look before an update finds a reason against it",
    "stalls": "array: an update stops half-way",
    "never-returns": "array: an update restarts its controllers, and they do not come back",
    "old-version": "array: an update goes through, and the old code runs again",
    "lies-version": "array: tells that version, or the one it had at first, whatever it runs",
    "flip-bits": "array: damages stored and new data",
    "lost-writes": "array: forgets writes",
    "eio": "array: media errors",
    "slow-io": "array: that many seconds (0.08) for each read and write",
    "luns-offline": "array: LUNs are not ready",
    "read-only": "array: LUNs are write protected",
    "clock-skew": "host: its clock is that many seconds ahead",
    "session-lost": "host: the first of its iSCSI sessions has failed",
    "mirror-degraded": "host: one disk of its own mirror has dropped out",
    "disk-warns": "host: one of its own disks gives a critical warning",
    "firmware-waits": "host: an update of its own firmware waits for a restart",
    "scratch-full": "host: no space below the scratch directory",
    "lets-production-in": "host: production's own account can log in from its host",
    "lock-shortens": "store: a lock in compliance mode may be shortened",
    "lock-governance": "store: everything is locked in governance mode",
    "lock-bypassed": "store: whoever may write can bypass a lock in governance mode",
    "lock-lets-go": "store: a lock holds nothing",
    "no-locks": "store: it takes a lock and forgets it",
    "no-delete-of-markers": "store: nobody may take a delete marker away",
    "hidden": "store: a delete marker lies in front of every copy",
    "store-clock": "store: its clock is that many seconds ahead",
    "trusts-production": "store: production's own key may delete",
}
NUMBERS = ("flood", "slow", "slow-io", "clock-skew", "lose-reply", "late", "store-clock")
OF_STORES = (*(name for name, words in FAULTS.items() if words.startswith("store:")), "offline", "slow")
OF_HOSTS = tuple(name for name, words in FAULTS.items() if not words.startswith(("array:", "store:")))
OF_ARRAYS = tuple(name for name, words in FAULTS.items() if not words.startswith(("host:", "store:")))
HEALTH_FAULTS = ("rebuild", "partner-dead", "drive-failed")
"""Of every array: what its owner would see in its health."""
