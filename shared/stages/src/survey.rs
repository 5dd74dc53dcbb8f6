//! Survey: opens what the cadence or an earlier run has made due, lists the tenant's sources into units, looks at them
//! again before the seal, and wakes runs that wait. A tick carries nothing; everything is derived from the run rows, so two ticks at once, or none
//! for a while, do no harm.

use lethe_domain::audit::Event;
use lethe_domain::campaign::{Step, decide_tick};
use lethe_domain::run::{Purpose, Run, RunId, Stage};
use lethe_domain::shape::{previous_of, shadow_number, shape_of};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_sources::{Connectors, Objects, Tables};
use serde::Serialize;

use crate::approvals::approvals_of;
use crate::error::{StageError, chain};
use crate::first_purge::note_slice;
use crate::hours::Hours;
use crate::invocation::Invocation;
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, Queue, RunRef, WorkStore};
use crate::runs::Runs;
use crate::seal::{Seal, SealOutcome};
use crate::settings::Settings;
use crate::waking::Waking;

mod again;
mod listing;

/// How many of a tenant's latest runs a tick looks at: a campaign has few, and only its last matter.
const RUNS_SEEN: u32 = 40;

/// Why a plan does not wait for its approval any longer.
const PAUSED_SINCE: &str = "the tenant was paused after its plan was made, and a plan from before a pause is not carried out \
    after it. It is booked again and looks anew once nothing is paused";

/// How many steps a tick takes for one tenant: booking, opening, listing and sealing, with room to spare.
const MAX_STEPS_PER_TENANT: usize = 8;

/// The survey stage.
pub struct Survey<'a, C, A, W, Q, T, O> {
    /// Config and runs.
    pub control: &'a C,
    /// The record.
    pub audit: &'a A,
    /// Manifests.
    pub work: &'a W,
    /// Where units go.
    pub scan_queue: &'a Q,
    /// Where shards go.
    pub sweep_queue: &'a Q,
    /// The tenants' stores.
    pub stores: &'a Connectors<T, O>,
    /// Mode and limits.
    pub settings: &'a Settings,
}

/// What a tick did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TickReport {
    /// Tenants in the config.
    pub n_tenants: u64,
    /// Runs opened.
    pub n_opened: u64,
    /// Units sent out.
    pub n_units: u64,
    /// Runs sealed, because no unit was left to do.
    pub n_sealed: u64,
    /// Runs given up.
    pub n_void: u64,
    /// Runs sent to planning or applying, and those sent out again as their window opened.
    pub n_woken: u64,
    /// Tenants whose tick failed; the next tick goes on.
    pub n_failed: u64,
}

