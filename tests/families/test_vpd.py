"""The decoder of VPD page 0x83, on bytes written by hand from SPC-4 7.8.6."""

import pytest

from gate.families.vpd import decode_device_identification

NAA = bytes.fromhex("600507681081000e0000000000000001")
PORT = b"iqn.1986-03.com.ibm:2145.east-1.node1,t,0x0001\0\0"


def page(*designators: bytes) -> bytes:
    body = b"".join(designators)
    return bytes([0, 0x83]) + len(body).to_bytes(2, "big") + body


def designator(code_set: int, association: int, kind: int, value: bytes) -> bytes:
    return bytes([0x50 | code_set, 0x80 | association << 4 | kind, 0, len(value)]) + value


def test_the_lun_and_its_target_port_are_told_apart() -> None:
    read = decode_device_identification(
        page(designator(1, 0, 3, NAA), designator(3, 1, 8, PORT), designator(3, 2, 8, b"iqn.1986-03.com.ibm:2145\0"))
    )
    assert read.naa == "600507681081000e0000000000000001"
    assert read.target_ports == ("iqn.1986-03.com.ibm:2145.east-1.node1,t,0x0001",)
    assert read.target_devices == ("iqn.1986-03.com.ibm:2145",)
    assert len(read.designators) == 3


def test_a_fibre_channel_port_is_named_by_its_naa() -> None:
    read = decode_device_identification(page(designator(1, 1, 3, bytes.fromhex("500507680c110001"))))
    assert read.target_ports == ("naa.500507680c110001",)
    assert read.naa is None


def test_bytes_after_the_end_of_the_page_are_not_read() -> None:
    assert decode_device_identification(page(designator(1, 0, 3, NAA)) + b"\xff" * 40).naa == NAA.hex()


def test_the_longer_of_two_lun_names_is_taken() -> None:
    read = decode_device_identification(
        page(designator(1, 0, 3, bytes.fromhex("500507680c110001")), designator(1, 0, 3, NAA))
    )
    assert read.naa == NAA.hex()


@pytest.mark.parametrize(
    ("garbage", "sentence"),
    [
        (b"", "no header"),
        (b"\0\x80\0\0", "is not 0x83"),
        (b"\0\x83\xff\xff", "more than"),
        (b"\0\x83\0\x20" + bytes(8), "holds 8"),
        (page(b"\x51\x03\0"), "stray bytes"),
        (page(bytes([1, 3, 0, 16]) + NAA[:8]), "runs past"),
        (page(designator(1, 0, 3, NAA[:8])), "format 6 has 8 bytes"),
        (page(designator(2, 0, 3, NAA)), "not binary"),
        (page(designator(3, 1, 8, b"\0\0\0\0")), "empty"),
        (page(designator(3, 1, 8, b"iqn.\xff\0")), "not ASCII"),
        (page(designator(3, 1, 8, b"iqn.a\x1b[2J")), "control characters"),
    ],
)
def test_garbage_is_a_value_error_with_a_sentence(garbage: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        decode_device_identification(garbage)
