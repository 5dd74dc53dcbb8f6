//! What `expire` decides: the row's own end, idleness, and what became of tokens whose removal was left open.

use std::time::Duration;

use super::command::has_family;
use super::{Change, Decided, Then, Verdict, Why};
use crate::issue::known_end;
use crate::policy::{Action, KindPolicy, Rule, Trigger};
use crate::row::{Phase, VaultRow, is_good};
use crate::subject::SubjectRow;
use crate::time::EpochSeconds;

/// When lifecycle must look at an active row next: at its end, or when it would be idle.
pub fn next_due(row: &VaultRow, kind: &KindPolicy, seen: EpochSeconds) -> Option<EpochSeconds> {
    let idle = kind.idle_window().map(|window| row.last_seen().max(seen).plus(window));
    match (row.expires_at, idle) {
        (Some(end), Some(idle)) => Some(end.min(idle)),
        (end, idle) => end.or(idle),
    }
}

impl Unread {
    /// By the clock alone, where somebody vouches for the read feed.
    pub fn by_clock(since: EpochSeconds, now: EpochSeconds) -> Self {
        let seconds = u64::try_from(now.0.saturating_sub(since.0)).unwrap_or(0);
        Self { proven_for: Duration::from_secs(seconds), step: Duration::ZERO }
    }
}

/// How often in a cool-off a token that waits for an approval is looked at.
const LOOKS_PER_COOL_OFF: u32 = 4;

/// What else a decision over a due row rests on, where its reason asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DueFacts {
    /// When the last member of its family ended or ends; see [`family_end`].
    pub family_end: Option<EpochSeconds>,
    /// When the commands of the day that it waits for were approved.
    pub approved_at: Option<EpochSeconds>,
    /// How long before its removal a token gets its date that a hold or a freeze had taken the date from.
    pub notice: Duration,
    /// How long it is known to be unread; `None` where nobody can know, and then it is not idle.
    pub unread: Option<Unread>,
}

/// For how long nobody read a token, as far as the read feed proves that somebody would have told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Since it was last seen, the feed's gaps left out.
    pub proven_for: Duration,
    /// In what steps more gets known.
    pub step: Duration,
}

impl DueFacts {
    /// Guard: when whoever froze the tenant or held the token lets go, nobody may have been told that it leaves.
    fn soonest(self, row: &VaultRow, now: EpochSeconds) -> EpochSeconds {
        if row.released_at.is_some() { now.plus(self.notice) } else { now }
    }
}

/// When the last of a family's members that the vault still has ended, or ends by itself. One in service without an
/// end lives at least now.
pub fn family_end(
    members: &[VaultRow],
    subject: Option<&SubjectRow>,
    now: EpochSeconds,
) -> Option<EpochSeconds> {
    let end_of = |row: &VaultRow| {
        if is_good(row, subject, now) {
            return row.expires_at.unwrap_or(now).max(now);
        }
        // An active row that is not good any more ended at the latest now, by its own end or by its subject's cut-off.
        row.cooling_since.or(row.expires_at).unwrap_or(now).min(now)
    };
    members.iter().map(end_of).max()
}

/// Decides over a row that the `due` index named.
pub fn decide_due(
    row: &VaultRow,
    facts: DueFacts,
    kind: &KindPolicy,
    policy: u64,
    now: EpochSeconds,
) -> Verdict {
    if row.hold.is_some() {
        // Looked at again, so that a row whose hold is released does not lie outside the index.
        return rearm(row, Some(now.plus(kind.grace)), Why::OnHold);
    }
    match row.phase() {
        Phase::Active => decide_active(row, facts.unread, kind, policy, (facts.soonest(row, now), now)),
        Phase::Sentenced => rearm(row, None, Why::AlreadySentenced),
        Phase::Cooling => match row.reason {
            Some(reason) if !reason.is_revivable() => decide_ended(row, reason, facts, kind, (policy, now)),
            Some(_) if row.was_seen_since_cooling() => {
                let due_at = next_due(row, kind, row.last_seen());
                let decided = Decided::by_timer(policy);
                Verdict::Change(Change::Reinstate { due_at, read_at: None, decided })
            }
            // No run judges a kind that is not scanned for: a date that was lifted is set again here.
            Some(reason) if kind.format.is_none() => decide_ended(row, reason, facts, kind, (policy, now)),
            // What was found unused waits for a verdict run; no timer sentences it.
            Some(_) | None => rearm(row, None, Why::CoolingOff),
        },
    }
}

/// How long a token cools that ended for this reason. What ended under a rule that the policy has dropped since is
/// out of service all the same, and leaves after the kind's grace.
pub(super) fn cool_off_of(kind: &KindPolicy, reason: Trigger) -> Duration {
    let rule = kind.rule(reason).filter(|rule| rule.action != Action::Ignore);
    rule.map_or(kind.grace, |rule| rule.cool_off)
}

