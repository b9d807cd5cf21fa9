"""Playbooks, YAML, the configuration, host keys and VPD pages: a value, or the one declared error."""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from gate import document, hostkeys, sshsig
from gate.change import ChangeRequest
from gate.errors import BadInput
from gate.families import FAMILIES
from gate.families.vpd import decode_device_identification
from gate.inventory import Inventory
from gate.playbook import parse, render
from gate.settings import Config
from gate.tree import compose
from tests.families.linux_words import page
from tests.fuzz.target import Target
from tests.repository import ROOT

PLAYBOOKS = tuple(sorted((ROOT / "playbooks").glob("*/*.yaml")))
VALUES = ("east-1", "lab-8.7.0.4.img", "8.7.0.4", "8.6.0.3", "0000020420E00011", "a", "1", "cage0", "node1")
LINE = re.compile(r"[ -~]+")
"""A command is one line of printable ASCII; the pattern of a slot lets nothing else in."""


def playbook(data: bytes) -> None:
    """Whatever parses renders into single lines that its family's lists allow, or is refused."""
    try:
        book = parse(data, "fuzz.yaml", FAMILIES)
        slots: dict[str, str] = {
            name: next((value for value in VALUES if re.fullmatch(pattern, value)), "")
            for name, pattern in book.slots.items()
        }
        made = render(book, slots, FAMILIES)
    except BadInput:
        return
    family = FAMILIES[book.family]
    for step in (*made.forward, *made.commit, *made.back_out):
        assert step.attended or LINE.fullmatch(step.command), step
        if not step.mutates:
            assert family.may_ask(step.command), step.command
        elif not step.send and not step.attended:
            assert family.forbids(step.command) == "", step.command


def yaml(data: bytes) -> None:
    try:
        compose(data, "fuzz.yaml")
    except BadInput:
        return


def documents(data: bytes) -> None:
    for model in (ChangeRequest, Inventory, Config):
        try:
            document.read(data, "fuzz.yaml", model)
        except BadInput as error:
            said = str(error)
            assert said.startswith("fuzz.yaml"), said


def host_keys(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        found = hostkeys.parse(text, "known_hosts")
    except BadInput:
        return
    for name, key in found.entries:
        assert key.blob, name
        assert not any(char in name for char in "*?!"), name
    found.pinned("east-1", 22)


def pages(data: bytes) -> None:
    try:
        told = decode_device_identification(data)
    except ValueError:
        return
    for name in (told.naa or "", *told.target_ports):
        assert name.isprintable(), name
        assert name.isascii(), name


def signatures(data: bytes) -> None:
    try:
        sshsig.verify(b"message", data.decode("utf-8", "replace"), "statement@sangate")
    except ValueError:
        return
    raise AssertionError("a signature that nobody made was taken")


def files(*patterns: str) -> Callable[[], Iterator[bytes]]:
    def seeds() -> Iterator[bytes]:
        for pattern in patterns:
            for path in sorted(Path(ROOT).glob(pattern)):
                yield path.read_bytes()

    return seeds


def configurations() -> Iterator[bytes]:
    yield (ROOT / "config.yaml").read_bytes()
    yield b"""\
title: Update of the west
kind: firmware
targets: [west-1, west-2]
image: lab-8.7.0.4.img
version: 8.7.0.4
window: {opens: 2026-11-22T22:00:00Z, closes: 2026-11-23T04:00:00Z}
risk: "none: all of it"
"""


def keys() -> Iterator[bytes]:
    blob = "AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
    yield f"# pins\n[127.77.0.11]:2222 ssh-ed25519 {blob}\neast-1,10.0.0.1 ssh-ed25519 {blob} note\n".encode()
    yield f"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-ed25519 {blob}\n".encode()
    yield f"@cert-authority *.example ssh-ed25519 {blob}\n".encode()


def armoured() -> Iterator[bytes]:
    yield (
        b"-----BEGIN SSH SIGNATURE-----\n"
        b"U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
        b"-----END SSH SIGNATURE-----\n"
    )


def raw_pages() -> Iterator[bytes]:
    yield base64.b64decode(page())


TARGETS = (
    Target("playbook", files("playbooks/*/*.yaml"), playbook),
    Target("yaml", files("playbooks/*/*.yaml"), yaml),
    Target("documents", configurations, documents, largest=65_536),
    Target("host-keys", keys, host_keys),
    Target("vpd", raw_pages, pages),
    Target("sshsig", armoured, signatures),
)
