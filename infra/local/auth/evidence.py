"""Gathers what the checker judges from: the raw tables, the archive bucket, the dead-letter queues."""

import time
from dataclasses import dataclass, field

import checker
import codec
from cloud import pages


@dataclass
class Evidence:
    """Everything the judgement rests on."""

    now: float
    # (pk, sk) -> the vault row as plain values, rows of subjects among them
    rows: dict
    # tenant -> key of its fingerprints
    keys: dict
    # audit items as plain values
    audit: list
    # (key, version id) -> end of its lock, of archive versions still there
    versions: dict
    # (key, version id) -> records, of every archive object seen while the demo ran
    archived: dict
    # tenant -> shards, for the rows of subjects
    shards: dict
    # queue -> messages that nobody could handle
    dead_letters: dict = field(default_factory=dict)


def audit_items(cloud, stack):
    """Every item of the audit."""
    found = pages(cloud.client("dynamodb").scan, "Items", TableName=stack["outputs"]["AuditTable"], ConsistentRead=True)
    return [codec.plain_item(item) for item in found]


def keys_of(cloud, stack, tenants):
    """The fingerprint keys of the tenants, None for one that has none yet."""
    return {tenant.name: checker.fingerprint_key(cloud, stack, tenant.name) for tenant in tenants}


def read(cloud, stack, tenants, archived):
    """Reads it all."""
    outputs = stack["outputs"]
    found = pages(cloud.client("dynamodb").scan, "Items", TableName=outputs["VaultTable"], ConsistentRead=True)
    rows = [codec.plain_item(item) for item in found]
    return Evidence(
        now=time.time(),
        rows={(row["pk"], row["sk"]): row for row in rows},
        keys=keys_of(cloud, stack, tenants),
        audit=audit_items(cloud, stack),
        versions=checker.archive_versions(cloud, outputs["ArchiveBucket"]),
        archived=archived,
        shards={tenant.name: tenant.shards for tenant in tenants},
        dead_letters=checker.dead_letters(cloud, outputs),
    )
