"""Have `ssh-keygen -Y sign` sign a statement: with a key file, or with an agent that holds the key."""

import subprocess
from pathlib import Path

from gate.approval import NAMESPACE
from gate.errors import BadInput, Outside
from gate.settings import read_file
from gate.sshsig import verify

WAIT_S = 120
"""A passphrase is typed in this time."""


def sign(statement: str, key: Path, namespace: str = NAMESPACE) -> str:
    """Return the armoured signature; BadInput for a key that cannot sign here, Outside when ssh-keygen fails."""
    _refuse_hardware(key)
    command = ["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", str(key)]
    try:
        done = subprocess.run(command, input=statement.encode(), capture_output=True, check=False, timeout=WAIT_S)
    except FileNotFoundError:
        hint = "the package openssh-client brings it; the page needs none where the policy counts sessions"
        raise Outside("ssh-keygen is not on this machine", hint=hint) from None
    except subprocess.TimeoutExpired:
        raise Outside(f"ssh-keygen did not sign within {WAIT_S} seconds") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Outside(f"ssh-keygen did not sign: {said[-1] if said else 'no reason given'}", place=str(key))
    armour = done.stdout.decode("ascii", "replace")
    try:
        verify(statement.encode(), armour, namespace)
    except ValueError as error:
        raise BadInput(f"the signature would not count: {error}", place=str(key), hint="an Ed25519 key signs") from None
    return armour


def _refuse_hardware(key: Path) -> None:
    """A FIDO key signs over a counter of its own that the auditor's verifier does not know; say so before a touch."""
    public = key if key.suffix == ".pub" else key.with_name(key.name + ".pub")
    if not key.exists():
        raise BadInput("there is no such key", place=str(key), hint="ssh-keygen -t ed25519 makes one")
    if not public.exists():
        return
    kind = read_file(public, 16 * 1024).decode("utf-8", "replace").partition(" ")[0]
    if kind.startswith("sk-"):
        raise BadInput("a FIDO key cannot sign here yet", place=str(public), hint="use a plain Ed25519 key")
    if kind != "ssh-ed25519":
        raise BadInput(f"{kind[:40]} keys do not sign here", place=str(public), hint="ssh-keygen -t ed25519 makes one")
