//! Inline clean-up: an issue, a refresh or a revocation is the moment to put away what the same subject and client
//! have left behind.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Change, Decided, Then, Verdict, Why};
use crate::policy::{Action, KindPolicy, Scope, Trigger};
use crate::row::{By, Phase, State, VaultRow};
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
    // A release leaves at least its notice, the same day that a removal is announced by; the grace is never shorter.
    if row.released_at.is_some_and(|at| now < at.plus(kind.grace)) {
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

/// How long after a theft a token of the same family or sign-in is still taken for the successor of a refresh that was
/// under way. As long as two clocks may differ.
const IN_FLIGHT: Duration = Duration::from_mins(5);

/// The sign-ins and families that were compromised as such among some tokens of one owner, with when and by whom it was
/// said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stolen {
    sessions: BTreeMap<String, (EpochSeconds, Option<By>)>,
    families: BTreeMap<String, (EpochSeconds, Option<By>)>,
}

impl Stolen {
    /// Notes what a token says: one that was compromised with all of its sign-in or its family.
    pub fn note(&mut self, row: &VaultRow, kind: &KindPolicy) {
        let is_stolen = row.state == State::Cooling && row.reason == Some(Trigger::Compromised);
        let rule = kind.rule(Trigger::Compromised).filter(|rule| is_stolen && rule.action != Action::Ignore);
        let (Some(rule), Some(since)) = (rule, row.cooling_since) else { return };
        let (groups, group) = match (rule.scope, &row.owner.family) {
            (Scope::Family, Some(family)) => (&mut self.families, Some(family)),
            (Scope::Family | Scope::Session | Scope::Device, _) => {
                (&mut self.sessions, row.owner.session.as_ref())
            }
            (Scope::Token | Scope::Subject, _) => return,
        };
        let Some(group) = group else { return };
        let said = (since, row.by.clone());
        // On a row that was held since it is the holder who is named.
        if row.hold.is_none() && row.released_at.is_none() {
            groups.insert(group.clone(), said);
        } else {
            groups.entry(group.clone()).or_insert(said);
        }
    }

    fn of(&self, row: &VaultRow) -> Option<&(EpochSeconds, Option<By>)> {
        let in_family = row.owner.family.as_ref().and_then(|family| self.families.get(family));
        in_family.or_else(|| row.owner.session.as_ref().and_then(|session| self.sessions.get(session)))
    }
}

/// Decides over a token that is in service although its sign-in or its family was stolen: a refresh was under way, and
/// its successor was written after the command had gone over the others. Without this a thief who keeps refreshing
/// would stay ahead of every look.
pub fn decide_reborn(
    row: &VaultRow,
    stolen: &Stolen,
    kind: &KindPolicy,
    policy: u64,
    now: EpochSeconds,
) -> Verdict {
    let Some((since, by)) = stolen.of(row).filter(|_| row.state == State::Active) else {
        return Verdict::Keep(Why::NotDue);
    };
    if since.plus(IN_FLIGHT) < row.created_at.to_seconds().min(now) {
        return Verdict::Keep(Why::IssuedLater);
    }
    let rule = kind.rule(Trigger::Compromised).filter(|rule| rule.action != Action::Ignore);
    let Some(rule) = rule else { return Verdict::Keep(Why::Ignored) };
    let then = if row.hold.is_some() { Then::Wait } else { Then::Leave(now.plus(rule.cool_off)) };
    let decided = Decided { by: by.clone(), ..Decided::by_timer(policy) };
    Verdict::Change(Change::Cool { reason: Trigger::Compromised, since: now, then, decided })
}

/// What was found unused may still come back, a deleted account has its time for regret, what was compromised is
/// evidence, and of what was revoked or spent a further use must still be seen: their cool-off is not cut short.
fn may_go_sooner(reason: Option<Trigger>) -> bool {
    match reason {
        Some(
            Trigger::Expired
            | Trigger::Consumed
            | Trigger::Logout
            | Trigger::DeviceLogout
            | Trigger::Superseded,
        ) => true,
        Some(
            Trigger::Rotated
            | Trigger::Revoked
            | Trigger::Compromised
            | Trigger::AccountDeleted
            | Trigger::Idle
            | Trigger::Unreferenced,
        )
        | None => false,
    }
}
