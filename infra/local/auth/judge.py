"""The independent checker of the day: decides by identity what had to become of every token, and whether it did.

Pure. It shares nothing with the functions but the written design: entries, fingerprints and archive records are decoded
by codec.py, what a reader is told by reader.py. Each check is a set of tokens; an empty one is as it should be.
"""

from collections import Counter

import codec
import reader
from auth import configuration, record, rows
from auth.truth import TRIGGERS

# Checks over single tokens, in the order of the closing table, and what a fault says of them.
CHECKS = {
    "live_lost": "token(s) that had to stay in service are not good",
    "condemned_in_use": "token(s) in use were taken out of service",
    "still_good": "token(s) that ended are good by the read rule",
    "wrong_reason": "token(s) ended for another reason than they should",
    "not_gone": "token(s) that ended are neither purged nor erased",
    "kept_too_little": "token(s) had to stay in the vault and left it",
    "not_archived": "token(s) left without a copy",
    "archived_though_erased": "token(s) of deleted accounts were archived",
    "left_too_soon": "token(s) left before they were allowed to",
    "dated_under_hold": "held row(s) have a date of removal",
    "wrong_class": "compromised token(s) are not kept for as long as they should be",
    "nobody_on_record": "token(s) ended by a command without its actor and reason text on record",
    "known_end_written": "token(s) whose end was known at issue were written to before they left",
    "audit_differs": "token(s) differ between the audit's `archived` and the archive objects seen",
}
COMPROMISED_CLASS = "r90/"
# Times of records are whole seconds, and one time stands for a batch.
TOLERANCE_SECONDS = 1.0


class Day:
    """The evidence, folded once."""

    def __init__(self, tokens, evidence):
        self.tokens, self.evidence = tokens, evidence
        self.record = record.follow(evidence.audit, record.names_of(tokens, evidence.keys))
        self.removed = {found["token"]: found for records in evidence.archived.values() for found in records}
        self.purged = self.record.purged
        self.erased = self.record.erased
        self.present = {token.id for token in tokens if (token.row["pk"], token.id) in evidence.rows}
        self.good = {token.id for token in tokens if self.is_good(token)}

    def is_good(self, token):
        """What a reader is told now."""
        row = self.evidence.rows.get((token.row["pk"], token.id))
        subject = None
        if token.subject is not None:
            key = rows.subject_key(token.tenant, token.subject, self.evidence.shards[token.tenant])
            subject = self.evidence.rows.get((key["pk"], key["sk"]))
        return reader.answer(row, subject, True, int(self.evidence.now)).valid

    def is_gone(self, token):
        """Whether nothing of it is left anywhere."""
        return token.id not in self.present and token.id in (self.purged | self.erased)

    def reasons(self, token):
        """The reasons on record, in order. A row that left without one had a known end."""
        found = self.record.of(token, *record.ENDING)
        return ["expired" if mention.reason == "none" else mention.reason for mention in found]

    def left_at(self, token):
        """When its row was removed, and its last image as far as there is one; None while it is there."""
        removed = self.removed.get(token.id)
        if removed:
            return removed["removed_at"], codec.plain_item(removed["image"])
        found = self.record.of(token, "erased")
        return (found[-1].at, {}) if found else None


def examine(tokens, refusals, wrong_answers, evidence):
    """The figures and the faults. `wrong_answers` maps moments to tokens of which a reader was told wrong."""
    day = Day(tokens, evidence)
    found = {name: {token.id for token in tokens if CHECK_OF[name](day, token)} for name in CHECKS}
    found["audit_differs"] |= (set().union(*day.record.objects.values()) ^ set(day.removed)) - found["audit_differs"]
    faults = [f"{len(ids)} {CHECKS[name]}, e.g. {told(day, sorted(ids)[0])}" for name, ids in found.items() if ids]
    n_wrong = sum(len(ids) for ids in wrong_answers.values())
    faults += [f"{len(ids)} wrong answer(s) of a reader {moment}" for moment, ids in wrong_answers.items() if ids]
    faults += line_faults(day, refusals)
    by_trigger = {trigger: figures(day, trigger) for trigger in TRIGGERS}
    seen = {reason for token in tokens for reason in day.reasons(token)[-1:]}
    faults += [f"no token ended as `{trigger}`" for trigger in TRIGGERS if trigger not in seen]
    kept = [token for token in tokens if token.end is None]
    return {
        "tokens": len(tokens),
        "kept_in_service": len(kept),
        "came_back": sum(token.came_back for token in tokens),
        "by_trigger": by_trigger,
        **{name: len(ids) for name, ids in found.items()},
        "wrong_answers": n_wrong,
        "overdue": len(overdue(evidence)),
        "dead_letters": sum(evidence.dead_letters.values()),
        "refused": len(day.record.refused),
        "archive_objects": len(evidence.archived),
        "audit_items": len(evidence.audit),
        "faults": faults,
    }


def told(day, id):
    """A token of a fault, told so that one can look: these tokens are made up."""
    token = next((token for token in day.tokens if token.id == id), None)
    if token is None:
        return id
    wanted = token.end.trigger if token.end else "in service"
    there = "there" if token.id in day.present else "not there"
    found = ", ".join(f"{one.event} {one.reason}" for one in day.record.mentions.get(id, ())) or "nothing"
    return f"{token.story}: {token.row['kind']} {id[:16]}, must be {wanted}, is {there}, on record: {found}"


