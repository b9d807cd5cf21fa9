"""Playbooks, YAML, the configuration, host keys and VPD pages: a value, or the one declared error."""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from gate import document, hostkeys, sshsig
from gate.change import ChangeRequest
from gate.chap import Account, Chap, ChapError, answer, check, read_challenge
from gate.errors import BadInput
from gate.families import FAMILIES
from gate.families.vpd import decode_device_identification
from gate.inventory import Inventory
from gate.playbook import parse, render
from gate.settings import Config
from gate.tree import compose
from tests.families.linux_words import page
from tests.fuzz.target import Target, take
from tests.repository import ROOT

TARGET_SIDE = Account("array", "what-the-array-knows")
TOLD = Chap(Account("gate", "what-the-gate-knows"), TARGET_SIDE)
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


MODELS = (ChangeRequest, Inventory, Config)


def documents(data: bytes) -> None:
    """(model, bytes)."""
    number, text = take(data, len(MODELS))
    try:
        document.read(text, "fuzz.yaml", MODELS[number])
    except BadInput as error:
        said = str(error)
        assert said.startswith("fuzz.yaml"), said


def logins(data: bytes) -> None:
    """What a target says while it asks for CHAP: a challenge that is answered, or the declared error."""
    text = data.decode("utf-8", "replace")
    said = dict(part.split("=", 1) for part in text.split("\n") if "=" in part)
    try:
        keys, asked = answer(read_challenge(said), TOLD, bytes(33))
        assert all(TOLD.ours.secret not in value for value in keys.values())
        assert asked is not None
        check(said, asked, TARGET_SIDE)
    except ChapError as error:
        shown = str(error)
        assert "knows" not in shown or "its own secret" in shown, shown
        return
    raise AssertionError("a target that knows no secret has proven itself")


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
    whole = (ROOT / "config.yaml").read_bytes()
    yield b"\2" + whole
    fleet = whole[whole.index(b"\ninventory:") + 1 : whole.index(b"\nlab:") + 1].split(b"\n", 1)[1]
    yield b"\1" + b"\n".join(line.removeprefix(b"  ") for line in fleet.split(b"\n"))
    small = b"[{id: a, site: a, family: purity, model: x, serial: abcd, criticality: low, ssh: {host: h}}]"
    yield b"\1sites: [a]\narrays: " + small + b"\n"
    yield b"""\0\
title: Update of the west
kind: firmware
targets: [west-1, west-2]
image: lab-8.7.0.4.img
version: 8.7.0.4
window: {opens: 2026-11-22T22:00:00Z, closes: 2026-11-23T04:00:00Z}
risk: "none: all of it"
"""


def challenges() -> Iterator[bytes]:
    yield b"CHAP_A=5\nCHAP_I=7\nCHAP_C=0x00ff10aa\nCHAP_N=array\nCHAP_R=0x00112233445566778899aabbccddeeff"
    yield b"CHAP_A=7\nCHAP_I=255\nCHAP_C=0bAP8Q"


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
    Target("chap", challenges, logins),
    Target("host-keys", keys, host_keys),
    Target("vpd", raw_pages, pages),
    Target("sshsig", armoured, signatures),
)
