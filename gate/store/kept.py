"""What lies among the blobs, whoever names it."""

from datetime import datetime
from typing import NamedTuple


class Kept(NamedTuple):
    """A file among the blobs."""

    file: str
    """Below their folder."""

    digest: str
    """What it is the blob of; empty where no blob can lie, as one that was never finished."""

    size: int
    """In bytes."""

    written: datetime
