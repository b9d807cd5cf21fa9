"""
Which array, appliance or service a traced way ends at: an index over readings and inventory, built once.

Strongest first: the array lists the LUN among its own volumes; the array tells the LUN's target ports as its own; a
measured port, address or service is named by the inventory; the inventory alone says so. Whatever an array keeps its
volumes on counts beside it: both ends of a virtualiser are part of the place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gate.endpoint import address, literal
from gate.evidence import ArrayReading, Hop, Identity, Leaf, Provenance, Share, Trace
from gate.inventory import Appliance, Inventory, Medium
from gate.lazy import lazy

VIRTUAL_DISK = "virtual-disk"
"""Identity kind of a disk that a hypervisor made: `HOST:DISK`."""

ARRAY = Medium.ARRAY.value
COUNTING = (Provenance.MEASURED, Provenance.INVENTORY)
"""From what "different" may follow: measured on the device itself, or measured and named by the inventory."""


@dataclass(frozen=True)
class Element:
    """One thing that a path lies on and that can be lost as a whole."""

    kind: str
    """A word of gate.inventory.Medium."""

    name: str
    serial: str | None = None
    provenance: Provenance = Provenance.MEASURED
    """`declared` where nothing at all was measured of it."""

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same thing."""
        return self.kind, self.name

    @property
    def counts(self) -> bool:
        """Whether "different" may follow from it."""
        return self.provenance in COUNTING

    @property
    def words(self) -> str:
        """Name it for a sentence."""
        if self.serial:
            return f"{self.name} (serial {self.serial})"
        return self.name if self.kind == ARRAY else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Place:
    """All that a path lies on; what could not be found out stands in `missing`, one sentence each."""

    elements: tuple[Element, ...] = ()
    missing: tuple[str, ...] = ()

    @lazy
    def known(self) -> bool:
        """Whether everything it lies on is known."""
        return bool(self.elements) and not self.missing

    @lazy
    def counts(self) -> bool:
        """Whether "different" may follow from all of its elements."""
        return all(element.counts for element in self.elements)

    @lazy
    def keys(self) -> frozenset[tuple[str, str]]:
        """Every element's key."""
        return frozenset(element.key for element in self.elements)

    @lazy
    def arrays(self) -> frozenset[str]:
        """Every array it is known to lie on, also when more is missing."""
        return frozenset(element.name for element in self.elements if element.kind == ARRAY)

    @property
    def array(self) -> str | None:
        """The array, for a place that is known to be exactly one array and nothing else."""
        one = self.known and len(self.elements) == 1 and self.elements[0].kind == ARRAY
        return self.elements[0].name if one else None

    @property
    def serial(self) -> str | None:
        """That array's serial."""
        return self.elements[0].serial if self.array is not None else None

    @lazy
    def identities(self) -> str:
        """Name its elements in a fixed order by what identifies them: an array's serial, another thing's name."""
        return " ".join(sorted({element.serial or f"{element.kind}:{element.name}" for element in self.elements}))

    @lazy
    def words(self) -> str:
        """Name all elements for a sentence."""
        return " and ".join(dict.fromkeys(element.words for element in self.elements))

    @property
    def because(self) -> str:
        """What is missing, else where it lies."""
        return "; ".join(self.missing) or f"it lies on {self.words}"


NOBODY_ASKED = Place((), ("nobody asked where it lies",))


