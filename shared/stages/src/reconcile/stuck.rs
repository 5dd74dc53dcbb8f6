//! Runs that stand still: a message was lost, a worker died between two steps, or nobody approved. What is missing
//! is sent again; what cannot end is given up, and other tenants go on.

use lethe_domain::rails::narrowed;
use lethe_domain::run::{Run, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_domain::window::{Opening, Window};

use super::{Reconcile, ReconcileReport};
use crate::error::StageError;
use crate::ports::{Archive, AuditLog, Control, Done, Queue, RunRef, Vault, Walk, WorkStore};
use crate::runs::Runs;
use crate::seal::Seal;
use crate::settings::{Mode, Settings};
use crate::waking::Waking;

/// How many of a tenant's latest runs are looked at.
const RUNS_SEEN: u32 = 40;

impl<C, A, W, V, R, Q> Reconcile<'_, C, A, W, V, R, Q>
where
    C: Control,
    A: AuditLog,
    W: WorkStore,
    V: Vault,
    R: Archive,
    Q: Queue,
{
    /// Wakes or gives up a tenant's run if it stands still.
    pub(super) async fn wake_stuck_runs(
        &self,
        tenant: &TenantId,
        window: Option<&Window>,
        now: EpochSeconds,
        report: &mut ReconcileReport,
    ) -> Result<(), StageError> {
        let runs = self.control.runs(tenant, RUNS_SEEN).await?;
        let limits = &self.settings.limits;
        let Some(run) = runs.into_iter().find(|run| run.stage.is_open()) else { return Ok(()) };
        if let Some(why) = hopeless(&run, self.settings, now) {
            let why = format!("{why}{}", if is_slow(&run) { narrowed(window) } else { String::new() });
            Runs { control: self.control, audit: self.audit, settings: self.settings }
                .void(&run, &why, now)
                .await?;
            report.n_void_runs = report.n_void_runs.saturating_add(1);
            return Ok(());
        }
        // A run that waits for its window does not stand still, and when the window opens survey sends it on.
        let Opening::Open { since, .. } = window.map_or(Opening::ALWAYS, |window| window.at(now)) else {
            return Ok(());
        };
        if now < run.progressed_at.max(since).plus(limits.stuck_after) || run.stage == Stage::Gated {
            return Ok(());
        }
        if run.stage == Stage::Surveying {
            // Every tick of survey tries again; a source that cannot be listed for so long is not there.
            let runs = Runs { control: self.control, audit: self.audit, settings: self.settings };
            runs.void(&run, "its sources could not be listed", now).await?;
            report.n_void_runs = report.n_void_runs.saturating_add(1);
            return Ok(());
        }
        if self.is_moving(&run, now).await? {
            self.control.update_run(&Run { progressed_at: now, ..run }).await?;
            return Ok(());
        }
        tracing::warn!(tenant = %run.tenant, run = %run.id, stage = run.stage.as_str(), "run stands still");
        self.wake(&run, now).await?;
        report.n_woken_runs = report.n_woken_runs.saturating_add(1);
        // Noted as progress, so that the next ticks give the messages time.
        self.control.update_run(&Run { progressed_at: now, ..run }).await?;
        Ok(())
    }

    /// Whether pieces of work were done since the last look. They are, while workers are busy with a long stage, and
    /// sending out again what they have in hand would only double it.
    async fn is_moving(&self, run: &Run, now: EpochSeconds) -> Result<bool, StageError> {
        let kind = match run.stage {
            Stage::Scanning => Done::Scan,
            Stage::Planning => Done::Plan,
            Stage::Applying => Done::Apply,
            Stage::Booked
            | Stage::Surveying
            | Stage::Draining
            | Stage::Gated
            | Stage::Applied
            | Stage::Reported
            | Stage::Void => return Ok(false),
        };
        let n_done = self.control.done(&RunRef::from(run), kind).await?.len();
        let (name, seen) = (format!("progress#{}", run.tenant), format!("{} {kind:?} {n_done}", run.id));
        let before = self.control.walk(&name).await?.and_then(|look| look.position);
        if before.as_ref() == Some(&seen) {
            return Ok(false);
        }
        self.control.save_walk(&name, &Walk { started_at: now, position: Some(seen) }).await?;
        // The first look only remembers; work that has not begun yet counts as standing still at the next.
        Ok(n_done > 0)
    }

    async fn wake(&self, run: &Run, now: EpochSeconds) -> Result<(), StageError> {
        let waking = Waking {
            control: self.control,
            scan_queue: self.scan_queue,
            sweep_queue: self.sweep_queue,
            limits: &self.settings.limits,
        };
        if run.stage == Stage::Scanning {
            waking.send_units(run).await?;
            // The last unit's worker may have died before the seal.
            let seal =
                Seal { control: self.control, audit: self.audit, work: self.work, settings: self.settings };
            seal.if_complete(&RunRef::from(run), now).await?;
            return Ok(());
        }
        waking.send_shards(run).await
    }
}

/// Whether a run that is given up took too long, and did not only wait for a person.
fn is_slow(run: &Run) -> bool {
    match run.stage {
        Stage::Surveying | Stage::Scanning | Stage::Draining | Stage::Planning | Stage::Applying => true,
        Stage::Gated | Stage::Booked | Stage::Applied | Stage::Reported | Stage::Void => false,
    }
}

/// Why a run is given up: it cannot end, or its plan is too old to be carried out.
fn hopeless(run: &Run, settings: &Settings, now: EpochSeconds) -> Option<&'static str> {
    let limits = &settings.limits;
    let is_late = run.scan_started_at.plus(limits.run_deadline) <= now;
    // A plan may be approved at the last moment, and is then carried out within another deadline.
    let is_stale = run.scan_started_at.plus(limits.run_deadline).plus(limits.run_deadline) <= now;
    match run.stage {
        Stage::Gated if is_late => Some("nobody approved its plan in time"),
        Stage::Surveying | Stage::Scanning | Stage::Draining if is_late => {
            Some("not every unit could be scanned in time")
        }
        Stage::Planning if is_late => Some("it could not be planned in time"),
        Stage::Gated | Stage::Applying if settings.mode == Mode::Report => {
            Some("report mode carries out no plan")
        }
        Stage::Applying if is_stale => Some("its plan could not be carried out in time"),
        Stage::Surveying
        | Stage::Scanning
        | Stage::Draining
        | Stage::Planning
        | Stage::Gated
        | Stage::Applying
        | Stage::Booked
        | Stage::Applied
        | Stage::Reported
        | Stage::Void => None,
    }
}
