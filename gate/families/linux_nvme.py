"""
Which namespace an NVMe disk is, and whether it is the host's own or is reached over a fabric.

`lsblk` says `nvme` of every one of them (TRAN by the name alone: get_transport of util-linux, misc-utils/lsblk.c). The
transport is the kernel's, controller by controller: `transport` and `address`, drivers/nvme/host/sysfs.c, from which
`nvme list-subsys` has them too. `/sys/block/DISK/device` is the controller, or with native multipath the subsystem with
a link to each of its controllers; a path of such a disk (`nvme0c1n1`) has its controller there, hidden from lsblk.

Only pcie is in the host. What comes over a fabric is placed by the array that lists the namespace, else by nobody.
"""

import re
from dataclasses import dataclass

from gate.evidence import Hop, Reply
from gate.families.family import Unreadable, whole_text
from gate.families.linux_disks import NAME, VIRTUAL_VENDORS, WORLD_WIDE_NAME, enter, facts_of, virtual
from gate.families.linux_way import Asking, Way

NAMESPACE = (
    "grep -s . /sys/block/{disk}/wwid /sys/block/{disk}/nguid"
    " /sys/block/{disk}/device/subsysnqn /sys/block/{disk}/device/model"
)
CONTROLLERS = "find /sys/block/{disk}/device/ -mindepth 1 -maxdepth 1"
TRANSPORTS = "grep -s . " + " ".join(
    f"/sys/block/nvme*/device/{where}{name}" for where in ("", "nvme*/") for name in ("transport", "address")
)
"""Of every NVMe disk of a host at once; for a shell, which the gate's own machine is not asked by."""

CONTROLLERS_MAX = 64
"""Paths to one namespace (our choice); each costs two files, and real ones have four or eight."""

KERNEL_NAME = re.compile(r"nvme\d{1,4}(c\d{1,5})?n\d{1,4}", re.ASCII)
"""A namespace, or one path to it."""

HIDDEN_PATH = re.compile(r"nvme\d{1,4}c\d{1,5}n\d{1,4}", re.ASCII)
TOLD = re.compile(
    r"/sys/block/(?P<disk>[a-z0-9]{1,32})/device/(?:(?P<controller>nvme\d{1,5})/)?"
    r"(?P<what>transport|address):(?P<value>[!-~][ -~]{0,300})",
    re.ASCII,
)

OWN = "pcie"
FABRICS = ("tcp", "rdma", "fc")
"""Names of the kernel's transports (nvme_ctrl_ops.name); others are `loop`, this host's own target, and newer ones."""

WWID = re.compile(r"eui\.([0-9a-f]{16}|[0-9a-f]{32})|uuid\.[0-9a-f-]{36}|nvme\.[0-9a-f]{4}-[0-9a-f-]{2,200}", re.ASCII)
CONTROLLER = re.compile(r"nvme\d{1,5}", re.ASCII)
NGUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
FC_ADDRESS = re.compile(r"(?:^|,)traddr=nn-(0x[0-9a-f]{16}):pn-(0x[0-9a-f]{16})(?=,|$)", re.ASCII)

VIRTUAL_MODELS = (*VIRTUAL_VENDORS, "ORCL-VBOX", "MSFT NVMe", "Microsoft NVMe", "nvme_card")
"""Models of NVMe disks that a hypervisor makes [M]."""

ADAPTERS = ("Mellanox BlueField", "NVIDIA BlueField", "BlueField NVMe")
"""Adapters that show a namespace of somewhere else as a disk in the host (NVIDIA SNAP, its default model names)."""


@dataclass(frozen=True)
class Reached:
    """How a host reaches one namespace: the transport and address of every controller that may carry it."""

    transports: frozenset[str]
    addresses: tuple[str, ...]

    @property
    def own(self) -> bool:
        """Whether it lies in the host."""
        return self.transports == {OWN}


def transport(disk: str, listed: str) -> tuple[str, frozenset[str]]:
    """
    Return what to ask for the transports of a disk, and which controllers must tell: "" for the disk's own.

    `listed` is the answer to CONTROLLERS: a subsystem has a link to each of its controllers, a controller has none.
    """
    start = f"/sys/block/{disk}/device/"
    lines = [line.rstrip() for line in listed.splitlines()]
    if not lines or not all(line.startswith(start) for line in lines):
        raise Unreadable(f"the kernel does not list the controllers of {disk}")
    found = frozenset(name for line in lines if CONTROLLER.fullmatch(name := line.removeprefix(start)))
    if len(found) > CONTROLLERS_MAX:
        raise Unreadable(f"{disk} has more than {CONTROLLERS_MAX} controllers")
    where = [start, *(f"{start}{name}/" for name in sorted(found))]
    files = " ".join(f"{one}{name}" for one in where for name in ("transport", "address"))
    return f"grep -s . {files}", found or frozenset({""})


