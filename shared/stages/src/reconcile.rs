//! Reconcile: the net under everything else. It removes what TTL and lifecycle left too long, wakes runs that stand
//! still, gives up those that cannot end, and counts what is late. Recovery is the normal path, run again.

use serde::Serialize;

use crate::error::{StageError, chain};
use crate::invocation::Invocation;
use crate::pinned::Pinned;
use crate::ports::{Archive, AuditLog, Control, Queue, Vault, WorkStore};
use crate::settings::{Mode, Settings};

mod fan_outs;
mod freeze;
mod rows;
mod stuck;
mod undos;
mod versions;

pub use freeze::freeze_walk;
pub use rows::walk_target;

/// The reconcile stage.
pub struct Reconcile<'a, C, A, W, V, R, Q> {
    /// Config, runs, walks.
    pub control: &'a C,
    /// The record.
    pub audit: &'a A,
    /// Marks, for a seal that was not made.
    pub work: &'a W,
    /// The tokens' rows.
    pub vault: &'a V,
    /// The locked bucket.
    pub archive: &'a R,
    /// Where units go again.
    pub scan_queue: &'a Q,
    /// Where shards go again.
    pub sweep_queue: &'a Q,
    /// Mode and limits.
    pub settings: &'a Settings,
}

/// What a tick found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReconcileReport {
    /// Rows past their date of removal and the patience that were removed now.
    pub n_removed_rows: u64,
    /// Such rows that are still there: the alarm.
    pub n_overdue_rows: u64,
    /// Versions past their lock, margin and patience that were deleted now.
    pub n_removed_versions: u64,
    /// Such versions that are still there: the alarm.
    pub n_overdue_versions: u64,
    /// Runs that stood still and were woken.
    pub n_woken_runs: u64,
    /// Runs that could not end and were given up.
    pub n_void_runs: u64,
    /// Fan-outs that were taken up, and how many tokens they changed.
    pub n_fan_outs: u64,
    /// See above.
    pub n_fanned_out: u64,
    /// Of those tokens, how many wait for a person's approval to leave.
    pub n_waiting: u64,
    /// Fan-outs that should have been done long ago: the alarm.
    pub n_stuck_fan_outs: u64,
    /// Rows that only their subject's hold kept, and that are now held themselves.
    pub n_held_rows: u64,
    /// Tokens that orders to undo a run brought back.
    pub n_undone: u64,
    /// Rows whose date of removal a freeze lifted.
    pub n_lifted_rows: u64,
    /// Parts of the tick that failed; the next tick goes on.
    pub n_failed: u64,
}

impl<C, A, W, V, R, Q> Reconcile<'_, C, A, W, V, R, Q>
where
    C: Control,
    A: AuditLog,
    W: WorkStore,
    V: Vault,
    R: Archive,
    Q: Queue,
{
    /// Looks for what is late or stuck. A part that fails does not hold up the others; it is logged and counted.
    pub async fn tick(&self, invocation: Invocation<'_>) -> Result<ReconcileReport, StageError> {
        let mut report = ReconcileReport::default();
        let Some(pinned) = Pinned::current(self.control, &self.settings.limits).await? else {
            return Ok(report);
        };
        let mut failures = Vec::new();
        for tenant in pinned.config.tenants.keys().filter(|_| self.settings.scan) {
            let window = pinned.tenant(tenant)?.window.as_ref();
            let woken = self.wake_stuck_runs(tenant, window, invocation.now, &mut report).await;
            failures.extend(woken.err());
        }
        if self.settings.mode == Mode::Act {
            for tenant in pinned.config.tenants.keys() {
                // First, since every other part of the tick leaves what a freeze has not reached to TTL.
                let lifted = self.lift_dates(tenant, &pinned, invocation, &mut report).await;
                failures.extend(lifted.err());
                let undone = self.work_off_undos(tenant, &pinned, invocation, &mut report).await;
                failures.extend(undone.err());
                let resumed = self.resume_fan_outs(tenant, &pinned, invocation, &mut report).await;
                failures.extend(resumed.err());
            }
            let removed = self.remove_overdue_rows(&pinned, invocation, &mut report).await;
            failures.extend(removed.err());
        }
        let removed = self.remove_free_versions(&pinned, invocation, &mut report).await;
        failures.extend(removed.err());
        report.n_failed = failures.len() as u64;
        for failure in &failures {
            tracing::error!(error = chain(failure), "a part of the tick failed");
        }
        Ok(report)
    }

    async fn remove_free_versions(
        &self,
        pinned: &Pinned,
        invocation: Invocation<'_>,
        report: &mut ReconcileReport,
    ) -> Result<(), StageError> {
        // Guard: what cannot be read counts as frozen, here by failing.
        if self.is_anything_frozen(pinned).await? {
            return Ok(());
        }
        self.remove_overdue_versions(invocation, report).await
    }
}
