//! Planning a shard: part by part, each an immutable file. The part's file is written last, so that a part is either
//! there with everything that belongs to it or is made again.

use lethe_domain::candidates::{self, Candidate};
use lethe_domain::lifecycle::RunFacts;
use lethe_domain::message::Wake;
use lethe_domain::plan::{PlanPart, ShardPlan, hash_of};
use lethe_domain::rails::stale_marks;
use lethe_domain::read_feed::Silence;
use lethe_domain::run::{PlanTally, Run, Stage};
use lethe_domain::token::Shard;
use lethe_domain::witness::Measured;
use serde::Serialize;

use super::canaries;
use super::join::{Join, Joined};
use super::{ShardEnd, Sweep};
use crate::error::StageError;
use crate::hours::Hours;
use crate::invocation::Invocation;
use crate::pinned::{Pinned, keys_of};
use crate::ports::{AuditLog, Control, Done, Queue, RunRef, Vault, WorkStore};
use crate::silence::silence_of;
use crate::stored::to_json;
use crate::work_keys;

/// What planning a shard came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PlanReport {
    /// How it ended.
    pub end: ShardEnd,
    /// What its plan counts.
    pub tally: PlanTally,
    /// What it measured about the scan: recall and references that dangle.
    pub measured: Measured,
    /// Parts written by this worker.
    pub n_parts: u32,
}

/// How far a worker came with a shard's plan.
enum Planned {
    /// To its end.
    Whole(ShardPlan),
    /// Not to its end, because of this.
    InPart(ShardEnd),
}

