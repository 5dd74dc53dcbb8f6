"""The four figures, from the tenants' journal and the cloud's evidence. Pure; each is a list of what is wrong.

    live_lost    a token left, or stands out of service at the end, though the journal says that it was in use
    undead       a token or an archived copy is there though its time is over
    unaudited    a state that the record does not explain, or a record of what did not happen
    wrong_voids  a run is void without a fault, or went through under one that should have made it void
"""

import math
from dataclasses import dataclass, field

import planting

GONE = ("archived", "purged", "erased")
# A worker's clock is read when it starts; what it does then may be some seconds later.
WORK_SECONDS = 5.0
# How long after its time something may still be there: a tick, the walk over the vault, and a slow machine.
PATIENCE_SECONDS = 45.0


@dataclass
class Bounds:
    """What the configuration promises, in seconds of this cloud's scale."""

    in_flight: float
    # From here on no tenant wrote and nothing was broken; the end of the tail is the evidence's time.
    quiet_since: float
    # How much later than its lock a version goes.
    version_margin: float


@dataclass
class Verdict:
    """What is wrong, by figure; each entry is a sentence."""

    live_lost: list = field(default_factory=list)
    undead: list = field(default_factory=list)
    unaudited: list = field(default_factory=list)
    wrong_voids: list = field(default_factory=list)


def judge(truth, journal, evidence, bounds):
    """Holds the cloud against the journal. `truth` are all tokens that were planted or issued."""
    verdict = Verdict()
    for planted in truth:
        token, row = planted.token, evidence.rows.get(planted.token)
        changes = evidence.changes.get(token, [])
        removed_unjustly(verdict, planted, changes, journal, evidence, bounds)
        lost_at_the_end(verdict, planted, row, journal, evidence, bounds)
        left_over(verdict, planted, row, journal, evidence, bounds)
        off_the_record(verdict, planted, row, changes)
    archive_off_the_record(verdict, evidence)
    overdue_versions(verdict, evidence, bounds)
    for run in evidence.runs.values():
        judge_run(verdict, run, journal.faults)
    return verdict


def removed_unjustly(verdict, planted, changes, journal, evidence, bounds):
    """Every removal rests on the verdict of a run, and nobody held or used the token since that run's scan began."""
    for change in changes:
        if change.after not in GONE or change.reason in ("none", "expired"):
            if change.after in GONE and not is_ended(planted, change, evidence):
                verdict.live_lost.append(f"{planted.token} left though it has no end")
            continue
        sentences = [one for one in changes if one.after == "sentenced" and one.version <= change.version and one.run]
        run = evidence.runs.get((planted.tenant, sentences[-1].run)) if sentences else None
        if run is None or run.sealed is None:
            verdict.live_lost.append(f"{planted.token} left without the verdict of a sealed run")
            continue
        left = removed_at(change, planted.token, evidence)
        if journal.held_throughout(planted.token, run.began, run.sealed, bounds.in_flight):
            verdict.live_lost.append(f"{planted.token} was held all through the scan of {run.name} and left")
        elif journal.used_after(planted.token, run.began, left):
            verdict.live_lost.append(f"{planted.token} was used after the scan of {run.name} began and left")


def is_ended(planted, change, evidence):
    """Whether a token that left without a scan's verdict had an end of its own by then."""
    return planted.row.get("expires_at", math.inf) <= removed_at(change, planted.token, evidence)


def removed_at(change, token, evidence):
    """When the row left, by its archive record; the evidence's time where no copy says so."""
    for record in evidence.archived.get(change.place, ()):
        if record["token"] == token:
            return float(record["removed_at"])
    return evidence.now


def lost_at_the_end(verdict, planted, row, journal, evidence, bounds):
    """What a store held through the whole quiet time is in service at its end."""
    if planted.group in (planting.ODD, planting.EXPIRED):
        return
    if not journal.held_throughout(planted.token, bounds.quiet_since, evidence.now, 0.0):
        return
    if row is None:
        verdict.live_lost.append(f"{planted.token} is held and gone")
    elif not row.get("isValid"):
        verdict.live_lost.append(f"{planted.token} is held and out of service")


