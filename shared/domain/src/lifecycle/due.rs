//! What `expire` decides: the row's own end, and idleness.

use super::{Change, Decided, Verdict, Why, end_by_trigger};
use crate::policy::{Action, KindPolicy, Trigger};
use crate::row::{Phase, VaultRow};
use crate::time::EpochSeconds;

/// When lifecycle must look at an active row next: at its end, or when it would be idle.
pub fn next_due(row: &VaultRow, kind: &KindPolicy, seen: EpochSeconds) -> Option<EpochSeconds> {
    // Reads are written only once a granularity, so a token may have been read that much later than its row says.
    let idle = kind.idle_after.map(|idle| row.last_seen().max(seen).plus(idle).plus(kind.read_granularity));
    match (row.expires_at, idle) {
        (Some(end), Some(idle)) => Some(end.min(idle)),
        (end, idle) => end.or(idle),
    }
}

/// Decides over a row that the `due` index named.
pub fn decide_due(row: &VaultRow, kind: &KindPolicy, policy: u64, now: EpochSeconds) -> Verdict {
    if row.hold.is_some() {
        // Looked at again, so that a row whose hold is released does not lie outside the index.
        return rearm(row, Some(now.plus(kind.grace)), Why::OnHold);
    }
    match row.phase() {
        Phase::Active => decide_active(row, kind, policy, now),
        Phase::Sentenced => rearm(row, None, Why::AlreadySentenced),
        Phase::Cooling => match row.reason {
            // Its removal was lifted because somebody else wrote the row: the reason stands, so it is dated afresh.
            Some(reason) if !reason.is_revivable() => match kind.rule(reason) {
                Some(rule) if rule.action != Action::Ignore => {
                    let purge_at = now.plus(rule.cool_off);
                    Verdict::Change(Change::Sentence { purge_at, decided: Decided { policy, run: None } })
                }
                Some(_) | None => rearm(row, None, Why::Ignored),
            },
            Some(_) if row.was_seen_since_cooling() => {
                let due_at = next_due(row, kind, row.last_seen());
                let decided = Decided { policy, run: None };
                Verdict::Change(Change::Reinstate { due_at, read_at: None, decided })
            }
            // What was found unused waits for a verdict run; no timer sentences it.
            Some(_) | None => rearm(row, None, Why::CoolingOff),
        },
    }
}

fn decide_active(row: &VaultRow, kind: &KindPolicy, policy: u64, now: EpochSeconds) -> Verdict {
    if row.purge_at.is_some() {
        return rearm(row, None, Why::KnownEnd);
    }
    if row.expires_at.is_some_and(|end| end <= now) {
        return match kind.rule(Trigger::Expired) {
            Some(rule) if rule.action != Action::Ignore => {
                Verdict::Change(end_by_trigger(Trigger::Expired, rule.cool_off, policy, now))
            }
            Some(_) | None => rearm(row, None, Why::Ignored),
        };
    }
    let idle =
        kind.idle_after.is_some_and(|idle| row.last_seen().plus(idle).plus(kind.read_granularity) <= now);
    match kind.rule(Trigger::Idle) {
        // No run judges a kind that is not scanned for, so its idle tokens get their date at once, or they would linger.
        Some(rule)
            if idle
                && (rule.action == Action::Remove
                    || (rule.action == Action::Invalidate && kind.format.is_none())) =>
        {
            Verdict::Change(end_by_trigger(Trigger::Idle, rule.cool_off, policy, now))
        }
        Some(rule) if idle && rule.action == Action::Invalidate => Verdict::Change(Change::Cool {
            reason: Trigger::Idle,
            since: now,
            // Only a verdict run sentences an idle token.
            purge_at: None,
            decided: Decided { policy, run: None },
        }),
        Some(_) | None => {
            // An ignored idle moment is not waited for again.
            let due_at = if idle { row.expires_at } else { next_due(row, kind, row.last_seen()) };
            rearm(row, due_at, Why::NotDue)
        }
    }
}

fn rearm(row: &VaultRow, due_at: Option<EpochSeconds>, why: Why) -> Verdict {
    if row.due_at == due_at {
        return Verdict::Keep(why);
    }
    Verdict::Change(Change::Rearm { due_at })
}
