//! Applying a shard of an approved plan: conditional writes of that plan only. Whatever changed since the plan was
//! made is left alone, and a worker whose lease was taken writes nothing more.

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::message::Wake;
use lethe_domain::plan::{PlanEntry, PlanIndex, Verb, demotions_of_shard, next_chunk};
use lethe_domain::rails::{stale_plan, superseded};
use lethe_domain::row::RowRead;
use lethe_domain::run::{ApplyTally, Run, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, Shard};
use serde::Serialize;

use super::{ShardEnd, Sweep};
use crate::error::{Retry, StageError, kept_if_refused};
use crate::hours::Hours;
use crate::invocation::Invocation;
use crate::pinned::Pinned;
use crate::ports::{
    AuditLog, Control, Done, Lease, LeasedOutcome, Queue, RowWrite, RunRef, Vault, WorkStore, WriteOutcome,
};
use crate::settings::{Mode, PARALLEL_CALLS};

/// Entries between two saves of the lease's progress, and the most row writes in one transaction.
const CHUNK: usize = 50;

/// What applying a shard came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ApplyReport {
    /// How it ended.
    pub end: ShardEnd,
    /// What this worker did.
    pub applied: ApplyTally,
}

impl<C: Control, A: AuditLog, W: WorkStore, V: Vault, Q: Queue> Sweep<'_, C, A, W, V, Q> {
    /// Applies one shard of the plan with this hash.
    pub async fn apply(
        &self,
        run_ref: &RunRef,
        shard: Shard,
        hash: &str,
        invocation: Invocation<'_>,
    ) -> Result<ApplyReport, StageError> {
        let now = invocation.now;
        let mut report = ApplyReport::default();
        let applying = |run: &Run| {
            let same_plan = run.plan_hash.as_deref() == Some(hash);
            run.stage == Stage::Applying && same_plan && self.settings.scan && self.settings.mode == Mode::Act
        };
        let Some(run) = self.control.run(run_ref).await?.filter(applying) else { return Ok(report) };
        let Some(index) = self.plan_index(&run).await? else {
            return self.void(&run, "its plan is missing or was altered", now).await;
        };
        let pinned = Pinned::at(self.control, run.config, &self.settings.limits).await?;
        // Guard: what a scan saw too long ago decides nothing any more.
        let hours = Hours::of(self.control, &run, &self.settings.limits, invocation).await?;
        if let Some(why) = stale_plan(&run, &pinned.config.rails.gate, hours.window(), now) {
            return self.void(&run, &why, now).await;
        }
        // Guard: a plan follows the config that its run pins, and is carried out only while that says the same.
        let in_force = Pinned::current(self.control, &self.settings.limits).await?;
        if let Some(why) = in_force.and_then(|in_force| superseded(&run, &in_force.config)) {
            return self.void(&run, &why, now).await;
        }
        if !self.control.done(run_ref, Done::Apply).await?.contains(&u32::from(shard.0)) {
            let fence = self.control.next_fence(&run.tenant).await?;
            let until = now.plus(self.settings.limits.lease);
            let Some(mut lease) = self.control.take_lease((run_ref, shard), fence, now, until).await? else {
                return Ok(ApplyReport { end: ShardEnd::Busy, ..report });
            };
            let before = lease.applied;
            let per_minute = pinned.config.rails.gate.demotions_per_minute;
            let pace = demotions_of_shard(per_minute, index.n_shards_with_writes());
            report.end = match self.parts(&run, &index, shard).await? {
                Ok(entries) => {
                    self.work_off((&run, &pinned), (&entries, pace), &mut lease, (invocation, &hours)).await?
                }
                Err(why) => return self.void(&run, &why, now).await,
            };
            report.applied = minus(lease.applied, before);
            if report.end != ShardEnd::Done {
                return Ok(report);
            }
            self.control.add_done(run_ref, Done::Apply, u32::from(shard.0)).await?;
        }
        self.finish_if_complete(&run, &index, now).await?;
        Ok(ApplyReport { end: ShardEnd::Done, ..report })
    }

    /// The shard's entries, every part checked against the approved plan. The inner error voids the run.
    async fn parts(
        &self,
        run: &Run,
        index: &PlanIndex,
        shard: Shard,
    ) -> Result<Result<Vec<PlanEntry>, String>, StageError> {
        let mut entries = Vec::new();
        let Some(plan) = index.shards.iter().find(|plan| plan.shard == shard) else { return Ok(Ok(entries)) };
        for at in 0..plan.parts.len() {
            match self.part(run, plan, at).await? {
                Ok(stored) => entries.extend(stored.into_iter().filter(|entry| index.has_turn(entry))),
                Err(why) => return Ok(Err(why)),
            }
        }
        // Whoever is needed again does not wait behind those who leave.
        entries.sort_by_key(|entry| entry.verb.is_demotion());
        Ok(Ok(entries))
    }

    async fn work_off(
        &self,
        (run, pinned): (&Run, &Pinned),
        (entries, pace): (&[PlanEntry], u64),
        lease: &mut Lease,
        (invocation, hours): (Invocation<'_>, &Hours<'_>),
    ) -> Result<ShardEnd, StageError> {
        let Invocation { now, should_pause, .. } = invocation;
        let behind = usize::try_from(lease.n_entries_done).unwrap_or(usize::MAX);
        let mut rest = entries.get(behind..).unwrap_or_default();
        let mut n_left = pace;
        while !rest.is_empty() {
            if should_pause() {
                return self.hand_on(run, lease, now).await;
            }
            // Guard: outside the window no token is taken out of service or sentenced. Revivals come first and wait for
            // nothing: presence is proof, and a sentence has a date.
            let is_over = hours.are_over();
            let chunk = next_chunk(rest, CHUNK, if is_over { 0 } else { n_left });
            if chunk.is_empty() && is_over {
                return self.wait(run, lease, hours, now).await;
            }
            if chunk.is_empty() {
                return self.rest_a_minute(run, lease, now).await;
            }
            let n_demotions = chunk.iter().filter(|entry| entry.verb.is_demotion()).count() as u64;
            n_left = n_left.saturating_sub(n_demotions);
            rest = rest.get(chunk.len()..).unwrap_or_default();
            // Guard: the kill switch is read before each chunk and never remembered; where it cannot be read nothing is
            // written, nor by a plan from before a pause that is over. A pause still revives, since presence is proof.
            let is_paused = self.control.pauses(&run.tenant).await?.came_after(run.planned_at);
            let revivals = is_paused.then(|| revivals_of(chunk));
            let entries = revivals.as_deref().unwrap_or(chunk);
            let Some(applied) = self.write_chunk(run, entries, lease, (pinned, now)).await? else {
                return Ok(ShardEnd::Busy);
            };
            let n_paused = (chunk.len() as u64).saturating_sub(entries.len() as u64);
            lease.applied = lease.applied.plus(ApplyTally { n_paused, ..applied });
            lease.n_entries_done = lease.n_entries_done.saturating_add(chunk.len() as u64);
            if !self.control.save_lease(lease).await? {
                return Ok(ShardEnd::Busy);
            }
        }
        Ok(ShardEnd::Done)
    }

    /// Writes one chunk; `None` when the lease was lost.
    async fn write_chunk(
        &self,
        run: &Run,
        chunk: &[PlanEntry],
        lease: &Lease,
        (pinned, now): (&Pinned, EpochSeconds),
    ) -> Result<Option<ApplyTally>, StageError> {
        let notice = self.settings.limits.removal_notice;
        let write_of = |entry: &PlanEntry| {
            let key = RowKey { tenant: run.tenant.clone(), shard: lease.shard, token: entry.token.clone() };
            let change = entry.verb.change((run, lease.fence), notice, now)?;
            Some(RowWrite { key, expected: entry.expected, change, due_shards: pinned.config.due_shards })
        };
        let planned = || chunk.iter().filter_map(|entry| Some((entry.verb, write_of(entry)?)));
        let is_sentence = |verb: &Verb| *verb == Verb::Sentence;
        let mut tally = ApplyTally::default();

        let plain = planned().filter(|(verb, _)| !is_sentence(verb));
        let outcomes: Vec<_> = stream::iter(plain)
            .map(async |(verb, write)| {
                let outcome = kept_if_refused(self.vault.write(&write).await)?;
                Ok::<_, StageError>((verb, write, outcome))
            })
            .buffer_unordered(PARALLEL_CALLS)
            .try_collect()
            .await?;
        for (verb, write, outcome) in &outcomes {
            count(&mut tally, *verb, was_made(run, write, outcome));
        }

        // What ends in removal is written only while the lease is provably ours, and not under a subject's hold.
        let held = self.held_by_subject(run, chunk, lease.shard, pinned).await?;
        let sentences: Vec<RowWrite> = planned()
            .filter(|(verb, write)| is_sentence(verb) && !held.contains(&write.key.token))
            .map(|(_, write)| write)
            .collect();
        tally.n_changed = tally.n_changed.saturating_add(held.len() as u64);
        if !sentences.is_empty() {
            let Some(outcomes) = self.sentence(lease, &sentences).await? else { return Ok(None) };
            for (write, outcome) in sentences.iter().zip(&outcomes) {
                count(&mut tally, Verb::Sentence, was_made(run, write, outcome));
            }
        }
        Ok(Some(tally))
    }

    /// Sentences under the lease; `None` when it was lost. A write that is refused for good spoils its whole
    /// transaction, so then each is made alone, and that one is kept.
    async fn sentence(
        &self,
        lease: &Lease,
        writes: &[RowWrite],
    ) -> Result<Option<Vec<WriteOutcome>>, StageError> {
        match self.vault.write_under_lease(lease, writes).await {
            Ok(LeasedOutcome::LeaseLost) => Ok(None),
            Ok(LeasedOutcome::Written(outcomes)) => Ok(Some(outcomes)),
            Err(error) if error.retry() == Retry::Later => Err(error.into()),
            Err(_) => {
                let mut outcomes = Vec::with_capacity(writes.len());
                for write in writes {
                    match self.vault.write_under_lease(lease, std::slice::from_ref(write)).await {
                        Ok(LeasedOutcome::LeaseLost) => return Ok(None),
                        Ok(LeasedOutcome::Written(outcome)) => outcomes.extend(outcome),
                        Err(error) => outcomes.push(kept_if_refused(Err(error))?),
                    }
                }
                Ok(Some(outcomes))
            }
        }
    }

    /// The deadline is near: the lease is freed and another worker goes on from it.
    async fn hand_on(&self, run: &Run, lease: &mut Lease, now: EpochSeconds) -> Result<ShardEnd, StageError> {
        lease.until = now;
        if !self.control.save_lease(lease).await? {
            return Ok(ShardEnd::Busy);
        }
        self.sweep_queue.send(&[go_on(run, lease)]).await?;
        Ok(ShardEnd::Continued)
    }

    /// The window is closed: the lease is freed, and survey sends the shard again when it opens.
    async fn wait(
        &self,
        run: &Run,
        lease: &mut Lease,
        hours: &Hours<'_>,
        now: EpochSeconds,
    ) -> Result<ShardEnd, StageError> {
        lease.until = now;
        if !self.control.save_lease(lease).await? {
            return Ok(ShardEnd::Busy);
        }
        hours.leave(self.sweep_queue, &go_on(run, lease), &self.settings.limits, now).await?;
        Ok(ShardEnd::Waits)
    }

    /// The shard's part of the tenant's demotions is made for this minute: the lease is kept for its rest, so that no
    /// other worker goes on sooner, and the queue keeps the message back for as long.
    async fn rest_a_minute(
        &self,
        run: &Run,
        lease: &mut Lease,
        now: EpochSeconds,
    ) -> Result<ShardEnd, StageError> {
        let minute = self.settings.limits.demotion_minute;
        lease.until = now.plus(minute);
        if !self.control.save_lease(lease).await? {
            return Ok(ShardEnd::Busy);
        }
        self.sweep_queue.send_later(&go_on(run, lease), minute).await?;
        Ok(ShardEnd::Continued)
    }

    async fn void(&self, run: &Run, why: &str, now: EpochSeconds) -> Result<ApplyReport, StageError> {
        self.runs().void(run, why, now).await?;
        Ok(ApplyReport { end: ShardEnd::Void, ..ApplyReport::default() })
    }
}

