"""The independent checker: says what became of every planted token, from the raw tables, buckets and audit alone.

It shares nothing with the functions but the written design: entries, fingerprints and archive records are decoded by
codec.py. `read_cloud` gathers the evidence, `examine` judges it and is pure.
"""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import codec
import planting
from cloud import LocalError, pages

STEPS = ("cooled", "sentenced", "archived", "purged")
STATE_OF_STEP = {"cooled": "cooling", "sentenced": "sentenced", "archived": "archived"}


@dataclass
class Evidence:
    """Everything the judgement rests on."""

    now: float
    # token -> the vault row as plain values
    rows: dict
    # tenant -> key of its fingerprints
    keys: dict
    # audit items as plain values
    audit: list
    # (key, version id) -> end of its lock in epoch seconds, of archive versions still there
    versions: dict
    # (key, version id) -> records, of every archive object seen while the demo ran
    archived: dict
    # tenant -> subject -> cutoff in ms
    cutoffs: dict = field(default_factory=dict)
    # queue -> messages that nobody could handle
    dead_letters: dict = field(default_factory=dict)


def read_cloud(cloud, stack, tenants, archived):
    """Reads the vault, the audit, the control table's keys and the archive bucket."""
    outputs, dynamodb = stack["outputs"], cloud.client("dynamodb")

    def scan(table):
        call = dynamodb.scan
        return [codec.plain_item(item) for item in pages(call, "Items", TableName=table, ConsistentRead=True)]

    rows, cutoffs = {}, defaultdict(dict)
    for row in scan(outputs["VaultTable"]):
        if row.get("kind") == "subject":
            cutoffs[row["pk"].split("#")[0]][row["sk"].removeprefix("subject#")] = row.get("cutoff_at", 0)
        else:
            rows[row["sk"]] = row
    keys = {tenant.name: fingerprint_key(cloud, stack, tenant.name) for tenant in tenants}
    return Evidence(
        now=time.time(),
        rows=rows,
        keys=keys,
        audit=scan(outputs["AuditTable"]),
        versions=archive_versions(cloud, outputs["ArchiveBucket"]),
        archived=archived,
        cutoffs=cutoffs,
        dead_letters=dead_letters(cloud, outputs),
    )


def dead_letters(cloud, outputs):
    """Messages in every dead-letter queue of the stack."""
    found = {}
    for name, url in outputs.items():
        if name.endswith("DlqUrl"):
            wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            counts = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
            found[name.removesuffix("DlqUrl").lower()] = sum(int(count) for count in counts.values())
    return found


def fingerprint_key(cloud, stack, tenant):
    """The key of a tenant's fingerprints; None before Lethe made it."""
    answer = cloud.client("dynamodb").get_item(
        TableName=stack["outputs"]["ControlTable"],
        Key={"pk": {"S": f"tenant#{tenant}"}, "sk": {"S": "keys"}},
        ConsistentRead=True,
    )
    item = answer.get("Item")
    return codec.plain_item(item)["fingerprint_key"] if item else None


