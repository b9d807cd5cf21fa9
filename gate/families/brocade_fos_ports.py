"""
Ports of a Fabric OS switch: their states, who is logged in at them, and what errors they count.

`switchshow` is keys and values and then a table whose titles differ by model; `porterrshow` has its titles in two lines
and grows at its end (array-clis, S 30). Both are read by their titles; titles that are not known are unreadable.
"""

import re
from dataclasses import dataclass

from gate.evidence import Reply
from gate.families.counters import exact
from gate.families.family import Unreadable, whole_text

WWN = re.compile(r"([0-9a-f]{2}:){7}[0-9a-f]{2}", re.IGNORECASE)
UPPER = ("frames", "enc", "crc", "crc", "too", "too", "bad", "enc", "disc", "link", "loss", "loss", "frjt", "fbsy")
LOWER = ("tx", "rx", "in", "err", "g_eof", "shrt", "long", "eof", "out", "c3", "fail", "sync", "sig")
COLUMNS = (
    *("tx", "rx", "enc_in", "crc", "crc_g_eof", "too_short", "too_long", "bad_eof", "enc_out", "c3_discard"),
    *("link_fail", "loss_sync", "loss_sig", "frjt", "fbsy"),
)
"""What the two lines of titles say together; columns that later releases have follow these."""

ERRORS = ("crc", "crc_g_eof", "enc_out", "c3_discard", "link_fail", "loss_sync", "loss_sig")
ROUNDED = re.compile(r"\d{1,6}(\.\d{1,3})?[kmgt]", re.ASCII)


@dataclass(frozen=True)
class Switch:
    """What `switchshow` tells; `kind` is its type, a number of the maker's such as `109.1`."""

    wwn: str
    name: str
    kind: str
    state: str
    zoning: str
    ports: dict[str, str]
    """Port → its state; on a director `slot/port`."""

    logins: tuple[str, ...]
    """World wide names of the devices at its ports."""


def text_of(reply: Reply, *, quiet: bool = False) -> str:
    """Return the text; `quiet`: a command that may say nothing. The exit status is -1 or lost on older ones (S 29)."""
    text = whole_text(reply)
    if not quiet and not text.endswith("\n"):
        raise Unreadable("the reply is empty or stops in the middle of a line")
    return text


def switch_of(reply: Reply) -> Switch:
    """Return the switch; Unreadable unless it tells its name, WWN and every port of its table."""
    lines = [line.rstrip() for line in text_of(reply).splitlines()]
    head = next((at for at, line in enumerate(lines) if line.split()[:1] in (["Index"], ["Area"])), None)
    if head is None:
        raise Unreadable("it does not list its ports")
    told: dict[str, str] = {}
    for line in lines[:head]:
        key, colon, value = line.partition(":")
        if colon and key.strip() in told:
            raise Unreadable(f"it tells its {key.strip()[:30]} twice")
        told[key.strip()] = value.strip()
    wwn, state, kind = told.get("switchWwn", ""), told.get("switchState", ""), told.get("switchType", "")
    if not WWN.fullmatch(wwn) or not re.fullmatch(r"[A-Za-z_]{1,30}", state) or not re.fullmatch(r"[\d.]{1,9}", kind):
        raise Unreadable("it does not tell its WWN, type and state")
    ports, logins = _ports(lines[head:])
    name = told.get("switchName", "")[:60]
    return Switch(wwn.lower(), name, kind, state, told.get("zoning", "")[:60], ports, logins)


def _ports(lines: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    titles = lines[0].split()
    if titles.count("Port") != 1 or titles.count("State") != 1 or titles.index("Port") > titles.index("State"):
        raise Unreadable("its table of ports has other titles than are known")
    state_at, ports, logins = titles.index("State"), {}, []
    for line in lines[1:]:
        cells = line.split()
        if not cells or not line.strip("= -"):
            continue
        if not cells[0].isdecimal() or len(cells) <= state_at:
            raise Unreadable(f'"{line.strip()[:60]}" is no port')
        slot = f"{cells[titles.index('Slot')]}/" if "Slot" in titles else ""
        port = slot + cells[titles.index("Port")]
        if port in ports:
            raise Unreadable(f"port {port[:20]} is there twice")
        ports[port] = cells[state_at][:30]
        logins += [cell.lower() for cell in cells[state_at + 1 :] if WWN.fullmatch(cell)]
    if not ports:
        raise Unreadable("its table of ports is empty")
    return ports, tuple(logins)


def errors_of(reply: Reply) -> dict[str, dict[str, int | None]]:
    """Return port → kind of error → exact count, None where it is rounded; Unreadable for titles that are not known."""
    lines = [line for line in text_of(reply).splitlines() if line.strip()]
    upper, lower = (tuple(line.split()) for line in [*lines, "", ""][:2])
    if upper[: len(UPPER)] != UPPER or lower[: len(LOWER)] != LOWER:
        raise Unreadable("the table of errors has other titles than are known")
    found: dict[str, dict[str, int | None]] = {}
    for line in lines[2:]:
        port, colon, rest = line.partition(":")
        cells = rest.split()
        if not colon or not port.strip().isdecimal() or port.strip() in found or len(cells) < len(COLUMNS):
            raise Unreadable(f'"{line.strip()[:60]}" is not a port and its errors')
        if any(exact(cell) is None and not ROUNDED.fullmatch(cell) for cell in cells):
            raise Unreadable(f"port {port.strip()} counts what is no number")
        counts = dict(zip(COLUMNS, cells, strict=False))
        found[port.strip()] = {kind: exact(counts[kind]) for kind in ERRORS}
    if not found:
        raise Unreadable("the table of errors is empty")
    return found
