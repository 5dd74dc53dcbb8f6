//! What a pause leaves of decisions, and how a freeze takes back the dates of removal that are set already.

use super::command::has_family;
use super::{Change, Decided, Then, Verdict, Why};
use crate::pause::Pause;
use crate::policy::{KindPolicy, Trigger};
use crate::row::{Phase, VaultRow};
use crate::time::EpochSeconds;

/// What a command's verdict comes to while its tenant is paused: what must be out of service is so at once, but nothing
/// gets a date of removal. Lifecycle looks again when it would have left, and not before the pause is over.
#[must_use]
pub fn while_paused(verdict: Verdict) -> Verdict {
    let Verdict::Change(change) = verdict else { return verdict };
    match change {
        Change::Cool { reason, since, then: Then::Leave(at), decided } => {
            Verdict::Change(Change::Cool { reason, since, then: Then::LookAgain(at), decided })
        }
        Change::Release { hold, purge_at: Some(at), due_at: _, released_at, decided } => {
            Verdict::Change(Change::Release { hold, purge_at: None, due_at: Some(at), released_at, decided })
        }
        Change::Sentence { .. } => Verdict::Keep(Why::Paused),
        Change::Cool { .. }
        | Change::Release { .. }
        | Change::Reinstate { .. }
        | Change::Undo { .. }
        | Change::Stamp { .. }
        | Change::Rearm { .. }
        | Change::Hold { .. }
        | Change::Lift { .. } => Verdict::Change(change),
    }
}

/// Decides over lifting a date of removal under a freeze. It is written as the release of a hold is: from then on
/// nothing makes the token leave without notice, and what a scan condemned waits for a verdict run.
pub fn decide_freeze(
    row: &VaultRow,
    pause: &Pause,
    kind: Option<&KindPolicy>,
    policy: u64,
    now: EpochSeconds,
) -> Verdict {
    let Some(leaves_at) = row.purge_at else { return Verdict::Keep(Why::NotDue) };
    // A date beside a hold was set by somebody else; `react` and the hold's own command see to it.
    if row.hold.is_some() {
        return Verdict::Keep(Why::OnHold);
    }
    let is_judged_by_runs =
        row.reason.is_some_and(Trigger::is_revivable) && kind.is_some_and(|kind| kind.format.is_some());
    let due_at = match row.phase() {
        Phase::Active => row.expires_at,
        Phase::Cooling | Phase::Sentenced if is_judged_by_runs => None,
        // Its family decides, which may have lived on.
        Phase::Cooling | Phase::Sentenced if row.reason == Some(Trigger::Rotated) && has_family(row) => {
            Some(leaves_at.min(now))
        }
        // No sooner than it would have left: a million rows that are due at once would hide those of other tenants.
        Phase::Cooling | Phase::Sentenced => Some(leaves_at),
    };
    let decided = Decided::by_caller(policy, &pause.by);
    Verdict::Change(Change::Release { hold: None, purge_at: None, due_at, released_at: now, decided })
}