class Map:
    """Where things lie, for one set of readings and one inventory. Look-ups take no longer in a larger fleet."""

    def __init__(self, readings: Mapping[str, ArrayReading], inventory: Inventory) -> None:
        self.readings = readings
        self._serials = {array.id: array.serial for array in inventory.arrays}
        self._behind = {array.id: array.behind for array in inventory.arrays}
        self._ports = _index((port, name) for name, one in readings.items() for port in one.target_ports)
        self._volumes = _index((volume.uid, name) for name, one in readings.items() for volume in one.volumes or ())
        self._array_at = _index((address(one), array.id) for array in inventory.arrays for one in array.addresses)
        self._array_reached = _index((address(each), one.id) for one in inventory.arrays for each in one.reached_at)
        self._appliances = {one.id: one for one in inventory.appliances}
        self._appliance_at = _index((address(each), one.id) for one in inventory.appliances for each in one.addresses)
        self._appliance_by_port = _index((each, one.id) for one in inventory.appliances for each in one.target_ports)
        self._datastores = {f"{host.id}:{disk.disk}": disk.datastore for host in inventory.hosts for disk in host.disks}
        ids = {(one.serial, each.id): each.uid for one in readings.values() for each in one.volumes or ()}
        told = [(each.uid, other) for one in readings.values() for each in one.volumes or () for other in each.copy_of]
        self.copy_of = _index((uid, ids.get(_remote(other), other)) for uid, other in told)
        self._known: dict[str, dict[str, Place]] = {provenance.value: {} for provenance in Provenance}
        self._identified: dict[Identity, Place] = {}
        self._located: dict[int, tuple[Trace, Place]] = {}

    def locate(self, trace: Trace | None) -> Place:
        """Find everything a trace ends at."""
        if trace is None:
            return NOBODY_ASKED
        known = self._located.get(id(trace))  # by identity: kept beside it, so that no other can come to have its id
        if known is None:
            known = self._located[id(trace)] = (trace, self._find(trace))
        return known[1]

    def _find(self, trace: Trace) -> Place:
        if len(trace.leaves) == 1 and not trace.problem and not trace.shares and not trace.identities:
            return self._leaf(trace, trace.leaves[0])
        if len(trace.identities) == 1 and not (trace.leaves or trace.shares or trace.hops or trace.problem):
            one = trace.identities[0]
            if one not in self._identified:
                self._identified[one] = self._identity(one)
            return self._identified[one]
        parts = [self._leaf(trace, leaf) for leaf in trace.leaves]
        parts += [self._share(trace, share) for share in trace.shares]
        parts += [self._identity(identity) for identity in trace.identities]
        if trace.identities:
            parts += [self._array(hop.name, Provenance.INVENTORY) for hop in trace.hops if _declared_array(hop)]
        if trace.problem or not parts:
            parts.append(_unknown(f"{trace.path} on {trace.host}: {trace.problem or 'its trace ends at nothing'}"))
        return _joined(parts)

    def volume_owners(self, uid: str) -> tuple[str, ...]:
        """Return the arrays that list a volume of that designator."""
        return self._volumes.get(uid, ())

    def _leaf(self, trace: Trace, leaf: Leaf) -> Place:
        if tellers := self._volumes.get(leaf.lun, ()):
            for port in leaf.target_ports:
                for name in self._ports.get(port, ()):
                    if name not in tellers:
                        told = f"{tellers[0]} lists the LUN {leaf.lun}, and {name} tells its target port {port}"
                        return _joined([_unknown(told), *(self._array(one) for one in (*tellers, name))])
            return self._array(tellers[0]) if len(tellers) == 1 else _joined([self._array(one) for one in tellers])
        owners = dict.fromkeys(owner for port in leaf.target_ports for owner in self._ports.get(port, ()))
        if not leaf.target_ports:
            where = f"{trace.path} on {trace.host}"
            return _unknown(f"{where}: the disk names no target port, and no array lists the LUN {leaf.lun}")
        if not owners:
            return self._appliance_port(leaf)
        if len(owners) > 1:
            named = ", ".join(sorted(owners))
            several = _unknown(f"the target ports are told by several arrays: {named}")
            return _joined([several, *(self._array(name) for name in owners)])
        return self._port_owner(leaf, next(iter(owners)))

    def _port_owner(self, leaf: Leaf, name: str) -> Place:
        """Place a LUN by its ports alone: all of them must be the array's, and its list must not contradict."""
        stray = [port for port in leaf.target_ports if name not in self._ports.get(port, ())]
        if stray:
            return _joined([_unknown(f"{name} does not tell the target port {min(stray)}"), self._array(name)])
        if self.readings[name].volumes is not None:
            told = f"{name} tells the target ports of the LUN {leaf.lun} and does not list it among its volumes"
            return _joined([_unknown(told), self._array(name)])
        return self._array(name)

    def _appliance_port(self, leaf: Leaf) -> Place:
        owners = {name for port in leaf.target_ports for name in self._appliance_by_port.get(port, ())}
        stray = [port for port in leaf.target_ports if port not in self._appliance_by_port]
        if not owners or stray:
            port = min(stray or leaf.target_ports)
            return _unknown(f"no array of the inventory tells the target port {port} as its own")
        if len(owners) > 1:
            return _unknown(f"the inventory gives the target ports to several: {', '.join(sorted(owners))}")
        return self._appliance(self._appliances[owners.pop()], Provenance.INVENTORY)

    def _share(self, trace: Trace, share: Share) -> Place:
        parts = []
        for one in dict.fromkeys(map(address, share.addresses)):
            if one not in self._array_at and one not in self._appliance_at:
                parts.append(_unknown(f"no array or appliance of the inventory serves files from {one}"))
            parts += self._at(one)
        if not parts:
            told = f"{trace.path} on {trace.host}: no address of the server {share.server} is known"
            return _unknown(told)
        return _joined(parts)

    def _at(self, one: str) -> list[Place]:
        """Return every array and appliance that is at an address, whatever it does there."""
        arrays = dict.fromkeys((*self._array_at.get(one, ()), *self._array_reached.get(one, ())))
        found = [self._array(name, Provenance.INVENTORY) for name in arrays]
        appliances = (self._appliances[name] for name in self._appliance_at.get(one, ()))
        return found + [self._appliance(each, Provenance.INVENTORY) for each in appliances]

    def _service(self, one: Identity, provenance: Provenance) -> Place:
        """
        Place an object service: itself, and whatever of the inventory is at one of its addresses.

        What its entry in the inventory says that it lies on are hops of the trace.
        """
        parts = [Place((Element(one.kind, one.name, None, provenance),))]
        if not any(map(literal, one.addresses)):
            parts.append(_unknown(f"no address of {one.name} is known, so whether an array serves it is not known"))
        return _joined([*parts, *(place for each in one.addresses for place in self._at(address(each)))])

    def _identity(self, one: Identity) -> Place:
        if one.kind == VIRTUAL_DISK:
            name = self._datastores.get(one.name)
            if name is None:
                host, _, disk = one.name.partition(":")
                told = f"{disk} of {host} is a disk of a hypervisor; the inventory does not say in which datastore"
                return _unknown(told)
            return self._appliance(self._appliances[name], Provenance.DECLARED)
        provenance = Provenance.MEASURED if one.provenance is Provenance.MEASURED else Provenance.DECLARED
        if one.kind == ARRAY:
            return _unknown(f"an array is known by its LUN or ports, not by the name {one.name}")
        if one.kind == Medium.OBJECT_SERVICE:
            return self._service(one, provenance)
        found = self._appliances.get(one.name)
        if found is None or found.medium != one.kind:
            return _unknown(f"{one.kind} {one.name} is not in the inventory, so what lies behind it is not known")
        return self._appliance(found, provenance)

    def _appliance(self, one: Appliance, provenance: Provenance) -> Place:
        behind = Provenance.DECLARED if provenance is Provenance.DECLARED else Provenance.INVENTORY
        itself = Place((Element(one.medium.value, one.id, None, provenance),))
        return _joined([itself, *(self._array(name, behind) for name in one.on_arrays)])

    def _array(self, name: str, provenance: Provenance = Provenance.MEASURED) -> Place:
        """Return an array with everything behind it; it must answer with the serial on record."""
        known = self._known[provenance.value]
        if name not in known:
            known[name] = self._with_backends(name, provenance, ())
        return known[name]

    def _with_backends(self, name: str, provenance: Provenance, front: tuple[str, ...]) -> Place:
        reading, expected = self.readings.get(name), self._serials.get(name)
        serial = reading.serial if reading else None
        if reading is None or serial is None or serial != expected:
            told = f"{name} answers with serial {serial or 'unknown'}, the inventory says {expected or 'nothing of it'}"
            return Place((Element(ARRAY, name, None, Provenance.DECLARED),), (told,))
        parts = [Place((Element(ARRAY, name, serial, provenance),))]
        if reading.backends is None:
            parts.append(_unknown(f"{name} did not tell whether its volumes lie on other storage behind it"))
        named = {one.name: one.array for one in self._behind.get(name, ())}
        for backend in dict.fromkeys((*(reading.backends or ()), *named)):
            if backend not in named:
                parts.append(_unknown(f"{name} keeps volumes on {backend}, and the inventory names no array for that"))
            elif named[backend] not in (name, *front):
                weaker = Provenance.DECLARED if provenance is Provenance.DECLARED else Provenance.INVENTORY
                parts.append(self._with_backends(named[backend], weaker, (*front, name)))
        return _joined(parts)


def _remote(other: str) -> tuple[str, str]:
    """Split `system/volume id`; a designator of the array's own is no such pair."""
    system, _, volume = other.partition("/")
    return system, volume


def _declared_array(hop: Hop) -> bool:
    return hop.kind == ARRAY and hop.provenance is Provenance.INVENTORY


def _unknown(why: str) -> Place:
    return Place((), (why,))


def _joined(parts: list[Place]) -> Place:
    return Place(
        tuple(dict.fromkeys(element for part in parts for element in part.elements)),
        tuple(dict.fromkeys(why for part in parts for why in part.missing)),
    )


def _index(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for key, name in pairs:
        known = found.get(key, ())
        if name not in known:
            found[key] = (*known, name)
    return found
