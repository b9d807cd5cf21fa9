"""One simulated array of any family, without wires: what it says is put to the product's own reader."""

from datetime import UTC, datetime

from gate.evidence import ArrayReading, Reply, ReplyState
from gate.families import FAMILIES
from gate.inventory import ArrayFamily
from gate.lab.array import Array
from gate.lab.dialects import DIALECTS
from gate.lab.dialects.behind_host import BehindHost
from gate.lab.identity import Identity, revision_of
from gate.lab.scsi import Controller, Unit
from tests.lab.fleets import GATE, HOST

NAME = "west-2"
UNIT = "7"
"""What it is called at its management host, where it has one: a number, which every tool takes."""


def known_as(family: ArrayFamily) -> tuple[str, str]:
    """Serial and model in the form that the family has."""
    dialect = DIALECTS[family]
    return "0000020420000022"[-dialect.serial_digits :], dialect.usual_model


def simulated(family: ArrayFamily, pace: float = 0.05) -> Array:
    """An array with scratch LUN 9 for the gate and LUN 1 for a host."""
    dialect = DIALECTS[family]
    revision = revision_of(dialect.first_version)
    serial, model = known_as(family)
    identity = Identity(serial, model, dialect.target_name.format(id=NAME), revision, dialect.company)
    controller = Controller(identity)
    controller.units[9] = Unit(9, bytearray(1 << 20), frozenset({GATE}))
    controller.units[1] = Unit(1, bytearray(1 << 20), frozenset({HOST}))
    made = dialect(NAME, model, controller, pace)
    if isinstance(made, BehindHost):
        made.unit = UNIT
    return made


def asked(array: Array, command: str) -> Reply:
    """Put one question to the array as its reading user."""
    said = array.answer(command, admin=False)
    now = datetime.now(UTC)
    return Reply(array.name, command, ReplyState.ANSWERED, now, now, said.status, said.out, said.err)


def reading(family: ArrayFamily, array: Array) -> ArrayReading:
    """Ask everything that the family asks, and read it."""
    product = FAMILIES[family]
    replies = {name: asked(array, command) for name, command in product.commands(UNIT).items()}
    return product.read(array.name, replies, datetime.now(UTC))
