//! Inline clean-up: an issue, a refresh or a revocation is the moment to put away what the same subject and client
//! have left behind.

use super::{Change, Decided, Then, Verdict, Why};
use crate::policy::{Action, KindPolicy, Trigger};
use crate::row::{Phase, State, VaultRow};
use crate::time::EpochSeconds;

/// Whether this change of a row starts a clean-up: a token was issued, handed out again, taken back into service or
/// revoked. What a clean-up itself writes never does, so it comes to rest.
pub fn cleans_up(old: Option<&VaultRow>, new: &VaultRow) -> bool {
    if new.owner.subject.is_none() || new.owner.client.is_none() {
        return false;
    }
    let was_revoked = |row: &VaultRow| row.reason == Some(Trigger::Revoked);
    match (old, new.state) {
        (None, State::Active) => true,
        (Some(old), State::Active) => old.state != State::Active || old.created_at < new.created_at,
        (Some(old), State::Cooling) => was_revoked(new) && !was_revoked(old),
        (None, State::Cooling) => false,
    }
}

/// Decides over one token of the same subject and client.
pub fn decide_cleanup(row: &VaultRow, kind: &KindPolicy, policy: u64, now: EpochSeconds) -> Verdict {
    let rule = kind.rule(Trigger::Superseded).filter(|rule| rule.action != Action::Ignore);
    let Some(rule) = rule.filter(|_| kind.cleanup.enable) else { return Verdict::Keep(Why::Ignored) };
    if row.hold.is_some() {
        return Verdict::Keep(Why::OnHold);
    }
    let leave_at = now.plus(rule.cool_off);
    let is_sooner = row.purge_at.is_none_or(|at| leave_at < at);
    let decided = Decided::by_timer(policy);
    match row.phase() {
        Phase::Active if row.expires_at.is_some_and(|end| end <= now) && is_sooner => {
            let then = Then::Leave(leave_at);
            Verdict::Change(Change::Cool { reason: Trigger::Superseded, since: now, then, decided })
        }
        Phase::Active => Verdict::Keep(Why::NotDue),
        // A spent refresh token without a date stays as long as its family, and one that waits for a person waits.
        Phase::Cooling => Verdict::Keep(Why::CoolingOff),
        Phase::Sentenced if may_go_sooner(row.reason) && is_sooner => {
            Verdict::Change(Change::Sentence { purge_at: leave_at, decided })
        }
        Phase::Sentenced => Verdict::Keep(Why::AlreadySentenced),
    }
}

/// What was found unused may still come back, a deleted account has its time for regret, and what was compromised is
/// evidence: their cool-off is not cut short.
fn may_go_sooner(reason: Option<Trigger>) -> bool {
    match reason {
        Some(
            Trigger::Expired
            | Trigger::Rotated
            | Trigger::Consumed
            | Trigger::Logout
            | Trigger::DeviceLogout
            | Trigger::Revoked
            | Trigger::Superseded,
        ) => true,
        Some(Trigger::Compromised | Trigger::AccountDeleted | Trigger::Idle | Trigger::Unreferenced)
        | None => false,
    }
}
