"""Lethe's formats, written a second time from the design, so that the checker shares no code with what it checks.

Pure: tokens and their check character, where a row lives in the vault, fingerprints, the audit's packed entries, and
the archive's records.
"""

import base64
import hashlib
import hmac
import json
import math
import struct
from dataclasses import dataclass

import zstandard

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
PREFIX = "tok_"
LENGTH = 24
ENTRY = struct.Struct(">16sQBBB")
STATES = ("none", "active", "cooling", "sentenced", "archived", "purged", "erased")
REASONS = (
    "none",
    "expired",
    "rotated",
    "consumed",
    "logout",
    "device_logout",
    "compromised",
    "revoked",
    "account_deleted",
    "idle",
    "unreferenced",
    "superseded",
)


def luhn_check(body):
    """The Luhn mod N check character of a body: doubling starts at its right end, where the check character follows."""
    size, total, factor = len(ALPHABET), 0, 2
    for character in reversed(body):
        addend = factor * ALPHABET.index(character)
        total += addend // size + addend % size
        factor = 3 - factor
    return ALPHABET[(size - total % size) % size]


def make_token(random):
    """A new vault token."""
    body = "".join(random.choices(ALPHABET, k=LENGTH - 1))
    return PREFIX + body + luhn_check(body)


def is_token(text):
    """Whether a text is a well-formed vault token."""
    body = text[len(PREFIX) :]
    return (
        text.startswith(PREFIX)
        and len(body) == LENGTH
        and all(character in ALPHABET for character in body)
        and luhn_check(body[:-1]) == body[-1]
    )


def digest(token):
    """SHA-256 of the canonical id; these tokens are canonical as they are."""
    return hashlib.sha256(token.encode()).digest()


def vault_key(tenant, token, shards):
    """The `pk` of a token's row: its shard is the leading bits of the digest."""
    bits = int(math.log2(shards))
    shard = int.from_bytes(digest(token)[:2], "big") >> (16 - bits)
    return f"{tenant}#{shard:04x}"


def due_key(token, due_shards):
    """The `due_pk` of a token's row."""
    return f"due#{digest(token)[0] % due_shards:02x}"


def owner_key(tenant, subject, token):
    """The `owner_pk` of a token's row: eight buckets a subject."""
    return f"{tenant}#{subject}#{digest(token)[-1] & 7:x}"


def fingerprint(key, token):
    """What the audit calls a token: 16 bytes, from which nobody gets the token back."""
    identity = token.encode()
    disclosed = hmac.new(key, identity, hashlib.sha256).digest()
    return hashlib.sha256(disclosed + identity).digest()[:16]


@dataclass(frozen=True)
class Entry:
    """One token's change in an audit item."""

    fingerprint: bytes
    version: int
    before: str
    after: str
    reason: str


def decode_entries(packed):
    """The entries of an audit item; a length or code that does not fit is an error, never skipped."""
    if len(packed) % ENTRY.size:
        raise ValueError(f"entries of {len(packed)} bytes are not a multiple of {ENTRY.size}")
    found = []
    for name, version, before, after, reason in ENTRY.iter_unpack(packed):
        if before >= len(STATES) or after >= len(STATES) or reason >= len(REASONS):
            raise ValueError(f"entry with unknown codes {before} {after} {reason}")
        found.append(Entry(name, version, STATES[before], STATES[after], REASONS[reason]))
    return found


def decode_archive(body):
    """The records of an archive object: zstd frames one after another, each of JSON lines."""
    with zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True) as reader:
        text = reader.read().decode()
    return [json.loads(line) for line in text.splitlines() if line]


def plain(attribute):
    """A DynamoDB attribute value, in its JSON or boto3 low-level form, as a plain Python value."""
    ((kind, value),) = attribute.items()
    if kind == "N":
        return int(value)
    if kind == "B" and isinstance(value, str):
        return base64.b64decode(value)
    if kind == "M":
        return {name: plain(item) for name, item in value.items()}
    if kind == "L":
        return [plain(item) for item in value]
    if kind == "NULL":
        return None
    return value


def plain_item(item):
    """A whole item as plain values."""
    return {name: plain(value) for name, value in item.items()}