def line_faults(day, refusals):
    """What is wrong with the line as a whole."""
    faults, evidence = [], day.evidence
    late = overdue(evidence)
    if late:
        faults.append(f"{len(late)} row(s) or archive version(s) are overdue, e.g. {late[0]}")
    still_there = [place for place in day.record.gone if place in evidence.versions]
    if still_there:
        faults.append(f"{len(still_there)} archive version(s) are on record as purged and still there")
    if day.record.unknown:
        faults.append(f"{day.record.unknown} audit entries name no token of the day")
    for queue, count in evidence.dead_letters.items():
        if count:
            faults.append(f"{count} message(s) in the dead-letter queue of {queue}")
    for actor, count in Counter(refusals).items():
        found = sum(is_actor(actor, given) for given in day.record.refused)
        if found < count:
            faults.append(f"{count} command(s) of {actor} had to be refused, {found} are on record")
    return faults


def overdue(evidence):
    """Rows past their removal time, and archive versions past their lock."""
    late = [key[1] for key, row in evidence.rows.items() if row.get("purge_at", float("inf")) <= evidence.now]
    return late + [place for place, until in evidence.versions.items() if until <= evidence.now]


def figures(day, trigger):
    """One line of the table."""
    planted = [token for token in day.tokens if token.end and token.end.trigger == trigger]
    ids = {token.id for token in planted}
    archived = {token.id for token in planted if day.record.of(token, "archived")}
    return {
        "planted": len(planted),
        "ended": sum(bool(day.reasons(token)) and not has_wrong_reason(day, token) for token in planted),
        "archived": len(archived),
        "erased": len(ids & day.erased),
        "purged": len(ids & day.purged),
        "kept": len(ids & day.present),
    }


def is_actor(wanted, given):
    """A principal is on record by its ARN, a queue's class somewhere in the queue's name."""
    return wanted == given if wanted.startswith("arn:") else wanted in (given or "")


def must_go(token):
    """Whether nothing of it may be left in the end."""
    return token.end is not None and not token.end.stays


def is_condemned(day, token):
    """In use, and taken out of service all the same, even if for a moment."""
    if token.end is not None:
        return False
    ended = day.record.of(token, "archived", "erased") or (not token.came_back and day.reasons(token))
    return bool(ended)


def has_wrong_reason(day, token):
    """Another reason than one that it may have ended for; the last one counts for itself."""
    if token.end is None:
        return False
    found = day.reasons(token)
    # What ends under a hold by its own date is not on record while it is held.
    if not found:
        return not token.end.stays
    return not set(found) <= token.end.reasons or found[-1] not in token.end.last_reasons


def left_too_soon(day, token):
    """It left before its cool-off was over, or while it was held or waited."""
    left = day.left_at(token)
    if left is None or token.end is None:
        return False
    at, image = left
    soonest = token.not_before
    if not token.may_leave_early:
        ended_at = image.get("cooling_since", token.row.get("expires_at"))
        if token.end.erased:
            ended_at = token.end.asked_at
        reason = image.get("reason", token.end.trigger)
        if ended_at is not None:
            soonest = max(soonest, ended_at + configuration.cool_off(token.row["kind"], reason))
    return at + TOLERANCE_SECONDS < soonest


def has_nobody_on_record(day, token):
    """Ended by a command, and the audit does not say whose or why."""
    end = token.end
    if end is None or end.actor is None:
        return False
    found = [one for one in day.record.of(token, "cooled", "sentenced") if one.reason == end.trigger]
    # Where it ended for something else in its place, there is nothing to say of this.
    if not found:
        return not end.instead
    return not all(
        is_actor(end.actor, one.actor) and end.reason_text in (None, one.reason_text) for one in found
    )


def is_in_wrong_class(day, token):
    """What was compromised is evidence, and kept for longer than anything else."""
    if token.end is None or token.end.trigger != "compromised":
        return False
    return any(not str(one.place[0]).startswith(COMPROMISED_CLASS) for one in day.record.of(token, "archived"))


def is_known_end_written(day, token):
    """An end that the issuer has written down costs no write: the row leaves as it was issued."""
    removed = day.removed.get(token.id)
    if removed is None or "purge_at" not in token.row:
        return False
    image = codec.plain_item(removed["image"])
    return "reason" not in image and image["version"] != token.row["version"]


def is_dated_under_hold(day, token):
    """A row under hold must have no date of removal."""
    row = day.evidence.rows.get((token.row["pk"], token.id), {})
    return "hold" in row and "purge_at" in row


CHECK_OF = {
    "live_lost": lambda day, token: token.end is None and token.id not in day.good,
    "condemned_in_use": is_condemned,
    "still_good": lambda day, token: token.end is not None and token.id in day.good,
    "wrong_reason": has_wrong_reason,
    "not_gone": lambda day, token: must_go(token) and not day.is_gone(token),
    "kept_too_little": lambda day, token: token.end is not None and token.end.stays and token.id not in day.present,
    "not_archived": lambda day, token: token.id in day.erased and not (token.end and token.end.erased),
    "archived_though_erased": lambda day, token: bool(
        token.end and token.end.erased and (token.id in day.removed or day.record.of(token, "archived"))
    ),
    "left_too_soon": left_too_soon,
    "dated_under_hold": is_dated_under_hold,
    "wrong_class": is_in_wrong_class,
    "nobody_on_record": has_nobody_on_record,
    "known_end_written": is_known_end_written,
    "audit_differs": lambda day, token: bool(day.record.of(token, "archived")) != (token.id in day.removed),
}