fn go_on(run: &Run, lease: &Lease) -> Wake {
    let (tenant, id) = (run.tenant.clone(), run.id.clone());
    Wake::Apply { tenant, run: id, shard: lease.shard, hash: run.plan_hash.clone().unwrap_or_default() }
}

/// Whether the write stands, by this attempt or by an earlier one of the same run whose answer was lost.
fn was_made(run: &Run, write: &RowWrite, outcome: &WriteOutcome) -> bool {
    match outcome {
        WriteOutcome::Done => true,
        WriteOutcome::Changed(Some(current)) => match &**current {
            RowRead::Token(row) => {
                row.version == write.expected.version.next() && row.run.as_ref() == Some(&run.id)
            }
            RowRead::Subject | RowRead::Unreadable(_) => false,
        },
        WriteOutcome::Changed(None) => false,
    }
}

fn count(tally: &mut ApplyTally, verb: Verb, made: bool) {
    let count = match verb {
        _ if !made => &mut tally.n_changed,
        Verb::Cool | Verb::CoolIdle => &mut tally.n_cooled,
        Verb::Sentence => &mut tally.n_sentenced,
        Verb::Reinstate { .. } => &mut tally.n_reinstated,
    };
    *count = count.saturating_add(1);
}

fn revivals_of(chunk: &[PlanEntry]) -> Vec<PlanEntry> {
    chunk.iter().filter(|entry| matches!(entry.verb, Verb::Reinstate { .. })).cloned().collect()
}

fn minus(after: ApplyTally, before: ApplyTally) -> ApplyTally {
    ApplyTally {
        n_cooled: after.n_cooled.saturating_sub(before.n_cooled),
        n_sentenced: after.n_sentenced.saturating_sub(before.n_sentenced),
        n_reinstated: after.n_reinstated.saturating_sub(before.n_reinstated),
        n_changed: after.n_changed.saturating_sub(before.n_changed),
        n_paused: after.n_paused.saturating_sub(before.n_paused),
    }
}
