//! What a command or a notice does to one token.

use std::time::Duration;

use super::{Change, Decided, Then, Verdict, Why, next_due};
use crate::policy::{Action, KindPolicy, Rule, Trigger};
use crate::row::{By, Phase, State, VaultRow};
use crate::time::{EpochMillis, EpochSeconds};

/// No worker lives longer. Its time is that of its beginning, so what it meets may have been issued so much later.
const WORKER_LIFE: Duration = Duration::from_mins(15);

/// An order to end tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending<'a> {
    /// Why.
    pub trigger: Trigger,
    /// When it happened, as its sender says; a message that comes twice says the same twice.
    pub at: EpochSeconds,
    /// Tokens issued later are not meant.
    pub issued_until: Option<EpochMillis>,
    /// Without the cool-off: what an account's owner may ask for.
    pub erase_now: bool,
    /// The day whose command budget is used up, if it is.
    pub over_budget: Option<EpochSeconds>,
    /// Who asked.
    pub by: &'a By,
}

/// Decides over a command to end one token. A hold keeps it in the vault, not in service.
pub fn decide_command(
    row: &VaultRow,
    ending: &Ending<'_>,
    kind: &KindPolicy,
    policy: u64,
    now: EpochSeconds,
) -> Verdict {
    // A clock that is fast, or a lie, protects nobody: what was issued in the future was issued by now.
    let is_honest = row.created_at.to_seconds() <= now.plus(WORKER_LIFE);
    if is_honest && ending.issued_until.is_some_and(|until| until < row.created_at) {
        return Verdict::Keep(Why::IssuedLater);
    }
    let Some(rule) = kind.rule(ending.trigger).filter(|rule| rule.action != Action::Ignore) else {
        return Verdict::Keep(Why::Ignored);
    };
    let ended_for = row.reason.filter(|reason| row.state == State::Cooling && !reason.is_revivable());
    if let Some(reason) = ended_for
        && ending.trigger.rank() <= reason.rank()
    {
        return again(row, reason, ending, kind, (policy, now));
    }
    // A refresh token is spent from when it was used, however long the message took: the leeway is counted from there.
    let ended_at = if ending.trigger == Trigger::Rotated { ending.at.min(now) } else { now };
    // Cooling goes on from where it began, where it began for good and has its date; all else begins anew.
    let since = ended_for.and(row.purge_at).and(row.cooling_since).unwrap_or(ended_at);
    let decided = Decided::by_caller(policy, ending.by);
    Verdict::Change(Change::Cool {
        reason: ending.trigger,
        since,
        then: then_of(row, rule, ending, now),
        decided,
    })
}

/// The token had ended before, for as good a reason.
fn again(
    row: &VaultRow,
    reason: Trigger,
    ending: &Ending<'_>,
    kind: &KindPolicy,
    (policy, now): (u64, EpochSeconds),
) -> Verdict {
    if ending.trigger == Trigger::Rotated && reason == Trigger::Rotated {
        return spent(row, ending.at, kind);
    }
    // Guard: what waits for a person's approval is not hurried past it.
    let may_leave = row.hold.is_none() && row.waits_for.is_none();
    let is_sooner = row.purge_at.is_none_or(|at| now < at);
    if ending.erase_now && reason == ending.trigger && may_leave && is_sooner {
        let decided = Decided::by_caller(policy, ending.by);
        return Verdict::Change(Change::Sentence { purge_at: now, decided });
    }
    Verdict::Keep(Why::AlreadyDone)
}

/// Decides over the use of a refresh token that was replaced before: within the leeway it is a retry, as of two tabs
/// that refresh at once; past it somebody holds a copy.
pub(super) fn spent(row: &VaultRow, at: EpochSeconds, kind: &KindPolicy) -> Verdict {
    match row.cooling_since {
        Some(since) if since.plus(kind.reuse_leeway) < at => Verdict::Reuse,
        Some(_) | None => Verdict::Keep(Why::Retry),
    }
}

fn then_of(row: &VaultRow, rule: &Rule, ending: &Ending<'_>, now: EpochSeconds) -> Then {
    if row.hold.is_some() {
        return ending.over_budget.map_or(Then::Wait, |day| Then::HeldApproval { day });
    }
    // Guard: reuse must be seen for as long as the family lives, and it may live for long after this token.
    if ending.trigger == Trigger::Rotated && has_family(row) {
        let own_end = row.expires_at.unwrap_or(now).max(now);
        return Then::LookAgain(own_end.plus(rule.cool_off));
    }
    let cool_off_end = if ending.erase_now { now } else { now.plus(rule.cool_off) };
    // A date that is set already is not put off by a further reason.
    let leave_at = row.purge_at.map_or(cool_off_end, |set| set.min(cool_off_end));
    match ending.over_budget {
        // What was sentenced before goes on its own account.
        Some(_) if row.phase() == Phase::Sentenced => Then::Leave(leave_at),
        Some(day) => Then::Approval { day, look_at: leave_at },
        None => Then::Leave(leave_at),
    }
}

/// Whether a token's family can be looked up.
pub(super) fn has_family(row: &VaultRow) -> bool {
    row.owner.family.is_some() && row.owner.subject.is_some()
}

/// Decides over a person's wish to take a cooling token back into service. It counts as a use, or the next run would
/// miss the token again.
pub fn decide_reinstate(
    row: &VaultRow,
    by: &By,
    kind: &KindPolicy,
    policy: u64,
    now: EpochSeconds,
) -> Verdict {
    if row.state == State::Active {
        return Verdict::Keep(Why::AlreadyDone);
    }
    if !row.reason.is_some_and(Trigger::is_revivable) {
        return Verdict::Keep(Why::OtherReason);
    }
    let due_at = next_due(row, kind, now);
    let decided = Decided::by_caller(policy, by);
    Verdict::Change(Change::Reinstate { due_at, read_at: Some(now), decided })
}
