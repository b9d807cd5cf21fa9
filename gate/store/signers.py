"""
The ledger's signing key where this process cannot read it: in an ssh-agent, or behind another program.

Both give a plain Ed25519 signature over what they are handed. It is checked against the public key before it goes
anywhere: a signer that answers with another key, or with rubbish, must not leave its mark on a checkpoint.
"""

import binascii
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gate.errors import BadInput, LedgerUnavailable
from gate.ledger.note import VerifierKey, named, read_vkey, unbase64

if TYPE_CHECKING:
    from paramiko.agent import Agent
    from paramiko.agent import AgentKey as Held

SIGNATURE = 64
WITHIN = 10.0
"""Seconds that a signature may take."""

HERE = "is the ssh-agent running, is SSH_AUTH_SOCK set for the gate, and does ssh-add -l list the key?"


class AgentKey:
    """An Ed25519 key in an ssh-agent of this host: another user's, or a token behind it. Used for nothing else."""

    def __init__(self, name: str, fingerprint: str) -> None:
        """`fingerprint` as `ssh-add -l` prints it: `SHA256:…`; LedgerUnavailable when no agent holds that key."""
        if not named(name):
            raise BadInput(f'"{name}" cannot name a ledger', hint="no spaces, no plus sign: gate.example.com/ledger/1")
        self._fingerprint = fingerprint
        agent, held = self._find()
        self.vkey = VerifierKey(name, held.asbytes()[-32:])
        agent.close()

    def sign(self, message: bytes) -> bytes:
        """Return the signature; LedgerUnavailable when the agent does not give one of this key."""
        from paramiko import Message, SSHException

        agent, held = self._find()
        try:
            wire = Message(cast("bytes", held.sign_ssh_data(message)))
            wire.get_text()
            signature = wire.get_string()
        except (SSHException, OSError, UnicodeDecodeError) as problem:
            raise LedgerUnavailable(f"the ssh-agent does not sign: {problem}", hint=HERE) from None
        finally:
            agent.close()
        return _checked(signature, message, self.vkey, "the ssh-agent")

    def _find(self) -> "tuple[Agent, Held]":
        from paramiko import SSHException
        from paramiko.agent import Agent

        try:
            agent = Agent()
            keys = agent.get_keys()
        except (SSHException, OSError) as problem:
            raise LedgerUnavailable(f"cannot ask the ssh-agent: {problem}", hint=HERE) from None
        for held in keys:
            if held.fingerprint == self._fingerprint:
                if held.get_name() != "ssh-ed25519":
                    agent.close()
                    raise LedgerUnavailable(f"the agent's key {self._fingerprint} is not an Ed25519 key")
                return agent, held
        agent.close()
        raise LedgerUnavailable(f"no ssh-agent holds the ledger key {self._fingerprint}", hint=HERE)


class CommandKey:
    """A program that is handed the message on standard input and writes the signature, raw or in base64."""

    def __init__(self, name: str, words: Sequence[str], vkey: str, within: float = WITHIN) -> None:
        """`vkey` is the public side, `name+hash+base64`; BadInput when it is none or has another name."""
        try:
            self.vkey = read_vkey(vkey)
        except ValueError as problem:
            raise BadInput(f"the ledger's vkey: {problem}") from None
        if self.vkey.name != name:
            raise BadInput(f"the ledger's vkey belongs to {self.vkey.name}, the log is {name}")
        self._words, self._within = tuple(words), within

    def sign(self, message: bytes) -> bytes:
        """Return the signature; LedgerUnavailable when the program fails, is late, or signs with another key."""
        said = f"the signing program {self._words[0]}"
        try:
            done = subprocess.run(
                self._words, input=message, capture_output=True, timeout=self._within, check=False, cwd="/"
            )
        except subprocess.TimeoutExpired:
            raise LedgerUnavailable(f"{said} took longer than {self._within:.0f} s") from None
        except OSError as problem:
            raise LedgerUnavailable(f"{said} cannot be run: {problem.strerror}") from None
        if done.returncode:
            raise LedgerUnavailable(f"{said} ended with {done.returncode}")
        return _checked(_decoded(done.stdout), message, self.vkey, said)


def _decoded(written: bytes) -> bytes:
    if len(written) == SIGNATURE:
        return written
    try:
        return unbase64(written.strip().decode("ascii"))
    except (ValueError, binascii.Error):
        return b""


def _checked(signature: bytes, message: bytes, vkey: VerifierKey, who: str) -> bytes:
    try:
        Ed25519PublicKey.from_public_bytes(vkey.public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise LedgerUnavailable(f"{who} gave something that is no signature of the ledger's key {vkey}") from None
    return signature
