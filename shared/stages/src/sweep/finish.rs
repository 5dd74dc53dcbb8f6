//! The end of a run: the next one of its campaign is booked, and the run is closed.

use lethe_domain::audit::Event;
use lethe_domain::campaign::{follow_up, next_slice};
use lethe_domain::plan::{PlanIndex, ShardPlan};
use lethe_domain::run::{ApplyTally, Purpose, Run, Stage};
use lethe_domain::time::EpochSeconds;

use super::Sweep;
use crate::error::StageError;
use crate::first_purge::note_end;
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
        let run = Run { applied, ..run.clone() };
        // Guard: what a pause held back is not made up for from this plan, which grows old. The run is taken again.
        if applied.n_paused > 0 {
            return self.runs().void(&run, &cut_short(&run), now).await;
        }
        let pinned = Pinned::at(self.control, run.config, &self.settings.limits).await?;
        self.finish(&run, Stage::Applied, &pinned, now).await
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
        if stage == Stage::Applied {
            note_end(self.control, run, &pinned.config.rails.gate, now).await?;
            if let Some(next) = next_slice(run, pinned.pace(&run.tenant, &self.settings.limits), now)
                && !self.is_looked_again(run).await?
            {
                self.control.create_run(&next).await?;
            }
        }
        // A plan that goes no further ended at the gate.
        let event = if stage == Stage::Reported { Event::Gated } else { Event::Applied };
        self.runs().step(&run.at(stage, now), event, now).await?;
        Ok(())
    }

    /// Whether a run that may take the next slice is booked already.
    async fn is_looked_again(&self, run: &Run) -> Result<bool, StageError> {
        let runs = self.control.runs(&run.tenant, 1).await?;
        let may_cool =
            |run: &Run| run.stage == Stage::Booked && run.purpose != Purpose::Verdict && !run.plan_only;
        Ok(runs.iter().any(may_cool))
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

fn cut_short(run: &Run) -> String {
    let ApplyTally { n_cooled, n_sentenced, n_paused, .. } = run.applied;
    format!(
        "the tenant was paused after its plan was made: {n_paused} writes were not made, {n_cooled} tokens had been \
         taken out of service and {n_sentenced} sentenced before. It is booked again and looks anew after the pause; \
         `lethe undo {} {}` takes back what it wrote",
        run.tenant, run.id
    )
}