def archive_versions(cloud, bucket):
    """Every version in the archive with the end of its lock; delete markers hold nothing and do not count."""
    s3, found = cloud.client("s3"), {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", []):
            name = (version["Key"], version["VersionId"])
            head = s3.head_object(Bucket=bucket, Key=name[0], VersionId=name[1])
            until = head.get("ObjectLockRetainUntilDate")
            found[name] = until.timestamp() if until else 0.0
    return found


@dataclass
class Journey:
    """What the audit says of the planted tokens."""

    # step -> tokens
    steps: dict
    # (object, version) -> tokens archived in it
    objects: dict
    # (object, version) of `purged` items
    gone: set
    # entries that name no planted token
    unknown: int


def follow(audit, keys, truth):
    """Folds the audit's items, by fingerprint, into what happened to whom."""
    names = {codec.fingerprint(keys[planted.tenant], planted.token): planted.token for planted in truth if keys[planted.tenant]}
    steps, objects, gone, unknown = {step: set() for step in STEPS}, defaultdict(set), set(), 0
    for item in audit:
        event, entries = item.get("event"), codec.decode_entries(item.get("entries", b""))
        tokens = {names[entry.fingerprint] for entry in entries if entry.fingerprint in names}
        unknown += sum(entry.fingerprint not in names for entry in entries)
        place = (item.get("object"), item.get("object_version"))
        if event in STATE_OF_STEP:
            steps[event] |= tokens
        if event == "archived":
            objects[place] |= tokens
        if event == "purged":
            gone.add(place)
        for entry in entries:
            # A `remove` rule cools and sentences in one write, which is on record once.
            if entry.after == "sentenced" and entry.fingerprint in names:
                steps["sentenced"].add(names[entry.fingerprint])
    steps["purged"] = purged(objects, gone)
    return Journey(steps, objects, gone, unknown)


def purged(objects, gone):
    """A token is purged when every object that holds it has its `purged`."""
    held = set().union(*(tokens for place, tokens in objects.items() if place not in gone), set())
    return set().union(*objects.values(), set()) - held


def examine(truth, evidence):
    """The figures and the faults; pure."""
    planted = {item.token: item for item in truth}
    ended = {item.token for item in truth if item.group in (planting.UNREFERENCED, planting.EXPIRED)}
    journey = follow(evidence.audit, evidence.keys, truth)
    removed = {record["token"]: record for records in evidence.archived.values() for record in records}
    gone = {token for token in journey.steps["purged"] if token not in evidence.rows}
    faults = []
    lost = [item.token for item in truth if item.group in planting.LIVE and not valid(item, evidence)]
    overdue = overdue_of(evidence)
    written = [item.token for item in truth if item.group not in ODD_OR_ENDED and wrote(item, evidence.rows)]
    odd = [item.token for item in truth if item.group == planting.ODD and evidence.rows.get(item.token) != item.row]
    not_in_archive = journey.steps["archived"] ^ set(removed)
    writes = [writes_of(planted[token], record) for token, record in removed.items() if token in planted]
    still_there = [place for place in journey.gone if place in evidence.versions]
    tell(faults, lost, "token(s) planted as live are not valid")
    tell(faults, overdue, "row(s) or archive version(s) are overdue")
    tell(faults, written, "surviving token(s) were written to")
    in_use = {item.token for item in truth if item.group in (planting.REFERENCED, planting.READ, planting.CREATED)}
    tell(faults, in_use & (journey.steps["cooled"] | journey.steps["sentenced"]), "token(s) in use were condemned")
    tell(faults, odd, "row(s) that Lethe cannot read were changed")
    tell(faults, ended - gone, "token(s) that had ended are not purged")
    tell(faults, gone - ended, "token(s) were purged that had not ended")
    tell(faults, not_in_archive, "token(s) differ between the audit's `archived` and the archive objects seen")
    tell(faults, still_there, "archive version(s) are on record as purged and still there")
    for queue, count in evidence.dead_letters.items():
        if count:
            faults.append(f"{count} message(s) in the dead-letter queue of {queue}")
    if journey.unknown:
        faults.append(f"{journey.unknown} audit entries name no planted token")
    if writes and 2 < sum(writes) / len(writes):
        faults.append("more than two writes per purged token")
    groups = Counter(item.group for item in truth)
    events = Counter(item.get("event") for item in evidence.audit)
    return {
        "tokens": sum(groups.values()) - groups[planting.ODD] - groups[planting.CREATED],
        "referenced": groups[planting.REFERENCED],
        "unreferenced": groups[planting.UNREFERENCED],
        "expired": groups[planting.EXPIRED],
        "kept_in_use": groups[planting.READ] + groups[planting.REISSUED] + groups[planting.CREATED],
        "cooled": len(journey.steps["cooled"]),
        "sentenced": len(journey.steps["sentenced"]),
        "archived": len(journey.steps["archived"]),
        "purged": len(gone),
        "live_lost": len(lost),
        "overdue": len(overdue),
        "survivors_written": len(written),
        "odd_rows_changed": len(odd),
        "writes_per_purged_token": round(sum(writes) / len(writes), 3) if writes else 0.0,
        "removing_deletes": len(removed),
        "transaction_doubling": sum(planted[token].group == planting.UNREFERENCED for token in removed if token in planted),
        "archive_objects": len(evidence.archived),
        "audit_items": len(evidence.audit),
        "runs_applied": events["applied"],
        "runs_void": events["run_void"],
        "refused": events["refused"],
        "dead_letters": sum(evidence.dead_letters.values()),
        "planted_purged_identical": gone == ended,
        "faults": faults,
    }


ODD_OR_ENDED = (planting.ODD, planting.UNREFERENCED, planting.EXPIRED)


def tell(faults, tokens, what):
    """Adds one line when there is anything to tell; names one of them, since these tokens are made up."""
    if tokens:
        faults.append(f"{len(tokens)} {what}, e.g. {sorted(tokens, key=str)[0]}")


def valid(item, evidence):
    """The read rule: in service, not past its end, issued after its subject's cutoff."""
    row = evidence.rows.get(item.token)
    if row is None or not row.get("isValid"):
        return False
    cutoff = evidence.cutoffs.get(item.tenant, {}).get(row.get("subject"), -1)
    return evidence.now < row.get("expires_at", float("inf")) and cutoff < row["created_at"]


def overdue_of(evidence):
    """Rows past their removal time, and archive versions past their lock."""
    rows = [token for token, row in evidence.rows.items() if row.get("purge_at", float("inf")) <= evidence.now]
    return rows + [place for place, until in evidence.versions.items() if until <= evidence.now]


def wrote(item, rows):
    """Whether Lethe wrote to a survivor: its version moved by more than the reads that were sent can explain."""
    row = rows.get(item.token)
    return row is not None and not 0 <= row["version"] - item.version <= item.reads_sent


def writes_of(item, record):
    """Writes to a row before its removal, from the version in its archived image."""
    return codec.plain_item(record["image"])["version"] - item.version


def require_keys(evidence):
    """Without the keys nothing in the audit can be told apart: a clear fault, not an empty answer."""
    missing = [tenant for tenant, key in evidence.keys.items() if key is None]
    if missing:
        raise LocalError(f"the control table holds no fingerprint key for {', '.join(missing)}")
