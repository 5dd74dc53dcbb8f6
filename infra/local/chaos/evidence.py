"""What the cloud says at the end: rows, audit, runs and archive as they lie there, with nothing of Lethe's code.

The raw reading is checker.py's; this adds the runs and puts the audit's entries in order, by token.
"""

from collections import defaultdict
from dataclasses import dataclass

import checker
import codec
import runs


@dataclass(frozen=True)
class Run:
    """One run as the control table and the audit tell it."""

    tenant: str
    name: str
    stage: str
    note: str
    # When its scan began and when it was sealed; None while it was not.
    began: float
    sealed: float | None
    # When it was applied or void, by the audit.
    applied: float | None
    void: float | None


@dataclass(frozen=True)
class Change:
    """One entry of the audit with what its item says."""

    version: int
    before: str
    after: str
    event: str
    reason: str
    run: str | None
    place: tuple | None


@dataclass
class Evidence:
    """Everything the judgement rests on."""

    now: float
    # token -> the vault's row
    rows: dict
    # token -> its changes by version
    changes: dict
    # (tenant, run name) -> Run
    runs: dict
    # (object, version) -> end of its lock, of archive versions still there
    versions: dict
    # (object, version) -> records, of every archive object that was seen
    archived: dict
    # (object, version) that are on record as purged
    purged: set
    # entries that name no token that was ever planted or issued
    n_strange: int
    dead_letters: dict


def read(cloud, stack, tenants, archived):
    """Reads the whole cloud."""
    raw = checker.read_cloud(cloud, stack, tenants, archived)
    checker.require_keys(raw)
    names = {
        codec.fingerprint(raw.keys[tenant.name], planted.token): planted.token
        for tenant in tenants
        for planted in tenant.tokens
    }
    changes, n_strange = changes_of(raw.audit, names)
    return Evidence(
        now=raw.now,
        rows=raw.rows,
        changes=changes,
        runs=runs_of(runs.items(cloud, stack, tenants), raw.audit),
        versions=raw.versions,
        archived=archived,
        purged={place_of(item) for item in raw.audit if item.get("event") == "purged"},
        n_strange=n_strange,
        dead_letters=raw.dead_letters,
    )


def place_of(item):
    """The archive version that an item is about."""
    return (item["object"], item["object_version"]) if item.get("object") else None


def changes_of(audit, names):
    """`(token -> changes in order, entries of unknown tokens)`."""
    changes, n_strange = defaultdict(list), 0
    for item in audit:
        for entry in codec.decode_entries(item.get("entries", b"")):
            token = names.get(entry.fingerprint)
            if token is None:
                n_strange += 1
                continue
            made = Change(
                entry.version, entry.before, entry.after, item["event"], entry.reason, item.get("run"), place_of(item)
            )
            changes[token].append(made)
    for made in changes.values():
        made.sort(key=lambda change: (change.version, codec.STATES.index(change.after)))
    return changes, n_strange


def runs_of(items, audit):
    """The runs that began, with the times of their seal and their end."""
    times = {
        (item["pk"].rpartition("#")[0], item["run"], item["event"]): float(item["written_at"])
        for item in audit
        if item.get("run") and item["pk"].endswith("#run")
    }
    found = {}
    for tenant, item in items:
        name = item["sk"]
        if not item.get("scan_started_at"):
            continue

        def when(event):
            return times.get((tenant, name, event))

        found[tenant, name] = Run(
            tenant, name, item["stage"], item.get("note") or "", float(item["scan_started_at"]),
            when("run_sealed"), when("applied"), when("run_void"),
        )
    return found
