//! The gate: once every shard is planned, the rails look at the whole tenant, and the plan gets its hash.

use std::collections::BTreeSet;

use lethe_domain::audit::Event;
use lethe_domain::backlog::Backlog;
use lethe_domain::config::Config;
use lethe_domain::plan::{PlanIndex, ShardPlan, hash_of};
use lethe_domain::rails::{Judgement, PlanFacts, Watched, accepted_kinds, judge_plan};
use lethe_domain::run::{Run, RunId, Stage};
use lethe_domain::time::EpochSeconds;

use super::Sweep;
use crate::error::StageError;
use crate::first_purge::{backlog_of, note_slice};
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, Done, Queue, RunRef, Vault, WorkStore};
use crate::runs::earlier_runs;
use crate::settings::Mode;
use crate::stored::to_json;
use crate::work_keys;

/// What a plan is held against.
struct Seen<'a> {
    config: &'a Config,
    earlier: Vec<Run>,
    accepted: BTreeSet<RunId>,
    canaries: Vec<Watched>,
    backlog: Backlog,
}

impl Seen<'_> {
    /// The run with what the plan counts, and what the rails say to it.
    fn judge(&self, run: &Run, index: &PlanIndex) -> (Run, Judgement) {
        let run = Run { tally: index.tally, measured: index.measured.clone(), ..run.clone() };
        let Self { config, earlier, accepted, canaries, backlog } = self;
        let facts =
            PlanFacts { run: &run, tally: &index.tally, earlier, config, backlog, accepted, canaries };
        let judgement = Judgement::of(judge_plan(&facts));
        (run, judgement)
    }
}

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
        let backlog = backlog_of(self.control, &run.tenant).await?;
        let planned = match self.cut(run, PlanIndex::of(run, plans), (&pinned, &backlog), now).await? {
            Ok(planned) => planned,
            Err(why) => return self.runs().void(run, &why, now).await,
        };
        let seen = self.seen(run, (&pinned, backlog)).await?;
        let (judged, judgement) = seen.judge(run, &planned);
        if let Some(why) = judgement.void_reason() {
            return self.runs().void(&judged, &why, now).await;
        }
        let bytes = self
            .store_index(&run_ref, &PlanIndex { notes: judgement.notes, planned_at: now, ..planned })
            .await?;
        let Ok(index) = serde_json::from_slice::<PlanIndex>(&bytes) else {
            return self.runs().void(run, "the index of its plan is damaged", now).await;
        };
        // Guard: what is judged is what is stored, which may be another planner's, cut at another moment.
        let (run, judgement) = seen.judge(run, &index);
        if let Some(why) = judgement.void_reason() {
            return self.runs().void(&run, &why, now).await;
        }
        let notes = index.notes.clone();
        let recall_accepted = accepted_kinds(&run.measured, &seen.earlier, &seen.accepted);
        let plan_hash = Some(hash_of(&bytes));
        let planned = Run { plan_hash, planned_at: index.planned_at, notes, recall_accepted, ..run };
        self.pass(&planned, (&pinned, &index), &judgement, now).await
    }

    /// Reads what the tenant's plan is held against.
    async fn seen<'a>(
        &self,
        run: &Run,
        (pinned, backlog): (&'a Pinned, Backlog),
    ) -> Result<Seen<'a>, StageError> {
        let runs = earlier_runs(self.control, &run.tenant).await?;
        let earlier = runs.into_iter().filter(|other| other.id != run.id).collect();
        let accepted = self.control.acceptances(&run.tenant).await?;
        let accepted = accepted.into_iter().map(|acceptance| acceptance.run.id).collect();
        let canaries = self.canaries(run, pinned).await?;
        Ok(Seen { config: &pinned.config, earlier, accepted, canaries, backlog })
    }

    /// Stores the index and returns the bytes that are there now: ours, or those of another planner who closed the gate
    /// at the same time. They are the plan.
    async fn store_index(&self, run: &RunRef, index: &PlanIndex) -> Result<Vec<u8>, StageError> {
        let (key, bytes) = (work_keys::plan_index(run), to_json(index)?);
        if self.work.put_new(&key, bytes.clone()).await? {
            return Ok(bytes);
        }
        Ok(self.work.get(&key).await?.unwrap_or_default())
    }

    /// Lets a planned run through, or has it wait for a person.
    async fn pass(
        &self,
        run: &Run,
        (pinned, index): (&Pinned, &PlanIndex),
        judgement: &Judgement,
        now: EpochSeconds,
    ) -> Result<(), StageError> {
        if let Some(why) = self.only_reports(run, pinned) {
            let reported = Run { note: Some(why), ..run.clone() };
            return self.finish(&reported, Stage::Reported, pinned, now).await;
        }
        if let Some(why) = judgement.approval_reason() {
            tracing::warn!(tenant = %run.tenant, run = %run.id, why, "plan waits for approval");
            let n_persons = judgement.n_persons;
            let gated = Run { note: Some(why), n_persons, ..run.at(Stage::Gated, now) };
            self.runs().step(&gated, Event::Gated, now).await?;
            return Ok(());
        }
        if index.has_writes() {
            note_slice(self.control, run, Vec::new(), now).await?;
            // The survey's next tick sends the shards out; nothing is lost if this worker dies here.
            self.control.update_run(&run.at(Stage::Applying, now)).await?;
            return Ok(());
        }
        self.finish(run, Stage::Applied, pinned, now).await
    }

    /// Why a plan goes no further, whatever the rails say.
    fn only_reports(&self, run: &Run, pinned: &Pinned) -> Option<String> {
        if run.plan_only {
            return Some("plan only".to_owned());
        }
        if self.settings.mode == Mode::Report {
            return Some("report mode".to_owned());
        }
        // Guard: what was never looked at in this way before acts on nothing yet.
        let n = pinned.config.rails.gate.shadow_runs;
        run.shadow.map(|at| {
            format!("shadow run {at} of {n}: a source, a format or a policy is new or has changed, so it only reports")
        })
    }
}
