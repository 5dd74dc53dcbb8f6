"""A vault row as an issuer writes it, in one write and in any language. Pure.

A token whose end is known carries `purge_at` from the start, so that its end costs no write; any other that ends by
itself carries `due_at` and waits in the due index.
"""

import hashlib

import codec
from auth import configuration


def bearer(generator):
    """What the vault calls a bearer token: the SHA-256 of a secret that nobody stores."""
    return hashlib.sha256(generator.randbytes(32)).hexdigest()


def issue(tenant, shards, token, kind, owner, created_ms, expires_at=None, knows_end=True):
    """The row of a token that is issued now; `owner` holds subject, session, device, family and client."""
    row = {
        "pk": codec.vault_key(tenant, token, shards),
        "sk": token,
        "kind": kind,
        "state": "active",
        "isValid": True,
        "version": created_ms,
        "created_at": created_ms,
    }
    row |= {name: value for name, value in owner.items() if value}
    if "subject" in row:
        row["owner_pk"] = codec.owner_key(tenant, row["subject"], token)
        row["owner_sk"] = f"{row.get('session', '')}#{token}"
    return row | ends(token, kind, created_ms // 1_000, expires_at, knows_end)


def ends(token, kind, created_at, expires_at, knows_end):
    """The attributes by which a row ends by itself."""
    if expires_at is not None and knows_end:
        return {"expires_at": expires_at, "purge_at": expires_at + configuration.cool_off(kind, "expired")}
    idle_at = created_at + configuration.idle_seconds() if kind == "session" else None
    due_at = min((at for at in (expires_at, idle_at) if at is not None), default=None)
    own_end = {} if expires_at is None else {"expires_at": expires_at}
    if due_at is None:
        return own_end
    return own_end | {"due_at": due_at, "due_pk": codec.due_key(token, configuration.DUE_SHARDS)}


def subject_key(tenant, subject, shards):
    """Where a subject's own row is: its shard comes from its sort key, as a token's does."""
    sort_key = f"subject#{subject}"
    return {"pk": codec.vault_key(tenant, sort_key, shards), "sk": sort_key}
