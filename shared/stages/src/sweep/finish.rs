//! The end of a run: the next one of its campaign is booked, and the run is closed.

use lethe_domain::audit::Event;
use lethe_domain::campaign::follow_up;
use lethe_domain::plan::{PlanIndex, ShardPlan};
use lethe_domain::run::{ApplyTally, Purpose, Run, Stage};
use lethe_domain::time::EpochSeconds;

use super::Sweep;
use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, Done, Queue, RunRef, Vault, WorkStore};

impl<C: Control, A: AuditLog, W: WorkStore, V: Vault, Q: Queue> Sweep<'_, C, A, W, V, Q> {
    /// Closes the run if every shard with writes is applied; the last worker does.
    pub(super) async fn finish_if_complete(
        &self,
        run: &Run,
        index: &PlanIndex,
        now: EpochSeconds,
    ) -> Result<(), StageError> {
        let run_ref = RunRef::from(run);
        let done = self.control.done(&run_ref, Done::Apply).await?;
        let mut with_writes = index.shards.iter().filter(|shard| shard.has_writes());
        if !with_writes.all(|plan: &ShardPlan| done.contains(&u32::from(plan.shard.0))) {
            return Ok(());
        }
        let leases = self.control.leases(&run_ref).await?;
        let applied = leases.iter().fold(ApplyTally::default(), |sum, lease| sum.plus(lease.applied));
        let pinned = Pinned::at(self.control, run.config, &self.settings.limits).await?;
        self.finish(&Run { applied, ..run.clone() }, Stage::Applied, &pinned, now).await
    }

    /// Books what follows and closes the run. Booking comes first: a closed run is not looked at again.
    pub(super) async fn finish(
        &self,
        run: &Run,
        stage: Stage,
        pinned: &Pinned,
        now: EpochSeconds,
    ) -> Result<(), StageError> {
        if !run.plan_only
            && let Some(next) = follow_up(run, pinned.pace(&run.tenant, &self.settings.limits), now)
            && !self.is_covered(&next).await?
        {
            self.control.create_run(&next).await?;
        }
        // A plan that goes no further ended at the gate.
        let event = if stage == Stage::Reported { Event::Gated } else { Event::Applied };
        self.runs().step(&run.at(stage, now), event, now).await?;
        Ok(())
    }

    /// Whether a verdict run that is booked already comes late enough to judge what this one would: with a steady
    /// flow every run finds something cooling, and each would book another one for ever.
    async fn is_covered(&self, next: &Run) -> Result<bool, StageError> {
        if next.purpose != Purpose::Verdict {
            return Ok(false);
        }
        let runs = self.control.runs(&next.tenant, 1).await?;
        let covers = |run: &Run| {
            run.stage == Stage::Booked && run.purpose == Purpose::Verdict && next.resume_at <= run.resume_at
        };
        Ok(runs.iter().any(covers))
    }
}
