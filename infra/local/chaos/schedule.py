"""Which fault is in force when. Pure: the same minutes, tenants and seed give the same schedule.

A fault lasts longer than a scan takes, so that whole scans fall under it. Between two faults of one tenant lies a calm
window in which a scan gets through: tokens that nobody needs have to leave in the middle of it all.
"""

import random
from dataclasses import dataclass

UNREACHABLE = "source_unreachable"
DENIED = "credentials_lost"
TRUNCATED = "object_truncated"
WIPED = "bucket_wiped"
WRONG_FORMAT = "wrong_format"
BASE64 = "store_in_base64"
KINDS = (UNREACHABLE, DENIED, TRUNCATED, WIPED, WRONG_FORMAT, BASE64)
FAULT_SECONDS = (60.0, 100.0)
CALM_SECONDS = (90.0, 120.0)
# A moment between the tenants' first whole scans and the first fault.
QUIET_SECONDS = 10.0
# Tenants are hit one after the other, so that one is calm while another is not.
STAGGER_SECONDS = 40.0


@dataclass(frozen=True)
class Slice:
    """One fault of one tenant's source, in seconds since the beginning. `source` is empty where all objects are hit."""

    kind: str
    tenant: str
    source: str
    begin: float
    end: float


def plan(minutes, tenants, seed):
    """The slices of all tenants in the order of their beginning. `tenants` maps a name to the tenant's sources."""
    rng, slices = random.Random(f"{seed}/schedule"), []
    kinds = rng.sample(KINDS, len(KINDS))
    turn = 0
    for number, (tenant, sources) in enumerate(sorted(tenants.items())):
        at = QUIET_SECONDS + number * STAGGER_SECONDS
        while True:
            end = at + rng.uniform(*FAULT_SECONDS)
            if minutes * 60 < end:
                break
            # Round robin, so that a short chaos has every kind once before any comes again.
            kind = kinds[turn % len(kinds)]
            turn += 1
            slices.append(Slice(kind, tenant, victim(kind, sources, rng), at, end))
            at = end + rng.uniform(*CALM_SECONDS)
    return sorted(slices, key=lambda slice_: (slice_.begin, slice_.tenant))


def victim(kind, sources, rng):
    """Which source is hit: any may be out of reach, what is in objects can be damaged, a bucket is wiped whole."""
    if kind == WIPED:
        return ""
    if kind in (UNREACHABLE, DENIED):
        return rng.choice(sources).name
    # Half of a plain text is a text; only what is packed is broken by a cut.
    broken = [source for source in sources if source.kind == "s3" and (kind != TRUNCATED or source.format != "text")]
    return rng.choice(broken).name
