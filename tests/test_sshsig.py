"""Signatures as `ssh-keygen -Y sign` really makes them, and everything that is not quite one."""

import base64
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.sshsig import BEGIN, END, LONGEST, MAGIC, SMALL_ORDER, verify
from tests.parts import need

MESSAGE = b'{"decision":"approve"}'
NAMESPACE = "approval@sangate"


def keygen(*words: str | Path) -> None:
    subprocess.run([need("ssh-keygen"), *words], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)


def key(folder: Path, kind: str = "ed25519", *words: str) -> Path:
    path = folder / kind
    keygen("-q", "-t", kind, *words, "-N", "", "-C", "somebody", "-f", path)
    return path


def signature(private: Path, *words: str, message: bytes = MESSAGE, namespace: str = NAMESPACE) -> str:
    text = private.parent / "message"
    text.write_bytes(message)
    (private.parent / "message.sig").unlink(missing_ok=True)
    keygen("-Y", "sign", "-n", namespace, *words, "-f", private, text)
    return (private.parent / "message.sig").read_text()


def public(private: Path) -> str:
    return " ".join(private.with_suffix(".pub").read_text().split()[:2])


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return key(tmp_path_factory.mktemp("mine"))


@pytest.fixture(scope="module")
def armour(mine: Path) -> str:
    return signature(mine)


