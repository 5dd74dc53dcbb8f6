//! A first purge leaves in slices: the gate finds how far this one goes and writes that into the plan, and what lies
//! beyond stays a candidate with its strikes.

use lethe_domain::backlog::{Backlog, Cut};
use lethe_domain::plan::{PlanEntry, PlanIndex, PlanPart, ShardPlan, hash_of};
use lethe_domain::run::{PlanTally, Run};
use lethe_domain::time::EpochSeconds;

use super::Sweep;
use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, Queue, RunRef, Vault, WorkStore};
use crate::work_keys;

impl<C: Control, A: AuditLog, W: WorkStore, V: Vault, Q: Queue> Sweep<'_, C, A, W, V, Q> {
    /// The plan cut to what the tenant's first purge has room for today. The inner error voids the run.
    pub(super) async fn cut(
        &self,
        run: &Run,
        index: PlanIndex,
        (pinned, backlog): (&Pinned, &Backlog),
        now: EpochSeconds,
    ) -> Result<Result<PlanIndex, String>, StageError> {
        let tally = index.tally;
        let day = self.settings.limits.budget_day;
        let room = backlog.room(&run.id, tally.n_active, &pinned.config.rails.gate, (day, now));
        let Some(room) = room.filter(|room| *room < tally.n_cool) else { return Ok(Ok(index)) };
        let mut cut = Cut::new(room);
        for plan in &index.shards {
            for at in 0..plan.parts.len() {
                let entries = match self.part(run, plan, at).await? {
                    Ok(entries) => entries,
                    Err(why) => return Ok(Err(why)),
                };
                entries
                    .iter()
                    .filter(|entry| entry.verb.cools().is_some())
                    .for_each(|entry| cut.offer(entry.turn()));
            }
        }
        let Some((end, n_cool)) = cut.end() else { return Ok(Ok(index)) };
        let n_deferred = tally.n_cool.saturating_sub(n_cool);
        Ok(Ok(PlanIndex {
            cool_before: Some(end),
            tally: PlanTally { n_cool, n_deferred, ..tally },
            ..index
        }))
    }

    /// The entries of one part of a shard's plan, checked against its hash. The inner error voids the run.
    pub(super) async fn part(
        &self,
        run: &Run,
        plan: &ShardPlan,
        at: usize,
    ) -> Result<Result<Vec<PlanEntry>, String>, StageError> {
        let number = u32::try_from(at).unwrap_or(u32::MAX);
        let key = work_keys::plan_part(&RunRef::from(run), plan.shard, number);
        let bytes = self.work.get(&key).await?.unwrap_or_default();
        match serde_json::from_slice::<PlanPart>(&bytes) {
            Ok(stored) if plan.parts.get(at) == Some(&hash_of(&bytes)) => Ok(Ok(stored.entries)),
            Ok(_) | Err(_) => {
                Ok(Err(format!("part {at} of the plan of shard {} is missing or was altered", plan.shard)))
            }
        }
    }
}
