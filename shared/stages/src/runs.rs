//! What every stage does with a run's row: step it on, put it on record, and give it up.

use lethe_domain::audit::{AuditItem, Event};
use lethe_domain::rails::baseline_of;
use lethe_domain::run::{Baseline, Run, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use crate::error::StageError;
use crate::ports::{AuditLog, Control, PortError};
use crate::settings::Settings;

/// A run that was void this often in its campaign is not tried again before the next one.
const MAX_ORDINAL: u8 = 32;

/// How many of a tenant's latest runs are looked back on, as a rule.
const RUNS_SEEN: u32 = 40;

/// And at the most: more than a year of void runs, at the six a day that a tenant can have.
const RUNS_SEEN_MOST: u32 = 2_560;

/// As many good runs as what is usual is derived from.
const GOOD_RUNS: usize = 20;

/// The tenant's latest runs, as many as it takes to see enough good ones. Void runs are booked again every few hours, and
/// within a week they would push out of sight what a run is held against.
pub(crate) async fn earlier_runs<C: Control>(control: &C, tenant: &TenantId) -> Result<Vec<Run>, PortError> {
    let mut limit = RUNS_SEEN;
    loop {
        let runs = control.runs(tenant, limit).await?;
        let n_good = runs.iter().filter(|run| matches!(run.stage, Stage::Applied | Stage::Reported)).count();
        let are_all = runs.len() < usize::try_from(limit).unwrap_or(usize::MAX);
        if are_all || GOOD_RUNS <= n_good || RUNS_SEEN_MOST <= limit {
            return Ok(runs);
        }
        limit = limit.saturating_mul(4);
    }
}

/// The run rows and their record.
pub struct Runs<'a, C, A> {
    /// Where the rows are.
    pub control: &'a C,
    /// Where the record is.
    pub audit: &'a A,
    /// The pace of further tries.
    pub settings: &'a Settings,
}

impl<C: Control, A: AuditLog> Runs<'_, C, A> {
    /// Writes the run's next state with its event; `false` when another worker was first. The event is written
    /// before the row, because a row that moved on is not looked at again; its key makes it one item.
    pub async fn step(&self, next: &Run, event: Event, now: EpochSeconds) -> Result<bool, StageError> {
        self.audit.record(&AuditItem::of_run(next, event, now)).await?;
        Ok(self.control.update_run(next).await?)
    }

    /// Gives a run up: nothing follows from it, strikes neither rise nor fall. It is booked again, so that neither the
    /// first look nor the condemned wait for the next cadence.
    pub async fn void(&self, run: &Run, why: &str, now: EpochSeconds) -> Result<(), StageError> {
        tracing::warn!(tenant = %run.tenant, run = %run.id, why, "run is void");
        if let Some(again) = self.again(run, now) {
            self.control.create_run(&again).await?;
        }
        self.step(&run.voided(why, now), Event::RunVoid, now).await?;
        Ok(())
    }

    /// What the next run of a tenant is compared with, derived from its latest runs.
    pub async fn baseline(&self, tenant: &TenantId, runs: &[Run]) -> Result<Option<Baseline>, StageError> {
        let accepted = self.control.acceptances(tenant).await?;
        let accepted = accepted.into_iter().map(|acceptance| acceptance.run.id).collect();
        Ok(baseline_of(runs, &accepted))
    }

    fn again(&self, run: &Run, now: EpochSeconds) -> Option<Run> {
        if run.plan_only || MAX_ORDINAL <= run.id.ordinal {
            return None;
        }
        let at = now.plus(self.settings.limits.run_spacing);
        let again = Run::booked(run.tenant.clone(), run.id.following()?, run.purpose, at, now);
        Some(Run { look: run.look, ..again })
    }
}
