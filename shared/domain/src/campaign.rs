//! What a tick does for a tenant, and which run follows a run. Both are decided from the run rows alone, so a tick
//! that comes twice, late or never does no harm.

use std::time::Duration;

use crate::cadence::Cadence;
use crate::run::{Purpose, Run, RunId, Stage};
use crate::time::EpochSeconds;
use crate::window::Opening;

/// The next thing a tick does for a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing is due.
    Wait,
    /// Book the discovery run of this slot.
    Book(RunId),
    /// Open this booked run.
    Open(Run),
    /// List units and send them out.
    Survey(Run),
    /// The drain is over: look at the sources again.
    LookAgain(Run),
    /// Its window has opened again since it last came further, and what its workers met while it was closed they left:
    /// send what is missing.
    Resume(Run),
    /// The stage's messages were not all sent: send them.
    Dispatch(Run),
    /// See whether the waiting plan was approved.
    CheckApproval(Run),
}

/// Decides the next step. One run a tenant is in progress at a time; a booked run goes before a new slot. While the
/// tenant's window is closed nothing is booked or opened, so that of all slots since it closed the last one counts.
pub fn decide_tick(runs: &[Run], (cadence, opening): (&Cadence, Opening), now: EpochSeconds) -> Step {
    if let Some(open) = runs.iter().find(|run| run.stage.is_open()) {
        return match opening {
            Opening::Open { since, .. } if open.progressed_at < since && works(open) => {
                Step::Resume(open.clone())
            }
            Opening::Closed { .. } if is_bound(open) => Step::Wait,
            Opening::Open { .. } | Opening::Closed { .. } => step_of(open, now),
        };
    }
    if !opening.is_open() {
        return Step::Wait;
    }
    let booked = runs.iter().filter(|run| run.stage == Stage::Booked);
    if let Some(next) =
        booked.filter(|run| is_due(run, now)).min_by_key(|run| (run.resume_at, run.id.clone()))
    {
        return Step::Open(next.clone());
    }
    let Some(slot) = cadence.slot(now) else { return Step::Wait };
    // A look that only plans does not stand for the slot's campaign.
    if runs.iter().any(|run| slot <= run.id.slot && !run.plan_only) {
        return Step::Wait;
    }
    Step::Book(RunId { slot, ordinal: 1 })
}

/// Whether workers are busy with a run, each with a message of its own.
fn works(run: &Run) -> bool {
    match run.stage {
        Stage::Surveying | Stage::Scanning | Stage::Planning | Stage::Applying => true,
        Stage::Booked | Stage::Draining | Stage::Gated | Stage::Applied | Stage::Reported | Stage::Void => {
            false
        }
    }
}

/// Whether an open run waits for its window. A person's approval is taken up at any time, and so is a plan that is carried
/// out: its revivals wait for nothing, and its workers leave the rest.
fn is_bound(run: &Run) -> bool {
    match run.stage {
        Stage::Surveying | Stage::Scanning | Stage::Draining | Stage::Planning => true,
        Stage::Booked | Stage::Gated | Stage::Applying | Stage::Applied | Stage::Reported | Stage::Void => {
            false
        }
    }
}

fn step_of(run: &Run, now: EpochSeconds) -> Step {
    match run.stage {
        Stage::Surveying => Step::Survey(run.clone()),
        Stage::Draining if is_due(run, now) => Step::LookAgain(run.clone()),
        Stage::Planning | Stage::Applying if !run.dispatched => Step::Dispatch(run.clone()),
        Stage::Gated => Step::CheckApproval(run.clone()),
        Stage::Booked
        | Stage::Scanning
        | Stage::Draining
        | Stage::Planning
        | Stage::Applying
        | Stage::Applied
        | Stage::Reported
        | Stage::Void => Step::Wait,
    }
}

fn is_due(run: &Run, now: EpochSeconds) -> bool {
    run.resume_at.is_none_or(|at| at <= now)
}

/// What the follow-up of a run depends on.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The least time between two runs that count strikes.
    pub run_spacing: Duration,
    /// The longest cool-off of what was just taken out of service.
    pub cool_off: Duration,
    /// The most strikes that any kind of the tenant asks for.
    pub strikes: u8,
    /// The time between two slices of a first purge.
    pub slice_day: Duration,
}

/// The run that follows in the same campaign, decided when a run was applied or reported: a confirming run while
/// candidates lack strikes, then a verdict run when something cools.
pub fn follow_up(run: &Run, pace: Pace, now: EpochSeconds) -> Option<Run> {
    let id = run.id.following()?;
    let book = |purpose, at| Run {
        look: run.look.saturating_add(1),
        ..Run::booked(run.tenant.clone(), id, purpose, at, now)
    };
    if run.shadow.is_some() {
        // It stands for no look: the same one is taken again, so that the first deletion waits for no cadence.
        return Some(Run { look: run.look, ..book(run.purpose, run.scan_started_at.plus(pace.run_spacing)) });
    }
    let looks_further = run.purpose != Purpose::Verdict && run.look < pace.strikes;
    if looks_further && run.tally.n_struck > 0 {
        return Some(book(Purpose::Confirm, run.scan_started_at.plus(pace.run_spacing)));
    }
    let cooled_now = (run.applied.n_cooled > 0).then(|| now.plus(pace.cool_off));
    let waiting = run.tally.verdict_from.filter(|_| run.tally.n_awaiting_verdict > 0);
    // A second later, so that the verdict's scan begins after the last cool-off's end.
    let at = cooled_now.max(waiting)?.plus(Duration::from_secs(1));
    Some(book(Purpose::Verdict, at))
}

/// The run that takes the next slice of a first purge, decided when a run was applied that put tokens off. It is a campaign
/// of its own, beside the one that this run's verdict belongs to.
pub fn next_slice(run: &Run, pace: Pace, now: EpochSeconds) -> Option<Run> {
    if run.tally.n_deferred == 0 {
        return None;
    }
    let id = RunId { slot: run.scan_started_at.plus(Duration::from_secs(1)), ordinal: 1 };
    let at = now.plus(pace.slice_day);
    Some(Run { look: pace.strikes, ..Run::booked(run.tenant.clone(), id, Purpose::Confirm, at, now) })
}

#[cfg(test)]
mod tests;
