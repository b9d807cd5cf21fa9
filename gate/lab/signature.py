"""AWS Signature Version 4 as a service verifies it, from its description, with the standard library alone."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)


def signer(
    method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str]
) -> tuple[str, str]:
    """
    Return (access key, '') for a request that was signed with its secret, else ('', S3's word for what is wrong).

    `path` as it was sent; header names in lower case.
    """
    found = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if found is None:
        return "", "AccessDenied"
    access, day, region, names, given = found.groups()
    if access not in secrets:
        return "", "InvalidAccessKeyId"
    if headers.get("x-amz-content-sha256") != hashlib.sha256(body).hexdigest():
        return "", "XAmzContentSHA256Mismatch"
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in _query(query))
    signed = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in names.split(";"))
    canonical = "\n".join(
        (method, path, "&".join(f"{a}={b}" for a, b in pairs), signed, names, headers["x-amz-content-sha256"])
    )
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{headers.get('x-amz-date', '')}\n{scope}\n{digest}"
    key = b"AWS4" + secrets[access].encode()
    for part in (day, region, "s3", "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return (access, "") if hmac.compare_digest(key.hex(), given) else ("", "SignatureDoesNotMatch")


def _query(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)