def packed(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def armoured(blob: bytes) -> str:
    return f"{BEGIN}\n{base64.b64encode(blob).decode()}\n{END}\n"


def blob_of(armour: str) -> bytes:
    return base64.b64decode("".join(armour.split("\n")[1:-2]))


def test_a_real_signature_gives_the_key_that_made_it(mine: Path, armour: str) -> None:
    assert verify(MESSAGE, armour, NAMESPACE) == public(mine)


@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
def test_both_hashes_of_the_format_are_read(mine: Path, hash_name: str) -> None:
    assert verify(MESSAGE, signature(mine, "-O", f"hashalg={hash_name}"), NAMESPACE) == public(mine)


def test_an_empty_message_may_be_signed_and_is_not_another_one(mine: Path) -> None:
    empty = signature(mine, message=b"")
    assert verify(b"", empty, NAMESPACE) == public(mine)
    with pytest.raises(ValueError, match="does not fit"):
        verify(MESSAGE, empty, NAMESPACE)


def test_a_signature_by_somebody_else_gives_their_key(mine: Path, tmp_path: Path) -> None:
    other = key(tmp_path)
    assert verify(MESSAGE, signature(other), NAMESPACE) == public(other) != public(mine)


@pytest.mark.parametrize("namespace", ["file", "approval@sangate2", "Approval@sangate"])
def test_a_signature_made_for_anything_else_is_refused(mine: Path, namespace: str) -> None:
    with pytest.raises(ValueError, match=f"made for '{namespace}', not for 'approval@sangate'"):
        verify(MESSAGE, signature(mine, namespace=namespace), NAMESPACE)


@pytest.mark.parametrize("message", [b"", MESSAGE + b"\n", MESSAGE[:-1], MESSAGE.swapcase()])
def test_a_signature_of_another_text_is_refused(armour: str, message: bytes) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        verify(message, armour, NAMESPACE)


def test_every_changed_bit_is_refused(armour: str) -> None:
    blob = blob_of(armour)
    for place in range(len(blob)):
        for bit in (0x01, 0x80):
            changed = blob[:place] + bytes([blob[place] ^ bit]) + blob[place + 1 :]
            with pytest.raises(ValueError):
                verify(MESSAGE, armoured(changed), NAMESPACE)


def test_a_blob_cut_anywhere_or_with_more_behind_it_is_refused(mine: Path, armour: str) -> None:
    blob = blob_of(armour)
    assert verify(MESSAGE, armoured(blob), NAMESPACE) == public(mine)
    for length in range(len(blob)):
        with pytest.raises(ValueError):
            verify(MESSAGE, armoured(blob[:length]), NAMESPACE)
    with pytest.raises(ValueError, match="more in it"):
        verify(MESSAGE, armoured(blob + b"\0"), NAMESPACE)


def test_an_armour_cut_anywhere_is_refused(armour: str) -> None:
    whole = armour.strip()
    for length in range(len(whole)):
        with pytest.raises(ValueError):
            verify(MESSAGE, whole[:length], NAMESPACE)


@pytest.mark.parametrize(("kind", "words"), [("rsa", ("-b", "2048")), ("ecdsa", ())])
def test_keys_of_other_kinds_are_refused(tmp_path: Path, kind: str, words: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="not of the kind ssh-ed25519"):
        verify(MESSAGE, signature(key(tmp_path, kind, *words)), NAMESPACE)


ORDINARY = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
"""Public key of RFC 8032 section 7.1, test 1."""


def forged(
    *,
    magic: bytes = MAGIC,
    version: int = 1,
    kind: bytes = b"ssh-ed25519",
    named: bytes = NAMESPACE.encode(),
    reserved: bytes = b"",
    algorithm: bytes = b"sha512",
    signed: bytes = bytes(64),
    inner: bytes = b"",
    point: bytes = ORDINARY,
) -> str:
    public_key = packed(kind, point) + inner
    rest = packed(public_key, named, reserved, algorithm, packed(kind, signed) + inner)
    return armoured(magic + struct.pack(">I", version) + rest)


@pytest.mark.parametrize(
    ("armour", "because"),
    [
        (forged(), "does not fit"),
        (forged(magic=b"SSHSIH"), "not an SSH signature of version 1"),
        (forged(version=2), "not an SSH signature of version 1"),
        (forged(version=0), "not an SSH signature of version 1"),
        (forged(kind=b"sk-ssh-ed25519@openssh.com"), "not of the kind ssh-ed25519"),
        (forged(reserved=b"x"), "more in it than belongs there"),
        (forged(algorithm=b"md5"), "unknown hash"),
        (forged(algorithm=b""), "unknown hash"),
        (forged(signed=b""), "the signature is not of the kind"),
        (forged(signed=bytes(63)), "the signature is not of the kind"),
        (forged(signed=bytes(65)), "the signature is not of the kind"),
        (forged(inner=b"\0"), "is not of the kind ssh-ed25519"),
        (forged(named=b"\xff"), "made for '\ufffd'"),
    ],
)
def test_a_forged_blob_is_refused_with_its_reason(armour: str, because: str) -> None:
    with pytest.raises(ValueError, match=because):
        verify(MESSAGE, armour, NAMESPACE)


@pytest.mark.parametrize("sign", [0x00, 0x80])
@pytest.mark.parametrize("point", sorted(SMALL_ORDER), ids=lambda point: point.hex()[:6])
def test_a_key_under_which_anybody_can_sign_is_refused(point: bytes, sign: int) -> None:
    weak = point[:31] + bytes([point[31] | sign])
    for number in range(16):
        with pytest.raises(ValueError, match="anybody could have signed"):
            verify(MESSAGE + bytes([number]), forged(point=weak), NAMESPACE)


def test_the_weak_keys_are_all_points_whose_eightfold_is_nothing() -> None:
    """Three doublings by the formulas of RFC 8032 section 5.1.4 end at (0, 1)."""
    prime = 2**255 - 19
    d = -121665 * pow(121666, -1, prime) % prime
    assert len(SMALL_ORDER) == 7
    for point in SMALL_ORDER:
        y = int.from_bytes(point, "little") % prime
        x2 = (y * y - 1) * pow(d * y * y + 1, -1, prime) % prime
        for _ in range(3):
            # Doubling by squares alone: x² and y of 2P from x² and y of P (x = 2xy/(1+dx²y²), y = (y²+x²)/(1-dx²y²)).
            k = d * x2 * y * y
            x2, y = (
                4 * x2 * y * y * pow(1 + k, -2, prime) % prime,
                (y * y + x2) * pow(1 - k, -1, prime) % prime,
            )
        assert (x2, y) == (0, 1)


def test_the_armour_itself_must_be_whole(armour: str) -> None:
    lines = armour.strip().split("\n")
    middle = lines[1:-1]
    for spoiled in (
        [*middle],
        [BEGIN, *middle],
        [*middle, END],
        [BEGIN, END],
        [END, *middle, BEGIN],
        [BEGIN, "", END],
        [BEGIN, "!" + middle[0], *middle[1:], END],
        [BEGIN, "é" + middle[0], *middle[1:], END],
        [BEGIN + "x", *middle, END],
        [BEGIN, *middle, END + "x"],
    ):
        with pytest.raises(ValueError):
            verify(MESSAGE, "\n".join(spoiled), NAMESPACE)


def test_a_namespace_that_has_no_bytes_is_a_value_error(armour: str) -> None:
    with pytest.raises(ValueError):
        verify(MESSAGE, armour, "\ud800")


def test_what_is_too_long_is_not_read(mine: Path, armour: str) -> None:
    padded = armour + "\n" * (LONGEST - len(armour))
    assert verify(MESSAGE, padded, NAMESPACE) == public(mine)
    with pytest.raises(ValueError, match="not an armoured"):
        verify(MESSAGE, padded + "\n", NAMESPACE)


@settings(deadline=None)
@given(st.binary(max_size=200), st.text(max_size=60))
def test_no_bytes_and_no_text_throw_anything_but_a_value_error(noise: bytes, text: str) -> None:
    for armour in (text, armoured(noise), armoured(MAGIC + struct.pack(">I", 1) + noise), f"{BEGIN}\n{text}\n{END}"):
        with pytest.raises(ValueError):
            verify(MESSAGE, armour, NAMESPACE)


def test_openssh_agrees_about_who_signed(mine: Path, armour: str, tmp_path: Path) -> None:
    allowed, made = tmp_path / "allowed", tmp_path / "made.sig"
    allowed.write_text(f"lead {public(mine)}\n")
    made.write_text(armour)
    files = ["-f", str(allowed), "-s", str(made)]
    words = [need("ssh-keygen"), "-Y", "verify", "-I", "lead", "-n", NAMESPACE, *files]
    told = subprocess.run(words, input=MESSAGE, capture_output=True, check=False, timeout=60)
    assert told.returncode == 0
