//! The gate: once every shard is planned, the rails look at the whole tenant, and the plan gets its hash.

use lethe_domain::audit::Event;
use lethe_domain::plan::{PlanIndex, ShardPlan, hash_of};
use lethe_domain::rails::{Gate, judge};
use lethe_domain::run::{Run, Stage};
use lethe_domain::time::EpochSeconds;

use super::Sweep;
use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, Done, Queue, RunRef, Vault, WorkStore};
use crate::settings::Mode;
use crate::stored::to_json;
use crate::work_keys;

impl<C: Control, A: AuditLog, W: WorkStore, V: Vault, Q: Queue> Sweep<'_, C, A, W, V, Q> {
    /// Closes the gate if every shard is planned; the last planner does.
    pub async fn close_gate_if_complete(&self, run: &Run, now: EpochSeconds) -> Result<(), StageError> {
        let run_ref = RunRef::from(run);
        let pinned = Pinned::at(self.control, run.config, &self.settings.limits).await?;
        let shards = pinned.tenant(&run.tenant)?.shards;
        let done = self.control.done(&run_ref, Done::Plan).await?;
        if !shards.all().all(|shard| done.contains(&u32::from(shard.0))) {
            return Ok(());
        }
        let mut plans = Vec::new();
        for shard in shards.all() {
            let bytes = self.work.get(&work_keys::shard_plan(&run_ref, shard)).await?.unwrap_or_default();
            let Ok(plan) = serde_json::from_slice::<ShardPlan>(&bytes) else {
                return self
                    .runs()
                    .void(run, &format!("the plan of shard {shard} is missing or damaged"), now)
                    .await;
            };
            plans.push(plan);
        }
        let index = PlanIndex::of(run, plans);
        let bytes = to_json(&index)?;
        let hash = hash_of(&bytes);
        self.work.put_new(&work_keys::plan_index(&run_ref), bytes).await?;
        self.judge(run, (&pinned, index), hash, now).await
    }

    async fn judge(
        &self,
        run: &Run,
        (pinned, index): (&Pinned, PlanIndex),
        hash: String,
        now: EpochSeconds,
    ) -> Result<(), StageError> {
        let planned = Run { plan_hash: Some(hash), tally: index.tally, ..run.clone() };
        if run.plan_only || self.settings.mode == Mode::Report {
            let why = if run.plan_only { "plan only" } else { "report mode" };
            let reported = Run { note: Some(why.to_owned()), ..planned };
            return self.finish(&reported, Stage::Reported, pinned, now).await;
        }
        match judge(&index.tally, &pinned.config.rails) {
            Gate::Approval(why) => {
                tracing::warn!(tenant = %run.tenant, run = %run.id, why, "plan waits for approval");
                let gated = Run { note: Some(why), ..planned.at(Stage::Gated, now) };
                self.runs().step(&gated, Event::Gated, now).await?;
                Ok(())
            }
            Gate::Open if index.shards.iter().any(ShardPlan::has_writes) => {
                // The survey's next tick sends the shards out; nothing is lost if this worker dies here.
                self.control.update_run(&planned.at(Stage::Applying, now)).await?;
                Ok(())
            }
            Gate::Open => self.finish(&planned, Stage::Applied, pinned, now).await,
        }
    }
}
