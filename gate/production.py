"""
The trials that production's own credential is put to, in words (IS-05): as whom, from where, and at what.

A refusal is worth what was tried. The words follow from the inventory alone, so whoever has the record of a trial and
the inventory of now can tell whether it was this account, on these hosts or at this bucket, or another.
"""

from dataclasses import dataclass

from gate.inventory import Inventory, Protection

WITH_KEY = " with key "


@dataclass(frozen=True)
class Trial:
    """One trial, as the inventory names it."""

    actor: str
    """As whom, by the names of the inventory."""

    where: str
    """The addresses, or the place in the object service."""

    @property
    def words(self) -> str:
        """What the record of a trial begins with."""
        return f"{self.actor} ({self.where})"

    def with_key(self, mark: str) -> str:
        """Return what is recorded of a trial with a key file; `mark` tells one key from another."""
        return f"{self.words}{WITH_KEY}{mark}"

    def made(self, recorded: str) -> bool:
        """Say whether the record of a trial is about this one, whatever key it was made with."""
        return recorded == self.words or recorded.startswith(self.words + WITH_KEY)


def over_ssh(protection: Protection, inventory: Inventory) -> Trial | None:
    """Return the login from production's host at the backup host; None where no account of production is named."""
    tried = protection.production
    if tried is None:
        return None
    here, there = inventory.host(inventory.dataset(protection.dataset).host), inventory.host(protection.host)
    where = f"{here.ssh.host}:{here.ssh.port} to {there.ssh.host}:{there.ssh.port}"
    return Trial(f"{tried.account} of {here.id} as {tried.user} of {there.id}", where)


def over_s3(protection: Protection) -> Trial | None:
    """Return the trial with production's key below the gate's own prefix; None where there is no place for it."""
    store = protection.object_store
    if store is None or store.sentinels is None:
        return None
    where = f"bucket {store.bucket} of {store.account}, below {store.sentinels.prefix}"
    return Trial(f"production's own key at {store.endpoint}", where)


def trials(protection: Protection, inventory: Inventory) -> tuple[Trial, ...]:
    """Return every trial that the inventory names for one protection now."""
    found = (over_s3(protection), over_ssh(protection, inventory))
    return tuple(one for one in found if one is not None)