/// A token that ended for good and has no date: its family lived, a person had to approve, or its date was lifted
/// because somebody else wrote the row.
fn decide_ended(
    row: &VaultRow,
    reason: Trigger,
    facts: DueFacts,
    kind: &KindPolicy,
    (policy, now): (u64, EpochSeconds),
) -> Verdict {
    let (cool_off, soonest) = (cool_off_of(kind, reason), facts.soonest(row, now));
    let sentence =
        |purge_at| Verdict::Change(Change::Sentence { purge_at, decided: Decided::by_timer(policy) });
    // What waits for an approval never had a date that a freeze could have lifted.
    if row.waits_for.is_some() {
        let ended_at = row.cooling_since.unwrap_or(now);
        return match facts.approved_at {
            // An approval is for what waited when it was given.
            Some(approved_at) if ended_at <= approved_at => sentence(ended_at.plus(cool_off).max(now)),
            // It would have left by now without the command: nobody has to approve that.
            Some(_) | None if known_end(row, kind).is_some_and(|end| end <= now) => sentence(now),
            // Looked at some times more in a cool-off, so that it goes soon after the approval.
            Some(_) | None => {
                let look_at = now.plus(cool_off.checked_div(LOOKS_PER_COOL_OFF).unwrap_or_default());
                rearm(row, Some(look_at), Why::WaitsForApproval)
            }
        };
    }
    if reason == Trigger::Rotated && has_family(row) {
        // A family that the index does not show is this token alone.
        let own_end = row.cooling_since.max(row.expires_at.map(|end| end.min(now))).unwrap_or(now);
        let free_at = facts.family_end.unwrap_or(own_end).plus(cool_off);
        // A hold's release has put the look off by the notice already; a freeze has it looked at at once.
        let leaves_at = if row.due_at <= row.released_at { soonest } else { now };
        return if free_at <= now { sentence(leaves_at) } else { rearm(row, Some(free_at), Why::CoolingOff) };
    }
    sentence(now.plus(cool_off).max(soonest))
}

fn decide_active(
    row: &VaultRow,
    unread: Option<Unread>,
    kind: &KindPolicy,
    policy: u64,
    (soonest, now): (EpochSeconds, EpochSeconds),
) -> Verdict {
    if row.purge_at.is_some() {
        return rearm(row, None, Why::KnownEnd);
    }
    if row.expires_at.is_some_and(|end| end <= now) {
        return match kind.rule(Trigger::Expired) {
            Some(rule) if rule.action != Action::Ignore => {
                Verdict::Change(end_by_timer(Trigger::Expired, rule, policy, (soonest, now)))
            }
            Some(_) | None => rearm(row, None, Why::Ignored),
        };
    }
    // Guard: no timer cools what must be missed by the runs too; they look at it without being told.
    if kind.idle_waits_for_scan() {
        return rearm(row, row.expires_at, Why::NotDue);
    }
    // Guard: silence is idleness only where the feed was proven alive, for as long as a token may be silent.
    let idle =
        kind.idle_window().is_some_and(|window| unread.is_some_and(|unread| window <= unread.proven_for));
    match kind.rule(Trigger::Idle) {
        // No run judges a kind that is not scanned for, so its idle tokens get their date at once, or they would linger.
        Some(rule)
            if idle
                && (rule.action == Action::Remove
                    || (rule.action == Action::Invalidate && kind.format.is_none())) =>
        {
            Verdict::Change(end_by_timer(Trigger::Idle, rule, policy, (soonest, now)))
        }
        Some(rule) if idle && rule.action == Action::Invalidate => Verdict::Change(Change::Cool {
            reason: Trigger::Idle,
            since: now,
            // Only a verdict run sentences an idle token.
            then: Then::Wait,
            decided: Decided::by_timer(policy),
        }),
        Some(_) | None => {
            // An ignored idle moment is not waited for again.
            let due_at = if idle { row.expires_at } else { look_again_at(row, unread, kind, now) };
            rearm(row, due_at, Why::NotDue)
        }
    }
}

/// When a token that is not idle is looked at again: when its window is over, or what is missing of it may be proven.
fn look_again_at(
    row: &VaultRow,
    unread: Option<Unread>,
    kind: &KindPolicy,
    now: EpochSeconds,
) -> Option<EpochSeconds> {
    let by_clock = next_due(row, kind, row.last_seen());
    let Some(window) = kind.idle_window().filter(|_| by_clock.is_some_and(|at| at <= now)) else {
        return by_clock;
    };
    let missing = unread.map_or(window, |unread| window.saturating_sub(unread.proven_for).max(unread.step));
    let proven_at = now.plus(missing);
    Some(row.expires_at.map_or(proven_at, |end| end.min(proven_at)))
}

fn end_by_timer(
    reason: Trigger,
    rule: &Rule,
    policy: u64,
    (soonest, now): (EpochSeconds, EpochSeconds),
) -> Change {
    let then = Then::Leave(now.plus(rule.cool_off).max(soonest));
    Change::Cool { reason, since: now, then, decided: Decided::by_timer(policy) }
}

fn rearm(row: &VaultRow, due_at: Option<EpochSeconds>, why: Why) -> Verdict {
    if row.due_at == due_at {
        return Verdict::Keep(why);
    }
    Verdict::Change(Change::Rearm { due_at })
}