impl<C: Control, A: AuditLog, W: WorkStore, V: Vault, Q: Queue> Sweep<'_, C, A, W, V, Q> {
    /// Plans one shard of a sealed run.
    pub async fn plan(
        &self,
        run_ref: &RunRef,
        shard: Shard,
        invocation: Invocation<'_>,
    ) -> Result<PlanReport, StageError> {
        let now = invocation.now;
        let mut report = PlanReport::default();
        let planning = |run: &Run| run.stage == Stage::Planning && self.settings.scan;
        let Some(run) = self.control.run(run_ref).await?.filter(planning) else { return Ok(report) };
        if !self.control.done(run_ref, Done::Plan).await?.contains(&u32::from(shard.0)) {
            let plan = match self.plan_parts(&run, shard, invocation, &mut report).await? {
                Ok(Planned::Whole(plan)) => plan,
                Ok(Planned::InPart(end)) => return Ok(PlanReport { end, ..report }),
                Err(why) => {
                    self.runs().void(&run, &format!("shard {shard}: {why}"), now).await?;
                    return Ok(PlanReport { end: ShardEnd::Void, ..report });
                }
            };
            report.tally = plan.tally;
            report.measured = plan.measured.clone();
            self.work.put_new(&work_keys::shard_plan(run_ref, shard), to_json(&plan)?).await?;
            self.control.add_done(run_ref, Done::Plan, u32::from(shard.0)).await?;
        }
        self.close_gate_if_complete(&run, now).await?;
        Ok(PlanReport { end: ShardEnd::Done, ..report })
    }

    /// Makes the parts that are missing. The inner error voids the run.
    async fn plan_parts(
        &self,
        run: &Run,
        shard: Shard,
        invocation: Invocation<'_>,
        report: &mut PlanReport,
    ) -> Result<Result<Planned, String>, StageError> {
        let run_ref = RunRef::from(run);
        let hours = Hours::of(self.control, run, &self.settings.limits, invocation).await?;
        let pinned = Pinned::at(self.control, run.config, &self.settings.limits).await?;
        // Guard: marks say how things were when the scan began, and the world moves on.
        if let Some(why) = stale_marks(run, &pinned.config.rails.gate, hours.window(), invocation.now) {
            return Ok(Err(why));
        }
        let keys = keys_of(self.control, &run.tenant).await?;
        let silence = self.silence(run, &pinned).await?;
        let facts = self.facts(run, &silence).await?;
        let prior = self.prior(run, shard).await?;
        let dead = canaries::dead(run, shard, &pinned, &keys)?;
        let join = Join {
            work: self.work,
            vault: self.vault,
            run,
            pinned: &pinned,
            keys: &keys,
            facts,
            prior: &prior,
            dead: &dead,
            settings: self.settings,
        };
        let mut parts: Vec<PlanPart> = Vec::new();
        let mut hashes = Vec::new();
        loop {
            let part = u32::try_from(parts.len()).unwrap_or(u32::MAX);
            let key = work_keys::plan_part(&run_ref, shard, part);
            let bytes = if let Some(bytes) = self.work.get(&key).await? {
                bytes
            } else {
                if let Some(end) = self.stop(run, shard, (invocation, &hours)).await? {
                    return Ok(Ok(Planned::InPart(end)));
                }
                let after = parts.last().and_then(|part| part.next.as_ref());
                let joined = match join.part(shard, part, after).await? {
                    Ok(joined) => joined,
                    Err(why) => return Ok(Err(why)),
                };
                report.n_parts = report.n_parts.saturating_add(1);
                self.store_part(&run_ref, shard, &key, joined).await?
            };
            let Ok(stored) = serde_json::from_slice::<PlanPart>(&bytes) else {
                return Ok(Err(format!("part {part} of its plan is damaged")));
            };
            hashes.push(hash_of(&bytes));
            let is_last = stored.next.is_none();
            parts.push(stored);
            if is_last {
                break;
            }
        }
        self.store_candidates(&run_ref, shard, parts.len()).await?;
        let tally = parts.iter().fold(PlanTally::default(), |sum, part| sum.plus(part.tally));
        let measured = parts.iter().fold(Measured::default(), |sum, part| sum.plus(&part.measured));
        Ok(Ok(Planned::Whole(ShardPlan { shard, parts: hashes, tally, measured })))
    }

    /// How a worker's part in a shard ends before its plan does; `None` when it goes on.
    async fn stop(
        &self,
        run: &Run,
        shard: Shard,
        (Invocation { now, should_pause, .. }, hours): (Invocation<'_>, &Hours<'_>),
    ) -> Result<Option<ShardEnd>, StageError> {
        let wake = Wake::Plan { tenant: run.tenant.clone(), run: run.id.clone(), shard };
        if hours.are_over() {
            hours.leave(self.sweep_queue, &wake, &self.settings.limits, now).await?;
            return Ok(Some(ShardEnd::Waits));
        }
        if should_pause() {
            self.sweep_queue.send(&[wake]).await?;
            return Ok(Some(ShardEnd::Continued));
        }
        Ok(None)
    }

    /// Stores a part, its own files first, and returns the bytes that are there now: ours, or another worker's.
    async fn store_part(
        &self,
        run: &RunRef,
        shard: Shard,
        key: &str,
        joined: Joined,
    ) -> Result<Vec<u8>, StageError> {
        let part = joined.plan.part;
        self.work.put_new(&work_keys::counts(run, shard, part), joined.counts).await?;
        let candidates = candidates::encode(&joined.candidates);
        self.work.put_new(&work_keys::candidates_part(run, shard, part), candidates).await?;
        let bytes = to_json(&joined.plan)?;
        if self.work.put_new(key, bytes.clone()).await? {
            return Ok(bytes);
        }
        Ok(self.work.get(key).await?.unwrap_or_default())
    }

    /// One sorted list of the whole shard's candidates, for the next run.
    async fn store_candidates(&self, run: &RunRef, shard: Shard, n_parts: usize) -> Result<(), StageError> {
        let mut all = Vec::new();
        for part in (0..).take(n_parts) {
            let bytes =
                self.work.get(&work_keys::candidates_part(run, shard, part)).await?.unwrap_or_default();
            // A damaged list loses strikes, which only keeps tokens longer.
            all.extend(candidates::decode(&bytes).unwrap_or_default());
        }
        all.sort_unstable_by_key(|(hash, _)| *hash);
        all.dedup_by_key(|(hash, _)| *hash);
        self.work.put_new(&work_keys::candidates(run, shard), candidates::encode(&all)).await?;
        Ok(())
    }

    async fn prior(&self, run: &Run, shard: Shard) -> Result<Vec<(u64, Candidate)>, StageError> {
        let Some(previous) = &run.previous else { return Ok(Vec::new()) };
        let previous = RunRef { tenant: run.tenant.clone(), id: previous.clone() };
        let bytes = self.work.get(&work_keys::candidates(&previous, shard)).await?.unwrap_or_default();
        Ok(candidates::decode(&bytes).unwrap_or_default())
    }

    async fn facts<'s>(&self, run: &Run, silence: &'s Silence) -> Result<RunFacts<'s>, StageError> {
        let previous = match &run.previous {
            None => None,
            Some(id) => self.control.run(&RunRef { tenant: run.tenant.clone(), id: id.clone() }).await?,
        };
        let spacing = self.settings.limits.run_spacing;
        let counts_strikes =
            previous.is_none_or(|previous| previous.scan_started_at.plus(spacing) <= run.scan_started_at);
        Ok(RunFacts {
            purpose: run.purpose,
            scan_started_at: run.scan_started_at,
            counts_strikes,
            proof: run.verdict_proof(),
            silence,
        })
    }

    /// What is known of the tenant's reads up to the scan, where one of its kinds asks for it.
    async fn silence(&self, run: &Run, pinned: &Pinned) -> Result<Silence, StageError> {
        let kinds = pinned.config.scanned_kinds(&run.tenant);
        if !kinds.iter().any(|(_, kind, _)| kind.idle_waits_for_scan()) {
            return Ok(Silence::Unknown);
        }
        let limits = &self.settings.limits;
        silence_of(self.control, &run.tenant, (pinned, limits), run.scan_started_at).await
    }
}