def left_over(verdict, planted, row, journal, evidence, bounds):
    """What nobody has held or used since the quiet time began is gone; what has a date of removal is gone by then."""
    if row is None or planted.group == planting.ODD:
        return
    if planted.group == planting.EXPIRED:
        verdict.undead.append(f"{planted.token} has expired and is there")
    elif journal.idle_since(planted.token) <= bounds.quiet_since:
        verdict.undead.append(f"{planted.token} is in no store and nobody uses it, and it is there")
    elif row.get("purge_at", math.inf) + PATIENCE_SECONDS <= evidence.now:
        verdict.undead.append(f"{planted.token} is there after its date of removal")


def overdue_versions(verdict, evidence, bounds):
    """Archived copies go when their lock and the margin are over."""
    for place, until in evidence.versions.items():
        if until + bounds.version_margin + PATIENCE_SECONDS <= evidence.now:
            verdict.undead.append(f"the archive version {place[0]} is there after its time")


def off_the_record(verdict, planted, row, changes):
    """The last change on record leads to what stands in the vault."""
    last = changes[-1] if changes else None
    if planted.group == planting.ODD:
        if changes or row is None:
            verdict.unaudited.append("a row that nobody can read was changed")
        return
    if row is None:
        if last is None or last.after not in GONE:
            verdict.unaudited.append(f"{planted.token} left and no record says so")
        return
    stands = standing(row)
    if last is None:
        if stands != "active":
            verdict.unaudited.append(f"{planted.token} is {stands} and no record says so")
    elif last.after in GONE:
        # Issued anew after it had left; otherwise it cannot be there.
        if row["version"] <= last.version or stands != "active":
            verdict.unaudited.append(f"{planted.token} is on record as {last.after} and stands in the vault")
    elif last.after != stands or row["version"] < last.version:
        verdict.unaudited.append(f"{planted.token} is {stands}, on record it is {last.after}")


def standing(row):
    """Where a row stands, in the record's words."""
    if row.get("state") == "active":
        return "active"
    return "sentenced" if "purge_at" in row else "cooling"


def archive_off_the_record(verdict, evidence):
    """Every copy in the archive is on record, every record has its copy, and what is purged is not there."""
    named = {
        (token, change.version): change.place
        for token, changes in evidence.changes.items()
        for change in changes
        if change.after == "archived"
    }
    copies = {
        (record["token"], int(record["version"])) for records in evidence.archived.values() for record in records
    }
    for token, _ in copies - set(named):
        verdict.unaudited.append(f"{token} lies in the archive and no record says so")
    for token, _ in set(named) - copies:
        verdict.unaudited.append(f"{token} is on record as archived and no copy of it was ever there")
    for place in evidence.purged & set(evidence.versions):
        verdict.unaudited.append(f"the archive version {place[0]} is on record as purged and is there")
    if evidence.n_strange:
        verdict.unaudited.append(f"{evidence.n_strange} entries name no token that was ever there")


def judge_run(verdict, run, faults):
    """A void needs a fault that touched the run; a run whose whole scan lay under a fault must not go through."""
    of_tenant = [fault for fault in faults if fault.tenant == run.tenant]
    if run.stage == "void":
        ended = run.void or math.inf
        if not any(fault.touches(run.began, ended) for fault in of_tenant):
            verdict.wrong_voids.append(f"{run.tenant} {run.name} is void without a fault: {run.note}")
        return
    if run.sealed is None or run.applied is None:
        return
    for fault in of_tenant:
        if fault.covers(run.began, run.sealed + WORK_SECONDS):
            verdict.wrong_voids.append(f"{run.tenant} {run.name} went through under {fault.kind}")
