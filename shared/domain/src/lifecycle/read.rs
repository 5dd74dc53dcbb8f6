//! What a read of a token says about it.

use super::command::spent;
use super::{Change, Decided, Verdict, Why, next_due};
use crate::policy::{KindPolicy, Trigger};
use crate::row::{By, Phase, VaultRow};
use crate::time::EpochSeconds;

/// Decides over a read: coalesced to the kind's granularity, never moving back, reviving where the reason allows. A
/// read of what is out of service for good rings, since somebody still uses it.
pub fn decide_read(row: &VaultRow, at: EpochSeconds, by: &By, kind: &KindPolicy, policy: u64) -> Verdict {
    match row.phase() {
        Phase::Active => {
            let known = row.last_read_at.unwrap_or(EpochSeconds(i64::MIN));
            if at.minus(kind.read_granularity) <= known {
                return Verdict::Keep(Why::AlreadyDone);
            }
            Verdict::Change(Change::Stamp { last_read_at: at })
        }
        Phase::Cooling | Phase::Sentenced => decide_cooling(row, at, by, kind, policy),
    }
}

fn decide_cooling(row: &VaultRow, at: EpochSeconds, by: &By, kind: &KindPolicy, policy: u64) -> Verdict {
    match row.reason {
        // A refresh token is presented, not looked at: reading a spent one is using it.
        Some(Trigger::Rotated) => spent(row, at, kind),
        Some(reason) if reason.is_revivable() => {
            // Any read that was not known counts, also one from before the token was taken out of service whose
            // message came late: had it come in time, the token would have been kept.
            // One that would not have been written down then, since another had been, is known too.
            let is_coalesced = at <= row.last_seen().plus(kind.read_granularity);
            let is_earlier = row.cooling_since.is_some_and(|since| at < since);
            if at <= row.last_seen() || (is_coalesced && is_earlier) {
                return Verdict::Keep(Why::AlreadyDone);
            }
            let due_at = next_due(row, kind, at);
            let decided = Decided::by_caller(policy, by);
            Verdict::Change(Change::Reinstate { due_at, read_at: Some(at), decided })
        }
        // The message of a read from before the end came late: nobody uses it any more.
        Some(_) if row.cooling_since.is_some_and(|since| at <= since) => Verdict::Keep(Why::OtherReason),
        Some(_) | None => Verdict::LateUse,
    }
}
