"""
One spelling for an address, a host name and the endpoint of a service, so that one thing is not taken for two.

Addresses as `ip_address` spells them; what only wraps an IPv4 address is that address (`::ffff:192.0.2.7`, RFC 4291
section 2.5.5.2; `64:ff9b::192.0.2.7`, RFC 6052). Names in lower case without the root's dot; a scheme's own port is
left out (RFC 3986 section 6.2.3).
"""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

PORTS = {"http": 80, "https": 443}
FORM = re.compile(r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?")
TRANSLATED = ip_network("64:ff9b::/96")
"""Where a translator between IPv6 and IPv4 shows IPv4 addresses."""


@lru_cache(1024)
def address(text: str) -> str:
    """Spell an address, or a host name; kept for the last ones asked, since a fleet's copies lie at few services."""
    try:
        found = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return text.lower().rstrip(".")
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        if found in TRANSLATED:
            return str(ip_address(int(found) & 0xFFFFFFFF))
    return str(found)


def literal(text: str) -> bool:
    """Whether it is an address, and no name that somebody must resolve."""
    try:
        ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def host(endpoint: str) -> str:
    """Return the host of an endpoint, spelled by `address`; ValueError for what is no endpoint."""
    return _parts(endpoint)[1]


def service(endpoint: str) -> str:
    """Spell an endpoint: scheme, host, and the port where it is not the scheme's own; ValueError likewise."""
    scheme, name, port = _parts(endpoint)
    shown = f"[{name}]" if ":" in name else name
    return f"{scheme}://{shown}" if port == PORTS[scheme] else f"{scheme}://{shown}:{port}"


def _parts(endpoint: str) -> tuple[str, str, int]:
    found = FORM.fullmatch(endpoint)
    port = int(found["port"]) if found and found["port"] else PORTS[found["scheme"]] if found else 0
    name = address(found["host"]) if found else ""
    if found is None or not name or not 1 <= port <= 65535 or (found["host"][0] == "[" and not literal(found["host"])):
        raise ValueError(f"{endpoint} is no endpoint: scheme, host, and a port where it is not the scheme's own")
    return found["scheme"], name, port