def reached(text: str, disk: str, must: frozenset[str] = frozenset()) -> Reached:
    """
    Read for one disk what was told of transports; Unreadable unless every controller, and those that must, tell theirs.

    Paths by pcie and paths by a fabric to one namespace are no answer, nor is a transport that is not known.
    """
    told: dict[tuple[str, str], str] = {}
    for line in text.splitlines():
        match = TOLD.fullmatch(line.rstrip())
        if match is None:
            raise Unreadable("the kernel's answer about NVMe transports holds what was not asked for")
        if match["disk"] != disk:
            continue
        key = match["controller"] or "", match["what"]
        if key in told:
            raise Unreadable(f"{disk} tells the {match['what']} of one controller twice")
        told[key] = match["value"]
    controllers = {controller for controller, _ in told}
    if not controllers or not all((controller, "transport") in told for controller in controllers | must):
        raise Unreadable(f"{disk} does not tell by which transport it is reached")
    if "" in controllers and len(controllers) > 1:
        raise Unreadable(f"{disk} is a controller's and a subsystem's at once")
    transports = frozenset(value for (_, what), value in told.items() if what == "transport")
    if transports != {OWN} and not transports <= set(FABRICS):
        raise Unreadable(f"{disk} is reached by {' and '.join(sorted(transports))[:80]}: where it lies is not known")
    return Reached(transports, tuple(value for (_, what), value in told.items() if what == "address"))


def reached_of(reply: Reply, disk: str) -> Reached:
    """Read a whole reply for one disk; the status of grep says nothing, it ends with 2 where a file is missing."""
    return reached(whole_text(reply), disk)


def namespace(way: Way, host: str, disk: str) -> Asking[None]:
    """
    Find out which namespace a disk is and enter it in `way`; Unreadable when nothing can be relied on.

    One in the host is known by the name of its own subsystem, as a LUN is by its target ports: the inventory may say
    whose that is. Of one over a fabric subsystem and FC names are good for "same" alone.
    """
    command = NAMESPACE.format(disk=disk)
    told = facts_of(way.text((yield command)), command)
    reply = yield CONTROLLERS.format(disk=disk)
    listed = way.text(reply) if reply.exit_status == 0 else ""
    wwid, subsystem, model = told.get("wwid", ""), told.get("subsysnqn", ""), told.get("model", "")
    if not WWID.fullmatch(wwid):
        raise Unreadable(f"{disk} tells no identity (no wwid)")
    nqn = subsystem if NAME.fullmatch(subsystem) else ""
    lun = designator(wwid, told.get("nguid", ""))
    try:
        question, must = transport(disk, listed)
        found, doubt = reached(way.text((yield question)), disk, must), ""
    except Unreadable as error:
        found, doubt = Reached(frozenset(), ()), str(error)
    if found.own and model.startswith(VIRTUAL_MODELS):
        virtual(way, host, disk)
        return
    seen = enter(way, disk, lun, f"NVMe {' and '.join(sorted(found.transports)) or 'somehow'} {nqn}".strip())
    seen.through += [nqn] if nqn else []
    if found.own and model.startswith(ADAPTERS):
        doubt = f"{disk} is shown by an adapter ({model[:60]}): where it lies only that knows"
    if doubt:
        raise Unreadable(doubt)
    if found.own:
        seen.ports.append(nqn or wwid)
    for address in found.addresses:
        if fibre := FC_ADDRESS.search(address):
            names = [WORLD_WIDE_NAME.fullmatch(name) for name in fibre.groups()]
            seen.through += [f"naa.{name.group(1)}" for name in names if name]
    by = "in the host (pcie)" if found.own else f"over {' and '.join(sorted(found.transports))}"
    at = ", ".join(found.addresses)[:200]
    detail = f"{wwid} of {subsystem or 'a subsystem it does not name'}, {by}" + (f" at {at}" if at else "")
    way.hops.append(Hop("disk", disk, detail))


def designator(wwid: str, nguid: str) -> str:
    """
    Return the name under which an array lists a namespace: its NAA where the vendor's layout is known, else the wwid.

    NGUID is EUI-64 based: eight bytes of the vendor, company id, five bytes of the vendor (NVM Express base
    specification). IBM keeps the halves of the volume's UID in them (60050768108187245800000000000039 is
    58000000000000390050760810818724), Pure the serial (OpenStack Cinder, drivers/pure.py, _get_nguid). Another layout
    than these finds no volume, and so no place. Unreadable where the kernel contradicts itself.
    """
    told = wwid.removeprefix("eui.") if wwid.startswith("eui.") and len(wwid) == 36 else ""
    if nguid:
        if not NGUID.fullmatch(nguid):
            raise Unreadable("a namespace tells an NGUID that is none")
        plain = nguid.replace("-", "")
        if told and told != plain:
            raise Unreadable(f"a namespace is {wwid} and has the NGUID {plain}")
        told = plain
    vendor, company, rest = told[:16], told[16:22], told[22:]
    if company == "005076" and rest[:1] == "0":
        return f"6{company}{rest[1:]}{vendor}"
    if company == "24a937" and vendor.startswith("00"):
        return f"6{company}0{vendor[2:]}{rest}"
    return wwid
