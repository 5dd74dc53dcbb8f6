//! What the design promises about every single change of a row, held against the truth the moment it happens.
//!
//! 1. **No live loss.** A token that some registered store held throughout a run's scan, from its beginning to its seal,
//!    is neither taken out of service nor sentenced by that run. What was read or issued since the scan behind its
//!    verdict began is not removed; nor is it taken out of service within its grace.
//! 2. **A fresh verdict.** Only a sealed verdict run whose scan began after the cool-off sentences what a scan
//!    condemned, and leaves at least the notice until the removal.
//! 3. **What ended for good stays ended**, and what is held stays.
//! 4. **Nothing leaves before its date**, and every write of ours is one step of the version.

use std::time::Duration;

use lethe_domain::policy::Trigger;
use lethe_domain::row::{Phase, State, VaultRow};
use lethe_domain::run::{Purpose, Run, RunId, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use crate::deployment::Deployment;
use crate::setting::{DAY, HOUR};
use crate::truth::{Change, Hand, Known, Truth};
use crate::worker::TIMEOUT;

/// Clocks of callers may be wrong by so much.
const SKEW: Duration = Duration::from_mins(5);

/// The least time between two runs whose misses count.
const SPACING: Duration = Duration::from_hours(4);

/// Judges one change.
pub struct Judge<'a> {
    pub truth: &'a Truth,
    pub deployment: &'a Deployment,
}

