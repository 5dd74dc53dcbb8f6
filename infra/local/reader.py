"""What a reader of the vault answers, in Python: the read rule of shared/domain/src/reader.rs for other languages.

Pure. `row` and `subject` are a row's attributes as plain values, or None where nothing stands. Checked against
shared/domain/vectors/reader.json, which the Rust function is checked against as well.
"""

import re
from dataclasses import dataclass

RETURNING = ("idle", "unreferenced")
REASONS = RETURNING + (
    "expired",
    "rotated",
    "consumed",
    "logout",
    "device_logout",
    "compromised",
    "revoked",
    "account_deleted",
    "superseded",
)
SUBJECT_PREFIX = "subject#"
PARTITION = re.compile(r"[a-z0-9-]{1,64}#[0-9a-fA-F]{4}")
RUN = re.compile(r"[+-]?\d+-\d+")
NEEDED = {"kind": str, "state": str, "isValid": bool, "version": int, "created_at": int}
OPTIONAL = dict.fromkeys(("expires_at", "last_read_at", "purge_at", "due_at", "cooling_since", "waits_for"), int)
OPTIONAL |= dict.fromkeys(("fence", "policy"), int)
OPTIONAL |= dict.fromkeys(("reason", "run", "hold", "actor", "reason_text"), str)
OPTIONAL |= dict.fromkeys(("subject", "session", "device", "family", "client"), str)


@dataclass(frozen=True)
class Answer:
    """200 in service, 403 there but out of service, 410 gone, 404 unknown, 500 not understood."""

    status: int
    state: str
    valid: bool
    # Whether a notice that it was read brings it back into service.
    may_return: bool


def answer(row, subject, was_known, now):
    """The answer for one token; `was_known` says that it was issued once, whatever stands there now."""
    if row is None:
        return out(410, "gone") if was_known else out(404, "unknown")
    if row.get("kind") == "subject" or str(row.get("sk", "")).startswith(SUBJECT_PREFIX):
        return out(404, "unknown")
    if not is_understood(row):
        return out(500, "unreadable")
    if is_good(row, subject, now):
        return Answer(200, "active", True, False)
    expired = "expires_at" in row and row["expires_at"] <= now
    if row["state"] == "active":
        return out(403, "expired" if expired else "cut_off")
    sentenced = "purge_at" in row
    # Whoever removes rows may take days; past its date a token that cannot come back is gone for every reader at once.
    returning = row["reason"] in RETURNING
    if sentenced and not returning and row["purge_at"] <= now and "hold" not in row:
        return out(410, "gone")
    return Answer(403, "sentenced" if sentenced else "cooling", False, returning)


def out(status, state):
    """An answer for a token that is out of service for good."""
    return Answer(status, state, False, False)


def is_good(row, subject, now):
    """The read rule: in service, not past its end, issued after its subject was cut off."""
    if row["state"] != "active" or ("expires_at" in row and row["expires_at"] <= now):
        return False
    cutoff = cutoff_of(subject, row["kind"])
    return cutoff is None or cutoff < row["created_at"]


def cutoff_of(subject, kind):
    """Up to when, in milliseconds, a subject's tokens of this kind are cut off; None when they are not."""
    if subject is None:
        return None
    found = (subject.get("cutoff_at"), (subject.get("cutoffs") or {}).get(kind))
    return max((at for at in found if at is not None), default=None)


def is_understood(row):
    """Whether the attributes have their types and do not contradict each other; what is unknown is not for use."""
    typed = all(is_of(row.get(name), kind) for name, kind in NEEDED.items()) and all(
        row.get(name) is None or is_of(row[name], kind) for name, kind in OPTIONAL.items()
    )
    if not typed or row["version"] < 0 or not has_key(row):
        return False
    if row.get("reason") not in (None, *REASONS) or not RUN.fullmatch(row.get("run") or "0-0"):
        return False
    if row["state"] == "active":
        return row["isValid"] and ("purge_at" not in row or "expires_at" in row)
    return row["state"] == "cooling" and not row["isValid"] and "reason" in row and "cooling_since" in row


def is_of(value, kind):
    """Whether a value is of a type; Python takes a truth value for a number, the vault does not."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def has_key(row):
    """Whether the keys are a tenant's shard and a token id."""
    pk, sk = row.get("pk"), row.get("sk")
    if not isinstance(pk, str) or not isinstance(sk, str):
        return False
    return PARTITION.fullmatch(pk) is not None and 1 <= len(sk.encode()) <= 1024
