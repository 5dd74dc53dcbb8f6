//! Sweep: joins the vault with the marks into a plan, closes the gate over the whole tenant, and carries out what
//! the gate let through. Nothing is written for a token that survives.

mod apply;
mod canaries;
mod finish;
mod gate;
mod holds;
mod join;
mod plan;
mod slice;

use lethe_domain::plan::{PlanIndex, hash_of};
use lethe_domain::run::Run;
use serde::Serialize;

use crate::error::StageError;
use crate::ports::{AuditLog, Control, Queue, RunRef, Vault, WorkStore};
use crate::runs::Runs;
use crate::settings::Settings;
use crate::work_keys;

/// The sweep stage.
pub struct Sweep<'a, C, A, W, V, Q> {
    /// Config, runs, leases.
    pub control: &'a C,
    /// The record.
    pub audit: &'a A,
    /// Marks, candidates and plans.
    pub work: &'a W,
    /// The tokens' rows.
    pub vault: &'a V,
    /// Where shards go on.
    pub sweep_queue: &'a Q,
    /// Mode and limits.
    pub settings: &'a Settings,
}

/// What became of a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ShardEnd {
    /// Its run does not wait for it.
    #[default]
    Stale,
    /// It is done.
    Done,
    /// The rest is queued.
    Continued,
    /// The rest waits for the tenant's window.
    Waits,
    /// Another worker has its lease.
    Busy,
    /// Something was missing or damaged, so the run is void.
    Void,
}

impl<C: Control, A: AuditLog, W: WorkStore, V: Vault, Q: Queue> Sweep<'_, C, A, W, V, Q> {
    fn runs(&self) -> Runs<'_, C, A> {
        Runs { control: self.control, audit: self.audit, settings: self.settings }
    }

    /// The plan that the run's row names by its hash; `None` when what is stored is not that plan.
    async fn plan_index(&self, run: &Run) -> Result<Option<PlanIndex>, StageError> {
        let bytes = self.work.get(&work_keys::plan_index(&RunRef::from(run))).await?.unwrap_or_default();
        if run.plan_hash.as_deref() != Some(hash_of(&bytes).as_str()) {
            return Ok(None);
        }
        Ok(serde_json::from_slice(&bytes).ok())
    }
}

pub use apply::ApplyReport;
pub use plan::PlanReport;
