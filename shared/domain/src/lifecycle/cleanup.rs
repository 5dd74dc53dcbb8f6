//! Inline clean-up: an issue, a refresh or a revocation is the moment to put away what the same subject and client
//! have left behind.

use std::collections::BTreeMap;

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

/// The sign-ins and families that have ended as such among some tokens of one owner, and why: neither begins again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedGroups {
    sessions: BTreeMap<String, (Trigger, Option<By>)>,
    families: BTreeMap<String, (Trigger, Option<By>)>,
}

impl EndedGroups {
    /// Notes what a token says: one that ended for a reason whose scope is its sign-in or its family.
    pub fn note(&mut self, row: &VaultRow, kind: &KindPolicy) {
        let Some(reason) = row.reason.filter(|_| row.state == State::Cooling) else { return };
        let Some(rule) = kind.rule(reason).filter(|rule| rule.action != Action::Ignore) else { return };
        let ended = (reason, row.by.clone());
        let (session, family) = (row.owner.session.clone(), row.owner.family.clone());
        match rule.scope {
            Scope::Family => match family {
                Some(family) => drop(self.families.insert(family, ended)),
                None => self.sessions.extend(session.map(|session| (session, ended))),
            },
            Scope::Session | Scope::Device => self.sessions.extend(session.map(|session| (session, ended))),
            Scope::Token | Scope::Subject => {}
        }
    }

    fn of(&self, row: &VaultRow) -> Option<&(Trigger, Option<By>)> {
        let in_family = row.owner.family.as_ref().and_then(|family| self.families.get(family));
        in_family.or_else(|| row.owner.session.as_ref().and_then(|session| self.sessions.get(session)))
    }
}

/// Decides over a token that is in service although its sign-in or its family has ended: a refresh was under way, and
/// the command that ended them could not know of its successor.
pub fn decide_reborn(
    row: &VaultRow,
    ended: &EndedGroups,
    kind: &KindPolicy,
    policy: u64,
    now: EpochSeconds,
) -> Verdict {
    let Some((reason, by)) = ended.of(row).filter(|_| row.state == State::Active) else {
        return Verdict::Keep(Why::NotDue);
    };
    let Some(rule) = kind.rule(*reason).filter(|rule| rule.action != Action::Ignore) else {
        return Verdict::Keep(Why::Ignored);
    };
    let then = if row.hold.is_some() { Then::Wait } else { Then::Leave(now.plus(rule.cool_off)) };
    let decided = Decided { by: by.clone(), ..Decided::by_timer(policy) };
    Verdict::Change(Change::Cool { reason: *reason, since: now, then, decided })
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
