"""AWS Signature Version 4 as its receiver sees it: whose key signed a request, and whether the signature holds. Pure.

Written from the published algorithm, because a local cloud takes every signature for good and the front door must not.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
AUTHORIZATION = re.compile(
    ALGORITHM + r" Credential=([^/\s]+)/(\d{8})/([^/\s]+)/([^/\s]+)/aws4_request,\s*"
    r"SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True)
class Signature:
    """What an `Authorization` header says."""

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple
    value: str


def read(authorization):
    """The signature that a header carries; None when it carries none."""
    found = AUTHORIZATION.fullmatch(authorization or "")
    if not found:
        return None
    access_key, date, region, service, names, value = found.groups()
    return Signature(access_key, date, region, service, tuple(names.split(";")), value)


def holds(signature, secret, method, target, headers, body):
    """Whether this secret made the signature over exactly this request; `headers` by their lower-case names."""
    # What is not signed can be changed on the way; host and time are the least.
    if "host" not in signature.signed_headers or "x-amz-date" not in signature.signed_headers:
        return False
    canonical = canonical_request(signature, method, target, headers, body)
    scope = f"{signature.date}/{signature.region}/{signature.service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join((ALGORITHM, headers.get("x-amz-date", ""), scope, digest))
    made = hmac.new(signing_key(secret, signature), text.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(made, signature.value)


def canonical_request(signature, method, target, headers, body):
    """The text that is signed."""
    path, _, query = target.partition("?")
    pairs = sorted(pair if "=" in pair else f"{pair}=" for pair in query.split("&") if pair)
    lines = [f"{name}:{' '.join(headers.get(name, '').split())}" for name in signature.signed_headers]
    return "\n".join(
        (
            method,
            # Every service but S3 signs the path encoded once more than it is sent.
            quote(path or "/", safe="/~"),
            "&".join(pairs),
            *lines,
            "",
            ";".join(signature.signed_headers),
            hashlib.sha256(body).hexdigest(),
        )
    )


def signing_key(secret, signature):
    """The key of one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (signature.date, signature.region, signature.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
