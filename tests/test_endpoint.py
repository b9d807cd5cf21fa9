"""One thing has one spelling, and two things never come to have the same."""

import pytest

from gate.endpoint import address, host, literal, service


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("[::FFFF:c000:207]", "192.0.2.7"),
        ("64:ff9b::c000:207", "192.0.2.7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("[2001:db8:0:0::7]", "2001:db8::7"),
        ("64:ff9b:1::c000:207", "64:ff9b:1::c000:207"),
        ("Objects.Example.", "objects.example"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_an_address_and_a_name_have_one_spelling(spelled: str, expected: str) -> None:
    assert address(spelled) == expected
    assert address(expected) == expected


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        ("https://s3.example", "https://s3.example"),
        ("https://S3.Example.:443", "https://s3.example"),
        ("https://s3.example:0443", "https://s3.example"),
        ("https://s3.example:80", "https://s3.example:80"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8333", "http://[::1]:8333"),
        ("https://[2001:DB8:0::7]:443", "https://[2001:db8::7]"),
        ("https://[::ffff:192.0.2.7]", "https://192.0.2.7"),
    ],
)
def test_an_endpoint_has_one_spelling(spelled: str, expected: str) -> None:
    assert service(spelled) == expected
    assert service(expected) == expected


def test_the_host_of_an_endpoint_is_spelled_like_an_address() -> None:
    assert host("https://[::ffff:192.0.2.7]:9000") == "192.0.2.7"
    assert host("https://S3.Example.:9000") == "s3.example"


@pytest.mark.parametrize(
    "spelled",
    ["ftp://s3.example", "https://", "https://..", "https://2001:db8::7", "https://[s3]", "https://[::7", "https://s3:0",
     "https://s3:65536", "https://s3.example/", "https://s3.example\n", "https://a@s3.example", "https://[::g]"],
)  # fmt: skip
def test_what_is_no_endpoint_is_refused(spelled: str) -> None:
    with pytest.raises(ValueError, match="is no endpoint"):
        service(spelled)
    with pytest.raises(ValueError, match="is no endpoint"):
        host(spelled)


def test_what_somebody_must_resolve_is_no_address() -> None:
    assert literal("192.0.2.7")
    assert literal("[2001:db8::7]")
    for name in ("s3.example", "3221225993", "0xc0000209", "127.1", "010.0.0.1", ""):
        assert not literal(name)