impl<C: Control, A: AuditLog, W: WorkStore, Q: Queue, T: Tables, O: Objects> Survey<'_, C, A, W, Q, T, O> {
    /// Does what is due for every tenant. One tenant's failure does not hold up the others; it is logged and counted.
    pub async fn tick(&self, invocation: Invocation<'_>) -> Result<TickReport, StageError> {
        let mut report = TickReport::default();
        if !self.settings.scan {
            return Ok(report);
        }
        let Some(pinned) = Pinned::current(self.control, &self.settings.limits).await? else {
            tracing::warn!("there is no config yet: store one with `lethe apply lethe.toml`");
            return Ok(report);
        };
        for tenant in pinned.config.tenants.keys() {
            report.n_tenants = report.n_tenants.saturating_add(1);
            if (invocation.should_pause)() || !pinned.config.is_scanned(tenant) {
                continue;
            }
            if let Err(error) = self.tick_tenant(tenant, &pinned, invocation, &mut report).await {
                report.n_failed = report.n_failed.saturating_add(1);
                tracing::error!(tenant = %tenant, error = chain(&error), "the tick of a tenant failed");
            }
        }
        Ok(report)
    }

    async fn tick_tenant(
        &self,
        tenant: &TenantId,
        pinned: &Pinned,
        invocation: Invocation<'_>,
        report: &mut TickReport,
    ) -> Result<(), StageError> {
        let now = invocation.now;
        let section = pinned.tenant(tenant)?;
        let hours = Hours::new(section.window.clone(), invocation);
        for _ in 0..MAX_STEPS_PER_TENANT {
            let mut runs = self.control.runs(tenant, RUNS_SEEN).await?;
            let pauses = self.control.pauses(tenant).await?;
            let is_paused = pauses.is_paused();
            if is_paused {
                runs.retain(Run::goes_on_while_paused);
            }
            let came_further = match decide_tick(&runs, (&section.cadence, hours.opening()), now) {
                Step::Wait => false,
                // What falls due under a pause is booked after it.
                Step::Book(_) if is_paused => false,
                Step::Book(id) => self.book(tenant, id, now).await?,
                Step::Open(run) => self.open(&run, &runs, (pinned, now), report).await?,
                Step::Survey(run) => self.list(&run, (invocation, &hours), report).await?,
                Step::Resume(run) => self.resume(&run, now, report).await?,
                Step::LookAgain(run) => self.control.update_run(&run.next_round(now)).await?,
                Step::Dispatch(run) => self.dispatch(&run, report).await?,
                Step::CheckApproval(run) if pauses.came_after(run.planned_at) => {
                    self.runs().void(&run, PAUSED_SINCE, now).await?;
                    true
                }
                Step::CheckApproval(run) => self.check_approval(&run, now).await?,
            };
            if !came_further {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn book(&self, tenant: &TenantId, id: RunId, now: EpochSeconds) -> Result<bool, StageError> {
        let run = Run::booked(tenant.clone(), id, Purpose::Discovery, now, now);
        Ok(self.control.create_run(&run).await?)
    }

    async fn open(
        &self,
        booked: &Run,
        runs: &[Run],
        (pinned, now): (&Pinned, EpochSeconds),
        report: &mut TickReport,
    ) -> Result<bool, StageError> {
        let fence = self.control.next_fence(&booked.tenant).await?;
        let shape = shape_of(&pinned.config, &booked.tenant);
        // Strikes go on from the last run that made a whole plan; a void run changes nothing.
        let last_planned = previous_of(&shape, runs);
        // After more void runs than are seen here, the latest of them still knows it.
        let same_shape = |run: &&Run| run.shape.as_ref() == Some(&shape);
        let carried = || runs.iter().filter(same_shape).find_map(|run| run.previous.clone());
        let opened = Run {
            config: pinned.version,
            fence,
            scan_started_at: now,
            baseline: self.runs().baseline(&booked.tenant, runs).await?,
            previous: last_planned.map(|run| run.id.clone()).or_else(carried),
            shadow: shadow_number(&shape, runs, pinned.config.rails.gate.shadow_runs),
            shape: Some(shape),
            ..booked.at(Stage::Surveying, now)
        };
        let ours = self.runs().step(&opened, Event::RunOpened, now).await?;
        report.n_opened = report.n_opened.saturating_add(u64::from(ours));
        Ok(ours)
    }

    /// Sends the messages of the run's stage, then notes that they were sent: a crash between the two sends them
    /// again, which does no harm.
    async fn dispatch(&self, run: &Run, report: &mut TickReport) -> Result<bool, StageError> {
        self.waking().send_shards(run).await?;
        report.n_woken = report.n_woken.saturating_add(1);
        let sent = Run { dispatched: true, ..run.clone() };
        Ok(self.control.update_run(&sent).await?)
    }

    /// The window is open again: sends what its workers left when it closed, and notes that the run comes further.
    async fn resume(
        &self,
        run: &Run,
        now: EpochSeconds,
        report: &mut TickReport,
    ) -> Result<bool, StageError> {
        let is_planned = matches!(run.stage, Stage::Planning | Stage::Applying);
        if is_planned {
            self.waking().send_shards(run).await?;
        } else {
            self.waking().send_units(run).await?;
        }
        report.n_woken = report.n_woken.saturating_add(1);
        let resumed = Run { dispatched: is_planned, progressed_at: now, ..run.clone() };
        if !self.control.update_run(&resumed).await? {
            return Ok(false);
        }
        if run.stage == Stage::Scanning {
            // The last unit may have been done as the window closed, and its worker died before the seal.
            let sealed = self.seal().if_complete(&RunRef::from(run), now).await?;
            note_seal(sealed, report);
        }
        Ok(true)
    }

    fn waking(&self) -> Waking<'_, C, Q> {
        Waking {
            control: self.control,
            scan_queue: self.scan_queue,
            sweep_queue: self.sweep_queue,
            limits: &self.settings.limits,
        }
    }

    fn seal(&self) -> Seal<'_, C, A, W> {
        Seal { control: self.control, audit: self.audit, work: self.work, settings: self.settings }
    }

    async fn check_approval(&self, run: &Run, now: EpochSeconds) -> Result<bool, StageError> {
        // Guard: the plan goes on when enough persons said yes to exactly its hash.
        let Some(approvals) = approvals_of(self.control, run).await?.filter(|all| all.n_missing == 0) else {
            return Ok(false);
        };
        let persons: Vec<&str> = approvals.given.iter().map(|approval| approval.actor.as_str()).collect();
        let note = format!("approved by {}", persons.join(" and "));
        let by = persons.into_iter().map(str::to_owned).collect();
        note_slice(self.control, run, by, now).await?;
        let approved = Run {
            note: Some(note),
            // Whoever approves a plan has seen how its recall was measured.
            recall_accepted: run.measured.witnesses.keys().cloned().collect(),
            ..run.at(Stage::Applying, now)
        };
        self.runs().step(&approved, Event::Approved, now).await
    }

    fn runs(&self) -> Runs<'_, C, A> {
        Runs { control: self.control, audit: self.audit, settings: self.settings }
    }
}

fn note_seal(sealed: SealOutcome, report: &mut TickReport) {
    report.n_sealed = report.n_sealed.saturating_add(u64::from(sealed == SealOutcome::Sealed));
    report.n_void = report.n_void.saturating_add(u64::from(sealed == SealOutcome::Void));
}