impl Judge<'_> {
    pub fn check(&self, change: &Change) -> Result<(), String> {
        let Change { by: Hand::Lethe, old: Some(old), .. } = change else { return Ok(()) };
        let Some(new) = &change.new else { return self.removed(change, old) };
        if new.version != old.version.next() {
            return Err("a function's write is not one step of the version".to_owned());
        }
        match (old.phase(), new.phase()) {
            (Phase::Active, Phase::Cooling | Phase::Sentenced) => self.ended(change, new),
            (Phase::Cooling, Phase::Sentenced) if is_revivable(new) => self.sentenced(change, old, new),
            (Phase::Cooling | Phase::Sentenced, Phase::Cooling | Phase::Sentenced)
                if new.reason != old.reason =>
            {
                self.ended(change, new)
            }
            (Phase::Cooling | Phase::Sentenced, Phase::Active) if !is_revivable(old) => {
                Err(format!("what had ended for good came back: {:?}", old.reason))
            }
            (Phase::Active, Phase::Active)
            | (Phase::Cooling | Phase::Sentenced, Phase::Active | Phase::Cooling | Phase::Sentenced) => {
                Ok(())
            }
        }
    }

    /// Taken out of service.
    fn ended(&self, change: &Change, new: &VaultRow) -> Result<(), String> {
        let known = &self.truth.tokens[change.slot];
        match new.reason {
            Some(Trigger::Unreferenced) => self.missed_twice(change, new),
            Some(Trigger::Idle) => {
                let idle_after = Duration::from_hours(36);
                let seen = |at: EpochSeconds| change.at < at.plus(idle_after);
                let is_read = known.reads.iter().any(|read| seen(read.minus(SKEW)));
                let is_issued = known.issued.iter().any(|at| seen(at.to_seconds()));
                refuse(is_read || is_issued, "it was taken for idle, and was read or issued not long ago")
            }
            Some(Trigger::Expired | Trigger::Superseded) => {
                let is_over = new.expires_at.is_some_and(|end| end <= change.at);
                refuse(!is_over, "it was taken for expired before its end")
            }
            Some(reason) => {
                let was_ordered = known.endings.iter().any(|ending| ending.trigger == reason);
                refuse(!was_ordered, &format!("nobody ordered that it ends: {reason:?}"))
            }
            None => Err("it is out of service without a reason".to_owned()),
        }
    }

    /// Taken out of service by a run: it and an earlier one missed it, and it was old enough for both.
    fn missed_twice(&self, change: &Change, new: &VaultRow) -> Result<(), String> {
        let known = &self.truth.tokens[change.slot];
        let run = self.sealed_run(&known.key.tenant, new.run.as_ref())?;
        self.missed(known, &run)?;
        refuse(run.purpose == Purpose::Verdict, "a verdict run took it out of service")?;
        let is_earlier = |earlier: &Run| {
            earlier.tenant == run.tenant
                && matches!(earlier.stage, Stage::Applied | Stage::Reported)
                && earlier.shadow.is_none()
                && earlier.scan_started_at.plus(SPACING) <= run.scan_started_at
                && self.missed(known, earlier).is_ok()
        };
        let struck_before = self.deployment.cloud.control.runs_where(is_earlier);
        refuse(struck_before.is_empty(), "no earlier run can have missed it")?;
        let from = run.scan_started_at.minus(DAY);
        let is_young = known.issued.iter().any(|at| from < at.to_seconds());
        refuse(is_young, "it was issued within its grace")?;
        // A read may be unseen for one granularity.
        let from = from.plus(HOUR).plus(SKEW);
        let is_read = known.reads.iter().any(|read| from < *read);
        refuse(is_read, "it was read within its grace")
    }

    /// Given a date of removal by a run.
    fn sentenced(&self, change: &Change, old: &VaultRow, new: &VaultRow) -> Result<(), String> {
        let known = &self.truth.tokens[change.slot];
        let run = self.sealed_run(&known.key.tenant, new.run.as_ref())?;
        self.missed(known, &run)?;
        refuse(run.purpose != Purpose::Verdict, "no verdict run sentenced it")?;
        let since = old.cooling_since.unwrap_or_default();
        refuse(run.scan_started_at < since.plus(DAY), "its cool-off was not over when the scan began")?;
        let notice_from = change.at.minus(TIMEOUT).plus(DAY);
        refuse(new.purge_at.is_none_or(|at| at < notice_from), "it leaves before its notice is over")?;
        refuse(old.hold.is_some(), "it was sentenced under a hold")?;
        Self::seen_since(known, since)
    }

    /// Gone from the vault.
    fn removed(&self, change: &Change, old: &VaultRow) -> Result<(), String> {
        let known = &self.truth.tokens[change.slot];
        refuse(old.hold.is_some() || !known.holds.is_empty(), "it was removed under a hold")?;
        refuse(old.purge_at.is_none_or(|at| change.at < at), "it was removed before its date")?;
        if old.state == State::Active {
            let is_over = old.expires_at.is_some_and(|end| end <= change.at);
            return refuse(!is_over, "it was removed while it was in service");
        }
        if !is_revivable(old) {
            return Ok(());
        }
        let run = self.sealed_run(&known.key.tenant, old.run.as_ref())?;
        self.missed(known, &run)?;
        Self::seen_since(known, run.scan_started_at)
    }

    /// Whether anybody is known to have had it after this moment.
    fn seen_since(known: &Known, since: EpochSeconds) -> Result<(), String> {
        let is_read = known.reads.iter().any(|read| since < *read);
        refuse(is_read, "it was read since the scan behind its verdict began")?;
        let is_issued = known.issued.iter().any(|at| since < at.to_seconds());
        refuse(is_issued, "it was issued since the scan behind its verdict began")
    }

    /// Whether a run may have missed a token.
    fn missed(&self, known: &Known, run: &Run) -> Result<(), String> {
        let Some(sealed_at) = self.truth.sealed.get(&(run.tenant.clone(), run.id.clone())) else {
            return Err(format!("run {} was never sealed", run.id));
        };
        let was_there = known.was_referenced_throughout(run.scan_started_at, *sealed_at);
        refuse(was_there, &format!("run {} missed a token that was referenced throughout its scan", run.id))
    }

    fn sealed_run(&self, tenant: &TenantId, id: Option<&RunId>) -> Result<Run, String> {
        let is_it = |run: &Run| run.tenant == *tenant && Some(&run.id) == id;
        let run = self.deployment.cloud.control.runs_where(is_it).pop();
        let run = run.ok_or("no run stands behind a scan's verdict")?;
        refuse(run.evidence.is_none(), "a run without evidence decided").map(|()| run)
    }
}

fn is_revivable(row: &VaultRow) -> bool {
    row.reason.is_some_and(Trigger::is_revivable)
}

pub fn refuse(is_broken: bool, why: &str) -> Result<(), String> {
    if is_broken { Err(why.to_owned()) } else { Ok(()) }
}
