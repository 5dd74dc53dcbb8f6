//! What every stage does with a run's row: step it on, put it on record, and give it up.

use lethe_domain::audit::{AuditItem, Event};
use lethe_domain::rails::baseline_of;
use lethe_domain::run::{Baseline, Run, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use crate::error::StageError;
use crate::ports::{AuditLog, Control, PortError};
use crate::settings::Settings;

/// So many runs of a campaign follow each other at the run spacing: more than five days of void ones.
const OFTEN: u8 = 32;

/// By how much longer the later ones wait: one a day, and only while the next campaign has not begun. A cadence may be a
/// year, and what is condemned does not wait for it because a right was missing for a week.
const SELDOM: u32 = 6;

/// The last number of a run in its campaign.
const LAST: u8 = 99;

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
        if let Some(again) = self.again(run, now)
            && (run.id.ordinal < OFTEN || self.is_last_campaign(run).await?)
        {
            self.control.create_run(&again).await?;
        }
        self.give_up(run, why, now).await
    }

    /// The same without booking it again: a person does not want what it planned.
    pub async fn give_up(&self, run: &Run, why: &str, now: EpochSeconds) -> Result<(), StageError> {
        tracing::warn!(tenant = %run.tenant, run = %run.id, why, "run is void");
        self.step(&run.voided(why, now), Event::RunVoid, now).await?;
        Ok(())
    }

    /// What the next run of a tenant is compared with, derived from its latest runs.
    pub async fn baseline(&self, tenant: &TenantId, runs: &[Run]) -> Result<Option<Baseline>, StageError> {
        let accepted = self.control.acceptances(tenant).await?;
        let accepted = accepted.into_iter().map(|acceptance| acceptance.run.id).collect();
        Ok(baseline_of(runs, &accepted))
    }

    /// Whether no later campaign looks for the same, so that void ones do not pile up.
    async fn is_last_campaign(&self, run: &Run) -> Result<bool, StageError> {
        let latest = self.control.runs(&run.tenant, 1).await?;
        Ok(latest.iter().all(|latest| latest.id.slot <= run.id.slot))
    }

    fn again(&self, run: &Run, now: EpochSeconds) -> Option<Run> {
        if run.plan_only {
            return None;
        }
        let spacing = self.settings.limits.run_spacing;
        let wait = if run.id.ordinal < OFTEN { spacing } else { spacing.saturating_mul(SELDOM) };
        // Numbers have two digits where they are sorted.
        let id = run.id.following().filter(|id| id.ordinal <= LAST)?;
        let again = Run::booked(run.tenant.clone(), id, run.purpose, now.plus(wait), now);
        Some(Run { look: run.look, ..again })
    }
}
