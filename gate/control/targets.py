"""What only the inventory can tell of a change file, said with its line and column."""

from gate.change import ChangeRequest
from gate.errors import BadInput
from gate.inventory import Inventory
from gate.tree import compose


def check_targets(request: ChangeRequest, inventory: Inventory, text: bytes, source: str) -> None:
    """Every target is an array of the inventory and of the family the change is for."""
    known = {array.id: array for array in inventory.arrays}
    for position, name in enumerate(request.targets):
        if name not in known:
            hint = "arrays of the inventory: " + ", ".join(sorted(known)[:20])
            raise complaint(("targets", position), f'unknown array "{name}"', text, source, hint)
        if known[name].family is not request.family:
            message = f'"{name}" is of family {known[name].family}, the change is for {request.family}'
            raise complaint(("targets", position), message, text, source, "open one change for each family")


def complaint(path: tuple[str | int, ...], message: str, text: bytes, source: str, hint: str = "") -> BadInput:
    """Return the error about one place of the change file."""
    written = compose(text, source)
    return written.bad(written.position(path, key=False), message, path=path, hint=hint)
