"""Decides what the demo plants: tenants, their tokens and each token's fate. Pure: one seed, one plan.

The plan is the truth that the checker holds the cloud against. Ages are real dates; only Lethe's own durations are
scaled, so a token issued last year is old under every scale.
"""

import math
import random
from dataclasses import dataclass, field

import codec

TENANTS = ("acme", "globex", "initech", "umbrella", "hooli", "stark", "wayne", "wonka")
ROWS_PER_SHARD = 2_000
DUE_SHARDS = 16
DAY = 86_400

REFERENCED = "referenced"
UNREFERENCED = "unreferenced"
EXPIRED = "expired"
READ = "read"
REISSUED = "reissued"
CREATED = "created"
ODD = "odd"
LIVE = (REFERENCED, READ, REISSUED, CREATED)


@dataclass
class Planted:
    """One token: its row as planted and what has to become of it."""

    token: str
    tenant: str
    group: str
    row: dict
    # The version after which every write must be Lethe's; moves when the token is issued again.
    version: int
    references: int = 0
    # Reads sent while the demo ran: each may stamp the row once.
    reads_sent: int = 0


@dataclass
class Source:
    """One registered store of a tenant."""

    name: str
    kind: str
    format: str = ""
    segments: int = 0
    lookalikes_only: bool = False

    @property
    def prefix(self):
        """Where an S3 store's objects are."""
        return f"{self.name}/"


@dataclass
class Tenant:
    """One tenant with its stores and tokens."""

    name: str
    shards: int
    sources: list
    tokens: list = field(default_factory=list)

    def of_group(self, *groups):
        """The tokens of some groups."""
        return [planted for planted in self.tokens if planted.group in groups]


def tenant_name(index):
    """A readable name; numbered when the list ends."""
    return TENANTS[index] if index < len(TENANTS) else f"tenant{index:02d}"


def sources_of(index):
    """The first tenant has every kind of store, the second keeps all its references in one, the others are plain."""
    if index == 0:
        return [
            Source("orders", "dynamodb", segments=4),
            Source("lake", "s3", format="jsonl"),
            Source("reports", "s3", format="csv"),
            Source("notes", "s3", format="text"),
            Source("exports", "s3", format="dynamodb-export"),
        ]
    if index == 1:
        return [
            Source("customers", "dynamodb", segments=2),
            Source("attic", "s3", format="jsonl", lookalikes_only=True),
        ]
    return [
        Source("orders", "dynamodb", segments=2),
        Source("reports", "s3", format="csv"),
        Source("notes", "s3", format="text"),
    ]


def plan(n_tokens, n_tenants, seed, now):
    """The tenants with all their tokens; `now` in epoch seconds."""
    weights = [1 / (index + 1) for index in range(n_tenants)]
    tenants, left = [], n_tokens
    for index in range(n_tenants):
        last = index == n_tenants - 1
        count = left if last else round(n_tokens * weights[index] / sum(weights))
        left -= count
        shards = max(4, 2 ** math.ceil(math.log2(max(1, count / ROWS_PER_SHARD))))
        tenant = Tenant(tenant_name(index), shards, sources_of(index))
        plant(tenant, count, random.Random(f"{seed}/{tenant.name}"), now)
        tenants.append(tenant)
    return tenants


def plant(tenant, count, source, now):
    """Fills one tenant: about one token in eight is unreferenced, one in twenty expired."""
    special = max(4, min(12, count // 200))
    sizes = {UNREFERENCED: count * 12 // 100, EXPIRED: count * 5 // 100, READ: special, REISSUED: special}
    sizes[REFERENCED] = count - sum(sizes.values())
    for group, size in sizes.items():
        for number in range(size):
            token = codec.make_token(source)
            row = new_row(tenant, token, source, created=now - source.randint(40 * DAY, 700 * DAY))
            tenant.tokens.append(Planted(token, tenant.name, group, row, row["version"]))
            SHAPES[group](row, number, source, now)
            tenant.tokens[-1].version = row["version"]
    for number in range(3):
        token = codec.make_token(source)
        row = new_row(tenant, token, source, created=now - 100 * DAY)
        make_odd(row, number)
        tenant.tokens.append(Planted(token, tenant.name, ODD, row, row.get("version", 0)))


def new_row(tenant, token, source, created):
    """A vault row as an issuer writes it."""
    row = {
        "pk": codec.vault_key(tenant.name, token, tenant.shards),
        "sk": token,
        "kind": "vault",
        "state": "active",
        "isValid": True,
        "version": created * 1_000 + source.randint(0, 999),
        "payload": source.randbytes(40),
    }
    row["created_at"] = row["version"]
    if source.random() < 0.8:
        subject = f"user-{source.randrange(5_000):04d}"
        session = f"s{source.randrange(1_000_000):06d}"
        row |= {"subject": subject, "session": session}
        row |= {"owner_pk": codec.owner_key(tenant.name, subject, token), "owner_sk": f"{session}#{token}"}
    return row


def shape_referenced(row, _number, source, now):
    """Some were read just now (witnesses), some long ago, some never; one in ten has an end that is far away."""
    chance = source.random()
    if chance < 0.1:
        stamp_read(row, now - source.randint(0, 10))
    elif chance < 0.5:
        stamp_read(row, now - source.randint(1 * DAY, 30 * DAY))
    if source.random() < 0.1:
        row["expires_at"] = now + source.randint(200 * DAY, 900 * DAY)
        row |= {"due_at": row["expires_at"], "due_pk": codec.due_key(row["sk"], DUE_SHARDS)}


def shape_unreferenced(row, _number, source, now):
    """Old, and read long ago or never."""
    if source.random() < 0.5:
        stamp_read(row, now - source.randint(35 * DAY, 39 * DAY))


def shape_expired(row, number, source, now):
    """Past its end: most are found by the `due` index, some carry their removal time since they were issued."""
    row["expires_at"] = now - source.randint(9 * DAY, 30 * DAY)
    if number % 3 == 2:
        row["purge_at"] = row["expires_at"] + 8 * DAY
    else:
        row |= {"due_at": row["expires_at"], "due_pk": codec.due_key(row["sk"], DUE_SHARDS)}


def stamp_read(row, at):
    """As intake does: the time, and one version more."""
    row["last_read_at"] = at
    row["version"] += 1


SHAPES = {
    REFERENCED: shape_referenced,
    UNREFERENCED: shape_unreferenced,
    EXPIRED: shape_expired,
    READ: shape_unreferenced,
    REISSUED: shape_unreferenced,
}


def make_odd(row, number):
    """A row that Lethe cannot read: it must be kept as it is."""
    if number == 0:
        row["state"] = "frozen"
    elif number == 1:
        row["kind"] = "voucher"
    else:
        del row["version"]


def issue(tenant, token, source, now_ms):
    """A row issued this very moment, as an issuer would put it; also what issuing an old token again writes."""
    row = new_row(tenant, token, source, created=now_ms // 1_000)
    row["version"] = row["created_at"] = now_ms
    return row
