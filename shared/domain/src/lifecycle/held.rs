//! Legal holds: while one stands nothing leaves, and its release decides afresh when the token may.

use std::time::Duration;

use super::command::has_family;
use super::due::cool_off_of;
use super::{Change, Decided, Verdict, Why, next_due};
use crate::hold;
use crate::issue::known_end;
use crate::policy::{KindPolicy, Trigger};
use crate::row::{By, Phase, VaultRow};
use crate::time::EpochSeconds;

/// Decides over putting a token under a hold.
pub fn decide_hold(row: &VaultRow, id: &str, by: &By, policy: u64) -> Verdict {
    let stands = hold::stands(row.hold.as_deref(), id);
    // A date of removal beside a hold was set by somebody else; it is lifted all the same.
    if stands && row.purge_at.is_none() && row.due_at.is_none() {
        return Verdict::Keep(Why::AlreadyDone);
    }
    match hold::with(row.hold.as_deref(), id) {
        Some(hold) => Verdict::Change(Change::Hold { hold, decided: Decided::by_caller(policy, by) }),
        None => Verdict::Keep(Why::AlreadyDone),
    }
}

/// Decides over releasing one hold. Both dates follow from `cooling_since` and the policy, as if there had been no
/// hold, but lie at least `notice` ahead: whoever asked for the hold may not have known of the other reason.
pub fn decide_release(
    row: &VaultRow,
    (id, by): (&str, &By),
    (kind, notice): (&KindPolicy, Duration),
    policy: u64,
    now: EpochSeconds,
) -> Verdict {
    if !hold::stands(row.hold.as_deref(), id) {
        return Verdict::Keep(Why::AlreadyDone);
    }
    let decided = Decided::by_caller(policy, by);
    let hold = hold::without(row.hold.as_deref(), id);
    let (purge_at, due_at) =
        if hold.is_some() { (None, None) } else { dates(row, kind, now.plus(notice), now) };
    Verdict::Change(Change::Release { hold, purge_at, due_at, released_at: now, decided })
}

/// Decides over a token that a subject's hold kept without standing on it, as it was issued since, when that hold is
/// released: it leaves no sooner than `soonest` either.
pub fn decide_uncovered(
    row: &VaultRow,
    by: &By,
    (kind, soonest): (&KindPolicy, EpochSeconds),
    policy: u64,
    now: EpochSeconds,
) -> Verdict {
    if row.hold.is_some() || row.purge_at.is_none_or(|at| soonest <= at) {
        return Verdict::Keep(Why::AlreadyDone);
    }
    let (purge_at, due_at) = match row.phase() {
        Phase::Active => dates(row, kind, soonest, now),
        Phase::Cooling | Phase::Sentenced => (Some(soonest), None),
    };
    let decided = Decided::by_caller(policy, by);
    Verdict::Change(Change::Release { hold: None, purge_at, due_at, released_at: now, decided })
}

/// The date of removal and the next look of a row that no hold keeps any more.
fn dates(
    row: &VaultRow,
    kind: &KindPolicy,
    soonest: EpochSeconds,
    now: EpochSeconds,
) -> (Option<EpochSeconds>, Option<EpochSeconds>) {
    if row.phase() == Phase::Active {
        if let Some(end) = known_end(row, kind) {
            return (Some(end.max(soonest)), None);
        }
        return (None, next_due(row, kind, row.last_seen()).map(|at| at.max(soonest)));
    }
    let Some((reason, since)) = row.reason.zip(row.cooling_since) else { return (None, None) };
    let leave_at = since.plus(cool_off_of(kind, reason)).max(soonest);
    // What a scan condemned waits for a verdict run, as before the hold.
    if reason.is_revivable() && kind.format.is_some() {
        return (None, None);
    }
    let is_spent = reason == Trigger::Rotated && has_family(row);
    if is_spent || row.waits_for.is_some() {
        return (None, Some(leave_at.max(now)));
    }
    (Some(leave_at), None)
}
